"""Arithmetic expressions over columns as trees: their values, their bounds, their JSON."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from tabdiff.data.cells import Array
from tabdiff.data.constraints.amounts import (
    Amounts,
    Quantities,
    add,
    divide,
    integers,
    multiply,
)
from tabdiff.data.scalars import from_json, to_json

OPERATORS = ("==", "<=", "<", ">=", ">")
DEEPEST = 15
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Reference:
    """The value of a column."""

    label: Hashable

    def __str__(self) -> str:
        return repr(self.label)


@dataclass(frozen=True)
class Literal:
    """The number ``count / 10^digits``."""

    count: int
    digits: int = 0

    def __str__(self) -> str:
        return str(Decimal(self.count).scaleb(-self.digits)) if self.digits else str(self.count)

    def amounts(self) -> Amounts:
        """The number as amounts of one row."""
        return Amounts(integers(self.count), self.digits)

    def value(self) -> Fraction:
        """The number exactly."""
        return Fraction(self.count, 10**self.digits)


@dataclass(frozen=True)
class Operation:
    """``left symbol right`` for one of ``+ - * /``."""

    symbol: str
    left: Node
    right: Node

    def __str__(self) -> str:
        return f"({self.left} {self.symbol} {self.right})"


Node = Reference | Literal | Operation


@dataclass(frozen=True)
class Comparison:
    """``left operator right`` for one of ``OPERATORS``."""

    left: Node
    operator: str
    right: Node

    def __str__(self) -> str:
        return f"{_bare(self.left)} {self.operator} {_bare(self.right)}"

    def labels(self) -> list[Hashable]:
        """The columns in it, each once."""
        return list(dict.fromkeys([*labels_in(self.left), *labels_in(self.right)]))


def _bare(node: Node) -> str:
    text = str(node)
    return text[1:-1] if isinstance(node, Operation) else text


def labels_in(node: Node) -> Iterator[Hashable]:
    """Every column in a tree, as often as it occurs."""
    if isinstance(node, Reference):
        yield node.label
    elif isinstance(node, Operation):
        yield from labels_in(node.left)
        yield from labels_in(node.right)


def literal(value: object) -> Literal:
    """The number as it is written: 1.19 is 119 / 100.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not finite, or has more than 18 digits before or after the point.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"expected a number. Got {value!r}.")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number) >= Decimal(10) ** _MOST_DIGITS:
        raise ValueError(f"numbers have at most {_MOST_DIGITS} digits. Got {value!r}.")
    digits = max(0, -int(number.normalize().as_tuple().exponent))
    if digits > _MOST_DIGITS:
        raise ValueError(f"numbers have at most {_MOST_DIGITS} decimals. Got {value!r}.")
    scaled = Fraction(number) * 10**digits
    return Literal(int(scaled), digits)


def rename(node: Node, labels: Mapping[Hashable, Hashable]) -> Node:
    """The tree with every column replaced by the one it stands for."""
    if isinstance(node, Reference):
        return Reference(labels[node.label])
    if isinstance(node, Operation):
        return Operation(node.symbol, rename(node.left, labels), rename(node.right, labels))
    return node


def evaluate(node: Node, rows: Mapping[Hashable, Quantities]) -> Quantities:
    """The value in each row; not known where a column is missing or a divisor is zero."""
    if isinstance(node, Reference):
        return rows[node.label]
    if isinstance(node, Literal):
        return Quantities(np.ones(1, dtype=bool), node.amounts())
    left, right = evaluate(node.left, rows), evaluate(node.right, rows)
    known = left.known & right.known
    with np.errstate(over="ignore", invalid="ignore"):
        if node.symbol == "/" and (inverse := _reciprocal(node.right)) is not None:
            amounts = multiply(left.amounts, inverse.amounts())
        elif node.symbol == "-":
            amounts = add(left.amounts, multiply(Literal(-1).amounts(), right.amounts))
        else:
            act = {"+": add, "*": multiply, "/": divide}[node.symbol]
            amounts = act(left.amounts, right.amounts)
    if amounts.digits is None:
        known = known & np.isfinite(amounts.counts)
        amounts = Amounts(np.where(known, amounts.counts, 0.0), None)
    return Quantities(known, amounts)


def as_decimal(value: Fraction) -> Literal | None:
    """The fraction as a decimal, if it is one of at most 18 digits."""
    for digits in range(_MOST_DIGITS + 1):
        if 10**digits % value.denominator == 0:
            return Literal(int(value * 10**digits), digits)
    return None


