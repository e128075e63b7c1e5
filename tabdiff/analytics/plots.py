"""Pictures of what the model knows, as plotly figures: ``figure.write_html("picture.html")``.

Numbers in, a figure out; nothing here looks at a model.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#9c6b4e", "#ff8ab7")
MASKED = "#b8bcc4"
LAYOUT = {
    "template": "plotly_white",
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "margin": {"l": 60, "r": 30, "t": 80, "b": 50},
}


def plot_schedule(curves: pd.DataFrame, steps: int) -> Any:
    """What is kept at which time, and where training and sampling spend their steps.

    Parameters
    ----------
    curves : DataFrame
        time, alpha, sigma, keep, log_snr on a grid of times.
    steps : int
        Network calls of the sampler.
    """
    figure = panels(("What is kept of a row", "log-SNR of the values", "Where steps are spent"))
    for name, key, colour in (
        ("signal α", "alpha", COLOURS[0]),
        ("noise σ", "sigma", COLOURS[2]),
        ("P(level still shows)", "keep", COLOURS[3]),
    ):
        line = {"color": colour}
        figure.add_scatter(x=curves["time"], y=curves[key], name=name, line=line, row=1, col=1)
    inner = curves[np.isfinite(curves["log_snr"])]
    line = {"color": COLOURS[0]}
    figure.add_scatter(
        x=inner["time"], y=inner["log_snr"], line=line, showlegend=False, row=1, col=2
    )
    # The first of its times is pure noise, at no finite log-SNR.
    at = np.interp(np.arange(1, steps) / steps, inner["time"], inner["log_snr"])
    # Times of training are uniform, so their density over log-SNR is the clock's slope.
    density = -np.gradient(inner["time"], inner["log_snr"])
    figure.add_scatter(
        x=inner["log_snr"],
        y=density,
        name="training draws",
        fill="tozeroy",
        line={"color": COLOURS[1]},
        row=1,
        col=3,
    )
    figure.add_scatter(
        x=at,
        y=np.zeros(len(at)),
        mode="markers",
        name=f"{steps} sampling steps",
        marker={"symbol": "line-ns-open", "size": 14, "color": COLOURS[4]},
        row=1,
        col=3,
    )
    for place, title in enumerate(("time t", "time t", "log-SNR"), start=1):
        figure.update_xaxes(title=title, row=1, col=place)
    figure.update_layout(
        title="From data (t = 0) to noise (t = 1)",
        height=420,
        legend={"orientation": "h", "y": -0.25},
        **LAYOUT,
    )
    return figure


def plot_history(history: pd.DataFrame, best_step: int, stopped: str) -> Any:
    """How the loss fell, on the rows that were learned from and on those held out.

    Parameters
    ----------
    history : DataFrame
        step, seconds, loss, validation_loss, learning_rate: a synthesizer's ``history_``.
    best_step : int
        Whose weights were kept.
    stopped : str
        Why training ended.

    Returns
    -------
    plotly Figure
        ``.write_html("history.html")`` keeps it.

    Raises
    ------
    ImportError
        If plotly is absent.
    """
    figure = panels(("Loss", "Learning rate"))
    for place, key, name, colour in (
        (1, "loss", "rows learned from", MASKED),
        (1, "validation_loss", "held-out rows", COLOURS[0]),
        (2, "learning_rate", "learning rate", COLOURS[3]),
    ):
        figure.add_scatter(
            x=history["step"],
            y=history[key],
            name=name,
            customdata=history["seconds"],
            hovertemplate="step %{x}, %{customdata:.0f} s: %{y:.4g}",
            line={"color": colour},
            showlegend=place == 1,
            row=1,
            col=place,
        )
        figure.update_xaxes(title="step", row=1, col=place)
    kept = history[history["step"] == best_step]
    figure.add_scatter(
        x=kept["step"],
        y=kept["validation_loss"],
        mode="markers",
        name="kept",
        marker={"symbol": "star", "size": 13, "color": COLOURS[2]},
        row=1,
        col=1,
    )
    end = history.tail(1)
    figure.update_layout(
        title=f"{end['step'].sum():,} steps in {end['seconds'].sum():,.0f} s; ended by {stopped}",
        height=420,
        legend={"orientation": "h", "y": -0.25},
        **LAYOUT,
    )
    return figure


def plot_profile(curves: pd.DataFrame, entropy: pd.DataFrame) -> Any:
    """What is decided at which noise level, and the nats of each column.

    Parameters
    ----------
    curves, entropy : DataFrame
        Of an :class:`~tabdiff.analytics.profile.InformationProfile`.
    """
    titles = ("Levels and cells decided", "Values decided", "Nats of each column")
    figure = panels(titles)
    inner = curves[np.isfinite(curves["log_snr"])]
    for number, (name, own) in enumerate(inner.groupby("column", sort=False)):
        for place, part in enumerate(("cells", "value"), start=1):
            here = own[own["part"] == part].sort_values("log_snr")
            figure.add_scatter(
                x=here["log_snr"],
                y=here["decided"],
                name=str(name),
                legendgroup=str(name),
                showlegend=place == 1 or "cells" not in set(own["part"]),
                line={"color": COLOURS[number % len(COLOURS)]},
                row=1,
                col=place,
            )
    first = inner[inner["column"] == inner["column"].iloc[0]].sort_values("log_snr")
    snr = np.exp(first["log_snr"])
    for place, alone in ((1, first["keep"]), (2, snr / (1 + snr))):
        figure.add_scatter(
            x=first["log_snr"],
            y=alone,
            name="if columns were independent",
            legendgroup="alone",
            showlegend=place == 1,
            line={"color": "#555", "dash": "dot"},
            row=1,
            col=place,
        )
        figure.update_xaxes(title="log-SNR: noise → data", row=1, col=place)
        figure.update_yaxes(range=[-0.05, 1.05], row=1, col=place)
    names = [str(name) for name in entropy.index]
    for key, label, colour in (
        ("alone", "by itself", MASKED),
        ("entropy", "its share of the table's", COLOURS[0]),
    ):
        figure.add_bar(y=names, x=entropy[key], name=label, orientation="h", marker_color=colour,
                       row=1, col=3)  # fmt: skip
    figure.update_yaxes(autorange="reversed", row=1, col=3)
    figure.update_layout(
        title=f"When each column is decided; {entropy['entropy'].sum():.2f} nats a row",
        height=480,
        barmode="group",
        **LAYOUT,
    )
    return figure


def plot_dependence(information: pd.DataFrame, direct: pd.DataFrame, edges: pd.DataFrame) -> Any:
    """Heat maps of pairwise and direct information, and the graph of direct relations.

    Parameters
    ----------
    information, direct : DataFrame, (columns, columns)
    edges : DataFrame
        first, second, nats.
    """
    titles = ("Shared by two columns", "Shared by no third column", "Direct relations")
    figure = panels(titles)
    names = [str(name) for name in information.index]
    off = information.to_numpy()[~np.eye(len(names), dtype=bool)]
    top = max(
        float(np.nanmax(off, initial=0.0)), float(np.nanmax(direct.fillna(0).to_numpy())), 0.01
    )
    for place, table in ((1, information), (2, direct)):
        figure.add_heatmap(
            z=table.to_numpy(),
            x=names,
            y=names,
            zmin=0,
            zmax=top,
            colorscale="Blues",
            colorbar={"title": "nats", "x": 0.645, "thickness": 10},
            showscale=place == 2,
            hovertemplate="%{y} × %{x}: %{z:.3f} nats<extra></extra>",
            row=1,
            col=place,
        )
        figure.update_yaxes(autorange="reversed", row=1, col=place)
    _draw_graph(figure, list(information.index), edges)
    figure.update_layout(title="Which columns explain which", height=480, **LAYOUT)
    return figure


def _draw_graph(figure: Any, columns: list[Any], edges: pd.DataFrame) -> None:
    """Columns on a circle, joined by lines as wide as the root of their nats."""
    angle = 2 * np.pi * np.arange(len(columns)) / max(len(columns), 1) - np.pi / 2
    x, y = np.cos(angle), np.sin(angle)
    strongest = float(edges["nats"].max()) if len(edges) else 1.0
    for first, second, nats in zip(edges["first"], edges["second"], edges["nats"], strict=True):
        ends = [columns.index(first), columns.index(second)]
        figure.add_scatter(
            x=x[ends],
            y=y[ends],
            mode="lines",
            line={"color": COLOURS[0], "width": 1 + 7 * math.sqrt(nats / strongest)},
            opacity=0.6,
            hoverinfo="skip",
            showlegend=False,
            row=1,
            col=3,
        )
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers+text",
        text=[str(name) for name in columns],
        textposition=["middle right" if across >= 0 else "middle left" for across in x],
        marker={"size": 12, "color": COLOURS[2]},
        showlegend=False,
        row=1,
        col=3,
    )
    figure.update_xaxes(visible=False, range=[-2.2, 2.2], row=1, col=3)
    figure.update_yaxes(visible=False, range=[-1.3, 1.3], row=1, col=3)


def plot_forecast(
    history: pd.DataFrame,
    futures: pd.DataFrame,
    column: Hashable,
    index: Hashable | None = None,
    bands: Sequence[float] = (0.5, 0.8, 0.95),
) -> Any:
    """A fan: where a number has been, and within which bands its futures lie.

    Parameters
    ----------
    history : DataFrame
        Rows of one sequence in order of time. They may reach beyond where the futures begin, and
        so show what came true.
    futures : DataFrame
        Of the same sequence, with the column "draw": what ``forecast`` gives without quantiles.
    column : column label
        What to draw.
    index : column label, optional
        When each row is; None counts the rows, the futures' right after the history's. Where
        moments differ between draws, the band of a row stands at the median of its moments.
    bands : sequence of float, in (0, 1)
        Shares of the futures between the two edges of a band.

    Raises
    ------
    KeyError
        If a column is not in both frames.
    ValueError
        If the draws are not of one sequence, or a band is not between 0 and 1.
    ImportError
        If plotly is absent.
    """
    for label in [column] + [index] * (index is not None):
        for name, frame in (("history", history), ("futures", futures)):
            if label not in frame.columns:
                raise KeyError(f"{name} has no column {label!r}.")
    if not all(0 < band < 1 for band in bands):
        raise ValueError(f"bands must lie between 0 and 1. Got {list(bands)!r}.")
    place = futures.groupby("draw").cumcount()
    if index is not None and futures.duplicated(["draw", index]).any():
        raise ValueError("a draw has two rows at one moment. Give the futures of one sequence.")
    past = np.arange(len(history)) if index is None else history[index]
    moment = place + len(history) if index is None else futures[index]
    x = moment.groupby(place).quantile(0.5, interpolation="nearest")
    grouped = futures[column].groupby(place)
    figure = panels((str(column),))
    for band in sorted(bands, reverse=True):
        edges = [grouped.quantile((1 + side * band) / 2) for side in (-1, 1)]
        figure.add_scatter(
            x=[*x, *x[::-1]],
            y=[*edges[0], *edges[1][::-1]],
            fill="toself",
            fillcolor=COLOURS[0],
            opacity=0.25,
            line={"width": 0},
            name=f"{band:.0%} of the futures",
            hoverinfo="skip",
        )
    figure.add_scatter(x=x, y=grouped.median(), name="median", line={"color": COLOURS[0]})
    figure.add_scatter(x=past, y=history[column], name="history", line={"color": "#333"})
    figure.update_layout(title="What was, and what may come", height=420, **LAYOUT)
    return figure


def panels(titles: Sequence[str], heights: Sequence[float] = (1.0,)) -> Any:
    """An empty figure with a panel for each title, in as many lines as there are heights.

    Raises
    ------
    ImportError
        If plotly is absent.
    """
    try:
        from plotly.subplots import make_subplots
    except ImportError as error:
        raise ImportError("pictures need plotly. Run: pip install 'tabdiff[eval]'") from error
    return make_subplots(
        len(heights),
        len(titles) // len(heights),
        subplot_titles=titles,
        row_heights=list(heights),
        horizontal_spacing=0.09,
        vertical_spacing=0.12,
    )
