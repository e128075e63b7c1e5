"""The missing cells of a table: where they are, and a table with them filled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, present
from tabdiff.data.frames import container_of, from_pandas, polars_types, to_pandas
from tabdiff.data.question import Question
from tabdiff.data.table import TableEncoder

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
        If the table does not follow the schema, or holds what the encoders do not know.
    """

    def __init__(self, encoder: TableEncoder, df: Any) -> None:
        encoder.schema.validate(df)
        self._container = container_of(df)
        self._polars = polars_types(df) if self._container == "polars" else {}
        self._frame = to_pandas(df)
        fillable = {c.name for c in encoder.schema.columns if c.kind not in UNFILLED}
        self._labels = [at for at, label in enumerate(self._frame.columns) if label in fillable]
        missing = np.zeros(len(self._frame), dtype=bool)
        for at in self._labels:
            missing |= present(self._frame.iloc[:, at])[1]
        self._rows = np.flatnonzero(missing)
        self.n = len(self._rows)
        self.question = Question.of_gaps(encoder, self._frame.iloc[self._rows])

    def fill(self, drawn: Any) -> Any:
        """The table with the cells of ``drawn``, one row per row with gaps, in its gaps."""
        answer = to_pandas(drawn)
        filled = self._frame.copy()
        places = {label: at for at, label in enumerate(answer.columns)}
        for at in self._labels:
            series = self._frame.iloc[:, at]
            _, gaps = present(series)
            if gaps.any():
                new = answer.iloc[:, places[self._frame.columns[at]]]
                filled.isetitem(at, _filled(series, gaps, new[gaps[self._rows]]))  # type: ignore[arg-type]
        if self._container == "pandas":
            return filled
        return from_pandas(filled, self._container, self._polars)


def _filled(series: pd.Series, gaps: Array, new: pd.Series) -> pd.Series:
    """``series`` with ``new`` in its gaps, in its own dtype."""
    if isinstance(series.dtype, pd.SparseDtype):
        dense = series.dtype.subtype
        return _filled(series.astype(dense), gaps, new.astype(dense)).astype(series.dtype)
    values = series.array.copy()
    values[gaps] = new.astype(series.dtype).array
    return pd.Series(values, index=series.index, dtype=series.dtype)
