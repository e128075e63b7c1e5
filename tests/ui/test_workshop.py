import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError
from tabdiff.ui.workshop import UnknownTableError, Workshop
from tests.ui.waiting import orders, wait_for


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch) -> Iterator[Workshop]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workshop(Limits(tables=2)) as workshop:
        yield workshop
    assert list(tmp_path.iterdir()) == []


def dropped(workshop: Workshop) -> Path:
    folder = workshop.new_folder()
    orders(20).to_csv(folder / "table.csv", index=False)
    return folder


def test_a_table_is_known_by_its_secret_alone(workshop: Workshop):
    secrets = [workshop.open(dropped(workshop), "orders.csv") for _ in range(2)]
    assert len(set(secrets)) == 2 and min(map(len, secrets)) >= 32
    assert workshop.bench(secrets[0]) is not workshop.bench(secrets[1])
    with pytest.raises(UnknownTableError, match="Drop it again"):
        workshop.bench("orders.csv")


def test_the_dropped_file_goes_as_soon_as_it_is_read(workshop: Workshop):
    folder = dropped(workshop)
    workshop.open(folder, "orders.csv")
    assert list(folder.iterdir()) == []
    if os.name == "posix":
        assert stat.S_IMODE(workshop.folder.stat().st_mode) == 0o700


def test_a_file_that_is_no_table_leaves_nothing(workshop: Workshop):
    folder = workshop.new_folder()
    (folder / "table.csv").write_text("")
    with pytest.raises(RefusedError, match="empty"):
        workshop.open(folder, "orders.csv")
    assert list(workshop.folder.iterdir()) == []


def test_a_table_that_is_forgotten_is_gone_with_its_work(workshop: Workshop):
    folder = dropped(workshop)
    secret = workshop.open(folder, "orders.csv")
    bench = workshop.bench(secret)
    bench.fit(None, True)
    workshop.forget(secret)
    wait_for(lambda: not bench.is_busy)
    assert not folder.exists()
    with pytest.raises(UnknownTableError):
        workshop.bench(secret)


def test_the_table_that_was_looked_at_longest_ago_makes_way(workshop: Workshop):
    first, second = (workshop.open(dropped(workshop), "orders.csv") for _ in range(2))
    workshop.bench(first)
    third = workshop.open(dropped(workshop), "orders.csv")
    assert workshop.bench(first) and workshop.bench(third)
    with pytest.raises(UnknownTableError):
        workshop.bench(second)
    assert len(list(workshop.folder.iterdir())) == 2


def test_tables_at_work_do_not_make_way(workshop: Workshop):
    for _ in range(2):
        workshop.bench(workshop.open(dropped(workshop), "orders.csv")).fit(None, True)
    with pytest.raises(RefusedError, match="2 tables are at work"):
        workshop.open(dropped(workshop), "orders.csv")
