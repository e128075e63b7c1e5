"""The pair of tensors that flows everywhere: numeric parts and categorical parts of the same rows.

A *part* is one tensor column. A frame's column may own several (a numeric column with missing
values owns a categorical *state* and a numeric *value*), so parts are counted apart from columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mixed:
    """Numeric and categorical parts of a batch of rows.

    Parameters
    ----------
    num : Tensor, (B, *, Dn), floating, standardised units
    cat : Tensor, (B, *, Dc), int64, levels counted from 0
    """

    num: Tensor
    cat: Tensor

    def __len__(self) -> int:
        return self.num.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Mixed:
        return Mixed(self.num[rows], self.cat[rows])

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, *), without D."""
        return tuple(self.cat.shape[:-1])

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.num.device

    def to(self, device: torch.device | str) -> Mixed:
        """The same rows on another device."""
        return Mixed(self.num.to(device), self.cat.to(device))

    def tensors(self) -> dict[str, Tensor]:
        """Both tensors, by name."""
        return {"num": self.num, "cat": self.cat}

    def pieces(self) -> Iterator[dict[str, Tensor]]:
        """Both tensors, by name, at once."""
        yield self.tensors()


@dataclass(frozen=True, slots=True)
class Known:
    """Which parts of each row are observed: there ``x_t`` holds the clean value, at every t.

    Parameters
    ----------
    num : Tensor, (B, *, Dn), bool
    cat : Tensor, (B, *, Dc), bool
    """

    num: Tensor
    cat: Tensor

    @classmethod
    def nothing(cls, x: Mixed) -> Known:
        """No part of any row of ``x``."""
        return cls(
            torch.zeros_like(x.num, dtype=torch.bool), torch.zeros_like(x.cat, dtype=torch.bool)
        )

    def __getitem__(self, rows: Tensor | slice) -> Known:
        return Known(self.num[rows], self.cat[rows])

    def to(self, device: torch.device | str) -> Known:
        """The same masks on another device."""
        return Known(self.num.to(device), self.cat.to(device))

    def show(self, x0: Mixed, x: Mixed) -> Mixed:
        """``x`` with the observed parts taken from ``x0``."""
        return Mixed(torch.where(self.num, x0.num, x.num), torch.where(self.cat, x0.cat, x.cat))


@dataclass(frozen=True, slots=True)
class Belief:
    """What a denoiser says about the clean row, part by part.

    Parameters
    ----------
    num : Tensor, (B, *, Dn)
        Network output, or after ``estimate`` the posterior mean of the clean numeric parts.
    logits : Tensor, (B, *, S)
        Log-probabilities of the clean levels, up to a constant for each part, in the order of
        :class:`Packing`. Whoever needs them normalised does so, for the parts it needs.
    """

    num: Tensor
    logits: Tensor


class Gate(NamedTuple):
    """When a numeric part exists.

    Attributes
    ----------
    state : int
        A categorical part.
    levels : tuple of int
        Its levels at which the numeric part exists.
    """

    state: int
    levels: tuple[int, ...]


class Restriction(NamedTuple):
    """A column that must lie in a set: the ways in which it can, of which one is to be drawn.

    Attributes
    ----------
    cat, num : int or None
        The parts of the column.
    level : Tensor, (m,), int64
        Of the categorical part; 0 where there is none.
    share : Tensor, (m,), in (0, 1]
        Of the rows at that level, the part that lies in the set.
    low, high : Tensor, (m,)
        Bounds of the numeric part within the set; infinite where it is free.
    """

    cat: int | None
    num: int | None
    level: Tensor
    share: Tensor
    low: Tensor
    high: Tensor


class Choice(NamedTuple):
    """A categorical part that each row must draw from a set of levels of its own.

    Attributes
    ----------
    cat : int
    kind : Tensor, (n,), int64
        Rows of one kind have the same set.
    sets : Tensor, (kinds, K), bool
    """

    cat: int
    kind: Tensor
    sets: Tensor


@dataclass(frozen=True)
class Layout:
    """What each part of a :class:`Mixed` stands for.

    Parameters
    ----------
    num_names, cat_names : tuple of str
        One name per part, for messages.
    levels : tuple of int
        Number of levels K of each categorical part.
    gates : tuple of Gate or None
        Per numeric part: when it exists; None where it always does.
    ordered : tuple of int
        Per categorical part: how many of its first levels lie in a natural order. The rest (a
        missing level) lie in none.
    """

    num_names: tuple[str, ...]
    cat_names: tuple[str, ...]
    levels: tuple[int, ...]
    gates: tuple[Gate | None, ...]
    ordered: tuple[int, ...]

    @property
    def n_num(self) -> int:
        """Dn, the number of numeric parts."""
        return len(self.num_names)

    @property
    def n_cat(self) -> int:
        """Dc, the number of categorical parts."""
        return len(self.cat_names)


