"""A table as floats without gaps and back, for methods that know nothing else.

Categories become codes (a missing one is a category like any other), datetimes seconds. A column of
numbers or datetimes that lacks some is filled with its median, and a column of zeros and ones
beside it says where. On the way back codes are rounded, and numbers where the column has whole
ones.
"""

from __future__ import annotations

import pandas as pd

from benchmarks.rivals.contract import Task

EPOCH = pd.Timestamp("1970-01-01")


class Codes:
    """The codes of one training table.

    Attributes
    ----------
    encoded : DataFrame of float
        The training rows.
    levels : dict of str to int
        Number of codes of each categorical column of ``encoded``, those that tell gaps included.
    whole : set of str
        Columns of ``encoded`` that only hold whole numbers.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._values = {
            name: pd.Index(task.train[name].unique()) for name in task.columns("categorical")
        }
        floats = pd.DataFrame({name: self._encode(name) for name in task.roles})
        self._gaps = {name: f"{name} is missing" for name in floats if floats[name].isna().any()}
        lacks = {gap: floats[name].isna().astype(float) for name, gap in self._gaps.items()}
        self.encoded = floats.fillna(floats.median()).assign(**lacks)
        self.levels = {name: len(values) for name, values in self._values.items()}
        self.levels |= dict.fromkeys(lacks, 2)
        self.whole = {name for name in floats if (floats[name].dropna() % 1 == 0).all()} | {*lacks}

    def decode(self, floats: pd.DataFrame) -> pd.DataFrame:
        """Rows of floats, in the columns of ``encoded``, as rows of the table."""
        return pd.DataFrame({name: self._decode(name, floats) for name in self._task.roles})

    def _encode(self, name: str) -> pd.Series:
        column, role = self._task.train[name], self._task.roles[name]
        if role == "categorical":
            return pd.Series(self._values[name].get_indexer(column), dtype=float)
        if role == "datetime":
            instants = pd.to_datetime(column, format=self._task.datetime_format(name))
            return (instants - EPOCH).dt.total_seconds()
        return column.astype(float)

    def _decode(self, name: str, floats: pd.DataFrame) -> pd.Series | pd.Index:
        role, made = self._task.roles[name], floats[name]
        if role == "categorical":
            return self._values[name].take(made.round().clip(0, self.levels[name] - 1).astype(int))
        if name in self.whole:
            made = made.round()
        if name in self._gaps:
            made = made.mask(floats[self._gaps[name]] > 0.5)
        if role == "datetime":
            instants = EPOCH + pd.to_timedelta(made, unit="s")
            return instants.dt.strftime(self._task.datetime_format(name))
        return made
