"""Who learns one network together: a worker alone here, several in :mod:`tabdiff.training.ranks`.

    gradient of a batch = mean over workers of (gradient of each one's share of the batch)

Everything but the noise of a share is the same on every worker, the random numbers that decide it
included; so what stands of the first worker's training is what stands of all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from tabdiff.training.portions import Examples
from tabdiff.training.standing import Standing

Value = TypeVar("Value")


class Team:
    """Workers that learn one network; this one works alone."""

    def begin(self, standing: Standing) -> None:
        """Let every worker stand where the first one does."""

    def own(self, batch: Tensor) -> Tensor:
        """The row numbers of a batch, (B,), that are this worker's share."""
        return batch

    def noise(self, generator: torch.Generator) -> torch.Generator:
        """What the noise of this worker's share comes from; ``generator`` is that of all."""
        return generator

    def judges(self, held_out: Examples) -> Examples:
        """The held-out examples that this worker looks at."""
        return held_out

    def descend(self, denoiser: nn.Module, work: Callable[[], float]) -> float:
        """The loss of a batch, whose gradient is left in ``denoiser``.

        Parameters
        ----------
        work : callable
            Leaves the gradient of this worker's share, and returns its loss.
        """
        return work()

    def mean(self, value: float) -> float:
        """The mean of what the workers say."""
        return value

    def lead(self, value: Value) -> Value:
        """What the first worker says."""
        return value
