"""From a trained network and a question to frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.cells import Array
from tabdiff.data.consequences import Consequences
from tabdiff.data.frames import concat
from tabdiff.data.mixed import Known, Mixed, Restriction
from tabdiff.data.question import Drawn
from tabdiff.data.rewriting import Inquiry
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.inference.candidates import best_of
from tabdiff.inference.chunks import generators
from tabdiff.inference.condition import Present, choose, narrow
from tabdiff.inference.sample import restore, sample, time_grid
from tabdiff.inference.threads import by_itself, side_by_side, unswayed
from tabdiff.training.critic import JUDGE, MOST_ROWS, Critic, train_critic
from tabdiff.training.hardware import autocast_for

# Rows of one chunk: a pure function of (weights, question, seed, chunk number).
CHUNK = 1024
# Rows that a critic at least sees of the model.
LEAST_DRAWN = 2_000


class _Chunk(NamedTuple):
    """Rows that are drawn together.

    Attributes
    ----------
    asked : Inquiry
    n, start : int
        How many are wanted, and the place of the first in the whole table.
    draw : callable
        Their parts at an attempt, counted from 0, and a generator to decode them.
    """

    asked: Inquiry
    n: int
    start: int
    draw: Callable[[int], Drawn]


@dataclass(frozen=True)
class Sampler:
    """Answers questions with rows.

    Parameters
    ----------
    encoder : TableEncoder
    denoiser : Denoiser
    joint : JointDiffusion
    steps : int
        Network calls per row.
    device : torch.device
    critic : Critic or None
        What chooses among several rows drawn for each; None where one is drawn.
    """

    encoder: TableEncoder
    denoiser: Denoiser
    joint: JointDiffusion
    steps: int
    device: torch.device
    critic: Critic | None = None

    def frames(self, question: Inquiry, n: int, size: int, path: tuple[int, ...]) -> Iterator[Any]:
        """``n`` rows in frames of ``size``, cut from chunks of ``CHUNK`` rows; at least one frame.

        Parameters
        ----------
        question : Question
            Of one row, which all rows share, or of n rows.
        path : tuple of int
            Where the random numbers come from.
        """
        question = question.anew()
        if n == 0:
            nothing, _ = self.joint.unknown(0)
            none_asked = question.take(np.arange(0))
            yield none_asked.settle(0, lambda attempt: (nothing, generators(*path)[1]), 0)
        numbers = iter(range(-(-n // CHUNK)))
        pending: list[Any] = []
        waiting = 0
        for first in range(0, n, size):
            wanted = min(size, n - first)
            # All chunks of a frame, and none of the next: nobody works while a frame is read.
            lacking = -(-(wanted - waiting) // CHUNK)
            chunks = map(partial(self._chunk, question, n, path), islice(numbers, lacking))
            pending += self._settled(chunks)
            joined = concat(pending)
            yield concat([joined[:wanted]])
            waiting = len(joined) - wanted
            pending = [joined[wanted:]] if waiting else []

    def part(self, question: Inquiry, n: int, first: int, last: int, path: tuple[int, ...]) -> Any:
        """Rows ``first`` to ``last`` of the ``n`` that :meth:`frames` makes, and no others."""
        before = first - first % CHUNK
        numbers = range(before // CHUNK, -(-last // CHUNK))
        chunks = map(partial(self._chunk, question.anew(), n, path), numbers)
        joined = concat(list(self._settled(chunks)))
        return concat([joined[first - before : last - before]])

    def without_missing(self) -> Sampler:
        """The same, but no cell that is drawn is a missing one."""
        last = [
            int(self.joint.multinomial.packing.offsets[field.cat]) + len(field.encoder.counts) - 1
            for field in self.encoder.fields
            if field.cat is not None and field.encoder.has_missing
        ]
        slots = torch.tensor(last, dtype=torch.int64, device=self.device)
        return replace(self, denoiser=Present(self.denoiser, slots))

    def reconsider(
        self, rows: Inquiry, change: Inquiry, strength: float, path: tuple[int, ...]
    ) -> Any:
        """The frame of ``rows`` with the observed cells of ``change``, the others adapted to them.

        The rows are noised up to time ``strength``, the changed cells stay clean, and the walk
        leads back from there (as in SDEdit; Meng et al. 2022, arXiv:2108.01073).
        """
        times = strength * time_grid(max(round(self.steps * strength), 1), self.device)
        n, change = rows.given.n, change.anew()

        def chunk(number: int) -> _Chunk:
            at = np.arange(number * CHUNK, min((number + 1) * CHUNK, n))
            here, changed = rows.take(at), change.take(_places(change, at))
            draw = partial(self._reconsidered, here, changed, times, (*path, number))
            return _Chunk(changed, len(at), number * CHUNK, draw)

        return concat(list(self._settled(map(chunk, range(max(-(-n // CHUNK), 1))))))

    def _reconsidered(
        self, rows: Inquiry, change: Inquiry, times: Tensor, path: tuple[int, ...], attempt: int
    ) -> Drawn:
        noise, rng = self._generators(path, attempt)
        was, _ = rows.encode(rng)
        new, known = change.encode(rng)
        was, new, known = was.to(self.device), new.to(self.device), known.to(self.device)
        x0 = self.joint.complete(known.show(new, was), noise)
        with self._autocast():
            return restore(self.denoiser, self.joint, times, x0, known, noise), rng

    def _chunk(self, question: Inquiry, n: int, path: tuple[int, ...], number: int) -> _Chunk:
        """One chunk of ``n`` rows in all."""
        first = number * CHUNK
        # A chunk is always whole, or its random numbers would depend on where the sample ends.
        at = np.minimum(np.arange(first, first + CHUNK), n - 1)
        asked = question.take(_places(question, at))
        draw = partial(self._drawn, asked, (*path, number))
        return _Chunk(asked, min(n - first, CHUNK), first, draw)

    def _settled(self, chunks: Iterable[_Chunk]) -> Iterator[Any]:
        """The frames of these chunks.

        Several are drawn at a time; they are settled one after the other, since rows of later ones
        may have to differ from those of earlier ones.
        """
        for chunk, ready in side_by_side(lambda chunk: chunk.draw(0), chunks, self.device):
            draw = partial(self._drawn_again, chunk, ready)
            with unswayed():
                frame = chunk.asked.settle(chunk.n, draw, chunk.start)
            yield frame

    def _drawn_again(self, chunk: _Chunk, ready: Drawn, attempt: int) -> Drawn:
        """What is drawn at an attempt, of which the first one is ``ready``."""
        return by_itself(partial(chunk.draw, attempt), self.device) if attempt else ready

    def _drawn(self, asked: Inquiry, path: tuple[int, ...], attempt: int) -> Drawn:
        noise, rng = self._generators(path, attempt)
        x0, known = asked.encode(rng)
        x0, known = x0.to(self.device), known.to(self.device)
        with self._autocast():
            x0, known = choose(self.denoiser, self.joint, x0, known, asked.choices, noise)
            draw = partial(self._walked, asked.restrictions, x0, known, noise)
            if self.critic is None:
                return draw(), rng
            return best_of(draw, self.critic.log_ratio, self.critic.candidates, noise), rng

    def _walked(
        self,
        restrictions: Sequence[Restriction],
        x0: Mixed,
        known: Known,
        noise: torch.Generator,
    ) -> Mixed:
        if restrictions:
            x0, known = narrow(self.denoiser, self.joint, x0, known, restrictions, noise)
        times = time_grid(self.steps, self.device)
        return sample(self.denoiser, self.joint, times, x0, known, noise)

    def _generators(
        self, path: tuple[int, ...], attempt: int
    ) -> tuple[torch.Generator, np.random.Generator]:
        """Those of a chunk; rows that are drawn again have random numbers of their own."""
        return generators(*path, *([attempt] if attempt else []), device=self.device)

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast_for(self.device)()


def learn_critic(
    denoiser: torch.nn.Module,
    joint: JointDiffusion,
    steps: int,
    kept: Mixed,
    held_out: Mixed,
    proportions: list[Array],
    entropy: int,
    consequences: Consequences | None,
) -> Critic | None:
    """A critic of a trained network, from rows drawn of it; None where it would not help.

    Parameters
    ----------
    steps : int
        Network calls per row.
    kept, held_out : Mixed, (B, D), on the CPU
        Training rows that the network learned from, and others; nothing is confirmed where they
        are the same.
    proportions, consequences
        As in :func:`tabdiff.training.critic.train_critic`.
    """
    if held_out is kept:
        return None
    device = next(denoiser.parameters()).device
    n = min(max(len(kept), LEAST_DRAWN), MOST_ROWS) * JUDGE // (JUDGE - 1)
    times = time_grid(steps, device)

    def draw(number: int) -> Mixed:
        noise, _ = generators(entropy, 3, number, device=device)
        x0, nothing = joint.unknown(CHUNK, device)
        with autocast_for(device)():
            return sample(denoiser, joint, times, x0, nothing, noise).to("cpu")

    pieces = [piece for _, piece in side_by_side(draw, range(-(-n // CHUNK)), device)]
    drawn = Mixed(torch.cat([p.num for p in pieces]), torch.cat([p.cat for p in pieces]))[:n]
    critic = train_critic(
        kept[:MOST_ROWS], held_out, drawn, joint.layout, proportions, entropy, consequences
    )
    return critic and critic.to(device)


def _places(question: Inquiry, at: Array) -> Array:
    """Which rows of the question the rows ``at`` ask: their own, or the one that all share."""
    return np.minimum(at, question.given.n - 1)
