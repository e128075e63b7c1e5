"""What training examples see of their own rows.

A share of n rows has a std of at most 1 / (2 sqrt(n)); five of them, 2.5 / sqrt(n), are allowed,
and 6e-7 of fresh seeds exceed them, each. Bounds without that term lie further off.
"""

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Gate, Layout, Mixed
from tabdiff.training.masks import RowMasks, SpanMasks

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


# ---------------------------------------------------------------------------------- of sequences

PLACE = slice(1, 3)
# A column with both parts, one with a number, one with levels; part 0 of each kind is context.
COLUMNS = [(3, 2), (4, None), (None, 3)]


def spans(n: int, length: int, share: float = 0.6, ahead: tuple[int, ...] = (), absent=None):
    """Presence, calendar, two columns of levels; context, two places and two numbers."""
    cat = torch.zeros(n, length, 4, dtype=torch.int64)
    if absent is not None:
        cat[..., 0] = absent.long()
    batch = Mixed(torch.zeros(n, length, 5), cat)
    masks = SpanMasks(PLACE, COLUMNS, ahead, share)
    return masks(batch, torch.Generator().manual_seed(0))


def columns_of(known) -> torch.Tensor:
    """(B, L, columns) bool, if the parts of each column are known together."""
    assert known.num[..., 3].equal(known.cat[..., 2])
    return torch.stack([known.num[..., 3], known.num[..., 4], known.cat[..., 3]], -1)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_the_share_of_windows_that_see_anything(share: float):
    # Whoever asks sees nothing at times: a cut before the first row, a low rate, no column. Of 40
    # rows that is below a tenth. Five std of a share.
    n = 4_000
    anything = columns_of(spans(n, 40, share)).flatten(1).any(1).double().mean()
    assert 0.9 * share - 2.5 / np.sqrt(n) <= float(anything) <= share + 2.5 / np.sqrt(n)


def test_context_is_always_known():
    known = spans(500, 10)
    assert known.num[..., 0].all()
    assert known.cat[..., :2].all()


def test_rows_that_are_absent_are_known_in_all_parts():
    absent = torch.rand(300, 12, generator=torch.Generator().manual_seed(1)) < 0.3
    known = spans(300, 12, absent=absent)
    assert known.num[absent].all()
    assert known.cat[absent].all()
    assert not known.num[~absent].all()


def test_spans_are_pasts_surroundings_and_random_cells():
    """Half of those that ask see a past: of 12 rows, all before one of 13 places."""
    n, length = 6_000, 12
    seen = columns_of(spans(n, length, 1.0))
    rows = seen[seen.eq(seen[..., :1]).all(-1).all(-1)][..., 0].int()
    falls = (rows.diff(dim=1) <= 0).all(1)
    # Pasts without whole columns beside them: at least half of 0.7 + 0.3 * 0.7^3 of the windows.
    least = 0.5 * (0.7 + 0.3 * 0.343)
    assert falls.sum() / n > least - 2.5 / np.sqrt(n)
    around = ~falls & (rows[:, :1] == 1).squeeze() & (rows[:, -1:] == 1).squeeze()
    assert around.sum() / n > 0.1
    lengths = torch.bincount(rows[falls].sum(1), minlength=length + 1)[1 : length + 1]
    # Every past is about equally likely.
    assert lengths.min() > 0.7 * lengths.double().mean()


def test_pasts_end_among_the_rows_that_are_there():
    """A window of 4 rows filled up to 20 sees 1 to 4 of them as its past, not all of them."""
    absent = (torch.arange(20) >= 4).expand(3_000, 20)
    seen = columns_of(spans(3_000, 20, 1.0, absent=absent))[:, :4].all(-1).sum(1)
    assert (torch.bincount(seen, minlength=5) > 100).all()


def test_whole_columns_are_known_beside_the_rest():
    seen = columns_of(spans(4_000, 10, 1.0))
    whole = seen.all(1) & ~seen.all(1).all(1, keepdim=True)
    # 0.3 of the windows show columns, each with 0.3: at least one but not all in 0.63 of them.
    assert whole.any(1).double().mean() > 0.3 * 0.6


def test_columns_known_ahead_are_known_of_the_future():
    n = 4_000
    seen = columns_of(spans(n, 30, 1.0, ahead=(1,)))
    whole = seen.all(1)
    share = [float(whole[:, at].double().mean()) for at in range(3)]
    # Of the half that sees a past, four fifths.
    assert share[1] > 0.4 - 2.5 / np.sqrt(n)
    assert max(share[0], share[2]) < 0.3
    assert not columns_of(spans(n, 30, 0.0, ahead=(1,))).any()


def test_most_that_see_the_past_do_not_know_where_they_are():
    n = 6_000
    known = spans(n, 8, 0.6)
    lost = ~known.num[..., PLACE].flatten(1).any(1)
    # A third of those that ask.
    assert abs(float(lost.double().mean()) - 0.2) < 2.5 / np.sqrt(n)
    seen = columns_of(known)[lost].all(-1).int()
    assert (seen.diff(dim=1) <= 0).all()
