"""Numbers to a cell and a unit normal within it, and back to exactly what the column can hold.

The values of a column, in order, are divided into *cells* of about equal mass, which are the
ordered levels of its categorical part (missing is the last level). A value of unusual mass, and
every value of a column with few distinct ones, is a cell of its own, an *atom*: its level says all.
Any other cell is *open* and has a numeric part besides, the place of the value in its cell:

    values on a lattice:   i = (x - offset) / step, exact;  v = i + U(-1/2, 1/2)
    values on none:        v = x, scaled by a power of two so that nothing overflows
    both:                  z = Phi^-1(F(v | cell)) ~ N(0, 1), F piecewise linear

So the cell carries what is coarse, multimodal or discontinuous about the column, in terms that a
network predicts sharply, and the value what is fine. The way back inverts F, rounds to the lattice
and keeps to the range of the cell.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from tabdiff.data.cells import Array, Cells
from tabdiff.data.errors import SchemaError
from tabdiff.data.grid import Grid, checked
from tabdiff.data.parts import Options, Parts, State, take, take_array, take_flag
from tabdiff.data.scales import Continuum, Lattice, find_scale, scale_from_state

# Fewer rows would not tell a network apart what one cell and its neighbour go with.
ROWS_PER_CELL = 80
# And about so many a value where every value is a cell: more of them are better run together.
ROWS_PER_VALUE = 20
ATOM_COUNT = 10


class Resolution(NamedTuple):
    """How finely numbers are divided.

    Attributes
    ----------
    max_discrete : int
        The most distinct values of a column whose values are all atoms.
    max_cells : int
        About the most cells of any other column; fewer in a small table.
    atom_share : float, optional
        Of the rows, that make a value an atom; those of one cell when None.
    """

    max_discrete: int
    max_cells: int
    atom_share: float | None = None


# Rows of a table are decided column by column, which cells make sharp.
FINE = Resolution(256, 256)
# Steps of a series move together, which one unit normal a number makes smooth.
SMOOTH = Resolution(16, 1, 0.05)


class Tally(NamedTuple):
    """The values of a numeric column and how many rows have each.

    Attributes
    ----------
    distinct : array, (k,), sorted
    counts : int array, (k,)
    missing : int
        Rows without a value.
    scale : Lattice or Continuum, optional
        What holds all values; found from ``distinct`` when None.
    """

    distinct: Array
    counts: Array
    missing: int
    scale: Lattice | Continuum | None = None

    @classmethod
    def of(cls, cells: Cells) -> Tally:
        """What the rows of a whole column hold."""
        return cls(*np.unique(cells.values, return_counts=True), int(cells.missing.sum()))


class NumericEncoder:
    """One numeric column as a cell, a value, or both.

    Attributes
    ----------
    atoms : array, (m,), sorted
        Values that are cells of their own. All values where ``grid`` is None.
    open : bool array, (c,)
        Whether each cell, in the order of the values, is open; the others are the atoms.
    has_missing : bool
    scale : Lattice or Continuum or None
    grid : Grid or None
        Of the open cells; None where every row is an atom or missing.
    counts : int array, (c,) or (c + 1,)
        Training rows per cell, and per missing value if any is.
    """

    kind = "numeric"

    def __init__(
        self,
        atoms: Array,
        is_open: Array,
        has_missing: bool,
        scale: Lattice | Continuum | None,
        grid: Grid | None,
        counts: Array,
    ) -> None:
        self.atoms = atoms
        self.open = is_open
        self.has_missing = has_missing
        self.scale = scale
        self.grid = grid
        self.counts = counts
        self._open_codes = np.flatnonzero(is_open)
        self._atom_codes = np.flatnonzero(~is_open)
        # Position of each cell among the cells of its sort.
        self._place = np.where(is_open, np.cumsum(is_open), np.cumsum(~is_open)) - 1

    @classmethod
    def fit(
        cls,
        cells: Cells,
        precision: np.dtype[Any],
        resolution: Resolution = FINE,
    ) -> NumericEncoder:
        """Learn cells, lattice and the maps within.

        Parameters
        ----------
        cells : Cells
            int64, uint64 or float64 values, at least one.
        precision : numpy dtype
            The dtype in which floats are stored.
        resolution : Resolution

        Raises
        ------
        SchemaError
            If a number is infinite.
        """
        _require_finite(cells)
        return cls.of(Tally.of(cells), precision, resolution)

    @classmethod
    def of(
        cls, tally: Tally, precision: np.dtype[Any], resolution: Resolution = FINE
    ) -> NumericEncoder:
        """:meth:`fit`, of finite values that are counted, each or about."""
        distinct, counts, n_missing, scale = tally
        m = int(counts.sum())
        enough = ROWS_PER_VALUE * len(distinct) <= m
        if len(distinct) <= 2 or (len(distinct) <= resolution.max_discrete and enough):
            owner = np.arange(len(distinct))
        else:
            mass = max(m / resolution.max_cells, ROWS_PER_CELL)
            share = resolution.atom_share
            atomic = max(ATOM_COUNT, mass if share is None else share * m)
            owner = _divide(counts, mass, counts >= atomic)
        starts = np.searchsorted(owner, np.arange(owner[-1] + 1))
        sizes = np.diff([*starts, len(owner)])
        is_open = sizes > 1
        tallies = np.add.reduceat(counts, starts)
        if n_missing:
            tallies = np.append(tallies, n_missing)
        atoms = distinct[starts[~is_open]]
        if not is_open.any():
            return cls(atoms, is_open, n_missing > 0, None, None, tallies)
        scale = scale or find_scale(distinct[is_open[owner]], precision)
        groups = [
            _merge(scale.centre(distinct[a : a + k]), counts[a : a + k])
            for a, k in zip(starts[is_open], sizes[is_open], strict=True)
        ]
        grid = Grid.fit(groups, scale.half)
        return cls(atoms, is_open, n_missing > 0, scale, grid, tallies)

    @property
    def levels(self) -> int:
        """Levels of the categorical part; 1 where there is none."""
        return len(self.counts)

    @property
    def has_value(self) -> bool:
        """Whether there is a numeric part."""
        return self.grid is not None

    @property
    def open_levels(self) -> tuple[int, ...]:
        """Levels at which the numeric part exists."""
        return tuple(int(code) for code in self._open_codes)

    @property
    def n_ordered(self) -> int:
        """How many of the first levels lie in order: all but a missing one."""
        return len(self.open)

    def knows(self, values: Array) -> Array:
        """All of them: each lies in a cell, or nearest to one."""
        return np.ones(len(values), dtype=bool)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """The cell and value of each row; a number in no cell counts as the nearest end of one.

        Raises
        ------
        SchemaError
            If a number is infinite.
        """
        _require_finite(cells)
        code, value = self._locate(cells.values, rng)
        full = np.full(len(cells.missing), self.levels - 1, dtype=np.int64)
        full[~cells.missing] = code
        if value is None:
            return Parts(full, None)
        z = np.zeros(len(full))
        z[~cells.missing] = value
        return Parts(full if self.levels > 1 else None, z)

    def _locate(self, values: Array, rng: np.random.Generator) -> tuple[Array, Array | None]:
        if self.scale is None or self.grid is None:
            return nearest(self.atoms, values), None
        # Beyond the bounds the nearest is one of them, be it an atom or the end of an open cell.
        values = np.clip(values, *self.bounds)
        code = np.zeros(len(values), dtype=np.int64)
        free = np.ones(len(values), dtype=bool)
        if len(self.atoms):
            spot = np.minimum(np.searchsorted(self.atoms, values), len(self.atoms) - 1)
            free = self.atoms[spot] != values
            code[~free] = self._atom_codes[spot[~free]]
        z = np.zeros(len(values))
        cell = self.grid.locate(self.scale.centre(values[free]))
        code[free] = self._open_codes[cell]
        z[free] = self.grid.normal(self.scale.place(values[free], rng), cell)
        return code, z

    @property
    def bounds(self) -> tuple[Any, Any]:
        """The least and the greatest value of the training rows."""
        ends = [self.atoms[[0, -1]]] if len(self.atoms) else []
        if self.scale is not None and self.grid is not None:
            ends.append(self.scale.restore(self.grid.v[[0, -1]]))
        return min(e[0] for e in ends), max(e[1] for e in ends)

    def beyond(self, values: Array) -> Array:
        """Whether each value lies outside the bounds of the training rows."""
        outside = np.ones(len(values), dtype=bool)
        if len(self.atoms):
            outside &= (values < self.atoms[0]) | (values > self.atoms[-1])
        if self.scale is not None:
            outside &= self.scale.beyond(values)
        return outside & ~((values > self.bounds[0]) & (values < self.bounds[1]))

    def within(self, low: Any, high: Any) -> Options:
        """How a cell can lie between two values, both included; infinite for an open end."""
        held = (self.atoms >= low) & (self.atoms <= high)
        atoms = Options.whole(self._atom_codes[held])
        if self.scale is None or self.grid is None:
            return atoms
        cell, at_low, at_high = self.grid.within(*self.scale.stretch(low, high))
        some = at_high > at_low
        cell, at_low, at_high = cell[some], at_low[some], at_high[some]
        free = Options(self._open_codes[cell], at_high - at_low, ndtri(at_low), ndtri(at_high))
        return Options.join([atoms, free])

    def among(self, values: Array) -> Options:
        """How a cell can hold one of these values."""
        if isinstance(self.scale, Lattice) or self.scale is None or self.grid is None:
            return Options.join([self.within(value, value) for value in values])
        # In a continuum a value has a density and no mass: they are weighed by it.
        low, high = self.bounds
        near = high * 1e-6 - low * 1e-6
        ways = []
        for value in values[(values >= low) & (values <= high)]:
            options = self.within(value, value)
            if not len(options.level):
                around = self.within(value - near, value + near)
                code, z = self._locate(np.array([value]), np.random.default_rng(0))
                assert z is not None
                here = around.level == code
                options = Options(code, around.share[here], z, z)
            ways.append(options)
        return Options.join(ways) if ways else Options.whole(np.zeros(0, dtype=np.int64))

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """The cells of each row; ``start`` plays no part."""
        code = np.zeros(n, dtype=np.int64) if parts.cat is None else parts.cat
        missing = code == self.levels - 1 if self.has_missing else np.zeros(n, dtype=bool)
        if self.scale is None or self.grid is None:
            return Cells(missing, self.atoms[code[~missing]])
        assert parts.num is not None
        code, z = code[~missing], parts.num[~missing]
        free, place = self.open[code], self._place[code]
        dtype = np.dtype(np.float64) if isinstance(self.scale, Continuum) else self.scale.dtype
        values: Array = np.empty(len(code), dtype=dtype)
        values[free] = self.scale.restore(self.grid.invert(z[free], place[free]))
        values[~free] = self.atoms[place[~free]]
        return Cells(missing, values)

    def state(self) -> State:
        """Strict JSON and arrays."""
        arrays = {"atoms": self.atoms, "counts": self.counts, "open": self.open.astype(np.uint8)}
        data: dict[str, Any] = {"has_missing": self.has_missing, "scale": None}
        if self.scale is not None and self.grid is not None:
            data["scale"] = self.scale.state()
            arrays |= {"v": self.grid.v, "y": self.grid.y}
        return data, arrays

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> NumericEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        atoms = take_array(arrays, "atoms", "iuf")
        counts = take_array(arrays, "counts", "iu")
        is_open = take_array(arrays, "open", "u").astype(bool)
        has_missing = take_flag(data, "has_missing")
        scale, grid = None, None
        if data.get("scale") is not None:
            scale = scale_from_state(take(data, "scale", dict))
            grid = checked(Grid(take_array(arrays, "v", "f"), take_array(arrays, "y", "f")))
        if int(is_open.sum()) != (0 if grid is None else grid.n_cells):
            raise ValueError("a numeric column needs knots for each open cell.")
        if len(atoms) != int((~is_open).sum()) or (atoms[1:] <= atoms[:-1]).any():
            raise ValueError("a numeric column needs one atom per closed cell, in order.")
        if len(counts) != len(is_open) + has_missing or not len(is_open):
            raise ValueError("a numeric column needs one count per level.")
        return cls(atoms, is_open, has_missing, scale, grid, counts)


def _divide(counts: Array, mass: float, atomic: Array) -> Array:
    """The cell of each distinct value: atoms alone, runs between them cut into equal masses.

    Parameters
    ----------
    counts : int array, (k,)
        Rows per distinct value, in order.
    mass : float
        Rows that a cell should have.
    atomic : bool array, (k,)

    Returns
    -------
    int array, (k,), rising from 0 in steps of 0 or 1
    """
    begins = np.zeros(len(counts), dtype=bool)
    edges = np.flatnonzero(np.diff(atomic.astype(np.int8))) + 1
    for first, last in pairwise([0, *edges, len(counts)]):
        begins[first] = True
        if atomic[first]:
            begins[first:last] = True
            continue
        rows = np.cumsum(counts[first:last])
        pieces = max(round(float(rows[-1]) / mass), 1)
        # A value belongs to the piece in which the middle of its rows lies.
        middle = rows - counts[first:last] / 2
        piece = np.floor(middle * pieces / rows[-1])
        cuts = np.flatnonzero(np.diff(piece)) + 1
        begins[first + _apart(cuts, last - first)] = True
    return np.cumsum(begins) - 1


def _apart(cuts: Array, n: int) -> Array:
    """``cuts`` that leave at least two values in each piece of ``n``."""
    kept = [0]
    for cut in cuts:
        if cut - kept[-1] >= 2 and n - cut >= 2:
            kept.append(int(cut))
    return np.array(kept[1:], dtype=np.int64)


def _require_finite(cells: Cells) -> None:
    if cells.values.dtype.kind == "f" and not (finite := np.isfinite(cells.values)).all():
        row = int(np.flatnonzero(~cells.missing)[~finite][0])
        raise SchemaError(
            f"{int((~finite).sum())} values are infinite (first at row {row}). Replace them."
        )


def _merge(centres: Array, counts: Array) -> tuple[Array, Array]:
    """Distinct centres with their counts added (floats a hair apart may share a lattice point)."""
    distinct, position = np.unique(centres, return_inverse=True)
    return distinct, np.bincount(position, weights=counts).astype(np.int64)


def nearest(levels: Array, values: Array) -> Array:
    """Position of the level nearest to each value."""
    right = np.clip(np.searchsorted(levels, values), 0, len(levels) - 1)
    left = np.maximum(right - 1, 0)
    low, high = levels[left], levels[right]
    outside = values >= high
    if levels.dtype.kind == "f":
        # Half of each, as two floats may lie further apart than a float can tell.
        low, high, values = low / 2, high / 2, values / 2
    below, above = np.maximum(values, low) - low, np.maximum(high, values) - values
    if below.dtype.kind == "i":
        # A difference that wrapped around is right as a number without a sign.
        unsigned = f"u{below.dtype.itemsize}"
        below, above = below.view(unsigned), above.view(unsigned)
    return np.where((below < above) & ~outside, left, right)
