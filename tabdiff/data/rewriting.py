"""Between the table that a user holds and the one that is learned.

A :class:`Verbatim` learns the table as it is. With constraints a :class:`Rewriting` learns another
one, of which any rows will do, and answers in the user's columns. Whoever asks a model goes through
one of them, and does not see which.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.asked import Asked
from tabdiff.data.cells import Array, Cells, present
from tabdiff.data.conditions import Wanted, read_conditions
from tabdiff.data.consequences import Consequences
from tabdiff.data.constraints import Constraint, ConstraintError, ConstraintSet, Unique
from tabdiff.data.constraints.middle import ordered
from tabdiff.data.constraints.register import Register
from tabdiff.data.errors import ConditionError, SchemaError, listing
from tabdiff.data.frames import to_pandas
from tabdiff.data.given import GivenColumn
from tabdiff.data.guards import Guards
from tabdiff.data.question import Counts, Question, conditions_frame
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder, by_label
from tabdiff.data.translation import Translation
from tabdiff.data.writing import write_cells

Inquiry = Question | Translation


class Verbatim:
    """The table is learned as it is.

    Attributes
    ----------
    schema : Schema
        Of the user's table.
    learned_schema : Schema
        Of the one that is learned.
    constraint_set : ConstraintSet or None
    guards : Guards
        What is taken out of every table before anything else.
    """

    constraint_set: ConstraintSet | None = None

    def __init__(self, schema: Schema, guards: Guards | None = None) -> None:
        self.schema = self.learned_schema = schema
        self.guards = guards or Guards()

    def guarded(self, df: Any) -> Any:
        """The table without what the guards take out; see :meth:`Guards.apply`."""
        return self.guards.apply(df, self.schema)

    def training_rows(self, df: Any) -> Any:
        """The rows to learn from, of the frame that was fitted."""
        return self.transform(df)

    def transform(self, df: Any) -> Any:
        """The frame in the columns that are learned, with its index.

        Raises
        ------
        ConstraintError
            If rows break a constraint.
        SchemaError
            If the frame does not follow the schema.
        """
        return self.guarded(df)

    def reverse(self, frame: Any) -> Any:
        """Learned columns to the user's, in the container of the fitted table."""
        return frame

    def sources(self, label: Hashable) -> tuple[Hashable, ...]:
        """The learned columns from which a column is made."""
        return (label,)

    def learned_labels(self, labels: Sequence[Hashable]) -> list[Hashable]:
        """The learned columns under these of the user's.

        Raises
        ------
        KeyError
            If there is no such column, or it is not learned since others tell it entirely.
        """
        return list(labels)

    def consequences(self, encoder: TableEncoder) -> Consequences | None:
        """The columns that follow from others in rows in parts; None where none does."""
        return None

    def ask(self, encoder: TableEncoder, conditions: Any) -> Inquiry:
        """The question of rows that meet conditions: a mapping, a frame or None.

        Raises
        ------
        ConditionError
            Naming every condition that cannot be met.
        """
        if conditions is None:
            return Question.nothing(encoder)
        if isinstance(conditions, Mapping):
            return Question.of_mapping(encoder, conditions)
        return Question.of_frame(encoder, conditions)

    def ask_more(
        self, encoder: TableEncoder, rows: Any, target: Hashable, counts: Counts
    ) -> Inquiry:
        """The question of so many rows of each of some values of ``target``, beside ``rows``.

        Without counts, of any rows.
        """
        if not counts:
            return Question.nothing(encoder)
        return Question.of_counts(encoder, target, counts)

    def ask_gaps(self, encoder: TableEncoder, df: Any, rows: Array) -> Inquiry:
        """The question of the missing cells in some rows of a table, given those that are not."""
        return Question.of_gaps(encoder, self.guarded(df), rows)

    def ask_rows(self, encoder: TableEncoder, df: Any) -> Question:
        """The question whose cells are all observed: those of ``df``.

        Raises
        ------
        SchemaError
            If the frame does not follow the schema.
        """
        self.schema.validate(df)
        return Question.of_frame(encoder, self.transform(df))

    def ask_change(self, encoder: TableEncoder, change: Mapping[Any, Any]) -> Inquiry:
        """The question of what rows would be, were some columns otherwise."""
        return Question.of_mapping(encoder, change)

    def state(self) -> dict[str, Any] | None:
        """Strict JSON; None where nothing is rewritten."""
        return None


