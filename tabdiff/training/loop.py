"""Stochastic gradient descent on the joint diffusion loss.

    draw rows, t and known  ->  x_t ~ q(x_t | x_0)  ->  denoiser(x_t, t, known)  ->  loss
    ->  step, average

The weights that count are an exponential moving average; held-out rows say when to stop, and the
best average seen is what the caller gets.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.training.masks import Masks, RowMasks

Autocast = Callable[[], AbstractContextManager[object]]

# The last part of a round: whose best look lies there had not learned enough.
LATE = 0.03


class TrainingDivergedError(RuntimeError):
    """The loss stopped being a finite number."""


class Examples(Protocol):
    """What is learned from: encoded rows, or windows of rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Tensor | slice) -> Mixed: ...

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        ...


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    max_steps : int
    max_time : float or None
        Wall seconds; the learning rate decays along whichever of the two budgets is nearer.
    batch_size : int
    learning_rate : float
        The highest, after warm-up.
    weight_decay, clip_norm : float
    warmup : float
        Share of the budget over which the learning rate rises.
    ema_steps : float
        Horizon of the moving average in steps.
    check_every : int
        Steps between looks at the held-out rows.
    check_terms : int
        Losses that one look averages, about.
    patience : int
        Looks without a better held-out loss after which training stops.
    rounds : int
        How often the whole budget may be spent: again from a high learning rate while the best
        look comes at its very end (warm restarts; Loshchilov & Hutter 2017, arXiv:1608.03983).
    look_at_once : int
        Held-out examples in one call of the denoiser.
    """

    max_steps: int
    max_time: float | None = None
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    warmup: float = 0.02
    ema_steps: float = 400.0
    check_every: int = 200
    check_terms: int = 8192
    patience: int = 12
    rounds: int = 1
    look_at_once: int = 2048


@dataclass
class Progress:
    """Where training stands; one line of it per look at the held-out rows is the history."""

    step: int
    seconds: float
    loss: float
    validation_loss: float
    learning_rate: float


@dataclass
class Trained:
    """What :func:`train` returns.

    Attributes
    ----------
    denoiser : nn.Module
        The best moving average, in evaluation mode.
    history : list of Progress
    best_step : int
    stopped : str
        Why training ended: "max_steps", "max_time", "validation", "diverged", "interrupted", or
        "nothing to learn" where the layout has no parts.
    """

    denoiser: nn.Module
    history: list[Progress] = field(default_factory=list)
    best_step: int = 0
    stopped: str = "max_steps"


def train(
    denoiser: nn.Module,
    joint: JointDiffusion,
    rows: Examples,
    held_out: Examples,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    masks: Masks | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    autocast: Autocast = nullcontext,
) -> Trained:
    """Fit ``denoiser`` in place and return its best moving average.

    Parameters
    ----------
    rows, held_out : Examples, on the denoiser's device
        Encoded training rows (or windows of rows), and others that only ever judge.
    generator : torch.Generator, on the same device
    masks : Masks, optional
        What an example gets to see of itself; :class:`RowMasks` when None.
    report : callable
        Called with a :class:`Progress` after every step; its ``validation_loss`` is the last one
        measured (nan before the first).
    autocast : callable
        Makes the context in which the network runs; the loss is always float32.

    Raises
    ------
    TrainingDivergedError
        If the loss is not finite before any held-out look; later the best average so far is
        returned with ``stopped = "diverged"`` and a RuntimeWarning. Both name step and columns.
    """
    if not joint.layout.n_num + joint.layout.n_cat:
        return Trained(denoiser.eval(), stopped="nothing to learn")
    masks = masks or RowMasks(joint.layout)
    result = Trained(deepcopy(denoiser).eval())
    best = _Best(result.denoiser)
    optimiser = torch.optim.AdamW(
        denoiser.parameters(),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    batches = _batches(len(rows), recipe.batch_size, generator)
    validation = math.nan
    progress: Progress | None = None

    denoiser.train()
    try:
        for step, seconds, used in _steps(recipe, best):
            if used > 1:
                result.stopped = "max_time"
                break
            rate = recipe.learning_rate * learning_curve(used, recipe.warmup)
            optimiser.param_groups[0]["lr"] = rate
            batch = rows[next(batches)]
            loss = _step(denoiser, joint, batch, masks, optimiser, recipe, generator, autocast)
            _average(result.denoiser, denoiser, min(1 - 1 / recipe.ema_steps, step / (step + 10)))
            progress = Progress(step, seconds, loss, validation, rate)
            if step % recipe.check_every == 0 or step % recipe.max_steps == 0:
                validation = _look(progress, result, best, held_out, joint, masks, recipe, autocast)
            report(progress)
            if best.waited >= recipe.patience:
                result.stopped = "validation"
                break
    except KeyboardInterrupt:
        result.stopped = "interrupted"
    except TrainingDivergedError as error:
        if best.step == 0:
            raise TrainingDivergedError(f"step {step}: {error}") from error
        result.stopped = "diverged"
        message = (
            f"Training stopped at step {step}: {error} The weights of step {best.step} are kept."
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if (
        result.stopped in ("max_time", "interrupted")
        and progress
        and progress not in result.history
    ):
        _look(progress, result, best, held_out, joint, masks, recipe, autocast)
    result.best_step = best.restore()
    return result


def _look(
    progress: Progress,
    result: Trained,
    best: _Best,
    held_out: Examples,
    joint: JointDiffusion,
    masks: Masks,
    recipe: Recipe,
    autocast: Autocast,
) -> float:
    """Judge the average by the held-out rows, and write it down."""
    loss = evaluate_loss(
        result.denoiser,
        joint,
        held_out,
        autocast,
        masks=masks,
        n_terms=recipe.check_terms,
        at_once=recipe.look_at_once,
    )
    progress.validation_loss = loss
    best.offer(loss, progress.step)
    result.history.append(progress)
    return loss


class _Best:
    """The weights with the lowest held-out loss so far."""

    def __init__(self, denoiser: nn.Module) -> None:
        self.denoiser = denoiser
        self.loss, self.step, self.waited = math.inf, 0, 0
        self._weights: dict[str, Tensor] = {}

    def offer(self, loss: float, step: int) -> None:
        if loss < self.loss:
            self.loss, self.step, self.waited = loss, step, 0
            self._weights = deepcopy(self.denoiser.state_dict())
        else:
            self.waited += 1

    def restore(self) -> int:
        """Put the best weights back, if there was any look at the held-out rows; their step."""
        if self._weights:
            self.denoiser.load_state_dict(self._weights)
        return self.step


def learning_curve(used: float, warmup: float) -> float:
    """Linear rise over the first ``warmup`` of the budget, then a half cosine down to 0."""
    if used < warmup:
        return used / warmup
    return 0.5 * (1 + math.cos(math.pi * (used - warmup) / (1 - warmup)))


def stratified_times(n: int, generator: torch.Generator) -> Tensor:
    """``n`` times in (0, 1), one in each n-th of it, in random order.

    Source: the low-discrepancy sampler of Kingma et al. 2021 (arXiv:2107.00630), appendix I.1.
    """
    device = generator.device
    strata = torch.randperm(n, generator=generator, device=device)
    jitter = torch.rand(n, generator=generator, device=device, dtype=torch.float32)
    return ((strata + jitter) / n).clamp(1e-5, 1 - 1e-5)


@torch.no_grad()
def evaluate_loss(
    denoiser: nn.Module,
    joint: JointDiffusion,
    rows: Examples,
    autocast: Autocast = nullcontext,
    *,
    masks: Masks | None = None,
    n_terms: int = 8192,
    at_once: int = 2048,
) -> float:
    """Mean loss over ``rows``, each at stratified times, with the same noise at every call.

    0 where the layout has no parts: there is nothing to be wrong about.
    """
    if not joint.layout.n_num + joint.layout.n_cat:
        return 0.0
    masks = masks or RowMasks(joint.layout)
    generator = torch.Generator(rows.device).manual_seed(0)
    total, count = 0.0, 0
    repeats = max(1, round(n_terms / len(rows)))
    for _ in range(repeats):
        for batch in _split(rows, at_once):
            t, known = stratified_times(len(batch), generator), masks(batch, generator)
            x0 = joint.complete(batch, generator)
            x_t = joint.q_sample(x0, t, known, generator)
            with autocast():
                seen = joint.look(denoiser, x_t, t, known)
            loss = joint.loss(seen, x0, x_t, t, known)
            total += float(loss.sum())
            count += loss.numel()
    return total / count


def _step(
    denoiser: nn.Module,
    joint: JointDiffusion,
    batch: Mixed,
    masks: Masks,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    generator: torch.Generator,
    autocast: Autocast,
) -> float:
    t, known = stratified_times(len(batch), generator), masks(batch, generator)
    x0 = joint.complete(batch, generator)
    x_t = joint.q_sample(x0, t, known, generator)
    with autocast():
        seen = joint.look(denoiser, x_t, t, known)
    loss = joint.loss(seen, x0, x_t, t, known).mean()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingDivergedError(_explain(value, joint, seen, x0, x_t, t, known))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(denoiser.parameters(), recipe.clip_norm)
    optimiser.step()
    return value


def _explain(
    value: float,
    joint: JointDiffusion,
    seen: Belief,
    x0: Mixed,
    x_t: Mixed,
    t: Tensor,
    known: Known,
) -> str:
    """Name the parts whose loss is largest, not-a-numbers first."""
    num, cat = joint.losses(seen, x0, x_t, t, known)
    per_part = torch.cat([num, cat], dim=-1).detach().flatten(0, -2).mean(0)
    names = [*joint.layout.num_names, *joint.layout.cat_names]
    worst = torch.nan_to_num(per_part, nan=torch.inf).argsort(descending=True)[:3].tolist()
    columns = ", ".join(f"{names[i]!r} ({float(per_part[i]):.3g})" for i in worst)
    return f"the loss is {value}, largest in columns {columns}. Lower the learning_rate."


@torch.no_grad()
def _average(averaged: nn.Module, current: nn.Module, decay: float) -> None:
    """Move ``averaged`` to ``decay averaged + (1 - decay) current``."""
    for a, c in zip(averaged.parameters(), current.parameters(), strict=True):
        a.lerp_(c, 1 - decay)


def _steps(recipe: Recipe, best: _Best) -> Iterator[tuple[int, float, float]]:
    """Each step, the seconds since the first, and the share of the round's budget used by then."""
    began = time.monotonic()
    for number in range(recipe.rounds):
        for step in range(1, recipe.max_steps + 1):
            seconds = time.monotonic() - began
            by_time = seconds / recipe.max_time if recipe.max_time else 0.0
            used = max(step / recipe.max_steps, by_time)
            yield number * recipe.max_steps + step, seconds, used
        if best.step < (number + 1 - LATE) * recipe.max_steps:
            return


def _batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of one batch after another, each pass in a new order, whole batches only."""
    size = min(size, n)
    while True:
        order = torch.randperm(n, generator=generator, device=generator.device)
        yield from order[: n - n % size].split(size)


def _split(rows: Examples, size: int) -> Iterator[Mixed]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
