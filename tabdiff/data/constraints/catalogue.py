"""The constraints on labels and on increments, and all constraints by name."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from tabdiff.data.constraints.declared import (
    Constraint,
    ConstraintError,
    Expression,
    Inequality,
    Negative,
    Positive,
    Range,
    Scalar,
    ScalarInequality,
    ScalarRange,
    known_columns,
    refuse_repeated,
    stated_number,
)
from tabdiff.data.scalars import from_json


@dataclass(frozen=True)
class FixedIncrements(Constraint):
    """Every number in a column is a multiple of one increment.

    Parameters
    ----------
    column_name : Hashable
    increment_value : int, float or Decimal
        Above zero, at most 9 decimals.
    """

    column_name: Hashable
    increment_value: Scalar

    def __post_init__(self) -> None:
        number = stated_number(self, self.increment_value)
        if number.count <= 0 or number.digits > 9:
            raise ConstraintError(
                f"{self}: increment_value must be above 0 and have at most 9 decimals."
            )

    def __str__(self) -> str:
        return f"FixedIncrements({self.column_name!r}, {self.increment_value})"

    def columns(self, labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """The one column."""
        return known_columns((self.column_name,), labels, self)


@dataclass(frozen=True)
class _OfSeveral(Constraint):
    column_names: Sequence[Hashable]

    takes_labels: ClassVar[bool] = True
    fewest: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if isinstance(self.column_names, str) or not isinstance(self.column_names, Sequence):
            raise TypeError(
                f"{type(self).__name__}: column_names must be a list of columns. "
                f"Got {self.column_names!r}."
            )
        object.__setattr__(self, "column_names", tuple(self.column_names))
        if len(self.column_names) < self.fewest:
            raise ConstraintError(f"{self}: name at least {self.fewest} columns.")
        refuse_repeated(self, tuple(self.column_names))

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.column_names))})"

    def columns(self, labels: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """The columns in the order in which they were named."""
        return known_columns(tuple(self.column_names), labels, self)


@dataclass(frozen=True)
class FixedCombinations(_OfSeveral):
    """Only combinations of values occur that occur in the training rows.

    Parameters
    ----------
    column_names : sequence of Hashable
        At least two.
    """

    fuses: ClassVar[bool] = True


@dataclass(frozen=True)
class OneHotEncoding(_OfSeveral):
    """In every row one of the columns is 1 (or True) and all others are 0 (or False).

    Parameters
    ----------
    column_names : sequence of Hashable
        At least two.
    """

    fuses: ClassVar[bool] = True


@dataclass(frozen=True)
class Unique(_OfSeveral):
    """No two rows agree in all of the columns; rows in which one is missing agree with none.

    Nothing a row can do by itself: repeated rows are drawn anew, see
    :meth:`tabdiff.data.constraints.ConstraintSet.complete`.

    Parameters
    ----------
    column_names : sequence of Hashable
        At least one.
    """

    fewest: ClassVar[int] = 1


STATED: dict[str, type[Constraint]] = {
    kind.__name__: kind
    for kind in (
        Inequality,
        Range,
        ScalarInequality,
        ScalarRange,
        Positive,
        Negative,
        Expression,
        FixedIncrements,
        FixedCombinations,
        OneHotEncoding,
        Unique,
    )
}


def constraints_from_json(data: Any) -> list[Constraint]:
    """The constraints that a list of JSON states, or what ``ConstraintSet.to_dict`` wrote.

    Each is an object, ``{"constraint": "Inequality", "low_column_name": "pickup",
    "high_column_name": "dropoff"}``, or the text of an Expression, ``"total >= fare + tip"``.

    Raises
    ------
    ValueError
        If it is anything else, or a constraint contradicts itself.
    """
    listed = data.get("constraints") if isinstance(data, Mapping) else data
    if not isinstance(listed, list):
        raise ValueError(f"constraints are a list of objects and texts. Got {data!r:.80}.")
    return [
        Expression(one) if isinstance(one, str) else constraint_from_dict(one) for one in listed
    ]


def constraint_from_dict(data: Any) -> Constraint:
    """The constraint that ``to_dict()`` wrote; what is left out has its default.

    Raises
    ------
    ValueError
        If it is malformed or unknown.
    """
    if not isinstance(data, Mapping) or data.get("constraint") not in STATED:
        raise ValueError(f"malformed constraint: {data!r:.80}. Known: {', '.join(STATED)}.")
    kind = STATED[data["constraint"]]
    given = {name: _argument(name, value) for name, value in data.items() if name != "constraint"}
    unknown = given.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"malformed {kind.__name__}: it has no {', '.join(sorted(unknown))}.")
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(f"malformed {kind.__name__}: {error}") from error


def _argument(name: str, value: Any) -> Any:
    if name == "column_names" and isinstance(value, list):
        return [from_json(item) for item in value]
    return from_json(value)
