"""The natural ways of writing a cell: Python values to the cells of a column.

A date may be text, a number of any type, a moment without a zone one in the column's own. What the
column cannot hold exactly is refused, never rounded.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data import iso
from tabdiff.data.cells import Cells, zone_from_text, zone_of_arrow
from tabdiff.data.column import Column
from tabdiff.data.columns import number_bounds
from tabdiff.data.dtypes import dtype_from_text
from tabdiff.data.errors import ConditionError
from tabdiff.data.reading import read_cells


class BeyondError(ConditionError):
    """A value beyond what the column's dtype can hold.

    Attributes
    ----------
    side : int
        1 where the value lies above, -1 where below.
    """

    def __init__(self, message: str, value: Any) -> None:
        super().__init__(message)
        self.side = 1 if value > 0 else -1


def natural_cells(values: list[Any], column: Column) -> Cells:
    """Python values as cells of the column.

    Raises
    ------
    ConditionError, SchemaError, TypeError, ValueError, OverflowError
        If a value is none that the column can hold.
    """
    natural = [None if is_missing(value) else _natural(value, column) for value in values]
    dtype = dtype_from_text(column.dtype)
    if column.form in ("datetime", "timedelta") and column.dtype != "object":
        # Already in the column's unit; pandas would take those of arrow through nanoseconds.
        counts = [value.asm8.view(np.int64) for value in natural if value is not None]
        gone = np.array([value is None for value in natural], dtype=bool)
        return Cells(gone, np.array(counts, dtype=np.int64))
    if not column.has_numbers or isinstance(dtype, pd.CategoricalDtype) or column.dtype == "object":
        series = pd.Series(natural, dtype=object)
    elif any(value is None for value in natural):
        # numpy's integers have no missing value; their cells have.
        present = [value for value in natural if value is not None]
        cells = read_cells(pd.Series(present, dtype=dtype), column)
        return Cells(np.array([value is None for value in natural]), cells.values)
    else:
        series = pd.Series(natural, dtype=dtype)
    return read_cells(series, column)


def _natural(value: Any, column: Column) -> Any:
    """``value`` as the type that the column's form is made of."""
    form = column.form
    if form == "float":
        _require_number(value, column)
        _require_within(float(value), column)
        return float(value)
    if form in ("integer", "decimal"):
        exact = scaled(value, column)
        if exact != math.floor(exact):
            raise ConditionError(f"the column holds {precision(column)} ({column.dtype}).")
        if form == "integer":
            _require_within(math.floor(exact), column)
        return math.floor(exact) if form == "integer" else Decimal(str(value))
    if form in _MOMENTS:
        return _MOMENTS[form](value, column)
    if form == "boolean" and not isinstance(value, bool | np.bool_):
        raise ConditionError("the column holds True and False.")
    if form == "string" and not isinstance(value, str):
        raise ConditionError(f"the column holds text, and this is {type(value).__name__}.")
    return value


def _require_number(value: Any, column: Column) -> None:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | Decimal | np.number):
        raise ConditionError(f"the column holds numbers ({column.dtype}).")
    if not math.isfinite(value):
        raise ConditionError("the number is not finite.")


def _require_within(value: Any, column: Column) -> None:
    """Refuse a number that the column's dtype cannot hold."""
    low, high = number_bounds(column)
    if not low <= value <= high:
        raise BeyondError(f"{column.dtype} holds numbers from {low} to {high}.", value)


def scaled(value: Any, column: Column) -> Any:
    """The number in the units of the column's cells, with what is finer than one.

    Raises
    ------
    ConditionError
        If it is none.
    """
    _require_number(value, column)
    if column.form == "integer":
        # NumPy's integers have no floor of their own: math.floor would take it of a float.
        return value.item() if isinstance(value, np.generic) else value
    return Decimal(str(value)).scaleb(int(column.detail))


def precision(column: Column) -> str:
    """What numbers a column of integers or decimals holds, in words."""
    return "whole numbers" if column.form == "integer" else f"numbers of {column.detail} decimals"


