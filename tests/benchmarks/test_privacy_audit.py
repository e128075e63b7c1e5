"""The audit of private fits: bounds hold, nothing is found where nothing is, faults are caught.

All seeds are fixed; with fresh ones an audit of 99.9 % cries wolf once in a thousand.
"""

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

pytest.importorskip("opacus")

from benchmarks import privacy_audit as audit
from benchmarks.privacy_bounds import from_many_runs, from_one_run, gaussian_bound, guess
from tabdiff import private
from tabdiff.data import charter
from tabdiff.training.private import Plan


def is_caught(figures: dict[str, float]) -> bool:
    return figures["found"] > figures["claimed"]


# ------------------------------------------------------------------------ bounds


@pytest.mark.parametrize("right", [20, 40])
def test_guesses_that_are_all_right_refute_what_would_rarely_do_so(right: int):
    # Each is right with probability p, so p^right = 0.01 at the bound.
    p = 0.01 ** (1 / right)
    found = from_one_run(right, right, 100, 0.0, 0.99)
    assert found == pytest.approx(math.log(p / (1 - p)), abs=2e-3)


def test_delta_makes_a_bound_weaker():
    assert from_one_run(40, 40, 100, 1e-4, 0.99) < from_one_run(40, 40, 100, 0.0, 0.99) - 0.05


def test_guesses_no_better_than_a_coin_refute_nothing():
    assert from_one_run(55, 100, 200, 1e-5, 0.95) == 0.0
    assert from_many_runs(30, 30, 60, 60, 1e-5, 0.95) == 0.0


def test_errors_that_never_occur_refute_as_many_runs_allow():
    # No alarm of n: the rate is at most 1 - (0.025)^(1/n).
    limit = 1 - 0.025 ** (1 / 50)
    found = from_many_runs(0, 0, 50, 50, 0.0, 0.95)
    assert found == pytest.approx(math.log((1 - limit) / limit))


def test_a_bound_holds_for_the_answers_that_it_is_made_for():
    # Randomised answers are the worst that epsilon allows; bounds of 90 % fail one time in ten.
    rng, epsilon, failed = np.random.default_rng(0), 1.0, 0
    for _ in range(100):
        present = rng.random(400) < 0.5
        right = rng.random(400) < 1 / (1 + math.exp(-epsilon))
        scores = np.where(present == right, 1.0, 0.0) + 1e-3 * rng.random(400)
        failed += guess(scores, present, 0.0, 0.9) > epsilon
    # At most 10 expected, with std 3: 4 of them.
    assert failed <= 22


def test_a_gaussian_mechanism_is_measured_from_below():
    rng = np.random.default_rng(0)
    without, with_it = rng.normal(0, 1, 20_000), rng.normal(1, 1, 20_000)
    assert 0.85 < gaussian_bound(without, with_it, 0.999) <= 1.0


# ------------------------------------------------------------------------ audits

WHOLE, SAMPLED = audit.WHOLE, audit.SAMPLED


@pytest.mark.parametrize("plan", [WHOLE, SAMPLED], ids=["whole", "sampled"])
def test_steps_leak_no_more_than_is_claimed(plan: Plan):
    figures = audit.audit_steps(plan, canaries=2_000)
    assert (2.0 if plan is WHOLE else 0.0) <= figures["found"] <= figures["claimed"]


@pytest.mark.parametrize(
    ("plan", "noise"),
    [
        (WHOLE, audit.NoNoise),
        (SAMPLED, audit.NoNoise),
        (SAMPLED, audit.SameNoise),
        (WHOLE, audit.HalfTheNoise),
        (SAMPLED, audit.EveryRow),
    ],
)
def test_steps_whose_noise_or_batches_are_wrong_are_caught(plan: Plan, noise: type[audit.Noise]):
    assert is_caught(audit.audit_steps(plan, canaries=2_000, noise=noise))


@pytest.mark.parametrize("plan", [WHOLE, SAMPLED], ids=["whole", "sampled"])
def test_gradients_that_are_not_clipped_are_caught(plan: Plan):
    with audit.clipping_off():
        assert is_caught(audit.audit_steps(plan, canaries=2_000))


@pytest.mark.parametrize("fault", [nullcontext, audit.times_over_the_batch])
def test_rows_that_have_a_say_in_each_others_times_are_caught(fault: Any):
    with fault():
        figures = audit.audit_crowd(Plan(1.0, 4.0, 1), rows=30, runs=150)
    assert is_caught(figures) == (fault is not nullcontext)


@pytest.mark.parametrize("noise", [audit.NoisyCounts, audit.Unheard, audit.TooQuiet])
def test_counts_with_too_little_noise_are_caught(noise: Any):
    figures = audit.audit_counts(runs=3_000, noise=noise)
    assert is_caught(figures) == (noise is not audit.NoisyCounts)
    assert figures["found"] > 0.7 * figures["claimed"]


LEAKS = [
    None,
    (charter, "_bounds_of", audit.exact_bounds),
    (charter, "_labels_of", audit.every_label),
    (private, "fit_declared", audit.exact_quantiles),
]


@pytest.mark.parametrize("leak", LEAKS, ids=["none", "bounds", "labels", "quantiles"])
def test_an_encoder_that_keeps_what_one_row_has_is_caught(leak: Any):
    with audit.encoder_of(*leak) if leak else nullcontext():
        figures = audit.audit_encoder(runs=30)
    assert is_caught(figures) == (leak is not None)


# ------------------------------------------------------------------------ models


@pytest.mark.slow
def test_an_ordinary_model_that_overfits_is_caught_by_every_attack():
    figures = audit.audit_model(private_fit=False)
    assert figures["found"] > 1.0
    assert figures["auc_model"] >= 0.58 and figures["auc_model_low"] > 0.5
    assert figures["auc_rows"] >= 0.58 and figures["auc_rows_low"] > 0.5


@pytest.mark.slow
def test_a_private_model_is_not_caught_by_any_attack():
    figures = audit.audit_model(private_fit=True)
    assert figures["found"] <= figures["claimed"]
    for by in ("model", "rows"):
        assert figures[f"auc_{by}_low"] <= 0.5 <= figures[f"auc_{by}_high"]


@pytest.mark.slow
def test_a_private_model_without_its_noise_is_caught():
    with audit.steps_without_noise():
        assert is_caught(audit.audit_model(private_fit=True))
