"""How many rows of what to add to a table."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tabdiff.data.errors import UnknownColumnError, closest
from tabdiff.data.frames import container_of, to_pandas


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
        if not (isinstance(factor, int | float) and 1 <= factor < math.inf):
            raise ValueError(f"factor must be a number of at least 1. Got {factor!r}.")
        return [(None, round((factor - 1) * len(frame)))]
    if target not in list(frame.columns):
        raise UnknownColumnError(f"no column {target!r}.{closest(target, frame.columns)}")
    held = frame[target].value_counts()
    present = dict(zip(held.index.tolist(), held.tolist(), strict=True))
    wanted = dict.fromkeys(present, max(present.values(), default=0)) if counts is None else counts
    short = {value: n for value, n in wanted.items() if n < present.get(value, 0)}
    if short:
        told = ", ".join(f"{value!r}: {n} of {present[value]}" for value, n in short.items())
        raise ValueError(
            f"counts are those of the result, and rows are never dropped. Too few of {told}."
        )
    added = [(value, int(n) - present.get(value, 0)) for value, n in wanted.items()]
    return [(value, n) for value, n in added if n]


def order_columns(df: Any, labels: Sequence[Hashable]) -> Any:
    """The table with its columns in this order."""
    container = container_of(df)
    if container == "numpy":
        return df
    if container == "polars":
        return df.select([str(label) for label in labels])
    places = {label: at for at, label in enumerate(df.columns)}
    return df.iloc[:, [places[label] for label in labels]]
