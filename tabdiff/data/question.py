"""A question to the model: what is observed of the rows to come, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from tabdiff.data.cells import Array, Cells, present
from tabdiff.data.columns import ConstantEncoder
from tabdiff.data.conditions import Among, Between, Wanted, read_conditions, require_columns
from tabdiff.data.errors import ConditionError, SchemaError, listing
from tabdiff.data.frames import to_pandas
from tabdiff.data.given import Given, GivenColumn
from tabdiff.data.mixed import Choice, Known, Mixed
from tabdiff.data.originals import Originals
from tabdiff.data.reading import read_cells
from tabdiff.data.restricting import only, restriction, told_apart
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema, check_family, check_labels
from tabdiff.data.table import Field, TableEncoder
from tabdiff.data.unseen import unwritable, warn_beyond, without_unknown
from tabdiff.data.writing import write_cells

Counts = Sequence[tuple[Any, int]]
Drawn = tuple[Mixed, np.random.Generator]
# How often the rows of a chunk are drawn before those that are not as asked are given up.
ATTEMPTS = 20


class Question:
    """Observed cells, ranges and sets, as parts on the way in and as cells on the way out.

    Attributes
    ----------
    given : Given
        Observed cells of n rows.
    restrictions : tuple of Restriction
        Columns that must lie in a range or a set, the same for all rows.
    choices : tuple of Choice
        Columns that must lie in a set of the row's own.
    """

    choices: tuple[Choice, ...] = ()
    _originals: Originals | None = None

    def __init__(
        self, encoder: TableEncoder, given: Given, wanted: Mapping[Hashable, Wanted]
    ) -> None:
        self.encoder, self.given = encoder, given
        self._wanted: dict[Hashable, Between | Among] = {}
        problems, restrictions = [], []
        for field in encoder.fields:
            if field.column.name not in wanted:
                continue
            try:
                own = told_apart(field, wanted[field.column.name])
                found = restriction(field, own)
            except (ConditionError, SchemaError) as error:
                problems.append(f"column {field.column.name!r}: {error}")
                continue
            self._wanted[field.column.name] = own
            if found is not None:
                restrictions.append(found)
        if problems:
            raise ConditionError(listing(problems))
        self.restrictions = tuple(restrictions)

    @classmethod
    def nothing(cls, encoder: TableEncoder) -> Self:
        """Any row."""
        return cls(encoder, Given(1, (None,) * len(encoder.fields)), {})

    @classmethod
    def of_mapping(cls, encoder: TableEncoder, conditions: Mapping[Any, Any]) -> Self:
        """The same conditions for every row; see :mod:`tabdiff.data.conditions`.

        Raises
        ------
        ConditionError
            Naming every column whose condition cannot be met.
        """
        values, wanted = read_conditions(conditions, encoder.schema.columns)
        observed = np.ones(1, dtype=bool)
        columns = {name: GivenColumn(observed, cells) for name, cells in values.items()}
        given = _checked(encoder, 1, columns)
        warn_beyond(encoder, given)
        return cls(encoder, given, wanted)

    @classmethod
    def of_frame(cls, encoder: TableEncoder, df: Any) -> Self:
        """One row of conditions per row wanted; a missing cell asks for a missing one.

        Raises
        ------
        ConditionError
            Naming every column that the table does not have, or that holds what it cannot.
        """
        frame = conditions_frame(df, encoder.schema)
        observed = np.ones(len(frame), dtype=bool)
        columns = _read(encoder, frame, lambda series: observed)
        _require_writable(encoder, columns)
        given = _checked(encoder, len(frame), columns)
        warn_beyond(encoder, given)
        return cls(encoder, given, {})

    @classmethod
    def of_known(cls, encoder: TableEncoder, df: Any) -> Self:
        """Some columns of the rows to come; a missing cell is one to be drawn.

        Raises
        ------
        ConditionError
            Naming every column that the table does not have, or that holds what it cannot.
        """
        frame = conditions_frame(df, encoder.schema)
        columns = _read(encoder, frame, lambda series: ~present(series)[1])
        _require_writable(encoder, columns)
        return cls(encoder, _checked(encoder, len(frame), columns), {})

    @classmethod
    def of_cells(
        cls,
        encoder: TableEncoder,
        n: int,
        columns: Mapping[Hashable, GivenColumn],
        wanted: Mapping[Hashable, Wanted],
    ) -> Self:
        """Observed cells of n rows, and ranges and sets that are the same for all.

        Raises
        ------
        ConditionError
            Naming every column that the encoders do not know what it holds.
        """
        return cls(encoder, _checked(encoder, n, columns), wanted)

    @classmethod
    def of_counts(cls, encoder: TableEncoder, name: Hashable, counts: Counts) -> Self:
        """So many rows of each of some values of one column.

        Parameters
        ----------
        name : column label
        counts : sequence of (value, int), at least one

        Raises
        ------
        ConditionError
            If the column can hold one of the values in no row.
        """
        at = [field.column.name for field in encoder.fields].index(name)
        pieces = []
        for value, n in counts:
            column = cls.of_mapping(encoder, {name: value}).given.columns[at]
            assert column is not None
            pieces.append(column.take(np.zeros(n, dtype=np.int64)))
        columns: list[GivenColumn | None] = [None] * len(encoder.fields)
        columns[at] = GivenColumn.join(pieces)
        return cls(encoder, Given(sum(n for _, n in counts), tuple(columns)), {})

    @classmethod
    def of_gaps(cls, encoder: TableEncoder, df: Any, rows: Array) -> Self:
        """The cells that are missing in some rows of a table, given those that are not.

        What the model has never seen tells it nothing: a cell with such a value counts as one more
        that is not observed. A number outside the bounds of the training rows counts as the nearest
        of them, as it does wherever rows are encoded.

        Parameters
        ----------
        df : DataFrame or ndarray
            With all columns; its other rows may hold anything.
        rows : int array, (n,)

        Raises
        ------
        SchemaError
            If the table does not follow the schema.
        ConditionError
            Naming every column that holds what it cannot.

        Warns
        -----
        SchemaWarning
            Once, with the columns and values that were not there at fit.
        """
        encoder.schema.validate(df)
        frame = to_pandas(df)
        asked = np.zeros(len(frame), dtype=bool)
        asked[rows] = True
        columns = _read(encoder, frame, lambda series: asked & ~present(series)[1])
        given = _checked(encoder, len(frame), without_unknown(encoder, columns))
        return cls(encoder, given.take(rows), {})

    @property
    def is_loose(self) -> bool:
        """Whether a range or a set is among what is asked."""
        return bool(self._wanted)

    def anew(self) -> Question:
        """The question as it is before any row has answered it."""
        return self

    def unlike(self, originals: Originals) -> Question:
        """The question whose rows must equal none of these."""
        asked = copy(self)
        asked._originals = originals
        return asked

    def settle(self, n: int, draw: Callable[[int], Drawn], start: int) -> Any:
        """The frame of the first ``n`` rows.

        Parameters
        ----------
        n : int
        draw : callable
            The parts of all rows at an attempt, counted from 0, and a generator to decode them.
        start : int
            Position of the first row in the whole table.

        Raises
        ------
        CopyError
            If rows equal one that they must not after all attempts.
        """
        asked = self.take(np.arange(n))
        cells = asked._cells(draw(0), n, start)
        if self._originals is not None:
            cells = asked._unlike_originals(cells, self._originals, draw, start)
        return self.encoder.write(cells)

    def _unlike_originals(
        self,
        cells: list[Cells],
        originals: Originals,
        draw: Callable[[int], Drawn],
        start: int,
    ) -> list[Cells]:
        """The cells, rows that equal an original drawn anew until they do not."""
        again = originals.copies(self._series(cells))
        originals.redrawn += int(again.sum())
        for attempt in range(1, ATTEMPTS):
            if not again.any():
                break
            fresh = self._cells(draw(attempt), len(again), start)
            cells = [
                # Identifiers are made for a row by its place in the table.
                own if field.column.kind == "identifier" else _exchanged(own, new, again)
                for field, own, new in zip(self.encoder.fields, cells, fresh, strict=True)
            ]
            again &= originals.copies(self._series(cells))
        originals.refuse(again, start, ATTEMPTS)
        return cells

    def _series(self, cells: list[Cells]) -> dict[Hashable, pd.Series]:
        """The columns as a frame shows them."""
        columns = [field.column for field in self.encoder.fields]
        return {c.name: write_cells(own, c) for c, own in zip(columns, cells, strict=True)}

    def take(self, rows: Array) -> Question:
        """The question for these rows, any number of times each."""
        taken = copy(self)
        taken.given = self.given.take(rows)
        return taken

    def encode(self, rng: np.random.Generator) -> tuple[Mixed, Known]:
        """The parts of the observed cells, zeros elsewhere, and which parts they are.

        Parameters
        ----------
        rng : numpy.random.Generator
            Spreads numbers over the cells of their lattice.
        """
        n, layout = self.given.n, self.encoder.layout
        num, cat = np.zeros((n, layout.n_num)), np.zeros((n, layout.n_cat), dtype=np.int64)
        known_num, known_cat = np.zeros(num.shape, dtype=bool), np.zeros(cat.shape, dtype=bool)
        fields = self.encoder.fields
        # One stream per column, so that what a row draws does not depend on how many follow it.
        for field, given, own in zip(
            fields, self.given.columns, rng.spawn(len(fields)), strict=True
        ):
            if given is None:
                continue
            parts = field.encoder.encode(given.cells, own)
            for part, into, known, at in (
                (parts.num, num, known_num, field.num),
                (parts.cat, cat, known_cat, field.cat),
            ):
                if part is not None and at is not None:
                    into[given.observed, at] = part
                    known[:, at] = given.observed
        rows = Mixed(torch.from_numpy(num).float(), torch.from_numpy(cat))
        return rows, Known(torch.from_numpy(known_num), torch.from_numpy(known_cat))

    def decode(self, x: Mixed, rng: np.random.Generator, start: int = 0) -> Any:
        """The frame of these parts; observed cells are exactly what they were."""
        return self.encoder.write(self._decoded(x, rng, start))

    def _cells(self, drawn: Drawn, n: int, start: int) -> list[Cells]:
        """The cells of the first n rows that were drawn."""
        x, rng = drawn
        return self._decoded(x[:n], rng, start)

    def _decoded(self, x: Mixed, rng: np.random.Generator, start: int) -> list[Cells]:
        decoded = self.encoder.decode_cells(x, rng, start)
        fields = self.encoder.fields
        for at, (field, given, own) in enumerate(
            zip(fields, self.given.columns, rng.spawn(len(fields)), strict=True)
        ):
            if field.column.name in self._wanted:
                decoded[at] = self._wanted[field.column.name].enforce(decoded[at], own)
            if given is not None:
                decoded[at] = given.over(decoded[at])
        return decoded


def _exchanged(cells: Cells, fresh: Cells, rows: Array) -> Cells:
    """``cells`` with those of some rows, a bool array, taken from ``fresh``."""
    values = fresh.values[rows[~fresh.missing]]
    return GivenColumn(rows, Cells(fresh.missing[rows], values)).over(cells)


def conditions_frame(df: Any, schema: Schema) -> pd.DataFrame:
    """A frame of conditions in pandas.

    Raises
    ------
    UnknownColumnError
        If it has columns that the table does not have.
    """
    frame = to_pandas(df)
    check_labels(list(frame.columns))
    require_columns(frame, schema.columns)
    return frame


def _read(encoder: TableEncoder, frame: pd.DataFrame, observed: Any) -> dict[Hashable, GivenColumn]:
    """The observed cells of the frame's columns."""
    columns: dict[Hashable, GivenColumn] = {}
    problems = []
    series = {label: frame.iloc[:, at] for at, label in enumerate(frame.columns)}
    for field in encoder.fields:
        name = field.column.name
        if name not in series:
            continue
        here = observed(series[name])
        if not here.any():
            continue
        try:
            if field.column.kind != "missing":
                check_family(series[name], field.column)
            columns[name] = GivenColumn(here, read_cells(series[name][here], field.column))
        except SchemaError as error:
            problems.append(str(error))
    if problems:
        raise ConditionError(listing(problems))
    return columns


