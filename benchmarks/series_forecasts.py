"""Forecasters: fitted on what is not held out, asked at an origin, answering with draws.

``fit(series, horizon, seed)`` gives ``forecast(origin)``: an array (DRAWS, horizon, tracks) for the
hours origin, origin + 1, …, of which only the `HISTORY` hours before may be used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor

from benchmarks.draws import coverage, crps, quantiles, weighted_quantile_loss
from benchmarks.series_data import DAY, WEEK, HourlySeries, Numbers

Forecast = Callable[[int], Numbers]
Whole = npt.NDArray[np.int64]

HISTORY = 2 * WEEK
DRAWS = 100
COVERED = (0.5, 0.8, 0.95)
BOOSTED_LEVELS = (0.01, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99)
BOOSTED_EXAMPLES = 20_000
# The last part of what is before the cut, which says when to stop: examples at random would say it
# too late, being neighbours in time of those that are learned from.
BOOSTED_JUDGE = 0.2


def origins(series: HourlySeries, horizon: int, count: int) -> list[int]:
    """First hours to forecast, spread over what is held out, at different hours of the day."""
    last = len(series.observed) - horizon
    return [int(at) for at in np.unique(np.linspace(series.cut, last, count).round())]


# ---- naive ones ----


def repeating(period: int, cycle: int) -> Callable[[HourlySeries, int, int], Forecast]:
    """What was seen the fewest whole periods before, plus a past error of just that.

    A period of 0 repeats the last value: it is as far back as the step. The errors are those of the
    same number of hours back, before the cut, at targets of the same hour modulo the cycle: of the
    same time of day for 24, of any for 1. (Hyndman and Athanasopoulos 2021, section 5.5, but with
    the errors themselves in place of a normal law.)
    """

    def fit(series: HourlySeries, horizon: int, seed: int) -> Forecast:
        values = series.tracks(series.frame)
        hour = series.times.hour.to_numpy() % cycle
        steps = np.arange(1, horizon + 1)
        back = period * -(-steps // period) if period else steps
        pools: dict[tuple[int, int], Numbers] = {}

        def pool(lag: int, at: int) -> Numbers:
            """Errors of a lag at an hour of the cycle, (n, tracks)."""
            if (lag, at) not in pools:
                error = values[lag : series.cut] - values[: series.cut - lag]
                pools[lag, at] = error[hour[lag : series.cut] == at]
            return pools[lag, at]

        def forecast(origin: int) -> Numbers:
            rng = np.random.default_rng([seed, origin])
            drawn = np.empty((DRAWS, horizon, values.shape[1]))
            for place, lag in enumerate(back):
                errors = pool(int(lag), int(hour[origin + place]))
                picked = rng.integers(len(errors), size=DRAWS)
                drawn[:, place] = values[origin + place - lag] + errors[picked]
            return drawn

        return forecast

    return fit


# ---- gradient boosting ----


def boosted(series: HourlySeries, horizon: int, seed: int) -> Forecast:
    """Quantiles by gradient boosting: one model per column and level, for all steps and entities.

    It learns what is added to the value of the same hour a day or two back, in the track's standard
    deviations, from `features` of random origins before the cut. Levels in between are
    interpolated, beyond the outer ones there is nothing; a draw takes a level at random, the same
    for all steps, and crossing quantiles are sorted (Chernozhukov et al. 2010).
    """
    values, times = series.tracks(series.frame), series.times
    unit = values[: series.cut].std(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    scaled = (values - values[: series.cut].mean(axis=0)) / unit
    columns = series.track_columns
    at, step = _random_examples(series.cut, horizon, np.random.default_rng(seed))
    late = at + step - 1 >= (1 - BOOSTED_JUDGE) * series.cut
    learners: dict[str, list[HistGradientBoostingRegressor]] = {}
    for name in series.scored:
        own = [track for track, column in enumerate(columns) if column == name]
        share = slice(None, BOOSTED_EXAMPLES // len(own))
        known = [features(scaled, times, track, at[share], step[share]) for track in own]
        added = [
            scaled[at[share] + step[share] - 1, track] - found[:, 0]
            for track, found in zip(own, known, strict=True)
        ]
        judges = np.tile(late[share], len(own))
        x, y = np.concatenate(known), np.concatenate(added)
        learners[name] = [_quantile_learner(x, y, judges, level, seed) for level in BOOSTED_LEVELS]

    def forecast(origin: int) -> Numbers:
        steps = np.arange(1, horizon + 1)
        level = np.random.default_rng([seed, origin]).random(DRAWS)
        drawn = np.empty((DRAWS, horizon, len(columns)))
        for track, name in enumerate(columns):
            found = features(scaled, times, track, np.full(horizon, origin), steps)
            told = np.sort([learner.predict(found) for learner in learners[name]], axis=0)
            for place in range(horizon):
                drawn[:, place, track] = np.interp(level, BOOSTED_LEVELS, told[:, place])
            drawn[:, :, track] += found[:, 0]
        return drawn * unit + values[: series.cut].mean(axis=0)

    return forecast


def _quantile_learner(
    x: Numbers, y: Numbers, judges: npt.NDArray[np.bool_], level: float, seed: int
) -> HistGradientBoostingRegressor:
    """Of one level: as many trees as the judges like best, then grown from all examples."""
    learner = HistGradientBoostingRegressor(
        loss="quantile", quantile=level, learning_rate=0.05, max_iter=500, max_leaf_nodes=15,
        early_stopping=True, n_iter_no_change=20, random_state=seed,
    )  # fmt: skip
    learner.fit(x[~judges], y[~judges], X_val=x[judges], y_val=y[judges])
    best = int(np.argmax(learner.validation_score_))
    whole = clone(learner).set_params(max_iter=max(1, best), early_stopping=False)
    return whole.fit(x, y)


def features(
    scaled: Numbers, times: pd.DatetimeIndex, track: int, at: Whole, step: Whole
) -> Numbers:
    """What is known before hour ``at`` of the value at ``at + step - 1``, (n, features).

    First the value of the same hour on the last day that is known; then of the same hour and day of
    the week, mean and spread of the same hour on seven days, the last value, the mean of the last
    day and of the last six hours, how these differ from a day before; the step and the calendar;
    and the last value of the other tracks, if there are at most eight.
    """
    value, target = scaled[:, track], at + step - 1
    day_back = DAY * -(-step // DAY)
    week_back = WEEK * -(-step // WEEK)
    same_hour = value[(target - day_back)[:, None] - DAY * np.arange(7)]
    hours = at[:, None] - np.arange(1, DAY + 1)
    recent, before = value[hours], value[hours - DAY]
    moment = times[target]
    parts = [
        same_hour[:, 0], value[target - week_back], same_hour.mean(axis=1), same_hour.std(axis=1),
        recent[:, 0], recent.mean(axis=1), recent[:, :6].mean(axis=1),
        recent[:, 0] - before[:, 0], (recent - before)[:, :6].mean(axis=1),
        (recent - before).mean(axis=1), step, moment.hour, moment.day_of_week, moment.day_of_year,
        *(scaled[at - 1].T if scaled.shape[1] <= 8 else []),
    ]  # fmt: skip
    return np.column_stack([np.asarray(part, dtype=float) for part in parts])


def _random_examples(cut: int, horizon: int, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Origins and steps whose history and target lie before the cut."""
    at = rng.integers(HISTORY, cut - horizon + 1, size=BOOSTED_EXAMPLES)
    return at, rng.integers(1, horizon + 1, size=BOOSTED_EXAMPLES)


