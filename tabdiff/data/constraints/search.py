"""Which column is derived from which, so that all comparisons hold together.

Every comparison is solved for one of its columns. An equation takes its column whole; bounds share
a column if they are all from below or all from above; no column may depend on itself. A choice that
does all this is searched for.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NoReturn

from tabdiff.data.constraints.contradictions import Demand
from tabdiff.data.constraints.declared import ConstraintError
from tabdiff.data.constraints.derivation import Derivation, Rule
from tabdiff.data.constraints.expressions import Comparison, Reference, labels_in
from tabdiff.data.constraints.solving import solve

_MOST_TRIES = 10_000


def search(demands: Sequence[Demand], options: Sequence[Sequence[Rule]]) -> list[Derivation]:
    """Derivations that satisfy all demands, each after those of its inputs.

    Parameters
    ----------
    demands : sequence of Demand
    options : sequence of sequence of Rule
        What each demand can become, the preferred first.

    Raises
    ------
    ConstraintError
        If no choice does, or none is found in reasonable time.
    """
    return _Search(demands, options).run()


def rules_for(
    demand: Demand, fused: frozenset[Hashable], stepped: frozenset[Hashable]
) -> list[Rule]:
    """The rules that a demand can become, the preferred first.

    Parameters
    ----------
    demand : Demand
    fused : frozenset
        Columns that a combination of values decides: they cannot be derived.
    stepped : frozenset
        Columns with a stated increment: they cannot be equal to an expression.

    Raises
    ------
    ConstraintError
        If there are none.
    """
    found = []
    for label in _preferred(demand.comparison):
        solved = solve(demand.comparison, label)
        if demand.solve_for not in (None, label) or label in fused or solved is None:
            continue
        if solved.operator != "==" or label not in stepped:
            found.append(Rule(label, solved.operator, solved.right))
    if not found:
        refuse_unsolvable(demand)
    return found


def refuse_unsolvable(demand: Demand) -> NoReturn:
    """Say that no column of a demand can be derived."""
    raise ConstraintError(
        f"{demand.reason}: no column can be computed from the others so that {demand.comparison} "
        "holds. Write it with one column alone on a side, one that no FixedCombinations, "
        "OneHotEncoding or FixedIncrements decides."
    )


def _preferred(comparison: Comparison) -> list[Hashable]:
    """The columns of a comparison: those alone on a side, the greater first, then the last ones."""
    greater = comparison.operator[0] == "<"
    sides = [comparison.right, comparison.left] if greater else [comparison.left, comparison.right]
    alone = [side.label for side in sides if isinstance(side, Reference)]
    return list(dict.fromkeys([*alone, *reversed(comparison.labels())]))


class _Search:
    """A choice of one rule per demand, by depth-first search in order of preference."""

    def __init__(self, demands: Sequence[Demand], options: Sequence[Sequence[Rule]]) -> None:
        self.demands = demands
        self.options = options
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
