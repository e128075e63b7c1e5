"""The coarse model: the tree it finds, the rows it draws, and what its counts cost."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Gate, Layout, Mixed
from tabdiff.data.noise import NoisyCounts
from tabdiff.training import marginals
from tabdiff.training.marginals import MOST_GROUPS, CoarseModel, measure
from tests.data.noises import Silent

LEVELS = (3, 4, 2, 5)
LAYOUT = Layout(("x",), ("a", "b", "c", "d"), LEVELS, (Gate(1, (0, 2)),), (0,) * 4)


def chain(n: int, seed: int = 0) -> Mixed:
    """d follows b, c follows a, and b follows a a little."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    b = np.where(rng.random(n) < 0.5, a, rng.integers(0, 4, n))
    c = np.where(rng.random(n) < 0.9, a % 2, 1 - a % 2)
    d = np.where(rng.random(n) < 0.8, b, 4)
    cat = torch.from_numpy(np.stack([a, b, c, d], 1))
    return Mixed(torch.zeros((n, 1)), cat)


def table_of(cat: Any, *parts: int) -> np.ndarray:
    shape = [LEVELS[part] for part in parts]
    flat = np.ravel_multi_index([np.asarray(cat)[:, part] for part in parts], shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape) / len(cat)


def measured(
    rows: Mixed, target: int | None, noise: NoisyCounts | None = None, mu: float = 1e3
) -> CoarseModel:
    proportions = [table_of(rows.cat, part) for part in range(4)]
    noise = noise or NoisyCounts(np.random.default_rng(0))
    return measure(rows.cat.numpy(), LAYOUT, proportions, float(len(rows)), target, noise, mu)


@pytest.mark.parametrize("target", [None, 0])
def test_rows_of_a_tree_are_drawn_as_they_were(target: int | None):
    rows = chain(8_000)
    model = measured(rows, target)
    drawn = model.draw(40_000, np.random.default_rng(0))
    assert sorted(part for part, _ in model.order) == [p for p in range(4) if p != target]
    # Total variation of a table of 20 cells from 40,000 rows is about .01; the given rows' own
    # tables are what is drawn from.
    for pair in combinations(range(4), 2):
        far = np.abs(table_of(drawn.cat, *pair) - table_of(rows.cat, *pair)).sum() / 2
        assert far < 0.03, pair


def test_the_strongest_relations_are_the_tree():
    edges = {frozenset(edge) for edge in measured(chain(4_000), None).order if edge[1] is not None}
    assert edges == {frozenset(pair) for pair in [(0, 2), (0, 1), (1, 3)]}


def test_numbers_lie_evenly_where_they_exist_and_are_blank_elsewhere():
    drawn = measured(chain(2_000), None).draw(4_000, np.random.default_rng(0))
    open_ = np.isin(drawn.cat[:, 1], (0, 2))
    assert bool((drawn.num[~open_] == 0).all())
    assert float(drawn.num[open_].mean()) == pytest.approx(0.0, abs=0.15)
    assert float(drawn.num[open_].std()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("target", "spent"), [(None, 1.0), (3, 1.0)])
def test_counts_cost_what_was_given(target: int | None, spent: float):
    noise = Silent(np.random.default_rng(0))
    measured(chain(500), target, noise, mu=1.0)
    assert noise.spent == pytest.approx(spent)


def test_many_levels_of_a_target_are_run_together():
    layout = Layout((), ("t", "a"), (40, 2), (), (0, 0))
    rng = np.random.default_rng(0)
    t = rng.integers(0, 40, 3_000)
    rows = Mixed(torch.zeros((3_000, 0)), torch.from_numpy(np.stack([t, t % 2], 1)))
    proportions = [np.bincount(t, minlength=40) / 3_000, np.array([0.5, 0.5])]
    noise = NoisyCounts(np.random.default_rng(0))
    model = measure(rows.cat.numpy(), layout, proportions, 3_000.0, 0, noise, 50.0)
    assert len(model.share) <= MOST_GROUPS
    drawn = model.draw(20_000, np.random.default_rng(1))
    share = np.bincount(drawn.cat[:, 0], minlength=40) / 20_000
    assert np.abs(share - proportions[0]).sum() / 2 < 0.05


