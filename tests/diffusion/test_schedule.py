"""Both clocks: their ends, their direction, and their derivative."""

import pytest
import torch

from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule

TIMES = torch.linspace(0, 1, 1_001, dtype=torch.float64)
WARPS = [0.5, 1.0, 1.7, 3.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("warp", WARPS)
def test_cosine_ends_are_exactly_data_and_noise(warp: float, dtype: torch.dtype):
    schedule, ends = CosineSchedule(warp), torch.tensor([0.0, 1.0], dtype=dtype)
    assert schedule.alpha(ends).tolist() == [1.0, 0.0]
    assert schedule.sigma(ends).tolist() == [0.0, 1.0]
    assert schedule.log_snr(ends).tolist() == [torch.inf, -torch.inf]


@pytest.mark.parametrize("warp", WARPS)
def test_cosine_preserves_variance_and_only_loses_signal(warp: float):
    schedule = CosineSchedule(warp)
    t = TIMES[::10]
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t), rtol=0, atol=1e-12)
    assert (alpha.diff() < 0).all()
    assert (sigma.diff() > 0).all()
    assert (schedule.log_snr(t).diff() < 0).all()


@pytest.mark.parametrize("warp", WARPS)
def test_cosine_log_snr_is_the_ratio_of_signal_and_noise(warp: float):
    schedule, t = CosineSchedule(warp), TIMES[1:-1]
    expected = (schedule.alpha(t) / schedule.sigma(t)).log() * 2
    torch.testing.assert_close(schedule.log_snr(t), expected)


def test_cosine_warp_is_a_clock():
    slow, plain = CosineSchedule(2.0), CosineSchedule(1.0)
    torch.testing.assert_close(slow.alpha(TIMES), plain.alpha(TIMES**2))
    torch.testing.assert_close(slow.sigma(TIMES), plain.sigma(TIMES**2))


def test_clocks_are_plain_unless_asked_otherwise():
    assert CosineSchedule() == CosineSchedule(1.0)
    assert KeepSchedule() == KeepSchedule(1.0)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_keep_falls_from_one_to_zero(power: float):
    kept = KeepSchedule(power).alpha_bar(TIMES)
    assert kept[[0, -1]].tolist() == [1.0, 0.0]
    assert (kept.diff() < 0).all()


def test_keep_with_power_one_decides_equally_much_per_unit_of_time():
    drops = KeepSchedule(1.0).alpha_bar(TIMES).diff()
    torch.testing.assert_close(drops, torch.full_like(drops, -1e-3))


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_elbo_weight_is_the_derivative_it_claims(power: float):
    schedule, t, h = KeepSchedule(power), TIMES[50:-1], 1e-6
    slope = (schedule.alpha_bar(t + h) - schedule.alpha_bar(t - h)) / (2 * h)
    torch.testing.assert_close(
        schedule.elbo_weight(t), -slope / (1 - schedule.alpha_bar(t)), rtol=1e-7, atol=0
    )
