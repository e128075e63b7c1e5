"""The multinomial twin: limits, enumeration by transition matrices, the mixing step, the loss."""

import math
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.diffusion import multinomial
from tabdiff.diffusion.multinomial import FIRST, MultinomialDiffusion
from tabdiff.diffusion.schedule import KeepSchedule
from tests import naive

PRIORS = ["absorbing", "uniform"]
STRIDES = [(0.9, 0.85), (0.5, 0.49), (0.3, 0.01), (1.0, 0.9), (1.0, 0.05), (0.4, 0.0)]
# Unequal, in two groups of the packing and out of its order.
LEVELS = (5, 2, 3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def nothing(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.bool)


def full(value: float, n: int = 1) -> Tensor:
    return torch.full((n,), value, dtype=torch.float64)


def random_log_p(process: MultinomialDiffusion, n: int, seed: int = 0) -> Tensor:
    logits = torch.randn((n, process.packing.size), generator=generator(seed), dtype=torch.float64)
    return process.estimate(logits)


def belief(process: MultinomialDiffusion, log_p: Tensor, row: int, part: int) -> np.ndarray:
    return process.packing.unpack(log_p, part)[row].exp().double().numpy()


def tokens(k: int, prior: str) -> range:
    return range(k + (prior == "absorbing"))


def possible(k: int, prior: str) -> list[tuple[int, int]]:
    """Pairs (x_0, x_t) that q(x_t | x_0) can produce."""
    return [(i, j) for i in range(k) for j in tokens(k, prior) if prior == "uniform" or j in (i, k)]


# ----------------------------------------------------------------------------------------- limits


def test_an_unknown_prior_is_refused():
    with pytest.raises(ValueError, match=r"prior must be 'absorbing' or 'uniform'. Got 'gumbel'"):
        MultinomialDiffusion((2,), "gumbel")  # type: ignore[arg-type]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("shape", [(7,), (7, 4)], ids=["table", "sequence"])
def test_q_sample_at_zero_returns_x0(prior: str, shape: tuple[int, ...]):
    process = MultinomialDiffusion(LEVELS, prior)
    x0 = process.packing.draw(
        torch.zeros(*shape, process.packing.size),
        torch.rand((*shape, 3), generator=generator()),
        torch.ones((*shape, 3), dtype=torch.bool),
    )
    assert process.q_sample(x0, torch.zeros(7), generator()).equal(x0)


def test_q_sample_at_one_is_all_masks_under_the_absorbing_prior():
    process = MultinomialDiffusion(LEVELS, "absorbing")
    masks = torch.tensor([5, 2, 3]).expand(9, 3)
    assert process.q_sample(torch.zeros_like(masks), torch.ones(9), generator()).equal(masks)
    assert process.prior((9, 3), generator()).equal(masks)


def test_q_sample_at_one_forgets_x0_under_the_uniform_prior():
    # Chi-square at 1e-6 for each of three parts, twice.
    process, n = MultinomialDiffusion(LEVELS, "uniform"), 60_000
    x0 = torch.zeros((n, 3), dtype=torch.int64)
    for x in (process.q_sample(x0, torch.ones(n), generator()), process.prior((n, 3), generator())):
        for part, k in enumerate(LEVELS):
            seen = np.bincount(x[:, part].numpy(), minlength=k)
            assert naive.chi_square(seen, np.full(k, 1 / k)) > 1e-6


@pytest.mark.parametrize("prior", PRIORS)
def test_prior_mass_is_a_distribution_over_the_tokens(prior: str):
    process = MultinomialDiffusion(LEVELS, prior)
    for part, k in enumerate(LEVELS):
        masses = []
        for token in tokens(k, prior):
            x = torch.zeros((1, 3), dtype=torch.int64)
            x[0, part] = token
            masses.append(float(process.prior_mass(x)[0, part]))
            settled = bool(process.settled(x)[0, part])
            assert settled == (prior == "absorbing" and token < k)
        np.testing.assert_allclose(masses, naive.prior_vector(k, prior == "absorbing"), rtol=1e-6)


def test_the_largest_number_below_one_draws_the_last_level(monkeypatch: pytest.MonkeyPatch):
    levels = tuple(range(1, 20_000))
    process = MultinomialDiffusion(levels, "uniform")
    monkeypatch.setattr(multinomial, "_uniform", lambda shape, _: torch.full(shape, 1 - 2**-24))
    assert process.prior((2, len(levels)), generator())[1].tolist() == [k - 1 for k in levels]


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("prior", PRIORS)
def test_draws_are_the_same_whatever_torch_would_make(prior: str):
    process = MultinomialDiffusion(LEVELS, prior)
    x = process.q_sample(torch.zeros((50, 3), dtype=torch.int64), full(0.5, 50), generator())
    torch.set_default_dtype(torch.float32)
    again = process.q_sample(torch.zeros((50, 3), dtype=torch.int64), full(0.5, 50), generator())
    assert x.equal(again)


# ----------------------------------------------------------------------------------- naive twins


@pytest.mark.parametrize("prior", PRIORS)
def test_q_sample_in_one_jump_is_a_product_of_transition_matrices(prior: str):
    n, path = 60_000, np.linspace(0, 0.7, 8)
    process = MultinomialDiffusion(LEVELS, prior, KeepSchedule(1.5))
    kept = 1 - path**1.5
    # Chi-square at 1e-6 for each of three parts.
    x0 = torch.tensor([4, 1, 0]).expand(n, 3)
    x = process.q_sample(x0, full(0.7, n), generator())
    for part, k in enumerate(LEVELS):
        steps = [
            naive.transition(k, prior == "absorbing", later / now) for now, later in pairwise(kept)
        ]
        chain = reduce(np.matmul, steps)
        np.testing.assert_allclose(chain, naive.transition(k, prior == "absorbing", kept[-1]))
        seen = np.bincount(x[:, part].numpy(), minlength=len(chain))
        assert naive.chi_square(seen, chain[int(x0[0, part])]) > 1e-6


def test_a_time_belongs_to_its_row_at_any_shape():
    process = MultinomialDiffusion(LEVELS, "absorbing")
    x0 = torch.zeros((3, 1_000, 3), dtype=torch.int64)
    masked = process.settled(process.q_sample(x0, torch.tensor([0.0, 0.5, 1.0]), generator()))
    share = 1 - masked.double().mean((1, 2))
    assert share[[0, 2]].tolist() == [0, 1]
    # 3,000 draws with probability 1/2: std 0.0091, five of them, 6e-7 false alarms.
    assert abs(float(share[1]) - 0.5) < 5 * 0.5 / math.sqrt(3_000)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(("t", "s"), STRIDES)
def test_q_posterior_is_bayes_rule_by_enumeration(prior: str, t: float, s: float):
    schedule = KeepSchedule(1.3)
    for k in (2, 3, 5):
        process = MultinomialDiffusion((k,), prior, schedule)
        for x0, x_t in possible(k, prior):
            if t == 1 and prior == "absorbing" and x_t < k:
                continue
            weights = process.q_posterior(
                torch.tensor([[x0]]), torch.tensor([[x_t]]), full(t), full(s)
            )
            stay, clean, fresh = (float(w) for w in weights)
            assert stay + clean + fresh == pytest.approx(1, abs=1e-6)
            assert min(stay, clean, fresh) >= 0
            law = fresh * naive.prior_vector(k, prior == "absorbing")
            law[x_t] += stay
            law[x0] += clean
            expected = naive.multinomial_bayes(
                k, prior == "absorbing", x0, x_t, 1 - t**1.3, 1 - s**1.3
            )
            np.testing.assert_allclose(law, expected, atol=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(("t", "s"), STRIDES)
def test_kl_is_the_sum_over_levels(prior: str, t: float, s: float):
    schedule = KeepSchedule(1.3)
    kept_t, kept_s = 1 - t**1.3, 1 - s**1.3
    for k in (2, 3, 5):
        process = MultinomialDiffusion((k,), prior, schedule)
        log_p = random_log_p(process, 1, seed=k)
        p = belief(process, log_p, 0, 0)
        for x0, x_t in possible(k, prior):
            if t == 1 and prior == "absorbing" and x_t < k:
                continue
            q = naive.multinomial_bayes(k, prior == "absorbing", x0, x_t, kept_t, kept_s)
            mixed = naive.mixed_posterior(p, prior == "absorbing", x_t, kept_t, kept_s)
            got = process.kl(log_p, torch.tensor([[x0]]), torch.tensor([[x_t]]), full(t), full(s))
            assert got.shape == (1, 1)
            assert float(got) == pytest.approx(naive.kl(q, mixed), abs=2e-6)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("first", [(), (1,)])
def test_kl_of_several_parts_is_each_ones_own(prior: str, first: tuple[int, ...]):
    together = MultinomialDiffusion(LEVELS, prior, first=first)
    log_p = random_log_p(together, 4)
    x0 = torch.tensor([[0, 1, 2], [4, 0, 1], [2, 1, 0], [3, 0, 2]])
    x_t = torch.tensor([5, 2, 3]).expand(4, 3) if prior == "absorbing" else x0.roll(1, 0)
    t, s = full(0.6, 4), full(0.5, 4)
    got = together.kl(log_p, x0, x_t, t, s)
    for part, k in enumerate(LEVELS):
        alone = MultinomialDiffusion((k,), prior, first=(0,) if part in first else ())
        own = together.packing.unpack(log_p, part)
        expected = alone.kl(own, x0[:, part, None], x_t[:, part, None], t, s)
        torch.testing.assert_close(got[:, part, None], expected)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("first", [(), (1,)])
def test_kl_and_loss_of_a_sequence_are_those_of_its_rows(prior: str, first: tuple[int, ...]):
    process, shape = MultinomialDiffusion(LEVELS, prior, first=first), (4, 5)
    log_p = random_log_p(process, 20).reshape(4, 5, -1)
    x0 = process.packing.draw(
        torch.zeros(log_p.shape), torch.rand((4, 5, 3), generator=generator(1)), ~nothing(4, 5, 3)
    )
    t, s = torch.linspace(0.3, 1, 4).double(), torch.linspace(0.2, 0.7, 4).double()
    x_t = process.q_sample(x0, t, generator(2))
    kl, loss = process.kl(log_p, x0, x_t, t, s), process.loss(log_p, x0, x_t)
    assert kl.shape == loss.shape == (*shape, 3)
    for at in range(5):
        row = (log_p[:, at], x0[:, at], x_t[:, at])
        torch.testing.assert_close(kl[:, at], process.kl(*row, t, s))
        torch.testing.assert_close(loss[:, at], process.loss(*row))


@pytest.mark.parametrize("prior", PRIORS)
def test_kl_of_a_certain_and_right_belief_is_zero(prior: str):
    process = MultinomialDiffusion((4,), prior)
    log_p = torch.tensor([[0.0, -math.inf, -math.inf, -math.inf]], dtype=torch.float64)
    x_t = torch.tensor([[4 if prior == "absorbing" else 2]])
    for t, s in STRIDES:
        got = process.kl(log_p, torch.tensor([[0]]), x_t, full(t), full(s))
        assert float(got) == pytest.approx(0, abs=1e-6), (t, s)


@pytest.mark.parametrize("prior", PRIORS)
def test_kl_without_parts_has_no_columns(prior: str):
    process, none = MultinomialDiffusion((), prior), torch.zeros((3, 0), dtype=torch.int64)
    assert process.kl(torch.zeros(3, 0), none, none, full(0.5, 3), full(0.4, 3)).shape == (3, 0)
    x = process.prior((3, 0), generator())
    assert (x.shape, x.dtype) == ((3, 0), torch.int64)


@pytest.mark.usefixtures("double_by_default")
def test_kl_without_parts_is_float32_whatever_torch_would_make():
    process, none = MultinomialDiffusion((), "uniform"), torch.zeros((3, 0), dtype=torch.int64)
    nothing = torch.zeros(3, 0, dtype=torch.float32)
    assert process.kl(nothing, none, none, full(0.5, 3), full(0.4, 3)).dtype == torch.float32


def test_loss_is_the_cross_entropy_of_what_is_masked():
    process = MultinomialDiffusion(LEVELS, "absorbing")
    log_p, x0 = random_log_p(process, 6), torch.tensor([4, 1, 2]).expand(6, 3)
    x_t = process.q_sample(x0, full(0.5, 6), generator())
    got = process.loss(log_p, x0, x_t)
    for row, part in np.ndindex(6, 3):
        masked = int(x_t[row, part]) == LEVELS[part]
        nats = -math.log(belief(process, log_p, row, part)[x0[row, part]])
        assert float(got[row, part]) == pytest.approx(nats if masked else 0)


def test_loss_is_the_cross_entropy_everywhere_under_the_uniform_prior():
    process = MultinomialDiffusion(LEVELS, "uniform")
    log_p, x0 = random_log_p(process, 6), torch.tensor([4, 1, 2]).expand(6, 3)
    got = process.loss(log_p, x0, x0)
    for row, part in np.ndindex(6, 3):
        nats = -math.log(belief(process, log_p, row, part)[x0[row, part]])
        assert float(got[row, part]) == pytest.approx(nats)


def test_the_bound_of_many_small_steps_is_the_weighted_cross_entropy():
    """kl over a short stride is elbo_weight (t - s) times the loss of a masked part.

    Sahoo et al. 2024 (arXiv:2406.07524), eq. 10, where a part is masked with 1 - alpha_bar_t.
    """
    process = MultinomialDiffusion((4,), "absorbing", KeepSchedule(1.3))
    log_p, x0, mask = random_log_p(process, 1), torch.tensor([[2]]), torch.tensor([[4]])
    t, s = full(0.5), full(0.5 - 1e-6)
    kl = float(process.kl(log_p, x0, mask, t, s))
    weight = float(process.schedule.elbo_weight(t)) * float(t - s)
    assert kl == pytest.approx(weight * float(process.loss(log_p, x0, mask)), rel=1e-4)


# --------------------------------------------------------------------------------------- the step


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize(("t", "s"), [(0.9, 0.6), (1.0, 0.5), (0.5, 0.0)])
def test_step_mixes_the_posterior_over_the_belief(prior: str, t: float, s: float):
    # Chi-square at 1e-7 for each of at most 13 states: fewer than 1e-5 false alarms in all.
    n, process = 40_000, MultinomialDiffusion(LEVELS, prior)
    log_p = random_log_p(process, 1, seed=5)
    for start in range(max(LEVELS) + 1):
        x_t = torch.tensor([min(start, tokens(k, prior)[-1]) for k in LEVELS])
        if t == 1 and prior == "absorbing":
            x_t = torch.tensor(LEVELS)
        x_s = process.step(
            log_p.expand(n, -1), x_t.expand(n, -1), full(t, n), full(s, n), generator(start)
        )
        for part in range(len(LEVELS)):
            p, token = belief(process, log_p, 0, part), int(x_t[part])
            expected = naive.mixed_posterior(p, prior == "absorbing", token, 1 - t, 1 - s)
            seen = np.bincount(x_s[:, part].numpy(), minlength=len(expected))
            assert naive.chi_square(seen, expected) > 1e-7


def test_what_may_happen_shares_the_unit_interval_in_order(monkeypatch: pytest.MonkeyPatch):
    """Staying below ``stay``, becoming clean from there, a fresh draw from ``stay + clean``."""
    process = MultinomialDiffusion((3,), "uniform")
    t, s, x_t, x0 = full(0.8).float(), full(0.5).float(), torch.tensor([[1]]), torch.tensor([[2]])
    certain = torch.tensor([[-torch.inf, -torch.inf, 0.0]])
    stay, clean, _ = (float(w) for w in process.q_posterior(x0, x_t, t, s))
    both = float(torch.tensor(stay) + torch.tensor(clean))
    below = [float(np.nextafter(np.float32(end), np.float32(0))) for end in (stay, both)]
    # Noise is drawn by 0, which is level 0.
    for u, expected in [(0.0, 1), (below[0], 1), (stay, 2), (below[1], 2), (both, 0), (0.9999, 0)]:
        monkeypatch.setattr(
            multinomial,
            "_uniform",
            lambda shape, _, u=u: torch.full(shape, u if len(shape) == 3 else 0.0),
        )
        assert int(process.step(certain, x_t, t, s, generator())) == expected, u


@pytest.mark.parametrize("prior", PRIORS)
def test_nothing_of_x0_is_left_at_one_however_small_its_number(
    prior: str, monkeypatch: pytest.MonkeyPatch
):
    process, x0 = MultinomialDiffusion((3,), prior), torch.tensor([[1]])
    monkeypatch.setattr(multinomial, "_uniform", lambda shape, _: torch.zeros(shape))
    noise = 3 if prior == "absorbing" else 0
    assert process.q_sample(x0, torch.ones(1), generator()).tolist() == [[noise]]


def test_nothing_stays_noise_at_the_end_however_small_its_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(multinomial, "_uniform", lambda shape, _: torch.zeros(shape))
    for prior, x_t in (("uniform", [[1]]), ("absorbing", [[3]])):
        process = MultinomialDiffusion((3,), prior)
        certain = torch.tensor([[-torch.inf, -torch.inf, 0.0]])
        arguments = (certain, torch.tensor(x_t), full(0.8), full(0.0), generator())
        for clock in (None, torch.zeros(1, 1)):
            assert process.step(*arguments, clock).tolist() == [[2]]


def test_step_draws_parts_apart():
    """Given x_t and the belief, the parts of x_s are independent of each other.

    Chi-square at 1e-6 against the product of the two laws.
    """
    n, process = 60_000, MultinomialDiffusion((3, 3), "uniform")
    log_p = random_log_p(process, 1, seed=2)
    x_t = torch.tensor([0, 1])
    x_s = process.step(
        log_p.expand(n, -1), x_t.expand(n, -1), full(0.8, n), full(0.5, n), generator()
    ).numpy()
    laws = [
        naive.mixed_posterior(belief(process, log_p, 0, part), False, int(x_t[part]), 0.2, 0.5)
        for part in range(2)
    ]
    seen = np.zeros((3, 3))
    np.add.at(seen, (x_s[:, 0], x_s[:, 1]), 1)
    assert naive.chi_square(seen, np.outer(*laws)) > 1e-6


def test_clocks_of_a_row_are_spread_evenly_in_any_order():
    # Chi-square at 1e-6 over six orders; DKW at 1e-6 for each of three parts.
    process, n = MultinomialDiffusion(LEVELS, "absorbing"), 20_000
    clock = process.clock(nothing(n, 3), generator()).double()
    torch.testing.assert_close(
        clock.sort(-1).values.diff(dim=-1), torch.full((n, 2), 1 / 3).double()
    )
    assert clock.min() >= 0
    assert clock.max() < 1
    orders = np.bincount((clock.argsort(-1) * torch.tensor([9, 3, 1])).sum(-1).numpy())
    assert naive.chi_square(orders[orders > 0], np.full(6, 1 / 6)) > 1e-6
    for values in clock.T.numpy():
        assert naive.ks_distance(values, values) < naive.dkw(n, 1e-6)


def test_known_parts_take_no_turn_on_the_clock():
    process, n = MultinomialDiffusion(LEVELS, "absorbing"), 500
    known = torch.tensor([[False, True, False]]).expand(n, 3)
    clock = process.clock(known, generator()).double()
    gaps = (clock[:, 0] - clock[:, 2]).abs()
    torch.testing.assert_close(gaps, torch.full((n,), 0.5).double())
    assert (clock[:, 1] == 0).all()
    assert (process.clock(torch.ones(4, 3) == 1, generator()) == 0).all()


def test_the_only_part_that_is_hidden_shows_itself_at_any_time():
    # DKW at 1e-6: 1 in a million of fresh seeds would fail.
    process, n = MultinomialDiffusion(LEVELS, "absorbing"), 5_000
    known = torch.tensor([[True, False, True]]).expand(n, 3)
    clock = process.clock(known, generator())[:, 1].double().numpy()
    assert naive.ks_distance(clock, clock) < naive.dkw(n, 1e-6)


def test_the_uniform_prior_has_no_clock():
    assert MultinomialDiffusion(LEVELS, "uniform").clock(nothing(4, 3), generator()) is None


@pytest.mark.parametrize("shape", [(50, 3), (50, 2, 3)], ids=["table", "sequence"])
def test_a_masked_part_shows_its_level_when_its_clock_says_so(shape: tuple[int, ...]):
    process = MultinomialDiffusion(LEVELS, "absorbing", KeepSchedule(1.5))
    noise = generator()
    x, clock = process.prior(shape, noise), process.clock(nothing(*shape), noise)
    size = (*shape[:-1], process.packing.size)
    for t, s in pairwise(np.linspace(1, 0, 12)):
        log_p = process.estimate(torch.randn(size, generator=noise))
        before, x = x, process.step(log_p, x, full(t, 50), full(s, 50), noise, clock)
        shown = process.settled(x)
        assert shown.equal(clock >= s**1.5)
        # What is shown stays.
        assert x[process.settled(before)].equal(before[process.settled(before)])
    assert process.settled(x).all()


def test_a_clock_leaves_the_law_of_every_part_as_it_was():
    # Chi-square at 1e-6 for each of three parts.
    n, process = 30_000, MultinomialDiffusion(LEVELS, "absorbing")
    log_p = random_log_p(process, 1, seed=5)
    noise = generator()
    x, clock = process.prior((n, 3), noise), process.clock(nothing(n, 3), noise)
    for t, s in [(1.0, 0.7), (0.7, 0.4)]:
        x = process.step(log_p.expand(n, -1), x, full(t, n), full(s, n), noise, clock)
    for part, k in enumerate(LEVELS):
        p = belief(process, log_p, 0, part)
        expected = naive.mixed_posterior(p, True, k, 0.0, 0.6)
        assert naive.chi_square(np.bincount(x[:, part].numpy(), minlength=k + 1), expected) > 1e-6


def test_parts_that_are_decided_first_come_back_by_a_clock_of_their_own():
    n, process = 40, MultinomialDiffusion(LEVELS, "absorbing", KeepSchedule(1.5), first=(1,))
    x = process.prior((n, 2, 3), generator())
    kept = process.kept(full(0.8, n), x).expand(x.shape)
    masked = 0.8**1.5
    np.testing.assert_allclose(kept[0, 0], 1 - np.array([masked, masked**FIRST, masked]), rtol=1e-5)
    # Two of either sort's clocks in each of two rows: half an interval apart, in [0, 1).
    clock = process.clock(nothing(n, 2, 3), generator())
    for parts, apart in (([1], 0.5), ([0, 2], 0.25)):
        times = clock[..., parts].flatten(1).sort(-1).values
        np.testing.assert_allclose(times.diff(dim=-1), apart, atol=1e-6)
        assert ((times >= 0) & (times < 1)).all()
    size, noise = (n, 2, process.packing.size), generator()
    log_p = process.estimate(torch.randn(size, generator=noise))
    x = process.step(log_p, x, full(1, n), full(0.8, n), noise, clock)
    assert process.settled(x).equal(clock >= 1 - kept)


def test_what_is_decided_first_weighs_as_the_slope_of_its_noise():
    process, h = MultinomialDiffusion(LEVELS, "absorbing", KeepSchedule(1.5), first=(1,)), 1e-6
    t, like = torch.tensor([0.3, 0.9], dtype=torch.float64), torch.zeros((2, 3))
    noise = [(1 - process.kept(t + d, like)).expand(2, 3).log() for d in (-h, h)]
    weight = process.elbo_weight(t, like).expand(2, 3)
    np.testing.assert_allclose(weight, (noise[1] - noise[0]) / (2 * h), rtol=1e-5)


@pytest.mark.parametrize("prior", PRIORS)
def test_step_to_zero_leaves_clean_levels_only(prior: str):
    process = MultinomialDiffusion(LEVELS, prior)
    n = 2_000
    log_p = random_log_p(process, n)
    x = process.prior((n, 3), generator())
    x = process.step(log_p, x, torch.full((n,), 0.3), torch.zeros(n), generator(1))
    assert (x < torch.tensor(LEVELS)).all()
    assert (x >= 0).all()


def test_step_never_changes_what_is_settled():
    process, n = MultinomialDiffusion(LEVELS, "absorbing"), 500
    x = torch.tensor([4, 1, 2]).expand(n, 3)
    # A network that is sure of something else is not asked.
    log_p = process.estimate(
        torch.zeros(n, process.packing.size).index_fill(-1, torch.tensor(0), 50)
    )
    assert process.step(log_p, x, full(0.7, n), full(0.2, n), generator()).equal(x)


@pytest.mark.parametrize("prior", PRIORS)
def test_a_step_up_in_time_is_refused(prior: str):
    process, x = MultinomialDiffusion((3,), prior), torch.zeros((1, 1), dtype=torch.int64)
    log_p = random_log_p(process, 1)
    for t, s in [(0.5, 0.5), (0.4, 0.6)]:
        with pytest.raises(ValueError, match="s must be below t"):
            process.q_posterior(x, x, full(t), full(s))
        with pytest.raises(ValueError, match="s must be below t"):
            process.step(log_p, x, full(t), full(s), generator())
        with pytest.raises(ValueError, match="s must be below t"):
            process.kl(log_p, x, x, full(t), full(s))
