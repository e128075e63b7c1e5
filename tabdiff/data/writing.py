"""Exact values to the series they came from: the inverse of :mod:`tabdiff.data.reading`.

Dtype, unit, time zone and kind of missing value come back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data import iso
from tabdiff.data.cells import EPOCH, MICROSECOND, TOKENS, Array, Cells, inner_numpy, zone_from_text
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype

_WIDE = Context(prec=60)


def write_cells(cells: Cells, column: Column) -> pd.Series:
    """The series of these cells, in the column's own dtype; the index counts from 0."""
    if column.dtype == "category":
        return _write_category(cells, column)
    dtype = dtype_from_text(column.dtype)
    if isinstance(dtype, pd.ArrowDtype):
        return _write_arrow(cells, column, dtype)
    inner = inner_dtype(dtype)
    dense = _WRITERS.get(_storage(inner), _write_extension)(cells, column, inner)
    return dense.astype(dtype) if isinstance(dtype, pd.SparseDtype) else dense


def _storage(dtype: Any) -> str:
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "M"
    return dtype.kind if isinstance(dtype, np.dtype) else "extension"


def _full(cells: Cells, fill: object, dtype: Any) -> Array:
    if not cells.missing.any():
        return cells.values.astype(dtype)
    full: Array = np.full(len(cells.missing), fill, dtype=dtype)
    full[~cells.missing] = cells.values.astype(dtype)
    return full


def _write_plain(cells: Cells, column: Column, dtype: np.dtype[Any]) -> pd.Series:
    return pd.Series(_full(cells, 0, dtype))


def _write_float(cells: Cells, column: Column, dtype: np.dtype[Any]) -> pd.Series:
    return pd.Series(_full(cells, np.nan, dtype))


def _write_count(cells: Cells, column: Column, dtype: Any) -> pd.Series:
    """Counts since 1970 as numpy timestamps or durations; NaT is the least int64."""
    counts = _full(cells, np.iinfo(np.int64).min, np.int64)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return (
            pd.Series(counts.view(f"M8[{dtype.unit}]"))
            .dt.tz_localize("UTC")
            .dt.tz_convert(dtype.tz)
        )
    return pd.Series(counts.view(dtype))


def _write_object(cells: Cells, column: Column, dtype: np.dtype[Any]) -> pd.Series:
    full: Array = np.full(len(cells.missing), TOKENS[column.missing], dtype=object)
    full[~cells.missing] = to_objects(cells.values, column)
    return pd.Series(full, dtype=object)


def _write_extension(cells: Cells, column: Column, dtype: Any) -> pd.Series:
    if isinstance(dtype, pd.PeriodDtype):
        counts = _full(cells, np.iinfo(np.int64).min, np.int64)
        return pd.Series(pd.arrays.PeriodArray(counts, dtype=dtype))
    if dtype.kind in "iu":
        return pd.Series(pd.arrays.IntegerArray(_full(cells, 0, dtype.numpy_dtype), cells.missing))
    if dtype.kind == "f":
        full = _full(cells, 0, dtype.numpy_dtype)
        return pd.Series(pd.arrays.FloatingArray(full, cells.missing))
    if dtype.kind == "b":
        return pd.Series(pd.arrays.BooleanArray(_full(cells, False, bool), cells.missing))
    objects: Array = np.full(len(cells.missing), dtype.na_value, dtype=object)
    objects[~cells.missing] = to_objects(cells.values, column)
    return pd.Series(pd.array(objects, dtype=dtype))


_WRITERS: dict[str, Callable[[Cells, Column, Any], pd.Series]] = {
    "i": _write_plain,
    "u": _write_plain,
    "b": _write_plain,
    "f": _write_float,
    "M": _write_count,
    "m": _write_count,
    "O": _write_object,
}


def _write_category(cells: Cells, column: Column) -> pd.Series:
    levels: Any = column.categories
    if levels is None:
        levels = sorted(set(cells.values), key=lambda level: (type(level).__name__, level))
    inner = dtype_from_text(column.category_dtype) if column.category_dtype else None
    index = pd.Index(list(levels), dtype=inner)
    full: Array = np.full(len(cells.missing), None, dtype=object)
    full[~cells.missing] = cells.values
    dtype = pd.CategoricalDtype(index, ordered=column.ordered)
    return pd.Series(pd.Categorical(full, dtype=dtype))


def _write_arrow(cells: Cells, column: Column, dtype: pd.ArrowDtype) -> pd.Series:
    import pyarrow as pa

    kind = dtype.pyarrow_dtype
    # A column without any value holds NaN where it is one of floats and not of nulls.
    of_nan = column.form == "missing" and column.missing == "NaN" and pa.types.is_floating(kind)
    if of_nan or column.form in ("integer", "float", "boolean"):
        full = _full(cells, 0, inner_numpy(dtype))
        mask = None if column.missing == "NaN" else cells.missing
        if mask is None:
            full[cells.missing] = np.nan
        array = pa.array(full, mask=mask, type=kind)
    elif column.form in ("datetime", "timedelta", "date", "time"):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        array = pa.array(_full(cells, 0, np.int64), mask=cells.missing).cast(width).cast(kind)
    else:
        objects: Array = np.full(len(cells.missing), None, dtype=object)
        objects[~cells.missing] = to_objects(cells.values, column)
        encoded = pa.types.is_dictionary(kind)
        array = pa.array(objects.tolist(), type=kind.value_type if encoded else kind)
        array = array.dictionary_encode().cast(kind) if encoded else array
    return pd.Series(pd.arrays.ArrowExtensionArray(array))


def to_objects(values: Array, column: Column) -> Array:
    """Values as the Python objects that an object column of this form holds."""
    make = _OBJECTS.get(column.form)
    made = values.tolist() if make is None else make(values, column)
    objects = np.empty(len(values), dtype=object)
    objects[:] = made
    return objects


def _decimals(values: Array, column: Column) -> list[Decimal]:
    scale = int(column.detail)
    return [Decimal(count).scaleb(-scale, _WIDE) for count in values.tolist()]


def _datetimes(values: Array, column: Column) -> list[dt.datetime]:
    naive = values.astype("M8[us]").tolist()
    if not column.detail:
        return naive
    zone = zone_from_text(column.detail)
    return [value.replace(tzinfo=dt.UTC).astimezone(zone) for value in naive]


def _timestamps(values: Array, column: Column) -> list[pd.Timestamp]:
    stamps = pd.DatetimeIndex(values.astype("M8[ns]"))
    if column.detail:
        stamps = stamps.tz_localize("UTC").tz_convert(zone_from_text(column.detail))
    return list(stamps)


_OBJECTS: dict[str, Callable[[Array, Column], list[Any]]] = {
    "decimal": _decimals,
    "datetime objects": _datetimes,
    "timestamp objects": _timestamps,
    "datetime text": lambda values, column: iso.write_seconds(values, column.detail),
    "date": lambda values, column: values.astype("M8[D]").tolist(),
    "time": lambda values, column: [(EPOCH + int(v) * MICROSECOND).time() for v in values],
    "timedelta objects": lambda values, column: values.astype("m8[us]").tolist(),
    "pandas timedelta objects": lambda values, column: list(
        pd.TimedeltaIndex(values.astype("m8[ns]"))
    ),
    "period": lambda values, column: [
        pd.Period(ordinal=v, freq=column.detail) for v in values.tolist()
    ],
}
