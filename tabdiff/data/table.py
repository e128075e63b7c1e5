"""TableEncoder: a frame to the parts that diffusion sees, and back to the same kind of frame."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array, Cells
from tabdiff.data.column import Column
from tabdiff.data.columns import column_from_state, fit_column
from tabdiff.data.errors import SchemaError, closest, listing
from tabdiff.data.frames import from_pandas, to_pandas
from tabdiff.data.mixed import Gate, Layout, Mixed
from tabdiff.data.numeric import FINE, Resolution
from tabdiff.data.parts import ColumnEncoder, Parts, State
from tabdiff.data.reading import read_cells
from tabdiff.data.schema import Schema, check_rows
from tabdiff.data.writing import write_cells

# Unit normals beyond which nothing is: the ends of what is open, and its middle.
_ENDS = np.array([-9.0, 0.0, 9.0])


class Field(NamedTuple):
    """A column, its encoder, and the positions of its parts in the layout."""

    column: Column
    encoder: ColumnEncoder
    num: int | None
    cat: int | None


class TableEncoder:
    """One encoder per column, and where its parts lie among all parts.

    Attributes
    ----------
    schema : Schema
    layout : Layout
        What each part stands for.
    fields : tuple of Field
        The columns in order, each with its encoder and its parts.
    proportions : list of float64 array, (K,)
        Share of the training rows per level, per categorical part.
    """

    def __init__(self, schema: Schema, encoders: Sequence[ColumnEncoder]) -> None:
        self.schema = schema
        self._encoders = tuple(encoders)
        self._num: list[int | None] = []
        self._cat: list[int | None] = []
        self.layout = self._arrange()
        self.fields = tuple(
            Field(*field)
            for field in zip(schema.columns, self._encoders, self._num, self._cat, strict=True)
        )
        self.recount([e.counts for e in self._encoders if len(e.counts) > 1])

    def recount(self, counts: Sequence[Array]) -> None:
        """Take over how many training rows each level of each categorical part has."""
        for field, own in zip([f for f in self.fields if f.cat is not None], counts, strict=True):
            field.encoder.counts = own
        self.proportions = [c / c.sum() for c in counts]

    @classmethod
    def fit(
        cls,
        df: Any,
        schema: Schema,
        random_state: np.random.Generator,
        *,
        resolution: Resolution = FINE,
    ) -> TableEncoder:
        """Learn levels, cells and lattices of every column.

        Parameters
        ----------
        df : DataFrame or ndarray
        schema : Schema
        random_state : numpy.random.Generator
            Only chooses the heads of random-looking identifiers.
        resolution : Resolution
            Of numbers.

        Raises
        ------
        SchemaError
            If the frame does not follow the schema.
        """
        schema.validate(df)
        frame = to_pandas(df)
        check_rows(len(frame))
        series = by_label(frame)
        encoders, problems = [], []
        for column in schema.columns:
            cells = read_cells(series[column.name], column)
            try:
                encoders.append(fit_column(cells, column, random_state, resolution))
            except SchemaError as error:
                problems.append(f"column {column.name!r}: {error}")
        if problems:
            raise SchemaError(listing(problems))
        return cls(schema, encoders)

    def _arrange(self) -> Layout:
        num_names: list[str] = []
        cat_names: list[str] = []
        levels: list[int] = []
        gates: list[Gate | None] = []
        ordered: list[int] = []
        for column, encoder in zip(self.schema.columns, self._encoders, strict=True):
            has_state = len(encoder.counts) > 1
            self._cat.append(len(levels) if has_state else None)
            self._num.append(len(num_names) if encoder.has_value else None)
            if encoder.has_value:
                num_names.append(str(column.name))
                gates.append(Gate(len(levels), encoder.open_levels) if has_state else None)
            if has_state:
                cat_names.append(str(column.name))
                levels.append(len(encoder.counts))
                ordered.append(encoder.n_ordered)
        return Layout(
            tuple(num_names), tuple(cat_names), tuple(levels), tuple(gates), tuple(ordered)
        )

    def parts(self, column_label: Hashable) -> tuple[list[int], list[int]]:
        """The numeric and the categorical parts of a column, by their position in the layout.

        Raises
        ------
        KeyError
            If there is no such column; the message names the closest.
        """
        names = [column.name for column in self.schema.columns]
        if column_label not in names:
            raise KeyError(f"no column {column_label!r}.{closest(column_label, names)}")
        at = names.index(column_label)
        num, cat = self._num[at], self._cat[at]
        return [] if num is None else [num], [] if cat is None else [cat]

    def encode(self, df: Any, rng: np.random.Generator) -> Mixed:
        """The parts of every row.

        Parameters
        ----------
        df : DataFrame or ndarray
            Columns in any order.
        rng : numpy.random.Generator
            Spreads numbers over the cells of their lattice.

        Returns
        -------
        Mixed
            num float64 (B, Dn), 0.0 under a closed gate; cat int64 (B, Dc).

        Raises
        ------
        SchemaError
            If the frame does not follow the schema, or holds a category or a missing cell where
            the training rows had none. All such columns are named.
        """
        self.schema.validate(df)
        frame = to_pandas(df)
        series = by_label(frame)
        num = np.zeros((len(frame), self.layout.n_num))
        cat = np.zeros((len(frame), self.layout.n_cat), dtype=np.int64)
        problems = []
        for i, (column, encoder) in enumerate(
            zip(self.schema.columns, self._encoders, strict=True)
        ):
            try:
                parts = _encode(column, encoder, series[column.name], rng)
            except SchemaError as error:
                problems.append(str(error))
                continue
            _store(parts.num, num, self._num[i])
            _store(parts.cat, cat, self._cat[i])
        if problems:
            raise SchemaError(listing(problems))
        return Mixed(torch.from_numpy(num), torch.from_numpy(cat))

    def decode(self, x: Mixed, rng: np.random.Generator, start: int = 0) -> Any:
        """The frame of these parts, in the container, dtypes and order of the schema.

        Parameters
        ----------
        x : Mixed, num (B, Dn), cat (B, Dc)
        rng : numpy.random.Generator
            Draws rare labels and missing identifiers.
        start : int
            Position of the first row in the whole table; identifiers count from it.

        Raises
        ------
        ValueError
            If a part is not finite, or a code is none of its levels.
        """
        return self.write(self.decode_cells(x, rng, start))

    def decode_cells(self, x: Mixed, rng: np.random.Generator, start: int = 0) -> list[Cells]:
        """The cells of every column, in order; parameters and errors as in :meth:`decode`."""
        every = {field.column.name for field in self.fields}
        return list(self.decode_some(x, rng, every, start).values())

    def decode_some(
        self, x: Mixed, rng: np.random.Generator, labels: Collection[Hashable], start: int = 0
    ) -> dict[Hashable, Cells]:
        """Those of the columns with these labels."""
        num = x.num.detach().cpu().to(torch.float64).numpy()
        cat = x.cat.detach().cpu().numpy()
        self._check_parts(num, cat)
        decoded: dict[Hashable, Cells] = {}
        # One stream per column, so that what a row draws does not depend on how many follow it.
        for field, own in zip(self.fields, rng.spawn(len(self.fields)), strict=True):
            if field.column.name not in labels:
                continue
            parts = Parts(_column(cat, field.cat), _column(num, field.num))
            try:
                found = field.encoder.decode(parts, len(num), own, start)
            except ValueError as error:
                raise ValueError(f"column {field.column.name!r}: {error}") from error
            decoded[field.column.name] = found
        return decoded

    def rehearse(self) -> Any:
        """Write every level of every column, the ends of open ones, and a frame of some rows.

        What can be written thus can be written whatever is drawn, so a file that is read goes
        through it: cells that a dtype cannot hold show before anybody waits for rows.

        Returns
        -------
        DataFrame or ndarray

        Raises
        ------
        Exception
            Of any kind, if something cannot be written.
        """
        for field in self.fields:
            write_cells(self.every_cell(field), field.column)
        n = len(_ENDS) * min(max(self.layout.levels, default=1), 256)
        num, cat = np.zeros((n, self.layout.n_num)), np.zeros((n, self.layout.n_cat), np.int64)
        for field in self.fields:
            level, value = _all_parts(field, n)
            _store(level, cat, field.cat)
            _store(value, num, field.num)
        return self.decode(Mixed(torch.from_numpy(num), torch.from_numpy(cat)), _unseeded())

    def every_cell(self, field: Field) -> Cells:
        """Every level of a column, the ends of open ones; of identifiers any."""
        n = max(len(field.encoder.counts), 1) * (1 if field.num is None else len(_ENDS))
        level, value = _all_parts(field, n)
        parts = Parts(
            level if field.cat is not None else None, value if field.num is not None else None
        )
        cells = field.encoder.decode(parts, n, _unseeded(), 0)
        if not isinstance(field.encoder, CategoricalEncoder):
            return cells
        # Of the labels that share a level only some were drawn.
        rare = field.encoder.rare.values
        missing = np.concatenate([cells.missing, np.zeros(len(rare), dtype=bool)])
        return Cells(missing, np.concatenate([cells.values, rare]))

    def write(self, cells: Sequence[Cells]) -> Any:
        """The frame of these cells, in the container, dtypes and order of the schema."""
        return write_frame(cells, self.schema)

    def _check_parts(self, num: Array, cat: Array) -> None:
        if num.shape != (len(num), self.layout.n_num) or cat.shape != (len(num), self.layout.n_cat):
            raise ValueError(
                f"expected (B, {self.layout.n_num}) numeric and (B, {self.layout.n_cat}) "
                f"categorical parts. Got {num.shape} and {cat.shape}."
            )
        for part in np.flatnonzero(~np.isfinite(num).all(axis=0)):
            raise ValueError(f"numeric part {self.layout.num_names[part]!r} is not finite.")
        levels = np.array(self.layout.levels, dtype=np.int64)
        for part in np.flatnonzero(((cat < 0) | (cat >= levels)).any(axis=0)):
            raise ValueError(
                f"categorical part {self.layout.cat_names[part]!r} has codes beyond its levels."
            )

    def state(self) -> State:
        """All that :meth:`from_state` needs, as strict JSON and arrays without objects."""
        columns: list[dict[str, Any]] = []
        arrays: dict[str, Array] = {}
        for i, encoder in enumerate(self._encoders):
            data, own = encoder.state()
            columns.append({"encoder": encoder.kind, **data})
            arrays |= {f"{i}.{name}": array for name, array in own.items()}
        return {"schema": self.schema.to_dict(), "columns": columns}, arrays

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> TableEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed; the message names the column.
        """
        if not isinstance(data, dict) or not isinstance(data.get("columns"), list):
            raise ValueError("malformed encoder: it needs 'schema' and 'columns'.")
        schema = Schema.from_dict(data.get("schema"))
        if len(schema.columns) != len(data["columns"]):
            raise ValueError(
                f"malformed encoder: {len(data['columns'])} encoders for "
                f"{len(schema.columns)} columns."
            )
        encoders = []
        for i, (column, own) in enumerate(zip(schema.columns, data["columns"], strict=True)):
            prefix = f"{i}."
            mine = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
            try:
                if not isinstance(own, dict):
                    raise ValueError("its encoder is no object")
                encoders.append(column_from_state(str(own.get("encoder")), own, mine))
            except ValueError as error:
                raise ValueError(f"column {column.name!r}: {error}") from error
        return cls(schema, encoders)


