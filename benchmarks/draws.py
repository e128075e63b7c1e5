"""How good draws are: by their distance from what came, and by what their intervals cover.

Draws stand along the first axis, (m, …); what came is (…).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def crps(drawn: Numbers, real: Numbers) -> Numbers:
    """Continuous ranked probability score of draws (m, …) of numbers (…), without bias in m.

    E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21), the second mean over pairs of
    different draws (Ferro 2014); of a single value, its absolute error.
    """
    m = len(drawn)
    near = np.abs(drawn - real).mean(axis=0)
    if m == 1:
        return near
    # The sum of |x_i - x_j| over all pairs, from the sorted draws.
    places = (2 * np.arange(1, m + 1) - m - 1).reshape(-1, *[1] * real.ndim)
    pairs = (places * np.sort(drawn, axis=0)).sum(axis=0)
    return near - pairs / (m * (m - 1))


def quantiles(drawn: Numbers, levels: tuple[float, ...]) -> Numbers:
    """Of the draws, (levels, …); at Weibull's places (m + 1) q.

    There the interval of m draws holds what it says for any m: between two of m + 1 exchangeable
    values that are k apart lies the last with probability k / (m + 1).
    """
    return np.quantile(drawn, levels, axis=0, method="weibull")


def weighted_quantile_loss(drawn: Numbers, real: Numbers) -> float:
    """2 sum rho_q(y - x_q) / sum |y|, the mean over `LEVELS` of q; rho_q(u) = u (q - [u < 0]).

    Of numbers around zero it says little. Source: Salinas et al. 2020 (arXiv:1704.04110), section
    4.2, where it is called rho-risk.
    """
    size = float(np.abs(real).sum())
    if size == 0:
        return np.nan
    away = real - quantiles(drawn, LEVELS)
    level = np.array(LEVELS).reshape(-1, *[1] * real.ndim)
    loss = away * (level - (away < 0))
    return float(2 * loss.sum() / size / len(LEVELS))


def coverage(drawn: Numbers, real: Numbers, share: float) -> float:
    """Part of what came that lies in the central interval that should hold ``share`` of it."""
    low, high = quantiles(drawn, ((1 - share) / 2, (1 + share) / 2))
    return float(((low <= real) & (real <= high)).mean())


def coverage_of_ties(drawn: Numbers, real: Numbers, share: float) -> float:
    """:func:`coverage` where draws that equal what came lie on either side of it at random.

    An interval of numbers that come again and again ends on one of them and takes all of it in, so
    it holds more than it says however right the draws are. Of m draws and what came, in a random
    order where they are equal, the latter's place is even: exactly ``share`` of it lies within.
    This is the mean over those orders.

    Source: the randomised probability integral transform of Czado, Gneiting & Held 2009, of draws.
    """
    m = len(drawn)
    first = (drawn < real).sum(axis=0) / (m + 1)
    width = ((drawn == real).sum(axis=0) + 1) / (m + 1)
    low, high = (1 - share) / 2, (1 + share) / 2
    within = np.clip(first + width, low, high) - np.clip(first, low, high)
    return float((within / width).mean())
