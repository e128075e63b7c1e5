"""The rows of a training table, so that none of them comes out again.

Whoever could ask whether a row is among them would know who was in the table. So they live in the
memory of the process that holds that table, as a number of 64 bits for each, under Python's hash,
which has a secret of its own in every process; no file has them, and no pickle.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.errors import CopyError
from tabdiff.data.frames import to_pandas
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema
from tabdiff.data.table import by_label

# Columns that tell nobody apart: surrogates, and what all rows share.
_TRIVIAL = ("identifier", "constant", "missing")
_GAP = np.uint64(0x9E3779B97F4A7C15)


class Originals:
    """The rows of a table, by what they hold in all columns but identifiers and constants.

    Two different rows are taken for one with a chance of about one in 2^64.

    Parameters
    ----------
    df : DataFrame or ndarray
    schema : Schema
        Of the table.

    Attributes
    ----------
    redrawn : int
        How many rows were copies when they were first drawn, and were drawn anew.

    Raises
    ------
    SchemaError
        If the table does not follow the schema.
    """

    def __init__(self, df: Any, schema: Schema) -> None:
        schema.validate(df)
        self._columns = [column for column in schema.columns if column.kind not in _TRIVIAL]
        self._known = np.unique(self._prints(by_label(to_pandas(df))))
        self.redrawn = 0

    def copies(self, rows: Mapping[Hashable, pd.Series]) -> Array:
        """The rows that equal one of the table, (n,); no row where no column tells them apart.

        Parameters
        ----------
        rows : mapping of Series, (n,)
            All columns, in the dtypes of the table.
        """
        prints = self._prints(rows)
        if not self._columns:
            return np.zeros(len(prints), dtype=bool)
        at = np.minimum(np.searchsorted(self._known, prints), len(self._known) - 1)
        return np.asarray(self._known[at] == prints)

    def refuse(self, still: Array, start: int, attempts: int) -> None:
        """Refuse rows that are copies after all attempts.

        Raises
        ------
        CopyError
            How many of how many.
        """
        if still.any():
            raise CopyError(
                f"exclude_copies: {int(still.sum()):,} of {len(still):,} rows still equal a "
                f"training row after {attempts} attempts (first at row "
                f"{start + int(np.argmax(still)):,}). What is asked, or what the columns can hold, "
                "leaves too few other rows: ask for less by value, or set exclude_copies=False."
            )

    def _prints(self, rows: Mapping[Hashable, pd.Series]) -> Array:
        prints = np.zeros(len(next(iter(rows.values()))), dtype=np.uint64)
        for column in self._columns:
            prints = _mixed(prints + _codes(rows[column.name], column))
        return prints


def _codes(series: pd.Series, column: Column) -> Array:
    """A number for each cell, equal where cells are."""
    missing, values = read_cells(series, column)
    codes = np.full(len(missing), _GAP)
    if values.dtype == object:
        hashes = [hash(typed_key(value)) for value in values]
        codes[~missing] = np.array(hashes, dtype=np.int64).view(np.uint64)
    elif values.dtype == bool:
        codes[~missing] = values
    else:
        codes[~missing] = values.view(np.uint64)
    return codes


def _mixed(numbers: Array) -> Array:
    """Numbers of 64 bits, each mapped to another one in which every bit has a say.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
