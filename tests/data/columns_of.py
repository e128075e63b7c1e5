"""Columns of every family that constraints compare, made from whole numbers."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

Counts = Sequence[int | None]
EPOCH = dt.datetime(2000, 1, 1)


class Family(NamedTuple):
    """How counts become a column; columns of one group are compared.

    A count stands for ``count / per`` units of the group.
    """

    group: str
    least: int
    most: int
    per: float
    can_miss: bool
    make: Callable[[Counts], pd.Series]


def _filled(counts: Counts, fill: int = 0) -> list[int]:
    return [fill if count is None else count for count in counts]


def _objects(counts: Counts, make: Callable[[int], object], missing: object = None) -> pd.Series:
    series = pd.Series([missing] * len(counts), dtype=object)
    series[:] = [missing if count is None else make(count) for count in counts]
    return series


def _numpy(dtype: str) -> Callable[[Counts], pd.Series]:
    return lambda counts: pd.Series(np.array(_filled(counts), dtype=dtype))


def _nullable(dtype: str) -> Callable[[Counts], pd.Series]:
    return lambda counts: pd.Series(list(counts), dtype=dtype)


def _decimal_floats(digits: int, dtype: str) -> Callable[[Counts], pd.Series]:
    def make(counts: Counts) -> pd.Series:
        values = [np.nan if count is None else count / 10.0**digits for count in counts]
        return pd.Series(values, dtype="float64").astype(dtype)

    return make


def _moments(unit: str, zone: str | None = None) -> Callable[[Counts], pd.Series]:
    def make(counts: Counts) -> pd.Series:
        values = np.array(_filled(counts), dtype="int64").view(f"M8[{unit}]")
        values[[count is None for count in counts]] = np.datetime64("NaT")
        series = pd.Series(values)
        return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)

    return make


def _spans(unit: str) -> Callable[[Counts], pd.Series]:
    def make(counts: Counts) -> pd.Series:
        values = np.array(_filled(counts), dtype="int64").view(f"m8[{unit}]")
        values[[count is None for count in counts]] = np.timedelta64("NaT")
        return pd.Series(values)

    return make


def _arrow(kind: Any) -> Callable[[Counts], pd.Series]:
    def make(counts: Counts) -> pd.Series:
        if pa.types.is_decimal(kind):
            values = [None if c is None else Decimal(c).scaleb(-kind.scale) for c in counts]
        elif pa.types.is_date(kind):
            values = [None if c is None else EPOCH.date() + dt.timedelta(c) for c in counts]
        else:
            values = list(counts)
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, type=kind)))

    return make


def _text(form: str, seconds: int) -> Callable[[Counts], pd.Series]:
    return lambda counts: _objects(
        counts, lambda c: (EPOCH + dt.timedelta(seconds=c * seconds)).strftime(form)
    )


def _periods(counts: Counts) -> pd.Series:
    ordinals = np.array([np.iinfo(np.int64).min if c is None else c for c in counts])
    return pd.Series(pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype("M")))


_WIDE = 2**62

FAMILIES: dict[str, Family] = {
    **{
        name: Family(
            "number", *((0, 2 ** int(name[4:]) - 1) if name[0] == "u" else (
                -(2 ** (int(name[3:]) - 1)), 2 ** (int(name[3:]) - 1) - 1)), 1, False, _numpy(name)
        )
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    },
    "Int8": Family("number", -128, 127, 1, True, _nullable("Int8")),
    "Int64": Family("number", -(2**63), 2**63 - 1, 1, True, _nullable("Int64")),
    "UInt64": Family("number", 0, 2**64 - 1, 1, True, _nullable("UInt64")),
    "object ints": Family("number", -(2**60), 2**60, 1, True, lambda c: _objects(c, int)),
    "cents": Family("number", -(10**13), 10**13, 100, True, _decimal_floats(2, "float64")),
    "thousandths": Family("number", -(10**12), 10**12, 1000, True, _decimal_floats(3, "float64")),
    "whole floats": Family("number", -(2**50), 2**50, 1, True, _decimal_floats(0, "float64")),
    "float32 tenths": Family("number", -(10**6), 10**6, 10, True, _decimal_floats(1, "float32")),
    "Float64": Family("number", -(10**9), 10**9, 100, True, _decimal_floats(2, "Float64")),
    "decimals": Family(
        "number", -(10**15), 10**15, 100, True,
        lambda c: _objects(c, lambda v: Decimal(v).scaleb(-2)),
    ),
    "arrow int32": Family("number", -(2**31), 2**31 - 1, 1, True, _arrow(pa.int32())),
    "arrow decimal": Family("number", -(10**8), 10**8, 100, True, _arrow(pa.decimal128(9, 2))),
    "M8[s]": Family("moment", -(2**35), 2**35, 1, True, _moments("s")),
    "M8[ms]": Family("moment", -(2**45), 2**45, 10**3, True, _moments("ms")),
    "M8[us]": Family("moment", -(2**55), 2**55, 10**6, True, _moments("us")),
    "M8[ns]": Family("moment", -_WIDE, _WIDE, 10**9, True, _moments("ns")),
    "date text": Family("moment", 0, 9000, 1 / 86400, True, _text("%Y-%m-%d", 86400)),
    "minute text": Family("moment", 0, 10**6, 1 / 60, True, _text("%Y-%m-%d %H:%M", 60)),
    "second text": Family("moment", 0, 10**8, 1, True, _text("%Y-%m-%d %H:%M:%S", 1)),
    "datetimes": Family(
        "moment", 0, 10**13, 10**6, True,
        lambda c: _objects(c, lambda v: EPOCH + dt.timedelta(microseconds=v)),
    ),
    "dates": Family(
        "moment", 0, 9000, 1 / 86400, True,
        lambda c: _objects(c, lambda v: EPOCH.date() + dt.timedelta(v)),
    ),
    "arrow timestamp": Family("moment", 0, 2**50, 10**6, True, _arrow(pa.timestamp("us"))),
    "arrow date32": Family("moment", 0, 9000, 1 / 86400, True, _arrow(pa.date32())),
    "arrow date64": Family("moment", 0, 9000, 1 / 86400, True, _arrow(pa.date64())),
    "zoned ns": Family("zoned", -(2**60), 2**60, 10**9, True, _moments("ns", "Europe/Paris")),
    "zoned s": Family("zoned", -(2**33), 2**33, 1, True, _moments("s", "Asia/Tokyo")),
    "arrow zoned": Family("zoned", 0, 2**50, 10**6, True, _arrow(pa.timestamp("us", "UTC"))),
    "m8[s]": Family("span", -(2**40), 2**40, 1, True, _spans("s")),
    "m8[ns]": Family("span", -_WIDE, _WIDE, 10**9, True, _spans("ns")),
    "timedeltas": Family(
        "span", -(10**12), 10**12, 10**6, True,
        lambda c: _objects(c, lambda v: dt.timedelta(microseconds=v)),
    ),
    "arrow duration": Family("span", -(2**40), 2**40, 10**3, True, _arrow(pa.duration("ms"))),
    "times": Family(
        "clock", 0, 86399, 1, True,
        lambda c: _objects(c, lambda v: (EPOCH + dt.timedelta(seconds=v)).time()),
    ),
    "periods": Family("period", -1000, 1000, 1, True, _periods),
}  # fmt: skip
