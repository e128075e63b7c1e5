"""Rows around cells that are given, so that all constraints hold.

A row is drawn, and some of its cells are given. Where a derived column is given and what it is
derived from is not, its constraint is solved for a column that is open instead:

    given high, low <= high drawn as (low', high'):   low  = high  - (high' - low')
    given total == net + vat, drawn (net', vat'):     vat  = total - net'

The distance that was drawn is kept, and told from the given cell; where cells are given on both
sides, it is folded into the room between them. Where what is given bears on distances too, that is
an approximation. Derived here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.constraints.amounts import Amounts, Quantities, compare
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.derivation import Derivation, Rows
from tabdiff.data.constraints.expressions import labels_in
from tabdiff.data.constraints.places import Line
from tabdiff.data.constraints.planning import Around, Ground, around, solved_for
from tabdiff.data.filling import filled_in
from tabdiff.data.given import GivenColumn
from tabdiff.data.schema import is_family
from tabdiff.data.writing import write_cells

Series = dict[Hashable, pd.Series]


def adapt(
    derivations: Sequence[Derivation],
    ground: Ground,
    drawn: Mapping[Hashable, pd.Series],
    given: Mapping[Hashable, GivenColumn],
) -> tuple[Series, Array]:
    """The drawn rows with the given cells, the derived ones anew.

    Parameters
    ----------
    derivations : sequence of Derivation
        By which the rows were drawn, each after its inputs.
    ground : Ground
    drawn : mapping of Series, (n,)
        Every column; rows in which all constraints hold.
    given : mapping of GivenColumn, (n,)
        Of compared columns, at least one.

    Returns
    -------
    dict of Series
    bool array, (n,)
        The rows in which a cell left the range of its column, or was folded.
    """
    series = dict(drawn)
    for label, column in given.items():
        if column.observed.any():
            cells = write_cells(column.cells, ground.axes[label].column)
            series[label] = filled_in(series[label], column.observed, cells)
    n = len(next(iter(series.values())))
    beyond: Array = np.zeros(n, dtype=bool)
    for together in _components(derivations):
        named = {label for one in together for label in (one.label, *one.inputs())}
        labels = [label for label in drawn if label in named]
        axes = {label: ground.axes[label] for label in labels}
        was = {label: axis.read(drawn[label]) for label, axis in axes.items()}
        now = {label: axis.read(series[label]) for label, axis in axes.items()}
        nothing = np.zeros(n, dtype=bool)
        seen = [given[label].observed if label in given else nothing for label in labels]
        patterns, kind = np.unique(np.column_stack(seen), axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            known = frozenset(label for label, yes in zip(labels, pattern, strict=True) if yes)
            if known:
                rows = kind.ravel() == number
                here = _Drawn(_rows_of(was, rows), _rows_of(now, rows), {})
                beyond[rows] |= _adapt_alike(around(together, ground, known), axes, here, known)
                for label, cells in here.written.items():
                    series[label] = filled_in(series[label], rows, cells)
    return series, beyond


def _components(derivations: Sequence[Derivation]) -> list[list[Derivation]]:
    """Derivations that have to do with each other, through any column; those of no rules apart."""
    found: list[tuple[set[Hashable], list[Derivation]]] = []
    for derivation in derivations:
        labels, together = {derivation.label} | derivation.inputs(), [derivation]
        apart = []
        for names, others in found:
            if names & labels:
                labels, together = labels | names, others + together
            else:
                apart.append((names, others))
        found = [*apart, (labels, together)]
    return [together for _, together in found if any(d.rules for d in together)]


class _Drawn(NamedTuple):
    """Rows as they were drawn, as they become, and the cells to write."""

    was: Rows
    now: dict[Hashable, Quantities]
    written: Series


def _rows_of(columns: Rows, rows: Array) -> dict[Hashable, Quantities]:
    return {
        label: Quantities(known[rows], Amounts(amounts.counts[rows], amounts.digits))
        for label, (known, amounts) in columns.items()
    }


def _adapt_alike(
    plan: Around, axes: Mapping[Hashable, Axis], rows: _Drawn, given: frozenset[Hashable]
) -> Array:
    """Derive the open cells of rows in which the same columns are given; which are beyond."""
    n = len(rows.was[next(iter(given))].known)
    beyond: Array = np.zeros(n, dtype=bool)
    for derivation in plan.derivations:
        label = derivation.label
        if label in given:
            continue
        axis = axes[label].finest() if derivation.side == "==" else axes[label]
        points = derivation.backward(axis, rows.now, derivation.forward(axis, rows.was))
        if label in plan.limits:
            points, over = _folded(points, derivation, plan.limits[label], axis, rows.now)
            beyond |= over
        missing = ~rows.was[label].known
        amounts = axis.place.amounts(points)
        rows.now[label] = Quantities(~missing, amounts)
        beyond |= ~missing & _is_beyond(axis, amounts)
        rows.written[label] = axis.write(points, missing)
    return beyond


def _folded(
    points: Array, derivation: Derivation, limit: Derivation, axis: Axis, now: Rows
) -> tuple[Array, Array]:
    """Points that pass a limit, drawn into the room before it; and which do.

    The distance is taken modulo the room between both bounds, so that points spread over it.
    """
    near, bounded = derivation.bound(axis, now, len(points))
    far, limited = limit.bound(axis, now, len(points))
    sign = -1 if limit.side == ">" else 1
    room, distance = sign * (far - near), sign * (points - near)
    over = bounded & limited & (distance > room) & (room >= 0)
    size = np.maximum(room, 0) + (0 if isinstance(axis.place, Line) else 1)
    inside = np.where(size > 0, distance % np.where(size > 0, size, 1), 0)
    return np.where(over, near + sign * inside, points), np.asarray(over, dtype=bool)


def told(
    derivations: Sequence[Derivation],
    ground: Ground,
    cells: Mapping[Hashable, pd.Series],
    observed: Mapping[Hashable, Array],
) -> tuple[Series, dict[Hashable, Array]]:
    """The cells that equations tell from observed ones, as cells that are observed themselves.

    Parameters
    ----------
    derivations : sequence of Derivation
    ground : Ground
    cells : mapping of Series, (n,)
        Every column, missing where nothing is observed.
    observed : mapping of bool array, (n,)
    """
    series, seen = dict(cells), dict(observed)
    nothing = np.zeros(len(next(iter(series.values()))), dtype=bool)
    for rule in (rule for one in derivations if one.side == "==" for rule in one.rules):
        labels = dict.fromkeys([rule.label, *labels_in(rule.node)])
        for label in labels:
            others = [seen.get(other, nothing) for other in labels if other != label]
            rows = np.logical_and.reduce(others) & ~seen.get(label, nothing)
            if label == rule.label:  # which the model tells itself
                continue
            solved = solved_for(label, rule, ground) if rows.any() else None
            if solved is None or not (rows.all() or _holds(series[label], ground.axes[label])):
                continue
            now = {other: ground.axes[other].read(series[other][rows]) for other in labels}
            axis = ground.axes[label].finest()
            points, sure = solved.bound(axis, now, int(rows.sum()))
            if sure.all():
                new = axis.write(points, ~sure)
                series[label] = new if rows.all() else filled_in(series[label], rows, new)
                seen[label] = seen.get(label, nothing) | rows
    return series, seen


def _holds(series: pd.Series, axis: Axis) -> bool:
    """Whether a series can take cells of the column."""
    return is_family(series, axis.column)


def _is_beyond(axis: Axis, amounts: Amounts) -> Array:
    """Which amounts lie outside the training range."""
    low, high = (axis.place.amounts(end) for end in axis.place.ends())
    return (compare(amounts, low) < 0) | (compare(amounts, high) > 0)
