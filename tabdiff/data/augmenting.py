"""How many rows of what to add to a table, and the table as the model knows it."""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from tabdiff.data.cells import present
from tabdiff.data.errors import UnknownColumnError, closest
from tabdiff.data.frames import to_pandas
from tabdiff.data.reading import read_cells
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.table import TableEncoder, by_label, write_frame


def as_fitted(rewriting: Verbatim, encoder: TableEncoder, df: Any) -> Any:
    """The rows of ``df`` in the container, column order and dtypes of the fitted table.

    Raises
    ------
    SchemaError
        If the table does not follow the schema, or holds a category or a missing cell where the
        training rows had none.
    ConstraintError
        If rows break a constraint.
    """
    encoder.encode(rewriting.transform(df), np.random.default_rng(0))
    series, columns = by_label(to_pandas(df)), rewriting.schema.columns
    return write_frame(
        [read_cells(series[column.name], column) for column in columns], rewriting.schema
    )


def rows_to_add(
    df: Any,
    factor: float | None,
    target: Hashable | None,
    counts: Mapping[Any, int] | None,
) -> list[tuple[Any, int]]:
    """Value of the target and number of rows, for each value that wants any.

    Raises
    ------
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
    held, missing = present(frame.iloc[:, labels.index(target)])
    tally = held.value_counts()
    tally = tally[tally > 0]  # a categorical dtype counts its unused levels, too
    there = dict(zip(tally.index.tolist(), tally.tolist(), strict=True))
    if counts is None:
        most = max(there.values(), default=0)
        return [(value, most - n) for value, n in there.items() if n < most]
    return _missing_from(counts, there, int(missing.sum()))


def _missing_from(
    counts: Mapping[Any, int], there: Mapping[Any, int], missing: int
) -> list[tuple[Any, int]]:
    """What has to be added for as many rows of each value as ``counts`` says."""
    odd = {
        value: n
        for value, n in counts.items()
        if isinstance(value, tuple) or not _is_number(n) or n != int(n)
    }
    if odd:
        raise ValueError(f"counts must be a whole number of rows for each single value. Got {odd}.")
    # NaN is not equal to itself, so no count would be found under it.
    present_now = {
        value: missing if value is None or value != value else there.get(value, 0)
        for value in counts
    }
    short = [value for value, n in counts.items() if n < present_now[value]]
    if short:
        told = ", ".join(f"{value!r}: {counts[value]} of {present_now[value]}" for value in short)
        raise ValueError(
            f"counts are those of the result, and rows are never dropped. Too few of {told}."
        )
    added = [(value, int(n) - present_now[value]) for value, n in counts.items()]
    return [(value, n) for value, n in added if n]


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
