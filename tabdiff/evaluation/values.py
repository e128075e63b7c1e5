"""Cells as floats, levels in reading order: what each kind of value becomes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.evaluation.errors import EvaluationError

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


def floats(
    values: pd.Series, label: str, role: str, texts: tuple[bool, str | None]
) -> tuple[Floats, str]:
    """Values as floats and what they stand for; missing is NaN."""
    absent = np.asarray(values.isna(), dtype=bool)
    out = np.full(len(values), np.nan)
    present = values[~absent]
    if present.empty:
        return out, "nothing"
    quantity = _quantity(present)
    are_instants, directive = texts
    try:
        if quantity == "text" and are_instants:
            quantity = "instant"
            present = pd.to_datetime(present.astype(object), format=directive)
        out[~absent] = _CONVERT[quantity](present)
    except (TypeError, ValueError, OverflowError) as error:
        raise EvaluationError(
            f"column {label!r}: the {role} frame holds values that cannot be read as numbers: "
            f"{error}"
        ) from error
    infinite = np.isinf(out)
    if infinite.any():
        raise EvaluationError(
            f"column {label!r}: the {role} frame holds {int(infinite.sum())} infinite values, "
            f"first at row {int(np.argmax(infinite))}"
        )
    return out, "number" if quantity == "text" else quantity


def _quantity(present: pd.Series) -> str:
    dtype = present.dtype
    if isinstance(dtype, pd.PeriodDtype):
        return "ordinal"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "instant"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "duration"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return "number"
    first = present.iloc[0]
    if isinstance(first, pd.Period):
        return "ordinal"
    if isinstance(first, dt.date | np.datetime64):
        return "instant"
    if isinstance(first, dt.timedelta | np.timedelta64):
        return "duration"
    if isinstance(first, dt.time):
        return "clock"
    return "text"


def _instants(present: pd.Series) -> Floats:
    dtype = present.dtype
    if isinstance(dtype, pd.ArrowDtype):
        zone = getattr(dtype.pyarrow_dtype, "tz", None)
        plain: Any = pd.DatetimeTZDtype("us", zone) if zone else np.dtype("datetime64[us]")
        present = present.astype(plain)
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        present = present.dt.tz_convert("UTC").dt.tz_localize(None)
    first = present.iloc[0]
    if present.dtype == object and isinstance(first, dt.datetime) and first.tzinfo is not None:
        present = pd.Series([v.astimezone(dt.UTC).replace(tzinfo=None) for v in present])
    stamps = present.to_numpy().astype("datetime64[us]")
    return stamps.astype(np.int64) / 1e6


def _durations(present: pd.Series) -> Floats:
    plain = isinstance(present.dtype, np.dtype) and present.dtype != object
    spans = present if plain else pd.to_timedelta(present.astype(object))
    return np.asarray(spans.to_numpy().astype("timedelta64[ns]").astype(np.int64) / 1e9)


def _clock(present: pd.Series) -> Floats:
    return np.array(
        [v.hour * 3600 + v.minute * 60 + v.second + v.microsecond / 1e6 for v in present]
    )


def _ordinals(present: pd.Series) -> Floats:
    return np.array([v.ordinal for v in present], dtype=np.float64)


def _numbers(present: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(present.astype(object)), dtype=np.float64)


def _plain_numbers(present: pd.Series) -> Floats:
    return present.to_numpy(dtype=np.float64)


_CONVERT = {
    "number": _plain_numbers,
    "text": _numbers,
    "instant": _instants,
    "duration": _durations,
    "clock": _clock,
    "ordinal": _ordinals,
}


def level_order(real: pd.Series, uniques: list[object]) -> npt.NDArray[np.intp]:
    """Positions of the levels in reading order: a declared order, else by type and value."""
    if isinstance(real.dtype, pd.CategoricalDtype) and real.dtype.ordered:
        declared = {value: i for i, value in enumerate(real.dtype.categories)}
        keys = [(float(declared.get(value, len(declared))), "", str(value)) for value in uniques]
    else:
        keys = [_sort_key(value) for value in uniques]
    return np.array(sorted(range(len(uniques)), key=keys.__getitem__), dtype=np.intp)


def _sort_key(value: object) -> tuple[float, str, str]:
    if isinstance(value, bool | int | float | np.number | np.bool_):
        return (float(value), "", "")
    return (float("inf"), type(value).__name__, str(value))


def level_texts(levels: list[object]) -> list[str]:
    """Text of each level; 1 and "1" stay apart."""
    texts = [str(level) for level in levels]
    if len(set(texts)) == len(texts):
        return texts
    return [repr(level) for level in levels]
