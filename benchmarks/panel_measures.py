"""How far made entities are from real ones: what a classifier sees, and laws between rows.

Every measure takes long frames and a `Layout`. The rows of an entity are judged in the order in
which they were made, also where the index does not grow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks import panel_truth
from benchmarks.rivals.sequences.contract import Layout
from benchmarks.sequence_methods import Panel

MOST_LEVELS = 20
OTHER = "(other)"


def judge(panel: Panel, synthetic: pd.DataFrame) -> dict[str, float | None]:
    """Every figure of made entities; of *generated* also how far they are from its laws."""
    layout = panel.layout
    train, test, made = (together(f, layout) for f in (panel.train, panel.test, synthetic))
    seen, unseen, drawn = (
        entity_features(frame, layout, panel.train) for frame in (train, test, made)
    )
    figures: dict[str, float | None] = {
        "c2st_train": c2st(seen, drawn),
        "c2st_holdout": c2st(unseen, drawn),
        "copies": copies(train, made, layout),
        "transitions": transitions(train, made, layout),
        "lengths": length_distance(train[layout.key], made[layout.key]),
        "standstill": standstill(made, layout),
    }
    figures |= sdmetrics_similarities(train, made, layout)
    if panel.name == "generated":
        found = panel_truth.errors(made)
        figures |= {f"truth_{name}": value for name, value in found.items()}
    return figures


def together(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """An entity's rows side by side, in the order in which they came."""
    return frame.sort_values(layout.key, kind="stable", ignore_index=True)


# ---- detection ----


def entity_features(frame: pd.DataFrame, layout: Layout, train: pd.DataFrame) -> pd.DataFrame:
    """A row of features per entity.

    The number of rows; static columns; of every number that changes mean, standard deviation, first
    and last value, slope against the index, lag-1 autocorrelation and share missing; of the index
    first, last and the mean and standard deviation of its steps; of every column of levels the
    share of each (the 20 most frequent in ``train``) and the share of steps that change it.

    Parameters
    ----------
    frame : DataFrame
        An entity's rows together.
    layout : Layout
    train : DataFrame
        Says which levels there are.
    """
    rows = frame.groupby(layout.key, sort=True)
    features = {"length": rows.size().astype(float)}
    step = rows[layout.index].diff().groupby(frame[layout.key])
    features |= {
        "index first": rows[layout.index].first(),
        "index last": rows[layout.index].last(),
        "step mean": step.mean(),
        "step sd": step.std(),
    }
    for name in layout.static:
        # Not groupby's first, which looks for a value that is not missing.
        value = frame.drop_duplicates(layout.key).set_index(layout.key)[name].sort_index()
        if name in layout.categorical:
            features[name] = with_few_levels(value, train[name])
        else:
            features[name] = value.astype(float)
    for name in layout.changing(frame):
        one = _of_levels if name in layout.categorical else _of_numbers
        features |= {f"{name} {what}": v for what, v in one(frame, name, layout, train).items()}
    return pd.DataFrame(features).reset_index(drop=True)


def c2st(real: pd.DataFrame, made: pd.DataFrame) -> float | None:
    """1 - 2 (AUC - 1/2) of gradient boosting that tells real entities from made ones, at most 1.

    Three folds; of the larger side as many entities as of the smaller, at random. 1: cannot be told
    apart. None where a side has fewer than three entities.
    """
    n = min(len(real), len(made))
    if n < 3:
        return None
    both = pd.concat(
        [f.sample(n, random_state=0) if len(f) > n else f for f in (real, made)], ignore_index=True
    )
    label = np.repeat([0, 1], n)
    known = both.loc[:, both.notna().any()]
    learner = HistGradientBoostingClassifier(
        categorical_features="from_dtype", early_stopping=False, random_state=0
    )
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    chance = cross_val_predict(learner, known, label, cv=folds, method="predict_proba")[:, 1]
    return float(1 - 2 * (max(0.5, roc_auc_score(label, chance)) - 0.5))


def _of_numbers(
    frame: pd.DataFrame, name: str, layout: Layout, train: pd.DataFrame
) -> dict[str, pd.Series]:
    key, value = frame[layout.key], frame[name].astype(float)
    rows = value.groupby(key)
    away = value - rows.transform("mean")
    time = frame[layout.index].astype(float).where(value.notna())
    time = time - time.groupby(key).transform("mean")
    square = (away**2).groupby(key).sum()
    return {
        "mean": rows.mean(),
        "sd": rows.std(),
        "first": rows.first(),
        "last": rows.last(),
        "slope": _ratio((away * time).groupby(key).sum(), (time**2).groupby(key).sum()),
        "lag 1": _ratio((away * away.groupby(key).shift()).groupby(key).sum(), square),
        "missing": value.isna().groupby(key).mean(),
    }


def _of_levels(
    frame: pd.DataFrame, name: str, layout: Layout, train: pd.DataFrame
) -> dict[str, pd.Series]:
    level = with_few_levels(frame[name], train[name])
    key = frame[layout.key]
    shares = {f"is {which}": (level == which).groupby(key).mean() for which in level.cat.categories}
    # By code, so that a level beyond the most frequent is a change too.
    code = pd.Series(pd.factorize(frame[name].astype(object))[0], frame.index)
    before = code.groupby(key).shift()
    moved = (code != before).astype(float).where(before.notna())
    return shares | {"changes": moved.groupby(key).mean()}


