"""The constraints on amounts that a user can state, under SDV's names where SDV has them.

A constraint says only what must hold. How a set of them is made to hold is found by
:class:`tabdiff.data.constraints.ConstraintSet`. A constraint one of whose cells is missing in a row
holds in that row, as in SQL and SDV; so does one that divides by zero there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, ClassVar

from tabdiff.data.constraints.expressions import (
    Comparison,
    Literal,
    Reference,
    literal,
    rename,
)
from tabdiff.data.constraints.parsing import parse
from tabdiff.data.errors import closest
from tabdiff.data.scalars import to_json

Scalar = int | float | Decimal


class ConstraintError(ValueError):
    """Constraints that contradict each other or the table, or rows that break them."""


@dataclass(frozen=True)
class Constraint:
    """What must hold in every row, or over all rows, of a table."""

    # Columns that are equal or unequal as wholes, rather than compared as amounts.
    takes_labels: ClassVar[bool] = False
    # Whether its columns become one.
    fuses: ClassVar[bool] = False

    def columns(self, labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """The columns it is about.

        Parameters
        ----------
        labels : sequence
            Of the table: names in a text stand for one of them.

        Raises
        ------
        ConstraintError
            If a name is none of them; the message names the closest.
        """
        found = tuple(
            dict.fromkeys(label for c in self.comparisons(labels) for label in c.labels())
        )
        return known_columns(found, labels, self)

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """The comparisons that must hold in every row."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"constraint": type(self).__name__} | {
            name: [to_json(item) for item in value] if name == "column_names" else to_json(value)
            for name, value in values.items()
        }


def known_columns(
    found: tuple[Hashable, ...], labels: Iterable[Hashable], constraint: Constraint
) -> tuple[Hashable, ...]:
    """``found``, if all are labels of the table.

    Raises
    ------
    ConstraintError
        Naming the others, each with the closest label.
    """
    known = list(labels)
    absent = [label for label in found if label not in known]
    if absent:
        said = "; ".join(f"no column {label!r}.{closest(label, known)}" for label in absent)
        raise ConstraintError(f"{constraint}: {said}")
    return found


@dataclass(frozen=True)
class Inequality(Constraint):
    """One column is at most, or less than, another.

    Parameters
    ----------
    low_column_name, high_column_name : Hashable
        Two columns of numbers, of moments or of spans.
    strict_boundaries : bool
        Whether they must differ.
    """

    low_column_name: Hashable
    high_column_name: Hashable
    strict_boundaries: bool = False

    def __post_init__(self) -> None:
        refuse_repeated(self, (self.low_column_name, self.high_column_name))
        _flag(self, self.strict_boundaries)

    def __str__(self) -> str:
        sign = "<" if self.strict_boundaries else "<="
        return f"Inequality({self.low_column_name!r} {sign} {self.high_column_name!r})"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """Low <= high."""
        return [_ordered(self.low_column_name, self.high_column_name, self.strict_boundaries)]


@dataclass(frozen=True)
class Range(Constraint):
    """One column lies between two others.

    Parameters
    ----------
    low_column_name, middle_column_name, high_column_name : Hashable
        Three columns of numbers, of moments or of spans.
    strict_boundaries : bool
        Whether they must differ.
    """

    low_column_name: Hashable
    middle_column_name: Hashable
    high_column_name: Hashable
    strict_boundaries: bool = True

    def __post_init__(self) -> None:
        refuse_repeated(self, self._three())
        _flag(self, self.strict_boundaries)

    def _three(self) -> tuple[Hashable, ...]:
        return self.low_column_name, self.middle_column_name, self.high_column_name

    def __str__(self) -> str:
        sign = " < " if self.strict_boundaries else " <= "
        return f"Range({sign.join(map(repr, self._three()))})"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """Low < middle and middle < high."""
        low, middle, high = self._three()
        strict = self.strict_boundaries
        return [_ordered(low, middle, strict), _ordered(middle, high, strict)]


@dataclass(frozen=True)
class ScalarInequality(Constraint):
    """A column compares to one number.

    Parameters
    ----------
    column_name : Hashable
    relation : {">", ">=", "<", "<="}
    value : int, float or Decimal
    """

    column_name: Hashable
    relation: str
    value: Scalar

    def __post_init__(self) -> None:
        if self.relation not in (">", ">=", "<", "<="):
            raise ConstraintError(
                f"ScalarInequality({self.column_name!r}): relation must be '>', '>=', '<' or '<='. "
                f"Got {self.relation!r}."
            )
        stated_number(self, self.value)

    def __str__(self) -> str:
        return f"ScalarInequality({self.column_name!r} {self.relation} {self.value})"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """Column > value."""
        return [Comparison(Reference(self.column_name), self.relation, literal(self.value))]


