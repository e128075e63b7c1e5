"""The kept one of several candidates follows the law of sampling importance resampling."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Mixed
from tabdiff.inference.candidates import _gumbel, best_of

# Drawn with the first, wanted with the second.
Q, P = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
N = 40_000


def kept(m: int) -> np.ndarray:
    """Shares of the levels among the rows kept; each row's number is its level too."""
    noise = torch.Generator().manual_seed(0)
    log_r = torch.as_tensor(np.log(P / Q), dtype=torch.float32)

    def draw() -> Mixed:
        cat = torch.multinomial(torch.as_tensor(Q), N, replacement=True, generator=noise)[:, None]
        return Mixed(cat.float(), cat)

    rows = best_of(draw, lambda x: log_r[x.cat[:, 0]], m, noise)
    assert (rows.num == rows.cat).all()
    return torch.bincount(rows.cat[:, 0], minlength=3).numpy() / N


def law(m: int) -> np.ndarray:
    """By enumeration: every m candidates, and the chance of each to be kept."""
    law = np.zeros(3)
    for drawn in product(range(3), repeat=m):
        r = (P / Q)[list(drawn)]
        for level, share in zip(drawn, r / r.sum(), strict=True):
            law[level] += Q[list(drawn)].prod() * share
    return law


def close(shares: np.ndarray, expected: np.ndarray) -> bool:
    # Five standard errors of each of three shares: a fresh seed fails once in half a million.
    return bool((np.abs(shares - expected) < 5 * np.sqrt(expected * (1 - expected) / N)).all())


def test_one_candidate_is_what_was_drawn():
    assert close(kept(1), Q)


def test_two_and_four_candidates_follow_their_law():
    assert close(kept(2), law(2)) and close(kept(4), law(4))


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_candidates_the_order_has_no_say(first: int):
    """One of each in every row: level 1 is kept with its share of the ratios, 3 of 4."""
    noise = torch.Generator().manual_seed(first)
    levels = iter([first, 1 - first])

    def draw() -> Mixed:
        cat = torch.full((N, 1), next(levels))
        return Mixed(cat.float(), cat)

    rows = best_of(draw, lambda x: x.num[:, 0] * math.log(3), 2, noise)
    # Five standard errors of a share: 6e-7 of fresh seeds fail.
    assert abs(float(rows.num.mean()) - 0.75) < 5 * math.sqrt(0.75 * 0.25 / N)


@pytest.mark.usefixtures("double_by_default")
def test_the_noise_is_float32_whatever_torch_would_make():
    assert _gumbel(5, torch.Generator().manual_seed(0)).dtype == torch.float32


def test_more_candidates_come_nearer_to_what_is_wanted():
    off = [np.abs(law(m) - P).sum() for m in (1, 2, 4, 6)]
    assert off == sorted(off, reverse=True) and off[-1] < 0.3 * off[0]
    assert not close(kept(2), P)
