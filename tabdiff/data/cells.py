"""The cells of a column: a mask of the missing ones and the exact values of the others.

Forms with numbers underneath give int64, uint64 or float64 (a timestamp is its count of units since
1970, a Decimal its count of 10^-scale), booleans give bool, all else gives Python objects.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]

TOKENS: dict[str, Any] = {"NaN": float("nan"), "None": None, "NA": pd.NA, "NaT": pd.NaT}
EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)


class Cells(NamedTuple):
    """The cells of a column of n rows, m of which hold a value.

    Attributes
    ----------
    missing : bool array, (n,)
    values : array, (m,)
        The cells that are not missing, in row order.
    """

    missing: Array
    values: Array


def present(series: pd.Series) -> tuple[pd.Series, Array]:
    """The cells that hold a value, as a dense series, and the mask of the missing ones."""
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series.array), name=series.name)
    missing = np.array(series.isna(), dtype=bool)
    kind = getattr(series.dtype, "kind", "O")
    if kind == "f" and not isinstance(series.dtype, np.dtype):
        # Nullable and arrow floats can hold NaN beside NA: both are missing.
        missing |= np.isnan(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return (series[~missing] if missing.any() else series), missing


def holds_nul(values: Array) -> bool:
    """Whether a text holds a NUL: pandas tells texts apart up to their first one only."""
    try:
        return "\0" in "".join(values)
    except TypeError:  # not all are texts
        return any("\0" in value for value in values if isinstance(value, str))


def distinct(values: Array) -> Array:
    """Each value once, in order of appearance."""
    if values.dtype != object or not holds_nul(values):
        return np.asarray(pd.unique(values))
    found = list(dict.fromkeys(values))
    once = np.empty(len(found), dtype=object)
    once[:] = found
    return once


def inner_numpy(dtype: Any) -> np.dtype[Any]:
    """The numpy dtype of the values under a numpy, nullable or arrow numeric dtype.

    Raises
    ------
    ValueError
        If there is none, as a file may have it that does not fit together.
    """
    if isinstance(dtype, np.dtype):
        return dtype
    if not hasattr(dtype, "numpy_dtype"):
        raise ValueError(f"dtype {str(dtype)!r} holds no numbers.")
    return np.dtype(dtype.numpy_dtype)


def zone_to_text(zone: dt.tzinfo | None) -> str:
    """A time zone as text; empty for none.

    Raises
    ------
    ValueError
        If the zone has no name of its own (neither an IANA key nor a fixed offset).
    """
    if zone is None:
        return ""
    key = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if not key and (offset := zone.utcoffset(None)) is not None:
        zone = dt.timezone(offset)
    text = str(key) if key else str(zone)
    if zone_from_text(text).utcoffset(EPOCH) != zone.utcoffset(EPOCH):
        raise ValueError(f"time zone {zone!r} has no name")
    return text


def zone_from_text(text: str) -> dt.tzinfo:
    """The time zone of an IANA key, ``UTC`` or ``UTC+hh:mm``."""
    if text == "UTC":
        return dt.UTC
    if match := re.fullmatch(r"UTC([+-])(\d{1,2})(?::(\d{2}))?", text):
        offset = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return dt.timezone(offset if match[1] == "+" else -offset)
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"time zone {text!r} is unknown") from error


def zone_of_arrow(text: str | None) -> dt.tzinfo | None:
    """The time zone of an arrow type, which calls an offset ``+hh:mm``; None for none."""
    if not text:
        return None
    return zone_from_text(f"UTC{text}" if text[0] in "+-" else text)
