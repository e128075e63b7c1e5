"""Classifier two-sample tests (C2ST): telling synthetic rows from real ones.

    score = 1 - 2 (max(1/2, AUC) - 1/2),   averaged over 3 stratified folds

1: it cannot; 0: it always can. Copies of training rows push the score to 1 as well (a duplicate
with the other label fools the detector), so it is also taken against the hold-out and against
equally many training rows: where the second is clearly higher, quality was bought by memory.

Source: Lopez-Paz and Oquab 2017 (arXiv:1610.06545), with the AUC as SDMetrics' detection metrics
report it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.data.schema import Schema, to_pandas
from tabdiff.evaluation.learners import boosted_classifier, booster_name, native_frame
from tabdiff.evaluation.tables import Table, code_tables

Encoding = Literal["native", "sdmetrics"]
FOLDS = 3
MIN_ROWS = 10
# Dense float32 cells of the one-hot frame (400 MB); above, the rows are drawn down.
DENSE_CELLS = 100_000_000
LINEAR_ROWS = 10_000
# Real rows against real rows: more of them would only cost time.
FLOOR_ROWS = 20_000
LINEAR_LEVELS = 30
# Rows on which the columns are shuffled in turn.
TELLING_ROWS = 6_000
LINEAR_FEATURES = 1_500


@dataclass(frozen=True)
class Detection:
    """The outcome of one two-sample test.

    Attributes
    ----------
    score : float
        1: the tables cannot be told apart; 0: they always can.
    auc : float
        Mean area under the ROC curve over the folds.
    folds : tuple of float
        The area under the ROC curve of each fold.
    n_real, n_synthetic : int
        Rows compared.
    detector : str
        Library, version and what the detector saw.
    """

    score: float
    auc: float
    folds: tuple[float, ...]
    n_real: int
    n_synthetic: int
    detector: str


@dataclass(frozen=True)
class Telling:
    """How much a column tells the detector.

    Attributes
    ----------
    label : str
        The column.
    drop : float
        Area under the ROC curve that is lost when the column is shuffled; about 0: none.
    """

    label: str
    drop: float


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


@dataclass(frozen=True)
class HoldoutDetection:
    """The same test against the hold-out and against equally many training rows.

    Attributes
    ----------
    holdout, train : float
        Mean score of synthetic rows against hold-out rows, and against as many training rows.
    floor : float
        Mean score of hold-out rows against training rows: what real rows score.
    difference : float
        ``train - holdout``; clearly above 0 means memory.
    interval : (float, float)
        95 % of the difference, from the spread between the draws and folds.
    n_rows, draws : int
        Rows on each side, and how often they were drawn.
    """

    holdout: float
    train: float
    floor: float
    difference: float
    interval: tuple[float, float]
    n_rows: int
    draws: int


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
    """Run all detectors; ``fresh`` are the two real tables that set the floor."""
    rng = np.random.default_rng([seed, 6])
    first, second = (table.draw(FLOOR_ROWS, rng) for table in fresh)
    return DetectionSuite(
        native=boosted_detection(real, synthetic, seed),
        encoded=boosted_detection(real, synthetic, seed, "sdmetrics"),
        linear=linear_detection(real, synthetic, seed),
        native_floor=boosted_detection(first, second, seed),
        encoded_floor=boosted_detection(first, second, seed, "sdmetrics"),
        linear_floor=linear_detection(first, second, seed),
        telling=telling_columns(real, synthetic, seed),
    )


def boosted_detection(
    real: Table, synthetic: Table, seed: int, encoding: Encoding = "native"
) -> Detection:
    """Run the two-sample test with gradient boosting."""
    detector = booster_name()
    if encoding == "native":
        x = pd.concat([native_frame(real), native_frame(synthetic)], ignore_index=True)
        seen = "native categories and missing values"
    else:
        real, synthetic = _draw_to_fit(real, synthetic, seed)
        x = pd.DataFrame(one_hot(real, synthetic))
        seen = "one column per level"
    labels = _labels(real, synthetic)
    folds = _folds(x, labels, seed, _boosted_probabilities)
    return _detection(folds, real, synthetic, f"{detector}, {seen}")


def telling_columns(real: Table, synthetic: Table, seed: int) -> tuple[Telling, ...]:
    """Where synthetic rows are caught: the permutation importance of the boosted detector.

    One detector learns from two thirds of the rows; on the others each column is shuffled in turn,
    which breaks its relation to all other columns and to the truth about the row.

    Source: Breiman 2001, "Random forests", section 10; on held-out rows, of the area under the ROC
    curve.
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng([seed, 7])
    x = pd.concat([native_frame(real), native_frame(synthetic)], ignore_index=True)
    y, order = _labels(real, synthetic), rng.permutation(len(x))
    learned, judged = np.split(order, [2 * len(order) // 3])
    judged = judged[:TELLING_ROWS]
    model = boosted_classifier()
    model.fit(x.iloc[learned], y[learned])
    rows, truth = x.iloc[judged], y[judged]
    auc = roc_auc_score(truth, model.predict_proba(rows)[:, 1])
    found = []
    for field, name in zip(real.fields, x, strict=True):
        shuffled = rows.assign(**{str(name): rows[name].array[rng.permutation(len(rows))]})
        without = roc_auc_score(truth, model.predict_proba(shuffled)[:, 1])
        found.append(Telling(field.label, float(auc - without)))
    return tuple(sorted(found, key=lambda telling: -telling.drop))


def linear_detection(real: Table, synthetic: Table, seed: int) -> Detection:
    """Run the two-sample test with logistic regression.

    Numbers are standardised with an indicator of missing ones, categories are one column per level
    (the most frequent ones), and at most 10,000 rows of each side are drawn.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([seed, 2])
    real, synthetic = real.draw(LINEAR_ROWS, rng), synthetic.draw(LINEAR_ROWS, rng)
    x = pd.DataFrame(_linear_features(real, synthetic))

    def probabilities(
        train: pd.DataFrame, y: npt.NDArray[np.int64], test: pd.DataFrame
    ) -> npt.NDArray[np.float64]:
        model = LogisticRegression(solver="newton-cholesky")
        model.fit(train.to_numpy(), y)
        return np.asarray(model.predict_proba(test.to_numpy())[:, 1])

    folds = _folds(x, _labels(real, synthetic), seed, probabilities)
    return _detection(folds, real, synthetic, "logistic regression")


def holdout_detection(
    real: Table,
    synthetic: Table,
    holdout: Table,
    seed: int,
    draws: int = 3,
    max_rows: int = 8_000,
) -> HoldoutDetection:
    """Compare the score against the hold-out with that against as many training rows.

    Every draw takes the same number of rows of each table, and the same synthetic rows meet the
    hold-out rows and the training rows.
    """
    n = min(real.n_rows, synthetic.n_rows, holdout.n_rows, max_rows)
    unseen, seen, floors = [], [], []
    gaps: list[float] = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, 3, draw])
        fake, train, test = (t.draw(n, rng) for t in (synthetic, real, holdout))
        against_test = boosted_detection(test, fake, seed + draw)
        against_train = boosted_detection(train, fake, seed + draw)
        unseen.append(against_test.score)
        seen.append(against_train.score)
        floors.append(boosted_detection(train, test, seed + draw).score)
        gaps.extend(
            2 * (a - b) for a, b in zip(against_test.folds, against_train.folds, strict=True)
        )
    difference = float(np.mean(seen) - np.mean(unseen))
    margin = float(1.96 * np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
    return HoldoutDetection(
        holdout=float(np.mean(unseen)),
        train=float(np.mean(seen)),
        floor=float(np.mean(floors)),
        difference=difference,
        interval=(difference - margin, difference + margin),
        n_rows=n,
        draws=draws,
    )


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


def _draw_to_fit(real: Table, synthetic: Table, seed: int) -> tuple[Table, Table]:
    width = sum(1 if f.kind == "numeric" else len(f.levels) + 1 for f in real.fields)
    allowed = max(DENSE_CELLS // max(width, 1), 2_000)
    total = real.n_rows + synthetic.n_rows
    if total <= allowed:
        return real, synthetic
    rng = np.random.default_rng([seed, 1])
    return (
        real.draw(real.n_rows * allowed // total, rng),
        synthetic.draw(synthetic.n_rows * allowed // total, rng),
    )


def _linear_features(real: Table, synthetic: Table) -> npt.NDArray[np.float64]:
    categorical = sum(f.kind == "categorical" for f in real.fields)
    top = max(2, min(LINEAR_LEVELS, LINEAR_FEATURES // max(categorical, 1)))
    blocks = []
    for i, (field, a, b) in enumerate(
        zip(real.fields, real.columns, synthetic.columns, strict=True)
    ):
        both = np.concatenate([a, b])
        if field.kind == "numeric":
            absent = np.concatenate([real.missing(i), synthetic.missing(i)])
            blocks.append(_standardised(np.asarray(both, dtype=np.float64), absent))
            continue
        levels, counts = np.unique(both, return_counts=True)
        kept = levels[np.argsort(-counts, kind="stable")[:top]]
        blocks.append((both[:, None] == kept[None, :]).astype(np.float64))
    return np.concatenate(blocks, axis=1)


def _standardised(
    values: npt.NDArray[np.float64], absent: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Zero mean and unit variance, 0 for missing; an indicator of missing beside, if any is."""
    present = values[~absent]
    if not len(present):
        return absent[:, None].astype(np.float64)
    largest = max(float(np.abs(present).max()), 1e-300)
    scaled = values / largest
    centre, spread = float(np.mean(present / largest)), float(np.std(present / largest))
    z = np.where(absent, 0.0, (scaled - centre) / (spread or 1.0))
    columns = [z, absent.astype(np.float64)] if absent.any() else [z]
    return np.column_stack(columns)


def _labels(real: Table, synthetic: Table) -> npt.NDArray[np.int64]:
    return np.repeat(np.array([1, 0]), [real.n_rows, synthetic.n_rows])


def _boosted_probabilities(
    train: pd.DataFrame, y: npt.NDArray[np.int64], test: pd.DataFrame
) -> npt.NDArray[np.float64]:
    model = boosted_classifier()
    model.fit(train, y)
    return np.asarray(model.predict_proba(test)[:, 1])


def _folds(
    x: pd.DataFrame,
    y: npt.NDArray[np.int64],
    seed: int,
    probabilities: Callable[
        [pd.DataFrame, npt.NDArray[np.int64], pd.DataFrame], npt.NDArray[np.float64]
    ],
) -> list[float]:
    """Area under the ROC curve on each held-out fold."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    smaller = int(np.bincount(y, minlength=2).min())
    if smaller < MIN_ROWS:
        raise ValueError(
            f"a two-sample test needs at least {MIN_ROWS} rows of each table. Got {smaller}."
        )
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return [
        float(roc_auc_score(y[test], probabilities(x.iloc[train], y[train], x.iloc[test])))
        for train, test in splitter.split(x, y)
    ]


def _detection(folds: list[float], real: Table, synthetic: Table, detector: str) -> Detection:
    score = 1 - float(np.mean([2 * max(auc, 0.5) - 1 for auc in folds]))
    return Detection(
        score, float(np.mean(folds)), tuple(folds), real.n_rows, synthetic.n_rows, detector
    )
