"""Scalars as strict JSON, each with its type, so that 1, 1.0, "1" and True stay four things.

Strings, booleans, integers, finite floats and None are themselves; every other type is an object
with one tag, e.g. ``{"date": "2024-02-29"}``. Column labels, category levels and constants go
through here; there is no pickle anywhere.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd

Json = Any


def _naive_nanoseconds(value: pd.Timestamp | pd.Timedelta) -> list[Json]:
    unit = value.unit
    if isinstance(value, pd.Timestamp):
        naive = value.tz_convert("UTC").tz_localize(None) if value.tzinfo is not None else value
        count = int(naive.to_datetime64().astype(f"M8[{unit}]").astype(np.int64))
        return [count, unit, None if value.tzinfo is None else str(value.tzinfo)]
    return [int(value.to_timedelta64().astype(f"m8[{unit}]").astype(np.int64)), unit]


def _count(value: np.datetime64 | np.timedelta64) -> list[Json]:
    return [int(value.astype(np.int64)), np.datetime_data(value.dtype)[0]]


def _timestamp(parts: list[Json]) -> pd.Timestamp:
    count, unit, zone = parts
    value = pd.DatetimeIndex(np.array([int(count)], dtype=f"M8[{unit}]"))[0]
    return value if zone is None else value.tz_localize("UTC").tz_convert(str(zone))


def _timedelta(parts: list[Json]) -> pd.Timedelta:
    return pd.TimedeltaIndex(np.array([int(parts[0])], dtype=f"m8[{parts[1]}]"))[0]


# Order matters: a Timestamp is a datetime, a datetime is a date.
_WRITERS: tuple[tuple[type, str, Callable[[Any], Json]], ...] = (
    (pd.Timestamp, "timestamp", _naive_nanoseconds),
    (pd.Timedelta, "pandas timedelta", _naive_nanoseconds),
    (pd.Period, "period", lambda v: [int(v.ordinal), v.freqstr]),
    (pd.Interval, "interval", lambda v: [to_json(v.left), to_json(v.right), v.closed]),
    (dt.datetime, "datetime", lambda v: v.isoformat()),
    (dt.date, "date", lambda v: v.isoformat()),
    (dt.time, "time", lambda v: v.isoformat()),
    (dt.timedelta, "timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    (np.datetime64, "datetime64", lambda v: _count(v)),
    (np.timedelta64, "timedelta64", lambda v: _count(v)),
    (tuple, "tuple", lambda v: [to_json(item) for item in v]),
    (bytes, "bytes", lambda v: v.hex()),
    (Decimal, "decimal", str),
    (uuid.UUID, "uuid", str),
)

_READERS: dict[str, Callable[[Any], object]] = {
    "float": float,
    "timestamp": _timestamp,
    "pandas timedelta": _timedelta,
    "datetime64": lambda v: np.array([int(v[0])], dtype=f"M8[{v[1]}]")[0],
    "timedelta64": lambda v: np.array([int(v[0])], dtype=f"m8[{v[1]}]")[0],
    "period": lambda v: pd.Period(ordinal=int(v[0]), freq=str(v[1])),
    "interval": lambda v: pd.Interval(from_json(v[0]), from_json(v[1]), closed=v[2]),
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda v: dt.timedelta(int(v[0]), int(v[1]), int(v[2])),
    "tuple": lambda v: tuple(from_json(item) for item in v),
    "bytes": bytes.fromhex,
    "decimal": Decimal,
    "uuid": uuid.UUID,
}

SCALAR_TYPES = (str, bool, int, float, *(kind for kind, _, _ in _WRITERS if kind is not tuple))


def to_json(value: object) -> Json:
    """Strict JSON for one scalar or label.

    Raises
    ------
    TypeError
        If the type has no tag.
    """
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    for kind, tag, write in _WRITERS:
        if isinstance(value, kind):
            return {tag: write(value)}
    raise TypeError(
        f"{type(value).__name__} {value!r} has no place in a schema. Convert it to str."
    )


def from_json(data: Json) -> Any:
    """The scalar or label that :func:`to_json` wrote.

    Raises
    ------
    ValueError
        If the data is not what :func:`to_json` writes.
    """
    if data is None or isinstance(data, (bool, str, int, float)):
        return data
    if isinstance(data, dict) and len(data) == 1:
        tag, content = next(iter(data.items()))
        if tag in _READERS:
            try:
                return _READERS[tag](content)
            except (TypeError, ValueError, IndexError, InvalidOperation, OverflowError) as error:
                raise ValueError(f"malformed {tag} in a schema: {data!r}.") from error
    raise ValueError(f"malformed scalar in a schema: {data!r}. Expected JSON or one known tag.")


def typed_key(value: object) -> tuple[str, object]:
    """A dictionary key that keeps apart what Python calls equal (``1 == True == 1.0``).

    All missing tokens are gone before keys are made; -0.0 equals 0.0 and stays so.
    """
    if isinstance(value, np.generic):
        value = value.item()
    return type(value).__name__, value
