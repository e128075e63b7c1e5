"""Both processes on one row, through one network.

    q(x_t | x_0) = q_gaussian(num_t | num_0) q_multinomial(cat_t | cat_0)

The noise is independent across parts; the dependence between columns is all in the denoiser, which
sees every noisy part at once and estimates every clean one.

A numeric part may be *gated* by a state part: it exists only at some levels of that part (there is
no value within a cell that is missing or an atom). Where it does not exist its clean value is
drawn from N(0, 1), so the joint stays a proper distribution over complete rows, and as soon as the
state is known to be closed the exact belief about the value, ``x0_hat = alpha_t x_t``, is used
instead of the network's.

Parts may be *known*: observed, hence clean at every t. The network is told which they are and
estimates the others given them, so one network holds every conditional of the joint; which
question is asked of it is only a matter of the mask (as CSDI does for series; Tashiro et al. 2021,
arXiv:2107.03502).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Known, Layout, Mixed
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion


class Denoiser(Protocol):
    """A network, or anything else that believes something about clean rows."""

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """The belief about rows at times t, (B,).

        Parameters
        ----------
        wanted : Tensor, (B, *, Dc), bool, optional
            Parts whose logits are read; all when None.
        """
        ...


MOST_WEIGHT = 4.5


class JointDiffusion:
    """Gaussian and multinomial diffusion side by side.

    Parameters
    ----------
    layout : Layout
    gaussian : GaussianDiffusion
    multinomial : MultinomialDiffusion
    """

    def __init__(
        self, layout: Layout, gaussian: GaussianDiffusion, multinomial: MultinomialDiffusion
    ) -> None:
        self.layout = layout
        self.gaussian = gaussian
        self.multinomial = multinomial
        gated = [(i, gate) for i, gate in enumerate(layout.gates) if gate is not None]
        self._gated = torch.tensor([i for i, _ in gated], dtype=torch.int64)
        self._state = torch.tensor([gate.state for _, gate in gated], dtype=torch.int64)
        # Per gate one flag a level, and one more for the mask, which opens nothing.
        flags = [torch.zeros(layout.levels[gate.state] + 1, dtype=torch.bool) for _, gate in gated]
        for flag, (_, gate) in zip(flags, gated, strict=True):
            flag[list(gate.levels)] = True
        self._open = torch.cat(flags) if flags else torch.zeros(0, dtype=torch.bool)
        self._first = torch.tensor([0, *map(len, flags)], dtype=torch.int64).cumsum(0)[:-1]

    def prior(self, shape: tuple[int, ...], generator: torch.Generator) -> Mixed:
        """Rows of pure noise: ``shape`` is (B, *), that of their parts without D."""
        return Mixed(
            self.gaussian.prior((*shape, self.layout.n_num), generator),
            self.multinomial.prior((*shape, self.layout.n_cat), generator),
        )

    def unknown(self, n: int, device: torch.device | str = "cpu") -> tuple[Mixed, Known]:
        """``n`` rows of which nothing is known."""
        x0 = Mixed(
            torch.zeros((n, self.layout.n_num), device=device, dtype=torch.float32),
            torch.zeros((n, self.layout.n_cat), device=device, dtype=torch.int64),
        )
        return x0, Known.nothing(x0)

    def complete(self, x0: Mixed, generator: torch.Generator) -> Mixed:
        """``x0`` with values that do not exist drawn from N(0, 1)."""
        if not len(self._gated):
            return x0
        noise = torch.randn(
            x0.num.shape, generator=generator, device=x0.num.device, dtype=x0.num.dtype
        )
        return Mixed(torch.where(self._closed(x0.cat, x0.num), noise, x0.num), x0.cat)

    def exists(self, x0: Mixed) -> Tensor:
        """(B, *, Dn) bool: values of clean rows that are there at all."""
        return ~self._closed(x0.cat, x0.num)

    def q_sample(self, x0: Mixed, t: Tensor, known: Known, generator: torch.Generator) -> Mixed:
        """x_t ~ q(x_t | x_0) for complete rows, (B,) times; what is known stays clean."""
        noisy = Mixed(
            self.gaussian.q_sample(x0.num, t, generator),
            self.multinomial.q_sample(x0.cat, t, generator),
        )
        return known.show(x0, noisy)

    def look(
        self,
        denoiser: Denoiser,
        x_t: Mixed,
        t: Tensor,
        known: Known,
        wanted: Tensor | None = None,
    ) -> Belief:
        """One call of the denoiser: velocities, and logits of the parts that are wanted.

        Values behind a state that is known to be closed are blanked on the way in, and their
        velocity is 0 on the way out, which is the exact belief about an independent unit normal.
        """
        if len(self._gated):
            closed = self._closed(x_t.cat, x_t.num, only=self._certain(x_t, known))
            seen = denoiser(Mixed(x_t.num.masked_fill(closed, 0.0), x_t.cat), t, known, wanted)
            velocity = seen.num.masked_fill(closed, 0.0)
        else:
            seen = denoiser(x_t, t, known, wanted)
            velocity = seen.num
        return Belief(velocity, seen.logits)

    def estimate(self, seen: Belief, x_t: Mixed, t: Tensor) -> Belief:
        """x0_hat of the numeric parts beside the logits of the categorical ones."""
        return Belief(self.gaussian.estimate(seen.num, x_t.num, t), seen.logits)

    def step(
        self,
        x0_hat: Belief,
        x_t: Mixed,
        t: Tensor,
        s: Tensor,
        generator: torch.Generator,
        clock: Tensor | None = None,
    ) -> Mixed:
        """x_s ~ p(x_s | x_t) given the belief about x_0."""
        return Mixed(
            self.gaussian.step(x0_hat.num, x_t.num, t, s),
            self.multinomial.step(x0_hat.logits, x_t.cat, t, s, generator, clock),
        )

    def losses(
        self, seen: Belief, x0: Mixed, x_t: Mixed, t: Tensor, known: Known
    ) -> tuple[Tensor, Tensor]:
        """Loss per part: squared velocity errors (B, *, Dn) and cross-entropies (B, *, Dc).

        What is known costs nothing, nor does a value whose state is known to be closed: its belief
        is exact already.
        """
        num = self.gaussian.loss(seen.num, x0.num, x_t.num, t).masked_fill(known.num, 0.0)
        if len(self._gated):
            closed = self._closed(x_t.cat, x_t.num, only=self._certain(x_t, known))
            num = num.masked_fill(closed, 0.0)
        cat = self.multinomial.loss(seen.logits, x0.cat, x_t.cat).masked_fill(known.cat, 0.0)
        return num, cat

    def loss(self, seen: Belief, x0: Mixed, x_t: Mixed, t: Tensor, known: Known) -> Tensor:
        """Training loss of each row, a mean over its parts: (B, *).

        Cross-entropies are weighted by the square root of their weight in the bound on the
        log-likelihood, at most ``MOST_WEIGHT``: the full weight makes up for how rarely a part is
        masked at low noise but is noisy, none neglects the last columns to be decided. Measured
        beside both (benchmarks/NOTES.md).
        """
        num, cat = self.losses(seen, x0, x_t, t, known)
        weight = self.multinomial.elbo_weight(t, cat).sqrt().clamp(max=MOST_WEIGHT)
        return torch.cat([num, cat * weight], dim=-1).mean(-1)

    def kl(self, x0_hat: Belief, x0: Mixed, x_t: Mixed, t: Tensor, s: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x0) || p(x_s | x_t)) of each row in nats: (B, *)."""
        num = self.gaussian.kl(x0_hat.num, x0.num, x_t.num, t, s)
        return num.sum(-1) + self.multinomial.kl(x0_hat.logits, x0.cat, x_t.cat, t, s).sum(-1)

    def _certain(self, x_t: Mixed, known: Known) -> Tensor:
        """(B, *, Dc) bool: parts that show their clean level, as far as can be told."""
        return known.cat | self.multinomial.settled(x_t.cat)

    def _closed(self, cat: Tensor, num: Tensor, only: Tensor | None = None) -> Tensor:
        """(B, *, Dn) bool: parts whose state shows a level at which they do not exist.

        ``only`` restricts this to states (B, *, Dc) that are certain.
        """
        closed = torch.zeros(num.shape, dtype=torch.bool, device=num.device)
        if len(self._gated):
            state = self._state.to(cat.device)
            shut = ~self._open.to(cat.device)[cat[..., state] + self._first.to(cat.device)]
            if only is not None:
                shut = shut & only[..., state]
            closed[..., self._gated.to(num.device)] = shut
        return closed
