"""What a user asks of rows to come: values, ranges and sets, checked before any work begins.

A condition on a column is one of

    value               the cell is this value; None or NaN: it is missing
    (low, high)         it lies between the two, both included; None for an open end
    [a, b, …], a set    it is one of these

and a frame of conditions holds one value per row and column.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, distinct, zone_from_text
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text
from tabdiff.data.errors import (
    ConditionError,
    SchemaError,
    UnknownColumnError,
    closest,
    listing,
    shorten,
)
from tabdiff.data.numeric import nearest
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key


@dataclass(frozen=True)
class Between:
    """Numbers from ``low`` to ``high``, in the units of the column's cells."""

    low: Any
    high: Any

    def holds(self, cells: Cells) -> Array:
        """The rows whose cell lies between the two, (n,)."""
        found = ~cells.missing
        found[found] = (cells.values >= self.low) & (cells.values <= self.high)
        return found

    def enforce(self, cells: Cells, rng: np.random.Generator) -> Cells:
        """Undo what rounding may have moved beyond a bound."""
        values = cells.values
        if _can_hold(values.dtype, self.low):
            values = np.maximum(values, self.low)
        if _can_hold(values.dtype, self.high):
            values = np.minimum(values, self.high)
        return Cells(cells.missing, values)


def _can_hold(dtype: np.dtype[Any], bound: Any) -> bool:
    """Whether a bound lies among the integers of the dtype; one beyond them binds nothing."""
    if dtype.kind not in "iu":
        return True
    ends = np.iinfo(dtype)
    return bool(ends.min <= bound <= ends.max)


@dataclass(frozen=True)
class Among:
    """One of some values, as the column's cells hold them.

    Attributes
    ----------
    values : array, (m,), each once
    shared : array, (k,)
        Those that share a level with labels that are not wanted.
    share : float64 array, (k,), adding up to 1
        How often each of these is drawn at that level.
    """

    values: Array
    shared: Array
    share: Array

    @classmethod
    def of(cls, values: Array) -> Among:
        """Values that share no level."""
        return cls(values, values[:0], np.zeros(0))

    def holds(self, cells: Cells) -> Array:
        """The rows whose cell is one of these, (n,)."""
        known = set(map(typed_key, self.values))
        found = ~cells.missing
        found[found] = [typed_key(value) in known for value in cells.values]
        return found

    def enforce(self, cells: Cells, rng: np.random.Generator) -> Cells:
        """Undo what rounding may have moved off a number, or a rare label drawn for another."""
        values = cells.values.copy()
        if len(self.shared):
            known = set(map(typed_key, self.values))
            outside = np.array([typed_key(value) not in known for value in values], dtype=bool)
            drawn = rng.choice(len(self.shared), int(outside.sum()), p=self.share)
            values[outside] = self.shared[drawn]
        elif values.dtype != object and values.dtype != bool:
            wanted = np.sort(self.values)
            values = wanted[nearest(wanted, values)]
        return Cells(cells.missing, values)


Wanted = Between | Among


def read_conditions(
    conditions: Mapping[Any, Any], columns: tuple[Column, ...]
) -> tuple[dict[Hashable, Cells], dict[Hashable, Wanted]]:
    """The single values and the ranges and sets of a mapping, by column.

    Raises
    ------
    UnknownColumnError
        If a column is not in the table.
    ConditionError
        If a value is none that the column can hold. All such columns are named.
    """
    by_name = {column.name: column for column in columns}
    _require_columns(list(conditions), list(by_name))
    values: dict[Hashable, Cells] = {}
    wanted: dict[Hashable, Wanted] = {}
    problems = []
    for name, condition in conditions.items():
        try:
            read = _read(condition, by_name[name])
        except (ConditionError, SchemaError, TypeError, ValueError, OverflowError) as error:
            problems.append(f"conditions={{{name!r}: {shorten(condition)}}}: {error}")
            continue
        if isinstance(read, Cells):
            values[name] = read
        else:
            wanted[name] = read
    if problems:
        raise ConditionError(listing(problems))
    return values, wanted


def _require_columns(asked: list[Hashable], known: list[Hashable]) -> None:
    absent = [name for name in asked if name not in known]
    if absent:
        points = [f"the table has no column {name!r}.{closest(name, known)}" for name in absent]
        raise UnknownColumnError(listing(points))


def require_columns(frame: pd.DataFrame, columns: tuple[Column, ...]) -> None:
    """Refuse a frame with columns that the table does not have.

    Raises
    ------
    UnknownColumnError
        Naming them all, and the closest known ones.
    """
    _require_columns(list(frame.columns), [column.name for column in columns])


def _read(condition: Any, column: Column) -> Cells | Wanted:
    if isinstance(condition, tuple):
        return _read_range(condition, column)
    if isinstance(condition, Collection) and not isinstance(condition, str | bytes | Mapping):
        members = list(condition)
        if not members:
            raise ConditionError("the set is empty, so no row can meet it. Name its values.")
        if any(_is_missing(value) for value in members):
            raise ConditionError(
                "a set of values cannot hold a missing one. Ask for None alone, or leave it out."
            )
        return Among.of(distinct(_cells(members, column).values))
    return _cells([condition], column)


