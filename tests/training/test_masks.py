"""What training examples see of their own rows."""

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Gate, Layout, Mixed
from tabdiff.training.masks import RowMasks

LAYOUT = Layout(("x0", "x1"), ("c0", "c1", "c2"), (3, 2, 4), (None, Gate(1, (0,))), (0, 0, 0))


def drawn(n: int, share: float):
    rows = Mixed(torch.zeros(n, 2), torch.zeros(n, 3, dtype=torch.int64))
    return RowMasks(LAYOUT, share)(rows, torch.Generator().manual_seed(0))


def test_a_gated_value_is_known_half_of_the_time_that_its_state_is():
    known = drawn(2_000, 1.0)
    value, state = known.num[:, 1], known.cat[:, 1]
    assert not (value & ~state).any()
    # A share of about 1,000 rows has std 0.016: 5 of them.
    assert abs(float(value[state].double().mean()) - 0.5) < 0.08
    assert (known.num[:, 0] & ~known.cat[:, 0]).any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_rows_that_see_anything(share: float):
    # Of four free parts none is known in a fifth of the rows that ask. Std below 0.5 / sqrt(n).
    n = 20_000
    known = drawn(n, share)
    anything = torch.cat([known.num, known.cat], -1).any(-1).double().mean()
    assert abs(float(anything) - 0.8 * share) < 2.5 / np.sqrt(n)


def test_every_number_of_known_parts_is_equally_likely():
    # One of 0 to 4 with probability 1/5 each: Beta-binomial with a = b = 1. Five std of a share.
    n = 20_000
    known = drawn(n, 1.0)
    free = torch.cat([known.num[:, :1], known.cat], -1).sum(-1)
    shares = torch.bincount(free, minlength=5).double() / n
    assert (shares - 0.2).abs().max() < 5 * np.sqrt(0.16 / n)
