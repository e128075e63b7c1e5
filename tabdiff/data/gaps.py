"""The missing cells of a table: where they are, and a table with them filled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, present
from tabdiff.data.column import Column
from tabdiff.data.frames import container_of, from_pandas, polars_types, to_pandas
from tabdiff.data.question import Question
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder
from tabdiff.data.writing import write_cells

# Kinds of columns that a model cannot fill: it never knew what was in them.
UNFILLED = ("identifier", "missing")
# Kinds of columns whose cells have a mean.
_MEASURED = ("numeric", "datetime", "timedelta")


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


def average(df: Any, draws: Sequence[Any], schema: Schema) -> Any:
    """``df`` with its gaps filled by the mean or the mode of several fillings.

    The mean of numbers, moments and durations, rounded where the cells are whole (integers,
    decimals, the units of a moment); the most frequent value of all else, and of those that are
    equally frequent the one that was drawn first.

    Parameters
    ----------
    df : DataFrame or array
    draws : sequence of DataFrame or array, at least one
        ``df`` with its gaps filled, in its own order of columns.
    schema : Schema
        Says which columns have a mean.

    Returns
    -------
    DataFrame or ndarray
        In the container, dtypes and index of ``df``.
    """
    container = container_of(df)
    frame, drawn = to_pandas(df), [to_pandas(draw) for draw in draws]
    columns = {column.name: column for column in schema.columns}
    filled = frame.copy()
    for at, label in enumerate(frame.columns):
        series, column = frame.iloc[:, at], columns[label]
        _, gaps = present(series)
        if column.kind in UNFILLED or not gaps.any():
            continue
        answers = [draw.iloc[:, at][gaps] for draw in drawn]
        mean = column.kind in _MEASURED and not isinstance(series.dtype, pd.CategoricalDtype)
        new = _mean(answers, column) if mean else _mode(answers)
        filled.isetitem(at, _filled(series, gaps, new))  # type: ignore[arg-type]
    if container == "pandas":
        return filled
    return from_pandas(filled, container, polars_types(df) if container == "polars" else {})


def _mean(answers: Sequence[pd.Series], column: Column) -> pd.Series:
    """The mean of each cell; exact for whole ones, whose sum may exceed 64 bits."""
    values, n = np.stack([read_cells(answer, column).values for answer in answers]), len(answers)
    if values.dtype.kind == "f":
        # Divided first, since a sum may overflow; clipped, so that equal draws are their own mean.
        mean = np.clip((values / n).sum(axis=0), values.min(axis=0), values.max(axis=0))
        if getattr(answers[0].dtype, "kind", "O") in "iu":
            mean = np.rint(mean)
    else:
        mean = ((2 * values.astype(object).sum(axis=0) + n) // (2 * n)).astype(values.dtype)
    return write_cells(Cells(np.zeros(len(mean), dtype=bool), mean), column)


def _mode(answers: Sequence[pd.Series]) -> pd.Series:
    """The most frequent value of each cell."""
    drawn = pd.concat(answers, ignore_index=True)
    seen: dict[tuple[str, object], int] = {}
    keys = [seen.setdefault(typed_key(value), len(seen)) for value in drawn.astype(object)]
    codes = np.array(keys).reshape(len(answers), -1)
    votes = np.stack([(codes == own).sum(axis=0) for own in codes])
    n = codes.shape[1]
    return drawn.iloc[votes.argmax(axis=0) * n + np.arange(n)]


def _filled(series: pd.Series, gaps: Array, new: pd.Series) -> pd.Series:
    """``series`` with ``new`` in its gaps, in its own dtype."""
    if isinstance(series.dtype, pd.SparseDtype):
        dense = series.dtype.subtype
        return _filled(series.astype(dense), gaps, new.astype(dense)).astype(series.dtype)
    values = series.array.copy()
    values[gaps] = new.astype(series.dtype).array
    return pd.Series(values, index=series.index, dtype=series.dtype)
