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
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Mixed
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.training.masks import Masks, RowMasks
from tabdiff.training.portions import Examples, Noisy, Portions
from tabdiff.training.standing import Batches, Progress, Standing
from tabdiff.training.team import Team

Autocast = Callable[[], AbstractContextManager[object]]
Descend = Callable[[Standing], float]

# The last part of a round: whose best look lies there had not learned enough.
LATE = 0.05
# Of what was gained so far, how much of it must be lost again for a loss to rise in earnest: at a
# high learning rate it also stands still, and falls on as the rate does.
RISE = 0.03


class TrainingDivergedError(RuntimeError):
    """The loss stopped being a finite number."""


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
        Looks without a better held-out loss after which training stops, if the loss has risen.
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


class Keeper:
    """What training tells where it stands; this one keeps nothing.

    Attributes
    ----------
    entropy : int or None
        Of the fit that is kept; None where none is.
    seconds : float
        Of training that were spent before it was interrupted.
    """

    entropy: int | None = None
    seconds: float = 0.0

    def begin(
        self,
        standing: Standing,
        recipe: Recipe,
        joint: JointDiffusion,
        rows: Examples,
        held_out: Examples,
    ) -> None:
        """Bring ``standing``, which is that before the first step, to where it was interrupted."""

    def offer(self, standing: Standing) -> None:
        """Take or leave what stands after a step, which is not yet the last one."""

    def finish(self, standing: Standing) -> None:
        """Take what stands after the last step."""

    def remove(self) -> None:
        """Forget all."""


def train(
    denoiser: nn.Module,
    joint: JointDiffusion,
    rows: Examples,
    held_out: Examples | None,
    recipe: Recipe,
    generator: torch.Generator,
    *,
    masks: Masks | None = None,
    descend: Descend | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    autocast: Autocast = nullcontext,
    keeper: Keeper | None = None,
    team: Team | None = None,
) -> Trained:
    """Fit ``denoiser`` in place and return its best moving average.

    Parameters
    ----------
    rows, held_out : Examples, on the denoiser's device
        Encoded training rows (or windows of rows), and others that only ever judge. Without those,
        nothing is judged: the last average is taken, and there is no history.
    generator : torch.Generator, on the same device
    masks : Masks, optional
        What an example gets to see of itself; :class:`RowMasks` when None.
    descend : callable, optional
        Takes a step, :class:`Standing` in and the loss out; :class:`Descent` when None.
    report : callable
        Called with a :class:`Progress` after every step; its ``validation_loss`` is the last one
        measured (nan before the first).
    autocast : callable
        Makes the context in which the network runs; the loss is always float32.
    keeper : Keeper, optional
        Knows where an earlier call of the same arguments was interrupted, and goes on from there.
    team : Team, optional
        The workers that call this at the same time, with the same arguments but for the keeper.

    Raises
    ------
    TrainingDivergedError
        If a loss is not finite, of a batch or of the held-out rows, before there is any usable
        average; later the best one so far is returned with ``stopped = "diverged"`` and a
        RuntimeWarning. Both name the step, and of a batch the columns.

    Warns
    -----
    RuntimeWarning
        Once, if the device's memory holds batches only in parts.
    """
    if not joint.layout.n_num + joint.layout.n_cat:
        return Trained(denoiser.eval(), stopped="nothing to learn")
    masks, keeper = masks or RowMasks(joint.layout), keeper or Keeper()
    team = team or Team()
    optimiser = torch.optim.AdamW(
        denoiser.parameters(),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    standing = Standing(denoiser, optimiser, Batches(len(rows), recipe.batch_size, generator))
    portions = Portions()
    descend = descend or Descent(joint, rows, masks, recipe, autocast, portions, team)
    if held_out is not None:
        keeper.begin(standing, recipe, joint, rows, held_out)
    team.begin(standing)

    def look() -> None:
        """Judge the average by the held-out rows, and write it down."""
        if held_out is None:
            standing.best.take(standing.last.step, standing.average)
            return
        judges = team.judges(held_out)
        own = evaluate_loss(
            standing.average,
            joint,
            judges,
            autocast,
            masks=masks,
            n_terms=recipe.check_terms * len(judges) // len(held_out),
            at_once=recipe.look_at_once,
            portions=portions,
        )
        loss = team.mean(own)
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"step {standing.last.step}: the held-out loss is {loss}. Lower the learning_rate."
            )
        standing.looked(loss)

    denoiser.train()
    try:
        try:
            for step, seconds, used in _steps(recipe, standing, team):
                if used > 1:
                    standing.stopped = "max_time"
                    break
                rate = recipe.learning_rate * learning_curve(used, recipe.warmup)
                optimiser.param_groups[0]["lr"] = rate
                loss = descend(standing)
                decay = min(1 - 1 / recipe.ema_steps, step / (step + 10))
                _average(standing.average, denoiser, decay)
                standing.last = Progress(step, seconds, loss, standing.last.validation_loss, rate)
                if step % recipe.check_every == 0 or step % recipe.max_steps == 0:
                    look()
                report(standing.last)
                if standing.best.waited >= recipe.patience and _rises(standing):
                    standing.stopped = "validation"
                    break
                keeper.offer(standing)
        except KeyboardInterrupt:
            standing.stopped = "interrupted"
        if standing.stopped in ("max_time", "interrupted") and standing.is_unseen:
            look()
    except TrainingDivergedError as error:
        best = standing.best.step
        if best == 0:
            raise
        standing.stopped = standing.stopped or "diverged"
        message = f"Training stopped at {error} The weights of step {best} are kept."
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    if standing.stopped != "interrupted":
        keeper.finish(standing)
    return Trained(standing.best_average(), standing.history, standing.best.step, standing.stopped)


