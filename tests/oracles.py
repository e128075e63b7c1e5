"""Denoisers that know the answer: exact beliefs for rows drawn from a finite mixture.

A component fixes every categorical part at a level and draws the numeric parts from one Gaussian.
That is enough for a Gaussian mixture (no categorical parts), for any joint of categorical parts
(one component per cell), for numbers whose mean depends on a category, and for gated values.
"""

import math
from dataclasses import dataclass
from itertools import pairwise, permutations, product

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Gate, Known, Layout, Mixed
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule
from tests import naive


@dataclass(frozen=True)
class Mixture:
    """p(row) = sum_c weight_c [cat = levels_c] N(num; mean_c, covariance_c).

    Shapes: weight (C,), mean (C, Dn), covariance (C, Dn, Dn), levels (C, Dc).
    """

    weight: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    levels: np.ndarray
    sizes: tuple[int, ...]
    gates: tuple[Gate | None, ...] = ()

    @property
    def layout(self) -> Layout:
        n_num, n_cat = self.mean.shape[1], len(self.sizes)
        return Layout(
            tuple(f"x{i}" for i in range(n_num)),
            tuple(f"c{i}" for i in range(n_cat)),
            self.sizes,
            self.gates or (None,) * n_num,
            (0,) * n_cat,
        )

    def draw(self, n: int, rng: np.random.Generator) -> Mixed:
        """``n`` clean rows, float32."""
        c = rng.choice(len(self.weight), size=n, p=self.weight)
        root = np.linalg.cholesky(self.covariance) if self.mean.shape[1] else self.covariance
        noise = rng.standard_normal((n, self.mean.shape[1], 1))
        num = self.mean[c] + (root[c] @ noise)[..., 0]
        return Mixed(torch.as_tensor(num, dtype=torch.float32), torch.as_tensor(self.levels[c]))

    def joint(
        self,
        prior: str = "absorbing",
        warp: float = 1.0,
        first: tuple[int, ...] = (),
    ) -> JointDiffusion:
        """Both processes, at schedules that a test may count on."""
        return JointDiffusion(
            self.layout,
            GaussianDiffusion(CosineSchedule(warp)),
            MultinomialDiffusion(self.sizes, prior, KeepSchedule(), first),
        )

    def component_cdf(self, values: np.ndarray, part: int) -> np.ndarray:
        """CDF of numeric part ``part`` at ``values``."""
        return self.projected_cdf(values, np.eye(self.mean.shape[1])[part])

    def projected_cdf(self, values: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """CDF of the numeric parts' projection on ``direction``, all levels together."""
        mean = self.mean @ direction
        std = np.sqrt(np.einsum("i,cij,j->c", direction, self.covariance, direction))
        z = (np.asarray(values)[:, None] - mean) / (std * math.sqrt(2))
        return (0.5 * (1 + torch.erf(torch.as_tensor(z)).numpy())) @ self.weight


class Oracle:
    """The exact denoiser of a :class:`Mixture`: E[x_0 | x_t] as a velocity, p(x_0 | x_t) as logits.

    Everything in float64, from q(x_t | component) by Bayes' rule over components.
    """

    def __init__(self, mixture: Mixture, joint: JointDiffusion) -> None:
        self.mixture, self.joint = mixture, joint
        self.calls = 0
        self._log_weight = torch.as_tensor(np.log(mixture.weight))
        self._mean = torch.as_tensor(mixture.mean)
        # In the basis of each component's own axes, noise keeps the covariance diagonal.
        self._variance, self._axes = torch.linalg.eigh(torch.as_tensor(mixture.covariance))
        self._levels = torch.as_tensor(mixture.levels)

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        self.calls += 1
        t64, num = t.double(), x_t.num.double()
        numbers = self._observed_numbers if known.num.any() else self._numbers
        log_r, x0_hat = numbers(num, t64, known.num)
        log_q = self._categories(x_t.cat, t64, known.cat)
        log_r = torch.log_softmax(self._log_weight + log_r + log_q, -1)
        r = log_r.exp()
        schedule = self.joint.gaussian.schedule
        alpha, sigma = schedule.alpha(t64)[:, None], schedule.sigma(t64)[:, None]
        velocity = (alpha * num - (r[..., None] * x0_hat).sum(1)) / sigma
        return Belief(velocity.to(x_t.num.dtype), self._logits(r))

    def _observed_numbers(self, num: Tensor, t: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`_numbers` gives, where some of them are clean."""
        schedule, covariance = (
            self.joint.gaussian.schedule,
            torch.as_tensor(self.mixture.covariance),
        )
        alpha = torch.where(known, 1.0, schedule.alpha(t)[:, None])[:, None]
        sigma = torch.where(known, 0.0, schedule.sigma(t)[:, None])[:, None]
        cross = covariance * alpha[..., None, :]
        law = torch.distributions.MultivariateNormal(
            alpha * self._mean, alpha[..., None] * cross + torch.diag_embed(sigma**2)
        )
        off = num[:, None] - law.mean
        shift = cross @ torch.linalg.solve(law.covariance_matrix, off[..., None])
        return law.log_prob(num[:, None]), self._mean + shift[..., 0]

    def _numbers(self, num: Tensor, t: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """log q(num_t | component), (B, C), and E[num_0 | num_t, component], (B, C, Dn)."""
        schedule = self.joint.gaussian.schedule
        alpha, sigma = schedule.alpha(t)[:, None, None], schedule.sigma(t)[:, None, None]
        off = torch.einsum("cij,bci->bcj", self._axes, num[:, None] - alpha * self._mean)
        variance = alpha**2 * self._variance + sigma**2
        log_q = -0.5 * (off**2 / variance + variance.log()).sum(-1)
        shift = alpha * self._variance / variance * off
        return log_q, self._mean + torch.einsum("cij,bcj->bci", self._axes, shift)

    def _categories(self, cat: Tensor, t: Tensor, known: Tensor) -> Tensor:
        """log q(cat_t | component), (B, C)."""
        kept_t = self.joint.multinomial.kept(t, cat).expand(cat.shape)
        log_q = torch.zeros(len(cat), len(self._levels), dtype=torch.float64)
        for part, k in enumerate(self.mixture.sizes):
            pi = naive.prior_vector(k, self.joint.multinomial.absorbing)
            same = cat[:, part, None] == self._levels[:, part]
            kept = torch.where(known[:, part, None], 1.0, kept_t[:, part, None])
            log_q += (kept * same + (1 - kept) * torch.as_tensor(pi)[cat[:, part], None]).log()
        return log_q

    def _logits(self, r: Tensor) -> Tensor:
        packing = self.joint.multinomial.packing
        # Anything may stand at padding; a large number there shows that nobody reads it.
        logits = torch.full((len(r), packing.size), 50.0)
        for part, k in enumerate(self.mixture.sizes):
            onehot = torch.nn.functional.one_hot(self._levels[:, part], k).double()
            packing.unpack(logits, part).copy_((r @ onehot).log())
        return logits


def categorical(table: np.ndarray) -> Mixture:
    """A joint of categorical parts, from its table of probabilities."""
    cells = np.array(list(np.ndindex(table.shape)))
    n = len(cells)
    return Mixture(table.ravel(), np.zeros((n, 0)), np.zeros((n, 0, 0)), cells, table.shape)


def counts(x: Mixed, sizes: tuple[int, ...]) -> np.ndarray:
    """How many rows fell into each cell of the categorical parts."""
    out = np.zeros(sizes, dtype=np.int64)
    np.add.at(out, tuple(x.cat.numpy().T), 1)
    return out


# ------------------------------------------------------- the law of a sampler, without any drawing


def categorical_law(
    table: np.ndarray, absorbing: bool, times: np.ndarray, step: str = "mixture"
) -> np.ndarray:
    """Where ancestral sampling with exact beliefs ends, over clean rows, by enumerating states.

    Parts are drawn independently given x_t, as every joint sampler does, so for several parts this
    differs from ``table`` by what the stride costs; with one part it must not differ at all.
    ``step = "plugged"`` takes the wrong step of :func:`naive.plugged_posterior` instead.
    """
    keep = [1 - t for t in times]
    width = [k + absorbing for k in table.shape]
    states = list(product(*map(range, width)))
    law = np.array([_independent(table.shape, absorbing, state) for state in states])
    for kept_t, kept_s in pairwise(keep):
        after = np.zeros(width)
        for mass, state in zip(law, states, strict=True):
            if mass == 0:
                continue
            beliefs = _marginals(table, absorbing, state, kept_t)
            parts = [
                naive.mixed_posterior(p, absorbing, x_t, kept_t, kept_s)
                if step == "mixture"
                else naive.plugged_posterior(p, x_t, kept_t, kept_s)
                for p, x_t in zip(beliefs, state, strict=True)
            ]
            after += mass * _outer(parts)
        law = after.ravel()
    return law.reshape(width)[tuple(slice(k) for k in table.shape)]


def spread_law(table: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Where ancestral sampling ends when the masks of a row fall at evenly spread times.

    Of n parts, the one of rank i (each order equally likely) shows its level in the step from t
    down to s that holds (i + shift) / n, with one uniform shift for the row. The shift is cut into
    pieces within which no part changes its step; parts of one step are drawn apart.
    """
    n = table.ndim
    cuts = sorted({0.0, 1.0, *(c for t in times for i in range(n) if 0 < (c := n * t - i) < 1)})
    law = np.zeros(table.shape)
    for order in permutations(range(n)):
        for low, high in pairwise(cuts):
            middle = (low + high) / 2
            step = [int((times > (rank + middle) / n).sum()) for rank in order]
            law += (high - low) * _in_groups(table, step) / math.factorial(n)
    return law


def _in_groups(table: np.ndarray, step: list[int]) -> np.ndarray:
    """prod over steps, prod over parts of the step: p(part | parts of earlier steps)."""
    law, known = np.ones(table.shape), []
    for now in sorted(set(step)):
        group = [part for part, its in enumerate(step) if its == now]
        for part in group:
            law = law * _marginal(table, [*known, part]) / _marginal(table, known)
        known += group
    return law


def _marginal(table: np.ndarray, kept: list[int]) -> np.ndarray:
    gone = tuple(part for part in range(table.ndim) if part not in kept)
    return table.sum(axis=gone, keepdims=True)


def _independent(shape: tuple[int, ...], absorbing: bool, state: tuple[int, ...]) -> float:
    pis = [naive.prior_vector(k, absorbing) for k in shape]
    return math.prod(pi[x] for pi, x in zip(pis, state, strict=True))


def _marginals(
    table: np.ndarray, absorbing: bool, state: tuple[int, ...], kept_t: float
) -> list[np.ndarray]:
    """p(x_0 = k | x_t) of every part, by Bayes' rule over the cells of the table."""
    likelihood = _outer(
        [
            naive.transition(k, absorbing, kept_t)[:k, x]
            for k, x in zip(table.shape, state, strict=True)
        ]
    )
    cells = table * likelihood / (table * likelihood).sum()
    axes = range(table.ndim)
    return [cells.sum(axis=tuple(a for a in axes if a != part)) for part in axes]


def _outer(vectors: list[np.ndarray]) -> np.ndarray:
    out = np.ones(())
    for vector in vectors:
        out = np.multiply.outer(out, vector)
    return out


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    return 0.5 * float(np.abs(p - q).sum())


def mixture_law(
    weight: np.ndarray, mean: np.ndarray, std: np.ndarray, angles: np.ndarray, grid: np.ndarray
) -> np.ndarray:
    """CDF on ``grid`` of the sampler's end for a mixture on the line, without any drawing.

    ``angles`` fall from pi/2 to 0; alpha = cos, sigma = sin. Each step is the map
    x - (a_t - a_s) (alpha x - x0_hat(x)) / sigma, which increases in x (the slope of x0_hat is a
    variance, and (a_t - a_s) alpha < sigma), so it carries the CDF of N(0, 1) along.
    """
    x = grid.copy()
    for a_t, a_s in pairwise(angles):
        x0_hat = _posterior_mean(x, weight, mean, std, math.cos(a_t), math.sin(a_t))
        x = x - (a_t - a_s) * (math.cos(a_t) * x - x0_hat) / math.sin(a_t)
    normal = 0.5 * (1 + torch.erf(torch.as_tensor(grid / math.sqrt(2))).numpy())
    return np.interp(grid, x, normal)


def _posterior_mean(
    x_t: np.ndarray,
    weight: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    alpha: float,
    sigma: float,
) -> np.ndarray:
    variance = alpha**2 * std**2 + sigma**2
    off = x_t[:, None] - alpha * mean
    log_r = np.log(weight) - 0.5 * (off**2 / variance + np.log(variance))
    r = np.exp(log_r - log_r.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    return (r * (mean + alpha * std**2 / variance * off)).sum(1)
