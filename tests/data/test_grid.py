"""Maps between positions and unit normals, against numbers worked out by hand."""

import numpy as np
import pytest
from scipy.special import ndtri

from tabdiff.data.grid import Grid, _strictly_increasing, checked

# Three values of mass 1, 2, 1 and two of mass 1, far apart.
GROUPS = [
    (np.array([0.0, 1.0, 4.0]), np.array([1, 2, 1])),
    (np.array([10.0, 11.0]), np.array([1, 1])),
]


@pytest.fixture
def grid() -> Grid:
    return Grid.fit(GROUPS, 0.5)


def test_each_value_fills_its_voronoi_cell_with_its_mass(grid: Grid):
    # Below the least and above the greatest edge half a row is left.
    assert grid.v.tolist() == [-0.5, 0.5, 2.5, 4.5, 9.5, 10.5, 11.5]
    assert grid.y.tolist() == [0.125, 0.25, 0.75, 0.875, 1.25, 1.5, 1.75]
    assert grid.n_cells == 2
    assert Grid.fit(GROUPS, 0.0).v.tolist() == [0, 0.5, 2.5, 4, 10, 10.5, 11]


@pytest.mark.parametrize(("cells", "knots"), [(1, 1198), (20, 58), (100, 22)])
def test_knots_are_thinned_out_where_there_are_many(cells: int, knots: int):
    """1,000 of equal mass and 200 of equal z, two of them shared, among all cells; 16 and 8."""
    values, counts = np.arange(1500.0), np.ones(1500, dtype=int)
    grid = Grid.fit([(values + 2000 * cell, counts) for cell in range(cells)], 0.5)
    assert len(grid.v) == cells * knots
    assert checked(grid) is grid
    np.testing.assert_allclose(grid.v[[0, -1]], [-0.5, 1499.5 + 2000 * (cells - 1)])
    np.testing.assert_allclose(grid.y % 1, ((grid.v + 0.5) % 2000) / 1500, atol=1 / 1500)


@pytest.mark.parametrize(("values", "knots"), [(1198, 1199), (1199, 1200), (1200, 1198)])
def test_as_many_knots_as_there_are_edges_if_they_are_few(values: int, knots: int):
    grid = Grid.fit([(np.arange(float(values)), np.ones(values, dtype=int))], 0.5)
    assert len(grid.v) == knots


def test_knots_of_equal_z_reach_into_the_tails():
    values, counts = np.arange(100_000.0), np.ones(100_000, dtype=int)
    grid = Grid.fit([(values, counts)], 0.5)
    z = ndtri(grid.y)
    assert np.diff(z).max() < 0.05
    assert (grid.y < 1e-4).sum() > 5 and (grid.y > 1 - 1e-4).sum() > 5


def test_a_position_lies_in_the_nearest_cell(grid: Grid):
    v = np.array([-100, -0.5, 4.5, 6.99, 7.0, 7.01, 9.5, 100])
    assert grid.locate(v).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_position_lies_in_the_nearest_of_many_cells():
    pairs = [(np.array([10.0 * k, 10.0 * k + 1]), np.array([1, 1])) for k in range(4)]
    v = np.array([-9.0, 5.4, 5.6, 15.4, 15.6, 25.4, 25.6, 99.0])
    assert Grid.fit(pairs, 0.0).locate(v).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_smallest_steps_are_steps():
    grid = Grid.fit([(1e-12 * np.arange(4), np.ones(4, dtype=int))], 0.0)
    np.testing.assert_allclose(grid.v, 1e-12 * np.array([0, 0.5, 1.5, 2.5, 3]))


def test_z_is_the_normal_quantile_of_the_place_in_the_cell(grid: Grid):
    v, cell = np.array([-100, 0.5, 1.5, 100, 10.5, 10.0, -3]), np.array([0, 0, 0, 0, 1, 1, 1])
    expected = ndtri([0.125, 0.25, 0.5, 0.875, 0.5, 0.375, 0.25])
    np.testing.assert_allclose(grid.normal(v, cell), expected)


