"""Gaps in what is held out, filled with draws.

``fill(series, first, hidden, seed)`` gets a stretch of hours from ``first`` on of which the cells
``hidden`` (hours, tracks) are gone, and gives draws (DRAWS, hours, tracks) of the whole stretch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.draws import coverage, crps, quantiles
from benchmarks.series_data import DAY, HourlySeries, Numbers

Hidden = npt.NDArray[np.bool_]
Fill = Callable[[HourlySeries, int, Hidden, int], Numbers]

LAWS = ("cells", "blocks")
CELLS, BLOCKS = 0.3, 0.2
DRAWS = 20
COVERED = (0.5, 0.8, 0.95)
# Hours to the nearest cell that is known, the upper ends of the classes of errors.
NEAR = np.array([1, 2, 4, 8])


def hide(law: str, shape: tuple[int, int], rng: np.random.Generator) -> Hidden:
    """Cells to hide: "cells", each with probability 0.3; "blocks", days of a track, about 0.2."""
    if law == "cells":
        return rng.random(shape) < CELLS
    hidden = np.zeros(shape, dtype=bool)
    for track in range(shape[1]):
        for _ in range(max(1, round(BLOCKS * shape[0] / DAY))):
            start = rng.integers(0, max(1, shape[0] - DAY + 1))
            hidden[start : start + DAY, track] = True
    return hidden


def filled_linearly(values: Numbers, hidden: Hidden) -> Numbers:
    """Straight lines between what is known; the nearest beyond its ends."""
    filled, hours = values.copy(), np.arange(len(values))
    for track in range(values.shape[1]):
        gone = hidden[:, track]
        filled[gone, track] = np.interp(hours[gone], hours[~gone], values[~gone, track])
    return filled


def filled_by_season(values: Numbers, hidden: Hidden) -> Numbers:
    """The mean of the nearest known values a whole number of days before and after.

    Where none is known at that time of day, as `filled_linearly`.
    """
    filled, line = values.copy(), filled_linearly(values, hidden)
    for start in range(DAY):
        known, gone = ~hidden[start::DAY], hidden[start::DAY]
        for track in range(values.shape[1]):
            of_hour = values[start::DAY, track]
            places = np.flatnonzero(known[:, track])
            for day in np.flatnonzero(gone[:, track]):
                sides = [places[places < day][-1:], places[places > day][:1]]
                near = np.concatenate(sides)
                at = start + DAY * day
                filled[at, track] = of_hour[near].mean() if len(near) else line[at, track]
    return filled


def with_past_errors(method: Callable[[Numbers, Hidden], Numbers]) -> Fill:
    """A method of one value, plus errors that it made before the cut under the same hiding.

    The errors are of the same track and of cells about as far from the nearest known one.
    """

    def fill(series: HourlySeries, first: int, hidden: Hidden, seed: int) -> Numbers:
        values = series.tracks(series.frame)
        stretch = values[first : first + len(hidden)]
        base, far = method(stretch, hidden), distance(hidden)
        errors, classes = _past_errors(values[: series.cut], hidden, method)
        rng = np.random.default_rng(seed)
        drawn = np.repeat(base[None], DRAWS, axis=0)
        for hour, track in np.argwhere(hidden):
            alike = errors[track][classes[track] == far[hour, track]]
            pool = alike if len(alike) else errors[track]
            drawn[:, hour, track] += pool[rng.integers(len(pool), size=DRAWS)]
        return drawn

    return fill


def distance(hidden: Hidden) -> npt.NDArray[np.int64]:
    """Class by `NEAR` of the hours from each cell to the nearest known one of its track."""
    hours = np.arange(len(hidden))
    classes = np.zeros(hidden.shape, dtype=np.int64)
    for track in range(hidden.shape[1]):
        known = np.flatnonzero(~hidden[:, track])
        after = np.searchsorted(known, hours)
        sides = [known[np.clip(after + k, 0, len(known) - 1)] for k in (-1, 0)]
        away = np.min([np.abs(side - hours) for side in sides], axis=0)
        classes[:, track] = np.searchsorted(NEAR, away)
    return classes


def _past_errors(
    past: Numbers, hidden: Hidden, method: Callable[[Numbers, Hidden], Numbers]
) -> tuple[list[Numbers], list[npt.NDArray[np.int64]]]:
    """Per track the errors in at most four stretches before the cut, and their classes."""
    span = min(len(hidden), len(past))
    gone = hidden[:span]
    starts = range(len(past) - span, -1, -span)[:4]
    away = [past[at : at + span] - method(past[at : at + span], gone) for at in starts]
    far = distance(gone)
    tracks = range(past.shape[1])
    errors = [np.concatenate([one[gone[:, k], k] for one in away]) for k in tracks]
    return errors, [np.tile(far[gone[:, k], k], len(starts)) for k in tracks]


def score(series: HourlySeries, first: int, hidden: Hidden, drawn: Numbers) -> dict[str, float]:
    """Means over tracks: CRPS and MAE of the median in standard deviations, and coverage.

    Of cells that were hidden and whose hour was observed.
    """
    values = series.tracks(series.frame)
    unit = values[: series.cut].std(axis=0)
    stretch = slice(first, first + len(hidden))
    judged = hidden & series.observed[stretch, None]
    found: dict[str, list[float]] = {}
    for track in np.flatnonzero(judged.any(axis=0)):
        here = judged[:, track]
        draws, real = drawn[:, here, track], values[stretch][here, track]
        error = np.abs(quantiles(draws, (0.5,))[0] - real)
        one = {
            "crps": float(crps(draws, real).mean() / unit[track]),
            "mae": float(error.mean() / unit[track]),
        }
        one |= {f"cover_{share:.0%}": coverage(draws, real, share) for share in COVERED}
        for name, value in one.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}
