"""Small faults planted in a source file: which ones there are, and the code of each.

A mutant differs from the source in one operator, comparison, number, truth value, condition,
argument, or statement. Not mutated: the text of errors (what stands in a ``raise``), assertions
and their like (``strict=`` of zip), annotations, texts, and the keyword ``device``, which one kind
of device cannot tell apart.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
UNSWAPPABLE = ast.Add | ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor
# Of these the order of arguments says nothing, of those keywords nothing that a test could see.
SYMMETRIC = {"min", "max", "minimum", "maximum", "clip", "union1d", "mul"}
LEFT_ALONE = {"device", "strict", None}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class Mutant(NamedTuple):
    """One planted fault.

    Attributes
    ----------
    name : str
        Where and what, free of line numbers: ``"Class.method: before -> after"``.
    function : str
        Qualified name of the outermost function it lies in; empty for what runs at import.
    lines : range
        Of the statement that it changes.
    path : tuple
        From the root of the tree to the changed node, as fields and indices.
    changed : ast.AST
        What stands there instead.
    """

    name: str
    function: str
    lines: range
    path: tuple[tuple[str, int | None], ...]
    changed: ast.AST

    def code(self, source: str, filename: str) -> CodeType:
        """The changed source, compiled."""
        tree = ast.parse(source)
        parent: ast.AST = tree
        *way, (field, index) = self.path
        for step, at in way:
            child = getattr(parent, step)
            parent = child if at is None else child[at]
        if index is None:
            setattr(parent, field, self.changed)
        else:
            getattr(parent, field)[index] = self.changed
        return compile(ast.fix_missing_locations(tree), filename, "exec")


class _Place(NamedTuple):
    """Where a node stands: its path from the root, as fields and indices, and its surroundings."""

    path: tuple[tuple[str, int | None], ...]
    scope: str
    function: str
    statement: ast.stmt


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a source, in the order of the text."""
    tree, seen = ast.parse(source), Counter[str]()
    for node, place in _places(tree):
        for changed in _variations(node):
            before, after = _text(node), _text(changed)
            if before == after:
                continue
            name = f"{place.scope or 'module'}: {before} -> {after}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" (#{seen[name]})"
            yield Mutant(name, place.function, _lines(place.statement), place.path, changed)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.While):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _lines(statement: ast.stmt) -> range:
    """Lines of a statement without the block that it heads."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(last, statement.lineno) + 1)


def _places(tree: ast.Module) -> Iterator[tuple[ast.AST, _Place]]:
    """Every node that may change."""
    for at, statement in enumerate(tree.body):
        yield from _below(statement, _Place((("body", at),), "", "", statement))


def _below(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    if isinstance(node, ast.Raise):
        yield node, place
    if isinstance(node, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    if isinstance(node, ast.keyword) and node.arg in LEFT_ALONE:
        return
    yield node, place
    inner = place
    if isinstance(node, FUNCTIONS | ast.ClassDef):
        scope = f"{place.scope}.{node.name}".lstrip(".")
        whole = place.function or (scope if isinstance(node, FUNCTIONS) else "")
        inner = place._replace(scope=scope, function=whole)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "ctx", "op", "ops", "decorator_list"):
            continue
        # Defaults are evaluated where the function is defined.
        around = place if isinstance(node, FUNCTIONS) and field == "args" else inner
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                at = around._replace(path=(*around.path, (field, index)))
                yield from _below(
                    child, at._replace(statement=child) if isinstance(child, ast.stmt) else at
                )


# ------------------------------------------------------------------------------ what may go wrong


def _variations(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node; located where it stood."""
    for changed in _changed(node):
        yield ast.copy_location(changed, node)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BinOp(left, op, right):
            yield from _operator(node, "op")
            if not isinstance(op, UNSWAPPABLE):
                yield ast.BinOp(right, op, left)
        case ast.AugAssign():
            yield from _operator(node, "op")
            yield ast.Pass()
        case ast.BoolOp():
            yield from _operator(node, "op")
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.Compare(left, ops, comparators):
            for at, op in enumerate(ops):
                changed = [*ops[:at], OPERATORS[type(op)](), *ops[at + 1 :]]
                yield ast.Compare(left, changed, comparators)
        case ast.Constant():
            yield from _constant(node.value)
        case ast.Call():
            yield from _call(node)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.If() | ast.While():
            yield from _condition(node)
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _operator(node: ast.AST, field: str) -> Iterator[ast.AST]:
    other = OPERATORS.get(type(getattr(node, field)))
    if other is not None:
        yield _with(node, **{field: other()})


def _constant(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1) if value else ast.UnaryOp(ast.USub(), ast.Constant(1))
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)
        if value:
            yield ast.Constant(value / 2)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    called = getattr(node.func, "attr", getattr(node.func, "id", None))
    swapped = len(node.args) > 1 and called not in SYMMETRIC
    if swapped and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
        first, second, *others = node.args
        yield _with(node, args=[second, first, *others])
    for at, keyword in enumerate(node.keywords):
        if keyword.arg not in LEFT_ALONE:
            yield _with(node, keywords=[*node.keywords[:at], *node.keywords[at + 1 :]])


def _condition(node: ast.If | ast.While) -> Iterator[ast.AST]:
    # Other conditions vary within.
    if not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed
