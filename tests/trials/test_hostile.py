"""A few of the counted cases, and that the trial sees each way to break the promise."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.trials import forgeries, hostile
from benchmarks.trials.hostile import Trial
from tabdiff import DiffusionSynthesizer, persistence
from tabdiff.estimator import DiffusionEstimator


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(0, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(autouse=True)
def hostile_numbers_may_overflow() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def faults(trial: Trial, cases: range) -> list[str]:
    return [fault for case in cases if (fault := trial.attempt(case).fault)]


def test_092_mutants_raise_typed_errors_or_load(trial: Trial):
    outcomes = [trial.attempt(case) for case in range(100)]
    assert [outcome.fault for outcome in outcomes if outcome.fault] == []
    families = {outcome.told.partition(":")[0] for outcome in outcomes}
    assert families == set(forgeries.FAMILIES)


@pytest.mark.slow
def test_092_thousands_of_mutants_raise_typed_errors_or_load():
    told = list(hostile.outcomes(seed=2, cases=2000))
    assert len(told) == 2000
    assert [outcome.fault for outcome, _ in told if outcome.fault] == []
    assert max(mib for _, mib in told) < hostile.MIB


def test_a_case_is_made_from_its_number_alone():
    path = hostile.GOLDEN / "months.tabdiff"
    for case in range(20):
        first, second = (
            forgeries.mutant(forgeries.Model.of(path), np.random.default_rng([0, case]))
            for _ in range(2)
        )
        assert first == second


def test_a_planted_untyped_error_is_found(trial: Trial, monkeypatch):
    def fail(*_: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr(DiffusionEstimator, "_take_parameters", fail)
    monkeypatch.setattr("tabdiff.estimator._MISFITS", ())
    assert any("load: IndexError" in fault for fault in faults(trial, range(20)))


def test_a_planted_blindness_to_digests_is_found(trial: Trial, monkeypatch):
    monkeypatch.setattr(persistence, "_check_digest", lambda *_: None)
    found = faults(trial, range(60))
    assert any("another digest was expected" in fault for fault in found)


def test_a_planted_blindness_to_changed_bytes_is_found(trial: Trial, monkeypatch):
    whole = trial.models[0].payload

    def blind(path: Path, payload: bytes) -> tuple[dict, bytes]:
        return unpack(path, whole)

    unpack = persistence._unpack
    monkeypatch.setattr(persistence, "_unpack", blind)
    monkeypatch.setattr(hostile, "ELSEWHERE", 10**9)
    found = faults(trial, range(40))
    assert any("its bytes were changed" in fault for fault in found)
    assert any("other rows" in fault or "says the same" in fault for fault in found)


def test_a_planted_crash_while_sampling_is_found(trial: Trial, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("not on purpose")

    monkeypatch.setattr(DiffusionSynthesizer, "sample", fail)
    assert any("sample: ValueError" in fault for fault in faults(trial, range(40)))


def test_a_slow_load_is_found(trial: Trial, monkeypatch):
    monkeypatch.setattr(hostile, "SECONDS", 0.0)
    assert len(faults(trial, range(5))) == 5
