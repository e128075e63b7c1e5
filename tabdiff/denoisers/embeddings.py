"""Noisy parts as vectors a network can read."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Packing


class PeriodicEmbedding(nn.Module):
    """Each number beside sines and cosines of itself at learned frequencies.

        [x, sin(2 pi c_1 x), cos(2 pi c_1 x), ..., sin(2 pi c_k x), cos(2 pi c_k x)]

    Lets a smooth network resolve differences far below one standard deviation.

    Of a noisy number whose clean value is N(m, v) the waves are those that are expected,

        E sin(2 pi c z) = sin(2 pi c m) exp(-(2 pi c)^2 v / 2),

    so fine ones fade where noise drowns them, and those of a number that is known do not.

    Source: Gorishniy et al. 2022 (arXiv:2203.05556), section 3.3; the raw x beside it is ours.
    Expected waves: Barron et al. 2021 (arXiv:2103.13415), of places in space; of noise: ours.

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

    def forward(self, x: Tensor, clean: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The features of every part, side by side.

        Parameters
        ----------
        clean : (Tensor, Tensor), each (B, *, D), optional
            Mean and variance of what the waves are of; x itself when None.
        """
        turn = 2 * math.pi * self.frequencies
        phase = (x if clean is None else clean[0])[..., None] * turn
        waves = torch.stack([phase.sin(), phase.cos()], dim=-2)
        if clean is not None:
            waves = waves * torch.exp(-0.5 * turn**2 * clean[1][..., None])[..., None, :]
        return torch.cat([x[..., None], waves.flatten(-2)], dim=-1).flatten(-2)


class LevelEmbedding(nn.Module):
    """One learned vector per level of each part, and one for its mask, by a single gather.

    Vectors of levels without order start as independent noise. Those of ordered levels start on
    waves of their rank, from half a turn over all levels to a turn every ten, in even ratios: the
    slow ones make neighbours alike, so that rare levels borrow from frequent neighbours, the fast
    ones tell neighbours apart. Both have unit variance.

    The same vectors read the network's answer: the logit of a level is its vector times a query.
    So an answer is a sum of waves too, as broad or as sharp as the query has it, and a part with
    ten thousand levels asks no more of the trunk than one with two.

    Shape: (B, *, D) int64 -> (B, *, D * dim).

    Source of the shared vectors: Press & Wolf 2017 (arXiv:1608.05859); of waves in geometric
    progression: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5. Both for levels: ours.

    Parameters
    ----------
    packing : Packing
        Of the levels; the token K of a part is its mask.
    ordered : tuple of int
        How many of the first levels of each part lie in order.
    dim : int
    """

    first: Tensor
    slots: Tensor

    def __init__(self, packing: Packing, ordered: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.packing, self.ordered, self.dim = packing, ordered, dim
        tokens = torch.tensor([0, *(k + 1 for k in packing.levels)], dtype=torch.int64)
        self.register_buffer("first", tokens.cumsum(0)[:-1], persistent=False)
        # The token that belongs in each slot of the packed axis; any will do for padding.
        slots = torch.zeros(packing.size, dtype=torch.int64)
        for part, k in enumerate(packing.levels):
            packing.unpack(slots, part).copy_(self.first[part] + torch.arange(k))
        self.register_buffer("slots", slots, persistent=False)
        self.table = nn.Parameter(torch.empty(int(tokens.sum()), dim, dtype=torch.float32))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw the initial vectors."""
        self.table.normal_(generator=generator)
        for part, n in enumerate(self.ordered):
            if n < 2:
                continue
            jitter = torch.rand(self.dim, generator=generator, dtype=torch.float32)
            exponent = (torch.arange(self.dim, dtype=torch.float32) + jitter) / self.dim
            turns = 0.5 * max(n / 5, 2.0) ** exponent
            phase = torch.rand(self.dim, generator=generator, dtype=torch.float32)
            rank = torch.linspace(0.0, 1.0, n, dtype=torch.float32)[:, None]
            start = int(self.first[part])
            waves = torch.sin(2 * math.pi * (rank * turns + phase))
            self.table[start : start + n] = math.sqrt(2) * waves

    def forward(self, x: Tensor) -> Tensor:
        """The vectors of every part, side by side."""
        return nn.functional.embedding(x + self.first, self.table).flatten(-2)

    def logits(self, queries: Tensor, bias: Tensor) -> Tensor:
        """Each level's vector times the query of its part: (B, *, D dim) -> (B, *, S).

        In float32 whatever the autocast: the 8 bits of bfloat16 would shift every probability by
        up to some per cent, and so short a product gains nothing by them.

        Parameters
        ----------
        bias : Tensor, (S,)
            Added.
        """
        if not self.ordered:
            return queries.float()
        with torch.autocast(queries.device.type, enabled=False):
            by_part = queries.float().unflatten(-1, (len(self.ordered), self.dim))
            vectors = nn.functional.embedding(self.slots, self.table)
            groups = zip(self.packing.groups, self.packing.views(vectors.T), strict=True)
            products = self.packing.join(
                [
                    torch.einsum("...pd,dpk->...pk", by_part[..., parts, :], view)
                    for (parts, _), view in groups
                ]
            )
            return products + bias

    def some_logits(self, h: Tensor, query: nn.Linear, bias: Tensor, wanted: Tensor) -> Tensor:
        """:meth:`logits` of ``query(h)`` for the parts that are wanted, anything elsewhere.

        A walk shows few parts of a row in one step, and asks for no others.

        Parameters
        ----------
        h : Tensor, (B, *, width)
        query : Linear, width -> (D - n) dim
            Of all parts but the first n, which are never wanted.
        bias : Tensor, (S,)
        wanted : Tensor, (B, *, D), bool

        Returns
        -------
        Tensor, (B, *, S)
        """
        if not self.ordered:
            return bias.new_empty((*wanted.shape[:-1], 0))
        n = len(self.ordered) - query.out_features // self.dim
        rows = [part.nonzero()[:, 0] for part in wanted.flatten(0, -2).T[n:].unbind()]
        h = h.float().flatten(0, -2)
        logits = bias.new_empty((len(h), self.packing.size))
        weights = query.weight.view(len(rows), self.dim, query.in_features)
        biases = query.bias.view(len(rows), self.dim)
        tables = self.table.split([k + 1 for k in self.packing.levels])
        with torch.autocast(h.device.type, enabled=False):
            for part, at in enumerate(rows, n):
                queries = nn.functional.linear(h[at], weights[part - n], biases[part - n])
                vectors = tables[part][: self.packing.levels[part]]
                found = torch.addmm(self.packing.unpack(bias, part), queries, vectors.T)
                self.packing.unpack(logits, part)[at] = found
        return logits.unflatten(0, wanted.shape[:-1])


class TimeEmbedding(nn.Module):
    """Sines and cosines of t at fixed frequencies from half a turn to 2^(n-2) turns.

    Shape: (B, *) -> (B, *, 2 n).
    """

    frequencies: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        octaves = torch.arange(n, dtype=torch.float32)
        self.register_buffer("frequencies", math.pi * 2.0**octaves, persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        """The features of each time."""
        phase = t[..., None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)
