"""Both tables in the plane that shows most of the real one.

Numbers become normal scores of their real ranks, so that a heavy tail does not take the plane;
every level of a category is a column, divided by the root of its frequency, so that a rare level
weighs what it should. The plane is spanned by the first two principal components of the real rows.

Source: Pagès 2004, "Analyse factorielle de données mixtes", for the weights of levels; normal
scores in the place of standardised numbers are a choice of this page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.tables import Table
from tabdiff.evaluation.values import Array, Floats

POINTS = 1_000
FITTED = 5_000
RAREST = 0.01


@dataclass(frozen=True)
class Projection:
    """Rows in the plane of the first two principal components of the real rows.

    Attributes
    ----------
    real, synthetic : ndarray, (n, 2)
        A draw of each table.
    explained : (float, float)
        Share of the real rows' variance along each axis.
    """

    real: Floats
    synthetic: Floats
    explained: tuple[float, float]


def project(real: Table, synthetic: Table, seed: int) -> Projection | None:
    """Project a draw of both tables; None where the real rows span no plane."""
    rng = np.random.default_rng([seed, 10])
    first, second = real.draw(FITTED, rng), synthetic.draw(POINTS, rng)
    blocks = [
        _numbers(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
        if field.kind == "numeric"
        else _levels(a, b)
        for field, a, b in zip(first.fields, first.columns, second.columns, strict=True)
    ]
    x = np.concatenate([block[0] for block in blocks], axis=1)
    y = np.concatenate([block[1] for block in blocks], axis=1)
    centre = x.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(x, rowvar=False, ddof=0).reshape(x.shape[1], -1))
    total = float(variances.sum())
    if x.shape[1] < 2 or variances[-2] <= 1e-9:
        return None
    plane = axes[:, [-1, -2]]
    # An axis has no direction of its own: its largest weight is made positive.
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    return Projection(
        (x[rng.permutation(len(x))[:POINTS]] - centre) @ plane,
        (y - centre) @ plane,
        (float(variances[-1]) / total, float(variances[-2]) / total),
    )


def _numbers(real: Floats, synthetic: Floats) -> tuple[Floats, Floats]:
    """Normal scores of the ranks among the real values, 0 for missing."""
    from scipy.special import ndtri

    present = np.sort(real[~np.isnan(real)])

    def score(values: Floats) -> Floats:
        below = np.searchsorted(present, values, side="left")
        upto = np.searchsorted(present, values, side="right")
        middle = (below + upto) / 2
        ranks = np.clip(middle, 0.5, max(len(present) - 0.5, 0.5)) / max(len(present), 1)
        return np.where(np.isnan(values), 0.0, ndtri(np.clip(ranks, 1e-6, 1 - 1e-6)))[:, None]

    return score(real), score(synthetic)


def _levels(real: Array, synthetic: Array) -> tuple[Floats, Floats]:
    """Indicators of the levels that are not rare, over the root of their frequency."""
    levels, counts = np.unique(real, return_counts=True)
    share = counts / len(real)
    kept = share >= RAREST
    levels, share = levels[kept], share[kept]

    def indicate(values: Array) -> Floats:
        return (values[:, None] == levels[None, :]) / np.sqrt(share)

    return indicate(real), indicate(synthetic)
