"""From a frame to its schema: one kind per column, everything wrong said at once."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.categorical import MAX_LEVELS
from tabdiff.data.cells import Array, Cells, distinct, holds_nul
from tabdiff.data.column import KINDS, Column
from tabdiff.data.dtypes import dtype_from_text, dtype_to_text
from tabdiff.data.errors import SchemaError, SchemaWarning, closest, listing, tell
from tabdiff.data.frames import container_of, polars_types, to_pandas
from tabdiff.data.identifiers import look_of
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema, check_labels, check_rows, labels_of
from tabdiff.data.survey import survey

FEW_ROWS = 10
MIN_IDENTIFIERS = 20
MIN_NEARLY_UNIQUE = 50
# Share of the rows whose text no other row has, from which a column names rows, not groups of them.
MOSTLY_ALONE = 0.5

KIND_OF_FORM = {
    **dict.fromkeys(("integer", "float", "decimal"), "numeric"),
    **dict.fromkeys(("datetime", "datetime text", "timestamp objects"), "datetime"),
    **dict.fromkeys(("datetime objects", "date", "period"), "datetime"),
    **dict.fromkeys(("timedelta", "timedelta objects"), "timedelta"),
    **dict.fromkeys(("pandas timedelta objects", "time"), "timedelta"),
    "missing": "missing",
}
_ID_NAME = re.compile(
    r"(^|.*[_\-. ])(id|uuid|guid|key|no|nr|idx|index|number)$|.*[a-z](Id|ID|Key|No)$"
)
_PERSONAL_NAME = re.compile(
    r".*(((first|last|full|middle|maiden|given|family)[_\-. ]?name|surname|e[_\-]?mail|phone"
    r"|mobile[_\-. ]?(no|nr|number)|iban|\bssn\b|social[_\-. ]?security|passport"
    r"|credit[_\-. ]?card|card[_\-. ]?number)).*",
    re.IGNORECASE,
)
_PERSONAL_TEXT = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "IBANs": re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"),
    "telephone numbers": re.compile(
        r"\+\d[\d\s().-]{6,}\d|\(\d{3}\)\s?\d{3}[-.\s]\d{4}|\d{3}[-.]\d{3}[-.]\d{4}"
    ),
}
_NUMBER_TEXT = re.compile(r"\s*[-+]?[$€£]?\s*\d[\d.,  ']*\s*%?\s*")


class _Notes:
    """What the owner of the table should know, gathered over all columns."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self.identifiers: list[object] = []
        self.personal: list[str] = []
        self.empty: list[object] = []
        self.number_texts: list[object] = []
        self.many_levels: list[object] = []

    def give(self) -> None:
        """Warn once, if there is anything to say."""
        points = list(self.points)
        override = "To model one as it is: column_kinds={'name': 'categorical'}"
        if self.identifiers:
            points.append(
                f"{_names(self.identifiers)}: identifiers by their look. Fresh unique surrogates "
                f"will be generated, no real value is copied. {override} (or 'numeric')."
            )
        if self.personal:
            points.append(
                f"{', '.join(self.personal)}: fresh surrogates will be generated, no real value is "
                f"copied. {override}."
            )
        if self.empty:
            points.append(f"no value at all in {_names(self.empty)}: will be generated empty.")
        if self.number_texts:
            points.append(
                f"{_names(self.number_texts)} hold numbers written as text and are kept as "
                "categories. If they are measures, convert them first (pd.to_numeric, or "
                "pd.read_csv(thousands=',')); if they are codes, all is well."
            )
        if self.many_levels:
            points.append(
                f"{_names(self.many_levels)} have more than {MAX_LEVELS:,} distinct values: the "
                "rarest share one level."
            )
        if points:
            tell(listing(points), SchemaWarning)


def _names(labels: list[object]) -> str:
    shown = ", ".join(repr(label) for label in labels[:10])
    more = f" and {len(labels) - 10} more" if len(labels) > 10 else ""
    return f"column{'s' if len(labels) > 1 else ''} {shown}{more}"


class _Facts(NamedTuple):
    """What inference asks of the cells of one column."""

    cells: Cells
    distinct: int
    alone: int  # values that one row has and no other


