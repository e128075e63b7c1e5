"""What must hold between a table and a synthetic or completed one: judged from the cells alone.

Nothing here asks the library how it reads or writes; only which columns it took for identifiers,
numbers or categories. Every function returns what is broken, in words, and nothing where all holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl

# Beyond so many steps of its lattice a column's last unit is not promised (README, Limits).
MOST_STEPS = 2**45
MIN_IDENTIFIERS = 20
NUMBER_KINDS = ("numeric", "datetime", "timedelta")


class Cells(NamedTuple):
    """The cells of one column.

    Attributes
    ----------
    missing : bool array, (n,)
    values : list
        Of the cells that are not missing, as Python or pandas show them.
    """

    missing: np.ndarray
    values: list[Any]


def columns_of(table: Any) -> list[Cells]:
    """The cells of every column of a pandas or polars frame or an array."""
    if isinstance(table, pd.DataFrame):
        return [_pandas_cells(table.iloc[:, at]) for at in range(table.shape[1])]
    if isinstance(table, pl.DataFrame):
        # As Python's own, moments would lose their nanoseconds.
        return [
            _listed(own.to_arrow().to_pylist() if own.dtype.is_temporal() else own.to_list())
            for own in table
        ]
    return [_listed(column.tolist()) for column in table.T]


def _pandas_cells(series: pd.Series) -> Cells:
    if isinstance(series.dtype, pd.ArrowDtype):
        return _listed(series.array.__arrow_array__().to_pylist())
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series.array))
    if series.dtype == object or isinstance(series.dtype, pd.CategoricalDtype):
        missing = np.asarray(series.isna(), dtype=bool)
        return Cells(missing, [_plain(value) for value in series[~missing].tolist()])
    return _listed(series.tolist())


def _plain(value: Any) -> Any:
    """Numbers and text of numpy as Python's: in objects one is as good as the other."""
    moment = isinstance(value, np.datetime64 | np.timedelta64)
    return value.item() if isinstance(value, np.generic) and not moment else value


def _listed(cells: list[Any]) -> Cells:
    missing = np.array(
        [cell is None or cell is pd.NA or cell != cell for cell in cells], dtype=bool
    )
    return Cells(missing, [v for v, gone in zip(cells, missing, strict=True) if not gone])


def typed(value: object) -> tuple[type, object]:
    """A value that is not equal to one of another type."""
    return type(value), value


def labels_of(table: Any) -> list[Any]:
    """The labels of the columns."""
    if isinstance(table, np.ndarray):
        return list(range(table.shape[1]))
    return list(table.columns)


