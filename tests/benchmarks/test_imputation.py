"""Gaps filled in a process of its own: what goes there, and what comes back."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import fillings, imputation
from benchmarks.data import read_csv
from benchmarks.rivals.contract import Fitted, Task

ROWS = pd.DataFrame({"sex": ["f", "m", None, "f"], "site": [3, None, 1, 2], "x": [None, 1, 2, 4.5]})


def first_values(task: Task) -> Fitted:
    """Fills every gap with the first value of its column."""
    first = {name: task.train[name].dropna().iloc[0] for name in task.train}
    return Fitted(task.train.head, fill=lambda rows, n: [rows.fillna(first)] * n)


def test_a_method_fills_what_it_is_given(tmp_path: Path):
    fillings.write(ROWS, 2, tmp_path)
    task = Task(ROWS, {"sex": "categorical", "site": "categorical", "x": "numeric"}, "", 0)
    cost = fillings.run(first_values, task, tmp_path)
    assert set(cost) == {"fit_seconds", "fill_seconds"}
    draws = fillings.read(tmp_path, 2)
    assert draws[0].equals(draws[1])
    assert draws[0]["sex"].tolist() == ["f", "m", "f", "f"]
    with pytest.raises(ValueError, match="fills no gaps"):
        fillings.run(lambda task: Fitted(task.train.head), task, tmp_path)


def test_levels_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch):
    def worked(command: list[str], threads: int, limit: float) -> dict[str, object]:
        folder = Path(command[4])
        train = read_csv(folder / "train.csv")
        return fillings.run(first_values, Task(train, {}, "", 0), folder) | {"method_versions": {}}

    monkeypatch.setattr(imputation, "run_worker", worked)
    monkeypatch.setattr(imputation, "python_of", lambda environment, folder: Path("python"))
    learned = pd.concat([ROWS.iloc[::-1]] * 3, ignore_index=True)
    test = ROWS.set_axis([5, 3, 9, 7])
    asked = Namespace(envs=Path(), threads=1, time_limit=1.0)
    gaps = imputation.Gaps(learned, test, ("sex", "site"), 0)
    filled = imputation.METHODS["TabularARGN"](gaps, asked)
    assert len(filled.draws) == imputation.DRAWS
    for frame in (filled.best, *filled.draws):
        assert frame[test.notna()].equals(test)
        assert frame["sex"].tolist() == ["f", "m", "f", "f"]
        assert frame["site"].tolist() == [3, 2, 1, 2] and np.isclose(frame["x"].iloc[0], 4.5)
