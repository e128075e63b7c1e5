"""Rows in a file are the rows in memory."""

import pytest
import torch

from tabdiff.data import stored
from tabdiff.data.mixed import Layout, Mixed
from tabdiff.data.stored import StoredRows, record_of


def layout(n_num: int = 2, levels: tuple[int, ...] = (3, 300, 40_000)) -> Layout:
    names = tuple(map(str, range(n_num)))
    return Layout(names, tuple(map(str, levels)), levels, (None,) * n_num, (0,) * len(levels))


def rows(n: int, of: Layout) -> Mixed:
    generator = torch.Generator().manual_seed(0)
    cat = [torch.randint(k, (n,), generator=generator) for k in of.levels]
    shaped = torch.stack(cat, 1) if cat else torch.zeros((n, 0), dtype=torch.int64)
    return Mixed(torch.randn(n, of.n_num, generator=generator), shaped)


def equal(one: Mixed, other: Mixed) -> bool:
    return one.num.equal(other.num) and one.cat.equal(other.cat)


@pytest.mark.parametrize("of", [layout(), layout(0), layout(3, ()), layout(0, ())], ids=str)
def test_any_rows_come_back_in_the_order_asked_for(of: Layout):
    kept, whole = StoredRows(of), rows(50, of)
    kept.append(whole[:20])
    kept.append(whole[20:])
    assert len(kept) == 50
    for chosen in (torch.tensor([49, 0, 7, 7, 23]), slice(10, 31), slice(40, 99), slice(60, 70)):
        assert equal(kept[chosen], whole[chosen])
    kept.append(whole[:5])
    assert equal(kept[50:55], whole[:5])
    kept.close()


def test_pieces_are_all_rows_in_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stored, "AT_ONCE", 16)
    kept, whole = StoredRows(layout()), rows(50, layout())
    kept.append(whole)
    found = [Mixed(**tensors) for tensors in kept.pieces()]
    assert [*map(len, found)] == [16, 16, 16, 2]
    assert torch.cat([piece.cat for piece in found]).equal(whole.cat)
    kept.close()


def test_a_row_takes_what_the_docstrings_say():
    assert record_of(layout(2, (3, 257))).itemsize == 2 * 4 + 2 * 2
    assert record_of(layout(1, (2**15 + 1,))).itemsize == 4 + 4


def test_the_device_is_that_of_the_batches():
    kept = StoredRows(layout())
    kept.append(rows(3, layout()))
    assert kept.to("meta").device.type == kept.to("meta")[:2].device.type == "meta"
    assert kept.device.type == kept[:2].device.type == "cpu"
    kept.close()


def test_a_file_that_was_cut_short_is_told():
    kept = StoredRows(layout())
    kept.append(rows(3, layout()))
    kept._file.truncate(10)
    with pytest.raises(OSError, match="cut short"):
        kept[:3]
    kept.close()
