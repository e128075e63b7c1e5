import sys

import pytest

from tabdiff.evaluation.progress import Progress


def test_the_bar_is_for_eyes_only(capsys: pytest.CaptureFixture[str]):
    with Progress(["quality", "privacy"], shown=True) as bar:
        bar.done("quality")
    assert capsys.readouterr() == ("", "")
    assert list(bar.seconds) == ["quality"]


def test_a_terminal_sees_the_section_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(["quality", "privacy"], shown=True) as bar:
        bar.done("quality")
    assert "privacy" in capsys.readouterr().err
    with Progress(["quality"], shown=False):
        pass
    assert capsys.readouterr().err == ""
