"""Both front doors go on with a fit that was cut off."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.trials.kills import digest
from tabdiff import CheckpointMismatchError, DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer
from tabdiff.training import checkpoint
from tabdiff.training.progress import ProgressBar
from tests.tiny import TINY, table, tiny


class PowerCutError(Exception):
    """Stands for a kill: nothing of this library catches it."""


@pytest.fixture(autouse=True)
def at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "MOST_SHARE", math.inf)


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, pd.DataFrame, int], None]:
    """Fit, and be cut off after so many steps of one or of several trainings."""

    def fit(synth: Any, frame: pd.DataFrame, steps: int) -> None:
        left = [steps]

        def report(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCutError

        with monkeypatch.context() as patch:
            patch.setattr(ProgressBar, "__call__", report)
            with pytest.raises(PowerCutError):
                synth.fit(frame)

    return fit


def shops() -> pd.DataFrame:
    """Eight shops of nine or ten days, with a size each."""
    rng = np.random.default_rng(0)
    each = [
        pd.DataFrame(
            {
                "shop": f"s{k}",
                "size": size,
                "day": range(9 + k % 2),
                "sold": rng.normal(size=9 + k % 2),
            }
        )
        for k, size in enumerate(rng.gamma(2, size=8))
    ]
    return pd.concat(each, ignore_index=True)


def of_shops(**changes: Any) -> TimeSeriesDiffusionSynthesizer:
    settings = TINY | {"max_steps": 6} | changes
    return TimeSeriesDiffusionSynthesizer(sequence_key="shop", sequence_index="day", **settings)


def test_094_a_table_goes_on_from_where_it_was_cut_off(tmp_path: Path, cut_off) -> None:
    plain = tiny(max_steps=9).fit(table())
    kept = tiny(max_steps=9, checkpoint_dir=tmp_path / "new" / "folder", resume=True)
    for steps in (4, 3):
        cut_off(kept, table(), steps)
        assert not hasattr(kept, "denoiser_")
    assert digest(kept.fit(table())) == digest(plain)
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_094_a_table_whose_critic_was_cut_off_is_not_trained_again(
    tmp_path: Path, cut_off, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise PowerCutError

    plain = tiny(candidates=2).fit(table())
    kept = tiny(candidates=2, checkpoint_dir=tmp_path, resume=True)
    with monkeypatch.context() as patch:
        patch.setattr("tabdiff.synthesizer.learn_critic", cut)
        with pytest.raises(PowerCutError):
            kept.fit(table())
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "__call__", cut)
        kept.fit(table())
    assert digest(kept) == digest(plain)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("steps", [3, 9], ids=["in the entities", "in the rows"])
def test_094_sequences_go_on_from_where_they_were_cut_off(
    tmp_path: Path, cut_off, steps: int
) -> None:
    plain = of_shops().fit(shops())
    kept = of_shops(checkpoint_dir=tmp_path, resume=True)
    cut_off(kept, shops(), steps)
    cut_off(kept, shops(), 3)
    assert digest(kept.fit(shops())) == digest(plain)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [None, np.random.default_rng(0)], ids=["none", "generator"])
@pytest.mark.parametrize("make", [tiny, of_shops])
def test_094_a_seed_that_nobody_told_is_kept(tmp_path: Path, cut_off, make, seed: Any) -> None:
    frame = table() if make is tiny else shops()
    kept = make(max_steps=6, random_state=seed, checkpoint_dir=tmp_path, resume=True)
    cut_off(kept, frame, 4)
    kept.fit(frame)
    plain = make(max_steps=6, random_state=kept._fitted.entropy).fit(frame)
    assert digest(kept) == digest(plain)


def test_094_other_rows_are_refused_and_the_columns_named(tmp_path: Path, cut_off) -> None:
    kept = tiny(max_steps=6, checkpoint_dir=tmp_path, resume=True)
    cut_off(kept, table(), 4)
    other = table().assign(c=lambda frame: frame["c"][::-1].to_numpy())
    with pytest.raises(CheckpointMismatchError, match=r"differs .*the values of column 'c'"):
        kept.fit(other)
    with pytest.raises(FileExistsError, match="Go on with it"):
        tiny(checkpoint_dir=tmp_path).fit(table())


def test_the_seconds_of_all_parts_are_counted(tmp_path: Path, cut_off, monkeypatch) -> None:
    kept = tiny(max_steps=6, checkpoint_dir=tmp_path, resume=True)
    cut_off(kept, table(), 4)
    read = checkpoint.Checkpoint.read

    def long_ago(path: Path) -> checkpoint.Checkpoint:
        found = read(path)
        found.seconds = 1000.0
        return found

    monkeypatch.setattr(checkpoint.Checkpoint, "read", long_ago)
    assert kept.fit(table()).fit_seconds_ > 1000


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"resume": True}, ValueError, "resume=True goes on from a checkpoint"),
        ({"resume": "yes"}, TypeError, "resume must be True or False. Got 'yes'"),
        ({"checkpoint_dir": 3}, TypeError, "checkpoint_dir must be a path. Got 3"),
    ],
)
@pytest.mark.parametrize("make", [tiny, of_shops])
def test_089_checkpoint_parameters_are_checked(make, parameters, error, message) -> None:
    with pytest.raises(error, match=message):
        make(**parameters).fit(table() if make is tiny else shops())


def test_a_model_file_tells_no_folder(tmp_path: Path) -> None:
    synth = tiny(checkpoint_dir=tmp_path / "kept", resume=True).fit(table())
    synth.save(tmp_path / "m")
    assert b"kept" not in (tmp_path / "m").read_bytes()
    found = DiffusionSynthesizer.load(tmp_path / "m")
    assert (found.checkpoint_dir, found.resume) == (None, False)
