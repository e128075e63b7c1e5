"""What a set of constraints has learned, read back from JSON that may be hostile."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from tabdiff.data.column import Column
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.catalogue import (
    constraint_from_dict,
)
from tabdiff.data.constraints.combinations import Combinations
from tabdiff.data.constraints.declared import (
    Constraint,
)
from tabdiff.data.constraints.derivation import Derivation
from tabdiff.data.constraints.fitting import Derived, Fused, Learned
from tabdiff.data.parts import take, take_integer
from tabdiff.data.scalars import from_json
from tabdiff.data.schema import Schema


def read_learned(data: Any, schema: Schema) -> tuple[tuple[Constraint, ...], Learned]:
    """The constraints and what they learned from the table of this schema.

    Raises
    ------
    ValueError
        If the data is malformed or does not belong to the schema.
    """
    if not isinstance(data, dict):
        raise ValueError(f"malformed constraints: {type(data).__name__}.")
    columns = {column.name: column for column in schema.columns}
    stated = tuple(constraint_from_dict(one) for one in take(data, "constraints", list))
    for constraint in stated:
        constraint.columns(list(columns))
    axes = _axes(take(data, "axes", list), columns)
    derived = _derived(take(data, "derived", list), axes)
    fused = {}
    for own in take(data, "combinations", list):
        if not isinstance(own, dict):
            raise ValueError("malformed constraints: a combination is no object.")
        by = stated[take_integer(own, "by", 0, len(stated) - 1)]
        found = Combinations.from_state(own, columns)
        if by in fused or by.columns(list(columns)) != tuple(c.name for c in found.columns):
            raise ValueError(f"malformed constraints: {by} does not state its combinations.")
        fused[by] = Fused.of(found)
    for constraint in stated:
        compared = () if constraint.takes_labels else constraint.columns(list(columns))
        if not set(compared) <= axes.keys():
            raise ValueError(f"malformed constraints: {constraint} compares unknown columns.")
        if constraint.fuses != (constraint in fused):
            raise ValueError(f"malformed constraints: the combinations of {constraint} are absent.")
    decided = [column.name for own in fused.values() for column in own.combinations.columns]
    derivable = [one.derivation.label for one in derived]
    if len(set(decided + derivable)) < len(decided + derivable):
        raise ValueError("malformed constraints: a column is decided twice.")
    return stated, Learned(axes, derived, fused, None)


def _axes(data: list[Any], columns: dict[Hashable, Column]) -> dict[Hashable, Axis]:
    axes: dict[Hashable, Axis] = {}
    for own in data:
        label = from_json(own.get("column")) if isinstance(own, dict) else None
        if label not in columns or label in axes or not columns[label].has_numbers:
            raise ValueError(f"malformed constraints: no numbers in column {label!r}.")
        axes[label] = Axis.from_state(own, columns[label])
    return axes


def _derived(data: list[Any], axes: dict[Hashable, Axis]) -> tuple[Derived, ...]:
    derived: list[Derived] = []
    waiting = {Derivation.from_state(own).label for own in data}
    if len(waiting) < len(data) or not waiting <= axes.keys():
        raise ValueError("malformed constraints: derived columns must be known and different.")
    for own in data:
        derivation = Derivation.from_state(own)
        if derivation.inputs() & waiting or not derivation.inputs() <= axes.keys():
            raise ValueError(
                f"malformed constraints: {derivation.label!r} is derived from what comes later."
            )
        waiting.discard(derivation.label)
        distance = own.get("distance")
        column = None if distance is None else Column.from_dict(distance)
        if column is None and derivation.side != "==":
            raise ValueError(f"malformed constraints: {derivation.label!r} lacks its distances.")
        if column is not None and (
            column.name != derivation.label or column.form not in ("integer", "float")
        ):
            raise ValueError(f"malformed constraints: distances {column!r:.80}.")
        derived.append(Derived(derivation, column))
    return tuple(derived)
