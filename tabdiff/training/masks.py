"""What a training example gets to see of its own row.

    known ~ nothing                               with probability 1 - share
    known_j ~ Bernoulli(r) per part, r ~ U(0, 1)  with probability share

The first kind teaches p(row), the second p(row | any part of it): every subset size is equally
likely, so a single observed column is as familiar to the network as all but one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from tabdiff.data.mixed import Known, Layout, Mixed

Masks = Callable[[Mixed, torch.Generator], Known]

# Measured in benchmarks/NOTES.md: what conditions gain by it, and what sampling whole rows loses.
KNOWN_SHARE = 0.5


class RowMasks:
    """Random parts of some rows of a table.

    A gated value is known only where its state is, and there half of the time: who knows the number
    knows its cell, but of a number in a range it may be the cell alone that is known.

    Parameters
    ----------
    layout : Layout
    share : float, in [0, 1]
        Of the rows that see anything.
    """

    def __init__(self, layout: Layout, share: float = KNOWN_SHARE) -> None:
        self._layout, self._share = layout, share

    def __call__(self, batch: Mixed, generator: torch.Generator) -> Known:
        """Masks of the rows of a batch, on the generator's device."""
        n_cat, gates = self._layout.n_cat, self._layout.gates
        shape = (len(batch), 2 + n_cat + len(gates))
        u = torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
        asked, rate = u[:, :1] < self._share, u[:, 1:2]
        hit = (u[:, 2:] < rate) & asked
        cat, num = hit[:, :n_cat], hit[:, n_cat:]
        for part, gate in enumerate(gates):
            if gate is not None:
                num[:, part] = cat[:, gate.state] & (u[:, 2 + n_cat + part] < 0.5)
        return Known(num, cat)
