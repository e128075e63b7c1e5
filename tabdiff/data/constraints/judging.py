"""In which rows a constraint is broken."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.constraints.amounts import (
    Amounts,
    Quantities,
    add,
    broadcast,
    compare,
    multiply,
    times,
)
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.catalogue import (
    FixedIncrements,
    OneHotEncoding,
    Unique,
)
from tabdiff.data.constraints.combinations import UNSEEN, Combinations
from tabdiff.data.constraints.declared import Constraint
from tabdiff.data.constraints.expressions import (
    Comparison,
    Literal,
    Operation,
    Reference,
    decimal,
    evaluate,
    literal,
    magnitude,
)
from tabdiff.data.constraints.places import Line
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema

# Roundings of one float expression, in units of its precision.
_ROUNDINGS = 8.0


def breaks_comparison(
    comparison: Comparison, axes: Mapping[Hashable, Axis], rows: Mapping[Hashable, Quantities]
) -> Array:
    """The rows in which a comparison is false.

    It holds where a side is not known. Decimals are compared exactly, an equation at the decimals
    of the column that stands alone; floats computed from others within their rounding error.
    """
    n = len(rows[comparison.labels()[0]].known)
    left, right = evaluate(comparison.left, rows), evaluate(comparison.right, rows)
    known = broadcast(left.known & right.known, n)
    slack = _slack(comparison, axes, rows, left.amounts, right.amounts)
    if comparison.operator == "==":
        unit = _unit(comparison, axes, left.amounts, right.amounts)
        false = _differ(left.amounts, right.amounts, unit, slack)
    else:
        if comparison.operator[0] == "<":
            low, high = left.amounts, right.amounts
        else:
            low, high = right.amounts, left.amounts
        sign = compare(low, high)
        false = sign >= 0 if len(comparison.operator) == 1 else sign > 0
        if slack is not None:
            false = false & (low.floats() - high.floats() > slack)
    return known & broadcast(false, n)


def _slack(
    comparison: Comparison,
    axes: Mapping[Hashable, Axis],
    rows: Mapping[Hashable, Quantities],
    left: Amounts,
    right: Amounts,
) -> Array | None:
    """How far two computed floats may be apart and yet mean the same; None where exact."""
    computed = isinstance(comparison.left, Operation) or isinstance(comparison.right, Operation)
    exact = left.digits is not None and right.digits is not None
    if exact or not (computed or comparison.operator == "=="):
        return None
    lines = [axes[label].place for label in comparison.labels()]
    precision = max(
        (float(np.finfo(p.precision).eps) for p in lines if isinstance(p, Line)),
        default=float(np.finfo(np.float64).eps),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        scale = magnitude(comparison.left, rows) + magnitude(comparison.right, rows)
    return _ROUNDINGS * precision * scale


def _unit(
    comparison: Comparison, axes: Mapping[Hashable, Axis], left: Amounts, right: Amounts
) -> Fraction:
    """The unit to which an equation is rounded: that of the column alone on a side, if coarser."""
    for side, own, other in (
        (comparison.left, left, right),
        (comparison.right, right, left),
    ):
        if isinstance(side, Reference):
            finer = own.digits is None or other.digits is None or other.digits > own.digits
            return axes[side.label].unit if finer else Fraction(0)
    return Fraction(0)


def _differ(left: Amounts, right: Amounts, unit: Fraction, slack: Array | None) -> Array:
    if slack is not None:
        return np.abs(left.floats() - right.floats()) > float(unit) / 2 + slack
    difference = add(left, multiply(Literal(-1).amounts(), right))
    assert difference.digits is not None
    apart = Amounts(np.abs(difference.counts), difference.digits)
    return compare(apart, decimal(unit / 2).amounts()) > 0


def breaks_increment(increment: Amounts, rows: Quantities) -> Array:
    """The rows that are no multiple of the increment."""
    amounts = rows.amounts
    if amounts.digits is None or increment.digits is None:
        ratio = amounts.floats() / increment.floats()
        return rows.known & (np.abs(ratio - np.rint(ratio)) > 1e-9 * np.maximum(1.0, np.abs(ratio)))
    finer = max(amounts.digits, increment.digits)
    counts = times(amounts.counts, 10 ** (finer - amounts.digits))
    step = int(increment.counts[0]) * 10 ** (finer - increment.digits)
    return rows.known & np.asarray(counts % step != 0, dtype=bool)


def breaks_one_hot(columns: Sequence[Column], series: Mapping[Hashable, pd.Series]) -> Array:
    """The rows in which not exactly one cell is 1 and all others 0."""
    total: Array | None = None
    wrong: Array | None = None
    missing: Array | None = None
    for column in columns:
        cells = read_cells(series[column.name], column)
        ones: Array = np.zeros(len(cells.missing), dtype=np.int64)
        odd: Array = np.zeros(len(cells.missing), dtype=bool)
        ones[~cells.missing] = cells.values == 1
        odd[~cells.missing] = (cells.values != 1) & (cells.values != 0)
        total = ones if total is None else total + ones
        wrong = odd if wrong is None else wrong | odd
        missing = cells.missing if missing is None else missing | cells.missing
    assert total is not None and wrong is not None and missing is not None
    return ~missing & (wrong | (total != 1))


def row_keys(
    columns: Sequence[Column], series: Mapping[Hashable, pd.Series]
) -> list[Hashable | None]:
    """What rows hold in some columns, equal where all cells are; None where one is missing."""
    held = []
    complete = np.ones(len(series[columns[0].name]), dtype=bool)
    for column in columns:
        cells = read_cells(series[column.name], column)
        values = iter(map(typed_key, cells.values.tolist()))
        held.append([None if missing else next(values) for missing in cells.missing])
        complete &= ~cells.missing
    keys = zip(*held, strict=True)
    return [key if whole else None for key, whole in zip(keys, complete, strict=True)]


def repeats(columns: Sequence[Column], series: Mapping[Hashable, pd.Series]) -> Array:
    """The rows that agree with an earlier one in all columns, none of which is missing."""
    seen: set[Hashable] = set()
    return np.array([is_known(key, seen) for key in row_keys(columns, series)], dtype=bool)


def is_known(key: Hashable | None, seen: set[Hashable]) -> bool:
    """Whether a row's key was seen before; from now on it was."""
    if key is None:
        return False
    known = key in seen
    seen.add(key)
    return known


