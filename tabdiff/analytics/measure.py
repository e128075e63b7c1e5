"""In which units nats are told: from a cell and a unit normal to the values of a column.

    log p(x) = log p(cell) + log p(z) - log N(z; 0, 1) + log dF(v | cell) / dx

since z = Phi^-1(F(v | cell)) and dz / dv = F' / N(z; 0, 1). The last term is this module's. Values
on a lattice have a *mass*, F(v + 1/2) - F(v - 1/2); values of a continuum a *density* per unit of
the column; levels, atoms and missing cells have the mass of their level, and the term is 0.

F leaves half a training row beyond each end of a cell, where the sampler never goes. A value that
lies there all the same gets that half row's mass: spread evenly up to the middle between two cells,
and beyond the outermost ends exponentially, with the mean excess of the cell. Derived here.
"""

from __future__ import annotations

import numpy as np

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array, Cells
from tabdiff.data.numeric import Grid, NumericEncoder
from tabdiff.data.parts import ColumnEncoder
from tabdiff.data.scales import Continuum

# Share of a cell's rows on either side of a value that tell its density where it is smoothed.
WINDOW = 0.1


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
        cell = self.grid.locate(v)
        if isinstance(self.scale, Continuum):
            return np.log(self._slope(v, cell)) + self.scale.exponent * np.log(2)
        return np.log(self._cdf(v + 0.5, cell) - self._cdf(v - 0.5, cell))

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
        beyond = (v < self.grid.v[0]) | (v > self.grid.v[-1])
        density[beyond] = self._slope(v[beyond], cell[beyond])
        return np.log(density)

    def span(self) -> float:
        """Width in v of the central nine tenths of the rows in open cells."""
        mass = np.append(0, np.cumsum(self._counts)) / self._counts.sum()
        cell = np.floor(self.grid.y).astype(np.int64)
        below = mass[cell] + (self.grid.y - cell) * np.diff(mass)[cell]
        low, high = np.interp([0.05, 0.95], below, self.grid.v)
        return float(high - low)

    def _cdf(self, v: Array, cell: Array) -> Array:
        """F(v | cell) with its tails."""
        first, last = self._first[cell], self._last[cell]
        v_low, v_high = self.grid.v[first], self.grid.v[last]
        u_low, u_high = self.grid.y[first] - cell, self.grid.y[last] - cell
        inside = np.clip(np.interp(v, self.grid.v, self.grid.y) - cell, u_low, u_high)
        below = self._beyond(v_low - v, v_low - self._floor[cell], self._excess_below)
        above = self._beyond(v - v_high, self._ceiling[cell] - v_high, self._excess_above)
        return inside - u_low * below + (1 - u_high) * above

    def _slope(self, v: Array, cell: Array) -> Array:
        """DF / dv within a cell and in its tails."""
        first, last = self._first[cell], self._last[cell]
        v_low, v_high = self.grid.v[first], self.grid.v[last]
        knot = np.clip(np.searchsorted(self.grid.v, v, side="right"), first + 1, last)
        slope = (self.grid.y[knot] - self.grid.y[knot - 1]) / (
            self.grid.v[knot] - self.grid.v[knot - 1]
        )
        for away, room, mass, excess in (
            (v_low - v, v_low - self._floor[cell], self.grid.y[first] - cell, self._excess_below),
            (
                v - v_high,
                self._ceiling[cell] - v_high,
                1 - (self.grid.y[last] - cell),
                self._excess_above,
            ),
        ):
            even, falling = mass / np.where(np.isinf(room), 1.0, room), mass / excess
            tail = np.where(np.isinf(room), falling * np.exp(-np.maximum(away, 0) / excess), even)
            slope = np.where(away > 0, tail, slope)
        return slope

    def _beyond(self, away: Array, room: Array, excess: float) -> Array:
        """Which share of a tail lies nearer to the cell than ``away``."""
        away = np.maximum(away, 0.0)
        even = np.minimum(away / np.where(np.isinf(room), 1.0, room), 1.0)
        return np.where(np.isinf(room), -np.expm1(-away / excess), even)

    def _mean_excess(self, cell: int, below: bool) -> float:
        """Mean distance of a cell's rows from its inner end."""
        knots = slice(int(self._first[cell]), int(self._last[cell]) + 1)
        u = self.grid.y[knots] - cell
        left = u if below else 1 - u
        return float((np.diff(self.grid.v[knots]) * (left[1:] + left[:-1]) / 2).sum())
