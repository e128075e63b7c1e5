import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tabdiff.cli import BAD_INPUT, INTERRUPTED, OK, TERMINATED, main
from tests.cli.frames import ROWS, some_rows


def test_fit_says_what_it_did_and_what_comes_next(folder: Path, tmp_path: Path, capsys):
    data, model = f"{folder}/train.csv", str(tmp_path / "m.tabdiff")
    assert main(["fit", data, "-o", model, "--max-steps", "2", "--max-time", "5m"]) == OK
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "80 rows, 5 columns" in captured.err
    assert "best weights at step" in captured.err
    assert f"Next: tabdiff sample {model} -n 80" in captured.err


def test_093_an_interrupted_fit_saves_what_there_is(
    folder: Path, tmp_path: Path, monkeypatch, capsys
):
    from tabdiff.synthesizer import DiffusionSynthesizer

    learn = DiffusionSynthesizer.fit

    def interrupted(self: DiffusionSynthesizer, X: object) -> None:
        learn(self, X)
        raise KeyboardInterrupt

    monkeypatch.setattr(DiffusionSynthesizer, "fit", interrupted)
    model = str(tmp_path / "m.tabdiff")
    call = ["fit", f"{folder}/train.csv", "-o", model, "--max-steps", "1"]
    assert main(call) == INTERRUPTED
    assert "Saved" in capsys.readouterr().err
    assert main(["sample", model, "-n", "2"]) == OK


def test_093_a_fit_interrupted_before_the_first_step_saves_nothing(
    folder: Path, tmp_path: Path, monkeypatch, capsys
):
    from tabdiff.synthesizer import DiffusionSynthesizer

    def interrupted(self: DiffusionSynthesizer, X: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DiffusionSynthesizer, "fit", interrupted)
    assert main(["fit", f"{folder}/train.csv", "-o", str(tmp_path / "m")]) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []
    assert "Interrupted." in capsys.readouterr().err


@pytest.mark.filterwarnings("default::tabdiff.data.schema.SchemaWarning")
def test_105_codes_keep_their_zeros_and_warnings_are_short(tmp_path: Path, capsysbinary):
    frame = some_rows(2).assign(code=np.resize(["007", "12", "9"], ROWS))
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = f"{tmp_path}/m.tabdiff"
    assert main(["fit", f"{tmp_path}/t.csv", "-o", model, "--max-steps", "1", "-q"]) == OK
    warned = capsysbinary.readouterr().err.decode()
    assert warned.startswith("Warning: numbers written as text in column 'code'")
    assert ".py" not in warned
    assert main(["sample", model]) == OK
    rows = capsysbinary.readouterr().out.splitlines()[1:]
    assert {row.split(b",")[0] for row in rows} == {b"007", b"12", b"9"}


def signalled(number: int, step: int):
    """A report of progress that sends this process a signal at a step."""

    def report(bar: object, progress) -> None:
        if progress.step == step:
            # To this thread: another one may hear what goes to the process, and pass it on late.
            signal.raise_signal(number)

    return report


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own answer to Ctrl-C, which a process in the background of a shell has not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGTERM, TERMINATED, "Terminated."), (signal.SIGINT, INTERRUPTED, "Interrupted.")],
)
def test_094_a_fit_that_is_told_to_end_saves_what_there_is_and_can_go_on(
    folder: Path, tmp_path: Path, monkeypatch, capsys, number, code, said
):
    handled = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("tabdiff.training.checkpoint.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("tabdiff.training.checkpoint.MOST_SHARE", np.inf)
    model, kept = str(tmp_path / "m.tabdiff"), str(tmp_path / "kept")
    call = ["fit", f"{folder}/train.csv", "-o", model, "--max-steps", "6", "--device", "cpu"]
    resumed = [*call, "--seed", "0", "--checkpoint-dir", kept, "--resume"]
    with monkeypatch.context() as patch:
        patch.setattr("tabdiff.training.progress.ProgressBar.__call__", signalled(number, 4))
        assert main(resumed) == code
    told = capsys.readouterr().err
    assert "interrupted" in told and "--resume" in told and said in told
    assert signal.getsignal(signal.SIGTERM) is handled
    assert main(["sample", model, "-n", "9"]) == OK
    capsys.readouterr()
    assert main(resumed) == OK
    assert os.listdir(kept) == []
    assert main(["sample", model, "-n", "9"]) == OK
    rows = capsys.readouterr().out
    assert main([*call, "--seed", "0"]) == OK
    assert main(["sample", model, "-n", "9"]) == OK
    assert capsys.readouterr().out == rows


def test_resume_needs_a_folder(folder: Path, tmp_path: Path, capsys):
    call = ["fit", f"{folder}/train.csv", "-o", str(tmp_path / "m"), "--resume"]
    assert main(call) == BAD_INPUT
    assert "say in which --checkpoint-dir" in capsys.readouterr().err
