"""Multinomial diffusion of the categorical parts.

    q(x_t | x_0) = Cat(alpha_bar_t onehot(x_0) + (1 - alpha_bar_t) pi)

``pi`` is uniform over the K levels (Hoogeboom et al. 2021, arXiv:2102.05379) or puts all its mass
on a mask, level K (absorbing; Austin et al. 2021, arXiv:2107.03006).

The network's output are logits of the clean level. Trained by cross-entropy they converge to
p(x_0 | x_t), and the reverse step that belongs to it *mixes* the posterior over that belief,

    p(x_s | x_t) = sum_k p(x_0 = k | x_t) q(x_s | x_t, x_0 = k).

Plugging the mean of the belief into q(x_s | x_t, x_0) instead is biased. To mix is to draw: a
level from the belief first, then x_s given that level. The second draw needs no vector over levels,
because the posterior is a mixture of three things that may have happened (derived here from Bayes'
rule):

    x_s = x_t           with weight  r (alpha_bar_s [x_t = x_0] + (1 - alpha_bar_s) pi(x_t))
    x_s = x_0           with weight  (1 - r) pi(x_t) alpha_bar_s
    x_s ~ pi            with weight  (1 - r) pi(x_t) (1 - alpha_bar_s)

with ``r = alpha_bar_t / alpha_bar_s``; the weights sum to q(x_t | x_0).

Some parts may be decided *first*: they turn into noise late and, in reverse, come back early,

    1 - alpha_bar_t = (1 - alpha_bar of the schedule)^FIRST,

so that what depends on them meets them decided nearly all the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from tabdiff.data.mixed import Packing
from tabdiff.diffusion.gaussian import require_order, rows
from tabdiff.diffusion.schedule import KeepSchedule

Prior = Literal["absorbing", "uniform"]

# The power of the noise of parts that are decided first: half of them are by t = .92.
FIRST = 8.0


class MultinomialDiffusion:
    """Diffusion over levels in continuous time.

    Parameters
    ----------
    levels : tuple of int
        K of each categorical part.
    prior : "absorbing" or "uniform"
        What the levels turn into: a mask (level K), or any level.
    schedule : KeepSchedule
    first : sequence of int
        Parts that are decided first.

    Raises
    ------
    ValueError
        If ``prior`` is neither.
    """

    def __init__(
        self,
        levels: tuple[int, ...],
        prior: Prior = "absorbing",
        schedule: KeepSchedule | None = None,
        first: Sequence[int] = (),
    ) -> None:
        if prior not in ("absorbing", "uniform"):
            raise ValueError(f"prior must be 'absorbing' or 'uniform'. Got {prior!r}.")
        self.packing = Packing(levels)
        self.absorbing = prior == "absorbing"
        self.schedule = schedule or KeepSchedule()
        self._k = torch.tensor(levels, dtype=torch.int64)
        self.first = tuple(first)
        self._power = torch.ones(len(levels), dtype=torch.float32)
        self._power[list(first)] = FIRST

    def prior(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """x_1 ~ pi: (B, *, Dc) int64 on the generator's device."""
        k = self._k.to(generator.device)
        if self.absorbing:
            return k.expand(shape).clone()
        # u is a multiple of 2^-24 below 1, so u * K rounds to no more than a float below K.
        return (_uniform(shape, generator) * k).long()

    def prior_mass(self, x: Tensor) -> Tensor:
        """pi(x) per part: (B, *, Dc) -> (B, *, Dc), float32."""
        k = self._k.to(x.device)
        if self.absorbing:
            return (x == k).float()
        return (1.0 / k.float()).expand(x.shape)

    def kept(self, t: Tensor, like: Tensor) -> Tensor:
        """alpha_bar_t of each part, (B,) -> what broadcasts over ``like``, (B, *, Dc)."""
        kept = rows(self.schedule.alpha_bar(t), like)
        if not self.first:
            return kept
        return 1 - (1 - kept) ** self._power.to(t.device)

    def elbo_weight(self, t: Tensor, like: Tensor) -> Tensor:
        """What a masked part's cross-entropy weighs in the bound, by part; shapes as :meth:`kept`.

        -d log(1 - alpha_bar_t) / dt; see :meth:`KeepSchedule.elbo_weight`.
        """
        weight = rows(self.schedule.elbo_weight(t), like)
        return weight * self._power.to(t.device) if self.first else weight

    def settled(self, x_t: Tensor) -> Tensor:
        """(B, *, Dc) bool: levels that the prior cannot produce, hence are the clean ones."""
        return self.prior_mass(x_t) == 0

    def q_sample(self, x0: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        """x_t ~ q(x_t | x_0): (B, *, Dc), (B,) -> (B, *, Dc)."""
        keep = self.kept(t, x0)
        kept = _uniform(tuple(x0.shape), generator) < keep
        return torch.where(kept, x0, self.prior(tuple(x0.shape), generator))

    def q_posterior(
        self, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities that x_s is x_t (stay), x_0 (clean), or a fresh draw from pi.

        The three add to 1. Where x_t = x_0, staying and becoming clean are the same event.

        Parameters
        ----------
        x0, x_t : Tensor, (B, *, Dc), int64
        t, s : Tensor, (B,), in [0, 1] with s < t

        Returns
        -------
        stay, clean, fresh : Tensor, (B, *, Dc)

        Raises
        ------
        ValueError
            If any s >= t.
        """
        require_order(t, s)
        kept_t = self.kept(t, x_t)
        kept_s = self.kept(s, x_t)
        r, mass = kept_t / kept_s, self.prior_mass(x_t)
        total = kept_t * (x_t == x0) + (1 - kept_t) * mass
        stay = r * (kept_s * (x_t == x0) + (1 - kept_s) * mass)
        clean = (1 - r) * mass * kept_s
        fresh = (1 - r) * mass * (1 - kept_s)
        return stay / total, clean / total, fresh / total

    def estimate(self, logits: Tensor) -> Tensor:
        """Log p(x_0 = k | x_t) from logits, normalised per part: (B, *, S) -> (B, *, S)."""
        return self.packing.log_softmax(logits)

    def clock(self, known: Tensor, generator: torch.Generator) -> Tensor | None:
        """When each part of each example is to show its level: (B, *, Dc) in [0, 1), or None.

        ``known`` (B, *, Dc) bool marks the parts that show it from the start; their times mean
        nothing, and the others are spread as if these were not there.

        A part stays masked while ``clock < 1 - alpha_bar_s``. Independent uniform clocks give the
        absorbing process as it is defined. Here the clocks of an example, be it a row or a window
        of rows, are spread evenly, in random order, those of parts that are decided first apart
        from the others: every part's own law is unchanged and every order of either sort is equally
        likely, but parts no longer coincide in one step, where they would be drawn as if
        independent. With at least as many steps as parts, in which alpha_bar falls
        equally, the categorical parts are drawn one after the other, without discretisation error.
        Derived here; None under the uniform prior, whose parts move more than once.
        """
        if not self.absorbing:
            return None
        free = ~known.flatten(1)
        rank, shift = (_uniform((len(free), n), generator) for n in (free.shape[1], 1))
        first = torch.zeros(known.shape, dtype=torch.bool, device=known.device)
        first[..., list(self.first)] = True
        first = first.flatten(1)
        clock = _spread(rank, shift, free & ~first) + _spread(rank, shift, free & first)
        return clock.reshape(known.shape)

    def due(self, x_t: Tensor, s: Tensor, clock: Tensor) -> Tensor:
        """Which parts show their level in the step to s, by their ``clock``: (B, *, Dc) bool."""
        return ~self.settled(x_t) & (clock >= 1 - self.kept(s, x_t))

    def step(
        self,
        logits: Tensor,
        x_t: Tensor,
        t: Tensor,
        s: Tensor,
        generator: torch.Generator,
        clock: Tensor | None = None,
    ) -> Tensor:
        """x_s ~ sum_k p(x_0 = k | x_t) q(x_s | x_t, x_0 = k).

        Parameters
        ----------
        logits : Tensor, (B, *, S)
            Of p(x_0 = k | x_t); with a ``clock``, of parts that are due.
        x_t : Tensor, (B, *, Dc)
        t, s : Tensor, (B,), with s < t
        clock : Tensor, (B, *, Dc), optional
            The same at every step of a row, as :meth:`clock` gives it; None decides anew.

        Returns
        -------
        Tensor, (B, *, Dc), int64
        """
        require_order(t, s)
        u = _uniform((2, *x_t.shape), generator)
        if self.absorbing:
            if clock is None:
                # Given that a part is masked at t, its clock is uniform below 1 - alpha_bar_t.
                clock = u[1] * (1 - self.kept(t, x_t))
            shown = self.due(x_t, s, clock)
            return torch.where(shown, self.packing.draw(logits, u[0], shown), x_t)
        x0 = self.packing.draw(logits, u[0], torch.ones_like(x_t, dtype=torch.bool))
        stay, clean, _ = self.q_posterior(x0, x_t, t, s)
        noise = self.prior(tuple(x_t.shape), generator)
        return torch.where(u[1] < stay, x_t, torch.where(u[1] < stay + clean, x0, noise))

    def loss(self, logits: Tensor, x0: Tensor, x_t: Tensor) -> Tensor:
        """Cross-entropy -log p(x_0 | x_t) in nats per part, 0 where x_t is settled: (B, *, Dc)."""
        return self.packing.cross_entropy(logits, x0).masked_fill(self.settled(x_t), 0.0)

    def kl(self, logits: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x0) || p(x_s | x_t)) in nats per part: (B, *, Dc).

        Both distributions share the factor ``r [x_s = x_t] + (1 - r) pi(x_t)``. What is left is

            q: (alpha_bar_s [x_s = x_0] + (1 - alpha_bar_s) pi(x_s)) / Z(x_0)
            p: alpha_bar_s w(x_s) + (1 - alpha_bar_s) pi(x_s) sum_k w(k)

        with ``w(k) = p(x_0 = k | x_t) / Z(k)`` and ``Z(k) = q(x_t | x_0 = k)``. Derived here.
        Under the absorbing prior only ``x_s = x_0`` differs, and the sum has one term.
        """
        if self.absorbing:
            _, clean, _ = self.q_posterior(x0, x_t, t, s)
            return clean * self.loss(logits, x0, x_t)
        require_order(t, s)
        log_p, divergences = self.estimate(logits), []
        by_part = [self.kept(time, x_t).expand(x_t.shape)[..., None] for time in (t, s)]
        for part, k in enumerate(self.packing.levels):
            kept_t, kept_s = (kept[..., part, :] for kept in by_part)
            r = kept_t / kept_s
            p = self.packing.unpack(log_p, part).exp()
            at_t = torch.nn.functional.one_hot(x_t[..., part], k).to(p)
            at_0 = torch.nn.functional.one_hot(x0[..., part], k).to(p)
            z = kept_t * at_t + (1 - kept_t) / k
            w = p / z
            shared = r * at_t + (1 - r) / k
            clean = kept_s * at_0 + (1 - kept_s) / k
            clean = clean / (z * at_0).sum(-1, keepdim=True)
            mixed = kept_s * w + (1 - kept_s) / k * w.sum(-1, keepdim=True)
            divergences.append(
                (
                    torch.special.xlogy(shared * clean, clean)
                    - torch.special.xlogy(shared * clean, mixed)
                ).sum(-1)
            )
        if not divergences:
            return torch.zeros(x_t.shape, device=x_t.device, dtype=torch.float32)
        return torch.stack(divergences, dim=-1)


def _spread(rank: Tensor, shift: Tensor, chosen: Tensor) -> Tensor:
    """Times spread evenly over the ``chosen`` parts in the order of their rank, 0 elsewhere."""
    place = rank.masked_fill(~chosen, 1.0).argsort(-1).argsort(-1)
    spread = (place + shift) / chosen.sum(-1, keepdim=True).clamp(min=1)
    return spread.masked_fill(~chosen, 0.0)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws from U(0, 1), float32 whatever torch's default, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
