"""Sequences as the judges see them: the rows of each entity, in the order of time.

A *panel* holds many entities (patients, stores) with some rows each. One long series becomes a
panel too: its windows stand in for entities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.entities import Positions, blocks
from tabdiff.evaluation.tables import Table
from tabdiff.evaluation.values import Floats

Flags = npt.NDArray[np.bool_]
# An odd multiplier for hashes of ordered rows (Knuth's, of the golden ratio).
_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Panel:
    """Entities, their rows in order.

    Attributes
    ----------
    table : Table
        Rows by entity, then by time; ``table.entity`` counts from 0.
    starts : ndarray, (n_entities + 1,)
        Where each entity begins; the last is the number of rows.
    when : ndarray of float, (n_rows,), or None
        The index; None where the order of the rows is all there is.
    unsorted : ndarray of bool, (n_entities,), or None
        Whether the entity's rows stood in another order in the frame.
    index : int or None
        Place of the index among the columns; None where it is none of them.
    """

    table: Table
    starts: Positions
    when: Floats | None
    unsorted: Flags | None
    index: int | None

    @classmethod
    def of(
        cls, table: Table, when: Floats | None, unsorted: Flags | None, index: int | None
    ) -> Panel:
        """Put the rows of a table with entities in order; equal times keep theirs."""
        assert table.entity is not None
        keys = (table.entity,) if when is None else (when, table.entity)
        order = np.lexsort(keys)
        _, numbered, counts = np.unique(
            table.entity[order], return_inverse=True, return_counts=True
        )
        return cls(
            replace(table.take(order), entity=numbered.astype(np.intp)),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
            None if when is None else when[order],
            unsorted,
            index,
        )

    @property
    def n_entities(self) -> int:
        """How many entities there are."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> Positions:
        """Rows of each entity."""
        return np.diff(self.starts)

    @property
    def entity(self) -> Positions:
        """The entity of every row."""
        return np.repeat(np.arange(self.n_entities), self.lengths)

    def pairs(self, lag: int) -> Positions:
        """Rows that have a row of the same entity ``lag`` rows later."""
        return blocks(self.starts[:-1], np.maximum(self.lengths - lag, 0))

    def gaps(self) -> Floats:
        """Time from each row to the next of the same entity; empty without an index."""
        if self.when is None:
            return np.empty(0)
        first = self.pairs(1)
        return np.asarray(self.when[first + 1] - self.when[first])

    def duplicated(self) -> Flags | None:
        """Which entities have two rows at one time; None without an index."""
        if self.when is None:
            return None
        first = self.pairs(1)
        same = self.when[first + 1] == self.when[first]
        return np.bincount(self.entity[first[same]], minlength=self.n_entities) > 0

    def take(self, entities: Positions) -> Panel:
        """These entities, numbered anew; one may be taken more than once."""
        lengths = self.lengths[entities]
        rows = blocks(self.starts[entities], lengths)
        return Panel(
            replace(self.table.take(rows), entity=np.repeat(np.arange(len(entities)), lengths)),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp),
            None if self.when is None else self.when[rows],
            None if self.unsorted is None else self.unsorted[entities],
            self.index,
        )

    def draw(self, n: int, rng: np.random.Generator) -> Panel:
        """``n`` entities without replacement (all of them where there are no more than ``n``)."""
        if n >= self.n_entities:
            return self
        return self.take(np.sort(rng.choice(self.n_entities, size=n, replace=False)))

    def halves(self, rng: np.random.Generator) -> tuple[Panel, Panel]:
        """The entities, dealt at random into two halves."""
        order = rng.permutation(self.n_entities)
        middle = self.n_entities // 2
        return self.take(np.sort(order[:middle])), self.take(np.sort(order[middle:]))

    def bootstrap(self, n: int, rng: np.random.Generator) -> Panel:
        """``n`` entities, drawn with replacement."""
        return self.take(rng.integers(0, self.n_entities, size=n))

    def scattered(self, rng: np.random.Generator) -> Panel:
        """The same lengths and times, with the rows permuted among all entities."""
        moved = self.table.take(rng.permutation(self.table.n_rows))
        return replace(self, table=replace(moved, entity=self.table.entity))

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """One hash per entity, of its values in order, without the index."""
        prints = self.row_prints()
        within = np.arange(len(prints)) - np.repeat(self.starts[:-1], self.lengths)
        with np.errstate(over="ignore"):
            powers = np.cumprod(np.full(int(self.lengths.max()) + 1, _STEP))
            summed = np.add.reduceat(prints * powers[within], self.starts[:-1])
            return np.asarray(summed + self.lengths.astype(np.uint64), dtype=np.uint64)

    def run_prints(self, length: int) -> npt.NDArray[np.uint64]:
        """One hash per run of ``length`` consecutive rows of an entity, without the index."""
        prints = self.row_prints()
        first = self.pairs(length - 1)
        total = np.zeros(len(first), dtype=np.uint64)
        with np.errstate(over="ignore"):
            for step in range(length):
                total = total * _STEP + prints[first + step]
        return total

    def row_prints(self) -> npt.NDArray[np.uint64]:
        """One hash per row, without the index (unless it is all there is)."""
        if self.index is None or len(self.table.fields) == 1:
            return self.table.fingerprints()
        return self.table.without(self.index).fingerprints()

    def varying(self) -> Flags:
        """Which columns but the index change within some entity; missing is a value too."""
        changes = [bool(self.changed(i).any()) for i in range(len(self.table.fields))]
        found = np.array(changes, dtype=bool)
        if self.index is not None:
            found[self.index] = False
        return found

    def changed(self, column: int) -> Flags:
        """For each pair of consecutive rows, ``pairs(1)``, whether the values differ."""
        first = self.pairs(1)
        values, absent = self.table.columns[column], self.table.missing(column)
        both = absent[first] & absent[first + 1]
        return np.asarray((values[first] != values[first + 1]) & ~both)
