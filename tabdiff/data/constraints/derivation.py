"""A column as its distance from what the other columns allow, and back.

With f the bound that other columns set and y a point of the column's grid or line,

    y >= f:  transformed to d = y - ceil(f) >= 0,   back as y = ceil(f) + d
    y <= f:  transformed to d = floor(f) - y >= 0,  back as y = floor(f) - d
    y == f:  nothing left to transform,             back as y = round(f)

where ceil, floor and round go to the nearest point at or above, at or below, and at all. Several
bounds on one side are taken together. In a row where f is unknown, d counts from the least (for
y <= f the greatest) training value instead. The way back keeps to the training range of y wherever
the bound allows, so d may be anything, and y always satisfies the bound. Derived here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tabdiff.data.cells import Array
from tabdiff.data.constraints.amounts import Quantities, broadcast
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.expressions import (
    OPERATORS,
    Node,
    evaluate,
    labels_in,
    node_from_json,
    node_to_json,
)
from tabdiff.data.parts import take
from tabdiff.data.scalars import from_json, to_json

Rows = Mapping[Hashable, Quantities]


@dataclass(frozen=True)
class Rule:
    """The column ``label`` compares to a tree of other columns."""

    label: Hashable
    operator: str
    node: Node

    @property
    def side(self) -> str:
        """The operator without its strictness: ``==``, ``>`` or ``<``."""
        return self.operator if self.operator == "==" else self.operator[0]


@dataclass(frozen=True)
class Derivation:
    """How one column is derived from others.

    Attributes
    ----------
    label : Hashable
    rules : tuple of Rule
        One equation; or bounds all from below, or all from above; or none, where the column is
        only counted in steps of its grid.
    """

    label: Hashable
    rules: tuple[Rule, ...]

    @property
    def side(self) -> str:
        """The side of its rules; empty where there are none."""
        return self.rules[0].side if self.rules else ""

    def inputs(self) -> set[Hashable]:
        """The columns from which it is derived."""
        return {label for rule in self.rules for label in labels_in(rule.node)}

    def bound(self, axis: Axis, rows: Rows, n: int) -> tuple[Array, Array]:
        """The nearest point of the column that its rules allow, per row, and where it is known."""
        place = axis.place
        low, high = place.ends()
        points = broadcast(high if self.side == "<" else low, n)
        known = np.zeros(n, dtype=bool)
        for rule in self.rules:
            value = evaluate(rule.node, rows)
            strict = rule.operator in ("<", ">")
            if rule.side == "==":
                own = place.nearest(value.amounts)
            elif rule.side == ">":
                own = place.at_least(value.amounts, strict)
            else:
                own = place.at_most(value.amounts, strict)
            own, sure = broadcast(own, n), broadcast(value.known, n)
            tighter = own < points if rule.side == "<" else own > points
            points = np.where(sure & (tighter | ~known), own, points)
            known |= sure
        return points, known

    def forward(self, axis: Axis, rows: Rows) -> Array:
        """The distance d of each row; anything where the column is missing.

        Parameters
        ----------
        axis : Axis
        rows : mapping
            The original columns, this one among them.

        Returns
        -------
        int or float array, (n,)
        """
        own = axis.place.nearest(rows[self.label].amounts)
        if not self.rules:
            return own
        start, known = self.bound(axis, rows, len(own))
        if self.side == "<":
            distance = axis.place.distance(start, own)
        else:
            distance = axis.place.distance(own, start)
        if self.side == "==":
            distance = np.where(known, np.zeros_like(distance), distance)
        return np.maximum(distance, 0)

    def backward(self, axis: Axis, rows: Rows, distance: Array) -> Array:
        """The point of each row.

        Parameters
        ----------
        axis : Axis
        rows : mapping
            The original columns from which this one is derived.
        distance : int or float array, (n,)

        Returns
        -------
        array, (n,)
        """
        place = axis.place
        if not self.rules:
            return between(distance, place.ends())
        start, known = self.bound(axis, rows, len(distance))
        own = place.shift(start, -distance if self.side == "<" else distance)
        own = between(own, place.ends())
        if self.side == "==":
            return np.where(known, start, own)
        worse = own > start if self.side == "<" else own < start
        return np.where(known & worse, start, own)

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        rules = [[rule.operator, node_to_json(rule.node)] for rule in self.rules]
        return {"column": to_json(self.label), "rules": rules}

    @classmethod
    def from_state(cls, data: Any) -> Derivation:
        """The derivation that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        if not isinstance(data, dict) or "column" not in data:
            raise ValueError(f"malformed derivation: {data!r:.80}.")
        label, rules = from_json(data["column"]), []
        for rule in take(data, "rules", list):
            if not isinstance(rule, list) or len(rule) != 2 or rule[0] not in OPERATORS:
                raise ValueError(f"malformed rule: {rule!r:.80}.")
            rules.append(Rule(label, rule[0], node_from_json(rule[1])))
        if len({rule.side for rule in rules}) > 1 or [r.side for r in rules].count("==") > 1:
            raise ValueError(f"column {label!r}: its rules do not go together.")
        return cls(label, tuple(rules))


def between(points: Array, ends: tuple[Array, Array]) -> Array:
    """The points drawn into a range."""
    return np.minimum(np.maximum(points, ends[0]), ends[1])