def test_a_position_is_the_place_of_its_z_in_the_cell(grid: Grid):
    z = np.array([-9, ndtri(0.25), 0, 9, 0, ndtri(0.375), 9])
    cell = np.array([0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(grid.invert(z, cell), [-0.5, 0.5, 1.5, 4.5, 10.5, 10.0, 11.5])


@pytest.mark.parametrize(
    ("low", "high", "cells", "at_low", "at_high"),
    [
        (1.5, 10.0, [0, 1], [0.5, 0], [1, 0.375]),
        (-0.5, 11.5, [0, 1], [0, 0], [1, 1]),
        (-np.inf, np.inf, [0, 1], [0, 0], [1, 1]),
        (0.5, 0.5, [0], [0.25], [0.25]),
        (10.0, 11.0, [1], [0.375], [0.625]),
        (4.4, 9.6, [0, 1], [0.86875, 0], [1, 0.275]),
        (4.5, 9.5, [], [], []),
        (5.0, 9.0, [], [], []),
        (12.0, 13.0, [], [], []),
    ],
)
def test_a_stretch_holds_a_share_of_each_cell_that_it_reaches(
    grid: Grid, low: float, high: float, cells: list, at_low: list, at_high: list
):
    found, lows, highs = grid.within(low, high)
    assert found.tolist() == cells
    np.testing.assert_allclose(lows, at_low)
    np.testing.assert_allclose(highs, at_high)


@pytest.mark.parametrize(
    ("v", "mass", "kept"),
    [
        ([0, 1, 2, 3], [0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3]),
        ([0, 0, 1, 2], [0.1, 0.2, 0.3, 0.4], [0, 2, 3]),
        ([0, 1, 1, 2], [0.1, 0.2, 0.3, 0.4], [0, 1, 3]),
        ([0, 1, 2, 2], [0.1, 0.2, 0.3, 0.4], [0, 1, 3]),
        ([0, 1, 2, 3], [0.1, 0.1 + 0.7e-9, 0.3, 0.4], [0, 2, 3]),
        ([0, 1, 2, 3], [0.1, 0.1 + 1.5e-9, 0.3, 0.4], [0, 1, 2, 3]),
        ([0, 1, 2, 3], [0.1, 0.2, 0.4 - 0.7e-9, 0.4], [0, 1, 3]),
        ([0, 1, 2, 3], [0.1, 0.2, 0.4 - 1.5e-9, 0.4], [0, 1, 2, 3]),
        ([0, 1, 2, 3], [0.1, 0.1 + 1e-9, 0.3, 0.4], [0, 2, 3]),
        ([0, 1, 2, 3], [0.1, 0.2, 0.4 - 1e-9, 0.4], [0, 1, 3]),
        ([0, 1, 2, 3, 4], [0.1, 0.2, 0.2 + 0.5e-9, 0.3, 0.4], [0, 1, 3, 4]),
        ([0, 3], [0.1, 0.4], [0, 1]),
    ],
)
def test_knots_that_do_not_rise_are_left_out(v: list, mass: list, kept: list):
    assert _strictly_increasing(np.array(v, dtype=float), np.array(mass)).tolist() == kept


@pytest.mark.parametrize(
    ("v", "y", "told"),
    [
        ([0.0], [0.5], "two arrays of one length"),
        ([0.0, 1.0], [0.2, 0.5, 0.8], "two arrays of one length"),
        ([0.0, 1.0], [-0.1, 0.5], "counted from 0"),
        ([0.0, 1.0], [0.5, 2.0**20 + 0.5], "counted from 0"),
        ([0.0, 1.0, 2.0], [0.2, 0.5, 2.0**20 + 0.5], "counted from 0"),
        ([0.0, 1.0], [0.5, 2.0**20], "at least 2 in each cell"),
        ([0.0, 1.0], [0.5, 2.0**19 + 0.5], "at least 2 in each cell"),
        ([1.0, 0.0], [0.2, 0.5], "must increase"),
        ([0.0, 1.0], [0.5, 0.5], "must increase"),
        ([0.0, 1.0], [0.2, 1.5], "at least 2 in each cell"),
        ([0.0, 1.0, 2.0], [0.2, 0.5, 1.5], "at least 2 in each cell"),
        ([0.0, 1.0, 2.0, 3.0], [0.2, 0.5, 2.2, 2.5], "at least 2 in each cell"),
    ],
)
def test_knots_that_cannot_be_are_refused(v: list, y: list, told: str):
    with pytest.raises(ValueError, match=told):
        checked(Grid(np.array(v), np.array(y)))


@pytest.mark.parametrize(
    ("v", "y"),
    [([0.0, 0.0], [0.0, 0.5]), ([0.0, 1.0, 1.0, 2.0], [0.2, 0.5, 1.2, 1.5])],
)
def test_knots_that_can_be_are_taken(v: list, y: list):
    assert checked(Grid(np.array(v), np.array(y))).n_cells == int(y[-1]) + 1
