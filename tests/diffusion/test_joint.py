"""Both twins on one row, and values that exist only where their state says so."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Gate, Known, Layout, Mixed
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion

PRIORS = ["absorbing", "uniform"]
SHAPES = pytest.mark.parametrize("shape", [(6,), (6, 4)], ids=["table", "sequence"])

# x1 exists where c0 shows level 0 or 2, x2 where c1 shows level 1; x0 always exists.
GATES = (None, Gate(0, (0, 2)), Gate(1, (1,)))
GATED = Layout(("x0", "x1", "x2"), ("c0", "c1"), (3, 2), GATES, (0, 0))
PLAIN = Layout(("x0", "x1", "x2"), ("c0", "c1"), (3, 2), (None,) * 3, (0, 0))
ONLY_NUMBERS = Layout(("x0",), (), (), (None,), ())
ONLY_LEVELS = Layout((), ("c0",), (3,), (), (0,))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def joint_of(layout: Layout, prior: str = "absorbing") -> JointDiffusion:
    return JointDiffusion(layout, GaussianDiffusion(), MultinomialDiffusion(layout.levels, prior))


def clean_rows(layout: Layout, shape: tuple[int, ...], seed: int = 0) -> Mixed:
    rng = np.random.default_rng(seed)
    cat = np.zeros((*shape, layout.n_cat), dtype=np.int64)
    for part, k in enumerate(layout.levels):
        cat[..., part] = rng.integers(k, size=shape)
    num = torch.randn((*shape, layout.n_num), generator=generator(seed))
    return Mixed(num, torch.as_tensor(cat))


def closed(layout: Layout, cat: Tensor) -> Tensor:
    """Which values do not exist, gate by gate."""
    out = torch.zeros((*cat.shape[:-1], layout.n_num), dtype=torch.bool)
    for part, gate in enumerate(layout.gates):
        if gate is not None:
            levels = torch.tensor(gate.levels)
            out[..., part] = ~torch.isin(cat[..., gate.state], levels)
    return out


class Recorder:
    """A denoiser that answers ones and remembers what it was shown."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        self.shown = x_t
        return Belief(torch.ones_like(x_t.num), torch.ones(*x_t.num.shape[:-1], self.size))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("layout", [GATED, PLAIN, ONLY_NUMBERS, ONLY_LEVELS])
def test_every_verb_keeps_the_shape_of_its_layout(layout: Layout, prior: str):
    joint, n = joint_of(layout, prior), 5
    x0 = joint.complete(clean_rows(layout, (n,)), generator())
    t, s = torch.full((n,), 0.6), torch.full((n,), 0.5)
    x_t = joint.q_sample(x0, t, Known.nothing(x0), generator())
    seen = joint.look(Recorder(joint.multinomial.packing.size), x_t, t, Known.nothing(x0))
    belief = joint.estimate(seen, x_t, t)
    x_s = joint.step(belief, x_t, t, s, generator())
    for x in (joint.prior((n,), generator()), x0, x_t, x_s):
        assert x.num.shape == (n, layout.n_num)
        assert x.cat.shape == (n, layout.n_cat)
        assert x.cat.dtype == torch.int64
    num, cat = joint.losses(seen, x0, x_t, t, Known.nothing(x0))
    assert (num.shape, cat.shape) == ((n, layout.n_num), (n, layout.n_cat))
    assert joint.loss(seen, x0, x_t, t, Known.nothing(x0)).shape == (n,)
    assert joint.kl(belief, x0, x_t, t, s).shape == (n,)


@pytest.mark.parametrize("prior", PRIORS)
def test_loss_and_kl_of_a_sequence_are_those_of_its_rows(prior: str):
    joint, x0 = joint_of(GATED, prior), clean_rows(GATED, (6, 4))
    t, s = torch.linspace(0.3, 1, 6), torch.linspace(0.2, 0.9, 6)
    known = Known.nothing(x0)
    x_t = joint.q_sample(x0, t, known, generator())
    seen = joint.look(Recorder(joint.multinomial.packing.size), x_t, t, known)
    belief = joint.estimate(seen, x_t, t)
    loss, kl = joint.loss(seen, x0, x_t, t, known), joint.kl(belief, x0, x_t, t, s)
    assert loss.shape == kl.shape == (6, 4)
    for at in range(4):
        rows = [Mixed(x.num[:, at], x.cat[:, at]) for x in (x0, x_t)]
        here, looked = (Belief(b.num[:, at], b.logits[:, at]) for b in (belief, seen))
        torch.testing.assert_close(
            loss[:, at], joint.loss(looked, *rows, t, Known.nothing(rows[0]))
        )
        torch.testing.assert_close(kl[:, at], joint.kl(here, *rows, t, s))


@pytest.mark.usefixtures("double_by_default")
def test_unknown_rows_are_float32_and_int64_whatever_torch_would_make():
    x0, known = joint_of(GATED).unknown(4)
    assert (x0.num.shape, x0.num.dtype) == ((4, 3), torch.float32)
    assert (x0.cat.shape, x0.cat.dtype) == ((4, 2), torch.int64)
    assert not known.num.any() and not known.cat.any()


