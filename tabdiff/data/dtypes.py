"""A pandas dtype as text, and the dtype again from the text.

``str(dtype)`` loses the storage of strings and the fill value of sparse columns, and pandas cannot
parse most arrow types; this module closes those gaps.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import pandas_dtype

from tabdiff.data.errors import SchemaError

# Dtypes nest in arrow's dictionaries and in sparse columns, none of which has so long a name.
MOST_CHARACTERS = 500


def dtype_to_text(dtype: Any) -> str:
    """The text from which :func:`dtype_from_text` makes the same dtype again."""
    if isinstance(dtype, pd.StringDtype):
        # Only newer pandas have strings whose missing cell is NaN.
        family = "str" if getattr(dtype, "na_value", pd.NA) is not pd.NA else "string"
        return f"{family}[{dtype.storage}]"
    if isinstance(dtype, pd.SparseDtype):
        return f"Sparse[{dtype_to_text(dtype.subtype)}, {_plain(dtype.fill_value)}]"
    if str(dtype) == "string[pyarrow]":
        return "utf8[pyarrow]"  # arrow's other name, since pandas' own strings have this one
    return str(dtype)


def dtype_from_text(text: str) -> Any:
    """The dtype described by ``text``.

    Raises
    ------
    SchemaError
        If the text describes none.
    ImportError
        If it needs pyarrow, which is absent.
    """
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(f"{len(text):,} characters")
        if text.endswith("[pyarrow]") and not text.startswith(("string[", "str[")):
            return pd.ArrowDtype(_arrow_type(text.removesuffix("[pyarrow]")))
        if match := re.fullmatch(r"(string|str)\[(\w+)\]", text):
            # pandas 2.2 has its strings whose missing cell is NaN as a storage.
            if match[1] == "string" or match[2] == "pyarrow_numpy":
                return pd.StringDtype(match[2])
            return pd.StringDtype(match[2], na_value=np.nan)
        if match := re.fullmatch(r"Sparse\[(.+), ([^,]+)\]", text):
            return pd.SparseDtype(dtype_from_text(match[1]), _fill(match[2]))
        if match := re.fullmatch(r"datetime64\[(\w+), pytz\.FixedOffset\((-?\d{1,4})\)\]", text):
            return pd.DatetimeTZDtype(match[1], _offset(int(match[2])))  # type: ignore[arg-type]
        return pandas_dtype(text)
    except ImportError as error:
        raise ImportError(
            f"dtype {text!r} needs pyarrow. Run: pip install 'tabdiff[io]'"
        ) from error
    except (TypeError, ValueError, SyntaxError, NotImplementedError, AttributeError) as error:
        raise SchemaError(f"dtype {text!r:.200} is unknown here. Convert the column.") from error


def _offset(minutes: int) -> dt.tzinfo:
    """An offset of pytz, or Python's own where pandas does without pytz."""
    try:
        import pytz
    except ImportError:
        return dt.timezone(dt.timedelta(minutes=minutes))
    return pytz.FixedOffset(minutes)


def inner_dtype(dtype: Any) -> Any:
    """The dtype of the cells: a sparse column's subtype, any other dtype itself."""
    return dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype


def _plain(fill: object) -> str:
    value = fill.item() if isinstance(fill, np.generic) else fill
    return "nan" if isinstance(value, float) and value != value else repr(value)


def _fill(text: str) -> Any:
    """What :func:`_plain` wrote of a number or a truth value."""
    if text in ("True", "False"):
        return text == "True"
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def _arrow_type(text: str) -> Any:
    import pyarrow as pa

    if match := re.fullmatch(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]", text):
        return pa.timestamp(match[1], match[2])
    if match := re.fullmatch(r"decimal(32|64|128|256)\((\d+), (-?\d+)\)", text):
        return getattr(pa, f"decimal{match[1]}")(int(match[2]), int(match[3]))
    if match := re.fullmatch(r"(duration|time32|time64)\[(s|ms|us|ns)\]", text):
        return getattr(pa, match[1])(match[2])
    if match := re.fullmatch(r"dictionary<values=(.+), indices=(\w+), ordered=([01])>", text):
        return pa.dictionary(_arrow_type(match[2]), _arrow_type(match[1]), match[3] == "1")
    if match := re.fullmatch(r"fixed_size_binary\[(\d+)\]", text):
        return pa.binary(int(match[1]))
    names = {"double": "float64", "float": "float32", "halffloat": "float16", "bool": "bool_"}
    names |= {"date32[day]": "date32", "date64[ms]": "date64", "utf8": "string"}
    plain = {"string", "large_string", "string_view", "binary", "large_binary", "null"}
    plain |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    if text not in plain and text not in names:
        raise ValueError(f"arrow type {text!r}")
    return getattr(pa, names.get(text, text))()
