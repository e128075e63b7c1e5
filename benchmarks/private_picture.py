"""AUC and C2ST against epsilon as one SVG file: two panels per set, a line per method."""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks.private_methods import PRIVATE_METHODS

WIDTH, HEIGHT, LEFT, TOP, GAP, BELOW = 250, 170, 50, 84, 44, 46
PANELS = (
    ("utility", "AUC, synthetic to real", 0.5),
    ("c2st_sdmetrics", "C2ST", 0.0),
)
COLOURS = ("#1f3fb5", "#7fa3ff", "#e8622c", "#3ca951", "#a463f2")


def draw(rows: list[dict[str, Any]], ordinary: list[dict[str, Any]]) -> str:
    """The SVG's text. Points are medians of seeds, bars their range; broken lines no privacy."""
    done = [row for row in rows if "error" not in row]
    sets = list(dict.fromkeys(row["set"] for row in done))
    width = LEFT + max(len(sets), 3) * (WIDTH + GAP)
    height = TOP + len(PANELS) * (HEIGHT + BELOW)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="16" font-weight="600">'
        "Quality against epsilon, delta = 0.00001</text>",
        *_legend({row["method"] for row in done}),
    ]
    for across, name in enumerate(sets):
        own = [row for row in done if row["set"] == name]
        free = [row for row in ordinary if row["set"] == name]
        for down, (key, label, low) in enumerate(PANELS):
            x, y = LEFT + across * (WIDTH + GAP), TOP + down * (HEIGHT + BELOW)
            parts.append(f'<g transform="translate({x} {y})">')
            parts += [*_panel(own, free, key, low, f"{name}: {label}"), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(shown: set[str]) -> list[str]:
    marks = [(method.label, colour, "")
             for (name, method), colour in zip(PRIVATE_METHODS.items(), COLOURS, strict=True)
             if name in shown]  # fmt: skip
    marks.append(("tabdiff, not private", "#888", ' stroke-dasharray="4 3"'))
    parts, x = [], LEFT
    for label, colour, dash in marks:
        parts.append(f'<path d="M{x} 44h18" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{x + 24}" y="48">{label}</text>')
        # The mark, and about as much as the letters take.
        x += 54 + 7 * len(label)
    return parts


def _panel(
    rows: list[dict[str, Any]], free: list[dict[str, Any]], key: str, low: float, label: str
) -> list[str]:
    epsilons = sorted({row["epsilon"] for row in rows})
    first, last = math.log(epsilons[0]), math.log(epsilons[-1])

    def across(epsilon: float) -> float:
        return 12 + (WIDTH - 24) * (math.log(epsilon) - first) / max(last - first, 1e-9)

    def down(value: float) -> float:
        return HEIGHT * (1 - (max(value, low) - low) / (1 - low))

    parts = [
        f'<text y="-8" font-weight="600" font-size="11">{label}</text>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f5f7"/>',
    ]
    for at in range(6):
        value = low + (1 - low) * at / 5
        parts.append(f'<path d="M0 {down(value):.1f}h{WIDTH}" stroke="white"/>')
        parts.append(f'<text x="-6" y="{down(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    for epsilon in epsilons:
        x = across(epsilon)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{epsilon:g}</text>')
    for value in [row[key] for row in free][:1]:
        y = down(value)
        parts.append(f'<path d="M0 {y:.1f}h{WIDTH}" stroke="#888" stroke-dasharray="4 3"/>')
    for method, colour in reversed(list(zip(PRIVATE_METHODS, COLOURS, strict=True))):
        found = {e: [r[key] for r in rows if (r["method"], r["epsilon"]) == (method, e)]
                 for e in epsilons}  # fmt: skip
        points = [(across(e), values) for e, values in found.items() if values]
        line = " ".join(f"{x:.1f},{down(statistics.median(values)):.1f}" for x, values in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, values in points:
            ends = f"{down(min(values)):.1f}V{down(max(values)):.1f}"
            parts.append(f'<path d="M{x:.1f} {ends}" stroke="{colour}"/>')
            y = down(statistics.median(values))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
    return parts
