"""A coarse model of a private table: noisy marginals of few parts, and rows drawn from them.

    p(x) = p(g) p(x_root | g) prod_j p(x_j | x_parent(j), g)

over a tree of the categorical parts; g is a coarse version of a target part, or nothing. Which
pairs are neighbours is told by noisy scores of how far they are from independent (given g), and a
tree that spans all parts at the highest total is taken: the Chow-Liu tree (1968), chosen and
measured privately as by McKenna, Miklau & Sheldon 2021 (arXiv:2108.04978), here with Gaussian noise
throughout, and given a target as in the tree-augmented naive Bayes of Friedman, Geiger &
Goldszmidt 1997. Conditionals of few rows lean on those of one part fewer.

Where some parts are given the tree leads from those to the others: p(x_free | x_given).

Rows drawn from it are as private as the counts, so a network may learn from as many as it likes.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import combinations
from typing import Any

import numpy as np
import torch

from tabdiff.data.mixed import Layout, Mixed
from tabdiff.data.noise import NoisyCounts, as_counts, shares

Array = np.ndarray[Any, np.dtype[Any]]

# Groups of a target's levels at the most, that every relation is measured with.
MOST_GROUPS = 8
# Of the squared budget: each part with the target; the scores of pairs; the pairs themselves.
SPLIT = (0.15, 0.15, 0.70)
# How many standard deviations of its noise a conditional of one part fewer weighs.
LEANING = 4.0
# Pairs are counted in blocks of levels, in which their noise is about so small.
ROWS_A_CELL, LEAST_BLOCKS = 12.0, 4.0
_LITTLE = 1e-9


class CoarseModel:
    """The tree and its conditionals.

    Parameters
    ----------
    layout : Layout
    groups : int array, (levels of the target,)
        The group of each of its levels; a single 0 where there is no target.
    target : int or None
    share : array, (G,)
        Of the groups.
    order : list of (int, int or None)
        Parts in the order in which they are drawn, each with its parent.
    tables : dict of int to array
        p(x_j | g), (G, K), of a root; p(x_j | x_parent, g), (K_parent, G, K), of any other; of the
        target alone p(x | g).
    """

    def __init__(
        self,
        layout: Layout,
        groups: Array,
        target: int | None,
        share: Array,
        order: list[tuple[int, int | None]],
        tables: dict[int, Array],
    ) -> None:
        self.layout, self.groups, self.target = layout, groups, target
        self.share, self.order, self.tables = share, order, tables

    def draw(self, n: int, rng: np.random.Generator) -> Mixed:
        """``n`` encoded rows: categorical parts by the tree, values within their cells evenly."""
        cat = self.complete(np.zeros((n, self.layout.n_cat), dtype=np.int64), rng)
        return with_values(cat, self.layout, rng)

    def complete(self, cat: Array, rng: np.random.Generator) -> Array:
        """Levels (B, Dc) of which those that are not given are drawn; in place."""
        group = _drawn(np.broadcast_to(self.share, (len(cat), len(self.share))), rng)
        if self.target is not None:
            cat[:, self.target] = _drawn(self.tables[self.target][group], rng)
        for part, parent in self.order:
            table = self.tables[part]
            p = table[group] if parent is None else table[cat[:, parent], group]
            cat[:, part] = _drawn(p, rng)
        return cat


def with_values(cat: Array, layout: Layout, rng: np.random.Generator) -> Mixed:
    """Encoded rows of these levels, values within their cells evenly."""
    num = rng.standard_normal((len(cat), layout.n_num))
    for part, gate in enumerate(layout.gates):
        if gate is not None:
            num[~np.isin(cat[:, gate.state], gate.levels), part] = 0.0
    return Mixed(torch.from_numpy(num).float(), torch.from_numpy(cat))


def measure(
    cat: Array,
    layout: Layout,
    proportions: list[Array],
    n: float,
    target: int | None,
    noise: NoisyCounts,
    mu: float,
    given: Collection[int] = (),
) -> CoarseModel:
    """The coarse model of some rows, its counts together worth ``mu``.

    Parameters
    ----------
    cat : int64 array, (B, Dc)
        Their categorical parts.
    proportions : list of arrays, (K,)
        Of each of those, noisy already.
    n : float
        How many rows there are, as far as may be known.
    target : int or None
        One of those.
    given : collection of int
        Parts of which nothing is learned but what they tell of the others.
    """
    groups = _groups(proportions[target]) if target is not None else np.zeros(1, dtype=np.int64)
    group = groups[cat[:, target]] if target is not None else np.zeros(len(cat), dtype=np.int64)
    g = int(groups[-1]) + 1
    parts = [part for part in range(layout.n_cat) if part != target]
    weights = SPLIT if target is not None else (0.0, *SPLIT[1:])
    singly, scoring, pairwise = shares(mu, weights)

    alone = {}
    for part in parts:
        if target is None:
            alone[part] = (np.maximum(proportions[part], 0.0) + _LITTLE)[None]
        else:
            counts = noise.of(
                _count((g, layout.levels[part]), group, cat[:, part]),
                singly / math.sqrt(len(parts)),
            )
            alone[part] = np.maximum(counts, 0.0) + _LITTLE
    share = _share(proportions, target, groups)
    single = {part: table / table.sum(-1, keepdims=True) for part, table in alone.items()}

    # A tree spans all, so it is known how much each of its edges may cost, and how finely to count.
    each = pairwise / math.sqrt(max(len(parts) - max(len(given), 1), 1))
    finest = max(math.sqrt(n * each / ROWS_A_CELL), LEAST_BLOCKS)
    blocks = {part: _blocks(proportions[part], layout.ordered[part], finest) for part in parts}
    coarse = {part: blocks[part][cat[:, part]] for part in parts}
    block = {part: single[part] @ np.eye(blocks[part].max() + 1)[blocks[part]] for part in parts}

    pairs = [pair for pair in combinations(parts, 2) if not set(pair) <= set(given)]
    far = np.array([_distance(coarse, group, pair, block, share, n) for pair in pairs])
    edges = _tree(pairs, noise.scores(far, scoring) if pairs else far, parts, given)
    tables: dict[int, Array] = {}
    order: list[tuple[int, int | None]] = []
    counted = {}
    for a, b in edges:
        shape = (block[a].shape[1], g, block[b].shape[1])
        counts = noise.of(_count(shape, coarse[a], group, coarse[b]), each)
        counted[a, b] = as_counts(counts, n)
    for part, parent in _walk(parts, edges, given):
        order.append((part, parent))
        if parent is None:
            tables[part] = single[part]
            continue
        found = counted.get((parent, part))
        joint = counted[part, parent].transpose(2, 1, 0) if found is None else found
        leaning = joint + LEANING / each * block[part][None] + _LITTLE
        between = leaning / leaning.sum(-1, keepdims=True)
        within = single[part] / block[part][:, blocks[part]]
        tables[part] = between[blocks[parent]][:, :, blocks[part]] * within[None]
    if target is not None:
        own = proportions[target] + _LITTLE
        inside = np.where(groups[None] == np.arange(g)[:, None], own[None], 0.0)
        tables[target] = inside / inside.sum(-1, keepdims=True)
    return CoarseModel(layout, groups, target, share, order, tables)


def _groups(proportions: Array) -> Array:
    """The group of each level of a target: itself, or runs of levels of about equal mass."""
    k = len(proportions)
    if k <= MOST_GROUPS:
        return np.arange(k)
    middle = np.cumsum(proportions) - proportions / 2
    return np.unique(
        np.minimum(middle * MOST_GROUPS, MOST_GROUPS - 1).astype(np.int64), return_inverse=True
    )[1]


def _blocks(proportions: Array, ordered: int, finest: float) -> Array:
    """The block of each level, about ``finest`` of them: neighbours of about equal mass together.

    Of levels without order the most frequent ones are blocks of their own, and the others one.

    Parameters
    ----------
    ordered : int
        How many of the first levels lie in order.
    """
    mass = np.maximum(proportions, 0.0)
    line, loose = mass[:ordered], mass[ordered:]
    runs = np.zeros(0, dtype=np.int64)
    if ordered:
        middle = (np.cumsum(line) - line / 2) / max(line.sum(), _LITTLE)
        runs = np.unique((middle * finest).astype(np.int64), return_inverse=True)[1]
    first = int(runs.max(initial=-1)) + 1
    alone = np.argsort(-loose, kind="stable")[: max(int(finest) - 1, 1)]
    others = np.full(len(loose), first + len(alone))
    others[alone] = first + np.arange(len(alone))
    return np.concatenate([runs, others])


def _share(proportions: list[Array], target: int | None, groups: Array) -> Array:
    if target is None:
        return np.ones(1)
    share = np.bincount(groups, weights=proportions[target]) + _LITTLE
    return share / share.sum()


def _count(shape: tuple[int, ...], *codes: Array) -> Array:
    """How many rows have each combination of codes."""
    flat = np.ravel_multi_index(codes, shape)
    return np.bincount(flat, minlength=math.prod(shape)).reshape(shape).astype(np.float64)


def _distance(
    coarse: dict[int, Array],
    group: Array,
    pair: tuple[int, int],
    block: dict[int, Array],
    share: Array,
    n: float,
) -> float:
    """Rows by which a pair's counts differ from independence given the group (L1)."""
    a, b = pair
    shape = (len(share), block[a].shape[1], block[b].shape[1])
    counts = _count(shape, group, coarse[a], coarse[b])
    apart = n * share[:, None, None] * block[a][:, :, None] * block[b][:, None, :]
    return float(np.abs(counts - apart).sum())


