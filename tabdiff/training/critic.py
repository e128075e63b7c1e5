"""A density ratio of real rows to drawn ones, by boosted trees.

    p(x) / q(x) = exp f(x),    f = log odds that a row is real, real and drawn rows counted alike

What a network cannot draw exactly, trees may still tell: they see thresholds where it sees smooth
functions. The ratio is learned from the training rows and as many rows of the model, and goes on
growing only as long as it tells held-out rows apart better, so that it learns what is wrong with
the model and not which rows it was trained on. Who samples draws several candidates for each row
and keeps one with probability proportional to the ratio (:mod:`tabdiff.inference.candidates`).

Source: Grover et al. 2019 (arXiv:1906.09531), who weight the samples of a trained generator by such
a ratio; the trees are those of scikit-learn's histogram gradient boosting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor

from tabdiff.data.mixed import Layout, Mixed

Array = np.ndarray[Any, Any]

LEARNING_RATE = 0.1
MOST_TREES = 400
DEEPEST = 8
# Rows of either sort that the trees learn from.
MOST_ROWS = 30_000
LEAST_HELD_OUT = 50
# More would choose for minutes what trees that saw some thousand rows cannot tell anyway.
MOST_CANDIDATES = 64
# One of so many drawn rows judges.
JUDGE = 6
# What the ratio must gain on held-out rows, in nats a row, to be worth two candidates, and four.
WORTH_TWO, WORTH_FOUR = 0.003, 0.02


class Beside(Protocol):
    """Further columns of rows in parts."""

    def __len__(self) -> int:
        """How many."""

    def __call__(self, x: Mixed) -> Tensor:
        """Of rows (B, D): (B, columns), float32, on the device of ``x``."""


@dataclass(frozen=True)
class Trees:
    """Binary trees side by side: a number for each row.

    Attributes
    ----------
    roots : Tensor, (T,), int64
    feature : Tensor, (N,), int64
    threshold : Tensor, (N,), float32
        A row goes left where its feature is at most that.
    left, right : Tensor, (N,), int64
        Of a leaf, itself.
    value : Tensor, (N,), float32
        Of the leaves.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """The sum of the leaves that each row ends in: (B, F) -> (B,)."""
        node = self.roots.expand(len(x), -1)
        for _ in range(DEEPEST):
            goes_left = x.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(goes_left, self.left[node], self.right[node])
        return self.value[node].sum(-1)


