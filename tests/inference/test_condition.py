"""Restricted columns follow the conditional of a known distribution."""

import numpy as np
import pytest
import torch
from scipy import stats

from tabdiff.data.mixed import Belief, Choice, Gate, Known, Mixed, Restriction
from tabdiff.inference.condition import Present, _cut_normal, _resample, choose, narrow
from tabdiff.inference.likelihood import surprise
from tabdiff.inference.sample import sample, time_grid
from tests import naive
from tests.oracles import Mixture, Oracle, categorical, counts

# Three parts of three levels, strongly dependent.
CHAIN = np.array(
    [
        [[0.14, 0.01, 0.01], [0.02, 0.08, 0.01], [0.01, 0.01, 0.06]],
        [[0.03, 0.01, 0.01], [0.01, 0.12, 0.02], [0.01, 0.01, 0.04]],
        [[0.05, 0.01, 0.02], [0.01, 0.03, 0.01], [0.02, 0.03, 0.21]],
    ]
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def levels(part: int, *wanted: int, share: tuple[float, ...] = ()) -> Restriction:
    free = torch.full((len(wanted),), torch.inf)
    shares = torch.tensor(share or (1.0,) * len(wanted))
    return Restriction(part, None, torch.tensor(wanted), shares, -free, free)


def drawn(mixture: Mixture, restrictions: list[Restriction], n: int, known=None) -> Mixed:
    joint = mixture.joint()
    x0, nothing = joint.unknown(n)
    oracle, noise = Oracle(mixture, joint), generator()
    x0, seen = narrow(oracle, joint, x0, known or nothing, restrictions, noise)
    return sample(oracle, joint, time_grid(12), x0, seen, noise)


def conditional(table: np.ndarray, *inside: tuple[int, ...]) -> np.ndarray:
    kept = np.zeros_like(table)
    kept[np.ix_(*inside)] = table[np.ix_(*inside)]
    return kept / kept.sum()


def test_one_set_is_exact():
    # Chi-square at 1e-6 over 18 cells.
    x = drawn(categorical(CHAIN), [levels(1, 0, 2)], 20_000)
    law = conditional(CHAIN, (0, 1, 2), (0, 2), (0, 1, 2))
    assert naive.chi_square(counts(x, CHAIN.shape), law) > 1e-6


# Where c0 is 0, c1 is hardly ever 1.
LEANING = np.array([[0.3, 0.02], [0.08, 0.3], [0.1, 0.2]])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_several_sets_follow_their_joint_conditional_in_any_order(order: tuple[int, int]):
    """The share of c0 = 0 given c0 in {0, 1} and c1 = 1 is 0.0625; unweighted it would be 0.457.

    Its std over 20,000 rows is at most twice that of a binomial, 0.0035: 5 of them, 6e-7.
    """
    inside = {0: (0, 1), 1: (1,)}
    x = drawn(categorical(LEANING), [levels(part, *inside[part]) for part in order], 20_000)
    seen = counts(x, LEANING.shape) / 20_000
    assert seen[:, 1].sum() == 1
    assert seen[2].sum() == 0
    assert abs(seen[0, 1] - 0.02 / 0.32) < 5 * 0.0035


def test_a_rare_set_costs_no_more_than_a_frequent_one():
    rare = np.array([[1e-6, 0.3], [2e-6, 0.699997]])
    mixture, joint = categorical(rare), categorical(rare).joint()
    oracle = Oracle(mixture, joint)
    x0, known = narrow(oracle, joint, *joint.unknown(5_000), [levels(1, 0)], generator())
    assert oracle.calls == 1
    x = sample(oracle, joint, time_grid(4), x0, known, generator())
    assert (x.cat[:, 1] == 0).all()
    # A share of 1/3 with std sqrt(2 / 9 n): 5 of them, 6e-7.
    assert abs((x.cat[:, 0] == 0).double().mean() - 1 / 3) < 5 * np.sqrt(2 / 9 / 5_000)


def test_shares_weigh_the_levels():
    x = drawn(categorical(CHAIN), [levels(0, 0, 1, 2, share=(0.5, 1.0, 0.25))], 20_000)
    law = CHAIN * np.array([0.5, 1.0, 0.25])[:, None, None]
    assert naive.chi_square(counts(x, CHAIN.shape), law / law.sum()) > 1e-6


def test_rows_choose_within_sets_of_their_own():
    """Chi-square at 1e-6 over 18 cells, of the rows of each kind; observed levels stay."""
    mixture = categorical(CHAIN)
    joint, n = mixture.joint(), 20_000
    kind = torch.arange(n) % 2
    sets = torch.tensor([[True, False, True], [False, True, True]])
    x0, known = joint.unknown(n)
    x0.cat[:1000, 1], known.cat[:1000, 1] = 1, True
    oracle, noise = Oracle(mixture, joint), generator()
    chosen, seen = choose(oracle, joint, x0, known, [Choice(1, kind, sets)], noise)
    assert (chosen.cat[:1000, 1] == 1).all()
    assert seen.cat[:, 1].all()
    assert not known.cat[1000:].any()
    x = sample(oracle, joint, time_grid(12), chosen, seen, noise)
    for number, inside in enumerate(sets):
        rows = x[1000:][kind[1000:] == number]
        law = conditional(CHAIN, (0, 1, 2), tuple(torch.where(inside)[0].tolist()), (0, 1, 2))
        assert naive.chi_square(counts(rows, CHAIN.shape), law) > 1e-6
        other = conditional(CHAIN, (0, 1, 2), (0, 1), (0, 1, 2))
        assert naive.chi_square(counts(rows, CHAIN.shape), np.maximum(other, 1e-9)) < 1e-6


# c0 is open at level 0, where x0 is a unit normal on which c1 depends.
GATED = Mixture(
    np.array([0.35, 0.25, 0.4]),
    np.array([[-0.6], [0.6], [0.0]]),
    np.array([0.64, 0.64, 1.0])[:, None, None],
    np.array([[0, 0], [0, 1], [1, 0]]),
    (2, 2),
    (Gate(0, (0,)),),
)


def test_a_bounded_number_is_drawn_within_its_bounds_and_bears_on_the_rest():
    bounds = Restriction(
        0, 0, torch.tensor([0]), torch.tensor([1.0]), torch.tensor([0.5]), torch.tensor([1.5])
    )
    n = 10_000
    x = drawn(GATED, [bounds], n)
    z = x.num[:, 0].double().numpy()
    assert (x.cat[:, 0] == 0).all()
    assert z.min() >= 0.5
    assert z.max() <= 1.5
    ends = torch.special.ndtr(torch.tensor([0.5, 1.5])).double().numpy()
    cdf = (torch.special.ndtr(torch.tensor(z)).numpy() - ends[0]) / (ends[1] - ends[0])
    assert naive.ks_distance(z, cdf) < naive.dkw(n, 1e-6)
    # Given z, c1 = 1 has the odds of its component. A mean of n shares: std below 1 / (2 sqrt n).
    odds = GATED.weight[:2] * np.stack([naive.normal(z, m, 0.8) for m in (-0.6, 0.6)], -1)
    expected = (odds[:, 1] / odds.sum(1)).mean()
    assert abs((x.cat[:, 1] == 1).double().mean() - expected) < 2.5 / np.sqrt(n)


@pytest.mark.parametrize(("low", "high"), [(0.5, np.inf), (-np.inf, -2.0), (-np.inf, 0.1)])
def test_a_number_bounded_on_one_side_is_normal_beyond_it(low: float, high: float):
    # DKW at 1e-6, three times.
    ends = (torch.tensor([end]) for end in (low, high))
    bounds = Restriction(0, 0, torch.tensor([0]), torch.tensor([1.0]), *ends)
    n = 5_000
    z = drawn(GATED, [bounds], n).num[:, 0].double().numpy()
    below, above = stats.norm.cdf([low, high])
    cdf = (stats.norm.cdf(z) - below) / (above - below)
    assert low <= z.min() and z.max() <= high
    assert naive.ks_distance(z, cdf) < naive.dkw(n, 1e-6)


@pytest.mark.parametrize(("low", "high"), [(9.0, np.inf), (-np.inf, -40.0), (50.0, 60.0)])
def test_a_number_beyond_every_normal_one_lies_at_its_bound(low: float, high: float):
    ends = (torch.tensor([end], dtype=torch.float64) for end in (low, high))
    assert float(_cut_normal(*ends, generator())) == min(low, high, key=abs)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1, 1, 1, 1, 1], [0, 1, 2, 3, 4]),
        ([0, 2, 1, 1], [1, 1, 2, 3]),
        ([0, 0, 5], [2, 2, 2]),
        ([3, 0, 0], [0, 0, 0]),
        ([1, 0, 3, 0], [0, 2, 2, 2]),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_resampled_as_often_as_their_weights_ask(
    weights: list[float], expected: list[int], seed: int
):
    """Where the weights ask for whole numbers of rows, chance has no say."""
    log_w = torch.tensor(weights, dtype=torch.float32).log() - 700
    assert _resample(log_w, generator(seed)).tolist() == expected