@dataclass(frozen=True)
class ScalarRange(Constraint):
    """A column lies between two numbers.

    Parameters
    ----------
    column_name : Hashable
    low_value, high_value : int, float or Decimal
    strict_boundaries : bool
        Whether the ends are excluded.
    """

    column_name: Hashable
    low_value: Scalar
    high_value: Scalar
    strict_boundaries: bool = True

    def __post_init__(self) -> None:
        low, high = stated_number(self, self.low_value), stated_number(self, self.high_value)
        _flag(self, self.strict_boundaries)
        if low.value() > high.value() or (self.strict_boundaries and low.value() == high.value()):
            raise ConstraintError(f"{self}: nothing lies between. Exchange the two values.")

    def __str__(self) -> str:
        sign = "<" if self.strict_boundaries else "<="
        return f"ScalarRange({self.low_value} {sign} {self.column_name!r} {sign} {self.high_value})"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """Low < column and column < high."""
        column = Reference(self.column_name)
        equal = "" if self.strict_boundaries else "="
        return [
            Comparison(column, f">{equal}", literal(self.low_value)),
            Comparison(column, f"<{equal}", literal(self.high_value)),
        ]


@dataclass(frozen=True)
class _OneSided(Constraint):
    column_name: Hashable
    strict_boundaries: bool = False

    sign: ClassVar[str]

    def __post_init__(self) -> None:
        _flag(self, self.strict_boundaries)

    def _relation(self) -> str:
        return self.sign if self.strict_boundaries else f"{self.sign}="

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.column_name!r} {self._relation()} 0)"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """The column against 0."""
        return [Comparison(Reference(self.column_name), self._relation(), Literal(0))]


@dataclass(frozen=True)
class Positive(_OneSided):
    """No number, or span of time, in a column is below zero.

    Parameters
    ----------
    column_name : Hashable
    strict_boundaries : bool
        Whether zero is excluded as well.
    """

    sign: ClassVar[str] = ">"


@dataclass(frozen=True)
class Negative(_OneSided):
    """No number, or span of time, in a column is above zero.

    Parameters
    ----------
    column_name : Hashable
    strict_boundaries : bool
        Whether zero is excluded as well.
    """

    sign: ClassVar[str] = "<"


@dataclass(frozen=True)
class Expression(Constraint):
    """Sums, differences, products or quotients of columns and numbers compare.

    One column is computed from the others: the one that stands alone on a side, or else one that
    occurs in a single linear term. An equation holds at that column's own number of decimals, a tie
    being rounded away from zero. An expression in which no column can be isolated is refused.

    Parameters
    ----------
    text : str
        As in ``"total == net + vat"``, ``"0 <= a * b <= c"`` or ``"`pick up` <= `drop off`"``;
        parsed, never executed.
    solve_for : Hashable, optional
        The column to compute, where the choice matters.

    Examples
    --------
    >>> print(*Expression("0 <= net <= total").comparisons(["net", "total"]), sep=", ")
    0 <= 'net', 'net' <= 'total'
    """

    text: str
    solve_for: Hashable | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"Expression takes a text. Got {type(self.text).__name__}.")
        try:
            parse(self.text)
        except ValueError as error:
            raise ConstraintError(f"Expression: {error}") from error

    def __str__(self) -> str:
        return f"Expression({self.text!r})"

    def comparisons(self, labels: Sequence[Hashable]) -> list[Comparison]:
        """As parsed, over the labels that the names stand for."""
        found = parse(self.text)
        names = {name: _label_of(name, labels) for c in found for name in c.labels()}
        known_columns(tuple(names.values()), labels, self)
        if self.solve_for is not None and self.solve_for not in names.values():
            raise ConstraintError(
                f"{self}: solve_for={self.solve_for!r} is none of its columns."
                f"{closest(self.solve_for, names.values())}"
            )
        return [
            Comparison(rename(c.left, names), c.operator, rename(c.right, names)) for c in found
        ]


def _ordered(low: Hashable, high: Hashable, strict: bool) -> Comparison:
    return Comparison(Reference(low), "<" if strict else "<=", Reference(high))


def refuse_repeated(constraint: Constraint, labels: tuple[Hashable, ...]) -> None:
    """Refuse a column that is named twice."""
    if len(set(labels)) < len(labels):
        raise ConstraintError(f"{constraint}: a column is named twice. Name different ones.")


def _flag(constraint: Constraint, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{constraint}: strict_boundaries must be True or False. Got {value!r}.")


def stated_number(constraint: Constraint, value: object) -> Literal:
    """The number that a constraint was given, exactly; refuses what is none."""
    try:
        return literal(value)
    except TypeError as error:
        raise TypeError(f"{type(constraint).__name__}: {error}") from error
    except ValueError as error:
        raise ConstraintError(f"{type(constraint).__name__}: {error}") from error


def _label_of(name: Hashable, labels: Sequence[Hashable]) -> Hashable:
    """The label that a name in a text stands for: itself, or the only one that reads like it."""
    if name in labels:
        return name
    alike = [label for label in labels if str(label) == name]
    return alike[0] if len(alike) == 1 else name
