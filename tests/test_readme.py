"""The README's Python blocks run as they stand, with less training."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.shortened import shorten

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_readme_has_a_quickstart_of_at_most_fifteen_lines():
    assert 0 < len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 15


def test_readme_blocks_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sdmetrics")
    shorten(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own README
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "C2ST" in capsys.readouterr().out
    assert names["balanced"]["continent"].value_counts().nunique() == 1
    assert not names["first"].equals(names["second"])
    assert names["told"]["year"].tolist() == [2002, 2007] * 2
    assert not names["once"].equals(names["again"])
