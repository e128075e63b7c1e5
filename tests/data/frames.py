"""Frames with one column of every family that pandas, arrow and plain objects offer."""

import datetime as dt
import inspect
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

N = 240


def _with_missing(values: list[object], token: object) -> list[object]:
    return [token if at % 7 == 3 else value for at, value in enumerate(values)]


def _objects(values: list[object]) -> pd.Series:
    series = pd.Series([None] * len(values), dtype=object)
    series[:] = values
    return series


def numpy_families() -> dict[str, pd.Series]:
    rng = np.random.default_rng(1)
    ints = rng.integers(-100, 100, N)
    families = {
        f"{sign}int{bits}": pd.Series(rng.integers(0, 120, N).astype(f"{sign}int{bits}"))
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    normal = rng.normal(size=N)
    families |= {
        "int8 limits": pd.Series(
            np.append(rng.integers(-128, 128, N - 2), [-128, 127]), dtype="int8"
        ),
        "int64 limits": pd.Series([-(2**63), 2**63 - 1] * (N // 2), dtype="int64"),
        "uint64 limits": pd.Series([2**64 - 1, 2**64 - 2, 2**63, 7] * (N // 4), dtype="uint64"),
        "odd above 2^53": pd.Series(2**53 + 1 + 2 * rng.integers(0, 10**6, N)),
        "wide uint64": pd.Series(np.uint64(2**64 - 1) - rng.integers(0, 10**9, N).astype("uint64")),
        "float16": pd.Series(normal.astype("float16")),
        "float32": pd.Series(normal.astype("float32")),
        "float64": pd.Series(normal),
        "float NaN": pd.Series(np.where(ints % 5 == 0, np.nan, normal)),
        "cents": pd.Series(np.round(rng.lognormal(3, 1, N), 2)),
        "float32 tenths": pd.Series(np.round(normal, 1).astype("float32")),
        "1e300": pd.Series(normal * 1e300),
        "1e-300": pd.Series(normal * 1e-300),
        "subnormal": pd.Series(normal * 1e-310),
        "range overflows": pd.Series(rng.choice([-1.0, 1.0], N) * 1.7e308 * rng.uniform(0.9, 1, N)),
        "bool": pd.Series(ints > 0),
        "spike": pd.Series(np.where(ints < 0, 0.0, np.exp(normal))),
        "sentinel": pd.Series(np.where(ints < 0, -1, rng.integers(0, 10**6, N))),
        "datetime ns": pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(ints, unit="h")),
        "datetime s 0001-9999": pd.Series(
            np.array(["0001-01-01", "9999-12-31"] * (N // 2), dtype="M8[s]")
        ),
        "datetime us spread": pd.Series(
            np.datetime64("2001-01-01", "us") + rng.integers(0, 10**9, N).astype("m8[us]")
        ),
        "NaT": pd.Series(
            [
                pd.NaT if i % 5 == 0 else pd.Timestamp("2021-01-01") + pd.Timedelta(i, "D")
                for i in ints
            ]
        ),
        "zoned": pd.Series(
            pd.Timestamp("2020-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 10**6, N), unit="min")
        ).dt.tz_convert("Europe/Paris"),
        "fixed offset": pd.Series(
            pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(ints, unit="h")
        ).dt.tz_convert(dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
        "timedelta": pd.Series(pd.to_timedelta(rng.integers(-(10**6), 10**6, N), unit="s")),
        "timedelta NaT": pd.Series([pd.NaT if i % 5 == 0 else pd.Timedelta(i, "D") for i in ints]),
        "period M": pd.Series(pd.PeriodIndex.from_ordinals(ints % 50, freq="M")),
        "period NaT": pd.Series(
            pd.PeriodIndex(_with_missing(["2020-01", "2020-05"] * (N // 2), pd.NaT), freq="M")
        ),
        "interval": pd.Series(pd.cut(normal, [-9, -1, 0, 1, 9])).astype(object).astype("interval"),
        "sparse": pd.Series(np.where(ints < 0, 0.0, normal), dtype=pd.SparseDtype("float64", 0.0)),
        "sparse NaN": pd.Series(np.where(ints < 0, np.nan, normal), dtype="Sparse[float64]"),
        "sparse int": pd.Series(np.where(ints < 0, 0, ints), dtype=pd.SparseDtype("int64", 0)),
        "sparse bool": pd.Series(ints < -50, dtype=pd.SparseDtype(bool, False)),
    }
    return families


def nullable_families() -> dict[str, pd.Series]:
    rng = np.random.default_rng(2)
    ints = _with_missing(rng.integers(0, 100, N).tolist(), None)
    floats = _with_missing(rng.normal(size=N).tolist(), None)
    texts = _with_missing(rng.choice(["a", "b", "", " ", "nan", "None"], N).tolist(), None)
    names = [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
    families = {name: pd.Series(ints, dtype=name) for name in names}
    families |= {name: pd.Series(floats, dtype=name) for name in ("Float32", "Float64")}
    families |= {
        "Int64 big": pd.Series([2**62 + 1, 2**62 + 3, None] * (N // 3), dtype="Int64"),
        "boolean": pd.Series(_with_missing((rng.random(N) < 0.3).tolist(), None), dtype="boolean"),
        "string python": pd.Series(texts, dtype="string[python]"),
        "string pyarrow": pd.Series(texts, dtype="string[pyarrow]"),
        "category": pd.Series(pd.Categorical(texts, categories=[*"dcba", "", " ", "nan", "None"])),
        "ordered": pd.Series(
            pd.Categorical(rng.choice(["low", "mid"], N), ["low", "mid", "high"], ordered=True)
        ),
        "category of ints": pd.Series(pd.Categorical(rng.integers(3, 9, N))),
        "category of intervals": pd.Series(pd.cut(rng.normal(size=N), 5)),
        "category of dates": pd.Series(
            pd.Categorical(pd.to_datetime(rng.choice(["2020-01-01", "2021-01-01"], N)))
        ),
    }
    if "na_value" in inspect.signature(pd.StringDtype).parameters:
        families["str"] = pd.Series(texts, dtype=pd.StringDtype("python", na_value=np.nan))
    return families


def object_families() -> dict[str, pd.Series]:
    rng = np.random.default_rng(3)
    ints = rng.integers(0, 1000, N).tolist()
    start, clock = dt.datetime(2020, 1, 1), dt.datetime(1970, 1, 1)
    paris = ZoneInfo("Europe/Paris")
    moments = [start + dt.timedelta(seconds=997 * i) for i in ints]
    lists: dict[str, list[object]] = {
        "strings None": _with_missing(rng.choice(["x", "", " ", "nan", "None"], N).tolist(), None),
        "strings NaN": _with_missing(rng.choice(["é", "e\u0301", "😀"], N).tolist(), float("nan")),
        "strings NA": _with_missing(rng.choice(["=cmd()", "b"], N).tolist(), pd.NA),
        "ints": list(ints),
        "ints None": _with_missing(ints, None),
        "floats None": _with_missing(rng.normal(size=N).tolist(), None),
        "big ints": rng.choice([10, 20], N).astype(object).tolist(),
        "beyond int64": [2**70 + int(i) % 5 for i in ints],
        "bools None": _with_missing((rng.random(N) < 0.5).tolist(), None),
        "int and str": [1 if i % 3 == 0 else "1" if i % 3 == 1 else True for i in ints],
        "decimals": _with_missing([Decimal(i).scaleb(-2) for i in ints], None),
        "decimals of one scale": [Decimal(i).scaleb(-2) for i in ints],
        "bytes": [bytes([i % 4, 255]) for i in ints],
        "dates": _with_missing([moment.date() for moment in moments], None),
        "times": [(clock + dt.timedelta(seconds=61 * i, microseconds=i)).time() for i in ints],
        "datetimes 1..9999": [
            dt.datetime(1, 1, 1) if i % 2 else dt.datetime(9999, 12, 31, 23, 59) for i in ints
        ],
        "datetimes": _with_missing(moments, None),
        "zoned datetimes": [m.replace(tzinfo=dt.UTC).astimezone(paris) for m in moments],
        "timestamps": _with_missing([pd.Timestamp(m) for m in moments], pd.NaT),
        "zoned timestamps": [pd.Timestamp(m, tz="UTC") for m in moments],
        "timedeltas": _with_missing([dt.timedelta(seconds=i) for i in ints], None),
        "pandas timedeltas": [pd.Timedelta(i, "min") for i in ints],
        "periods": [pd.Period(ordinal=i % 90, freq="Q") for i in ints],
        "intervals": [pd.Interval(i % 3, i % 3 + 1) for i in ints],
        "uuids": [uuid.UUID(int=i % 6) for i in ints],
        "date text": [moment.date().isoformat() for moment in moments],
        "time text": _with_missing([moment.isoformat(" ") for moment in moments], None),
    }
    return {name: _objects(values) for name, values in lists.items()}


def arrow_families() -> dict[str, pd.Series]:
    rng = np.random.default_rng(4)
    ints = _with_missing(rng.integers(0, 100, N).tolist(), None)
    texts = _with_missing(rng.choice(["a", "b"], N).tolist(), None)
    day = dt.date(2020, 1, 1)
    arrays = {
        "double": pa.array(_with_missing(rng.normal(size=N).tolist(), None)),
        "double NaN": pa.array(_with_missing(rng.normal(size=N).tolist(), float("nan"))),
        "float": pa.array(_with_missing(rng.normal(size=N).tolist(), None), pa.float32()),
        "bool": pa.array(_with_missing((rng.random(N) < 0.5).tolist(), None)),
        "string": pa.array(texts),
        "large_string": pa.array(texts, pa.large_string()),
        "binary": pa.array(_with_missing([b"a", b"\xff"] * (N // 2), None)),
        "timestamp": pa.array(ints, pa.timestamp("us")),
        "timestamp tz": pa.array(ints, pa.timestamp("ns", "Asia/Tokyo")),
        "duration": pa.array(ints, pa.duration("ms")),
        "date32": pa.array([None if i is None else day + dt.timedelta(i) for i in ints]),
        "date64": pa.array(
            [None if i is None else day + dt.timedelta(i) for i in ints], pa.date64()
        ),
        "time32": pa.array(ints, pa.time32("s")),
        "time64": pa.array(ints, pa.time64("us")),
        "decimal": pa.array(
            [None if i is None else Decimal(i).scaleb(-2) for i in ints], pa.decimal128(9, 2)
        ),
        "dictionary": pa.array(texts).dictionary_encode(),
    }
    arrays |= {
        name: pa.array(ints, getattr(pa, name)())
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    }
    return {
        f"arrow {name}": pd.Series(pd.arrays.ArrowExtensionArray(array))
        for name, array in arrays.items()
    }


FAMILIES = numpy_families() | nullable_families() | object_families() | arrow_families()
