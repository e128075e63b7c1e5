"""An order that nobody keeps is an order all the same."""

import pytest
import torch

from tabdiff.training import standing
from tabdiff.training.shuffle import Shuffle
from tabdiff.training.standing import Batches


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 1025, 65_537])
def test_every_number_comes_once(n: int):
    assert Shuffle(n, generator())[0:n].sort().values.equal(torch.arange(n))


def test_slices_are_parts_of_one_order():
    shuffle = Shuffle(10_000, generator())
    assert torch.cat([shuffle[0:70], shuffle[70:99]]).equal(shuffle[0:99])
    assert len(shuffle[9_990:10_050]) == 10


def test_other_seeds_give_other_orders_and_equal_ones_the_same():
    first = Shuffle(10_000, generator())[0:100]
    assert first.equal(Shuffle(10_000, generator())[0:100])
    assert not first.equal(Shuffle(10_000, generator(1))[0:100])


def test_a_batch_is_drawn_from_all_over():
    n, size = 2**20, 512
    for seed in range(5):
        batch = Shuffle(n, generator(seed))[0:size].double() / n
        # Their mean has the standard error .0128, a tenth of them the error .0133: five of these.
        assert abs(batch.mean() - 0.5) < 0.064
        assert ((batch * 10).long().bincount(minlength=10) / size - 0.1).abs().max() < 0.067
        # Neighbours in the order are not neighbours in the table.
        assert batch.diff().abs().median() > 0.2


def test_passes_over_many_rows_are_computed_and_go_on_where_they_stood(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(standing, "MOST_KEPT", 100)
    batches = Batches(105, 20, generator())
    first = [next(batches) for _ in range(5)]
    assert len(set(torch.cat(first).tolist())) == 100
    assert not torch.cat([next(batches) for _ in range(5)]).equal(torch.cat(first))
    next(batches)
    place, arrays = batches.state()
    twin = Batches(105, 20, generator(9))
    twin.restore(place, arrays)
    for _ in range(7):
        assert next(twin).equal(next(batches))
