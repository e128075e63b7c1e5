"""What is refused about constraints before a row is looked at, and what is said of broken rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.constraints.axes import units_of
from tabdiff.data.constraints.catalogue import (
    FixedIncrements,
    OneHotEncoding,
    Unique,
)
from tabdiff.data.constraints.contradictions import Demand, refuse_contradictions
from tabdiff.data.constraints.declared import (
    Constraint,
    ConstraintError,
)
from tabdiff.data.constraints.expressions import literal
from tabdiff.data.constraints.families import check_families
from tabdiff.data.constraints.search import rules_for, search
from tabdiff.data.errors import listing, shorten
from tabdiff.data.schema import Schema

_MEASURES = ("numeric", "datetime", "timedelta", "constant")
_SHOWN = 3


def distinct_constraints(constraints: Sequence[Constraint]) -> tuple[Constraint, ...]:
    """The constraints, each once.

    Raises
    ------
    TypeError
        If something is no constraint.
    """
    if isinstance(constraints, Constraint):
        raise TypeError(f"constraints must be a list. Got one: write [{constraints!r}].")
    if not isinstance(constraints, Iterable):
        raise TypeError(f"constraints must be a list. Got {type(constraints).__name__}.")
    for constraint in constraints:
        if not isinstance(constraint, Constraint):
            raise TypeError(
                "constraints must be a list of constraints such as Inequality('a', 'b'). "
                f"Got {constraint!r}."
            )
    return tuple(dict.fromkeys(constraints))


def check_choice(on_violation: str) -> None:
    """Refuse a policy for broken training rows that is none.

    Raises
    ------
    ValueError
        If it is neither "raise" nor "drop".
    """
    if on_violation not in ("raise", "drop"):
        raise ValueError(f"on_violation must be 'raise' or 'drop'. Got {on_violation!r}.")


def check_stated(constraints: Sequence[Constraint], schema: Schema) -> list[Demand]:
    """The comparisons that constraints demand, if they suit the columns and one another.

    Raises
    ------
    ConstraintError
        Naming every constraint whose columns are absent or unsuitable, or those that contradict
        each other.
    """
    demands: list[Demand] = []
    problems = []
    for constraint in constraints:
        try:
            demands += _demands(constraint, schema)
        except ConstraintError as error:
            problems.append(str(error))
    if problems:
        raise ConstraintError(listing(problems))
    _refuse_shared(constraints, schema)
    refuse_contradictions(demands)
    joint = [demand for demand in demands if len(demand.comparison.labels()) > 1]
    fused, stepped = decided_columns(constraints, schema)
    search(joint, [rules_for(demand, fused, stepped) for demand in joint])
    return demands


def decided_columns(
    constraints: Sequence[Constraint], schema: Schema
) -> tuple[frozenset[Hashable], frozenset[Hashable]]:
    """The columns that become part of a combination, and those with a stated increment."""
    labels = [column.name for column in schema.columns]
    fused = [label for c in constraints if c.fuses for label in c.columns(labels)]
    stepped = [c.column_name for c in constraints if isinstance(c, FixedIncrements)]
    return frozenset(fused), frozenset(stepped)


def _demands(constraint: Constraint, schema: Schema) -> list[Demand]:
    labels = [column.name for column in schema.columns]
    columns = {label: schema[label] for label in constraint.columns(labels)}
    check = _check_labels if constraint.takes_labels else _check_measures
    unsuitable = [text for text in check(constraint, columns) if text]
    if unsuitable:
        raise ConstraintError(f"{constraint}: {'; '.join(unsuitable)}")
    comparisons = constraint.comparisons(labels)
    families = (
        {label: units_of(column).family for label, column in columns.items()} if comparisons else {}
    )
    for comparison in comparisons:
        try:
            check_families(comparison, families)
        except ValueError as error:
            raise ConstraintError(f"{constraint}: {error}") from error
    only = getattr(constraint, "solve_for", None)
    return [Demand(c, str(constraint), only if only in c.labels() else None) for c in comparisons]


def _check_measures(constraint: Constraint, columns: Mapping[Hashable, Column]) -> list[str]:
    problems = []
    for label, column in columns.items():
        if not column.has_numbers or column.kind not in _MEASURES:
            what = column.kind if column.kind == "identifier" else f"{column.kind} ({column.form})"
            problems.append(
                f"column {label!r} is {what}. Only numbers, moments and spans of time have an "
                "order: convert it, or declare its kind (column_kinds)."
            )
        elif isinstance(constraint, FixedIncrements):
            problems.append(_odd_increment(constraint, column))
    return problems


def _odd_increment(constraint: FixedIncrements, column: Column) -> str:
    units = units_of(column)
    if units.family != "number":
        return f"column {column.name!r} is a {units.family}, not a number."
    if column.form != "float" and literal(constraint.increment_value).digits > units.digits:
        return f"column {column.name!r} ({column.dtype}) has only {units.digits} decimals."
    return ""


def _check_labels(constraint: Constraint, columns: Mapping[Hashable, Column]) -> list[str]:
    problems = []
    for label, column in columns.items():
        if column.kind == "missing":
            problems.append(f"column {label!r} has no values.")
        elif isinstance(constraint, Unique):
            continue
        elif column.kind == "identifier":
            problems.append(
                f"column {label!r} is an identifier, for which fresh surrogates are generated. "
                "Declare it categorical (column_kinds)."
            )
        elif isinstance(constraint, OneHotEncoding) and column.form not in (
            "integer",
            "float",
            "decimal",
            "boolean",
        ):
            problems.append(f"column {label!r} is {column.form}. It must hold 0 and 1.")
    return problems


def _refuse_shared(constraints: Sequence[Constraint], schema: Schema) -> None:
    """Refuse two combinations, or two increments, that decide the same column."""
    labels = [column.name for column in schema.columns]
    owners: dict[tuple[str, Hashable], Constraint] = {}
    for constraint in constraints:
        if isinstance(constraint, Unique) or not (
            constraint.takes_labels or isinstance(constraint, FixedIncrements)
        ):
            continue
        for label in constraint.columns(labels):
            other = owners.setdefault(("", label), constraint)
            if other is not constraint:
                raise ConstraintError(
                    f"{other} and {constraint} both decide column {label!r}. Merge them into one, "
                    "or leave one out."
                )


def describe(
    broken: Mapping[str, Array], columns: Mapping[str, Sequence[Hashable]], frame: pd.DataFrame
) -> str:
    """Every broken constraint with the number of rows and the first of them.

    Parameters
    ----------
    broken : mapping of bool array, (n,)
        The rows that break each constraint.
    columns : mapping
        The columns whose cells are shown for each constraint; see :func:`shown_columns`.
    frame : DataFrame, (n, columns)
    """
    points = []
    for name, rows in broken.items():
        at = np.flatnonzero(rows)
        if not len(at):
            continue
        shown = "; ".join(
            ": ".join([f"row {row}", *_cells(frame, row, columns[name])])
            for row in at[:_SHOWN].tolist()
        )
        more = "; …" if len(at) > _SHOWN else ""
        points.append(f"{name}: {len(at):,} of {len(rows):,} rows ({shown}{more})")
    return listing(points)


def _cells(frame: pd.DataFrame, row: int, shown: Sequence[Hashable]) -> list[str]:
    """Some cells of a row as one text; no text where none is to be shown."""
    labels: list[Hashable] = list(frame.columns)
    cells = [
        f"{label!r}={shorten(_plain(frame.iloc[row, labels.index(label)]), 30)}" for label in shown
    ]
    return [", ".join(cells)] if cells else []


def shown_columns(constraints: Sequence[Constraint], schema: Schema) -> dict[str, list[Hashable]]:
    """By the constraint's text, its columns whose cells a message may show: no identifiers."""
    labels = [column.name for column in schema.columns]
    return {
        str(constraint): [
            label for label in constraint.columns(labels) if schema[label].kind != "identifier"
        ]
        for constraint in constraints
    }


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.number) else value
