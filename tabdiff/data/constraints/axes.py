"""One constrained column: its cells as exact amounts, and amounts back to its cells."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, inner_numpy
from tabdiff.data.column import Column
from tabdiff.data.columns import float_precision
from tabdiff.data.constraints.amounts import (
    Amounts,
    Quantities,
    integers,
    plus,
    scatter,
    times,
    whole,
)
from tabdiff.data.constraints.places import Grid, Line, place_from_state
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.parts import take, take_flag
from tabdiff.data.reading import read_cells
from tabdiff.data.scales import decimal_places
from tabdiff.data.writing import write_cells

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DAY = 86_400
_INT64 = 2**63 - 1
_YEARS = (dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30, 23, 59, 59))


class Units(NamedTuple):
    """What the exact values under a column count.

    Attributes
    ----------
    family : str
        Only columns of one family are compared: numbers, moments, zoned moments, spans, …
    digits : int
        A value counts ``factor * 10^-digits`` units (seconds, for times).
    factor : int
    base : int
        Every value is a multiple of it: a day for dates written as text.
    least, most : int
        The range of values that the column can hold.
    """

    family: str
    digits: int = 0
    factor: int = 1
    base: int = 1
    least: int = -_INT64
    most: int = _INT64


def units_of(column: Column) -> Units:
    """The units of a column with numbers underneath; those of floats depend on their decimals."""
    dtype = inner_dtype(dtype_from_text(column.dtype))
    form = column.form
    if form == "integer":
        return Units("number", 0, 1, 1, *_integer_range(column, dtype))
    if form == "decimal":
        most = 10 ** min(getattr(_arrow(dtype), "precision", 18), 18) - 1
        return Units("number", int(column.detail), least=-most, most=most)
    if form == "float":
        return Units("number")
    if form == "period":
        frequency = column.detail or re.sub(r"period\[(.*)\]", r"\1", column.dtype)
        return Units(f"period of frequency {frequency}")
    if form == "time":
        digits = _DIGITS[getattr(_arrow(dtype), "unit", "us")]
        return Units("time of day", digits, least=0, most=_DAY * 10**digits - 1)
    if "timedelta" in form:
        unit = {"timedelta objects": "us", "pandas timedelta objects": "ns"}.get(form)
        return Units("span", _DIGITS[unit or _unit(dtype)])
    return _moment_units(column, dtype)


def _moment_units(column: Column, dtype: Any) -> Units:
    if column.form == "date":
        return _date_units(_arrow(dtype))
    zoned = isinstance(dtype, pd.DatetimeTZDtype) or getattr(_arrow(dtype), "tz", None) is not None
    if column.form == "datetime":
        return Units("moment with a time zone" if zoned else "moment", _DIGITS[_unit(dtype)])
    if column.form == "datetime text":
        base = _DAY if "%H" not in column.detail else 1 if "%S" in column.detail else 60
        return Units("moment", 0, 1, base, *map(_seconds, _YEARS))
    family = "moment with a time zone" if column.detail else "moment"
    if column.form == "timestamp objects":
        return Units(family, 9)
    return Units(family, 6, 1, 1, *(10**6 * _seconds(year) for year in _YEARS))


def _date_units(arrow: Any) -> Units:
    if str(arrow) == "date64[ms]":
        return Units("moment", 3, 1, 1000 * _DAY)
    return Units("moment", 0, _DAY, 1, *(_seconds(year) // _DAY for year in _YEARS))


def _seconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(seconds=1)


def _arrow(dtype: Any) -> Any:
    return dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else None


def _unit(dtype: Any) -> str:
    arrow = _arrow(dtype)
    if arrow is not None:
        return str(arrow.unit)
    return str(dtype.unit) if hasattr(dtype, "unit") else np.datetime_data(dtype)[0]


def _integer_range(column: Column, dtype: Any) -> tuple[int, int]:
    if column.dtype == "object":
        return (0, 2**64 - 1) if column.detail == "unsigned" else (-(2**63), _INT64)
    bounds = np.iinfo(inner_numpy(dtype))
    return int(bounds.min), int(bounds.max)


@dataclass(frozen=True)
class Axis:
    """A column as a constraint sees it.

    Attributes
    ----------
    column : Column
    units : Units
    place : Grid or Line
    has_missing : bool
        Whether a training cell was missing.
    """

    column: Column
    units: Units
    place: Grid | Line
    has_missing: bool

    @classmethod
    def fit(cls, series: pd.Series, column: Column, increment: Amounts | None = None) -> Axis:
        """Find the grid of a column, or that it has none.

        Parameters
        ----------
        series : Series
            At least one cell holds a value, every value is finite.
        column : Column
        increment : Amounts, (1,), optional
            The step, where a constraint states it; its grid goes through zero.
        """
        cells = read_cells(series, column)
        units = units_of(column)
        has_missing = bool(cells.missing.any())
        if column.form != "float":
            counts = times(whole(cells.values), units.factor)
            return cls(column, units, _grid(counts, units, increment), has_missing)
        precision = float_precision(column)
        digits = decimal_places(np.unique(cells.values), precision)
        if digits is None and increment is None:
            low, high = float(cells.values.min()), float(cells.values.max())
            return cls(column, units, Line(precision, low, high), has_missing)
        digits = max(digits or 0, 0 if increment is None else increment.digits or 0)
        most = 2 ** int(np.finfo(precision).nmant)
        units = units._replace(digits=digits, least=-most, most=most)
        counts = np.rint(cells.values * 10.0**digits).astype(np.int64)
        return cls(column, units, _grid(counts, units, increment), has_missing)

    @property
    def unit(self) -> Fraction:
        """The least difference of two values that the column can hold; 0 on a line."""
        if isinstance(self.place, Line):
            return Fraction(0)
        return Fraction(self.units.base * self.units.factor, 10**self.place.digits)

    def observed(self) -> tuple[Fraction, Fraction]:
        """The least and the greatest training value."""
        place = self.place
        if isinstance(place, Line):
            return Fraction(place.low), Fraction(place.high)
        return place.value(place.low), place.value(place.high)

    def finest(self) -> Axis:
        """The axis with every point that the column can hold, observed or not."""
        if isinstance(self.place, Line):
            return self
        counts = self.place.amounts(
            np.array([self.place.low, self.place.high], dtype=object)
        ).counts
        step = Amounts(integers(self.units.base * self.units.factor), self.units.digits)
        return replace(self, place=_grid(counts, self.units, step))

    def read(self, series: pd.Series) -> Quantities:
        """The amounts of a series of this column; floats that are on no grid stay floats.

        Raises
        ------
        SchemaError
            If the cells are not of the column's form.
        """
        cells = read_cells(series, self.column)
        known = ~cells.missing
        if self.column.form != "float":
            counts = scatter(times(whole(cells.values), self.units.factor), known)
            return Quantities(known, Amounts(counts, self.units.digits))
        finite = np.isfinite(cells.values)
        known[known] = finite
        values = cells.values[finite]
        if isinstance(self.place, Line):
            return Quantities(known, Amounts(scatter(values, known, 0.0), None))
        scaled = np.rint(values * 10.0**self.units.digits)
        slack = 4.0 * float(np.finfo(float_precision(self.column)).eps)
        if np.all(np.abs(scaled / 10.0**self.units.digits - values) <= slack * np.abs(values)) and (
            np.all(np.abs(scaled) < 2.0**62)
        ):
            counts = scatter(scaled.astype(np.int64), known)
            return Quantities(known, Amounts(counts, self.units.digits))
        return Quantities(known, Amounts(scatter(values, known, 0.0), None))

    def write(self, points: Array, missing: Array) -> pd.Series:
        """The cells at these points of the grid or line, in the column's own dtype.

        Parameters
        ----------
        points : array, (n,)
        missing : bool array, (n,)
        """
        held = points[~missing]
        if isinstance(self.place, Line):
            return write_cells(Cells(missing, held), self.column)
        counts = self.place.amounts(held).counts
        if self.column.form == "float":
            return write_cells(Cells(missing, counts / 10.0**self.place.digits), self.column)
        unsigned = self.column.form == "integer" and self.column.detail == "unsigned"
        values = (counts // self.units.factor).astype(np.uint64 if unsigned else np.int64)
        return write_cells(Cells(missing, values), self.column)

    def state(self) -> dict[str, Any]:
        """Strict JSON; the column itself is in the schema."""
        return {"place": self.place.state(), "has_missing": self.has_missing}

    @classmethod
    def from_state(cls, data: dict[str, Any], column: Column) -> Axis:
        """The axis that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        place = place_from_state(take(data, "place", dict))
        units = units_of(column)
        if isinstance(place, Line) and column.form != "float":
            raise ValueError(f"column {column.name!r} is {column.form}, which lies on a grid.")
        if isinstance(place, Grid):
            if column.form != "float" and place.digits != units.digits:
                raise ValueError(f"column {column.name!r} has {units.digits} digits.")
            units = units._replace(digits=place.digits)
        return cls(column, units, place, take_flag(data, "has_missing"))


def _grid(counts: Array, units: Units, increment: Amounts | None) -> Grid:
    """The coarsest grid that holds all counts, or the stated one."""
    if increment is not None:
        assert increment.digits is not None
        offset, step = 0, int(increment.counts[0]) * 10 ** (units.digits - increment.digits)
    else:
        offset = int(counts.min())
        step = int(np.gcd.reduce(plus(counts, integers(-offset)))) or units.base * units.factor
    low, high = ((int(count) - offset) // step for count in (counts.min(), counts.max()))
    floor = -((offset - units.least * units.factor) // step)
    ceiling = (units.most * units.factor - offset) // step
    return Grid(units.digits, offset, step, low, high, floor, ceiling)
