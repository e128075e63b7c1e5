"""A comparison solved for one of its columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from fractions import Fraction

from tabdiff.data.constraints.expressions import (
    Comparison,
    Literal,
    Node,
    Operation,
    Reference,
    as_decimal,
    labels_in,
)

_MIRRORED = {"==": "==", "<=": ">=", "<": ">", ">=": "<=", ">": "<"}


def solve(comparison: Comparison, label: Hashable) -> Comparison | None:
    """The comparison with the column alone on the left, or None where it is no linear term."""
    left, right = comparison.left, comparison.right
    if left == Reference(label) and label not in labels_in(right):
        return comparison
    if right == Reference(label) and label not in labels_in(left):
        return Comparison(right, _MIRRORED[comparison.operator], left)
    terms = [*_terms(left, Fraction(1)), *_terms(right, Fraction(-1))]
    own = sum((factor for factor, node in terms if node == Reference(label)), Fraction(0))
    rest = [(factor, node) for factor, node in terms if node != Reference(label)]
    if not own or any(label in labels_in(node) for _, node in rest):
        return None
    operator = comparison.operator if own > 0 else _MIRRORED[comparison.operator]
    return Comparison(Reference(label), operator, _sum(_collected(rest, -1 / own)))


def _terms(node: Node, factor: Fraction) -> Iterator[tuple[Fraction, Node]]:
    """The terms whose sum, each times its factor, is the tree times ``factor``."""
    if isinstance(node, Operation):
        left, right = node.left, node.right
        if node.symbol in "+-":
            yield from _terms(left, factor)
            yield from _terms(right, factor if node.symbol == "+" else -factor)
            return
        if node.symbol == "*" and isinstance(left, Literal):
            yield from _terms(right, factor * left.value())
            return
        if isinstance(right, Literal) and right.count:
            value = right.value()
            yield from _terms(left, factor * (value if node.symbol == "*" else 1 / value))
            return
    yield factor, node


def _collected(terms: list[tuple[Fraction, Node]], scale: Fraction) -> list[tuple[Fraction, Node]]:
    """Equal terms added up and numbers merged, all times ``scale``."""
    totals: dict[Node, Fraction] = {}
    for factor, node in terms:
        if isinstance(node, Literal):
            factor, node = factor * node.value(), Literal(1)
        totals[node] = totals.get(node, Fraction(0)) + factor * scale
    return [(factor, node) for node, factor in totals.items() if factor]


def _sum(terms: list[tuple[Fraction, Node]]) -> Node:
    total: Node | None = None
    for factor, node in sorted(terms, key=lambda term: term[0] < 0):
        term = _scaled(node, abs(factor) if total is not None else factor)
        symbol = "+" if factor > 0 else "-"
        total = term if total is None else Operation(symbol, total, term)
    return Literal(0) if total is None else total


def _scaled(node: Node, factor: Fraction) -> Node:
    decimal = as_decimal(factor)
    if decimal is None:
        return Operation(
            "/", _scaled(node, Fraction(factor.numerator)), Literal(factor.denominator)
        )
    if node == Literal(1):
        return decimal
    return node if factor == 1 else Operation("*", decimal, node)