def decimal(value: Fraction) -> Literal:
    """The fraction as a decimal; one of more than 18 digits is cut off."""
    found = as_decimal(value)
    if found is None:
        return Literal(int(value * 10**_MOST_DIGITS), _MOST_DIGITS)
    return found


def magnitude(node: Node, rows: Mapping[Hashable, Quantities]) -> Array:
    """What the terms of a tree add up to in absolute value: the scale of its rounding error."""
    if isinstance(node, Operation):
        left, right = magnitude(node.left, rows), magnitude(node.right, rows)
        if node.symbol in "+-":
            return left + right
        if node.symbol == "*":
            return left * right
        return np.divide(
            left, right, out=np.zeros(np.broadcast(left, right).shape), where=right != 0
        )
    return np.abs(evaluate(node, rows).amounts.floats())


Interval = tuple[Fraction | float, Fraction | float]


def decimals(node: Node, digits: Mapping[Hashable, int | None]) -> int | None:
    """How many decimals hold the value exactly, given those of each column; None for a float."""
    if isinstance(node, Reference):
        return digits[node.label]
    if isinstance(node, Literal):
        return node.digits
    if node.symbol == "/":
        inverse = _reciprocal(node.right)
        return None if inverse is None else _joint(decimals(node.left, digits), inverse.digits, "*")
    return _joint(decimals(node.left, digits), decimals(node.right, digits), node.symbol)


def _joint(left: int | None, right: int | None, symbol: str) -> int | None:
    if left is None or right is None:
        return None
    return left + right if symbol == "*" else max(left, right)


def _reciprocal(node: Node) -> Literal | None:
    """1 / node as a decimal, where it is a constant one."""
    return as_decimal(1 / node.value()) if isinstance(node, Literal) and node.count else None


def interval(
    node: Node, ranges: Mapping[Hashable, Interval], digits: Mapping[Hashable, int | None]
) -> Interval:
    """Bounds of a tree whose columns take any values of their ranges, independently.

    Parameters
    ----------
    node : Node
    ranges : mapping
        Least and greatest value of each column.
    digits : mapping
        Decimals of each column, which tell how near a divisor comes to zero.
    """
    if isinstance(node, Reference):
        return ranges[node.label]
    if isinstance(node, Literal):
        return node.value(), node.value()
    a, b = interval(node.left, ranges, digits)
    c, d = interval(node.right, ranges, digits)
    if node.symbol == "+":
        return a + c, b + d
    if node.symbol == "-":
        return a - d, b - c
    if node.symbol == "/":
        c, d = _inverse(c, d, decimals(node.right, digits))
    corners = [x * y if x and y else Fraction(0) for x in (a, b) for y in (c, d)]
    return min(corners), max(corners)


def _inverse(low: Fraction | float, high: Fraction | float, digits: int | None) -> Interval:
    """Bounds of 1 / x for x other than 0 in the interval."""
    if low > 0 or high < 0:
        return 1 / high, 1 / low
    steepest = np.inf if digits is None else Fraction(10**digits)
    return (-steepest if low < 0 else Fraction(0)), (steepest if high > 0 else Fraction(0))


def constant(node: Node) -> Fraction:
    """The value of a tree without columns."""
    if isinstance(node, Literal):
        return node.value()
    assert isinstance(node, Operation)
    left, right = constant(node.left), constant(node.right)
    act = {"+": left.__add__, "-": left.__sub__, "*": left.__mul__, "/": left.__truediv__}
    return act[node.symbol](right)


def node_to_json(node: Node) -> Any:
    """Strict JSON."""
    if isinstance(node, Reference):
        return {"column": to_json(node.label)}
    if isinstance(node, Literal):
        return {"count": node.count, "digits": node.digits}
    return [node.symbol, node_to_json(node.left), node_to_json(node.right)]


def node_from_json(data: Any, depth: int = 3 * DEEPEST) -> Node:
    """The tree that :func:`node_to_json` wrote.

    Raises
    ------
    ValueError
        If it is malformed.
    """
    match data:
        case {"column": label, **rest} if not rest:
            return Reference(from_json(label))
        case {"count": int() as count, "digits": int() as digits, **rest} if not rest:
            if 0 <= digits <= 2 * _MOST_DIGITS and abs(count) < 10 ** (4 * _MOST_DIGITS):
                return Literal(int(count), int(digits))
        case [("+" | "-" | "*" | "/") as symbol, left, right] if depth:
            return Operation(
                symbol, node_from_json(left, depth - 1), node_from_json(right, depth - 1)
            )
    raise ValueError(f"malformed expression: {data!r:.80}.")