def identical(one: Any, other: Any) -> bool:
    """Whether two tables are the same to the last bit, kinds of missing cells included."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, pl.DataFrame):
        return one.schema == other.schema and repr(one.to_dict(as_series=False)) == repr(
            other.to_dict(as_series=False)
        )
    return (
        not _different_headers(one, other)
        and one.index.identical(other.index)
        and all(
            a.dtype == b.dtype and _shown(a) == _shown(b)
            for (_, a), (_, b) in zip(one.items(), other.items(), strict=True)
        )
    )


def _shown(series: pd.Series) -> list[str]:
    if isinstance(series.dtype, pd.SparseDtype):
        return [repr(value) for value in np.asarray(series.array).tolist()]
    if isinstance(series.dtype, pd.ArrowDtype):
        return [repr(value) for value in series.array.__arrow_array__().to_pylist()]
    return [repr(value) for value in series.astype(object).tolist()]


def _different_headers(one: pd.DataFrame, other: pd.DataFrame) -> str:
    if list(map(type, one.columns)) != list(map(type, other.columns)):
        return f"labels are of types {list(map(type, one.columns))}"
    wanted = other.columns
    if isinstance(wanted, pd.CategoricalIndex) and not isinstance(one.columns, pd.CategoricalIndex):
        # Labels that are categories come back as what they are categories of.
        wanted = wanted.astype(object)
    try:
        pd.testing.assert_index_equal(one.columns, wanted)
    except AssertionError as error:
        return f"labels: {' '.join(str(error).split())}"
    return ""


# ---- synthetic tables ----


def broken_by_sample(real: Any, made: Any, n: int, kinds: Sequence[str]) -> list[str]:
    """What a synthetic table of n rows breaks of the table that was fitted.

    Parameters
    ----------
    kinds : sequence of str
        What the library took each column for.
    """
    if type(made) is not type(real):
        return [f"a {type(made).__name__} for a {type(real).__name__}"]
    if made.shape != (n, real.shape[1]):
        return [f"shape {made.shape}, wanted {(n, real.shape[1])}"]
    broken = list(_broken_header(real, made, kinds))
    labels = labels_of(real)
    for label, old, new, kind in zip(
        labels, columns_of(real), columns_of(made), kinds, strict=True
    ):
        broken += [f"column {label!r}: {told}" for told in _broken_column(old, new, kind)]
    return broken


def _broken_header(real: Any, made: Any, kinds: Sequence[str]) -> Iterator[str]:
    if isinstance(real, pl.DataFrame):
        for at, (name, kind) in enumerate(real.schema.items()):
            renewed = kinds[at] == "identifier" and kind == pl.Enum
            if made.columns[at] != name or made.dtypes[at] != (pl.Enum if renewed else kind):
                yield f"column {made.columns[at]!r}: {made.dtypes[at]}, was {name!r}: {kind}"
        return
    if isinstance(real, np.ndarray):
        if made.dtype != real.dtype:
            yield f"dtype {made.dtype}, was {real.dtype}"
        return
    if told := _different_headers(made, real):
        yield told
        return
    if not made.index.identical(pd.RangeIndex(len(made))):
        yield f"index {made.index!r}"
    for at, (new, old) in enumerate(zip(made.dtypes, real.dtypes, strict=True)):
        renewed = kinds[at].endswith("identifier") and isinstance(old, pd.CategoricalDtype)
        if not (new == old or (renewed and isinstance(new, pd.CategoricalDtype))):
            yield f"column {real.columns[at]!r}: dtype {new!r}, was {old!r}"
        elif told := _other_tokens(made.iloc[:, at], real.iloc[:, at]):
            yield f"column {real.columns[at]!r}: {told}"


def _other_tokens(made: pd.Series, real: pd.Series) -> str:
    """Kinds of missing cells that the real column does not have."""
    if made.dtype == object:
        old, new = ({repr(cell) for cell in own[own.isna()]} for own in (real, made))
        # A Decimal that is no number is missing, as a plain NaN is.
        return (
            "" if new <= {cell.replace("Decimal('NaN')", "nan") for cell in old} else f"cells {new}"
        )
    if str(made.dtype) in ("double[pyarrow]", "float[pyarrow]", "halffloat[pyarrow]"):
        null = made.isna().any() and not real.isna().any()
        return "nulls, where the real ones are NaN" if null else ""
    return ""


def _broken_column(old: Cells, new: Cells, kind: str) -> Iterator[str]:
    if new.missing.any() and not old.missing.any():
        yield "missing cells, where there were none"
    if kind == "missing":
        if len(new.values) or len(old.values):
            yield "cells that hold a value in a column without any"
        return
    odd = set(map(type, new.values)) - set(map(type, old.values))
    if odd:
        yield f"cells of {sorted(map(str, odd))}"
        return
    yield from broken_values(old.values, new.values, kind)


def broken_values(old: list[Any], new: list[Any], kind: str) -> Iterator[str]:
    """What new values of a column break of the old ones: bounds, steps, levels, or secrecy."""
    if kind in ("identifier", "repeated identifier"):
        if told := set(map(typed, new)) & set(map(typed, old)):
            yield f"real identifiers: {sorted(map(repr, told))[:3]}"
        if kind == "identifier" and len(set(new)) < len(new):
            yield "identifiers that come twice"
    elif kind in NUMBER_KINDS and new:
        if min(new) < min(old) or max(new) > max(old):
            yield f"{min(new)!r} to {max(new)!r}, was {min(old)!r} to {max(old)!r}"
        yield from _off_the_step(old, new)
    else:
        if told := set(map(typed, new)) - set(map(typed, old)):
            yield f"levels that were not there: {sorted(map(repr, told))[:3]}"
        secret = len(old) >= MIN_IDENTIFIERS and len(set(old)) == len(old)
        if secret and new and all(type(value) is str for value in old):
            yield "texts of which none came twice are copied"


def _off_the_step(old: list[Any], new: list[Any]) -> Iterator[str]:
    """Integers between the real ones' steps, and floats of more decimals."""
    if all(type(value) is int for value in old):
        step = math.gcd(*(value - old[0] for value in old))
        if step and (max(old) - min(old)) // step < MOST_STEPS:
            off = [value for value in new if (value - old[0]) % step]
            if off:
                yield f"{off[0]!r} is no multiple of {step} away from {old[0]!r}"
    elif all(type(value) is float for value in old):
        most = max(map(_decimals, old))
        if most <= 4 and max(map(abs, old)) * 10.0**most < 2 ** _digits_shown(old):
            off = [value for value in new if _decimals(value) > most]
            if off:
                yield f"{off[0]!r} has more than {most} decimals"


