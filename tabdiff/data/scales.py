"""Where values of a numeric column can lie: on a lattice, counted exactly, or in a continuum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tabdiff.data.cells import Array
from tabdiff.data.parts import take, take_integer

MAX_DIGITS = 9


@dataclass(frozen=True)
class Lattice:
    """Numbers ``(offset + step * i) / 10^digits`` for i = 0 … cells.

    Attributes
    ----------
    dtype : numpy dtype
        int64, uint64, or float64 when ``digits`` is given.
    offset, step, cells : int
    digits : int or None
        Decimal places of a float column; None where the values are integers themselves.
    """

    dtype: np.dtype[Any]
    offset: int
    step: int
    cells: int
    digits: int | None = None

    @property
    def half(self) -> float:
        """How far values spread from their point, in the units of :meth:`place`.

        Half of the way to the next point, less than that by more than the rounding of v -> z -> v:
        a value at the very edge would be rounded to a point of the neighbouring cell.
        """
        return max(0.0, 0.5 - 1e-6 - self.cells * 2.0**-46)

    def index(self, values: Array) -> Array:
        """Index i of each value as uint64, to the nearest point within the bounds."""
        last = self.offset + self.step * self.cells
        if self.digits is not None:
            scaled = np.rint(values * 10.0**self.digits)
            counts = np.clip(scaled, self.offset, last).astype(np.int64)
        else:
            counts = np.clip(values, self.offset, last)
        # Arithmetic modulo 2^64 is exact for every pair of 64-bit integers.
        above = counts.view(np.uint64) - np.uint64(self.offset % 2**64)
        whole, rest = np.divmod(above, np.uint64(self.step))
        return whole + (rest > np.uint64(self.step // 2))

    def place(self, values: Array, rng: np.random.Generator) -> Array:
        """Position v of each value: its index, spread uniformly around it."""
        index = self.index(values).astype(np.float64)
        return index + (rng.random(len(index)) - 0.5) * (2 * self.half)

    def centre(self, values: Array) -> Array:
        """Position v in the middle of each value's cell."""
        return self.index(values).astype(np.float64)

    def restore(self, v: Array) -> Array:
        """The values of the nearest lattice points."""
        top = float(self.cells)
        inside = np.clip(np.rint(v), 0.0, np.nextafter(top, 0.0) if int(top) > self.cells else top)
        index = inside.astype(np.uint64)
        index[v >= top] = self.cells
        counts = index * np.uint64(self.step) + np.uint64(self.offset % 2**64)
        if self.digits is not None:
            return counts.view(np.int64) / 10.0**self.digits
        return counts.view(self.dtype)

    def stretch(self, low: Any, high: Any) -> tuple[float, float]:
        """The edges, in positions v, of the lattice points from ``low`` to ``high``."""
        first = -(-(self._count(low, math.ceil) - self.offset) // self.step)
        last = (self._count(high, math.floor) - self.offset) // self.step
        return max(first, 0) - 0.5, min(last, self.cells) + 0.5

    def _count(self, value: Any, rounded: Callable[[float], int]) -> int:
        """``value`` in units of the lattice, whole; infinities beyond every point."""
        if self.digits is None and not isinstance(value, float | np.floating):
            return int(value)
        if math.isinf(value):
            return 2**70 if value > 0 else -(2**70)
        scaled = float(value) * 10.0 ** (self.digits or 0)
        near = round(scaled)
        # Single precision misses the decimal that it means by up to 1e-7 of it.
        slack = max(1e-9, min(1e-3, 2e-7 * abs(scaled)))
        return near if abs(scaled - near) <= slack else rounded(scaled)

    def beyond(self, values: Array) -> Array:
        """Whether each value lies outside the lattice's bounds."""
        last = self.offset + self.step * self.cells
        counts = values if self.digits is None else np.rint(values * 10.0**self.digits)
        return (counts < self.offset) | (counts > last)

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        return {
            "dtype": self.dtype.name,
            "offset": self.offset,
            "step": self.step,
            "cells": self.cells,
            "digits": self.digits,
        }


@dataclass(frozen=True)
class Continuum:
    """Floats on no lattice, times ``2^exponent``.

    Attributes
    ----------
    low, high : float
        Observed bounds.
    exponent : int
        0 unless the values are so large or small that differences would overflow or vanish.
    """

    low: float
    high: float
    exponent: int

    @property
    def half(self) -> float:
        """No cell, no spread."""
        return 0.0

    def place(self, values: Array, rng: np.random.Generator) -> Array:
        """Position v of each value."""
        return self.centre(values)

    def centre(self, values: Array) -> Array:
        """Position v of each value."""
        return np.ldexp(np.clip(values, self.low, self.high), self.exponent)

    def beyond(self, values: Array) -> Array:
        """Whether each value lies outside the observed bounds."""
        return (values < self.low) | (values > self.high)

    def stretch(self, low: Any, high: Any) -> tuple[float, float]:
        """The positions v of ``low`` and ``high``, which may lie beyond the observed bounds."""
        v_low, v_high = np.ldexp(np.array([low, high], dtype=np.float64), self.exponent)
        return float(v_low), float(v_high)

    def restore(self, v: Array) -> Array:
        """The values at v, within the observed bounds."""
        return np.clip(np.ldexp(v, -self.exponent), self.low, self.high)

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        return {"low": self.low, "high": self.high, "exponent": self.exponent}


def find_scale(distinct: Array, precision: np.dtype[Any]) -> Lattice | Continuum:
    """The coarsest lattice that holds all values, or a continuum.

    Parameters
    ----------
    distinct : int64, uint64 or float64 array, (k,), sorted
    precision : numpy dtype
        The dtype in which floats are stored, which decides how many digits they can show.
    """
    if distinct.dtype.kind != "f":
        return _lattice(distinct, distinct.dtype, None)
    digits = decimal_places(distinct, precision)
    if digits is not None:
        counts = np.rint(distinct * 10.0**digits).astype(np.int64)
        return _lattice(counts, distinct.dtype, digits)
    return _continuum(float(distinct[0]), float(distinct[-1]))


def _continuum(low: float, high: float) -> Continuum:
    _, exponent = np.frexp(max(abs(low), abs(high)))
    if exponent > 1000:
        # Shifting the largest value to about 1 would flush small neighbours of a huge one.
        return Continuum(low, high, -8)
    return Continuum(low, high, min(-int(exponent), 1000) if exponent < -900 else 0)


def _lattice(counts: Array, dtype: np.dtype[Any], digits: int | None) -> Lattice:
    first, last = int(counts[0]), int(counts[-1])
    step = int(np.gcd.reduce(_above(counts))) or 1
    return Lattice(dtype, first, step, (last - first) // step, digits)


def _above(counts: Array) -> Array:
    """How far each count is from the first, without overflow."""
    return counts.view(np.uint64) - np.uint64(int(counts[0]) % 2**64)


def decimal_places(distinct: Array, precision: np.dtype[Any]) -> int | None:
    """The fewest decimal places that write every float, or None where ``MAX_DIGITS`` do not.

    A float shows k decimals when it is the float nearest to some i / 10^k. Sums such as
    0.1 + 0.2 miss that by a few units in the last place and are taken for the decimal they mean.
    """
    largest = float(np.abs(distinct[[0, -1]]).max())
    found = (_places(distinct, precision, 0, largest, *way) for way in _ways(precision))
    return next((digits for digits in found if digits is not None), None)


def _ways(precision: np.dtype[Any]) -> tuple[tuple[float, float], ...]:
    """How far floats may be from a decimal, relatively, and up to what they are looked at so."""
    bits, eps = np.finfo(precision).nmant, float(np.finfo(precision).eps)
    return (0.0, 2.0**bits), (4.0 * eps, 2.0 ** (bits - 10))


def _places(
    distinct: Array,
    precision: np.dtype[Any],
    least: int,
    largest: float,
    tolerance: float,
    limit: float,
) -> int | None:
    """The fewest decimal places, from ``least`` on, at which all floats show."""
    for digits in range(least, MAX_DIGITS + 1):
        if largest * 10.0**digits > limit:
            break
        parts = (distinct[:50], distinct)
        if all(_shows(part, digits, precision, tolerance) for part in parts):
            return digits
    return None


class Scaling:
    """The scale of values that come piece by piece, in bounded memory.

    It holds all of them: those that become atoms, too, which :func:`find_scale` is not asked for.

    Parameters
    ----------
    precision : numpy dtype
        As of :func:`find_scale`.

    Attributes
    ----------
    ends : tuple
        The least and the greatest value.
    """

    def __init__(self, precision: np.dtype[Any]) -> None:
        self._precision = precision
        self._dtype: np.dtype[Any] = np.dtype(np.int64)
        self.ends: tuple[Any, Any] = (math.inf, -math.inf)
        # Per way to read decimals: places, and of the counts at these one and all its distances.
        self._ways: list[_Steps | None] = [_Steps(), _Steps()]

    def update(self, distinct: Array) -> None:
        """Look at more values, sorted, finite and at least one."""
        self._dtype = distinct.dtype
        low, high = min(distinct[0].item(), self.ends[0]), max(distinct[-1].item(), self.ends[1])
        self.ends = low, high
        if self._dtype.kind != "f":
            self._ways = [_Steps.joined(self._ways[0], 0, distinct)]
            return
        largest = max(abs(low), abs(high))
        for at, (steps, way) in enumerate(zip(self._ways, _ways(self._precision), strict=True)):
            if steps is not None:
                digits = _places(distinct, self._precision, steps.digits, largest, *way)
                self._ways[at] = None
                if digits is not None:
                    counts = np.rint(distinct * 10.0**digits).astype(np.int64)
                    self._ways[at] = _Steps.joined(steps, digits, counts)

    def found(self) -> Lattice | Continuum:
        """The coarsest lattice that holds all values, or a continuum."""
        low, high = self.ends
        steps = next((steps for steps in self._ways if steps is not None), None)
        if steps is None:
            return _continuum(low, high)
        digits = steps.digits if self._dtype.kind == "f" else None
        first, last = (low, high) if digits is None else _whole(low, high, digits)
        step = steps.step or 1
        return Lattice(self._dtype, first, step, (last - first) // step, digits)


class _Steps(NamedTuple):
    """Counts of 10^-digits so far: one of them, and what divides the distances of all to it."""

    digits: int = 0
    one: int | None = None
    step: int = 0

    @classmethod
    def joined(cls, before: _Steps | None, digits: int, counts: Array) -> _Steps:
        """With more counts, sorted, of as many digits or more."""
        first, step = int(counts[0]), int(np.gcd.reduce(_above(counts)))
        if before is None or before.one is None:
            return cls(digits, first, step)
        finer = 10 ** (digits - before.digits)
        one = before.one * finer
        return cls(digits, one, math.gcd(step, before.step * finer, first - one))


def _whole(low: float, high: float, digits: int) -> tuple[int, int]:
    first, last = np.rint(np.array([low, high]) * 10.0**digits).astype(np.int64).tolist()
    return first, last


def _shows(values: Array, digits: int, precision: np.dtype[Any], tolerance: float) -> bool:
    nearest = (np.rint(values * 10.0**digits) / 10.0**digits).astype(precision)
    return bool(np.all(np.abs(nearest.astype(np.float64) - values) <= tolerance * np.abs(values)))


def scale_from_state(data: dict[str, Any]) -> Lattice | Continuum:
    """The lattice or continuum whose ``state()`` this is.

    Raises
    ------
    ValueError
        If it is malformed.
    """
    if "low" in data:
        low, high = float(take(data, "low", (int, float))), float(take(data, "high", (int, float)))
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"numeric bounds must be finite and ordered. Got {low}, {high}.")
        return Continuum(low, high, take_integer(data, "exponent", -1100, 1100))
    name = take(data, "dtype", str)
    if name not in ("int64", "uint64", "float64"):
        raise ValueError(f"a lattice is int64, uint64 or float64. Got {name!r}.")
    digits = None if data.get("digits") is None else take_integer(data, "digits", 0, MAX_DIGITS)
    if (digits is None) == (name == "float64"):
        raise ValueError("a lattice has digits if and only if it is of floats.")
    integer = np.iinfo(np.int64 if name == "float64" else name)
    offset = take_integer(data, "offset", int(integer.min), int(integer.max))
    step = take_integer(data, "step", 1, 2**64 - 1)
    cells = take_integer(data, "cells", 0, 2**64 - 1)
    if offset + step * cells > int(integer.max):
        raise ValueError("a lattice must stay within its dtype.")
    return Lattice(np.dtype(name), offset, step, cells, digits)