def _stamp(value: Any, zone: dt.tzinfo | None) -> pd.Timestamp:
    """A moment; one without a zone is taken to be in the column's own."""
    if isinstance(value, Real):
        raise ConditionError("the column holds dates. Write '2024-01-31', or a Timestamp.")
    stamp = pd.Timestamp(value)
    if pd.isna(stamp):
        raise ConditionError("this is no moment.")
    if zone is None:
        if stamp.tzinfo is not None:
            raise ConditionError("the column has no time zone, and this moment has one.")
        return stamp
    if stamp.tzinfo is not None:
        return stamp.tz_convert(zone)
    placed = stamp.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    if not isinstance(placed, pd.Timestamp):
        raise ConditionError(
            f"{stamp} comes twice or never in {zone}, where the clocks change. Give its offset, as "
            "in '2024-10-27 02:30+01:00'."
        )
    return placed


def _as_datetime(value: Any, column: Column) -> pd.Timestamp:
    dtype = dtype_from_text(column.dtype)
    zone = getattr(dtype, "tz", None)
    if isinstance(dtype, pd.ArrowDtype):
        zone = zone_of_arrow(dtype.pyarrow_dtype.tz)
    return _in_unit(_stamp(value, zone), column)


def _as_datetime_text(value: Any, column: Column) -> str:
    stamp = _stamp(value, None)
    count = np.array([stamp.as_unit("s").asm8.view(np.int64)])
    (text,) = iso.write_seconds(count, column.detail)
    if stamp.as_unit("s") != stamp or iso.read_seconds([text], column.detail) != count:
        raise ConditionError(f"the column holds moments such as {text}, without anything finer.")
    return text


def _as_date(value: Any, column: Column) -> dt.date:
    stamp = _stamp(value, None)
    if stamp != stamp.normalize():
        raise ConditionError("the column holds days, without a time of day.")
    return stamp.date()


def _in_unit(value: Any, column: Column) -> Any:
    """A moment or span in the unit of the column's dtype, if that can tell it exactly."""
    dtype = dtype_from_text(column.dtype)
    if column.dtype == "object":
        unit = "ns"
    elif isinstance(dtype, np.dtype):
        unit = np.datetime_data(dtype)[0]
    else:
        unit = dtype.pyarrow_dtype.unit if isinstance(dtype, pd.ArrowDtype) else dtype.unit
    try:
        return value.as_unit(unit, round_ok=False)
    except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta) as error:
        side = value.year - 1970 if isinstance(value, pd.Timestamp) else value.days
        raise BeyondError(f"a count of {unit} since 1970 does not reach it.", side) from error
    except ValueError as error:
        raise ConditionError(f"the column holds nothing finer than 1 {unit}.") from error


def _zone(column: Column) -> dt.tzinfo | None:
    return zone_from_text(column.detail) if column.detail else None


def _as_time(value: Any, column: Column) -> dt.time:
    if isinstance(value, dt.time):
        return value
    if not isinstance(value, str):
        raise ConditionError("the column holds times of day. Write '10:30', or a datetime.time.")
    return dt.time.fromisoformat(value)


def _span(value: Any) -> pd.Timedelta:
    # A timedelta64 is a number to NumPy.
    if isinstance(value, Real) and not isinstance(value, np.timedelta64):
        raise ConditionError("the column holds spans. Write '5min', or a Timedelta.")
    return pd.Timedelta(value)


def _as_period(value: Any, column: Column) -> pd.Period:
    period = pd.Period(value, freq=_frequency(column))
    if isinstance(value, pd.Period) and value.freq != period.freq:
        raise ConditionError(f"the column holds periods of frequency {period.freqstr}.")
    return period


_MOMENTS: dict[str, Any] = {
    "datetime": _as_datetime,
    "datetime text": _as_datetime_text,
    "timestamp objects": lambda value, column: _in_unit(_stamp(value, _zone(column)), column),
    "datetime objects": lambda value, column: _stamp(value, _zone(column)).to_pydatetime(),
    "date": _as_date,
    "time": _as_time,
    "timedelta": lambda value, column: _in_unit(_span(value), column),
    "timedelta objects": lambda value, column: _span(value).to_pytimedelta(),
    "pandas timedelta objects": lambda value, column: _in_unit(_span(value), column),
    "period": _as_period,
}


def _frequency(column: Column) -> Any:
    dtype = dtype_from_text(column.dtype)
    return dtype.freq if isinstance(dtype, pd.PeriodDtype) else column.detail


def is_missing(value: Any) -> bool:
    """Whether a value stands for a missing one: None, NaN, NA or NaT."""
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (np.isscalar(value) and value != value)
    )
