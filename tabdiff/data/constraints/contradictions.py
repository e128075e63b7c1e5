"""What no row could satisfy, found from the constraints alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tabdiff.data.constraints.declared import (
    ConstraintError,
)
from tabdiff.data.constraints.expressions import (
    Comparison,
    Literal,
    Reference,
    constant,
    decimal,
)
from tabdiff.data.constraints.solving import solve


class Demand(NamedTuple):
    """One comparison that must hold, and why.

    Attributes
    ----------
    comparison : Comparison
    reason : str
        The constraint that states it, for messages.
    solve_for : Hashable or None
        The only column it may be solved for.
    """

    comparison: Comparison
    reason: str
    solve_for: Hashable | None = None


class Limit(NamedTuple):
    """A number that a column must not pass, nor reach if strict."""

    value: Literal
    strict: bool
    reason: str

    def as_top(self) -> tuple[Fraction, bool]:
        """Sorts limits from above, the tightest first."""
        return self.value.value(), not self.strict

    def as_bottom(self) -> tuple[Fraction, bool]:
        """Sorts limits from below, the tightest last."""
        return self.value.value(), self.strict

    def sign(self, side: str) -> str:
        """The operator of this limit: ``side`` or ``side=``."""
        return side if self.strict else f"{side}="

    def is_passed_by(self, value: Fraction | float, direction: int) -> bool:
        """Whether a value is beyond the limit, upwards (1) or downwards (-1)."""
        own = self.value.value()
        beyond = value > own if direction > 0 else value < own
        return beyond or (self.strict and value == own)


def scalar_limits(demands: Sequence[Demand]) -> Iterator[tuple[Hashable, str, Limit]]:
    """Column, side and number of every demand on a single column.

    Raises
    ------
    ConstraintError
        If the column cannot be isolated.
    """
    for demand in demands:
        (label,) = demand.comparison.labels()
        solved = solve(demand.comparison, label)
        if solved is None:
            raise ConstraintError(
                f"{demand.reason}: the column cannot be isolated. Compare {label!r} itself with a "
                "number."
            )
        side = "==" if solved.operator == "==" else solved.operator[0]
        value = constant(solved.right)
        yield label, side, Limit(decimal(value), solved.operator in ("<", ">"), demand.reason)


def refuse_contradictions(demands: Sequence[Demand]) -> None:
    """Refuse orders that run in a circle, and numbers between which nothing lies.

    Raises
    ------
    ConstraintError
        Naming the circle, or the column and what holds it from both sides.
    """
    arrows: dict[Hashable, dict[Hashable, Demand]] = {}
    for demand in demands:
        if (pair := _low_and_high(demand.comparison)) is not None:
            low, high = pair
            known = arrows.setdefault(low, {}).get(high)
            if known is None or _is_strict(demand):
                arrows[low][high] = demand
    _refuse_circles(arrows)
    _refuse_empty_ranges(demands, arrows)


def _low_and_high(comparison: Comparison) -> tuple[Hashable, Hashable] | None:
    """The lesser and the greater column of a comparison of two columns."""
    left, right = comparison.left, comparison.right
    if comparison.operator == "==" or not (
        isinstance(left, Reference) and isinstance(right, Reference)
    ):
        return None
    ordered = (left.label, right.label)
    return ordered if comparison.operator[0] == "<" else ordered[::-1]


def _is_strict(demand: Demand) -> bool:
    return demand.comparison.operator in ("<", ">")


def _refuse_circles(arrows: dict[Hashable, dict[Hashable, Demand]]) -> None:
    done: set[Hashable] = set()
    for start in arrows:
        path: list[Hashable] = []
        _walk(start, arrows, path, done)


def _walk(
    label: Hashable,
    arrows: dict[Hashable, dict[Hashable, Demand]],
    path: list[Hashable],
    done: set[Hashable],
) -> None:
    if label in path:
        circle = [*path[path.index(label) :], label]
        links = [arrows[a][b] for a, b in pairwise(circle)]
        signs = [" < " if _is_strict(link) else " <= " for link in links]
        drawn = repr(label) + "".join(s + repr(b) for s, b in zip(signs, circle[1:], strict=True))
        said = ", ".join(dict.fromkeys(link.reason for link in links))
        if " < " in signs:
            raise ConstraintError(f"{said} contradict each other: {drawn} holds in no row.")
        raise ConstraintError(
            f"{said} say {drawn}, which is to say that these columns are equal. "
            'State that instead: Expression("a == b").'
        )
    if label in done:
        return
    path.append(label)
    for higher in arrows.get(label, {}):
        _walk(higher, arrows, path, done)
    path.pop()
    done.add(label)


def _refuse_empty_ranges(
    demands: Sequence[Demand], arrows: dict[Hashable, dict[Hashable, Demand]]
) -> None:
    tops: dict[Hashable, Limit] = {}
    bottoms: dict[Hashable, Limit] = {}
    scalar = [demand for demand in demands if len(demand.comparison.labels()) == 1]
    for label, side, limit in scalar_limits(scalar):
        if side in ("==", "<"):
            tops[label] = min(limit, tops.get(label, limit), key=Limit.as_top)
        if side in ("==", ">"):
            bottoms[label] = max(limit, bottoms.get(label, limit), key=Limit.as_bottom)
    # What bounds the greater column from above bounds the lesser one, along chains of any length.
    for _ in arrows:
        for low, highs in arrows.items():
            for high, demand in highs.items():
                _hand_down(low, high, demand, tops, bottoms)
    for label in tops.keys() & bottoms.keys():
        top, bottom = tops[label], bottoms[label]
        if bottom.is_passed_by(top.value.value(), -1) or top.is_passed_by(bottom.value.value(), 1):
            raise ConstraintError(
                f"{bottom.reason} and {top.reason} contradict each other: no {label!r} is "
                f"{bottom.sign('>')} {bottom.value} and {top.sign('<')} {top.value}."
            )


def _hand_down(
    low: Hashable,
    high: Hashable,
    demand: Demand,
    tops: dict[Hashable, Limit],
    bottoms: dict[Hashable, Limit],
) -> None:
    strict = _is_strict(demand)
    if high in tops:
        passed = tops[high]._replace(strict=tops[high].strict or strict)
        tops[low] = min(passed, tops.get(low, passed), key=Limit.as_top)
    if low in bottoms:
        passed = bottoms[low]._replace(strict=bottoms[low].strict or strict)
        bottoms[high] = max(passed, bottoms.get(high, passed), key=Limit.as_bottom)
