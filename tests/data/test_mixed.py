"""The pair of tensors, and the packing of unequal parts into one axis."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tabdiff.data.mixed import Known, Layout, Mixed, Packing
from tests import naive

# From 2 to 10,000, unequal, out of order, with neighbours of powers of two.
LEVELS = (3, 10_000, 2, 5, 2, 4, 8, 9, 100, 7)
LISTS = st.lists(st.integers(2, 40), min_size=1, max_size=8).map(tuple)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def packed(levels: tuple[int, ...], shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn((*shape, Packing(levels).size), generator=generator(seed))


def test_mixed_is_indexed_by_rows():
    x = Mixed(torch.arange(6.0).reshape(3, 2), torch.arange(3)[:, None])
    assert len(x) == 3
    assert x[1:].num.tolist() == [[2, 3], [4, 5]]
    assert x[torch.tensor([2, 0])].cat.tolist() == [[2], [0]]
    assert x.to("cpu").num.equal(x.num)
    with pytest.raises(dataclasses.FrozenInstanceError):
        x.num = x.num  # type: ignore[misc]


@pytest.mark.parametrize("shape", [(4,), (4, 3)], ids=["table", "sequence"])
def test_known_shows_what_is_observed_and_nothing_else(shape: tuple[int, ...]):
    x0 = Mixed(torch.ones(*shape, 2), torch.ones((*shape, 3), dtype=torch.int64))
    x = Mixed(torch.zeros(*shape, 2), torch.zeros((*shape, 3), dtype=torch.int64))
    known = Known.nothing(x0)
    assert known.show(x0, x).num.equal(x.num) and known.show(x0, x).cat.equal(x.cat)
    assert (known.num.shape, known.cat.shape) == (x0.num.shape, x0.cat.shape)
    assert known.num.dtype == known.cat.dtype == torch.bool
    known.num[1:, ..., 0], known.cat[2:, ..., 2] = True, True
    shown = known.show(x0, x)
    assert shown.num.equal(known.num.float()) and shown.cat.equal(known.cat.long())
    assert known[1:].num.equal(known.num[1:]) and known[2:].cat.equal(known.cat[2:])
    assert known.to("cpu").num.equal(known.num) and known.to("cpu").cat.equal(known.cat)
    assert x.shape == shape and x.device == torch.device("cpu")
    (named,) = x.pieces()
    assert named["num"] is x.num and named["cat"] is x.cat and len(named) == 2


def test_layout_counts_its_parts():
    layout = Layout(("a",), ("b", "c"), (2, 3), (None,), (0, 3))
    assert (layout.n_num, layout.n_cat) == (1, 2)


@given(LISTS)
@settings(deadline=None)
def test_packing_gives_every_level_a_slot_of_its_own(levels: tuple[int, ...]):
    packing = Packing(levels)
    slots = [int(packing.offsets[part]) + k for part, n in enumerate(levels) for k in range(n)]
    assert len(set(slots)) == sum(levels)
    assert 0 <= min(slots) <= max(slots) < packing.size
    assert packing.padding.sum() == packing.size - sum(levels)
    assert not packing.padding[slots].any()


def test_packing_groups_by_the_next_power_of_two():
    # Files hold weights in this order.
    packing = Packing((9, 2, 3, 4, 5, 8, 1))
    assert packing.groups == [([6], 1), ([1], 2), ([2, 3], 4), ([4, 5], 8), ([0], 9)]
    assert packing.offsets.tolist() == [27, 1, 3, 7, 11, 19, 0]


@given(LISTS)
@settings(deadline=None)
def test_packing_wastes_less_than_it_holds(levels: tuple[int, ...]):
    # Inside a group the widest part is less than twice as wide as the narrowest.
    assert Packing(levels).size < 2 * sum(levels)


def test_packing_does_not_widen_small_parts_to_the_widest():
    packing = Packing((2,) * 50 + (10_000,))
    assert packing.size == 50 * 2 + 10_000
    assert [view.shape[-2:] for view in packing.views(torch.zeros(packing.size))] == [
        (50, 2),
        (1, 10_000),
    ]


@pytest.mark.parametrize("shape", [(5,), (2, 3)], ids=["table", "sequence"])
def test_packing_join_undoes_views_which_copy_nothing(shape: tuple[int, ...]):
    packing, x = Packing(LEVELS), packed(LEVELS, shape)
    views = list(packing.views(x))
    assert packing.join(views).equal(x)
    assert all(v.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() for v in views)


@pytest.mark.parametrize("shape", [(5,), (2, 3)], ids=["table", "sequence"])
def test_packing_unpacks_what_the_views_show(shape: tuple[int, ...]):
    packing, x = Packing(LEVELS), packed(LEVELS, shape)
    views = list(packing.views(x))
    for (parts, _), view in zip(packing.groups, views, strict=True):
        for place, part in enumerate(parts):
            k = LEVELS[part]
            assert packing.unpack(x, part).equal(view[..., place, :k])


@pytest.mark.parametrize("shape", [(5,), (2, 3)], ids=["table", "sequence"])
def test_packing_picks_like_a_loop(shape: tuple[int, ...]):
    packing, x = Packing(LEVELS), packed(LEVELS, shape)
    rng = np.random.default_rng(0)
    cat = torch.as_tensor(np.stack([rng.integers(k, size=shape) for k in LEVELS], axis=-1))
    got = packing.pick(x, cat)
    assert got.shape == (*shape, len(LEVELS))
    for place in np.ndindex(*shape):
        for part in range(len(LEVELS)):
            assert got[place][part] == packing.unpack(x, part)[place][cat[place][part]]


@pytest.mark.parametrize("shape", [(5,), (2, 3)], ids=["table", "sequence"])
def test_packing_normalises_like_a_loop(shape: tuple[int, ...]):
    packing, x = Packing(LEVELS), 5 * packed(LEVELS, shape)
    got = packing.log_softmax(x)
    assert got.shape == x.shape
    assert (got[..., packing.padding] == -math.inf).all()
    for part in range(len(LEVELS)):
        expected = packing.unpack(x, part).double().log_softmax(-1)
        torch.testing.assert_close(
            packing.unpack(got, part).double(), expected, rtol=1e-5, atol=1e-5
        )


def test_packing_normalises_whatever_stands_at_padding():
    packing, x = Packing((5, 8)), packed((5, 8), (4,))
    loud = x.masked_fill(packing.padding, 1e30)
    assert packing.log_softmax(loud).equal(packing.log_softmax(x))


@pytest.mark.parametrize("shape", [(5,), (2, 3)], ids=["table", "sequence"])
def test_packing_prices_levels_as_its_probabilities_do(shape: tuple[int, ...]):
    packing, x = Packing(LEVELS), 5 * packed(LEVELS, shape)
    rng = np.random.default_rng(0)
    cat = torch.as_tensor(np.stack([rng.integers(k, size=shape) for k in LEVELS], axis=-1))
    loud = x.masked_fill(packing.padding, 1e30)
    expected = -packing.pick(packing.log_softmax(x), cat)
    torch.testing.assert_close(packing.cross_entropy(loud, cat), expected)


@pytest.mark.parametrize("shape", [(6,), (2, 3)], ids=["table", "sequence"])
def test_packing_prices_levels_with_the_gradient_of_its_probabilities(shape: tuple[int, ...]):
    packing = Packing(LEVELS)
    x = packed(LEVELS, shape).double().requires_grad_()
    rng = np.random.default_rng(0)
    cat = torch.as_tensor(np.stack([rng.integers(k, size=shape) for k in LEVELS], axis=-1))
    weight = torch.rand(cat.shape, generator=generator(1), dtype=torch.float64)
    (got,) = torch.autograd.grad((weight * packing.cross_entropy(x, cat)).sum(), x)
    priced = [
        -packing.unpack(x, part).log_softmax(-1).gather(-1, cat[..., part, None])[..., 0]
        for part in range(len(LEVELS))
    ]
    (expected,) = torch.autograd.grad((weight * torch.stack(priced, -1)).sum(), x)
    torch.testing.assert_close(got, expected)
    assert (got[..., packing.padding] == 0).all()


def everything(uniform: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(uniform, dtype=torch.bool)


def naive_draw(weights: np.ndarray, u: float) -> int:
    """Inversion: the first level at which the running sum exceeds u times the total."""
    total, running = float(weights.sum()), 0.0
    for level, weight in enumerate(weights):
        running += float(weight)
        if running > u * total:
            return level
    raise AssertionError("u must be below 1")


@pytest.mark.parametrize("shape", [(20,), (4, 5)], ids=["table", "sequence"])
def test_packing_draws_like_a_loop(shape: tuple[int, ...]):
    packing = Packing(LEVELS)
    weights = packed(LEVELS, shape).double().abs().masked_fill(packing.padding, 0.0)
    u = torch.rand((*shape, len(LEVELS)), generator=generator(1), dtype=torch.float64)
    got = packing.draw(weights.log(), u, everything(u))
    assert got.dtype == torch.int64
    for place in np.ndindex(*shape):
        for part in range(len(LEVELS)):
            row = packing.unpack(weights, part)[place].numpy()
            assert int(got[place][part]) == naive_draw(row, float(u[place][part]))


@pytest.mark.parametrize("u", [0.0, 0.25, 0.5, 1 - 2**-24])
def test_packing_never_draws_a_level_without_weight(u: float):
    packing = Packing((3, 6, 6, 10_000))
    weights = torch.zeros(1, packing.size)
    for part, level in enumerate((1, 0, 5, 7_777)):
        packing.unpack(weights, part)[0, level] = 0.1
    drawn = packing.draw(weights.log(), torch.full((1, 4), u), everything(weights[:, :4]))
    assert drawn.tolist() == [[1, 0, 5, 7_777]]


def test_packing_draws_inside_its_support_at_the_largest_float_below_one():
    # In float32 a sum of 10,000 terms rounds, and u * total may round up to the total.
    packing = Packing((10_000,))
    weights = torch.rand((50, 10_000), generator=generator())
    weights[:, 9_000:] = 0
    u = torch.full((50, 1), 1 - 2**-24)
    drawn = packing.draw(weights.log(), u, everything(u))
    assert int(drawn.max()) < 9_000
    # Whatever the running sum makes of the total, the last level is the last.
    last = packing.draw(
        torch.randn((500, 10_000), generator=generator(1)),
        u[:1].expand(500, 1),
        everything(u[:1].expand(500, 1)),
    )
    assert int(last.max()) < 10_000


@pytest.mark.parametrize("shape", [(20,), (4, 5)], ids=["table", "sequence"])
def test_packing_draws_only_what_is_wanted(shape: tuple[int, ...]):
    packing = Packing(LEVELS)
    logits = packed(LEVELS, shape).masked_fill(packing.padding, 50.0)
    u = torch.rand((*shape, len(LEVELS)), generator=generator(1))
    wanted = torch.rand(u.shape, generator=generator(2)) < 0.4
    everywhere = packing.draw(logits, u, everything(u))
    assert packing.draw(logits, u, wanted).equal(torch.where(wanted, everywhere, 0))


def test_packing_draws_in_proportion():
    # Chi-square per part at 1e-6, four parts: fewer than 4e-6 false alarms.
    levels, n = (2, 5, 3, 40), 100_000
    packing = Packing(levels)
    weights = packed(levels, (), seed=3).exp().masked_fill(packing.padding, 0.0)
    u = torch.rand((n, len(levels)), generator=generator(4))
    drawn = packing.draw(weights.log().expand(n, -1), u, everything(u))
    for part, k in enumerate(levels):
        p = packing.unpack(weights, part).double().numpy()
        seen = np.bincount(drawn[:, part].numpy(), minlength=k)
        assert naive.chi_square(seen, p / p.sum()) > 1e-6


def test_packing_without_parts_holds_nothing():
    packing = Packing(())
    empty = torch.zeros(3, 0)
    assert packing.size == 0
    assert list(packing.views(empty)) == []
    assert packing.log_softmax(empty).shape == (3, 0)
    assert packing.draw(empty, empty, everything(empty)).shape == (3, 0)
    assert packing.draw(empty, empty, everything(empty)).dtype == torch.int64
    assert packing.cross_entropy(empty, torch.zeros((3, 0), dtype=torch.int64)).shape == (3, 0)
    assert packing.pick(empty, torch.zeros((3, 0), dtype=torch.int64)).shape == (3, 0)
    none = torch.zeros((3, 0), dtype=torch.int64)
    assert packing.cross_entropy(empty.double(), none).dtype == torch.float64
