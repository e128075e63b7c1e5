"""Batches in parts, where the memory of a device does not hold them whole.

    mean loss of a batch = sum over its parts of (rows of the part / rows) * (mean loss of the part)

so gradients that are summed over parts are those of the batch, up to rounding (gradient
accumulation). All that is random in a batch is drawn before it is parted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tabdiff.data.mixed import Known, Mixed
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.training.masks import Masks


class Examples(Protocol):
    """What is learned from: encoded rows, or windows of rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Tensor | slice) -> Mixed: ...

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        ...

    def pieces(self) -> Iterator[dict[str, Tensor]]:
        """All that they are made of, in turn; the parts of rows under "num" and "cat"."""
        ...


@dataclass(frozen=True, slots=True)
class Noisy:
    """Rows half way to noise: what the network sees, and what it is judged by.

    Parameters
    ----------
    x0, x_t : Mixed, (B, *, D)
        Clean and complete, and noisy where not known.
    t : Tensor, (B,)
    known : Known, (B, *, D)
    """

    x0: Mixed
    x_t: Mixed
    t: Tensor
    known: Known

    @classmethod
    def of(
        cls, joint: JointDiffusion, batch: Mixed, masks: Masks, generator: torch.Generator
    ) -> Noisy:
        """A batch at stratified times, with masks and noise of its own."""
        t, known = stratified_times(len(batch), generator), masks(batch, generator)
        x0 = joint.complete(batch, generator)
        return cls(x0, joint.q_sample(x0, t, known, generator), t, known)

    def __len__(self) -> int:
        return len(self.t)

    def parts(self, most: int) -> list[Noisy]:
        """The same rows, in parts of at most ``most``; itself where that is all."""
        if most >= len(self):
            return [self]
        cuts = [slice(first, first + most) for first in range(0, len(self), most)]
        return [Noisy(self.x0[at], self.x_t[at], self.t[at], self.known[at]) for at in cuts]


class Portions:
    """How many rows a device holds at once: half as many whenever its memory runs out."""

    def __init__(self) -> None:
        self._most: int | None = None

    def attempt(self, noisy: Noisy, work: Callable[[list[Noisy]], float]) -> float:
        """What ``work`` makes of the rows, in as many parts as it takes.

        Parameters
        ----------
        noisy : Noisy
        work : callable
            Takes the parts of all rows and is called anew, with smaller ones, where the device ran
            out of memory; so it must begin by undoing what an earlier call left behind.

        Raises
        ------
        torch.OutOfMemoryError
            If the device does not hold a single row.

        Warns
        -----
        RuntimeWarning
            The first time that parts were needed.
        """
        first = self._most is None
        while (found := self._once(noisy, work)) is None:
            pass
        if first and self._most is not None:
            warnings.warn(
                f"The device ran out of memory with {len(noisy):,} rows at once: they are computed "
                f"in parts of {self._most:,}, with the same result up to rounding. A smaller "
                "batch_size or width needs less.",
                RuntimeWarning,
                stacklevel=2,
            )
        return found

    def _once(self, noisy: Noisy, work: Callable[[list[Noisy]], float]) -> float | None:
        """What ``work`` makes of the rows; None, and smaller parts from now on, if they are large.

        Left by the return, the error takes the tensors of its frames along before the next attempt.
        """
        most = len(noisy) if self._most is None else min(self._most, len(noisy))
        try:
            return work(noisy.parts(most))
        except torch.OutOfMemoryError:
            if most == 1:
                raise
            self._most = (most + 1) // 2
            return None


def stratified_times(n: int, generator: torch.Generator) -> Tensor:
    """``n`` times in (0, 1), one in each n-th of it, in random order.

    Source: the low-discrepancy sampler of Kingma et al. 2021 (arXiv:2107.00630), appendix I.1.
    """
    device = generator.device
    strata = torch.randperm(n, generator=generator, device=device)
    jitter = torch.rand(n, generator=generator, device=device, dtype=torch.float32)
    return ((strata + jitter) / n).clamp(1e-5, 1 - 1e-5)
