"""The index of sequences: where rows lie in time, how the next moment follows, what calendars say.

An index is *regular* where its moments are whole steps apart (a fixed step, or months): dates are
then built, never generated, and calendars are known ahead. Otherwise it is *irregular*, and the gap
to the row before is a column like any other, positive wherever the training rows' gaps are. Without
an index, rows are in order and nothing more is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells
from tabdiff.data.column import Column
from tabdiff.data.errors import SchemaError
from tabdiff.data.writing import write_cells

# Share of the steps between dates that must be the least one: others are outages.
MOSTLY = 0.9
# With fewer repetitions a month, say, is the name of a stretch of time and no season.
CYCLES = 3


@dataclass(frozen=True)
class Timeline:
    """How the moments of a sequence follow each other.

    Attributes
    ----------
    column : Column or None
        The index; None where rows are only in order.
    kind : str
        "order", "steps", "months" or "irregular".
    step : int or float
        Between neighbours, in the index's own units or in months; where the index is irregular,
        the median.
    calendar : tuple of str
        What of the date is told ahead: "hour", "weekday", "month".
    """

    column: Column | None
    kind: str
    step: float = 0
    calendar: tuple[str, ...] = ()

    @classmethod
    def fit(cls, column: Column | None, times: Array, offsets: Array) -> Self:
        """Look at the steps between neighbours.

        Parameters
        ----------
        column : Column or None
        times : int64, uint64 or float64 array, (N,)
            Of all rows, sequence by sequence, rising within each.
        offsets : int array, (n + 1,)
            Where each sequence begins.
        """
        if column is None:
            return cls(None, "order")
        inner = np.ones(len(times), dtype=bool)
        inner[offsets[:-1]] = False
        gaps = np.diff(times, prepend=times[:1])[inner]
        if not len(gaps):
            return cls(column, "irregular")
        step = gaps.min()
        whole = np.isclose(gaps / step, np.rint(gaps / step), rtol=0, atol=1e-6).all()
        dated = is_date(column)
        if whole and (gaps == step).mean() >= (MOSTLY if dated else 1.0):
            steps = cls(column, "steps", step.item())
            return cls(column, "steps", step.item(), _calendar(steps, times) if dated else ())
        if dated and (months := _months_apart(column, times, inner)):
            return cls(column, "months", months, _calendar_of_months(times, months))
        return cls(column, "irregular", np.median(gaps).item())

    @property
    def regular(self) -> bool:
        """Whether moments are built and not generated."""
        return self.kind in ("steps", "months")

    def places(self, times: Array, first: Array) -> Array:
        """How many steps each moment lies after the first of its sequence, int64.

        Raises
        ------
        SchemaError
            If one lies between two steps.
        """
        if self.kind == "months":
            return np.asarray((_month(self, times) - _month(self, first)) // self.step, np.int64)
        steps = (times - first) / self.step
        places = np.rint(steps).astype(np.int64)
        off = np.flatnonzero(~np.isclose(steps, places, rtol=0, atol=1e-6))
        if len(off):
            raise SchemaError(
                f"{len(off)} moments lie between the steps of the index, which the training rows "
                f"had {self.described()} apart. The first is {self.shown(times[off[0]])}."
            )
        return places

    def moments(self, first: Array, places: Array) -> Array:
        """The moments so many steps after the first ones."""
        if self.kind != "months":
            return np.asarray(first + (places * self.step).astype(first.dtype))
        start = self.dates(first)
        base = start.to_numpy().astype("M8[M]") + (places * int(self.step)).astype("m8[M]")
        last = (base + 1).astype("M8[D]") - base.astype("M8[D]") - np.timedelta64(1, "D")
        day = (start.dt.day.to_numpy() - 1).astype("m8[D]")
        day = np.where(start.dt.is_month_end, last, np.minimum(day, last))
        clock = start.to_numpy() - start.to_numpy().astype("M8[D]")
        moved = base.astype("M8[D]") + day + clock
        return np.asarray((moved - np.datetime64(0, "D")) // self._unit(), dtype=first.dtype)

    def _unit(self) -> np.timedelta64:
        """What the numbers of the index count."""
        assert self.column is not None
        if self.column.form == "datetime text":
            return np.timedelta64(1, "s")
        zero, one = self.dates(np.array([0, 1])).to_numpy()
        return np.timedelta64(one - zero)

    def codes(self, times: Array) -> Array:
        """What calendars say of each moment, (n, len(calendar)) int64."""
        if not self.calendar:
            return np.zeros((len(times), 0), dtype=np.int64)
        dates = self.dates(times).dt
        read = {"hour": lambda: dates.hour, "weekday": lambda: dates.weekday}
        read["month"] = lambda: dates.month - 1
        return np.stack([np.asarray(read[name](), dtype=np.int64) for name in self.calendar], 1)

    @property
    def levels(self) -> tuple[int, ...]:
        """How many values each entry of the calendar can take."""
        return tuple({"hour": 24, "weekday": 7, "month": 12}[name] for name in self.calendar)

    def dates(self, times: Array) -> pd.Series:
        """The moments as pandas' dates, in local time."""
        written = self.written(times)
        if isinstance(written.dtype, pd.PeriodDtype):
            written = written.dt.to_timestamp()
        dates = pd.to_datetime(written, format=self._text_format())
        return dates.dt.tz_localize(None) if dates.dt.tz is not None else dates

    def _text_format(self) -> str | None:
        assert self.column is not None
        return self.column.detail if self.column.form == "datetime text" else None

    def written(self, times: Array) -> pd.Series:
        """The index column of these moments."""
        assert self.column is not None
        return write_cells(Cells(np.zeros(len(times), dtype=bool), times), self.column)

    def shown(self, time: Any) -> str:
        """One moment as text."""
        return str(self.written(np.array([time])).iloc[0])

    def described(self) -> str:
        """The step as text."""
        if self.kind == "months":
            return f"{self.step:g} months"
        if self.column is None or not is_date(self.column):
            return f"{self.step:g}"
        pair = self.dates(np.array([0, int(self.step)]))
        return str(pair.iloc[1] - pair.iloc[0])

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        column = None if self.column is None else self.column.to_dict()
        own = {"column": column, "kind": self.kind, "step": self.step}
        return own | {"calendar": list(self.calendar)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The timeline that :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        kind, step, calendar = data.get("kind"), data.get("step"), data.get("calendar")
        if kind not in ("order", "steps", "months", "irregular"):
            raise ValueError(f"timeline {kind!r} is unknown.")
        if not isinstance(step, int | float) or isinstance(step, bool) or step < 0:
            raise ValueError(f"the step of a timeline must be a number from 0. Got {step!r}.")
        if not isinstance(calendar, list) or not set(calendar) <= {"hour", "weekday", "month"}:
            raise ValueError(f"calendar {calendar!r} is unknown.")
        if (kind == "order") != (data.get("column") is None) or (
            step == 0 and kind in ("steps", "months")
        ):
            raise ValueError("the timeline's kind, step and column contradict each other.")
        column = None if data["column"] is None else Column.from_dict(data["column"])
        return cls(column, kind, step, tuple(calendar))


def is_date(column: Column) -> bool:
    """Whether an index tells dates, of which calendars know something."""
    return column.form in (
        "datetime",
        "datetime text",
        "timestamp objects",
        "datetime objects",
        "date",
        "period",
    )


def _calendar(steps: Timeline, times: Array) -> tuple[str, ...]:
    """The entries of the calendar that differ, and whose cycle was seen often enough to tell."""
    dates = steps.dates(np.array([times.min(), times.max(), times[0], times[0] + steps.step]))
    step, span = dates.iloc[3] - dates.iloc[2], dates.iloc[1] - dates.iloc[0]
    cycles = {"hour": 1, "weekday": 7, "month": 365}
    finest = {"hour": 1, "weekday": 7, "month": 32}
    told = tuple(
        name
        for name, days in cycles.items()
        if span >= CYCLES * pd.Timedelta(days=days) and step < pd.Timedelta(days=finest[name])
    )
    whole = Timeline(steps.column, steps.kind, steps.step, told)
    codes = whole.codes(times)
    return tuple(name for at, name in enumerate(told) if len(np.unique(codes[:, at])) > 1)


def _calendar_of_months(times: Array, step: int) -> tuple[str, ...]:
    return ("month",) if 12 % step == 0 and step < 12 and len(np.unique(times)) * step > 36 else ()


def _month(timeline: Timeline, times: Array) -> Array:
    dates = timeline.dates(times).dt
    return np.asarray(12 * dates.year + dates.month, dtype=np.int64)


def _months_apart(column: Column, times: Array, inner: Array) -> int:
    """The step in months, if all rows fall on one day of the month or on its end; else 0."""
    timeline = Timeline(column, "irregular")
    dates = timeline.dates(times)
    if getattr(timeline.written(times[:1]).dtype, "tz", None) is not None:
        return 0
    same_day = dates.dt.day.nunique() == 1 or bool(dates.dt.is_month_end.all())
    if not same_day or (dates - dates.dt.normalize()).nunique() > 1:
        return 0
    months = _month(timeline, times)
    gaps = np.diff(months, prepend=months[:1])[inner]
    step = int(gaps.min())
    if step < 1 or (gaps % step).any() or (gaps == step).mean() < MOSTLY:
        return 0
    return step
