"""Training on rows under differential privacy (DP-SGD).

    g = sum over rows of  g_i min(1, C / |g_i|)  +  N(0, sigma^2 C^2),   step along g / (q n)

Each row is in a batch with probability q, whatever the others are, and g_i is the gradient of its
own loss, a mean over several draws of time, mask and noise. So the loss of a row must depend on no
other row: times are stratified within a row's draws, never over the batch.

Source: Abadi et al. 2016 (arXiv:1607.00133); several draws for each row: Dockhorn et al. 2023
(arXiv:2210.09929); norms without gradients of single rows ("ghost clipping"): Li et al. 2022
(arXiv:2110.05679), as Opacus has it, whose accountant (Gopi, Lee & Wutschitz 2021,
arXiv:2106.02848) adds up what training and noisy counts cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Known, Mixed
from tabdiff.denoisers.mlp import Affine
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.training.masks import Masks
from tabdiff.training.standing import Standing

# Rows whose activations are in memory together.
AT_ONCE = 2048
MOST_SIGMA = 1e4
# By how much an epsilon may be told too high.
ERROR = 0.01
# Of Renyi divergences.
ORDERS = [*range(2, 64), *(2**k for k in range(6, 10))]


@dataclass(frozen=True)
class Plan:
    """What a private training does, fixed before it sees a row.

    Attributes
    ----------
    sample_rate : float
        q, the probability of a row to be in a batch.
    sigma : float
        Standard deviation of the noise, in units of ``clip``.
    steps : int
    clip : float
        C, the most that the gradient of one row counts.
    draws : int
        Of time, mask and noise for each row of a batch.
    """

    sample_rate: float
    sigma: float
    steps: int
    clip: float = 1.0
    draws: int = 1


def require_opacus() -> Any:
    """The library that accounts for private training.

    Raises
    ------
    ImportError
        If it is not there, with the command that installs it.
    """
    try:
        import opacus
    except ImportError as error:
        raise ImportError(
            "Training on rows under differential privacy needs Opacus: pip install 'tabdiff[dp]'. "
            "Privacy(marginal_share=1.0) does without."
        ) from error
    return opacus


def spent(mu: float, plan: Plan, delta: float) -> float:
    """The epsilon at ``delta`` of Gaussian mechanisms worth ``mu`` and of a training."""
    require_opacus()
    from opacus.accountants.analysis import prv, rdp

    parts = [(plan.sigma, plan.sample_rate, plan.steps), *([(1 / mu, 1.0, 1)] if mu else [])]
    slack = delta / 1000
    # How far the loss of privacy may stray, all of it and that of one step (Gopi et al., remark
    # 5.6; from Renyi divergences as of Mironov 2017, arXiv:1702.07476, proposition 3).
    once = [rdp.compute_rdp(q=q, noise_multiplier=z, steps=1, orders=ORDERS) for z, q, _ in parts]
    steps = [n for *_, n in parts]
    whole = sum(n * each for n, each in zip(steps, once, strict=True))
    strays = [_tail(whole, slack / 4), *(_tail(each, slack / (8 * sum(steps))) for each in once)]
    reach = max(strays) + 3
    mesh = ERROR / math.sqrt(sum(steps) * math.log(12 / slack) / 2)
    domain = prv.Domain.create_aligned(-reach, reach, mesh)
    # Where all rows take part log(1 - q) is minus infinity, as it should be.
    with np.errstate(divide="ignore"):
        losses = [
            prv.discretize(
                prv.TruncatedPrivacyRandomVariable(
                    prv.PoissonSubsampledGaussianPRV(q, z), domain.t_min, domain.t_max
                ),
                domain,
            )
            for z, q, _ in parts
        ]
    return float(prv.compose_heterogeneous(losses, steps).compute_epsilon(delta, slack, ERROR)[2])


def _tail(divergences: Any, delta: float) -> float:
    """What a loss of privacy exceeds with a probability of at most ``delta``."""
    orders = np.array(ORDERS)
    return float(np.min(divergences - math.log(delta) / (orders - 1)))


def planned(mu: float, epsilon: float, delta: float, *, n: float, batch: int, steps: int) -> Plan:
    """The plan with the least noise under which counts worth ``mu`` and training cost ``epsilon``.

    Raises
    ------
    ValueError
        If no noise is enough.
    """
    rate = min(batch / n, 1.0)
    low, high = 0.3, 1.0
    while spent(mu, Plan(rate, high, steps), delta) > epsilon:
        low, high = high, 2 * high
        if high > MOST_SIGMA:
            raise ValueError(f"epsilon={epsilon:g} leaves nothing for training. Raise it.")
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        if spent(mu, Plan(rate, middle, steps), delta) > epsilon:
            low = middle
        else:
            high = middle
    return Plan(rate, high, steps)


class PrivateDescent:
    """One private step; :func:`tabdiff.training.loop.train` takes it for the ordinary one.

    Parameters
    ----------
    joint : JointDiffusion
    rows : Mixed, (n, D) or (n, L, D)
    masks : Masks
    plan : Plan
    n : float
        How many rows there are, as far as may be known.
    generator : torch.Generator
        Of the times, masks and noise at which losses are told; see :func:`secret_generator`. A row
        that comes shifts the draws of those after it, so whoever knows them sees it come.
    rng : numpy.random.Generator
        Of the batches and of the noise on gradients: whoever knows it knows the gradients, so its
        seed must come from the operating system, be long and be kept nowhere.
    """

    def __init__(
        self,
        joint: JointDiffusion,
        rows: Mixed,
        masks: Masks,
        plan: Plan,
        n: float,
        generator: torch.Generator,
        rng: np.random.Generator,
    ) -> None:
        self._joint, self._rows, self._masks = joint, rows, masks
        self._plan, self._n, self._generator, self._rng = plan, n, generator, rng
        self._watched: Any = None

    def __call__(self, standing: Standing) -> float:
        """Move the weights once; the loss is nobody's business, so it is not a number."""
        plan = self._plan
        if self._watched is None:
            self._watched = watched(standing.denoiser, plan.clip)
        standing.optimiser.zero_grad(set_to_none=True)
        learning = [p for p in standing.denoiser.parameters() if p.requires_grad]
        total = [torch.zeros_like(p) for p in learning]
        chosen = np.flatnonzero(self._rng.random(len(self._rows)) < plan.sample_rate)
        for some in torch.from_numpy(chosen).to(self._generator.device).split(AT_ONCE):
            if len(some):
                self._add(self._rows[some], learning, total)
        for p, own in zip(learning, total, strict=True):
            drawn = self._rng.standard_normal(tuple(p.shape), dtype=np.float32)
            noise = torch.from_numpy(drawn).to(p.device)
            p.grad = (own + plan.sigma * plan.clip * noise) / (plan.sample_rate * self._n)
        standing.optimiser.step()
        return math.nan

    def _add(self, rows: Mixed, learning: list[nn.Parameter], total: list[Tensor]) -> None:
        """Add the clipped gradients of some rows."""
        losses = row_losses(
            self._joint, self._watched, rows, self._masks, self._plan.draws, self._generator
        )
        losses.sum().backward(retain_graph=True)
        weights = self._watched.get_clipping_coef()
        for p in learning:
            p.grad = None
        self._watched.disable_hooks()
        (weights.detach() * losses).sum().backward()
        self._watched.enable_hooks()
        for p, own in zip(learning, total, strict=True):
            assert p.grad is not None
            own += p.grad
            p.grad = None


