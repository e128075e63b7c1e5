"""The trial of other seeds: it moves them, and accuses a test that fails more than it says."""

from pathlib import Path

import pytest

from benchmarks.trials import seeds as trial

TESTS = """
import numpy as np
import torch

def test_sound():
    assert abs(np.random.default_rng(0).normal(size=100).mean()) < 1

def test_lucky_in_numpy():
    assert np.random.default_rng(0).random() < 0.7

def test_lucky_in_torch():
    noise = torch.Generator().manual_seed(0)
    assert float(torch.rand(1, generator=noise)) < 0.5
"""


def test_a_test_that_lives_by_its_seed_fails_with_others(tmp_path: Path):
    path = tmp_path / "test_luck.py"
    path.write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    found = list(trial.outcomes([str(path)], 0, 12))
    names = {test.rpartition("::")[2] for _, ran in found for test in ran}
    assert names == {"test_sound", "test_lucky_in_numpy", "test_lucky_in_torch"}
    failed = [test.rpartition("::")[2] for bad, _ in found for test in bad]
    assert set(failed) == {"test_lucky_in_numpy", "test_lucky_in_torch"}
    assert found == list(trial.outcomes([str(path)], 0, 12))
    for name in set(failed):
        assert trial.accused(failed.count(name), 12, 1e-6)


def test_a_test_that_keeps_its_word_is_not_accused():
    assert not trial.accused(0, 200, 1e-6)
    assert not trial.accused(1, 200, 1e-2)
    assert trial.accused(1, 200, 1e-9)
    assert trial.accused(20, 200, 1e-2)


@pytest.mark.parametrize("name", trial.STATED)
def test_each_test_that_states_its_rate_exists(name: str):
    path, _, test = name.partition("::")
    text = (Path(__file__).parents[2] / path).read_text("utf-8")
    assert f"def {test}" in text
