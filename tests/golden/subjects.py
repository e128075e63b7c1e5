"""The models behind the golden files: next to nothing is learned, of columns of every kind."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer
from tabdiff.data.constraints import (
    Expression,
    FixedCombinations,
    FixedIncrements,
    Inequality,
    OneHotEncoding,
    Positive,
    Range,
    ScalarRange,
    Unique,
)
from tabdiff.estimator import DiffusionEstimator
from tabdiff.training.settings import Size

TINY: dict[str, Any] = {
    "max_steps": 2,
    "width": 8,
    "depth": 1,
    "sampling_steps": 3,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
N = 160


def kinds() -> DiffusionSynthesizer:
    """A table of every kind of column that needs nothing but pandas, with odd names."""
    rng = np.random.default_rng(0)
    day = dt.date(2024, 2, 28)
    hours = pd.to_timedelta(rng.integers(0, 900, N), unit="h")
    count = rng.integers(0, 120, N)
    columns: dict[Any, Any] = {
        "int8": count.astype("int8"),
        "uint64": np.uint64(2**64 - 1) - rng.integers(0, 10**9, N).astype("uint64"),
        "float": np.where(count < 20, np.nan, rng.normal(size=N)),
        "float32": rng.normal(size=N).astype("float32"),
        "cents": np.where(count < 40, 0.0, rng.lognormal(3, 1, N).round(2)),
        "Int64": pd.array([None if i < 30 else int(i) for i in count], dtype="Int64"),
        "boolean": pd.array([None if i < 30 else bool(i % 2) for i in count], dtype="boolean"),
        "bool": count > 60,
        "sparse": pd.arrays.SparseArray(np.where(count < 60, 0, count), fill_value=0),
        "text": _objects([None if i < 30 else "aé=nan"[i % 4 :] for i in count]),
        "string": pd.array(rng.choice(["a", "", " "], N), dtype="string[python]"),
        "size": pd.Categorical(rng.choice(["low", "mid"], N), ["low", "mid", "high"], ordered=True),
        "mixed": _objects([[1, "1", True][i % 3] for i in count]),
        "bytes": _objects([bytes([i % 3, 255]) for i in count]),
        "moment": pd.Timestamp("2024-02-01") + hours,
        "zoned": pd.Series(pd.Timestamp("2024-03-01", tz="UTC") + hours).dt.tz_convert(
            "Europe/Paris"
        ),
        "span": pd.to_timedelta(count, unit="min"),
        "month": pd.PeriodIndex.from_ordinals(count % 50, freq="M"),
        "date": _objects([day + dt.timedelta(int(i)) for i in count]),
        "time": _objects([dt.time(int(i) % 24, int(i) % 60) for i in count]),
        "price": _objects([Decimal(int(i)).scaleb(-2) for i in count]),
        "stamp text": _objects([(day + dt.timedelta(int(i))).isoformat() for i in count]),
        "interval": _objects([pd.Interval(i % 3, i % 3 + 1) for i in count]),
        "constant": np.full(N, 7),
        "nothing": np.full(N, np.nan),
        "code": _objects([f"C-{i:05d}" for i in rng.permutation(N)]),
        "mail": _objects([f"p{i}@example.org" for i in range(N)]),
        "key": _objects([str(uuid.UUID(int=int(i))) for i in rng.permutation(N)]),
        7: rng.choice([10, 20], N),
        "名\n😀": rng.choice(list("uv"), N),
    }
    kinds = dict.fromkeys(["code", "mail", "key"], "identifier")
    return DiffusionSynthesizer(column_kinds=kinds, **TINY).fit(pd.DataFrame(columns))


def arrow() -> DiffusionSynthesizer:
    """A polars table, whose columns are arrow's."""
    import polars as pl

    rng = np.random.default_rng(1)
    day = dt.date(2024, 2, 28)
    count = rng.integers(0, 90, N).tolist()
    frame = pl.DataFrame(
        {
            "n": [None if i % 7 == 3 else i for i in count],
            "x": rng.normal(size=N),
            "on": [i % 3 == 0 for i in count],
            "label": pl.Series([None if i % 5 == 3 else "ab"[i % 2] for i in count]),
            "kind": pl.Series(["xyz"[i % 3] for i in count], dtype=pl.Categorical),
            "when": [dt.datetime(2024, 1, 1) + dt.timedelta(minutes=i) for i in count],
            "day": [day + dt.timedelta(i) for i in count],
            "span": [dt.timedelta(seconds=i) for i in count],
        }
    )
    return DiffusionSynthesizer(prior="uniform", **TINY).fit(frame)


