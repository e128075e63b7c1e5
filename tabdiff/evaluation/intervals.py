"""How sure a figure is: intervals of shares, of differences of shares and of areas under a curve.

All are 95 % intervals. Areas and errors are means of one influence value per test row, so that the
interval of a difference on the same rows needs only the difference of the influences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.values import Floats

Z95 = 1.96
Interval = tuple[float, float]


def wilson(share: float, n: int) -> Interval:
    """Score interval of a proportion (Wilson 1927)."""
    spread = Z95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    margin = Z95 * np.sqrt(max(share * (1 - share), 0.0) / n + spread / (4 * n)) / (1 + spread)
    return float(max(centre - margin, 0.0)), float(min(centre + margin, 1.0))


def newcombe(first: float, n: int, second: float, m: int) -> Interval:
    """Interval of the difference ``first - second`` of two independent proportions.

    Source: Newcombe 1998, "Interval estimation for the difference between independent
    proportions", method 10: Wilson's limits of both, combined.
    """
    low_a, high_a = wilson(first, n)
    low_b, high_b = wilson(second, m)
    difference = first - second
    below = np.hypot(first - low_a, high_b - second)
    above = np.hypot(high_a - first, second - low_b)
    return float(difference - below), float(difference + above)


def auc_influence(truth: npt.NDArray[np.bool_], score: Floats) -> tuple[float, Floats]:
    """Area under the ROC curve, and what every row contributes to its deviation.

    Parameters
    ----------
    truth : ndarray of bool, (n,)
        Both classes must occur.
    score : ndarray, (n,)
        Larger means ``truth`` is more likely; ties count one half.

    Returns
    -------
    area : float
    influence : ndarray, (n,)
        Mean 0; ``influence.std() / sqrt(n)`` is the standard error of the area.

    Source: DeLong et al. 1988, "Comparing the areas under two or more correlated ROC curves": the
    placements of each row, divided by the share of its class.
    """
    from scipy.stats import rankdata

    here, there = score[truth], score[~truth]
    ranks = rankdata(score)
    placed_here = (ranks[truth] - rankdata(here)) / len(there)
    placed_there = 1 - (ranks[~truth] - rankdata(there)) / len(here)
    area = float(placed_here.mean())
    influence = np.empty(len(score))
    influence[truth] = (placed_here - area) * len(score) / len(here)
    influence[~truth] = (placed_there - area) * len(score) / len(there)
    return area, influence


def pooled_error(
    influences: Sequence[Floats], clusters: Sequence[npt.NDArray[np.intp] | None]
) -> float:
    """Standard error of the mean of one area per fold.

    Parameters
    ----------
    influences : sequence of ndarray
        Of each fold's test rows, as `auc_influence` gives them. Folds share no test rows.
    clusters : sequence of (ndarray or None)
        Which rows of the fold depend on each other; None: none do.

    Source: LeDell, Petersen and van der Laan 2015, "Computationally efficient confidence intervals
    for cross-validated area under the ROC curve estimates"; dependent rows are summed first, as in
    Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data".
    """
    variance = 0.0
    for influence, cluster in zip(influences, clusters, strict=True):
        sums = influence if cluster is None else np.bincount(cluster, weights=influence)
        variance += float(sums @ sums) / len(influence) ** 2
    return float(np.sqrt(variance)) / len(influences)


def around(value: float, influence: Floats) -> Interval:
    """Interval of a figure from the influence of each row (normal approximation)."""
    margin = Z95 * float(influence.std()) / float(np.sqrt(len(influence)))
    return value - margin, value + margin