def _ratio(over: pd.Series, under: pd.Series) -> pd.Series:
    return over / under.where(under > 0)


# ---- laws between rows ----


def transitions(real: pd.DataFrame, made: pd.DataFrame, layout: Layout) -> float | None:
    """Distance of the transition matrices, the mean over changing columns of levels.

    Of one column sum_i r_i TV(R_i, S_i): r is how often real rows are left from level i, R_i and
    S_i are the real and the made law of the next level, TV the total variation, 1 where no made row
    is left from i. Missing is a level, those beyond the 20 most frequent are one. None without such
    columns or steps. Not zero for real rows either: take the floor beside it.
    """
    distances = []
    for name in layout.changing(real):
        if name not in layout.categorical:
            continue
        counts = [
            _steps(with_few_levels(frame[name], real[name]), frame[layout.key])
            for frame in (real, made)
        ]
        if counts[0].sum() > 0:
            distances.append(transition_distance(*counts))
    return float(np.mean(distances)) if distances else None


def transition_distance(real: npt.NDArray[np.int64], made: npt.NDArray[np.int64]) -> float:
    """Of one column, from its counts (K, K) of steps from one level (row) to another."""
    left = real.sum(axis=1)
    laws = [counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (real, made)]
    apart = np.abs(laws[0] - laws[1]).sum(axis=1) / 2
    apart = np.where(made.sum(axis=1) > 0, apart, 1.0)
    return float((left * apart).sum() / left.sum())


def length_distance(real_keys: pd.Series, made_keys: pd.Series) -> float:
    """Total variation between the laws of the number of rows per entity."""
    laws = [keys.value_counts().value_counts(normalize=True) for keys in (real_keys, made_keys)]
    return float(laws[0].sub(laws[1], fill_value=0).abs().sum() / 2)


def standstill(frame: pd.DataFrame, layout: Layout) -> float:
    """Share of steps in which the index does not grow; of no step at all 0."""
    steps = frame.groupby(layout.key)[layout.index].diff().dropna()
    return float((steps <= 0).mean()) if len(steps) else 0.0


def copies(train: pd.DataFrame, made: pd.DataFrame, layout: Layout) -> float:
    """Share of made entities that are some training entity, every cell of every row."""
    marks = []
    for frame in (train, made):
        rows = {
            name: frame[name].map(_name)
            if name in layout.categorical
            else frame[name].astype(float)
            for name in train.columns.drop(layout.key)
        }
        row = pd.util.hash_pandas_object(pd.DataFrame(rows), index=False)
        marks.append(row.groupby(frame[layout.key]).agg(tuple))
    return float(marks[1].isin(set(marks[0])).mean())


def sdmetrics_similarities(
    real: pd.DataFrame, made: pd.DataFrame, layout: Layout
) -> dict[str, float | None]:
    """`StatisticMSAS` of means and of standard deviations, `InterRowMSAS`, lengths; 1 is alike.

    Means over the numbers that change. An entity of one row has no difference to give and is left
    out of that figure.
    """
    from sdmetrics.column_pairs import InterRowMSAS, StatisticMSAS
    from sdmetrics.single_column import SequenceLengthSimilarity

    key = layout.key
    found: dict[str, list[float]] = {"msas_mean": [], "msas_sd": [], "inter_row": []}
    longer = [f[f.groupby(key)[key].transform("size") > 1] for f in (real, made)]
    for name in layout.changing(real):
        if name in layout.categorical:
            continue
        pairs = [(frame[key], frame[name].astype(float)) for frame in (real, made)]
        steps = [(frame[key], frame[name].astype(float)) for frame in longer]
        found["msas_mean"].append(StatisticMSAS.compute(*pairs, statistic="mean"))
        found["msas_sd"].append(StatisticMSAS.compute(*pairs, statistic="std"))
        if all(len(frame) for frame in longer):
            found["inter_row"].append(InterRowMSAS.compute(*steps))
    figures: dict[str, float | None] = {
        what: float(np.nanmean(values)) if np.isfinite(values).any() else None
        for what, values in found.items()
    }
    return figures | {"length_similarity": SequenceLengthSimilarity.compute(real[key], made[key])}


# ---- levels ----


def with_few_levels(column: pd.Series, real: pd.Series) -> pd.Series:
    """As categories: the most frequent levels of ``real``, missing, and all others as one."""
    levels = _levels(real)
    kept = set(levels)
    text = column.map(_name)
    return text.where(text.isin(kept), OTHER).astype(pd.CategoricalDtype([*levels, OTHER]))


def _levels(real: pd.Series) -> list[str]:
    return list(real.map(_name).value_counts().index[:MOST_LEVELS])


def _name(value: object) -> str:
    """A level as text, alike for 3 and 3.0: a gap in a file turns whole numbers into floats."""
    if pd.isna(value):
        return "(missing)"
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _steps(level: pd.Series, key: pd.Series) -> npt.NDArray[np.int64]:
    """Counts of steps within an entity from one category (row) to another (column)."""
    codes, follows = level.cat.codes.to_numpy(), key.to_numpy()[1:] == key.to_numpy()[:-1]
    counts = np.zeros((len(level.cat.categories),) * 2, dtype=np.int64)
    np.add.at(counts, (codes[:-1][follows], codes[1:][follows]), 1)
    return counts
