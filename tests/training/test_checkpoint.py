"""Work that is cut off anywhere and goes on ends in the bits of work that was not."""

import errno
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tabdiff import CheckpointMismatchError, CorruptFileError, disk, persistence
from tabdiff.persistence import UnknownKindError
from tabdiff.training import checkpoint
from tabdiff.training.checkpoint import keeper_in
from tabdiff.training.loop import Keeper, Recipe, Trained, train
from tabdiff.training.standing import Batches, Progress, Standing
from tests.training.test_loop import LAYOUT, SHORT, denoiser_of, generator, joint_of, toy

# Two rounds, passes of three batches with rows left over, and looks in between.
LONG = replace(SHORT, max_steps=11, batch_size=20, check_every=4, rounds=2, patience=10**6)


@pytest.fixture(autouse=True)
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "MOST_SHARE", math.inf)


class PowerCutError(Exception):
    """Stands for a kill: nothing of this library catches it."""


def learn(
    folder: Path | None, recipe: Recipe = LONG, last: int | None = None, n: int = 64, seed: int = 0
) -> Trained:
    """Train on, with a power cut after ``last`` steps in all."""

    def report(progress: Progress) -> None:
        if progress.step == last:
            raise PowerCutError

    keeper = keeper_in(folder, "rows", resume=True)
    keeper.entropy = seed
    return train(
        denoiser_of(LAYOUT, seed),
        joint_of(LAYOUT),
        toy(n),
        toy(32, 1),
        recipe,
        generator(seed),
        report=report,
        keeper=keeper,
    )


def cut_off_at(folder: Path, steps: list[int], recipe: Recipe = LONG) -> Trained:
    for step in steps:
        with pytest.raises(PowerCutError):
            learn(folder, recipe, step)
    return learn(folder, recipe)


def bits(found: Trained) -> list[object]:
    looks = [(p.step, p.loss, p.validation_loss, p.learning_rate) for p in found.history]
    weights = [p.detach().numpy().tobytes() for p in found.denoiser.parameters()]
    return [looks, weights, found.best_step, found.stopped]


@pytest.mark.parametrize("steps", [[5], [2, 3, 4, 8, 9, 12, 13, 22]], ids=str)
def test_094_cut_off_and_resumed_training_ends_in_the_same_bits(tmp_path: Path, steps: list[int]):
    assert bits(cut_off_at(tmp_path, steps)) == bits(learn(None))


def test_094_a_keeper_changes_nothing(tmp_path: Path):
    assert bits(learn(tmp_path)) == bits(learn(None))


def test_094_training_that_is_done_is_not_done_again(tmp_path: Path):
    first = learn(tmp_path)
    # Its first step would be cut off.
    assert bits(learn(tmp_path, last=1)) == bits(first)


def test_094_early_stopping_counts_over_all_parts(tmp_path: Path):
    # At rate 0 no look is better than the first, at step 4; the third after it is at step 16.
    recipe = replace(LONG, max_steps=100, learning_rate=0.0, patience=3)
    found = cut_off_at(tmp_path, [6, 9, 14], recipe)
    assert (found.stopped, found.best_step, found.history[-1].step) == ("validation", 4, 16)


def test_094_max_time_counts_over_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """On a clock that moves on by a hundredth of a second at every step."""
    ticks = iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: next(ticks) / 100)
    monkeypatch.setattr("tabdiff.training.loop.time", clock)
    recipe = replace(LONG, max_steps=10**6, max_time=0.5)
    found = cut_off_at(tmp_path, [20, 40], recipe)
    assert found.stopped == "max_time"
    assert 45 <= found.history[-1].step <= 52


def forgotten_batches(batches: Batches, place: int, arrays: dict[str, np.ndarray]) -> None:
    batches.generator.set_state(torch.from_numpy(arrays["generator"]))


def forgotten(attribute: str) -> Callable[[Standing, dict, dict], None]:
    restore = Standing.restore

    def faulty(standing: Standing, content: dict, arrays: dict) -> None:
        kept = getattr(standing, attribute)
        restore(standing, content, arrays)
        setattr(standing, attribute, kept)

    return faulty


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ((Batches, "restore"), forgotten_batches),
        ((Batches, "restore"), lambda batches, place, arrays: None),
        ((Standing, "_restore_optimiser"), lambda standing, tensors: None),
        ((Standing, "restore"), forgotten("history")),
        ((Standing, "restore"), forgotten("last")),
    ],
    ids=["order", "noise", "optimiser", "history", "step"],
)
def test_094_a_planted_loss_of_state_shows_in_the_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], fault: Callable
):
    monkeypatch.setattr(*place, fault)
    assert bits(cut_off_at(tmp_path, [5])) != bits(learn(None))


