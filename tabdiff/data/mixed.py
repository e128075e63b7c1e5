"""The pair of tensors that flows everywhere: numeric parts and categorical parts of the same rows.

A *part* is one tensor column. A frame's column may own several (a numeric column with missing
values owns a categorical *state* and a numeric *value*), so parts are counted apart from columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

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

    def to(self, device: torch.device | str) -> Mixed:
        """The same rows on another device."""
        return Mixed(self.num.to(device), self.cat.to(device))


@dataclass(frozen=True, slots=True)
class Belief:
    """What a denoiser says about the clean row, part by part.

    Parameters
    ----------
    num : Tensor, (B, *, Dn)
        Network output, or after ``estimate`` the posterior mean of the clean numeric parts.
    log_p : Tensor, (B, *, S)
        Logits, or after ``estimate`` log-probabilities of the clean levels, in the order of
        :class:`Packing`.
    """

    num: Tensor
    log_p: Tensor


@dataclass(frozen=True)
class Layout:
    """What each part of a :class:`Mixed` stands for.

    Parameters
    ----------
    num_names, cat_names : tuple of str
        One name per part, for messages.
    levels : tuple of int
        Number of levels K of each categorical part.
    gates : tuple of (int, int) or None
        Per numeric part: the index of its state part and the level of that state at which the
        value exists; None where it always exists.
    ordered : tuple of bool
        Per categorical part: levels have a natural order (a missing level, if any, is last).
    """

    num_names: tuple[str, ...]
    cat_names: tuple[str, ...]
    levels: tuple[int, ...]
    gates: tuple[tuple[int, int] | None, ...]
    ordered: tuple[bool, ...]

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

    @cached_property
    def order(self) -> Tensor:
        """Parts in packed order; ``values[..., order]`` lines up with the groups."""
        return torch.tensor([p for parts, _ in self.groups for p in parts], dtype=torch.int64)

    @cached_property
    def inverse(self) -> Tensor:
        """Position of each part in packed order."""
        return torch.argsort(self.order)

    @cached_property
    def padding(self) -> Tensor:
        """(S,) bool, True at slots that belong to no level."""
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

    def log_softmax(self, packed: Tensor) -> Tensor:
        """Normalise each part's logits; padding gets -inf."""
        if not self.levels:
            return packed
        packed = packed.masked_fill(self.padding.to(packed.device), -torch.inf)
        return self.join([v.log_softmax(-1) for v in self.views(packed)])

    def draw(self, weights: Tensor, uniform: Tensor) -> Tensor:
        """A level per part with probability proportional to ``weights``, by inversion.

        Parameters
        ----------
        weights : Tensor, (B, *, S), non-negative, zero at padding
        uniform : Tensor, (B, *, Dc), in [0, 1)

        Returns
        -------
        Tensor, (B, *, Dc), int64
        """
        if not self.levels:
            return torch.zeros_like(uniform, dtype=torch.int64)
        ordered = uniform[..., self.order.to(uniform.device)]
        drawn, first = [], 0
        for view in self.views(weights):
            n = view.shape[-2]
            cdf = view.cumsum(-1)
            target = ordered[..., first : first + n, None] * cdf[..., -1:]
            # A target that rounds up to the total would point past the last level with weight.
            last = (cdf < cdf[..., -1:]).sum(-1)
            drawn.append(torch.minimum((cdf <= target).sum(-1), last))
            first += n
        return torch.cat(drawn, dim=-1)[..., self.inverse.to(uniform.device)]