def test_a_free_way_leaves_the_number_to_the_walk():
    joint = GATED.joint()
    oracle = Oracle(GATED, joint)
    _, known = narrow(oracle, joint, *joint.unknown(50), [levels(0, 0)], generator())
    assert known.cat.tolist() == [[True, False]] * 50
    assert not known.num.any()


def test_narrow_leaves_its_arguments_alone():
    joint = GATED.joint()
    x0, known = joint.unknown(50)
    narrow(Oracle(GATED, joint), joint, x0, known, [levels(0, 1)], generator())
    assert not known.cat.any()
    assert not x0.cat.any()


@pytest.mark.usefixtures("double_by_default")
def test_a_denoiser_is_asked_at_float32_whatever_torch_would_make():
    joint, times = GATED.joint(), []

    def indifferent(
        x_t: Mixed, t: torch.Tensor, known: Known, wanted: torch.Tensor | None = None
    ) -> Belief:
        times.append((t.dtype, x_t.num.dtype))
        size = joint.multinomial.packing.size
        return Belief(torch.zeros_like(x_t.num), torch.zeros(len(t), size, dtype=torch.float32))

    x0, known = joint.unknown(5)
    narrow(indifferent, joint, x0, known, [levels(0, 0)], generator())
    sets = torch.tensor([[True, True]])
    nobody = torch.zeros(5, dtype=torch.int64)
    choose(indifferent, joint, x0, known, [Choice(0, nobody, sets)], generator())
    surprise(indifferent, joint, x0, known, generator())
    assert times == [(torch.float32, torch.float32)] * 3


def test_levels_struck_out_are_never_drawn():
    mixture, n = categorical(CHAIN), 5_000
    joint = mixture.joint()
    slot = joint.multinomial.packing.offsets[:1] + 2
    present = Present(Oracle(mixture, joint), slot)
    x = sample(present, joint, time_grid(9), *joint.unknown(n), generator())
    assert set(x.cat[:, 0].tolist()) == {0, 1}
    known = Known.nothing(x)
    seen = present(x, torch.full((n,), 0.5), known)
    inner = Oracle(mixture, joint)(x, torch.full((n,), 0.5), known).logits
    inner[:, slot] = -torch.inf
    assert seen.logits.equal(inner)
