"""The levels of entities: where each entity's numbers lie among those of the others.

A column whose numbers differ more between entities than within them has, for each entity, a level:
the mean of its encoded values. It is one more property of an entity, learned in the table of
entities with all the others, and told to the network of the rows when new ones are made. Left to
the rows alone, entities would keep less to themselves than they do. Of a history that goes on, or
has gaps, nobody knows the level of the whole; there it is not told.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabdiff.data.cells import Array
from tabdiff.data.mixed import Mixed
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.table import TableEncoder

# Fewer entities say little of how levels vary.
LEAST_ENTITIES = 30
# The share of a column's variance that lies between entities, from which on it has levels.
LEAST_BETWEEN = 0.15
DIGITS = 3


@dataclass(frozen=True)
class Level:
    """A column of the rows with a level for each entity.

    Attributes
    ----------
    column : column label
    mean, spread : float
        Of the levels of the training entities, in encoded units.
    """

    column: Hashable
    mean: float
    spread: float

    @property
    def label(self) -> str:
        """Of the level in the table of entities."""
        return f"level of {self.column}"

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        return {"column": to_json(self.column), "mean": self.mean, "spread": self.spread}

    @classmethod
    def from_dict(cls, data: Any) -> Level:
        """What :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        if not isinstance(data, dict) or set(data) != {"column", "mean", "spread"}:
            raise ValueError(f"malformed level: {data!r}.")
        mean, spread = data["mean"], data["spread"]
        told = all(type(one) in (int, float) and math.isfinite(one) for one in (mean, spread))
        if not told or spread <= 0:
            raise ValueError(f"malformed level: mean {mean!r}, spread {spread!r}.")
        return cls(from_json(data["column"]), float(mean), float(spread))


def find_levels(
    encoder: TableEncoder, rows: Mixed, offsets: Array, taken: set[Hashable]
) -> tuple[Level, ...]:
    """The columns of ``rows`` with levels; none of few entities.

    Parameters
    ----------
    encoder : TableEncoder
        Of the rows.
    rows : Mixed, (N, ·)
    offsets : int array, (n + 1,)
        The first row of each entity.
    taken : set of column labels
        Those of the table of entities, which no level may have.
    """
    if len(offsets) - 1 < LEAST_ENTITIES:
        return ()
    found = []
    for field in encoder.fields:
        if field.num is None:
            continue
        value, count, square = _moments(encoder, rows, field.num, offsets)
        several = count > 1
        if several.sum() < LEAST_ENTITIES:
            continue
        mean = value[several]
        within = (square[several] - count[several] * mean**2) / (count[several] - 1)
        between = mean.var() - (within / count[several]).mean()
        level = Level(field.column.name, float(mean.mean()), float(mean.std()))
        if between > LEAST_BETWEEN * (between + within.mean()) and level.label not in taken:
            found.append(level)
    return tuple(found)


def levels_of(
    encoder: TableEncoder, levels: tuple[Level, ...], rows: Mixed, offsets: Array
) -> Array:
    """The level of each entity in each of these columns, standardised; (n, levels), nan: none."""
    told = np.full((len(offsets) - 1, len(levels)), np.nan)
    part = {field.column.name: field.num for field in encoder.fields}
    for at, level in enumerate(levels):
        own = part[level.column]
        assert own is not None
        value, count, _ = _moments(encoder, rows, own, offsets)
        told[count > 0, at] = ((value - level.mean) / level.spread)[count > 0].round(DIGITS)
    return told


def _moments(
    encoder: TableEncoder, rows: Mixed, part: int, offsets: Array
) -> tuple[Array, Array, Array]:
    """Mean, number and sum of squares of the values of each entity that are there, (n,) each."""
    value, gate = rows.num[:, part].double().numpy(), encoder.layout.gates[part]
    there = np.ones(len(value), dtype=bool)
    if gate is not None:
        there = np.isin(rows.cat[:, gate.state].numpy(), gate.levels)
    owner, n = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[there], len(offsets) - 1
    count = np.bincount(owner, minlength=n)
    total, square = (np.bincount(owner, value[there] ** power, minlength=n) for power in (1, 2))
    return total / np.maximum(count, 1), count, square
