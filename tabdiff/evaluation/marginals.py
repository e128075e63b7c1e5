"""One column, real beside synthetic: the histograms that a page draws.

Bins and levels come from the real column, so that both histograms are of the same thing. Nothing
here is a score: scores use all values, a picture leaves the far tails in its outer bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Field, Table
from tabdiff.evaluation.values import Floats

BARS = 32
TOP_LEVELS = 20
TAIL = 0.005
MAX_GRID = 2_000


@dataclass(frozen=True)
class NumericMarginal:
    """Histogram of a numeric column over common bins.

    Attributes
    ----------
    label : str
    quantity : str
        What the numbers stand for; see `Field`.
    edges : tuple of float, (B + 1,)
    real, synthetic : tuple of float, (B,)
        Share of all rows in each bin; values beyond the edges are in the outer bins.
    step : float or None
        Where the values lie on a grid: its step; the edges then lie halfway between grid points.
    clipped : (bool, bool)
        Whether values lie below the first and above the last edge.
    missing : (float, float)
        Share of missing values, real and synthetic.
    summary : tuple of (str, float, float)
        Name, real and synthetic value of a few statistics; NaN where there are no values.
    """

    label: str
    quantity: str
    edges: tuple[float, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    step: float | None
    clipped: tuple[bool, bool]
    missing: tuple[float, float]
    summary: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class LevelMarginal:
    """Level proportions of a categorical column.

    Attributes
    ----------
    label : str
    levels : tuple of str
        The most frequent real levels, most frequent first (declared or numeric order where all
        levels are shown and have one is not restored).
    real, synthetic : tuple of float
        Share of all rows.
    other : (int, float, float)
        How many further levels there are, and their real and synthetic share.
    missing : (float, float)
        Share of missing values, real and synthetic.
    n_levels : (int, int)
        How many levels occur in the real and in the synthetic column.
    """

    label: str
    levels: tuple[str, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    other: tuple[int, float, float]
    missing: tuple[float, float]
    n_levels: tuple[int, int]


Marginal = NumericMarginal | LevelMarginal


def marginals(real: Table, synthetic: Table) -> tuple[Marginal, ...]:
    """The marginal of every judged column."""
    made: list[Marginal] = []
    for field, a, b in zip(real.fields, real.columns, synthetic.columns, strict=True):
        if field.kind == "numeric":
            first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
            made.append(numeric_marginal(field, first, second))
        else:
            made.append(_levels(field, a, b))
    return tuple(made)


def numeric_marginal(field: Field, real: Floats, synthetic: Floats) -> NumericMarginal:
    """Histograms of numbers, with bars that are laid out by the real ones."""
    here, there = real[~np.isnan(real)], synthetic[~np.isnan(synthetic)]
    edges, step = _edges(here)
    both = [x for x in (here, there) if len(x)]
    low = min(float(x.min()) for x in both) if both else edges[0]
    high = max(float(x.max()) for x in both) if both else edges[-1]
    return NumericMarginal(
        label=field.label,
        quantity=field.quantity,
        edges=tuple(map(float, edges)),
        real=_histogram(here, edges, len(real)),
        synthetic=_histogram(there, edges, len(synthetic)),
        step=step,
        clipped=(low < float(edges[0]), high > float(edges[-1])),
        missing=(1 - len(here) / len(real), 1 - len(there) / len(synthetic)),
        summary=tuple(
            (name, first, second)
            for (name, first), (_, second) in zip(_summary(here), _summary(there), strict=True)
        ),
    )


def _edges(present: Floats) -> tuple[Floats, float | None]:
    """Equidistant edges between the far tails; halfway between the points of a grid, if any."""
    if not len(present):
        return np.array([0.0, 1.0]), None
    values = np.unique(present)
    low, high = float(values[0]), float(values[-1])
    if low == high:
        return np.array([low - 0.5, high + 0.5]), None
    step = _grid(values)
    if step is None or high - low > BARS * step:
        inner = [float(x) for x in np.quantile(present, [TAIL, 1 - TAIL])]
        low, high = inner if inner[0] < inner[1] else (low, high)
    if step is None:
        parts = np.arange(BARS + 1) / BARS
        return np.asarray(low * (1 - parts) + high * parts), None
    # Bars of whole grid steps: others would hold now more, now fewer points of the grid.
    origin = float(values[0])
    first = np.round((low - origin) / step)
    points = int(np.round((high - origin) / step) - first) + 1
    width = -(-points // BARS)
    bars = -(-points // width)
    return np.asarray(origin + step * (first - 0.5 + width * np.arange(bars + 1))), step


def _grid(values: Floats) -> float | None:
    """The step of the grid that sorted distinct values lie on; None for none, or a fine one."""
    steps = np.diff(values)
    step = float(steps.min())
    if float(values[-1] - values[0]) > MAX_GRID * step:
        return None
    multiples = steps / step
    return step if bool(np.all(np.abs(multiples - np.round(multiples)) < 1e-6)) else None


def _histogram(present: Floats, edges: Floats, n: int) -> tuple[float, ...]:
    bins = np.searchsorted(edges[1:-1], present, side="right")
    counts = np.bincount(bins, minlength=len(edges) - 1)
    return tuple(float(c) for c in counts / n)


def _summary(present: Floats) -> list[tuple[str, float]]:
    names = ("minimum", "median", "mean", "maximum")
    if not len(present):
        return [(name, float("nan")) for name in names]
    # The mean of values near the largest float must not overflow.
    scale = max(float(np.abs(present).max()), 1.0)
    values = (
        present.min(),
        np.median(present / scale) * scale,
        np.mean(present / scale) * scale,
        present.max(),
    )
    return [(name, float(value)) for name, value in zip(names, values, strict=True)]


def _levels(
    field: Field, real: npt.NDArray[np.generic], synthetic: npt.NDArray[np.generic]
) -> LevelMarginal:
    size = len(field.levels) + 1
    first = np.bincount(np.asarray(real, dtype=np.int64), minlength=size) / len(real)
    second = np.bincount(np.asarray(synthetic, dtype=np.int64), minlength=size) / len(synthetic)
    p, q = first[:-1], second[:-1]
    order = np.lexsort((np.arange(len(p)), -q, -p))
    order = order[(p[order] > 0) | (q[order] > 0)]
    top, rest = order[:TOP_LEVELS], order[TOP_LEVELS:]
    return LevelMarginal(
        label=field.label,
        levels=tuple(field.levels[i] for i in top),
        real=tuple(float(p[i]) for i in top),
        synthetic=tuple(float(q[i]) for i in top),
        other=(len(rest), float(p[rest].sum()), float(q[rest].sum())),
        missing=(float(first[-1]), float(second[-1])),
        n_levels=(int((p > 0).sum()), int((q > 0).sum())),
    )
