"""Schema: what each column of a table is, inferred from a frame and kept as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from tabdiff.data.column import KINDS, Column
from tabdiff.data.dtypes import dtype_from_text, dtype_to_text
from tabdiff.data.errors import SchemaError, SchemaWarning, closest, listing
from tabdiff.data.frames import CONTAINERS, to_pandas
from tabdiff.data.scalars import from_json, to_json

__all__ = ["KINDS", "Column", "Schema", "SchemaError", "SchemaWarning", "to_pandas"]

FORMAT = 1
MIN_ROWS = 2


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order, and the container they came in.

    Attributes
    ----------
    columns : tuple of Column
    container : str
        ``pandas``, ``polars`` or ``numpy``: what is given back.
    label_dtype : str
        The dtype of the column index as text.
    label_names : tuple
        The names of its levels; more than one for a MultiIndex.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [39, 50, 38] * 9, "sex": ["F", "M", "F"] * 9})
    >>> [column.kind for column in Schema.infer(frame).columns]
    ['numeric', 'categorical']
    """

    columns: tuple[Column, ...]
    container: str = "pandas"
    label_dtype: str = "object"
    label_names: tuple[Hashable, ...] = (None,)

    def __post_init__(self) -> None:
        if self.container not in CONTAINERS:
            known = ", ".join(map(repr, CONTAINERS))
            raise SchemaError(f"container {self.container!r} is unknown. Known: {known}.")
        check_labels([column.name for column in self.columns])

    @classmethod
    def infer(cls, df: Any, column_kinds: Mapping[Any, str] | None = None) -> Schema:
        """Look at every column and decide how it is modelled.

        Parameters
        ----------
        df : pandas.DataFrame, polars.DataFrame or 2-D numeric ndarray
            Never changed. The index is ignored.
        column_kinds : mapping, optional
            Column label to kind, where the inferred kind is not the wanted one.

        Raises
        ------
        TypeError
            If ``df`` is no table that tabdiff takes.
        ValueError
            If there are no columns or fewer than two rows.
        SchemaError
            If any column cannot be modelled (all are named), or ``column_kinds`` names an unknown
            column or a kind that cannot apply.

        Warns
        -----
        SchemaWarning
            Once, with all points that the owner of the table should know: identifiers and personal
            data that will be replaced, columns without values, numbers written as text, a table so
            small that its rows would be memorised.
        """
        from tabdiff.data.infer import infer_schema

        return infer_schema(df, dict(column_kinds or {}))

    def __getitem__(self, name: Hashable) -> Column:
        """The column with this label.

        Raises
        ------
        KeyError
            If there is none; the message names the closest.
        """
        for column in self.columns:
            if column.name == name:
                return column
        names = [column.name for column in self.columns]
        raise KeyError(f"no column {name!r}.{closest(name, names)}")

    def labels(self) -> pd.Index:
        """The column index of the original frame."""
        names = [column.name for column in self.columns]
        if len(self.label_names) > 1:
            return pd.MultiIndex.from_tuples(
                cast(list[tuple[Hashable, ...]], names), names=list(self.label_names)
            )
        dtype = dtype_from_text(self.label_dtype)
        return pd.Index(names, dtype=dtype, name=self.label_names[0], tupleize_cols=False)

    def validate(self, df: Any) -> None:
        """Refuse a frame whose columns or dtypes are not those of the schema.

        Columns may come in any order, and numbers in another width.

        Raises
        ------
        SchemaError
            Naming every absent, unknown or differently typed column.
        """
        frame = to_pandas(df)
        known, given = {column.name for column in self.columns}, list(frame.columns)
        check_labels(given)
        places = {label: at for at, label in enumerate(given)}
        problems = [
            f"column {name!r} is absent.{closest(name, [g for g in given if g not in known])}"
            for name in (column.name for column in self.columns)
            if name not in places
        ]
        problems += [
            f"column {name!r} was not there at fit. Drop it." for name in given if name not in known
        ]
        for column in self.columns:
            if column.name in places and column.kind != "missing":
                try:
                    check_family(frame.iloc[:, places[column.name]], column)
                except SchemaError as error:
                    problems.append(str(error))
        if problems:
            raise SchemaError(f"the table does not follow the schema: {listing(problems)}")

    def to_dict(self, values: bool = True) -> dict[str, Any]:
        """Strict JSON as a dict.

        Parameters
        ----------
        values : bool, default True
            False leaves out every value of the data: the levels of categorical dtypes.
        """
        return {
            "format": FORMAT,
            "container": self.container,
            "label_dtype": self.label_dtype,
            "label_names": [to_json(name) for name in self.label_names],
            "columns": [column.to_dict(values) for column in self.columns],
        }

    @classmethod
    def from_dict(cls, data: Any) -> Schema:
        """The schema that :meth:`to_dict` wrote.

        Raises
        ------
        SchemaError
            If it is malformed or of a newer format.
        """
        if not isinstance(data, dict) or not isinstance(data.get("columns"), list):
            raise SchemaError(f"a schema is an object with 'columns'. Got {type(data).__name__}.")
        if data.get("format") != FORMAT:
            raise SchemaError(
                f"schema format {data.get('format')!r} is unknown; this version reads {FORMAT}. "
                "Upgrade tabdiff."
            )
        label_dtype, names = data.get("label_dtype", "object"), data.get("label_names", [None])
        if not isinstance(label_dtype, str) or not isinstance(names, list) or not names:
            raise SchemaError("malformed schema: 'label_dtype' is text, 'label_names' a list.")
        try:
            label_names = tuple(from_json(name) for name in names)
        except ValueError as error:
            raise SchemaError(f"malformed schema: {error}") from error
        columns = tuple(Column.from_dict(column) for column in data["columns"])
        schema = cls(columns, str(data.get("container", "pandas")), label_dtype, label_names)
        try:
            schema.labels()
        except (TypeError, ValueError, OverflowError) as error:
            raise SchemaError(f"the labels of the columns are no {label_dtype!r:.80}.") from error
        return schema

    def to_json(self, values: bool = True) -> str:
        """Strict JSON as text; see :meth:`to_dict`."""
        return json.dumps(self.to_dict(values), indent=2, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that :meth:`to_json` wrote.

        Raises
        ------
        SchemaError
            If the text is no JSON or no schema.
        """
        try:
            data = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SchemaError(f"a schema must be JSON ({error}).") from error
        return cls.from_dict(data)


def check_family(series: pd.Series, column: Column) -> None:
    """Refuse a series that holds something else than the column did at fit.

    Raises
    ------
    SchemaError
        Naming the column and both dtypes.
    """
    if not is_family(series, column) and not series.isna().all():
        raise SchemaError(
            f"column {column.name!r} is {dtype_to_text(series.dtype)}, at fit it was "
            f"{column.dtype}. Convert it."
        )


def is_family(series: pd.Series, column: Column) -> bool:
    """Whether a series holds what the column's dtype does, in whatever width or storage."""
    own = _family(dtype_from_text(column.dtype))
    if own == "b" and series.dtype == object:
        # pandas makes objects of truths as soon as one of them is missing.
        held = series.dropna()
        return len(held) > 0 and all(isinstance(value, bool | np.bool_) for value in held)
    return _family(series.dtype) == own


def check_labels(labels: list[Any]) -> None:
    """Refuse column labels that are missing or not unique.

    Raises
    ------
    SchemaError
        Naming the duplicates, or the positions of the missing labels.
    """
    absent = [
        at for at, label in enumerate(labels) if not isinstance(label, tuple) and _is_missing(label)
    ]
    if absent:
        raise SchemaError(f"columns at positions {absent} have no name (None or NaN). Name them.")
    twice = [label for label, times in Counter(labels).items() if times > 1]
    if twice:
        names = ", ".join(map(repr, twice))
        raise SchemaError(f"column names must be unique. More than once: {names}. Rename them.")


def check_rows(n_rows: int) -> None:
    """Refuse a table of which nothing can be learned.

    Raises
    ------
    SchemaError
        Below two rows.
    """
    if n_rows < MIN_ROWS:
        raise SchemaError(
            f"the table has {n_rows} row{'s' if n_rows != 1 else ''}, need at least {MIN_ROWS} "
            f"(n_samples={n_rows}): a model of a single row could only copy it."
        )


def _is_missing(label: object) -> bool:
    return label is None or label is pd.NA or label is pd.NaT or label != label


def _family(dtype: Any) -> str:
    """What a dtype holds, whatever its width: number, truth, time, span or any object."""
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    if isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("date"):
        return "object"  # as dates are without arrow
    kind = "O" if isinstance(dtype, pd.CategoricalDtype) else getattr(dtype, "kind", "O")
    # U and S are arrow's texts and bytes.
    return {**dict.fromkeys("iuf", "number"), **dict.fromkeys("OUS", "object")}.get(kind, kind)


def labels_of(columns: pd.Index) -> tuple[str, tuple[Hashable, ...]]:
    """The dtype of a column index as text, and the names of its levels."""
    plain = isinstance(columns, pd.MultiIndex) or isinstance(columns.dtype, pd.CategoricalDtype)
    text = "object" if plain else dtype_to_text(columns.dtype)
    if columns.dtype == np.dtype(object):
        text = "object"
    return text, tuple(columns.names)
