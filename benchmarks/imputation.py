"""How near, how surely and how usefully gaps are filled, against the imputers of scikit-learn.

Cells of real tables are hidden completely at random (MCAR), by what else the row holds (MAR) or by
what they hold themselves (MNAR; see masks.py). Every method learns from training rows with gaps of
the same law and fills some test rows that no fit has seen. The column to predict is in neither.
Runs that the result file already holds are skipped.

    python -m benchmarks.imputation --data ../shared/data --sets adult bank --seeds 0
    python -m benchmarks.imputation --data ../shared/data --methods TabularARGN --test-rows 200
    python -m benchmarks.imputation --report     # only the tables again

The rivals know numbers only: a category is its place among the sorted levels, every column is
standardised, and a filled place is rounded to the nearest level. The slow ones (all but the mean)
learn from at most 10,000 rows. TabularARGN runs in the environment that `benchmarks.tables` makes;
it fills row by row where no two lack the same columns, so it gets few.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - opens the import below
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.metrics import r2_score, roc_auc_score
from threadpoolctl import threadpool_limits

from benchmarks import fillings
from benchmarks.circumstances import (
    HERE,
    RealSet,
    append_result,
    circumstances,
    read_results,
    read_set,
    told,
)
from benchmarks.data import RealTable
from benchmarks.draws import Numbers, coverage, coverage_of_ties, crps
from benchmarks.markdown import head, line
from benchmarks.masks import MECHANISMS, Hidden, mask_maker
from benchmarks.methods import METHODS as RIVALS
from benchmarks.methods import command_of, hand_over, python_of, run_worker

RESULTS = HERE / "results" / "imputation.jsonl"
SETS = ("adult", "default", "beijing", "california", "bank", "insurance")
RATES = (0.1, 0.3, 0.5)
DRAWS = 20
MOST_TEST_ROWS, MOST_SLOW_ROWS = 2_000, 10_000
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")
# Key of a figure: what it is, and its format.
FIGURES = {
    "rmse": ("Error of the mean: root mean square in standard deviations, numeric columns", ".3f"),
    "accuracy": ("Share of categories met by the mode, over categorical columns", ".3f"),
    "crps": ("CRPS of the draws in standard deviations (of one value: its absolute error)", ".3f"),
    "coverage": ("Share of hidden numbers within the 80 % intervals of 20 draws", ".2f"),
    "coverage_of_ties": ("The same with ties on either side at random", ".2f"),
    "downstream": ("AUC (or R²) of a model of whole training rows on filled test rows", ".3f"),
    "fit_seconds": ("Seconds to fit", ".0f"),
    "fill_seconds": ("Seconds to fill the test rows (draws: 20 times)", ".1f"),
}


class Gaps(NamedTuple):
    """Rows with gaps to learn from, rows with gaps to fill, and the columns of categories."""

    holed: pd.DataFrame
    test: pd.DataFrame
    categorical: tuple[str, ...]
    seed: int


class Filled(NamedTuple):
    """Filled test rows: one best table, and draws if the method has them; and what it cost."""

    best: pd.DataFrame
    draws: list[pd.DataFrame]
    fit_seconds: float
    fill_seconds: float
    versions: dict[str, str] | None = None


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/imputation.py needs --data DIR, the folder with tabular/<set>/.")
        with threadpool_limits(arguments.threads):
            for name in arguments.sets:
                for seed in arguments.seeds:
                    _run_set(name, seed, arguments)
    rows = read_results(arguments.results)
    text = render(rows)
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--mechanisms", nargs="+", default=MECHANISMS, choices=MECHANISMS)
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    usual = [name for name in METHODS if name not in OUTSIDE]
    parser.add_argument("--methods", nargs="+", default=usual, choices=list(METHODS))
    parser.add_argument("--rows", type=int, help="at most so many training rows, for all methods")
    parser.add_argument("--test-rows", type=int, default=MOST_TEST_ROWS, help="at most, to fill")
    parser.add_argument("--max-steps", type=int, help="of tabdiff's training")
    parser.add_argument("--threads", type=int, default=2)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--time-limit", type=float, default=60, help="minutes a rival may take")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def _run_set(name: str, seed: int, arguments: argparse.Namespace) -> None:
    """A line of the result file for each law and method that it lacks."""
    import torch

    torch.set_num_threads(arguments.threads)
    whole = read_set(arguments.data, name, arguments.test_rows)
    if arguments.rows is not None and arguments.rows < len(whole.train):
        train = whole.train.sample(arguments.rows, random_state=seed).reset_index(drop=True)
        whole = whole._replace(train=train)
    judge = _downstream(whole)
    for mechanism in arguments.mechanisms:
        for rate in arguments.rates:
            key = {"set": name, "seed": seed, "mechanism": mechanism, "rate": rate}
            key |= {"rows": len(whole.train), "max_steps": arguments.max_steps}
            _run_law(key, whole, judge, arguments)


def _run_law(
    key: dict[str, Any],
    whole: RealSet,
    judge: Callable[[pd.DataFrame], float],
    arguments: argparse.Namespace,
) -> None:
    """Hide cells by one law, and let each method fill them."""
    train = whole.train.drop(columns=whole.target)
    kinds = tuple(column for column in train if column in whole.categorical)
    law = [key["seed"], MECHANISMS.index(key["mechanism"]), round(100 * key["rate"])]
    rng = np.random.default_rng(law)
    hide = mask_maker(train, kinds, key["mechanism"], key["rate"], rng)
    holed = train.mask(hide(train, rng))
    truth = _known_rows(whole.test[list(train)], holed, kinds)
    hidden = hide(truth, rng)
    for method in arguments.methods:
        own = key | {"method": method, "test_rows": len(truth)}
        if any(own.items() <= row.items() for row in read_results(arguments.results)):
            continue
        fill = METHODS[method]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            filled = fill(Gaps(holed, truth.mask(hidden), kinds, key["seed"]), arguments)
        row = own | _score(filled, truth, hidden, train, kinds)
        row |= {"downstream": judge(filled.best), "downstream_whole": judge(truth)}
        row |= {"warnings": sorted({str(warning.message) for warning in caught})}
        row |= {"method_versions": filled.versions} if filled.versions else {}
        append_result(arguments.results, row | circumstances(arguments.threads, LIBRARIES))
        print(" ".join(map(str, own.values())), f"rmse {row['rmse']:.3f}", file=sys.stderr)


def _known_rows(test: pd.DataFrame, holed: pd.DataFrame, kinds: tuple[str, ...]) -> pd.DataFrame:
    """The test rows without a category that the rows to learn from do not show."""
    known = [test[c].isna() | test[c].isin(holed[c].dropna().unique()) for c in kinds]
    return test[np.logical_and.reduce(known)] if known else test


# ---- methods ----


def _tabdiff(gaps: Gaps, arguments: argparse.Namespace) -> Filled:
    from tabdiff import DiffusionSynthesizer
    from tabdiff.data.averages import average

    kinds = dict.fromkeys(gaps.categorical, "categorical")
    synth = DiffusionSynthesizer(
        column_kinds=kinds, max_steps=arguments.max_steps, random_state=gaps.seed, verbose=0
    )
    began = time.perf_counter()
    synth.fit(gaps.holed)
    fitted = time.perf_counter()
    draws = synth.impute(gaps.test, DRAWS, random_state=gaps.seed)
    best = average(gaps.test, draws, synth.schema_)
    return Filled(best, draws, fitted - began, time.perf_counter() - fitted)


def _by_numbers(
    make: Callable[[int], Any], n_draws: int, most_rows: int | None
) -> Callable[..., Filled]:
    """A method of an imputer that knows numbers only."""

    def fill(gaps: Gaps, arguments: argparse.Namespace) -> Filled:
        holed, test = gaps.holed, gaps.test
        if most_rows is not None and len(holed) > most_rows:
            holed = holed.sample(most_rows, random_state=gaps.seed)
        codes = _Codes(holed, gaps.categorical)
        imputer = make(gaps.seed)
        began = time.perf_counter()
        imputer.fit(codes.encode(holed))
        fitted = time.perf_counter()
        coded = codes.encode(test)
        done = np.stack([imputer.transform(coded) for _ in range(max(n_draws, 1))])
        seconds = time.perf_counter() - fitted
        draws = [codes.decode(one, test) for one in done] if n_draws else []
        return Filled(codes.decode(done.mean(axis=0), test), draws, fitted - began, seconds)

    return fill


def _tabular_argn(gaps: Gaps, arguments: argparse.Namespace) -> Filled:
    from tabdiff import Schema
    from tabdiff.data.averages import average

    holed, test, categorical, seed = gaps
    kinds = dict.fromkeys(categorical, "categorical")
    levels = {c: sorted(holed[c].dropna().unique(), key=str) for c in categorical}
    names = {c: {level: f"level {at}" for at, level in enumerate(levels[c])} for c in categorical}

    def written(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{c: frame[c].map(names[c]) for c in categorical})

    def read(draw: pd.DataFrame) -> pd.DataFrame:
        own = {c: {name: level for level, name in names[c].items()} for c in categorical}
        filled = draw.assign(**{c: draw[c].map(own[c]) for c in categorical})
        return test.where(test.notna(), filled.set_index(test.index))

    roles = {c: "categorical" if c in categorical else "numeric" for c in holed}
    table = RealTable("", written(holed), test.head(0), roles, "")  # type: ignore[arg-type]
    python = python_of(RIVALS["tabular_argn"].environment, arguments.envs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hand_over(table, folder)
        fillings.write(written(test), DRAWS, folder)
        command = command_of("benchmarks.fillings", "tabular_argn", seed, python, folder)
        cost = run_worker(command, arguments.threads, 60 * arguments.time_limit)
        draws = [read(draw) for draw in fillings.read(folder, DRAWS)]
    best = average(test, draws, Schema.infer(holed, kinds))
    return Filled(best, draws, cost["fit_seconds"], cost["fill_seconds"], cost["method_versions"])


class _Codes:
    """Standardised numbers in place of every column."""

    def __init__(self, frame: pd.DataFrame, categorical: tuple[str, ...]) -> None:
        self._levels = {c: sorted(frame[c].dropna().unique(), key=str) for c in categorical}
        numbers = self._numbers(frame)
        self._mean, self._std = numbers.mean(), numbers.std(ddof=0).replace(0.0, 1.0)

    def _numbers(self, frame: pd.DataFrame) -> pd.DataFrame:
        columns = {}
        for name in frame:
            if name in self._levels:
                places = {level: at for at, level in enumerate(self._levels[name])}
                columns[name] = frame[name].map(places)
            else:
                columns[name] = frame[name]
        return pd.DataFrame(columns).astype(float)

    def encode(self, frame: pd.DataFrame) -> Numbers:
        return ((self._numbers(frame) - self._mean) / self._std).to_numpy()

    def decode(self, array: Numbers, test: pd.DataFrame) -> pd.DataFrame:
        """The test rows with what the array holds in their gaps."""
        numbers = pd.DataFrame(array, test.index, test.columns) * self._std + self._mean
        for name, levels in self._levels.items():
            at = numbers[name].round().clip(0, len(levels) - 1).astype(int)
            numbers[name] = pd.Series(levels, dtype=test[name].dtype).to_numpy()[at]
        return test.where(test.notna(), numbers)


def _forest(seed: int) -> IterativeImputer:
    """In the manner of missForest (Stekhoven and Bühlmann 2012), small."""
    forest = RandomForestRegressor(
        n_estimators=20, min_samples_leaf=5, max_features=0.5, random_state=seed
    )
    return IterativeImputer(forest, max_iter=5, random_state=seed)


METHODS: dict[str, Callable[..., Filled]] = {
    "tabdiff": _tabdiff,
    "mean": _by_numbers(lambda seed: SimpleImputer(), 0, None),
    "knn": _by_numbers(lambda seed: KNNImputer(n_neighbors=10), 0, MOST_SLOW_ROWS),
    "iterative": _by_numbers(
        lambda seed: IterativeImputer(max_iter=20, random_state=seed), 0, MOST_SLOW_ROWS
    ),
    "iterative draws": _by_numbers(
        lambda seed: IterativeImputer(max_iter=20, sample_posterior=True, random_state=seed),
        DRAWS,
        MOST_SLOW_ROWS,
    ),
    "forest": _by_numbers(_forest, 0, MOST_SLOW_ROWS),
    "TabularARGN": _tabular_argn,
}
# Those that need an environment of their own.
OUTSIDE = ("TabularARGN",)


# ---- figures ----


def _score(
    filled: Filled,
    truth: pd.DataFrame,
    hidden: Hidden,
    train: pd.DataFrame,
    categorical: tuple[str, ...],
) -> dict[str, Any]:
    """Means over columns of what each one's hidden cells give."""
    keys = ("rmse", "accuracy", "crps", "coverage", "coverage_of_ties")
    found: dict[str, list[float]] = {key: [] for key in keys}
    for at, name in enumerate(truth):
        # A cell that the real table lacks has no truth to be judged by.
        here = hidden[:, at] & truth[name].notna().to_numpy()
        if not here.any():
            continue
        if name in categorical:
            found["accuracy"].append(float((filled.best[name] == truth[name])[here].mean()))
            continue
        unit = train[name].std()
        real = truth[name][here].to_numpy(dtype=float)
        best = filled.best[name][here].to_numpy(dtype=float)
        found["rmse"].append(float(np.sqrt(np.mean((best - real) ** 2)) / unit))
        drawn = np.stack(
            [draw[name][here].to_numpy(dtype=float) for draw in filled.draws or [filled.best]]
        )
        found["crps"].append(float(crps(drawn, real).mean() / unit))
        if filled.draws:
            found["coverage"].append(coverage(drawn, real, 0.8))
            found["coverage_of_ties"].append(coverage_of_ties(drawn, real, 0.8))
    row: dict[str, Any] = {key: float(np.mean(v)) if v else None for key, v in found.items()}
    return row | {"fit_seconds": filled.fit_seconds, "fill_seconds": filled.fill_seconds}


