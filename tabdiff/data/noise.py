"""Counts with Gaussian noise, and what all of them together cost.

Counting rows in disjoint classes changes by 1 in one class when a row comes or goes, so counts with
noise of standard deviation sigma are one Gaussian mechanism with mu = 1 / sigma. Such mechanisms
compose without loss: k of them are one with mu^2 = mu_1^2 + ... + mu_k^2 (Dong, Roth & Su 2022,
arXiv:1905.02383, section 3.3), and one of them is (epsilon, delta)-private with

    delta = Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(-mu / 2 - epsilon / mu)

(Balle & Wang 2018, arXiv:1805.06530, theorem 8).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from tabdiff.data.cells import Array


class NoisyCounts:
    """Adds noise to counts and remembers what was spent.

    Parameters
    ----------
    rng : numpy.random.Generator
        Of the noise. Whoever knows it knows the counts: it must come from the operating system.

    Attributes
    ----------
    spent : float
        The mu of all counts so far.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.spent = rng, 0.0

    def of(self, counts: Array, mu: float) -> Array:
        """``counts`` of disjoint classes with noise worth ``mu``, float64 of the same shape."""
        self.spent = math.hypot(self.spent, mu)
        return counts + self.rng.normal(0.0, 1 / mu, np.shape(counts))

    def scores(self, scores: Array, mu: float) -> Array:
        """Numbers that each change by at most 1 with a row, together worth ``mu``."""
        self.spent = math.hypot(self.spent, mu)
        return scores + self.rng.normal(0.0, math.sqrt(max(scores.size, 1)) / mu, scores.shape)


def mu_of(epsilon: float, delta: float) -> float:
    """The most that Gaussian mechanisms may spend under (epsilon, delta)."""
    excess = lambda log_mu: _delta(math.exp(log_mu), epsilon) - delta  # noqa: E731
    return math.exp(brentq(excess, -20.0, 20.0, xtol=1e-12))


def epsilon_of(mu: float, delta: float) -> float:
    """What Gaussian mechanisms that spent ``mu`` are private with, at ``delta``."""
    if _delta(mu, 0.0) <= delta:
        return 0.0
    most = 1.0
    while _delta(mu, most) > delta:
        most *= 2
    return float(brentq(lambda epsilon: _delta(mu, epsilon) - delta, 0.0, most, xtol=1e-12))


def _delta(mu: float, epsilon: float) -> float:
    below = float(ndtr(mu / 2 - epsilon / mu))
    return below - math.exp(epsilon + float(log_ndtr(-mu / 2 - epsilon / mu)))


def shares(mu: float, weights: Iterable[float]) -> list[float]:
    """``mu`` parted so that the squares are as ``weights`` and add up."""
    listed = list(weights)
    return [mu * math.sqrt(weight / sum(listed)) for weight in listed]


def as_counts(noisy: Array, total: float) -> Array:
    """The counts nearest to noisy ones that are nonnegative and add up to ``total``.

    Source: projection onto a simplex (Held, Wolfe & Crowder 1974).
    """
    flat = np.asarray(noisy, dtype=np.float64).ravel()
    falling = np.sort(flat)[::-1]
    excess = (np.cumsum(falling) - total) / np.arange(1, len(flat) + 1)
    last = int(np.flatnonzero(falling >= excess)[-1])
    return np.maximum(flat - excess[last], 0.0).reshape(np.shape(noisy))
