"""Lattices and continua against numbers worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest

from tabdiff.data.scales import (
    Continuum,
    Lattice,
    Scaling,
    decimal_places,
    find_scale,
    scale_from_state,
)

INT, UINT, FLOAT = (np.dtype(name) for name in ("int64", "uint64", "float64"))
# -5, 0, ... 25; -0.5, -0.25, ... 0.5; 0, 4, ... 40; the whole numbers up to a million.
FIVES = Lattice(INT, -5, 5, 6)
QUARTERS = Lattice(FLOAT, -50, 25, 4, 2)
FOURS = Lattice(INT, 0, 4, 10)
WHOLE = Lattice(INT, 0, 1, 10**6)
ALL = Lattice(UINT, 0, 1, 2**64 - 1)
# Times 8 within.
LINE = Continuum(-1.0, 2.0, 3)


class Ends:
    """A generator that draws 0, one half, and the greatest number below one."""

    def random(self, n: int) -> np.ndarray:
        return np.resize([0.0, 0.5, 1 - 2**-53], n)


# --------------------------------------------------------------------------------------- lattices


@pytest.mark.parametrize(
    ("lattice", "values", "index"),
    [
        (FIVES, [-5, 0, 10, 25], [0, 1, 3, 6]),
        (FIVES, [2, 3, -3, -2], [1, 2, 0, 1]),
        (FIVES, [-100, 100], [0, 6]),
        (FOURS, [1, 2, 3], [0, 0, 1]),
        (QUARTERS, [-0.5, 0.25, 0.12, 0.13, 0.1249, -9.0, 9.0], [0, 3, 2, 3, 2, 0, 4]),
        (Lattice(INT, -(2**63), 2**62, 3), [-(2**63), -(2**62), 0, 2**62], [0, 1, 2, 3]),
    ],
)
def test_values_have_the_index_of_the_nearest_point(lattice: Lattice, values: list, index: list):
    found = lattice.index(np.array(values))
    assert found.dtype == np.uint64 and found.tolist() == index
    assert lattice.centre(np.array(values)).tolist() == index


@pytest.mark.parametrize(
    ("lattice", "v", "values"),
    [
        (FIVES, [-3.0, 0.4, 0.6, 3.0, 5.6, 6.0, 6.2, 99.0], [-5, -5, 0, 10, 25, 25, 25, 25]),
        (QUARTERS, [0.0, 1.0, 2.4, 9.0], [-0.5, -0.25, 0.0, 0.5]),
        (ALL, [0.0, 5.0, 2.0**63, 2.0**64], [0, 5, 2**63, 2**64 - 1]),
        (Lattice(INT, 7, 1, 2**53 + 1), [0.0, 2.0**53], [7, 2**53 + 8]),
    ],
)
def test_positions_have_the_value_of_the_nearest_point(lattice: Lattice, v: list, values: list):
    restored = lattice.restore(np.array(v))
    assert restored.dtype == lattice.dtype and restored.tolist() == values


@pytest.mark.parametrize(
    ("cells", "reach"),
    [(6, 0.5 - 1e-6), (2**44, 0.25 - 1e-6), (2**46, 0.0)],
)
def test_values_spread_over_their_cell_as_far_as_floats_tell(cells: int, reach: float):
    lattice = Lattice(INT, 0, 1, cells)
    v = lattice.place(np.array([3, 3, 3]), Ends())  # type: ignore[arg-type]
    np.testing.assert_allclose(v - 3, [-reach, 0, reach], rtol=0, atol=1e-8 if reach else 0)
    assert lattice.half == pytest.approx(reach, abs=1e-8)


@pytest.mark.parametrize(
    ("lattice", "low", "high", "stretch"),
    [
        (FIVES, 0, 10, (0.5, 3.5)),
        (FIVES, 1, 9, (1.5, 2.5)),
        (FIVES, 1, 4, (1.5, 1.5)),
        (FIVES, 0.2, 9.9, (1.5, 2.5)),
        (FIVES, -100, 100, (-0.5, 6.5)),
        (WHOLE, -math.inf, math.inf, (-0.5, 1e6 + 0.5)),
        (WHOLE, math.inf, -math.inf, (2**70 - 0.5, -(2**70) + 0.5)),
        (QUARTERS, -0.25, 0.3, (0.5, 3.5)),
        (QUARTERS, -0.26, 0.24, (0.5, 2.5)),
        (Lattice(INT, 2**53, 1, 9), 2**53 + 1, 2**53 + 3, (0.5, 3.5)),
        # A millionth and a thousandth at most pass for the rounding of narrow floats.
        (WHOLE, 5.0000009, 7, (4.5, 7.5)),
        (WHOLE, 5.0000011, 7, (5.5, 7.5)),
        (WHOLE, 1, 6.9999985, (0.5, 6.5)),
        (WHOLE, 100_000.0009, 200_000, (99_999.5, 200_000.5)),
        (WHOLE, 100_000.0011, 200_000, (100_000.5, 200_000.5)),
        (WHOLE, 9e-10, 3, (-0.5, 3.5)),
        (WHOLE, 1e-9, 3, (-0.5, 3.5)),
        (WHOLE, 1.1e-9, 3, (0.5, 3.5)),
        (WHOLE, np.float32(0.5), np.float64(3.5), (0.5, 3.5)),
    ],
)
def test_a_stretch_reaches_from_the_first_point_within_to_the_last(
    lattice: Lattice, low: Any, high: Any, stretch: tuple[float, float]
):
    assert lattice.stretch(low, high) == stretch


def test_beyond_is_what_lies_outside_the_least_and_the_greatest_point():
    assert FIVES.beyond(np.array([-6, -5, 1, 25, 26])).tolist() == [True, False, False, False, True]
    found = QUARTERS.beyond(np.array([-0.506, -0.504, 0.504, 0.506]))
    assert found.tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("distinct", "lattice"),
    [
        (np.array([-5, 0, 25]), FIVES),
        (np.array([-0.5, 0.25, 0.5]), QUARTERS),
        (np.array([7]), Lattice(INT, 7, 1, 0)),
        (np.array([0, 2**64 - 1, 2**64 - 2], dtype=np.uint64)[[0, 2, 1]], ALL),
    ],
)
def test_the_coarsest_lattice_is_found(distinct: np.ndarray, lattice: Lattice):
    assert find_scale(distinct, FLOAT) == lattice


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        ([1.0, 2.0**52], 0),
        ([1.0, 2.0**52 + 2], None),
        ([0.3 + 4 * 2.0**-54, 0.7], 1),
        ([0.3 + 5 * 2.0**-54, 0.7], None),
        ([0.1 + 0.2, 4.3e11], 1),
        ([0.1 + 0.2, 4.5e11], None),
        ([-4.5e11, 0.1 + 0.2], None),
        ([0.123456789, 0.5], 9),
        ([0.1234567891, 0.5], None),
        ([0.0, 0.5], 1),
        ([0.5, 1.0, 1e300], None),
    ],
)
def test_decimals_are_seen_through_the_rounding_of_sums(values: list, digits: int | None):
    assert decimal_places(np.array(values), FLOAT) == digits


# --------------------------------------------------------------------------------------- continua


def test_a_continuum_is_scaled_by_its_power_of_two_and_kept_to_its_bounds():
    values = np.array([-5.0, -1.0, 0.5, 9.0])
    assert LINE.centre(values).tolist() == [-8, -8, 4, 16]
    assert LINE.place(values, np.random.default_rng(0)).tolist() == [-8, -8, 4, 16]
    assert LINE.restore(np.array([-100.0, 4.0, 100.0])).tolist() == [-1, 0.5, 2]
    assert LINE.beyond(np.array([-1.1, -1.0, 2.0, 2.1])).tolist() == [True, False, False, True]
    assert LINE.stretch(-4, 1) == (-32, 8)
    assert LINE.stretch(-(2**70), 2**70) == (-(2.0**73), 2.0**73)
    assert LINE.half == 0


@pytest.mark.parametrize(
    ("magnitude", "exponent"),
    [(0, 0), (1000, 0), (1001, -8), (1024, -8), (-900, 0), (-901, 901), (-1050, 1000)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_only_what_would_overflow_or_vanish_is_scaled(magnitude: int, exponent: int, sign: int):
    values = np.sort(sign * np.ldexp([1 / 3, 0.7], magnitude))
    scale = find_scale(values, FLOAT)
    assert scale == Continuum(float(values[0]), float(values[1]), exponent)


# ------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("scale", [FIVES, QUARTERS, ALL, LINE])
def test_a_scale_comes_back_from_its_state(scale: Lattice | Continuum):
    assert scale_from_state(scale.state()) == scale


def test_the_state_is_plain():
    names = {"dtype": "float64", "offset": -50, "step": 25, "cells": 4, "digits": 2}
    assert QUARTERS.state() == names
    assert LINE.state() == {"low": -1.0, "high": 2.0, "exponent": 3}


@pytest.mark.parametrize(
    ("scale", "change"),
    [
        (LINE, {"low": 2.0}),
        (LINE, {"low": math.nan}),
        (LINE, {"low": -math.inf}),
        (LINE, {"high": math.inf}),
        (LINE, {"exponent": 1101}),
        (LINE, {"exponent": -1101}),
        (FIVES, {"dtype": "int32"}),
        (FIVES, {"digits": 2}),
        (QUARTERS, {"digits": None}),
        (QUARTERS, {"digits": 10}),
        (QUARTERS, {"digits": -1}),
        (FIVES, {"step": 0}),
        (FIVES, {"cells": -1}),
        (FIVES, {"offset": 2**63}),
        (FIVES, {"offset": -(2**63) - 1}),
        (FIVES, {"cells": 2**64}),
        (ALL, {"offset": 1}),
        (ALL, {"offset": -1}),
        (ALL, {"step": 2**64}),
        (ALL, {"step": 2**64, "cells": 0}),
    ],
)
def test_states_that_cannot_be_are_refused(scale: Lattice | Continuum, change: dict[str, Any]):
    with pytest.raises(ValueError, match="malformed encoder|numeric bounds|a lattice"):
        scale_from_state(scale.state() | change)


@pytest.mark.parametrize(
    ("scale", "change"),
    [
        (LINE, {"exponent": 1100}),
        (LINE, {"exponent": -1100}),
        (LINE, {"low": -1}),
        (QUARTERS, {"digits": 0}),
        (QUARTERS, {"digits": 9}),
        (FIVES, {"cells": 0}),
        (ALL, {"step": 2**64 - 1, "cells": 1}),
        (Lattice(INT, -(2**63), 2**64 - 1, 1), {}),
        (Lattice(INT, 2**63 - 1, 1, 0), {}),
    ],
)
def test_states_at_the_very_bounds_are_taken(scale: Lattice | Continuum, change: dict[str, Any]):
    data = scale.state() | change
    assert scale_from_state(data).state() == data


# ----------------------------------------------------------------------------------------- pieces


@pytest.mark.parametrize(
    ("values", "precision"),
    [
        ([3, 8, 18, 1003, -2], INT),
        ([2**63 - 1, -(2**63), 5], INT),
        ([2**64 - 1, 1, 2**63], UINT),
        ([7, 7, 7], INT),
        ([1.0, 2.0, 3.0], FLOAT),
        ([1.0, 2.5, 3.25, 1000.0], FLOAT),
        ([0.1, 0.2, 0.1 + 0.2, 0.5], FLOAT),
        ([0.125, math.pi, 0.25], FLOAT),
        ([1e300, -1e300, math.pi], FLOAT),
        ([5.0, 10.0, 1e15 + 0.5], FLOAT),
        ([0.5, 123456.0, 1e-9], FLOAT),
        ([0.1, 0.7, 1e6 + 0.3], np.dtype("float32")),
    ],
)
@pytest.mark.parametrize("size", [1, 2])
def test_pieces_have_the_scale_of_the_whole(values: list[float], precision: np.dtype, size: int):
    kind = precision if precision.kind in "iu" else FLOAT
    array = np.array(values, dtype=precision).astype(kind)
    scaling = Scaling(precision if precision.kind == "f" else FLOAT)
    for first in range(0, len(array), size):
        scaling.update(np.unique(array[first : first + size]))
    assert scaling.found() == find_scale(np.unique(array), precision)
    assert scaling.ends == (array.min(), array.max())
