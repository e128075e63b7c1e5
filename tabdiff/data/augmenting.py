"""How many rows of what to add to a table, and the table as the model knows it."""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import present
from tabdiff.data.column import Column
from tabdiff.data.conditions import read_conditions
from tabdiff.data.errors import SchemaError, UnknownColumnError, closest, listing
from tabdiff.data.frames import to_pandas
from tabdiff.data.reading import read_cells
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder, by_label, write_frame
from tabdiff.data.unseen import unwritable

# In place of the key of a value; no type is called so.
_MISSING = ("", None)


def as_fitted(rewriting: Verbatim, encoder: TableEncoder, df: Any) -> Any:
    """The rows of ``df`` in the container, column order and dtypes of the fitted table.

    What the guards take out is taken out of them, too.

    Raises
    ------
    SchemaError
        If the table does not follow the schema, or holds a category or a missing cell where the
        training rows had none, or a number that the fitted dtype cannot hold.
    ConstraintError
        If rows break a constraint.
    """
    df = rewriting.guarded(df)
    encoder.encode(rewriting.transform(df), np.random.default_rng(0))
    series, columns = by_label(to_pandas(df)), rewriting.schema.columns
    cells = [read_cells(series[column.name], column) for column in columns]
    told = [
        (column.name, unwritable(own, column)) for own, column in zip(cells, columns, strict=True)
    ]
    if problems := [f"column {name!r}: {problem}" for name, problem in told if problem]:
        raise SchemaError(listing(problems))
    return write_frame(cells, rewriting.schema)


def rows_to_add(
    schema: Schema,
    df: Any,
    factor: float | None,
    target: Hashable | None,
    counts: Mapping[Any, int] | None,
) -> list[tuple[Any, int]]:
    """Value of the target and number of rows, for each value that wants any.

    Parameters
    ----------
    schema : Schema
    df : DataFrame or ndarray
        In the dtypes of the schema.

    Raises
    ------
    TypeError
        If ``counts`` is no mapping.
    ValueError
        If the arguments do not fit together, or ask for fewer rows than there are.
    """
    if (factor is None) == (target is None) or (counts is not None and target is None):
        raise ValueError(
            "give either factor, or target with or without counts. "
            f"Got factor={factor!r}, target={target!r}, counts={counts!r}."
        )
    frame = to_pandas(df)
    if factor is not None:
        if not _is_number(factor) or not 1 <= factor < math.inf:
            raise ValueError(f"factor must be a number of at least 1. Got {factor!r}.")
        return [(None, round((factor - 1) * len(frame)))]
    labels = list(frame.columns)
    if target not in labels:
        raise UnknownColumnError(f"the table has no column {target!r}.{closest(target, labels)}")
    series = frame.iloc[:, labels.index(target)]
    if counts is None:
        held, _ = present(series)
        tally = held.value_counts()
        tally = tally[tally > 0]  # a categorical dtype counts its unused levels, too
        most = int(tally.max()) if len(tally) else 0
        there = zip(tally.index.tolist(), tally.tolist(), strict=True)
        return [(value, most - n) for value, n in there if n < most]
    if not isinstance(counts, Mapping):
        raise TypeError(f"counts must map values to numbers. Got {type(counts).__name__}.")
    return _missing_from(counts, series, schema[target])


def _missing_from(
    counts: Mapping[Any, int], series: pd.Series, column: Column
) -> list[tuple[Any, int]]:
    """What has to be added for as many rows of each value as ``counts`` says."""
    odd = {
        value: n
        for value, n in counts.items()
        if isinstance(value, tuple | frozenset) or not _is_number(n) or n != int(n)
    }
    if odd:
        raise ValueError(f"counts must be a whole number of rows for each single value. Got {odd}.")
    cells = read_cells(series, column)
    there = Counter(map(typed_key, cells.values))
    there[_MISSING] = int(cells.missing.sum())
    keys = {value: _key(value, column) for value in counts}
    twice = [value for value, key in keys.items() if Counter(keys.values())[key] > 1]
    if twice:
        raise ValueError(f"counts name the same value more than once: {twice}. Name it once.")
    short = [value for value, n in counts.items() if n < there[keys[value]]]
    if short:
        told = ", ".join(f"{value!r}: {counts[value]} of {there[keys[value]]}" for value in short)
        raise ValueError(
            f"counts are those of the result, and rows are never dropped. Too few of {told}."
        )
    added = [(value, int(n) - there[keys[value]]) for value, n in counts.items()]
    return [(value, n) for value, n in added if n]


def _key(value: Any, column: Column) -> tuple[str, object]:
    """What tells a value from others, however it is written."""
    values, _ = read_conditions({column.name: value}, (column,))
    cells = values[column.name]
    return _MISSING if cells.missing[0] else typed_key(cells.values[0])


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
