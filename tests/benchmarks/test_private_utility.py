"""Private methods: what they are told, how rivals count, and a run from end to end."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import private_picture, private_utility
from benchmarks.data import RealTable
from benchmarks.methods import HERE
from benchmarks.private_methods import PRIVATE_METHODS, public_of
from benchmarks.private_utility import KNOWN, judge, page
from benchmarks.rivals.private import tabdiff_private
from benchmarks.rivals.private.contract import PrivateTask, Public
from benchmarks.rivals.private.public_cells import BINS, PublicCells
from benchmarks.worker import run

PUBLIC = Public(
    bounds={"age": (0, 120), "gain": (-50, 100_000), "day": (1, 7)},
    categories={"job": ["a", "b"], "y": ["no", "yes"]},
    missing=("job",),
    amounts=("gain",),
    n_rows=400,
    target="y",
)


def frame(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "age": age,
            "gain": np.where(rng.random(n) < 0.8, 0, rng.integers(-50, 99_999, n)),
            "day": rng.integers(1, 8, n),
            "job": pd.Series(rng.choice(["a", "b"], n), dtype=object).mask(rng.random(n) < 0.1),
            "y": np.where(age + rng.normal(0, 9, n) > 50, "yes", "no"),
        }
    )


def row(method: str, epsilon: float, **figures: object) -> dict[str, object]:
    where = {"threads": 1, "processor": "P", "python": "3", "versions": {"torch": "2"}}
    return {"set": "adult", "method": method, "epsilon": epsilon, "seed": 0} | where | figures


def test_every_private_method_has_a_module_and_its_environment_requirements():
    for name, method in PRIVATE_METHODS.items():
        assert (HERE / "rivals" / "private" / f"{name}.py").exists()
        if method.environment is not None:
            wanted = (HERE / "rivals" / f"{method.environment.name}.txt").read_text("utf-8")
            assert all(f"{library}==" in wanted for library in method.environment.libraries)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_declared_public_of_a_set_fits_together(name: str):
    public = public_of(KNOWN[name], target=next(reversed(KNOWN[name]["categories"])))
    assert not set(public.bounds) & set(public.categories)
    assert set(public.missing) <= set(public.categories)
    assert set(public.amounts) <= set(public.bounds)
    assert all(low < high for low, high in public.bounds.values())


def test_cells_come_back_as_values_of_the_same_cell_within_public_bounds():
    table = frame()
    cells = PublicCells(list(table), PUBLIC)
    codes = cells.encode(table)
    back = cells.decode(codes, np.random.default_rng(1))
    pd.testing.assert_frame_equal(cells.encode(back), codes)
    assert {name: size for name, size in cells.sizes.items() if size != BINS} == {
        "gain": cells.sizes["gain"], "day": 7, "job": 3, "y": 2
    }  # fmt: skip
    assert (codes.min() >= 0).all() and (codes.max() < pd.Series(cells.sizes)).all()
    assert (back["day"] == table["day"]).all()
    assert (back["gain"][table["gain"] == 0] == 0).all()
    assert back["job"].isna().equals(table["job"].isna())


def test_numbers_beyond_their_bounds_count_as_the_nearest():
    table = frame(2).assign(age=[-5, 500])
    cells = PublicCells(list(table), PUBLIC)
    assert list(cells.encode(table)["age"]) == [0, cells.sizes["age"] - 1]


def test_the_judge_tells_rows_that_teach_from_rows_that_do_not():
    real, shuffled = frame(), frame()
    shuffled["y"] = np.random.default_rng(3).permutation(shuffled["y"])
    roles = dict.fromkeys(real, "numeric") | {"job": "categorical", "y": "categorical"}
    table = RealTable("toy", real, frame(300, seed=1), roles, "y")
    good, bad = judge(table, real), judge(table, shuffled)
    assert good["utility"] > 0.9 > 0.65 > bad["utility"]
    assert good["trend_error_fixed"] == pytest.approx(0, abs=1e-9)
    assert bad["trend_error_fixed"] > 1


def test_the_library_runs_within_what_it_was_told_to_spend(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tabdiff_private, "STEPS", 5)
    task = PrivateTask(frame(), PUBLIC, 2.0, 1e-5, seed=0)
    made, cost = run(lambda told: tabdiff_private.fit(told, 1.0), task)
    assert list(made) == list(task.train)
    assert 1.9 < cost["epsilon_spent"] <= 2.0 + 1e-6
    assert cost["private_steps"] == 0


def test_the_page_holds_every_run_and_says_why_one_is_missing():
    done = {"utility": 0.9, "c2st_sdmetrics": 0.4, "trend_error_fixed": 3.0, "fit_seconds": 9.0}
    rows = [row("tabdiff_private", 1.0, **done), row("aim", 3.0, error="not done in 1,800 s")]
    free = [{"set": "adult", "utility": 0.92, "utility_floor": 0.93, "c2st_sdmetrics": 1.0}]
    text = page(rows, free)
    assert "| tabdiff | 1 | 1 | 0.900 | 0.400 | 3.00 | 9 | – |" in text
    assert "| AIM | 3 | 0 of 1: not done in 1,800 s |" in text
    assert "| ∞ | 1 | 0.920 |" in text and "| *real rows* | – | 1 | 0.930 |" in text
    drawn = private_picture.draw(rows, free)
    assert drawn.startswith("<svg") and "0.6,nan" not in drawn


def test_a_run_that_is_in_the_file_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    results = tmp_path / "r.jsonl"
    figures = {"utility": 0.7, "c2st_sdmetrics": 0.1, "trend_error_fixed": 9.0}
    results.write_text(json.dumps(row("tabdiff_marginals", 1.0, **figures)) + "\n", "utf-8")
    monkeypatch.setattr(private_utility, "load", lambda folder: folder)
    monkeypatch.setattr(
        "sys.argv",
        ["private_utility", "--data", str(tmp_path), "--sets", "adult", "--epsilons", "1",
         "--methods", "tabdiff_marginals", "--results", str(results),
         "--picture", str(tmp_path / "p.svg")],
    )  # fmt: skip
    private_utility.main()
    assert len(results.read_text("utf-8").splitlines()) == 1
    assert "0.700" in results.with_suffix(".md").read_text("utf-8")
