"""Frames as the judges see them: floats and level codes, once, at the door.

Every figure of this wing is taken on a `Table`: one array per judged column, ``float64`` with
``NaN`` for missing (numbers, instants, durations) or ``int32`` level codes with the missing level
last (everything else). Real, synthetic and hold-out rows share the fields, hence the levels, so
that equal codes mean equal values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.data.schema import Schema
from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.values import Array, floats, level_order, level_texts

if TYPE_CHECKING:
    from numpy.random import Generator

_JUDGED = {
    "numeric": "numeric",
    "datetime": "numeric",
    "timedelta": "numeric",
    "categorical": "categorical",
    "constant": "categorical",
}


# Of the largest number of a column that is judged as it is.
SMALLEST_EXPONENT, LARGEST_EXPONENT = -20, 300


@dataclass(frozen=True, slots=True)
class Field:
    """One judged column.

    Attributes
    ----------
    name : hashable
        The column's label in the frames.
    label : str
        The label as text, unique among the fields.
    kind : {"numeric", "categorical"}
        How the column is judged.
    quantity : {"number", "instant", "duration", "clock", "ordinal", "level"}
        What a float of a numeric column stands for: a number, seconds since 1970 (UTC), seconds,
        seconds since midnight, a period's ordinal; "level" for categorical columns.
    levels : tuple of str
        Text of the levels of a categorical column, the missing one excluded; code ``len(levels)``
        means missing. Empty for numeric columns.
    """

    name: Hashable
    label: str
    kind: Literal["numeric", "categorical"]
    quantity: str
    levels: tuple[str, ...] = ()

    @property
    def missing_code(self) -> int:
        """The code that stands for a missing value in a categorical column."""
        return len(self.levels)


@dataclass(frozen=True)
class Table:
    """Rows of the judged columns, one array per field.

    Attributes
    ----------
    fields : tuple of Field
    columns : tuple of ndarray, (n_rows,)
        ``float64`` for numeric fields (missing is NaN), ``int32`` codes for categorical ones.
    n_rows : int
    entity : ndarray of intp, (n_rows,), or None
        Number of the entity that a row belongs to; None where rows are independent.
    """

    fields: tuple[Field, ...]
    columns: tuple[Array, ...]
    n_rows: int
    entity: npt.NDArray[np.intp] | None = None

    @property
    def n_units(self) -> int:
        """How many independent units the rows hold: entities, else rows."""
        return self.n_rows if self.entity is None else len(np.unique(self.entity))

    def take(self, rows: npt.NDArray[np.intp]) -> Table:
        """The rows at these positions, as a table of their own."""
        entity = None if self.entity is None else self.entity[rows]
        return Table(self.fields, tuple(c[rows] for c in self.columns), len(rows), entity)

    def draw(self, n: int, rng: Generator) -> Table:
        """``n`` rows without replacement (all of them where there are no more than ``n``)."""
        if n >= self.n_rows:
            return self
        return self.take(np.sort(rng.choice(self.n_rows, size=n, replace=False)))

    def halves(self, rng: Generator) -> tuple[Table, Table]:
        """The rows, dealt at random into two halves; rows of one entity stay together."""
        if self.entity is not None:
            known = np.unique(self.entity)
            first = np.isin(self.entity, rng.permutation(known)[: len(known) // 2])
            return self.take(np.flatnonzero(first)), self.take(np.flatnonzero(~first))
        order = rng.permutation(self.n_rows)
        middle = self.n_rows // 2
        return self.take(np.sort(order[:middle])), self.take(np.sort(order[middle:]))

    def missing(self, index: int) -> npt.NDArray[np.bool_]:
        """Which rows lack the column at ``index``."""
        field, column = self.fields[index], self.columns[index]
        if field.kind == "numeric":
            return np.isnan(np.asarray(column, dtype=np.float64))
        return np.asarray(column == field.missing_code)

    def without(self, index: int) -> Table:
        """The table without the column at ``index``."""
        keep = [i for i in range(len(self.fields)) if i != index]
        return Table(
            tuple(self.fields[i] for i in keep),
            tuple(self.columns[i] for i in keep),
            self.n_rows,
            self.entity,
        )

    def fingerprints(self) -> npt.NDArray[np.uint64]:
        """One 64-bit hash per row; equal rows have equal hashes (0.0 and -0.0 are one value)."""
        columns = [
            # Adding 0.0 turns -0.0 into 0.0.
            np.asarray(column, dtype=np.float64) + 0.0 if field.kind == "numeric" else column
            for field, column in zip(self.fields, self.columns, strict=True)
        ]
        frame = pd.DataFrame({str(i): column for i, column in enumerate(columns)})
        return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def stack(first: Table, second: Table) -> Table:
    """The rows of two tables with the same fields, one after the other; entities are forgotten."""
    columns = zip(first.columns, second.columns, strict=True)
    return Table(
        first.fields,
        tuple(np.concatenate(pair) for pair in columns),
        first.n_rows + second.n_rows,
    )


@dataclass(frozen=True)
class Tables:
    """Everything that is compared, in one common coding.

    Attributes
    ----------
    real, synthetic : Table
    holdout : Table or None
    excluded : dict of str to str
        Columns that are not judged, with the reason.
    notes : tuple of str
        What a reader should know about the frames before believing a figure.
    """

    real: Table
    synthetic: Table
    holdout: Table | None
    excluded: dict[str, str]
    notes: tuple[str, ...]

    def fingerprint(self) -> str:
        """A digest of the columns' names and of the real and hold-out rows, in their order.

        Of sequences, also of which rows belong together.
        """
        digest = hashlib.sha256()
        tables = [table for table in (self.real, self.holdout) if table is not None]
        for i, field in enumerate(self.real.fields):
            digest.update(repr((field.label, field.kind)).encode())
            # Codes shift with the levels that only the synthetic table has; their texts do not.
            texts = np.array([*field.levels, "\0missing"], dtype=object)
            for table in tables:
                column = table.columns[i]
                if field.kind == "categorical":
                    column = pd.util.hash_array(texts)[column]
                digest.update(np.ascontiguousarray(column).tobytes())
        for table in tables:
            if table.entity is not None:
                digest.update(np.ascontiguousarray(table.entity, dtype=np.int64).tobytes())
        return digest.hexdigest()


def code_tables(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame | None,
    schema: Schema,
) -> Tables:
    """Code the frames with common fields and levels.

    Raises
    ------
    EvaluationError
        If the columns differ, a frame has fewer than two rows, or a column's values cannot be
        compared with the real ones; all faults at once.
    """
    frames = {"real": real, "synthetic": synthetic}
    if holdout is not None:
        frames["holdout"] = holdout
    _check_columns(frames, schema)

    fields: list[Field] = []
    columns: dict[str, list[Array]] = {role: [] for role in frames}
    excluded: dict[str, str] = {}
    notes: list[str] = []
    faults: list[str] = []
    labels = _unique_labels([column.name for column in schema.columns])
    for column, label in zip(schema.columns, labels, strict=True):
        if column.kind not in _JUDGED:
            excluded[label] = _reason(column.kind)
            continue
        parts = {role: frame[column.name] for role, frame in frames.items()}
        try:
            if _JUDGED[column.kind] == "numeric":
                texts = column.kind == "datetime", column.detail or None
                field, coded = _code_numeric(column.name, label, parts, texts)
                notes.extend(_bring_into_reach(field, coded))
            else:
                field, coded = _code_levels(column.name, label, parts)
        except EvaluationError as error:
            faults.append(str(error))
            continue
        fields.append(field)
        for role, values in coded.items():
            columns[role].append(values)
        notes.extend(_level_notes(field, coded))
    if faults:
        raise EvaluationError("; ".join(faults))
    if not fields:
        raise EvaluationError(
            "no column can be judged: " + "; ".join(f"{k!r} is {v}" for k, v in excluded.items())
        )
    made = {
        role: Table(tuple(fields), tuple(columns[role]), len(frame))
        for role, frame in frames.items()
    }
    return Tables(made["real"], made["synthetic"], made.get("holdout"), excluded, tuple(notes))


def _check_columns(frames: dict[str, pd.DataFrame], schema: Schema) -> None:
    expected = [column.name for column in schema.columns]
    faults = []
    for role, frame in frames.items():
        if frame.columns.has_duplicates:
            twice = list(dict.fromkeys(frame.columns[frame.columns.duplicated()]))
            faults.append(f"{role}: column names occur more than once: {twice}")
            continue
        present = set(frame.columns)
        missing = [name for name in expected if name not in present]
        extra = [name for name in frame.columns if name not in set(expected)]
        if missing:
            faults.append(f"{role} lacks the columns {missing}")
        if extra:
            faults.append(f"{role} has columns that the schema does not know: {extra}")
        if len(frame) < 2:
            faults.append(f"{role} has {len(frame)} rows, at least 2 are needed")
    if faults:
        raise EvaluationError(
            "the frames cannot be compared: "
            + "; ".join(faults)
            + ". Give frames with the columns of the real one."
        )


def _reason(kind: str) -> str:
    if kind == "identifier":
        return "an identifier: made fresh, so there is nothing to compare"
    if kind == "missing":
        return "missing in every real row"
    return f"of kind {kind!r}"


def _unique_labels(names: Sequence[Hashable]) -> list[str]:
    """Names as text; where two look alike (1 and "1") their types are told apart."""
    texts = [str(name) for name in names]
    return [
        text if texts.count(text) == 1 else f"{text} ({type(name).__name__})"
        for text, name in zip(texts, names, strict=True)
    ]


def _code_numeric(
    name: Hashable, label: str, parts: dict[str, pd.Series], texts: tuple[bool, str | None]
) -> tuple[Field, dict[str, Array]]:
    """Code a numeric column; ``texts``: whether texts are instants, and their format."""
    coded: dict[str, Array] = {}
    wanted = ""
    for role, values in parts.items():
        coded[role], quantity = floats(values, label, role, texts)
        if not wanted:
            wanted = quantity
        elif quantity not in (wanted, "nothing"):
            raise EvaluationError(
                f"column {label!r}: the {role} frame holds {quantity}s, the real one {wanted}s"
            )
    return Field(name, label, "numeric", wanted), coded


def _bring_into_reach(field: Field, coded: dict[str, Array]) -> list[str]:
    """Scale numbers so small that they would be rounded to 0, or so large that sums overflow.

    By a power of two, which is exact; SDMetrics rounds to 14 decimals.
    """
    largest = max(float(np.nanmax(np.abs(values), initial=0.0)) for values in coded.values())
    exponent = int(np.frexp(largest)[1])
    if SMALLEST_EXPONENT <= exponent <= LARGEST_EXPONENT or largest == 0:
        return []
    for role, values in coded.items():
        coded[role] = np.ldexp(values, -exponent)
    return [f"column {field.label!r}: its numbers are judged, and shown, in units of 2^{exponent}"]


def _code_levels(
    name: Hashable, label: str, parts: dict[str, pd.Series]
) -> tuple[Field, dict[str, Array]]:
    together = pd.concat([part.astype(object) for part in parts.values()], ignore_index=True)
    try:
        codes, uniques = pd.factorize(together, use_na_sentinel=True)
    except TypeError as error:
        raise EvaluationError(
            f"column {label!r}: values cannot be compared as categories: {error}"
        ) from error
    order = level_order(parts["real"], list(uniques))
    rank = np.empty(len(uniques) + 1, dtype=np.int32)
    rank[order] = np.arange(len(uniques), dtype=np.int32)
    rank[-1] = len(uniques)  # code -1 of factorize: missing, last
    ranked = rank[codes]
    coded: dict[str, Array] = {}
    start = 0
    for role, part in parts.items():
        coded[role] = ranked[start : start + len(part)]
        start += len(part)
    levels = tuple(level_texts([uniques[i] for i in order]))
    return Field(name, label, "categorical", "level", levels), coded


def _level_notes(field: Field, coded: dict[str, Array]) -> list[str]:
    """A categorical column whose synthetic values never occur in the real one is worth a word."""
    if field.kind != "categorical":
        return []
    notes = []
    known = np.unique(coded["real"])
    for role in ("synthetic", "holdout"):
        values = coded.get(role)
        if values is None:
            continue
        seen = np.unique(values)
        seen = seen[seen != field.missing_code]
        new = np.setdiff1d(seen, known)
        if len(seen) and len(new) == len(seen):
            notes.append(
                f"column {field.label!r}: no {role} value occurs in the real data "
                f"({field.levels[seen[0]]!r} …): does the column have the same dtype?"
            )
        elif len(new):
            share = float(np.isin(values, new).mean())
            notes.append(
                f"column {field.label!r}: {len(new)} {role} levels do not occur in the real data "
                f"({share:.1%} of the rows), for instance {field.levels[new[0]]!r}"
            )
    return notes