class Critic:
    """log p(x) / q(x) of complete rows, as far as trees can tell.

    Parameters
    ----------
    layout : Layout
    ranks : Tensor, (sum of K,), float32
        Where each level of each categorical part stands among the others of its part.
    trees : Trees
        Over the features of :meth:`features`.
    candidates : int
        How many rows are to be drawn for each.
    consequences : Beside or None
        What the trees see beside the parts.
    """

    def __init__(
        self,
        layout: Layout,
        ranks: Tensor,
        trees: Trees,
        candidates: int,
        consequences: Beside | None = None,
    ) -> None:
        self.layout, self.ranks, self.trees, self.candidates = layout, ranks, trees, candidates
        # Trees that never look at them, as in files from before they were shown, need not wait.
        seen = bool((trees.feature >= _n_features(layout, None)).any())
        self.consequences = consequences if seen else None

    def log_ratio(self, x: Mixed) -> Tensor:
        """Of rows (B, D): (B,)."""
        return self.trees(features(x, self.layout, self.ranks, self.consequences))

    def to(self, device: torch.device) -> Critic:
        """The same on another device."""
        trees = Trees(*(getattr(self.trees, field.name).to(device) for field in fields(Trees)))
        ranks = self.ranks.to(device)
        return Critic(self.layout, ranks, trees, self.candidates, self.consequences)

    def state(self) -> dict[str, Array]:
        """Arrays, from which :meth:`from_state` makes the same."""
        arrays = {field.name: getattr(self.trees, field.name) for field in fields(Trees)}
        return {k: v.cpu().numpy() for k, v in (arrays | {"ranks": self.ranks}).items()}

    @classmethod
    def from_state(
        cls,
        layout: Layout,
        candidates: int,
        arrays: dict[str, Array],
        consequences: Beside | None = None,
    ) -> Critic:
        """What :meth:`state` described.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the arrays are not those of trees over the features of ``layout``.
        """
        if type(candidates) is not int or not 2 <= candidates <= MOST_CANDIDATES:
            raise ValueError(f"candidates must be 1 to {MOST_CANDIDATES}. Got {candidates!r}.")
        kinds: dict[str, type[np.generic]]
        kinds = {"roots": np.int64, "feature": np.int64, "left": np.int64, "right": np.int64}
        kinds |= {"threshold": np.float32, "value": np.float32, "ranks": np.float32}
        given = {name: _checked(name, arrays[name], kind) for name, kind in kinds.items()}
        n = len(given["value"])
        if {len(given[k]) for k in ("feature", "threshold", "left", "right")} != {n}:
            raise ValueError("the trees of the critic differ in their numbers of nodes")
        if len(given["ranks"]) != sum(layout.levels):
            raise ValueError("the critic ranks the levels of another table")
        limits = {"roots": n, "left": n, "right": n, "feature": _n_features(layout, consequences)}
        for name, limit in limits.items():
            if ((given[name] < 0) | (given[name] >= limit)).any():
                raise ValueError(f"{name!r} of the critic points outside of its trees")
        whole = {name: torch.from_numpy(array) for name, array in given.items()}
        return cls(layout, whole.pop("ranks"), Trees(**whole), candidates, consequences)


def features(x: Mixed, layout: Layout, ranks: Tensor, consequences: Beside | None = None) -> Tensor:
    """What the trees split on: (B, D) -> (B, F), float32.

    Of each categorical part the rank of its level; where a numeric part lies within the level, its
    place there, Phi(z) in [0, 1], is added, so that the feature of a number rises with the number.
    Numeric parts without a state stand for themselves, and columns that follow from others come
    last.
    """
    first = torch.tensor([0, *layout.levels], device=x.device).cumsum(0)[:-1]
    of_levels = ranks[x.cat + first]
    alone = []
    for part, gate in enumerate(layout.gates):
        if gate is None:
            alone.append(part)
            continue
        opens = torch.zeros(layout.levels[gate.state], dtype=torch.bool, device=x.device)
        opens[list(gate.levels)] = True
        place = torch.special.ndtr(x.num[:, part]).masked_fill(~opens[x.cat[:, gate.state]], 0.5)
        of_levels[:, gate.state] += place
    beside = [] if consequences is None else [consequences(x)]
    return torch.cat([of_levels, x.num[:, alone], *beside], dim=1).float()


def train_critic(
    kept: Mixed,
    held_out: Mixed,
    drawn: Mixed,
    layout: Layout,
    proportions: list[Array],
    entropy: int,
    consequences: Beside | None = None,
) -> Critic | None:
    """The ratio of real to drawn rows; None where held-out rows do not confirm it.

    Parameters
    ----------
    kept, held_out : Mixed, (B, D), on the CPU
        Complete rows that the network learned from, and others.
    drawn : Mixed, (B, D)
        Rows of the model. One of ``JUDGE`` judges, the others are learned from.
    layout : Layout
    proportions : list of array
        Share of each level of each categorical part among the training rows.
    entropy : int
        Seeds the trees.
    consequences : Beside, optional
        What the trees see beside the parts.
    """
    if len(held_out) < LEAST_HELD_OUT:
        return None
    ranks = _ranks(layout, proportions)
    n = len(drawn) // JUDGE
    seen = partial(features, layout=layout, ranks=ranks, consequences=consequences)
    x, y, w = _together(kept, drawn[n:], seen)
    judge_x, judge_y, judge_w = _together(held_out, drawn[:n], seen)
    grown = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=MOST_TREES,
        max_depth=DEEPEST,
        max_features=0.5,
        early_stopping=False,
        random_state=entropy % 2**32,
    ).fit(x, y, sample_weight=w)
    gains = [
        _gain(log_odds.ravel(), judge_y, judge_w)
        for log_odds in grown.staged_decision_function(judge_x)
    ]
    best = int(np.argmax([mean for mean, _ in gains]))
    mean, error = gains[best]
    if mean < max(WORTH_TWO, 2 * error):
        return None
    candidates = 4 if mean >= WORTH_FOUR else 2
    return Critic(layout, ranks, _exported(grown, best + 1), candidates, consequences)