def _require_writable(encoder: TableEncoder, columns: Mapping[Hashable, GivenColumn]) -> None:
    problems = [
        f"column {field.column.name!r}: {told}"
        for field in encoder.fields
        if field.column.name in columns
        and (told := unwritable(columns[field.column.name].cells, field.column))
    ]
    if problems:
        raise ConditionError(listing(problems))


def _checked(encoder: TableEncoder, n: int, columns: Mapping[Hashable, GivenColumn]) -> Given:
    """The given columns in order, if the encoders know what they hold."""
    problems = []
    for field in encoder.fields:
        given = columns.get(field.column.name)
        if given is None:
            continue
        try:
            _check_given(field, given)
        except SchemaError as error:
            problems.append(f"column {field.column.name!r}: {error}")
    if problems:
        raise ConditionError(listing(problems))
    return Given(n, tuple(columns.get(field.column.name) for field in encoder.fields))


def _check_given(field: Field, given: GivenColumn) -> None:
    encoder, cells = field.encoder, given.cells
    if cells.missing.any() and not encoder.has_missing:
        raise SchemaError(
            "a missing cell is asked for, none was there at fit. Ask for a value, or leave it out."
        )
    if isinstance(encoder, ConstantEncoder):
        held = set(map(typed_key, encoder.value))
        if not set(map(typed_key, cells.values)) <= held or (held and cells.missing.any()):
            held_by_all = only(encoder.value, field.column)
            raise SchemaError(
                f"every training row holds {held_by_all}, so nothing is known of other values."
            )
    # All rows, so that what is told of a row is its place in the table.
    nothing = Cells(np.ones(len(given.observed), dtype=bool), cells.values[:0])
    encoder.encode(given.over(nothing), np.random.default_rng(0))
