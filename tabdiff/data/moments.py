"""What the counts of a column of dates say: pandas' dates in local time, of any year."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, zone_from_text, zone_of_arrow
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text


def local_dates(counts: Array, column: Column) -> pd.Series:
    """The dates of a column's counts, without their zone.

    Parameters
    ----------
    counts : int64 array, (n,)
        As :func:`tabdiff.data.reading.read_cells` gives them.
    column : Column
        Of dates or periods; a period is told by its beginning.
    """
    if column.form == "period":
        dtype: Any = dtype_from_text(column.dtype)
        if column.dtype == "object":
            dtype = pd.PeriodDtype(column.detail)
        begun = pd.arrays.PeriodArray(counts, dtype=dtype).asfreq("s", how="start")
        return pd.Series(begun.astype("int64").view("M8[s]"))
    # By the unit of the counts: pandas takes objects and arrow's moments through nanoseconds.
    dates, zone = pd.Series(counts.view(f"M8[{unit_of(column)}]")), zone_of(column)
    if zone is None:
        return dates
    return dates.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)


def zone_of(column: Column) -> dt.tzinfo | None:
    """The time zone of a column of dates."""
    if column.form in ("timestamp objects", "datetime objects"):
        return zone_from_text(column.detail) if column.detail else None
    if column.form != "datetime":
        return None
    dtype: Any = dtype_from_text(column.dtype)
    if isinstance(dtype, pd.ArrowDtype):
        return zone_of_arrow(dtype.pyarrow_dtype.tz)
    return dtype.tz if isinstance(dtype, pd.DatetimeTZDtype) else None


def unit_of(column: Column) -> str:
    """What the counts of a column of dates or durations are counts of."""
    fixed = {"datetime text": "s", "timestamp objects": "ns", "datetime objects": "us"}
    fixed |= {"timedelta objects": "us", "pandas timedelta objects": "ns"}
    if column.form == "time" and column.dtype == "object":
        return "us"
    if column.form in fixed:
        return fixed[column.form]
    dtype: Any = dtype_from_text(column.dtype)
    if column.form == "date":
        return "ms" if column.dtype.startswith("date64") else "D"
    if isinstance(dtype, np.dtype):
        return np.datetime_data(dtype)[0]
    return str(dtype.pyarrow_dtype.unit if isinstance(dtype, pd.ArrowDtype) else dtype.unit)
