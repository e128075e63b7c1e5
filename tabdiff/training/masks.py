"""What a training example gets to see of its own row.

    known ~ nothing                               with probability 1 - share
    known_j ~ Bernoulli(r) per part, r ~ U(0, 1)  with probability share

The first kind teaches p(row), the second p(row | any part of it): every subset size is equally
likely, so a single observed column is as familiar to the network as all but one.
"""

from __future__ import annotations

import torch

from tabdiff.data.mixed import Known, Layout


def draw_known(layout: Layout, n: int, share: float, generator: torch.Generator) -> Known:
    """Masks of ``n`` rows, on the generator's device.

    A gated value is known only where its state is, and there half of the time: who knows the number
    knows its cell, but of a number in a range it may be the cell alone that is known.

    Parameters
    ----------
    share : float, in [0, 1]
        Of the rows that see anything.
    """
    device, n_cat = generator.device, layout.n_cat
    u = torch.rand(
        (n, 2 + n_cat + layout.n_num), generator=generator, device=device, dtype=torch.float32
    )
    asked, rate = u[:, :1] < share, u[:, 1:2]
    hit = (u[:, 2:] < rate) & asked
    cat, num = hit[:, :n_cat], hit[:, n_cat:]
    gated = [(part, gate.state) for part, gate in enumerate(layout.gates) if gate is not None]
    for part, state in gated:
        num[:, part] = cat[:, state] & (u[:, 2 + n_cat + part] < 0.5)
    return Known(num, cat)