def _read_range(condition: tuple[Any, ...], column: Column) -> Wanted:
    if len(condition) != 2:
        raise ConditionError("a range is (low, high). Use a list for a set of values.")
    if column.ordered and column.categories is not None:
        return _read_ordered_range(condition, column)
    if not column.has_numbers:
        raise ConditionError(
            f"its values ({column.form}) have no order, so there is no range. "
            "Use a list for a set of values."
        )
    low, high = (_bound(end, column, side) for end, side in zip(condition, (-1, 1), strict=True))
    if low > high:
        raise ConditionError("the low end lies above the high end.")
    return Between(low, high)


def _bound(end: Any, column: Column, side: int) -> Any:
    """An end of a range as the cells hold it; infinite where it is open."""
    if end is None or (isinstance(end, float) and math.isinf(end) and end * side > 0):
        return side * math.inf
    if _is_missing(end):
        raise ConditionError("an end of a range cannot be missing. Use None for an open end.")
    if column.form in ("integer", "decimal"):
        exact = _scaled(end, column)
        return math.floor(exact) if side > 0 else math.ceil(exact)
    return _cells([end], column).values[0]


def _read_ordered_range(condition: tuple[Any, ...], column: Column) -> Among:
    assert column.categories is not None
    levels = list(column.categories)
    places = {typed_key(level): at for at, level in enumerate(levels)}
    ends = []
    for end, open_end in zip(condition, (0, len(levels) - 1), strict=True):
        if end is not None and typed_key(end) not in places:
            raise ConditionError(f"there is no level {end!r}.{closest(end, levels)}")
        ends.append(open_end if end is None else places[typed_key(end)])
    if ends[0] > ends[1]:
        raise ConditionError("the low end lies above the high end.")
    return Among.of(_cells(levels[ends[0] : ends[1] + 1], column).values)


def _cells(values: list[Any], column: Column) -> Cells:
    """Python values as cells of the column."""
    natural = [None if _is_missing(value) else _natural(value, column) for value in values]
    dtype = dtype_from_text(column.dtype)
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
        return float(value)
    if form in ("integer", "decimal"):
        exact = _scaled(value, column)
        if exact != math.floor(exact):
            raise ConditionError(f"the column holds {_precision(column)} ({column.dtype}).")
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


def _scaled(value: Any, column: Column) -> Any:
    """The number in the units of the column's cells, with what is finer than one."""
    _require_number(value, column)
    if column.form == "integer":
        return value
    return Decimal(str(value)).scaleb(int(column.detail))


def _precision(column: Column) -> str:
    return "whole numbers" if column.form == "integer" else f"numbers of {column.detail} decimals"


def _stamp(value: Any, zone: dt.tzinfo | None) -> pd.Timestamp:
    """A moment; one without a zone is taken to be in the column's own."""
    if isinstance(value, Real):
        raise ConditionError("the column holds dates. Write '2024-01-31', or a Timestamp.")
    stamp = pd.Timestamp(value)
    if zone is None:
        if stamp.tzinfo is not None:
            raise ConditionError("the column has no time zone, and this moment has one.")
        return stamp
    return stamp.tz_localize(zone) if stamp.tzinfo is None else stamp.tz_convert(zone)


def _as_datetime(value: Any, column: Column) -> pd.Timestamp:
    dtype = dtype_from_text(column.dtype)
    zone = getattr(dtype, "tz", None)
    if isinstance(dtype, pd.ArrowDtype):
        text = getattr(dtype.pyarrow_dtype, "tz", None)
        zone = zone_from_text(text) if text else None
    return _in_unit(_stamp(value, zone), column)


def _as_datetime_text(value: Any, column: Column) -> str:
    stamp = _stamp(value, None)
    text = stamp.strftime(column.detail)
    if pd.to_datetime(text, format=column.detail) != stamp:
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
    if isinstance(dtype, np.dtype):
        unit = np.datetime_data(dtype)[0]
    else:
        unit = dtype.pyarrow_dtype.unit if isinstance(dtype, pd.ArrowDtype) else dtype.unit
    try:
        return value.as_unit(unit, round_ok=False)
    except ValueError as error:
        raise ConditionError(f"the column holds nothing finer than 1 {unit}.") from error


def _zone(column: Column) -> dt.tzinfo | None:
    return zone_from_text(column.detail) if column.detail else None


def _as_time(value: Any, column: Column) -> dt.time:
    return value if isinstance(value, dt.time) else dt.time.fromisoformat(str(value))


_MOMENTS: dict[str, Any] = {
    "datetime": _as_datetime,
    "datetime text": _as_datetime_text,
    "timestamp objects": lambda value, column: _stamp(value, _zone(column)),
    "datetime objects": lambda value, column: _stamp(value, _zone(column)).to_pydatetime(),
    "date": _as_date,
    "time": _as_time,
    "timedelta": lambda value, column: _in_unit(pd.Timedelta(value), column),
    "timedelta objects": lambda value, column: pd.Timedelta(value).to_pytimedelta(),
    "pandas timedelta objects": lambda value, column: pd.Timedelta(value),
    "period": lambda value, column: pd.Period(value, freq=_frequency(column)),
}


def _frequency(column: Column) -> Any:
    dtype = dtype_from_text(column.dtype)
    return dtype.freq if isinstance(dtype, pd.PeriodDtype) else column.detail


def _is_missing(value: Any) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (np.isscalar(value) and value != value)
    )
