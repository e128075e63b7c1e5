"""Columns on their way to noise and back: a still picture over all times, and one that moves.

Numbers are drawn as densities of the cells that show, so an area shrinks as cells are masked;
levels as shares, with the masked ones among them. Of two columns each row is a point, in the
margin where one of its cells does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from tabdiff.analytics.plots import COLOURS, LAYOUT, MASKED, panels
from tabdiff.data.cells import Array

BINS = 60
MOST_LEVELS = 12
HIDDEN = "masked or missing"
SIDES = ("forward: data to noise", "backward: noise to data")


def plot_trajectory(forward: pd.DataFrame, backward: pd.DataFrame, columns: Sequence[Any]) -> Any:
    """One column or two over diffusion time, forward and backward side by side.

    Parameters
    ----------
    forward, backward : DataFrame
        With index levels time and row, at the same times.
    columns : one or two column labels
    """
    if len(columns) == 1:
        return _of_one(forward, backward, columns[0])
    return _of_two(forward, backward, columns[0], columns[1])


@dataclass(frozen=True)
class Scale:
    """Where the cells of a column lie on an axis.

    Attributes
    ----------
    levels : list of str or None
        Of a column of labels; numbers have none.
    low, high : float
        Ends of the axis.
    """

    levels: list[str] | None
    low: float
    high: float

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        """The scale on which all cells of a column can be seen, but for the outermost in 200."""
        numbers = _numbers(column)
        if numbers is None:
            counts = column.astype(str)[column.notna()].value_counts()
            levels = sorted(counts.index[:MOST_LEVELS])
            return cls(levels, -0.5, len(levels) - 0.5)
        low, high = np.nanquantile(numbers, [0.005, 0.995])
        room = 0.04 * (high - low) or 0.5
        return cls(None, float(low - room), float(high + room))

    def place(self, column: pd.Series) -> Array:
        """Positions, NaN where a cell does not show (or is of a level too rare to be drawn)."""
        if self.levels is None:
            numbers = _numbers(column)
            assert numbers is not None
            return numbers
        places = {level: float(at) for at, level in enumerate(self.levels)}
        text = column.astype(str).where(column.notna(), None)
        return np.array([places.get(value, np.nan) for value in text])

    @property
    def margin(self) -> float:
        """Where cells that do not show are drawn."""
        return self.low - 0.08 * (self.high - self.low)

    def ticks(self) -> dict[str, Any]:
        """Of the axis, the margin among them."""
        if self.levels is None:
            return {"range": [self.low - 0.15 * (self.high - self.low), self.high]}
        values = [self.margin, *range(len(self.levels))]
        text = ["?", *self.levels]
        low = self.low - 0.15 * (self.high - self.low)
        return {"tickvals": values, "ticktext": text, "range": [low, self.high]}


def _numbers(column: pd.Series) -> Array | None:
    """The cells as floats, dates in days since 1970; None for labels."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return (column - pd.Timestamp(0, tz=column.dt.tz)).dt.total_seconds().to_numpy() / 86400
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds().to_numpy()
    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _of_one(forward: pd.DataFrame, backward: pd.DataFrame, name: Any) -> Any:
    times = sorted(set(forward.index.get_level_values("time")))
    scale = Scale.of(forward[name].xs(times[0]))
    shares = [
        np.array([_shares(scale, side[name].xs(time)) for time in times])
        for side in (forward, backward)
    ]
    figure = panels([*SIDES, "", ""], heights=(0.68, 0.32))
    across = _across(scale)
    for place, share in enumerate(shares, start=1):
        (_draw_ridges if scale.levels is None else _draw_layers)(
            figure, place, np.array(times), across, share
        )
    first = len(figure.data)
    top = float(max(share.max() for share in shares)) * 1.05
    for place, share in enumerate(shares, start=1):
        figure.add_bar(
            x=across, y=share[0], marker_color=COLOURS[0], showlegend=False, row=2, col=place
        )
        figure.update_yaxes(range=[0, top], title="share of rows", row=2, col=place)
        figure.update_xaxes(title=str(name), row=2, col=place)
    # A frame that leaves a trace out makes it vanish while it moves the others.
    still = [{"type": "scatter", "x": line.x, "y": line.y} for line in figure.data[:first]]
    frames = []
    for forth, back in zip(shares[0], shares[1][::-1], strict=True):
        bars = [{"type": "bar", "x": across, "y": share} for share in (forth, back)]
        frames.append([*still, *bars])
    _animate(figure, times, frames)
    figure.update_layout(title=f"{name} between data and noise", height=760, bargap=0.02, **LAYOUT)
    return figure


def _across(scale: Scale) -> list[Any]:
    """The middles of the bins of a scale, or its levels."""
    if scale.levels is not None:
        return [*scale.levels, HIDDEN]
    edges = np.linspace(scale.low, scale.high, BINS + 1)
    return list((edges[1:] + edges[:-1]) / 2)


def _shares(scale: Scale, column: pd.Series) -> Array:
    """Share of the rows in each bin or level; of levels the last is for those that do not show."""
    places = scale.place(column)
    shown = places[~np.isnan(places)]
    if scale.levels is not None:
        counts = np.bincount(shown.astype(np.int64), minlength=len(scale.levels))
        return np.append(counts, len(places) - len(shown)) / len(places)
    counts, _ = np.histogram(shown, np.linspace(scale.low, scale.high, BINS + 1))
    return counts / len(places)


