"""A long frame, read: entities, order, moments, and the tables that rows and entities make."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.errors import SchemaError, SchemaWarning, closest, listing, points_of, tell
from tabdiff.data.frames import container_of, polars_types, select, take, to_pandas
from tabdiff.data.infer import check_cells, check_frame, index_note, infer_schema
from tabdiff.data.mixed import Mixed
from tabdiff.data.numeric import SMOOTH
from tabdiff.data.panel import (
    GAP,
    LENGTH,
    START,
    Panel,
    Roles,
    entities_of,
    index_column,
    read_panel,
    rows_of,
)
from tabdiff.data.reading import read_cells
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.schema import Schema, labels_of
from tabdiff.data.sequence import MOST_SLOTS, SequenceEncoder
from tabdiff.data.table import TableEncoder, by_label
from tabdiff.data.timeline import Timeline
from tabdiff.data.traits import find_traits


@dataclass(frozen=True)
class LongFrame:
    """A long frame, taken apart.

    Attributes
    ----------
    roles : Roles
    panel : Panel
    timeline : Timeline
    rows : DataFrame, (N, ·)
        In the panel's order; with the gaps before them where the index is irregular.
    entities : DataFrame, (n, ·)
        Key and context.
    """

    roles: Roles
    panel: Panel
    timeline: Timeline
    rows: pd.DataFrame
    entities: pd.DataFrame

    @classmethod
    def learn(
        cls,
        frame: pd.DataFrame,
        key: Hashable | None,
        index: Hashable | None,
        context: Sequence[Hashable] | str,
        ahead: Sequence[Hashable],
    ) -> Self:
        """Read a frame of which nothing is known yet; parameters as of :meth:`Roles.find`.

        Raises
        ------
        SchemaError
            If there is nothing to learn from, cells cannot be modelled, or roles, keys or moments
            are not what they must be.
        """
        check_frame(frame, {})
        check_cells(frame)
        if note := index_note(frame):
            tell(note, SchemaWarning)
        require_free_labels(frame)
        roles = Roles.find(frame, key, index, context, ahead)
        column = None if index is None else index_column(frame, index)
        panel = read_panel(frame, roles, column)
        timeline = Timeline.fit(column, panel.times, panel.offsets)
        gap = GAP if timeline.kind == "irregular" else None
        rows = rows_of(frame, roles, panel, gap)
        return cls(roles, panel, timeline, rows, entities_of(frame, roles, panel))

    @classmethod
    def read(cls, frame: pd.DataFrame, encoder: SequenceEncoder) -> Self:
        """Read a frame that must be like the fitted one.

        Raises
        ------
        SchemaError
            If it is not.
        """
        encoder.schema.validate(frame)
        panel = read_panel(frame, encoder.roles, encoder.timeline.column)
        rows = rows_of(frame, encoder.roles, panel, encoder.gap, encoder.timeline.step)
        entities = entities_of(frame, encoder.roles, panel)
        return cls(encoder.roles, panel, encoder.timeline, rows, entities)

    def table(self) -> pd.DataFrame:
        """What is learned of entities besides traits: key, context, length and first moment."""
        panel, table = self.panel, self.entities.copy()
        first = panel.times[panel.offsets[:-1]]
        table[LENGTH] = np.diff(panel.offsets)
        if self.timeline.regular:
            table[LENGTH] = self.timeline.places(panel.times[panel.offsets[1:] - 1], first) + 1
        if self.timeline.column is not None:
            table[START] = self.timeline.written(first)
        return table


def require_free_labels(frame: pd.DataFrame) -> None:
    """Refuse columns named like those that are learned besides."""
    for label in (LENGTH, START, GAP):
        if label in frame.columns:
            raise SchemaError(f"column {label!r}: that name is needed. Rename the column.")


def fit_encoder(
    df: Any,
    long: LongFrame,
    kinds: Mapping[Any, str],
    window: int,
    random_state: np.random.Generator,
) -> SequenceEncoder:
    """Learn the encoders of rows and entities.

    Parameters
    ----------
    df : DataFrame
        The user's.
    long : LongFrame
        The same, read.
    kinds : mapping
        Column label to kind, where the inferred kind is not the wanted one.
    window : int
    random_state : numpy.random.Generator
        Only chooses the heads of random-looking identifiers.

    Raises
    ------
    SchemaError
        If columns cannot be modelled.
    """
    roles, index = long.roles, long.timeline.column
    unknown = [label for label in kinds if label not in (*roles.context, *roles.rows)]
    if unknown:
        raise SchemaError(
            f"column_kinds: {unknown[0]!r} is no column of the rows or the context."
            f"{closest(unknown[0], [*roles.context, *roles.rows])}"
        )
    schema, entities = _schemas(long, kinds)
    rows = TableEncoder.fit(long.rows, schema, random_state, resolution=SMOOTH)
    columns = {column.name: column for column in schema.columns}
    if index is not None:
        columns[index.name] = index
    context = None
    if entities is not None:
        columns |= {column.name: column for column in entities.columns}
        if roles.context:
            own = Schema(tuple(c for c in entities.columns if c.name in roles.context))
            context = TableEncoder.fit(
                select(_twice(long.entities), roles.context), own, random_state, resolution=SMOOTH
            )
    return SequenceEncoder(schema_of(df, columns), roles, long.timeline, rows, context, window)


def with_traits(
    encoder: SequenceEncoder, rows: Mixed, long: LongFrame
) -> tuple[SequenceEncoder, pd.DataFrame]:
    """The encoder with what its entities keep to themselves, and the table of that.

    Parameters
    ----------
    encoder : SequenceEncoder
        Without traits.
    rows : Mixed, (N, ·)
        Of ``long``, encoded.
    """
    roles = long.roles
    taken = {roles.key, *roles.context, LENGTH, START}
    traits, told = find_traits(encoder.rows, rows, long.panel.offsets, taken)
    own = encoder.schema, roles, encoder.timeline, encoder.rows, encoder.context, encoder.window
    return SequenceEncoder(*own, traits), told


def schema_of(df: Any, columns: Mapping[Any, Column]) -> Schema:
    """The schema of the user's frame, of what each of its columns is."""
    frame, container = to_pandas(df), container_of(df)
    types = polars_types(df) if container == "polars" else {}
    whole = tuple(replace(columns[at], polars=types.get(at, "")) for at in frame.columns)
    return Schema(whole, container, *labels_of(frame.columns))


