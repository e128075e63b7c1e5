"""Windows: how they are cut, and the four scores at their limits."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import windows
from benchmarks.window_data import (
    CHANNELS,
    LENGTH,
    halves,
    load_windows,
    overlapping,
    sines,
    to_frame,
    to_windows,
)
from benchmarks.window_scores import Encoder, correlational, discriminative, frechet, predictive

COLUMNS = [f"x{channel}" for channel in range(CHANNELS)]


def some(n: int = 300, seed: int = 0) -> np.ndarray:
    return sines(n, np.random.default_rng(seed))


def test_windows_are_every_stretch_of_a_series():
    values = np.arange(60.0).reshape(30, 2)
    cut = overlapping(values)
    assert cut.shape == (7, LENGTH, 2)
    np.testing.assert_array_equal(cut[3], values[3 : 3 + LENGTH])


def test_sines_lie_in_the_unit_interval_and_turn_slowly():
    made = some()
    assert made.shape == (300, LENGTH, CHANNELS)
    assert made.min() >= 0 and made.max() <= 1
    # sin' is at most 0.1, halved by the scale.
    assert np.abs(np.diff(made, axis=1)).max() <= 0.05


def test_windows_come_back_from_a_frame_and_broken_ones_do_not():
    made = some(5)
    frame = to_frame(made, COLUMNS)
    np.testing.assert_array_equal(to_windows(frame), made)
    short = frame.drop(index=3)
    holed = frame.copy()
    holed.loc[30, "x0"] = np.nan
    longer = pd.concat([frame, frame.tail(1)])
    assert [len(to_windows(f)) for f in (short, holed, longer)] == [4, 4, 5]


def test_halves_of_neighbouring_windows_share_no_step():
    cut = overlapping(np.arange(1_000.0)[:, None])
    one, other = halves(cut)
    assert len(one) > 300 and len(other) > 300
    assert not set(one.ravel()) & set(other.ravel())
    few = halves(overlapping(np.arange(130.0)[:, None]))
    assert all(len(part) for part in few)
    assert not set(few[0].ravel()) & set(few[1].ravel())


def test_no_window_lies_across_the_cut(tmp_path: Path):
    (tmp_path / "timeseries").mkdir()
    frame = pd.DataFrame({"date": range(200), "a": np.arange(200.0), "b": 0.0})
    frame.to_csv(tmp_path / "timeseries" / "etth1.csv.gz", index=False)
    panel = load_windows("etth1", "held out", tmp_path)
    assert panel.train["a"].max() == 159 and panel.test["a"].min() == 160
    whole = load_windows("etth1", "canonical", tmp_path)
    pd.testing.assert_frame_equal(whole.train, whole.test)
    assert whole.train["window"].nunique() == 200 - LENGTH + 1
    with pytest.raises(ValueError, match="--data"):
        load_windows("etth1", "canonical", None)


def test_correlational_is_a_tenth_of_the_pairs_that_turn_round():
    rng = np.random.default_rng(0)
    one = rng.standard_normal((200, LENGTH, 1))
    real, made = np.concatenate([one, one], axis=2), np.concatenate([one, -one], axis=2)
    assert correlational(real, real) == 0.0
    assert correlational(real, made) == pytest.approx(0.2)
    assert correlational(real, np.ones_like(real)) == pytest.approx(0.1)


def test_frechet_is_that_of_two_normal_laws():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((20_000, 3))
    assert frechet(points, points) == pytest.approx(0.0, abs=1e-9)
    shift = np.array([1.0, 2.0, 0.0])
    assert frechet(points, points + shift) == pytest.approx(5.0, abs=1e-9)
    # Of standard deviations 1 and 3, d (1 - 3)^2 = 12; the sample's own are within 2 %.
    assert frechet(points, 3 * points) == pytest.approx(12.0, rel=0.05)


def test_context_fid_tells_turned_windows_from_others_of_the_same_law():
    real = some(200)
    encoder = Encoder(real, 0, 30)
    codes = encoder.encode(real)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-3)
    same = frechet(codes, encoder.encode(some(200, 1)))
    turned = frechet(codes, encoder.encode(real[:, ::-1]))
    assert turned > 10 * same


def test_discriminative_is_near_nothing_for_the_same_law_and_half_for_another():
    real = some(400)[:, :6]
    # 160 held-out windows: the accuracy has a standard error of .04.
    assert discriminative(real, some(400, 1)[:, :6], 0, 60) < 0.16
    assert discriminative(real, real + 3, 0, 150) > 0.4


def test_predictive_is_worse_after_learning_from_what_is_not_so():
    rng = np.random.default_rng(0)
    wave = rng.random((400, 7, 1))
    # The last channel is what the first was a step before.
    real = np.concatenate([wave[:, 1:], wave[:, :-1]], axis=2)
    other = np.concatenate([wave[:, 1:], 1 - wave[:, :-1]], axis=2)
    # A guess of the middle of a uniform value is 1/4 off, the wrong way round 1/2 at the most.
    assert predictive(real[200:], real[:200], 0, 400) < 0.2
    assert predictive(real[200:], other[:200], 0, 400) > 0.28


def test_judges_repeat_with_the_seed():
    real, made = some(60), some(60, 1)
    first, again, other = (windows.judge(real, real, made, seed, 0.005) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_windows_run_from_end_to_end_and_go_on_where_they_stopped(tmp_path: Path):
    arguments = argparse.Namespace(
        data=None, sets=["sines"], protocols=["held out"], methods=["bootstrap"], seeds=[0],
        minutes=0.1, threads=1, windows=60, effort=0.005, time_limit=1.0, envs=tmp_path,
        results=tmp_path / "windows.jsonl",
    )  # fmt: skip
    windows.run_all(arguments)
    first = arguments.results.read_text()
    windows.run_all(arguments)
    assert arguments.results.read_text() == first
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["method"] for row in rows] == ["unseen", "bootstrap"]
    assert rows[1]["whole"] == 1.0
    text = windows.render(rows)
    assert "## sines, held out: 60 windows, judges at 0.005 of their iterations" in text
    assert text.index("*unseen real*") < text.index("bootstrap copy")
