"""Columns that must lie in a range or a set, drawn from the model's own conditional.

    p(x_1, …, x_r | known, x_1 in A_1, …, x_r in A_r)

Each restricted column is drawn in turn from p(x_j | known, x_<j) within A_j, and what its set held
of the model's belief, w_j = p(A_j | known, x_<j), becomes the weight of the row; between columns
rows are resampled by their weights. This is sequential importance resampling with the model's own
conditionals as proposals, so nothing is rejected however rare the sets are: with one restricted
column it is exact, with more the error falls as one over the rows of a chunk.

Within a level that lies in its set only in part, the numeric part is drawn from its law at that
level, N(0, 1) by construction of the encoders, cut to the set; what else is known then bears on the
level alone.

Source: Gordon, Salmond and Smith 1993 (doi:10.1049/ip-f-2.1993.0015); as used with masked
models, derived here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Choice, Known, Mixed, Restriction
from tabdiff.diffusion.joint import Denoiser, JointDiffusion


@torch.no_grad()
def narrow(
    denoiser: Denoiser,
    joint: JointDiffusion,
    x0: Mixed,
    known: Known,
    restrictions: Sequence[Restriction],
    generator: torch.Generator,
) -> tuple[Mixed, Known]:
    """Draw the restricted columns, and count them as known from then on.

    Parameters
    ----------
    x0, known : Mixed, Known, (B, D)
        Rows that ask the same; they are resampled among each other.
    restrictions : sequence of Restriction
    """
    n = len(x0)
    x0 = Mixed(x0.num.clone(), x0.cat.clone())
    known = Known(known.num.clone(), known.cat.clone())
    for restriction in restrictions:
        log_w = _draw(denoiser, joint, x0, known, restriction, generator)
        if float(log_w.max() - log_w.min()) > 1e-6:
            chosen = _resample(log_w, generator)
            x0, known = x0[chosen], known[chosen]
    # Neighbours may be copies of each other: no head of the rows shall see more of them.
    order = torch.randperm(n, generator=generator, device=generator.device)
    return x0[order], known[order]


@torch.no_grad()
def choose(
    denoiser: Denoiser,
    joint: JointDiffusion,
    x0: Mixed,
    known: Known,
    choices: Sequence[Choice],
    generator: torch.Generator,
) -> tuple[Mixed, Known]:
    """Draw parts from sets that differ by row, and count them as known from then on.

    Each part in turn is drawn from p(x_j | known, x_<j) within the row's set: exact for one part,
    while of several the later sets have no say in the earlier ones.

    Parameters
    ----------
    x0, known : Mixed, Known, (B, D)
    choices : sequence of Choice, of B rows
    """
    n, device = len(x0), x0.num.device
    for cat, kind, sets in choices:
        x = known.show(x0, joint.prior(x0.shape, generator))
        t = torch.ones(n, device=device, dtype=torch.float32)
        seen = joint.look(denoiser, x, t, known)
        belief = joint.multinomial.packing.unpack(seen.logits, cat)
        inside = sets.to(device)[kind.to(device)] | known.cat[:, cat, None]
        log_p = belief.masked_fill(~inside, -torch.inf).log_softmax(-1)
        drawn = torch.multinomial(log_p.exp(), 1, generator=generator).squeeze(1)
        x0 = Mixed(x0.num, x0.cat.clone())
        known = Known(known.num, known.cat.clone())
        x0.cat[:, cat] = torch.where(known.cat[:, cat], x0.cat[:, cat], drawn)
        known.cat[:, cat] = True
    return x0, known


def _draw(
    denoiser: Denoiser,
    joint: JointDiffusion,
    x0: Mixed,
    known: Known,
    restriction: Restriction,
    generator: torch.Generator,
) -> Tensor:
    """Write one restricted column into ``x0`` and ``known``; the log of w, (B,)."""
    n, device = len(x0), x0.num.device
    log_share = restriction.share.to(device).log().float()
    log_p = log_share.expand(n, -1)
    if restriction.cat is not None:
        x = known.show(x0, joint.prior(x0.shape, generator))
        t = torch.ones(n, device=device, dtype=torch.float32)
        seen = joint.look(denoiser, x, t, known)
        packing = joint.multinomial.packing
        belief = packing.unpack(seen.logits, restriction.cat).log_softmax(-1)
        log_p = log_share + belief[:, restriction.level.to(device)]
    way = torch.multinomial(log_p.softmax(-1), 1, generator=generator).squeeze(1)
    if restriction.cat is not None:
        x0.cat[:, restriction.cat] = restriction.level.to(device)[way]
        known.cat[:, restriction.cat] = True
    if restriction.num is not None:
        low, high = (end.to(device)[way] for end in (restriction.low, restriction.high))
        bounded = low.isfinite() | high.isfinite()
        drawn = _cut_normal(low, high, generator)
        x0.num[:, restriction.num] = torch.where(bounded, drawn, 0.0).float()
        known.num[:, restriction.num] = bounded
    return log_p.logsumexp(-1)


def _cut_normal(low: Tensor, high: Tensor, generator: torch.Generator) -> Tensor:
    """Z ~ N(0, 1) given low <= z <= high, by inversion in float64."""
    below, above = torch.special.ndtr(low.double()), torch.special.ndtr(high.double())
    u = torch.rand(low.shape, generator=generator, device=low.device, dtype=torch.float64)
    z = torch.special.ndtri((below + u * (above - below)).clamp(1e-12, 1 - 1e-12))
    return torch.minimum(torch.maximum(z, low.double()), high.double())


def _resample(log_w: Tensor, generator: torch.Generator) -> Tensor:
    """Systematic resampling: row numbers, each about as often as its weight asks."""
    n = len(log_w)
    cdf = log_w.double().softmax(0).cumsum(0)
    shift = torch.rand(1, generator=generator, device=log_w.device, dtype=torch.float64)
    points = (torch.arange(n, device=log_w.device, dtype=torch.float64) + shift) / n
    return torch.searchsorted(cdf, points * cdf[-1])


class Present:
    """A denoiser that never believes in some levels.

    Imputation asks for the value of a cell, of which the model may think that it is missing: the
    levels that stand for missing cells are struck out of every belief.

    Parameters
    ----------
    denoiser : Denoiser
    slots : Tensor, (k,), int64
        The levels struck out, by their place in the packed axis.
    """

    def __init__(self, denoiser: Denoiser, slots: Tensor) -> None:
        self._denoiser, self._slots = denoiser, slots

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """The belief without those levels."""
        seen = self._denoiser(x_t, t, known, wanted)
        logits = seen.logits.clone()
        logits[..., self._slots] = -torch.inf
        return Belief(seen.num, logits)
