"""The missing cells of a table: where they are, and a table with them filled."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, inner_numpy, present
from tabdiff.data.column import Column
from tabdiff.data.dtypes import inner_dtype
from tabdiff.data.filling import filled_in
from tabdiff.data.frames import in_container_of, to_pandas
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.schema import is_family
from tabdiff.data.table import TableEncoder, by_label

# Kinds of columns that a model cannot fill: it never knew what was in them.
UNFILLED = ("identifier", "missing")


class Gaps:
    """The rows of a table that miss cells, as a question.

    Attributes
    ----------
    question : Question
        Of the rows with gaps alone.
    n : int
        How many rows that are.

    Raises
    ------
    SchemaError, ConditionError
        If the table does not follow the schema, or a row with gaps an infinite number.
    ConstraintError
        If its observed cells break a constraint.

    Warns
    -----
    SchemaWarning
        Once, if rows with gaps hold values that were not there at fit.
    """

    def __init__(self, rewriting: Verbatim, encoder: TableEncoder, df: Any) -> None:
        schema = rewriting.schema
        schema.validate(df)
        self._df, self._frame = df, to_pandas(df)
        fillable = {c.name: c for c in schema.columns if c.kind not in UNFILLED}
        self._columns = {
            at: fillable[label] for at, label in enumerate(self._frame.columns) if label in fillable
        }
        missing = np.zeros(len(self._frame), dtype=bool)
        for at in self._columns:
            missing |= present(self._frame.iloc[:, at])[1]
        self._rows = np.flatnonzero(missing)
        self.n = len(self._rows)
        self.question = rewriting.ask_gaps(encoder, self._frame, self._rows)

    def fill(self, drawn: Any) -> Any:
        """The table with the cells of ``drawn``, one row per row with gaps, in its gaps."""
        filled = fill_gaps(self._frame, self._columns, self._rows, by_label(to_pandas(drawn)))
        return in_container_of(self._df, filled)


def fill_gaps(
    frame: pd.DataFrame,
    columns: Mapping[int, Column],
    rows: Array,
    answer: Mapping[Hashable, pd.Series],
) -> pd.DataFrame:
    """``frame`` with its missing cells taken from ``answer``.

    Parameters
    ----------
    columns : mapping
        The columns to fill, by position.
    rows : int array, (n,)
        The rows that ``answer`` has, in its order; all others are complete.
    answer : mapping
        Column label to series, (n,).
    """
    filled = frame.copy()
    for at, column in columns.items():
        series = frame.iloc[:, at]
        _, gaps = present(series)
        if gaps.any():
            new = answer[column.name][gaps[rows]]
            fits = is_family(series, column) and _can_hold(series.dtype, new)
            fill = filled_in if fits else _joined
            filled.isetitem(at, fill(series, gaps, new))  # type: ignore[arg-type]
    return filled


def _can_hold(dtype: Any, new: pd.Series) -> bool:
    """Whether integers of this dtype are enough, if the dtype is one of integers."""
    if not pd.api.types.is_integer_dtype(dtype):
        return True
    ends = np.iinfo(inner_numpy(inner_dtype(dtype)))
    numbers = new.to_numpy(dtype=np.float64, na_value=np.nan)
    whole = np.array_equal(numbers, np.rint(numbers))
    return bool(whole and ends.min <= new.min() and new.max() <= ends.max)


def _joined(series: pd.Series, gaps: Array, new: pd.Series) -> pd.Series:
    """``series`` with ``new`` in its gaps, in the dtype of ``new``."""
    observed = series.reset_index(drop=True)[~gaps].astype(new.dtype)
    drawn = new.set_axis(np.flatnonzero(gaps))
    return pd.concat([observed, drawn]).sort_index().set_axis(series.index)
