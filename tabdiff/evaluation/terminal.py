"""The report as text, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tabdiff.evaluation.scores import Score

if TYPE_CHECKING:
    from tabdiff.evaluation.report import Report

WIDTH = 100
_TITLE, _NUMBER, _BETTER = 25, 7, 8
_MARKS = {"good": "+", "fair": "~", "poor": "!", "open": "?"}
_DIRECTIONS = {
    "higher": "higher",
    "lower": "lower",
    "near 0": "near 0",
    "near 0.5": "near .5",
    "not above floor": "≤ floor",
    "not below floor": "≥ floor",
}


def render_text(report: Report) -> str:
    """Verdict, score card and notes."""
    blocks = [_heading(report), *_verdict(report), "", *_card(report)]
    told = "copy: a bootstrap copy of the real rows; indep.: independent columns."
    if report.sequencing is not None:
        told = f"{told} Of sequences: entities copied, rows permuted among entities."
    blocks += ["", *_wrapped(f"floor: {report.floor_source}; {told}", "")]
    for name, reason in report.excluded.items():
        blocks += _wrapped(f"not judged: {name!r}, {reason}.", "")
    for note in report.notes:
        blocks += _wrapped(f"note: {note}.", "")
    return "\n".join(blocks)


def format_value(value: float | None, unit: str) -> str:
    """A figure with as many digits as are worth reading."""
    if value is None:
        return "–"
    if unit:
        return f"{value:.{0 if abs(value) >= 99.995 else 2}f} {unit}"
    size = abs(value)
    if size >= 1000 or (size != 0 and size < 1e-3):
        return f"{value:.4g}"
    return f"{value:.3f}"


def group_of(score: Score, of_sequences: bool) -> str:
    """The heading that a score stands under; of sequences it says what is counted."""
    name = score.section.capitalize()
    return f"{name}, by {score.basis}" if of_sequences else name


def _heading(report: Report) -> str:
    rows = ", ".join(f"{n:,} {role}" for role, n in report.rows.items() if n)
    told = f"Synthetic data report: {rows} rows, {len(report.marginals)} columns"
    if report.sequences is None:
        return told
    entities = ", ".join(f"{n:,} {role}" for role, n in report.sequences.entities.items() if n)
    return f"{told}\n{'':<23}{entities} {report.sequences.sequencing.unit[1]}"


def _verdict(report: Report) -> list[str]:
    lines: list[str] = []
    for finding in report.verdict:
        lines += ["", f"{_MARKS[finding.tone]} {finding.topic}: {finding.headline}"]
        lines += _wrapped(finding.detail, "  ")
    return lines


def _card(report: Report) -> list[str]:
    names = "".join(f"{name:>{_NUMBER + 1}}" for name in ("score", "floor", "copy", "indep."))
    lines = [f"{'':{_TITLE + 2}}{names} {'better':<{_BETTER}}meaning"]
    group = ""
    for score in report.card:
        if (named := group_of(score, report.sequencing is not None)) != group:
            group = named
            lines.append(group)
        lines += _row(score)
    return lines


def _row(score: Score) -> list[str]:
    start = 2 + _TITLE + 4 * (_NUMBER + 1) + 1 + _BETTER
    meaning = textwrap.wrap(score.meaning, WIDTH - start) or [""]
    title = score.title if len(score.title) <= _TITLE else score.title[: _TITLE - 1] + "…"
    numbers = "".join(
        f" {format_value(value, score.unit):>{_NUMBER}}"
        for value in (score.value, score.floor, score.copy, score.independent)
    )
    first = f"  {title:<{_TITLE}}{numbers} {_DIRECTIONS[score.better]:<{_BETTER}}{meaning[0]}"
    return [first, *(" " * start + line for line in meaning[1:])]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent or "  ")
