"""Rows as a design matrix: what linear models and the projection see.

Numbers are standardised, with an indicator of missing ones; a category is one column per level,
for the most frequent levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.tables import Table
from tabdiff.evaluation.values import Codes, Floats

MAX_LEVELS = 30
MAX_LEVEL_COLUMNS = 1_500


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of a number in units of its largest magnitude."""

    largest: float
    centre: float
    spread: float
    can_be_missing: bool


@dataclass(frozen=True)
class Design:
    """How every column becomes columns of a design matrix.

    Attributes
    ----------
    parts : tuple of (Scaling or ndarray)
        For a number its scaling, for a category the codes of the levels that have a column.
    """

    parts: tuple[Scaling | Codes, ...]

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Design:
        """Measure the rows of all these tables together."""
        fields = tables[0].fields
        categorical = sum(field.kind == "categorical" for field in fields)
        top = max(2, min(MAX_LEVELS, MAX_LEVEL_COLUMNS // max(categorical, 1)))
        parts: list[Scaling | Codes] = []
        for i, field in enumerate(fields):
            values = np.concatenate([table.columns[i] for table in tables])
            if field.kind == "numeric":
                parts.append(_scaling(np.asarray(values, dtype=np.float64)))
            else:
                levels, counts = np.unique(values, return_counts=True)
                kept = levels[np.argsort(-counts, kind="stable")[:top]]
                parts.append(np.asarray(kept, dtype=np.int32))
        return cls(tuple(parts))

    def encode(self, table: Table) -> Floats:
        """Encode the rows: (n_rows, n_features)."""
        blocks: list[Floats] = []
        for part, column in zip(self.parts, table.columns, strict=True):
            if not isinstance(part, Scaling):
                blocks.append((column[:, None] == part[None, :]).astype(np.float64))
                continue
            values = np.asarray(column, dtype=np.float64)
            absent = np.isnan(values)
            z = np.where(absent, 0.0, (values / part.largest - part.centre) / part.spread)
            blocks.append(z[:, None])
            if part.can_be_missing:
                blocks.append(absent[:, None].astype(np.float64))
        return np.concatenate(blocks, axis=1)


def _scaling(values: Floats) -> Scaling:
    """Measure by the largest magnitude first: squares of large numbers overflow."""
    absent = np.isnan(values)
    present = values[~absent]
    if not len(present):
        return Scaling(1.0, 0.0, 1.0, can_be_missing=True)
    largest = max(float(np.abs(present).max()), 1e-300)
    within = present / largest
    return Scaling(
        largest, float(within.mean()), float(within.std()) or 1.0, can_be_missing=bool(absent.any())
    )
