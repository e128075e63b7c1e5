"""What may be added to and compared with what: numbers, moments and spans of time do not mix."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from tabdiff.data.constraints.expressions import Comparison, Literal, Node, Reference

_MOMENTS = ("moment", "moment with a time zone")
# Zero seconds need no unit.
_ZERO = "zero"


def check_families(comparison: Comparison, families: Mapping[Hashable, str]) -> None:
    """Refuse a comparison of unlike things.

    Parameters
    ----------
    comparison : Comparison
    families : mapping
        Of each column: ``number``, ``span``, ``moment``, …

    Raises
    ------
    ValueError
        Naming both sides and what each is.
    """
    left, right = (_family(side, families) for side in (comparison.left, comparison.right))
    if left == right or (_ZERO in (left, right) and {left, right} <= {_ZERO, "number", "span"}):
        return
    raise ValueError(
        f"{comparison.left} is a {left}, {comparison.right} a {right}: the two cannot be compared. "
        f"{_remedy(left, right)}"
    )


def _remedy(left: str, right: str) -> str:
    if {left, right} == set(_MOMENTS):
        return "Give both a time zone (dt.tz_localize) or neither."
    return "Convert one of them."


def _family(node: Node, families: Mapping[Hashable, str]) -> str:
    if isinstance(node, Reference):
        return families[node.label]
    if isinstance(node, Literal):
        return "number" if node.count else _ZERO
    left, right = _family(node.left, families), _family(node.right, families)
    found = _SUMS.get((left, node.symbol, right))
    if found is None:
        raise ValueError(f"{node} joins a {left} and a {right}: that means nothing.")
    return found


def _table() -> dict[tuple[str, str, str], str]:
    table = {}
    for zero in (_ZERO, "number"):
        for symbol in "+-*/":
            table[zero, symbol, "number"] = table["number", symbol, zero] = "number"
        table["span", "*", zero] = table[zero, "*", "span"] = table["span", "/", zero] = "span"
    table[_ZERO, "*", _ZERO] = table[_ZERO, "+", _ZERO] = table[_ZERO, "-", _ZERO] = _ZERO
    for symbol in "+-":
        table["span", symbol, "span"] = "span"
        table[_ZERO, symbol, "span"] = table["span", symbol, _ZERO] = "span"
    table["span", "/", "span"] = "number"
    for moment in (*_MOMENTS, "time of day"):
        table[moment, "+", "span"] = table["span", "+", moment] = moment
        table[moment, "-", "span"] = moment
        table[moment, "-", moment] = "span"
    return table


_SUMS = _table()
