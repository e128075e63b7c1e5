"""The denoiser of sequences: where it starts, what reaches what, and what holes say."""

import numpy as np
import pytest
import torch

from tabdiff.data.mixed import Gate, Known, Layout, Mixed
from tabdiff.denoisers.temporal import ABSENT, UNTOLD, OwnScale, TemporalDenoiser
from tabdiff.diffusion.schedule import CosineSchedule

# Presence and one number of context; then a place, a state, a category and two numbers.
LAYOUT = Layout(
    ("ctx", "place", "x0", "x1"),
    ("presence", "c0", "c1"),
    (2, 3, 4),
    (None, None, Gate(1, (0,)), None),
    (0, 0, 0),
)
N_CONTEXT = (1, 1)
WINDOW = 24


def denoiser(
    window: int = WINDOW, depth: int = 1, awake: bool = True, n_traits: tuple[int, int] = (0, 0)
) -> TemporalDenoiser:
    noise = torch.Generator().manual_seed(0)
    made = TemporalDenoiser(
        LAYOUT,
        N_CONTEXT,
        width=16,
        depth=depth,
        window=window,
        n_place=1,
        schedule=CosineSchedule(1.0),
        n_traits=n_traits,
        told=1,
        generator=noise,
    ).eval()
    if awake:
        # Layers that begin at zero would let nothing through.
        with torch.no_grad():
            for weight in made.parameters():
                if not weight.any():
                    weight.normal_(0.0, 0.3, generator=noise)
    return made


def windows(n: int, length: int, seed: int = 0) -> tuple[Mixed, torch.Tensor, Known]:
    noise = torch.Generator().manual_seed(seed)
    num = torch.randn(n, length, 4, generator=noise)
    cat = torch.stack([torch.randint(0, k, (n, length), generator=noise) for k in (1, 3, 4)], -1)
    known = Known(
        torch.rand(num.shape, generator=noise) < 0.5, torch.rand(cat.shape, generator=noise) < 0.5
    )
    return Mixed(num, cat), torch.rand(n, generator=noise), known


def padded(x: Mixed, known: Known, more: int) -> tuple[Mixed, Known]:
    """Filled up with rows that are not there; what stands in them must not matter."""
    n = len(x)
    cat = torch.ones(n, more, 3, dtype=torch.int64)
    cat[..., 0] = ABSENT
    yes = torch.ones(n, more, 4, dtype=torch.bool)
    return (
        Mixed(torch.cat([x.num, torch.full((n, more, 4), 9.0)], 1), torch.cat([x.cat, cat], 1)),
        Known(torch.cat([known.num, yes], 1), torch.cat([known.cat, yes[..., :3]], 1)),
    )


def test_it_starts_as_independent_cells_of_the_right_marginals():
    shares = [np.array([0.5, 0.3, 0.2]), np.array([0.7, 0.1, 0.2, 0.0])]
    fresh = denoiser(awake=False)
    fresh.set_proportions(shares)
    x, t, _ = windows(3, 10)
    belief = fresh(x, t, Known.nothing(x))
    assert not belief.num.any()
    log_p = fresh.packing.log_softmax(belief.logits)
    for part, share in enumerate(shares, start=1):
        p = fresh.packing.unpack(log_p, part).exp().detach().numpy()
        np.testing.assert_allclose(p, np.broadcast_to(share, p.shape), atol=1e-5)


def test_it_says_nothing_of_context():
    belief = denoiser()(*windows(2, 6))
    assert not belief.num[..., :1].any()
    assert belief.num[..., 1:].all()


