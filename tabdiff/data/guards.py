"""What a careful publisher takes out of a table before anything is learned of it.

Labels that few rows hold share a stand-in, and numbers beyond two percentiles become the values at
these. Only the table that is left is learned, so no row that is made and no file that is written
holds what was taken out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tabdiff.data.column import Column
from tabdiff.data.errors import SchemaError, SchemaWarning, listing, tell
from tabdiff.data.frames import in_container_of, to_pandas
from tabdiff.data.parts import take
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.schema import Schema
from tabdiff.data.table import by_label
from tabdiff.data.trimming import Clipped, Shared, kind_of

_MEASURES = ("numeric", "datetime", "timedelta")


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
                    column = replace(column, kind=kind_of(clipped.over(cells), column.kind))
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
            own = self.shared.get(label) or self.clipped.get(label)
            if own is not None:
                frame.isetitem(at, own.apply(series, schema[label]).array)
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
            name: [{"column": to_json(label)} | own.state() for label, own in columns.items()]
            for name, columns in (("shared", self.shared), ("clipped", self.clipped))
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
            guards.shared[_label(own, schema, guards.shared)] = Shared.from_state(own)
        for own in take(data, "clipped", list):
            label = _label(own, schema, guards.clipped)
            if not schema[label].has_numbers:
                raise ValueError(f"malformed guards: no numbers in column {label!r}.")
            guards.clipped[label] = Clipped.from_state(own)
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


def _label(own: Any, schema: Schema, seen: dict[Hashable, Any]) -> Hashable:
    label = from_json(own.get("column")) if isinstance(own, dict) else None
    if label in seen or label not in [column.name for column in schema.columns]:
        raise ValueError(f"malformed guards: column {label!r} is unknown or there twice.")
    return label
