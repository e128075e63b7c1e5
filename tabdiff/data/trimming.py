"""What is taken out of one column: rare labels, or numbers beyond two bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.categorical import Levels, checked_levels, count_labels
from tabdiff.data.cells import Array, Cells
from tabdiff.data.charter import OTHER
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.errors import SchemaError
from tabdiff.data.filling import filled_in
from tabdiff.data.given import GivenColumn
from tabdiff.data.parts import take, take_integer
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import from_json, to_json, typed_key
from tabdiff.data.writing import write_cells


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
        return replace(column, kind=kind_of(after, column.kind))

    def apply(self, series: pd.Series, column: Column) -> pd.Series:
        """The series with the stand-in, in the dtype of the column."""
        cells = read_cells(series, column)
        # Where unused labels alone were taken out, nothing stands in for others.
        if not self.n_rows and not self.knows(cells).all():
            return series
        return write_cells(self.over(cells), column)

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        kept = [to_json(value) for value in self.kept.values]
        counts = {"n_labels": self.n_labels, "n_rows": self.n_rows}
        return {"kept": kept, "stand_in": self.stand_in, **counts}

    @classmethod
    def from_state(cls, data: dict[str, Any]) -> Shared:
        """What :meth:`state` described.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        texts, stand_in = take(data, "kept", list), data.get("stand_in")
        kept = np.empty(len(texts), dtype=object)
        kept[:] = [from_json(text) for text in texts]
        if stand_in not in (None, OTHER):
            raise ValueError(f"malformed guards: {stand_in!r:.80} stands in for rare categories.")
        counted = (take_integer(data, name, 0, 2**63) for name in ("n_labels", "n_rows"))
        return cls(checked_levels(kept), stand_in, *counted)


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

    def apply(self, series: pd.Series, column: Column) -> pd.Series:
        """The series with the nearest bound for every number beyond."""
        cells = read_cells(series, column)
        beyond = ~cells.missing
        beyond[beyond] = self.beyond(cells)
        if not beyond.any():
            return series
        left = self.over(cells)
        if not cells.missing.any():
            return write_cells(left, column)
        # The column's own dtype may hold no missing cell.
        held = GivenColumn(~cells.missing, Cells(cells.missing[~cells.missing], left.values))
        return filled_in(
            series, beyond, write_cells(held.take(np.flatnonzero(beyond)).cells, column)
        )

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        return {"low": self.low, "high": self.high, "n_cells": self.n_cells}

    @classmethod
    def from_state(cls, data: dict[str, Any]) -> Clipped:
        """What :meth:`state` described.

        Raises
        ------
        ValueError
            If it is malformed.
        """
        low, high = (take(data, name, (int, float)) for name in ("low", "high"))
        if not low <= high:
            raise ValueError("malformed guards: bounds must be in order.")
        return cls(low, high, take_integer(data, "n_cells", 0, 2**63))


def kind_of(cells: Cells, kind: str) -> str:
    """What a column is that these cells are left of."""
    if not len(cells.values):
        return "missing"
    one = len(set(map(typed_key, pd.unique(cells.values)))) == 1
    return "constant" if one and not cells.missing.any() else kind


def _may_be_missing(column: Column) -> bool:
    inner = inner_dtype(dtype_from_text(column.dtype))
    return not (isinstance(inner, np.dtype) and inner.kind in "iub")
