"""What happens from row to row: correlations in time, transitions, lengths and gaps.

With ``d`` a number less the mean of its entity, and the sums over all pairs of rows of one entity
that are ``k`` rows apart and both present,

    r_ab(k) = sum d_a(t) d_b(t + k) / sqrt( sum d_a(t)^2  sum d_b(t + k)^2 )

is the autocorrelation for ``a = b`` and the cross-correlation otherwise (pooled within entities;
derived here). Taking off the mean of a short entity pulls r down, alike in every table of equal
lengths. Lags count rows, not time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.entities import Positions
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.values import Codes, Floats

MAX_LAG = 24
CROSS_LAG = 3
MIN_PAIRS = 30
# A lag counts if at least this share of the rows that have a next one have a row so far ahead.
LAG_SHARE = 0.2


def reach(panel: Panel) -> int:
    """The largest lag, at most 24, that is frequent enough to be compared; 0 without any pairs."""
    pairs = [len(panel.pairs(lag)) for lag in range(1, MAX_LAG + 1)]
    return sum(n >= max(MIN_PAIRS, LAG_SHARE * pairs[0]) for n in pairs)


def within_entities(panel: Panel, columns: Positions) -> tuple[Floats, Floats]:
    """Numbers less the mean of their entity, in units of the column's largest one.

    Returns
    -------
    deviations, present : ndarray, (n_rows, D)
        A missing number deviates by 0 and is 0 in ``present``, where others are 1.
    """
    starts, lengths = panel.starts[:-1], panel.lengths
    made, there = [], []
    for i in columns:
        values = np.asarray(panel.table.columns[i], dtype=np.float64)
        present = ~np.isnan(values)
        largest = float(np.abs(values[present]).max(initial=0.0)) or 1.0
        scaled = np.where(present, values / largest, 0.0)
        counts = np.maximum(np.add.reduceat(present.astype(np.float64), starts), 1.0)
        means = np.add.reduceat(scaled, starts) / counts
        deviation = np.where(present, scaled - np.repeat(means, lengths), 0.0)
        # What is left of equal numbers by rounding is no deviation.
        deviation[np.abs(deviation) < 1e-12] = 0.0
        made.append(deviation)
        there.append(present.astype(np.float64))
    return np.column_stack(made), np.column_stack(there)


def lagged_correlations(panel: Panel, columns: Positions, max_lag: int) -> Floats:
    """Correlations of all pairs of numeric columns, from lag 0 to ``max_lag``.

    Returns
    -------
    ndarray, (max_lag + 1, D, D)
        ``[k, a, b]``: of ``a`` with ``b`` that comes ``k`` rows later. NaN where fewer than 30
        pairs of rows are present, or one of the columns does not vary within entities.
    """
    found = np.full((max_lag + 1, len(columns), len(columns)), np.nan)
    if not len(columns):
        return found
    deviations, present = within_entities(panel, columns)
    squares = deviations**2
    for lag in range(max_lag + 1):
        first = panel.pairs(lag)
        if len(first) < MIN_PAIRS:
            break
        here, there = deviations[first], deviations[first + lag]
        seen, later = present[first], present[first + lag]
        spread = np.sqrt((squares[first].T @ later) * (seen.T @ squares[first + lag]))
        enough = (seen.T @ later >= MIN_PAIRS) & (spread > 0)
        np.divide(here.T @ there, spread, out=found[lag], where=enough)
    return found


def autocorrelation_error(real: Floats, other: Floats) -> float:
    """Mean absolute difference over columns and lags 1 and up; NaN where nothing compares."""
    first, second = (np.diagonal(x[1:], axis1=1, axis2=2) for x in (real, other))
    return _mean_gap(first, second)


def cross_correlation_error(real: Floats, other: Floats) -> float:
    """Mean absolute difference over pairs of columns and lags 0 to 3; NaN where there is none."""
    pairs = ~np.eye(real.shape[1], dtype=bool)
    return _mean_gap(real[: CROSS_LAG + 1][:, pairs], other[: CROSS_LAG + 1][:, pairs])


def _mean_gap(first: Floats, second: Floats) -> float:
    gaps = np.abs(first - second)
    gaps = gaps[~np.isnan(gaps)]
    return float(gaps.mean()) if len(gaps) else float("nan")


@dataclass(frozen=True)
class Steps:
    """How often each level of a categorical column follows each other.

    Attributes
    ----------
    pairs : ndarray of int, (n,)
        ``from * size + to`` of the transitions that occur, ascending; missing is a level.
    counts : ndarray of int, (n,)
    size : int
        Levels, the missing one included.
    """

    pairs: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    size: int

    @classmethod
    def of(cls, panel: Panel, column: int) -> Steps:
        """Count the steps from each row to the next of its entity."""
        codes = np.asarray(panel.table.columns[column], dtype=np.int64)
        size = panel.table.fields[column].missing_code + 1
        first = panel.pairs(1)
        pairs, counts = np.unique(codes[first] * size + codes[first + 1], return_counts=True)
        return cls(pairs, counts, size)

    def leaving(self) -> Floats:
        """How often each level is left, (size,)."""
        left = np.bincount(self.pairs // self.size, weights=self.counts, minlength=self.size)
        return left.astype(np.float64)

    def matrix(self, levels: Codes) -> Floats:
        """Probabilities from and to these levels and, last, all others: (n + 1, n + 1).

        NaN in the row of a level that is never left.
        """
        place = np.full(self.size, len(levels))
        place[levels] = np.arange(len(levels))
        counts = np.zeros((len(levels) + 1, len(levels) + 1))
        np.add.at(
            counts, (place[self.pairs // self.size], place[self.pairs % self.size]), self.counts
        )
        total = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def transition_error(real: Steps, other: Steps) -> float:
    """Total variation between the laws of the next level, weighted by the real steps, in percent.

        100 sum_a w_a 1/2 sum_b |P(b | a) - Q(b | a)|,   w_a: share of the real steps that leave a

    A level that the other table never leaves is off by 100. NaN without real steps. Derived here.
    """
    left, right = real.leaving(), other.leaving()
    if not left.sum():
        return float("nan")
    pairs = np.union1d(real.pairs, other.pairs)
    p, q = np.zeros(len(pairs)), np.zeros(len(pairs))
    p[np.searchsorted(pairs, real.pairs)] = real.counts
    q[np.searchsorted(pairs, other.pairs)] = other.counts
    origin = pairs // real.size
    gaps = np.abs(p / np.maximum(left[origin], 1) - q / np.maximum(right[origin], 1))
    distance = np.bincount(origin, weights=gaps, minlength=real.size) / 2
    distance[right == 0] = 1.0
    return float(100 * (left * distance).sum() / left.sum())


def length_error(real: Panel, other: Panel) -> float:
    """Total variation between the laws of the lengths, in percent."""
    size = int(max(real.lengths.max(), other.lengths.max())) + 1
    p, q = (
        np.bincount(panel.lengths, minlength=size) / panel.n_entities for panel in (real, other)
    )
    return float(50 * np.abs(p - q).sum())


def gap_error(real: Panel, other: Panel) -> float:
    """Kolmogorov-Smirnov distance between the laws of the time to the next row, in percent."""
    return 100 * ks_distance(real.gaps(), other.gaps())


def ks_distance(first: Floats, second: Floats) -> float:
    """Largest distance between two empirical distribution functions; NaN where one is empty."""
    first, second = (np.sort(x[~np.isnan(x)]) for x in (first, second))
    if not len(first) or not len(second):
        return float("nan")
    points = np.concatenate([first, second])
    below, beyond = (np.searchsorted(x, points, side="right") / len(x) for x in (first, second))
    return float(np.abs(below - beyond).max())


def disorder(panel: Panel) -> tuple[float, float]:
    """Percent of entities whose rows go back in time, and with two rows at one time."""
    duplicated = panel.duplicated()
    if panel.unsorted is None or duplicated is None:
        return float("nan"), float("nan")
    return 100 * float(panel.unsorted.mean()), 100 * float(duplicated.mean())
