"""From how well an attacker guesses who was there to a lower bound on epsilon."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import beta, binom

Array = npt.NDArray[Any]


def from_one_run(hits: int, guesses: int, canaries: int, delta: float, confidence: float) -> float:
    """The largest epsilon that so many right guesses in one run refute.

    Source: Steinke, Nasr & Jagielski 2023 (arXiv:2305.08846), theorem 5.2: under
    (epsilon, delta) each guess is right with probability at most p = 1 / (1 + e^-epsilon), and

        P(hits >= v)  <=  P(W >= v) + 2 m delta max_i P(v > W >= v - i) / i,   W ~ Bin(guesses, p).
    """

    def likely(epsilon: float) -> bool:
        p = 1 / (1 + math.exp(-epsilon))
        fewer = np.cumsum(binom.pmf(np.arange(hits - 1, -1, -1), guesses, p))
        worst = float(np.max(fewer / np.arange(1, hits + 1), initial=0.0))
        return binom.sf(hits - 1, guesses, p) + 2 * canaries * delta * worst > 1 - confidence

    return _largest(lambda epsilon: not likely(epsilon))


def from_many_runs(
    false_alarms: int, misses: int, without: int, with_it: int, delta: float, confidence: float
) -> float:
    """The largest epsilon that error rates of so many independent runs of either kind refute.

    Clopper and Pearson's upper limits of both rates, and the two inequalities of the definition
    (Kairouz, Oh & Viswanath 2015, arXiv:1311.0776).
    """
    level = 1 - (1 - confidence) / 2
    alarm = at_most(false_alarms, without, level)
    miss = at_most(misses, with_it, level)
    ratios = [(1 - delta - miss) / alarm, (1 - delta - alarm) / miss]
    return max(0.0, *(math.log(ratio) for ratio in ratios if ratio > 0))


def at_most(events: int, trials: int, level: float) -> float:
    """Clopper and Pearson's upper limit of a rate."""
    return 1.0 if events == trials else float(beta.ppf(level, events + 1, trials - events))


def _largest(refuted: Callable[[float], bool]) -> float:
    """The end of where an epsilon is refuted, from 0 to 20."""
    low, high = 0.0, 20.0
    if not refuted(low):
        return 0.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def guess(scores: Array, present: Array, delta: float, confidence: float) -> float:
    """The bound of the best number of guesses: the highest scores are in, the lowest are out.

    Numbers of guesses are tried at a confidence that pays for trying several.
    """
    m = len(scores)
    order = np.argsort(scores, kind="stable")
    numbers = [k for k in (m // 100, m // 20, m // 5, m // 2) if k]
    each = 1 - (1 - confidence) / len(numbers)
    bounds = []
    for k in numbers:
        hits = int(present[order[-k:]].sum() + (~present[order[:k]]).sum())
        bounds.append(from_one_run(hits, 2 * k, m, delta, each))
    return max(bounds)


def told_apart(without: Array, with_it: Array, delta: float, confidence: float) -> float:
    """The bound from scores of independent runs; half of them choose a threshold for the others."""
    return _by_threshold(
        without,
        with_it,
        confidence,
        lambda alarms, misses, n, m, level: from_many_runs(alarms, misses, n, m, delta, level),
    )


def gaussian_bound(without: Array, with_it: Array, confidence: float) -> float:
    """The largest mu of a Gaussian mechanism that scores of independent runs refute.

    Source: Nasr et al. 2023 (arXiv:2302.07956), section 4; no other mechanism is so judged.
    """

    def mu(alarms: int, misses: int, n: int, m: int, confidence: float) -> float:
        level = 1 - (1 - confidence) / 2
        alarm, miss = at_most(alarms, n, level), at_most(misses, m, level)
        return max(0.0, float(-ndtri(alarm) - ndtri(miss)))

    return _by_threshold(without, with_it, confidence, mu)


def _by_threshold(
    without: Array, with_it: Array, confidence: float, bound: Callable[..., float]
) -> float:
    level = 1 - (1 - confidence) / 2
    found = 0.0
    for sign in (1, -1):
        first, second = zip(
            *(np.array_split(sign * scores, 2) for scores in (without, with_it)), strict=True
        )

        def judged(at: float, out: Array, in_: Array) -> float:
            alarms, misses = int((out >= at).sum()), int((in_ < at).sum())
            return bound(alarms, misses, len(out), len(in_), level)

        candidates = np.quantile(np.concatenate(first), np.linspace(0.01, 0.99, 99))
        best = max(candidates, key=lambda at: judged(at, *first))
        found = max(found, judged(best, *second))
    return found
