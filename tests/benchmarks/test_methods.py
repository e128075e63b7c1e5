"""A run in a process of its own, and what becomes of one that breaks off."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import worker
from benchmarks.data import RealTable, load, read_csv
from benchmarks.methods import HERE, METHODS, RunFailedError, last_words, python_of, run_method
from benchmarks.rivals import bootstrap, independent
from benchmarks.rivals.coded import Codes
from benchmarks.rivals.contract import Fitted, Task

PYTHON = Path(sys.executable)


def table(n: int = 60) -> RealTable:
    rng = np.random.default_rng(0)
    level = rng.choice(["None", "b", "c"], n)
    frame = pd.DataFrame(
        {
            "level": pd.Series(level).mask(rng.random(n) < 0.1),
            "whole": pd.Series(rng.integers(0, 9, n)).mask(rng.random(n) < 0.2),
            "share": rng.random(n),
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "y": np.where(level == "b", 100.0, 10.0) + rng.random(n),
        }
    )
    roles = dict.fromkeys(frame, "numeric") | {"level": "categorical", "day": "datetime"}
    return RealTable("toy", frame, frame, roles, "y")


def task(seed: int = 0) -> Task:
    made = table()
    return Task(made.train, made.roles, made.target, seed)


def test_every_method_has_a_module_and_every_environment_its_requirements():
    for name, method in METHODS.items():
        assert (HERE / "rivals" / f"{name}.py").exists()
        if method.environment is not None:
            wanted = (HERE / "rivals" / f"{method.environment.name}.txt").read_text("utf-8")
            assert all(f"{library}==" in wanted for library in method.environment.libraries)


def test_a_run_leaves_as_many_rows_and_says_what_they_cost(tmp_path: Path):
    cost = run_method("bootstrap", table(), 0, PYTHON, tmp_path, threads=1, limit=60)
    made = read_csv(tmp_path / "synthetic.csv")
    assert made.shape == table().train.shape
    assert made.merge(table().train.drop_duplicates()).shape == made.shape
    assert {"fit_seconds", "sample_seconds", "cpu_seconds", "peak_gb"} <= set(cost)
    assert cost["method_versions"]["python"]


def test_a_run_that_takes_too_long_is_ended_and_said_to_be(tmp_path: Path):
    with pytest.raises(RunFailedError, match=r"not done in 0\.01 s"):
        run_method("bootstrap", table(), 0, PYTHON, tmp_path, threads=1, limit=0.01)


def test_a_run_that_breaks_off_gives_its_last_words(tmp_path: Path):
    broken = RealTable("toy", table().train.drop(columns="y"), table().test, {}, "y")
    # Here SDV is missing; where it is not, the table's empty roles are the fault.
    with pytest.raises(RunFailedError, match="Error: "):
        run_method("ctgan", broken, 0, PYTHON, tmp_path, threads=1, limit=60)


def test_last_words_are_the_message_without_the_frames():
    complaint = (
        "chatter\nTraceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n    f()\n    ^^^\n'
        "ValueError: first line\nsecond line\n"
    )
    assert last_words(complaint) == "ValueError: first line second line"
    assert last_words("Killed\n") == "Killed"
    assert last_words("") == ""


@pytest.mark.parametrize("method", [bootstrap, independent])
def test_yardsticks_keep_each_columns_values_and_repeat_with_the_seed(method):
    first, again, other = (method.fit(task(seed)).sample(500) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    for name, column in task().train.items():
        assert set(first[name].dropna()) <= set(column.dropna())
        # 0.2 of 500 rows have a standard error below 0.018.
        assert abs(first[name].isna().mean() - column.isna().mean()) < 0.09


def test_independent_columns_lose_a_relation_that_a_bootstrap_keeps():
    def agreement(frame: pd.DataFrame) -> float:
        return ((frame["level"] == "b") == (frame["y"] > 50)).mean()

    assert agreement(bootstrap.fit(task()).sample(500)) > 0.9
    assert agreement(independent.fit(task()).sample(500)) < 0.75


def test_codes_come_back_as_the_rows_they_were():
    codes = Codes(task())
    assert set(codes.encoded.dtypes) == {np.dtype(float)}
    assert not codes.encoded.isna().any(axis=None)
    assert codes.levels == {"level": 4, "whole is missing": 2}
    near = codes.encoded + [0.3 if name in codes.whole else 0.0 for name in codes.encoded]
    pd.testing.assert_frame_equal(codes.decode(near), task().train, check_dtype=False)


def test_gaps_of_datetimes_come_back_too():
    told = task()
    told.train.loc[3, "day"] = None
    back = Codes(told).decode(Codes(told).encoded)
    assert list(back["day"].isna()) == [row == 3 for row in range(60)]


def test_a_method_that_makes_too_few_rows_is_refused():
    def short(told: Task) -> Fitted:
        return Fitted(lambda n_rows: told.train.head(n_rows - 1))

    with pytest.raises(ValueError, match="made 59 rows"):
        worker.run(short, task())


def test_warnings_and_facts_of_a_method_come_into_its_row():
    def wary(told: Task) -> Fitted:
        import warnings

        warnings.warn("mind the gap", UserWarning, stacklevel=1)
        return Fitted(told.train.head, {"parameters": 3})

    _, cost = worker.run(wary, task())
    assert cost["warnings"] == ["mind the gap"]
    assert cost["parameters"] == 3


def test_a_method_without_an_environment_runs_in_this_one(tmp_path: Path):
    assert python_of(None, tmp_path) == PYTHON
    assert not list(tmp_path.iterdir())


def test_fewer_rows_are_always_the_same_ones(tmp_path: Path):
    frame = table().train.rename(columns={"share": "a.share"})
    for name in ("train", "test"):
        frame.to_csv(tmp_path / f"{name}.csv.gz", index=False)
    columns = [
        {"name": name.replace(".", "-"), "role": "numeric", "dtype": "float64"} for name in frame
    ]
    text = pd.Series({"target": "y", "columns": columns}).to_json()
    (tmp_path / "meta.json").write_text(text, encoding="utf-8")
    whole, cut = load(tmp_path), load(tmp_path, rows=20)
    pd.testing.assert_frame_equal(whole.train, frame, check_dtype=False)
    pd.testing.assert_frame_equal(cut.train, load(tmp_path, rows=20).train)
    assert len(cut.train) == 20
    assert len(cut.test) == len(frame)
    assert list(cut.roles) == list(frame)


def test_memory_is_the_runs_own_and_not_of_what_started_it(tmp_path: Path):
    held = np.ones(2**26)  # half a GiB
    cost = run_method("bootstrap", table(), 0, PYTHON, tmp_path, threads=1, limit=60)
    assert 0.02 < cost["peak_gb"] < 0.4 < held.nbytes / 2**30


@pytest.mark.parametrize("target", ["y", "level"])
def test_smote_nc_makes_new_rows_with_the_gaps_of_the_table(target: str):
    smote_nc = pytest.importorskip("benchmarks.rivals.smote_nc", exc_type=ImportError)
    frame = table(200).train
    frame["whole"] = np.arange(200.0) % 7
    told = Task(
        frame.assign(whole=frame["whole"].mask(frame["level"] == "c")), table().roles, target, 0
    )
    made, train = smote_nc.fit(told).sample(200), told.train
    assert list(made) == list(train)
    assert set(made["level"].dropna()) == {"None", "b", "c"}
    assert (made["whole"].dropna() % 1 == 0).all()
    # Both are voted by the same five neighbours, each on its own.
    assert (made["whole"].isna() == (made["level"] == "c")).mean() > 0.9
    assert len(made.merge(train, on="share")) < 20
    assert made["day"].between(train["day"].min(), train["day"].max()).all()