def _tree(
    pairs: list[tuple[int, int]], scores: Array, parts: list[int], given: Collection[int]
) -> list[tuple[int, int]]:
    """The spanning tree with the highest scores (Kruskal 1956); given parts are one knot."""
    root = {part: min(given) if part in given else part for part in parts}
    edges = []
    for at in np.argsort(-scores, kind="stable"):
        a, b = pairs[at]
        if root[a] != root[b]:
            edges.append((a, b))
            gone = root[b]
            root = {part: root[a] if own == gone else own for part, own in root.items()}
    return edges


def _walk(
    parts: list[int], edges: list[tuple[int, int]], given: Collection[int]
) -> list[tuple[int, int | None]]:
    """Parts from the root outwards, each with its parent; from what is given if anything is."""
    beside: dict[int, list[int]] = {part: [] for part in parts}
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    found: list[tuple[int, int | None]] = [(part, None) for part in given or parts[:1]]
    for part, parent in found:
        found += [(other, part) for other in beside[part] if other != parent]
    return found[len(given) :]


def _drawn(p: Array, rng: np.random.Generator) -> Array:
    """A level of each row of probabilities, (B, K) -> (B,)."""
    at = rng.random((len(p), 1)) * p.sum(-1, keepdims=True)
    return np.minimum((np.cumsum(p, -1) < at).sum(-1), p.shape[-1] - 1)