class Rewriting(Verbatim):
    """A table that keeps constraints is learned in columns that cannot break them.

    Parameters
    ----------
    constraint_set : ConstraintSet
    guards : Guards, optional
    """

    def __init__(self, constraint_set: ConstraintSet, guards: Guards | None = None) -> None:
        super().__init__(constraint_set.schema, guards)
        self.constraint_set: ConstraintSet = constraint_set
        self.learned_schema = constraint_set.middle_schema

    def training_rows(self, df: Any) -> Any:
        """The rows that break nothing, in the columns that are learned."""
        return self.transform(to_pandas(df)[self.constraint_set.kept])

    def transform(self, df: Any) -> Any:
        """See :meth:`ConstraintSet.transform`."""
        return self.constraint_set.transform(self.guarded(df))

    def reverse(self, frame: Any) -> Any:
        """See :meth:`ConstraintSet.reverse`."""
        return self.constraint_set.reverse(frame)

    def sources(self, label: Hashable) -> tuple[Hashable, ...]:
        """See :meth:`ConstraintSet.sources`."""
        return self.constraint_set.sources(label)

    def learned_labels(self, labels: Sequence[Hashable]) -> list[Hashable]:
        """Each by itself, or the first of the combination that it is part of."""
        learned = {column.name for column in self.learned_schema.columns}
        found = []
        for label in labels:
            own = [self.schema[label].name, *self._mates(label)]
            if not learned & set(own):
                told = ", ".join(map(repr, self.constraint_set.inputs(label)))
                raise KeyError(f"column {label!r} is not learned: {told} tell it. Name these.")
            found += [name for name in own if name in learned]
        return list(dict.fromkeys(found))

    def consequences(self, encoder: TableEncoder) -> Consequences | None:
        """Those that are derived, if any."""
        rules = self.constraint_set
        return Consequences(rules, encoder) if rules.dependent else None

    def ask(self, encoder: TableEncoder, conditions: Any) -> Inquiry:
        """As of any table; a value of a derived column wants those that it is derived from."""
        if conditions is None or isinstance(conditions, Mapping):
            return self._ask_alike(encoder, conditions or {}).closed()
        frame = conditions_frame(conditions, self.schema)
        observed = np.ones(len(frame), dtype=bool)
        asked = self._asked(by_label(frame), len(frame), dict.fromkeys(frame.columns, observed), {})
        translated = self._translated(encoder, asked).closed()
        again = Register(self.constraint_set).repeats(asked.frame, {})
        if again.any():
            raise ConditionError(
                f"conditions: {int(again.sum()):,} rows repeat an earlier one in columns that are "
                f"unique (first at row {int(np.argmax(again))})."
            )
        return translated.beside(asked.frame, self._fixed(asked))

    def ask_more(
        self, encoder: TableEncoder, rows: Any, target: Hashable, counts: Counts
    ) -> Inquiry:
        """The same.

        Raises
        ------
        ConstraintError
            If ``rows`` break a constraint.
        """
        standing = self._keeping(rows)
        if not counts:
            return self._ask_alike(encoder, {}).beside(standing, {})
        pieces = []
        for value, n in counts:
            values, wanted = read_conditions({target: value}, self.schema.columns)
            if wanted:
                raise ConditionError(f"counts: {value!r} is no single value.")
            one = GivenColumn(np.ones(1, dtype=bool), values[target])
            pieces.append(one.take(np.zeros(n, dtype=np.int64)))
        column = GivenColumn.join(pieces)
        n_rows = len(column.observed)
        series = {target: self._written(target, column.cells)}
        asked = self._asked(series, n_rows, {target: column.observed}, {})
        return self._translated(encoder, asked).closed().beside(standing, {})

    def ask_gaps(self, encoder: TableEncoder, df: Any, rows: Array) -> Inquiry:
        """The same; open columns follow from those that are observed, as the constraints tell.

        Raises
        ------
        ConstraintError
            If observed cells break a constraint.
        """
        standing = self._keeping(df)
        series = by_label(standing.iloc[rows].reset_index(drop=True))
        held = {label: ~present(own)[1] for label, own in series.items()}
        observed = {label: here for label, here in held.items() if here.any()}
        asked = Asked(pd.concat(series.values(), axis=1), observed, {})
        translated = Translation(self.constraint_set, encoder, asked, fill=True)
        return translated.beside(standing, self._fixed(asked))

    def ask_change(self, encoder: TableEncoder, change: Mapping[Any, Any]) -> Inquiry:
        """The same; what a changed column is derived from follows it.

        Raises
        ------
        ConditionError
            If only some columns of a combination are changed.
        """
        asked = self._ask_alike(encoder, change)
        half = [
            f"column {name!r} goes together with others: change {', '.join(map(repr, mates))} too."
            for name in change
            if (mates := [mate for mate in self._mates(name) if mate not in change])
        ]
        if half and not asked.is_loose:
            raise ConditionError(listing(half))
        return asked

    def _ask_alike(self, encoder: TableEncoder, conditions: Mapping[Any, Any]) -> Translation:
        """The question of rows that all meet the same conditions."""
        values, wanted = read_conditions(conditions, self.schema.columns)
        series = {name: self._written(name, cells) for name, cells in values.items()}
        observed = dict.fromkeys(values, np.ones(1, dtype=bool))
        return self._translated(encoder, self._asked(series, 1, observed, wanted))

    def _translated(self, encoder: TableEncoder, asked: Asked) -> Translation:
        """The question, what breaks a constraint by itself being a condition that none can meet."""
        try:
            return Translation(self.constraint_set, encoder, asked)
        except (ConstraintError, SchemaError) as error:
            raise ConditionError(f"conditions: {error}") from error

    def _asked(
        self,
        series: Mapping[Hashable, pd.Series],
        n: int,
        observed: Mapping[Hashable, Array],
        wanted: Mapping[Hashable, Wanted],
    ) -> Asked:
        """What is asked of n rows, absent columns being missing throughout."""
        nothing = pd.Series([None] * n, dtype=object)
        columns = [
            series.get(column.name, nothing).reset_index(drop=True)
            for column in self.schema.columns
        ]
        frame = pd.concat(columns, axis=1)
        frame.columns = self.schema.labels()
        return Asked(frame, observed, wanted)

    def _written(self, label: Hashable, cells: Cells) -> pd.Series:
        """The series of some cells; missing ones alone in any column."""
        if cells.missing.all():
            return pd.Series([None] * len(cells.missing), dtype=object)
        series = write_cells(cells, self.schema[label])
        if not np.array_equal(present(series)[1], cells.missing):
            raise ConditionError(f"column {label!r} ({series.dtype}) holds no missing cell.")
        return series

    def _keeping(self, df: Any) -> pd.DataFrame:
        """The rows of a table that keep all constraints, in the schema's order of columns.

        Raises
        ------
        ConstraintError
            If some do not.
        """
        df = self.guarded(df)
        self.transform(df)
        frame = ordered(df, self.schema)
        again = Register(self.constraint_set).repeats(frame, {})
        if again.any():
            raise ConstraintError(
                f"{Register(self.constraint_set)}: {int(again.sum()):,} rows repeat an earlier one "
                f"(first at row {int(np.argmax(again))})."
            )
        return frame

    def _fixed(self, asked: Asked) -> dict[Unique, Array]:
        """The rows that are observed in all that must be unique."""
        labels = [column.name for column in self.schema.columns]
        return {
            constraint: asked.sees(constraint.columns(labels))
            for constraint in self.constraint_set.constraints
            if isinstance(constraint, Unique)
        }

    def _mates(self, label: Hashable) -> list[Hashable]:
        """The other columns of the combination that a column is part of."""
        names = [
            [column.name for column in fused.combinations.columns]
            for fused in self.constraint_set.fused.values()
        ]
        return [name for own in names if label in own for name in own if name != label]

    def state(self) -> dict[str, Any]:
        """See :meth:`ConstraintSet.to_dict`."""
        return self.constraint_set.to_dict()


