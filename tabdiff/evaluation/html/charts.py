"""Geometry of histograms, bars and score lines: numbers in, coordinates out.

Nothing here writes markup, so nothing here has to escape: every text reaches the page through an
autoescaping template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.marginals import LevelMarginal, NumericMarginal
from tabdiff.evaluation.scores import Score

WIDTH, HEIGHT = 320.0, 120.0


@dataclass(frozen=True)
class Histogram:
    """A numeric column: filled bars (real), a step line (synthetic) and axis labels.

    Attributes
    ----------
    bars, line : str
        SVG path data in a 320 x 120 box.
    ticks : tuple of (float, str)
        Position on the x axis and text.
    """

    bars: str
    line: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class LevelBar:
    """One level: text, and the real and synthetic share in percent of the widest bar."""

    label: str
    real_width: float
    synthetic_width: float
    real: str
    synthetic: str


@dataclass(frozen=True)
class Strip:
    """Where score, floor and interval lie on a line of length 100."""

    value: float
    floor: float | None
    interval: tuple[float, float] | None
    low: str
    high: str


def histogram(marginal: NumericMarginal) -> Histogram:
    """Lay out the histogram of a numeric column."""
    top = max(*marginal.real, *marginal.synthetic, 1e-12)
    n = len(marginal.real)
    step = WIDTH / n
    gap = min(1.0, step / 6)
    bars, line = [], [f"M0 {HEIGHT:g}"]
    for i, (p, q) in enumerate(zip(marginal.real, marginal.synthetic, strict=True)):
        left, right = i * step, (i + 1) * step
        up, over = HEIGHT * (1 - p / top), HEIGHT * (1 - q / top)
        if p > 0:
            bars.append(f"M{left + gap:.1f} {HEIGHT:g}V{up:.1f}H{right - gap:.1f}V{HEIGHT:g}Z")
        line.append(f"V{over:.1f}H{right:.1f}")
    line.append(f"V{HEIGHT:g}")
    return Histogram("".join(bars), "".join(line), _ticks(marginal))


def _ticks(marginal: NumericMarginal) -> tuple[tuple[float, str], ...]:
    """Label the ends and the middle: whole bars where each stands for a value, else edges."""
    edges = np.array(marginal.edges)
    n = len(marginal.real)
    positions = np.array([0.0, WIDTH / 2, WIDTH])
    values = np.array([edges[0], (edges[0] + edges[-1]) / 2, edges[-1]])
    if marginal.step is not None:
        bars = np.array([0, n // 2, n - 1])
        positions = (bars + 0.5) * WIDTH / n
        values = edges[bars] + marginal.step / 2
        positions[0], positions[-1] = 0.0, WIDTH
        values[-1] = edges[-1] - marginal.step / 2
    start, middle, end = format_quantities([float(v) for v in values], marginal)
    below, above = marginal.clipped
    marks = [(0.0, f"≤ {start}" if below else start)]
    if n > 4 and len(middle) + len(start) + len(end) < 32:
        marks.append((float(positions[1]), middle))
    return (*marks, (WIDTH, f"≥ {end}" if above else end))


def format_quantities(values: list[float], marginal: NumericMarginal) -> list[str]:
    """Values as people write them: dates, durations, times of day, numbers."""
    if marginal.quantity == "instant":
        wide = marginal.edges[-1] - marginal.edges[0] > 3 * 86400
        return [_instant(value, "D" if wide else "m") for value in values]
    if marginal.quantity == "duration":
        return [_duration(value) for value in values]
    return [format_number(value) for value in values]


def format_number(value: float) -> str:
    """A number in at most seven or so characters."""
    if np.isnan(value):
        return "–"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-3:
        return f"{value:.3g}"
    if size >= 1000 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def format_share(share: float) -> str:
    """A share in percent."""
    percent = 100 * share
    if 0 < percent < 0.01:
        return "<0.01 %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %"


def _instant(seconds: float, unit: str) -> str:
    if np.isnan(seconds):
        return "–"
    stamp = np.datetime64(int(seconds), "s").astype(f"datetime64[{unit}]")
    return str(stamp).replace("T", " ")


def _duration(seconds: float) -> str:
    if np.isnan(seconds):
        return "–"
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if abs(seconds) >= size:
            return f"{format_number(round(seconds / size, 2))} {unit}"
    return f"{format_number(round(seconds, 3))} s"


def level_bars(marginal: LevelMarginal) -> tuple[LevelBar, ...]:
    """Lay out the levels of a categorical column, further ones and missing at the end."""
    rows = list(zip(marginal.levels, marginal.real, marginal.synthetic, strict=True))
    count, real, synthetic = marginal.other
    if count:
        rows.append((f"{count:,} further levels", real, synthetic))
    if max(marginal.missing) > 0:
        rows.append(("missing", *marginal.missing))
    widest = max((max(p, q) for _, p, q in rows), default=1.0) or 1.0
    return tuple(
        LevelBar(
            label if label.strip() else f"“{label}”",
            100 * p / widest,
            100 * q / widest,
            format_share(p),
            format_share(q),
        )
        for label, p, q in rows
    )


def strip(score: Score) -> Strip:
    """Lay out a score on a line that holds it, its floor and its interval."""
    known = [score.value, *(() if score.floor is None else (score.floor,)), *(score.interval or ())]
    if score.unit == "" and not score.key.startswith(("utility_rmse", "dcr_median")):
        low, high = min(0.0, *known), max(1.0, *known)
    else:
        low, high = min(0.0, *known), _round_up(1.05 * max(*known, 1e-9))
    if score.key == "c2st_memory":
        reach = max(0.1, *(abs(x) for x in known))
        low, high = -reach, reach

    def place(x: float) -> float:
        return 100 * (x - low) / (high - low)

    ends = None if score.interval is None else (place(score.interval[0]), place(score.interval[1]))
    return Strip(
        place(score.value),
        None if score.floor is None else place(score.floor),
        ends,
        format_number(round(low, 3)),
        format_number(round(high, 3)),
    )


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(m * power for m in (1, 1.5, 2, 3, 5, 7, 10) if m * power >= value))
