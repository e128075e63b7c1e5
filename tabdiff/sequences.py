"""From a trained network and sequences to be completed to long frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from tabdiff.data.cells import Array
from tabdiff.data.frames import concat, select, take
from tabdiff.data.mixed import Mixed
from tabdiff.data.question import Question
from tabdiff.data.sequence import SequenceEncoder
from tabdiff.data.table import by_label
from tabdiff.data.unfinished import Unfinished
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.inference.chunks import generators
from tabdiff.inference.condition import Present
from tabdiff.inference.sample import time_grid
from tabdiff.inference.threads import side_by_side
from tabdiff.inference.unroll import unroll
from tabdiff.training.hardware import autocast_for

# Slots of one chunk, about: its sequences are drawn side by side.
CHUNK_SLOTS = 8192


@dataclass(frozen=True)
class SequenceSampler:
    """Completes sequences.

    Parameters
    ----------
    encoder : SequenceEncoder
    denoiser : Denoiser
    joint : JointDiffusion
    steps : int
        Network calls per window.
    overlap : int
        Slots that a window shares with what was drawn before.
    device : torch.device
    """

    encoder: SequenceEncoder
    denoiser: Denoiser
    joint: JointDiffusion
    steps: int
    overlap: int
    device: torch.device

    @property
    def chunk(self) -> int:
        """Sequences that are drawn together: a matter of the model alone."""
        return max(CHUNK_SLOTS // self.encoder.window, 16)

    def without_missing(self) -> SequenceSampler:
        """The same, but no cell that is drawn is a missing one."""
        offsets = self.joint.multinomial.packing.offsets
        last = [
            int(offsets[at]) + len(field.encoder.counts) - 1
            for field, (_, at) in zip(self.encoder.rows.fields, self.encoder.columns, strict=True)
            if at is not None and field.encoder.has_missing
        ]
        slots = torch.tensor(last, dtype=torch.int64, device=self.device)
        return replace(self, denoiser=Present(self.denoiser, slots))

    def rows(self, asked: Unfinished, path: tuple[int, ...]) -> pd.DataFrame:
        """The rows of all sequences, complete and in the order of the slots, (N, ·).

        Columns are those of the rows, and the gap between them where the index is irregular. Drawn
        in chunks of sequences, each a pure function of (weights, sequences, seed, chunk number):
        whoever wants the head of a longer sample asks for whole chunks.
        """
        firsts = range(0, max(len(asked), 1), self.chunk)
        parts = (
            asked.take(np.arange(first, min(first + self.chunk, len(asked)))) for first in firsts
        )
        return concat([rows for _, rows in self.chunks(parts, path)])

    def chunks(
        self, parts: Iterable[Unfinished], path: tuple[int, ...]
    ) -> Iterator[tuple[Unfinished, pd.DataFrame]]:
        """Each part with its :meth:`rows`, as if all were rows of one; few are held at a time.

        Parameters
        ----------
        parts : iterable of Unfinished
            Of ``chunk`` sequences each, but for the last.
        """

        def drawn(item: tuple[int, Unfinished, int]) -> pd.DataFrame:
            number, part, start = item
            noise, rng = generators(*path, number, device=self.device)
            return self._complete(part, noise, rng, start)

        done = side_by_side(drawn, _numbered(parts), self.device)
        return ((part, rows) for (_, part, _), rows in done)

    def _complete(
        self, asked: Unfinished, noise: torch.Generator, rng: np.random.Generator, start: int
    ) -> pd.DataFrame:
        if not len(asked):
            nothing = Mixed(
                torch.zeros((0, self.encoder.rows.layout.n_num), dtype=torch.float32),
                torch.zeros((0, self.encoder.rows.layout.n_cat), dtype=torch.int64),
            )
            return self.encoder.rows.decode(nothing, rng)
        question = Question(self.encoder.rows, asked.given, {})
        rows, known = question.encode(rng)
        context = encode_context(self.encoder, asked.entities, rng)
        x0, known = self.encoder.assemble(
            asked.slots, context, rows, known, asked.placed, asked.traits
        )
        x0, known = x0.to(self.device), known.to(self.device)
        offsets = torch.from_numpy(asked.slots.offsets).to(self.device)
        window = self.encoder.window
        with autocast_for(self.device)():
            x = unroll(
                self.denoiser,
                self.joint,
                time_grid(self.steps, self.device),
                x0,
                known,
                offsets,
                window,
                self.overlap,
                noise,
            )
        return question.decode(self.encoder.take_rows(asked.slots, x), rng, start=start)


def _numbered(parts: Iterable[Unfinished]) -> Iterator[tuple[int, Unfinished, int]]:
    """Each part between its number and how many rows are before it."""
    before = 0
    for number, part in enumerate(parts):
        yield number, part, before
        before += int(part.first_row[-1])


def encode_context(
    encoder: SequenceEncoder, entities: pd.DataFrame, rng: np.random.Generator
) -> Mixed | None:
    """The parts of the context columns, a row per entity."""
    if encoder.context is None:
        return None
    parts = encoder.context.encode(select(entities, encoder.roles.context), rng)
    return Mixed(parts.num.float(), parts.cat)


def to_long(
    encoder: SequenceEncoder, asked: Unfinished, rows: pd.DataFrame, times: Array
) -> pd.DataFrame:
    """The user's columns, in the user's order: keys, moments and context beside the rows.

    Parameters
    ----------
    rows : DataFrame, (N, ·)
        As :meth:`SequenceSampler.frames` makes them.
    times : array, (N,)
    """
    roles, owner = encoder.roles, np.repeat(np.arange(len(asked)), np.diff(asked.first_row))
    of_entity = by_label(take(asked.entities, owner))
    of_row: dict[Any, pd.Series] = by_label(rows)
    if roles.index is not None:
        of_row[roles.index] = encoder.timeline.written(times)
    columns = [
        (of_row if c.name in of_row else of_entity)[c.name].reset_index(drop=True)
        for c in encoder.schema.columns
    ]
    frame = pd.concat(columns, axis=1)
    frame.columns = encoder.schema.labels()
    return frame


def moments(encoder: SequenceEncoder, asked: Unfinished, rows: pd.DataFrame) -> Array:
    """The moment of each row, (N,): built where the index is regular, else the sum of the gaps.

    Gaps of first rows mean nothing.
    """
    filled = asked.slots.row >= 0
    start = asked.slots.times[filled]
    if encoder.gap is None:
        return start
    gaps = rows[encoder.gap].to_numpy().astype(start.dtype, copy=True)
    first = asked.first_row[:-1][np.diff(asked.first_row) > 0]
    gaps[first] = 0
    total = np.cumsum(gaps)
    lengths = np.diff(asked.first_row)
    return np.asarray(start + total - np.repeat(total[first], lengths[lengths > 0]))
