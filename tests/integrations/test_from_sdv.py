"""The page for SDV's users: what it offers in the place of SDV's calls runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.shortened import shorten

PAGE = (Path(__file__).parents[2] / "docs" / "from_sdv.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
ROWS = re.findall(r"^\| (.*) \| (.*) \|$", PAGE, flags=re.MULTILINE)


def test_every_right_hand_side_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("sdmetrics")
    shorten(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "from_sdv.md", "exec"), names)  # noqa: S102 - our own page
    offered = [(sdv, code) for sdv, ours in ROWS for code in re.findall("`([^`]*)`", ours)]
    assert len(offered) > 60
    failed = []
    for sdv, code in offered:
        try:
            exec(code, names)  # noqa: S102
        except Exception as error:  # all of them are told at once
            failed.append(f"{sdv}: {code}: {error!r}")
    assert failed == []
