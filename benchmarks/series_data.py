"""The hourly series: what is learned from, what is held out, and the same numbers as tracks.

*etth1* (Zhou et al. 2021, arXiv:2012.07436): seven numbers of a transformer. *ercot*: the load of
eight regions, 1,000 hours each. *metro_traffic*: traffic and weather from 2016 on; holidays are
left out, so that nobody is told them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]

SERIES = ("etth1", "ercot", "metro_traffic")
DAY, WEEK = 24, 168
HELD_OUT = 0.2


@dataclass(frozen=True)
class HourlySeries:
    """Series of equal length on one hourly grid.

    Attributes
    ----------
    name : str
    frame : DataFrame
        One row per entity and hour, an entity's rows together and in order; without gaps.
    key : str or None
        Column of the entity; None for a single series.
    index : str
        Column of the hour, datetime64.
    scored : tuple of str
        The numbers that are judged, as floats.
    observed : array of bool, (T,)
        False where the hour was filled: there nothing is judged.
    """

    name: str
    frame: pd.DataFrame
    key: str | None
    index: str
    scored: tuple[str, ...]
    observed: npt.NDArray[np.bool_]

    @property
    def times(self) -> pd.DatetimeIndex:
        """The hours, (T,)."""
        return pd.DatetimeIndex(self.frame[self.index].iloc[: len(self.observed)])

    @property
    def cut(self) -> int:
        """Number of the first hour that is held out."""
        return round((1 - HELD_OUT) * len(self.observed))

    @property
    def entities(self) -> int:
        """How many series there are; 1 without a key."""
        return len(self.frame) // len(self.observed)

    @property
    def track_columns(self) -> list[str]:
        """The scored column of each track."""
        return list(self.scored) * self.entities

    def between(self, first: int, last: int) -> pd.DataFrame:
        """The rows of hours first, …, last - 1."""
        hour = np.tile(np.arange(len(self.observed)), self.entities)
        return self.frame[(hour >= first) & (hour < last)].reset_index(drop=True)

    def tracks(self, frame: pd.DataFrame) -> Numbers:
        """The scored numbers of such rows, (hours, tracks): columns within entities."""
        values = frame[list(self.scored)].to_numpy(dtype=float)
        cube = values.reshape(self.entities, -1, len(self.scored))
        return cube.transpose(1, 0, 2).reshape(len(frame) // self.entities, -1)

    def with_tracks(self, frame: pd.DataFrame, tracks: Numbers) -> pd.DataFrame:
        """Such rows with those numbers in the place of their own."""
        cube = tracks.reshape(len(tracks), self.entities, -1).transpose(1, 0, 2)
        values = pd.DataFrame(cube.reshape(len(frame), -1), frame.index, list(self.scored))
        return frame.assign(**{name: values[name] for name in self.scored})


def load_series(name: str, data: Path) -> HourlySeries:
    """One of `SERIES` from data/timeseries."""
    path = data / "timeseries" / f"{name}.csv.gz"
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    if name == "etth1":
        scored = tuple(frame.columns.drop("date"))
        return on_grid(name, frame.assign(date=pd.to_datetime(frame["date"])), "date", scored)
    if name == "ercot":
        frame["value"] = frame["value"].astype(float)
        frame["timestamp"] = pd.to_datetime(frame["timestamp"])
        hours = len(frame) // frame["unique_id"].nunique()
        seen = np.ones(hours, dtype=bool)
        return HourlySeries(name, frame, "unique_id", "timestamp", ("value",), seen)
    frame["date"] = pd.to_datetime(frame["date"], format="%m/%d/%Y %H:%M")
    # An hour of several weathers has several rows; the first is kept.
    frame = frame[frame["date"] >= "2016-01-01"].drop_duplicates("date")
    frame = frame.drop(columns=["holiday", "weather_description"])
    return on_grid(name, frame, "date", ("traffic_volume", "temp", "clouds_all"))


def on_grid(name: str, frame: pd.DataFrame, index: str, scored: tuple[str, ...]) -> HourlySeries:
    """A single series with a row for every hour: a missing one repeats that of a day before."""
    rows = frame.set_index(index)
    grid = pd.date_range(rows.index[0], rows.index[-1], freq="h", name=index)
    whole = rows.reindex(grid)
    observed = grid.isin(rows.index)
    for _ in range(len(grid) // DAY):
        if whole.notna().all(axis=None):
            break
        whole = whole.fillna(whole.shift(DAY))
    # Hours missing on the first day have no day before.
    whole = whole.ffill().astype(rows.dtypes).astype(dict.fromkeys(scored, float))
    return HourlySeries(name, whole.reset_index(), None, index, scored, observed)
