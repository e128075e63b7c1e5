"""Quality against seconds as one SVG file: a panel per set, a mark per method."""

from __future__ import annotations

import math

from benchmarks.judge import FLOOR
from benchmarks.methods import METHODS
from benchmarks.results import (
    HEADLINE,
    Row,
    Size,
    finished,
    methods,
    of_method,
    of_table,
    quality,
    seconds,
    tables,
)  # fmt: skip

WIDTH, HEIGHT, ACROSS, LEGEND_ACROSS = 240, 170, 4, 7
LEFT, TOP, GAP, BELOW = 40, 96, 56, 54
# Less is not told apart: yardsticks that learn nothing take milliseconds.
LEAST_SECONDS = 0.1
COLOURS = (
    "#1f3fb5", "#6d8ef0", "#0b1f66", "#e8622c", "#3ca951", "#a463f2", "#9c6b4e", "#111111",
    "#0fa3b1", "#d6a400", "#7d828c", "#d1348b",
)  # fmt: skip


def draw(rows: list[Row]) -> str:
    """The SVG's text. Marks are medians, with the range of C2ST where there are several seeds."""
    done = finished(rows)
    shown = tables(done)
    longest = max((row["fit_seconds"] + row["sample_seconds"] for row in done), default=1.0)
    decades = math.log10(LEAST_SECONDS), math.ceil(math.log10(max(longest, 1.0)))
    lines = math.ceil(len(shown) / ACROSS)
    width = LEFT + ACROSS * (WIDTH + GAP)
    height = TOP + lines * (HEIGHT + BELOW)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="16" font-weight="600">'
        "C2ST (1: cannot be told from real rows) against seconds to fit and sample</text>",
        *_legend(methods(done)),
    ]
    for place, table in enumerate(shown):
        left = LEFT + place % ACROSS * (WIDTH + GAP)
        top = TOP + place // ACROSS * (HEIGHT + BELOW)
        parts.append(f'<g transform="translate({left} {top})">')
        parts += [*_axes(table, decades), *_marks(of_table(done, table), decades), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(table: Size, decades: tuple[float, float]) -> list[str]:
    parts = [
        f'<text y="-8" font-weight="600">{table.name}</text>',
        f'<text x="{WIDTH}" y="-8" text-anchor="end">{table.rows:,} × {table.columns}</text>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f5f7"/>',
    ]
    for power in range(math.ceil(decades[0]), math.floor(decades[1]) + 1):
        x = _across(10.0**power, decades)
        text = f"≤ {LEAST_SECONDS}" if power == decades[0] else f"{10.0**power:,.0f}"
        parts.append(f'<path d="M{x:.1f} 0v{HEIGHT}" stroke="white"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{text}</text>')
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _down(tick)
        parts.append(f'<path d="M0 {y:.1f}h{WIDTH}" stroke="white"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    return parts


def _marks(rows: list[Row], decades: tuple[float, float]) -> list[str]:
    """The floor as a broken line; the first method, which is the library, comes on top."""
    y = _down(rows[0][HEADLINE + FLOOR])
    parts = [f'<path d="M0 {y:.1f}h{WIDTH}" stroke="#888" stroke-dasharray="4 3"/>']
    for method in reversed(methods(rows)):
        runs = of_method(rows, method)
        x, y = _across(seconds(runs), decades), _down(quality(runs))
        low, high = (_down(limit(run[HEADLINE] for run in runs)) for limit in (min, max))
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{_colour(method)}"/>')
        parts.append(_mark(method, x, y))
    return parts


def _legend(named: list[str]) -> list[str]:
    """Under the title, the floor last."""
    marks = [_mark(method, 6, -4) for method in named]
    marks.append('<path d="M-2 -4h16" stroke="#888" stroke-dasharray="4 3"/>')
    labels = [METHODS[method].label for method in named] + ["unseen real rows"]
    parts = []
    for place, (mark, label) in enumerate(zip(marks, labels, strict=True)):
        x = LEFT + place % LEGEND_ACROSS * 164
        y = 46 + place // LEGEND_ACROSS * 20
        parts.append(f'<g transform="translate({x} {y})">{mark}<text x="20">{label}</text></g>')
    return parts


def _mark(method: str, x: float, y: float) -> str:
    """A disc for a model, a ring for a yardstick that learns nothing."""
    radius = 5.5 if method == "tabdiff" else 4.5
    fill = _colour(method) if METHODS[method].is_model else "white"
    look = f'fill="{fill}" stroke="{_colour(method)}" stroke-width="1.6"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {look}/>'


def _colour(method: str) -> str:
    return COLOURS[list(METHODS).index(method)]


def _across(time: float, decades: tuple[float, float]) -> float:
    place = math.log10(max(time, LEAST_SECONDS)) - decades[0]
    return WIDTH * place / (decades[1] - decades[0])


def _down(value: float) -> float:
    return HEIGHT * (1 - value)
