"""What entities keep to themselves: the level of their numbers, and their usual categories.

A column whose numbers differ more between entities than within them has, for each entity, a level:
the mean of its encoded values. So has a column of categories that entities hardly change a usual
one. Both are properties of an entity, learned in the table of entities with all the others, and
told to the network of the rows when new ones are made. Left to the rows alone, entities would keep
less to themselves than they do. Of a history that goes on, or has gaps, nobody knows what holds of
the whole; there it is not told.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.mixed import Mixed
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.table import TableEncoder

# Fewer entities say little of how levels vary.
LEAST_ENTITIES = 30
# The share of a column's variance that lies between entities, from which on they have a level; for
# categories, of the chance that two rows differ.
LEAST_BETWEEN = 0.15
# Counted by entity, so more would take much memory.
MOST_CATEGORIES = 100
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


@dataclass(frozen=True)
class Usual:
    """A column of the rows with a usual category for each entity.

    Attributes
    ----------
    column : column label
    """

    column: Hashable

    @property
    def label(self) -> str:
        """Of the code of the category in the table of entities."""
        return f"usual {self.column}"


@dataclass(frozen=True)
class Traits:
    """Which columns have levels, and which usual categories.

    Attributes
    ----------
    levels : tuple of Level
    usual : tuple of Usual
    """

    levels: tuple[Level, ...] = ()
    usual: tuple[Usual, ...] = ()

    def __len__(self) -> int:
        return len(self.levels) + len(self.usual)

    @property
    def labels(self) -> list[str]:
        """In the table of entities."""
        return [*(one.label for one in self.levels), *(one.label for one in self.usual)]

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        return {
            "levels": [level.to_dict() for level in self.levels],
            "usual": [to_json(one.column) for one in self.usual],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Traits:
        """What :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        if not isinstance(data, dict) or set(data) != {"levels", "usual"}:
            raise ValueError(f"malformed traits: {data!r}.")
        if not all(isinstance(own, list) for own in data.values()):
            raise ValueError(f"malformed traits: {data!r}.")
        levels = tuple(map(Level.from_dict, data["levels"]))
        return cls(levels, tuple(Usual(from_json(column)) for column in data["usual"]))


def find_traits(encoder: TableEncoder, rows: Mixed, offsets: Array, taken: set[Hashable]) -> Traits:
    """What entities of ``rows`` keep to themselves; nothing of few entities.

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
        return Traits()
    levels, usual = [], []
    for field in encoder.fields:
        if field.num is None:
            one, part = Usual(field.column.name), field.cat
            few = part is not None and encoder.layout.levels[part] <= MOST_CATEGORIES
            if part is None or not few or one.label in taken:
                continue
            if _kept(_counts(encoder, rows, part, offsets)) > LEAST_BETWEEN:
                usual.append(one)
                taken = taken | {one.label}
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
            levels.append(level)
            taken = taken | {level.label}
    return Traits(tuple(levels), tuple(usual))


def traits_of(encoder: TableEncoder, traits: Traits, rows: Mixed, offsets: Array) -> pd.DataFrame:
    """The standardised level, or the code of the usual category, of each entity, (n, traits).

    nan where none of an entity's numbers is there.
    """
    told = pd.DataFrame(index=range(len(offsets) - 1))
    fields = {field.column.name: field for field in encoder.fields}
    for level in traits.levels:
        part = fields[level.column].num
        assert part is not None
        value, count, _ = _moments(encoder, rows, part, offsets)
        own = ((value - level.mean) / level.spread).round(DIGITS)
        told[level.label] = np.where(count > 0, own, np.nan)
    for usual in traits.usual:
        part = fields[usual.column].cat
        assert part is not None
        told[usual.label] = _counts(encoder, rows, part, offsets).argmax(1)
    return told


def _counts(encoder: TableEncoder, rows: Mixed, part: int, offsets: Array) -> Array:
    """How often each entity has each category, (n, K)."""
    n, k = len(offsets) - 1, encoder.layout.levels[part]
    owner = np.repeat(np.arange(n), np.diff(offsets))
    return np.bincount(owner * k + rows.cat[:, part].numpy(), minlength=n * k).reshape(n, k)


def _kept(counts: Array) -> float:
    """By how much less often than by chance two rows of one entity differ; 0: not at all, 1: never.

    Source: the kappa of Fleiss 1971, with entities for subjects.
    """
    size = counts.sum(1)
    counts, size = counts[size > 1], size[size > 1]
    if len(size) < LEAST_ENTITIES:
        return 0.0
    alike = float(((counts**2).sum(1) - size).sum() / (size * (size - 1)).sum())
    by_chance = float(((counts.sum(0) / counts.sum()) ** 2).sum())
    return (alike - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


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
