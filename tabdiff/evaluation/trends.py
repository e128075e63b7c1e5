"""Pair trends with fixed edges: whether two columns move together as they do in the real table.

For every pair of columns a similarity in [0, 1], as SDMetrics' ``ColumnPairTrends`` defines it,

    two numeric columns     1 - |rho_real - rho_synthetic| / 2                  (Pearson)
    any other pair          1 - sum |p_real - p_synthetic| / 2                  (contingency)

except that the ten bins of a numeric column lie over the *real* column's range in both tables, and
that a missing value is a bin of its own. The stock metric lays its bins over each table's own
range, so that one outlier moves them all, and counts a missing value as the largest one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Field, Table
from tabdiff.evaluation.values import Codes, Floats

BINS = 10
# A joint histogram with more cells than this (and than rows) is counted by sorting instead.
DENSE_CELLS = 1 << 16
# Half a range above this overflows when doubled.
HALF_LARGEST = float(np.finfo(np.float64).max) / 2


@dataclass(frozen=True)
class Trends:
    """How alike every pair of columns behaves in two tables.

    Attributes
    ----------
    labels : tuple of str
        The columns, in the order of the matrices' rows and columns.
    similarity : ndarray, (D, D)
        1: the pair behaves alike; NaN on the diagonal and where the real pair has no correlation
        to compare with (fewer than two common rows, or a column that does not vary).
    real, synthetic : ndarray, (D, D)
        Strength of the pair in each table: Pearson's correlation for two numeric columns,
        Cramér's V (unsigned) otherwise; 1 on the diagonal.
    """

    labels: tuple[str, ...]
    similarity: Floats
    real: Floats
    synthetic: Floats

    @property
    def error_percent(self) -> float:
        """100 (1 - mean similarity over the pairs); NaN for a single column."""
        upper = self.similarity[np.triu_indices(len(self.labels), k=1)]
        defined = upper[~np.isnan(upper)]
        return float(100 * (1 - defined.mean())) if len(defined) else float("nan")

    def worst(self, n: int) -> list[tuple[str, str, float]]:
        """The ``n`` least similar pairs, worst first: (column, column, similarity)."""
        rows, columns = np.triu_indices(len(self.labels), k=1)
        values = self.similarity[rows, columns]
        keep = np.flatnonzero(~np.isnan(values))
        order = keep[np.argsort(values[keep], kind="stable")][:n]
        return [(self.labels[rows[i]], self.labels[columns[i]], float(values[i])) for i in order]


def pair_trends(real: Table, synthetic: Table) -> Trends:
    """Compare every pair of columns of two tables with the same fields."""
    fields = real.fields
    size = len(fields)
    similarity = np.full((size, size), np.nan)
    strength_real, strength_synthetic = np.eye(size), np.eye(size)

    rho_real, rho_synthetic, block = _numeric_block(real, synthetic)
    # A column that stopped varying has lost its correlations: they count as 0.
    lost = np.isnan(rho_synthetic) & ~np.isnan(rho_real)
    similarity[block] = 1 - np.abs(rho_real - np.where(lost, 0.0, rho_synthetic)) / 2
    strength_real[block] = np.nan_to_num(rho_real)
    strength_synthetic[block] = np.nan_to_num(rho_synthetic)

    bins_real, bins_synthetic, counts = _fixed_bins(real, synthetic)
    for i, j in _mixed_pairs(fields):
        shape = (counts[i], counts[j])
        p = joint(bins_real[i], bins_real[j], shape)
        q = joint(bins_synthetic[i], bins_synthetic[j], shape)
        similarity[i, j] = similarity[j, i] = 1 - _total_variation(p, q)
        strength_real[i, j] = strength_real[j, i] = _cramer(p, shape)
        strength_synthetic[i, j] = strength_synthetic[j, i] = _cramer(q, shape)
    np.fill_diagonal(similarity, np.nan)
    np.fill_diagonal(strength_real, 1.0)
    np.fill_diagonal(strength_synthetic, 1.0)
    labels = tuple(field.label for field in fields)
    return Trends(labels, similarity, strength_real, strength_synthetic)


def stock_trend_error(real: Table, synthetic: Table) -> float:
    """100 (1 - SDMetrics' ``ColumnPairTrends``), computed here: a hundred times faster.

    Its bins lie over each table's own range, the largest value and missing ones share a bin, and a
    pair without a correlation in either table takes no part. Used for floors; a test holds it
    equal to SDMetrics.
    """
    rho_real, rho_synthetic, _ = _numeric_block(real, synthetic)
    scores = 1 - np.abs(rho_real - rho_synthetic) / 2
    found = list(scores[np.triu_indices(len(scores), k=1)])
    bins_real, bins_synthetic = _own_bins(real), _own_bins(synthetic)
    counts = [_level_count(field, BINS + 2) for field in real.fields]
    for i, j in _mixed_pairs(real.fields):
        shape = (counts[i], counts[j])
        p = joint(bins_real[i], bins_real[j], shape)
        q = joint(bins_synthetic[i], bins_synthetic[j], shape)
        found.append(1 - _total_variation(p, q))
    defined = np.array(found)[~np.isnan(found)] if found else np.array([])
    return float(100 * (1 - defined.mean())) if len(defined) else float("nan")


def _numeric_block(
    real: Table, synthetic: Table
) -> tuple[Floats, Floats, tuple[npt.NDArray[np.intp], ...]]:
    """Correlations of the numeric columns of both tables, and where they go."""
    numeric = [i for i, field in enumerate(real.fields) if field.kind == "numeric"]
    if not numeric:
        nothing = np.zeros((0, 0))
        empty = np.zeros(0, dtype=np.intp)
        return nothing, nothing, np.ix_(empty, empty)
    return (
        correlations([real.columns[i] for i in numeric]),
        correlations([synthetic.columns[i] for i in numeric]),
        np.ix_(numeric, numeric),
    )


def _mixed_pairs(fields: tuple[Field, ...]) -> Iterator[tuple[int, int]]:
    """Every pair with a categorical column in it."""
    for i, j in combinations(range(len(fields)), 2):
        if "categorical" in (fields[i].kind, fields[j].kind):
            yield i, j


def bin_edges(values: Floats) -> Floats:
    """Eleven equidistant edges over the present values (a unit interval where all are equal)."""
    present = values[~np.isnan(values)]
    if not len(present):
        return np.linspace(0.0, 1.0, BINS + 1)
    low, high = float(present.min()), float(present.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Halves first: the width of a range that spans the floats would overflow.
    steps = np.arange(BINS + 1) / BINS
    return np.asarray(low * (1 - steps) + high * steps)


def bin_codes(values: Floats, edges: Floats) -> Codes:
    """Bin 0 … 9 of each value, outliers in the outer bins; 10 for missing."""
    codes = np.searchsorted(edges[1:-1], values, side="right")
    return np.where(np.isnan(values), BINS, codes).astype(np.int32)


def _fixed_bins(real: Table, synthetic: Table) -> tuple[list[Codes], list[Codes], list[int]]:
    """Level codes of every column of both tables, and the number of levels (missing included)."""
    first: list[Codes] = []
    second: list[Codes] = []
    for field, a, b in zip(real.fields, real.columns, synthetic.columns, strict=True):
        if field.kind == "numeric":
            edges = bin_edges(np.asarray(a, dtype=np.float64))
            first.append(bin_codes(np.asarray(a, dtype=np.float64), edges))
            second.append(bin_codes(np.asarray(b, dtype=np.float64), edges))
        else:
            first.append(np.asarray(a, dtype=np.int32))
            second.append(np.asarray(b, dtype=np.int32))
    return first, second, [_level_count(field, BINS + 1) for field in real.fields]


def _own_bins(table: Table) -> list[Codes]:
    """Level codes with the bins of numeric columns as SDMetrics lays them."""
    made: list[Codes] = []
    for field, column in zip(table.fields, table.columns, strict=True):
        if field.kind == "numeric":
            values = np.asarray(column, dtype=np.float64)
            present = values[~np.isnan(values)]
            spans_floats = len(present) and present.max() / 2 - present.min() / 2 > HALF_LARGEST
            edges = bin_edges(values) if spans_floats else np.histogram_bin_edges(present)
            made.append(np.digitize(values, edges).astype(np.int32))
        else:
            made.append(np.asarray(column, dtype=np.int32))
    return made


def _level_count(field: Field, bins: int) -> int:
    return bins if field.kind == "numeric" else len(field.levels) + 1


@dataclass(frozen=True)
class Joint:
    """Proportions of the cells of a two-way table: ``cells`` sorted, ``share`` beside."""

    cells: npt.NDArray[np.int64]
    share: Floats


def joint(a: Codes, b: Codes, shape: tuple[int, int]) -> Joint:
    """The occupied cells of the two-way table of two coded columns and their proportions."""
    flat = a.astype(np.int64) * shape[1] + b
    size = shape[0] * shape[1]
    if size <= max(DENSE_CELLS, len(flat)):
        counted = np.bincount(flat, minlength=size)
        cells = np.flatnonzero(counted)
        return Joint(cells, counted[cells] / len(flat))
    cells, counted = np.unique(flat, return_counts=True)
    return Joint(cells, counted / len(flat))


def _total_variation(p: Joint, q: Joint) -> float:
    common, at_p, at_q = np.intersect1d(p.cells, q.cells, assume_unique=True, return_indices=True)
    # 1 - overlap: the sum of |p - q| / 2 without the cells that only one table has.
    return float(1 - np.minimum(p.share[at_p], q.share[at_q]).sum()) if len(common) else 1.0


def _cramer(p: Joint, shape: tuple[int, int]) -> float:
    """Cramér's V, from the occupied cells: chi2 / n = sum p_ij^2 / (p_i p_j) - 1."""
    rows, columns = np.divmod(p.cells, shape[1])
    row_share = np.bincount(rows, weights=p.share, minlength=shape[0])
    column_share = np.bincount(columns, weights=p.share, minlength=shape[1])
    smaller = min(np.count_nonzero(row_share), np.count_nonzero(column_share))
    if smaller < 2:
        return 0.0
    chi2 = float((p.share**2 / (row_share[rows] * column_share[columns])).sum() - 1)
    return float(np.sqrt(min(max(chi2, 0.0) / (smaller - 1), 1.0)))


def correlations(columns: list[npt.NDArray[np.generic]]) -> Floats:
    """Pearson's correlation of every pair of columns over the rows that have both values.

    Parameters
    ----------
    columns : list of ndarray, (n,)
        Missing is NaN.

    Returns
    -------
    ndarray, (D, D)
        NaN where fewer than two rows have both, or one of the two does not vary over them.
    """
    values = np.column_stack([_standard(np.asarray(c, dtype=np.float64)) for c in columns])
    present = ~np.isnan(values)
    x = np.where(present, values, 0.0)
    here = present.astype(np.float64)
    n = here.T @ here
    sums = x.T @ here  # [i, j]: sum of column i over the rows that have both
    squares = (x * x).T @ here
    counts = np.maximum(n, 1.0)
    covariance = x.T @ x / counts - (sums / counts) * (sums.T / counts)
    variance = squares / counts - (sums / counts) ** 2
    # Columns are standardised, so a variance at rounding level is none.
    variance = np.where((n >= 2) & (variance > 1e-12), variance, np.nan)
    return np.asarray(np.clip(covariance / np.sqrt(variance * variance.T), -1.0, 1.0))


def _standard(values: Floats) -> Floats:
    """Centre and scale; first by the largest magnitude, so that squares cannot overflow."""
    present = values[~np.isnan(values)]
    if not len(present):
        return values
    largest = float(np.abs(present).max())
    scaled = values / largest if largest > 0 else values
    within = present / largest if largest > 0 else present
    spread = float(within.std())
    if spread == 0:
        return scaled - within[0]
    return np.asarray((scaled - within.mean()) / spread)
