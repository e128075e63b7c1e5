"""Tables of Markdown, cell by cell."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def head(cells: Sequence[str]) -> list[str]:
    """The line of headings and the rule below it."""
    return [line(cells), "|---" * len(cells) + "|"]


def line(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def cell(values: Sequence[float | None], form: str) -> str:
    """The median, with the range where there are several; a dash where nothing is known."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    spread = f" ({min(known):{form}}–{max(known):{form}})" if len(known) > 1 else ""
    return f"{statistics.median(known):{form}}" + spread
