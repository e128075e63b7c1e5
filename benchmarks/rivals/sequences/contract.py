"""The contract between the benchmark and a method for sequences: a `SequenceTask` in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Layout:
    """What the columns of a long frame are.

    Attributes
    ----------
    key : str
        The entity of a row.
    index : str
        When the row was seen, a number that grows within an entity.
    static : tuple of str
        Columns with one value per entity.
    categorical : tuple of str
        Columns of levels, static ones included; all others hold numbers.
    """

    key: str
    index: str
    static: tuple[str, ...]
    categorical: tuple[str, ...]

    def changing(self, columns: Iterable[str]) -> list[str]:
        """Those of the columns that vary within an entity, the index not among them."""
        fixed = {self.key, self.index, *self.static}
        return [name for name in columns if name not in fixed]


@dataclass(frozen=True)
class SequenceTask:
    """What every method is told.

    Attributes
    ----------
    train : DataFrame
        One row per entity and time, in the order of the index within an entity.
    layout : Layout
    seed : int
        The worker seeds the global generators with it, as for tables.
    seconds : float
        Wall time that the fit may take.
    """

    train: pd.DataFrame
    layout: Layout
    seed: int
    seconds: float

    def entities(self) -> pd.DataFrame:
        """One row per entity: its key and its static columns."""
        names = [self.layout.key, *self.layout.static]
        return self.train[names].drop_duplicates(self.layout.key, ignore_index=True)
