"""Windows to learn from and windows that judge: they never share a slot."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tabdiff.data.mixed import Mixed
from tabdiff.data.windows import (
    ENTITIES_TO_SPLIT,
    MOST_JUDGES,
    Windows,
    hold_out,
    learn_and_judge,
    window_places,
    windows_of,
)


def offsets_of(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)])


def parts(n: int) -> Mixed:
    """Slots that tell their own number, and last one where nothing is."""
    return Mixed(torch.zeros(n + 1, 0), torch.arange(n + 1)[:, None])


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    window=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_windows_are_all_that_touch_no_held_slot(lengths: list[int], window: int, seed: int):
    offsets = offsets_of(lengths)
    held = np.random.default_rng(seed).random(offsets[-1]) < 0.2
    expected = []
    for low, high in pairwise(offsets):
        for start in range(low, max(high - window, low) + 1):
            if not held[start : min(start + window, high)].any():
                expected.append([start, high])
    assert windows_of(offsets, held, window).tolist() == expected


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=60),
    window=st.integers(1, 10),
    seed=st.integers(0, 99),
    share=st.floats(0, 0.5),
)
def test_what_is_learned_and_what_judges_share_no_slot(
    lengths: list[int], window: int, seed: int, share: float
):
    offsets, rng = offsets_of(lengths), np.random.default_rng(seed)
    held = hold_out(offsets, window, round(share * len(lengths)), share, rng)
    kept, judges = learn_and_judge(parts(offsets[-1]), offsets, window, held)
    assert 0 < len(judges) <= MOST_JUDGES
    learned, judging = (set(w[slice(None)].cat.ravel().tolist()) for w in (kept, judges))
    nothing = {int(offsets[-1])}
    if learned & judging - nothing:
        # Only where there was nothing to judge by; then all is learned.
        assert len(kept) == len(windows_of(offsets, np.zeros_like(held), window))
        assert not len(windows_of(offsets, ~held, window)) or not len(
            windows_of(offsets, held, window)
        )
    else:
        assert not held[list(learned - nothing)].any()
        assert held[list(judging - nothing)].all()


def test_whole_entities_judge_where_there_are_enough():
    offsets = offsets_of([5] * ENTITIES_TO_SPLIT)
    held = hold_out(offsets, 5, 8, 0.0, np.random.default_rng(0)).reshape(-1, 5)
    assert held.all(1).sum() == held.any(1).sum() == 8


def test_stretches_of_time_judge_where_there_are_few_entities():
    held = hold_out(offsets_of([1000]), 10, 99, 0.1, np.random.default_rng(0))
    assert held.sum() == 100
    edges = np.diff(held.astype(int))
    assert (edges == 1).sum() == 5


@pytest.mark.parametrize("n", [10, 1000])
def test_a_share_of_nothing_holds_nothing_out(n: int):
    assert not hold_out(offsets_of([n]), 5, 0, 0.0, np.random.default_rng(0)).any()


def test_a_window_is_filled_up_with_nothing_beyond_its_sequence():
    windows = Windows(parts(7), torch.tensor([0, 3, 6]), torch.tensor([5, 5, 7]), 4)
    assert windows[:].cat[..., 0].tolist() == [[0, 1, 2, 3], [3, 4, 7, 7], [6, 7, 7, 7]]
    # Cut to the longest.
    assert windows[torch.tensor([1, 2])].cat[..., 0].tolist() == [[3, 4], [6, 7]]
    assert windows.to("cpu")[:].cat.equal(windows[:].cat)
    assert window_places(torch.zeros(0), torch.zeros(0), 4, 9).shape == (0, 4)