def _downstream(whole: RealSet) -> Callable[[pd.DataFrame], float]:
    """What a boosted model of the whole training rows makes of test rows: AUC, or R²."""
    features = [column for column in whole.train if column != whole.target]
    levels = {
        c: pd.CategoricalDtype(sorted(whole.train[c].dropna().unique(), key=str))
        for c in features
        if c in whole.categorical
    }
    answers = whole.train[whole.target]
    is_class = (
        answers.dtype == object or whole.target in whole.categorical or answers.nunique() == 2
    )
    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    learner = kind(categorical_features="from_dtype", random_state=0)
    learner.fit(whole.train[features].astype(levels), answers)

    def judge(frame: pd.DataFrame) -> float:
        rows, truth = frame[features].astype(levels), whole.test[whole.target].loc[frame.index]
        if not is_class:
            return float(r2_score(truth, learner.predict(rows)))
        return float(roc_auc_score(truth, learner.predict_proba(rows)[:, 1]))

    return judge


# ---- report ----


def render(rows: list[dict[str, Any]]) -> str:
    """One Markdown table per figure: laws down, methods across; the median over seeds."""
    methods = [method for method in METHODS if any(row["method"] == method for row in rows)]
    lines = ["# Imputation", "", *__doc__.splitlines()[2:6], ""]
    for key, (what, form) in FIGURES.items():
        extra = ["whole rows"] if key == "downstream" else []
        columns = ["set", "rows", "filled", "law", *methods, *extra]
        lines += [f"## {what}", "", *head(columns)]
        for told_apart in dict.fromkeys(map(_case, rows)):
            here = [r for r in rows if _case(r) == told_apart]
            # What files did not hold from the first, earlier runs lack.
            cells = [_cell([r.get(key) for r in here if r["method"] == m], form) for m in methods]
            cells += [_cell([r["downstream_whole"] for r in here], form)] if extra else []
            name, n, mechanism, rate, n_filled = told_apart
            law = f"{mechanism} {rate:.0%}"
            lines.append(line([name, f"{n:,}", f"{n_filled:,}", law, *cells]))
        lines.append("")
    lines += dict.fromkeys(told(row) for row in rows)
    return "\n".join(lines) + "\n"


def _case(row: dict[str, Any]) -> tuple[str, int, str, float, int]:
    return row["set"], row["rows"], row["mechanism"], row["rate"], row["test_rows"]


def _cell(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):{form}}" if known else "–"


if __name__ == "__main__":
    main()
