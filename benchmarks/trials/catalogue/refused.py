"""Columns that no table may have, whatever their cells: each is refused by name."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.trials.catalogue.family import Rng, Series
from benchmarks.trials.catalogue.objects import cells

Maker = Callable[[int, Rng], Series]


class _Colour(enum.Enum):
    RED = 1


def _some_odd(usual: object, odd: object) -> Maker:
    """One cell at least is odd."""

    def make(n: int, rng: Rng) -> Series:
        places = rng.random(n) < 0.3
        places[rng.integers(n)] = True
        return cells([odd if at else usual for at in places])

    return make


def _infinite(dtype: str, sign: float) -> Maker:
    def make(n: int, rng: Rng) -> Series:
        values = rng.normal(size=n)
        values[rng.integers(n)] = sign * np.inf
        # Two values at least, as a constant is taken whatever it is.
        values[int(np.argmax(np.isinf(values))) - 1] = 0.5
        return Series(values).astype(dtype)

    return make


def _arrow(cell: object, kind: pa.DataType | None = None) -> Maker:
    return lambda n, rng: Series(pd.arrays.ArrowExtensionArray(pa.array([cell] * n, type=kind)))


_DAY = dt.datetime(2020, 1, 1)
REFUSED: dict[str, Maker] = {
    "lists": _some_odd(1, [1, 2]),
    "dicts": _some_odd("a", {"a": 1}),
    "sets": _some_odd(None, {1}),
    "tuples": _some_odd(2.5, (1, 2)),
    "arrays": _some_odd(1, np.arange(3)),
    "complex objects": _some_odd(1.0, 1 + 2j),
    "fractions": _some_odd(1, Fraction(1, 3)),
    "enumerations": _some_odd("RED", _Colour.RED),
    "bytearrays": _some_odd(b"a", bytearray(b"a")),
    "types": _some_odd("int", int),
    "infinite decimals": _some_odd(Decimal(1), Decimal("Infinity")),
    "several time zones": _some_odd(
        _DAY.replace(tzinfo=dt.UTC), _DAY.replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    ),
    "moments with and without a zone": _some_odd(_DAY, _DAY.replace(tzinfo=dt.UTC)),
    "zoned times of day": _some_odd(dt.time(1), dt.time(2, tzinfo=dt.UTC)),
    "complex128": lambda n, rng: Series(rng.normal(size=n) + 1j),
    "complex64": lambda n, rng: Series((rng.normal(size=n) + 1j).astype("complex64")),
    "longdouble": lambda n, rng: Series(rng.normal(size=n).astype("longdouble")),
    "infinite float64": _infinite("float64", 1.0),
    "infinite float16": _infinite("float16", -1.0),
    "infinite Float64": _infinite("Float64", -1.0),
    "infinite objects": lambda n, rng: _infinite("float64", 1.0)(n, rng).astype(object),
    "infinite arrow": lambda n, rng: _infinite("float64", 1.0)(n, rng).astype("double[pyarrow]"),
    "infinite Sparse": lambda n, rng: _infinite("float64", 1.0)(n, rng).astype("Sparse[float64]"),
    "arrow string_view": _arrow("a", pa.string_view()),
    "arrow lists": _arrow([1, 2]),
    "arrow structs": _arrow({"a": 1}),
    "arrow maps": _arrow([("a", 1)], pa.map_(pa.string(), pa.int64())),
    "arrow months": _arrow((1, 2, 3), pa.month_day_nano_interval()),
    "category of tuples": lambda n, rng: Series(
        pd.Categorical(cells([(1, 2)] * n), categories=cells([(1, 2), (3, 4)]))
    ),
}