# Where the words of a Mersenne Twister lie in the state of a generator on a processor, in bytes.
_WORDS = slice(24, 24 + 8 * 624)


def secret_generator(device: torch.device, rng: np.random.Generator) -> torch.Generator:
    """A generator that may begin anywhere.

    On a processor torch looks at 32 bits of a seed, so few that all can be tried; there the whole
    state is drawn.

    Parameters
    ----------
    rng : numpy.random.Generator
        With a long seed.
    """
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**63)))
    if generator.device.type == "cpu":
        state = generator.get_state()
        state.numpy()[_WORDS].view(np.uint64)[:] = rng.integers(2**32, size=624, dtype=np.uint64)
        generator.set_state(state)
    return generator


def watched(denoiser: nn.Module, clip: float) -> Any:
    """The network with Opacus' eyes on the norms of the gradients of single rows.

    Only weights of linear layers and norms learn: the vectors of levels, the frequencies and the
    bias of the logits are used outside of any layer, and stay as they are.
    """
    require_opacus()
    from opacus.grad_sample import GradSampleModuleFastGradientClipping, register_norm_sampler

    register_norm_sampler(Affine)(affine_norms)
    for parameter in denoiser.parameters():
        parameter.requires_grad_(False)
    for layer in denoiser.modules():
        if isinstance(layer, nn.Linear | nn.LayerNorm):
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(parameter.numel() > 0)
    return GradSampleModuleFastGradientClipping(
        denoiser, max_grad_norm=clip, use_ghost_clipping=True, loss_reduction="sum", strict=False
    )


def affine_norms(layer: Affine, inputs: list[Tensor], slopes: Tensor) -> dict[Tensor, Tensor]:
    """Norms of each row's gradients of a linear layer, by what went in and came back.

        |sum_k g_k a_k^T|^2 = sum_kl (g_k . g_l) (a_k . a_l)

    Parameters
    ----------
    inputs : list of one Tensor, (B, draws or L, n_in)
    slopes : Tensor, (B, draws or L, n_out)
    """
    a, g = inputs[0], slopes
    square = ((g @ g.mT) * (a @ a.mT)).sum((-1, -2))
    return {
        layer.weight: square.clamp(min=0.0).sqrt(),
        layer.bias: torch.linalg.vector_norm(g.sum(1), dim=-1),
    }


def row_losses(
    joint: JointDiffusion,
    denoiser: Any,
    rows: Mixed,
    masks: Masks,
    draws: int,
    generator: torch.Generator,
) -> Tensor:
    """The loss of each row, a mean over ``draws``, or of each window: (B,).

    No row has a say in another's. Hooks add up what is under one first index: draws of a row lie
    side by side there, as the rows of a window do, of which there is one draw.
    """
    n, device = len(rows), generator.device
    flat = Mixed(rows.num.repeat_interleave(draws, 0), rows.cat.repeat_interleave(draws, 0))
    u = torch.rand((n, draws), generator=generator, device=device, dtype=torch.float32)
    t = ((u + torch.arange(draws, device=device)) / draws).clamp(1e-5, 1 - 1e-5)
    known = masks(flat, generator)
    x0 = joint.complete(flat, generator)
    x_t = joint.q_sample(x0, t.flatten(), known, generator)
    if len(rows.shape) > 1:
        assert draws == 1
        t = t.flatten()
    else:
        x0, x_t = _by_row(x0, n), _by_row(x_t, n)
        known = Known(known.num.unflatten(0, (n, -1)), known.cat.unflatten(0, (n, -1)))
    # Hooks on a layer want something that learns before it, and times are always there.
    seen = joint.look(denoiser, x_t, t.clone().requires_grad_(), known)
    return joint.loss(seen, x0, x_t, t, known).mean(1)


def _by_row(x: Mixed, n: int) -> Mixed:
    return Mixed(x.num.unflatten(0, (n, -1)), x.cat.unflatten(0, (n, -1)))
