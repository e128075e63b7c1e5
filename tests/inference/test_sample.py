"""Ancestral sampling with denoisers that know the answer recovers the known distribution.

What is drawn is compared with one of two things. The *law of the sampler* is computed without any
drawing, by enumerating states or integrating densities at the very same stride; against it only
Monte-Carlo error is allowed. The *truth* differs from that law by what the stride costs; that cost
is shown to fall as 1 / nfe, and stated where it is allowed for.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.data.mixed import Gate, Known, Mixed
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.inference.sample import restore, sample, time_grid
from tests import naive
from tests.oracles import (
    Mixture,
    Oracle,
    categorical,
    categorical_law,
    counts,
    mixture_law,
    spread_law,
    total_variation,
)

PRIORS = ["absorbing", "uniform"]
# Four levels, as far from uniform as a small sample can still see.
SKEWED = np.array([0.6, 0.3, 0.08, 0.02])
# Two parts, strongly dependent: the mutual information is 0.35 nats.
PAIR = np.array([[0.36, 0.02], [0.04, 0.28], [0.15, 0.15]])
# Three parts; the third is the first xor the second, nine times in ten.
XOR = np.array([[[0.27, 0.03], [0.02, 0.18]], [[0.025, 0.225], [0.225, 0.025]]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(mixture: Mixture, joint: JointDiffusion, nfe: int, n: int, seed: int = 0) -> Mixed:
    return sample(Oracle(mixture, joint), joint, time_grid(nfe), *joint.unknown(n), generator(seed))


# ------------------------------------------------------------------------------------- the walk


def test_the_grid_falls_from_one_to_zero_in_equal_steps():
    assert time_grid(4).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert time_grid(1).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("n", [0, 5])
def test_sample_calls_the_denoiser_once_per_interval(n: int):
    mixture = categorical(PAIR)
    joint = mixture.joint()
    oracle = Oracle(mixture, joint)
    x = sample(oracle, joint, time_grid(7), *joint.unknown(n), generator())
    assert oracle.calls == 7
    assert (x.num.shape, x.cat.shape) == ((n, 0), (n, 2))


def test_sample_depends_on_its_generator_alone():
    mixture = TOWNS
    joint = mixture.joint()
    a, b, c = (drawn(mixture, joint, 5, 20, seed) for seed in (1, 1, 2))
    assert a.num.equal(b.num)
    assert a.cat.equal(b.cat)
    assert not a.num.equal(c.num)


def test_sample_builds_no_graph():
    mixture = categorical(SKEWED)
    layer = torch.nn.Parameter(torch.ones(1))

    def denoiser(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None):
        belief = Oracle(mixture, joint)(x_t, t, known)
        return type(belief)(belief.num * layer, belief.logits * layer)

    joint = mixture.joint()
    assert not sample(
        denoiser, joint, time_grid(2), *joint.unknown(3), generator()
    ).num.requires_grad


@pytest.mark.parametrize("times", [[0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.4, 0.5, 0.0]])
def test_sample_refuses_times_that_do_not_fall(times: list[float]):
    mixture = categorical(SKEWED)
    joint = mixture.joint()
    with pytest.raises(ValueError, match="s must be below t"):
        sample(Oracle(mixture, joint), joint, torch.tensor(times), *joint.unknown(3), generator())


# ------------------------------------------------------------------------------- categorical parts


@pytest.mark.parametrize("prior", PRIORS)
def test_the_oracle_is_bayes_rule_over_cells(prior: str):
    mixture = categorical(PAIR)
    joint = mixture.joint(prior)
    absorbing, t = prior == "absorbing", 0.6
    for x in np.ndindex(3 + absorbing, 2 + absorbing):
        x_t = Mixed(torch.zeros(1, 0), torch.tensor([x]))
        belief = Oracle(mixture, joint)(x_t, torch.full((1,), t).double(), Known.nothing(x_t))
        cells = PAIR * np.outer(
            naive.transition(3, absorbing, 1 - t)[:3, x[0]],
            naive.transition(2, absorbing, 1 - t)[:2, x[1]],
        )
        for part in range(2):
            p = joint.multinomial.packing.unpack(belief.logits, part)[0].softmax(-1).numpy()
            np.testing.assert_allclose(p, cells.sum(1 - part) / cells.sum(), rtol=1e-5)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("nfe", [1, 3, 20, 100])
def test_one_part_is_exact_at_every_stride(prior: str, nfe: int):
    # Chi-square at 1e-6 against the truth: eight tests, 8e-6 false alarms.
    mixture = categorical(SKEWED)
    x = drawn(mixture, mixture.joint(prior), nfe, 10_000)
    assert naive.chi_square(counts(x, (4,)), SKEWED) > 1e-6
    # The same by enumeration, to the rounding of float64.
    law = categorical_law(SKEWED, prior == "absorbing", time_grid(nfe).double().numpy())
    np.testing.assert_allclose(law, SKEWED, atol=1e-12)


class Plugged(MultinomialDiffusion):
    """The deliberately wrong step: the mean of the belief in the place of onehot(x_0)."""

    def step(
        self,
        logits: Tensor,
        x_t: Tensor,
        t: Tensor,
        s: Tensor,
        generator: torch.Generator,
        clock: Tensor | None = None,
    ) -> Tensor:
        k = self.packing.levels[0]
        kept_t, kept_s = (self.schedule.alpha_bar(u)[:, None] for u in (t, s))
        at_t = torch.nn.functional.one_hot(x_t[:, 0], k)
        r, p = kept_t / kept_s, self.packing.unpack(logits, 0).softmax(-1)
        weight = (r * at_t + (1 - r) / k) * (kept_s * p + (1 - kept_s) / k)
        u = torch.rand(x_t.shape, generator=generator)
        return self.packing.draw(weight.log(), u, torch.ones_like(x_t, dtype=torch.bool))


def test_plugging_the_mean_into_the_posterior_is_caught():
    """What the test above would say of a step that does not belong to its loss (DESIGN, section 2).

    By enumeration the wrong step ends 0.16 total variation away from the truth at 100 steps.
    """
    mixture, times = categorical(SKEWED), time_grid(100).double().numpy()
    wrong = categorical_law(SKEWED, False, times, step="plugged")
    assert total_variation(wrong, SKEWED) > 0.1
    joint = mixture.joint("uniform")
    joint.multinomial = Plugged((4,), "uniform")
    seen = counts(drawn(mixture, joint, 100, 10_000), (4,))
    assert naive.chi_square(seen, SKEWED) < 1e-50
    # And it is this wrong step that was drawn from: chi-square at 1e-6.
    assert naive.chi_square(seen, wrong) > 1e-6


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("nfe", [1, 4, 16])
def test_the_process_as_defined_follows_its_law_over_several_parts(prior: str, nfe: int):
    # Chi-square at 1e-6 over six cells: six tests, 6e-6 false alarms.
    mixture, n = categorical(PAIR), 20_000
    joint = mixture.joint(prior)
    oracle, noise = Oracle(mixture, joint), generator(nfe)
    x, times = joint.prior((n,), noise), time_grid(nfe)
    for t, s in pairwise(times.unbind()):
        t, s = t.expand(n), s.expand(n)
        x = joint.step(
            joint.estimate(joint.look(oracle, x, t, Known.nothing(x)), x, t), x, t, s, noise
        )
    law = categorical_law(PAIR, prior == "absorbing", times.double().numpy())
    assert naive.chi_square(counts(x, PAIR.shape), law) > 1e-6


@pytest.mark.parametrize("prior", PRIORS)
def test_the_law_of_the_process_nears_the_truth_at_first_order(prior: str):
    calls = [8, 16, 32, 64]
    errors = [
        total_variation(categorical_law(PAIR, prior == "absorbing", np.linspace(1, 0, n + 1)), PAIR)
        for n in calls
    ]
    slope = np.polyfit(np.log(calls), np.log(errors), 1)[0]
    assert -1.15 < slope < -0.85
    # One call draws every part from its own marginal, which is far away.
    alone = categorical_law(PAIR, prior == "absorbing", np.array([1.0, 0.0]))
    np.testing.assert_allclose(alone, np.outer(PAIR.sum(1), PAIR.sum(0)), atol=1e-12)
    assert total_variation(alone, PAIR) > 20 * errors[-1]


@pytest.mark.parametrize("nfe", [1, 4, 16])
def test_uniform_parts_follow_the_law_of_the_sampler(nfe: int):
    # Chi-square at 1e-6 over six cells, three tests.
    x = drawn(categorical(PAIR), categorical(PAIR).joint("uniform"), nfe, 20_000)
    law = categorical_law(PAIR, False, time_grid(nfe).double().numpy())
    assert naive.chi_square(counts(x, PAIR.shape), law) > 1e-6


@pytest.mark.parametrize("nfe", [1, 2, 3, 5, 20])
def test_masked_parts_are_exact_as_soon_as_each_has_a_step_of_its_own(nfe: int):
    """Under the sampler's evenly spread masks: by enumeration, then by drawing.

    Chi-square at 1e-6 over eight cells, five tests.
    """
    law = spread_law(XOR, time_grid(nfe).double().numpy())
    assert law.sum() == pytest.approx(1)
    if nfe >= XOR.ndim:
        np.testing.assert_allclose(law, XOR, atol=1e-7)
    else:
        assert total_variation(law, XOR) > 0.05
    x = drawn(categorical(XOR), categorical(XOR).joint("absorbing"), nfe, 20_000)
    assert naive.chi_square(counts(x, XOR.shape), law) > 1e-6


def test_three_dependent_uniform_parts_come_back():
    """Total variation against the truth, at 32 calls and 20,000 rows.

    Monte Carlo: E TV <= 1/2 sqrt(cells / n) = 0.010, and by McDiarmid's inequality
    P(TV - E TV > e) <= exp(-2 n e^2), 1e-5 at e = 0.017. By enumeration the stride costs 0.029.
    Independent columns are 0.40 away.
    """
    mixture, n, nfe = categorical(XOR), 20_000, 32
    x = drawn(mixture, mixture.joint("uniform"), nfe, n)
    monte_carlo = 0.5 * np.sqrt(XOR.size / n) + np.sqrt(np.log(1e5) / (2 * n))
    error = total_variation(counts(x, XOR.shape) / n, XOR)
    assert error < monte_carlo + 0.03


# --------------------------------------------------------------------------------- numeric parts

# Two well parted humps and a broad one between, on the line.
HUMPS = Mixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-1.2], [1.4], [0.2]]),
    np.array([0.3, 0.2, 0.8])[:, None, None] ** 2,
    np.zeros((3, 0), dtype=np.int64),
    (),
)
# Three correlated clouds in the plane; one is nearly a line.
CLOUDS = Mixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-0.8, -0.5], [1.0, 1.0], [0.5, -1.2]]),
    np.array([[[0.4, 0.35], [0.35, 0.4]], [[0.1, -0.06], [-0.06, 0.2]], [[0.5, 0.0], [0.0, 0.05]]]),
    np.zeros((3, 0), dtype=np.int64),
    (),
)
GRID = np.linspace(-5, 5, 801)
DIRECTIONS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.8, -0.6]])


def law_of_humps(nfe: int) -> np.ndarray:
    angles = np.pi / 2 * np.linspace(1, 0, nfe + 1)
    std = np.sqrt(HUMPS.covariance[:, 0, 0])
    return mixture_law(HUMPS.weight, HUMPS.mean[:, 0], std, angles, GRID)


@pytest.mark.parametrize("nfe", [2, 8, 32])
def test_a_mixture_on_the_line_follows_the_law_of_the_sampler(nfe: int):
    # DKW at 1e-6, plus 2e-3 for the grid of the integral; three tests, 3e-6 false alarms.
    n = 40_000
    x = drawn(HUMPS, HUMPS.joint(), nfe, n).num[:, 0].double().numpy()
    distance = naive.ks_distance(x, np.interp(x, GRID, law_of_humps(nfe)))
    assert distance < naive.dkw(n, 1e-6) + 2e-3


def test_the_law_on_the_line_nears_the_truth_at_first_order():
    truth, calls = HUMPS.component_cdf(GRID, 0), [8, 16, 32, 64]
    errors = [np.abs(law_of_humps(nfe) - truth).max() for nfe in calls]
    slope = np.polyfit(np.log(calls), np.log(errors), 1)[0]
    assert -1.25 < slope < -0.75


def gaussian_variance(variance: float, nfe: int) -> float:
    """Variance at the end of sampling from N(0, variance): each step is linear."""
    out = 1.0
    for a_t, a_s in pairwise(np.pi / 2 * np.linspace(1, 0, nfe + 1)):
        belief = np.cos(a_t) * variance / (np.cos(a_t) ** 2 * variance + np.sin(a_t) ** 2)
        out *= (1 - (a_t - a_s) * (np.cos(a_t) - belief) / np.sin(a_t)) ** 2
    return out


@pytest.mark.parametrize("nfe", [2, 10, 50])
def test_a_correlated_gaussian_has_the_covariance_of_the_sampler(nfe: int):
    """Steps are linear, so every axis of the covariance shrinks by a factor known exactly."""
    n, covariance = 50_000, np.array([[1.0, 0.9], [0.9, 1.0]])
    normal = Mixture(
        np.ones(1), np.zeros((1, 2)), covariance[None], np.zeros((1, 0), dtype=np.int64), ()
    )
    x = drawn(normal, normal.joint(), nfe, n).num.double().numpy()
    along = np.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]]) / np.sqrt(2)
    for values, variance in zip(along, (1.9, 0.1), strict=True):
        expected = gaussian_variance(variance, nfe)
        # The variance of n normals has std sqrt(2/n) of itself; 5 of them, 6e-7 each of six.
        assert abs(values.var() / expected - 1) < 5 * np.sqrt(2 / n)


def test_the_variance_of_the_sampler_nears_the_truth_at_first_order():
    calls = [128, 256, 512, 1024]
    for variance in (0.1, 1.9):
        errors = [abs(gaussian_variance(variance, nfe) - variance) for nfe in calls]
        assert -1.15 < np.polyfit(np.log(calls), np.log(errors), 1)[0] < -0.85


@pytest.mark.parametrize("nfe", [30, 80])
def test_correlated_clouds_come_back_in_every_direction(nfe: int):
    # DKW at 1e-6 for each of 4 directions and 2 cases: 8e-6 false alarms. The stride may cost
    n = 10_000
    x = drawn(CLOUDS, CLOUDS.joint(warp=1.7), nfe, n).num.double().numpy()
    for direction in DIRECTIONS:
        values = x @ direction
        distance = naive.ks_distance(values, CLOUDS.projected_cdf(values, direction))
        assert distance < naive.dkw(n, 1e-6) + 1.2 / nfe


# ----------------------------------------------------------------------------------- mixed parts

# A number whose mean and spread depend on the town.
TOWNS = Mixture(
    np.array([0.5, 0.3, 0.2]),
    np.array([[-0.9], [0.6], [1.5]]),
    np.array([0.4, 0.3, 0.5])[:, None, None] ** 2,
    np.array([[0], [1], [2]]),
    (3,),
)
# c0 is a state: 0 there is a value, 1 missing, 2 an atom. c1 goes with the state and with the
# value; x1 always exists and goes with both.
CLOSED = np.array([[1.0, 0.0], [0.0, 0.25]])
GATED = Mixture(
    np.array([0.4, 0.25, 0.2, 0.15]),
    np.array([[-1.0, -0.5], [1.0, 0.5], [0.0, 1.2], [0.0, -1.0]]),
    np.array([[[0.2, 0.15], [0.15, 0.2]], [[0.2, -0.15], [-0.15, 0.3]], CLOSED, CLOSED]),
    np.array([[0, 0], [0, 1], [1, 1], [2, 0]]),
    (3, 2),
    (Gate(0, (0,)), None),
)


def assert_components_come_back(mixture: Mixture, x: Mixed, cost: float) -> None:
    """Shares of the cells, and every numeric part's distribution within each cell.

    A share has std below sqrt(p / n): 5 of them, 6e-7. A distribution: DKW at 1e-6.
    """
    for c, levels in enumerate(mixture.levels):
        here = (x.cat.numpy() == levels).all(1)
        weight = mixture.weight[c]
        assert abs(here.mean() - weight) < 5 * np.sqrt(weight / len(x)) + cost, levels
        alone = Mixture(
            np.ones(1), mixture.mean[[c]], mixture.covariance[[c]], mixture.levels[[c]], ()
        )
        for part in range(mixture.mean.shape[1]):
            values = x.num.double().numpy()[here, part]
            distance = naive.ks_distance(values, alone.component_cdf(values, part))
            assert distance < naive.dkw(len(values), 1e-6) + cost, (levels, part)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("nfe", [30, 80])
def test_a_number_follows_its_category(prior: str, nfe: int):
    # The stride costs up to 1.4 / nfe, seen with 100,000 rows at 15 and 30 calls.
    x = drawn(TOWNS, TOWNS.joint(prior), nfe, 10_000)
    assert_components_come_back(TOWNS, x, 2.0 / nfe)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("nfe", [30, 80])
def test_gated_values_exist_where_their_state_says_so(prior: str, nfe: int):
    """Also behind closed states, where a unit normal must come back, unseen by any decoder."""
    # The stride costs up to 1.4 / nfe, seen with 100,000 rows at 15 and 30 calls.
    x = drawn(GATED, GATED.joint(prior), nfe, 10_000)
    assert_components_come_back(GATED, x, 2.0 / nfe)


@pytest.mark.parametrize("prior", PRIORS)
def test_states_that_are_decided_first_leave_the_law_as_it_is(prior: str):
    x = drawn(GATED, GATED.joint(prior, first=(0,)), 80, 10_000)
    assert_components_come_back(GATED, x, 2.0 / 80)


# --------------------------------------------------------------------------------- what is known


def asked(mixture: Mixture, prior: str, nfe: int, row: Mixed, known: Known, n: int) -> Mixed:
    """``n`` rows given the known parts of one row."""
    joint, copies = mixture.joint(prior), torch.zeros(n, dtype=torch.int64)
    x0, seen = row[copies], known[copies]
    return sample(Oracle(mixture, joint), joint, time_grid(nfe), x0, seen, generator())


def mask(*flags: bool) -> Tensor:
    return torch.tensor([flags], dtype=torch.bool)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("level", [0, 1])
def test_levels_given_one_that_is_known_are_its_conditional(prior: str, level: int):
    # Chi-square at 1e-6 over four cells: four tests, 4e-6 false alarms. One part is left, which is
    # exact at every stride under the absorbing prior; of two, the stride costs under the uniform.
    row = Mixed(torch.zeros(1, 0), torch.tensor([[0, level, 0]]))
    known = Known(torch.zeros(1, 0, dtype=torch.bool), mask(False, True, True))
    x = asked(categorical(XOR), prior, 20, row, known, 10_000)
    assert (x.cat[:, 1] == level).all()
    assert (x.cat[:, 2] == 0).all()
    law = XOR[:, level, 0] / XOR[:, level, 0].sum()
    assert naive.chi_square(np.bincount(x.cat[:, 0], minlength=2), law) > 1e-6


def test_two_levels_given_a_third_are_drawn_one_after_the_other():
    # Chi-square at 1e-6. Two steps are enough for two hidden parts: the known one takes no turn.
    row = Mixed(torch.zeros(1, 0), torch.tensor([[0, 0, 1]]))
    known = Known(torch.zeros(1, 0, dtype=torch.bool), mask(False, False, True))
    x = asked(categorical(XOR), "absorbing", 2, row, known, 20_000)
    law = XOR[:, :, 1] / XOR[:, :, 1].sum()
    assert naive.chi_square(counts(x, XOR.shape)[:, :, 1], law) > 1e-6


@pytest.mark.parametrize("value", [-1.5, 0.4])
def test_a_number_given_another_follows_the_conditional_of_the_clouds(value: float):
    # DKW at 1e-6, two tests; the stride may cost 1.2 / nfe as it does without a condition.
    row = Mixed(torch.tensor([[value, 0.0]]), torch.zeros(1, 0, dtype=torch.int64))
    known = Known(mask(True, False), torch.zeros(1, 0, dtype=torch.bool))
    n, nfe = 10_000, 60
    x = asked(CLOUDS, "absorbing", nfe, row, known, n)
    assert (x.num[:, 0] == value).all()
    slope = CLOUDS.covariance[:, 0, 1] / CLOUDS.covariance[:, 0, 0]
    likelihood = naive.normal(value, CLOUDS.mean[:, 0], np.sqrt(CLOUDS.covariance[:, 0, 0]))
    weight = CLOUDS.weight * likelihood
    left = CLOUDS.covariance[:, 1, 1] - slope * CLOUDS.covariance[:, 0, 1]
    given = Mixture(
        weight / weight.sum(),
        (CLOUDS.mean[:, 1] + slope * (value - CLOUDS.mean[:, 0]))[:, None],
        left[:, None, None],
        np.zeros((3, 0), dtype=np.int64),
        (),
    )
    values = x.num[:, 1].double().numpy()
    distance = naive.ks_distance(values, given.component_cdf(values, 0))
    assert distance < naive.dkw(n, 1e-6) + 1.2 / nfe


@pytest.mark.parametrize("prior", PRIORS)
def test_a_gated_row_given_its_number_and_a_level(prior: str):
    """Given x1 = 0.6 and c1 = 1, two components are left: a value, or a missing state."""
    row = Mixed(torch.tensor([[0.0, 0.6]]), torch.tensor([[0, 1]]))
    known = Known(mask(False, True), mask(False, True))
    n, nfe = 10_000, 60
    x = asked(GATED, prior, nfe, row, known, n)
    likelihood = naive.normal(0.6, GATED.mean[:, 1], np.sqrt(GATED.covariance[:, 1, 1]))
    weight = GATED.weight * likelihood * (GATED.levels[:, 1] == 1)
    share = weight[1] / weight.sum()
    # A share has std below 1 / (2 sqrt(n)): 5 of them. The stride may cost as above.
    assert abs((x.cat[:, 0] == 0).double().mean() - share) < 2.5 / np.sqrt(n) + 2.0 / nfe
    assert set(x.cat[:, 0].tolist()) == {0, 1}


# ------------------------------------------------------------------------------- what is led back


def test_restored_numbers_keep_their_law_and_stay_the_nearer_the_less_noise():
    # DKW at 1e-6, twice. At 8 calls from t = 0.5 and t = 0.25 the stride costs less than 0.01.
    n, joint = 20_000, HUMPS.joint()
    x0, kept = HUMPS.draw(n, np.random.default_rng(0)), []
    for strength in (0.5, 0.25):
        times = strength * time_grid(8)
        x = restore(Oracle(HUMPS, joint), joint, times, x0, Known.nothing(x0), generator())
        values = x.num[:, 0].double().numpy()
        distance = naive.ks_distance(values, HUMPS.component_cdf(values, 0))
        assert distance < naive.dkw(n, 1e-6) + 0.01
        kept.append(np.corrcoef(values, x0.num[:, 0])[0, 1])
    assert 0.7 < kept[0] < 0.9 < kept[1]


def test_restored_levels_keep_their_law_and_what_is_known():
    # Chi-square at 1e-6. Of the rows, each part is noise with 0.6; five std of a share: 6e-7.
    n, joint = 10_000, categorical(XOR).joint()
    x0 = categorical(XOR).draw(n, np.random.default_rng(0))
    known = Known.nothing(x0)
    known.cat[:, 2] = True
    oracle = Oracle(categorical(XOR), joint)
    x = restore(oracle, joint, 0.6 * time_grid(40), x0, known, generator())
    assert oracle.calls == 40
    assert x.cat[:, 2].equal(x0.cat[:, 2])
    assert naive.chi_square(counts(x, XOR.shape), XOR) > 1e-6
    moved = (x.cat[:, :2] != x0.cat[:, :2]).double().mean(0)
    assert ((moved > 0.1) & (moved < 0.6)).all()


@pytest.mark.usefixtures("double_by_default")
def test_the_grid_is_float32_whatever_torch_would_make():
    assert time_grid(3).dtype == torch.float32
