"""The loop: times, budgets, the average that is kept, and every way to stop."""

import math
import warnings
from dataclasses import replace
from functools import partial
from itertools import count, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Known, Layout, Mixed
from tabdiff.denoisers.mlp import MLPDenoiser
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.inference.sample import sample, time_grid
from tabdiff.training.loop import (
    Recipe,
    Trained,
    TrainingDivergedError,
    evaluate_loss,
    learning_curve,
    train,
)
from tabdiff.training.portions import stratified_times
from tabdiff.training.standing import Progress
from tests import naive
from tests.oracles import Mixture

LAYOUT = Layout(("income", "age"), ("town",), (3,), (None, None), (False,))
SHORT = Recipe(max_steps=30, batch_size=32, check_every=10, check_terms=64, ema_steps=5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def joint_of(layout: Layout) -> JointDiffusion:
    return JointDiffusion(layout, GaussianDiffusion(), MultinomialDiffusion(layout.levels))


def denoiser_of(layout: Layout, seed: int = 0, width: int = 16) -> MLPDenoiser:
    return MLPDenoiser(layout, width=width, depth=1, generator=generator(seed))


def toy(n: int, seed: int = 0) -> Mixed:
    """Income follows the town, and age is income again."""
    noise = generator(seed)
    town = torch.randint(3, (n, 1), generator=noise)
    income = town - 1 + 0.2 * torch.randn((n, 1), generator=noise)
    return Mixed(torch.cat([income, income], dim=1), town)


def trained(recipe: Recipe = SHORT, *, seed: int = 0, denoiser: nn.Module | None = None) -> Trained:
    denoiser = denoiser_of(LAYOUT, seed) if denoiser is None else denoiser
    return train(denoiser, joint_of(LAYOUT), toy(64), toy(32, 1), recipe, generator(seed))


class Scripted(nn.Module):
    """Says zeros, and something else in column ``income`` from one training call on."""

    def __init__(self, bad_call: int, says: float = math.nan) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.calls, self.bad_call, self.says = 0, bad_call, says

    def forward(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        self.calls += self.training
        velocity = self.scale * torch.zeros_like(x_t.num)
        if self.training and self.calls >= self.bad_call:
            velocity = velocity + torch.tensor([self.says, 0.0])
        return Belief(velocity, self.scale * torch.zeros(len(x_t), 3))


# ------------------------------------------------------------------------------------------ times


@pytest.mark.parametrize("n", [1, 2, 7, 512])
def test_stratified_times_put_one_in_each_share(n: int):
    t = stratified_times(n, generator()).double()
    assert t.shape == (n,)
    assert ((t > 0) & (t < 1)).all()
    assert sorted((t * n).long().tolist()) == list(range(n))


def test_stratified_times_are_uniform_wherever_they_stand():
    # DKW at 1e-6, of the first and of the last of 16, over 4,000 batches.
    noise = generator()
    batches = torch.stack([stratified_times(16, noise) for _ in range(4_000)]).double().numpy()
    for column in (batches[:, 0], batches[:, -1]):
        assert naive.ks_distance(column, column) < naive.dkw(4_000, 1e-6)


def test_stratified_times_come_from_the_generator_alone():
    assert stratified_times(9, generator(1)).equal(stratified_times(9, generator(1)))
    assert not stratified_times(9, generator(1)).equal(stratified_times(9, generator(2)))


# ---------------------------------------------------------------------------------------- budgets


@pytest.mark.parametrize("warmup", [0.0, 0.02, 0.5])
def test_the_learning_curve_rises_then_falls_to_nothing(warmup: float):
    used = np.linspace(0, 1, 1_001)
    rate = np.array([learning_curve(u, warmup) for u in used])
    assert rate.min() >= 0
    assert rate.max() == pytest.approx(1, abs=1e-3)
    assert learning_curve(warmup, warmup) == 1
    assert learning_curve(1.0, warmup) == pytest.approx(0, abs=1e-12)
    assert (np.diff(rate[used <= warmup]) > 0).all()
    assert (np.diff(rate[used >= warmup]) < 0).all()
    # No jump: the steepest part is the rise, or the middle of the cosine.
    steepest = max(1 / warmup if warmup else 0, math.pi / 2 / (1 - warmup))
    assert np.abs(np.diff(rate)).max() < 1.01e-3 * steepest


def test_every_step_is_reported_with_the_last_held_out_loss():
    seen: list[Progress] = []
    result = train(
        denoiser_of(LAYOUT),
        joint_of(LAYOUT),
        toy(64),
        toy(32, 1),
        SHORT,
        generator(),
        report=lambda progress: seen.append(replace(progress)),
    )
    assert [p.step for p in seen] == list(range(1, 31))
    assert all(math.isnan(p.validation_loss) for p in seen[:9])
    assert all(math.isfinite(p.validation_loss) for p in seen[9:])
    assert seen[12].validation_loss == seen[9].validation_loss
    assert [p.step for p in result.history] == [10, 20, 30]
    assert all(a.seconds <= b.seconds for a, b in pairwise(seen))
    assert result.stopped == "max_steps"
    assert not result.denoiser.training


def test_a_last_look_is_taken_at_the_last_step():
    result = trained(replace(SHORT, max_steps=13))
    assert [p.step for p in result.history] == [10, 13]


def test_max_time_ends_training_and_the_rate_decays_along_it(monkeypatch: pytest.MonkeyPatch):
    """On a clock that moves on by a hundredth of a second at every look at it."""
    ticks = count()
    clock = SimpleNamespace(monotonic=lambda: next(ticks) / 100)
    monkeypatch.setattr("tabdiff.training.loop.time", clock)
    rates: list[float] = []
    result = train(
        denoiser_of(LAYOUT),
        joint_of(LAYOUT),
        toy(64),
        toy(32, 1),
        replace(SHORT, max_steps=1_000_000, max_time=0.5, warmup=0.1, patience=10**6),
        generator(),
        report=lambda progress: rates.append(progress.learning_rate),
    )
    assert result.stopped == "max_time"
    assert 45 <= len(rates) <= 50
    assert rates[5] == pytest.approx(max(rates), rel=0.05)
    assert rates[-1] < 0.01 * max(rates)
    assert result.history[-1].step == len(rates)
    assert math.isfinite(result.history[-1].validation_loss)
    assert not result.denoiser.training


def test_a_pass_shows_every_row_once():
    shown: list[float] = []

    class Watched(JointDiffusion):
        def complete(self, x0: Mixed, generator: torch.Generator) -> Mixed:
            shown.extend(x0.num[:, 0].tolist())
            return super().complete(x0, generator)

    layout = Layout(("row",), (), (), (None,), ())
    joint = Watched(layout, GaussianDiffusion(), MultinomialDiffusion(()))
    rows = Mixed(torch.arange(24.0)[:, None], torch.zeros((24, 0), dtype=torch.int64))
    recipe = Recipe(max_steps=9, batch_size=8, check_every=100, check_terms=1)
    train(denoiser_of(layout), joint, rows, rows[:1], recipe, generator())
    passes = [shown[i : i + 24] for i in (0, 24, 48)]
    assert all(sorted(one) == list(range(24)) for one in passes)
    assert passes[0] != passes[1]


@pytest.mark.parametrize("n", [1, 3])
def test_a_table_smaller_than_a_batch_trains(n: int):
    result = train(denoiser_of(LAYOUT), joint_of(LAYOUT), toy(n), toy(n), SHORT, generator())
    assert math.isfinite(result.history[-1].validation_loss)


# ------------------------------------------------------------------------------- what is learned


def test_the_loss_falls_on_a_toy():
    recipe = replace(SHORT, max_steps=300, check_every=20)
    result = trained(recipe)
    losses = [p.validation_loss for p in result.history]
    assert losses[-1] < 0.8 * losses[0]
    held_out = toy(32, 1)
    untrained = evaluate_loss(denoiser_of(LAYOUT).eval(), joint_of(LAYOUT), held_out)
    assert evaluate_loss(result.denoiser, joint_of(LAYOUT), held_out) < 0.8 * untrained


def test_the_held_out_loss_is_the_same_at_every_look():
    denoiser, joint, rows = denoiser_of(LAYOUT).eval(), joint_of(LAYOUT), toy(50)
    assert evaluate_loss(denoiser, joint, rows) == evaluate_loss(denoiser, joint, rows)


def test_the_held_out_loss_is_a_mean_over_rows():
    # With velocity 0 and equal odds, a fixed mean: two sizes agree to Monte Carlo.
    joint, silent = joint_of(LAYOUT), Scripted(10**9).eval()
    few, many = (evaluate_loss(silent, joint, toy(n), n_terms=40_000) for n in (100, 5_000))
    # 40,000 losses of std below 1.5, and rows whose mean square differs by sqrt(2/300).
    assert abs(few - many) < 0.25


def test_the_same_seed_gives_the_same_weights():
    a, b, c = trained(seed=1), trained(seed=1), trained(seed=2)
    for (name, p), q in zip(
        a.denoiser.named_parameters(), b.denoiser.named_parameters(), strict=True
    ):
        assert p.equal(q[1]), name
    assert [p.validation_loss for p in a.history] == [p.validation_loss for p in b.history]
    assert [p.validation_loss for p in a.history] != [p.validation_loss for p in c.history]


def test_looking_does_not_move_the_training():
    often = trained(replace(SHORT, check_every=1, patience=10**6))
    seldom = trained(replace(SHORT, check_every=30))
    assert often.history[-1].loss == seldom.history[-1].loss
    assert often.history[-1].validation_loss == seldom.history[-1].validation_loss


def test_an_average_over_one_step_is_the_network_itself():
    denoiser = denoiser_of(LAYOUT)
    result = trained(replace(SHORT, ema_steps=1, check_every=30), denoiser=denoiser)
    for p, q in zip(result.denoiser.parameters(), denoiser.parameters(), strict=True):
        assert p.equal(q)
    assert result.denoiser is not denoiser


def test_the_loss_is_float32_under_autocast():
    autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    result = train(
        denoiser_of(LAYOUT),
        joint_of(LAYOUT),
        toy(64),
        toy(32, 1),
        SHORT,
        generator(),
        autocast=autocast,
    )
    assert all(p.dtype == torch.float32 for p in result.denoiser.parameters())
    # bfloat16 keeps 8 bits: the two trainings stay within a few per cent.
    exact = trained().history[-1].validation_loss
    assert result.history[-1].validation_loss == pytest.approx(exact, rel=0.05)


def test_a_layout_without_parts_has_nothing_to_learn():
    layout = Layout((), (), (), (), ())
    rows = Mixed(torch.zeros(5, 0), torch.zeros((5, 0), dtype=torch.int64))
    result = train(denoiser_of(layout), joint_of(layout), rows, rows, SHORT, generator())
    assert (result.stopped, result.history) == ("nothing to learn", [])


def test_a_few_seconds_of_training_reproduce_a_known_joint():
    """A number whose mean and spread depend on a category, from 4,000 rows.

    Generous: 0.05 for the shares, whose Monte-Carlo std is 0.007 in the sample and 0.008 in the
    training rows; 0.15 for the distance of the distributions within each category, to which the
    two samples add 0.06 (DKW at 1e-6 of the 1,200 rows of the rarer one) and sampling in 50 calls
    0.03. Independent columns are 0.40 and 0.60 away.
    """
    known = Mixture(
        np.array([0.6, 0.4]),
        np.array([[-0.8], [1.2]]),
        np.array([0.3, 0.4])[:, None, None] ** 2,
        np.array([[0], [1]]),
        (2,),
    )
    joint = known.joint()
    rows, held_out = (known.draw(n, np.random.default_rng(n)) for n in (4_000, 400))
    denoiser = MLPDenoiser(known.layout, width=64, depth=2, generator=generator())
    recipe = Recipe(max_steps=400, batch_size=256, ema_steps=50, check_every=100, check_terms=1_000)
    result = train(denoiser, joint, rows, held_out, recipe, generator(1))
    x = sample(result.denoiser, joint, time_grid(50), *joint.unknown(4_000), generator(2))
    for level in (0, 1):
        here = x.cat[:, 0] == level
        assert abs(float(here.double().mean()) - known.weight[level]) < 0.05
        alone = Mixture(
            np.ones(1), known.mean[[level]], known.covariance[[level]], known.levels[[level]], ()
        )
        values = x.num[here, 0].double().numpy()
        assert naive.ks_distance(values, alone.component_cdf(values, 0)) < 0.15


# ----------------------------------------------------------------------------- every way to stop


def test_patience_counts_looks_without_a_better_loss():
    # At rate 0 no look is better than the first, at step 5; the third after it is at step 20.
    result = trained(replace(SHORT, learning_rate=0.0, check_every=5, patience=3))
    assert result.stopped == "validation"
    assert [p.step for p in result.history] == [5, 10, 15, 20]
    assert result.best_step == 5


@pytest.mark.parametrize(("lost", "stopped"), [(0.02, "max_steps"), (0.04, "validation")])
def test_a_loss_that_stands_still_is_waited_for(monkeypatch, lost: float, stopped: str):
    # The first look gains nothing, the second one all, and all others have lost a part of it.
    losses = iter([2.0, 1.0, *[1.0 + lost] * 10])
    monkeypatch.setattr("tabdiff.training.loop.evaluate_loss", lambda *a, **k: next(losses))
    result = trained(replace(SHORT, check_every=5, patience=3))
    assert result.stopped == stopped and result.best_step == 10


def test_a_round_is_followed_by_another_while_the_last_look_is_the_best():
    recipe = replace(SHORT, rounds=2, patience=10**6)
    result = trained(recipe)
    assert [p.step for p in result.history] == [10, 20, 30, 40, 50, 60]
    rates = [p.learning_rate for p in result.history]
    # At the end of a round the rate is nothing, a third into the next it is near its height.
    assert rates[2] == pytest.approx(0, abs=1e-9)
    assert rates[3] == rates[0] > 0.7 * recipe.learning_rate
    assert result.best_step > 30
    assert result.stopped == "max_steps"


def test_no_round_follows_one_that_ended_past_its_best():
    # At rate 0 the first look stays the best.
    result = trained(replace(SHORT, rounds=3, learning_rate=0.0, patience=10**6))
    assert [p.step for p in result.history] == [10, 20, 30]


def test_the_best_average_is_what_comes_back():
    denoiser, recipe = denoiser_of(LAYOUT), replace(SHORT, max_steps=60, patience=10**6)

    def spoil(progress: Progress) -> None:
        if progress.step == 40:
            with torch.no_grad():
                denoiser.velocity.bias.fill_(5)

    joint, held_out = joint_of(LAYOUT), toy(32, 1)
    result = train(denoiser, joint, toy(64), held_out, recipe, generator(), report=spoil)
    losses = {p.step: p.validation_loss for p in result.history}
    assert result.best_step == min(losses, key=losses.__getitem__)
    assert result.best_step <= 40
    assert losses[60] > 2 * losses[result.best_step]
    again = evaluate_loss(result.denoiser, joint, held_out, n_terms=recipe.check_terms)
    assert again == losses[result.best_step]


@pytest.mark.parametrize("last", [3, 25])
def test_an_interrupt_keeps_what_was_learned(last: int):
    def interrupt(progress: Progress) -> None:
        if progress.step == last:
            raise KeyboardInterrupt

    joint, start = joint_of(LAYOUT), denoiser_of(LAYOUT)
    result = train(
        denoiser_of(LAYOUT), joint, toy(64), toy(32, 1), SHORT, generator(), report=interrupt
    )
    assert result.stopped == "interrupted"
    # The average of the last step is judged too, so that nothing learned is lost.
    assert [p.step for p in result.history] == [*range(10, last, 10), last]
    assert not result.denoiser.training
    moved = zip(result.denoiser.parameters(), start.parameters(), strict=True)
    assert any(not p.equal(q) for p, q in moved)
    rows = sample(result.denoiser, joint, time_grid(3), *joint.unknown(4), generator())
    assert rows.num.isfinite().all()


def test_an_error_of_the_callers_own_is_not_swallowed():
    def fail(progress: Progress) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        train(
            denoiser_of(LAYOUT),
            joint_of(LAYOUT),
            toy(64),
            toy(32),
            SHORT,
            generator(),
            report=fail,
        )


@pytest.mark.parametrize("says", [math.nan, math.inf])
def test_early_divergence_names_its_step_and_columns(says: float):
    with pytest.raises(TrainingDivergedError, match=r"loss is (nan|inf)") as caught:
        trained(denoiser=Scripted(7, says))
    message = str(caught.value)
    assert "step 7" in message
    # The guilty column first.
    assert "'income'" in message.split(", ")[1]
    assert "learning_rate" in message


def test_late_divergence_warns_and_keeps_the_best_weights():
    with pytest.warns(RuntimeWarning, match="weights of step 10 are kept") as caught:
        result = trained(replace(SHORT, learning_rate=0.0, ema_steps=1), denoiser=Scripted(25))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "step 25" in message
    assert "'income'" in message
    assert result.stopped == "diverged"
    assert [p.step for p in result.history] == [10, 20]
    assert all(p.isfinite().all() for p in result.denoiser.parameters())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_095_a_held_out_loss_that_is_no_number_is_divergence(
    monkeypatch: pytest.MonkeyPatch, value: float
):
    losses = iter([0.5, 0.4, value])
    monkeypatch.setattr("tabdiff.training.loop.evaluate_loss", lambda *_, **__: next(losses))
    with pytest.warns(RuntimeWarning, match="step 30: the held-out loss .*step 20 are kept"):
        result = trained()
    assert (result.stopped, result.best_step) == ("diverged", 20)
    losses = iter([value])
    with pytest.raises(TrainingDivergedError, match="step 10: the held-out loss"):
        trained()


def test_095_an_interrupt_after_divergence_is_still_one(monkeypatch: pytest.MonkeyPatch):
    losses = iter([0.5, math.nan])
    monkeypatch.setattr("tabdiff.training.loop.evaluate_loss", lambda *_, **__: next(losses))

    def interrupt(progress: Progress) -> None:
        if progress.step == 13:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="weights of step 10 are kept"):
        result = train(
            denoiser_of(LAYOUT),
            joint_of(LAYOUT),
            toy(64),
            toy(32, 1),
            SHORT,
            generator(),
            report=interrupt,
        )
    assert (result.stopped, result.best_step) == ("interrupted", 10)


def test_training_as_it_should_be_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained()