def infer_schema(df: Any, column_kinds: dict[Any, str], few: int = FEW_ROWS) -> Schema:
    """The schema of a frame; see :meth:`Schema.infer`.

    Of fewer rows than ``few`` a warning tells.
    """
    container = container_of(df)
    frame = to_pandas(df)
    labels = list(frame.columns)
    check_frame(frame, column_kinds)
    notes = _Notes()
    _note_rows(frame, few, notes)
    categories = polars_types(df) if container == "polars" else {}
    columns, problems = [], []
    for at, label in enumerate(labels):
        try:
            columns.append(
                _infer_column(frame.iloc[:, at], label, column_kinds.get(label), categories, notes)
            )
        except SchemaError as error:
            problems.append(str(error))
    if problems:
        raise SchemaError(listing(problems))
    notes.give()
    return Schema(tuple(columns), container, *labels_of(frame.columns))


def check_frame(frame: pd.DataFrame, column_kinds: dict[Any, str]) -> None:
    """Refuse a frame without columns or rows to learn from, and kinds that are none.

    Raises
    ------
    SchemaError
    """
    labels = list(frame.columns)
    check_labels(labels)
    if not labels:
        raise SchemaError(
            f"the table has no columns: 0 feature(s) (shape=({len(frame)}, 0)) while a minimum of "
            "1 is required. Give it at least one."
        )
    check_rows(len(frame))
    for label, kind in column_kinds.items():
        if label not in labels:
            raise SchemaError(f"column_kinds: no column {label!r}.{closest(label, labels)}")
        if kind not in KINDS:
            raise SchemaError(
                f"column_kinds: column {label!r} cannot be {kind!r}. Known kinds: "
                f"{', '.join(KINDS)}.{closest(kind, KINDS)}"
            )


def check_cells(frame: pd.DataFrame) -> None:
    """Refuse columns whose cells cannot be modelled, whatever they are for.

    Raises
    ------
    SchemaError
        Naming them all.
    """
    found = ((label, frame.iloc[:, at]) for at, label in enumerate(frame.columns))
    surveyed = [(label, series, survey(series).problem) for label, series in found]
    if problems := [_unfit(label, series, why) for label, series, why in surveyed if why]:
        raise SchemaError(listing(problems))


def _unfit(label: Any, series: pd.Series, problem: str) -> str:
    return f"column {label!r} ({dtype_to_text(series.dtype)}): {problem}."


def _note_rows(frame: pd.DataFrame, few: int, notes: _Notes) -> None:
    if len(frame) < few:
        notes.points.append(
            f"the table has only {len(frame)} rows: a model can do little but memorise them."
        )
    if note := index_note(frame):
        notes.points.append(note)


def index_note(frame: pd.DataFrame) -> str:
    """What to say of an index that may hold data; empty where it does not look like it."""
    names = [name for name in frame.index.names if name is not None]
    if not names or isinstance(frame.index, pd.RangeIndex):
        return ""
    return (
        f"the index ({', '.join(map(repr, names))}) is ignored. If it holds data, make it "
        "columns: df.reset_index()."
    )


def _infer_column(
    series: pd.Series, label: Any, wanted: str | None, polars: dict[str, str], notes: _Notes
) -> Column:
    finding = survey(series)
    text = dtype_to_text(series.dtype)
    if finding.problem:
        raise SchemaError(_unfit(label, series, finding.problem))
    if text != "category" and not _is_known(series.dtype, text):
        raise SchemaError(f"column {label!r}: dtype {text!r} is unknown here. Convert the column.")
    column = Column(
        name=label,
        kind=KIND_OF_FORM.get(finding.form, "categorical"),
        dtype=text,
        form=finding.form,
        missing=finding.missing,
        detail=finding.detail,
        polars=polars.get(label, ""),
        **_category_fields(series),
    )
    facts = _facts(series, column)
    kind = _choose_kind(column, facts, wanted, notes)
    levels = None if kind == "identifier" else column.categories
    return replace(column, kind=kind, categories=levels)


def _is_known(dtype: Any, text: str) -> bool:
    """Whether the dtype can be made again of its text."""
    try:
        return bool(dtype_from_text(text) == dtype)
    except SchemaError:
        return False


def _category_fields(series: pd.Series) -> dict[str, Any]:
    if not isinstance(series.dtype, pd.CategoricalDtype):
        return {}
    index = series.cat.categories
    return {
        "ordered": bool(series.cat.ordered),
        "categories": tuple(index.astype(object)),
        "category_dtype": dtype_to_text(index.dtype),
    }


def _facts(series: pd.Series, column: Column) -> _Facts:
    cells = read_cells(series, column)
    values = cells.values
    if values.dtype != object or (column.form == "string" and not holds_nul(values)):
        counts = pd.Series(values, dtype=values.dtype).value_counts(sort=False).to_numpy()
    else:
        counts = np.array(list(Counter(map(typed_key, values)).values()), dtype=np.int64)
    return _Facts(cells, len(counts), int((counts == 1).sum()))


