"""What the data layer says when a table cannot be, or should not be, taken as it is."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class SchemaError(ValueError):
    """A table, or a description of one, that cannot be modelled.

    The message names every bad column at once, what was found in it and what to do.
    """


class SchemaWarning(UserWarning):
    """Something about the table that its owner should know before trusting the result."""


class ConditionError(ValueError):
    """A condition that names what the model does not know, or that nothing can meet."""


class UnknownColumnError(ConditionError, KeyError):
    """A condition on a column that the table does not have."""

    # KeyError would show the message in quotes.
    __str__ = ValueError.__str__


class CopyError(ValueError):
    """Rows that cannot be kept from equalling training rows, or nobody knows whether they do."""


class ConditionWarning(UserWarning):
    """A condition beyond what the training rows showed."""


def tell(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that called into the library, however deep it went."""
    frame, level = sys._getframe(1), 2
    # A method within a context of the library's is called by contextlib.
    ours = {"tabdiff", "contextlib"}
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] in ours:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def closest(name: object, known: Iterable[object]) -> str:
    """``" Did you mean 'age'?"`` for the nearest known name, or an empty string."""
    texts = {str(label).casefold(): label for label in known}
    found = get_close_matches(str(name).casefold(), list(texts), n=1)
    return f" Did you mean {texts[found[0]]!r}?" if found else ""


def listing(points: Sequence[str]) -> str:
    """One point as it is, several as a list with one line each."""
    if len(points) == 1:
        return points[0]
    return "".join(f"\n  - {point}" for point in points)


def points_of(error: ValueError) -> list[str]:
    """The points that :func:`listing` made a message of."""
    return [point for point in str(error).split("\n  - ") if point]


def shorten(value: object, width: int = 60) -> str:
    """``repr(value)``, cut to ``width`` characters."""
    return cut(repr(value), width)


def cut(text: str, width: int) -> str:
    """The first ``width`` characters of a text."""
    return text if len(text) <= width else text[: width - 1] + "…"
