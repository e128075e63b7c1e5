"""Sequences drawn window after window have the law of the whole, and keep what is known."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from tabdiff.data.mixed import Belief, Known, Layout, Mixed
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule
from tabdiff.inference.sample import time_grid
from tabdiff.inference.unroll import unroll
from tests import naive

# Presence, and a state that seldom changes.
MOVES = np.array([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.05, 0.35, 0.6]])
LEVELS = (2, 3)
# Two neighbours show themselves in one step, as if independent, once in so many times.
NFE = 60


def stationary() -> np.ndarray:
    p = np.linalg.matrix_power(MOVES, 200)[0]
    return p / p.sum()


def joint() -> JointDiffusion:
    layout = Layout((), ("presence", "state"), LEVELS, (), (0, 0))
    return JointDiffusion(
        layout,
        GaussianDiffusion(CosineSchedule(1.0)),
        MultinomialDiffusion(LEVELS, "absorbing", KeepSchedule()),
    )


class Chain:
    """The exact denoiser of a stationary Markov chain, by enumerating the paths of a window."""

    def __init__(self, process: JointDiffusion, moves: np.ndarray = MOVES) -> None:
        self.packing, self.moves, self.lengths = process.multinomial.packing, moves, set()

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        n, length = x_t.shape
        self.lengths.add(length)
        logits = torch.zeros(n, length, self.packing.size)
        paths = np.array(list(product(range(3), repeat=length)))
        law = stationary()[paths[:, 0]]
        for at in range(1, length):
            law = law * self.moves[paths[:, at - 1], paths[:, at]]
        state = x_t.cat[..., 1].numpy()
        # A masked row says nothing, a shown one fixes its state; absent rows come last.
        open_rows = (state == 3) | (x_t.cat[..., 0].numpy() == 1)
        agree = (open_rows[:, None] | (state[:, None] == paths)).all(-1) * law
        agree = agree / agree.sum(1, keepdims=True)
        for k in range(3):
            p = np.einsum("np,pl->nl", agree, (paths == k).astype(float))
            self.packing.unpack(logits, 1)[..., k] = torch.from_numpy(np.log(p + 1e-300)).float()
        return Belief(torch.zeros(n, length, 0), logits)


def drawn(n: int, length: int, window: int, overlap: int, given: Tensor | None = None):
    """``n`` chains of ``length`` states; ``given`` holds the known ones, -1 elsewhere."""
    process = joint()
    oracle = Chain(process)
    slots = n * length + 1
    cat = torch.zeros(slots, 2, dtype=torch.int64)
    cat[-1, 0] = 1
    known = torch.zeros(slots, 2, dtype=torch.bool)
    known[:, 0], known[-1] = True, True
    if given is not None:
        cat[:-1, 1] = given.flatten().clamp(min=0)
        known[:-1, 1] = given.flatten() >= 0
    x0 = Mixed(torch.zeros(slots, 0), cat)
    seen = Known(torch.zeros(slots, 0, dtype=torch.bool), known)
    offsets = torch.arange(n + 1) * length
    noise = torch.Generator().manual_seed(0)
    before = (cat.clone(), known.clone())
    out = unroll(oracle, process, time_grid(NFE), x0, seen, offsets, window, overlap, noise)
    # What was asked stays what it was.
    assert cat.equal(before[0])
    assert known.equal(before[1])
    assert out.cat[:, 0].equal(cat[:, 0])
    return out.cat[:-1, 1].reshape(n, length).numpy(), oracle


@pytest.mark.parametrize("overlap", [1, 2])
def test_chains_over_several_windows_move_as_they_should(overlap: int):
    """Also over the borders. Chi-square at 1e-6 for each of 6 moves and 7 marginals, twice."""
    n, length, window = 800, 7, 4
    states, oracle = drawn(n, length, window, overlap)
    assert oracle.lengths == {window}
    p = stationary()
    for at in range(length):
        assert naive.chi_square(np.bincount(states[:, at], minlength=3), p) > 1e-6
    pairs = (p[:, None] * MOVES).ravel()
    for at in range(length - 1):
        counts = np.bincount(3 * states[:, at] + states[:, at + 1], minlength=9)
        assert naive.chi_square(counts, pairs) > 1e-6


def test_windows_that_forget_what_came_before_are_caught():
    """Without overlap the move over a border is a fresh start, and the test above would see it."""
    states, _ = drawn(800, 8, 4, 0)
    pairs = (stationary()[:, None] * MOVES).ravel()
    counts = np.bincount(3 * states[:, 3] + states[:, 4], minlength=9)
    assert naive.chi_square(counts, pairs) < 1e-30


def test_known_states_stay_and_bear_on_their_neighbours():
    n, length = 500, 5
    given = torch.full((n, length), -1)
    given[:, 0], given[:, 2], given[:, 4] = 0, 2, 1
    states, _ = drawn(n, length, 5, 2, given)
    assert (states[:, [0, 2, 4]] == [0, 2, 1]).all()
    # Bayes' rule for the state between two that are known. Chi-square at 1e-6, twice.
    for at, before, after in ((1, 0, 2), (3, 2, 1)):
        law = MOVES[before] * MOVES[:, after]
        counts = np.bincount(states[:, at], minlength=3)
        assert naive.chi_square(counts, law / law.sum()) > 1e-6


def test_sequences_of_unequal_length_end_where_they_end():
    process, seen_first = joint(), []

    class Watched(Chain):
        def __call__(
            self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None
        ) -> Belief:
            seen_first.append((x_t.cat[..., 0], known.cat.all(-1)))
            return super().__call__(x_t, t, known)

    oracle = Watched(process)
    lengths = torch.tensor([1, 9, 3, 4])
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    slots = int(offsets[-1]) + 1
    cat = torch.zeros(slots, 2, dtype=torch.int64)
    cat[-1, 0] = 1
    known = torch.zeros(slots, 2, dtype=torch.bool)
    known[:, 0], known[-1] = True, True
    x0 = Mixed(torch.zeros(slots, 0), cat)
    seen = Known(torch.zeros(slots, 0, dtype=torch.bool), known)
    noise = torch.Generator().manual_seed(0)
    out = unroll(oracle, process, time_grid(6), x0, seen, offsets, 4, 2, noise)
    assert (out.cat[:-1, 1] < 3).all()
    assert out.cat[-1].tolist() == [1, 0]
    assert oracle.lengths == {4}
    # Where a sequence has ended, and there alone, a window shows absence, and as known.
    ended = torch.arange(4) >= torch.tensor([1, 4, 3, 4])[:, None]
    absent, known_whole = seen_first[0]
    assert absent.bool().equal(ended) and known_whole.equal(ended)


def test_nothing_to_draw_calls_nobody():
    given = torch.ones(3, 5, dtype=torch.int64)
    states, oracle = drawn(3, 5, 4, 2, given)
    assert (states == 1).all()
    assert not oracle.lengths


def test_numbers_are_drawn_where_they_are_not_known_and_kept_where_they_are():
    layout = Layout(("x",), ("presence",), (2,), (None,), (0,))
    levels = MultinomialDiffusion((2,), "absorbing", KeepSchedule())
    process = JointDiffusion(layout, GaussianDiffusion(CosineSchedule(1.0)), levels)
    windows = []

    def indifferent(x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        windows.append(known.num[..., 0])
        return Belief(torch.zeros_like(x_t.num), torch.zeros(*x_t.shape, levels.packing.size))

    # Of five rows and of two; the second of the first is known.
    num, known = torch.zeros(8, 1), torch.zeros(8, 1, dtype=torch.bool)
    num[1], known[1], known[-1] = 7.0, True, True
    x0 = Mixed(num, torch.zeros(8, 1, dtype=torch.int64))
    seen = Known(known, torch.ones(8, 1, dtype=torch.bool))
    noise = torch.Generator().manual_seed(0)
    offsets = torch.tensor([0, 5, 7])
    out = unroll(indifferent, process, time_grid(1), x0, seen, offsets, 4, 2, noise).num[:, 0]
    assert out[1] == 7 and out[-1] == 0
    assert len(set(out.tolist())) == 8 and not num[0].any()
    assert [window.tolist() for window in windows] == [
        [[False, True, False, False], [False, False, True, True]],
        [[True, True, True, False]],
    ]
