"""Where training stands: all that must be known to go on as if it had never been interrupted."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tabdiff.training.shuffle import Shuffle

Arrays = dict[str, np.ndarray]

# Rows whose order in a pass is kept, at 8 bytes each; that of more is computed.
MOST_KEPT = 2**22


@dataclass
class Progress:
    """Where training stands in numbers; one line of it per look at the held-out rows is history."""

    step: int
    seconds: float
    loss: float
    validation_loss: float
    learning_rate: float


class Best:
    """The weights with the lowest held-out loss so far."""

    def __init__(self) -> None:
        self.loss, self.step, self.waited = math.inf, 0, 0
        self.weights: dict[str, Tensor] = {}

    def offer(self, loss: float, step: int, denoiser: nn.Module) -> None:
        """Take over the weights of ``denoiser`` if they are better."""
        if loss < self.loss:
            self.loss = loss
            self.take(step, denoiser)
        else:
            self.waited += 1

    def take(self, step: int, denoiser: nn.Module) -> None:
        """Take over the weights of ``denoiser``, whatever their loss is."""
        self.step, self.waited = step, 0
        self.weights = deepcopy(denoiser.state_dict())


class Batches:
    """Row numbers of one batch after another, each pass in a new order, whole batches only.

    Parameters
    ----------
    n : int
        Rows.
    size : int
        Of a batch; all rows where there are fewer.
    generator : torch.Generator
    """

    def __init__(self, n: int, size: int, generator: torch.Generator) -> None:
        self._n, self._size, self.generator = n, min(size, n), generator
        self._end = n - n % self._size
        self._before = generator.get_state()
        self._order: Tensor | Shuffle = torch.empty(0, dtype=torch.int64)
        self._place = self._end

    def __next__(self) -> Tensor:
        if self._place == self._end:
            self._before, self._place = self.generator.get_state(), 0
            self._order = self._drawn(self.generator)
        self._place += self._size
        return self._order[self._place - self._size : self._place]

    def state(self) -> tuple[int, Arrays]:
        """The place within a pass, and the generator now and before the pass was drawn."""
        now = {"generator": self.generator.get_state(), "pass": self._before}
        return self._place, {name: state.numpy() for name, state in now.items()}

    def restore(self, place: int, arrays: Arrays) -> None:
        """Go on from what :meth:`state` told: the order of the pass is drawn again."""
        if not (0 < place <= self._end and place % self._size == 0):
            raise ValueError(f"no batch of a pass ends at row {place}")
        self._before, self._place = torch.from_numpy(arrays["pass"]).clone(), place
        twin = torch.Generator(self.generator.device)
        twin.set_state(self._before)
        self._order = self._drawn(twin)
        self.generator.set_state(torch.from_numpy(arrays["generator"]).clone())

    def _drawn(self, generator: torch.Generator) -> Tensor | Shuffle:
        if self._n > MOST_KEPT:
            return Shuffle(self._n, generator)
        return torch.randperm(self._n, generator=generator, device=generator.device)


class Standing:
    """Everything that moves while a network learns.

    Parameters
    ----------
    denoiser : nn.Module
        Learns in place.
    optimiser : torch.optim.Optimizer
        Of its parameters.
    batches : Batches
        With the generator that all noise comes from.

    Attributes
    ----------
    average : nn.Module
        The moving average of ``denoiser``, in evaluation mode.
    best : Best
    history : list of Progress
    last : Progress
        Of the last step that was done whole; its ``validation_loss`` is the last one measured.
    stopped : str
        Why training ended, empty while it goes on.
    """

    def __init__(
        self, denoiser: nn.Module, optimiser: torch.optim.Optimizer, batches: Batches
    ) -> None:
        self.denoiser, self.optimiser, self.batches = denoiser, optimiser, batches
        self.average = deepcopy(denoiser).eval()
        self.best = Best()
        self.history: list[Progress] = []
        self.last = Progress(0, 0.0, math.nan, math.nan, 0.0)
        self.stopped = ""

    @property
    def is_unseen(self) -> bool:
        """Whether the average has moved since the last look at the held-out rows."""
        return self.last.step > (self.history[-1].step if self.history else 0)

    def looked(self, loss: float) -> None:
        """Write down what a look at the held-out rows saw."""
        self.last.validation_loss = loss
        self.best.offer(loss, self.last.step, self.average)
        self.history.append(self.last)

    def best_average(self) -> nn.Module:
        """The moving average with the best weights, if there was any look at the held-out rows."""
        if self.best.weights:
            self.average.load_state_dict(self.best.weights)
        return self.average

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Strict JSON and arrays, from which :meth:`restore` makes the same, bit by bit."""
        place, arrays = self.batches.state()
        content = {
            "stopped": self.stopped,
            "best_step": self.best.step,
            "waited": self.best.waited,
            "place": place,
        }
        arrays["best_loss"] = np.array(self.best.loss)
        # The last line is of the last step, whether anybody looked at it or not.
        arrays["progress"] = np.array([astuple(p) for p in [*self.history, self.last]])
        return content, arrays | {name: t.cpu().numpy() for name, t in self._tensors().items()}

    def restore(self, content: dict[str, Any], arrays: Arrays) -> None:
        """Become what :meth:`state` described.

        Raises
        ------
        KeyError, TypeError, ValueError, RuntimeError
            If it does not describe the training of such a network on so many rows.
        """
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.denoiser.load_state_dict(_under("network.", tensors))
        self.average.load_state_dict(_under("average.", tensors))
        self._restore_optimiser(_under("optimiser.", tensors))
        self.batches.restore(content["place"], arrays)
        self.best.loss = float(arrays["best_loss"])
        self.best.step, self.best.waited = int(content["best_step"]), int(content["waited"])
        device = self.batches.generator.device
        self.best.weights = {k: t.to(device).clone() for k, t in _under("best.", tensors).items()}
        *self.history, self.last = [
            Progress(int(step), *rest) for step, *rest in arrays["progress"].tolist()
        ]
        self.stopped = str(content["stopped"])

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"network.{k}": t for k, t in self.denoiser.state_dict().items()}
        found |= {f"average.{k}": t for k, t in self.average.state_dict().items()}
        found |= {f"best.{k}": t for k, t in self.best.weights.items()}
        for number, own in self.optimiser.state_dict()["state"].items():
            found |= {f"optimiser.{number}.{k}": t for k, t in own.items()}
        return found

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        own: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, _, what = name.partition(".")
            # In memory that torch aligned, on which the order of its sums may depend.
            own.setdefault(int(number), {})[what] = tensor.clone()
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": own, "param_groups": groups})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
