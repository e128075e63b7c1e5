"""One row per entity: what a classifier and an attacker see of a sequence.

A number becomes its first, last, mean, spread, smallest, largest, slope, autocorrelation at lag 1,
mean absolute step and missing share; a category the share of its frequent levels, the number of
changes, the first and the last; the index the gaps between the rows. Columns that are constant
within every real entity stay as they are, beside the number of their changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.dynamics import within_entities
from tabdiff.evaluation.panel import Flags, Panel
from tabdiff.evaluation.sequence_door import Panels
from tabdiff.evaluation.tables import Field, Table
from tabdiff.evaluation.values import Array, Codes, Floats

FREQUENT = 8
# What distances between entities go by: the other features say much of this again.
ESSENTIAL = frozenset(
    {"length", "start", "gap", "as it is", "first", "last", "mean", "spread", "share", "changes"}
)


@dataclass(frozen=True)
class Layout:
    """Which features there are: the same for every panel that is compared.

    Attributes
    ----------
    varying : ndarray of bool, (D,)
        Columns that change within some real entity.
    frequent : tuple of ndarray
        Codes of the most frequent levels of each categorical column; empty for numbers.
    lacking : ndarray of bool, (D,)
        Columns with missing values in any panel.
    with_length, with_start : bool
        Whether lengths, and the time of the first row, are a matter of the entity. They are not
        for windows of one long series.
    """

    varying: Flags
    frequent: tuple[Codes, ...]
    lacking: Flags
    with_length: bool
    with_start: bool

    @classmethod
    def of(cls, panels: Panels) -> Layout:
        """Look at the real entities, and for missing values at all."""
        real = panels.real.table
        every = [p for p in (panels.real, panels.synthetic, panels.holdout) if p is not None]
        frequent = [
            _frequent(np.asarray(column, dtype=np.int32))
            if field.kind == "categorical"
            else np.empty(0, dtype=np.int32)
            for field, column in zip(real.fields, real.columns, strict=True)
        ]
        lacking = [
            any(bool(panel.table.missing(i).any()) for panel in every)
            for i in range(len(real.fields))
        ]
        entities = panels.sequencing.window is None
        return cls(
            panels.real.varying(),
            tuple(frequent),
            np.array(lacking, dtype=bool),
            with_length=entities,
            with_start=entities and panels.real.when is not None,
        )


@dataclass(frozen=True)
class _Feature:
    """One value per entity; ``levels`` for a code."""

    label: str
    name: str
    values: Array
    levels: tuple[str, ...] | None = None


def entity_table(panel: Panel, layout: Layout) -> Table:
    """All features of every entity, as a table with one row each."""
    return _table(_features(panel, layout), panel.n_entities)


def essential_table(panel: Panel, layout: Layout) -> Table:
    """The features that distances go by, as a table with one row per entity."""
    made = [feature for feature in _features(panel, layout) if feature.name in ESSENTIAL]
    return _table(made, panel.n_entities)


def _features(panel: Panel, layout: Layout) -> list[_Feature]:
    made = _index_features(panel, layout)
    for i, field in enumerate(panel.table.fields):
        if i == panel.index:
            continue
        if not layout.varying[i]:
            made += _static_features(panel, i)
        elif field.kind == "numeric":
            made += _numeric_features(panel, i, bool(layout.lacking[i]))
        else:
            made += _level_features(panel, i, layout.frequent[i])
    return made


def _table(made: list[_Feature], n_entities: int) -> Table:
    fields = tuple(
        Field(feature.label, feature.label, "numeric", "number")
        if feature.levels is None
        else Field(feature.label, feature.label, "categorical", "level", feature.levels)
        for feature in made
    )
    return Table(fields, tuple(feature.values for feature in made), n_entities)


def _frequent(codes: Codes) -> Codes:
    levels, counts = np.unique(codes, return_counts=True)
    return np.asarray(levels[np.argsort(-counts, kind="stable")[:FREQUENT]], dtype=np.int32)


def _index_features(panel: Panel, layout: Layout) -> list[_Feature]:
    made = []
    if layout.with_length:
        made.append(_Feature("length", "length", panel.lengths.astype(np.float64)))
    if panel.when is None:
        return made
    if layout.with_start:
        made.append(_Feature("start", "start", panel.when[panel.starts[:-1]]))
    gaps = panel.gaps()
    entity = panel.entity[panel.pairs(1)]
    count = np.bincount(entity, minlength=panel.n_entities)
    mean = _ratio(np.bincount(entity, weights=gaps, minlength=panel.n_entities), count)
    spread = np.bincount(entity, weights=(gaps - mean[entity]) ** 2, minlength=panel.n_entities)
    smallest, largest = (np.full(panel.n_entities, np.nan) for _ in range(2))
    some = count > 0
    if some.any():
        begins = (np.cumsum(count) - count)[some]
        smallest[some] = np.minimum.reduceat(gaps, begins)
        largest[some] = np.maximum.reduceat(gaps, begins)
    return [
        *made,
        _Feature("gap, mean", "gap", mean),
        _Feature("gap, spread", "gap spread", np.sqrt(_ratio(spread, count))),
        _Feature("gap, smallest", "gap smallest", smallest),
        _Feature("gap, largest", "gap largest", largest),
    ]


def _static_features(panel: Panel, i: int) -> list[_Feature]:
    field, column = panel.table.fields[i], panel.table.columns[i]
    first = column[panel.starts[:-1]]
    return [
        _Feature(field.label, "as it is", first, None if field.kind == "numeric" else field.levels),
        _Feature(f"{field.label}, changes", "changes at all", _changes(panel, i)),
    ]


def _changes(panel: Panel, i: int) -> Floats:
    """How often the value differs from that of the row before."""
    where = panel.pairs(1)[panel.changed(i)]
    return np.bincount(panel.entity[where], minlength=panel.n_entities).astype(np.float64)


def _numeric_features(panel: Panel, i: int, lacking: bool) -> list[_Feature]:
    label = panel.table.fields[i].label
    values = np.asarray(panel.table.columns[i], dtype=np.float64)
    present = ~np.isnan(values)
    largest = float(np.abs(values[present]).max(initial=0.0)) or 1.0
    starts, ends = panel.starts[:-1], panel.starts[1:] - 1
    count = np.add.reduceat(present.astype(np.float64), starts)
    mean = _ratio(np.add.reduceat(np.where(present, values / largest, 0.0), starts), count)
    deviation = within_entities(panel, np.array([i]))[0][:, 0]
    squares = np.add.reduceat(deviation**2, starts)
    low = np.minimum.reduceat(np.where(present, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(present, values, -np.inf), starts)
    found = {
        "first": values[starts],
        "last": values[ends],
        "mean": mean * largest,
        "spread": np.sqrt(_ratio(squares, count)) * largest,
        "smallest": np.where(count > 0, low, np.nan),
        "largest": np.where(count > 0, high, np.nan),
        "slope": _slopes(panel, deviation, present) * largest,
        "autocorrelation": _ratio(_products(panel, deviation), squares),
        "step": _step_sizes(panel, values / largest) * largest,
    }
    if lacking:
        found["missing"] = 1 - count / panel.lengths
    return [_Feature(f"{label}, {name}", name, column) for name, column in found.items()]


def _slopes(panel: Panel, deviation: Floats, present: Flags) -> Floats:
    """Least-squares slope on the index, or on the row number without one."""
    starts, lengths = panel.starts[:-1], panel.lengths
    time = np.arange(panel.table.n_rows, dtype=np.float64) if panel.when is None else panel.when
    count = np.maximum(np.add.reduceat(present.astype(np.float64), starts), 1.0)
    centred = time - np.repeat(time[starts], lengths)
    middle = np.add.reduceat(np.where(present, centred, 0.0), starts) / count
    centred = np.where(present, centred - np.repeat(middle, lengths), 0.0)
    return _ratio(np.add.reduceat(deviation * centred, starts), np.add.reduceat(centred**2, starts))


def _products(panel: Panel, deviation: Floats) -> Floats:
    """Sum of each deviation times the next one of its entity."""
    first = panel.pairs(1)
    weights = deviation[first] * deviation[first + 1]
    summed = np.bincount(panel.entity[first], weights=weights, minlength=panel.n_entities)
    return summed.astype(np.float64)


def _step_sizes(panel: Panel, values: Floats) -> Floats:
    """Mean absolute difference to the next row of the entity, where both are present."""
    first = panel.pairs(1)
    steps = np.abs(values[first + 1] - values[first])
    some = ~np.isnan(steps)
    entity = panel.entity[first[some]]
    total = np.bincount(entity, weights=steps[some], minlength=panel.n_entities)
    return _ratio(total, np.bincount(entity, minlength=panel.n_entities))


def _level_features(panel: Panel, i: int, frequent: Codes) -> list[_Feature]:
    field = panel.table.fields[i]
    codes = panel.table.columns[i]
    texts = (*field.levels, "missing")
    starts = panel.starts[:-1]
    made = [
        _Feature(
            f"{field.label}, share of {texts[level]}",
            "share",
            np.add.reduceat((codes == level).astype(np.float64), starts) / panel.lengths,
        )
        for level in frequent
    ]
    return [
        *made,
        _Feature(f"{field.label}, changes", "changes", _changes(panel, i)),
        _Feature(f"{field.label}, first", "first", codes[starts], field.levels),
        _Feature(f"{field.label}, last", "last", codes[panel.starts[1:] - 1], field.levels),
    ]


def _ratio(above: Array, below: Array) -> Floats:
    """The quotient; NaN where the divisor is 0."""
    quotient = np.full(len(below), np.nan)
    np.divide(above, below, out=quotient, where=np.asarray(below, dtype=np.float64) > 0)
    return quotient
