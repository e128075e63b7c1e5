"""What the cells of a column hold, found from its dtype and, for objects, from the cells."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from tabdiff.data import iso
from tabdiff.data.cells import TOKENS, Array, present, zone_to_text
from tabdiff.data.errors import shorten
from tabdiff.data.scalars import SCALAR_TYPES

_INT64 = np.iinfo(np.int64)
_UNSELECTABLE = {
    "string_view[pyarrow]": "string[pyarrow]",
    "binary_view[pyarrow]": "binary[pyarrow]",
}


class Finding(NamedTuple):
    """What a column holds.

    Attributes
    ----------
    form : str
        One of the forms of :mod:`tabdiff.data.column`.
    detail : str
        What the form needs besides.
    missing : str
        The commonest token of its missing cells.
    problem : str
        Why it cannot be modelled; empty if it can.
    """

    form: str
    detail: str = ""
    missing: str = "NaN"
    problem: str = ""


def survey(series: pd.Series) -> Finding:
    """What the cells of a series hold, or why they cannot be modelled."""
    if isinstance(series.dtype, pd.ArrowDtype) and str(series.dtype) in _UNSELECTABLE:
        problem = "of an arrow type whose rows cannot be selected. Convert it with astype"
        return Finding("mixed", "", "NA", f"{problem}({_UNSELECTABLE[str(series.dtype)]!r})")
    held, missing = present(series)
    if isinstance(series.dtype, pd.ArrowDtype):
        token = _arrow_token(series, missing)
        if not len(held):
            return Finding("missing", "", token)
        form, detail, problem = _arrow_form(series, held)
        return Finding(form, detail, token, problem)
    token = _object_token(series, missing) if series.dtype == object else "NaN"
    if not len(held):
        return Finding("missing", "", token)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return Finding("category", "", token, _odd_types(series.cat.categories))
    if held.dtype == object:
        form, detail, problem = _object_form(held, missing)
        return Finding(form, detail, token, problem)
    form, detail, problem = _dtype_form(held)
    return Finding(form, detail, token, problem)


def _dtype_form(held: pd.Series) -> tuple[str, str, str]:
    dtype: Any = held.dtype
    if isinstance(dtype, pd.StringDtype):
        return _text_form(held)
    if isinstance(dtype, pd.PeriodDtype):
        return "period", "", ""
    if isinstance(dtype, pd.IntervalDtype):
        return "mixed", "", ""
    forms = {"i": "integer", "u": "integer", "f": "float", "b": "boolean"}
    forms |= {"M": "datetime", "m": "timedelta"}
    kind = getattr(dtype, "kind", "O")
    if kind == "c":
        problem = "complex numbers. Split it into a real and an imaginary column, or drop it"
        return "mixed", "", problem
    if kind == "f" and getattr(dtype, "itemsize", 8) > 8:
        return "mixed", "", "wider than float64. Convert it with astype('float64')"
    if kind not in forms:
        return "mixed", "", "of a dtype tabdiff does not know. Convert it or drop it"
    unsigned = getattr(dtype, "itemsize", 0) == 8 and kind == "u"
    return forms[kind], "unsigned" if unsigned else "", ""


def _object_token(series: pd.Series, missing: Array) -> str:
    if not missing.any():
        return "NaN"
    tally = Counter(map(_token, series[missing]))
    # Among equally common tokens the first by name, whatever the order of the rows.
    return max(sorted(tally), key=tally.__getitem__)


def _token(value: object) -> str:
    return next((name for name, token in TOKENS.items() if value is token), "NaN")


def _arrow_token(series: pd.Series, missing: Array) -> str:
    nulls = int(series.isna().sum())
    return "NaN" if int(missing.sum()) - nulls > nulls else "NA"


def _arrow_form(series: pd.Series, held: pd.Series) -> tuple[str, str, str]:
    import pyarrow as pa

    kind = series.dtype.pyarrow_dtype  # type: ignore[union-attr]
    types = pa.types
    if types.is_dictionary(kind):
        return "mixed", "", _odd_types(held.tolist())
    if types.is_string(kind) or types.is_large_string(kind):
        return _text_form(held)
    if types.is_decimal(kind):
        return _decimal_form(held.tolist(), kind.scale)
    for test, form in (
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "float"),
        (types.is_timestamp, "datetime"),
        (types.is_duration, "timedelta"),
        (types.is_date, "date"),
        (types.is_time, "time"),
        (types.is_binary, "bytes"),
        (types.is_large_binary, "bytes"),
        (types.is_fixed_size_binary, "bytes"),
    ):
        if test(kind):
            return form, "unsigned" if types.is_uint64(kind) else "", ""
    problem = f"of arrow type {kind}. tabdiff models scalars: expand it (df.explode) or drop it"
    return "mixed", "", problem


def _object_form(held: pd.Series, missing: Array) -> tuple[str, str, str]:
    kind = infer_dtype(held, skipna=False)
    values = held.tolist()
    if kind == "string":
        return _text_form(held)
    if kind in ("boolean", "bytes"):
        return kind, "", ""
    if kind == "integer":
        return _integer_form(values)
    if kind in ("floating", "mixed-integer-float"):
        exact = all(isinstance(v, float) or abs(v) <= 2**53 for v in values)
        return ("float" if exact else "mixed"), "", ""
    if kind == "decimal":
        if not all(value.is_finite() for value in values):
            return "mixed", "", "infinite decimals. Replace them"
        return _decimal_form(values, max(0, *(-_exponent(value) for value in values)))
    return _temporal_form(kind, values) or ("mixed", "", _odd_cells(held, missing))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _integer_form(values: list[Any]) -> tuple[str, str, str]:
    low, high = min(values), max(values)
    if low >= _INT64.min and high <= _INT64.max:
        return "integer", "", ""
    if low >= 0 and high <= np.iinfo(np.uint64).max:
        return "integer", "unsigned", ""
    return "mixed", "", ""


def _decimal_form(values: list[Decimal], scale: int) -> tuple[str, str, str]:
    if scale <= 18 and all(abs(value) < Decimal(10) ** (18 - scale) for value in values):
        return "decimal", str(scale), ""
    return "mixed", "", ""


def _temporal_form(kind: str, values: list[Any]) -> tuple[str, str, str] | None:
    if kind == "date" and {type(value) for value in values} == {dt.date}:
        return "date", "", ""
    if kind == "time":
        aware = any(value.tzinfo is not None for value in values)
        problem = "times of day with a time zone. Remove it (value.replace(tzinfo=None))"
        return "time", "", problem if aware else ""
    if kind == "period":
        frequencies = {value.freqstr for value in values}
        return ("period", frequencies.pop(), "") if len(frequencies) == 1 else None
    if kind in ("timedelta", "timedelta64"):
        types = {type(value) for value in values}
        if types == {pd.Timedelta}:
            return "pandas timedelta objects", "", ""
        return ("timedelta objects", "", "") if types == {dt.timedelta} else None
    return _datetime_form(values) if kind in ("datetime", "datetime64") else None


def _datetime_form(values: list[Any]) -> tuple[str, str, str] | None:
    types = {type(value) for value in values}
    if types not in ({pd.Timestamp}, {dt.datetime}):
        return None
    form = "timestamp objects" if types == {pd.Timestamp} else "datetime objects"
    zones = {str(value.tzinfo): value.tzinfo for value in values}
    if len(zones) > 1:
        problem = (
            f"timestamps of several time zones ({', '.join(sorted(zones)[:3])}). "
            "Convert it with pd.to_datetime(…, utc=True)"
        )
        return form, "", problem
    try:
        return form, zone_to_text(next(iter(zones.values()))), ""
    except ValueError as error:
        return form, "", f"timestamps whose {error}. Convert it with pd.to_datetime(…, utc=True)"


def _text_form(held: pd.Series) -> tuple[str, str, str]:
    """Text, or timestamps in one of the ISO formats that can be written back to the letter."""
    found = iso.format_of(held.astype(object).tolist())
    return ("datetime text", found, "") if found else ("string", "", "")


def _odd_types(values: Any) -> str:
    odd = [value for value in values if not isinstance(value, SCALAR_TYPES)]
    if not odd:
        return ""
    return f"categories of {type(odd[0]).__name__} (first: {shorten(odd[0])}). Convert them to text"


def _odd_cells(held: pd.Series, missing: Array) -> str:
    values = held.tolist()
    bad = [at for at, value in enumerate(values) if not isinstance(value, _KNOWN)]
    if not bad:
        return ""
    first = values[bad[0]]
    row = int(np.flatnonzero(~missing)[bad[0]])
    many = f"{len(bad)} values are {type(first).__name__}s (first at row {row}: {shorten(first)})"
    if isinstance(first, list | dict | set | frozenset | tuple | np.ndarray):
        return f"{many}. tabdiff models scalars: expand it (df.explode) or drop it"
    if isinstance(first, complex | np.complexfloating):
        return f"{many}. Split it into a real and an imaginary column, or drop it"
    return f"{many}. Convert it with astype(str) or drop it"


_KNOWN = (*SCALAR_TYPES, np.integer, np.floating, np.bool_, uuid.UUID)
