"""What entities keep to themselves: the level of their numbers, and their usual categories.

A column whose numbers differ more between entities than within them has, for each entity, a level:
the mean of its encoded values. So has a column of categories that entities hardly change a usual
one. Both are properties of an entity, learned in the table of entities with all the others, and
told to the network of the rows when new ones are made. Left to the rows alone, entities would keep
less to themselves than they do. Of a history that goes on, or has gaps, nobody knows what holds of
the whole; there it is not told.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.mixed import Layout, Mixed
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
class Traits:
    """Which columns of the rows have levels, and which usual categories.

    Attributes
    ----------
    levels, usual : tuple of column labels
    """

    levels: tuple[Hashable, ...] = ()
    usual: tuple[Hashable, ...] = ()

    def __len__(self) -> int:
        return len(self.levels) + len(self.usual)

    @property
    def labels(self) -> list[str]:
        """In the table of entities."""
        return [*map(_level_label, self.levels), *map(_usual_label, self.usual)]

    def counts(self, rows: TableEncoder) -> list[int]:
        """How many categories each column with a usual one has."""
        return [rows.layout.levels[part] for name in self.usual for part in rows.parts(name)[1]]

    def layout(self, rows: TableEncoder) -> Layout:
        """The parts in which they are told, after one that says whether they are."""
        codes, names = (2, *self.counts(rows)), tuple(self.labels)
        n = len(self.levels)
        return Layout(names[:n], ("traits", *names[n:]), codes, (None,) * n, (0,) * len(codes))

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        return {name: [to_json(label) for label in own] for name, own in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Any, rows: TableEncoder) -> Traits:
        """What :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If it is malformed, or names columns that cannot have such traits.
        """
        if (
            not isinstance(data, dict)
            or data.keys() != {"levels", "usual"}
            or not all(isinstance(own, list) for own in data.values())
        ):
            raise ValueError(f"malformed traits: {data!r}.")
        traits = cls(*(tuple(map(from_json, data[name])) for name in ("levels", "usual")))
        numbers = {field.column.name for field in rows.fields if field.num is not None}
        known = {field.column.name for field in rows.fields if field.cat is not None} - numbers
        for own, possible in ((traits.levels, numbers), (traits.usual, known)):
            if not set(own) <= possible or len(set(own)) < len(own):
                raise ValueError(f"malformed traits: the columns {list(own)!r}.")
        return traits


def find_traits(
    encoder: TableEncoder, rows: Mixed, offsets: Array, taken: set[Hashable]
) -> tuple[Traits, pd.DataFrame]:
    """What entities keep to themselves; nothing where there are few.

    Parameters
    ----------
    encoder : TableEncoder
        Of the rows.
    rows : Mixed, (N, ·)
    offsets : int array, (n + 1,)
        The first row of each entity.
    taken : set of column labels
        Those of the table of entities, which no trait may have.

    Returns
    -------
    Traits
    DataFrame, (n, traits)
        Standardised levels, nan where none of an entity's numbers is there, and the codes of usual
        categories.
    """
    levels: dict[Hashable, Array] = {}
    usual: dict[Hashable, Array] = {}
    taken = set(taken)
    for field in encoder.fields if len(offsets) > LEAST_ENTITIES else ():
        name, own = field.column.name, None
        if field.num is not None:
            found, label = levels, _level_label(name)
            own = _levels(encoder, rows, field.num, offsets)
        elif field.cat is not None:
            found, label = usual, _usual_label(name)
            own = _usual(encoder, rows, field.cat, offsets)
        if own is not None and label not in taken:
            found[name] = own
            taken.add(label)
    traits = Traits(tuple(levels), tuple(usual))
    told = dict(zip(traits.labels, (*levels.values(), *usual.values()), strict=True))
    return traits, pd.DataFrame(told, index=range(len(offsets) - 1))


def _level_label(column: Hashable) -> str:
    return f"level of {column}"


def _usual_label(column: Hashable) -> str:
    return f"usual {column}"


def _levels(encoder: TableEncoder, rows: Mixed, part: int, offsets: Array) -> Array | None:
    """The standardised level of each entity, (n,), nan: none; None where they hardly differ."""
    value, count, square = _moments(encoder, rows, part, offsets)
    several = count > 1
    if several.sum() < LEAST_ENTITIES:
        return None
    mean = value[several]
    within = (square[several] - count[several] * mean**2) / (count[several] - 1)
    between = mean.var() - (within / count[several]).mean()
    if between <= LEAST_BETWEEN * (between + within.mean()):
        return None
    told = ((value - mean.mean()) / mean.std()).round(DIGITS)
    return np.where(count > 0, told, np.nan)


def _usual(encoder: TableEncoder, rows: Mixed, part: int, offsets: Array) -> Array | None:
    """The code of the usual category of each entity, (n,); None where they hardly differ."""
    n, k = len(offsets) - 1, encoder.layout.levels[part]
    if k > MOST_CATEGORIES:
        return None
    owner = np.repeat(np.arange(n), np.diff(offsets))
    counts = np.bincount(owner * k + rows.cat[:, part].numpy(), minlength=n * k).reshape(n, k)
    return counts.argmax(1) if _kept(counts) > LEAST_BETWEEN else None


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
