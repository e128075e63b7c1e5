"""Frames and columns on the way to the middle and back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells
from tabdiff.data.column import Column
from tabdiff.data.constraints.amounts import Quantities, compare, integers, whole
from tabdiff.data.constraints.axes import Axis
from tabdiff.data.constraints.derivation import between
from tabdiff.data.errors import SchemaError
from tabdiff.data.frames import concat, select, to_pandas
from tabdiff.data.reading import read_cells
from tabdiff.data.schema import Schema
from tabdiff.data.writing import write_cells

_NULLABLE = {"int64": "Int64", "uint64": "UInt64"}


def by_label(frame: pd.DataFrame) -> dict[Hashable, pd.Series]:
    """Every column of a frame."""
    return {label: frame.iloc[:, at] for at, label in enumerate(frame.columns)}


def ordered(df: Any, schema: Schema) -> pd.DataFrame:
    """The frame as pandas, with the columns of the schema in their order.

    Raises
    ------
    SchemaError
        If it does not follow the schema.
    """
    schema.validate(df)
    frame = to_pandas(df)
    labels: list[Hashable] = list(frame.columns)
    return frame.take([labels.index(column.name) for column in schema.columns], axis=1)


def assemble(schema: Schema, series: Mapping[Hashable, pd.Series], index: pd.Index) -> pd.DataFrame:
    """The frame of a schema's columns."""
    columns = [series[column.name].reset_index(drop=True) for column in schema.columns]
    frame = pd.concat(columns, axis=1)
    frame.columns = schema.labels()
    frame.index = index
    return frame


def kept_within(series: pd.Series, axis: Axis) -> tuple[pd.Series, Quantities]:
    """The cells on the grid and within the training range of a column, and what they amount to."""
    known, amounts = axis.read(series)
    if not axis.has_missing:
        refuse_missing(axis.column.name, ~known)
    points = between(axis.place.nearest(amounts), axis.place.ends())
    inside = axis.place.amounts(points)
    if (known & (compare(amounts, inside) != 0)).any():
        series = axis.write(points, ~known)
    return series, Quantities(known, inside)


def refuse_missing(label: Hashable, missing: Array) -> None:
    """Refuse missing cells of a column that had none at fit.

    Raises
    ------
    SchemaError
        Naming the column and the first row.
    """
    if missing.any():
        raise SchemaError(
            f"column {label!r}: {int(missing.sum())} cells are missing (first at row "
            f"{int(np.argmax(missing))}), none was at fit. Fill them."
        )


def replace_rows(middle: pd.DataFrame, again: Array, fresh: pd.DataFrame) -> pd.DataFrame:
    """The frame with the marked rows replaced by the fresh ones."""
    if len(fresh) != again.sum():
        raise ValueError(f"redraw({int(again.sum())}) gave {len(fresh)} rows.")
    index = middle.index
    order = np.arange(len(middle))
    order[again] = len(middle) + np.arange(len(fresh))
    replaced = concat([middle, select(fresh, middle.columns)]).iloc[order]
    return replaced.set_axis(index)


def write_distances(distances: Array, missing: Array, column: Column) -> pd.Series:
    """Distances as the cells of their column; those beyond its dtype at its end.

    The way back keeps to the training range, so that such an end stands for all beyond.
    """
    held = distances[~missing]
    if column.form == "integer":
        target = np.dtype(np.uint64 if column.detail == "unsigned" else np.int64)
        end = np.iinfo(target).max
        held = np.minimum(held, integers(int(end))).astype(target)
        if missing.any():
            column = replace(column, dtype=_NULLABLE.get(column.dtype, column.dtype))
    return write_cells(Cells(missing, held), column)


def read_distances(series: pd.Series, column: Column) -> tuple[Array, Array]:
    """Distances laid out over all rows, and the mask of the missing ones."""
    cells = read_cells(series, column)
    held = whole(cells.values) if column.form == "integer" else cells.values
    full: Array = np.zeros(len(cells.missing), dtype=held.dtype)
    full[~cells.missing] = held
    return full, cells.missing
