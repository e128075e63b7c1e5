"""A table as floats and back, for methods that know nothing else.

Categories become codes (a missing one is a category like any other), datetimes seconds; missing
numbers stay NaN. On the way back codes are rounded, and numbers where the column has whole ones.
"""

from __future__ import annotations

import pandas as pd

from benchmarks.rivals.contract import Task

EPOCH = pd.Timestamp("1970-01-01")


class Codes:
    """The codes of one training table."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.levels = {
            name: pd.Index(task.train[name].unique()) for name in task.columns("categorical")
        }
        self.encoded = pd.DataFrame({name: self._encode(name) for name in task.roles})

    def decode(self, floats: pd.DataFrame) -> pd.DataFrame:
        """Rows of floats, in the columns of ``encoded``, as rows of the table."""
        return pd.DataFrame({name: self._decode(name, floats[name]) for name in self.task.roles})

    def is_whole(self, name: str) -> bool:
        """Whether the column's floats are whole: codes, seconds, and numbers that happen to be."""
        return bool((self.encoded[name].dropna() % 1 == 0).all())

    def _encode(self, name: str) -> pd.Series:
        column, role = self.task.train[name], self.task.roles[name]
        if role == "categorical":
            return pd.Series(self.levels[name].get_indexer(column), dtype=float)
        if role == "datetime":
            instants = pd.to_datetime(column, format=self.task.datetime_format(name))
            return (instants - EPOCH).dt.total_seconds()
        return column.astype(float)

    def _decode(self, name: str, floats: pd.Series) -> pd.Series | pd.Index:
        role = self.task.roles[name]
        if role == "categorical":
            last = len(self.levels[name]) - 1
            return self.levels[name].take(floats.round().clip(0, last).astype(int))
        if role == "datetime":
            instants = EPOCH + pd.to_timedelta(floats.round(), unit="s")
            return instants.dt.strftime(self.task.datetime_format(name))
        return floats.round() if self.is_whole(name) else floats