def rewriting_of(
    constraints: Sequence[Constraint] | None,
    df: Any,
    schema: Schema,
    on_violation: str,
    guards: Guards,
) -> Verbatim:
    """How a table that keeps the constraints is to be learned.

    Parameters
    ----------
    schema : Schema
        Of what the guards leave of the table.

    Raises
    ------
    ConstraintError, SchemaError, TypeError
        As :meth:`ConstraintSet.fit` does.
    """
    if not constraints:
        return Verbatim(schema, guards)
    left = guards.apply(df, schema)
    try:
        return Rewriting(ConstraintSet.fit(constraints, left, schema, on_violation), guards)
    except ConstraintError as error:
        if not guards.clipped:
            raise
        names = ", ".join(map(repr, guards.clipped))
        raise ConstraintError(f"after clip_percentiles ({names}): {error}") from error


def rewriting_from_state(
    data: Any, schema: Schema, learned: Schema, guards: Guards | None = None
) -> Verbatim:
    """What :meth:`Verbatim.state` describes.

    Parameters
    ----------
    data : strict JSON
    schema, learned : Schema
        Of the user's table and of the one that the encoder knows.

    Raises
    ------
    ValueError
        If it is malformed, or does not lead from one schema to the other.
    """
    rules = None if data is None else ConstraintSet.from_dict(data, schema)
    found = Verbatim(schema, guards) if rules is None else Rewriting(rules, guards)
    if found.learned_schema != learned:
        raise ValueError("the constraints do not lead to the columns that were learned")
    return found