class Packing:
    """Places per-level numbers of categorical parts with unequal K side by side in one axis.

    Parts are grouped by the next power of two above their K, and padded only up to the widest of
    their group, so a part with 10,000 levels does not widen one with two, and no operation loops
    over parts.

    Parameters
    ----------
    levels : tuple of int
        K of each part.

    Attributes
    ----------
    size : int
        S, the length of the packed axis.
    offsets : Tensor, (Dc,)
        Where each part's level 0 lies in the packed axis.
    padding : Tensor, (S,), bool
        True at slots that belong to no level.
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        self.levels = levels
        buckets: dict[int, list[int]] = {}
        for part, k in enumerate(levels):
            buckets.setdefault((k - 1).bit_length(), []).append(part)
        grouped = [parts for _, parts in sorted(buckets.items())]
        self.groups = [(parts, max(levels[p] for p in parts)) for parts in grouped]
        self.starts = [0, *accumulate(len(parts) * width for parts, width in self.groups)]
        self.size = self.starts[-1]
        self.offsets = torch.zeros(len(levels), dtype=torch.int64)
        for start, (parts, width) in zip(self.starts[:-1], self.groups, strict=True):
            self.offsets[parts] = start + width * torch.arange(len(parts))
        self.padding = self._padding()

    def _padding(self) -> Tensor:
        pad = torch.ones(self.size, dtype=torch.bool)
        for part, k in enumerate(self.levels):
            pad[int(self.offsets[part]) : int(self.offsets[part]) + k] = False
        return pad

    def views(self, packed: Tensor) -> Iterator[Tensor]:
        """Per group a view (B, *, parts of the group, K of the group) of ``packed``."""
        for start, (parts, width) in zip(self.starts[:-1], self.groups, strict=True):
            yield packed[..., start : start + len(parts) * width].unflatten(-1, (len(parts), width))

    def join(self, views: list[Tensor]) -> Tensor:
        """The packed tensor made of per-group tensors; the inverse of :meth:`views`."""
        return torch.cat([v.flatten(-2) for v in views], dim=-1)

    def unpack(self, packed: Tensor, part: int) -> Tensor:
        """The (B, *, K) slice of one part."""
        start = int(self.offsets[part])
        return packed[..., start : start + self.levels[part]]

    def pick(self, packed: Tensor, cat: Tensor) -> Tensor:
        """``packed`` at each part's level ``cat``: (B, *, Dc)."""
        return packed.gather(-1, cat + self.offsets.to(cat.device))

    def cross_entropy(self, packed: Tensor, cat: Tensor) -> Tensor:
        """-log p of each part's level ``cat`` under the logits ``packed``: (B, *, Dc)."""
        if not self.levels:
            return torch.zeros(cat.shape, device=packed.device, dtype=packed.dtype)
        loss: Tensor = _CrossEntropy.apply(packed, cat + self.offsets.to(cat.device), self)
        return loss

    def log_softmax(self, packed: Tensor) -> Tensor:
        """Normalise each part's logits; padding gets -inf."""
        normal = torch.empty_like(packed)
        for view, padding, into in self._groups(packed, self.padding, normal):
            into.copy_(view.masked_fill(padding.to(view.device), -torch.inf).log_softmax(-1))
        return normal

    def draw(self, packed: Tensor, uniform: Tensor, wanted: Tensor) -> Tensor:
        """A level of each wanted part with the probabilities of its logits, by inversion.

        Only what is wanted is normalised, so a sampler that shows few parts at a step pays for few.

        Parameters
        ----------
        packed : Tensor, (B, *, S)
            Logits; anything at padding.
        uniform : Tensor, (B, *, Dc), in [0, 1)
        wanted : Tensor, (B, *, Dc), bool

        Returns
        -------
        Tensor, (B, *, Dc), int64
            0 where nothing is wanted.
        """
        drawn = torch.zeros(uniform.shape, dtype=torch.int64, device=uniform.device)
        views = self._groups(packed, self.padding)
        for (parts, _), (view, padding) in zip(self.groups, views, strict=True):
            here = wanted[..., parts].nonzero(as_tuple=True)
            of_part = torch.tensor(parts, device=uniform.device)[here[-1]]
            weights = view[here].masked_fill(padding.to(view.device)[here[-1]], -torch.inf)
            cdf = weights.float().softmax(-1).cumsum(-1)
            target = uniform[(*here[:-1], of_part)][:, None] * cdf[:, -1:]
            # u is at most 1 - 2^-24, so in float32 too the target lies below the total.
            drawn[(*here[:-1], of_part)] = (cdf <= target).sum(-1)
        return drawn

    def _groups(self, *packed: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """The views of several packed tensors, group by group."""
        return zip(*map(self.views, packed), strict=True)


class _CrossEntropy(torch.autograd.Function):
    """log_softmax and pick in one, with one pass over the levels on the way back.

    Left to autograd, the way back fills a packed tensor with zeros for every group and adds them.
    """

    @staticmethod
    def forward(ctx: Any, packed: Tensor, slots: Tensor, packing: Packing) -> Tensor:
        """-log p at the slots."""
        log_p = packing.log_softmax(packed.detach())
        ctx.save_for_backward(log_p, slots)
        ctx.packing = packing
        return -log_p.gather(-1, slots)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of each slot: that of its part times (p - onehot)."""
        (grad,), (log_p, slots) = grads, ctx.saved_tensors
        out = torch.empty_like(log_p)
        views = ctx.packing._groups(log_p, out)
        for (parts, _), (view, into) in zip(ctx.packing.groups, views, strict=True):
            torch.mul(view.exp(), grad[..., parts, None], out=into)
        return out.scatter_add_(-1, slots, -grad), None, None
