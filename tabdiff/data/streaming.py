"""Learning the encoders of a table that comes piece by piece, and encoding it.

The first pass over the pieces sums every column up, from which its kind and its encoder follow; the
second encodes the rows into a file and counts the levels as they are. Where a later piece shows
that a column is of a wider form than the first ones told (integers among which there are decimals,
dates that become any text), the first pass begins again, knowing that.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, dtype_to_text
from tabdiff.data.errors import SchemaError, listing
from tabdiff.data.frames import container_of, polars_types, to_pandas
from tabdiff.data.infer import FEW_ROWS, Notes, check_columns, check_kinds, decide, describe
from tabdiff.data.mixed import Mixed
from tabdiff.data.pieces import Pieces
from tabdiff.data.reading import read_cells
from tabdiff.data.schema import Schema, check_rows, labels_of
from tabdiff.data.sketches import require_datasketches
from tabdiff.data.stored import StoredRows, require_disk
from tabdiff.data.summary import LabelSummary, NumberSummary, fit_summary, summary_of
from tabdiff.data.table import TableEncoder, by_label

Summaries = dict[Hashable, NumberSummary | LabelSummary]


class Streamed(NamedTuple):
    """Rows in files, and what they were encoded by.

    Attributes
    ----------
    encoder : TableEncoder
    kept, held_out : StoredRows
        Those to learn from, and those that judge: the same where none are held out.
    """

    encoder: TableEncoder
    kept: StoredRows
    held_out: StoredRows


@contextmanager
def streamed(
    pieces: Pieces,
    schema: Schema | None,
    column_kinds: dict[Any, str],
    hold_out: Callable[[int], int],
    rng: np.random.Generator,
) -> Iterator[Streamed]:
    """The encoded rows of a table that comes in pieces, as long as the block lasts.

    Memory does not grow with the number of rows: a piece of them (``pieces.AT_ONCE``), and some
    megabytes a column. Where more than a fiftieth of the rows are held out, 8 bytes a row are
    added. On the disk, in the folder of temporary files, a row takes 4 bytes for each numeric and
    2 for each categorical part.

    Parameters
    ----------
    pieces : Pieces
    schema : Schema, optional
        Inferred when None.
    column_kinds : dict
        As of :meth:`Schema.infer`.
    hold_out : callable
        How many of n rows are held out.
    rng : numpy.random.Generator
        Chooses them, and spreads numbers over their cells.

    Raises
    ------
    SchemaError
        As :meth:`Schema.infer` and :meth:`TableEncoder.fit` do, and if pieces do not go together.
    OSError
        If the disk has no room.
    ImportError
        If datasketches is absent.
    """
    require_datasketches()
    found, summaries, n = _summed_up(pieces, schema, column_kinds)
    encoder = TableEncoder(found, _encoders(found, summaries, rng))
    del summaries
    require_disk(encoder.layout, n)
    n_held = hold_out(n)
    held = np.sort(rng.choice(n, n_held, replace=False))
    kept = StoredRows(encoder.layout)
    judges = StoredRows(encoder.layout) if n_held else kept
    try:
        counts = [np.zeros(levels, dtype=np.int64) for levels in encoder.layout.levels]
        start = 0
        for frame in pieces:
            rows = encoder.encode(_in_container(frame, found), rng)
            first, last = np.searchsorted(held, [start, start + len(rows)])
            out = np.zeros(len(rows), dtype=bool)
            out[held[first:last] - start] = True
            _append(kept, rows, ~out)
            if n_held:
                _append(judges, rows, out)
            for part, tally in enumerate(counts):
                tally += np.bincount(rows.cat[:, part].numpy(), minlength=len(tally))
            start += len(rows)
        if start != n:
            raise ValueError(
                f"the table had {n:,} rows when it was gone through first, and {start:,} then. "
                "Its pieces must be the same every time."
            )
        encoder.recount(counts)
        yield Streamed(encoder, kept, judges)
    finally:
        kept.close()
        judges.close()


def _append(into: StoredRows, rows: Mixed, chosen: Array) -> None:
    at = torch.from_numpy(chosen)
    into.append(Mixed(rows.num[at].float(), rows.cat[at]))


def _in_container(frame: Any, schema: Schema) -> Any:
    """Arrays have no labels but their places; all else has its own."""
    return frame if container_of(frame) == schema.container else to_pandas(frame)


def _encoders(schema: Schema, summaries: Summaries, rng: np.random.Generator) -> list[Any]:
    encoders, problems = [], []
    for column in schema.columns:
        try:
            encoders.append(fit_summary(summaries[column.name], column, rng))
        except SchemaError as error:
            problems.append(f"column {column.name!r}: {error}")
    if problems:
        raise SchemaError(listing(problems))
    return encoders


class _WiderError(Exception):
    """A column holds more than the cells that are counted already were read as."""

    def __init__(self, column: Column) -> None:
        super().__init__(column.name)
        self.column = column


def _summed_up(
    pieces: Pieces, schema: Schema | None, column_kinds: dict[Any, str]
) -> tuple[Schema, Summaries, int]:
    """The schema, a summary of each column, and the number of rows."""
    wider: dict[Hashable, Column] = {}
    while True:
        survey = _Survey(schema, column_kinds, wider)
        try:
            for frame in pieces:
                survey.look_at(frame)
        except _WiderError as error:
            wider[error.column.name] = error.column
        else:
            return survey.schema(), survey.summaries, survey.n_rows


class _Survey:
    """One pass over the pieces of a table.

    Parameters
    ----------
    schema : Schema, optional
        What the table must follow; found when None.
    column_kinds : dict
    wider : dict
        What an earlier pass found columns to hold.
    """

    def __init__(
        self, schema: Schema | None, column_kinds: dict[Any, str], wider: dict[Hashable, Column]
    ) -> None:
        self._given, self._kinds, self._wider = schema, column_kinds, wider
        self._columns: dict[Hashable, Column] = {}
        self._container = "pandas"
        self._labels: tuple[str, tuple[Hashable, ...]] = ("object", (None,))
        self.summaries: Summaries = {}
        self.n_rows = 0

    def look_at(self, piece: Any) -> None:
        """Count the cells of a frame."""
        frame = to_pandas(piece)
        if self._given is not None:
            self._given.validate(piece)
        if self.summaries:
            self._check_labels(frame)
        else:
            self._begin(piece, frame)
        polars = polars_types(piece) if container_of(piece) == "polars" else {}
        problems = []
        for label, series in by_label(frame).items():
            try:
                if self._given is None:
                    self._widen(describe(series, label, polars))
                cells = read_cells(series, self._columns[label])
            except SchemaError as error:
                problems.append(f"rows from {self.n_rows:,} on: {error}")
                continue
            self.summaries[label].update(cells, self.n_rows)
        if problems:
            raise SchemaError(listing(problems))
        self.n_rows += len(frame)

    def schema(self) -> Schema:
        """What was found, with all that the owner of the table should know told once."""
        check_rows(self.n_rows)
        if self._given is not None:
            return self._given
        notes = Notes()
        if self.n_rows < FEW_ROWS:
            notes.few(self.n_rows)
        columns, problems = [], []
        for label, column in self._columns.items():
            facts = self.summaries[label].facts()
            try:
                columns.append(decide(column, facts, self._kinds.get(label), notes))
            except SchemaError as error:
                problems.append(str(error))
        if problems:
            raise SchemaError(listing(problems))
        notes.give()
        return Schema(tuple(columns), self._container, *self._labels)

    def _begin(self, piece: Any, frame: Any) -> None:
        self._container, self._labels = container_of(piece), labels_of(frame.columns)
        check_columns(frame)
        check_kinds(list(frame.columns), self._kinds)
        if self._given is not None:
            self._columns = {column.name: column for column in self._given.columns}
            self.summaries = {c.name: summary_of(c, c.kind) for c in self._given.columns}
            return
        polars = polars_types(piece) if self._container == "polars" else {}
        problems = []
        for label, series in by_label(frame).items():
            try:
                found = self._wider.get(label) or describe(series, label, polars)
            except SchemaError as error:
                problems.append(str(error))
                continue
            self._columns[label] = found
            self.summaries[label] = summary_of(found, self._kinds.get(label))
        if problems:
            raise SchemaError(listing(problems))

    def _check_labels(self, frame: Any) -> None:
        known, given = list(self._columns), list(frame.columns)
        if set(known) != set(given) or len(known) != len(given):
            absent = [label for label in known if label not in given]
            new = [label for label in given if label not in self._columns]
            raise SchemaError(
                f"rows from {self.n_rows:,} on have other columns than those before: "
                f"absent {absent}, new {new}. All pieces must have the same columns."
            )

    def _widen(self, found: Column) -> None:
        """Take over what a piece shows a column to hold.

        Raises
        ------
        _WiderError
            If the cells before must be read again.
        SchemaError
            If they do not go together.
        """
        label = found.name
        before, summary = self._columns[label], self.summaries[label]
        column = _joined(before, found)
        if not summary.missing:
            # Of a column's missing cells the first ones tell the token.
            column = replace(column, missing=found.missing)
        if _read_as(column) != _read_as(before):
            if summary.held:
                raise _WiderError(column)
            self.summaries[label] = summary_of(column, self._kinds.get(label))
            self.summaries[label].missing = summary.missing
        self._columns[label] = column


def _read_as(column: Column) -> tuple[str, str, str]:
    """What decides how cells are read and counted."""
    return column.form, column.detail, column.dtype if column.form == "float" else ""


def _joined(one: Column, other: Column) -> Column:
    """What holds the cells of both.

    Raises
    ------
    SchemaError
        If nothing does.
    """
    forms = {one.form, other.form}
    if "missing" in forms:
        return one if other.form == "missing" else other
    if forms == {"integer", "float"}:
        return one if one.form == "float" else other
    if forms == {"string", "datetime text"}:
        return one if one.form == "string" else other
    if one.form == other.form == "datetime text" and one.detail != other.detail:
        return replace(one, form="string", detail="", kind="categorical")
    if one.form == other.form == "decimal" and one.dtype == other.dtype == "object":
        return replace(one, detail=str(max(int(one.detail), int(other.detail))))
    if len(forms) == 2 and one.dtype == other.dtype == "object":
        return replace(one, form="mixed", detail="", kind="categorical")
    if len(forms) == 2 or one.detail != other.detail or one.ordered != other.ordered:
        raise SchemaError(
            f"column {one.name!r} is {other.dtype} ({other.form}{_of(other.detail)}), before it "
            f"was {one.dtype} ({one.form}{_of(one.detail)}). Convert all pieces to one dtype."
        )
    if one.categories is not None and other.categories is not None:
        new = [level for level in other.categories if level not in set(one.categories)]
        if one.ordered and new:
            raise SchemaError(
                f"column {one.name!r} is of an ordered dtype whose categories differ between "
                f"pieces ({new[:3]} are new). Give all of them the same categories."
            )
        return replace(one, categories=one.categories + tuple(new))
    return replace(one, dtype=_wide(one.dtype, other.dtype))


def _of(detail: str) -> str:
    return f", {detail}" if detail else ""


def _wide(one: str, other: str) -> str:
    """The dtype of cells of one form in two: the wider of two numbers, else the objects, if any."""
    if {one, other} == {"bool", "object"}:
        return "boolean"
    first, second = dtype_from_text(one), dtype_from_text(other)
    both = isinstance(first, np.dtype) and isinstance(second, np.dtype)
    if both and first.kind in "iuf" and second.kind in "iuf":
        return dtype_to_text(np.result_type(first, second))
    return other if other == "object" else one
