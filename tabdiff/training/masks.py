"""What a training example gets to see of its own row.

    known ~ nothing                               with probability 1 - share
    known_j ~ Bernoulli(r) per part, r ~ U(0, 1)  with probability share

The first kind teaches p(row), the second p(row | any part of it): every subset size is equally
likely, so a single observed column is as familiar to the network as all but one.

Of a sequence an example sees what its questions will give: nothing (a new entity), the rows before
a moment (a forecast), all but a stretch or random cells (gaps), and whole columns beside any of
these (a scenario).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

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


class SpanMasks:
    """What windows of sequences see of themselves.

    The first categorical part is 0 where there is a row; all is known where there is none, and so
    is every part that is named neither by ``place`` nor by ``columns``.

    Parameters
    ----------
    place : slice
        The numeric parts that tell where in its sequence a row lies: unknown to most of those that
        see the past alone.
    columns : sequence of (int or None, int or None)
        The numeric and the categorical part of each column of the rows, by place in the layout.
        The parts of one column are known together.
    ahead : sequence of int
        Columns that forecasts know ahead.
    share : float, in [0, 1]
        Of the windows that see anything.
    """

    def __init__(
        self,
        place: slice,
        columns: Sequence[tuple[int | None, int | None]],
        ahead: Sequence[int] = (),
        share: float = 0.6,
    ) -> None:
        self._place, self._columns = place, columns
        self._ahead, self._share = list(ahead), share

    def __call__(self, batch: Mixed, generator: torch.Generator) -> Known:
        """Masks of a batch of windows (B, L, D), on the generator's device."""
        absent = batch.cat[..., 0] != 0
        kind = _uniform((len(batch), 1, 1), generator) / self._share
        seen = self._seen(absent, kind, generator) | absent[..., None]
        num = torch.ones_like(batch.num, dtype=torch.bool)
        # Of the half that sees the past, two thirds do not know where they are.
        num[..., self._place] = (kind >= 1 / 3) | absent[..., None]
        cat = torch.ones_like(batch.cat, dtype=torch.bool)
        for at, (own_num, own_cat) in enumerate(self._columns):
            if own_num is not None:
                num[..., own_num] = seen[..., at]
            if own_cat is not None:
                cat[..., own_cat] = seen[..., at]
        return Known(num, cat)

    def _seen(self, absent: Tensor, kind: Tensor, generator: torch.Generator) -> Tensor:
        """(B, L, columns) bool."""
        (n, length), k = absent.shape, len(self._columns)
        rate, a, b, whole = _uniform((4, n, 1, 1), generator)
        row = torch.arange(length, device=absent.device)[:, None]
        rows = (~absent).sum(1)[:, None, None]
        low, high = torch.minimum(a, b) * rows, torch.maximum(a, b) * rows
        before = row < a * rows
        around = (row < low) | (row >= high)
        cells = _uniform((n, length, k), generator) < rate
        # Of those that see anything half see the past, a quarter what is around a gap.
        seen = torch.where(kind < 0.5, before, torch.where(kind < 0.75, around, cells))
        columns = (_uniform((n, 1, k), generator) < 0.3) & (whole < 0.3)
        columns[..., self._ahead] |= (kind < 0.5) & (whole > 0.2)
        return (seen | columns) & (kind < 1)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws from U(0, 1), float32, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