def learning_curve(used: float, warmup: float) -> float:
    """Linear rise over the first ``warmup`` of the budget, then a half cosine down to 0."""
    if used < warmup:
        return used / warmup
    return 0.5 * (1 + math.cos(math.pi * (used - warmup) / (1 - warmup)))


def _rises(standing: Standing) -> bool:
    """Whether the held-out loss rises in earnest since the best look."""
    first, best = standing.history[0].validation_loss, standing.best.loss
    return standing.last.validation_loss - best >= RISE * (first - best)


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
    portions: Portions | None = None,
) -> float:
    """Mean loss over ``rows``, each at stratified times, with the same noise at every call.

    0 where the layout has no parts: there is nothing to be wrong about.
    """
    if not joint.layout.n_num + joint.layout.n_cat:
        return 0.0
    masks, portions = masks or RowMasks(joint.layout), portions or Portions()
    generator = torch.Generator(rows.device).manual_seed(0)

    def judge(parts: list[Noisy]) -> float:
        return sum(float(_losses(denoiser, joint, part, autocast)[1].sum()) for part in parts)

    total, count = 0.0, 0
    repeats = max(1, round(n_terms / len(rows)))
    for _ in range(repeats):
        for batch in _split(rows, at_once):
            total += portions.attempt(Noisy.of(joint, batch, masks, generator), judge)
            count += math.prod(batch.shape)
    return total / count


def _losses(
    denoiser: nn.Module, joint: JointDiffusion, noisy: Noisy, autocast: Autocast
) -> tuple[Belief, Tensor]:
    """What the network believes, and the loss of each row (B, *)."""
    with autocast():
        seen = joint.look(denoiser, noisy.x_t, noisy.t, noisy.known)
    return seen, joint.loss(seen, noisy.x0, noisy.x_t, noisy.t, noisy.known)


class Descent:
    """A step down the gradient of the mean loss of a batch.

    Parameters are those of :func:`train`; ``portions`` tells how many rows a device holds at once.
    """

    def __init__(
        self,
        joint: JointDiffusion,
        rows: Examples,
        masks: Masks,
        recipe: Recipe,
        autocast: Autocast,
        portions: Portions,
        team: Team,
    ) -> None:
        self._joint, self._rows, self._masks, self._team = joint, rows, masks, team
        self._recipe, self._autocast, self._portions = recipe, autocast, portions

    def __call__(self, standing: Standing) -> float:
        """Move the weights once; the loss that the batch had."""
        joint, team = self._joint, self._team
        batch = self._rows[team.own(next(standing.batches))]
        noisy = Noisy.of(joint, batch, self._masks, team.noise(standing.batches.generator))

        def descend(parts: list[Noisy]) -> float:
            standing.optimiser.zero_grad(set_to_none=True)
            total = 0.0
            for part in parts:
                seen, losses = _losses(standing.denoiser, joint, part, self._autocast)
                loss = losses.mean() * (len(part) / len(noisy))
                value = float(loss.detach())
                if not math.isfinite(value):
                    told = _explain(value, joint, seen, part)
                    raise TrainingDivergedError(f"step {standing.last.step + 1}: {told}")
                loss.backward()
                total += value
            return total

        value = team.descend(standing.denoiser, lambda: self._portions.attempt(noisy, descend))
        nn.utils.clip_grad_norm_(standing.denoiser.parameters(), self._recipe.clip_norm)
        standing.optimiser.step()
        return value


def _explain(value: float, joint: JointDiffusion, seen: Belief, noisy: Noisy) -> str:
    """Name the parts whose loss is largest, not-a-numbers first."""
    num, cat = joint.losses(seen, noisy.x0, noisy.x_t, noisy.t, noisy.known)
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


def _steps(recipe: Recipe, standing: Standing, team: Team) -> Iterator[tuple[int, float, float]]:
    """Each step to come, the seconds of training before it, and the share of its round's budget."""
    if standing.stopped:
        return
    began = time.monotonic() - standing.last.seconds
    for step in range(standing.last.step + 1, recipe.rounds * recipe.max_steps + 1):
        round_, before = divmod(step - 1, recipe.max_steps)
        if before == 0 and standing.best.step < (round_ - LATE) * recipe.max_steps:
            break
        seconds = time.monotonic() - began
        by_time = team.lead(seconds) / recipe.max_time if recipe.max_time else 0.0
        yield step, seconds, max((before + 1) / recipe.max_steps, by_time)
    standing.stopped = "max_steps"


def _split(rows: Examples, size: int) -> Iterator[Mixed]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
