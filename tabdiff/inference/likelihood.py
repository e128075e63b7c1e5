"""How likely rows are: a bound on their log-likelihood in nats, part by part.

    log p(row | known) >= sum over unknown parts of E over paths [what the part gains or pays]

A *path* takes a row from data to noise. Along it the denoiser is asked at falling times what the
clean row is, and what its answers are worth adds up.

Numeric parts are measured against N(0, 1), the exact law of an untrained network (v = 0), whose
bound is log N(z; 0, 1) without a gap. With v* = alpha eps - sigma z the velocity that would have
been right, and x0_hat - z = sigma (v* - v), the bound of any other denoiser is better by

    gain = 1/2 int (-dSNR/dt) sigma^2 (v*^2 - (v* - v)^2) dt = int cot(angle) v (2 v* - v) dangle

so log N(z; 0, 1) + E[gain] <= log p(z). Both halves of the difference see the same noise, which is
what keeps its variance low. Below a noise of ``LEAST_SIGMA`` nothing is claimed (v = 0), so the
bound stays one, and what is known of a number to less than that share of its spread is left out.

Categorical parts under the absorbing prior are shown one after the other, and each pays
-log p(level | x_t) when it is shown: with at least as many steps as parts the chain rule in a
random order, exact for a denoiser whose beliefs are, at every path. Under the uniform prior each
step pays its KL divergence.

Sources: the continuous-time bound is of Kingma et al. 2021 (arXiv:2107.00630), its form as a
difference to a Gaussian of Kong et al. 2023 (arXiv:2302.03792), here for v; the chain rule in
random orders is of Hoogeboom et al. 2022 (arXiv:2110.02037). The joint of both on one clock, and
mirrored paths: derived here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import torch
from torch import Tensor

from tabdiff.data.mixed import Known, Mixed
from tabdiff.diffusion.gaussian import rows
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.diffusion.schedule import CosineSchedule

LEAST_SIGMA = 1e-3


@dataclass(frozen=True)
class Path:
    """The random numbers that take rows from data to noise: one draw for each row, or one for all.

    Noise is drawn anew at each of N times, since each time's share of the bound needs no other;
    the mean over a row's times then varies less.

    Attributes
    ----------
    eps : Tensor, (N, B or 1, Dn)
        Of the numeric parts.
    fill : Tensor, (B or 1, Dn)
        Values of the parts that do not exist.
    clock : Tensor, (N, B or 1, Dc), in [0, 1)
        A categorical part is noise at t where its clock is below 1 - alpha_bar_t. Under the
        absorbing prior a part has one clock for all times.
    noise : Tensor, (B or 1, Dc), int64
        What it is then.
    shift : Tensor, (B or 1,), in (0, 1)
        Where in each interval of time the denoiser is asked.
    """

    eps: Tensor
    fill: Tensor
    clock: Tensor
    noise: Tensor
    shift: Tensor

    @classmethod
    def draw(
        cls, joint: JointDiffusion, known: Known, steps: int, generator: torch.Generator
    ) -> Self:
        """A path of ``N = steps + 1`` times for each row of ``known``, (B, D)."""
        n = len(known.cat)
        pure = joint.prior(known.cat.shape[:-1], generator)
        fill = joint.gaussian.prior(known.num.shape, generator)
        eps = joint.gaussian.prior((steps + 1, *known.num.shape), generator)
        clock = joint.multinomial.clock(known.cat, generator)
        if clock is None:
            clock = _uniform((steps + 1, *known.cat.shape), generator)
        strata = torch.randperm(n, generator=generator, device=generator.device)
        shift = ((strata + _uniform((n,), generator)) / n).clamp(1e-4, 1 - 1e-4)
        return cls(eps, fill, clock.expand(steps + 1, *known.cat.shape), pure.cat, shift)

    def mirrored(self) -> Self:
        """The path of the opposite noise, on which the parts fall in the opposite order.

        What one overrates the other underrates: their mean varies less than that of two draws.
        """
        turned = (1 - self.clock).clamp(max=1 - 2**-24)
        return type(self)(-self.eps, -self.fill, turned, self.noise, self.shift)


class Look(NamedTuple):
    """One call of the denoiser on rows at time t, and what it is worth until the next one.

    Attributes
    ----------
    t : Tensor, (B,)
    error : Tensor, (B, Dn)
        (x0_hat - z)^2; 1 on average where nothing is known of a unit normal.
    cross_entropy : Tensor, (B, Dc)
        -log p(level | x_t) in nats; means something where hidden.
    hidden : Tensor, (B, Dc), bool
        Parts that may not be clean at t.
    gain : Tensor, (B, Dn)
        This interval's share of the bound on log p(z) - log N(z; 0, 1), in nats.
    paid : Tensor, (B, Dc)
        This interval's share of the bound on -log p(level), in nats.
    """

    t: Tensor
    error: Tensor
    cross_entropy: Tensor
    hidden: Tensor
    gain: Tensor
    paid: Tensor


class Bound(NamedTuple):
    """The bound on the log-likelihood of each row, by part.

    Attributes
    ----------
    gain : Tensor, (B, Dn), float64
        On log p(z) - log N(z; 0, 1) in nats; 0 where known.
    paid : Tensor, (B, Dc), float64
        On -log p(level) in nats; 0 where known.
    """

    gain: Tensor
    paid: Tensor


@torch.no_grad()
def log_likelihood(
    denoiser: Denoiser, joint: JointDiffusion, x0: Mixed, known: Known, steps: int, path: Path
) -> Bound:
    """The bound on log p(unknown parts | known parts), the mean of a path and its mirror image.

    Parts beside the known ones bear on each other as they do when rows are sampled, so gains and
    payments of single parts depend on the order in which the parts fall; their sum is the row's.

    Parameters
    ----------
    x0 : Mixed, (B, D)
        Values that do not exist may hold anything.
    known : Known, (B, D)
    steps : int
        Intervals of time; the denoiser is asked ``2 (steps + 1)`` times.
    path : Path
    """
    gain = torch.zeros(x0.num.shape, dtype=torch.float64, device=x0.num.device)
    paid = torch.zeros(x0.cat.shape, dtype=torch.float64, device=x0.cat.device)
    for one in (path, path.mirrored()):
        for look in looks(denoiser, joint, x0, known, steps, one):
            gain += look.gain.double() / 2
            paid += look.paid.double() / 2
    return Bound(gain, paid)


@torch.no_grad()
def looks(
    denoiser: Denoiser, joint: JointDiffusion, x0: Mixed, known: Known, steps: int, path: Path
) -> Iterator[Look]:
    """The looks along one path, from t = 1 down; parameters as in :func:`log_likelihood`."""
    x0 = Mixed(torch.where(joint.exists(x0), x0.num, path.fill), x0.cat)
    inner = [(r + path.shift) / steps for r in reversed(range(steps))]
    times = [torch.ones_like(path.shift), *inner, torch.zeros_like(path.shift)]
    for at, (t, s) in enumerate(pairwise(t.expand(len(x0)) for t in times)):
        alpha = rows(joint.gaussian.schedule.alpha(t), x0.num)
        sigma = rows(joint.gaussian.schedule.sigma(t), x0.num)
        eps, clock = path.eps[at], path.clock[at]
        hidden = (clock < 1 - joint.multinomial.kept(t, x0.cat)) & ~known.cat
        noisy = Mixed(alpha * x0.num + sigma * eps, torch.where(hidden, path.noise, x0.cat))
        x_t = known.show(x0, noisy)
        seen = joint.look(denoiser, x_t, t, known)
        wanted = alpha * eps - sigma * x0.num
        cross_entropy = joint.multinomial.packing.cross_entropy(seen.logits, x0.cat)
        if joint.multinomial.absorbing:
            falls = hidden & (clock >= 1 - joint.multinomial.kept(s, x0.cat))
            paid = torch.where(falls, cross_entropy, 0.0)
        else:
            paid = joint.multinomial.kl(seen.logits, x0.cat, x_t.cat, t, s)
        weight = rows(_weight(joint.gaussian.schedule, t) / steps, x0.num)
        yield Look(
            t,
            (sigma * (wanted - seen.num)) ** 2,
            cross_entropy,
            hidden,
            (weight * seen.num * (2 * wanted - seen.num)).masked_fill(known.num, 0.0),
            paid.masked_fill(known.cat, 0.0),
        )


def _weight(schedule: CosineSchedule, t: Tensor) -> Tensor:
    """cot(angle) dangle/dt, (B,); 0 where the noise is below ``LEAST_SIGMA``."""
    angle = schedule.angle(t)
    weight = schedule.alpha(t) / schedule.sigma(t) * schedule.warp * angle / t
    return weight.masked_fill(schedule.sigma(t) < LEAST_SIGMA, 0.0)


class Surprise(NamedTuple):
    """What cells cost, given no more than the known parts.

    Attributes
    ----------
    paid : Tensor, (B, Dc)
        -log p(level | known) in nats; 0 where known.
    error : Tensor, (B, Dn)
        (z - E[z | known])^2; 0 where known.
    """

    paid: Tensor
    error: Tensor


@torch.no_grad()
def surprise(
    denoiser: Denoiser, joint: JointDiffusion, x0: Mixed, known: Known, generator: torch.Generator
) -> Surprise:
    """What each unknown part costs given the known parts alone, by one call of the denoiser.

    At t = 1 the unknown parts are pure noise, so the beliefs are p(level | known) and
    E[z | known] = -v, each part by itself. Parameters as in :func:`log_likelihood`.
    """
    t = torch.ones(len(x0), device=x0.num.device, dtype=torch.float32)
    seen = joint.look(denoiser, known.show(x0, joint.prior(x0.shape, generator)), t, known)
    paid = joint.multinomial.packing.cross_entropy(seen.logits, x0.cat)
    return Surprise(
        paid.masked_fill(known.cat, 0.0), ((x0.num + seen.num) ** 2).masked_fill(known.num, 0.0)
    )


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws from U(0, 1), float32, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
