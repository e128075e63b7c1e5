"""The denoiser of sequences: gated dilated convolutions over one vector per row, and attention."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Known, Layout, Mixed, Packing
from tabdiff.denoisers.embeddings import LevelEmbedding, PeriodicEmbedding, TimeEmbedding
from tabdiff.denoisers.mlp import Affine

# The level of the presence part at which there is no row.
ABSENT = 1
# The level of the part of traits at which they are not told.
UNTOLD = 1
N_HEADS = 4
# Divides every width: heads are equally wide, and their features come in pairs.
WIDTH_UNIT = 2 * N_HEADS
# Cells that the unit normal is worth beside the known ones when level and spread are told.
PRIOR_CELLS = 24.0


class Schedule(Protocol):
    """How much signal and noise the numeric parts hold at time t."""

    def alpha(self, t: Tensor) -> Tensor:
        """Kept signal, (B,) -> (B,)."""
        ...

    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise, (B,) -> (B,)."""
        ...


class GatedConvolution(nn.Module):
    """h + W2 (a sigmoid(b)),  (a, b) = W1 [n_{l-d}, n_l, n_{l+d}],  n = LayerNorm(h).

    Rows that are absent send nothing to their neighbours, so that a window never depends on how far
    it was filled up.

    Source: the gated dilated convolutions of van den Oord et al. 2016 (arXiv:1609.03499), section
    2.3, here looking both ways, as in DiffWave (Kong et al. 2020, arXiv:2009.09761).

    Parameters
    ----------
    width : int
    dilation : int
        d, in rows.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width, dtype=torch.float32)
        self.widen = Affine(3 * width, 2 * width)
        self.narrow = Affine(width, width)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """(B, L, width), (B, L, 1) -> (B, L, width)."""
        n = self.norm(h) * present
        padded = nn.functional.pad(n, (0, 0, self.dilation, self.dilation))
        length, d = n.shape[1], self.dilation
        beside = torch.cat([padded[:, :length], n, padded[:, 2 * d : 2 * d + length]], dim=-1)
        return h + self.narrow(nn.functional.glu(self.widen(beside), dim=-1))


class Attention(nn.Module):
    """h + W softmax(q k) v over the rows of a window, heads side by side.

    Queries and keys are turned by an angle proportional to their place, so what rows say to each
    other depends on the distance between them (Su et al. 2021, arXiv:2104.09864).

    Parameters
    ----------
    width : int
    n_heads : int
        Divides ``width`` into an even number of features a head.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(width, dtype=torch.float32)
        self.ask = Affine(width, 3 * width)
        self.narrow = Affine(width, width)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """(B, L, width), (B, L, 1) -> (B, L, width)."""
        asked = self.ask(self.norm(h)).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        # Where no row is present at all, attention looks at everything and nobody reads it.
        heard = (present.squeeze(-1) > 0) | ~present.bool().any(1)
        mixed = nn.functional.scaled_dot_product_attention(
            _turned(query), _turned(key), value, attn_mask=heard[:, None, None, :]
        )
        return h + self.narrow(mixed.transpose(1, 2).flatten(-2))


