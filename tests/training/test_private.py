"""Private steps: what one row can move, what noise hides it, and what all of it costs."""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Gate, Known, Layout, Mixed
from tabdiff.data.noise import epsilon_of
from tabdiff.denoisers.mlp import MLPDenoiser
from tabdiff.denoisers.temporal import TemporalDenoiser
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.diffusion.schedule import CosineSchedule
from tabdiff.training import private
from tabdiff.training.masks import RowMasks, SpanMasks
from tabdiff.training.private import (
    Plan,
    PrivateDescent,
    planned,
    row_losses,
    secret_generator,
    spent,
)
from tabdiff.training.standing import Batches, Standing

pytest.importorskip("opacus")

# A number that is not always there, one that is, and two labels.
LAYOUT = Layout(("x", "y"), ("a", "b"), (3, 4), (Gate(0, (0, 2)), None), (3, 0))
JOINT = JointDiffusion(LAYOUT, GaussianDiffusion(), MultinomialDiffusion(LAYOUT.levels))
MASKS = RowMasks(LAYOUT)
# Presence; then a place, a number and a label.
SEQUENCES = Layout(("place", "x"), ("presence", "c"), (2, 3), (None, None), (0, 0))
# What learns.
LAYERS = nn.Linear | nn.LayerNorm
Network = TypeVar("Network", bound=nn.Module)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows_of(n: int, seed: int = 0) -> Mixed:
    noise = generator(seed)
    cat = torch.stack([torch.randint(k, (n,), generator=noise) for k in LAYOUT.levels], 1)
    num = torch.randn((n, 2), generator=noise)
    num[cat[:, 0] == 1, 0] = 0.0
    return Mixed(num, cat)


def denoiser_of(seed: int = 0) -> MLPDenoiser:
    """A network none of whose layers is silent."""
    return awake(MLPDenoiser(LAYOUT, width=16, depth=2, generator=generator(seed)), seed)


def awake(denoiser: Network, seed: int = 0) -> Network:
    with torch.no_grad():
        for p in denoiser.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=generator(seed + 1)))
    return denoiser


def step(
    rows: Mixed, plan: Plan, *, n: float | None = None, seed: int = 0
) -> tuple[MLPDenoiser, list[Tensor]]:
    """The network after one private step that does not move it, and the sum it was told."""
    denoiser = denoiser_of()
    optimiser = torch.optim.SGD(denoiser.parameters(), lr=0.0)
    standing = Standing(denoiser, optimiser, Batches(len(rows), 1, generator()))
    n = n or len(rows)
    descend = PrivateDescent(
        JOINT, rows, MASKS, plan, n, generator(seed), np.random.default_rng(seed)
    )
    assert math.isnan(descend(standing))
    learned = [p for p in denoiser.parameters() if p.requires_grad]
    return denoiser, [p.grad * plan.sample_rate * n for p in learned if p.grad is not None]


def norm_of(parts: Iterable[Tensor]) -> float:
    return math.sqrt(sum(float(part.double().square().sum()) for part in parts))


def by_hand(rows: Mixed, plan: Plan, blocks: list[slice], seed: int = 0) -> list[Tensor]:
    """The sum of clipped gradients, one row and one call of autograd at a time."""
    denoiser, noise = denoiser_of(), generator(seed)
    layers = [m for m in denoiser.modules() if isinstance(m, LAYERS)]
    learning = [
        p for p in denoiser.parameters() if any(p is q for m in layers for q in m.parameters())
    ]
    total = [torch.zeros_like(p) for p in learning]
    for block in blocks:
        losses = row_losses(JOINT, denoiser, rows[block], MASKS, plan.draws, noise)
        for loss in losses:
            own = torch.autograd.grad(loss, learning, retain_graph=True)
            # Nothing is learned from a row that is known whole.
            norm = max(norm_of(own), 1e-12)
            for whole, g in zip(total, own, strict=True):
                whole += g * min(1.0, plan.clip / norm)
    return total


