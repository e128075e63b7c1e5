"""The encoder of a private table: what is public, and counts with noise.

Levels of categories are those of the charter. Numbers are divided into cells by noisy counts, and
lie evenly within each; no value of a row is kept.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array, Cells
from tabdiff.data.charter import SURE, Charter
from tabdiff.data.column import NUMBER_FORMS, Column
from tabdiff.data.columns import fit_column
from tabdiff.data.errors import SchemaError
from tabdiff.data.grid import Grid
from tabdiff.data.moments import unit_of
from tabdiff.data.noise import NoisyCounts, as_counts
from tabdiff.data.numeric import NumericEncoder
from tabdiff.data.parts import ColumnEncoder
from tabdiff.data.reading import read_cells
from tabdiff.data.scales import MAX_DIGITS, Continuum, Lattice
from tabdiff.data.table import TableEncoder, by_label

# Cells of a number, at most about; halvings that may find them; parts of a line without steps.
MOST_CELLS = 32
HALVINGS = 18
FINEST = 2**HALVINGS
# F at the ends of a cell, within which values lie evenly.
EDGE = 1e-4


def fit_declared(own: Charter, noise: NoisyCounts, mu: float) -> TableEncoder:
    """The encoder of the charter's table, its counts worth ``mu``.

    Source of how numbers are divided: noisy counts on a tree of halves, followed only where many
    rows are (Cormode et al. 2012, ICDE; Zhang et al. 2016, arXiv:1601.03229).
    """
    series, template = by_label(own.frame), by_label(own.template)
    learned = [c for c in own.schema.columns if c.kind not in ("identifier", "constant", "missing")]
    costs = dict.fromkeys((c.name for c in learned), mu / math.sqrt(max(len(learned), 1)))
    encoders = []
    for column in own.schema.columns:
        public = read_cells(template[column.name], column)
        plain = fit_column(public, column, np.random.default_rng(0))
        if column.name not in costs:
            encoders.append(plain)
            continue
        cells = read_cells(series[column.name], column)
        encoders.append(_fit(cells, public, column, plain, own, noise, costs[column.name]))
    return TableEncoder(own.schema, encoders)


def _fit(
    cells: Cells,
    public: Cells,
    column: Column,
    plain: ColumnEncoder,
    own: Charter,
    noise: NoisyCounts,
    mu: float,
) -> ColumnEncoder:
    has_missing = column.name in own.missing
    if isinstance(plain, CategoricalEncoder):
        try:
            codes = plain.encode(cells, np.random.default_rng(0)).cat
        except SchemaError as error:
            raise SchemaError(f"column {column.name!r}: {error}") from error
        assert codes is not None
        counts = _whole(noise.of(np.bincount(codes, minlength=len(plain.counts)), mu), own.n)
        levels, rare = plain.levels, plain.rare
        return CategoricalEncoder(
            levels, rare, plain.rare_counts, counts, has_missing, plain.ordered
        )
    low, high = public.values.min(), public.values.max()
    scale = _scale(column, low, high, own.privacy.resolution.get(column.name))
    size = scale.cells + 1 if isinstance(scale, Lattice) else FINEST
    depth = max(math.ceil(math.log2(size)), 1)
    rounds = min(depth, HALVINGS) + has_missing
    each = mu / math.sqrt(rounds)
    inside = np.clip(cells.values, low, high)
    n, n_missing = own.n, 0.0
    if has_missing:
        n_missing, n = noise.of(np.array([cells.missing.sum(), len(inside)]), each)
        n_missing, n = as_counts(np.array([n_missing, n]), own.n)
    starts, counts = divide(_index(scale, inside), size, n, noise, each, rounds - has_missing)
    tallies = _whole([*counts, n_missing] if has_missing else counts, own.n)
    return _numeric(scale, starts, size, tallies, has_missing)


def _whole(counts: Any, total: float) -> Array:
    """Counts that are whole and add up to about ``total``."""
    return np.rint(as_counts(np.asarray(counts, dtype=np.float64), total)).astype(np.int64)


def _scale(column: Column, low: Any, high: Any, step: Any) -> Lattice | Continuum:
    """Where values of a column can lie, as far as is declared."""
    if column.form == "float":
        if step is None:
            return Continuum(float(low), float(high), 0)
        exact = Decimal(str(step))
        digits = max(0, -int(exact.as_tuple().exponent))
        if exact <= 0 or digits > MAX_DIGITS:
            raise SchemaError(f"column {column.name!r}: a resolution of {step!r} is none.")
        whole = int(exact.scaleb(digits))
        first = round(float(low) * 10**digits)
        cells = round((float(high) - float(low)) * 10**digits) // whole
        return Lattice(np.dtype(np.float64), first, whole, cells, digits)
    if column.form not in NUMBER_FORMS:
        raise SchemaError(f"column {column.name!r} holds {column.form}s, and those have no bounds.")
    unit = 1 if step is None else units_of(column, step)
    return Lattice(low.dtype, int(low), unit, (int(high) - int(low)) // unit)


def units_of(column: Column, step: Any) -> int:
    """``step`` in whole units of the column's cells.

    Raises
    ------
    SchemaError
        If it is none, or the column has no unit, as periods have not.
    """
    if column.form == "period":
        raise SchemaError(f"column {column.name!r} holds periods, which lie one apart.")
    unit = step
    if column.kind != "numeric":
        unit = pd.Timedelta(step).as_unit("ns").value
        unit /= pd.Timedelta(f"1{unit_of(column)}").as_unit("ns").value
    if int(unit) != unit or unit < 1:
        raise SchemaError(f"column {column.name!r}: a resolution of {step!r} is none.")
    return int(unit)


def _index(scale: Lattice | Continuum, values: Array) -> Array:
    """The place of each value on a line of points, or of parts where there are none."""
    if isinstance(scale, Lattice):
        return scale.index(values).astype(np.int64)
    # In halves, as two floats may lie further apart than a float can tell.
    share = (values / 2 - scale.low / 2) / (scale.high / 2 - scale.low / 2)
    return np.clip(share * FINEST, 0, FINEST - 1).astype(np.int64)


def divide(
    index: Array, size: int, n: float, noise: NoisyCounts, mu: float, depth: int
) -> tuple[Array, Array]:
    """Cells of a line such that none has much more than its share of the rows, if it can be halved.

    Parameters
    ----------
    index : int64 array
        The place of each row, in [0, size).
    n : float
        How many rows there are, about.
    mu : float
        Of each of the ``depth`` counts that are taken, whatever they show.

    Returns
    -------
    starts : int64 array, (cells,)
        The first place of each cell, from 0.
    counts : float64 array, (cells,)
    """
    starts, counts = np.zeros(1, dtype=np.int64), np.array([float(n)])
    share = max(n / MOST_CELLS, SURE / mu)
    for _ in range(depth):
        ends = np.append(starts[1:], size)
        cut = (counts > share) & (ends - starts > 1)
        middles = starts[cut] + (ends - starts)[cut] // 2
        finer = np.sort(np.concatenate([starts, middles]))
        tallies = np.bincount(np.searchsorted(finer, index, side="right") - 1, minlength=len(finer))
        fresh = np.isin(finer, np.concatenate([starts[cut], middles]))
        told = np.zeros(len(finer))
        told[~fresh] = counts[~cut]
        told[fresh] = noise.of(tallies[fresh], mu)
        starts, counts = finer, told
    return _merged(starts, as_counts(counts, n), share)


def _merged(starts: Array, counts: Array, share: float) -> tuple[Array, Array]:
    """Neighbours with few rows run together, up to ``share`` of them."""
    firsts, sums = [int(starts[0])], [float(counts[0])]
    for start, count in zip(starts[1:].tolist(), counts[1:].tolist(), strict=True):
        if sums[-1] + count <= share:
            sums[-1] += count
        else:
            firsts.append(start)
            sums.append(count)
    return np.array(firsts, dtype=np.int64), np.array(sums)


def _numeric(
    scale: Lattice | Continuum, starts: Array, size: int, counts: Array, has_missing: bool
) -> NumericEncoder:
    """The encoder with cells at these places, within which values lie evenly."""
    ends = np.append(starts[1:], size)
    if isinstance(scale, Lattice):
        is_open = ends - starts > 1
        v = np.stack([starts - scale.half, ends - 1 + scale.half], axis=1)[is_open]
        atoms = scale.restore(starts[~is_open].astype(np.float64))
    else:
        is_open, atoms = np.ones(len(starts), dtype=bool), np.zeros(0)
        share = np.stack([starts, ends], axis=1) / FINEST
        v = scale.low * (1 - share) + scale.high * share
    if not is_open.any():
        return NumericEncoder(atoms, is_open, has_missing, None, None, counts)
    y = np.arange(len(v))[:, None] + np.array([EDGE, 1 - EDGE])
    return NumericEncoder(atoms, is_open, has_missing, scale, Grid(v.ravel(), y.ravel()), counts)
