"""What a careful publisher takes out of a table before anything is learned of it.

Labels that few rows hold share a stand-in, and numbers beyond two percentiles become the values at
these. Only the table that is left is learned, so no row that is made and no file that is written
holds what was taken out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.categorical import Levels, checked_levels, count_labels
from tabdiff.data.cells import Array, Cells
from tabdiff.data.charter import OTHER
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.errors import SchemaError, SchemaWarning, listing, tell
from tabdiff.data.filling import filled_in
from tabdiff.data.frames import in_container_of, to_pandas
from tabdiff.data.given import GivenColumn
from tabdiff.data.parts import take, take_integer
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import from_json, to_json, typed_key
from tabdiff.data.schema import Schema
from tabdiff.data.table import by_label
from tabdiff.data.writing import write_cells

_MEASURES = ("numeric", "datetime", "timedelta")


@dataclass(frozen=True)
class Shared:
    """A column in which rare labels share a stand-in.

    Attributes
    ----------
    kept : Levels
        The labels that stay.
    stand_in : str or None
        What the others become; None for a missing cell.
    n_labels, n_rows : int
        How many labels were taken out, unused ones of the dtype too, and of how many rows.
    """

    kept: Levels
    stand_in: str | None
    n_labels: int
    n_rows: int

    @classmethod
    def of(cls, cells: Cells, column: Column, least: int) -> Shared | None:
        """What becomes of the labels that fewer than ``least`` rows hold; None without any.

        Raises
        ------
        SchemaError
            If neither text nor a missing cell can stand in for them.
        """
        labels, counts = count_labels(cells.values)
        held = {typed_key(label) for label in labels}
        unused = [level for level in column.categories or () if typed_key(level) not in held]
        rare = counts < least
        if not rare.any() and not unused:
            return None
        every = [*labels.tolist(), *unused]
        plain = column.form in ("string", "category") and not column.ordered
        text = plain and all(isinstance(label, str) for label in every)
        if not text and rare.any() and not _may_be_missing(column):
            raise SchemaError(
                f"column {column.name!r} ({column.dtype}): {int(rare.sum())} categories have fewer "
                f"than {least} rows, and its dtype holds neither text nor a missing cell to stand "
                "in for them. Convert it to text or to a nullable dtype."
            )
        kept = np.empty(int((~rare).sum()), dtype=object)
        kept[:] = labels[~rare].tolist()
        return cls(
            Levels(kept),
            OTHER if text else None,
            int(rare.sum()) + len(unused),
            int(counts[rare].sum()),
        )

    def knows(self, cells: Cells) -> Array:
        """Which values are labels that stay."""
        return self.kept.locate(cells.values) >= 0

    def over(self, cells: Cells) -> Cells:
        """The cells with the stand-in for every label that is none of those kept."""
        known = self.knows(cells)
        if self.stand_in is not None:
            values = cells.values.copy()
            values[~known] = self.stand_in
            return Cells(cells.missing, values)
        missing = cells.missing.copy()
        missing[~missing] = ~known
        return Cells(missing, cells.values[known])

    def restricted(self, column: Column, after: Cells) -> Column:
        """What the schema says of the column, whose cells are ``after``, without rare labels."""
        if column.categories is not None:
            kept = {typed_key(label) for label in self.kept.values}
            levels = [level for level in column.categories if typed_key(level) in kept]
            if self.n_rows and self.stand_in is not None and self.stand_in not in levels:
                levels.append(self.stand_in)
            column = replace(column, categories=tuple(levels))
        return replace(column, kind=_kind_of(after, column.kind))


@dataclass(frozen=True)
class Clipped:
    """A column of numbers, none of which is beyond two bounds.

    Attributes
    ----------
    low, high : int or float
        In the units of the column's cells.
    n_cells : int
        How many were beyond.
    """

    low: Any
    high: Any
    n_cells: int

    @classmethod
    def of(cls, cells: Cells, percentiles: Sequence[float]) -> Clipped | None:
        """The bounds at two percentiles; None if no number is beyond them.

        At least one row is taken for beyond on each side that is clipped at all, so that the
        extremes go in a small table, too, unless several rows share them.
        """
        if not len(cells.values) or not np.isfinite(cells.values).all():
            return None
        values = np.sort(cells.values)
        most = len(values) - 1
        below, above = (
            max(round(share / 100 * len(values)), 1) if share > 0 else 0
            for share in (percentiles[0], 100 - percentiles[1])
        )
        # Of one or two values, all become one.
        low, high = (below, most - above) if below + above <= most else (most // 2, most // 2)
        found = cls(values[low].item(), values[high].item(), 0)
        return replace(found, n_cells=n) if (n := int(found.beyond(cells).sum())) else None

    def beyond(self, cells: Cells) -> Array:
        """Which values lie beyond the bounds."""
        beyond: Array = (cells.values < self.low) | (cells.values > self.high)
        return beyond

    def over(self, cells: Cells) -> Cells:
        """The cells with the nearest bound for every number beyond."""
        return Cells(cells.missing, np.clip(cells.values, self.low, self.high))


class Guarding(NamedTuple):
    """What a user wants to be taken out.

    Attributes
    ----------
    min_category_count : int, optional
        The fewest rows of a label that stays.
    clip_percentiles : (float, float), optional
        Between which numbers stay as they are.
    exclude_copies : bool
        Whether no row that is made may equal a training row.
    """

    min_category_count: int | None = None
    clip_percentiles: Sequence[float] | None = None
    exclude_copies: bool = False


UNGUARDED = Guarding()


class Guards:
    """What was taken out of a table, by column; nothing by default.

    Attributes
    ----------
    shared : dict of Shared
    clipped : dict of Clipped
    """

    def __init__(
        self,
        shared: dict[Hashable, Shared] | None = None,
        clipped: dict[Hashable, Clipped] | None = None,
    ) -> None:
        self.shared, self.clipped = shared or {}, clipped or {}

    def __bool__(self) -> bool:
        return bool(self.shared or self.clipped)

    @classmethod
    def fit(
        cls,
        df: Any,
        schema: Schema,
        min_category_count: int | None = None,
        clip_percentiles: Sequence[float] | None = None,
    ) -> tuple[Guards, Schema]:
        """What is to be taken out of a table, and the schema of what is left.

        Parameters
        ----------
        df : DataFrame or ndarray
        schema : Schema
        min_category_count : int, optional
            The fewest rows of a label that stays.
        clip_percentiles : (float, float), optional
            Between which numbers stay as they are.

        Raises
        ------
        SchemaError
            Naming every column for whose rare labels nothing can stand in, or if the table has
            fewer rows than a label needs.

        Warns
        -----
        SchemaWarning
            Once, with what was taken out by column.
        """
        if min_category_count is None and clip_percentiles is None:
            return cls(), schema
        schema.validate(df)
        series = by_label(to_pandas(df))
        least, n = min_category_count or 1, len(next(iter(series.values())))
        if least > n:
            raise SchemaError(
                f"min_category_count={least:,}: the table has {n:,} rows, so no category could "
                "stay. Ask for fewer."
            )
        guards, problems, columns = cls(), [], []
        for column in schema.columns:
            cells = read_cells(series[column.name], column)
            if min_category_count and _has_labels(column):
                try:
                    shared = Shared.of(cells, column, least)
                except SchemaError as error:
                    problems.append(str(error))
                    continue
                if shared:
                    guards.shared[column.name] = shared
                    column = shared.restricted(column, shared.over(cells))
            elif clip_percentiles is not None and column.kind in _MEASURES:
                clipped = Clipped.of(cells, clip_percentiles)
                if clipped:
                    guards.clipped[column.name] = clipped
                    column = replace(column, kind=_kind_of(clipped.over(cells), column.kind))
            columns.append(column)
        if problems:
            raise SchemaError(listing(problems))
        if guards:
            tell(listing(guards.told()), SchemaWarning)
        return guards, replace(schema, columns=tuple(columns))

    def apply(self, df: Any, schema: Schema) -> Any:
        """The table without what is taken out; the table itself where nothing is.

        A label that the training rows did not have becomes the stand-in as well.

        Parameters
        ----------
        df : DataFrame or ndarray
            Never changed.
        schema : Schema
            As :meth:`fit` gave it.

        Raises
        ------
        SchemaError
            If the table does not follow the schema.
        """
        if not self:
            return df
        schema.validate(df)
        frame = to_pandas(df).copy(deep=False)
        for at, label in enumerate(list(frame.columns)):
            series = frame.iloc[:, at]
            if label in self.shared:
                own, cells = self.shared[label], read_cells(series, schema[label])
                # Where unused labels alone were taken out, nothing stands in for others.
                if own.n_rows or own.knows(cells).all():
                    frame.isetitem(at, write_cells(own.over(cells), schema[label]).array)
            elif label in self.clipped:
                frame.isetitem(at, _within(series, schema[label], self.clipped[label]).array)
        return in_container_of(df, frame)

    def told(self) -> list[str]:
        """What was taken out, one line a column."""
        lines = []
        for label, own in self.shared.items():
            becomes = "missing" if own.stand_in is None else repr(own.stand_in)
            lines.append(
                f"column {label!r}: {own.n_labels:,} rare categories ({own.n_rows:,} rows) are "
                f"learned as {becomes}."
            )
        for label, clipped in self.clipped.items():
            lines.append(
                f"column {label!r}: {clipped.n_cells:,} numbers beyond the percentiles are learned "
                "as the nearest bound."
            )
        return lines

    def state(self) -> dict[str, Any] | None:
        """Strict JSON; None where nothing is taken out."""
        if not self:
            return None
        return {
            "shared": [
                {
                    "column": to_json(label),
                    "kept": [to_json(value) for value in own.kept.values],
                    "stand_in": own.stand_in,
                    "n_labels": own.n_labels,
                    "n_rows": own.n_rows,
                }
                for label, own in self.shared.items()
            ],
            "clipped": [
                {"column": to_json(label), "low": own.low, "high": own.high, "n_cells": own.n_cells}
                for label, own in self.clipped.items()
            ],
        }

    @classmethod
    def from_state(cls, data: Any, schema: Schema) -> Guards:
        """What :meth:`state` described, of the table of this schema.

        Raises
        ------
        ValueError
            If it is malformed, or does not belong to the schema.
        """
        if data is None:
            return cls()
        if not isinstance(data, dict):
            raise ValueError("malformed guards: no object.")
        guards = cls()
        for own in take(data, "shared", list):
            guards.shared[_label(own, schema, guards.shared)] = _shared_from(own)
        for own in take(data, "clipped", list):
            label = _label(own, schema, guards.clipped)
            if not schema[label].has_numbers:
                raise ValueError(f"malformed guards: no numbers in column {label!r}.")
            guards.clipped[label] = _clipped_from(own)
        return guards


def check_percentiles(percentiles: Any) -> None:
    """Refuse what are no two percentiles in order.

    Raises
    ------
    TypeError, ValueError
    """
    told = f"clip_percentiles must be two numbers such as (0.1, 99.9). Got {percentiles!r:.80}."
    if not isinstance(percentiles, list | tuple) or len(percentiles) != 2:
        raise TypeError(told)
    for one in percentiles:
        if isinstance(one, bool) or not isinstance(one, int | float | np.number):
            raise TypeError(told)
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise ValueError(f"{told} They lie in [0, 100], the lower one first.")


def _has_labels(column: Column) -> bool:
    """Whether rare labels of a column may have to go; identifiers are never made of real ones."""
    if column.kind == "identifier":
        return False
    return column.kind == "categorical" or column.categories is not None


def _may_be_missing(column: Column) -> bool:
    inner = inner_dtype(dtype_from_text(column.dtype))
    return not (isinstance(inner, np.dtype) and inner.kind in "iub")


def _kind_of(cells: Cells, kind: str) -> str:
    """What a column is that these cells are left of."""
    if not len(cells.values):
        return "missing"
    one = len(set(map(typed_key, pd.unique(cells.values)))) == 1
    return "constant" if one and not cells.missing.any() else kind


def _within(series: pd.Series, column: Column, clipped: Clipped) -> pd.Series:
    """The series with the nearest bound for every number beyond."""
    cells = read_cells(series, column)
    beyond = ~cells.missing
    beyond[beyond] = clipped.beyond(cells)
    if not beyond.any():
        return series
    left = clipped.over(cells)
    if not cells.missing.any():
        return write_cells(left, column)
    # The column's own dtype may hold no missing cell.
    bounds = GivenColumn(~cells.missing, Cells(cells.missing[~cells.missing], left.values))
    return filled_in(series, beyond, write_cells(bounds.take(np.flatnonzero(beyond)).cells, column))


def _label(own: Any, schema: Schema, seen: dict[Hashable, Any]) -> Hashable:
    label = from_json(own.get("column")) if isinstance(own, dict) else None
    if label in seen or label not in [column.name for column in schema.columns]:
        raise ValueError(f"malformed guards: column {label!r} is unknown or there twice.")
    return label


def _shared_from(own: dict[str, Any]) -> Shared:
    texts, stand_in = take(own, "kept", list), own.get("stand_in")
    kept = np.empty(len(texts), dtype=object)
    kept[:] = [from_json(text) for text in texts]
    if stand_in not in (None, OTHER):
        raise ValueError(f"malformed guards: {stand_in!r:.80} stands in for rare categories.")
    counted = (take_integer(own, name, 0, 2**63) for name in ("n_labels", "n_rows"))
    return Shared(checked_levels(kept), stand_in, *counted)


def _clipped_from(own: dict[str, Any]) -> Clipped:
    low, high = (take(own, name, (int, float)) for name in ("low", "high"))
    if not low <= high:
        raise ValueError("malformed guards: bounds must be in order.")
    return Clipped(low, high, take_integer(own, "n_cells", 0, 2**63))
