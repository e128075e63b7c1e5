"""Ancestral sampling.

    x_1 ~ prior,   x_s ~ p(x_s | x_t) for t = t_0 > t_1 > ... > t_N = 0

Categorical parts are drawn from their reverse step. Numeric parts follow the probability flow,
which draws nothing after x_1 and has the same marginals in the limit of small steps.

Rows are made in chunks of a fixed size, each a pure function of (model, seed, chunk number), so a
short sample is the head of a longer one, whatever the machine that makes the chunks.

With parts that are known the same walk draws from p(row | known parts): they are clean from the
start, at every step, and the network has learned to read them so.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from tabdiff.data.mixed import Known, Mixed
from tabdiff.diffusion.joint import Denoiser, JointDiffusion


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    joint: JointDiffusion,
    times: Tensor,
    x0: Mixed,
    known: Known,
    generator: torch.Generator,
) -> Mixed:
    """A clean row for each row of ``x0``, by one denoiser call per interval of ``times``.

    Parameters
    ----------
    times : Tensor, (N + 1,), falling from 1 to 0
    x0 : Mixed, (B, D)
        Read only where it is known.
    known : Known, (B, D)

    Raises
    ------
    ValueError
        If ``times`` does not fall.
    """
    x = known.show(x0, joint.prior(x0.shape, generator))
    clock = joint.multinomial.clock(known.cat, generator)
    return _walk(denoiser, joint, times, x, x0, known, clock, generator)


@torch.no_grad()
def restore(
    denoiser: Denoiser,
    joint: JointDiffusion,
    times: Tensor,
    x0: Mixed,
    known: Known,
    generator: torch.Generator,
) -> Mixed:
    """Complete rows noised up to ``times[0]`` and led back; what is known stays.

    The less noise, the nearer to ``x0``: at 1 nothing but what is known is left of it.

    Parameters
    ----------
    times : Tensor, (N + 1,), falling from at most 1 to 0
    """
    x = joint.q_sample(x0, times[0].expand(len(x0)), known, generator)
    return _walk(denoiser, joint, times, x, x0, known, None, generator)


def _walk(
    denoiser: Denoiser,
    joint: JointDiffusion,
    times: Tensor,
    x: Mixed,
    x0: Mixed,
    known: Known,
    clock: Tensor | None,
    generator: torch.Generator,
) -> Mixed:
    n = len(x0)
    for t, s in pairwise(times.unbind()):
        t, s = t.expand(n), s.expand(n)
        due = None if clock is None else joint.multinomial.due(x.cat, s, clock)
        x0_hat = joint.estimate(joint.look(denoiser, x, t, known, due), x, t)
        x = known.show(x0, joint.step(x0_hat, x, t, s, generator, clock))
    return x


def time_grid(nfe: int, device: torch.device | str = "cpu") -> Tensor:
    """``nfe + 1`` equally spaced times from 1 to 0; the schedules' clocks do the rest."""
    return torch.linspace(1.0, 0.0, nfe + 1, device=device, dtype=torch.float32)
