"""What a waiting user sees, and when."""

import math
import sys

import pytest

from tabdiff.training.loop import Recipe
from tabdiff.training.progress import ProgressBar
from tabdiff.training.standing import Progress


def show(verbose: int) -> None:
    with ProgressBar(Recipe(max_steps=2), verbose) as bar:
        bar(Progress(1, 0.0, 0.5, math.nan, 1e-3))
        bar(Progress(2, 0.1, 0.4, 0.45, 1e-3))


def test_verbose_2_always_shows_losses(capsys: pytest.CaptureFixture[str]):
    show(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "nan" not in err


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_log_file_stays_clean(verbose: int, capsys: pytest.CaptureFixture[str]):
    show(verbose)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True)])
def test_a_terminal_gets_a_bar_unless_silenced(
    verbose: int,
    shown: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show(verbose)
    assert bool(capsys.readouterr().err) == shown


def test_a_notebook_counts_as_a_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    with ProgressBar(Recipe(max_steps=2), 1) as bar:
        assert not bar._bar.disable
