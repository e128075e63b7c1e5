"""Lattices, atoms and curves: what a numeric column can hold comes back exactly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tabdiff.data.cells import Cells
from tabdiff.data.grid import Grid
from tabdiff.data.numeric import FINE, SMOOTH, NumericEncoder, Resolution
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
