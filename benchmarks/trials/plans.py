"""Random tables: a plan of plain words and numbers, and the table that it describes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.trials.catalogue import FAMILIES, LAWS, REFUSED

MOST_ROWS = 60
MOST_COLUMNS = 6
Rng = np.random.Generator
# Whose columns are numbers of a single dtype, as an array has them.
ARRAYS = [
    name for name in FAMILIES if name.startswith(("int", "uint", "float")) and "val" not in name
]
ARROWS = [name for name in FAMILIES if name.startswith("arrow")]
ARROWS = [name for name in ARROWS if "decimal256" not in name and "+05:30" not in name]


@dataclass(frozen=True)
class ColumnPlan:
    """One column: a family or a name of ``REFUSED``, a law, the share of missing cells."""

    family: str
    law: str
    missing: float
    seed: int


@dataclass(frozen=True)
class Plan:
    """A table: its rows, columns, labels, index and container."""

    rows: int
    columns: tuple[ColumnPlan, ...]
    labels: str
    index: str
    container: str
    seed: int


@dataclass(frozen=True)
class Table:
    """A table, and what an error must name where it is to be refused.

    Attributes
    ----------
    frame : DataFrame or array
    refused : tuple of str
        Empty where the table is a good one.
    """

    frame: Any
    refused: tuple[str, ...]


# ---- labels ----

_ODD = ["\U0001f600", "a\nb", "é", "e\u0301", "", " ", "x.value", "num", "a" * 300, "\0", "%s{}"]
_LIKE_IDENTIFIERS = ["customer_id", "e-mail", "phone", "iban", "id", "index", "No", "key"]
_MIXED = ["a", 1, 2.5, dt.date(2020, 1, 1), ("a", 1), b"x", Decimal("1.5"), False, -1, "1"]
_MIXED += [pd.Timestamp("2020-01-01"), pd.Interval(0, 1), pd.Period("2020", "Y"), dt.time(1)]


def _some(labels: list[Any]) -> Callable[[Rng, int], pd.Index]:
    def make(rng: Rng, n: int) -> pd.Index:
        chosen = [labels[i] for i in rng.permutation(len(labels))[:n]]
        return pd.Index(chosen, dtype=object, tupleize_cols=False)

    return make


def _tuples(names: list[Any]) -> Callable[[Rng, int], pd.Index]:
    return lambda rng, n: pd.MultiIndex.from_tuples(
        [("ab"[i % 2], i, "") for i in range(n)], names=names
    )


LABELS: dict[str, Callable[[Rng, int], pd.Index]] = {
    "text": lambda rng, n: pd.Index([f"c{i}" for i in range(n)]),
    "odd text": _some(_ODD),
    "like identifiers": _some(_LIKE_IDENTIFIERS),
    "any type": _some(_MIXED),
    "counted": lambda rng, n: pd.RangeIndex(n),
    "ints": lambda rng, n: pd.Index(rng.permutation(n) - 2, dtype="int16"),
    "floats": lambda rng, n: pd.Index(rng.permutation(n) / 4),
    "levels": _tuples([None, None, None]),
    "named levels": _tuples(["k", None, 3]),
    "named": lambda rng, n: pd.Index([f"c{i}" for i in range(n)], name="of"),
    "string dtype": lambda rng, n: pd.Index([f"c{i}" for i in range(n)], dtype="string"),
    "moments": lambda rng, n: pd.date_range("2020-01-01", periods=n),
    "zoned moments": lambda rng, n: pd.date_range("2020-01-01", periods=n, tz="Asia/Tokyo"),
    "periods": lambda rng, n: pd.period_range("2020-01", periods=n, freq="M"),
    "spans": lambda rng, n: pd.timedelta_range("1h", periods=n),
    "intervals": lambda rng, n: pd.interval_range(0, n),
    "categories": lambda rng, n: pd.CategoricalIndex([f"c{i}" for i in range(n)]),
}
BAD_LABELS: dict[str, Callable[[Rng, int], pd.Index]] = {
    "one twice": lambda rng, n: pd.Index([*range(n - 1), 0], dtype=object),
    "missing": lambda rng, n: pd.Index([*range(n - 1), [None, np.nan, pd.NA][n % 3]], dtype=object),
}


# ---- index ----

INDEX: dict[str, Callable[[Rng, int], pd.Index]] = {
    "counted": lambda rng, n: pd.RangeIndex(n),
    "shuffled": lambda rng, n: pd.Index(rng.permutation(n)),
    "one value": lambda rng, n: pd.Index([7] * n),
    "text": lambda rng, n: pd.Index([f"r{i % 5}" for i in range(n)]),
    "missing": lambda rng, n: pd.Index([np.nan] * n),
    "moments": lambda rng, n: pd.date_range("2020-01-01", periods=n, freq="h"),
    "named": lambda rng, n: pd.date_range("2020-01-01", periods=n, name="day"),
    "levels": lambda rng, n: pd.MultiIndex.from_arrays([range(n), ["a"] * n], names=["k", None]),
    "categories": lambda rng, n: pd.CategoricalIndex(["ab"[i % 2] for i in range(n)]),
}


# ---- plans ----


def draw_plan(rng: Rng) -> Plan:
    """A plan: one in eight is of a polars frame, one in twelve of an array, few are refused."""
    container = str(rng.choice(["pandas"] * 19 + ["polars"] * 3 + ["numpy"] * 2))
    names = {"pandas": list(FAMILIES), "polars": ARROWS, "numpy": ARRAYS}[container]
    most = MOST_COLUMNS if container != "numpy" else 3
    families = [str(rng.choice(names)) for _ in range(int(rng.integers(1, most + 1)))]
    if container == "numpy":
        families = families[:1] * len(families)
    if container == "pandas" and rng.random() < 0.1:
        families[0] = str(rng.choice(list(REFUSED)))
    labels = list(LABELS)
    if container == "pandas" and len(families) > 1 and rng.random() < 0.03:
        labels = list(BAD_LABELS)
    return Plan(
        rows=int(rng.integers(2, MOST_ROWS + 1)),
        columns=tuple(draw_column(rng, [family]) for family in families),
        labels="text" if rng.random() < 0.3 and len(labels) > 2 else str(rng.choice(labels)),
        index="counted" if rng.random() < 0.5 else str(rng.choice(list(INDEX))),
        container=container,
        seed=int(rng.integers(2**32)),
    )


def draw_column(rng: Rng, families: list[str]) -> ColumnPlan:
    """A plan of one column of some families."""
    return ColumnPlan(
        str(rng.choice(families)),
        str(rng.choice(list(LAWS))),
        float(rng.choice([0, 0, 0, 0.1, 0.5, 0.9, 1])),
        int(rng.integers(2**32)),
    )


def build(plan: Plan) -> Table:
    """The table that a plan describes."""
    rng = np.random.default_rng(plan.seed)
    columns = [series_of(column, plan.rows) for column in plan.columns]
    if plan.container == "numpy":
        return Table(np.column_stack([column.to_numpy() for column in columns]), ())
    if plan.container == "polars":
        return Table(_polars(columns, rng), ())
    labels = (LABELS | BAD_LABELS)[plan.labels](rng, len(columns))
    frame = pd.concat(columns, axis=1)
    frame.columns = labels
    frame.index = INDEX[plan.index](rng, plan.rows)
    if plan.labels in BAD_LABELS:
        told = repr(labels[-1]) if plan.labels == "one twice" else f"[{len(labels) - 1}]"
        return Table(frame, (told,))
    pairs = zip(labels, plan.columns, strict=True)
    return Table(frame, tuple(repr(label) for label, own in pairs if own.family in REFUSED))


def series_of(plan: ColumnPlan, n: int) -> pd.Series:
    """The column of n rows that a plan describes."""
    rng = np.random.default_rng(plan.seed)
    if plan.family in REFUSED:
        return REFUSED[plan.family](n, rng)
    family = FAMILIES[plan.family]
    counts: list[int | None] = list(LAWS[plan.law](rng, n, family.low, family.high))
    gone = rng.random(n) < plan.missing
    if family.can_miss:
        counts = [None if at else count for at, count in zip(gone, counts, strict=True)]
    return family.make(counts, rng)


def _polars(columns: list[pd.Series], rng: Rng) -> pl.DataFrame:
    made = {}
    for at, column in enumerate(columns):
        name = f"{rng.choice(_ODD)}{at}"
        own = pl.Series(name, pl.from_arrow(column.array.__arrow_array__()))
        if own.dtype == pl.String and rng.random() < 0.5:
            levels = own.drop_nulls().unique().sort().to_list()
            own = own.cast(rng.choice([pl.Categorical(), pl.Enum([*levels, "never"])]))
        made[name] = own
    return pl.DataFrame(made)
