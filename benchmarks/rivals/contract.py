"""The contract between the benchmark and a method: a `Task` in, a `Fitted` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Role = Literal["numeric", "categorical", "datetime"]


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
    """

    sample: Callable[[int], pd.DataFrame]
    facts: Mapping[str, object] = field(default_factory=dict)
