"""The bound on the log-likelihood against laws whose log-likelihood is known.

With exact beliefs the bound is the log-likelihood itself, so what is seen of it may differ only by
Monte-Carlo error (five standard errors: 6e-7 false alarms a claim) and by what a finite number of
steps costs, which is stated where it is allowed for.
"""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Gate, Known, Mixed
from tabdiff.diffusion.schedule import CosineSchedule
from tabdiff.inference.likelihood import Bound, Path, _weight, log_likelihood, looks, surprise
from tests.oracles import Mixture, Oracle, categorical

# Three parts; the third is the first xor the second, nine times in ten.
XOR = np.array([[[0.27, 0.03], [0.02, 0.18]], [[0.025, 0.225], [0.225, 0.025]]])
COVARIANCE = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
NORMAL = Mixture(
    np.ones(1), np.zeros((1, 3)), COVARIANCE[None], np.zeros((1, 0), dtype=np.int64), ()
)
# Numbers whose law depends on a category; one component of three shares its level.
TOWNS = Mixture(
    np.array([0.3, 0.5, 0.2]),
    np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, -1.0]]),
    np.array([0.1 * np.eye(2), 0.3 * np.eye(2), [[0.3, 0.2], [0.2, 0.4]]]),
    np.array([[0], [1], [1]]),
    (2,),
)
# A value that exists at level 1 alone, where it goes with the other number; elsewhere it is noise.
GATED = Mixture(
    np.array([0.4, 0.6]),
    np.zeros((2, 2)),
    np.array([np.eye(2), [[1.0, 0.7], [0.7, 1.0]]]),
    np.array([[0], [1]]),
    (2,),
    (Gate(0, (1,)), None),
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bound(
    mixture: Mixture, x: Mixed, steps: int, prior: str = "absorbing", known: Known | None = None
) -> Bound:
    joint, known = mixture.joint(prior, warp=1.7), known or Known.nothing(x)
    path = Path.draw(joint, known, steps, generator())
    return log_likelihood(Oracle(mixture, joint), joint, x, known, steps, path)


def log_normal(num: Tensor) -> Tensor:
    return -0.5 * (num.double() ** 2 + math.log(2 * math.pi))


def exact(mixture: Mixture, x: Mixed) -> Tensor:
    """log p(row) / prod N(z; 0, 1) of each row, by summing over components."""
    terms = []
    for weight, mean, covariance, levels in zip(
        mixture.weight, mixture.mean, mixture.covariance, mixture.levels, strict=True
    ):
        law = torch.distributions.MultivariateNormal(
            torch.as_tensor(mean), torch.as_tensor(covariance)
        )
        here = (x.cat == torch.as_tensor(levels)).all(-1)
        log_p = law.log_prob(x.num.double()) + math.log(weight)
        terms.append(torch.where(here, log_p, -torch.inf))
    return torch.stack(terms).logsumexp(0) - log_normal(x.num).sum(-1)


def assert_mean_near(excess: Tensor, allowed: float = 0.0) -> None:
    error = 5 * float(excess.std()) / math.sqrt(len(excess))
    assert abs(float(excess.mean())) < error + allowed


# ------------------------------------------------------------------------------------- the path


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_a_path_has_a_draw_for_each_row_at_each_time(prior: str):
    # Of 400 normals, or of 400 numbers in the unit interval, five std of a mean: 6e-7, each.
    joint, n, steps = TOWNS.joint(prior), 400, 3
    known = Known(torch.zeros(n, 2, dtype=torch.bool), torch.zeros(n, 1, dtype=torch.bool))
    path = Path.draw(joint, known, steps, generator())
    assert (path.eps.shape, path.fill.shape) == ((4, n, 2), (n, 2))
    assert (path.clock.shape, path.noise.shape, path.shift.shape) == ((4, n, 1), (n, 1), (n,))
    assert path.eps.mean((1, 2)).abs().max() < 5 / math.sqrt(2 * n)
    assert (path.eps[0] != path.eps[1]).all() and (path.eps[0] != path.fill).all()
    assert abs(float(path.clock[0].mean()) - 0.5) < 5 * math.sqrt(1 / 12 / n)
    # One shift in each n-th of the unit interval, in any order.
    assert sorted((path.shift * n).long().tolist()) == list(range(n))
    assert path.shift.min() >= 1e-4 and path.shift.max() <= 1 - 1e-4
    assert (path.shift.diff() < 0).any()
    if prior == "absorbing":
        assert path.clock.equal(path.clock[:1].expand(4, n, 1))
        assert (path.noise == 2).all()
    else:
        assert (path.clock[0] != path.clock[1]).all()
        assert set(path.noise[:, 0].tolist()) == {0, 1}


def test_a_shift_keeps_off_the_ends_where_times_would_coincide():
    joint = categorical(XOR).joint()
    known = Known(torch.zeros(60_000, 0, dtype=torch.bool), torch.zeros(60_000, 3) == 1)
    shift = Path.draw(joint, known, 1, generator()).shift
    ends = torch.tensor([1e-4, 1 - 1e-4], dtype=torch.float32)
    assert torch.stack([shift.min(), shift.max()]).equal(ends)


def test_the_mirror_of_a_path_is_its_opposite_in_time_and_sign():
    known = Known(torch.zeros(50, 2, dtype=torch.bool), torch.zeros(50, 1, dtype=torch.bool))
    path = Path.draw(TOWNS.joint(), known, 3, generator())
    back = path.mirrored()
    assert back.eps.equal(-path.eps) and back.fill.equal(-path.fill)
    torch.testing.assert_close(back.clock, 1 - path.clock)
    assert back.noise.equal(path.noise) and back.shift.equal(path.shift)
    zero = Path(path.eps, path.fill, torch.zeros_like(path.clock), path.noise, path.shift)
    assert (zero.mirrored().clock == 1 - 2**-24).all()


def test_the_error_is_that_of_the_estimate():
    joint, x = TOWNS.joint(), TOWNS.draw(30, np.random.default_rng(0))
    oracle, asked = Oracle(TOWNS, joint), []

    def heard(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        asked.append((x_t, t, oracle(x_t, t, known)))
        return asked[-1][2]

    path = Path.draw(joint, Known.nothing(x), 5, generator())
    along = list(looks(heard, joint, x, Known.nothing(x), 5, path))
    for look, (x_t, t, seen) in zip(along, asked, strict=True):
        x0_hat = joint.gaussian.estimate(seen.num, x_t.num, t)
        torch.testing.assert_close(look.error, (x0_hat - x.num) ** 2, rtol=1e-3, atol=1e-4)
        assert look.t.equal(t)


def test_nothing_is_claimed_below_the_least_noise():
    schedule = CosineSchedule()
    t = torch.asin(torch.tensor([0.0005, 0.0009, 0.0011, 0.5])) / (math.pi / 2)
    weight = _weight(schedule, t)
    assert weight[:2].tolist() == [0, 0]
    # cot(angle) dangle / dt
    angle = schedule.angle(t[2:])
    torch.testing.assert_close(weight[2:], math.pi / 2 / torch.tan(angle))
    warped, u = CosineSchedule(1.7), torch.tensor([0.3], dtype=torch.float64)
    slope = (warped.angle(u + 1e-6) - warped.angle(u - 1e-6)) / 2e-6
    torch.testing.assert_close(_weight(warped, u), slope / torch.tan(warped.angle(u)))


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_a_path_is_float32_whatever_torch_would_make(prior: str):
    known = Known(torch.zeros(9, 2, dtype=torch.bool), torch.zeros(9, 1, dtype=torch.bool))
    path = Path.draw(TOWNS.joint(prior), known, 3, generator())
    for drawn in (path.eps, path.fill, path.clock, path.shift):
        assert drawn.dtype == torch.float32


@pytest.mark.usefixtures("double_by_default")
def test_a_denoiser_is_asked_at_float32_whatever_torch_would_make():
    joint, times = TOWNS.joint(), []

    def indifferent(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        times.append(t.dtype)
        size = joint.multinomial.packing.size
        return Belief(torch.zeros_like(x_t.num), torch.zeros(len(t), size, dtype=torch.float32))

    surprise(indifferent, joint, *joint.unknown(4), generator())
    assert times == [torch.float32]


@pytest.mark.parametrize("at", [None, 0, 1, 2])
def test_a_part_pays_once_also_where_its_clock_stands_at_a_time(at: int | None):
    """At 0, and at the very times at which the denoiser is asked."""
    mixture = categorical(np.array([0.3, 0.7]))
    joint, x = mixture.joint(), mixture.draw(20, np.random.default_rng(0))
    known, steps = Known.nothing(x), 3
    path = Path.draw(joint, known, steps, generator())
    clock = torch.zeros(20)
    if at is not None:
        clock = 1 - joint.multinomial.schedule.alpha_bar((at + path.shift) / steps)
    stopped = Path(path.eps, path.fill, clock[:, None].expand(4, 20, 1), path.noise, path.shift)
    along = list(looks(Oracle(mixture, joint), joint, x, known, steps, stopped))
    paid = torch.stack([look.paid for look in along])
    assert bool(((paid > 0).sum(0) == 1).all())
    law = np.array([0.3, 0.7])[x.cat[:, 0].numpy()]
    np.testing.assert_allclose(paid.sum(0)[:, 0], -np.log(law), atol=1e-6)
    hidden = torch.stack([look.hidden[:, 0] for look in along]).sum(0)
    assert set(hidden.tolist()) == {4 if at is None else 3 - at}
    whole = log_likelihood(Oracle(mixture, joint), joint, x, known, steps, stopped)
    assert whole.gain.dtype == whole.paid.dtype == torch.float64


# -------------------------------------------------------------------------------- discrete parts


@pytest.mark.parametrize("steps", [3, 4, 17])
def test_levels_of_exact_beliefs_cost_their_log_probability_on_every_path(steps: int):
    x = categorical(XOR).draw(300, np.random.default_rng(0))
    paid = bound(categorical(XOR), x, steps).paid.sum(-1)
    np.testing.assert_allclose(paid, -np.log(XOR[tuple(x.cat.numpy().T)]), atol=1e-6)


def test_levels_given_others_cost_their_conditional_log_probability():
    x = categorical(XOR).draw(300, np.random.default_rng(0))
    known = Known.nothing(x)
    known.cat[:, 1] = True
    paid = bound(categorical(XOR), x, 3, known=known).paid
    law = XOR / XOR.sum((0, 2), keepdims=True)
    np.testing.assert_allclose(paid.sum(-1), -np.log(law[tuple(x.cat.numpy().T)]), atol=1e-6)
    assert not paid[:, 1].any()


def test_a_part_pays_what_its_place_in_a_random_order_leaves_open():
    """Of two parts each is first in one of the mirrored orders: half H(X), half H(X | Y)."""
    table = np.array([[0.36, 0.02], [0.04, 0.28], [0.15, 0.15]])
    x = categorical(table).draw(4000, np.random.default_rng(0))
    paid = bound(categorical(table), x, 2).paid
    cell = tuple(x.cat.numpy().T)
    for part in (0, 1):
        alone = table.sum(1 - part)[cell[part]]
        given = table[cell] / table.sum(part)[cell[1 - part]]
        np.testing.assert_allclose(paid[:, part], -(np.log(alone) + np.log(given)) / 2, atol=1e-6)


def test_too_few_steps_cost_what_parts_of_one_step_share():
    """In one step all parts are told apart from each other: the bound is that of independence."""
    x = categorical(XOR).draw(4000, np.random.default_rng(0))
    paid = bound(categorical(XOR), x, 1).paid.sum(-1)
    apart = sum(
        -np.log(XOR.sum(tuple({0, 1, 2} - {part}))[x.cat[:, part].numpy()]) for part in range(3)
    )
    exactly = -np.log(XOR[tuple(x.cat.numpy().T)])
    assert float(paid.mean()) > exactly.mean() + 0.1
    assert float(paid.mean()) < apart.mean() + 0.01


def test_uniform_noise_costs_the_log_probability_up_to_the_stride():
    # The KL divergences of 64 steps add up to 0.024 nats too much, and to 0.1 at 8.
    x = categorical(XOR).draw(2000, np.random.default_rng(0))
    excess = bound(categorical(XOR), x, 64, "uniform").paid.sum(-1) - torch.as_tensor(
        -np.log(XOR[tuple(x.cat.numpy().T)])
    )
    assert_mean_near(excess, allowed=0.03)
    assert float(excess.mean()) > -5 * float(excess.std()) / math.sqrt(2000)


# --------------------------------------------------------------------------------- numeric parts


def test_a_correlated_normal_gains_its_total_correlation():
    x = NORMAL.draw(4000, np.random.default_rng(0))
    gain = bound(NORMAL, x, 25).gain.sum(-1)
    assert_mean_near(gain - exact(NORMAL, x))
    # The mean itself: -1/2 log det of the correlation matrix.
    closed = -0.5 * math.log(np.linalg.det(COVARIANCE))
    assert abs(float(gain.mean()) - closed) < 5 * float(gain.std()) / math.sqrt(4000)


def test_each_row_gets_its_own_log_likelihood():
    # At 400 steps the std of a row's bound is 0.1, where the rows' own differ by 1.06.
    x = NORMAL.draw(200, np.random.default_rng(0))
    off = bound(NORMAL, x, 400).gain.sum(-1) - exact(NORMAL, x)
    assert float(off.std()) < 0.15 < 1.0 < float(exact(NORMAL, x).std())


def test_numbers_given_numbers_gain_what_they_share():
    x = NORMAL.draw(4000, np.random.default_rng(1))
    known = Known.nothing(x)
    known.num[:, 0] = True
    gain = bound(NORMAL, x, 25, known=known).gain
    given = exact(NORMAL, x)
    assert_mean_near(gain.sum(-1) - given)
    assert not gain[:, 0].any()


def test_independent_unit_normals_gain_nothing_at_all():
    alone = Mixture(
        np.ones(1), np.zeros((1, 2)), np.eye(2)[None], np.zeros((1, 0), dtype=np.int64), ()
    )
    gain = bound(alone, alone.draw(100, np.random.default_rng(0)), 10).gain
    assert float(gain.abs().max()) < 1e-4


# ------------------------------------------------------------------------------------ both at once


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_numbers_and_levels_add_up_to_the_joint(prior: str):
    # One hundred steps cost less than 0.01 nats.
    x = TOWNS.draw(1500, np.random.default_rng(0))
    found = bound(TOWNS, x, 100, prior)
    assert_mean_near(found.gain.sum(-1) - found.paid.sum(-1) - exact(TOWNS, x), allowed=0.01)


@pytest.mark.parametrize("known_state", [False, True])
def test_values_that_do_not_exist_say_nothing(known_state: bool):
    """Whatever stands in their place, a row is as likely as its level and its other number."""
    x = GATED.draw(3000, np.random.default_rng(0))
    blank = Mixed(torch.where(GATED.joint().exists(x), x.num, 123.0), x.cat)
    known = Known.nothing(x)
    known.cat[:] = known_state
    found = bound(GATED, blank, 50, known=known)
    level = torch.as_tensor(np.log(GATED.weight))[x.cat[:, 0]]
    truth = torch.where(x.cat[:, 0] == 1, exact(GATED, x), level)
    total = found.gain.sum(-1) - found.paid.sum(-1)
    assert_mean_near(total - truth + known_state * level, allowed=0.01)


def test_wrong_beliefs_never_exceed_the_truth():
    """Beliefs twice as sure as they should be, and velocities twice as long, bound from below."""
    x = TOWNS.draw(1500, np.random.default_rng(0))
    joint, known = TOWNS.joint(), Known.nothing(x)
    oracle = Oracle(TOWNS, joint)

    def overconfident(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        seen = oracle(x_t, t, known)
        return Belief(2 * seen.num, 2 * seen.logits)

    path = Path.draw(joint, known, 50, generator())
    found = log_likelihood(overconfident, joint, x, known, 50, path)
    total = found.gain.sum(-1) - found.paid.sum(-1)
    assert float((total - exact(TOWNS, x)).mean()) < -0.1


def test_one_path_for_all_rows_gives_a_row_the_same_bound_in_any_company():
    x = TOWNS.draw(40, np.random.default_rng(0))
    joint = TOWNS.joint()
    path = Path.draw(joint, Known.nothing(x[:1]), 10, generator())
    oracle = Oracle(TOWNS, joint)
    every = log_likelihood(oracle, joint, x, Known.nothing(x), 10, path)
    some = log_likelihood(oracle, joint, x[7:9], Known.nothing(x[7:9]), 10, path)
    assert every.gain[7:9].allclose(some.gain, atol=1e-6)
    assert every.paid[7:9].allclose(some.paid, atol=1e-6)


def test_a_path_asks_once_more_than_it_has_steps_and_each_part_pays_once():
    x = categorical(XOR).draw(50, np.random.default_rng(0))
    joint, known = categorical(XOR).joint(), Known.nothing(x)
    path = Path.draw(joint, known, 5, generator())
    along = list(looks(Oracle(categorical(XOR), joint), joint, x, known, 5, path))
    assert [float(look.t[0]) for look in along] == sorted(
        (float(look.t[0]) for look in along), reverse=True
    )
    assert len(along) == 6 and bool((along[0].t == 1).all())
    assert bool((torch.stack([look.paid > 0 for look in along]).sum(0) == 1).all())


# ---------------------------------------------------------------------------------- single parts


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_surprise_is_what_a_part_costs_given_the_known_ones_alone(prior: str):
    x = categorical(XOR).draw(200, np.random.default_rng(0))
    joint, known = categorical(XOR).joint(prior), Known.nothing(x)
    known.cat[:, :2] = True
    found = surprise(Oracle(categorical(XOR), joint), joint, x, known, generator())
    law = XOR / XOR.sum(2, keepdims=True)
    np.testing.assert_allclose(found.paid[:, 2], -np.log(law[tuple(x.cat.numpy().T)]), atol=1e-6)
    assert not found.paid[:, :2].any()


def test_surprise_of_a_number_is_its_distance_from_its_conditional_mean():
    x = NORMAL.draw(200, np.random.default_rng(0))
    joint, known = NORMAL.joint(), Known.nothing(x)
    known.num[:, 0] = True
    found = surprise(Oracle(NORMAL, joint), joint, x, known, generator())
    expected = (x.num[:, 1:] - x.num[:, :1] * torch.tensor([0.8, 0.3])) ** 2
    assert found.error[:, 1:].allclose(expected, atol=1e-4)
    assert not found.error[:, 0].any()