def _digits_shown(values: list[float]) -> int:
    """The binary digits that the narrowest float has which holds all values."""
    with np.errstate(over="ignore"):
        for kind, bits in ((np.float16, 9), (np.float32, 22)):
            if all(float(kind(value)) == value for value in values):
                return bits
    return 44


def _decimals(value: float) -> int:
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


# ---- completed tables ----


def broken_by_impute(fitted: Any, holed: Any, filled: Any, kinds: Sequence[str]) -> list[str]:
    """What a completed table breaks of the one with holes, and of the one that was fitted."""
    if type(filled) is not type(holed) or filled.shape != holed.shape:
        return [f"a {type(filled).__name__} of shape {filled.shape}"]
    broken = []
    if isinstance(holed, pd.DataFrame):
        broken += [told] if (told := _different_headers(filled, holed)) else []
        broken += [] if filled.index.identical(holed.index) else ["another index"]
    for at, label in enumerate(labels_of(holed)):
        told = _broken_filling(
            _column(fitted, at), _column(holed, at), _column(filled, at), kinds[at]
        )
        broken += [f"impute: column {label!r}: {point}" for point in told]
    return broken


def _column(table: Any, at: int) -> Any:
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, [at]]
    return table[:, [at]]


def _broken_filling(fitted: Any, holed: Any, filled: Any, kind: str) -> Iterator[str]:
    (real,), (before,), (after,) = columns_of(fitted), columns_of(holed), columns_of(filled)
    if kind in ("identifier", "missing"):
        if not identical(holed, filled):
            yield "was to stay as it is"
        return
    if after.missing.any():
        yield f"{int(after.missing.sum())} holes are left"
        return
    observed = [value for value, gone in zip(after.values, before.missing, strict=True) if not gone]
    if list(map(repr, observed)) != list(map(repr, before.values)):
        yield "observed cells changed"
    if before.values and (told := _other_dtype(holed, filled)):
        yield told
    drawn = [value for value, gone in zip(after.values, before.missing, strict=True) if gone]
    if set(map(type, before.values)) <= set(map(type, real.values)):
        yield from broken_values(real.values, drawn, kind)


def _other_dtype(holed: Any, filled: Any) -> str:
    if isinstance(holed, pl.DataFrame):
        return "" if holed.schema == filled.schema else f"schema {filled.schema}"
    if isinstance(holed, np.ndarray):
        return "" if holed.dtype == filled.dtype else f"dtype {filled.dtype}"
    old, new = holed.dtypes.iloc[0], filled.dtypes.iloc[0]
    if isinstance(old, pd.CategoricalDtype) and isinstance(new, pd.CategoricalDtype):
        kept = list(new.categories[: len(old.categories)]) == list(old.categories)
        return "" if kept and new.ordered == old.ordered else f"dtype {new!r}, was {old!r}"
    return "" if old == new else f"dtype {new!r}, was {old!r}"


def broken_by_condition(made: Any, at: int, value: object) -> list[str]:
    """Cells of a column that are not what all of them were to be; None is a missing one."""
    cells = columns_of(made)[at]
    if value is None:
        return [] if cells.missing.all() else ["condition: a cell is not missing"]
    if cells.missing.any():
        return ["condition: a cell is missing"]
    # In a column of floats a whole number is asked for, and comes out, as one of them.
    wanted = float(value) if type(value) is int and float in map(type, cells.values) else value
    other = [found for found in cells.values if typed(found) != typed(wanted)]
    return [f"condition: {other[0]!r}, wanted {value!r}"] if other else []
