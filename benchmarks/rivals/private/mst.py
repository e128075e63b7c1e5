"""MST (McKenna, Miklau & Sheldon 2021, arXiv:2108.04978) as smartnoise-synth has it.

Its preprocessing is done beforehand by public knowledge, so that it costs no budget. Rows are drawn
here from the model that it fits: those of mbi 1.1, the newest it works with, are wrong. Parts that
depend on one another only through a third come out sorted alike there, correlated by .99 where the
model has them independent, and loops of parts fall apart (github.com/ryan112358/mbi/pull/145, in
mbi 2.0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from mbi import Dataset, junction_tree, marginal_oracles
from snsynth.mst import MSTSynthesizer
from snsynth.transform import LabelTransformer, TableTransformer

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.private.contract import PrivateTask
from benchmarks.rivals.private.public_cells import PublicCells


def fit(task: PrivateTask) -> Fitted:
    synthesizer, cells = fitted(MSTSynthesizer, task)
    rng = np.random.default_rng(task.seed)

    def sample(n_rows: int) -> pd.DataFrame:
        # It runs rare cells of a part together before it looks for pairs.
        drawn = Dataset(draw(synthesizer.synthesizer, n_rows, rng), synthesizer.synthesizer.domain)
        return rows(synthesizer.undo_compress_fn(drawn).df, cells, rng)

    return Fitted(sample)


def fitted(kind: type, task: PrivateTask) -> tuple[Any, PublicCells]:
    """A synthesizer of smartnoise, fitted to the cells of a table."""
    cells = PublicCells(list(task.train), task.public)
    # Fitted to all cells that there may be, and so to no row.
    transformer = TableTransformer([LabelTransformer(nullable=False) for _ in cells.sizes])
    longest = max(cells.sizes.values())
    transformer.fit(pd.DataFrame({c: np.arange(longest) % k for c, k in cells.sizes.items()}))
    synthesizer = kind(epsilon=task.epsilon, delta=task.delta)
    synthesizer.fit(cells.encode(task.train), transformer=transformer)
    return synthesizer, cells


def rows(drawn: pd.DataFrame, cells: PublicCells, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of the table from parts, which smartnoise names by their place."""
    named = {name: drawn[f"col{at}"] for at, name in enumerate(cells.sizes)}
    return cells.decode(pd.DataFrame(named), rng)


def draw(model: Any, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Independent rows of a graphical model of mbi, part by part of its junction tree."""
    tree, order = junction_tree.make_junction_tree(model.domain, [set(c) for c in model.cliques])
    marginals = marginal_oracles.message_passing_stable(model.potentials.expand(list(tree.nodes)))
    found: dict[str, np.ndarray] = {}
    for part in reversed(order):
        beside = set().union(*(set(clique) for clique in tree.nodes if part in clique))
        given = [other for other in found if other in beside]
        table = np.asarray(
            marginals.project((*given, part)).datavector(flatten=False), dtype=np.float64
        )
        p = table[tuple(found[other] for other in given)] if given else np.tile(table, (n, 1))
        rising = np.cumsum(p, axis=1)
        at = rng.random((n, 1)) * rising[:, -1:]
        found[part] = np.minimum((rising < at).sum(1), p.shape[1] - 1)
    return found