def _together(
    real: Mixed, drawn: Mixed, seen: Callable[[Mixed], Tensor]
) -> tuple[Array, Array, Array]:
    """Features, whether a row is real, and weights by which both sorts count alike."""
    rows = Mixed(torch.cat([real.num, drawn.num]), torch.cat([real.cat, drawn.cat]))
    y = np.repeat([1.0, 0.0], [len(real), len(drawn)])
    w = np.where(y == 1, 0.5 / len(real), 0.5 / len(drawn)) * len(y)
    return seen(rows).numpy(), y, w


def _gain(log_odds: Array, y: Array, w: Array) -> tuple[float, float]:
    """Nats a row gained over guessing, and the standard error of that."""
    gain = math.log(2) - np.logaddexp(0.0, np.where(y == 1, -log_odds, log_odds))
    errors = [gain[y == side].std() / math.sqrt((y == side).sum()) for side in (0, 1)]
    return float(np.average(gain, weights=w)), 0.5 * math.hypot(*errors)


def _ranks(layout: Layout, proportions: list[Array]) -> Tensor:
    """Ordered levels in their order, the others behind them, the frequent ones first."""
    ranks = []
    for levels, n, share in zip(layout.levels, layout.ordered, proportions, strict=True):
        rank = np.arange(levels, dtype=np.float32)
        by_share = n + np.argsort(-np.asarray(share)[n:], kind="stable")
        rank[by_share] = np.arange(n, levels)
        ranks.append(rank)
    return torch.from_numpy(np.concatenate([*ranks, np.zeros(0, np.float32)]))


def _exported(grown: HistGradientBoostingClassifier, n_trees: int) -> Trees:
    """The first trees as tensors; the constant they start from goes into the first one's leaves."""
    # scikit-learn offers no public view of these trees; a test compares both on every release.
    nodes = [predictor.nodes for (predictor,) in grown._predictors[:n_trees]]
    roots = np.cumsum([0, *map(len, nodes)])
    flat, first = np.concatenate(nodes), np.repeat(roots[:-1], [len(tree) for tree in nodes])
    own, leaf = np.arange(len(flat)), flat["is_leaf"].astype(bool)
    value = flat["value"].copy()
    value[: roots[1]] += float(grown._baseline_prediction.item())
    return Trees(
        roots=torch.from_numpy(roots[:-1].astype(np.int64)),
        feature=torch.from_numpy(np.where(leaf, 0, flat["feature_idx"]).astype(np.int64)),
        threshold=torch.from_numpy(flat["num_threshold"].astype(np.float32)),
        left=torch.from_numpy(np.where(leaf, own, first + flat["left"]).astype(np.int64)),
        right=torch.from_numpy(np.where(leaf, own, first + flat["right"]).astype(np.int64)),
        value=torch.from_numpy(value.astype(np.float32)),
    )


def _n_features(layout: Layout, consequences: Beside | None) -> int:
    of_parts = layout.n_cat + sum(gate is None for gate in layout.gates)
    return of_parts + (0 if consequences is None else len(consequences))


def _checked(name: str, array: Array, kind: type[np.generic]) -> Array:
    if array.dtype != kind or array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name!r} of the critic is no plain row of {np.dtype(kind)}")
    return array