def test_complete_rows_are_left_alone():
    x0 = clean_rows(PLAIN, (6,))
    assert joint_of(PLAIN).complete(x0, generator()) is x0


@SHAPES
def test_complete_fills_what_does_not_exist_and_nothing_else(shape: tuple[int, ...]):
    x0 = clean_rows(GATED, shape)
    full = joint_of(GATED).complete(x0, generator(1))
    gone = closed(GATED, x0.cat)
    assert full.cat.equal(x0.cat)
    assert full.num[~gone].equal(x0.num[~gone])
    assert (full.num[gone] != x0.num[gone]).all()
    double = joint_of(GATED).complete(Mixed(x0.num.double(), x0.cat), generator(1)).num
    noise = torch.randn(double.shape, generator=generator(1), dtype=torch.float64)
    assert double[gone].equal(noise[gone])


@SHAPES
def test_a_value_exists_unless_its_state_is_closed(shape: tuple[int, ...]):
    x0 = clean_rows(GATED, shape)
    assert joint_of(GATED).exists(x0).equal(~closed(GATED, x0.cat))
    assert joint_of(PLAIN).exists(x0).all()


def test_what_is_filled_is_a_unit_normal_apart_from_everything():
    n = 40_000
    x0 = Mixed(torch.zeros(n, 3), torch.tensor([1, 0]).expand(n, 2))
    noise = joint_of(GATED).complete(x0, generator()).num[:, 1:].double().numpy()
    # Means and the covariance have std 1/sqrt(n), variances sqrt(2/n); 5 of them, 3e-6 in all.
    assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(n)
    assert np.abs(noise.var(0) - 1).max() < 5 * np.sqrt(2 / n)
    assert abs((noise[:, 0] * noise[:, 1]).mean()) < 5 / np.sqrt(n)


@SHAPES
def test_look_blanks_values_whose_state_is_known_to_be_closed(shape: tuple[int, ...]):
    joint, x0 = joint_of(GATED), clean_rows(GATED, shape)
    masked = torch.rand(x0.cat.shape, generator=generator(2)) < 0.4
    x_t = Mixed(x0.num, torch.where(masked, torch.tensor(GATED.levels), x0.cat))
    recorder = Recorder(joint.multinomial.packing.size)
    seen = joint.look(recorder, x_t, torch.full((6,), 0.5), Known.nothing(x_t))
    state_masked = masked[..., [0, 0, 1]]
    gone = closed(GATED, x0.cat) & ~state_masked
    assert gone.any()
    assert (recorder.shown.num[gone] == 0).all()
    assert recorder.shown.num[~gone].equal(x_t.num[~gone])
    assert (seen.num[gone] == 0).all()
    assert (seen.num[~gone] == 1).all()
    cost, _ = joint.losses(seen, x0, x_t, torch.full((6,), 0.5), Known.nothing(x0))
    assert (cost[gone] == 0).all()
    assert (cost[~gone] != 0).all()


def test_look_blanks_nothing_while_any_level_may_be_noise():
    joint, x_t = joint_of(GATED, "uniform"), clean_rows(GATED, (6,))
    recorder = Recorder(joint.multinomial.packing.size)
    seen = joint.look(recorder, x_t, torch.full((6,), 0.5), Known.nothing(x_t))
    assert recorder.shown.num.equal(x_t.num)
    assert (seen.num == 1).all()


def some_belief(joint: JointDiffusion, x_t: Mixed, t: Tensor) -> Belief:
    size = joint.multinomial.packing.size
    return joint.look(
        lambda x, t, known, wanted: Belief(x.num, torch.arange(size).expand(len(t), -1) / 3),
        x_t,
        t,
        Known.nothing(x_t),
    )


