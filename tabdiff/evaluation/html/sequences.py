"""Geometry of the pictures of sequences: trajectories, correlations in time, transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.html import charts
from tabdiff.evaluation.marginals import NumericMarginal
from tabdiff.evaluation.sequence_pictures import SequencePictures, Trajectory, TransitionPicture
from tabdiff.evaluation.sequences import Autocorrelation, Sequences
from tabdiff.evaluation.values import Floats
from tabdiff.evaluation.verdict import sequences_told_by

WIDTH, HEIGHT, MARGIN = 160.0, 70.0, 4.0
CURVE_WIDTH, CURVE_HEIGHT = 320.0, 120.0
NAMED_LEVELS = 6
MOST_TELLING = 12


@dataclass(frozen=True)
class Multiples:
    """One column of some entities, each in a 160 x 70 box with the same axes.

    Attributes
    ----------
    label, axes : str
        The column, and what the edges of the boxes stand for.
    groups : tuple of (str, tuple of str)
        "real" and "synthetic", and the SVG path data of each entity.
    """

    label: str
    axes: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class LagCurves:
    """Autocorrelations of one column in a 320 x 120 box.

    Attributes
    ----------
    label, spoken : str
        The column, and its figures at lag 1 in words.
    real, synthetic, floor : str
        SVG path data.
    zero, top, bottom : float
        Where 0 lies, and the correlations at the upper and lower edge.
    ticks : tuple of (float, str)
        Position on the x axis, and lag.
    """

    label: str
    spoken: str
    real: str
    synthetic: str
    floor: str
    zero: float
    top: float
    bottom: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Cell:
    """A number in a matrix: its text, and how full its colour is, 0 to 1."""

    text: str
    fill: float


@dataclass(frozen=True)
class TransitionTables:
    """The transitions of one column: real, synthetic, and synthetic less real, in percent.

    Attributes
    ----------
    label, error : str
        The column, and its transition error beside the floor.
    levels : tuple of str
    matrices : tuple of (str, tuple of tuple of Cell)
    """

    label: str
    error: str
    levels: tuple[str, ...]
    matrices: tuple[tuple[str, tuple[tuple[Cell, ...], ...]], ...]


@dataclass(frozen=True)
class Law:
    """A histogram with its name and its summary."""

    title: str
    caption: str
    histogram: charts.Histogram
    summary: tuple[tuple[str, str, str], ...]


def pictures_of(found: Sequences | None, pictures: SequencePictures | None) -> dict[str, object]:
    """What the template of the section on sequences draws, by its names there."""
    if found is None or pictures is None:
        return {}
    laws = [("Rows per entity", "lengths", pictures.lengths),
            ("Time to the next row", "gaps", pictures.gaps)]  # fmt: skip
    named = sequences_told_by(found)[:MOST_TELLING]
    return {
        "multiples": [multiples(trajectory) for trajectory in pictures.trajectories],
        "lag_curves": lag_curves(found.autocorrelation),
        "transition_tables": [
            transition_tables(picture, found.transitions[picture.label])
            for picture in pictures.transitions
        ],
        "laws": [_law(title, what, law) for title, what, law in laws if law is not None],
        "telling_features": [(t.label, t.drop, 100 * t.drop / named[0].drop) for t in named],
    }


def multiples(found: Trajectory) -> Multiples:
    """Lay out the entities of one column; all share the axes."""
    lines = [*found.real, *found.synthetic]
    values = np.concatenate([y for _, y in lines])
    values = values[~np.isnan(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    latest = max((float(x[-1]) for x, _ in lines), default=1.0) or 1.0
    steps = bool(found.levels)
    groups = tuple(
        (name, tuple(_path(x / latest, _unit(y, low, high), steps) for x, y in group))
        for name, group in (("real", found.real), ("synthetic", found.synthetic))
    )
    if not steps:
        axes = f"from {charts.format_number(low)} to {charts.format_number(high)}"
    elif len(found.levels) <= NAMED_LEVELS:
        axes = f"from below: {', '.join(found.levels)}"
    else:
        axes = f"{len(found.levels):,} levels, {found.levels[0]} lowest"
    return Multiples(found.label, axes, groups)


def _unit(values: Floats, low: float, high: float) -> Floats:
    # Halved first: the span of numbers near the largest float overflows.
    span = high / 2 - low / 2
    return np.asarray((values / 2 - low / 2) / span if span > 0 else np.where(
        np.isnan(values), np.nan, 0.5
    ))  # fmt: skip


def _path(x: Floats, y: Floats, steps: bool) -> str:
    """A line from the lower left; it breaks where a value is missing."""
    parts = []
    drawing = False
    for right, up in zip(x, y, strict=True):
        if np.isnan(up):
            drawing = False
            continue
        h = MARGIN + right * (WIDTH - 2 * MARGIN)
        v = MARGIN + (1 - up) * (HEIGHT - 2 * MARGIN)
        if not drawing:
            parts.append(f"M{h:.1f} {v:.1f}h0")
        elif steps:
            parts.append(f"H{h:.1f}V{v:.1f}")
        else:
            parts.append(f"L{h:.1f} {v:.1f}")
        drawing = True
    return "".join(parts)


def lag_curves(found: Autocorrelation) -> list[LagCurves]:
    """Lay out the autocorrelations of every column that has one."""
    made = []
    for label, real, synthetic, floor in zip(
        found.labels, found.real, found.synthetic, found.floor, strict=True
    ):
        known = np.concatenate([real, synthetic, floor])
        known = known[~np.isnan(known)]
        if not len(known) or np.isnan(real).all():
            continue
        bottom = min(0.0, float(np.floor(10 * known.min()) / 10))
        top = max(0.1, float(np.ceil(10 * known.max()) / 10))
        lags = len(real)
        marks = sorted({1, (lags + 1) // 2, lags})
        made.append(
            LagCurves(
                label=label,
                spoken=f"at lag 1: real {_signed(real[0])}, synthetic {_signed(synthetic[0])}, "
                f"unseen {_signed(floor[0])}",
                real=_curve(real, bottom, top),
                synthetic=_curve(synthetic, bottom, top),
                floor=_curve(floor, bottom, top),
                zero=CURVE_HEIGHT * top / (top - bottom),
                top=top,
                bottom=bottom,
                ticks=tuple((_across(lag, lags), str(lag)) for lag in marks),
            )
        )
    return made


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def _across(lag: int, lags: int) -> float:
    return CURVE_WIDTH * (lag - 1) / (lags - 1) if lags > 1 else CURVE_WIDTH / 2


def _curve(values: Floats, bottom: float, top: float) -> str:
    points = [
        f"{_across(lag, len(values)):.1f} {CURVE_HEIGHT * (top - value) / (top - bottom):.1f}"
        for lag, value in enumerate(values, start=1)
        if not np.isnan(value)
    ]
    return f"M{points[0]}h0L" + "L".join(points) if points else ""


def transition_tables(found: TransitionPicture, error: tuple[float, float]) -> TransitionTables:
    """Lay out the three matrices of one column."""
    difference = found.synthetic - found.real
    reach = float(np.nanmax(np.abs(difference), initial=0.05)) if len(difference) else 0.05
    return TransitionTables(
        found.label,
        f"{error[0]:.1f} % of the steps would have to lead elsewhere (unseen: {error[1]:.1f} %)",
        found.levels,
        (
            ("Real", _cells(found.real, 1.0, "{:.0f}")),
            ("Synthetic", _cells(found.synthetic, 1.0, "{:.0f}")),
            ("Difference", _cells(difference, reach, "{:+.0f}")),
        ),
    )


def _cells(matrix: Floats, reach: float, form: str) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(
            Cell("–", 0.0)
            if np.isnan(value)
            # Adding 0.0 after rounding turns -0.0 into 0.0.
            else Cell(
                form.format(np.round(100 * value) + 0.0).replace("-", "−"),
                float(abs(value)) / reach,
            )
            for value in row
        )
        for row in matrix
    )


def _law(title: str, what: str, found: NumericMarginal) -> Law:
    summary = tuple(
        (name, *charts.format_quantities([real, synthetic], found))
        for name, real, synthetic in found.summary
    )
    return Law(title, f"how often {what} occur", charts.histogram(found), summary)  # type: ignore[arg-type]
