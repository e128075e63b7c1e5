"""The index of sequences: where rows lie in time, how the next moment follows, what calendars say.

An index is *regular* where its moments are whole steps apart (a fixed step, or months on one day or
on their last one): dates are then built, never generated, and calendars are known ahead. Otherwise
it is *irregular*, and the gap to the row before is a column like any other, positive wherever the
training rows' gaps are. Without an index, rows are in order and nothing more is known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any, Self

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, inner_numpy
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.errors import ConditionError, SchemaError
from tabdiff.data.moments import local_dates, zone_of
from tabdiff.data.writing import write_cells

# Share of the steps between dates that must be the least one: others are outages.
MOSTLY = 0.9
# A step of months is shorter.
MOST_MONTHS = 12_000
# Of a step, so much may a float be off.
NEARLY = 1e-6
# The entries of a calendar in their order, and all that can be left of them.
_CALENDAR = ("hour", "weekday", "month")
_CALENDARS = [list(told) for n in range(4) for told in combinations(_CALENDAR, n)]
# With fewer repetitions a month, say, is the name of a stretch of time and no season.
CYCLES = 3
# Moments that are looked at for what differs between them.
MOST_TRIED = 100_000


@dataclass(frozen=True)
class Timeline:
    """How the moments of a sequence follow each other.

    Attributes
    ----------
    column : Column or None
        The index; None where rows are only in order.
    kind : str
        "order", "steps", "months", "month ends" or "irregular".
    step : int or float
        Between neighbours, in the index's own units or in months; where the index is irregular,
        the median, and 0 where no sequence has two rows.
    calendar : tuple of str
        What of the date is told ahead: "hour", "weekday", "month".
    origin, grid : int
        Of months: where a training sequence begins, and of how many months the beginnings of all
        the others are multiples away.
    """

    column: Column | None
    kind: str
    step: float = 0
    calendar: tuple[str, ...] = ()
    origin: int = 0
    grid: int = 1

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

        Raises
        ------
        SchemaError
            If moments lie further apart than their numbers can tell.
        """
        if column is None:
            return cls(None, "order")
        inner = np.ones(len(times), dtype=bool)
        inner[offsets[:-1]] = False
        gaps = np.diff(times, prepend=times[:1])[inner]
        if not len(gaps):
            return cls(column, "irregular")
        if gaps.min() <= 0:
            raise SchemaError(
                f"column {column.name!r}: its moments lie too far apart for {gaps.dtype}. Convert "
                "it to a coarser unit."
            )
        counts, dated = _whole(gaps, gaps.min()), is_date(column)
        if counts is not None and (counts == 1).mean() >= (MOSTLY if dated else 1.0):
            # Of floats the mean, as each of them is rounded.
            step = gaps.min() if gaps.dtype.kind in "iu" else gaps[counts == 1].mean()
            steps = cls(column, "steps", step.item())
            return cls(column, "steps", step.item(), _calendar(steps, times) if dated else ())
        kind = _kind_of_months(column, times) if dated else ""
        if kind and (months := _months_apart(column, times, inner)):
            told = _calendar_of_months(times, months)
            begin = _month(cls(column, kind), times[offsets[:-1]])
            grid = np.gcd.reduce(begin - begin[0], initial=months)
            return cls(column, kind, months, told, int(times[0]), int(grid))
        return cls(column, "irregular", np.sort(gaps)[(len(gaps) - 1) // 2].item())

    @classmethod
    def of_step(cls, column: Column, step: float, low: Any, high: Any) -> Self:
        """Moments that are so far apart and lie between two others, whatever the rows are."""
        if not is_date(column):
            return cls(column, "steps", step)
        n = min(int((high - low) // step) + 1, MOST_TRIED)
        times = np.append(low + np.arange(n) * int(step), high)
        return cls(column, "steps", step, _calendar(cls(column, "steps", step), times))

    @property
    def regular(self) -> bool:
        """Whether moments are built and not generated."""
        return self.kind in ("steps", "months", "month ends")

    @property
    def monthly(self) -> bool:
        """Whether steps are months, which are not equally long."""
        return self.kind in ("months", "month ends")

    def places(self, times: Array, first: Array) -> Array:
        """How many steps each moment lies after the first of its sequence, int64.

        Raises
        ------
        SchemaError
            If one lies between two steps.
        """
        if self.monthly:
            places = (_month(self, times) - _month(self, first)) // int(self.step)
            astray = self.moments(first, places) != times
        else:
            steps = (times - first) / self.step
            places = np.rint(steps).astype(np.int64)
            exact = times.dtype.kind in "iu"
            built = self.moments(first, places)
            astray = built != times if exact else ~np.isclose(steps, places, rtol=0, atol=NEARLY)
        if len(off := np.flatnonzero(astray)):
            raise SchemaError(
                f"{len(off)} moments lie between the steps of the index, which the training rows "
                f"had {self.described()} apart. The first is {self.shown(times[off[0]])}."
            )
        return places

    def moments(self, first: Array, places: Array) -> Array:
        """The moments so many steps after the first ones."""
        if not self.monthly:
            return np.asarray(first + (places * self.step).astype(first.dtype))
        start = self.dates(first)
        base = start.to_numpy().astype("M8[M]") + (places * int(self.step)).astype("m8[M]")
        last = (base + 1).astype("M8[D]") - base.astype("M8[D]") - np.timedelta64(1, "D")
        day = (start.dt.day.to_numpy() - 1).astype("m8[D]")
        day = last if self.kind == "month ends" else np.minimum(day, last)
        clock = start.to_numpy() - start.to_numpy().astype("M8[D]")
        moved = base.astype("M8[D]") + day + clock
        return np.asarray((moved - np.datetime64(0, "D")) // self._unit(), dtype=first.dtype)

    def require_step(self) -> None:
        """Refuse rows after a first one where the training rows had none.

        Raises
        ------
        ConditionError
            If no sequence of the fit had two rows.
        """
        if self.kind == "irregular" and self.step == 0:
            raise ConditionError(
                "no sequence of the fit had two rows, so nothing is known of the moments that "
                "follow a first one. Fit longer sequences, or give no sequence_index."
            )

    def begun(self, times: Array) -> Array:
        """First moments drawn by a model, moved to where sequences of months may begin."""
        if not self.monthly:
            return times
        origin = np.full_like(times, self.origin)
        places = (_month(self, times) - _month(self, origin)) // self.grid
        return replace(self, step=self.grid).moments(origin, places)

    def _unit(self) -> np.timedelta64:
        """What the numbers of the index count."""
        zero, one = self.dates(np.array([0, 1])).to_numpy()
        return np.timedelta64(one - zero)

    def codes(self, times: Array) -> Array:
        """What calendars say of each moment, (n, len(calendar)) int64."""
        if not self.calendar:
            return np.zeros((len(times), 0), dtype=np.int64)
        dates = self.dates(times).dt
        read = {"hour": lambda: dates.hour, "weekday": lambda: dates.day_of_week}
        read["month"] = lambda: dates.month - 1
        return np.stack([np.asarray(read[name](), dtype=np.int64) for name in self.calendar], 1)

    @property
    def levels(self) -> tuple[int, ...]:
        """How many values each entry of the calendar can take."""
        return tuple({"hour": 24, "weekday": 7, "month": 12}[name] for name in self.calendar)

    def dates(self, times: Array) -> pd.Series:
        """The moments as pandas' dates, in local time."""
        assert self.column is not None
        return local_dates(times, self.column)

    def written(self, times: Array) -> pd.Series:
        """The index column of these moments.

        Raises
        ------
        SchemaError
            If its dtype ends before.
        """
        assert self.column is not None
        if self.column.form == "integer" and self.column.dtype != "object" and len(times):
            ends = np.iinfo(inner_numpy(inner_dtype(dtype_from_text(self.column.dtype))))
            if times.min() < ends.min or times.max() > ends.max:
                raise SchemaError(
                    f"column {self.column.name!r} ({self.column.dtype}) cannot hold "
                    f"{times.max()}, the last moment wanted. Ask for fewer rows, or convert it."
                )
        return write_cells(Cells(np.zeros(len(times), dtype=bool), times), self.column)

    def shown(self, time: Any) -> str:
        """One moment as text."""
        return str(self.written(np.array([time])).iloc[0])

    def described(self) -> str:
        """The step as text."""
        if self.monthly:
            return f"{self.step:g} months"
        if self.column is None or not is_date(self.column):
            return f"{self.step:g}"
        pair = self.dates(np.array([0, int(self.step)]))
        return str(pair.iloc[1] - pair.iloc[0])

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        column = None if self.column is None else self.column.to_dict()
        own: dict[str, Any] = {"column": column, "kind": self.kind, "step": self.step}
        own |= {"calendar": list(self.calendar), "origin": self.origin, "grid": self.grid}
        return own

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The timeline that :meth:`to_dict` wrote.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        if not isinstance(data, dict) or set(data) != {f.name for f in fields(cls)}:
            raise ValueError(f"malformed timeline: {data!r}.")
        kind, step, calendar = data["kind"], data["step"], data["calendar"]
        if kind not in ("order", "steps", "months", "month ends", "irregular"):
            raise ValueError(f"timeline {kind!r} is unknown.")
        if not isinstance(step, int | float) or isinstance(step, bool) or not 0 <= step < 2**63:
            raise ValueError(f"the step of a timeline must be a number from 0. Got {step!r}.")
        if not isinstance(calendar, list) or calendar not in _CALENDARS:
            raise ValueError(f"calendar {calendar!r} is unknown.")
        for name, least in (("origin", -(2**63)), ("grid", 1)):
            if type(data[name]) is not int or not least <= data[name] < 2**63:
                raise ValueError(f"the {name} of a timeline must be whole. Got {data[name]!r}.")
        column = None if data["column"] is None else Column.from_dict(data["column"])
        timeline = cls(column, kind, step, tuple(calendar), data["origin"], data["grid"])
        dated = column is not None and is_date(column)
        if (
            (kind == "order") != (column is None)
            or (timeline.regular and step == 0)
            or (timeline.monthly and not (dated and step in range(1, MOST_MONTHS)))
            or (calendar and not (dated and timeline.regular))
            or (column is not None and not column.has_numbers)
        ):
            raise ValueError("the timeline's kind, step and column contradict each other.")
        return timeline


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


def _whole(gaps: Array, least: Any) -> Array | None:
    """How many times the least gap each one is; None if some lie between."""
    if gaps.dtype.kind in "iu":
        return None if (gaps % least).any() else np.asarray(gaps // least)
    counts = np.rint(gaps / least)
    return counts if np.isclose(gaps / least, counts, rtol=0, atol=NEARLY * counts).all() else None


def _kind_of_months(column: Column, times: Array) -> str:
    """Whether all rows fall on one day of the month, or on its last; else empty."""
    timeline = Timeline(column, "irregular")
    dates = timeline.dates(times)
    if zone_of(column) is not None or (dates - dates.dt.normalize()).nunique() > 1:
        return ""
    if dates.dt.day.nunique() == 1:
        return "months"
    return "month ends" if dates.dt.is_month_end.all() else ""


def _months_apart(column: Column, times: Array, inner: Array) -> int:
    """The step in months; 0 where there is none."""
    months = _month(Timeline(column, "irregular"), times)
    gaps = np.diff(months, prepend=months[:1])[inner]
    step = int(gaps.min())
    if step < 1 or (gaps % step).any() or (gaps == step).mean() < MOSTLY:
        return 0
    return step
