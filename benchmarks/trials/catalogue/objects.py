"""Families of text, of categories of anything, and of plain Python objects."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from inspect import signature
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from benchmarks.trials.catalogue.family import (
    DAYS,
    EPOCH,
    MICROSECOND,
    MOMENT,
    WHOLE,
    Counts,
    Family,
    Rng,
    Series,
)

TEXTS = (
    "a",
    "b",
    "",
    " ",
    "nan",
    "None",
    "NaT",
    "<NA>",
    "inf",
    "TRUE",
    "é",
    "e\u0301",
    "\U0001f600",
)
TEXTS += (
    "=cmd()",
    "a\nb",
    "\0",
    "a\0b",
    "a\0c",
    "0123",
    "1,234",
    "1e5",
    "12 %",
    "\u202eabc",
    "x" * 999,
)
TEXTS += ("\ud800", "-", "2020-02-30", "2020-01-01", "24:00", "\ufeff", "\\N", "'", '"', "a,b", "A")


def _odd_text(count: int) -> str:
    return TEXTS[count] if count < len(TEXTS) else f"t{count}"


def plain_text(count: int) -> str:
    return TEXTS[count].replace("\ud800", "\ufffd") if count < len(TEXTS) else f"t{count}"


def _texts(dtype: Any) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        return Series([None if c is None else plain_text(c) for c in counts], dtype=dtype)

    return Family(0, 500, make)


def cells(values: Sequence[object]) -> Series:
    series = Series([None] * len(values), dtype=object)
    series[:] = values
    return series


TOKENS = (None, float("nan"), pd.NA, pd.NaT)


def _objects(of: Callable[[int], object], low: int, high: int) -> Family:
    def make(counts: Counts, rng: Rng) -> Series:
        tokens = TOKENS[:3] if rng.random() < 0.2 else [TOKENS[int(rng.integers(3))]]
        drawn = rng.integers(0, len(tokens), len(counts))
        return cells(
            [tokens[at] if c is None else of(c) for c, at in zip(counts, drawn, strict=True)]
        )

    return Family(low, high, make)


def _categories(of: Callable[[int], Any], high: int, ordered: bool = False) -> Family:
    """Categories of some dtype, some of them unused, in an order of their own."""

    def make(counts: Counts, rng: Rng) -> Series:
        levels = [of(c) for c in {c for c in counts if c is not None} | {0, high}]
        index = pd.Index([levels[i] for i in rng.permutation(len(levels))])
        cells = [None if c is None else of(c) for c in counts]
        return Series(pd.Categorical(cells, dtype=pd.CategoricalDtype(index, ordered)))

    return Family(0, high, make)


_STAMP = pd.Timestamp("2020-01-01 10:00")
_MIXED = (1, "1", True, 1.0, "", b"1", Decimal(1), dt.date(2020, 1, 1), 0, False, "True", 2**70)
CATEGORIES = {
    "category of text": _categories(_odd_text, 500),
    "category of ints": _categories(lambda c: c - 3, 400),
    "category of floats": _categories(lambda c: c / 8, 400),
    "category of truths": _categories(bool, 1),
    "category of moments": _categories(lambda c: _STAMP + pd.Timedelta(c, "D"), 200),
    "category of zoned moments": _categories(
        lambda c: _STAMP.tz_localize("Europe/Paris") + pd.Timedelta(c, "D"), 200
    ),
    "category of spans": _categories(lambda c: pd.Timedelta(c, "h"), 200),
    "category of periods": _categories(lambda c: pd.Period(ordinal=c, freq="M"), 200),
    "category of intervals": _categories(lambda c: pd.Interval(c, c + 1), 50),
    "category of dates": _categories(lambda c: dt.date(2020, 1, 1) + dt.timedelta(c), 50),
    "category of decimals": _categories(lambda c: Decimal(c).scaleb(-1), 50),
    "category of bytes": _categories(lambda c: bytes([c]), 50),
    "category of many types": _categories(lambda c: _MIXED[c % 2 * 7], 1),
    "ordered category": _categories(plain_text, 30, ordered=True),
    "ordered category of ints": _categories(int, 30, ordered=True),
}
_MICROSECONDS = (DAYS[0] * 86_400_000_000, DAYS[1] * 86_400_000_000)
_PARIS = ZoneInfo("Europe/Paris")
OBJECTS = {
    "objects: text": _objects(_odd_text, 0, 500),
    "objects: numpy text": _objects(lambda c: np.str_(_odd_text(c)), 0, 500),
    "objects: e-mail addresses": _objects(lambda c: f"p{c}@tabdiff.org", 0, 500),
    "objects: UUIDs as text": _objects(lambda c: str(uuid.UUID(int=c * 2**80 + 7)), 0, 10**9),
    "objects: days as text": _objects(
        lambda c: (EPOCH.date() + dt.timedelta(c)).isoformat(), *DAYS
    ),
    "objects: seconds as text": _objects(
        lambda c: (EPOCH + dt.timedelta(seconds=c)).isoformat(" "), -(10**9), 10**10
    ),
    "objects: minutes as text": _objects(
        lambda c: (EPOCH + dt.timedelta(minutes=c)).isoformat()[:16], -(10**7), 10**8
    ),
    "objects: ints": _objects(int, *WHOLE["int64"]),
    "objects: numpy ints": _objects(np.int64, *WHOLE["int64"]),
    "objects: ints beyond int64": _objects(int, 0, 2**64 - 1),
    "objects: ints beyond uint64": _objects(int, -(10**40), 10**40),
    "objects: floats": _objects(lambda c: c / 4, -(2**50), 2**50),
    "objects: ints and floats": _objects(lambda c: c / 2 if c % 2 else c // 2, -1000, 1000),
    "objects: truths": _objects(bool, 0, 1),
    "objects: many types": _objects(lambda c: _MIXED[c], 0, len(_MIXED) - 1),
    "objects: decimals": _objects(lambda c: Decimal(c).scaleb(-2), -(10**15), 10**15),
    "objects: wide decimals": _objects(lambda c: Decimal(c).scaleb(-9), -(10**30), 10**30),
    "objects: decimals of any scale": _objects(
        lambda c: Decimal(c).scaleb(-(c % 4)), -(10**6), 10**6
    ),
    "objects: fractions of decimals": _objects(
        lambda c: Decimal("NaN") if c == 3 else Decimal(c), 0, 50
    ),
    "objects: bytes": _objects(lambda c: bytes([c % 256, 255]), 0, 300),
    "objects: UUIDs": _objects(lambda c: uuid.UUID(int=c * 2**80 + 7), 0, 10**9),
    "objects: dates": _objects(lambda c: EPOCH.date() + dt.timedelta(c), *DAYS),
    "objects: times": _objects(
        lambda c: (EPOCH + c * MICROSECOND).time(), 0, 86_399_999_999
    ),
    "objects: datetimes": _objects(lambda c: EPOCH + c * MICROSECOND, *_MICROSECONDS),
    "objects: zoned datetimes": _objects(
        lambda c: (EPOCH + c * MICROSECOND).replace(tzinfo=dt.UTC).astimezone(_PARIS),
        *_MICROSECONDS,
    ),
    "objects: timestamps": _objects(lambda c: pd.Timestamp(c), *MOMENT),
    "objects: zoned timestamps": _objects(
        lambda c: pd.Timestamp(c, tz="Asia/Tokyo"), -(2**62), 2**62
    ),
    "objects: timedeltas": _objects(lambda c: c * MICROSECOND, -(10**18), 10**18),
    "objects: pandas timedeltas": _objects(lambda c: pd.Timedelta(c), *MOMENT),
    "objects: periods": _objects(lambda c: pd.Period(ordinal=c, freq="Q-DEC"), -500, 900),
    "objects: periods of many frequencies": _objects(
        lambda c: pd.Period(ordinal=c, freq="MD"[c % 2]), 0, 500
    ),
    "objects: intervals": _objects(lambda c: pd.Interval(c, c + 1), 0, 30),
    "objects: numpy moments": _objects(lambda c: np.datetime64(c, "s"), -(10**9), 10**10),
}  # fmt: skip
TEXT_DTYPES = {
    "string[python]": _texts("string[python]"),
    "string[pyarrow]": _texts("string[pyarrow]"),
}
# Only newer pandas have strings whose missing cell is NaN.
if "na_value" in signature(pd.StringDtype).parameters:
    TEXT_DTYPES |= {
        "str": _texts(pd.StringDtype("python", na_value=np.nan)),
        "str[pyarrow]": _texts(pd.StringDtype("pyarrow", na_value=np.nan)),
    }
