"""What a family of columns is, and the ends of what moments and days can be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

Rng = np.random.Generator
Counts = Sequence[int | None]
Series = pd.Series
EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)
# The least int64 is NaT.
MOMENT = (-(2**63) + 1, 2**63 - 1)
# Of years 1 to 9999, so that a time zone reaches beyond neither.
DAYS = (-719_160, 2_932_894)
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
CIVIL = {
    unit: (max(MOMENT[0], DAYS[0] * 86_400 * per), min(MOMENT[1], DAYS[1] * 86_400 * per))
    for unit, per in UNITS.items()
}
# Of years 1678 to 2261, less some days: beyond, pandas 2.3 crashes on moments of a named zone.
ZONED = {unit: (-(2**33) * per, 2**33 * per) for unit, per in UNITS.items()}
WHOLE = {
    f"{sign}int{bits}": (0 if sign else -(2 ** (bits - 1)), 2 ** (bits if sign else bits - 1) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}


class Family(NamedTuple):
    """How whole numbers, None for a missing cell, become a series.

    Attributes
    ----------
    low, high : int
        The ends of the counts.
    make : callable
        From counts and a generator, which chooses kinds of missing cells and the like.
    can_miss : bool
    """

    low: int
    high: int
    make: Callable[[Counts, Rng], Series]
    can_miss: bool = True
