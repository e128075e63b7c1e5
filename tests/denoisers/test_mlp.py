"""The denoiser of tables: what it believes before training, and whom each row may depend on."""

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Belief, Gate, Known, Layout, Mixed
from tabdiff.denoisers.mlp import MLPDenoiser

MIXED = Layout(("a", "b"), ("c", "d", "e"), (3, 9, 2), (None, Gate(0, (1,))), (0, 8, 0))
ONLY_NUMBERS = Layout(("a",), (), (), (None,), ())
ONLY_LEVELS = Layout((), ("c",), (3,), (), (0,))
PROPORTIONS = [np.array([0.7, 0.2, 0.1]), np.full(9, 1 / 9), np.array([1.0, 0.0])]
LAYOUTS = pytest.mark.parametrize("layout", [MIXED, ONLY_NUMBERS, ONLY_LEVELS])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def denoiser_of(layout: Layout, seed: int = 0) -> MLPDenoiser:
    return MLPDenoiser(layout, width=32, depth=2, generator=generator(seed))


def awake(layout: Layout, seed: int = 0) -> MLPDenoiser:
    """A denoiser with every weight at random, as after training."""
    denoiser, noise = denoiser_of(layout).eval(), generator(seed)
    with torch.no_grad():
        for p in denoiser.parameters():
            p.normal_(0, 0.3, generator=noise)
    return denoiser


def noisy(layout: Layout, n: int, seed: int = 0) -> tuple[Mixed, torch.Tensor, Known]:
    """Rows with any token, masks too, at any time, any part known."""
    noise = generator(seed)
    tokens = torch.tensor([k + 1 for k in layout.levels])
    cat = (torch.rand((n, layout.n_cat), generator=noise) * tokens).long()
    num = 2 * torch.randn((n, layout.n_num), generator=noise)
    known = [torch.rand(x.shape, generator=noise) < 0.3 for x in (num, cat)]
    return Mixed(num, cat), torch.rand(n, generator=noise), Known(*known)


def assert_same(a: Belief, b: Belief) -> None:
    # Matrix products of other sizes may add in another order.
    torch.testing.assert_close(a.num, b.num, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-4, atol=1e-5)


@LAYOUTS
@torch.no_grad()
def test_shapes_follow_the_layout(layout: Layout):
    denoiser = awake(layout)
    seen = denoiser(*noisy(layout, 7))
    assert seen.num.shape == (7, layout.n_num)
    assert seen.logits.shape == (7, denoiser.packing.size)
    assert seen.num.dtype == seen.logits.dtype == torch.float32
    assert seen.num.isfinite().all()
    assert seen.logits.isfinite().all()


@torch.no_grad()
def test_an_untrained_denoiser_is_the_model_of_independent_columns():
    denoiser = denoiser_of(MIXED)
    denoiser.set_proportions(PROPORTIONS)
    seen = denoiser.eval()(*noisy(MIXED, 50))
    assert (seen.num == 0).all()
    log_p = denoiser.packing.log_softmax(seen.logits)
    for part, proportions in enumerate(PROPORTIONS):
        p = denoiser.packing.unpack(log_p, part).exp().double().numpy()
        np.testing.assert_allclose(p, np.tile(proportions, (50, 1)), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_level_never_seen_is_unlikely_but_not_impossible():
    denoiser = denoiser_of(MIXED)
    denoiser.set_proportions(PROPORTIONS)
    log_p = denoiser.packing.log_softmax(denoiser.eval()(*noisy(MIXED, 1)).logits)
    unseen = float(denoiser.packing.unpack(log_p, 2)[0, 1].exp())
    assert 0 < unseen < 1e-4


@LAYOUTS
@torch.no_grad()
def test_permuting_rows_permutes_what_is_seen(layout: Layout):
    denoiser, (x, t, known) = awake(layout), noisy(layout, 40)
    order = torch.randperm(40, generator=generator(3))
    seen, again = denoiser(x, t, known), denoiser(x[order], t[order], known[order])
    assert_same(again, Belief(seen.num[order], seen.logits[order]))


@LAYOUTS
@torch.no_grad()
def test_what_is_wanted_is_what_it_is_among_all(layout: Layout):
    denoiser, (x, t, known) = awake(layout), noisy(layout, 40)
    wanted = torch.rand(x.cat.shape, generator=generator(4)) < 0.2
    seen, some = denoiser(x, t, known), denoiser(x, t, known, wanted)
    assert torch.equal(some.num, seen.num) and some.logits.shape == seen.logits.shape
    for part in range(layout.n_cat):
        both = (denoiser.packing.unpack(b.logits, part)[wanted[:, part]] for b in (some, seen))
        torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)


@LAYOUTS
@torch.no_grad()
def test_a_row_does_not_depend_on_its_batch(layout: Layout):
    denoiser, (x, t, known) = awake(layout), noisy(layout, 40)
    seen = denoiser(x, t, known)
    for row in (0, 17, 39):
        alone = denoiser(*(part[row : row + 1] for part in (x, t, known)))
        assert_same(alone, Belief(seen.num[row : row + 1], seen.logits[row : row + 1]))


@torch.no_grad()
def test_every_part_the_time_and_what_is_known_are_seen():
    denoiser, (x, t, known) = awake(MIXED), noisy(MIXED, 30)
    plain = denoiser(x, t, known).logits
    assert (denoiser(x, 1 - t, known).logits != plain).any(1).all()
    for part in range(MIXED.n_num):
        num = x.num.clone()
        num[:, part] += 1
        assert (denoiser(Mixed(num, x.cat), t, known).logits != plain).any(1).all()
    for part, k in enumerate(MIXED.levels):
        cat = x.cat.clone()
        cat[:, part] = (cat[:, part] + 1) % (k + 1)
        assert (denoiser(Mixed(x.num, cat), t, known).logits != plain).any(1).all()
    for masks in (known.num, known.cat):
        for part in range(masks.shape[1]):
            masks[:, part] = ~masks[:, part]
            assert (denoiser(x, t, known).logits != plain).any(1).all()
            masks[:, part] = ~masks[:, part]


@torch.no_grad()
def test_renaming_parts_changes_nothing():
    names = Layout(("x", "y"), ("1", "2", "3"), MIXED.levels, MIXED.gates, MIXED.ordered)
    assert_same(awake(MIXED)(*noisy(MIXED, 5)), awake(names)(*noisy(MIXED, 5)))


def test_every_weight_has_a_gradient_once_the_heads_are_awake():
    denoiser = awake(MIXED)
    seen = denoiser(*noisy(MIXED, 200))
    (seen.num.square().sum() + denoiser.packing.log_softmax(seen.logits)[..., 0].sum()).backward()
    still = [n for n, p in denoiser.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_initial_weights_come_from_the_generator_alone():
    before = torch.get_rng_state()
    a, b, c = denoiser_of(MIXED, 1), denoiser_of(MIXED, 1), denoiser_of(MIXED, 2)
    assert torch.get_rng_state().equal(before)
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        assert p.equal(q), name
    assert not a.enter.weight.equal(c.enter.weight)
    assert all(p.isfinite().all() for p in a.parameters())
