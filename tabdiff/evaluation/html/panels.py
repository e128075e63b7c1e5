"""Geometry of the larger pictures: the plane, privacy curves, missing patterns, guessed columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.attacks import AttributeInference, Membership
from tabdiff.evaluation.html.charts import format_share
from tabdiff.evaluation.missingness import Missingness
from tabdiff.evaluation.privacy import Distances, Memorisation
from tabdiff.evaluation.projection import Projection
from tabdiff.evaluation.values import Floats

PLANE = 320.0
TAIL = 0.005
SHOWN_SECRETS = 12
NAMED_COLUMNS = 3


@dataclass(frozen=True)
class Plane:
    """Both tables as dots in two panels with the same axes.

    Attributes
    ----------
    panels : tuple of (str, str, int)
        Name, SVG path data of the dots in a 320 x 320 box, number of dots.
    explained : tuple of str
        Share of the real variance along each axis.
    """

    panels: tuple[tuple[str, str, int], ...]
    explained: tuple[str, str]


def plane(found: Projection) -> Plane:
    """Lay out the dots; those beyond the far tails stand at the edge."""
    both = np.concatenate([found.real, found.synthetic])
    low, high = np.quantile(both, [TAIL, 1 - TAIL], axis=0)
    width = np.where(high > low, high - low, 1.0)

    def dots(rows: Floats) -> str:
        unit = np.clip((rows - low) / width, 0, 1) * (PLANE - 12) + 6
        return "".join(f"M{x:.0f} {PLANE - y:.0f}h0" for x, y in unit)

    return Plane(
        (
            ("real", dots(found.real), len(found.real)),
            ("synthetic", dots(found.synthetic), len(found.synthetic)),
        ),
        (format_share(found.explained[0]), format_share(found.explained[1])),
    )


@dataclass(frozen=True)
class Curves:
    """Two cumulative curves in a 640 x 240 box."""

    synthetic: str
    floor: str
    ticks: tuple[tuple[float, str], ...]


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


def memory_axis(found: Memorisation, many: str) -> tuple[tuple[Whiskers, ...], float]:
    """Lay out the memorisation excess and its floor; also where 0 lies."""
    rows = [(f"synthetic {many}", found.excess, found.interval)]
    if found.floor is not None and found.floor_interval is not None:
        rows.append((f"unseen real {many}", found.floor, found.floor_interval))
    low = min(-0.1, *(interval[0] for _, _, interval in rows))

    def place(x: float) -> float:
        return 100 * (x - low) / (1 - low)

    made = tuple(
        Whiskers(label, place(value), place(start), place(end), f"{value:+.3f}")
        for label, value, (start, end) in rows
    )
    return made, place(0.0)


def roc_path(found: Membership) -> str:
    """The attack's curve in a 240 x 240 box: false alarms to the right, hits upwards."""
    rates = np.linspace(0, 240, len(found.roc))
    points = (f"{x:.1f} {240 * (1 - y):.1f}" for x, y in zip(rates, found.roc, strict=True))
    return "M0 240L" + "L".join(points)


@dataclass(frozen=True)
class PatternBar:
    """Rows that lack the same columns: their names, and shares as text and in percent."""

    columns: str
    full: str
    real: str
    synthetic: str
    real_width: float
    synthetic_width: float


def pattern_bars(found: Missingness) -> tuple[PatternBar, ...]:
    """Lay out the most frequent missing patterns; none where nothing is missing."""
    if max(found.n_patterns) < 2 and not any(p.columns for p in found.patterns):
        return ()
    widest = max(max(p.real, p.synthetic) for p in found.patterns)
    return tuple(
        PatternBar(
            _named(pattern.columns),
            ", ".join(pattern.columns) or "complete rows",
            format_share(pattern.real),
            format_share(pattern.synthetic),
            100 * pattern.real / widest,
            100 * pattern.synthetic / widest,
        )
        for pattern in found.patterns
    )


def _named(columns: tuple[str, ...]) -> str:
    if not columns:
        return "complete rows"
    rest = len(columns) - NAMED_COLUMNS
    told = ", ".join(columns[:NAMED_COLUMNS])
    return f"{told} and {rest} more" if rest > 0 else told


@dataclass(frozen=True)
class SecretBar:
    """A guessed column: its label, and shares of right guesses as text and in percent."""

    label: str
    attacked: str
    control: str
    attacked_width: float
    control_width: float
    interval: str


def secret_bars(found: AttributeInference) -> tuple[SecretBar, ...]:
    """Lay out the columns that are guessed better for training rows, the largest lead first."""
    return tuple(
        SecretBar(
            secret.label,
            format_share(secret.attacked),
            format_share(secret.control),
            100 * secret.attacked,
            100 * secret.control,
            f"{100 * secret.interval[0]:+.1f} … {100 * secret.interval[1]:+.1f}",
        )
        for secret in found.secrets[:SHOWN_SECRETS]
    )
