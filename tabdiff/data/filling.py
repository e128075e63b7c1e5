"""Some cells of a series replaced by others."""

from __future__ import annotations

import pandas as pd

from tabdiff.data.cells import Array


def filled_in(series: pd.Series, gaps: Array, new: pd.Series) -> pd.Series:
    """``series`` with ``new`` in its gaps, in its own dtype, which may need more categories."""
    if isinstance(series.dtype, pd.SparseDtype):
        dense = series.dtype.subtype
        return filled_in(series.astype(dense), gaps, new.astype(dense)).astype(series.dtype)
    if isinstance(series.dtype, pd.CategoricalDtype):
        absent = pd.Index(new.dropna().unique()).difference(series.cat.categories, sort=False)
        series = series.cat.add_categories(absent)
    values = series.array.copy()
    values[gaps] = new.astype(series.dtype).array
    return pd.Series(values, index=series.index, dtype=series.dtype)