def broken_rows(
    constraints: Sequence[Constraint],
    schema: Schema,
    axes: Mapping[Hashable, Axis],
    combinations: Mapping[Constraint, Combinations],
    series: Mapping[Hashable, pd.Series],
) -> dict[str, Array]:
    """The rows that break each constraint, by the constraint's text.

    Parameters
    ----------
    constraints : sequence of Constraint
    schema : Schema
    axes : mapping
        Of every column that is compared.
    combinations : mapping
        The combinations that each FixedCombinations allows; none given, all are allowed.
    series : mapping
        Every column of the table.
    """
    labels = [column.name for column in schema.columns]
    rows = {label: axis.read(series[label]) for label, axis in axes.items()}
    n = len(series[labels[0]])
    broken: dict[str, Array] = {}
    for constraint in constraints:
        columns = [schema[label] for label in constraint.columns(labels)]
        bad: Array = np.zeros(n, dtype=bool)
        for comparison in constraint.comparisons(labels):
            bad |= breaks_comparison(comparison, axes, rows)
        if isinstance(constraint, FixedIncrements):
            increment = literal(constraint.increment_value).amounts()
            bad |= breaks_increment(increment, rows[constraint.column_name])
        elif isinstance(constraint, OneHotEncoding):
            bad |= breaks_one_hot(columns, series)
        elif isinstance(constraint, Unique):
            bad |= repeats(columns, series)
        elif constraint in combinations:
            bad |= combinations[constraint].encode(series) == UNSEEN
        broken[str(constraint)] = bad
    return broken
