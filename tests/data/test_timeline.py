"""Timelines: every dtype of an index, its step, its calendar, and moments built from places."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabdiff import SchemaError
from tabdiff.data.errors import ConditionError
from tabdiff.data.long import LongFrame
from tabdiff.data.timeline import Timeline

PARIS = "Europe/Paris"


def read(values: Any) -> LongFrame:
    """One series with this index."""
    index = pd.Series(values)
    frame = pd.DataFrame({"t": index, "x": np.arange(len(index))})
    return LongFrame.learn(frame, None, "t", "auto", ())


def objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)


def dates(n: int = 60, freq: str = "D", start: str = "2021-01-01", **more: Any) -> pd.DatetimeIndex:
    # pandas 3 counts microseconds where pandas 2 counts nanoseconds.
    return pd.date_range(start, periods=n, freq=freq, unit="ns", **more)


HOURS = [dt.datetime(2021, 3, 27, tzinfo=dt.UTC) + dt.timedelta(hours=i) for i in range(60)]
DAY = 86_400
WEEK = ("weekday",)
INDICES: dict[str, tuple[Any, str, float, tuple[str, ...]]] = {
    "ns": (dates().as_unit("ns"), "steps", DAY * 10**9, WEEK),
    "s": (dates().as_unit("s"), "steps", DAY, WEEK),
    "us hours": (dates(freq="h").as_unit("us"), "steps", 3600 * 10**6, ()),
    "weeks": (dates(freq="W-MON").as_unit("s"), "steps", 7 * DAY, ()),
    "hours over a change of clocks": (
        dates(200, "h", "2021-03-25", tz=PARIS).as_unit("s"),
        "steps",
        3600,
        ("hour",),
    ),
    "text": (dates().strftime("%Y-%m-%d"), "steps", DAY, WEEK),
    "text of seconds": (
        dates(freq="h").strftime("%Y-%m-%d %H:%M:%S"),
        "steps",
        3600,
        (),
    ),
    "text of months": (dates(freq="MS").strftime("%Y-%m-%d"), "months", 1, ("month",)),
    "periods of months": (pd.period_range("2021-01", periods=60, freq="M"), "steps", 1, ("month",)),
    "periods of days": (pd.PeriodIndex(dates(freq="MS"), freq="D"), "months", 1, ("month",)),
    "dates": (objects(list(dates().date)), "steps", 1, WEEK),
    "dates of old": (
        objects([dt.date(1, 1, 1) + dt.timedelta(i) for i in range(60)]),
        "steps",
        1,
        WEEK,
    ),
    "datetimes": (
        objects([h.replace(tzinfo=None) for h in HOURS]),
        "steps",
        3600 * 10**6,
        (),
    ),
    "zoned datetimes": (
        objects([h.astimezone(ZoneInfo(PARIS)) for h in HOURS]),
        "steps",
        3600 * 10**6,
        (),
    ),
    "timestamps": (
        objects(list(dates(60, "h", "2021-03-27", tz=PARIS))),
        "steps",
        3600 * 10**9,
        (),
    ),
    "arrow": (
        pd.Series(dates()).astype("timestamp[us][pyarrow]"),
        "steps",
        DAY * 10**6,
        WEEK,
    ),
    "arrow dates": (
        pd.Series(dates().date).astype("date32[pyarrow]"),
        "steps",
        1,
        WEEK,
    ),
    "ints": (np.arange(30) * 5 - 20, "steps", 5, ()),
    "int8": (np.arange(30, dtype="int8"), "steps", 1, ()),
    "uint64": (np.arange(30, dtype="uint64") * 3 + 2**63, "steps", 3, ()),
    "nullable": (pd.array(range(30), dtype="Int64"), "steps", 1, ()),
    "tenths": (np.arange(300) * 0.1, "steps", 0.1, ()),
    "decimals": (objects([Decimal(i) / 10 for i in range(30)]), "steps", 1, ()),
    "durations": (pd.to_timedelta(np.arange(30), unit="h").as_unit("s"), "steps", 3600, ()),
    "month starts": (dates(freq="MS"), "months", 1, ("month",)),
    "month ends": (dates(freq="ME"), "month ends", 1, ("month",)),
    "quarters": (dates(freq="QS"), "months", 3, ("month",)),
    "years": (dates(20, "YS"), "months", 12, ()),
    "every five months": (dates(30, "5MS"), "months", 5, ()),
    "28ths from February on": (
        pd.DatetimeIndex([pd.Timestamp("2021-02-28") + pd.DateOffset(months=i) for i in range(30)]),
        "months",
        1,
        (),
    ),
    "ends of February": (dates(20, "YE-FEB"), "month ends", 12, ()),
    "half past eight": (
        pd.DatetimeIndex(
            [pd.Timestamp("2021-01-15 08:30") + pd.DateOffset(months=i) for i in range(30)]
        ),
        "months",
        1,
        (),
    ),
    "an outage": (dates(100).delete(slice(50, 55)), "steps", DAY * 10**9, WEEK),
    "working days": (dates(60, "B"), "irregular", DAY * 10**9, ()),
    "a new frequency": (
        dates(25).append(dates(35, "h", "2021-02-01")),
        "irregular",
        3600 * 10**9,
        (),
    ),
    "a hole of numbers": (np.delete(np.arange(60), 7), "irregular", 1, ()),
    "one ns astray": (
        dates(60).append(pd.DatetimeIndex(["2021-03-02 00:00:00.000000005"])),
        "irregular",
        DAY * 10**9,
        (),
    ),
}


@pytest.mark.parametrize("name", INDICES)
def test_an_index_of_every_dtype_is_understood_and_written_as_it_was(name: str):
    values, kind, step, calendar = INDICES[name]
    long = read(values)
    timeline, times = long.timeline, long.panel.times
    assert (timeline.kind, timeline.calendar) == (kind, calendar)
    assert timeline.step == pytest.approx(step, rel=1e-12)
    written = timeline.written(times)
    assert written.dtype == pd.Series(values).dtype
    assert written.tolist() == pd.Series(values).tolist()
    assert Timeline.from_dict(json.loads(json.dumps(timeline.to_dict()))) == timeline
    if timeline.regular:
        places = timeline.places(times, long.panel.first)
        np.testing.assert_allclose(
            timeline.moments(long.panel.first, places).astype(float), times.astype(float)
        )
        assert (np.diff(places) > 0).all()


def test_without_an_index_rows_are_in_order():
    frame = pd.DataFrame({"x": np.arange(30)})
    timeline = LongFrame.learn(frame, None, None, "auto", ()).timeline
    assert (timeline.kind, timeline.regular, timeline.levels) == ("order", False, ())
    assert Timeline.from_dict(timeline.to_dict()) == timeline


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (list("abcdefghij") * 3, "'t', the sequence_index, holds strings"),
        ([True, False] * 15, "boolean"),
        ([0.0, 1.0, np.inf] * 10, "infinite"),
        ([-(2**63), 0, 2**63 - 1], "too far apart"),
    ],
)
def test_what_has_no_order_in_time_is_refused(values: list[Any], message: str):
    with pytest.raises(SchemaError, match=message):
        read(values)


@settings(max_examples=25, deadline=None)
@given(
    day=st.integers(1, 31),
    start=st.integers(0, 40),
    step=st.sampled_from([1, 2, 3, 6, 12]),
    n=st.integers(8, 40),
)
def test_months_come_back_from_their_places(day: int, start: int, step: int, n: int):
    """On a day that all months have, or on the last day of each."""
    months = (np.datetime64("2001-01") + start + step * np.arange(n)).astype("M8[D]")
    last = (months.astype("M8[M]") + 1).astype("M8[D]") - 1
    moments = months + day - 1 if day <= 28 else last
    long = read(pd.DatetimeIndex(moments).as_unit("s"))
    places = long.timeline.places(long.panel.times, long.panel.first)
    assert places.tolist() == list(range(n))
    assert long.timeline.moments(long.panel.first, places).tolist() == long.panel.times.tolist()
    assert long.timeline.monthly
    assert long.timeline.step == step


@settings(max_examples=25, deadline=None)
@given(
    first=st.integers(-(10**9), 10**9),
    step=st.integers(1, 10**9),
    places=st.lists(st.integers(0, 10**6), min_size=1, max_size=20),
)
def test_places_are_those_of_the_moments(first: int, step: int, places: list[int]):
    timeline = Timeline(None, "steps", step)
    begin, where = np.full(len(places), first), np.array(places)
    assert timeline.places(timeline.moments(begin, where), begin).tolist() == places


def test_calendars_say_what_pandas_says():
    index = dates(27_000, "h", "2021-03-20", tz=PARIS)
    long = read(index)
    codes = long.timeline.codes(long.panel.times)
    expected = np.stack([index.hour, index.day_of_week, index.month - 1], 1)
    np.testing.assert_array_equal(codes, expected)
    assert long.timeline.levels == (24, 7, 12)


def test_new_sequences_of_months_begin_where_months_do():
    """A start drawn in the middle of a quarter goes back to the quarter's first day."""
    timeline = read(dates(30, "QS")).timeline
    drawn = pd.DatetimeIndex(["2022-02-11", "2023-12-31", "2024-01-01"]).as_unit("ns").asi8
    begun = timeline.written(timeline.begun(drawn))
    assert begun.dt.strftime("%Y-%m-%d").tolist() == ["2022-01-01", "2023-10-01", "2024-01-01"]