@pytest.mark.parametrize("levels", [(2,), (2, 3)])
@pytest.mark.parametrize("target", [None, 0])
def test_tables_of_hardly_any_parts(levels: tuple[int, ...], target: int | None):
    layout = Layout((), tuple("ab"[: len(levels)]), levels, (), (0,) * len(levels))
    cat = torch.zeros((30, len(levels)), dtype=torch.int64)
    shares = [np.eye(k)[0] for k in levels]
    noise = NoisyCounts(np.random.default_rng(0))
    rows = Mixed(torch.zeros((30, 0)), cat)
    model = measure(rows.cat.numpy(), layout, shares, 30.0, target, noise, 100.0)
    assert float((model.draw(100, np.random.default_rng(0)).cat == 0).double().mean()) > 0.95


def test_with_little_budget_what_is_told_is_noise_but_a_law():
    model = measured(chain(50), 1, mu=1e-2)
    for table in (*model.tables.values(), model.share):
        assert (table >= 0).all() and np.allclose(table.sum(-1), 1.0)
    assert len(model.draw(100, np.random.default_rng(0))) == 100


def test_parts_that_are_given_lead_to_the_others():
    rows = chain(8_000)
    proportions = [table_of(rows.cat, part) for part in range(4)]
    noise = NoisyCounts(np.random.default_rng(0))
    model = measure(rows.cat.numpy(), LAYOUT, proportions, 8_000.0, None, noise, 1e3, given=(0, 1))
    # c follows a, and d follows b; a and b stay what they are given.
    assert dict(model.order) == {2: 0, 3: 1}
    given = np.tile([[1, 3, 0, 0], [2, 0, 0, 0]], (20_000, 1))
    drawn = model.complete(given.copy(), np.random.default_rng(0))
    assert (drawn[:, :2] == given[:, :2]).all()
    for first in (0, 1):
        a, b = given[first, :2]
        own = drawn[first::2]
        assert np.mean(own[:, 2] == a % 2) == pytest.approx(0.9, abs=0.03)
        assert np.mean(own[:, 3] == b) == pytest.approx(0.8, abs=0.03)


def test_levels_are_counted_in_blocks_where_noise_would_drown_them():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 40, 4_000)
    b = np.clip(a + rng.integers(-2, 3, 4_000), 0, 39)
    layout = Layout((), ("a", "b"), (40, 40), (), (40, 40))
    cat = np.stack([a, b], 1)
    proportions = [np.bincount(own, minlength=40) / 4_000 for own in (a, b)]
    noise = Silent(np.random.default_rng(0))
    model = measure(cat, layout, proportions, 4_000.0, None, noise, mu=0.5)
    assert noise.asked[-1][1].size < 200
    drawn = model.draw(20_000, np.random.default_rng(0)).cat.numpy()
    assert np.corrcoef(drawn.T)[0, 1] > 0.9
    # Within a block levels are as frequent as they were.
    share = np.bincount(drawn[:, 1], minlength=40) / 20_000
    assert np.abs(share - proportions[1]).sum() / 2 < 0.03


@pytest.mark.parametrize(
    ("ordered", "finest", "blocks"),
    [
        (6, 3.0, [0, 1, 1, 1, 2, 2]),
        (6, 50.0, [0, 1, 2, 3, 4, 5]),
        (5, 2.0, [0, 0, 1, 1, 1, 2]),
        (0, 3.0, [0, 1, 2, 2, 2, 2]),
    ],
)
def test_blocks_are_neighbours_or_the_rare_ones(ordered: int, finest: float, blocks: list[int]):
    proportions = np.array([0.26, 0.15, 0.15, 0.15, 0.15, 0.14])
    assert marginals._blocks(proportions, ordered, finest).tolist() == blocks
