"""A distribution whose every conditional is known in closed form, and what of it was answered.

Three categories, a Bayesian network; three numbers, a Gaussian copula whose means they shift, seen
through monotone maps. Each free column of an answer is compared with its exact conditional
(Kolmogorov-Smirnov, total variation) beside what as many exact rows would show.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import RealTable
from benchmarks.rivals.contract import Condition, meets

TRUTH = 200_000
# Fewer rows than this tell little of a distribution.
LEAST = 50


@dataclass(frozen=True)
class World:
    """p(a) p(b | a) p(c | b) N(x; mean(a, c), covariance), numbers seen through monotone maps."""

    a: np.ndarray
    b_given_a: np.ndarray
    c_given_b: np.ndarray
    by_a: np.ndarray
    by_c: np.ndarray
    covariance: np.ndarray

    def cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Levels (n, 3), probabilities (n,) and means (n, 3) of every combination."""
        levels = np.array(list(product(*map(range, (3, 4, 2)))))
        a, b, c = levels.T
        p = self.a[a] * self.b_given_a[a, b] * self.c_given_b[b, c]
        return levels, p, self.by_a[a] + self.by_c[c]

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows of the world."""
        levels, p, means = self.cells()
        chosen = rng.choice(len(p), n, p=p)
        x = means[chosen] + rng.multivariate_normal(np.zeros(3), self.covariance, n)
        return frame_of(levels[chosen], x)


NAMES = np.array(["a0", "a1", "a2"]), np.array(["b0", "b1", "b2", "b3"]), np.array(["c0", "c1"])
# z -> what the table shows, and back.
MAPS = {
    "pay": (lambda z: np.exp(0.6 * z + 3), lambda v: (np.log(v) - 3) / 0.6),
    "age": (lambda z: 40 + 12 * z, lambda v: (v - 40) / 12),
    "dose": (lambda z: np.sinh(z), lambda v: np.arcsinh(v)),
}
WORLD = World(
    np.array([0.6, 0.3, 0.1]),
    np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4], [0.05, 0.05, 0.1, 0.8]]),
    np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8]]),
    np.array([[-0.4, 0.0, 0.3], [0.5, 0.3, -0.2], [1.0, -0.8, 0.1]]),
    np.array([[0.0, 0.0, 0.0], [0.6, -0.5, 0.4]]),
    np.array([[0.6, 0.35, -0.2], [0.35, 0.7, 0.15], [-0.2, 0.15, 0.5]]),
)
ASKED: list[Condition] = [
    {"a": "a2"},
    {"c": "c1"},
    {"pay": 60.0},
    {"age": (20.0, 30.0)},
    {"b": ["b1", "b3"]},
    {"a": "a1", "c": "c0"},
    {"a": "a2", "dose": 1.5},
    {"pay": (None, 10.0), "b": "b3"},
    {"age": (60.0, None), "c": ["c1"]},
    {"a": "a0", "b": "b3", "c": "c1", "pay": 35.0, "dose": 0.2},
    {"a": "a2", "b": "b0", "c": "c0", "pay": 35.0, "age": 45.0},
]


def frame_of(levels: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    table = {name: names[level] for name, names, level in zip("abc", NAMES, levels.T, strict=True)}
    table |= {name: to(z) for (name, (to, _)), z in zip(MAPS.items(), x.T, strict=True)}
    return pd.DataFrame(table)


def exact(condition: Condition, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """``n`` rows of the true conditional: by value in closed form, within ranges by rejection."""
    levels, p, means = WORLD.cells()
    held = [i for i, name in enumerate(MAPS) if isinstance(condition.get(name), float)]
    free = [i for i in range(3) if i not in held]
    names = list(MAPS)
    z = np.array([MAPS[names[i]][1](condition[names[i]]) for i in held])
    within = WORLD.covariance[np.ix_(held, held)]
    cross = WORLD.covariance[np.ix_(free, held)]
    solved = np.linalg.solve(within, (z - means[:, held]).T).T if held else np.zeros((len(p), 0))
    log_w = np.log(p) - 0.5 * ((z - means[:, held]) * solved).sum(1)
    for name, names_of, level in zip("abc", NAMES, levels.T, strict=True):
        asked = condition.get(name)
        wanted = [asked] if isinstance(asked, str) else asked
        log_w[~np.isin(names_of[level], wanted if wanted is not None else names_of)] = -np.inf
    w = np.exp(log_w - log_w.max())
    left = WORLD.covariance[np.ix_(free, free)]
    left = left - (cross @ np.linalg.solve(within, cross.T) if held else 0)
    ranges = {name: asked for name, asked in condition.items() if isinstance(asked, tuple)}
    pieces: list[pd.DataFrame] = []
    while sum(map(len, pieces)) < n:
        chosen = rng.choice(len(p), n, p=w / w.sum())
        x = np.empty((n, 3))
        x[:, held] = z
        shift = solved @ cross.T if held else np.zeros((len(p), len(free)))
        noise = rng.multivariate_normal(np.zeros(len(free)), left, n)
        x[:, free] = means[chosen][:, free] + shift[chosen] + noise
        rows = frame_of(levels[chosen], x)
        pieces.append(rows[meets(rows, ranges)])
    return pd.concat(pieces, ignore_index=True).head(n)


def distance(sample: pd.Series, truth: pd.Series) -> float:
    """Kolmogorov-Smirnov distance of numbers, total variation of categories."""
    if not pd.api.types.is_numeric_dtype(truth):
        shares = [s.value_counts(normalize=True) for s in (sample, truth)]
        return 0.5 * float(shares[0].sub(shares[1], fill_value=0).abs().sum())
    both = np.sort(np.concatenate([sample, truth]))
    cdfs = [np.searchsorted(np.sort(s), both, side="right") / len(s) for s in (sample, truth)]
    return float(np.abs(cdfs[0] - cdfs[1]).max())


def table(n: int, seed: int) -> RealTable:
    """``n`` rows to learn from; none are held out, since the truth is known."""
    train = WORLD.draw(n, np.random.default_rng(seed))
    roles = dict.fromkeys("abc", "categorical") | dict.fromkeys(MAPS, "numeric")
    return RealTable("known", train, train.head(0), roles, "c")  # type: ignore[arg-type]


def judge(sample: pd.DataFrame, condition: Condition, seed: int) -> dict[str, Any]:
    """How far the free columns lie from the exact conditional; nothing where rows are too few."""
    if len(sample) < LEAST:
        return {}
    truth = exact(condition, TRUTH, np.random.default_rng([seed, ASKED.index(condition)]))
    free = [c for c in truth if truth[c].nunique() > 1]
    found = {c: distance(sample[c], truth[c]) for c in free}
    # What as many exact rows show: the mean of twenty draws.
    chance = {
        c: np.mean(
            [distance(truth[c].sample(len(sample), random_state=i), truth[c]) for i in range(20)]
        )
        for c in free
    }
    worst = max(free, key=lambda c: found[c] / chance[c])
    return {
        "worst column": worst,
        "distance": round(found[worst], 4),
        "of exact rows": round(float(chance[worst]), 4),
        "mean ratio": round(float(np.mean([found[c] / chance[c] for c in free])), 2),
    }
