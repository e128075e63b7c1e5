"""Answers to conditions as Markdown: methods in brief, then every condition."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.circumstances import told
from benchmarks.methods import METHODS

Row = dict[str, Any]
# Key of a figure: its heading and format.
FIGURES = {
    "known": {
        "mean ratio": ("off / exact rows off", ".2f"),
        "distance": ("distance of the worst column", ".3f"),
        "of exact rows": ("of exact rows", ".3f"),
    },
    "rare": {
        "rows in 1,000": ("training rows in 1,000", ".2f"),
        "held-out rows": ("held-out rows", ".0f"),
        "p columns": ("p columns", ".3f"),
        "p pairs": ("p pairs", ".3f"),
    },
}
ABOUT = {
    "known": "A distribution that is known in closed form, 1,000 rows asked for. *Off / exact rows "
    "off*: the distance of a free column from its exact conditional over that of as many exact "
    "rows, mean over columns; 1 is perfect.",
    "rare": "*adult*, 1,000 rows asked for. *p*: the share of equally small parts of the answer "
    "that lie as far from the rest of it as the held-out rows that meet the condition; small "
    "where they are told apart.",
}


def render(rows: list[Row]) -> str:
    """A section per question and number of training rows; medians over seeds."""
    lines = ["# Conditions", ""]
    for question, size in dict.fromkeys((row["question"], row["rows"]) for row in rows):
        here = [row for row in rows if (row["question"], row["rows"]) == (question, size)]
        lines += [f"## {question}: {size:,} training rows", "", ABOUT[question], ""]
        lines += [*_brief(here), "", *_full(question, here), ""]
    lines += dict.fromkeys(told(row) for row in rows)
    for row in rows:
        if METHODS[row["method"]].environment is not None and "method_versions" in row:
            used = ", ".join(f"{name} {v}" for name, v in row["method_versions"].items())
            paragraph = f"{METHODS[row['method']].label}: {used}."
            lines += ["", paragraph] if paragraph not in lines else []
    return "\n".join(lines) + "\n"


def _brief(rows: list[Row]) -> list[str]:
    """A line per method: what it answered of all it was asked, and its seconds."""
    lines = _head(["method", "seeds", "answered", "refused", "rows returned where not refused %",
                   "all rows as asked", "fit s", "1,000 rows s",
                   "1,000 rows under a condition s"])  # fmt: skip
    for method in _methods(rows):
        runs = [row for row in rows if row["method"] == method]
        asked = [row for row in runs if "condition" in row]
        full = [row for row in asked if row.get("returned")]
        cells = [METHODS[method].label, str(len({row["seed"] for row in runs}))]
        cells += [f"{len(full)} of {len(asked)}", str(sum("refused" in row for row in asked))]
        put = [row for row in asked if "refused" not in row]
        cells.append(f"{statistics.mean(map(_share, put)):.1f}" if put else "–")
        cells.append(("yes" if all(row["holds"] for row in full) else "no") if full else "–")
        for key in ("fit_seconds", "unconditional"):
            cells.append(_median([row.get(key) for row in asked], ".2f"))
        cells.append(_median([_per_thousand(row) for row in full], ".2f"))
        lines.append(_line(cells))
        lines += _broken(method, runs)
    return lines


def _broken(method: str, runs: list[Row]) -> list[str]:
    """A line for each way in which whole runs broke off."""
    errors = dict.fromkeys(run["error"] for run in runs if "condition" not in run)
    return [_line([METHODS[method].label, f"broke off: {_plain(error)}"]) for error in errors]


def _full(question: str, rows: list[Row]) -> list[str]:
    """A line per condition and method."""
    figures = FIGURES[question]
    lines = _head(["condition", "method", "rows", "s per 1,000", *(h for h, _ in figures.values())])
    for condition in dict.fromkeys(row["condition"] for row in rows if "condition" in row):
        for method in _methods(rows):
            runs = [r for r in rows if r["method"] == method and r.get("condition") == condition]
            if not runs:
                continue
            cells = [f"`{condition}`", METHODS[method].label]
            cells += [_returned(runs), _median([_per_thousand(row) for row in runs], ".2f")]
            cells += [_median([r.get(key) for r in runs], f) for key, (_, f) in figures.items()]
            lines.append(_line(cells))
    return lines


def _returned(runs: Sequence[Row]) -> str:
    """How many rows came, or why none."""
    reasons = dict.fromkeys(
        f"refused: {run['refused']}" if "refused" in run else f"broke off: {run['error']}"
        for run in runs
        if "returned" not in run
    )
    counts = [_median([run.get("returned") for run in runs], ",.0f")]
    return "; ".join([*(counts if len(reasons) < len(runs) else []), *map(_plain, reasons)])


def _share(row: Row) -> float:
    """Per cent of the rows asked for; conditions.py asks for a thousand."""
    return float(row.get("returned", 0)) / 10


def _per_thousand(row: Row) -> float | None:
    return 1_000 * row["seconds"] / row["returned"] if row.get("returned") else None


def _methods(rows: list[Row]) -> list[str]:
    """In the order of `METHODS`."""
    there = {row["method"] for row in rows}
    return [method for method in METHODS if method in there]


def _median(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):{form}}" if known else "–"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _head(cells: list[str]) -> list[str]:
    return [_line(cells), "|---" * len(cells) + "|"]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