def _schemas(long: LongFrame, kinds: Mapping[Any, str]) -> tuple[Schema, Schema | None]:
    """What the columns of rows and of entities are.

    Raises
    ------
    SchemaError
        Naming the columns of both that cannot be modelled.
    """
    found, problems = [], []
    for own in (_row_schema, _entity_schema):
        try:
            found.append(own(long, kinds))
        except SchemaError as error:
            problems += points_of(error)
    if problems:
        raise SchemaError(listing(problems))
    rows, entities = found
    assert rows is not None
    return rows, entities


def _row_schema(long: LongFrame, kinds: Mapping[Any, str]) -> Schema | None:
    own = {label: kind for label, kind in kinds.items() if label in long.roles.rows}
    if GAP in long.rows.columns:
        own[GAP] = "numeric"
    return Schema.infer(long.rows, own)


def _entity_schema(long: LongFrame, kinds: Mapping[Any, str]) -> Schema | None:
    roles, entities = long.roles, long.entities
    if roles.key is None:
        return None
    own = {label: kind for label, kind in kinds.items() if label in roles.context}
    if pd.api.types.is_float_dtype(by_label(entities)[roles.key].dtype):
        raise SchemaError(
            f"column {roles.key!r}, the sequence_key, holds floats, of which no new ones can be "
            "made. Convert it to int or str."
        )
    if len(entities) > 1:
        return infer_schema(entities, own | {roles.key: "identifier"}, few=0)
    return infer_schema(_twice(entities), own | {roles.key: "constant"}, few=0)


def _twice(entities: pd.DataFrame) -> pd.DataFrame:
    """A table of one entity with two rows, as encoders need; of more entities as it is."""
    return entities if len(entities) > 1 else take(entities, np.array([0, 0]))


def entity_schema(encoder: SequenceEncoder, table: pd.DataFrame) -> Schema:
    """What the columns of :meth:`LongFrame.table` are."""
    index = encoder.timeline.column
    columns = {column.name: column for column in encoder.schema.columns}
    columns[LENGTH] = Column(LENGTH, "numeric", "int64", "integer")
    if index is not None:
        columns[START] = replace(index, name=START)
    columns |= {column.name: column for column in _trait_columns(encoder)}
    for label in columns.keys() & {LENGTH, START}:
        if table[label].nunique() == 1:
            columns[label] = replace(columns[label], kind="constant")
    return Schema(tuple(columns[label] for label in table.columns))


def _trait_columns(encoder: SequenceEncoder) -> list[Column]:
    labels, n = encoder.traits.labels, len(encoder.traits.levels)
    return [
        *(Column(label, "numeric", "float64", "float") for label in labels[:n]),
        *(Column(label, "categorical", "int64", "integer") for label in labels[n:]),
    ]


def require_table_of(
    encoder: SequenceEncoder, rewriting: Verbatim, entities: TableEncoder, n_rows: int
) -> None:
    """Refuse a table of entities that is not the one of :meth:`LongFrame.table`.

    Parameters
    ----------
    encoder : SequenceEncoder
    rewriting : Verbatim
    entities : TableEncoder
    n_rows : int
        Of all sequences of the fit.

    Raises
    ------
    ValueError
        If a column is another one, or a sequence has less than one row or more than all had.
    """
    schema = rewriting.schema
    roles, index = encoder.roles, encoder.timeline.column
    columns = {column.name: column for column in encoder.schema.columns}
    wanted = [columns[label] for label in (roles.key, *roles.context) if label is not None]
    wanted.append(Column(LENGTH, "numeric", "int64", "integer"))
    if index is not None:
        wanted.append(replace(index, name=START))
    wanted += _trait_columns(encoder)
    if [replace(column, kind="missing") for column in schema.columns] != [
        replace(column, kind="missing") for column in wanted
    ]:
        raise ValueError("the table of entities does not belong to the encoder.")
    if rewriting.constraint_set is not None:
        raise ValueError("the table of entities has constraints.")
    own = {field.column.name: field for field in entities.fields}
    for label, count in zip(
        encoder.traits.labels[len(encoder.traits.levels) :],
        encoder.traits.counts(encoder.rows),
        strict=True,
    ):
        missing, codes = entities.every_cell(own[label])
        if missing.any() or codes.min() < 0 or codes.max() >= count:
            raise ValueError(
                f"{label!r} has {count} categories, not {codes.min()} to {codes.max()}."
            )
    missing, lengths = entities.every_cell(own[LENGTH])
    if missing.any() or lengths.min() < 1 or lengths.max() > MOST_SLOTS * n_rows:
        raise ValueError(f"sequences of {lengths.min()} to {lengths.max()} rows, {n_rows} in all.")


def first_moments(encoder: SequenceEncoder, table: pd.DataFrame) -> Array:
    """The first moment of each drawn entity of :meth:`LongFrame.table`, as numbers, (n,)."""
    column = encoder.timeline.column
    if column is None:
        return np.zeros(len(table), dtype=np.int64)
    return encoder.timeline.begun(read_cells(table[START], column).values)
