"""Arithmetic on columns that is exact wherever the columns are decimals.

A column of money, of whole numbers or of times is integers over a power of ten. Sums, differences
and products of such columns are such columns again, and are compared without rounding: 0.1 + 0.2 is
0.3 here. Only division, and columns on no decimal lattice, fall back to floats.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tabdiff.data.cells import Array

# Sums and products below this stay in int64; beyond, Python's own integers take over.
_SAFE = 2**62
# Up to here a float is a whole number, and the next one, exactly.
_EXACT_FLOATS = 2**52


class Amounts(NamedTuple):
    """Numbers ``counts / 10^digits``.

    Attributes
    ----------
    counts : array, (n,) or (1,)
        int64, or Python integers in an object array where 64 bits do not suffice; float64, the
        numbers themselves, where ``digits`` is None.
    digits : int or None
    """

    counts: Array
    digits: int | None

    def floats(self) -> Array:
        """The nearest floats."""
        if self.digits is None:
            return self.counts
        if self.digits and largest(self.counts) >= _EXACT_FLOATS:
            # Python divides integers with one rounding, numpy would round them to floats first.
            return (self.counts.astype(object) / 10**self.digits).astype(np.float64)
        return self.counts.astype(np.float64) / 10.0**self.digits


class Quantities(NamedTuple):
    """Amounts of n rows, some of which are not known.

    Attributes
    ----------
    known : bool array, (n,) or (1,)
    amounts : Amounts
        Anything where not known.
    """

    known: Array
    amounts: Amounts


def whole(values: Array) -> Array:
    """Integers of any width as int64, or as Python integers where they do not fit."""
    if values.dtype == object or values.dtype == np.uint64:
        if not len(values) or -(2**63) <= int(values.min()) <= int(values.max()) < 2**63:
            return values.astype(np.int64)
        return values.astype(object)
    return values.astype(np.int64)


def largest(counts: Array) -> int:
    """The largest absolute value; 0 of none."""
    return max(abs(int(counts.min())), abs(int(counts.max()))) if len(counts) else 0


def plus(a: Array, b: Array) -> Array:
    """Sum of integers, exact."""
    if largest(a) + largest(b) < _SAFE:
        return whole(a) + whole(b)
    return whole(a.astype(object) + b.astype(object))


def times(a: Array, factor: Array | int) -> Array:
    """Product of integers, exact."""
    b = factor if isinstance(factor, np.ndarray) else integers(factor)
    if largest(a) * largest(b) < _SAFE:
        return whole(a) * whole(b)
    return whole(a.astype(object) * b.astype(object))


def integers(value: int) -> Array:
    """One integer of any size as an array of length 1."""
    array: Array = np.empty(1, dtype=object)
    array[0] = value
    return whole(array)


def add(a: Amounts, b: Amounts) -> Amounts:
    """A + b."""
    if a.digits is None or b.digits is None:
        return Amounts(a.floats() + b.floats(), None)
    x, y, digits = _aligned(a, b)
    return Amounts(plus(x, y), digits)


def multiply(a: Amounts, b: Amounts) -> Amounts:
    """A · b."""
    if a.digits is None or b.digits is None:
        return Amounts(a.floats() * b.floats(), None)
    return Amounts(times(a.counts, b.counts), a.digits + b.digits)


def divide(a: Amounts, b: Amounts) -> Amounts:
    """A / b as floats, NaN where b is 0."""
    over, under = np.broadcast_arrays(a.floats(), b.floats())
    result: Array = np.full(over.shape, np.nan)
    np.divide(over, under, out=result, where=under != 0)
    return Amounts(result, None)


def compare(a: Amounts, b: Amounts) -> Array:
    """-1, 0 or 1 where a is less than, equal to or greater than b."""
    if a.digits is None or b.digits is None:
        x, y = a.floats(), b.floats()
    else:
        x, y, _ = _aligned(a, b)
    return np.asarray(x > y, dtype=np.int8) - np.asarray(x < y, dtype=np.int8)


def _aligned(a: Amounts, b: Amounts) -> tuple[Array, Array, int]:
    assert a.digits is not None and b.digits is not None
    digits = max(a.digits, b.digits)
    return (
        times(a.counts, 10 ** (digits - a.digits)),
        times(b.counts, 10 ** (digits - b.digits)),
        digits,
    )


def floor_on(amounts: Amounts, digits: int, offset: int, step: int) -> Array:
    """The greatest i with ``(offset + step * i) / 10^digits`` at most the amount."""
    if amounts.digits is None:
        return _floor_floats(amounts.counts, digits, offset, step)
    finer = max(amounts.digits - digits, 0)
    counts = times(amounts.counts, 10 ** max(digits - amounts.digits, 0))
    above = plus(counts, integers(-offset * 10**finer))
    divisor = step * 10**finer
    return whole(above // divisor if divisor < _SAFE else above.astype(object) // divisor)


def _floor_floats(values: Array, digits: int, offset: int, step: int) -> Array:
    counts = np.floor(values * 10.0**digits)
    if len(counts) and digits and np.abs(counts).max() >= _EXACT_FLOATS:
        exact: Array = np.empty(len(values), dtype=object)
        exact[:] = [int(Fraction(value) * 10**digits // 1) for value in values.tolist()]
        return floor_on(Amounts(whole(exact), 0), 0, offset, step)
    guess = floor_on(Amounts(_from_floats(counts), 0), 0, offset, step)
    # The product above may round across a lattice point: the point itself decides.
    upper = _point(plus(guess, integers(1)), digits, offset, step)
    lower = _point(guess, digits, offset, step)
    shift = (upper <= values).astype(np.int64) - (lower > values).astype(np.int64)
    return plus(guess, shift)


def _from_floats(values: Array) -> Array:
    if not len(values) or float(np.abs(values).max()) < _SAFE:
        return values.astype(np.int64)
    wide: Array = np.empty(len(values), dtype=object)
    wide[:] = [int(value) for value in values]
    return whole(wide)


def _point(index: Array, digits: int, offset: int, step: int) -> Array:
    counts = plus(times(index, step), integers(offset))
    return Amounts(counts, digits).floats()


def ceil_on(amounts: Amounts, digits: int, offset: int, step: int) -> Array:
    """The least i with ``(offset + step * i) / 10^digits`` at least the amount."""
    mirrored = Amounts(_negative(amounts.counts), amounts.digits)
    return _negative(floor_on(mirrored, digits, -offset, step))


def nearest_on(amounts: Amounts, digits: int, offset: int, step: int) -> Array:
    """The i nearest to the amount; of two, the one farther from zero."""
    low = floor_on(amounts, digits, offset, step)
    if amounts.digits is None:
        below = amounts.counts - _point(low, digits, offset, step)
        above = _point(plus(low, integers(1)), digits, offset, step) - amounts.counts
    else:
        finer = max(amounts.digits - digits, 0)
        point = times(plus(times(low, step), integers(offset)), 10**finer)
        counts = times(amounts.counts, 10 ** max(digits - amounts.digits, 0))
        below = plus(counts, _negative(point))
        above = plus(integers(step * 10**finer), _negative(below))
    # Beyond the resolution of floats a point and the next may both be the amount.
    tie = (below == above) & (below > 0)
    up = (below > above) | (tie & (amounts.counts > 0))
    return plus(low, np.asarray(up, dtype=np.int64))


def _negative(counts: Array) -> Array:
    if counts.dtype.kind == "f":
        return -counts
    return times(counts, -1)


def broadcast(counts: Array, n: int) -> Array:
    """``counts``, repeated to n rows where it is one."""
    return np.broadcast_to(counts, (n,)) if len(counts) == 1 else counts


def scatter(values: Array, known: Array, fill: Any = 0) -> Array:
    """Values of the known rows laid out over all rows."""
    if known.all():
        return values
    full: Array = np.full(len(known), fill, dtype=values.dtype)
    full[known] = values
    return full