def constrained() -> DiffusionSynthesizer:
    """Every sort of constraint, and missing cells."""
    rng = np.random.default_rng(2)
    low, share = rng.integers(0, 50, N), rng.random(N)
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="h")
    middle = start + pd.to_timedelta(rng.integers(1, 30, N), unit="h")
    net, fare, tip = (rng.lognormal(3, 0.5, N).round(2) for _ in range(3))
    mode, city = rng.integers(0, 3, N), rng.choice(["Paris", "Lyon", "Rome"], N)
    frame = pd.DataFrame(
        {
            "low": low,
            "high": (low + rng.integers(0, 30, N)).astype(float),
            "start": start,
            "middle": middle,
            "end": middle + pd.to_timedelta(rng.integers(1, 9, N), unit="h"),
            "net": net,
            "total": (net * 1.21).round(2),
            "fare": fare,
            "paid": (fare + tip).round(2),
            "share": share,
            "price": 5 * rng.integers(1, 40, N),
            "city": city,
            "country": np.where(city == "Rome", "IT", "FR"),
            **{name: (mode == at).astype(int) for at, name in enumerate(["bus", "tram", "taxi"])},
        }
    )
    frame.loc[rng.random(N) < 0.1, "high"] = np.nan
    rules = [
        Inequality("low", "high"),
        Range("start", "middle", "end"),
        ScalarRange("share", 0, 1, strict_boundaries=False),
        Positive("fare"),
        Expression("total == net * 1.21"),
        Expression("paid >= fare"),
        FixedIncrements("price", 5),
        FixedCombinations(["city", "country"]),
        OneHotEncoding(["bus", "tram", "taxi"]),
        Unique(["low", "share"]),
    ]
    return DiffusionSynthesizer(constraints=rules, **TINY).fit(frame)


def chosen() -> DiffusionSynthesizer:
    """Numbers and categories, of which trees choose among three candidates a row."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=1_200).round(2)
    frame = pd.DataFrame({"x": x, "y": -x, "c": np.where(x > 0, "up", "down")})
    with patch("tabdiff.training.critic.MOST_TREES", 4):
        return DiffusionSynthesizer(candidates=3, **TINY).fit(frame)


def days() -> TimeSeriesDiffusionSynthesizer:
    """A panel on regular days with holes, unequally long."""
    rng = np.random.default_rng(3)
    frames = []
    for i in range(20):
        length = int(rng.integers(6, 13))
        frame = pd.DataFrame(
            {"d": pd.date_range("2021-03-01", periods=length) + pd.Timedelta(i, "D")}
        )
        frame["k"], frame["shop"] = f"s{i:02d}", "ab"[i % 2]
        frame["price"] = rng.choice([1.5, 2.0], length)
        frame["x"] = np.where(rng.random(length) < 0.2, np.nan, rng.normal(size=length).round(2))
        frame["c"] = pd.Categorical(rng.choice(list("uv"), length), list("uvw"))
        frames.append(frame.drop(index=[3]) if i % 5 == 0 else frame)
    synth = TimeSeriesDiffusionSynthesizer(
        sequence_key="k", sequence_index="d", known_columns=["price"], window=8, **TINY
    )
    return _small(synth, pd.concat(frames, ignore_index=True))


def visits() -> TimeSeriesDiffusionSynthesizer:
    """A panel at irregular moments."""
    rng = np.random.default_rng(4)
    minutes = rng.integers(1, 50, (15, 8)).cumsum(axis=1).ravel()
    frame = pd.DataFrame(
        {
            "patient": np.repeat(np.arange(100, 115), 8),
            "at": pd.Timestamp("2021-01-01") + pd.to_timedelta(minutes, unit="min"),
            "age": np.repeat(rng.integers(20, 60, 15), 8),
            "pulse": rng.normal(70, 9, 120).round(1),
            "state": rng.choice(list("uvw"), 120),
        }
    )
    synth = TimeSeriesDiffusionSynthesizer(sequence_key="patient", sequence_index="at", **TINY)
    return _small(synth, frame)


def months() -> TimeSeriesDiffusionSynthesizer:
    """One series of month ends, without a key."""
    rng = np.random.default_rng(5)
    ends = pd.date_range("2015-01-31", periods=60, freq="ME")
    frame = pd.DataFrame({"d": ends, "x": rng.normal(size=60), "n": rng.integers(0, 9, 60)})
    synth = TimeSeriesDiffusionSynthesizer(sequence_index="d", window=12, **TINY)
    return _small(synth, frame)


def gauges() -> TimeSeriesDiffusionSynthesizer:
    """A panel without order in time whose numbers have gaps: states come first, waves fade."""
    rng = np.random.default_rng(6)
    level = rng.normal(size=120).round(3)
    frame = pd.DataFrame(
        {
            "gauge": np.repeat(np.arange(12), 10),
            "level": np.where(rng.random(120) < 0.2, np.nan, level),
            "rain": np.where(rng.random(120) < 0.5, 0.0, rng.lognormal(size=120).round(2)),
            "gate": rng.choice(["open", "shut"], 120),
        }
    )
    return _small(TimeSeriesDiffusionSynthesizer(sequence_key="gauge", **TINY), frame)


def _small(
    synth: TimeSeriesDiffusionSynthesizer, frame: pd.DataFrame
) -> TimeSeriesDiffusionSynthesizer:
    """Fitted with a small network of the table of entities, too, whose size is no parameter."""
    with patch("tabdiff.synthesizer.default_size", return_value=Size(8, 1)):
        return synth.fit(frame)


SUBJECTS: dict[str, Callable[[], DiffusionEstimator]] = {
    build.__name__: build
    for build in (kinds, arrow, constrained, chosen, days, visits, months, gauges)
}


def _objects(values: list[Any]) -> pd.Series:
    series = pd.Series([None] * len(values), dtype=object)
    series[:] = values
    return series
