"""Derivations that make all comparisons hold, and keep every column within its limits.

A bound by a number needs no derivation, since no column leaves its training range, unless it is
derived from others. Where a derived column could leave what its dtype or such a bound allows, the
bound is passed on: ``total >= a + b`` and ``total <= 127`` demand ``a + b <= 127``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.contradictions import Demand, Limit, scalar_limits
from tabdiff.data.constraints.declared import ConstraintError
from tabdiff.data.constraints.derivation import Derivation, Rule
from tabdiff.data.constraints.expressions import (
    Comparison,
    Interval,
    Reference,
    decimal,
    decimals,
    interval,
    labels_in,
)
from tabdiff.data.constraints.places import Grid, Line
from tabdiff.data.constraints.search import refuse_unsolvable, rules_for, search


class Ground(NamedTuple):
    """The columns on which demands are made.

    Attributes
    ----------
    axes : mapping
        Of every column in a demand.
    fused : frozenset
        Columns that a combination of values decides: they cannot be derived.
    stepped : frozenset
        Columns with a stated increment: they cannot be equal to an expression.
    """

    axes: Mapping[Hashable, Axis]
    fused: frozenset[Hashable]
    stepped: frozenset[Hashable]

    def digits(self) -> dict[Hashable, int | None]:
        """The decimals of each column; None where it has no fixed number."""
        return {
            label: axis.place.digits if isinstance(axis.place, Grid) else None
            for label, axis in self.axes.items()
        }


class Plan(NamedTuple):
    """Derivations, each after those of its inputs, and the demands that were added on the way."""

    derivations: tuple[Derivation, ...]
    implied: tuple[Demand, ...]


def make_plan(demands: Sequence[Demand], ground: Ground) -> Plan:
    """Derivations that satisfy all demands.

    Raises
    ------
    ConstraintError
        If there are none.
    """
    limits = _Limits([d for d in demands if len(d.comparison.labels()) == 1], ground)
    joint = [d for d in demands if len(d.comparison.labels()) > 1]
    implied: list[Demand] = []
    while True:
        options = [_options(demand, ground) for demand in (*joint, *implied)]
        derivations = search([*joint, *implied], options)
        further = limits.passed_on(derivations, implied)
        if further is None:
            return Plan(tuple(derivations), tuple(implied))
        if len(further.comparison.labels()) == 1:
            raise ConstraintError(
                f"{further.reason} cannot be guaranteed: it needs {further.comparison}, which is "
                "false in some training rows. Convert columns to a wider dtype, or leave one "
                "constraint out."
            )
        implied.append(further)


class Around(NamedTuple):
    """How rows are made around cells that are given.

    Attributes
    ----------
    derivations : tuple of Derivation
        Each after its inputs.
    limits : dict of Derivation
        What bounds a derived column from its other side, by given columns.
    """

    derivations: tuple[Derivation, ...]
    limits: dict[Hashable, Derivation]


def around(derivations: Sequence[Derivation], ground: Ground, given: frozenset[Hashable]) -> Around:
    """Derivations that say the same and decide no given column, as far as there are any.

    Parameters
    ----------
    derivations : sequence of Derivation
        Each after its inputs.
    ground : Ground
    given : frozenset
        Columns that are what they are.
    """
    if all(d.inputs() <= given for d in derivations if d.label in given):
        return Around(tuple(derivations), {})
    decided = ground._replace(fused=ground.fused | given)
    demands: list[Demand] = []
    options: list[list[Rule]] = []
    found: list[Derivation] = []
    limits: dict[Hashable, tuple[Rule, ...]] = {}
    for demand in _stated(derivations, given):
        try:
            own = _options(demand, decided)
        except ConstraintError:
            continue  # nothing that is open can see to it: rows are drawn until it holds
        try:
            found = search([*demands, demand], [*options, own])
        except ConstraintError:
            for rule in own:
                if set(labels_in(rule.node)) <= given and rule.side != "==":
                    limits[rule.label] = (*limits.get(rule.label, ()), rule)
            continue
        demands.append(demand)
        options.append(own)
    return Around(tuple(found), {label: Derivation(label, own) for label, own in limits.items()})


def _stated(derivations: Sequence[Derivation], given: frozenset[Hashable]) -> list[Demand]:
    """What derivations demand of columns that are not all given."""
    return [
        Demand(Comparison(Reference(rule.label), rule.operator, rule.node), f"column {d.label!r}")
        for d in derivations
        for rule in d.rules
        if not {d.label} | d.inputs() <= given
    ]


def solved_for(label: Hashable, rule: Rule, ground: Ground) -> Derivation | None:
    """The equation of a rule solved for another of its columns; None where that is not exact."""
    comparison = Comparison(Reference(rule.label), rule.operator, rule.node)
    others = frozenset(comparison.labels()) - {label}
    try:
        options = _options(Demand(comparison, ""), ground._replace(fused=ground.fused | others))
    except ConstraintError:
        return None
    return Derivation(label, (options[0],))


def _options(demand: Demand, ground: Ground) -> list[Rule]:
    """The rules that a demand can become on these columns."""
    rules = rules_for(demand, ground.fused, ground.stepped)
    able = [rule for rule in rules if rule.side != "==" or _can_equal(rule, demand, ground)]
    if not able:
        refuse_unsolvable(demand)
    return able


def _can_equal(rule: Rule, demand: Demand, ground: Ground) -> bool:
    """Whether a column can take the value of an expression, rounded if it stands alone."""
    place = ground.axes[rule.label].place
    comparison = demand.comparison
    if isinstance(place, Line) or Reference(rule.label) in (comparison.left, comparison.right):
        return True
    needed = decimals(rule.node, ground.digits())
    return needed is not None and needed <= place.digits


class _Limits:
    """How far each column may go: its dtype, and the numbers it is compared to."""

    def __init__(self, scalar: Sequence[Demand], ground: Ground) -> None:
        self.axes = ground.axes
        self.digits = ground.digits()
        self.bottom: dict[Hashable, Limit] = {}
        self.top: dict[Hashable, Limit] = {}
        for label, axis in self.axes.items():
            if isinstance(axis.place, Grid):
                ends = axis.place.value(axis.place.floor), axis.place.value(axis.place.ceiling)
                self.bottom[label] = Limit(decimal(ends[0]), False, f"the dtype of {label!r}")
                self.top[label] = Limit(decimal(ends[1]), False, f"the dtype of {label!r}")
        for label, side, limit in scalar_limits(scalar):
            if side in ("==", "<"):
                self.top[label] = min(limit, self.top.get(label, limit), key=Limit.as_top)
            if side in ("==", ">"):
                self.bottom[label] = max(limit, self.bottom.get(label, limit), key=Limit.as_bottom)

    def passed_on(
        self, derivations: Sequence[Derivation], implied: Sequence[Demand]
    ) -> Demand | None:
        """A demand on the inputs of a derived column that keeps it within its limits, if needed."""
        secured = {demand.comparison for demand in implied}
        ranges: dict[Hashable, Interval] = {
            label: axis.observed() for label, axis in self.axes.items()
        }
        for derivation in derivations:
            label = derivation.label
            for rule in derivation.rules:
                demand = self._needed(rule, interval(rule.node, ranges, self.digits))
                if demand is not None and demand.comparison not in secured:
                    return demand
            ranges[label] = self._reach(derivation, ranges)
        return None

    def _needed(self, rule: Rule, reach: Interval) -> Demand | None:
        """What must be demanded of the inputs of a rule whose values reach so far."""
        top, bottom = self.top.get(rule.label), self.bottom.get(rule.label)
        if rule.operator in ("<", ">"):
            # The column needs room beyond the value that it must not reach.
            top = None if top is None else top._replace(strict=True)
            bottom = None if bottom is None else bottom._replace(strict=True)
        if top is not None and rule.side in ("==", ">") and top.is_passed_by(reach[1], 1):
            return Demand(Comparison(rule.node, top.sign("<"), top.value), top.reason)
        if bottom is not None and rule.side in ("==", "<") and bottom.is_passed_by(reach[0], -1):
            return Demand(Comparison(rule.node, bottom.sign(">"), bottom.value), bottom.reason)
        return None

    def _reach(self, derivation: Derivation, ranges: Mapping[Hashable, Interval]) -> Interval:
        """The values that a derived column can take, once all that it needs is demanded."""
        label = derivation.label
        place = self.axes[label].place
        rounding = Fraction(place.step, 10**place.digits) if isinstance(place, Grid) else 0
        low, high = ranges[label]
        for rule in derivation.rules:
            least, most = interval(rule.node, ranges, self.digits)
            low = min(low, least - rounding) if rule.side in ("==", "<") else low
            high = max(high, most + rounding) if rule.side in ("==", ">") else high
        if label in self.bottom:
            low = max(low, self.bottom[label].value.value())
        if label in self.top:
            high = min(high, self.top[label].value.value())
        return low, high
