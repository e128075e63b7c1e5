"""Classifier two-sample tests (C2ST): telling synthetic rows from real ones.

    score = 1 - 2 (max(1/2, AUC) - 1/2),   averaged over 3 stratified folds

1: it cannot; 0: it always can. Rows of one entity are never on both sides of a fold. The interval
is that of the mean area under the ROC curve over the folds (LeDell et al. 2015, from DeLong's
placements of each test row).

Copies of training rows push the score to 1 as well (a duplicate with the other label fools the
detector), so it is also taken against the hold-out and against equally many training rows: where
the second is clearly higher, quality was bought by memory.

Source: Lopez-Paz and Oquab 2017 (arXiv:1610.06545), with the AUC as SDMetrics' detection metrics
report it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.data.schema import Schema, to_pandas
from tabdiff.evaluation.entities import entities_of
from tabdiff.evaluation.extremes import Beside, Extremes
from tabdiff.evaluation.features import Design
from tabdiff.evaluation.intervals import Z95, Interval, auc_influence, pooled_error
from tabdiff.evaluation.learners import boosted_classifier, booster_name, native_frame
from tabdiff.evaluation.tables import Table, code_tables
from tabdiff.evaluation.telling import Telling, telling_columns

Encoding = Literal["native", "sdmetrics"]
FOLDS = 3
MIN_ROWS = 10
# Above so many rows of a table, as many are drawn: every published table is below.
BOOSTED_ROWS = 50_000
# Cells of the one-hot frame above which the rows are drawn down; *adult* has 7.2 million.
DENSE_CELLS = 8_000_000
LINEAR_ROWS = 10_000
# Real rows against real rows, and the extremes: more of them would only cost time.
FLOOR_ROWS = 10_000
FLOOR_CELLS = 1_000_000


@dataclass(frozen=True)
class Detection:
    """The outcome of one two-sample test.

    Attributes
    ----------
    score : float
        1: the tables cannot be told apart; 0: they always can.
    auc : float
        Mean area under the ROC curve over the folds.
    auc_interval : (float, float)
        95 % of it; see `tabdiff.evaluation.intervals.pooled_error`.
    interval : (float, float)
        The scores of the limits of ``auc_interval``: 95 % of ``score``.
    folds : tuple of float
        The area under the ROC curve of each fold.
    n_real, n_synthetic : int
        Rows compared.
    detector : str
        Library, version and what the detector saw.
    """

    score: float
    auc: float
    auc_interval: Interval
    interval: Interval
    folds: tuple[float, ...]
    n_real: int
    n_synthetic: int
    detector: str


@dataclass(frozen=True)
class DetectionSuite:
    """Three detectors, on synthetic rows and on fresh real rows in their place.

    Attributes
    ----------
    native, encoded, linear : Detection
        Boosting on native categories, boosting on one column per level, logistic regression.
    native_floor, encoded_floor, linear_floor : Detection
        The same with unseen real rows (without a hold-out: one real half against the other).
    telling : tuple of Telling
        Every column, the one that tells boosting most about the rows first.
    """

    native: Detection
    encoded: Detection
    linear: Detection
    native_floor: Detection
    encoded_floor: Detection
    linear_floor: Detection
    telling: tuple[Telling, ...]


def detection_score(
    real: object,
    synthetic: object,
    seed: int = 0,
    encoding: Encoding = "native",
    schema: Schema | None = None,
) -> Detection:
    """Run the boosted two-sample test on two frames.

    Parameters
    ----------
    real, synthetic : DataFrame
        pandas or polars frames (or 2-D arrays) with the same columns.
    seed : int
        Deals the rows into folds.
    encoding : {"native", "sdmetrics"}
        "native": categories and missing values as such. "sdmetrics": as SDMetrics' detection
        metrics encode a table, one column per level and numbers with the real mean for missing.
    schema : Schema, optional
        Column kinds; inferred from ``real`` by default. Identifiers take no part.

    Raises
    ------
    EvaluationError
        If the frames cannot be compared.
    """
    if encoding not in ("native", "sdmetrics"):
        raise ValueError(f"encoding must be 'native' or 'sdmetrics'. Got {encoding!r}.")
    first = to_pandas(real)
    kinds = Schema.infer(first) if schema is None else schema
    tables = code_tables(first, to_pandas(synthetic), None, kinds)
    return boosted_detection(tables.real, tables.synthetic, seed, encoding)


def judge_detection(
    real: Table, synthetic: Table, fresh: tuple[Table, Table], seed: int
) -> DetectionSuite:
    """Run all detectors; ``fresh`` are the two real tables that set the floor.

    Of larger tables 50,000 rows are drawn, fewer where the one-hot frame would be large.
    """
    rng = np.random.default_rng([seed, 6])
    first, second = (table.draw(FLOOR_ROWS, rng) for table in fresh)
    judged, made = (table.draw(BOOSTED_ROWS, rng) for table in (real, synthetic))
    return DetectionSuite(
        native=boosted_detection(judged, made, seed),
        encoded=boosted_detection(*_draw_to_fit(judged, made, DENSE_CELLS, rng), seed, "sdmetrics"),
        linear=linear_detection(real, synthetic, seed),
        native_floor=boosted_detection(first, second, seed),
        encoded_floor=boosted_detection(
            *_draw_to_fit(first, second, FLOOR_CELLS, rng), seed, "sdmetrics"
        ),
        linear_floor=linear_detection(first, second, seed),
        telling=telling_columns(real, synthetic, seed),
    )


def detection_beside(extremes: Extremes, seed: int) -> Beside:
    """What the two extremes score, by key; on one-hot columns they are not taken again."""
    pair = (extremes.copy, extremes.independent)
    boosted = [boosted_detection(extremes.real, table, seed).score for table in pair]
    linear = [linear_detection(extremes.real, table, seed).score for table in pair]
    return {"c2st": (boosted[0], boosted[1]), "c2st_linear": (linear[0], linear[1])}


def boosted_detection(
    real: Table, synthetic: Table, seed: int, encoding: Encoding = "native"
) -> Detection:
    """Run the two-sample test with gradient boosting."""
    detector = booster_name()
    if encoding == "native":
        x = pd.concat([native_frame(real), native_frame(synthetic)], ignore_index=True)
        seen = "native categories and missing values"
    else:
        x = pd.DataFrame(one_hot(real, synthetic))
        seen = "one column per level"
    folds = _folds(x, real, synthetic, seed, _boosted_probabilities)
    return _detection(folds, real, synthetic, f"{detector}, {seen}")


def linear_detection(real: Table, synthetic: Table, seed: int) -> Detection:
    """Run the two-sample test with logistic regression.

    Numbers are standardised with an indicator of missing ones, categories are one column per level
    (the most frequent ones), and at most 10,000 rows of each side are drawn.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([seed, 2])
    real, synthetic = real.draw(LINEAR_ROWS, rng), synthetic.draw(LINEAR_ROWS, rng)
    design = Design.of([real, synthetic])
    x = pd.DataFrame(np.concatenate([design.encode(real), design.encode(synthetic)]))

    def probabilities(
        train: pd.DataFrame, y: npt.NDArray[np.int64], test: pd.DataFrame
    ) -> npt.NDArray[np.float64]:
        model = LogisticRegression(solver="newton-cholesky")
        model.fit(train.to_numpy(), y)
        return np.asarray(model.predict_proba(test.to_numpy())[:, 1])

    folds = _folds(x, real, synthetic, seed, probabilities)
    return _detection(folds, real, synthetic, "logistic regression")


