"""Conditions as they are written after an option, and what they mean to a model.

    NAME=VALUE        this value
    NAME=             a missing cell
    NAME=A|B|…        one of these
    NAME=LOW..HIGH    between the two, both included; LOW.. and ..HIGH have one end

Double quotes hold a name or a value as it is: a name with ``=`` in it, a value with ``|`` or ``..``
in it, one that begins with ``"``, and the empty text, ``note=""``. Within them a double quote is
written twice. What a value means is told by its column: ``7`` is a number among numbers and text
among texts, and ``2024-01-31`` among dates with times is a moment, the day's midnight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tabdiff.data.schema import Column, Schema

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUTH = {"true": True, "false": False}
_FORMS = "NAME=VALUE, NAME=A|B, NAME=LOW..HIGH, or NAME= for a missing cell"


@dataclass(frozen=True)
class Text:
    """A name or a value, and whether it stood in quotes."""

    text: str
    quoted: bool = False

    @property
    def absent(self) -> bool:
        """Whether nothing is written at all."""
        return not self.text and not self.quoted


@dataclass(frozen=True)
class Condition:
    """One condition as it is written; a range has two values, its ends."""

    name: str
    values: tuple[Text, ...]
    is_range: bool = False


def condition(text: str) -> Condition:
    """A column and what is asked of it: ``age=18..30``.

    Raises
    ------
    click.BadParameter
        If it is not written so.
    """
    name, rest = _named(text, _FORMS)
    first, rest = _head(rest, ("|", ".."))
    if rest.startswith(".."):
        last, rest = _head(rest[2:], ("|", ".."))
        if rest or (first.absent and last.absent):
            raise click.BadParameter(f"{text!r} is no range. Write NAME=LOW..HIGH.{_HINT}")
        return Condition(name, (first, last), is_range=True)
    values = [first]
    while rest.startswith("|"):
        value, rest = _head(rest[1:], ("|", ".."))
        values.append(value)
    if rest:
        raise click.BadParameter(f"{text!r} is not {_FORMS}.{_HINT}")
    return Condition(name, tuple(values))


_HINT = " A value that holds one of these signs stands in double quotes."


def count(text: str) -> tuple[Text, int]:
    """A value and a number of rows: ``yes=500``.

    Raises
    ------
    click.BadParameter
        If it is not written so.
    """
    written, mark, number = text.rpartition("=")
    value, rest = _head(written, ())
    if not mark or rest or not _INTEGER.fullmatch(number):
        raise click.BadParameter(f"{text!r} is not VALUE=ROWS, such as yes=500.")
    return value, int(number)


def _named(text: str, forms: str) -> tuple[str, str]:
    name, rest = _head(text, ("=",))
    if name.absent or not rest.startswith("="):
        raise click.BadParameter(f"{text!r} is not {forms}.")
    return name.text, rest[1:]


def _head(text: str, stops: tuple[str, ...]) -> tuple[Text, str]:
    """What stands at the beginning, in quotes or up to the first of the stops, and the rest."""
    if found := _QUOTED.match(text):
        return Text(found[1].replace('""', '"'), quoted=True), text[found.end() :]
    if text.startswith('"'):
        raise click.BadParameter(f"{text!r} has no closing double quote.")
    end = min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))
    return Text(text[:end]), text[end:]


def label_of(name: str, schema: Schema) -> Hashable:
    """The label of the column that is written so; `name` itself if there is none."""
    return next((c.name for c in schema.columns if str(c.name) == name), name)


def conditions_of(written: Iterable[Condition], schema: Schema) -> dict[Hashable, Any]:
    """What ``sample(conditions=…)`` takes; columns that the schema lacks are left to it.

    Raises
    ------
    ValueError
        If a column is named twice, or a value is none that its column can hold. All are named.
    """
    asked: dict[Hashable, Any] = {}
    problems = []
    columns = {column.name: column for column in schema.columns}
    for one in written:
        label = label_of(one.name, schema)
        if label in asked:
            problems.append(f"column {one.name!r} is named twice. Write A|B for a set of values.")
            continue
        try:
            asked[label] = _meaning(one, columns[label]) if label in columns else one.name
        except ValueError as error:
            problems.append(f"column {one.name!r}: {error}")
    if problems:
        raise ValueError("\n".join(problems))
    return asked


def counts_of(
    written: Iterable[tuple[Text, int]], target: Hashable, schema: Schema
) -> dict[Any, int]:
    """What ``augment(target=…, counts=…)`` takes; a target that the schema lacks is left to it.

    Raises
    ------
    ValueError
        If a value is named twice, or is none that the target can hold.
    """
    column = next((c for c in schema.columns if c.name == target), None)
    counts: dict[Any, int] = {}
    for text, n_rows in written:
        try:
            value = text.text if column is None else value_of(text, column)
        except ValueError as error:
            raise ValueError(f"--count: column {target!r}: {error}") from error
        if value in counts:
            raise ValueError(f"--count: the value {text.text!r} is named twice.")
        counts[value] = n_rows
    return counts


def _meaning(written: Condition, column: Column) -> Any:
    values = [value_of(value, column) for value in written.values]
    if not written.is_range:
        return values if len(values) > 1 else values[0]
    if not column.has_numbers and not column.ordered:
        raise ValueError(
            f"its values ({column.form}) have no order, so '..' makes no range. Write A|B for a "
            "set, and a value that holds '..' in double quotes."
        )
    return tuple(values)


def value_of(written: Text, column: Column) -> Any:
    """The value that a text means in a column; None for no text.

    Raises
    ------
    ValueError
        If it is no value of the column's form.
    """
    if written.absent:
        return None
    if column.categories is not None:
        levels = {str(level): level for level in column.categories}
        return levels.get(written.text, written.text)
    if column.form == "mixed":
        return written.text if written.quoted else _guess(written.text)
    return _READERS.get(column.form, str)(written.text)


def _integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text.strip()) else _float(text)


def _float(text: str) -> float:
    return float(_number(text))


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no number.")
    return text.strip()


def _truth(text: str) -> bool:
    if text.strip().lower() not in _TRUTH:
        raise ValueError(f"{text!r} is neither true nor false.")
    return _TRUTH[text.strip().lower()]


def _guess(text: str) -> Any:
    """A number or a truth value that looks like one, else the text."""
    if _NUMBER.fullmatch(text):
        return _integer(text)
    return _truth(text) if text in ("True", "False") else text


# Moments and spans of time stay text, which conditions understand.
_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "float": _float,
    "decimal": lambda text: Decimal(_number(text)),
    "boolean": _truth,
    "bytes": str.encode,
}
