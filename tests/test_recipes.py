"""The recipes for other tools run as they stand, with less training."""

import re
from pathlib import Path
from typing import Any

import pytest

from tabdiff.training import settings

RECIPES = Path(__file__).parents[1] / "docs" / "howto"


@pytest.mark.parametrize(
    ("page", "needed"), [("scikit_learn", "imblearn"), ("sql_and_polars", "duckdb")]
)
def test_the_blocks_of_a_recipe_run_one_after_the_other(
    page: str, needed: str, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip(needed)
    pytest.importorskip("polars")
    monkeypatch.setattr(settings, "default_steps", lambda n_rows: 20)
    text = (RECIPES / f"{page}.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own page
    assert len(names["fake"]) > 0