def _choose_kind(column: Column, facts: _Facts, wanted: str | None, notes: _Notes) -> str:
    if wanted is not None:
        return _check_wanted(column, facts, wanted, notes)
    values, label = facts.cells.values, column.name
    if column.kind == "missing":
        notes.empty.append(label)
        return "missing"
    if personal := _personal(column, facts):
        notes.personal.append(f"column {label!r} ({personal})")
        return "identifier"
    if column.form == "float" and not np.isfinite(values).all():
        raise SchemaError(_infinite(column, facts.cells))
    if facts.distinct == 1 and not facts.cells.missing.any():
        return "constant"
    if _is_identifier(column, facts):
        notes.identifiers.append(label)
        return "identifier"
    if column.kind == "categorical":
        _note_labels(column, facts, notes)
    return column.kind


def _infinite(column: Column, cells: Cells) -> str:
    bad = ~np.isfinite(cells.values)
    row = int(np.flatnonzero(~cells.missing)[bad][0])
    return (
        f"column {column.name!r} ({column.dtype}): {int(bad.sum())} values are infinite (first at "
        f"row {row}: {cells.values[bad][0]}). Replace them, or take every value for a category: "
        f"column_kinds={{{column.name!r}: 'categorical'}}."
    )


def _check_wanted(column: Column, facts: _Facts, wanted: str, notes: _Notes) -> str:
    """The wanted kind, if the cells allow it."""
    constant = facts.distinct == 1 and not facts.cells.missing.any()
    if column.kind == "missing":
        # Any kind is as true of no values as any other.
        notes.empty.append(column.name)
        return "missing"
    able = {column.kind, "categorical"}
    if constant:
        able |= {"constant"}
    if facts.distinct and look_of(facts.cells.values) is not None:
        able |= {"identifier"}
    if wanted not in able:
        raise SchemaError(
            f"column_kinds: column {column.name!r} ({column.dtype}, {column.form}) cannot be "
            f"{wanted!r}. It can be: {', '.join(sorted(able))}. Convert it or drop the entry."
        )
    if wanted == "numeric" and column.form == "float" and not np.isfinite(facts.cells.values).all():
        raise SchemaError(_infinite(column, facts.cells))
    if wanted == "categorical" and facts.distinct > MAX_LEVELS:
        notes.many_levels.append(column.name)
    return "constant" if constant and wanted != "identifier" else wanted


def _personal(column: Column, facts: _Facts) -> str:
    """What personal data a column of text seems to hold; empty if none."""
    if column.form not in ("string", "category") or look_of(facts.cells.values) is None:
        return ""
    values = facts.cells.values
    if values.dtype != object:
        return ""
    some = distinct(values)[:1000]
    if not all(isinstance(value, str) for value in some):
        return ""
    for what, pattern in _PERSONAL_TEXT.items():
        if sum(pattern.fullmatch(value) is not None for value in some) >= 0.8 * len(some):
            return what
    if facts.distinct >= MIN_IDENTIFIERS and _PERSONAL_NAME.fullmatch(str(column.name)):
        return "personal data by its name"
    return ""


def _is_identifier(column: Column, facts: _Facts) -> bool:
    values, n = facts.cells.values, len(facts.cells.values)
    if column.form == "integer":
        if facts.distinct < n:
            return False
        named = _ID_NAME.fullmatch(str(column.name)) is not None
        return named or (n >= MIN_IDENTIFIERS and _counts_up(values))
    if column.kind != "categorical" or look_of(values) is None:
        return False
    unique = facts.distinct == n and n >= MIN_IDENTIFIERS
    return unique or (facts.alone >= MOSTLY_ALONE * n and n >= MIN_NEARLY_UNIQUE)


def _counts_up(values: Array) -> bool:
    """Whether unique integers are 0, 1, … or 1, 2, … in some order."""
    first = int(values.min())
    return first in (0, 1) and int(values.max()) - first == len(values) - 1


def _note_labels(column: Column, facts: _Facts, notes: _Notes) -> None:
    if facts.distinct > MAX_LEVELS:
        notes.many_levels.append(column.name)
    if column.form == "string":
        some = distinct(facts.cells.values)[:1000]
        if sum(_NUMBER_TEXT.fullmatch(text) is not None for text in some) >= 0.9 * len(some):
            notes.number_texts.append(column.name)