def test_a_checkpoint_is_due_when_it_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 10.0)
    monkeypatch.setattr(checkpoint, "MOST_SHARE", 0.01)
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now[0]))
    moments: list[float] = []

    def slow_write(*_: object) -> None:
        moments.append(now[0])
        now[0] += 0.25

    monkeypatch.setattr(persistence, "write", slow_write)
    keeper = keeper_in(tmp_path, "rows", resume=False)

    def report(progress: Progress) -> None:
        now[0] += 1

    train(
        denoiser_of(LAYOUT),
        joint_of(LAYOUT),
        toy(64),
        toy(32),
        replace(SHORT, max_steps=50),
        generator(),
        report=report,
        keeper=keeper,
    )
    # After ten seconds, then after a hundred times a quarter of one, then at the end.
    assert moments == [10, 35.25, 50.5]


# ---- what is no checkpoint of this training ----


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": replace(LONG, max_steps=12)}, r"max_steps \(11 then, 12 now\)"),
        ({"n": 60}, r"rows \(64 then, 60 now\), the values of column 'income'"),
        ({"seed": 1}, r"random_state \(0 then, 1 now\), the network's size or first weights"),
    ],
)
def test_094_another_fit_is_refused_with_what_differs(tmp_path: Path, changed: dict, message: str):
    with pytest.raises(PowerCutError):
        learn(tmp_path, last=5)
    before = (tmp_path / "rows.checkpoint").read_bytes()
    with pytest.raises(CheckpointMismatchError, match=message):
        learn(tmp_path, **changed)
    assert (tmp_path / "rows.checkpoint").read_bytes() == before


def test_094_an_interrupted_fit_is_not_overwritten(tmp_path: Path):
    with pytest.raises(PowerCutError):
        learn(tmp_path, last=5)
    with pytest.raises(FileExistsError, match="Go on with it .resume=True.* or remove it"):
        keeper_in(tmp_path, "rows", resume=False)


def test_094_what_is_no_checkpoint_is_told(tmp_path: Path):
    path = tmp_path / "rows.checkpoint"
    persistence.write(path, {"kind": "DiffusionSynthesizer"}, {})
    with pytest.raises(UnknownKindError, match="holds a DiffusionSynthesizer"):
        keeper_in(tmp_path, "rows", resume=True)
    persistence.write(path, {"kind": "checkpoint"}, {})
    with pytest.raises(CorruptFileError, match="does not fit together"):
        keeper_in(tmp_path, "rows", resume=True)


@pytest.mark.parametrize("name", ["network.velocity.bias", "pass", "progress", "optimiser.0.step"])
def test_094_a_checkpoint_that_lacks_something_is_told(tmp_path: Path, name: str):
    with pytest.raises(PowerCutError):
        learn(tmp_path, last=5)
    path = tmp_path / "rows.checkpoint"
    content, arrays = persistence.read(path)
    persistence.write(path, content, {k: v for k, v in arrays.items() if k != name})
    with pytest.raises(CorruptFileError, match="does not fit together"):
        learn(tmp_path)


# ---- the folder ----


def test_091_a_checkpoint_that_cannot_be_written_warns_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    expected = bits(learn(None))
    keeper = keeper_in(tmp_path, "rows", resume=False)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.warns(RuntimeWarning, match=r"disk is full.*Training goes on") as caught:
        found = train(
            denoiser_of(LAYOUT),
            joint_of(LAYOUT),
            toy(64),
            toy(32, 1),
            LONG,
            generator(),
            keeper=keeper,
        )
    assert len(caught) == 1
    assert bits(found) == expected
    assert list(tmp_path.iterdir()) == []


def test_091_an_unusable_folder_is_told_before_any_work(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="this is a file, not a folder"):
        keeper_in(tmp_path / "file", "rows", resume=False)
    with pytest.raises(OSError, match="Read-only|not permitted|denied|No such file"):
        keeper_in("/proc/nowhere", "rows", resume=False)


def test_what_killed_writes_left_behind_is_swept(tmp_path: Path):
    stray = tmp_path / f".rows.checkpoint.{'0' * 16}.tmp"
    others = [tmp_path / ".rows.checkpoint.mine.tmp", tmp_path / f".m.tabdiff.{'0' * 16}.tmp"]
    for path in (stray, *others):
        path.touch()
    keeper_in(tmp_path / "", "rows", resume=True)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_without_a_folder_nothing_is_kept():
    assert type(keeper_in(None, "rows", resume=False)) is Keeper
