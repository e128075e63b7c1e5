"""Gaussian noise on counts: how large it is, what it costs, and how costs add up."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from tabdiff.data.noise import NoisyCounts, as_counts, epsilon_of, mu_of, shares


def seeded(seed: int = 0) -> NoisyCounts:
    return NoisyCounts(np.random.default_rng(seed))


def assert_std(noise: np.ndarray, std: float) -> None:
    # A mean of m squares has a relative std of sqrt(2 / m): 5 of them, 6e-7 of fresh seeds.
    assert np.square(noise).mean() == pytest.approx(std**2, rel=5 * math.sqrt(2 / noise.size))
    assert abs(noise.mean()) < 5 * std / math.sqrt(noise.size)


@pytest.mark.parametrize("mu", [0.05, 1.0, 7.0])
def test_noise_on_counts_of_disjoint_classes(mu: float):
    counts = np.arange(20_000.0)
    assert_std(seeded().of(counts, mu) - counts, 1 / mu)


@pytest.mark.parametrize("mu", [0.3, 2.0])
def test_noise_on_scores_that_all_change_with_a_row(mu: float):
    # Together they move by the square root of how many there are.
    scores = np.arange(10_000.0)
    assert_std(seeded().scores(scores, mu) - scores, math.sqrt(len(scores)) / mu)


def test_noise_is_fresh_every_time():
    noise = seeded()
    assert not np.isclose(noise.of(np.zeros(50), 1.0), noise.of(np.zeros(50), 1.0)).any()


def test_costs_add_up_in_squares():
    noise = seeded()
    noise.of(np.zeros(3), 3.0)
    noise.scores(np.zeros(5), 4.0)
    noise.of(np.zeros(0), 12.0)
    assert noise.spent == pytest.approx(13.0)


def test_shares_add_up_to_the_whole():
    parts = shares(2.0, [1.0, 0.0, 3.0])
    assert parts == pytest.approx([1.0, 0.0, math.sqrt(3.0)])
    assert math.hypot(*parts) == pytest.approx(2.0)


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 3.0, 8.0, 50.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-5, 0.01])
def test_mu_and_epsilon_are_each_others_inverse(epsilon: float, delta: float):
    assert epsilon_of(mu_of(epsilon, delta), delta) == pytest.approx(epsilon, rel=1e-6)


def test_what_delta_covers_costs_no_epsilon():
    assert epsilon_of(1e-4, 1e-3) == 0.0


@pytest.mark.parametrize(("mu", "delta"), [(0.5, 1e-3), (1.0, 1e-6), (3.0, 1e-5)])
def test_epsilon_is_that_of_two_normals(mu: float, delta: float):
    # delta = integral of max(p - e^epsilon q, 0), by quadrature over where it is positive.
    epsilon = epsilon_of(mu, delta)
    excess = lambda x: norm.pdf(x, mu) - math.exp(epsilon) * norm.pdf(x)  # noqa: E731
    crossing = mu / 2 + epsilon / mu
    assert quad(excess, crossing, mu + 12, epsabs=1e-14)[0] == pytest.approx(delta, rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_the_nearest_that_add_up(seed: int):
    noisy = np.random.default_rng(seed).normal(0, 20, (4, 5))
    found = as_counts(noisy, 30.0)
    assert found.shape == (4, 5) and (found >= 0).all()
    assert found.sum() == pytest.approx(30.0)
    # Kuhn and Tucker: what is left of each positive count is the same, and no zero wanted more.
    moved = noisy - found
    shift = moved[found > 0]
    assert np.ptp(shift) < 1e-9
    assert (moved[found == 0] <= shift[0] + 1e-9).all()


@pytest.mark.parametrize("noisy", [[0.0], [-3.0, 2.0], [1e9, 0.0]])
def test_nothing_can_be_parted_too(noisy: list[float]):
    assert as_counts(np.array(noisy), 0.0).tolist() == [0.0] * len(noisy)
