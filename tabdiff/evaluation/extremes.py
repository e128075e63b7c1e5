"""Two tables that no one should want, beside which every figure is read.

A *bootstrap copy* of the real rows has the best likeness and no privacy; *independent columns* have
right columns, no relations and little to leak. A figure that cannot tell these two from the rows
it judges says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
        """Make both tables, ``n_rows`` long, from at most ``n_known`` real rows."""
        known = real.draw(n_known, rng)
        copy = known.take(rng.integers(0, known.n_rows, size=n_rows))
        columns = tuple(c[rng.integers(0, known.n_rows, size=n_rows)] for c in known.columns)
        return cls(known, copy, Table(known.fields, columns, n_rows))
