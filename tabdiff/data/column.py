"""What the schema says of one column."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from tabdiff.data.errors import SchemaError
from tabdiff.data.scalars import from_json, to_json

KINDS = (
    "numeric",
    "categorical",
    "datetime",
    "timedelta",
    "identifier",
    "constant",
    "missing",
)

# What the cells hold, whatever the dtype that stores them. The first group has exact numbers
# underneath; the second is compared only for equality.
NUMBER_FORMS = (
    "integer",
    "float",
    "decimal",
    "datetime",
    "datetime text",
    "timestamp objects",
    "datetime objects",
    "date",
    "time",
    "timedelta",
    "timedelta objects",
    "pandas timedelta objects",
    "period",
)
LABEL_FORMS = ("boolean", "string", "bytes", "category", "mixed", "missing")
MISSING_TOKENS = ("NaN", "None", "NA", "NaT")


@dataclass(frozen=True)
class Column:
    """One column: its label, how it is modelled, and what restores its cells.

    Attributes
    ----------
    name : Hashable
        The original label: str, int, float, tuple, date, ...
    kind : str
        ``numeric``, ``categorical``, ``datetime``, ``timedelta``, ``identifier``, ``constant`` or
        ``missing``. Dates and periods are datetimes; times of day are timedeltas since midnight.
    dtype : str
        The pandas dtype as text (:mod:`tabdiff.data.dtypes`).
    form : str
        What the cells hold, whatever the dtype: one of ``NUMBER_FORMS`` or ``LABEL_FORMS``.
    missing : str
        The token of a missing cell where the dtype leaves a choice: one of ``MISSING_TOKENS``.
    detail : str
        What a form needs besides: decimal scale, text format, time zone or frequency of objects.
    ordered : bool
        Whether a categorical dtype is ordered.
    categories : tuple or None
        All levels of a categorical dtype, used or not. None for other dtypes, and in a schema
        written with ``values=False``.
    category_dtype : str
        The dtype of those levels as text.
    polars : str
        The polars dtype where the arrow type does not tell: ``Categorical``, ``Enum``.
    """

    name: Hashable
    kind: str
    dtype: str
    form: str
    missing: str = "NaN"
    detail: str = ""
    ordered: bool = False
    categories: tuple[Any, ...] | None = None
    category_dtype: str = ""
    polars: str = ""

    def __post_init__(self) -> None:
        for field, value, known in (
            ("kind", self.kind, KINDS),
            ("form", self.form, NUMBER_FORMS + LABEL_FORMS),
            ("missing", self.missing, MISSING_TOKENS),
        ):
            if value not in known:
                raise SchemaError(
                    f"column {self.name!r}: {field} {value!r} is unknown. "
                    f"Known: {', '.join(map(repr, known))}."
                )

    @property
    def has_numbers(self) -> bool:
        """Whether exact numbers underlie the cells (measures, dates, durations)."""
        return self.form in NUMBER_FORMS

    def to_dict(self, values: bool = True) -> dict[str, Any]:
        """Strict JSON; with ``values=False`` no level of the data is in it."""
        data: dict[str, Any] = {"name": to_json(self.name), "kind": self.kind}
        data |= {"dtype": self.dtype, "form": self.form, "missing": self.missing}
        data |= {"detail": self.detail, "ordered": self.ordered}
        data |= {"category_dtype": self.category_dtype, "polars": self.polars}
        if values and self.categories is not None:
            data["categories"] = [to_json(level) for level in self.categories]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Column:
        """The column that :meth:`to_dict` wrote.

        Raises
        ------
        SchemaError
            If a field is absent, of the wrong type or unknown.
        """
        texts = ("kind", "dtype", "form", "missing", "detail", "category_dtype", "polars")
        known = {*texts, "name", "ordered", "categories"}
        if (
            not isinstance(data, dict)
            or not {"name", "kind", "dtype", "form"} <= data.keys() <= known
        ):
            raise SchemaError(
                f"a column of a schema needs name, kind, dtype and form. Got {data!r}."
            )
        for field in texts:
            if not isinstance(data.get(field, ""), str):
                raise SchemaError(
                    f"column {data['name']!r}: {field} must be text. Got {data[field]!r}."
                )
        levels = data.get("categories")
        if not isinstance(data.get("ordered", False), bool) or not isinstance(levels, list | None):
            raise SchemaError(f"column {data['name']!r}: malformed 'ordered' or 'categories'.")
        try:
            name = from_json(data["name"])
            categories = None if levels is None else tuple(from_json(level) for level in levels)
        except ValueError as error:
            raise SchemaError(f"column {data['name']!r}: {error}") from error
        chosen = {field: data[field] for field in texts if field in data}
        return cls(name=name, categories=categories, ordered=data.get("ordered", False), **chosen)
