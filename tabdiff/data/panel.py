"""Long frames: which row belongs to which entity, in which order, and what each column is for."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, present
from tabdiff.data.column import Column
from tabdiff.data.errors import SchemaError, closest, listing, shorten
from tabdiff.data.frames import select, take
from tabdiff.data.infer import infer_schema
from tabdiff.data.reading import read_cells
from tabdiff.data.table import by_label

# Labels of what is learned besides the columns of the user.
LENGTH, START, GAP = "sequence length", "sequence start", "sequence gap"


@dataclass(frozen=True)
class Roles:
    """What each column of a long frame is for.

    Attributes
    ----------
    key : column label or None
        Tells entities apart; None for one series.
    index : column label or None
        Tells when; None where rows are in order already.
    context : tuple of column labels
        Have one value for each entity.
    rows : tuple of column labels
        All others.
    ahead : tuple of column labels
        Columns of ``rows`` that forecasts know ahead.
    """

    key: Hashable | None
    index: Hashable | None
    context: tuple[Hashable, ...]
    rows: tuple[Hashable, ...]
    ahead: tuple[Hashable, ...]

    @classmethod
    def find(
        cls,
        frame: pd.DataFrame,
        key: Hashable | None,
        index: Hashable | None,
        context: Sequence[Hashable] | str,
        ahead: Sequence[Hashable],
    ) -> Roles:
        """Give each column of ``frame`` its role.

        Raises
        ------
        SchemaError
            If a named column is not there, has two roles, or a context column differs within an
            entity; or if no column is left for the rows.
        """
        given = [] if isinstance(context, str) else list(context)
        named = [label for label in (key, index, *given, *ahead) if label is not None]
        labels = list(frame.columns)
        problems = [
            f"there is no column {label!r}.{_where_else(frame, label)}"
            for label in named
            if label not in labels
        ]
        problems += [
            f"column {label!r} cannot have two roles."
            for label in dict.fromkeys(named)
            if named.count(label) > 1
        ]
        if given and key is None:
            problems.append("context_columns need a sequence_key: without one there is one entity.")
        if problems:
            raise SchemaError(listing(problems))
        free = [label for label in labels if label not in (key, index)]
        if key is None:
            constant: list[Hashable] = []
        elif isinstance(context, str):
            constant = _constant_within(frame, key, [c for c in free if c not in ahead])
        else:
            constant = _constant_within(frame, key, given)
            problems = [
                f"context column {label!r} has several values within one entity. Take it out of "
                "context_columns."
                for label in given
                if label not in constant
            ]
        if problems:
            raise SchemaError(listing(problems))
        rows = tuple(label for label in free if label not in constant)
        if not rows:
            raise SchemaError(
                "no column changes within an entity, so there are no sequences to learn. Use "
                "DiffusionSynthesizer, or name other context_columns."
            )
        return cls(key, index, tuple(constant), rows, tuple(ahead))


def _where_else(frame: pd.DataFrame, label: Hashable) -> str:
    """Where a label that is no column may have been meant to be."""
    if label in frame.index.names:
        return " It is in the index: pass df.reset_index()."
    return closest(label, list(frame.columns))


def _constant_within(
    frame: pd.DataFrame, key: Hashable, labels: Sequence[Hashable]
) -> list[Hashable]:
    """The columns that never change within an entity; none where every entity has one row."""
    series = by_label(frame)
    codes, _ = pd.factorize(series[key])
    if np.bincount(codes[codes >= 0]).max(initial=0) < 2:
        return []
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    found = []
    for label in labels:
        value, _ = pd.factorize(series[label])
        if not (value[order][1:] != value[order][:-1])[same].any():
            found.append(label)
    return found


@dataclass(frozen=True)
class Panel:
    """The rows of a long frame, entity by entity and in order of time.

    Attributes
    ----------
    order : int array, (N,)
        Where each row lies in the frame.
    offsets : int array, (n + 1,)
        The first row of each entity, in order of the entities' first appearance.
    times : array, (N,)
        The index as numbers; 0, 1, … within each entity where there is none.
    """

    order: Array
    offsets: Array
    times: Array

    @property
    def owner(self) -> Array:
        """The entity of each row, (N,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @property
    def first(self) -> Array:
        """The first moment of each row's entity, (N,)."""
        return self.times[self.offsets[:-1]][self.owner]


def read_panel(frame: pd.DataFrame, roles: Roles, index: Column | None) -> Panel:
    """Find the entities and sort their rows by time.

    Parameters
    ----------
    frame : DataFrame, (N, columns)
    roles : Roles
    index : Column or None
        What the index column is.

    Raises
    ------
    SchemaError
        If keys or moments are missing, or an entity has two rows at one moment.
    """
    series, n = by_label(frame), len(frame)
    codes = np.zeros(n, dtype=np.int64)
    if roles.key is not None:
        own, missing = present(series[roles.key])
        _refuse_missing(missing, roles.key, "the sequence_key")
        codes = np.asarray(pd.factorize(own)[0], dtype=np.int64)
    times = np.zeros(n, dtype=np.int64)
    if roles.index is not None and index is not None:
        _refuse_missing(present(series[roles.index])[1], roles.index, "the sequence_index")
        times = read_cells(series[roles.index], index).values
    order = np.lexsort((times, codes)) if n else np.zeros(0, dtype=np.int64)
    codes, times = codes[order], times[order]
    offsets = np.searchsorted(codes, np.arange((codes[-1] if n else -1) + 2))
    if roles.index is None:
        times = np.arange(n) - offsets[codes]
    elif index is not None:
        _refuse_duplicates(frame, roles, codes, times, order)
    return Panel(order, offsets, times)


def _refuse_missing(missing: Array, label: Hashable, role: str) -> None:
    if missing.any():
        raise SchemaError(
            f"column {label!r}, {role}, misses {int(missing.sum())} cells (first at row "
            f"{int(np.argmax(missing))}). Fill or drop those rows."
        )


def _refuse_duplicates(
    frame: pd.DataFrame, roles: Roles, codes: Array, times: Array, order: Array
) -> None:
    twice = np.flatnonzero((codes[1:] == codes[:-1]) & (times[1:] == times[:-1]))
    if not len(twice):
        return
    row, series = int(order[twice[0]]), by_label(frame)
    assert roles.index is not None
    where = f"{roles.index!r} {series[roles.index].iloc[row]}"
    if roles.key is not None:
        where = f"{roles.key!r} {shorten(series[roles.key].iloc[row])}, {where}"
    raise SchemaError(
        f"{len(twice)} rows have the moment of another row of their entity (first: {where}). Keep "
        "one row for each moment, or name the column that tells entities apart as sequence_key."
    )


def index_column(frame: pd.DataFrame, label: Hashable) -> Column:
    """What the index column is.

    Raises
    ------
    SchemaError
        If it has no order: dates, numbers and durations do.
    """
    series = by_label(frame)[label]
    kinds = {label: "numeric"} if pd.api.types.is_numeric_dtype(series.dtype) else {}
    column = infer_schema(_flat(frame, [label]), kinds, few=0).columns[0]
    if not column.has_numbers:
        raise SchemaError(
            f"column {label!r}, the sequence_index, holds {column.form}s, which have no order in "
            "time. Convert it with pd.to_datetime, or give no sequence_index."
        )
    return column


def rows_of(
    frame: pd.DataFrame, roles: Roles, panel: Panel, gap: str | None, typical: float | None = None
) -> pd.DataFrame:
    """The columns of the rows in the panel's order, and the gap of each row to the one before.

    A first row has no gap; it gets ``typical`` or, when None, one of the others' in turn, so that
    their law stays what it is.
    """
    rows = take(_flat(frame, roles.rows), panel.order)
    if gap is None:
        return rows
    gaps = np.diff(panel.times, prepend=panel.times[:1])
    first = panel.offsets[:-1]
    others = np.delete(gaps, first)
    if typical is not None or not len(others):
        gaps[first] = np.asarray(typical or 0).astype(gaps.dtype)
    else:
        gaps[first] = np.resize(others, len(first))
    rows[gap] = gaps
    return rows


def entities_of(frame: pd.DataFrame, roles: Roles, panel: Panel) -> pd.DataFrame:
    """The key and the context of each entity, a row each; no columns where there is neither."""
    first = panel.order[panel.offsets[:-1]]
    labels = [label for label in (roles.key, *roles.context) if label is not None]
    return take(_flat(frame, labels), first)


def _flat(frame: pd.DataFrame, labels: Sequence[Hashable]) -> pd.DataFrame:
    """Those columns under one level of labels, which tuples may be."""
    flat = pd.Index(list(labels), dtype=object, tupleize_cols=False)
    return select(frame, labels).set_axis(flat, axis=1)


def free_label(label: str, taken: Collection[Hashable]) -> str:
    """``label``, longer by underscores where it is taken."""
    while label in taken:
        label += "_"
    return label
