"""Real kills of a real fit, and what its comparison sees."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks.trials import kills
from tests.tiny import table, tiny

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells a process's time")


@on_linux
def test_094_a_fit_that_is_killed_again_and_again_ends_in_the_same_bits(tmp_path: Path):
    lives = kills.killed_until_done("table", 0, tmp_path)
    assert lives.failures == []
    assert lives.kills > 0


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("kind", kills.KINDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_094_more_kills(tmp_path: Path, kind: str, seed: int):
    assert kills.killed_until_done(kind, seed, tmp_path).failures == []


def test_one_bit_of_one_weight_shows_in_the_digest():
    synth, twin = tiny().fit(table()), tiny().fit(table())
    assert kills.digest(synth) == kills.digest(twin)
    last = list(twin.denoiser_.parameters())[-1].data
    last[0] = torch.nextafter(last[0], torch.ones_like(last[0]) * 9)
    assert kills.digest(synth) != kills.digest(twin)
