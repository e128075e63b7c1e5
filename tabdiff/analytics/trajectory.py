"""Rows at a noise level: real ones on their way to noise, and new ones on their way back.

    forward    x_t = alpha_t z + sigma_t eps;  a level is masked where its clock is below 1 - keep_t
    backward   the states that the sampler walks through, from t = 1 to 0

A masked cell is shown as a missing one: under the absorbing prior nothing is known of it, and a
draw from the column would look like data. A number is masked with its cell; while its cell shows,
its place in the cell is the noisy one. Under the uniform prior levels are never masked but are any
level. The noise of a row is the same at all times, so that a row can be followed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tabdiff.analytics.rows import encode
from tabdiff.data.cells import Array
from tabdiff.data.frames import from_pandas, to_pandas
from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.fitted import Fitted
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import Path
from tabdiff.inference.sample import sample, time_grid

CHUNK = 1024


def diffuse(fitted: Fitted, df: Any, t: float, entropy: int) -> Any:
    """The rows of ``df`` at noise level ``t``, in the container of the fitted table.

    Columns with masked cells whose dtype has no missing value are widened as pandas does it.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    """
    frame = forward(fitted, df, np.array([t]), entropy).droplevel("time")
    if isinstance(df, pd.DataFrame):
        frame.index = df.index
    schema = fitted.schema
    polars = {str(c.name): c.polars for c in schema.columns if c.polars}
    return from_pandas(frame, schema.container, polars)


def forward(fitted: Fitted, df: Any, times: Array, entropy: int) -> pd.DataFrame:
    """The rows of ``df`` at each time, in one long frame with index levels time and row."""
    noise, rng = generators(entropy, 6, device=fitted.device)
    learned = fitted.rewriting.transform(df)
    rows = fitted.joint.complete(encode(fitted, learned, rng), noise)
    known = Known.nothing(rows)
    path = Path.draw(fitted.joint, known, 0, noise)
    schedule = fitted.joint.gaussian.schedule
    frames = {}
    for time in times:
        t = torch.full((len(rows),), float(time), device=fitted.device, dtype=torch.float32)
        hidden = path.clock[0] < 1 - fitted.joint.multinomial.kept(t, rows.cat)
        num = schedule.alpha(t)[:, None] * rows.num + schedule.sigma(t)[:, None] * path.eps[0]
        frames[float(time)] = show(
            fitted, Mixed(num, torch.where(hidden, path.noise, rows.cat)), rng
        )
    return pd.concat(frames, names=["time", "row"])


def backward(fitted: Fitted, n: int, times: Array, steps: int, entropy: int) -> pd.DataFrame:
    """``n`` new rows at each time of their making, in one long frame like :func:`forward`'s.

    Parameters
    ----------
    times : array, in [0, 1]
        The sampler stops at them besides at its own ``steps``.
    """
    seen: dict[float, list[pd.DataFrame]] = {float(time): [] for time in times}
    wanted = torch.tensor(sorted(seen), dtype=torch.float32)
    grid = torch.cat([time_grid(steps), wanted]).unique().flip(0).to(fitted.device)
    for number, first in enumerate(range(0, max(n, 1), CHUNK)):
        noise, rng = generators(entropy, 7, number, device=fitted.device)
        watched = Watched(fitted.denoiser, list(seen))
        x0, known = fitted.joint.unknown(min(CHUNK, n - first), fitted.device)
        end = sample(watched, fitted.joint, grid, x0, known, noise)
        for time in seen:
            seen[time].append(show(fitted, watched.states.get(time, end), rng))
    joined = {time: pd.concat(frames, ignore_index=True) for time, frames in seen.items()}
    return pd.concat(joined, names=["time", "row"])


def schedule_curves(joint: JointDiffusion, n: int = 400) -> pd.DataFrame:
    """What is kept at each of ``n + 1`` times: time, alpha, sigma, keep, log_snr."""
    t = torch.linspace(0, 1, n + 1, dtype=torch.float64)
    gaussian = joint.gaussian.schedule
    curves = {
        "time": t,
        "alpha": gaussian.alpha(t),
        "sigma": gaussian.sigma(t),
        "keep": joint.multinomial.schedule.alpha_bar(t),
        "log_snr": gaussian.log_snr(t),
    }
    return pd.DataFrame({name: curve.numpy() for name, curve in curves.items()})


class Watched:
    """A denoiser that remembers what it was shown.

    Parameters
    ----------
    denoiser : Denoiser
    times : list of float
        At which to remember.

    Attributes
    ----------
    states : dict
        Time to the noisy rows.
    """

    def __init__(self, denoiser: Denoiser, times: list[float]) -> None:
        self._denoiser = denoiser
        self._times = {float(np.float32(time)): time for time in times}
        self.states: dict[float, Mixed] = {}

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """The belief of the denoiser."""
        time = self._times.get(float(t[0])) if len(t) else None
        if time is not None:
            self.states[time] = Mixed(x_t.num.clone(), x_t.cat.clone())
        return self._denoiser(x_t, t, known, wanted)


def show(fitted: Fitted, x: Mixed, rng: np.random.Generator) -> pd.DataFrame:
    """Noisy rows as a frame in which masked cells, and those that follow from one, are missing."""
    levels = torch.tensor(fitted.encoder.layout.levels, device=x.cat.device)
    masked = x.cat >= levels
    rewriting = fitted.rewriting
    learned = fitted.encoder.decode(Mixed(x.num, x.cat.masked_fill(masked, 0)), rng)
    frame = to_pandas(rewriting.reverse(learned))
    hidden = {
        field.column.name: masked[:, field.cat].cpu().numpy()
        for field in fitted.encoder.fields
        if field.cat is not None
    }
    shown = []
    for place, column in enumerate(fitted.schema.columns):
        gone = [hidden[name] for name in rewriting.sources(column.name) if name in hidden]
        series = frame.iloc[:, place]
        if gone and np.any(gone):
            series = series.where(~np.any(gone, axis=0))
        shown.append(series)
    return pd.concat(shown, axis=1)
