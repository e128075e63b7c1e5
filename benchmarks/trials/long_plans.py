"""Random long frames: entities of unequal lengths, moments of every dtype, columns of any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.trials.catalogue import FAMILIES, REFUSED
from benchmarks.trials.plans import ARROWS, LABELS, ColumnPlan, draw_column, series_of

MOST_ENTITIES = 8
MOST_LENGTH = 12
Rng = np.random.Generator
# Families whose cells are moments, and the counts between two of them.
MOMENTS = {
    "datetime64[ns] days": 1,
    "datetime64[s]": 1,
    "datetime64[ms]": 86_400_000,
    "datetime64[us]": 3_600_000_000,
    "datetime64[ns, UTC]": 60_000_000_000,
    "datetime64[s, Europe/Paris]": 3600,
    "datetime64[us, clock change]": 1_800_000_000,
    "timedelta64[s]": 60,
    "timedelta64[ns]": 1,
    "period[D]": 1,
    "period[M]": 1,
    "period[Q-FEB]": 1,
    "period[W-WED]": 1,
    "int8": 1,
    "int64": 7,
    "uint8": 1,
    "uint64": 1,
    "Int16": 10,
    "float64 cents": 5,
    "float64": 1000,
    "float32 tenths": 1,
    "Float64 cents": 100,
    "objects: ints": 1,
    "objects: decimals": 5,
    "objects: dates": 7,
    "objects: times": 60_000_000,
    "objects: datetimes": 86_400_000_000,
    "objects: zoned datetimes": 3_600_000_000,
    "objects: timestamps": 86_400_000_000_000,
    "objects: zoned timestamps": 60_000_000_000,
    "objects: timedeltas": 1_000_000,
    "objects: pandas timedeltas": 1_000_000_000,
    "objects: periods": 1,
    "objects: days as text": 1,
    "objects: seconds as text": 30,
    "objects: minutes as text": 1440,
    "arrow timestamp[us]": 3_600_000_000,
    "arrow timestamp[ns, +05:30]": 3_600_000_000_000,
    "arrow date32": 1,
    "arrow date64": 1,
    "arrow time64[us]": 1_000_000,
    "arrow duration[ms]": 1000,
    "arrow int32": 2,
    "arrow double": 1,
    "arrow decimal128": 25,
}
CALENDAR = ("month starts", "month ends")
KEYS = (
    *("objects: text", "objects: ints", "objects: UUIDs", "objects: bytes", "int16", "uint64"),
    *("string[python]", "str[pyarrow]", "category of text", "category of ints", "Int32"),
    *("arrow int64", "arrow string", "arrow dictionary", "arrow binary"),
)
# The refused ones whose rows pandas can put into another order.
MOVABLE = [name for name in REFUSED if name != "arrow string_view"]
FAULTS = ("a moment twice", "a key missing", "a moment missing")


@dataclass(frozen=True)
class LongPlan:
    """A long frame.

    Attributes
    ----------
    lengths : tuple of int
        Rows of each entity.
    key, moments : str
        Families; empty for none.
    rhythm : str
        "regular", "holes" or "irregular".
    rows, context : tuple of ColumnPlan
        Columns that change within an entity, and those that do not.
    fault : str
        One of ``FAULTS``, or empty.
    """

    lengths: tuple[int, ...]
    key: str
    moments: str
    rhythm: str
    rows: tuple[ColumnPlan, ...]
    context: tuple[ColumnPlan, ...]
    labels: str
    container: str
    fault: str
    seed: int


@dataclass(frozen=True)
class LongTable:
    """A long frame, its roles, and what an error must name where it is to be refused."""

    frame: Any
    key: Any
    moments: Any
    refused: tuple[str, ...]


def draw_long_plan(rng: Rng) -> LongPlan:
    """A plan; one in eight is of a polars frame, one in eight of a single series."""
    polars = rng.random() < 0.125
    families = ARROWS if polars else list(FAMILIES)
    moments = [*MOMENTS, *CALENDAR, "", "", ""]
    single = rng.random() < 0.125
    if polars:
        moments = [name for name in moments if name in ARROWS or not name]
    rows = [draw_column(rng, families) for _ in range(int(rng.integers(1, 4)))]
    if not polars and rng.random() < 0.04:
        rows[0] = ColumnPlan(str(rng.choice(MOVABLE)), "few", 0.0, rows[0].seed)
    context = [draw_column(rng, families) for _ in range(0 if single else int(rng.integers(0, 3)))]
    key = "" if single else str(rng.choice([n for n in KEYS if n in families]))
    chosen = str(rng.choice(moments))
    n = 1 if single else int(rng.integers(1, MOST_ENTITIES + 1))
    lengths = rng.integers(2 if n == 1 else 1, MOST_LENGTH + 1, n)
    faults = [""] * 20
    if chosen in MOMENTS and rows[0].family not in REFUSED and max(lengths) > 1:
        faults += ["a moment twice"] + ["a moment missing"] * FAMILIES[chosen].can_miss
    if key and FAMILIES[key].can_miss and rows[0].family not in REFUSED:
        faults.append("a key missing")
    return LongPlan(
        lengths=tuple(int(length) for length in lengths),
        key=key,
        moments=chosen,
        rhythm=str(rng.choice(["regular", "holes", "irregular"])),
        rows=tuple(rows),
        context=tuple(context),
        labels="text" if rng.random() < 0.5 else str(rng.choice(list(LABELS))),
        container="polars" if polars else "pandas",
        fault=str(rng.choice(faults)) if n > 1 else "",
        seed=int(rng.integers(2**32)),
    )


def build_long(plan: LongPlan) -> LongTable:
    """The long frame that a plan describes, its rows in no order."""
    rng = np.random.default_rng(plan.seed)
    owner = np.repeat(np.arange(len(plan.lengths)), plan.lengths)
    columns = [series_of(own, len(owner)) for own in plan.rows]
    columns += [
        series_of(own, len(plan.lengths)).iloc[owner].reset_index(drop=True) for own in plan.context
    ]
    made = [own.family for own in (*plan.rows, *plan.context)]
    if plan.key:
        columns.append(_keys(plan, owner, rng))
    if plan.moments:
        columns.append(_moments(plan, owner, rng))
    frame = pd.concat(columns, axis=1)
    labels = LABELS[plan.labels](rng, len(columns))
    if len(set(labels)) < len(columns) or plan.container == "polars":
        labels = pd.Index([f"c{i}" for i in range(len(columns))])
    frame.columns = labels
    if plan.moments:
        frame = frame.sample(frac=1, random_state=plan.seed)
    key = labels[len(made)] if plan.key else None
    moments = labels[-1] if plan.moments else None
    refused = [repr(label) for label, own in zip(labels, made, strict=False) if own in REFUSED]
    if plan.fault:
        refused = [repr(key if plan.fault == "a key missing" else moments)]
    return LongTable(_contained(frame, plan.container), key, moments, tuple(refused))


def _contained(frame: pd.DataFrame, container: str) -> Any:
    if container == "pandas":
        return frame
    columns = {
        name: pl.Series(name, pl.from_arrow(own.array.__arrow_array__()))
        for name, own in frame.items()
    }
    return pl.DataFrame(columns)


def _keys(plan: LongPlan, owner: np.ndarray, rng: Rng) -> pd.Series:
    counts: list[int | None] = [int(entity) + 40 for entity in owner]
    if plan.fault == "a key missing":
        counts[int(rng.integers(len(counts)))] = None
    return FAMILIES[plan.key].make(counts, rng)


def _moments(plan: LongPlan, owner: np.ndarray, rng: Rng) -> pd.Series:
    places = _places(plan, owner, rng)
    if plan.moments in CALENDAR:
        months = np.array(places, dtype="M8[M]")
        days = months.astype("M8[D]")
        if plan.moments == "month ends":
            days = (months + 1).astype("M8[D]") - 1
        return pd.Series(days.astype("M8[s]"))
    family, step = FAMILIES[plan.moments], MOMENTS[plan.moments]
    span = max(places) * step
    high = max(family.low, family.high - span)
    start = max(family.low, min(0, high))
    if rng.random() < 0.5:
        start = family.low + int.from_bytes(rng.bytes(20)) % (high - family.low + 1)
    counts: list[int | None] = [start + place * step for place in places]
    if plan.fault == "a moment missing":
        counts[int(rng.integers(len(counts)))] = None
    return family.make(counts, rng)


def _places(plan: LongPlan, owner: np.ndarray, rng: Rng) -> list[int]:
    """How many steps after the first of all each row lies."""
    places: list[int] = []
    for length in plan.lengths:
        gaps = np.ones(length, dtype=np.int64)
        if plan.rhythm == "holes":
            gaps[rng.random(length) < 0.05] = 3
        elif plan.rhythm == "irregular":
            gaps = rng.integers(1, 6, length)
        places += (int(rng.integers(4)) + np.cumsum(gaps) - gaps[0]).tolist()
    if plan.fault == "a moment twice":
        longest = int(np.argmax(plan.lengths))
        last = int(np.flatnonzero(owner == longest)[-1])
        places[last] = places[last - 1]
    return places
