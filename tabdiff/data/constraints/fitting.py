"""What a set of constraints learns from the training rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.constraints.amounts import Quantities, largest
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.catalogue import (
    FixedIncrements,
)
from tabdiff.data.constraints.checks import (
    check_choice,
    check_stated,
    decided_columns,
    describe,
    shown_columns,
)
from tabdiff.data.constraints.combinations import Combinations
from tabdiff.data.constraints.contradictions import Demand
from tabdiff.data.constraints.declared import (
    Constraint,
    ConstraintError,
)
from tabdiff.data.constraints.derivation import Derivation
from tabdiff.data.constraints.expressions import literal
from tabdiff.data.constraints.judging import breaks_comparison, broken_rows
from tabdiff.data.constraints.middle import by_label
from tabdiff.data.constraints.places import Line
from tabdiff.data.constraints.planning import Ground, make_plan
from tabdiff.data.errors import SchemaWarning, listing, tell
from tabdiff.data.reading import read_cells
from tabdiff.data.schema import MIN_ROWS, Schema

Series = Mapping[Hashable, pd.Series]


class Derived(NamedTuple):
    """A column that is derived from others.

    Attributes
    ----------
    derivation : Derivation
    distance : Column or None
        The column that takes its place; None where the others tell everything about it.
    """

    derivation: Derivation
    distance: Column | None


class Fused(NamedTuple):
    """Columns that become one.

    Attributes
    ----------
    combinations : Combinations
    code : Column
        The column that takes the place of the first of them.
    """

    combinations: Combinations
    code: Column

    @classmethod
    def of(cls, combinations: Combinations) -> Fused:
        """With a code column under the name of the first."""
        kind = "categorical" if len(combinations.table) > 1 else "constant"
        return cls(combinations, Column(combinations.columns[0].name, kind, "int64", "integer"))


class Learned(NamedTuple):
    """How a table is rewritten.

    Attributes
    ----------
    axes : dict
        Of every column that is compared.
    derived : tuple of Derived
        Each after its inputs.
    fused : dict
        By the constraint that states it.
    kept : bool array, (n,), or None
        The training rows that were learned from; None once loaded.
    """

    axes: dict[Hashable, Axis]
    derived: tuple[Derived, ...]
    fused: dict[Constraint, Fused]
    kept: Array | None


def learn(
    constraints: Sequence[Constraint], frame: pd.DataFrame, schema: Schema, on_violation: str
) -> Learned:
    """Check constraints against the training rows and find how to enforce them.

    Parameters
    ----------
    constraints : sequence of Constraint
    frame : DataFrame, columns as in ``schema``
    schema : Schema
    on_violation : {"raise", "drop"}

    Raises
    ------
    ConstraintError
        If the constraints do not suit the table or each other, or rows break them.
    """
    check_choice(on_violation)
    demands = check_stated(constraints, schema)
    series = by_label(frame)
    labels = [column.name for column in schema.columns]
    compared = [
        label
        for label in labels
        if any(label in c.columns(labels) for c in constraints if not c.takes_labels)
    ]
    _refuse_infinite(compared, series, schema)
    axes = {label: Axis.fit(series[label], schema[label]) for label in compared}
    broken = broken_rows(constraints, schema, axes, {}, series)
    kept = _kept(constraints, broken, frame, schema, on_violation)
    if not kept.all():
        series = {label: own[kept] for label, own in series.items()}
    increments = {
        c.column_name: literal(c.increment_value).amounts()
        for c in constraints
        if isinstance(c, FixedIncrements)
    }
    _refuse_empty(compared, series, schema)
    axes = {
        label: Axis.fit(series[label], schema[label], increments.get(label)) for label in compared
    }
    fused = _fuse(constraints, schema, series)
    derivations = _plan(demands, Ground(axes, *decided_columns(constraints, schema)), series)
    rows = {label: axis.read(series[label]) for label, axis in axes.items()}
    derived = _derive(derivations, axes, rows)
    return Learned(axes, derived, fused, kept)


def _refuse_infinite(compared: Sequence[Hashable], series: Series, schema: Schema) -> None:
    problems = []
    for label in compared:
        column = schema[label]
        values = read_cells(series[label], column).values
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            problems.append(f"column {label!r}: {count} values are infinite. Replace them.")
    if problems:
        raise ConstraintError(listing(problems))
    _refuse_empty(compared, series, schema)


def _refuse_empty(compared: Sequence[Hashable], series: Series, schema: Schema) -> None:
    empty = [
        label for label in compared if not len(read_cells(series[label], schema[label]).values)
    ]
    if empty:
        names = ", ".join(map(repr, empty))
        raise ConstraintError(
            f"no row that satisfies the constraints holds a value in {names}. Leave out the "
            "constraints on it."
        )


def _kept(
    constraints: Sequence[Constraint],
    broken: Mapping[str, Array],
    frame: pd.DataFrame,
    schema: Schema,
    on_violation: str,
) -> Array:
    """The rows that break nothing; refuses, or warns of, the others."""
    kept: Array = np.ones(len(frame), dtype=bool)
    for rows in broken.values():
        kept &= ~rows
    if kept.all():
        return kept
    said = describe(broken, shown_columns(constraints, schema), frame)
    if on_violation == "raise":
        raise ConstraintError(
            f"the training rows break {said}\nCorrect the rows or the constraints, or leave the "
            'rows out: on_violation="drop".'
        )
    if kept.sum() < MIN_ROWS:
        raise ConstraintError(f"too few rows satisfy all constraints ({kept.sum()}): {said}")
    tell(
        f"{int((~kept).sum()):,} of {len(kept):,} training rows break constraints and are left "
        f"out: {said}",
        SchemaWarning,
    )
    return kept


def _fuse(
    constraints: Sequence[Constraint], schema: Schema, series: Series
) -> dict[Constraint, Fused]:
    labels = [column.name for column in schema.columns]
    fused: dict[Constraint, Fused] = {}
    for constraint in constraints:
        if constraint.fuses:
            columns = [schema[label] for label in constraint.columns(labels)]
            fused[constraint] = Fused.of(Combinations.fit(columns, series))
    return fused


def _plan(demands: Sequence[Demand], ground: Ground, series: Series) -> list[Derivation]:
    """The derivations, columns that are only counted in steps among them."""
    plan = make_plan(demands, ground)
    rows = {label: axis.read(series[label]) for label, axis in ground.axes.items()}
    for demand in plan.implied:
        bad = breaks_comparison(demand.comparison, ground.axes, rows)
        if bad.any():
            raise ConstraintError(
                f"{demand.reason} cannot be guaranteed: it needs {demand.comparison}, which is "
                f"false in {int(bad.sum()):,} training rows (first at row {int(np.argmax(bad))}). "
                "Leave it out, or convert the column to a wider dtype."
            )
    derived = {derivation.label for derivation in plan.derivations}
    stepped = [Derivation(label, ()) for label in ground.axes if label in ground.stepped - derived]
    return [*(d for d in stepped if d.label not in ground.fused), *plan.derivations]


def _derive(
    derivations: Sequence[Derivation],
    axes: dict[Hashable, Axis],
    rows: Mapping[Hashable, Quantities],
) -> tuple[Derived, ...]:
    """Each derivation with the column that its distances need; makes axes finer where needed."""
    derived = []
    for derivation in derivations:
        label = derivation.label
        if derivation.side == "==":
            axes[label] = axes[label].finest()
        distance = derivation.forward(axes[label], rows)
        known = rows[label].known
        if derivation.side == "==" and _is_told(derivation, axes[label], rows, known):
            derived.append(Derived(derivation, None))
            continue
        derived.append(Derived(derivation, _distance_column(label, axes[label], distance[known])))
    return tuple(derived)


def _is_told(
    derivation: Derivation, axis: Axis, rows: Mapping[Hashable, Quantities], known: Array
) -> bool:
    """Whether an equation tells which cells are missing, too; warns of cells that it corrects."""
    points, sure = derivation.bound(axis, rows, len(known))
    if not isinstance(axis.place, Line):
        off = sure & known & (points != axis.place.nearest(rows[derivation.label].amounts))
        if off.any():
            tell(
                f"column {derivation.label!r} is computed from others; {int(off.sum()):,} of "
                f"{len(off):,} training rows round it otherwise (first at row "
                f"{int(np.argmax(off))}). Sampled rows round to the nearest, ties away from zero.",
                SchemaWarning,
            )
    return bool(np.array_equal(sure, known))


def _distance_column(label: Hashable, axis: Axis, distances: Array) -> Column:
    if isinstance(axis.place, Line):
        if not np.isfinite(distances).all():
            raise ConstraintError(
                f"column {label!r}: differences to other columns overflow. Rescale the column."
            )
        column = Column(label, "numeric", "float64", "float")
    elif largest(distances) < 2**62:
        column = Column(label, "numeric", "Int64" if axis.has_missing else "int64", "integer", "NA")
    elif largest(distances) >= 2**64:
        raise ConstraintError(
            f"column {label!r}: differences to other columns do not fit into 64 bits. Convert the "
            "columns to one unit, or to floats."
        )
    else:
        dtype = "UInt64" if axis.has_missing else "uint64"
        column = Column(label, "numeric", dtype, "integer", "NA", "unsigned")
    same = not axis.has_missing and len(np.unique(distances)) == 1
    return replace(column, kind="constant") if same else column
