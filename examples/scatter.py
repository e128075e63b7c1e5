"""Two scatter plots side by side as one SVG file, without a plotting library."""

from pathlib import Path

import numpy as np
import pandas as pd

WIDTH, HEIGHT, GAP = 430, 330, 40
LEFT, TOP, BOTTOM = 60, 70, 52
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#97bbf5", "#9c6b4e")


def scatter_pair(
    path: Path, frames: dict[str, pd.DataFrame], x: str, y: str, colour: str, title: str
) -> None:
    """Draw each frame, `x` on a logarithmic axis, both on the axes of the first.

    Parameters
    ----------
    path : Path
    frames : dict
        Heading to frame; two of them.
    x, y, colour : str
        Names of columns; `colour` is categorical.
    title : str
    """
    first = next(iter(frames.values()))
    levels = sorted(first[colour].dropna().unique())
    x_range = np.log10([first[x].min(), first[x].max()])
    y_range = np.array([first[y].min(), first[y].max()], dtype=float)
    total = LEFT + len(frames) * (WIDTH + GAP), TOP + HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]} {total[1]}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#333">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="17" font-weight="600">{title}</text>',
        *_legend(levels, total[0]),
    ]
    for place, (heading, frame) in enumerate(frames.items()):
        left = LEFT + place * (WIDTH + GAP)
        parts += _axes(left, heading, x_range, y_range)
        across = left + WIDTH * _along(np.log10(frame[x]), x_range)
        down = TOP + HEIGHT * (1 - _along(frame[y], y_range))
        for a, d, level in zip(across, down, frame[colour], strict=True):
            shade = COLOURS[levels.index(level) % len(COLOURS)]
            parts.append(f'<circle cx="{a:.1f}" cy="{d:.1f}" r="2.2" fill="{shade}"/>')
        middle = left + WIDTH / 2
        parts.append(f'<text x="{middle}" y="{total[1] - 10}" text-anchor="middle">{x}</text>')
    parts.append(f'<text transform="translate(16 {TOP + HEIGHT / 2}) rotate(-90)">{y}</text></svg>')
    path.write_text("\n".join(parts), encoding="utf-8")


def _along(values: pd.Series, bounds: np.ndarray) -> pd.Series:
    """0 at the lower bound, 1 at the upper one."""
    return (values - bounds[0]) / (bounds[1] - bounds[0])


def _axes(left: float, heading: str, x_range: np.ndarray, y_range: np.ndarray) -> list[str]:
    parts = [
        f'<text x="{left}" y="{TOP - 10}" font-weight="600">{heading}</text>',
        f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="#f6f7f9"/>',
    ]
    for power in range(int(np.ceil(x_range[0])), int(x_range[1]) + 1):
        a = left + WIDTH * (power - x_range[0]) / (x_range[1] - x_range[0])
        parts.append(f'<path d="M{a:.1f} {TOP}v{HEIGHT}" stroke="white"/>')
        parts.append(
            f'<text x="{a:.1f}" y="{TOP + HEIGHT + 17}" text-anchor="middle">{10**power:,}</text>'
        )
    for tick in np.arange(np.ceil(y_range[0] / 10) * 10, y_range[1], 10):
        d = TOP + HEIGHT * (1 - (tick - y_range[0]) / (y_range[1] - y_range[0]))
        parts.append(f'<path d="M{left} {d:.1f}h{WIDTH}" stroke="white"/>')
        parts.append(f'<text x="{left - 6}" y="{d + 4:.1f}" text-anchor="end">{tick:.0f}</text>')
    return parts


def _legend(levels: list[str], right: float) -> list[str]:
    """Levels from right to left on the title's line."""
    parts = []
    for level in reversed(levels):
        right -= 26 + 7.5 * len(level)
        shade = COLOURS[levels.index(level) % len(COLOURS)]
        parts.append(f'<circle cx="{right}" cy="20" r="5" fill="{shade}"/>')
        parts.append(f'<text x="{right + 9}" y="24">{level}</text>')
    return parts
