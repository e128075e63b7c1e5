"""Sequences to be completed: which cells of which rows are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.frames import take
from tabdiff.data.given import Given
from tabdiff.data.sequence import Slots


@dataclass(frozen=True)
class Unfinished:
    """Sequences of which some cells are given and the others wanted.

    Attributes
    ----------
    entities : DataFrame, (n, ·)
        With the key and the context columns, if there are any.
    slots : Slots
        Of n sequences, with N rows.
    given : Given
        Of the N rows.
    placed : bool
        Whether they are whole, so that it is known where in them a row lies.
    traits : array, (n, ·), or None
        Of the entities, where they are told.
    """

    entities: pd.DataFrame
    slots: Slots
    given: Given
    placed: bool = True
    traits: Array | None = None

    def __len__(self) -> int:
        return len(self.entities)

    @property
    def first_row(self) -> Array:
        """The first row of each sequence, and N: (n + 1,)."""
        filled = np.concatenate([[0], np.cumsum(self.slots.row >= 0)])
        return np.asarray(filled[self.slots.offsets], dtype=np.int64)

    def take(self, chosen: Array) -> Unfinished:
        """These sequences, any number of times each."""
        offsets, first = self.slots.offsets, self.first_row
        lengths = np.diff(offsets)[chosen]
        slot = _runs(offsets[chosen], lengths)
        rows = _runs(first[chosen], np.diff(first)[chosen])
        row = _numbered(self.slots.row[slot] >= 0)
        return Unfinished(
            take(self.entities, chosen),
            Slots(_offsets(lengths), row, self.slots.times[slot]),
            self.given.take(rows),
            self.placed,
            None if self.traits is None else self.traits[chosen],
        )

    def tail(self, kept: Array) -> Unfinished:
        """The last so many slots of each sequence.

        Parameters
        ----------
        kept : int array, (n,)
            At most as many as the sequence has.
        """
        slot = _runs(self.slots.offsets[1:] - kept, kept)
        row = self.slots.row[slot]
        filled = row >= 0
        slots = Slots(_offsets(kept), _numbered(filled), self.slots.times[slot])
        return Unfinished(self.entities, slots, self.given.take(row[filled]), placed=False)

    def followed(self, times: Array, given: Given) -> tuple[Unfinished, Array]:
        """Each sequence with more slots behind it, all with rows.

        Parameters
        ----------
        times : array, (n * more,)
            Of the new slots, sequence by sequence.
        given : Given, (n * more,)
            Of the new rows.

        Returns
        -------
        Unfinished
        bool array, (N + n * more,)
            Which of all rows are new.
        """
        n, lengths = len(self), np.diff(self.slots.offsets)
        more = len(times) // n
        offsets = _offsets(lengths + more)
        old = np.arange(lengths.sum()) + np.repeat(np.arange(n) * more, lengths)
        is_new = np.ones(offsets[-1], dtype=bool)
        is_new[old] = False
        moments = np.empty(offsets[-1], dtype=times.dtype)
        moments[old], moments[is_new] = self.slots.times, times
        filled = is_new.copy()
        filled[old] = self.slots.row >= 0
        late = is_new[filled]
        source = np.empty(len(late), dtype=np.int64)
        source[~late] = np.arange(self.given.n)
        source[late] = self.given.n + np.arange(len(times))
        joined = Given.join([self.given, given]).take(source)
        return Unfinished(
            self.entities, Slots(offsets, _numbered(filled), moments), joined, placed=False
        ), late


def _offsets(lengths: Array) -> Array:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _numbered(filled: Array) -> Array:
    """0, 1, … where there is a row, -1 elsewhere."""
    return np.where(filled, np.cumsum(filled) - 1, -1)


def _runs(starts: Array, lengths: Array) -> Array:
    """start, start + 1, … of each run, laid end to end."""
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(before - starts, lengths)
