"""Families of the dtypes of numpy and pandas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials.catalogue.family import (
    CIVIL,
    MOMENT,
    UNITS,
    WHOLE,
    ZONED,
    Counts,
    Family,
    Rng,
    Series,
)


def _zeros(counts: Counts, dtype: Any) -> np.ndarray:
    return np.array([0 if count is None else count for count in counts], dtype=dtype)


def _missing(counts: Counts) -> np.ndarray:
    return np.array([count is None for count in counts], dtype=bool)


def _numpy(dtype: str) -> Family:
    ends = np.iinfo(dtype)
    make = lambda counts, rng: Series(_zeros(counts, dtype))  # noqa: E731
    return Family(int(ends.min), int(ends.max), make, can_miss=False)


def _nullable(dtype: str) -> Family:
    ends = np.iinfo(dtype.lower())
    return Family(int(ends.min), int(ends.max), lambda c, rng: Series(list(c), dtype=dtype))


def _floats(of: Callable[[int], float], dtype: str, low: int, high: int) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        values = [np.nan if count is None else of(count) for count in counts]
        return Series(np.array(values, dtype="float64").astype(dtype.lower())).astype(dtype)

    return Family(low, high, make)


def _of_bits(count: int) -> float:
    """The positive float of a bit pattern: every scale there is."""
    return float(np.int64(count).view(np.float64))


_FINITE = int(np.float64(np.finfo(np.float64).max).view(np.int64))
INTEGERS = {
    **{name: _numpy(name) for name in WHOLE},
    **{
        name: _nullable(name)
        for name in (dtype.replace("int", "Int").replace("u", "U") for dtype in WHOLE)
    },
}
FLOATS = {
    "float64": _floats(lambda c: c * 0.7310585786300049, "float64", -(2**60), 2**60),
    "float64 of every scale": _floats(_of_bits, "float64", 0, _FINITE),
    "float64 neighbours": _floats(
        lambda c: _of_bits(0x3FF0000000000000 + c), "float64", -1000, 1000
    ),
    "float64 whole": _floats(float, "float64", -(2**53), 2**53),
    "float64 cents": _floats(lambda c: c / 100, "float64", -(10**11), 10**11),
    "float64 eighths on 1e15": _floats(lambda c: 1e15 + c / 8, "float64", -(10**6), 10**6),
    "float64 1e300": _floats(lambda c: c * 1e300, "float64", -(10**8), 10**8),
    "float64 1e-300": _floats(lambda c: c * 1e-300, "float64", -(10**8), 10**8),
    "float64 subnormal": _floats(lambda c: c * 5e-324, "float64", -(10**12), 10**12),
    "float64 signed zero": _floats(lambda c: c * -0.0 if c % 2 else c * 1.0, "float64", 0, 3),
    "float32": _floats(lambda c: c * 0.7310585786300049, "float32", -(2**60), 2**60),
    "float32 tenths": _floats(lambda c: c / 10, "float32", -(10**5), 10**5),
    "float16": _floats(lambda c: c / 7, "float16", -450_000, 450_000),
    "Float64": _floats(lambda c: c * 0.7310585786300049, "Float64", -(2**60), 2**60),
    "Float64 cents": _floats(lambda c: c / 100, "Float64", -(10**11), 10**11),
    "Float32": _floats(lambda c: c / 4, "Float32", -(10**6), 10**6),
}


def _moments(unit: str, zone: Any, low: int, high: int) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        values = _zeros(counts, "int64").view(f"M8[{unit}]")
        values[_missing(counts)] = np.datetime64("NaT")
        series = Series(values)
        return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)

    return Family(low, high, make)


def _spans(counts: Counts, unit: str) -> Series:
    values = _zeros(counts, "int64").view(f"m8[{unit}]")
    values[_missing(counts)] = np.timedelta64("NaT")
    return Series(values)


def _periods(frequency: str, low: int, high: int) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        ordinals = np.where(_missing(counts), np.iinfo(np.int64).min, _zeros(counts, "int64"))
        return Series(pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(frequency)))

    return Family(low, high, make)


ZONES = ("UTC", "Europe/Paris", "Australia/Lord_Howe", "America/St_Johns")
TIMES = {
    **{f"datetime64[{unit}]": _moments(unit, None, *CIVIL[unit]) for unit in UNITS},
    **{
        f"datetime64[{unit}, {zone}]": _moments(unit, zone, *ZONED[unit])
        for unit, zone in zip(("ns", "s", "us", "ms"), ZONES, strict=True)
    },
    "datetime64[ns] days": Family(
        -10_000, 20_000, lambda c, rng: _moments("s", None, 0, 0).make(
            [None if v is None else v * 86_400 for v in c], rng).astype("datetime64[ns]"),
    ),
    "datetime64[ns, -03:30]": _moments(
        "ns", dt.timezone(-dt.timedelta(hours=3, minutes=30)), *CIVIL["ns"]
    ),
    "datetime64[us, clock change]": _moments(
        "us", "Europe/Paris", 1_603_584_000_000_000, 1_603_688_400_000_000
    ),
    **{
        f"timedelta64[{unit}]": Family(*MOMENT, lambda c, rng, unit=unit: _spans(c, unit))
        for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"period[{frequency}]": _periods(frequency, -500, 5000)
        for frequency in ("D", "M", "Q-DEC", "Q-FEB", "Y-DEC", "h", "W-WED", "W-SUN", "s", "2M")
    },
}  # fmt: skip


def _intervals(of: Callable[[int], Any], closed: str) -> Callable[[Counts, Rng], Series]:
    def make(counts: Counts, rng: Rng) -> Series:
        ends = [np.nan if c is None else pd.Interval(of(c), of(c + 1), closed) for c in counts]
        return Series(pd.arrays.IntervalArray(ends, closed=closed))

    return make


def _sparse(base: str, fill: Any, can_miss: bool) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        values = np.array(
            [np.nan if c is None else c % 5 if base != "bool" else c % 2 for c in counts]
        )
        return Series(values.astype(base)).astype(pd.SparseDtype(base, fill))

    return Family(0, 1000, make, can_miss)


def _truths(dtype: str) -> Callable[[Counts, Rng], Series]:
    return lambda counts, rng: Series([None if c is None else bool(c) for c in counts], dtype=dtype)


EXTENSIONS = {
    "interval of ints": Family(0, 9, _intervals(int, "left"), can_miss=False),
    "interval of floats": Family(0, 9, _intervals(lambda c: c / 4, "right")),
    "interval of moments": Family(0, 9, _intervals(lambda c: pd.Timestamp(2020, 1, 1 + c), "both")),
    "Sparse float": _sparse("float64", 0.0, True),
    "Sparse float NaN": _sparse("float64", np.nan, True),
    "Sparse float32": _sparse("float32", 1.0, True),
    "Sparse int": _sparse("int64", 0, False),
    "Sparse uint8": _sparse("uint8", 3, False),
    "Sparse bool": _sparse("bool", False, False),
    "bool": Family(0, 1, _truths("bool"), can_miss=False),
    "boolean": Family(0, 1, _truths("boolean")),
}
