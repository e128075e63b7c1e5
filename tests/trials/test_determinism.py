"""Equal seeds give equal rows in all circumstances, and a library that cheats is found out."""

import sys
import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import tabdiff.estimator
import tabdiff.inference.threads
import tabdiff.sampler
from benchmarks.trials import determinism, settings
from benchmarks.trials.subjects import SMALL, digest, model
from tabdiff import DiffusionSynthesizer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


def tried(circumstance: Any, seed: int, *parameters: Any) -> list[str]:
    """What is broken in one case of a circumstance."""
    rng = np.random.default_rng(seed)
    return determinism.broken(partial(circumstance, rng, *parameters), circumstance.__name__)


# A seed above decides whether a case is about the table or about the series, which take longer.
OF_TABLE, OF_SERIES = 1, 0


@pytest.mark.parametrize("seed", [OF_TABLE, OF_SERIES])
@pytest.mark.parametrize(
    "circumstance",
    [
        determinism.with_other_threads,
        determinism.in_pieces,
        determinism.from_copies,
        determinism.in_a_fork,
    ],
)
def test_answers_are_the_same(circumstance: Any, seed: int):
    assert tried(circumstance, seed) == []


@pytest.mark.parametrize("verb", ["fit", "sample of conditions"])
@pytest.mark.parametrize("name", settings.SETTINGS)
def test_settings_of_the_user_change_nothing_and_stay(
    monkeypatch: pytest.MonkeyPatch, name: str, verb: str
):
    case = determinism.Case("table", verb, 0, np.random.default_rng(0))
    monkeypatch.setattr(determinism, "draw_case", lambda *_: case)
    assert tried(determinism.with_settings, 0, name) == []


def test_a_table_of_many_columns_is_sampled_in_a_fork():
    """So many that even a copy of a chunk is divided among threads."""
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(60, 60))).rename(columns="x{}".format)
    synth = DiffusionSynthesizer(**SMALL).fit(wide)

    def answer() -> str:
        return digest(synth.sample(1100, random_state=0))

    with settings.threads(2):
        torch.ones(600, 600) @ torch.ones(600, 600)
        assert determinism.answer_of_fork(answer, patience=30.0) == answer()


@pytest.mark.parametrize(
    ("circumstance", "n"),
    [(determinism.among_others, 8), (determinism.fits_at_once, 2), (determinism.one_stream, 6)],
)
def test_many_at_once_get_what_each_gets_alone(circumstance: Any, n: int):
    assert tried(circumstance, OF_TABLE, n) == []


def test_a_fork_can_fit():
    fit = determinism.Case("table", "fit", 0, np.random.default_rng(0)).answer
    with settings.threads(1):
        alone = fit()
    with settings.threads(2):
        torch.ones(600, 600) @ torch.ones(600, 600)
        assert determinism.answer_of_fork(fit, patience=30.0) == alone


@pytest.mark.slow
@pytest.mark.parametrize("seed", [OF_TABLE, OF_SERIES])
def test_a_new_process_answers_the_same(seed: int):
    assert tried(determinism.in_a_new_process, seed) == []


@pytest.mark.slow
def test_a_hundred_cases_hold():
    assert [line for k in range(100) for line in determinism.run_case(7, k)[1]] == []


# ---- planted faults ----


def test_global_random_numbers_are_found(monkeypatch: pytest.MonkeyPatch):
    model("table")
    rest = np.random.default_rng(0)
    monkeypatch.setattr(
        tabdiff.sampler, "generators", lambda *path, device: (torch.default_generator, rest)
    )
    before = torch.get_rng_state()
    found = tried(determinism.in_pieces, 0)
    torch.set_rng_state(before)
    assert len(found) == 2 and "changed torch's generator" in found[1]


def test_a_generator_that_threads_share_is_found(monkeypatch: pytest.MonkeyPatch):
    model("table")
    own, shared = tabdiff.sampler.generators, torch.Generator()

    def generators(*path: int, device: torch.device) -> tuple[Any, Any]:
        noise, rest = own(*path, device=device)
        return shared.manual_seed(noise.initial_seed()), rest

    monkeypatch.setattr(tabdiff.sampler, "generators", generators)
    assert tried(determinism.in_pieces, 0) == []
    assert tried(determinism.among_others, OF_TABLE, 6) != []


def test_rows_that_depend_on_the_number_of_threads_are_found(monkeypatch: pytest.MonkeyPatch):
    model("table")
    own = tabdiff.sampler.sample

    def sample(*question: Any) -> Any:
        x = own(*question)
        x.num.add_(torch.get_num_threads() / 1000)
        return x

    monkeypatch.setattr(tabdiff.sampler, "sample", sample)
    case = determinism.Case("table", "sample", 0, np.random.default_rng(0))
    monkeypatch.setattr(determinism, "draw_case", lambda *_: case)
    assert tried(determinism.with_other_threads, 0) == []
    monkeypatch.setattr(tabdiff.inference.threads, "_keep_to_one_thread", lambda: None)
    assert tried(determinism.with_other_threads, 0) != []


def test_a_stream_that_gives_two_threads_the_same_is_found(monkeypatch: pytest.MonkeyPatch):
    model("table")

    def slow(estimator: Any, random_state: Any) -> tuple[int, ...]:
        turn = estimator.__dict__.setdefault("turn", 0)
        time.sleep(0.05)
        estimator.turn = turn + 1
        return (0, 2, turn)

    monkeypatch.setattr(tabdiff.estimator.DiffusionEstimator, "_next_path", slow)
    assert tried(determinism.one_stream, OF_TABLE, 6) != []


def test_a_child_that_hangs_is_found():
    assert "silence" in determinism.answer_of_fork(lambda: str(time.sleep(60)), patience=0.2)
