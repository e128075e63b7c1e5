"""What a user asks of rows to come: values, ranges and sets, checked before any work begins.

A condition on a column is one of

    value               the cell is this value; None or NaN: it is missing
    (low, high)         it lies between the two, both included; None for an open end
    [a, b, …], a set    it is one of these

and a frame of conditions holds one value per row and column.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, distinct
from tabdiff.data.column import Column
from tabdiff.data.errors import (
    ConditionError,
    SchemaError,
    UnknownColumnError,
    closest,
    listing,
    shorten,
)
from tabdiff.data.natural import BeyondError, is_missing, natural_cells, precision, scaled
from tabdiff.data.numeric import nearest
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
        return _are_among(self.values, cells)

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


@dataclass(frozen=True)
class Stretch:
    """The levels of an order from one to another, whether a training row holds them or not.

    Attributes
    ----------
    values : array, (m,), each once
    """

    values: Array

    def holds(self, cells: Cells) -> Array:
        """The rows whose cell is one of these, (n,)."""
        return _are_among(self.values, cells)


Wanted = Between | Among | Stretch


def _are_among(values: Array, cells: Cells) -> Array:
    known = set(map(typed_key, values))
    found = ~cells.missing
    found[found] = [typed_key(value) in known for value in cells.values]
    return found


def read_conditions(
    conditions: Mapping[Any, Any], columns: tuple[Column, ...]
) -> tuple[dict[Hashable, Cells], dict[Hashable, Wanted]]:
    """The single values and the ranges and sets of a mapping, by column.

    Raises
    ------
    TypeError
        If it is no mapping.
    UnknownColumnError
        If a column is not in the table.
    ConditionError
        If a value is none that the column can hold. All such columns are named.
    """
    if not isinstance(conditions, Mapping):
        raise TypeError(
            f"expected a mapping of columns to values. Got {type(conditions).__name__}."
        )
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
        if any(is_missing(value) for value in members):
            raise ConditionError(
                "a set of values cannot hold a missing one. Ask for None alone, or leave it out."
            )
        return Among.of(distinct(natural_cells(members, column).values))
    return natural_cells([condition], column)


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
    if low <= high:
        return Between(low, high)
    if column.form in ("integer", "decimal") and condition[0] <= condition[1]:
        raise ConditionError(f"the column holds {precision(column)}, and none lies in it.")
    raise ConditionError("the low end lies above the high end.")


def _bound(end: Any, column: Column, side: int) -> Any:
    """An end of a range as the cells hold it; infinite where it is open."""
    if end is None or (_is_infinite(end) and end * side > 0):
        return side * math.inf
    if is_missing(end):
        raise ConditionError("an end of a range cannot be missing. Use None for an open end.")
    if column.form in ("integer", "decimal"):
        exact = scaled(end, column)
        return math.floor(exact) if side > 0 else math.ceil(exact)
    try:
        return natural_cells([end], column).values[0]
    except BeyondError as error:
        return error.side * math.inf


def _is_infinite(end: Any) -> bool:
    return isinstance(end, Real | Decimal) and not isinstance(end, int) and math.isinf(end)


def _read_ordered_range(condition: tuple[Any, ...], column: Column) -> Stretch:
    assert column.categories is not None
    levels = list(column.categories)
    places = {typed_key(level): at for at, level in enumerate(levels)}
    ends = []
    for end, open_end in zip(condition, (0, len(levels) - 1), strict=True):
        if end is not None and is_missing(end):
            raise ConditionError("an end of a range cannot be missing. Use None for an open end.")
        if end is not None and typed_key(end) not in places:
            raise ConditionError(f"there is no level {end!r}.{closest(end, levels)}")
        ends.append(open_end if end is None else places[typed_key(end)])
    if ends[0] > ends[1]:
        raise ConditionError("the low end lies above the high end.")
    return Stretch(natural_cells(levels[ends[0] : ends[1] + 1], column).values)
