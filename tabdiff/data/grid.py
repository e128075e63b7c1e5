"""The open cells of a numeric column: stretches of its line, each mapped to a unit normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from tabdiff.data.cells import Array

EQUAL_MASS_KNOTS = 1000
EQUAL_Z_KNOTS = 200


@dataclass(frozen=True)
class Grid:
    """The open cells, and within each the monotone map between v and a standard normal z.

    Cell k is the stretch of knots with ``k < y < k + 1``; ``y - k`` is F(v | cell).

    Attributes
    ----------
    v, y : float64 array, (knots,), both strictly increasing within a cell, y throughout
    """

    v: Array
    y: Array

    @classmethod
    def fit(cls, groups: list[tuple[Array, Array]], half: float) -> Grid:
        """Knots on the distribution function in which each value fills its Voronoi cell.

        Parameters
        ----------
        groups : list of (centres, counts)
            Per open cell its distinct positions, sorted, at least 2, and their rows.
        half : float
            How far a cell reaches beyond its outermost values.
        """
        most = max(EQUAL_MASS_KNOTS // len(groups), 16), max(EQUAL_Z_KNOTS // len(groups), 8)
        fitted = [_knots(centres, counts, half, *most) for centres, counts in groups]
        return cls(
            np.concatenate([v for v, _ in fitted]),
            np.concatenate([k + u for k, (_, u) in enumerate(fitted)]),
        )

    @property
    def n_cells(self) -> int:
        """Number of open cells."""
        return int(self.y[-1]) + 1

    def locate(self, v: Array) -> Array:
        """The cell of each position, the nearest one where it lies in none."""
        first, last = self._ends()
        return np.searchsorted((self.v[last[:-1]] + self.v[first[1:]]) / 2, v, side="right")

    def normal(self, v: Array, cell: Array) -> Array:
        """Map positions in their cells to z."""
        first, last = self._ends()
        inside = np.clip(v, self.v[first[cell]], self.v[last[cell]])
        y = np.clip(np.interp(inside, self.v, self.y), self.y[first[cell]], self.y[last[cell]])
        return ndtri(y - cell)

    def invert(self, z: Array, cell: Array) -> Array:
        """Map z in their cells to positions."""
        first, last = self._ends()
        y = np.clip(cell + ndtr(z), self.y[first[cell]], self.y[last[cell]])
        return np.clip(np.interp(y, self.y, self.v), self.v[first[cell]], self.v[last[cell]])

    def within(self, low: float, high: float) -> tuple[Array, Array, Array]:
        """Cells that reach into [low, high], and F(low | cell) and F(high | cell) there."""
        first, last = self._ends()
        found = np.flatnonzero((self.v[last] > low) & (self.v[first] < high))
        bounds = []
        for v in (low, high):
            inside = np.clip(v, self.v[first[found]], self.v[last[found]])
            y = np.interp(inside, self.v, self.y)
            bounds.append(np.clip(y, self.y[first[found]], self.y[last[found]]) - found)
        at_low, at_high = bounds
        at_low[low <= self.v[first[found]]] = 0.0
        at_high[high >= self.v[last[found]]] = 1.0
        return found, at_low, at_high

    def _ends(self) -> tuple[Array, Array]:
        """The first and the last knot of each cell."""
        whole = np.arange(self.n_cells)
        first = np.searchsorted(self.y, whole)
        return first, np.searchsorted(self.y, whole + 1) - 1


def _knots(
    centres: Array, counts: Array, half: float, n_even: int, n_normal: int
) -> tuple[Array, Array]:
    """Positions v and F(v) at the edges of the Voronoi cells, thinned out where there are many."""
    n = int(counts.sum())
    below = np.cumsum(counts)[:-1] / n
    middles = centres[:-1] + (centres[1:] - centres[:-1]) / 2
    edges = np.concatenate(([centres[0] - half], middles, [centres[-1] + half]))
    mass = np.concatenate(([0.5 / n], below, [1 - 0.5 / n]))
    if len(mass) > n_even + n_normal:
        normal = ndtr(np.linspace(ndtri(mass[0]), ndtri(mass[-1]), n_normal))
        even = np.linspace(mass[0], mass[-1], n_even)
        chosen = np.union1d(even, np.clip(normal, mass[0], mass[-1]))
        edges, mass = np.interp(chosen, mass, edges), chosen
    keep = _strictly_increasing(edges, mass)
    return edges[keep], mass[keep]


def _strictly_increasing(v: Array, mass: Array) -> Array:
    """Positions that leave both arrays strictly increasing, the ends among them."""
    keep = [0]
    for i in range(1, len(v) - 1):
        if v[keep[-1]] < v[i] < v[-1] and mass[keep[-1]] + 1e-9 < mass[i] < mass[-1] - 1e-9:
            keep.append(i)
    return np.array([*keep, len(v) - 1])


def checked(grid: Grid) -> Grid:
    """``grid``, if its knots can be what they claim.

    Raises
    ------
    ValueError
        If they cannot.
    """
    if len(grid.v) < 2 or len(grid.v) != len(grid.y) or grid.y[0] < 0 or grid.y[-1] > 2**20:
        raise ValueError("numeric knots must be two arrays of one length >= 2, counted from 0.")
    if not (np.all(np.diff(grid.v) >= 0) and np.all(np.diff(grid.y) > 0)):
        raise ValueError("numeric knots must increase.")
    cells, knots = np.unique(np.floor(grid.y), return_counts=True)
    if len(cells) != grid.n_cells or knots.min() < 2:
        raise ValueError("numeric knots must be at least 2 in each cell.")
    return grid
