"""In which units nats are told: from a cell and a unit normal to the values of a column.

    log p(x) = log p(cell) + log p(z) - log N(z; 0, 1) + log dF(v | cell) / dx

since z = Phi^-1(F(v | cell)) and dz / dv = F' / N(z; 0, 1). The last term is this module's. Values
on a lattice have a *mass*, F(v + 1/2) - F(v - 1/2); values of a continuum a *density* per unit of
the column; levels, atoms and missing cells have the mass of their level, and the term is 0.

F leaves half a training row beyond each end of a cell, where the sampler never goes. A value that
lies there all the same gets that half row's mass: spread evenly up to the middle between two cells,
and beyond the outermost ends exponentially, with the mean excess of the cell's outer quarter.
Derived here.
"""

from __future__ import annotations

import numpy as np

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array, Cells
from tabdiff.data.grid import Grid
from tabdiff.data.numeric import NumericEncoder
from tabdiff.data.parts import ColumnEncoder
from tabdiff.data.scales import Continuum

# Share of a cell's rows on either side of a value that tell its density where it is smoothed.
WINDOW = 0.1
# Steps of a lattice with less mass are told by their density: a difference would be rounding.
FINE_STEP = 1e-12


def log_measure(encoder: ColumnEncoder, cells: Cells) -> Array:
    """What is to be added to a cell's nats to tell them in the column's own units, (n,).

    Parameters
    ----------
    encoder : ColumnEncoder
    cells : Cells
        Of n rows, as the encoder takes them.
    """
    added = np.zeros(len(cells.missing))
    if isinstance(encoder, CategoricalEncoder) and len(encoder.rare):
        added[~cells.missing] = _share_of_level(encoder, cells.values)
    elif isinstance(encoder, NumericEncoder) and encoder.grid is not None:
        law = CellLaw(encoder)
        within = ~np.isin(cells.values, encoder.atoms)
        rows = np.flatnonzero(~cells.missing)[within]
        added[rows] = law.log_measure(cells.values[within])
    return added


def log_smooth_measure(encoder: ColumnEncoder, cells: Cells) -> Array:
    """Like :func:`log_measure`, in units in which values, atoms and levels can be compared.

    The density of a value is that of the rows around it, per twentieth of the span of the column's
    central nine tenths, on a lattice as in a continuum: neither the spacing of single training rows
    nor the number of decimals makes a value rare.
    """
    if not isinstance(encoder, NumericEncoder) or encoder.grid is None:
        return log_measure(encoder, cells)
    added = np.zeros(len(cells.missing))
    law = CellLaw(encoder)
    within = ~np.isin(cells.values, encoder.atoms)
    rows = np.flatnonzero(~cells.missing)[within]
    added[rows] = law.log_smooth(cells.values[within]) + np.log(law.span() / 20)
    return added


def _share_of_level(encoder: CategoricalEncoder, values: Array) -> Array:
    """Log of a rare label's share of the level that it has in common with others."""
    added = np.zeros(len(values))
    shared = encoder.levels.locate(values) < 0
    place = encoder.rare.locate(values[shared])
    added[shared] = np.log(encoder.rare_counts[place] / encoder.rare_counts.sum())
    return added


