"""The contract between the benchmark and a method: a `Task` in, a `Fitted` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

Role = Literal["numeric", "categorical", "datetime"]
# Column to a value, a range (low, high) with None for an open end, or a list of values.
Condition = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What every method is told.

    Attributes
    ----------
    train : DataFrame
        As read from CSV: datetimes are text.
    roles : dict of str to str
        Role of each column, in the order of the table.
    target : str
        The column that the judge will predict.
    seed : int
        The worker seeds the global generators of NumPy and torch with it; a method that takes a
        seed of its own gets it too.
    """

    train: pd.DataFrame
    roles: Mapping[str, Role]
    target: str
    seed: int

    def columns(self, role: Role) -> list[str]:
        """Names of the columns of that role."""
        return [name for name, given in self.roles.items() if given == role]

    def datetime_format(self, name: str) -> str:
        """Form of the text of a datetime column: with a time of day, unless none has one."""
        longest = self.train[name].dropna().str.len().max()
        return "%Y-%m-%d" if longest == len("2026-01-31") else "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Fitted:
    """What ``fit(task)`` of a method returns.

    Attributes
    ----------
    sample : callable
        Number of rows to a frame of so many rows with the columns of the training table.
    facts : dict
        What of the fitted model deserves a place in the result file, as plain values.
    answer : callable or None
        Condition and number of rows to a frame of at most so many rows that meet it; None for a
        method that takes no conditions.
    fill : callable or None
        Rows with gaps, and a number of draws, to as many frames of the same rows without gaps.
    """

    sample: Callable[[int], pd.DataFrame]
    facts: Mapping[str, object] = field(default_factory=dict)
    answer: Callable[[Condition, int], pd.DataFrame] | None = None
    fill: Callable[[pd.DataFrame, int], list[pd.DataFrame]] | None = None


class RefusedError(ValueError):
    """A condition of a kind that the method has no way to ask for."""


def single_values(condition: Condition) -> Condition:
    """The condition, for methods that know values only.

    Raises
    ------
    RefusedError
        If it holds a range or a set.
    """
    for name, asked in condition.items():
        if isinstance(asked, tuple | list):
            kind = "range" if isinstance(asked, tuple) else "set"
            raise RefusedError(f"a {kind} ({name}): one value per column is all that can be asked")
    return condition


def meets(frame: pd.DataFrame, condition: Condition) -> pd.Series:
    """Whether each row is as the condition says."""
    good = pd.Series(True, index=frame.index)
    for name, asked in condition.items():
        if isinstance(asked, tuple):
            low, high = asked
            low, high = -np.inf if low is None else low, np.inf if high is None else high
            good &= frame[name].between(low, high)
        else:
            good &= frame[name].isin(asked if isinstance(asked, list) else [asked])
    return good
