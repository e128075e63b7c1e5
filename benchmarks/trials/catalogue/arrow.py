"""Families of arrow's types, which are polars' as well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.trials.catalogue.family import (
    CIVIL,
    DAYS,
    EPOCH,
    UNITS,
    WHOLE,
    ZONED,
    Counts,
    Family,
    Rng,
    Series,
)
from benchmarks.trials.catalogue.objects import plain_text

_WIDE = Context(prec=60)


def _arrow(kind: Any, low: int, high: int, of: Callable[[int], Any] = int) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        cells = [None if count is None else of(count) for count in counts]
        return Series(pd.arrays.ArrowExtensionArray(pa.array(cells, type=kind)))

    return Family(low, high, make)


def _arrow_double(counts: Counts, rng: Rng) -> Series:
    """Missing cells that are null, and some that are NaN."""
    of_nan = rng.random(len(counts)) < rng.choice([0.0, 0.5, 1.0])
    cells = [
        (np.nan if nan else None) if c is None else c / 3
        for c, nan in zip(counts, of_nan, strict=True)
    ]
    return Series(pd.arrays.ArrowExtensionArray(pa.array(cells, type=pa.float64())))


def _arrow_dictionary(counts: Counts, rng: Rng) -> Series:
    cells = pa.array([None if c is None else plain_text(c) for c in counts], pa.string())
    return Series(pd.arrays.ArrowExtensionArray(cells.dictionary_encode()))


ARROW = {
    **{f"arrow {name}": _arrow(getattr(pa, name)(), *ends) for name, ends in WHOLE.items()},
    "arrow double": Family(-(10**6), 10**6, _arrow_double),
    "arrow float": _arrow(pa.float32(), -(10**6), 10**6, lambda c: c / 4),
    "arrow halffloat": _arrow(pa.float16(), -2000, 2000, lambda c: np.float16(c / 4)),
    "arrow bool": _arrow(pa.bool_(), 0, 1, bool),
    "arrow string": _arrow(pa.string(), 0, 500, plain_text),
    "arrow large_string": _arrow(pa.large_string(), 0, 500, plain_text),
    "arrow binary": _arrow(pa.binary(), 0, 255, lambda c: bytes([c, 255])),
    "arrow large_binary": _arrow(pa.large_binary(), 0, 255, lambda c: bytes([c])),
    "arrow binary(2)": _arrow(pa.binary(2), 0, 255, lambda c: bytes([c, 0])),
    **{f"arrow timestamp[{unit}]": _arrow(pa.timestamp(unit), *CIVIL[unit]) for unit in UNITS},
    "arrow timestamp[us, Paris]": _arrow(pa.timestamp("us", "Europe/Paris"), *ZONED["us"]),
    "arrow timestamp[ns, +05:30]": _arrow(pa.timestamp("ns", "+05:30"), *ZONED["ns"]),
    **{f"arrow duration[{unit}]": _arrow(pa.duration(unit), -(2**43), 2**43) for unit in UNITS},
    "arrow date32": _arrow(pa.date32(), *DAYS),
    "arrow date64": _arrow(
        pa.date64(), *DAYS, of=lambda c: EPOCH.date() + dt.timedelta(c)
    ),
    "arrow time32[s]": _arrow(pa.time32("s"), 0, 86_399),
    "arrow time32[ms]": _arrow(pa.time32("ms"), 0, 86_399_999),
    "arrow time64[us]": _arrow(pa.time64("us"), 0, 86_399_999_999),
    "arrow time64[ns]": _arrow(pa.time64("ns"), 0, 86_399_999_999, lambda c: c * 1000),
    "arrow decimal128": _arrow(
        pa.decimal128(12, 2), -(10**11), 10**11, lambda c: Decimal(c).scaleb(-2)
    ),
    "arrow wide decimal128": _arrow(
        pa.decimal128(38, 9), -(10**37), 10**37, lambda c: Decimal(c).scaleb(-9, _WIDE)
    ),
    "arrow decimal256": _arrow(
        pa.decimal256(50, 3), -(10**45), 10**45, lambda c: Decimal(c).scaleb(-3, _WIDE)
    ),
    "arrow dictionary": Family(0, 500, _arrow_dictionary),
}  # fmt: skip
