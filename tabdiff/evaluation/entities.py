"""Which rows belong together: positions of the rows of entities, one entity after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Table

Positions = npt.NDArray[np.intp]


def entities_of(first: Table, second: Table) -> Positions | None:
    """The entity of every row of two tables, one after the other; None where none has entities.

    No entity is in both, and rows of a table without entities are entities of their own.
    """
    if first.entity is None and second.entity is None:
        return None
    here, there = (
        np.arange(table.n_rows) if table.entity is None else table.entity
        for table in (first, second)
    )
    return np.unique(np.concatenate([here, there + here.max() + 1]), return_inverse=True)[1]


def blocks(starts: Positions, lengths: Positions) -> Positions:
    """Positions ``start, …, start + length - 1`` of every block, one block after the other."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