def test_starts_in_any_month_stay_so():
    """Quarters that begin in January for one entity and in February for another."""
    two = [dates(12, "QS"), dates(12, "QS-FEB", "2021-02-01")]
    frame = pd.DataFrame({"k": np.repeat([0, 1], 12), "t": two[0].append(two[1]), "x": range(24)})
    timeline = LongFrame.learn(frame, "k", "t", "auto", ()).timeline
    assert (timeline.kind, timeline.step, timeline.grid) == ("months", 3, 1)


@pytest.mark.parametrize(
    ("index", "moments", "shown"),
    [
        (dates(), ["2021-05-01", "2021-05-01 12:00"], "1 days.*2021-05-01 12:00:00"),
        (dates(freq="MS"), ["2021-05-01", "2021-06-02"], "1 months.*2021-06-02"),
    ],
)
def test_moments_between_two_steps_are_refused(index: Any, moments: list[str], shown: str):
    timeline = read(index).timeline
    times = pd.DatetimeIndex(moments).as_unit("ns").asi8
    with pytest.raises(SchemaError, match=f"1 moments lie between the steps.*{shown}"):
        timeline.places(times, times[[0, 0]])


def test_moments_that_the_dtype_cannot_hold_are_refused():
    timeline = read(np.arange(100, dtype="int8")).timeline
    assert timeline.written(np.array([127])).tolist() == [127]
    with pytest.raises(SchemaError, match=r"'t' \(int8\) cannot hold 128.*fewer rows"):
        timeline.written(np.array([127, 128]))


