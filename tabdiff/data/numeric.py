"""Numbers to a state and a unit normal, and back to exactly what the column can hold.

A column with few distinct values is one ordered categorical part. Any other is a *state* (the
continuum, one level per value of unusual mass, missing) and, where the state is the continuum, a
*value* that is standard normal:

    values on a lattice:   i = (x - offset) / step, exact;  v = i + U(-1/2, 1/2)
    values on none:        v = x, scaled by a power of two so that nothing overflows
    both:                  z = T(v), T monotone and piecewise linear, T(v) ~ N(0, 1)

The way back inverts T, rounds to the lattice and clips to the observed range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from tabdiff.data.cells import Array, Cells
from tabdiff.data.errors import SchemaError
from tabdiff.data.parts import Parts, State, take, take_array, take_flag
from tabdiff.data.scales import Continuum, Lattice, find_scale, scale_from_state

MAX_DISCRETE = 100
ATOM_SHARE = 0.005
ATOM_COUNT = 10
EQUAL_MASS_KNOTS = 1000
EQUAL_Z_KNOTS = 200


@dataclass(frozen=True)
class Curve:
    """The monotone map between v and a standard normal z, through knots.

    Attributes
    ----------
    v, z : float64 array, (k,), k >= 2, both strictly increasing
    """

    v: Array
    z: Array

    @classmethod
    def fit(cls, centres: Array, counts: Array, half: float) -> Curve:
        """Knots on the distribution function in which each value fills its Voronoi cell.

        Parameters
        ----------
        centres : float64 array, (k,), sorted, k >= 2
        counts : int array, (k,)
        half : float
            How far the outermost cells reach beyond their values.
        """
        n = int(counts.sum())
        below = np.cumsum(counts)[:-1] / n
        middles = centres[:-1] + (centres[1:] - centres[:-1]) / 2
        edges = np.concatenate(([centres[0] - half], middles, [centres[-1] + half]))
        mass = np.concatenate(([0.5 / n], below, [1 - 0.5 / n]))
        if len(mass) > EQUAL_MASS_KNOTS + EQUAL_Z_KNOTS:
            normal = ndtr(np.linspace(ndtri(mass[0]), ndtri(mass[-1]), EQUAL_Z_KNOTS))
            even = np.linspace(mass[0], mass[-1], EQUAL_MASS_KNOTS)
            chosen = np.union1d(even, np.clip(normal, mass[0], mass[-1]))
            edges, mass = np.interp(chosen, mass, edges), chosen
        z = ndtri(mass)
        keep = _strictly_increasing(edges, z)
        return cls(edges[keep], z[keep])

    def normal(self, v: Array) -> Array:
        """Map v to z."""
        return np.interp(v, self.v, self.z)

    def invert(self, z: Array) -> Array:
        """Map z to v."""
        return np.interp(z, self.z, self.v)


def _strictly_increasing(v: Array, z: Array) -> Array:
    """Positions that leave both arrays strictly increasing, the ends among them."""
    keep = [0]
    for i in range(1, len(v) - 1):
        if v[keep[-1]] < v[i] < v[-1] and z[keep[-1]] + 1e-9 < z[i] < z[-1] - 1e-9:
            keep.append(i)
    return np.array([*keep, len(v) - 1])


class NumericEncoder:
    """One numeric column as a state, a value, or both.

    Attributes
    ----------
    atoms : array, (m,), sorted
        Values with a level of their own. All values where ``curve`` is None.
    has_missing : bool
    scale : Lattice or Continuum or None
    curve : Curve or None
        None where every row is an atom or missing.
    """

    kind = "numeric"

    def __init__(
        self,
        atoms: Array,
        has_missing: bool,
        scale: Lattice | Continuum | None,
        curve: Curve | None,
        counts: Array,
    ) -> None:
        self.atoms = atoms
        self.has_missing = has_missing
        self.scale = scale
        self.curve = curve
        self.counts = counts

    @classmethod
    def fit(
        cls,
        cells: Cells,
        precision: np.dtype[Any],
        max_discrete: int = MAX_DISCRETE,
        atom_share: float = ATOM_SHARE,
    ) -> NumericEncoder:
        """Learn levels, lattice and curve.

        Parameters
        ----------
        cells : Cells
            int64, uint64 or float64 values, at least one.
        precision : numpy dtype
            The dtype in which floats are stored.
        max_discrete : int
            The most distinct values of a column that becomes categorical as a whole.
        atom_share : float
            The share of the values from which one value has a level of its own.

        Raises
        ------
        SchemaError
            If a number is infinite.
        """
        _require_finite(cells)
        m, n_missing = len(cells.values), int(cells.missing.sum())
        distinct, counts = np.unique(cells.values, return_counts=True)
        # Where hardly any value repeats, levels would be a list of the training values.
        discrete = len(distinct) <= 2 or (len(distinct) <= max_discrete and 3 * len(distinct) <= m)
        atomic = counts >= max(ATOM_COUNT, atom_share * m)
        if discrete or np.count_nonzero(~atomic) < 2:
            atomic[:] = True
        tallies = [*counts[atomic], n_missing] if n_missing else [*counts[atomic]]
        if atomic.all():
            return cls(distinct, n_missing > 0, None, None, np.array(tallies))
        rest, weights = distinct[~atomic], counts[~atomic]
        scale = find_scale(rest, precision)
        curve = Curve.fit(*_merge(scale.centre(rest), weights), scale.half)
        tallies = [int(weights.sum()), *tallies]
        return cls(distinct[atomic], n_missing > 0, scale, curve, np.array(tallies))

    @property
    def levels(self) -> int:
        """Levels of the categorical part; 1 where there is none."""
        return len(self.counts)

    @property
    def has_value(self) -> bool:
        """Whether there is a numeric part."""
        return self.curve is not None

    @property
    def ordered(self) -> bool:
        """Whether the levels are the values in order."""
        return self.curve is None

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """The state and value of each row; a number beyond the observed range counts as its end.

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
        if self.scale is None or self.curve is None:
            return _nearest(self.atoms, values), None
        code = np.zeros(len(values), dtype=np.int64)
        if len(self.atoms):
            spot = np.minimum(np.searchsorted(self.atoms, values), len(self.atoms) - 1)
            hit = self.atoms[spot] == values
            code[hit] = spot[hit] + 1
        z = np.zeros(len(values))
        free = code == 0
        z[free] = self.curve.normal(self.scale.place(values[free], rng))
        return code, z

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """The cells of each row; ``start`` plays no part."""
        code = np.zeros(n, dtype=np.int64) if parts.cat is None else parts.cat
        missing = code == self.levels - 1 if self.has_missing else np.zeros(n, dtype=bool)
        if self.scale is None or self.curve is None:
            return Cells(missing, self.atoms[code[~missing]])
        assert parts.num is not None
        code, z = code[~missing], parts.num[~missing]
        free = code == 0
        dtype = np.dtype(np.float64) if isinstance(self.scale, Continuum) else self.scale.dtype
        values: Array = np.empty(len(code), dtype=dtype)
        values[free] = self.scale.restore(self.curve.invert(z[free]))
        values[~free] = self.atoms[code[~free] - 1]
        return Cells(missing, values)

    def state(self) -> State:
        """Strict JSON and arrays."""
        arrays = {"atoms": self.atoms, "counts": self.counts}
        data: dict[str, Any] = {"has_missing": self.has_missing, "scale": None}
        if self.scale is not None and self.curve is not None:
            data["scale"] = self.scale.state()
            arrays |= {"v": self.curve.v, "z": self.curve.z}
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
        has_missing = take_flag(data, "has_missing")
        scale, curve = None, None
        if data.get("scale") is not None:
            scale = scale_from_state(take(data, "scale", dict))
            curve = Curve(take_array(arrays, "v", "f"), take_array(arrays, "z", "f"))
            if len(curve.v) < 2 or len(curve.v) != len(curve.z):
                raise ValueError("numeric knots must be two arrays of one length >= 2.")
            if not (np.all(np.diff(curve.v) > 0) and np.all(np.diff(curve.z) > 0)):
                raise ValueError("numeric knots must increase strictly.")
        if len(counts) != len(atoms) + has_missing + (curve is not None) or not len(counts):
            raise ValueError("a numeric column needs one count per level.")
        return cls(atoms, has_missing, scale, curve, counts)


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


def _nearest(levels: Array, values: Array) -> Array:
    """Position of the level nearest to each value."""
    right = np.clip(np.searchsorted(levels, values), 0, len(levels) - 1)
    left = np.maximum(right - 1, 0)
    low, high = levels[left], levels[right]
    nearer = np.where(values > low, values - low, 0) < np.where(high > values, high - values, 0)
    return np.where(nearer & (values < high), left, right)