@pytest.mark.parametrize("prior", PRIORS)
def test_belief_and_step_are_those_of_the_twins(prior: str):
    joint, n = joint_of(GATED, prior), 6
    x_t, t, s = clean_rows(GATED, (n,)), torch.linspace(0.3, 1, n), torch.linspace(0.2, 0.9, n)
    if prior == "absorbing":
        x_t = Mixed(x_t.num, joint.multinomial.prior((n, 2), generator()))
    seen = some_belief(joint, x_t, t)
    seen = Belief(1 - 2 * seen.num, seen.logits)
    belief = joint.estimate(seen, x_t, t)
    assert belief.num.equal(joint.gaussian.estimate(seen.num, x_t.num, t))
    assert belief.logits.equal(seen.logits)
    for clock in (None, torch.full((n, 2), 0.15)):
        x_s = joint.step(belief, x_t, t, s, generator(3), clock)
        assert x_s.num.equal(joint.gaussian.step(belief.num, x_t.num, t, s))
        apart = joint.multinomial.step(seen.logits, x_t.cat, t, s, generator(3), clock)
        assert x_s.cat.equal(apart)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_divergences_of_the_twins_add(prior: str):
    joint, n = joint_of(PLAIN, prior), 6
    x0, t, s = clean_rows(PLAIN, (n,)), torch.linspace(0.3, 1, n), torch.linspace(0.2, 0.9, n)
    x_t = joint.q_sample(x0, t, Known.nothing(x0), generator())
    belief = joint.estimate(some_belief(joint, x_t, t), x_t, t)
    total = joint.gaussian.kl(belief.num, x0.num, x_t.num, t, s).sum(-1)
    total = total + joint.multinomial.kl(belief.logits, x0.cat, x_t.cat, t, s).sum(-1)
    torch.testing.assert_close(joint.kl(belief, x0, x_t, t, s), total)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_losses_are_those_of_the_twins(prior: str):
    joint, n = joint_of(PLAIN, prior), 6
    x0, t = clean_rows(PLAIN, (n,)), torch.linspace(0.3, 1, n)
    x_t = joint.q_sample(x0, t, Known.nothing(x0), generator())
    seen = some_belief(joint, x_t, t)
    num, cat = joint.losses(seen, x0, x_t, t, Known.nothing(x0))
    torch.testing.assert_close(num, joint.gaussian.loss(seen.num, x0.num, x_t.num, t))
    torch.testing.assert_close(cat, joint.multinomial.loss(seen.logits, x0.cat, x_t.cat))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("at", [1e-5, 0.1, 0.9])
def test_the_losses_of_the_parts_add_with_weights_of_time_alone(prior: str, at: float):
    """Whatever the weights are: any function of t leaves each part's best belief where it is."""
    joint, n = joint_of(PLAIN, prior), 400
    x0, t = clean_rows(PLAIN, (n,)), torch.full((n,), at)
    masked = joint.multinomial.prior((n, 2), generator())
    x_t = Mixed(joint.gaussian.q_sample(x0.num, t, generator(1)), masked)
    seen = some_belief(joint, x_t, t)
    parts = torch.cat(joint.losses(seen, x0, x_t, t, Known.nothing(x0)), dim=-1).double()
    total = joint.loss(seen, x0, x_t, t, Known.nothing(x0)).double()
    assert total.shape == (n,)
    # Five parts, hence five weights; 400 rows leave no doubt that they explain the total.
    weights = torch.linalg.lstsq(parts, total[:, None]).solution[:, 0]
    torch.testing.assert_close(parts @ weights, total, rtol=1e-4, atol=1e-5)
    assert (weights > 0).all()
    torch.testing.assert_close(weights[:3], weights[:1].expand(3), rtol=1e-3, atol=0)
    torch.testing.assert_close(weights[3:], weights[3:4].expand(2), rtol=1e-3, atol=0)
    # Of the bound's weight, 1 / t, the root, and no more than 4.5.
    assert float(weights[3] / weights[0]) == pytest.approx(min(at**-0.5, 4.5), rel=1e-3)


def test_noise_is_independent_across_parts():
    joint, n = joint_of(PLAIN), 40_000
    x0 = Mixed(torch.zeros(n, 3), torch.zeros((n, 2), dtype=torch.int64))
    x_t = joint.q_sample(x0, torch.full((n,), 0.5), Known.nothing(x0), generator())
    masked = joint.multinomial.settled(x_t.cat).double()
    together = np.corrcoef(torch.cat([x_t.num.double(), masked], dim=-1).T.numpy())
    # A correlation of n independent pairs has std 1/sqrt(n); 5.5 of them, ten pairs: 4e-7.
    assert np.abs(together - np.eye(5)).max() < 5.5 / np.sqrt(n)


@pytest.mark.parametrize("prior", PRIORS)
def test_what_is_known_stays_clean_and_costs_nothing(prior: str):
    joint, x0 = joint_of(PLAIN, prior), clean_rows(PLAIN, (200,))
    noise = generator(4)
    known = Known(*(torch.rand(x.shape, generator=noise) < 0.5 for x in (x0.num, x0.cat)))
    t = torch.full((200,), 0.7)
    x_t = joint.q_sample(x0, t, known, noise)
    assert x_t.num[known.num].equal(x0.num[known.num])
    assert x_t.cat[known.cat].equal(x0.cat[known.cat])
    assert (x_t.num[~known.num] != x0.num[~known.num]).all()
    recorder = Recorder(joint.multinomial.packing.size)
    seen = joint.look(recorder, x_t, t, known)
    num, cat = joint.losses(seen, x0, x_t, t, known)
    assert (num[known.num] == 0).all()
    assert (cat[known.cat] == 0).all()
    assert (num[~known.num] != 0).all()


def test_a_known_state_closes_its_value_under_any_prior():
    joint, x0 = joint_of(GATED, "uniform"), clean_rows(GATED, (60,))
    known = Known(torch.zeros_like(x0.num, dtype=torch.bool), torch.ones_like(x0.cat) == 1)
    seen = joint.look(Recorder(joint.multinomial.packing.size), x0, torch.full((60,), 0.5), known)
    assert (seen.num[closed(GATED, x0.cat)] == 0).all()
    assert (seen.num[~closed(GATED, x0.cat)] == 1).all()
