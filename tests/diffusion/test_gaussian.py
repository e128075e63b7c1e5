"""The Gaussian twin: limits, Bayes on a grid, the step, and its order."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.diffusion.gaussian import GaussianDiffusion, require_order, rows
from tabdiff.diffusion.schedule import CosineSchedule
from tests import naive

STRIDES = [(0.9, 0.85), (0.5, 0.499), (0.2, 0.01), (0.99, 0.05), (0.05, 0.04)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def times(*values: float, n: int = 1) -> tuple[Tensor, ...]:
    return tuple(torch.full((n,), v, dtype=torch.float64) for v in values)


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


@pytest.fixture(params=[1.0, 1.7], ids=["plain clock", "warped clock"])
def gaussian(request: pytest.FixtureRequest) -> GaussianDiffusion:
    return GaussianDiffusion(CosineSchedule(request.param))


# ----------------------------------------------------------------------------------------- limits


def test_q_sample_at_zero_returns_x0(gaussian: GaussianDiffusion):
    x0 = normals(5, 3)
    assert gaussian.q_sample(x0, torch.zeros(5), generator()).equal(x0)


def test_q_sample_at_one_is_the_prior(gaussian: GaussianDiffusion):
    x0 = torch.full((5, 3), 100.0)
    noise = gaussian.prior((5, 3), generator())
    assert gaussian.q_sample(x0, torch.ones(5), generator()).equal(noise)


def test_prior_is_float32_standard_normal():
    x = GaussianDiffusion().prior((50_000, 2), generator())
    assert x.dtype == torch.float32
    # DKW at 1e-6 for each of two columns.
    for column in x.double().T.numpy():
        cdf = 0.5 * (1 + torch.erf(torch.as_tensor(column) / math.sqrt(2)).numpy())
        assert naive.ks_distance(column, cdf) < naive.dkw(len(column), 1e-6)


@pytest.mark.usefixtures("double_by_default")
def test_prior_is_float32_whatever_torch_would_make():
    assert GaussianDiffusion().prior((2, 3), generator()).dtype == torch.float32


def test_a_time_belongs_to_its_row_at_any_shape(gaussian: GaussianDiffusion):
    x0, t = normals(4, 6, 3), torch.tensor([0.0, 0.3, 0.6, 1.0])
    got = gaussian.q_sample(x0, t, generator(1))
    eps = normals(4, 6, 3, seed=1)
    for row in range(4):
        alpha, sigma = gaussian.schedule.alpha(t[row]), gaussian.schedule.sigma(t[row])
        torch.testing.assert_close(got[row], alpha * x0[row] + sigma * eps[row])
    assert rows(t, x0).shape == (4, 1, 1)


# ----------------------------------------------------------------------------------- naive twins


def test_q_sample_in_one_jump_is_a_chain_of_small_steps(gaussian: GaussianDiffusion):
    """x_t = (alpha_t / alpha_s) x_s + sigma_ts eps, twelve times over."""
    n, x0 = 200_000, 1.5
    rng, path = np.random.default_rng(0), torch.linspace(0, 0.8, 13, dtype=torch.float64)
    alphas = gaussian.schedule.alpha(path).numpy()
    x = np.full(n, x0)
    for a_s, a_t in pairwise(alphas):
        var_ts = (1 - a_t**2) - (a_t / a_s) ** 2 * (1 - a_s**2)
        x = a_t / a_s * x + math.sqrt(var_ts) * rng.standard_normal(n)
    jump = gaussian.q_sample(
        torch.full((n, 1), x0, dtype=torch.float64), *times(0.8, n=n), generator()
    )
    # Both means have std sigma/sqrt(n), both variances sqrt(2/n) sigma^2; their differences sqrt(2)
    # times that. 5 standard deviations: 6e-7 false alarms each.
    sigma = float(gaussian.schedule.sigma(path[-1]))
    assert abs(x.mean() - float(jump.mean())) < 5 * sigma * math.sqrt(2 / n)
    assert abs(x.var() - float(jump.var())) < 5 * sigma**2 * math.sqrt(4 / n)


@pytest.mark.parametrize(("t", "s"), STRIDES)
def test_q_posterior_is_bayes_rule(gaussian: GaussianDiffusion, t: float, s: float):
    at_t, at_s = times(t, s)
    alpha_t, alpha_s = float(gaussian.schedule.alpha(at_t)), float(gaussian.schedule.alpha(at_s))
    x0 = normals(1, 4)
    x_t = gaussian.q_sample(x0, at_t, generator(1))
    mean, std = gaussian.q_posterior(x0, x_t, at_t, at_s)
    assert std.shape == mean.shape
    for part in range(4):
        expected = naive.gaussian_bayes(float(x0[0, part]), float(x_t[0, part]), alpha_t, alpha_s)
        assert float(mean[0, part]) == pytest.approx(expected[0], abs=1e-8)
        assert float(std[0, part]) == pytest.approx(expected[1], abs=1e-8)


def test_q_posterior_ends_in_x0_and_begins_with_the_marginal(gaussian: GaussianDiffusion):
    x0, x_t = normals(1, 4), normals(1, 4, seed=1)
    mean, std = gaussian.q_posterior(x0, x_t, *times(0.4, 0.0))
    torch.testing.assert_close(mean, x0)
    assert (std == 0).all()
    one, s = times(1.0, 0.4)
    mean, std = gaussian.q_posterior(x0, x_t, one, s)
    torch.testing.assert_close(mean, gaussian.schedule.alpha(s) * x0)
    torch.testing.assert_close(std, gaussian.schedule.sigma(s).expand_as(std))


def test_q_posterior_of_the_shortest_strides_has_a_spread(gaussian: GaussianDiffusion):
    """Between neighbouring floats sigma_ts^2 is all rounding, which must not reach below 0."""
    s = torch.rand(5_000, generator=generator()) * 0.999
    t, x = torch.nextafter(s, torch.ones(())), torch.zeros(5_000, 1)
    _, std = gaussian.q_posterior(x, x, t, s)
    assert (std >= 0).all()
    assert (std < 0.05).all()


def test_q_posterior_in_two_strides_is_one(gaussian: GaussianDiffusion):
    """Mean and variance of q(x_r | x_t, x0), through x_s or not."""
    t, s, r = times(0.8, 0.5, 0.3)
    x0, x_t, zero = normals(1, 4), normals(1, 4, seed=1), torch.zeros(1, 4, dtype=torch.float64)
    mean_s, std_s = gaussian.q_posterior(x0, x_t, t, s)
    mean_r, std_r = gaussian.q_posterior(x0, mean_s, s, r)
    slope = gaussian.q_posterior(zero, zero + 1, s, r)[0]
    mean, std = gaussian.q_posterior(x0, x_t, t, r)
    torch.testing.assert_close(mean_r, mean)
    torch.testing.assert_close(std_r**2 + (slope * std_s) ** 2, std**2)


@pytest.mark.parametrize(("t", "s"), STRIDES)
def test_kl_is_the_integral(gaussian: GaussianDiffusion, t: float, s: float):
    at_t, at_s = times(t, s)
    alpha_t, alpha_s = float(gaussian.schedule.alpha(at_t)), float(gaussian.schedule.alpha(at_s))
    x0, x_t = 0.3, 0.8
    *_, grid, p = naive.gaussian_bayes(x0, x_t, alpha_t, alpha_s)
    # An estimate that is off by half the posterior's width keeps both densities on the grid.
    unit = math.sqrt(alpha_s**2 / (1 - alpha_s**2) - alpha_t**2 / (1 - alpha_t**2))
    x0_hat = x0 + 0.5 / unit
    mean, std, *_ = naive.gaussian_bayes(x0_hat, x_t, alpha_t, alpha_s)
    log_q = -0.5 * ((grid - mean) / std) ** 2 - math.log(std * math.sqrt(2 * math.pi))
    log_p = np.log(p, out=np.zeros_like(p), where=p > 0)
    expected = float((p * (log_p - log_q)).sum() * (grid[1] - grid[0]))
    column = torch.ones(1, 1, dtype=torch.float64)
    got = gaussian.kl(x0_hat * column, x0 * column, x_t * column, at_t, at_s)
    assert got.shape == (1, 1)
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_kl_of_a_right_belief_is_zero_at_every_stride(gaussian: GaussianDiffusion):
    x0 = normals(1, 4)
    for t, s in [*STRIDES, (1.0, 0.5)]:
        assert (gaussian.kl(x0, x0, x0, *times(t, s)) == 0).all()


# ------------------------------------------------------------------------------- velocity and loss


def test_estimate_of_the_true_velocity_is_x0(gaussian: GaussianDiffusion):
    x0, eps, t = normals(50, 3), normals(50, 3, seed=1), torch.linspace(0, 1, 50).double()
    alpha, sigma = gaussian.schedule.alpha(t)[:, None], gaussian.schedule.sigma(t)[:, None]
    x_t, v = alpha * x0 + sigma * eps, alpha * eps - sigma * x0
    torch.testing.assert_close(gaussian.estimate(v, x_t, t), x0)


def test_estimate_of_velocity_zero_is_the_belief_about_a_unit_normal(gaussian: GaussianDiffusion):
    # E[x_0 | x_t] = alpha_t x_t where x_0 ~ N(0, 1).
    x_t, t = normals(1, 4), times(0.3)[0]
    expected = gaussian.schedule.alpha(t) * x_t
    torch.testing.assert_close(gaussian.estimate(torch.zeros_like(x_t), x_t, t), expected)


def test_loss_is_the_squared_error_of_the_velocity_part_by_part(gaussian: GaussianDiffusion):
    x0, eps, v = normals(6, 3), normals(6, 3, seed=1), normals(6, 3, seed=2)
    t = torch.linspace(0.1, 1, 6, dtype=torch.float64)
    alpha, sigma = gaussian.schedule.alpha(t), gaussian.schedule.sigma(t)
    x_t = alpha[:, None] * x0 + sigma[:, None] * eps
    got = gaussian.loss(v, x0, x_t, t)
    x0_hat = gaussian.estimate(v, x_t, t)
    for b, d in np.ndindex(6, 3):
        velocity = alpha[b] * eps[b, d] - sigma[b] * x0[b, d]
        assert float(got[b, d]) == pytest.approx(float((v[b, d] - velocity) ** 2), rel=1e-9)
        weighted = (1 + (alpha[b] / sigma[b]) ** 2) * (x0_hat[b, d] - x0[b, d]) ** 2
        assert float(got[b, d]) == pytest.approx(float(weighted), rel=1e-9)


def test_loss_is_kl_per_unit_of_snr(gaussian: GaussianDiffusion):
    """The bound of many small steps: kl / (SNR_s - SNR_t) = loss / (2 (1 + SNR_t))."""
    t, s = times(0.5, 0.4)
    x0, x_t, v = normals(1, 3), normals(1, 3, seed=1), normals(1, 3, seed=2)
    snr_t, snr_s = gaussian.schedule.log_snr(t).exp(), gaussian.schedule.log_snr(s).exp()
    kl = gaussian.kl(gaussian.estimate(v, x_t, t), x0, x_t, t, s)
    loss = gaussian.loss(v, x0, x_t, t)
    torch.testing.assert_close(kl / (snr_s - snr_t), loss / (2 * (1 + snr_t)))


# --------------------------------------------------------------------------------------- the step


@pytest.mark.parametrize(("t", "s"), [*STRIDES, (1.0, 0.9), (0.3, 0.0)])
def test_step_is_the_velocity_times_the_angle(gaussian: GaussianDiffusion, t: float, s: float):
    x_t, v = normals(1, 5), normals(1, 5, seed=1)
    at_t, at_s = times(t, s)
    turn = 0.5 * math.pi * (t**gaussian.schedule.warp - s**gaussian.schedule.warp)
    got = gaussian.step(gaussian.estimate(v, x_t, at_t), x_t, at_t, at_s)
    torch.testing.assert_close(got, x_t - turn * v)


@pytest.mark.parametrize(("t", "s"), [*STRIDES, (1.0, 0.9), (0.3, 0.0)])
def test_step_leaves_a_unit_normal_as_it_is(gaussian: GaussianDiffusion, t: float, s: float):
    x_t, at_t = normals(1, 5), times(t)[0]
    x0_hat = gaussian.schedule.alpha(at_t) * x_t
    torch.testing.assert_close(gaussian.step(x0_hat, x_t, *times(t, s)), x_t)


def test_small_steps_stay_on_the_way_from_noise_to_a_known_x0(gaussian: GaussianDiffusion):
    """Given x_0 the path is x_s = alpha_s x_0 + sigma_s eps; a step errs by its square."""
    x0, eps = normals(1, 5), normals(1, 5, seed=1)
    for size in (0.1, 0.01):
        t, s = times(0.6, 0.6 - size)
        on_path = [
            gaussian.schedule.alpha(u) * x0 + gaussian.schedule.sigma(u) * eps for u in (t, s)
        ]
        turn = float(gaussian.schedule.angle(t) - gaussian.schedule.angle(s))
        error = (gaussian.step(x0, on_path[0], t, s) - on_path[1]).abs().max()
        assert float(error) < 0.6 * turn**2 * float(x0.abs().max() + eps.abs().max())


def test_a_step_up_in_time_is_refused_and_names_its_row():
    x, gaussian = torch.zeros(3, 2), GaussianDiffusion()
    t, s = torch.tensor([0.9, 0.5, 0.5]), torch.tensor([0.8, 0.6, 0.5])
    message = r"s must be below t.*Got s=0\.6 and t=0\.5 in row 1"
    with pytest.raises(ValueError, match=message):
        gaussian.step(x, x, t, s)
    with pytest.raises(ValueError, match=message):
        gaussian.q_posterior(x, x, t, s)
    with pytest.raises(ValueError, match=message):
        gaussian.kl(x, x, x, t, s)
    with pytest.raises(ValueError, match="below t"):
        require_order(t[2:], s[2:])


# -------------------------------------------------------------------------------------- the order


def end_scale(std: float, nfe: int, warp: float) -> float:
    """x_0 / x_1 at the end of the deterministic path, with the exact denoiser of N(0, std^2)."""
    gaussian = GaussianDiffusion(CosineSchedule(warp))
    x = torch.ones(1, 1, dtype=torch.float64)
    for t, s in pairwise(torch.linspace(1, 0, nfe + 1, dtype=torch.float64)[:, None]):
        alpha, sigma = gaussian.schedule.alpha(t), gaussian.schedule.sigma(t)
        x0_hat = alpha * std**2 / (alpha**2 * std**2 + sigma**2) * x
        v = (alpha * x - x0_hat) / sigma
        x = gaussian.step(gaussian.estimate(v, x, t), x, t, s)
    return float(x)


@pytest.mark.parametrize("warp", [1.0, 1.7])
@pytest.mark.parametrize("std", [0.5, 2.0])
def test_the_deterministic_path_is_of_first_order(std: float, warp: float):
    # The flow keeps x_t / sqrt(alpha_t^2 std^2 + sigma_t^2), so x_1 ends at std x_1.
    calls = [64, 128, 256, 512]
    errors = [abs(end_scale(std, nfe, warp) - std) for nfe in calls]
    slope = np.polyfit(np.log(calls), np.log(errors), 1)[0]
    assert -1.1 < slope < -0.9


@pytest.mark.parametrize("nfe", [1, 7, 100])
def test_the_deterministic_path_keeps_a_unit_normal_at_any_number_of_calls(nfe: int):
    assert end_scale(1.0, nfe, 1.0) == pytest.approx(1.0, abs=1e-12)
