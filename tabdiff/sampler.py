"""From a trained network and a question to frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.cells import Array
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
from tabdiff.training.critic import JUDGE, MOST_ROWS, Critic, train_critic
from tabdiff.training.hardware import autocast_for

# Rows of one chunk: a pure function of (weights, question, seed, chunk number).
CHUNK = 1024
# Rows that a critic at least sees of the model.
LEAST_DRAWN = 2_000


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
        pending, waiting = [], 0
        for number, first in enumerate(range(0, n, CHUNK)):
            frame = self._chunk(question, n, first, (*path, number))
            pending.append(frame)
            waiting += len(frame)
            while waiting >= size:
                joined = concat(pending)
                yield concat([joined[:size]])
                pending, waiting = [joined[size:]], waiting - size
        if waiting:
            yield concat(pending)

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
        pieces, change = [], change.anew()
        for number, first in enumerate(range(0, max(rows.given.n, 1), CHUNK)):
            at = np.arange(first, min(first + CHUNK, rows.given.n))
            here, changed = rows.take(at), change.take(_places(change, at))
            draw = partial(self._reconsidered, here, changed, times, (*path, number))
            pieces.append(changed.settle(len(at), draw, first))
        return concat(pieces)

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

    def _chunk(self, question: Inquiry, n: int, first: int, path: tuple[int, ...]) -> Any:
        """The rows from ``first`` on that belong to one chunk."""
        # A chunk is always whole, or its random numbers would depend on where the sample ends.
        at = np.minimum(np.arange(first, first + CHUNK), n - 1)
        asked = question.take(_places(question, at))
        return asked.settle(min(n - first, CHUNK), partial(self._drawn, asked, path), first)

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
) -> Critic | None:
    """A critic of a trained network, from rows drawn of it; None where it would not help.

    Parameters
    ----------
    steps : int
        Network calls per row.
    kept, held_out : Mixed, (B, D), on the CPU
        Training rows that the network learned from, and others; nothing is confirmed where they
        are the same.
    proportions : list of array
        As in :func:`tabdiff.training.critic.train_critic`.
    """
    if held_out is kept:
        return None
    device = next(denoiser.parameters()).device
    n = min(max(len(kept), LEAST_DRAWN), MOST_ROWS) * JUDGE // (JUDGE - 1)
    times, pieces = time_grid(steps, device), []
    with autocast_for(device)():
        for number in range(-(-n // CHUNK)):
            noise, _ = generators(entropy, 3, number, device=device)
            x0, nothing = joint.unknown(CHUNK, device)
            pieces.append(sample(denoiser, joint, times, x0, nothing, noise).to("cpu"))
    drawn = Mixed(torch.cat([p.num for p in pieces]), torch.cat([p.cat for p in pieces]))[:n]
    critic = train_critic(kept[:MOST_ROWS], held_out, drawn, joint.layout, proportions, entropy)
    return critic and critic.to(device)


def _places(question: Inquiry, at: Array) -> Array:
    """Which rows of the question the rows ``at`` ask: their own, or the one that all share."""
    return np.minimum(at, question.given.n - 1)