class CellLaw:
    """The law of a numeric column's values within their open cells, in positions v.

    Parameters
    ----------
    encoder : NumericEncoder
        With open cells.
    """

    def __init__(self, encoder: NumericEncoder) -> None:
        assert encoder.grid is not None and encoder.scale is not None
        self.grid: Grid = encoder.grid
        self.scale = encoder.scale
        self._counts = encoder.counts[: len(encoder.open)][encoder.open]
        whole = np.arange(self.grid.n_cells)
        self._first = np.searchsorted(self.grid.y, whole)
        self._last = np.searchsorted(self.grid.y, whole + 1) - 1
        low, high = self.grid.v[self._first], self.grid.v[self._last]
        middle = (high[:-1] + low[1:]) / 2
        # Territories of the cells; the outermost have no end.
        self._floor, self._ceiling = np.append(-np.inf, middle), np.append(middle, np.inf)
        self._excess_below = self._mean_excess(0, below=True)
        self._excess_above = self._mean_excess(self.grid.n_cells - 1, below=False)

    def place(self, values: Array) -> Array:
        """Position v of each value, whether or not it lies within the bounds, float64."""
        if isinstance(self.scale, Continuum):
            return np.ldexp(values.astype(np.float64), self.scale.exponent)
        numbers = values.astype(np.float64) * 10.0 ** (self.scale.digits or 0)
        return (np.rint(numbers) - self.scale.offset) / self.scale.step

    def log_measure(self, values: Array) -> Array:
        """Log of the mass (lattice) or of the density per unit (continuum), given the cell."""
        v = self.place(values)
        outer, cell = self._is_outer(v), self.grid.locate(v)
        found, inner = np.zeros(len(v)), ~outer
        # One step of a lattice is so little of a tail that its mass is its density.
        found[outer] = self._log_tail(v[outer])
        if isinstance(self.scale, Continuum):
            found[inner] = np.log(self._slope(v[inner], cell[inner]))
            return found + self.scale.exponent * np.log(2)
        up, down = (self._cdf(v[inner] + side, cell[inner]) for side in (0.5, -0.5))
        mass = up - down
        # Of so fine a step the difference is rounding; its mass is its density.
        fine = mass < FINE_STEP
        mass[fine] = self._slope(v[inner][fine], cell[inner][fine])
        found[inner] = np.log(mass)
        return found

    def log_smooth(self, values: Array) -> Array:
        """Log of the density per unit of v, given the cell, over a window of its rows."""
        v = self.place(values)
        cell = self.grid.locate(v)
        first, last = self._first[cell], self._last[cell]
        inside = np.clip(v, self.grid.v[first], self.grid.v[last])
        y = np.clip(
            np.interp(inside, self.grid.v, self.grid.y), self.grid.y[first], self.grid.y[last]
        )
        ends = [
            np.clip(y + side * WINDOW, self.grid.y[first], self.grid.y[last]) for side in (-1, 1)
        ]
        low, high = (np.interp(end, self.grid.y, self.grid.v) for end in ends)
        density = (ends[1] - ends[0]) / (high - low + np.abs(v - inside))
        outer = self._is_outer(v)
        smooth = np.log(density)
        smooth[outer] = self._log_tail(v[outer])
        return smooth

    def span(self) -> float:
        """Width in v of the central nine tenths of the rows in open cells."""
        mass = np.append(0, np.cumsum(self._counts)) / self._counts.sum()
        cell = np.floor(self.grid.y).astype(np.int64)
        below = mass[cell] + (self.grid.y - cell) * np.diff(mass)[cell]
        low, high = np.interp([0.05, 0.95], below, self.grid.v)
        return float(high - low)

    def _is_outer(self, v: Array) -> Array:
        """Which positions lie beyond the outermost ends."""
        return (v < self.grid.v[0]) | (v > self.grid.v[-1])

    def _log_tail(self, v: Array) -> Array:
        """Log density beyond the outermost ends: half a row's mass, falling exponentially."""
        below = v < self.grid.v[0]
        mass = np.where(below, self.grid.y[0], self.grid.n_cells - self.grid.y[-1])
        excess = np.where(below, self._excess_below, self._excess_above)
        away = np.where(below, self.grid.v[0] - v, v - self.grid.v[-1])
        return np.log(mass / excess) - away / excess

    def _cdf(self, v: Array, cell: Array) -> Array:
        """F(v | cell) with its tails between cells."""
        first, last = self._first[cell], self._last[cell]
        v_low, v_high = self.grid.v[first], self.grid.v[last]
        u_low, u_high = self.grid.y[first] - cell, self.grid.y[last] - cell
        inside = np.clip(np.interp(v, self.grid.v, self.grid.y) - cell, u_low, u_high)
        below = _covered(v_low - v, v_low - self._floor[cell])
        above = _covered(v - v_high, self._ceiling[cell] - v_high)
        return inside - u_low * below + (1 - u_high) * above

    def _slope(self, v: Array, cell: Array) -> Array:
        """The derivative of F within a cell and between cells."""
        first, last = self._first[cell], self._last[cell]
        v_low, v_high = self.grid.v[first], self.grid.v[last]
        u_low, u_high = self.grid.y[first] - cell, self.grid.y[last] - cell
        knot = np.clip(np.searchsorted(self.grid.v, v, side="right"), first + 1, last)
        rise = self.grid.y[knot] - self.grid.y[knot - 1]
        slope = rise / (self.grid.v[knot] - self.grid.v[knot - 1])
        below, above = v < v_low, v > v_high
        slope[below] = u_low[below] / (v_low - self._floor[cell])[below]
        slope[above] = (1 - u_high)[above] / (self._ceiling[cell] - v_high)[above]
        return slope

    def _mean_excess(self, cell: int, below: bool) -> float:
        """Mean distance of the outer quarter of a cell's rows from its inner end."""
        knots = slice(int(self._first[cell]), int(self._last[cell]) + 1)
        v, u = self.grid.v[knots], self.grid.y[knots] - cell
        edge = 0.25 if below else 0.75
        at = np.append(np.interp(edge, u, v), v[u < edge] if below else v[u > edge])
        left = np.interp(np.sort(at), v, u if below else 1 - u)
        return float((np.diff(np.sort(at)) * (left[1:] + left[:-1]) / 2).sum()) / 0.25


def _covered(away: Array, room: Array) -> Array:
    """Which share of an even tail lies nearer to its cell than ``away``."""
    # Between cells that touch, the value at the end holds the tail: the sampler rounds to it.
    share = (away >= 0).astype(np.float64)
    return np.clip(np.divide(away, room, out=share, where=room > 0), 0.0, 1.0)