@pytest.mark.parametrize("clip", [0.1, 1e3])
def test_of_windows_too_the_sum_is_that_of_single_clipped_gradients(clip: float):
    # Four windows of six rows, and four of four.
    joint = JointDiffusion(SEQUENCES, GaussianDiffusion(), MultinomialDiffusion(SEQUENCES.levels))
    masks, noise = SpanMasks(slice(0, 1), [(1, 1)]), generator(3)
    cat = torch.stack([torch.randint(k, (8, 6), generator=noise) for k in (1, 3)], -1)
    cat[4:, 4:] = 1
    rows = Mixed(torch.randn((8, 6, 2), generator=noise), cat)

    def temporal() -> TemporalDenoiser:
        return awake(
            TemporalDenoiser(
                SEQUENCES, (0, 1), width=16, depth=1, window=6, n_place=1,
                schedule=CosineSchedule(1.0), generator=generator(),
            )
        )  # fmt: skip

    plan, denoiser = Plan(1.0, 0.0, 1, clip), temporal()
    optimiser = torch.optim.SGD(denoiser.parameters(), lr=0.0)
    descend = PrivateDescent(joint, rows, masks, plan, 8, generator(5), np.random.default_rng(0))
    descend(Standing(denoiser, optimiser, Batches(8, 1, generator())))
    found = [p.grad * 8 for p in denoiser.parameters() if p.requires_grad and p.grad is not None]

    alone = temporal()
    learning = [p for m in alone.modules() if isinstance(m, LAYERS) for p in m.parameters()]
    total = [torch.zeros_like(p) for p in learning]
    norms = []
    for loss in row_losses(joint, alone, rows, masks, 1, generator(5)):
        own = torch.autograd.grad(loss, learning, retain_graph=True)
        norms.append(norm_of(own))
        for whole, g in zip(total, own, strict=True):
            whole += g * min(1.0, clip / max(norms[-1], 1e-12))
    assert max(norms) > 0.1
    for own, true in zip(found, total, strict=True):
        torch.testing.assert_close(own, true, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("clip", [0.3, 1.5, 1e3])
@pytest.mark.parametrize("at_once", [100, 4])
def test_the_sum_is_that_of_single_clipped_gradients(
    draws: int, clip: float, at_once: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(private, "AT_ONCE", at_once)
    rows, plan = rows_of(10), Plan(1.0, 0.0, 1, clip, draws)
    _, found = step(rows, plan)
    blocks = [slice(first, first + at_once) for first in range(0, 10, at_once)]
    for own, true in zip(found, by_hand(rows, plan, blocks), strict=True):
        torch.testing.assert_close(own, true, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("draws", [1, 4])
def test_no_row_moves_the_sum_by_more_than_the_clip(draws: int):
    plan = Plan(1.0, 0.0, 1, 0.01, draws)
    norms = [norm_of(step(rows_of(1, seed), plan, seed=seed)[1]) for seed in range(8)]
    assert 0.0099 < max(norms) <= 0.01


def test_a_batch_without_rows_is_noise_alone_at_its_scale():
    plan = Plan(1e-12, sigma=2.0, steps=1, clip=0.5)
    _, found = step(rows_of(5), plan)
    noise = torch.cat([g.flatten() for g in found]).double()
    # A mean of d squares has std sqrt(2 / d): 5 of them.
    assert abs(float(noise.square().mean()) - 1.0) < 5 * math.sqrt(2 / len(noise))
    assert abs(float(noise.mean())) < 5 / math.sqrt(len(noise))


def test_noise_is_drawn_anew_for_every_step_and_weight():
    plan, rows = Plan(1e-12, 1.0, 2), rows_of(3)
    denoiser = denoiser_of()
    optimiser = torch.optim.SGD(denoiser.parameters(), lr=0.0)
    standing = Standing(denoiser, optimiser, Batches(3, 1, generator()))
    descend = PrivateDescent(JOINT, rows, MASKS, plan, 3, generator(), np.random.default_rng(0))
    seen = []
    for _ in range(2):
        descend(standing)
        seen.append(
            torch.cat([p.grad.flatten() for p in denoiser.parameters() if p.grad is not None])
        )
    both = torch.cat(seen)
    assert len(both.unique()) > 0.99 * len(both)
    # A correlation over d pairs has std 1 / sqrt(d): 5 of them.
    assert abs(float(torch.corrcoef(torch.stack(seen))[0, 1])) < 5 / math.sqrt(len(seen[0]))


def test_layers_learn_and_what_is_used_outside_of_them_does_not():
    denoiser, found = step(rows_of(6), Plan(1.0, 0.0, 1))
    frozen = {name for name, p in denoiser.named_parameters() if not p.requires_grad}
    assert frozen == {"numbers.frequencies", "levels.table", "bias"}
    assert all(bool(g.abs().sum() > 0) for g in found)


# ------------------------------------------------------------------------ one row, one loss


@pytest.mark.parametrize("draws", [1, 3])
def test_no_other_row_has_a_say_in_the_loss_of_a_row(draws: int):
    denoiser, rows, others = denoiser_of(), rows_of(8, 0), rows_of(8, 1)
    mixed = Mixed(
        torch.cat([rows.num[:3], others.num[3:]]), torch.cat([rows.cat[:3], others.cat[3:]])
    )
    own = row_losses(JOINT, denoiser, rows, MASKS, draws, generator())
    among = row_losses(JOINT, denoiser, mixed, MASKS, draws, generator())
    torch.testing.assert_close(own[:3], among[:3], rtol=1e-6, atol=0.0)
    assert not torch.isclose(own[3:], among[3:]).any()


class Watch(nn.Module):
    """Writes down the times that it is asked at."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[Tensor] = []

    def forward(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        self.times.append(t.detach())
        size = JOINT.multinomial.packing.size
        return Belief(torch.zeros_like(x_t.num), torch.zeros((*x_t.cat.shape[:-1], size)))


def test_times_of_a_batch_are_independent_and_those_of_a_row_spread():
    # NOTE: were they spread over the batch, how many rows it has would show in every gradient.
    watch, noise = Watch(), generator()
    for _ in range(400):
        row_losses(JOINT, watch, rows_of(8), MASKS, 2, noise)
    times = torch.stack(watch.times).double()
    early, late = times.unbind(-1)
    assert bool((early < 0.5).all()) and bool((late >= 0.5).all())
    # Of a mean of 8 times, each uniform on a half; a variance of 400 has a relative std of 0.071.
    assert float(early.mean(1).var()) == pytest.approx(0.25 / 12 / 8, rel=0.35)


def test_a_secret_generator_begins_in_a_state_that_no_seed_leads_to():
    # NumPy's Mersenne Twister in the state that was drawn says the same, 24 bits of each word.
    rng = np.random.default_rng(0)
    rng.integers(2**63)
    words = rng.integers(2**32, size=624, dtype=np.uint64).astype(np.uint32)
    twister = np.random.MT19937(0)
    twister.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": 624}}
    expected = (twister.random_raw(8) % 2**24) / 2**24
    found = secret_generator(torch.device("cpu"), np.random.default_rng(0))
    assert torch.rand(8, generator=found, dtype=torch.float32).tolist() == expected.tolist()


# ------------------------------------------------------------------------ what it costs


def accountants() -> tuple[Callable[[], object], Callable[[], object]]:
    from opacus.accountants import PRVAccountant, RDPAccountant

    return PRVAccountant, RDPAccountant


@pytest.mark.parametrize(
    ("mu", "plan"),
    [
        (0.0, Plan(0.05, 1.2, 200)),
        (0.5, Plan(0.01, 0.9, 400)),
        (1.5, Plan(0.06, 3.0, 300)),
        (0.2, Plan(1.0, 5.0, 50)),
    ],
)
def test_the_cost_is_that_of_opacus_accountants(mu: float, plan: Plan):
    told, delta = spent(mu, plan, 1e-5), 1e-5
    prv, rdp = (make() for make in accountants())
    for accountant in (prv, rdp):
        accountant.history = [(plan.sigma, plan.sample_rate, plan.steps)]
        accountant.history += [(1 / mu, 1.0, 1)] if mu else []
    # Where every row takes part, ln(1 - q) is minus infinity.
    with np.errstate(divide="ignore"):
        assert abs(told - prv.get_epsilon(delta)) < 0.02
    assert told < rdp.get_epsilon(delta)


@pytest.mark.parametrize(("mu", "sigma", "steps"), [(0.0, 4.0, 10), (0.7, 8.0, 30)])
def test_with_every_row_in_every_batch_it_is_a_gaussian_mechanism(
    mu: float, sigma: float, steps: int
):
    exact = epsilon_of(math.hypot(mu, math.sqrt(steps) / sigma), 1e-5)
    assert exact <= spent(mu, Plan(1.0, sigma, steps), 1e-5) < exact + 0.025


def transform(sigma: float, rate: float, flipped: bool) -> np.ndarray:
    """Fourier transform of the law of the loss of privacy ln(p / q) under p, rounded up to MESH.

    One of p and q is N(0, sigma^2), the other has a share ``rate`` of N(1, sigma^2) besides.
    """
    x = np.linspace(-12 * sigma, 1 + 12 * sigma, 200_001)
    without, there = (np.exp(-0.5 * ((x - mean) / sigma) ** 2) for mean in (0.0, 1.0))
    p, q = (1 - rate) * without + rate * there, without
    if flipped:
        p, q = q, p
    place = np.ceil((np.log(p) - np.log(q)) / MESH).astype(np.int64)
    return np.fft.rfft(np.bincount(place % SIZE, weights=p / p.sum(), minlength=SIZE))


MESH, SIZE = 1e-4, 2**19


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(("mu", "plan"), [(0.0, Plan(0.1, 1.0, 20)), (0.8, Plan(0.06, 2.0, 60))])
def test_it_holds_whether_a_row_comes_or_goes(mu: float, plan: Plan, flipped: bool):
    # Opacus looks at one direction alone. Rounded losses add up to .006, less than what
    # `spent` allows for, so the bound must hold as it is.
    law = transform(plan.sigma, plan.sample_rate, flipped) ** plan.steps
    if mu:
        law = law * transform(1 / mu, 1.0, flipped)
    loss = np.fft.fftfreq(SIZE, 1 / SIZE) * MESH
    told = spent(mu, plan, 1e-5)
    delta = (np.fft.irfft(law, SIZE) * -np.expm1(np.minimum(told - loss, 0.0))).sum()
    assert delta < 1e-5
    assert flipped or delta > 1e-6


def test_a_plan_has_the_least_noise_that_suffices():
    plan = planned(0.4, 2.0, 1e-5, n=1000.0, batch=60, steps=50)
    assert plan.sample_rate == pytest.approx(0.06) and plan.steps == 50
    assert spent(0.4, plan, 1e-5) <= 2.0
    assert spent(0.4, Plan(0.06, plan.sigma / 1.02, 50), 1e-5) > 2.0


def test_a_budget_that_counts_have_spent_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(private, "MOST_SIGMA", 3.0)
    with pytest.raises(ValueError, match="epsilon=1 leaves nothing for training. Raise it."):
        planned(3.0, 1.0, 1e-6, n=1000.0, batch=60, steps=50)