def one_hot(real: Table, synthetic: Table) -> npt.NDArray[np.float32]:
    """Both tables as SDMetrics' ``HyperTransformer`` encodes them, real rows first.

    Numbers stay numbers, missing ones become the real mean; every level (missing is one) is a
    column. Levels that only the synthetic table has get a column too, where SDMetrics refuses.
    """
    blocks: list[npt.NDArray[np.float32]] = []
    for field, a, b in zip(real.fields, real.columns, synthetic.columns, strict=True):
        both = np.concatenate([a, b])
        if field.kind == "numeric":
            numbers = np.asarray(a, dtype=np.float64)
            mean = 0.0 if np.isnan(numbers).all() else float(np.nanmean(numbers))
            blocks.append(np.nan_to_num(both, nan=mean).astype(np.float32)[:, None])
            continue
        occurring = np.unique(both)
        blocks.append((both[:, None] == occurring[None, :]).astype(np.float32))
    return np.concatenate(blocks, axis=1)


def _draw_to_fit(
    real: Table, synthetic: Table, cells: int, rng: np.random.Generator
) -> tuple[Table, Table]:
    """Rows of both tables, few enough for a one-hot frame of so many cells."""
    width = sum(1 if f.kind == "numeric" else len(f.levels) + 1 for f in real.fields)
    allowed = max(cells // max(width, 1), 2_000)
    total = real.n_rows + synthetic.n_rows
    if total <= allowed:
        return real, synthetic
    return (
        real.draw(real.n_rows * allowed // total, rng),
        synthetic.draw(synthetic.n_rows * allowed // total, rng),
    )


def _labels(real: Table, synthetic: Table) -> npt.NDArray[np.int64]:
    return np.repeat(np.array([1, 0]), [real.n_rows, synthetic.n_rows])


def _boosted_probabilities(
    train: pd.DataFrame, y: npt.NDArray[np.int64], test: pd.DataFrame
) -> npt.NDArray[np.float64]:
    model = boosted_classifier()
    model.fit(train, y)
    return np.asarray(model.predict_proba(test)[:, 1])


@dataclass(frozen=True)
class _Folds:
    """Area under the ROC curve on each held-out fold, and the standard error of their mean."""

    areas: tuple[float, ...]
    error: float


def _folds(
    x: pd.DataFrame,
    real: Table,
    synthetic: Table,
    seed: int,
    probabilities: Callable[
        [pd.DataFrame, npt.NDArray[np.int64], pd.DataFrame], npt.NDArray[np.float64]
    ],
) -> _Folds:
    """Judge each fold by a detector that learned from the others."""
    y = _labels(real, synthetic)
    smaller = min(real.n_units, synthetic.n_units)
    if smaller < MIN_ROWS:
        units = "rows" if real.entity is None else "entities"
        raise ValueError(
            f"a two-sample test needs at least {MIN_ROWS} {units} of each table. Got {smaller}."
        )
    units_of = entities_of(real, synthetic)
    areas, influences, clusters = [], [], []
    for train, test in _splits(y, units_of, seed):
        found = probabilities(x.iloc[train], y[train], x.iloc[test])
        area, influence = auc_influence(y[test] == 1, found)
        areas.append(area)
        influences.append(influence)
        clusters.append(None if units_of is None else units_of[test])
    return _Folds(tuple(areas), pooled_error(influences, clusters))


def _splits(
    y: npt.NDArray[np.int64], units: npt.NDArray[np.intp] | None, seed: int
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Training and test rows of each fold, stratified; entities are dealt as a whole."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    if units is None:
        yield from splitter.split(y, y)
        return
    _, first = np.unique(units, return_index=True)
    of_unit = y[first]
    for _, test in splitter.split(of_unit, of_unit):
        held_out = np.isin(units, test)
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _detection(folds: _Folds, real: Table, synthetic: Table, detector: str) -> Detection:
    auc = float(np.mean(folds.areas))
    score = 1 - float(np.mean([2 * max(area, 0.5) - 1 for area in folds.areas]))
    low, high = max(auc - Z95 * folds.error, 0.0), min(auc + Z95 * folds.error, 1.0)
    worst, best = (1 - (2 * max(limit, 0.5) - 1) for limit in (high, low))
    return Detection(
        score=score,
        auc=auc,
        auc_interval=(low, high),
        # A fold below one half counts as guessing, which may lift the score above its limit.
        interval=(min(worst, score), max(best, score)),
        folds=folds.areas,
        n_real=real.n_rows,
        n_synthetic=synthetic.n_rows,
        detector=detector,
    )
