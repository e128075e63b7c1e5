"""Columns of every row of the list of odd input that is about one column, by the row's number.

`WHOLE` can be modelled and comes out of every verb as it went in; `REFUSED` cannot, for the reason
beside it. Each has the same number of rows, so that many make one table or one panel.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.data.frames import FAMILIES, N


def numbers(n: int = N) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)


def objects(values: list[Any]) -> pd.Series:
    series = pd.Series([None] * len(values), dtype=object)
    series[:] = values
    return series


WHOLE = {
    "08 some NaN": FAMILIES["float NaN"],
    "10 int and str": FAMILIES["int and str"],
    "13 time zone": FAMILIES["zoned"],
    "13 fixed offset": FAMILIES["fixed offset"],
    "15 datetimes of years 1 and 9999": FAMILIES["datetimes 1..9999"],
    "16 datetime64[s] of years 1 and 9999": FAMILIES["datetime s 0001-9999"],
    "17 NaT": FAMILIES["NaT"],
    "18 dates": FAMILIES["dates"],
    "19 times": FAMILIES["times"],
    "20 timedelta": FAMILIES["timedelta"],
    "20 timedelta NaT": FAMILIES["timedelta NaT"],
    "21 period": FAMILIES["period M"],
    "21 period NaT": FAMILIES["period NaT"],
    "22 interval objects": FAMILIES["intervals"],
    "22 interval dtype": FAMILIES["interval"],
    "23 interval category": FAMILIES["category of intervals"],
    "24 sparse": FAMILIES["sparse"],
    "24 sparse NaN": FAMILIES["sparse NaN"],
    "24 sparse int": FAMILIES["sparse int"],
    "26 odd above 2^53": FAMILIES["odd above 2^53"],
    "27 uint64 near its limit": FAMILIES["wide uint64"],
    "27 uint64 limits": FAMILIES["uint64 limits"],
    "28 beyond int64": FAMILIES["beyond int64"],
    "29 bool": FAMILIES["bool"],
    "30 boolean NA": FAMILIES["boolean"],
    "31 Int64 NA": FAMILIES["Int64"],
    "32 string[python] NA": FAMILIES["string python"],
    "32 string[pyarrow] NA": FAMILIES["string pyarrow"],
    "41 unused levels": FAMILIES["category"],
    "42 ordered category": FAMILIES["ordered"],
    "43 category of ints": FAMILIES["category of ints"],
    "44 one category": pd.Series(pd.Categorical(["only"] * N, ["only", "never"])),
    "45 constant float": pd.Series([0.1] * N),
    "48 scale 1e300": FAMILIES["1e300"],
    "49 scale 1e-300": FAMILIES["1e-300"],
    "49 subnormal": FAMILIES["subnormal"],
    "50 range overflows": FAMILIES["range overflows"],
    "51 decimals": FAMILIES["decimals"],
    "52 bytes": FAMILIES["bytes"],
    "53 float16": FAMILIES["float16"],
    "54 float32": FAMILIES["float32"],
    "55 int8 limits": FAMILIES["int8 limits"],
    "56 arrow double": FAMILIES["arrow double"],
    "57 arrow string NA": FAMILIES["arrow string"],
    "58 arrow timestamp": FAMILIES["arrow timestamp"],
    "58 arrow timestamp with zone": FAMILIES["arrow timestamp tz"],
    "64 empty and blank": objects(["", " ", None] * (N // 3)),
    "65 nan and None as text": objects(["nan", "None", None, "x"] * (N // 4)),
    "65 nan as text beside NaN": objects(["nan", "None", float("nan"), "x"] * (N // 4)),
}

REFUSED = {
    "09 infinite": (
        pd.Series([1.5, 2.5, np.inf, 4.5] * (N // 4)),
        r"infinite \(first at row 2: inf\)",
    ),
    "09 minus infinity": (pd.Series([1.5, -np.inf] * (N // 2)), r"120 values are infinite"),
    "11 lists": (
        objects([[1, 2], [3]] * (N // 2)),
        r"lists \(first at row 0: \[1, 2\]\).*df.explode",
    ),
    "12 dicts": (
        objects([None, {"k": 1}] * (N // 2)),
        r"120 values are dicts \(first at row 1.*explode",
    ),
    "14 several time zones": (
        objects([pd.Timestamp("2020", tz=zone) for zone in ("UTC", "Asia/Tokyo")] * (N // 2)),
        r"several time zones.*utc=True",
    ),
    "14 naive and zoned": (
        objects([pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")] * (N // 2)),
        r"several time zones.*utc=True",
    ),
    "25 complex": (pd.Series([1 + 2j, 3j] * (N // 2)), r"complex.*real and an imaginary"),
    "59 arrow list": (
        pd.Series([[1], [2]] * (N // 2), dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        r"arrow type list.*explode",
    ),
    "59 arrow struct": (
        pd.Series([{"a": 1}] * N, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))),
        r"arrow type struct.*explode",
    ),
}


def assert_alike(made: pd.Series, real: pd.Series, kind: str) -> None:
    if kind != "identifier":
        assert made.dtype == real.dtype
    if made.dtype == object and made.isna().any():
        assert {type(v) for v in made[made.isna()]} <= {type(v) for v in real[real.isna()]}
    assert real.isna().any() or not made.isna().any()
    new, old = made.dropna().tolist(), real.dropna().tolist()
    assert {type(value) for value in new} <= {type(value) for value in old}
    if kind in ("numeric", "datetime", "timedelta"):
        assert new and min(old) <= min(new) and max(new) <= max(old)
    elif kind in ("categorical", "constant"):
        assert {(type(v), v) for v in new} <= {(type(v), v) for v in old}
    elif kind == "identifier":
        assert not set(new) & set(old) and len(set(new)) == len(new)


WITH_GAPS = [name for name, series in WHOLE.items() if series.isna().any()]


def first_values(frame: pd.DataFrame) -> dict[str, Any]:
    """Of each odd column, the first value that is none of the missing ones."""
    return {name: frame[name].dropna().iloc[0] for name in WHOLE}


def assert_filled(full: pd.Series, real: pd.Series, kind: str) -> None:
    """No gap is left, all else is as it was, to the last bit and type."""
    observed = real.notna().to_numpy()
    assert full.notna().all()
    kept = full[observed].tolist()
    assert kept == real[observed].tolist()
    assert list(map(type, kept)) == list(map(type, real[observed].tolist()))
    assert_alike(full, real, kind)