def test_sequences_of_one_row_tell_nothing_of_steps():
    frame = pd.DataFrame({"k": range(9), "t": dates(9), "x": range(9)})
    timeline = LongFrame.learn(frame, "k", "t", "auto", ()).timeline
    assert (timeline.kind, timeline.step) == ("irregular", 0)
    with pytest.raises(ConditionError, match="no sequence of the fit had two rows"):
        timeline.require_step()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "weeks"),
        ("kind", "order"),
        ("kind", ["steps"]),
        ("step", -1),
        ("step", 0),
        ("step", True),
        ("step", "1"),
        ("step", 10**30),
        ("calendar", ["minute"]),
        ("calendar", "hour"),
        ("calendar", ["month", "hour"]),
        ("calendar", ["hour", "hour"]),
        ("calendar", [["hour"]]),
        ("origin", 1.5),
        ("origin", 2**70),
        ("grid", 0),
        ("column", None),
        ("column", {"name": "t", "kind": "categorical", "dtype": "object", "form": "string"}),
        ("column", {"name": "t", "kind": "numeric", "dtype": "int64", "form": "integer"}),
        ("column", []),
        ("more", 1),
    ],
)
def test_a_malformed_record_is_refused(field: str, value: Any):
    data = read(dates()).timeline.to_dict()
    with pytest.raises(ValueError, match=r"."):
        Timeline.from_dict(data | {field: value})


@pytest.mark.parametrize("data", [None, [], "order", {}, {"kind": "order"}])
def test_what_is_no_record_is_refused(data: Any):
    with pytest.raises(ValueError, match="malformed timeline"):
        Timeline.from_dict(data)


def test_months_need_dates_and_whole_steps():
    data = read(dates(freq="MS")).timeline.to_dict()
    with pytest.raises(ValueError, match="contradict"):
        Timeline.from_dict(data | {"step": 1.5})
