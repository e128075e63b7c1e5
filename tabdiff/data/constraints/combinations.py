"""Several columns as one: the number of the combination of values that a row holds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.categorical import Levels, checked_levels, count_labels
from tabdiff.data.cells import Array, Cells
from tabdiff.data.column import Column
from tabdiff.data.parts import take
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.writing import write_cells

# Codes of rows that hold no combination of the training rows: all cells known, or some missing.
UNSEEN, OPEN = -1, -2


class Combinations:
    """The combinations of values that the training rows hold; a missing cell counts as a value.

    Attributes
    ----------
    columns : tuple of Column
    levels : tuple of Levels
        The values of each column, in an order that row order cannot change.
    table : int64 array, (combinations, columns)
        Each combination by the places of its values; one beyond the last stands for missing.
        Sorted, each once.
    """

    def __init__(self, columns: Sequence[Column], levels: Sequence[Levels], table: Array) -> None:
        self.columns = tuple(columns)
        self.levels = tuple(levels)
        self.table = table
        # Rows are found column by column: the keys of all prefixes, each sorted.
        self._prefixes: list[Array] = []
        prefix: Array = np.zeros(len(table), dtype=np.int64)
        for at, known in enumerate(levels):
            keys, prefix = np.unique(prefix * (len(known) + 1) + table[:, at], return_inverse=True)
            self._prefixes.append(keys)

    @classmethod
    def fit(cls, columns: Sequence[Column], series: Mapping[Hashable, pd.Series]) -> Combinations:
        """Gather the combinations.

        Parameters
        ----------
        columns : sequence of Column
        series : mapping
            The cells of each column.
        """
        cells = [read_cells(series[column.name], column) for column in columns]
        levels = [Levels(count_labels(own.values)[0]) for own in cells]
        codes = [_codes(own, known) for own, known in zip(cells, levels, strict=True)]
        table = np.unique(np.column_stack(codes), axis=0)
        return cls(columns, levels, table)

    def encode(self, series: Mapping[Hashable, pd.Series]) -> Array:
        """The combination of each row; ``UNSEEN`` or, with a missing cell, ``OPEN`` for a new one.

        Raises
        ------
        SchemaError
            If a cell is not of its column's form.
        """
        cells = [read_cells(series[column.name], column) for column in self.columns]
        prefix: Array = np.zeros(len(cells[0].missing), dtype=np.int64)
        for own, known, keys in zip(cells, self.levels, self._prefixes, strict=True):
            codes = _codes(own, known)
            key = prefix * (len(known) + 1) + codes
            spot = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
            lost = (prefix < 0) | (codes < 0) | (keys[spot] != key)
            prefix = np.where(lost, UNSEEN, spot)
        gaps = np.any([own.missing for own in cells], axis=0)
        return np.where((prefix == UNSEEN) & gaps, OPEN, prefix)

    def agreeing(
        self, series: Mapping[Hashable, pd.Series], observed: Mapping[Hashable, Array]
    ) -> tuple[Array, Array]:
        """Which combinations agree with the observed cells of each row.

        Parameters
        ----------
        series : mapping of Series, (n,)
        observed : mapping of bool array, (n,)
            Of some of the columns; of the others no cell is observed.

        Returns
        -------
        kind : int64 array, (n,)
            Rows that observe the same are of one kind.
        sets : bool array, (kinds, combinations)
        """
        seen = []
        for column, known in zip(self.columns, self.levels, strict=True):
            cells = read_cells(series[column.name], column)
            asked = observed.get(column.name, np.zeros(len(cells.missing), dtype=bool))
            seen.append(np.where(asked, _codes(cells, known), OPEN))
        kinds, kind = np.unique(np.column_stack(seen), axis=0, return_inverse=True)
        sets = np.all((kinds[:, None] == OPEN) | (kinds[:, None] == self.table), axis=-1)
        return kind.ravel(), sets

    def whole(self) -> Array:
        """Which combinations hold no missing cell, (combinations,)."""
        sizes = np.array([len(known) for known in self.levels])
        return np.all(self.table < sizes, axis=1)

    def decode(self, codes: Array) -> dict[Hashable, pd.Series]:
        """The cells of each column; a code beyond the combinations counts as the nearest one.

        Parameters
        ----------
        codes : int array, (n,)
        """
        rows = self.table[np.clip(codes, 0, len(self.table) - 1).astype(np.int64)]
        found = {}
        for at, (column, known) in enumerate(zip(self.columns, self.levels, strict=True)):
            missing = rows[:, at] == len(known)
            values = known.values[rows[~missing, at]]
            found[column.name] = write_cells(Cells(missing, values), column)
        return found

    def state(self) -> dict[str, Any]:
        """Strict JSON; the columns themselves are in the schema."""
        return {
            "columns": [to_json(column.name) for column in self.columns],
            "dtypes": [known.values.dtype.name for known in self.levels],
            "values": [[to_json(value) for value in known.values] for known in self.levels],
            "table": self.table.tolist(),
        }

    @classmethod
    def from_state(cls, data: Any, columns: Mapping[Hashable, Column]) -> Combinations:
        """The combinations that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        if not isinstance(data, dict):
            raise ValueError(f"malformed combinations: {data!r:.80}.")
        names = [from_json(name) for name in take(data, "columns", list)]
        dtypes, values = take(data, "dtypes", list), take(data, "values", list)
        if not set(names) <= columns.keys() or not len(names) == len(dtypes) == len(values) > 1:
            raise ValueError(f"combinations of {names!r:.80}: columns and values do not fit.")
        levels = [_levels(own, name) for own, name in zip(values, dtypes, strict=True)]
        rows = take(data, "table", list)
        try:
            table = np.array(rows, dtype=np.int64)
        except (TypeError, OverflowError, ValueError) as error:
            raise ValueError("the table of combinations must be rows of places.") from error
        sizes = np.array([len(known) for known in levels])
        if table.ndim != 2 or table.shape[1] != len(names) or not len(table):
            raise ValueError("the table of combinations must be rows of places.")
        if (table < 0).any() or (table > sizes).any():
            raise ValueError("the table of combinations has places beyond its values.")
        if not np.array_equal(np.unique(table, axis=0), table):
            raise ValueError("the table of combinations must be sorted, each row once.")
        return cls([columns[name] for name in names], levels, table)


def _codes(cells: Cells, known: Levels) -> Array:
    """The place of each cell's value, one beyond the last for a missing cell, -1 if unknown."""
    codes: Array = np.full(len(cells.missing), len(known), dtype=np.int64)
    codes[~cells.missing] = known.locate(cells.values)
    return codes


def _levels(values: Any, dtype: Any) -> Levels:
    if not isinstance(values, list) or dtype not in (
        "object",
        "bool",
        "int64",
        "uint64",
        "float64",
    ):
        raise ValueError(f"values of combinations must be a list of a known dtype. Got {dtype!r}.")
    array: Array = np.empty(len(values), dtype=object)
    array[:] = [from_json(value) for value in values]
    try:
        typed = array.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"values of combinations are no {dtype}.") from error
    return checked_levels(typed)
