"""Text to comparisons of expressions.

Python's own parser makes a tree of the text, of which only names, numbers, ``+ - * /`` and one
chain of comparisons are accepted. Nothing is ever executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from itertools import pairwise

from tabdiff.data.constraints.expressions import (
    DEEPEST,
    OPERATORS,
    Comparison,
    Literal,
    Node,
    Operation,
    Reference,
    as_decimal,
    constant,
    labels_in,
    literal,
)

_LONGEST = 2000
_QUOTED = re.compile(r"`([^`]+)`")


def parse(text: str) -> list[Comparison]:
    """The comparisons that a text makes; ``a <= b <= c`` makes two.

    Names that are no Python identifiers stand in backquotes: ```pickup time` <= dropoff``.

    Raises
    ------
    ValueError
        If it is anything but comparisons of sums, differences, products and quotients of columns
        and numbers.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"an expression has at most {_LONGEST} characters. Got {len(text)}.")
    quoted: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        name = f"_quoted_{len(quoted)}_"
        quoted[name] = match[1]
        return f" {name} "

    try:
        tree = ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no expression ({error}). {_GRAMMAR}") from error
    if not isinstance(tree, ast.Compare):
        raise ValueError(f"{text!r} compares nothing. {_GRAMMAR}")
    symbols = [_COMPARES.get(type(operator)) for operator in tree.ops]
    if None in symbols:
        raise ValueError(f"{text!r}: only {', '.join(OPERATORS)} compare. {_GRAMMAR}")
    sides = [_node(side, quoted, DEEPEST) for side in (tree.left, *tree.comparators)]
    found = [
        Comparison(left, str(symbol), right)
        for (left, right), symbol in zip(pairwise(sides), symbols, strict=True)
    ]
    for comparison in found:
        if not comparison.labels():
            raise ValueError(f"{text!r}: no column in {comparison}. {_GRAMMAR}")
    return found


_GRAMMAR = (
    "Write column names, numbers, + - * / and parentheses, compared by == <= < >= or >, as in "
    '"total == net + vat"; names with spaces stand in backquotes.'
)
_COMPARES: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.LtE: "<=",
    ast.Lt: "<",
    ast.GtE: ">=",
    ast.Gt: ">",
}
_SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


def _node(tree: ast.expr, quoted: Mapping[str, str], depth: int) -> Node:
    if depth < 0:
        raise ValueError(f"the expression is nested deeper than {DEEPEST} levels.")
    match tree:
        case ast.Name(id=name):
            return Reference(quoted.get(name, name))
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return literal(value)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _node(operand, quoted, depth - 1)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _node(operand, quoted, depth - 1)
            if isinstance(inner, Literal):
                return Literal(-inner.count, inner.digits)
            return Operation("*", Literal(-1), inner)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _SYMBOLS:
            sides = _node(left, quoted, depth - 1), _node(right, quoted, depth - 1)
            return _folded(Operation(_SYMBOLS[type(operator)], *sides))
    raise ValueError(f"{ast.unparse(tree)!r} cannot stand in a constraint. {_GRAMMAR}")


def _folded(operation: Operation) -> Node:
    """The operation, or its result where it joins two numbers."""
    if operation.symbol == "/" and operation.right == Literal(0):
        raise ValueError(f"{operation} divides by zero.")
    if any(labels_in(operation)):
        return operation
    return as_decimal(constant(operation)) or operation
