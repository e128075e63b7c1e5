"""The front door for tables that are larger than memory, from files to files."""

import glob
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer
from tabdiff.cli import BAD_INPUT, OK, main
from tabdiff.data import pieces
from tabdiff.data.constraints import ConstraintError, Positive
from tabdiff.files import read_table
from tabdiff.training import checkpoint, critic
from tabdiff.training.loop import Keeper
from tests.tiny import table, tiny

pytest.importorskip("datasketches", reason="tables in pieces need the extra 'big'")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of one table, one of them in a folder below."""
    data = tmp_path / "data"
    (data / "more").mkdir(parents=True)
    when = np.full(300, np.datetime64("2024-01-01", "ns"))
    frame = table(300).assign(when=when, n=np.arange(300) % 7)
    frame[:200].to_parquet(data / "a.parquet")
    frame[200:].to_parquet(data / "more" / "b.parquet")
    return data


def frames(n: int = 200, size: int = 64) -> list[pd.DataFrame]:
    whole = table(n)
    return [whole[at : at + size] for at in range(0, n, size)]


class Again:
    """Frames that can be gone through again."""

    def __iter__(self) -> Any:
        return iter(frames())


def sample(synth: DiffusionSynthesizer) -> pd.DataFrame:
    return synth.sample(20, random_state=0)


def test_a_pattern_a_folder_and_a_dataset_are_the_same_table(folder: Path):
    dataset = pytest.importorskip("pyarrow.dataset")
    files = sorted(glob.glob(f"{folder}/**/*.parquet", recursive=True))
    first = sample(tiny().fit(f"{folder}/**/*.parquet"))
    assert tiny().fit(folder).n_rows_seen_ == 300
    for source in (folder, str(folder), dataset.dataset(files)):
        assert sample(tiny().fit(source)).equals(first)
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in first.dtypes)
    assert [dtype.kind for dtype in first.dtypes] == ["f", "U", "M", "i"]


def test_one_file_is_a_table_too(folder: Path):
    assert tiny().fit(f"{folder}/a.parquet").n_rows_seen_ == 200


@pytest.mark.parametrize("source", [frames(), tuple(frames()), frames, Again()], ids=type)
def test_frames_come_from_anything_that_can_begin_again(source: Any):
    synth = tiny().fit(source)
    assert (synth.n_rows_seen_, synth.n_features_in_) == (200, 2)
    assert sample(synth).equals(sample(tiny().fit(frames())))
    assert list(sample(synth).dtypes) == list(table().dtypes)


def test_large_frames_are_taken_in_turn(monkeypatch: pytest.MonkeyPatch):
    first = sample(tiny().fit(frames(size=200)))
    monkeypatch.setattr(pieces, "AT_ONCE", 50)
    assert sample(tiny().fit(frames(size=200))).equals(first)


def test_polars_frames_come_back_as_such():
    pl = pytest.importorskip("polars")
    synth = tiny().fit([pl.from_pandas(frame) for frame in frames()])
    assert isinstance(sample(synth), pl.DataFrame)


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        (iter(frames()), TypeError, "can be gone through once only.*fit.lambda"),
        ((frame for frame in frames()), TypeError, "generator can be gone through once only"),
        (lambda: table(), TypeError, "must return an iterable of frames. Got DataFrame"),
        (lambda: None, TypeError, "must return an iterable of frames. Got NoneType"),
        (lambda: [table(), [1, 2]], TypeError, "piece 1: expected a pandas"),
        (list, TypeError, "expected a pandas or polars DataFrame"),
        ([], TypeError, "expected a pandas or polars DataFrame"),
        ([[1, 2], [3, 4]], TypeError, "expected a pandas or polars DataFrame"),
        ("nowhere/*.parquet", FileNotFoundError, "there are no Parquet files"),
        (__file__, ValueError, "is no Parquet file.*chunksize"),
        (lambda: [table()[:0]], ValueError, "the table has 0 rows"),
    ],
)
def test_what_is_no_table_is_told_at_the_door(source: Any, error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        tiny().fit(source)


def test_constraints_want_the_whole_table():
    with pytest.raises(ConstraintError, match="comes in pieces. Give it as a frame"):
        tiny(constraints=[Positive("x")]).fit(frames())


def test_the_extra_is_asked_for_before_any_row_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)

    def unread() -> Any:
        raise AssertionError("rows were read")

    with pytest.raises(ImportError, match=r"pip install 'tabdiff\[big\]'"):
        tiny().fit(unread)


def test_a_full_disk_is_told_before_rows_are_encoded(monkeypatch: pytest.MonkeyPatch):
    from tabdiff.data import stored

    usage = type("Usage", (), {"free": 1})
    monkeypatch.setattr(stored.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="cannot encode 200 rows: .*TMPDIR"):
        tiny().fit(frames())


def test_an_interrupted_fit_goes_on_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "MOST_SHARE", math.inf)
    whole = tiny(max_steps=6).fit(frames())
    offer, count = checkpoint.Checkpoint.offer, iter(range(10))

    def cut(self: Keeper, standing: Any) -> None:
        offer(self, standing)
        if next(count) == 3:
            raise RuntimeError("power cut")

    run = {"checkpoint_dir": tmp_path / "run", "resume": True, "max_steps": 6}
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint.Checkpoint, "offer", cut)
        with pytest.raises(RuntimeError, match="power cut"):
            tiny(**run).fit(frames())
    resumed = tiny(**run).fit(frames())
    assert sample(resumed).equals(sample(whole))
    assert resumed.history_["loss"].equals(whole.history_["loss"])


def test_candidates_are_chosen_by_rows_at_hand(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(critic, "MOST_TREES", 10)
    rows = table(3_000)
    rows["y"] = (rows["x"] > 0.5).astype(str)
    synth = tiny(candidates=3).fit([rows[:1_500], rows[1_500:]])
    assert synth.candidates_ == 3


def test_the_command_line_learns_folders_and_fills_them(folder: Path, tmp_path: Path, capsys):
    model, made = f"{tmp_path}/m.tabdiff", f"{tmp_path}/made/"
    call = ["fit", f"{folder}/*.parquet", "-o", model, "--max-steps", "2", "--seed", "0"]
    assert main(call) == OK
    assert f"{folder}/*.parquet: piece by piece" in capsys.readouterr().err
    assert main(["sample", model, "-n", "30", "-o", made]) == OK
    (part,) = Path(made).iterdir()
    assert part.name == "part-00000.parquet" and len(read_table(str(part))) == 30
    assert main(["fit", made, "-o", model, "--max-steps", "2"]) == OK


def test_the_command_line_refuses_folders_of_sequences(folder: Path, tmp_path: Path, capsys):
    call = ["fit", str(folder), "-o", f"{tmp_path}/m.tabdiff", "--sequence-key", "c"]
    assert main(call) == BAD_INPUT
    assert "not of a folder or a pattern" in capsys.readouterr().err
