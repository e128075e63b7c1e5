"""Windows of 24 steps, as entities of a panel and as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.rivals.sequences.contract import Layout
from benchmarks.sequence_methods import Panel

Numbers = npt.NDArray[np.float64]

WINDOWS = ("etth1", "sines")
PROTOCOLS = ("canonical", "held out")
LENGTH = 24
HELD_OUT = 0.2
SINES, CHANNELS = 10_000, 5
# Windows of one block of starts are neighbours; those that reach into the next are in neither half.
BLOCK = 168
LAYOUT = Layout("window", "step", (), ())


def load_windows(name: str, protocol: str, data: Path | None, most: int | None = None) -> Panel:
    """Windows to learn from, and windows that judge.

    "canonical": all windows do both, overlapping ones of *etth1*, as the papers have it. "held
    out": *etth1* is cut in time, and no window lies across the cut; the *sines* that judge are
    others.

    Parameters
    ----------
    name : {"etth1", "sines"}
    protocol : {"canonical", "held out"}
    data : Path or None
        Holds timeseries/etth1.csv.gz; *sines* need none.
    most : int, optional
        Keep at most so many of each, always the same ones.

    Raises
    ------
    ValueError
        If the series lies in a file and no folder is named.
    """
    if name == "sines":
        seen, unseen = (sines(SINES, np.random.default_rng(seed)) for seed in (0, 1))
        columns = [f"x{channel}" for channel in range(CHANNELS)]
    else:
        if data is None:
            raise ValueError(f"windows of {name!r} lie in a file: name its folder with --data DIR.")
        frame = pd.read_csv(data / "timeseries" / "etth1.csv.gz")
        columns = [*frame.columns.drop("date")]
        values = frame[columns].to_numpy()
        cut = round((1 - HELD_OUT) * len(values))
        parts = [values] if protocol == "canonical" else [values[:cut], values[cut:]]
        seen, unseen = overlapping(parts[0]), overlapping(parts[-1])
    if protocol == "canonical":
        unseen = seen
    seen, unseen = (_some(windows, most) for windows in (seen, unseen))
    return Panel(name, to_frame(seen, columns), to_frame(unseen, columns), LAYOUT)


def sines(n: int, rng: np.random.Generator) -> Numbers:
    """So many windows of `CHANNELS` sines, in [0, 1]; (n, LENGTH, CHANNELS).

    x_t = (1 + sin(a t + b)) / 2 with a and b uniform on [0, 0.1], for each channel on its own: as
    Yoon et al. 2019 (TimeGAN, section 5) have it in their code.
    """
    speed, phase = rng.uniform(0, 0.1, size=(2, n, 1, CHANNELS))
    return (1 + np.sin(speed * np.arange(LENGTH)[:, None] + phase)) / 2


def overlapping(values: Numbers) -> Numbers:
    """Every window of a series (T, D), one start after the other: (T - LENGTH + 1, LENGTH, D)."""
    views = np.lib.stride_tricks.sliding_window_view(values, LENGTH, axis=0)
    return views.transpose(0, 2, 1)


def halves(windows: Numbers) -> tuple[Numbers, Numbers]:
    """Two parts that share no step: blocks of `BLOCK` starts in turn, without those across ends.

    Few windows, less than two blocks, are cut in the middle.
    """
    block = min(BLOCK, len(windows) // 2)
    start = np.arange(len(windows))
    inside = start % block <= max(0, block - LENGTH)
    odd = start // block % 2 == 1
    return windows[inside & ~odd], windows[inside & odd]


def to_frame(windows: Numbers, columns: list[str]) -> pd.DataFrame:
    """A row per window and step."""
    n, length, width = windows.shape
    frame = pd.DataFrame(windows.reshape(-1, width), columns=columns)
    frame.insert(0, LAYOUT.key, np.repeat(np.arange(n), length))
    frame.insert(1, LAYOUT.index, np.tile(np.arange(length), n))
    return frame


def to_windows(frame: pd.DataFrame) -> Numbers:
    """The first `LENGTH` rows of every entity that has so many, without gaps."""
    rows = frame.sort_values(LAYOUT.key, kind="stable", ignore_index=True)
    values = rows.drop(columns=[LAYOUT.key, LAYOUT.index])
    place = rows.groupby(LAYOUT.key).cumcount()
    early = values[place < LENGTH]
    whole = early.notna().all(axis=1).groupby(rows[LAYOUT.key]).transform("sum") == LENGTH
    return early[whole].to_numpy(dtype=float).reshape(-1, LENGTH, values.shape[1])


def _some(windows: Numbers, most: int | None) -> Numbers:
    """In their order, so that neighbours stay neighbours."""
    return windows if most is None else windows[:most]
