"""Some of the writes that the trial breaks off, and what it says of a careless one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from benchmarks.trials import writes


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> writes.Sources:
    return writes.sources(tmp_path_factory.mktemp("sources"))


@contextmanager
def careless(path: str, mode: int = 0) -> Iterator[BinaryIO]:
    with open(path, "wb") as file:
        yield file


@pytest.mark.parametrize("case", list(writes.cases(24, 0, writes.HERE)), ids=str)
def test_091_a_write_that_fails_leaves_the_old_file(
    made: writes.Sources, tmp_path: Path, case: writes.Case
):
    assert writes.broken_off(case, made, tmp_path) == []


@pytest.mark.parametrize("case", list(writes.cases(4, 0, writes.IN_A_PROCESS)), ids=str)
def test_094_a_killed_write_leaves_the_old_file_or_the_new_one(
    made: writes.Sources, tmp_path: Path, case: writes.Case
):
    assert writes.broken_off(case, made, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", list(writes.cases(80, 1, writes.IN_A_PROCESS)), ids=str)
def test_094_more_killed_writes(made: writes.Sources, tmp_path: Path, case: writes.Case):
    assert writes.broken_off(case, made, tmp_path) == []


@pytest.mark.parametrize("job", ["t.csv", "t.parquet"])
def test_a_careless_write_is_told(
    made: writes.Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
):
    monkeypatch.setattr("tabdiff.files.replacing", careless)
    (fault, *_) = writes.broken_off(writes.Case(job, "no more frames", 0.5, False), made, tmp_path)
    assert "neither the old file nor the new one" in fault
