"""Result objects as plain values: what strict JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

DIGITS = 6  # significant digits of matrices


def plain(value: object) -> Plain:
    """Turn dataclasses, arrays, tuples and numpy scalars into lists, dicts and numbers.

    NaN and infinities become None. Arrays are rounded to six significant digits.

    Raises
    ------
    TypeError
        For anything else.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if np.isfinite(number) else None
    if isinstance(value, np.ndarray):
        return [
            plain(row) if isinstance(row, np.ndarray) else plain(float(f"{float(row):.{DIGITS}g}"))
            for row in value
        ]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"no plain form for {type(value).__name__}")
