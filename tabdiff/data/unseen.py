"""Given values that the training rows never showed: which they are, and what is told of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from tabdiff.data.cells import Array, Cells, distinct
from tabdiff.data.column import Column
from tabdiff.data.columns import number_bounds
from tabdiff.data.errors import ConditionWarning, SchemaWarning, listing, shorten, tell
from tabdiff.data.given import Given, GivenColumn
from tabdiff.data.numeric import NumericEncoder
from tabdiff.data.table import Field, TableEncoder

# Values of a column that a message names.
_NAMED = 10


def warn_beyond(
    encoder: TableEncoder, given: Given, called: Mapping[Hashable, str] = MappingProxyType({})
) -> None:
    """Tell of numbers that are asked for outside the bounds of the training rows.

    Parameters
    ----------
    called : mapping
        What columns are called, where not by their label.

    Warns
    -----
    ConditionWarning
        Once, naming every such column.
    """
    columns = zip(encoder.fields, given.columns, strict=True)
    told = [
        _beyond(field, own.cells, called.get(field.column.name, f"column {field.column.name!r}"))
        for field, own in columns
        if own is not None
    ]
    if any(told):
        tell(listing([*filter(None, told)]), ConditionWarning)


def without_unknown(
    encoder: TableEncoder, columns: Mapping[Hashable, GivenColumn]
) -> dict[Hashable, GivenColumn]:
    """The given columns, less the cells of which the training rows tell nothing.

    Parameters
    ----------
    columns : mapping
        Column label to its observed cells, none of them missing.

    Warns
    -----
    SchemaWarning
        Once, naming the columns and their values that were not there at fit.
    """
    kept = dict(columns)
    told = []
    for field in encoder.fields:
        name = field.column.name
        if name not in kept:
            continue
        given = kept[name]
        known = field.encoder.knows(given.cells.values)
        if known.all():
            continue
        told.append(_unknown(field.column, given.cells.values[~known]))
        observed = given.observed.copy()
        observed[observed] = known
        missing = np.zeros(int(known.sum()), dtype=bool)
        kept[name] = GivenColumn(observed, Cells(missing, given.cells.values[known]))
    if told:
        tell(listing(told), SchemaWarning)
    return kept


def unwritable(cells: Cells, column: Column) -> str:
    """What to tell of numbers that the column's dtype at fit cannot hold; empty if there are none.

    Such a number may be read, since tables may come in wider dtypes, but not be given back.
    """
    if column.form not in ("integer", "float") or not len(cells.values):
        return ""
    low, high = number_bounds(column)
    # Infinite ones are told of by the encoder.
    out = ((cells.values < low) | (cells.values > high)) & np.isfinite(cells.values)
    if not out.any():
        return ""
    row = int(np.flatnonzero(~cells.missing)[out][0])
    return (
        f"{int(out.sum())} numbers are beyond {column.dtype}, its dtype at fit, which holds {low} "
        f"to {high} (first at row {row}: {cells.values[out][0].item()!r}). Leave them out."
    )


def shown(value: Any, column: Column) -> str:
    """A value of the cells as the column's frame shows it."""
    from tabdiff.data.writing import write_cells

    cell = Cells(np.zeros(1, dtype=bool), np.array([value]))
    return str(write_cells(cell, column).iloc[0])


def _beyond(field: Field, cells: Cells, name: str) -> str:
    """What to tell of numbers outside the training rows' bounds; empty if there are none."""
    if not isinstance(field.encoder, NumericEncoder) or not len(cells.values):
        return ""
    outside = field.encoder.beyond(cells.values)
    if not outside.any():
        return ""
    low, high = field.encoder.bounds
    return (
        f"{name}: {int(outside.sum())} given values lie outside the training "
        f"rows' {shown(low, field.column)} to {shown(high, field.column)}. The other columns "
        "are drawn as if they were at the nearest bound."
    )


def _unknown(column: Column, values: Array) -> str:
    """What to tell of values that were not there at fit."""
    found = distinct(values)
    names = [named(value, column) for value in found[:_NAMED]]
    names += [f"… ({len(found)} of them)"] if len(found) > _NAMED else []
    return (
        f"column {column.name!r}: {len(values)} cells hold values that were not there at fit: "
        f"{', '.join(names)}. They stay as they are, and the gaps of their rows are filled as if "
        "they were not known."
    )


def named(value: Any, column: Column) -> str:
    """A value of the cells, as it is written in a message."""
    if isinstance(value, np.generic):
        value = value.item()
    # A plain number is its own name, and may be one that the column's dtype at fit cannot hold.
    plain = column.form in ("integer", "float") or not column.has_numbers
    return shorten(value) if plain else shown(value, column)
