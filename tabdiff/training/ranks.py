"""Workers that share their gradients through torch.distributed, whoever started them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tabdiff.data.mixed import Mixed
from tabdiff.training.loop import TrainingDivergedError
from tabdiff.training.portions import Examples
from tabdiff.training.standing import Standing
from tabdiff.training.team import Team, Value


@dataclass(frozen=True)
class EveryNth:
    """One of ``n`` shares of examples, cut when they are asked for.

    Parameters
    ----------
    whole : Examples
    first, n : int
        The place of the first example of this share, and how many shares there are.
    """

    whole: Examples
    first: int
    n: int

    def __len__(self) -> int:
        return len(range(self.first, len(self.whole), self.n))

    def __getitem__(self, chosen: Tensor | slice) -> Mixed:
        places = torch.arange(self.first, len(self.whole), self.n, device=self.device)
        return self.whole[places[chosen]]

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.whole.device

    def pieces(self) -> Iterator[dict[str, Tensor]]:
        """All that the whole is made of, in turn."""
        return self.whole.pieces()


class Ranks(Team):
    """The default process group of torch.distributed: data-parallel training.

    Gradients are added up once a step, in one call: a network of tables is small, and a worker
    whose memory holds its share only in parts still makes one call.

    Raises
    ------
    RuntimeError
        If there is no process group.
    """

    def __init__(self) -> None:
        if not (dist.is_available() and dist.is_initialized()):
            raise RuntimeError(
                "no process group to learn in. Call torch.distributed.init_process_group() first, "
                "in every process that torchrun started."
            )
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")

    def begin(self, standing: Standing) -> None:
        """Let every worker stand where the first one does, to the last bit."""
        content, arrays = self.lead(standing.state())
        if self.rank:
            standing.restore(content, arrays)

    def own(self, batch: Tensor) -> Tensor:
        """Every ``size``-th row, as many for each worker; a batch too small for that is shared.

        What does not divide is left for another pass.
        """
        if len(batch) < self.size:
            return batch
        return batch[self.rank : len(batch) - len(batch) % self.size : self.size]

    def noise(self, generator: torch.Generator) -> torch.Generator:
        """A stream for each worker and step, which moves the common one on by as many on all."""
        device = generator.device
        seeds = torch.randint(2**63 - 1, (self.size,), generator=generator, device=device)
        return torch.Generator(device).manual_seed(int(seeds[self.rank]))

    def judges(self, held_out: Examples) -> Examples:
        """Every ``size``-th example; all of them where there are fewer than workers."""
        if len(held_out) < self.size:
            return held_out
        return EveryNth(held_out, self.rank, self.size)

    def descend(self, denoiser: nn.Module, work: Callable[[], float]) -> float:
        """The mean loss of all shares, whose mean gradient is left in ``denoiser``.

        Raises
        ------
        TrainingDivergedError
            On every worker, if the loss of one is not finite.
        """
        diverged: TrainingDivergedError | None = None
        try:
            value = work()
        except TrainingDivergedError as error:
            value, diverged = math.nan, error
        parameters = [p for p in denoiser.parameters() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        told = torch.cat([*(g.flatten() for g in gradients), gradients[0].new_tensor([value])])
        dist.all_reduce(told)
        told /= self.size
        value = float(told[-1])
        if not math.isfinite(value):
            raise diverged or TrainingDivergedError(
                "a step: the loss of another worker is not finite. Lower the learning_rate."
            )
        sizes = [p.numel() for p in parameters]
        for p, own in zip(parameters, told[:-1].split(sizes), strict=True):
            p.grad = own.view_as(p)
        return value

    def mean(self, value: float) -> float:
        """The mean of what the workers say, in float64."""
        told = torch.tensor([value], dtype=torch.float64, device=self._device)
        dist.all_reduce(told)
        return float(told) / self.size

    def lead(self, value: Value) -> Value:
        """What the first worker says."""
        told = [value]
        dist.broadcast_object_list(told, device=self._device)
        return told[0]
