"""Noisy parts as vectors a network can read."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class PeriodicEmbedding(nn.Module):
    """Each number beside sines and cosines of itself at learned frequencies.

        [x, sin(2 pi c_1 x), cos(2 pi c_1 x), ..., sin(2 pi c_k x), cos(2 pi c_k x)]

    Lets a smooth network resolve differences far below one standard deviation.

    Source: Gorishniy et al. 2022 (arXiv:2203.05556), section 3.3; the raw x beside it is ours.

    Shape: (B, *, D) -> (B, *, D * (2 n_frequencies + 1)).

    Parameters
    ----------
    n_parts : int
    n_frequencies : int
        k, per part.
    scale : float
        Standard deviation of the initial frequencies, in cycles per unit.
    """

    def __init__(self, n_parts: int, n_frequencies: int, scale: float) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.empty(n_parts, n_frequencies, dtype=torch.float32))
        self.scale = scale

    def initialise(self, generator: torch.Generator) -> None:
        """Draw frequencies from N(0, scale^2)."""
        with torch.no_grad():
            self.frequencies.normal_(0.0, self.scale, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """The features of every part, side by side."""
        phase = 2 * math.pi * x[..., None] * self.frequencies
        return torch.cat([x[..., None], phase.sin(), phase.cos()], dim=-1).flatten(-2)


class LevelEmbedding(nn.Module):
    """One learned vector per level of each part, and one for its mask, by a single gather.

    Vectors of levels without order start as independent noise. Those of ordered levels start on
    random smooth curves of their rank, so that neighbours look alike before training and rare
    levels borrow from frequent neighbours; both have unit variance.

    Shape: (B, *, D) int64 -> (B, *, D * dim).

    Parameters
    ----------
    levels : tuple of int
        K per part; the token K is the mask.
    ordered : tuple of bool
    dim : int
    """

    first: Tensor

    def __init__(self, levels: tuple[int, ...], ordered: tuple[bool, ...], dim: int) -> None:
        super().__init__()
        self.levels, self.ordered = levels, ordered
        tokens = torch.tensor([0, *(k + 1 for k in levels)], dtype=torch.int64)
        self.register_buffer("first", tokens.cumsum(0)[:-1], persistent=False)
        self.table = nn.Parameter(torch.empty(int(tokens.sum()), dim, dtype=torch.float32))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw the initial vectors."""
        self.table.normal_(generator=generator)
        dim = self.table.shape[1]
        for part, k in enumerate(self.levels):
            if self.ordered[part]:
                turns = torch.randn(dim, generator=generator, dtype=torch.float32)
                phase = torch.rand(dim, generator=generator, dtype=torch.float32)
                rank = torch.linspace(0.0, 1.0, k, dtype=torch.float32)[:, None]
                start = int(self.first[part])
                curves = torch.sin(2 * math.pi * (rank * turns + phase))
                self.table[start : start + k] = math.sqrt(2) * curves

    def forward(self, x: Tensor) -> Tensor:
        """The vectors of every part, side by side."""
        return nn.functional.embedding(x + self.first, self.table).flatten(-2)


class TimeEmbedding(nn.Module):
    """Sines and cosines of t at fixed frequencies from half a turn to 2^(n-2) turns.

    Shape: (B,) -> (B, 2 n).
    """

    frequencies: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        octaves = torch.arange(n, dtype=torch.float32)
        self.register_buffer("frequencies", math.pi * 2.0**octaves, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """The features of each time."""
        phase = t[:, None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)
