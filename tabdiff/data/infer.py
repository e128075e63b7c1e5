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
# Values of a column at which the patterns of personal data look.
N_SOME = 1_000
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


class Notes:
    """What the owner of the table should know, gathered over all columns."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self.identifiers: list[object] = []
        self.personal: list[str] = []
        self.empty: list[object] = []
        self.number_texts: list[object] = []
        self.many_levels: list[object] = []

    def few(self, n_rows: int) -> None:
        """Take note of a table of few rows."""
        self.points.append(
            f"the table has only {n_rows} rows: a model can do little but memorise them."
        )

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
                f"numbers written as text in {_names(self.number_texts)}: they are kept as "
                "categories. If they are measures, convert them first (pd.to_numeric, or "
                "pd.read_csv(thousands=',')); if they are codes, all is well."
            )
        if self.many_levels:
            points.append(
                f"more than {MAX_LEVELS:,} distinct values in {_names(self.many_levels)}: the "
                "rarest share one level."
            )
        if points:
            tell(listing(points), SchemaWarning)


def _names(labels: list[object]) -> str:
    shown = ", ".join(repr(label) for label in labels[:10])
    more = f" and {len(labels) - 10} more" if len(labels) > 10 else ""
    return f"column{'s' if len(labels) > 1 else ''} {shown}{more}"


class Facts(NamedTuple):
    """What inference asks of the cells of one column.

    Attributes
    ----------
    held, missing : int
        Rows with a value, and without one.
    distinct : int
        Values, of whatever number of rows.
    alone : int
        Values that one row has and no other.
    unique : bool
        Whether all are.
    look : str or None
        Of identifiers, if they can be some.
    bounds : tuple of int, optional
        The least and the greatest integer.
    some : array
        At most 1,000 values, each once.
    infinite : str
        How many values are and where the first of them is; empty if there is none.
    """

    held: int
    missing: int
    distinct: int
    alone: int
    unique: bool
    look: str | None
    bounds: tuple[int, int] | None
    some: Array
    infinite: str = ""

    @classmethod
    def of(cls, cells: Cells, column: Column) -> Facts:
        """Of a whole column."""
        values = cells.values
        if values.dtype != object or (column.form == "string" and not holds_nul(values)):
            counts = pd.Series(values, dtype=values.dtype).value_counts(sort=False).to_numpy()
        else:
            counts = np.array(list(Counter(map(typed_key, values)).values()), dtype=np.int64)
        whole = column.form == "integer" and len(values) > 0
        return cls(
            held=len(values),
            missing=int(cells.missing.sum()),
            distinct=len(counts),
            alone=int((counts == 1).sum()),
            unique=len(counts) == len(values),
            look=look_of(values),
            bounds=(int(values.min()), int(values.max())) if whole else None,
            some=distinct(values)[:N_SOME],
            infinite=infinite_of(cells),
        )


def infinite_of(cells: Cells, start: int = 0) -> str:
    """How many values are infinite, and where the first is, rows being counted from ``start``."""
    if cells.values.dtype.kind != "f" or (finite := np.isfinite(cells.values)).all():
        return ""
    row = start + int(np.flatnonzero(~cells.missing)[~finite][0])
    first = cells.values[~finite][0]
    return f"{int((~finite).sum())} values are infinite (first at row {row}: {first})"


def infer_schema(df: Any, column_kinds: dict[Any, str], few: int = FEW_ROWS) -> Schema:
    """The schema of a frame; see :meth:`Schema.infer`.

    Of fewer rows than ``few`` a warning tells.
    """
    container = container_of(df)
    frame = to_pandas(df)
    labels = list(frame.columns)
    check_frame(frame, column_kinds)
    notes = Notes()
    _note_rows(frame, few, notes)
    categories = polars_types(df) if container == "polars" else {}
    columns, problems = [], []
    for at, label in enumerate(labels):
        try:
            column = describe(frame.iloc[:, at], label, categories)
            facts = Facts.of(read_cells(frame.iloc[:, at], column), column)
            columns.append(decide(column, facts, column_kinds.get(label), notes))
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
    check_columns(frame)
    check_rows(len(frame))
    check_kinds(list(frame.columns), column_kinds)


def check_columns(frame: pd.DataFrame) -> None:
    """Refuse a frame that has no columns, or two of one name.

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


def check_kinds(labels: list[Any], column_kinds: dict[Any, str]) -> None:
    """Refuse kinds that are none, and those of columns that are not there.

    Raises
    ------
    SchemaError
    """
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


def _note_rows(frame: pd.DataFrame, few: int, notes: Notes) -> None:
    if len(frame) < few:
        notes.few(len(frame))
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