def write_frame(cells: Sequence[Cells], schema: Schema) -> Any:
    """The frame of the cells of every column, in the container, dtypes and order of the schema."""
    columns = [write_cells(own, column) for own, column in zip(cells, schema.columns, strict=True)]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = schema.labels()
    polars = {str(c.name): c.polars for c in schema.columns if c.polars}
    return from_pandas(frame, schema.container, polars)


def by_label(frame: pd.DataFrame) -> dict[Hashable, pd.Series]:
    """The columns of a frame, whatever their labels are."""
    return {label: frame.iloc[:, at] for at, label in enumerate(frame.columns)}


def _encode(
    column: Column, encoder: ColumnEncoder, series: pd.Series, rng: np.random.Generator
) -> Parts:
    cells = read_cells(series, column)
    if cells.missing.any() and not encoder.has_missing:
        raise SchemaError(
            f"column {column.name!r}: {int(cells.missing.sum())} cells are missing (first at row "
            f"{int(np.argmax(cells.missing))}), none was at fit. Fill or drop them."
        )
    try:
        return encoder.encode(cells, rng)
    except SchemaError as error:
        raise SchemaError(f"column {column.name!r}: {error}") from error


def _all_parts(field: Field, n: int) -> tuple[Array, Array]:
    """Levels in turn, and with each the ends and the middle of what is open."""
    at, levels = np.arange(n), max(len(field.encoder.counts), 1)
    return at % levels, _ENDS[at // levels % len(_ENDS)]


def _unseeded() -> np.random.Generator:
    """For what no random number decides."""
    return np.random.default_rng(0)


def _store(part: Array | None, parts: Array, at: int | None) -> None:
    if part is not None and at is not None:
        parts[:, at] = part


def _column(parts: Array, at: int | None) -> Array | None:
    return None if at is None else parts[:, at]
