"""Lattices, atoms and curves: what a numeric column can hold comes back exactly."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtri

from tabdiff.data.cells import Cells
from tabdiff.data.grid import Grid
from tabdiff.data.numeric import (
    FINE,
    SMOOTH,
    NumericEncoder,
    Resolution,
    _apart,
    _divide,
    _merge,
    nearest,
)
from tabdiff.data.parts import Parts
from tabdiff.data.scales import Continuum, Lattice, decimal_places, find_scale

FLOAT64 = np.dtype("float64")


def through(values: np.ndarray, resolution: Resolution = FINE) -> tuple[NumericEncoder, np.ndarray]:
    """The encoder of the values, and the values after encode and decode."""
    cells = Cells(np.zeros(len(values), dtype=bool), values)
    encoder = NumericEncoder.fit(cells, FLOAT64, resolution)
    parts = encoder.encode(cells, np.random.default_rng(0))
    return encoder, encoder.decode(parts, len(values), np.random.default_rng(0), 0).values


@pytest.mark.parametrize(
    ("values", "digits"),
    [
        ([1.0, 5.0, -3.0], 0),
        ([0.1, 0.25, 7.0], 2),
        ([0.1 + 0.2, 0.1, 0.7], 1),
        ([1e-9, 1.0], 9),
        ([1e14, 0.5], 1),
        ([1 / 3, 0.5], None),
        ([1e300, 1.0], None),
        ([1e-12, 1.0], None),
    ],
)
def test_decimal_places_are_those_one_would_write(values: list[float], digits: int | None) -> None:
    assert decimal_places(np.sort(values), FLOAT64) == digits


def test_decimal_places_of_narrow_floats_are_theirs() -> None:
    tenths = np.round(np.random.default_rng(0).normal(size=500), 1).astype("float32")
    assert decimal_places(np.unique(tenths.astype(float)), np.dtype("float32")) == 1
    normal = np.random.default_rng(0).normal(size=500).astype("float32").astype(float)
    assert decimal_places(np.unique(normal), np.dtype("float32")) is None


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (np.array([-5, 0, 10, 25]), 5),
        (np.array([2**53 + 1, 2**53 + 3, 2**62 + 1]), 2),
        (np.array([-(2**63), 2**63 - 1]), 2**64 - 1),
        (np.array([0, 2**63, 2**64 - 2**10], dtype=np.uint64), 2**10),
        (np.array([0.0, 0.25, 1.5]), 25),
    ],
)
def test_step_is_the_greatest_common_one(values: np.ndarray, step: int) -> None:
    scale = find_scale(values, FLOAT64)
    assert isinstance(scale, Lattice)
    assert scale.step == step
    np.testing.assert_array_equal(scale.restore(scale.centre(values)), values)


def test_odd_numbers_stay_odd_whatever_the_network_says() -> None:
    rng = np.random.default_rng(0)
    values = 2**60 + 1 + 2 * rng.integers(0, 10**12, 3000)
    encoder, out = through(values)
    np.testing.assert_array_equal(out, values)
    anything = Parts(rng.integers(0, encoder.levels, 10_000), rng.normal(size=10_000) * 3)
    noisy = encoder.decode(anything, 10_000, rng, 0).values
    assert (noisy % 2 == 1).all()
    assert noisy.min() >= values.min() and noisy.max() <= values.max()


def test_uint64_near_its_limit_is_exact() -> None:
    values = np.uint64(2**64 - 1) - np.random.default_rng(0).integers(0, 10**9, 2000).astype("u8")
    np.testing.assert_array_equal(through(values)[1], values)


def test_lattice_wider_than_float64_keeps_to_its_points_and_bounds() -> None:
    values = np.random.default_rng(0).integers(-(2**62), 2**62, 2000) * 2 + 1
    encoder, out = through(values)
    assert (out % 2 == 1).all()
    np.testing.assert_allclose(out.astype(float), values.astype(float), rtol=0, atol=2**63 * 1e-9)
    assert encoder.atoms.tolist() == []


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays("int64", st.integers(2, 300), elements=st.integers(-(2**44), 2**44)),
    st.integers(1, 1000),
)
def test_integers_round_trip(values: np.ndarray, step: int) -> None:
    np.testing.assert_array_equal(through(values * step)[1], values * step)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays("float64", st.integers(2, 300), elements=st.integers(-(10**8), 10**8)),
    st.integers(0, 6),
)
def test_decimals_round_trip(counts: np.ndarray, digits: int) -> None:
    values = counts / 10.0**digits
    np.testing.assert_array_equal(through(values)[1], values)


@settings(max_examples=80, deadline=None)
@given(
    hnp.arrays("float64", st.integers(2, 300), elements=st.floats(0.5, 0.999)),
    st.integers(-1050, 1024),
)
def test_floats_of_any_scale_round_trip(values: np.ndarray, exponent: int) -> None:
    values = np.ldexp(values, exponent)
    out = through(values)[1]
    np.testing.assert_allclose(out, values, rtol=1e-9, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        "float64", st.integers(2, 100), elements=st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_any_finite_floats_stay_finite_and_in_bounds(values: np.ndarray) -> None:
    out = through(values)[1]
    assert np.isfinite(out).all()
    assert out.min() >= values.min() and out.max() <= values.max()


@pytest.mark.parametrize(
    "ends", [(-(2**63), 2**63 - 1), (0, 2**64 - 1), (-1.7e308, 1.7e308)], ids=["i", "u", "f"]
)
def test_the_nearest_level_is_found_over_the_whole_dtype(ends: tuple[float, float]) -> None:
    levels = np.array([*ends])
    shares = [Fraction(at, 100) for at in range(101) if at != 50]
    exact = [
        Fraction(ends[0]) + share * (Fraction(ends[1]) - Fraction(ends[0])) for share in shares
    ]
    values = np.array([type(ends[0])(value) for value in exact], dtype=levels.dtype)
    assert nearest(levels, values).tolist() == [int(share > Fraction(1, 2)) for share in shares]


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal", "uniform"])
@pytest.mark.parametrize("digits", [None, 0, 2])
def test_value_is_standard_normal(draw: str, digits: int | None) -> None:
    rng = np.random.default_rng(0)
    values = getattr(rng, draw)(size=20_000) * 1e4
    values = values if digits is None else np.round(values, digits)
    cells = Cells(np.zeros(len(values), dtype=bool), values)
    encoder = NumericEncoder.fit(cells, FLOAT64)
    z = encoder.encode(cells, rng).num
    # The ranks are even by construction; what is left is the spread over cells and 1,200 knots.
    expected = pd.Series(np.sort(z)).quantile([0.05, 0.25, 0.5, 0.75, 0.95]).to_numpy()
    np.testing.assert_allclose(expected, [-1.645, -0.674, 0, 0.674, 1.645], atol=0.03)


def test_few_values_are_levels_in_order() -> None:
    encoder, out = through(np.tile([3.5, -1.0, 2.0], 20))
    assert not encoder.has_value and encoder.n_ordered == 3
    assert encoder.atoms.tolist() == [-1.0, 2.0, 3.5]
    np.testing.assert_array_equal(out, np.tile([3.5, -1.0, 2.0], 20))


def test_few_values_that_hardly_repeat_are_no_levels() -> None:
    encoder, _ = through(np.random.default_rng(0).normal(size=30))
    assert encoder.levels == 1 and encoder.has_value


def test_cells_are_in_order_of_about_equal_mass_and_atoms_stand_among_them() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(5000) < 0.3, 0.0, rng.normal(size=5000))
    values[:150] = 7.25
    encoder, out = through(values, Resolution(256, 50))
    assert encoder.atoms.tolist() == [0.0, 7.25]
    cells = Cells(np.zeros(len(values), dtype=bool), values)
    code = encoder.encode(cells, rng).cat
    assert code is not None
    order = np.argsort(values, kind="stable")
    assert (np.diff(code[order]) >= 0).all()
    np.testing.assert_array_equal(encoder.counts, np.bincount(code))
    zero, top = np.flatnonzero(~encoder.open)
    assert encoder.open_levels == tuple(c for c in range(encoder.levels) if c not in (zero, top))
    assert encoder.counts[zero] == (values == 0).sum() and encoder.counts[top] == 150
    assert (np.abs(encoder.counts[encoder.open] - 100) < 10).all()
    np.testing.assert_allclose(out, values, rtol=1e-9)


def test_whatever_the_network_says_a_value_keeps_to_the_range_of_its_cell() -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=4000)
    encoder, _ = through(values)
    code = encoder.encode(Cells(np.zeros(4000, dtype=bool), values), rng).cat
    assert code is not None
    for cell in range(encoder.levels):
        here = Parts(np.full(200, cell), rng.normal(size=200) * 5)
        out = encoder.decode(here, 200, rng, 0).values
        assert out.min() >= values[code == cell].min() * (1 - 1e-12)
        assert out.max() <= values[code == cell].max() * (1 + 1e-12)


@pytest.mark.parametrize("step", [1, 7])
@pytest.mark.parametrize("rows", [160, 162, 240])
def test_the_edge_of_a_cell_is_no_point_of_the_next_one(rows: int, step: int) -> None:
    values = np.arange(rows) * step
    encoder, _ = through(values)
    assert encoder.levels > 1
    code = encoder.encode(whole(values), np.random.default_rng(0)).cat
    assert code is not None
    for level in range(encoder.levels):
        ends = Parts(np.full(2, level), np.array([-9.0, 9.0]))
        out = encoder.decode(ends, 2, np.random.default_rng(0), 0).values
        inside = values[code == level]
        assert out.tolist() == [inside.min(), inside.max()]


def test_a_number_in_no_cell_counts_as_the_nearest_end_of_one() -> None:
    values = np.concatenate([np.linspace(0, 1, 1000), np.linspace(9, 10, 1000)])
    encoder, _ = through(values, Resolution(256, 2))
    between = Cells(np.zeros(2, dtype=bool), np.array([4.0, 6.0]))
    parts = encoder.encode(between, np.random.default_rng(0))
    assert parts.cat is not None and parts.cat.tolist() == [0, 1]
    out = encoder.decode(parts, 2, np.random.default_rng(0), 0).values
    np.testing.assert_allclose(out, [1.0, 9.0])


def test_thresholds_are_arguments() -> None:
    values = np.random.default_rng(0).integers(0, 50, 5000)
    assert not through(values)[0].has_value
    coarse, _ = through(values, Resolution(10, 1))
    assert coarse.has_value and coarse.levels == 1


def test_infinite_numbers_are_refused_with_their_row() -> None:
    cells = Cells(np.array([True, False, False]), np.array([1.0, np.inf]))
    with pytest.raises(ValueError, match="1 values are infinite \\(first at row 2\\)"):
        NumericEncoder.fit(cells, FLOAT64)
    several = Cells(np.array([True, False, False, False]), np.array([-np.inf, 1.0, np.inf]))
    with pytest.raises(ValueError, match="2 values are infinite \\(first at row 1\\)"):
        ATOMS.encode(several, np.random.default_rng(0))


def test_numbers_beyond_the_range_count_as_its_ends() -> None:
    values = np.random.default_rng(0).integers(0, 10**6, 1000)
    encoder, _ = through(values)
    far = Cells(np.zeros(2, dtype=bool), np.array([-(2**62), 2**62]))
    parts = encoder.encode(far, np.random.default_rng(0))
    out = encoder.decode(parts, 2, np.random.default_rng(0), 0).values
    assert out.tolist() == [values.min(), values.max()]


def test_knots_increase_strictly_through_neighbouring_floats() -> None:
    values = np.array([1.0, np.nextafter(1.0, 2.0), 1.5])
    grid = Grid.fit([(values, np.array([500, 400, 3]))], 0.0)
    assert (np.diff(grid.v) > 0).all() and (np.diff(grid.y) > 0).all()
    assert isinstance(find_scale(np.array([1.0, 1 / 3]), FLOAT64), Lattice | Continuum)


def test_the_smooth_resolution_keeps_one_cell_and_the_values_of_unusual_mass():
    values = np.concatenate([np.zeros(300), np.random.default_rng(0).normal(10, 1, 700)])
    encoder, out = through(values, SMOOTH)
    assert encoder.atoms.tolist() == [0.0]
    assert encoder.open.tolist() == [False, True]
    np.testing.assert_allclose(out, values, rtol=1e-12)


# --------------------------------------------------------------------------- worked out by hand


@pytest.mark.parametrize(
    ("distinct", "each", "resolution", "levels"),
    [
        (2, 1, Resolution(1, 1), 2),
        (3, 20, Resolution(3, 1), 3),
        (3, 19, Resolution(3, 1, 1.0), 1),
        (3, 20, Resolution(2, 1, 1.0), 1),
        (256, 20, FINE, 256),
        (257, 40, FINE, 128),
        (256 * 80, 1, FINE, 256),
        (160, 1, FINE, 2),
        (30_000, 1, FINE, 256),
        (16, 20, SMOOTH, 16),
        (17, 20, SMOOTH, 17),
        (21, 20, SMOOTH, 1),
    ],
)
def test_values_that_repeat_are_atoms_and_others_share_cells(
    distinct: int, each: int, resolution: Resolution, levels: int
):
    values = np.repeat(np.arange(distinct) * 3, each)
    assert NumericEncoder.fit(whole(values), FLOAT64, resolution).levels == levels


@pytest.mark.parametrize(
    ("rows", "resolution", "least"),
    [
        (1000, Resolution(1, 1, 0.05), 50),
        (100, Resolution(1, 1, 0.05), 10),
        (800, Resolution(1, 10), 80),
        (400, Resolution(1, 10), 80),
        (2000, Resolution(1, 20), 100),
    ],
)
def test_a_value_of_so_many_rows_is_an_atom(rows: int, resolution: Resolution, least: int):
    for count, atoms in ((least, [7]), (least - 1, [])):
        others = 100 + np.arange(rows - count)
        encoder = NumericEncoder.fit(whole(np.append(others, [7] * count)), FLOAT64, resolution)
        assert [atom for atom in encoder.atoms.tolist() if atom == 7] == atoms


@pytest.mark.parametrize(
    ("counts", "mass", "atomic", "owner"),
    [
        ([10, 10, 10, 10], 20, "....", [0, 0, 1, 1]),
        ([10, 10, 10, 10], 100, "....", [0, 0, 0, 0]),
        ([10, 10, 10, 10], 1, "....", [0, 0, 1, 1]),
        ([5, 5, 9, 9, 5, 5], 100, "..aa..", [0, 0, 1, 2, 3, 3]),
        ([9, 5, 5, 9], 100, "a..a", [0, 1, 1, 2]),
        ([9, 5, 9], 100, "a.a", [0, 1, 2]),
        ([30, 1, 1, 1, 1, 30], 32, "......", [0, 0, 0, 1, 1, 1]),
        ([1, 1, 40, 1, 1, 1, 1, 1], 12, "........", [0, 0, 1, 1, 1, 1, 1, 1]),
        ([50, 1, 1, 1, 10], 6.5, "a....", [0, 1, 1, 1, 1]),
        ([4, 5, 12, 6, 5], 16, ".....", [0, 0, 0, 1, 1]),
        ([10] * 5, 25, ".....", [0, 0, 1, 1, 1]),
    ],
)
def test_values_are_divided_into_equal_masses(
    counts: list[int], mass: float, atomic: str, owner: list[int]
):
    chosen = np.array([letter == "a" for letter in atomic])
    assert _divide(np.array(counts), mass, chosen).tolist() == owner


@pytest.mark.parametrize(
    ("cuts", "n", "kept"),
    [([1, 3], 4, []), ([2], 4, [2]), ([2, 3, 5], 7, [2, 5]), ([2, 4], 5, [2]), ([], 3, [])],
)
def test_cuts_leave_two_values_on_either_side(cuts: list[int], n: int, kept: list[int]):
    found = _apart(np.array(cuts, dtype=np.int64), n)
    assert found.dtype == np.int64 and found.tolist() == kept


def test_values_of_one_lattice_point_count_as_one() -> None:
    centres, counts = _merge(np.array([1.0, 1.0, 2.0]), np.array([3, 4, 5]))
    assert centres.tolist() == [1, 2] and counts.tolist() == [7, 5] and counts.dtype == np.int64


@pytest.mark.parametrize(
    ("levels", "values", "places"),
    [
        ([0, 10], [-5, 0, 4, 5, 6, 10, 15], [0, 0, 0, 1, 1, 1, 1]),
        ([3], [-5, 3, 9], [0, 0, 0]),
        ([-(2**63), 0, 2**63 - 1], [-(2**62) - 1, 2**62, 2**62 - 1], [0, 2, 1]),
        ([0.0, 1.0, 4.0], [0.4, 0.6, 2.4, 2.6], [0, 1, 1, 2]),
    ],
)
def test_the_nearest_level_is_found(levels: list, values: list, places: list):
    assert nearest(np.array(levels), np.array(values)).tolist() == places


def test_the_nearest_level_of_unsigned_numbers_is_found() -> None:
    levels = np.array([1, 2**64 - 1], dtype=np.uint64)
    values = np.array([0, 2**63 - 1, 2**63 + 1], dtype=np.uint64)
    assert nearest(levels, values).tolist() == [0, 0, 1]


def whole(values: np.ndarray) -> Cells:
    return Cells(np.zeros(len(values), dtype=bool), values)


# Atoms 0 and 10, between them 1, 2 and 3 in an open cell, and a missing level.
THIRDS = NumericEncoder(
    np.array([0, 10]),
    np.array([False, True, False]),
    True,
    Lattice(np.dtype("int64"), 1, 1, 2),
    Grid.fit([(np.array([0.0, 1.0, 2.0]), np.array([1, 1, 1]))], 0.5),
    np.array([5, 3, 4, 2]),
)
# 0, 1, 1 and 4 in one open cell of the line, and the atom 9.
LINE = NumericEncoder(
    np.array([9.0]),
    np.array([True, False]),
    False,
    Continuum(0.0, 4.0, 0),
    Grid.fit([(np.array([0.0, 1.0, 4.0]), np.array([1, 2, 1]))], 0.0),
    np.array([4, 3]),
)
# The same open cells without atoms: 1, 2 and 3, and a line that is moved by 2.
OPEN = NumericEncoder(
    np.zeros(0, dtype=np.int64), np.array([True]), False, THIRDS.scale, THIRDS.grid, np.array([3])
)
MOVED = NumericEncoder(
    np.array([9.0]),
    np.array([True, False]),
    False,
    Continuum(-2.0, 2.0, 0),
    Grid.fit([(np.array([-2.0, -1.0, 2.0]), np.array([1, 2, 1]))], 0.0),
    np.array([4, 3]),
)
THREE = NumericEncoder(
    np.array([2, 5, 9]), np.zeros(3, dtype=bool), False, None, None, np.ones(3, int)
)
ATOMS = NumericEncoder(
    np.array([2, 5]), np.array([False, False]), False, None, None, np.array([3, 4])
)


def test_attributes_describe_the_cells() -> None:
    assert (THIRDS.levels, THIRDS.n_ordered, THIRDS.open_levels) == (4, 3, (1,))
    assert THIRDS.has_value and not ATOMS.has_value
    assert (ATOMS.levels, ATOMS.n_ordered, ATOMS.open_levels) == (2, 2, ())
    known = THIRDS.knows(np.array([-9, 5]))
    assert known.dtype == bool and known.all()


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("values", [np.repeat([1, 2, 3], 20), np.arange(60) * 1.5])
def test_missing_cells_have_a_level_where_there_are_any(missing: int, values: np.ndarray):
    cells = Cells(np.array([False] * 60 + [True] * missing), values)
    encoder = NumericEncoder.fit(cells, FLOAT64)
    assert encoder.has_missing == (missing > 0)
    assert encoder.counts.tolist()[encoder.n_ordered :] == [missing] * (missing > 0)


def test_a_single_level_is_no_part() -> None:
    parts = OPEN.encode(whole(np.array([1, 3])), np.random.default_rng(0))
    assert parts.cat is None
    assert OPEN.decode(parts, 2, np.random.default_rng(0), 0).values.tolist() == [1, 3]


def test_cells_and_places_are_those_of_the_values() -> None:
    cells = Cells(np.array([False, True, False, False, False]), np.array([10, 0, 2, 7]))
    parts = THIRDS.encode(cells, np.random.default_rng(0))
    assert parts.cat is not None and parts.cat.tolist() == [2, 3, 0, 1, 1]
    assert parts.num is not None and parts.num[[0, 1, 2]].tolist() == [0, 0, 0]
    assert ndtri(1 / 3) <= parts.num[3] <= ndtri(2 / 3) <= parts.num[4]
    back = THIRDS.decode(parts, 5, np.random.default_rng(0), 0)
    assert back.missing.tolist() == [False, True, False, False, False]
    assert back.values.tolist() == [10, 0, 2, 3] and back.values.dtype == np.int64
    near = ATOMS.encode(Cells(np.zeros(3, dtype=bool), np.array([-9, 3, 4])), None)  # type: ignore[arg-type]
    assert near.num is None
    assert near.cat is not None and near.cat.tolist() == [0, 0, 1]
    assert ATOMS.decode(near, 3, None, 0).values.tolist() == [2, 2, 5]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoder", "bounds", "values", "beyond"),
    [
        (THIRDS, (0, 10), [-1, 0, 2, 5, 10, 11], [True, False, False, False, False, True]),
        (LINE, (0, 9), [-0.5, 0.0, 4.0, 5.0, 9.0, 9.5], [True, False, False, False, False, True]),
        (OPEN, (1, 3), [0, 1, 3, 4], [True, False, False, True]),
        (ATOMS, (2, 5), [1, 2, 3, 5, 6], [True, False, False, False, True]),
    ],
)
def test_bounds_are_the_ends_of_all_cells(
    encoder: NumericEncoder, bounds: tuple, values: list, beyond: list
):
    assert encoder.bounds == bounds
    assert encoder.beyond(np.array(values)).tolist() == beyond


def test_a_line_ends_at_its_outermost_values_however_coarse() -> None:
    values = np.random.default_rng(0).random(5000)
    for resolution, cells in ((FINE, 62), (SMOOTH, 1)):
        held = Cells(np.zeros(5000, dtype=bool), values)
        encoder = NumericEncoder.fit(held, np.dtype("float64"), resolution)
        assert encoder.bounds == (values.min(), values.max())
        assert len(encoder.open) == cells


@pytest.mark.parametrize(("distinct", "atoms"), [(16, 16), (17, 1)])
def test_steps_of_a_series_have_few_values_or_a_line(distinct: int, atoms: int) -> None:
    values = np.append(np.zeros(400, dtype=np.int64), np.arange(1, distinct))
    held = Cells(np.zeros(len(values), dtype=bool), values)
    encoder = NumericEncoder.fit(held, np.dtype("int64"), SMOOTH)
    assert len(encoder.atoms) == atoms


@pytest.mark.parametrize(
    ("encoder", "low", "high", "ways"),
    [
        (THIRDS, 1, 2, [(1, 2 / 3, 0, 2 / 3)]),
        (THIRDS, 0, 1, [(0, 1, 0, 1), (1, 1 / 3, 0, 1 / 3)]),
        (THIRDS, 2, 10, [(2, 1, 0, 1), (1, 2 / 3, 1 / 3, 1)]),
        (THIRDS, -np.inf, np.inf, [(0, 1, 0, 1), (2, 1, 0, 1), (1, 1, 0, 1)]),
        (THIRDS, 4, 9, []),
        (LINE, 0.5, 2.5, [(0, 0.5, 0.25, 0.75)]),
        (LINE, 2.5, 9, [(1, 1, 0, 1), (0, 0.25, 0.75, 1)]),
        (LINE, 1.0, 1.0, []),
        (ATOMS, 3, 5, [(1, 1, 0, 1)]),
        (ATOMS, 2, 2, [(0, 1, 0, 1)]),
    ],
)
def test_a_cell_lies_within_bounds_in_so_many_ways(
    encoder: NumericEncoder, low: float, high: float, ways: list
):
    """Of each way its level, its share, and the places where it begins and ends."""
    options = encoder.within(low, high)
    assert options.level.tolist() == [way[0] for way in ways]
    np.testing.assert_allclose(options.share, [way[1] for way in ways])
    np.testing.assert_allclose(options.low, ndtri([way[2] for way in ways]))
    np.testing.assert_allclose(options.high, ndtri([way[3] for way in ways]))


def test_a_cell_holds_one_of_some_values_in_so_many_ways() -> None:
    options = THIRDS.among(np.array([2, 10, 7]))
    assert options.level.tolist() == [1, 2]
    np.testing.assert_allclose(options.share, [1 / 3, 1])
    assert ATOMS.among(np.array([5, 4, 2])).level.tolist() == [1, 0]
    # On the line a value has the density of its cell: F rises by 1/4 from 0.5 to 1.5.
    options = LINE.among(np.array([-1.0, 1.0, 9.0, 9.5]))
    assert options.level.tolist() == [0, 1] and options.level.dtype == np.int64
    np.testing.assert_allclose(options.share, [0.25 * 2 * 9e-6, 1], rtol=1e-6)
    np.testing.assert_allclose(options.low[0], ndtri(0.375))
    assert options.low[0] == options.high[0]
    around = MOVED.among(np.array([-1.0]))
    # Of the width of all values, from -2 to the atom 9, a millionth on either side.
    np.testing.assert_allclose(around.share, [0.25 * 2 * 11e-6], rtol=1e-6)
    ends = LINE.among(np.array([0.0, 4.0]))
    assert ends.level.tolist() == [0, 0]
    np.testing.assert_allclose(ends.low, ndtri([0.125, 0.875]))
    nothing = LINE.among(np.array([-1.0, 9.5]))
    assert len(nothing.level) == 0 and nothing.level.dtype == np.int64


@pytest.mark.parametrize("encoder", [THIRDS, LINE, ATOMS])
def test_an_encoder_comes_back_from_its_state(encoder: NumericEncoder):
    again = NumericEncoder.from_state(*encoder.state())
    assert again.state()[0] == encoder.state()[0]
    for name, array in encoder.state()[1].items():
        np.testing.assert_array_equal(again.state()[1][name], array)
    assert again.has_missing == encoder.has_missing and again.open.dtype == bool


@pytest.mark.parametrize(
    ("encoder", "arrays", "told"),
    [
        (THIRDS, {"open": np.array([0, 1, 1], dtype=np.uint8)}, "knots for each open cell"),
        (ATOMS, {"open": np.array([0, 1], dtype=np.uint8)}, "knots for each open cell"),
        (THIRDS, {"open": np.array([0, 1, 0, 0], dtype=np.uint8)}, "one atom per closed cell"),
        (THIRDS, {"atoms": np.array([10, 0])}, "one atom per closed cell, in order"),
        (THREE, {"atoms": np.array([2, 9, 5])}, "one atom per closed cell, in order"),
        (THIRDS, {"atoms": np.array([3, 3])}, "one atom per closed cell, in order"),
        (THIRDS, {"counts": np.array([5, 3, 4])}, "one count per level"),
        (ATOMS, {"counts": np.array([5, 3, 4])}, "one count per level"),
        (THIRDS, {"open": np.array([False, True, False])}, "must be 1-D of kind 'u'"),
        (THIRDS, {"counts": np.array([5.0, 3, 4, 2])}, "must be 1-D of kind 'iu'"),
        (THIRDS, {"atoms": np.array(["a", "b"])}, "must be 1-D of kind 'iuf'"),
    ],
)
def test_states_that_cannot_be_are_refused(
    encoder: NumericEncoder, arrays: dict[str, np.ndarray], told: str
):
    data, own = encoder.state()
    with pytest.raises(ValueError, match=told):
        NumericEncoder.from_state(data, own | arrays)


def test_a_state_without_cells_is_refused() -> None:
    empty = {name: array[:0] for name, array in ATOMS.state()[1].items()}
    with pytest.raises(ValueError, match="one count per level"):
        NumericEncoder.from_state(ATOMS.state()[0], empty)
