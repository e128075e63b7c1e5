"""Where the values of a constrained column lie: at whole steps of a grid, or anywhere on a line.

Both say which of their points is the nearest one that satisfies a bound. A value derived from other
columns is such a point plus or minus a distance, hence satisfies the bound whatever the distance,
and is always a value that the column's dtype and decimals can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from tabdiff.data.cells import Array
from tabdiff.data.constraints.amounts import (
    Amounts,
    ceil_on,
    floor_on,
    integers,
    nearest_on,
    plus,
    times,
)
from tabdiff.data.parts import take, take_integer
from tabdiff.data.scales import MAX_DIGITS


@dataclass(frozen=True)
class Grid:
    """Points ``(offset + step * i) / 10^digits``, named by i.

    Attributes
    ----------
    digits, offset, step : int
    low, high : int
        The least and greatest i among the training rows.
    floor, ceiling : int
        The least and greatest i that the dtype can hold.
    """

    digits: int
    offset: int
    step: int
    low: int
    high: int
    floor: int
    ceiling: int

    def ends(self) -> tuple[Array, Array]:
        """The least and the greatest point among the training rows, each of shape (1,)."""
        return integers(self.low), integers(self.high)

    def at_least(self, amounts: Amounts, strict: bool) -> Array:
        """The least point at or, if strict, above each amount."""
        amounts = self._within_reach(amounts)
        if strict:
            return plus(floor_on(amounts, self.digits, self.offset, self.step), integers(1))
        return ceil_on(amounts, self.digits, self.offset, self.step)

    def at_most(self, amounts: Amounts, strict: bool) -> Array:
        """The greatest point at or, if strict, below each amount."""
        amounts = self._within_reach(amounts)
        if strict:
            return plus(ceil_on(amounts, self.digits, self.offset, self.step), integers(-1))
        return floor_on(amounts, self.digits, self.offset, self.step)

    def nearest(self, amounts: Amounts) -> Array:
        """The point nearest to each amount; of two, the one farther from zero."""
        return nearest_on(self._within_reach(amounts), self.digits, self.offset, self.step)

    def _within_reach(self, amounts: Amounts) -> Amounts:
        """Floats beyond all points drawn in, so that integers can hold them."""
        if amounts.digits is not None:
            return amounts
        ends = [float(self.value(end)) for end in (self.floor - 2, self.ceiling + 2)]
        return Amounts(np.clip(amounts.counts, ends[0], ends[1]), None)

    def amounts(self, points: Array) -> Amounts:
        """The numbers at the points."""
        return Amounts(plus(times(points, self.step), integers(self.offset)), self.digits)

    def value(self, point: int) -> Fraction:
        """The number at one point."""
        return Fraction(self.offset + self.step * point, 10**self.digits)

    def distance(self, high: Array, low: Array) -> Array:
        """Steps from low up to high."""
        return plus(high, times(low, -1))

    def shift(self, points: Array, distance: Array) -> Array:
        """The points so many steps higher."""
        return plus(points, distance)

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        data = {"digits": self.digits, "offset": self.offset, "step": self.step}
        data |= {"low": self.low, "high": self.high}
        return data | {"floor": self.floor, "ceiling": self.ceiling}


@dataclass(frozen=True)
class Line:
    """Floats on no decimal lattice, which are their own names.

    A distance is rounded like any float, so the way back may miss a value by one rounding of the
    larger of both sides (of the column's range, where the other side is missing); it never misses
    the bound.

    Attributes
    ----------
    precision : numpy dtype
        In which the column is stored.
    low, high : float
        The least and greatest training value.
    """

    precision: np.dtype[Any]
    low: float
    high: float

    @property
    def floor(self) -> float:
        """The least number that the dtype can hold."""
        return float(np.finfo(self.precision).min)

    @property
    def ceiling(self) -> float:
        """The greatest number that the dtype can hold."""
        return float(np.finfo(self.precision).max)

    def ends(self) -> tuple[Array, Array]:
        """The least and the greatest training value, each of shape (1,)."""
        return np.array([self.low]), np.array([self.high])

    def at_least(self, amounts: Amounts, strict: bool) -> Array:
        """The least float of the column's precision at or, if strict, above each amount."""
        values = amounts.floats()
        near = self.nearest(amounts)
        short = near <= values if strict else near < values
        return np.where(short, self._next(near, np.inf), near)

    def at_most(self, amounts: Amounts, strict: bool) -> Array:
        """The greatest float of the column's precision at or, if strict, below each amount."""
        values = amounts.floats()
        near = self.nearest(amounts)
        beyond = near >= values if strict else near > values
        return np.where(beyond, self._next(near, -np.inf), near)

    def _next(self, values: Array, towards: float) -> Array:
        narrow = values.astype(self.precision)
        return np.nextafter(narrow, self.precision.type(towards)).astype(np.float64)

    def nearest(self, amounts: Amounts) -> Array:
        """The float of the column's precision nearest to each amount."""
        inside = np.clip(amounts.floats(), self.floor, self.ceiling)
        return inside.astype(self.precision).astype(np.float64)

    def amounts(self, points: Array) -> Amounts:
        """The numbers at the points: themselves."""
        return Amounts(points, None)

    def distance(self, high: Array, low: Array) -> Array:
        """How far low is below high."""
        with np.errstate(over="ignore"):
            return high - low

    def shift(self, points: Array, distance: Array) -> Array:
        """The points so much higher, in the column's precision."""
        with np.errstate(over="ignore"):
            return self.nearest(Amounts(points + distance, None))

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        return {"precision": self.precision.name, "low": self.low, "high": self.high}


def place_from_state(data: dict[str, Any]) -> Grid | Line:
    """The grid or line whose ``state()`` this is.

    Raises
    ------
    ValueError
        If it is malformed.
    """
    if "precision" in data:
        name = take(data, "precision", str)
        if name not in ("float16", "float32", "float64"):
            raise ValueError(f"a line is of float16, float32 or float64. Got {name!r}.")
        low, high = float(take(data, "low", (int, float))), float(take(data, "high", (int, float)))
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise ValueError(f"bounds must be finite and ordered. Got {low}, {high}.")
        return Line(np.dtype(name), low, high)
    most = 2**80
    offset, low, high, floor, ceiling = (
        take_integer(data, name, -most, most)
        for name in ("offset", "low", "high", "floor", "ceiling")
    )
    if not floor <= low <= high <= ceiling:
        raise ValueError("a grid needs floor <= low <= high <= ceiling.")
    step = take_integer(data, "step", 1, most)
    return Grid(
        take_integer(data, "digits", 0, 2 * MAX_DIGITS), offset, step, low, high, floor, ceiling
    )