def _turned(x: Tensor) -> Tensor:
    """Features (B, H, L, 2 k) turned by l / 100^(i / k) in the plane of the pair i."""
    length, half = x.shape[-2], x.shape[-1] // 2
    place = torch.arange(length, device=x.device, dtype=torch.float32)[:, None]
    speed = 100.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    cos, sin = torch.cos(place * speed).to(x.dtype), torch.sin(place * speed).to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class OwnScale(NamedTuple):
    """Level and spread of each number in each window, told by its known cells.

        x_0 = m + s z,   v = sigma_t (alpha_t (1 - s^2) d / c^2 - m) + s / c f,
        d = x_t - alpha_t m,   c^2 = alpha_t^2 s^2 + sigma_t^2

    The network sees z where cells are known and d / c elsewhere, both of unit variance, and answers
    f, whose zero is the belief N(m, s^2). It is not told m and s, so a series on a level that no
    training row had looks to it like any other; where nothing is known there is no such scale.
    What a noisy cell tells of its own z is

        z | x_t ~ N(alpha_t s d / c^2, sigma_t^2 / c^2).

    Source: windows scaled by their own moments are of Kim et al. 2022 (ICLR, *RevIN*), skips by
    variance of Karras et al. 2022 (arXiv:2206.00364), section 5. Their union for v: derived here.

    Attributes
    ----------
    mean, spread : Tensor, (B, 1, Dn)
        0 and 1 of parts without a scale of their own.
    """

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, x: Tensor, seen: Tensor, first: int) -> Self:
        """Of the cells ``seen``, (B, L, Dn), and ``PRIOR_CELLS`` of a unit normal.

        The parts before ``first`` have no scale of their own.
        """
        own, seen = x[..., first:], seen[..., first:]
        n = seen.sum(1, keepdim=True, dtype=x.dtype) + PRIOR_CELLS
        mean = (own * seen).sum(1, keepdim=True) / n
        square = (((own - mean) * seen) ** 2).sum(1, keepdim=True)
        spread = ((square + PRIOR_CELLS) / n).sqrt()
        pad = nn.functional.pad
        return cls(pad(mean, (first, 0)), pad(spread, (first, 0), value=1.0))

    def shown(self, x: Tensor, known: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What the network sees of x_t, (B, L, Dn)."""
        return torch.where(
            known,
            (x - self.mean) / self.spread,
            (x - alpha * self.mean) / self._all(alpha, sigma),
        )

    def clean(
        self, shown: Tensor, known: Tensor, alpha: Tensor, sigma: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance of each z given its own cell as :meth:`shown`, (B, L, Dn)."""
        whole = self._all(alpha, sigma)
        mean = torch.where(known, shown, alpha * self.spread / whole * shown)
        return mean, ((sigma / whole) ** 2).expand_as(mean).masked_fill(known, 0.0)

    def velocity(self, f: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """V of the network's answer, (B, L, Dn)."""
        whole, away = self._all(alpha, sigma), x - alpha * self.mean
        known = alpha * (1 - self.spread**2) * away / whole**2
        return sigma * (known - self.mean) + self.spread / whole * f

    def _all(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        return ((alpha * self.spread) ** 2 + sigma**2).sqrt()


class TemporalDenoiser(nn.Module):
    """(x_t, t, known) -> velocities and logits of every row of a window.

    The first parts of the layout are *context*, always known: the network reads them and has
    nothing to say about them. The first categorical part tells whether there is a row at all. As
    with :class:`MLPDenoiser` the heads begin at zero, hence with independent cells of the right
    marginals.

    Parameters
    ----------
    layout : Layout
    n_context : (int, int)
        How many of the first numeric and categorical parts are context; at least one of the latter.
    width : int
    depth : int
        Rounds of convolutions with dilations 1, 2, 4, … below half the window; after the first
        round comes the attention.
    window : int
        The most rows that are seen together.
    n_place : int
        Numeric parts behind the context that keep the scale of all sequences.
    schedule : Schedule
        Of the numeric parts.
    n_traits : (int, int)
        How many of the first numeric parts are levels of the entity, and how many of the
        categorical ones behind ``told`` its usual categories. They are heard while new sequences
        are made: where it is known where in its sequence a row lies, and the last row of the window
        is open. Elsewhere, of a history or a gap, nobody knows what holds of the whole.
    told : int
        The categorical part that says whether traits are told: 0, or 1 where they are not.
    fading : bool
        Whether the waves of noisy numbers fade (:class:`PeriodicEmbedding`).
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self,
        layout: Layout,
        n_context: tuple[int, int],
        *,
        width: int,
        depth: int,
        window: int,
        n_place: int,
        schedule: Schedule,
        n_traits: tuple[int, int] = (0, 0),
        told: int = 0,
        fading: bool = True,
        n_heads: int = N_HEADS,
        n_frequencies: int = 8,
        frequency_scale: float = 0.5,
        level_dim: int = 32,
        n_times: int = 8,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layout, self.n_context = layout, n_context
        self.n_place, self.schedule, self.fading = n_place, schedule, fading
        self.n_traits, self.told = n_traits, told
        self.packing = Packing(layout.levels)
        self.numbers = PeriodicEmbedding(layout.n_num, n_frequencies, frequency_scale)
        self.levels = LevelEmbedding(self.packing, layout.ordered, level_dim)
        self.time = TimeEmbedding(n_times)
        own_num, own_cat = layout.n_num - n_context[0], layout.n_cat - n_context[1]
        n_inputs = layout.n_num * (2 * n_frequencies + 1) + layout.n_cat * level_dim
        n_inputs += own_num + own_cat
        self.enter = Affine(n_inputs + 2 * n_times, width)
        dilations = [2**i for i in range(max(window - 1, 1).bit_length())][:-1] or [1]
        self.blocks = nn.ModuleList(
            [GatedConvolution(width, d) for d in dilations]
            + [Attention(width, n_heads)]
            + [GatedConvolution(width, d) for _ in range(depth - 1) for d in dilations]
        )
        self.norm = nn.LayerNorm(width, dtype=torch.float32)
        self.velocity = Affine(width, own_num)
        self.query = Affine(width, own_cat * level_dim)
        self.bias = nn.Parameter(torch.zeros(self.packing.size, dtype=torch.float32))
        self._initialise(generator)

    def set_proportions(self, proportions: list[np.ndarray]) -> None:
        """Put the log-proportions of the parts that are no context into the bias of their logits.

        A level never seen gets the weight of half a row in a hundred thousand.
        """
        with torch.no_grad():
            for part, p in enumerate(proportions, start=self.n_context[1]):
                bias = torch.as_tensor(np.log(np.maximum(p, 5e-6)), dtype=torch.float32)
                self.packing.unpack(self.bias, part).copy_(bias)

    def forward(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """Velocities (B, L, Dn) and logits (B, L, S) of noisy windows at times t, (B,).

        With ``wanted`` (B, L, Dc), bool, only the logits of those parts mean anything.
        """
        present = (x_t.cat[..., :1] != ABSENT).to(x_t.num.dtype)
        n_num, n_cat = self.n_context
        if any(self.n_traits):
            x_t = self._heard(x_t, known, present)
        x = x_t.num
        alpha, sigma = (f(t)[:, None, None] for f in (self.schedule.alpha, self.schedule.sigma))
        # Values that do not exist come as 0 and tell nothing of the scale.
        scale = OwnScale.of(x, known.num & (x != 0) & (present > 0), n_num + self.n_place)
        shown = scale.shown(x, known.num, alpha, sigma)
        clean = scale.clean(shown, known.num, alpha, sigma) if self.fading else None
        clock = self.time(t)[:, None].expand(*x_t.shape, -1)
        inputs = [self.numbers(shown, clean), self.levels(x_t.cat), clock]
        inputs += [known.num[..., n_num:].float(), known.cat[..., n_cat:].float()]
        h = self.enter(torch.cat(inputs, dim=-1))
        for block in self.blocks:
            h = block(h, present)
        h = self.norm(h)
        answer = nn.functional.pad(self.velocity(h).float(), (n_num, 0))
        velocity = scale.velocity(answer, x, alpha, sigma)
        if wanted is not None:
            return Belief(velocity, self.levels.some_logits(h, self.query, self.bias, wanted))
        queries = nn.functional.pad(self.query(h), (n_cat * self.levels.dim, 0))
        return Belief(velocity, self.levels.logits(queries, self.bias))

    def _heard(self, x_t: Mixed, known: Known, present: Tensor) -> Mixed:
        """``x_t`` without the traits of windows that do not hear them."""
        (n_num, n_cat), cells = self.n_context, self.n_context[0] + self.n_place
        row = torch.arange(present.shape[1], device=present.device)
        last = torch.where(present.squeeze(-1) > 0, row, 0).amax(-1)
        at = torch.arange(len(last), device=present.device), last
        own = known.num[at], known.cat[at]
        placed = own[0][:, n_num:cells].all(-1)
        open_end = ~(own[0][:, cells:].any(-1) | own[1][:, n_cat:].any(-1))
        silent = ~(placed & open_end)[:, None, None] | (x_t.cat[..., [self.told]] == UNTOLD)
        num, cat = x_t.num.clone(), x_t.cat.clone()
        n_levels, n_usual = self.n_traits
        num[..., :n_levels] = num[..., :n_levels].masked_fill(silent, 0.0)
        cat[..., [self.told]] = cat[..., [self.told]].masked_fill(silent, UNTOLD)
        for part in range(self.told + 1, self.told + 1 + n_usual):
            # The level that stands for a mask.
            cat[..., [part]] = cat[..., [part]].masked_fill(silent, self.layout.levels[part])
        return Mixed(num, cat)

    def _initialise(self, generator: torch.Generator) -> None:
        self.numbers.initialise(generator)
        self.levels.initialise(generator)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                with torch.no_grad():
                    module.weight.normal_(0.0, module.in_features**-0.5, generator=generator)
                    module.bias.zero_()
        kinds = (GatedConvolution, Attention)
        silent = [module.narrow for module in self.modules() if isinstance(module, kinds)]
        for layer in (*silent, self.velocity, self.query):
            nn.init.zeros_(layer.weight)
