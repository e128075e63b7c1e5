"""Fill the templates with a report."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tabdiff.evaluation.html import charts, heatmaps, panels, sequences
from tabdiff.evaluation.marginals import LevelMarginal, NumericMarginal
from tabdiff.evaluation.privacy import Privacy
from tabdiff.evaluation.scores import ROW
from tabdiff.evaluation.terminal import format_value, group_of
from tabdiff.evaluation.trends import Trends
from tabdiff.evaluation.verdict import told_by

if TYPE_CHECKING:
    from jinja2 import Environment

    from tabdiff.evaluation.report import Report

_HERE = Path(__file__).parent
WEAKEST = 15
MOST_TELLING = 12
SEARCHABLE = 8

TONES = {"good": "Good", "fair": "Fair", "poor": "Poor", "open": "Not measured"}
DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "near 0": "near 0 is best",
    "near 0.5": "near 0.5 is best",
    "not above floor": "should not exceed the floor",
    "not below floor": "should not fall below the floor",
}


@dataclass(frozen=True)
class ColumnCard:
    """One column of the page: its picture, its figures, and its rank by error."""

    label: str
    kind: str
    shape: float | None
    rank: int
    missing: str
    histogram: charts.Histogram | None
    summary: tuple[tuple[str, str, str], ...]
    bars: tuple[charts.LevelBar, ...]
    levels: str


@dataclass(frozen=True)
class WeakPair:
    """A pair whose trend is off: labels, error in percent, strength in both tables."""

    first: str
    second: str
    error: float
    real: float
    synthetic: float


@dataclass(frozen=True)
class TellingBar:
    """A column that tells the detector something: AUC lost without it, in percent of the first."""

    label: str
    drop: float
    width: float


def render_page(report: Report) -> str:
    """The whole report as one HTML page.

    The page may run its own script only (its hash is in the content security policy) and may load
    nothing: what a table smuggles into a name or a level stays text.

    Raises
    ------
    ImportError
        If jinja2 is not installed.
    """
    script = _read("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    several = len(report.marginals) > 1
    protected = ROW if report.sequencing is None else report.sequencing.unit
    quality = report.quality
    return _environment().get_template("page.html.j2").render(
        report=report,
        style=_read("style.css"),
        script=script,
        script_hash=digest,
        sections=_sections(report),
        columns=_columns(report),
        searchable=len(report.marginals) > SEARCHABLE,
        plane=None if report.projection is None else panels.plane(report.projection),
        patterns=() if quality is None else panels.pattern_bars(quality.missing),
        maps=heatmaps.heat_maps(quality.trends) if quality is not None and several else (),
        labelled=len(report.marginals) <= heatmaps.LABELLED,
        weakest=() if quality is None else _weakest(quality.trends),
        telling=_telling(report),
        **_privacy_pictures(report.privacy, protected[1]),
        **sequences.pictures_of(report.sequences, report.pictures),
        protected=protected,
    )  # fmt: skip


def _privacy_pictures(privacy: Privacy | None, many: str) -> dict[str, object]:
    """What the template of the privacy section draws, by its names there."""
    if privacy is None:
        return {}
    memory, membership, inference = privacy.memorisation, privacy.membership, privacy.inference
    axis = None if memory is None else panels.memory_axis(memory, many)
    return {
        "curves": panels.curves(privacy.distances),
        "whiskers": () if axis is None else axis[0],
        "zero": 0.0 if axis is None else axis[1],
        "roc": None if membership is None else panels.roc_path(membership),
        "secrets": () if inference is None else panels.secret_bars(inference),
    }


def render_card(report: Report) -> str:
    """Verdict and score card, for a notebook cell."""
    return _environment().get_template("card.html.j2").render(
        report=report, sections=_sections(report)
    )  # fmt: skip


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(
            "the HTML report needs jinja2, which cannot be imported. "
            "Run: pip install 'tabdiff[eval]'"
        ) from error
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = format_value
    environment.globals["tones"] = TONES
    environment.globals["directions"] = DIRECTIONS
    environment.globals["strip"] = charts.strip
    return environment


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _sections(report: Report) -> list[tuple[str, list[object]]]:
    """The card, grouped by section and, of sequences, by what is counted."""
    grouped: dict[str, list[object]] = {}
    for score in report.card:
        grouped.setdefault(group_of(score, report.sequencing is not None), []).append(score)
    return list(grouped.items())


def _columns(report: Report) -> list[ColumnCard]:
    shapes = {} if report.quality is None else report.quality.sdmetrics.column_shapes
    errors = {m.label: 1 - (shapes.get(m.label) or 0.0) for m in report.marginals}
    worst_first = sorted(errors, key=lambda label: -errors[label])
    ranks = {label: rank for rank, label in enumerate(worst_first)}
    return [_column(m, shapes.get(m.label), ranks[m.label]) for m in report.marginals]


def _column(
    marginal: NumericMarginal | LevelMarginal, shape: float | None, rank: int
) -> ColumnCard:
    absent = marginal.missing
    missing = ""
    if max(absent) > 0:
        real, synthetic = (charts.format_share(x) for x in absent)
        missing = f"missing {real} real, {synthetic} synthetic"
    if isinstance(marginal, LevelMarginal):
        real_count, synthetic_count = marginal.n_levels
        return ColumnCard(
            label=marginal.label,
            kind="categorical",
            shape=shape,
            rank=rank,
            missing=missing,
            histogram=None,
            summary=(),
            bars=charts.level_bars(marginal),
            levels=f"{real_count:,} levels real, {synthetic_count:,} synthetic",
        )
    summary = tuple(
        (name, *charts.format_quantities([real, synthetic], marginal))
        for name, real, synthetic in marginal.summary
    )
    return ColumnCard(
        label=marginal.label,
        kind={"instant": "date and time", "duration": "duration"}.get(marginal.quantity, "numeric"),
        shape=shape,
        rank=rank,
        missing=missing,
        histogram=charts.histogram(marginal),
        summary=summary,  # type: ignore[arg-type]
        bars=(),
        levels="",
    )


def _weakest(trends: Trends) -> list[WeakPair]:
    place = {label: i for i, label in enumerate(trends.labels)}
    return [
        WeakPair(
            first,
            second,
            100 * (1 - similarity),
            float(trends.real[place[first], place[second]]),
            float(trends.synthetic[place[first], place[second]]),
        )
        for first, second, similarity in trends.worst(WEAKEST)
    ]


def _telling(report: Report) -> list[TellingBar]:
    if report.detection is None:
        return []
    found = told_by(report.detection)[:MOST_TELLING]
    return [TellingBar(t.label, t.drop, 100 * t.drop / found[0].drop) for t in found]
