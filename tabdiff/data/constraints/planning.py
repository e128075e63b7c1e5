"""Which column is derived from which, so that all comparisons hold together.

Every comparison is solved for one of its columns. An equation takes its column whole; bounds share
a column if they are all from below or all from above; no column may depend on itself. A choice that
does all this is searched for. Bounds by a number need no derivation, since no column leaves its
training range; where a derived column could, the bound is passed on to the columns that it is
derived from.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.contradictions import Demand, Limit, scalar_limits
from tabdiff.data.constraints.declared import (
    ConstraintError,
)
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
from tabdiff.data.constraints.solving import solve

_MOST_TRIES = 10_000


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
        derivations = _Search([*joint, *implied], ground).run()
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


class _Search:
    """A choice of one rule per demand, by depth-first search in order of preference."""

    def __init__(self, demands: Sequence[Demand], ground: Ground) -> None:
        self.demands = demands
        self.options = [_options(demand, ground) for demand in demands]
        self.chosen: dict[Hashable, list[Rule]] = {}
        self.tries = 0
        self.stuck = 0

    def run(self) -> list[Derivation]:
        """The derivations in order."""
        if not self._choose(0):
            others = ", ".join(dict.fromkeys(d.reason for d in self.demands[: self.stuck]))
            raise ConstraintError(
                f"{self.demands[self.stuck].reason} cannot be enforced together with {others}: "
                "each would have to compute a column that the other computes, or that it is "
                "computed from. Leave one out, or merge them into one Expression."
            )
        waiting = {label: rules for label, rules in self.chosen.items() if rules}
        ordered: list[Derivation] = []
        while waiting:
            found = (Derivation(label, tuple(rules)) for label, rules in waiting.items())
            ready = next(d for d in found if not d.inputs() & waiting.keys())
            ordered.append(ready)
            del waiting[ready.label]
        return ordered

    def _choose(self, at: int) -> bool:
        if at == len(self.demands):
            return True
        self.tries += 1
        if self.tries > _MOST_TRIES:
            raise ConstraintError(
                f"no way to enforce all {len(self.demands)} comparisons together was found. "
                "Say which column each Expression computes (solve_for)."
            )
        self.stuck = max(self.stuck, at)
        for rule in self.options[at]:
            rules = self.chosen.setdefault(rule.label, [])
            if self._fits(rule, rules):
                rules.append(rule)
                if self._choose(at + 1):
                    return True
                rules.remove(rule)
        return False

    def _fits(self, rule: Rule, rules: list[Rule]) -> bool:
        if rules and (rule.side == "==" or rules[0].side != rule.side):
            return False
        return not self._depends(rule.label, set(labels_in(rule.node)))

    def _depends(self, label: Hashable, sources: set[Hashable]) -> bool:
        """Whether any of the sources is, or is derived from, the column."""
        seen: set[Hashable] = set()
        while sources:
            source = sources.pop()
            if source == label:
                return True
            if source not in seen:
                seen.add(source)
                for rule in self.chosen.get(source, []):
                    sources |= set(labels_in(rule.node))
        return False


def _options(demand: Demand, ground: Ground) -> list[Rule]:
    """The rules that a demand can become, the preferred first."""
    comparison = demand.comparison
    found = []
    for label in _preferred(comparison):
        solved = solve(comparison, label)
        if demand.solve_for not in (None, label) or label in ground.fused or solved is None:
            continue
        rule = Rule(label, solved.operator, solved.right)
        alone = Reference(label) in (comparison.left, comparison.right)
        if rule.side != "==" or _can_equal(rule, ground, alone):
            found.append(rule)
    if not found:
        raise ConstraintError(
            f"{demand.reason}: no column can be computed from the others so that "
            f"{comparison} holds. Write it with one column alone on a side, one that no "
            "FixedCombinations, OneHotEncoding or FixedIncrements decides."
        )
    return found


def _preferred(comparison: Comparison) -> list[Hashable]:
    """The columns of a comparison: those alone on a side, the greater first, then the last ones."""
    greater = comparison.operator[0] == "<"
    sides = [comparison.right, comparison.left] if greater else [comparison.left, comparison.right]
    alone = [side.label for side in sides if isinstance(side, Reference)]
    return list(dict.fromkeys([*alone, *reversed(comparison.labels())]))


def _can_equal(rule: Rule, ground: Ground, alone: bool) -> bool:
    """Whether a column can take the value of an expression, rounded if it stands alone."""
    place = ground.axes[rule.label].place
    if rule.label in ground.stepped:
        return False
    if isinstance(place, Line) or alone:
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
