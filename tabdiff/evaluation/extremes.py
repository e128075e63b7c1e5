"""Two tables that no one should want, beside which every figure is read.

A *bootstrap copy* of the real rows has the best likeness and no privacy; *independent columns* have
right columns, no relations and little to leak. A figure that cannot tell these two from the rows
it judges says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tabdiff.evaluation.entities import Positions, blocks
from tabdiff.evaluation.tables import Table

# By key: what the bootstrap copy and what the independent columns score.
Beside = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Extremes:
    """The two tables, and the real rows that they were made from.

    Attributes
    ----------
    real : Table
        Real rows: all, or as many as were asked for.
    copy : Table
        Rows of ``real``, drawn with replacement.
    independent : Table
        Every column drawn from ``real`` with replacement, by itself.
    """

    real: Table
    copy: Table
    independent: Table

    @classmethod
    def of(cls, real: Table, n_known: int, n_rows: int, rng: np.random.Generator) -> Extremes:
        """Make both tables, ``n_rows`` long, from at most ``n_known`` real rows.

        Where rows belong to entities, entities are copied as a whole.
        """
        if real.entity is None:
            known = real.draw(n_known, rng)
            copy = known.take(rng.integers(0, known.n_rows, size=n_rows))
        else:
            known = _whole_entities(real, real.entity, n_known, rng)
            copy = _copied_entities(known, n_rows, rng)
        columns = tuple(c[rng.integers(0, known.n_rows, size=n_rows)] for c in known.columns)
        return cls(known, copy, Table(known.fields, columns, n_rows))


def _whole_entities(real: Table, entity: Positions, n_rows: int, rng: np.random.Generator) -> Table:
    """All rows of entities that are drawn at random, until there are at least ``n_rows``."""
    if n_rows >= real.n_rows:
        return real
    known, counts = np.unique(entity, return_counts=True)
    order = rng.permutation(len(known))
    enough = int(np.searchsorted(np.cumsum(counts[order]), n_rows)) + 1
    return real.take(np.flatnonzero(np.isin(entity, known[order[:enough]])))


def _copied_entities(known: Table, n_rows: int, rng: np.random.Generator) -> Table:
    """Rows of entities that are drawn with replacement, until there are ``n_rows``."""
    assert known.entity is not None
    order = np.argsort(known.entity, kind="stable")
    _, starts, counts = np.unique(known.entity[order], return_index=True, return_counts=True)
    drawn = rng.integers(0, len(counts), size=int(np.ceil(n_rows / counts.min())))
    drawn = drawn[: int(np.searchsorted(np.cumsum(counts[drawn]), n_rows)) + 1]
    rows = order[blocks(starts[drawn], counts[drawn])][:n_rows]
    numbered = np.repeat(np.arange(len(drawn)), counts[drawn])[:n_rows]
    return replace(known.take(rows), entity=numbered)
