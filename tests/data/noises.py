"""Sources of noise for tests: none at all, none that hears the counts, and the same once more."""

import math
from typing import Any

import numpy as np

from tabdiff.data.noise import NoisyCounts

Array = np.ndarray[Any, Any]


class Silent(NoisyCounts):
    """Adds no noise, and writes down what it is asked."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.asked: list[tuple[str, Array, float]] = []

    def of(self, counts: Array, mu: float) -> Array:
        return self._answer("counts", counts, mu)

    def scores(self, scores: Array, mu: float) -> Array:
        return self._answer("scores", scores, mu)

    def _answer(self, what: str, true: Array, mu: float) -> Array:
        self.spent = math.hypot(self.spent, mu)
        self.asked.append((what, np.array(true, dtype=np.float64), mu))
        return self.asked[-1][1]


class Repeating(Silent):
    """Answers what another was answered, whatever the counts are now."""

    def __init__(self, first: Silent) -> None:
        super().__init__(np.random.default_rng(0))
        self._answers = iter(first.asked)

    def _answer(self, what: str, true: Array, mu: float) -> Array:
        super()._answer(what, true, mu)
        told, answer, cost = next(self._answers)
        assert (told, cost, answer.shape) == (what, mu, np.shape(true))
        return answer


class Deaf(Silent):
    """Answers with noise alone: what comes of it cannot depend on any row."""

    def _answer(self, what: str, true: Array, mu: float) -> Array:
        super()._answer(what, true, mu)
        own = np.random.default_rng(len(self.asked))
        return own.normal(20.0, 10.0, np.shape(true))


def loss_of_one(first: Silent, again: Repeating) -> float:
    """What one unit costs along a path of answers, as of Gaussian mechanisms.

    It must move every count by one at the most, and of disjoint classes one in all.
    """
    assert len(again.asked) == len(first.asked)
    loss = 0.0
    for (what, with_it, mu), (_, none, _) in zip(first.asked, again.asked, strict=True):
        moved = np.abs(with_it - none)
        assert moved.max(initial=0.0) <= 1 + 1e-9
        if what == "counts":
            assert np.square(moved).sum() <= 1 + 1e-9
            loss += mu**2 * np.square(moved).sum()
        else:
            loss += mu**2 * np.square(moved).sum() / moved.size
    return math.sqrt(loss)