# ---- figures ----


def score(
    series: HourlySeries, horizon: int, first: list[int], forecast: Forecast
) -> dict[str, object]:
    """Means over tracks of what the forecasts at those origins give.

    CRPS and MAE in standard deviations of the track before the cut (``crps``, ``mae``), and per
    column in its own units; weighted quantile loss; coverage of the central intervals.
    """
    values = series.tracks(series.frame)
    unit = values[: series.cut].std(axis=0)
    drawn = np.concatenate([forecast(at) for at in first], axis=1)
    hours = np.concatenate([np.arange(at, at + horizon) for at in first])
    seen = series.observed[hours]
    drawn, real = drawn[:, seen], values[hours[seen]]
    ranked = crps(drawn, real).mean(axis=0)
    error = np.abs(quantiles(drawn, (0.5,))[0] - real).mean(axis=0)
    loss = [weighted_quantile_loss(drawn[..., k], real[:, k]) for k in range(len(unit))]
    own = pd.DataFrame({"column": series.track_columns, "crps": ranked, "mae": error})
    return {
        "crps": float((ranked / unit).mean()),
        "mae": float((error / unit).mean()),
        "wql": float(np.mean(loss)),
        **{f"cover_{share:.0%}": coverage(drawn, real, share) for share in COVERED},
        "columns": own.groupby("column", sort=False).mean().round(6).to_dict("index"),
    }
