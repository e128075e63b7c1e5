"""Sequences longer than a window, drawn window after window.

    p(x_1, …, x_n | known) = p(x_1 … x_L | known) p(x_{L-o+1} … x_{2L-o} | x_1 … x_L, known) …

Each window begins ``o`` rows before the first row that is not known, and all that was drawn before
counts as known. New sequences, forecasts and gaps differ in what is known at the start alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tabdiff.data.mixed import Known, Mixed
from tabdiff.data.windows import window_places
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.inference.sample import sample


@torch.no_grad()
def unroll(
    denoiser: Denoiser,
    joint: JointDiffusion,
    times: Tensor,
    x0: Mixed,
    known: Known,
    offsets: Tensor,
    window: int,
    overlap: int,
    generator: torch.Generator,
) -> Mixed:
    """All parts of all sequences.

    Parameters
    ----------
    times : Tensor, (N + 1,), falling from 1 to 0
    x0, known : Mixed, Known, (S + 1, D)
        Sequences laid end to end, and last a slot where nothing is, all of it known.
    offsets : Tensor, (n + 1,), int64
        Where each sequence begins, and where the last one ends.
    window : int
        The most slots that the denoiser sees together.
    overlap : int, below ``window``
        How many slots before the first unknown one a window begins.
    """
    x0 = Mixed(x0.num.clone(), x0.cat.clone())
    known = Known(known.num.clone(), known.cat.clone())
    nothing = len(x0) - 1
    while True:
        open_slots = (~(known.num.all(-1) & known.cat.all(-1))).nonzero().squeeze(1)
        if not len(open_slots):
            return x0
        starts, ends = _next_windows(open_slots, offsets, window, overlap)
        places = window_places(starts, ends, window, nothing)
        drawn = sample(denoiser, joint, times, x0[places], known[places], generator)
        inside = places != nothing
        here = places[inside]
        x0.num[here], x0.cat[here] = drawn.num[inside], drawn.cat[inside]
        known.num[here], known.cat[here] = True, True


def _next_windows(
    open_slots: Tensor, offsets: Tensor, window: int, overlap: int
) -> tuple[Tensor, Tensor]:
    """Of each sequence with an open slot, where its next window begins and where it ends."""
    owner = torch.searchsorted(offsets, open_slots, right=True) - 1
    first = torch.ones_like(owner, dtype=torch.bool)
    first[1:] = owner[1:] != owner[:-1]
    owner, at = owner[first], open_slots[first]
    begin, end = offsets[owner], offsets[owner + 1]
    latest = torch.maximum(end - window, begin)
    return torch.minimum(torch.maximum(at - overlap, begin), latest), end