def describe(series: pd.Series, label: Any, polars: dict[str, str]) -> Column:
    """What a series holds; of the kind that its form alone tells.

    Raises
    ------
    SchemaError
        If it cannot be modelled.
    """
    finding = survey(series)
    text = dtype_to_text(series.dtype)
    if finding.problem:
        raise SchemaError(_unfit(label, series, finding.problem))
    if text != "category" and not _is_known(series.dtype, text):
        raise SchemaError(f"column {label!r}: dtype {text!r} is unknown here. Convert the column.")
    return Column(
        name=label,
        kind=KIND_OF_FORM.get(finding.form, "categorical"),
        dtype=text,
        form=finding.form,
        missing=finding.missing,
        detail=finding.detail,
        polars=polars.get(label, ""),
        **_category_fields(series),
    )


def decide(column: Column, facts: Facts, wanted: str | None, notes: Notes) -> Column:
    """The column of the kind that its cells tell, or of the wanted one if they allow it.

    Raises
    ------
    SchemaError
        If they do not, or hold infinite numbers.
    """
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


def _choose_kind(column: Column, facts: Facts, wanted: str | None, notes: Notes) -> str:
    if wanted is not None:
        return _check_wanted(column, facts, wanted, notes)
    label = column.name
    if column.kind == "missing":
        notes.empty.append(label)
        return "missing"
    if personal := _personal(column, facts):
        notes.personal.append(f"column {label!r} ({personal})")
        return "identifier"
    if facts.infinite:
        raise SchemaError(_infinite(column, facts))
    if facts.distinct == 1 and not facts.missing:
        return "constant"
    if _is_identifier(column, facts):
        notes.identifiers.append(label)
        return "identifier"
    if column.kind == "categorical":
        _note_labels(column, facts, notes)
    return column.kind


def _infinite(column: Column, facts: Facts) -> str:
    return (
        f"column {column.name!r} ({column.dtype}): {facts.infinite}. Replace them, or take every "
        f"value for a category: column_kinds={{{column.name!r}: 'categorical'}}."
    )


def _check_wanted(column: Column, facts: Facts, wanted: str, notes: Notes) -> str:
    """The wanted kind, if the cells allow it."""
    constant = facts.distinct == 1 and not facts.missing
    if column.kind == "missing":
        # Any kind is as true of no values as any other.
        notes.empty.append(column.name)
        return "missing"
    able = {column.kind, "categorical"}
    if constant:
        able |= {"constant"}
    if facts.distinct and facts.look is not None:
        able |= {"identifier"}
    if wanted not in able:
        raise SchemaError(
            f"column_kinds: column {column.name!r} ({column.dtype}, {column.form}) cannot be "
            f"{wanted!r}. It can be: {', '.join(sorted(able))}. Convert it or drop the entry."
        )
    if wanted == "numeric" and facts.infinite:
        raise SchemaError(_infinite(column, facts))
    if wanted == "categorical" and facts.distinct > MAX_LEVELS:
        notes.many_levels.append(column.name)
    return "constant" if constant and wanted != "identifier" else wanted


def _personal(column: Column, facts: Facts) -> str:
    """What personal data a column of text seems to hold; empty if none."""
    if column.form not in ("string", "category") or facts.look is None:
        return ""
    if facts.some.dtype != object or not all(isinstance(value, str) for value in facts.some):
        return ""
    for what, pattern in _PERSONAL_TEXT.items():
        found = sum(pattern.fullmatch(value) is not None for value in facts.some)
        if found >= 0.8 * len(facts.some):
            return what
    if facts.distinct >= MIN_IDENTIFIERS and _PERSONAL_NAME.fullmatch(str(column.name)):
        return "personal data by its name"
    return ""


def _is_identifier(column: Column, facts: Facts) -> bool:
    n = facts.held
    if column.form == "integer":
        if not facts.unique:
            return False
        named = _ID_NAME.fullmatch(str(column.name)) is not None
        return named or (n >= MIN_IDENTIFIERS and _counts_up(facts))
    if column.kind != "categorical" or facts.look is None:
        return False
    unique = facts.unique and n >= MIN_IDENTIFIERS
    return unique or (facts.alone >= MOSTLY_ALONE * n and n >= MIN_NEARLY_UNIQUE)


def _counts_up(facts: Facts) -> bool:
    """Whether unique integers are 0, 1, … or 1, 2, … in some order."""
    assert facts.bounds is not None
    first, last = facts.bounds
    return first in (0, 1) and last - first == facts.held - 1


def _note_labels(column: Column, facts: Facts, notes: Notes) -> None:
    if facts.distinct > MAX_LEVELS:
        notes.many_levels.append(column.name)
    if column.form == "string":
        numbers = sum(_NUMBER_TEXT.fullmatch(text) is not None for text in facts.some)
        if numbers >= 0.9 * len(facts.some):
            notes.number_texts.append(column.name)
