"""Geometry of the page's pictures: numbers in, coordinates out. The templates draw them.

Nothing here writes markup, so nothing here has to escape: every text reaches the page through an
autoescaping template.
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.marginals import LevelMarginal, NumericMarginal
from tabdiff.evaluation.privacy import Distances, Memorisation
from tabdiff.evaluation.scores import Score
from tabdiff.evaluation.trends import Trends
from tabdiff.evaluation.values import Floats

WIDTH, HEIGHT = 320.0, 120.0
MAP_PIXELS = 480
LABELLED = 32
POSITIVE, NEGATIVE, ERROR = (196, 86, 30), (33, 102, 172), (176, 42, 48)


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


@dataclass(frozen=True)
class Curves:
    """Two cumulative curves in a 640 x 240 box."""

    synthetic: str
    floor: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class HeatMap:
    """A matrix as a picture, and its values for whoever points at it.

    Attributes
    ----------
    title, caption : str
    picture : str
        PNG as a data URI; transparent where the value is 0, so that it suits any background.
    values : str
        Base64 of int8, row by row: the value in hundredths, -128 for none.
    """

    title: str
    caption: str
    picture: str
    values: str


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
    if score.unit == "" and score.key not in ("utility_rmse", "dcr_median"):
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


def curves(distances: Distances) -> Curves:
    """Lay out the cumulative curves of the distance to the nearest training row."""
    width, height = 640.0, 240.0
    levels = np.array(distances.levels)
    synthetic, floor = np.array(distances.synthetic), np.array(distances.floor)
    reach = float(max(np.interp(0.9, levels, synthetic), np.interp(0.9, levels, floor)))
    reach = reach or float(max(synthetic.max(), floor.max())) or 1.0

    def path(values: Floats) -> str:
        points = [
            f"{width * min(x / reach, 1.0):.1f} {height * (1 - y):.1f}"
            for x, y in zip(values, levels, strict=True)
            if x <= reach * (1 + 1e-9)
        ]
        end = float(np.interp(reach, values, levels))
        return f"M0 {height:g}L" + "L".join([*points, f"{width:g} {height * (1 - end):.1f}"])

    marks = tuple((width * f, f"{reach * f:.2g}") for f in (0.0, 0.25, 0.5, 0.75, 1.0))
    return Curves(path(synthetic), path(floor), marks)


@dataclass(frozen=True)
class Whiskers:
    """A measured value with its interval on an axis from ``low`` to ``high``, all in percent."""

    label: str
    value: float
    start: float
    end: float
    text: str


def memory_axis(found: Memorisation) -> tuple[tuple[Whiskers, ...], float]:
    """Lay out the memorisation excess and its floor; also where 0 lies."""
    rows = [("synthetic rows", found.excess, found.interval)]
    if found.floor is not None and found.floor_interval is not None:
        rows.append(("unseen real rows", found.floor, found.floor_interval))
    low = min(-0.1, *(interval[0] for _, _, interval in rows))

    def place(x: float) -> float:
        return 100 * (x - low) / (1 - low)

    made = tuple(
        Whiskers(label, place(value), place(start), place(end), f"{value:+.3f}")
        for label, value, (start, end) in rows
    )
    return made, place(0.0)


def heat_maps(trends: Trends) -> tuple[HeatMap, HeatMap, HeatMap]:
    """Draw the strengths of all pairs in both tables, and how much each pair differs."""
    error = 1 - trends.similarity
    worst = float(np.nanmax(error)) if not np.isnan(error).all() else 0.0
    reach = max(worst, 0.05)
    off_diagonal = ~np.eye(len(trends.labels), dtype=bool)
    real = np.where(off_diagonal, trends.real, np.nan)
    synthetic = np.where(off_diagonal, trends.synthetic, np.nan)
    both = "Correlation of two numbers, Cramér's V otherwise"
    return (
        HeatMap("Real", both, _diverging(real), _packed(real)),
        HeatMap("Synthetic", both, _diverging(synthetic), _packed(synthetic)),
        HeatMap(
            "Difference",
            f"Error of the pair; fullest colour: {100 * reach:.1f} %",
            _png(_painted(error / reach, ERROR, ERROR)),
            _packed(error),
        ),
    )


def _diverging(values: Floats) -> str:
    return _png(_painted(values, POSITIVE, NEGATIVE))


def _painted(
    values: Floats, positive: tuple[int, int, int], negative: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Colour by sign, opacity by size."""
    filled = np.nan_to_num(values)
    out = np.zeros((*values.shape, 4), dtype=np.uint8)
    out[..., :3] = np.where(filled[..., None] >= 0, positive, negative)
    out[..., 3] = np.round(255 * np.clip(np.abs(filled), 0, 1) ** 0.75)
    return out


def _png(pixels: npt.NDArray[np.uint8]) -> str:
    """A square RGBA matrix, enlarged to a crisp picture, as a data URI (PNG, ISO 15948)."""
    factor = max(1, MAP_PIXELS // len(pixels))
    large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    if factor >= 8:  # a thin gap between the cells
        large[::factor, :, 3] = 0
        large[:, ::factor, 3] = 0
    size = len(large)
    lines = np.concatenate([np.zeros((size, 1), np.uint8), large.reshape(size, -1)], axis=1)

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    data = b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _packed(values: Floats) -> str:
    hundredths = np.where(np.isnan(values), -128, np.round(100 * np.nan_to_num(values)))
    return base64.b64encode(hundredths.astype(np.int8).tobytes()).decode("ascii")
