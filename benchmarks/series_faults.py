"""Faults put into what is held out, and how well scores find them.

``score_rows(series, faulty, seed)`` gets the held-out rows, faults and all, behind `HISTORY` clean
hours, and gives the oddness of each row (hours, entities), those clean hours included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score

from benchmarks.series_data import DAY, WEEK, HourlySeries, Numbers
from benchmarks.series_forecasts import HISTORY

ScoreRows = Callable[[HourlySeries, Numbers, int], Numbers]
Marked = npt.NDArray[np.bool_]

FAULTS = ("spikes", "shifts", "swaps")
# Every so many hours of an entity one fault, on average.
APART = 100


def plant(
    kind: str, values: Numbers, entities: int, rng: np.random.Generator
) -> tuple[Numbers, Marked]:
    """Such values with faults of one kind, and the rows (hours, entities) that have one.

    "spikes": one number is 3 to 6 standard deviations off for an hour; "shifts": one number is 1 to
    3 off for 12 to 36 hours; "swaps": all numbers of 24 hours are those of 12 hours on or back.
    Standard deviations are of the changes from hour to hour for spikes, of the values for shifts. A
    faulty number has no more decimals than its track: they shall not give it away.

    Parameters
    ----------
    kind : {"spikes", "shifts", "swaps"}
    values : array, (hours, tracks)
        What is held out; an entity's tracks side by side.
    entities : int
    rng : Generator
    """
    faulty, per_entity = values.copy(), values.shape[1] // entities
    marked = np.zeros((len(values), entities), dtype=bool)
    unit = (np.diff(values, axis=0) if kind == "spikes" else values).std(axis=0)
    for entity in range(entities):
        own = np.arange(per_entity) + entity * per_entity
        for _ in range(max(2, len(values) // APART)):
            track = rng.choice(own)
            sign = rng.choice([-1, 1])
            if kind == "spikes":
                span, size = 1, rng.uniform(3, 6)
            elif kind == "shifts":
                span, size = int(rng.integers(12, 37)), rng.uniform(1, 3)
            else:
                span, size = DAY, 0.0
            start = rng.integers(0, len(values) - span + 1)
            rows = slice(start, start + span)
            if kind == "swaps":
                faulty[rows, own] = np.roll(values[rows, own], DAY // 2, axis=0)
            else:
                faulty[rows, track] = values[rows, track] + sign * size * unit[track]
            marked[rows, entity] = True
    for track in range(values.shape[1]):
        faulty[:, track] = faulty[:, track].round(decimals(values[:, track]))
    return faulty, marked


def decimals(values: Numbers) -> int:
    """The fewest that all the values need, at most 6."""
    return next((d for d in range(6) if np.allclose(values, values.round(d), 0, 1e-9)), 6)


def by_season(series: HourlySeries, faulty: Numbers, seed: int) -> Numbers:
    """The largest |z| of a row, looking back only.

    z is the distance from the median of that hour on the seven days before, in units of its median
    size before the cut.
    """
    return _largest(series, faulty, _from_last_days)


def by_jump(series: HourlySeries, faulty: Numbers, seed: int) -> Numbers:
    """The largest |z| of a row: z is the distance from the mean of the hours before and after."""
    return _largest(series, faulty, _from_neighbours)


def by_isolation(series: HourlySeries, faulty: Numbers, seed: int) -> Numbers:
    """IsolationForest on a row's numbers, those 1, 24 and 168 hours before, and the hour."""
    past = series.tracks(series.frame)[: series.cut]
    start = series.cut - HISTORY
    unit = np.where(past.std(axis=0) > 0, past.std(axis=0), 1.0)
    learned = _lagged((past - past.mean(axis=0)) / unit, series.entities, 0)
    asked = _lagged((faulty - past.mean(axis=0)) / unit, series.entities, start)
    rows = learned[WEEK:].reshape(-1, learned.shape[2])
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(rows)
    odd = -forest.score_samples(asked.reshape(-1, asked.shape[2]))
    return odd.reshape(len(faulty), series.entities)


def score(series: HourlySeries, kind: str, score_rows: ScoreRows, seed: int) -> dict[str, float]:
    """AUC-PR of the oddness of the held-out rows, and the share of faulty ones (that of chance)."""
    values = series.tracks(series.frame)
    rng = np.random.default_rng([seed, FAULTS.index(kind)])
    faulty, marked = plant(kind, values[series.cut :], series.entities, rng)
    behind = np.concatenate([values[series.cut - HISTORY : series.cut], faulty])
    odd = score_rows(series, behind, seed)[HISTORY:]
    seen = series.observed[series.cut :]
    return {
        "auc_pr": float(average_precision_score(marked[seen].ravel(), odd[seen].ravel())),
        "chance": float(marked[seen].mean()),
    }


def _largest(
    series: HourlySeries, faulty: Numbers, away_from: Callable[[Numbers], Numbers]
) -> Numbers:
    """Over an entity's tracks; where the distance is not known, 0."""
    past = np.abs(away_from(series.tracks(series.frame)[: series.cut]))
    unit = np.nanmedian(past, axis=0)
    # A track that mostly stands still has its mean distance for unit.
    unit = np.where(unit > 0, unit, np.nanmean(past, axis=0))
    away = np.nan_to_num(np.abs(away_from(faulty)) / np.where(unit > 0, unit, 1.0), nan=0.0)
    return away.reshape(len(faulty), series.entities, -1).max(axis=2)


def _from_neighbours(values: Numbers) -> Numbers:
    """Distance from the mean of the hours before and after; nan at both ends."""
    away = np.full_like(values, np.nan)
    away[1:-1] = values[1:-1] - (values[:-2] + values[2:]) / 2
    return away


def _from_last_days(values: Numbers) -> Numbers:
    """Distance from the median of the same hour on the seven days before; nan in the first week."""
    away = np.full_like(values, np.nan)
    if len(values) > WEEK:
        hours = np.arange(WEEK, len(values))
        before = np.stack([values[hours - DAY * day] for day in range(1, 8)])
        away[WEEK:] = values[WEEK:] - np.median(before, axis=0)
    return away


def _lagged(scaled: Numbers, entities: int, first: int) -> Numbers:
    """(hours, entities, features); what lies before the first hour repeats it."""
    hours = np.arange(len(scaled))
    lags = [scaled[np.maximum(hours - lag, 0)] for lag in (0, 1, DAY, WEEK)]
    cube = np.stack(lags, axis=-1).reshape(len(scaled), entities, -1)
    turn = 2 * np.pi * (hours + first) / DAY
    clock = np.stack([np.sin(turn), np.cos(turn)], axis=-1)[:, None].repeat(entities, axis=1)
    return np.concatenate([cube, clock], axis=2)