def _draw_ridges(figure: Any, place: int, times: Array, across: list[Any], shares: Array) -> None:
    """One density above the other, data on top."""
    kernel = np.exp(-0.5 * (np.arange(-4, 5) / 1.3) ** 2)
    smooth = [np.convolve(share, kernel / kernel.sum(), mode="same") for share in shares]
    tall = 2.2 / max(float(np.max(smooth)), 1e-12)
    for at, (time, curve) in enumerate(zip(times, smooth, strict=True)):
        base = -float(at)
        figure.add_scatter(
            x=[across[0], *across, across[-1]],
            y=[base, *(base + tall * curve), base],
            fill="toself",
            fillcolor=_between(COLOURS[0], MASKED, float(time), 0.8),
            line={"color": "white", "width": 1},
            mode="lines",
            showlegend=False,
            hoverinfo="text",
            text=f"t = {time:.2f}: {shares[at].sum():.0%} of the cells show",
            row=1,
            col=place,
        )
    ticks = {"tickvals": list(-np.arange(len(times))), "ticktext": [f"{t:.2f}" for t in times]}
    figure.update_yaxes(title="time t", **ticks, row=1, col=place)


def _draw_layers(figure: Any, place: int, times: Array, across: list[Any], shares: Array) -> None:
    """Levels on top of each other over time, the masked ones last."""
    for at, level in enumerate(across):
        colour = MASKED if level == HIDDEN else COLOURS[at % len(COLOURS)]
        figure.add_scatter(
            x=times,
            y=shares[:, at],
            name=level,
            legendgroup=level,
            showlegend=place == 1,
            stackgroup="levels",
            mode="lines",
            line={"width": 0.5, "color": colour},
            row=1,
            col=place,
        )
    ends = [0, 1] if place == 1 else [1, 0]
    figure.update_xaxes(title="time t", range=ends, row=1, col=place)
    figure.update_yaxes(title="share of rows", range=[0, 1], row=1, col=place)


def _of_two(forward: pd.DataFrame, backward: pd.DataFrame, x: Any, y: Any) -> Any:
    times = sorted(set(forward.index.get_level_values("time")))
    scales = [Scale.of(forward[name].xs(times[0])) for name in (x, y)]
    figure = panels(SIDES)
    jitter = np.random.default_rng(0)
    films = []
    for place, (side, order) in enumerate(((forward, times), (backward, times[::-1])), start=1):
        n = len(side.xs(times[0]))
        shake = jitter.uniform(-0.5, 0.5, (2, n))
        films.append([_points(side.loc[time], (x, y), scales, shake) for time in order])
        figure.add_scattergl(**films[-1][0], row=1, col=place)
        figure.update_xaxes(title=str(x), **scales[0].ticks(), row=1, col=place)
        figure.update_yaxes(title=str(y), **scales[1].ticks(), row=1, col=place)
        figure.add_vrect(
            x0=scales[0].ticks()["range"][0], x1=scales[0].low, fillcolor=MASKED, opacity=0.2,
            line_width=0, row=1, col=place,
        )  # fmt: skip
        figure.add_hrect(
            y0=scales[1].ticks()["range"][0], y1=scales[1].low, fillcolor=MASKED, opacity=0.2,
            line_width=0, row=1, col=place,
        )  # fmt: skip
    frames = [[{"type": "scattergl", **film[at]} for film in films] for at in range(len(times))]
    _animate(figure, times, frames)
    figure.update_layout(
        title=f"{x} and {y} between data and noise; in the margins: {HIDDEN}",
        height=560,
        showlegend=False,
        **LAYOUT,
    )
    return figure


def _points(
    frame: pd.DataFrame, names: Sequence[Any], scales: Sequence[Scale], shake: Array
) -> dict[str, Any]:
    """A point per row: in the margin of an axis where its cell does not show."""
    where, shown = [], np.ones(len(frame), dtype=bool)
    for name, scale, own in zip(names, scales, shake, strict=True):
        places = scale.place(frame[name])
        hidden = np.isnan(places)
        spread = 0.7 if scale.levels is not None else 0.0
        margin = scale.margin + 0.1 * (scale.high - scale.low) * own
        where.append(np.where(hidden, margin, places + spread * own))
        shown &= ~hidden
    colour = np.where(shown, COLOURS[0], MASKED)
    marker = {"size": 4, "color": colour.tolist(), "opacity": 0.6}
    return {"x": where[0], "y": where[1], "mode": "markers", "marker": marker}


def _animate(figure: Any, times: list[float], frames: list[list[Any]]) -> None:
    """Give the figure frames, a slider and a button that plays them; backward runs from noise."""
    labels = [f"{t:.2f} | {s:.2f}" for t, s in zip(times, times[::-1], strict=True)]
    figure.frames = [
        {"name": label, "data": frame, "traces": list(range(len(frame)))}
        for label, frame in zip(labels, frames, strict=True)
    ]
    still = {"frame": {"duration": 0, "redraw": True}, "mode": "immediate"}
    play = {"frame": {"duration": 350, "redraw": True}, "transition": {"duration": 0}}
    figure.update_layout(
        sliders=[
            {
                "steps": [
                    {"method": "animate", "label": label, "args": [[label], still]}
                    for label in labels
                ],
                "currentvalue": {"prefix": "t forward | backward = "},
                "pad": {"t": 50},
                "x": 0.08,
                "len": 0.9,
            }
        ],
        updatemenus=[
            {
                "type": "buttons",
                "buttons": [{"label": "play", "method": "animate", "args": [None, play]}],
                "x": 0,
                "y": 0,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 75},
            }
        ],
    )


def _between(one: str, other: str, share: float, opacity: float) -> str:
    """A colour on the way from one to the other."""
    ends = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (one, other)]
    mixed = [round(a + share * (b - a)) for a, b in zip(*ends, strict=True)]
    return f"rgba({mixed[0]},{mixed[1]},{mixed[2]},{opacity})"
