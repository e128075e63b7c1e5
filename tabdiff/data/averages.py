"""Several fillings of a table's gaps as one: the mean or the mode of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Cells, present
from tabdiff.data.column import Column
from tabdiff.data.filling import filled_in
from tabdiff.data.frames import container_of, from_pandas, polars_types, to_pandas
from tabdiff.data.gaps import UNFILLED
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema
from tabdiff.data.writing import write_cells

# Kinds of columns whose cells have a mean.
_MEASURED = ("numeric", "datetime", "timedelta")


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
        filled.isetitem(at, filled_in(series, gaps, new))  # type: ignore[arg-type]
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
