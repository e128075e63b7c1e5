"""Series to exact values: one reader per form, for every dtype that can store it.

Nothing passes through a float that was not a float.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data import iso
from tabdiff.data.cells import EPOCH, MICROSECOND, Array, Cells, inner_numpy, present
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.errors import SchemaError, cut

_WIDE = Context(prec=60)

_BOXED = (np.number, np.bool_, np.character)

# Forms whose cells are counts, of a unit that the dtype tells.
_COUNTED = ("datetime", "timedelta", "period", "date", "time")


def read_cells(series: pd.Series, column: Column) -> Cells:
    """The cells of a series, exactly.

    Raises
    ------
    SchemaError
        If the cells are not of the column's form.
    """
    dense, missing = present(series)
    try:
        if column.form in _COUNTED:
            dense = _in_own_unit(dense, column)
        values = _READERS.get(column.form, _read_objects)(dense, column)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SchemaError(
            f"column {column.name!r} ({series.dtype}): not all cells are {column.form}s "
            f"({cut(str(error), 60)}). Convert the column to {column.dtype}."
        ) from error
    if isinstance(series.dtype, np.dtype) and values.base is not None:
        values = values.copy()
    return Cells(missing, values)


def _in_own_unit(series: pd.Series, column: Column) -> pd.Series:
    """The same moments or spans in the column's own dtype.

    Raises
    ------
    ValueError
        If that cannot tell them exactly.
    """
    own = inner_dtype(dtype_from_text(column.dtype))
    if series.dtype == own:
        return series
    if not len(series):
        return series.astype(own)
    if column.dtype == "object":
        return pd.Series(_read_objects(series, column), dtype=object)
    if isinstance(own, pd.PeriodDtype):
        raise ValueError("other frequency")
    converted = series.astype(own)
    if series.dtype != object and not (converted.astype(series.dtype) == series).all():
        raise ValueError("some are finer")
    return converted


def _is_arrow(series: pd.Series) -> bool:
    return isinstance(series.dtype, pd.ArrowDtype)


def _objects(series: pd.Series) -> Array:
    """The cells as Python objects; numbers, truths and text of numpy as Python's own.

    A file keeps no trace of numpy's, and they are equal.
    """
    values = np.array(series.astype(object), dtype=object)
    if any(issubclass(kind, _BOXED) for kind in set(map(type, values))):
        values[:] = [value.item() if isinstance(value, _BOXED) else value for value in values]
    return values


def _read_objects(series: pd.Series, column: Column) -> Array:
    if _is_arrow(series):
        values = np.empty(len(series), dtype=object)
        if len(series):
            values[:] = arrow_array(series).to_pylist()
        return values
    return _objects(series)


def _read_strings(series: pd.Series, column: Column) -> Array:
    values = _objects(series)
    if any(kind is not str and not issubclass(kind, str) for kind in set(map(type, values))):
        raise ValueError("some are no text")
    return values


def _read_integers(series: pd.Series, column: Column) -> Array:
    target = np.uint64 if column.detail == "unsigned" else np.int64
    if series.dtype == object:
        return np.array(series.tolist(), dtype=target)
    kind = getattr(series.dtype, "kind", "O")
    if kind not in "iuf":
        raise ValueError("other dtype")
    values = np.asarray(series.to_numpy(dtype=inner_numpy(series.dtype)))
    if kind == "f":
        if not np.array_equal(values, np.rint(values)):
            raise ValueError("some have a fraction")
        # As floats: the greatest integer itself would be rounded up to what lies beyond it.
        low, beyond = (0.0, 2.0**64) if target is np.uint64 else (-(2.0**63), 2.0**63)
        if not ((values >= low) & (values < beyond)).all():
            raise ValueError(f"some lie beyond {np.dtype(target)}")
        values = values.astype(target)
    if target is np.int64 and values.dtype == np.uint64 and (values > np.iinfo(np.int64).max).any():
        raise ValueError("some exceed int64")
    if target is np.uint64 and values.dtype.kind == "i" and (values < 0).any():
        raise ValueError("some are negative")
    return values.astype(target)


def _read_floats(series: pd.Series, column: Column) -> Array:
    if series.dtype != object and getattr(series.dtype, "kind", "O") not in "iuf":
        raise ValueError("other dtype")
    values = np.array(series.to_numpy(dtype=np.float64))
    return values + 0.0  # -0.0 and 0.0 are one value


def _read_booleans(series: pd.Series, column: Column) -> Array:
    if series.dtype == object and not all(isinstance(v, bool | np.bool_) for v in series):
        raise ValueError("some are neither True nor False")
    if series.dtype != object and getattr(series.dtype, "kind", "O") != "b":
        raise ValueError("other dtype")
    return series.to_numpy(dtype=bool)


def _read_decimals(series: pd.Series, column: Column) -> Array:
    scale = int(column.detail)
    scaled = [Decimal(value).scaleb(scale, _WIDE) for value in _read_objects(series, column)]
    whole = [int(value) for value in scaled]
    if whole != scaled:
        raise ValueError(f"some have more than {scale} decimals")
    return np.array(whole, dtype=np.int64)


def arrow_array(series: pd.Series) -> Any:
    """The pyarrow array behind an arrow-backed series, in one chunk."""
    array = series.array.__arrow_array__()
    return array.combine_chunks() if hasattr(array, "combine_chunks") else array


def _read_counts(series: pd.Series, column: Column) -> Array:
    """Timestamps, durations and periods stored as integers by pandas or arrow."""
    if _is_arrow(series):
        return _read_arrow_counts(series)
    if getattr(series.dtype, "kind", "O") not in "mMO" or series.dtype == object:
        raise ValueError("other dtype")
    return np.array(series.astype("int64"), dtype=np.int64)


def _read_arrow_counts(series: pd.Series) -> Array:
    import pyarrow as pa

    array = arrow_array(series)
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return np.array(array.cast(width).to_numpy(zero_copy_only=False), dtype=np.int64)


def _read_datetime_text(series: pd.Series, column: Column) -> Array:
    return iso.read_seconds(_read_strings(series, column).tolist(), column.detail)


def _read_timestamp_objects(series: pd.Series, column: Column) -> Array:
    stamps = [
        value.tz_convert("UTC").tz_localize(None) if value.tzinfo else value for value in series
    ]
    # NumPy would let what lies beyond nanoseconds wrap around.
    exact = [value.as_unit("ns").to_datetime64() for value in stamps]
    return np.array(exact, dtype="M8[ns]").astype(np.int64)


def _read_datetime_objects(series: pd.Series, column: Column) -> Array:
    if column.detail:
        naive = [value.astimezone(dt.UTC).replace(tzinfo=None) for value in series]
    else:
        naive = series.tolist()
    return np.array(naive, dtype="M8[us]").astype(np.int64)


def _read_dates(series: pd.Series, column: Column) -> Array:
    if _is_arrow(series):
        return _read_arrow_counts(series)
    days = np.array(series.tolist(), dtype="M8[D]")
    if any(isinstance(value, dt.datetime) and value.time() != dt.time() for value in series):
        raise ValueError("some have a time of day")
    return days.astype(np.int64)


def _read_times(series: pd.Series, column: Column) -> Array:
    if _is_arrow(series):
        return _read_arrow_counts(series)
    midnight = EPOCH.date()
    since = [dt.datetime.combine(midnight, value) - EPOCH for value in series]
    return np.array([delta // MICROSECOND for delta in since], dtype=np.int64)


def _read_timedelta_objects(series: pd.Series, column: Column) -> Array:
    return np.array([value // MICROSECOND for value in series], dtype=np.int64)


def _read_pandas_timedelta_objects(series: pd.Series, column: Column) -> Array:
    exact = [value.as_unit("ns").to_timedelta64() for value in series]
    return np.array(exact, dtype="m8[ns]").astype(np.int64)


def _read_periods(series: pd.Series, column: Column) -> Array:
    if series.dtype == object:
        return np.array([value.ordinal for value in series], dtype=np.int64)
    return _read_counts(series, column)


_READERS: dict[str, Callable[[pd.Series, Column], Array]] = {
    "integer": _read_integers,
    "float": _read_floats,
    "decimal": _read_decimals,
    "datetime": _read_counts,
    "datetime text": _read_datetime_text,
    "timestamp objects": _read_timestamp_objects,
    "datetime objects": _read_datetime_objects,
    "date": _read_dates,
    "time": _read_times,
    "timedelta": _read_counts,
    "timedelta objects": _read_timedelta_objects,
    "pandas timedelta objects": _read_pandas_timedelta_objects,
    "period": _read_periods,
    "boolean": _read_booleans,
    "string": _read_strings,
}