@pytest.mark.parametrize("length", [1, 2, 7, WINDOW])
def test_how_far_a_window_was_filled_up_does_not_matter(length: int):
    model = denoiser()
    x, t, known = windows(3, length)
    alone = model(x, t, known)
    for more in (1, 5, WINDOW):
        full, seen = padded(x, known, more)
        belief = model(full, t, seen)
        torch.testing.assert_close(belief.num[:, :length], alone.num, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(belief.logits[:, :length], alone.logits, atol=1e-5, rtol=1e-4)


def test_sequences_of_a_batch_do_not_see_each_other():
    model = denoiser()
    x, t, known = windows(4, 9)
    whole = model(x, t, known)
    for at in range(4):
        own = slice(at, at + 1)
        belief = model(x[own], t[own], known[own])
        torch.testing.assert_close(belief.num, whole.num[own], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(belief.logits, whole.logits[own], atol=1e-5, rtol=1e-4)


def influence(model: TemporalDenoiser, x: Mixed, t: torch.Tensor, known: Known, row: int):
    """How much each row's numbers move what is said of one row, (L,)."""
    num = x.num.clone().requires_grad_()
    belief = model(Mixed(num, x.cat), t, known)
    loss = belief.num[:, row].square().sum() + belief.logits[:, row].square().sum()
    (grad,) = torch.autograd.grad(loss, num)
    return grad.abs().sum((0, 2))


@pytest.mark.parametrize("window", [2, 3, 8, WINDOW])
def test_every_row_of_a_window_can_move_every_other(window: int):
    model = denoiser(window)
    x, t, known = windows(1, window)
    for row in range(window):
        assert (influence(model, x, t, known, row) > 0).all()


def test_holes_send_nothing():
    x, t, known = windows(1, 12)
    x.cat[:, [3, 4, 9], 0] = ABSENT
    moved = influence(denoiser(), x, t, known, 5) > 0
    assert moved.tolist() == [at not in (3, 4, 9) for at in range(12)]


def test_a_window_where_nothing_is_gives_finite_beliefs():
    x, t, known = windows(2, 5)
    x.cat[..., 0] = ABSENT
    belief = denoiser()(x, t, known)
    assert belief.num.isfinite().all()
    assert belief.logits.isfinite().all()


def test_where_all_levels_are_context_none_is_wanted():
    layout = Layout(("x", "place"), ("filled",), (1,), (None, None), (0,))
    model = TemporalDenoiser(
        layout,
        (0, 1),
        width=16,
        depth=1,
        window=4,
        n_place=1,
        schedule=CosineSchedule(1.0),
        generator=torch.Generator().manual_seed(0),
    )
    x = Mixed(torch.zeros(2, 4, 2), torch.zeros(2, 4, 1, dtype=torch.int64))
    wanted = torch.zeros(x.cat.shape, dtype=torch.bool)
    seen = model(x, torch.ones(2), Known.nothing(x), wanted)
    assert seen.logits.shape == (2, 4, 1)


@torch.no_grad()
def test_what_is_wanted_is_what_it_is_among_all():
    model, (x, t, known) = denoiser(), windows(3, WINDOW)
    wanted = torch.rand(x.cat.shape, generator=torch.Generator().manual_seed(1)) < 0.2
    wanted[..., : N_CONTEXT[1]] = False
    seen, some = model(x, t, known), model(x, t, known, wanted)
    assert torch.equal(some.num, seen.num) and some.logits.shape == seen.logits.shape
    for part in range(N_CONTEXT[1], x.cat.shape[-1]):
        both = (model.packing.unpack(b.logits, part)[wanted[..., part]] for b in (some, seen))
        torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)


def test_rows_know_their_order():
    """Distances matter: a window told backwards is not the same window."""
    model = denoiser()
    x, t, known = windows(1, 8)
    back = model(
        Mixed(x.num.flip(1), x.cat.flip(1)), t, Known(known.num.flip(1), known.cat.flip(1))
    )
    assert not torch.allclose(back.num.flip(1), model(x, t, known).num, atol=1e-3)


def test_depth_adds_rounds_of_convolutions():
    one, two = (len(denoiser(depth=depth).blocks) for depth in (1, 2))
    # Dilations 1, 2, 4 and 8 in a window of 24, and one attention.
    assert (one, two) == (5, 9)


def test_weights_come_from_the_generator_alone():
    for a, b in zip(denoiser().parameters(), denoiser().parameters(), strict=True):
        assert a.equal(b)


def test_what_a_cell_tells_of_itself_is_bayes_rule():
    """z ~ N(0, 1) in units of its window, seen through noise; by a grid, and exact where known."""
    alpha, sigma = torch.tensor(0.8), torch.tensor(0.6)
    scale = OwnScale(torch.tensor([[[0.0, 1.5]]]), torch.tensor([[[1.0, 0.4]]]))
    x, known = torch.tensor([[[0.7, 0.9], [0.7, 0.9]]]), torch.tensor([[[False] * 2, [True] * 2]])
    mean, variance = scale.clean(scale.shown(x, known, alpha, sigma), known, alpha, sigma)
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    for part in range(2):
        m, s = scale.mean[0, 0, part], scale.spread[0, 0, part]
        off = (x[0, 0, part] - alpha * (m + s * z)) / sigma
        weight = torch.softmax(-0.5 * (off**2 + z**2), 0)
        at = float(weight @ z)
        assert float(mean[0, 0, part]) == pytest.approx(at, abs=1e-5)
        assert float(variance[0, 0, part]) == pytest.approx(float(weight @ (z - at) ** 2), rel=1e-4)
        assert float(mean[0, 1, part]) == pytest.approx(float((x[0, 1, part] - m) / s), abs=1e-6)
    assert variance[0, 1].tolist() == [0.0, 0.0]


def test_traits_are_heard_where_the_end_is_open_and_the_place_is_known():
    """The first number is a level here, c0 tells of traits, and c1 is a usual category."""
    made, length = denoiser(n_traits=(1, 1)), 6
    x, t, known = windows(5, length)
    x.cat[..., 1] = 0
    known = Known(torch.zeros_like(known.num), torch.zeros_like(known.cat))
    known.num[..., :2], known.cat[..., 0] = True, True
    # A new window; one that goes on; one whose place is unknown; one with a last cell known; one
    # whose traits are not told.
    known.num[1, :3, 2:] = True
    known.cat[1, :3, 1:] = True
    known.num[2, :, 1] = False
    known.num[3, length - 1, 2] = True
    x.cat[4, :, 1] = UNTOLD
    level, usual = (Mixed(x.num.clone(), x.cat.clone()) for _ in range(2))
    level.num[..., 0] += 1.0
    usual.cat[..., 2] = (usual.cat[..., 2] + 1) % 4
    for moved in (level, usual):
        a, b = (made(one, t, known).num for one in (x, moved))
        heard = (a - b).abs().amax((1, 2)) > 1e-4
        assert heard.tolist() == [True, True, False, False, False]
