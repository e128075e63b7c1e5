"""A question about a table that keeps constraints, put to the model of the rewritten one.

A column that is learned as it is, is asked as it is. Of the others:

* The cell of a derived column is its distance from what others allow, hence known where the column
  and all that it is derived from are given. Where these are not, the column is *open*: conditions
  refuse that, gaps are filled around it (:mod:`tabdiff.data.constraints.adapting`).
* Columns of a combination ask for one of the combinations that agree with what is given of them.
* A range or a set on a derived column is met by drawing rows until they lie in it, a bounded number
  of times.

Whatever is answered is looked at once more, and drawn anew where it is not as asked; so are rows
that repeat an earlier one in columns that are unique.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from tabdiff.data.asked import Agreeing, Asked
from tabdiff.data.cells import Array
from tabdiff.data.conditions import Among
from tabdiff.data.constraints import ConstraintError, ConstraintSet, Unique
from tabdiff.data.constraints.register import Register
from tabdiff.data.errors import ConditionError, listing
from tabdiff.data.frames import concat, take
from tabdiff.data.given import Given, GivenColumn
from tabdiff.data.mixed import Choice, Known, Mixed, Restriction
from tabdiff.data.originals import Originals
from tabdiff.data.question import ATTEMPTS, Drawn, Question
from tabdiff.data.reading import read_cells
from tabdiff.data.table import TableEncoder, by_label
from tabdiff.data.unseen import warn_beyond, without_unknown

# How often rows are drawn anew only to keep a cell within the range that its column held at fit.
PATIENCE = 3
# How far a row is from what was asked: as asked, beyond what was learned, or not so.
_FINE, _BEYOND, _AMISS = 0, 1, 2


class _Rows(NamedTuple):
    """Rows as they were drawn, and how far each is from what was asked."""

    frame: pd.DataFrame
    lack: Array


class Translation:
    """A question in the user's columns, as :class:`tabdiff.data.question.Question` is one.

    Parameters
    ----------
    rules : ConstraintSet
    encoder : TableEncoder
        Of the rewritten table.
    asked : Asked
    fill : bool
        Whether no cell may be a missing one.

    Attributes
    ----------
    given : Given
        Of the rewritten table.
    restrictions : tuple of Restriction
    choices : tuple of Choice

    Raises
    ------
    ConditionError
        If no row can be so, as far as the constraints and the encoders tell.
    ConstraintError
        If observed cells break a constraint.
    """

    def __init__(
        self, rules: ConstraintSet, encoder: TableEncoder, asked: Asked, fill: bool = False
    ) -> None:
        self._rules, self._wanted, self._fill = rules, dict(asked.wanted), fill
        self._register, self._standing = Register(rules), asked.frame.iloc[:0]
        self._fixed: dict[Unique, Array] = {}
        self._originals: Originals | None = None
        asked = Asked(*rules.told(asked.frame, asked.observed), asked.wanted)
        compared = [label for label in asked.observed if label in rules.axes]
        _refuse_missing(rules, asked, compared)
        self._own = {label: asked.cells(rules, label) for label in compared}
        self._open = {
            label: absent
            for label in compared
            if (absent := [i for i in rules.inputs(label) if i not in asked.observed])
        }
        self._agreeing = {
            fused.code.name: Agreeing.of(fused.combinations, asked, fill)
            for fused in rules.fused.values()
        }
        for own in self._agreeing.values():
            own.refuse_none(asked.frame)
        self._inner, self.choices = self._put(encoder, asked)

    def _put(self, encoder: TableEncoder, asked: Asked) -> tuple[Question, tuple[Choice, ...]]:
        """The question about the rewritten table, and the sets of its own that each row has."""
        columns = dict(_known_columns(self._rules, asked))
        derived = {one.derivation.label for one in self._rules.derived}
        rewritten = derived | {
            column.name for own in self._agreeing.values() for column in own.combinations.columns
        }
        wanted = {label: own for label, own in asked.wanted.items() if label not in rewritten}
        self._far = asked.wanted.keys() & derived
        fields = {field.column.name: field for field in encoder.fields}
        choices = []
        for code, own in self._agreeing.items():
            if own.sets.all() or fields[code].cat is None:
                continue
            columns[code] = own.only()
            if columns[code].observed.all():
                continue
            if len(own.kind) == 1:
                wanted[code] = Among.of(np.flatnonzero(own.sets[own.kind[0]]))
            else:
                choices.append(own.choice(fields[code]))
        known = {label: own for label, own in columns.items() if own.observed.any()}
        if self._fill:
            known = without_unknown(encoder, known)
        asks = Question.of_cells(encoder, len(asked.frame), known, wanted)
        if not self._fill:
            called = {label: f"distance of column {label!r} from others" for label in derived}
            warn_beyond(encoder, asks.given, called)
        return asks, tuple(choices)

    @property
    def given(self) -> Given:
        """Observed cells of the rewritten table."""
        return self._inner.given

    @property
    def restrictions(self) -> tuple[Restriction, ...]:
        """Ranges and sets on columns of the rewritten table."""
        return self._inner.restrictions

    @property
    def is_loose(self) -> bool:
        """Whether a range or a set is among what is asked."""
        return bool(self._wanted)

    def closed(self) -> Translation:
        """The question itself.

        Raises
        ------
        ConditionError
            If a column is given and not all that it is derived from.
        """
        if self._open:
            raise ConditionError(
                listing(
                    [
                        f"column {label!r} is learned as its distance from others: give "
                        f"{', '.join(map(repr, absent))} as well, or ask for a range or a set, "
                        "which rows are drawn for until they lie in it."
                        for label, absent in self._open.items()
                    ]
                )
            )
        return self

    def beside(self, standing: pd.DataFrame, fixed: Mapping[Unique, Array]) -> Translation:
        """The question whose rows must be unlike these in unique columns.

        Parameters
        ----------
        standing : DataFrame
            In the user's columns.
        fixed : mapping of bool array, (n,)
            The rows of the question that are among them.
        """
        asked = copy(self)
        asked._standing, asked._fixed = standing, dict(fixed)
        return asked

    def unlike(self, originals: Originals) -> Translation:
        """The question whose rows must equal none of these."""
        asked = copy(self)
        asked._originals = originals
        return asked

    def anew(self) -> Translation:
        """The question as it is before any row has answered it."""
        asked = copy(self)
        asked._register = Register(self._rules)
        asked._register.enter(self._standing)
        return asked

    def take(self, rows: Array) -> Translation:
        """The question for these rows, any number of times each; they share one register."""
        asked = copy(self)
        asked._inner = self._inner.take(rows)
        asked._own = {label: own.take(rows) for label, own in self._own.items()}
        asked._agreeing = {code: own.take(rows) for code, own in self._agreeing.items()}
        at = torch.from_numpy(rows)
        asked.choices = tuple(own._replace(kind=own.kind[at]) for own in self.choices)
        asked._fixed = {constraint: own[rows] for constraint, own in self._fixed.items()}
        return asked

    def encode(self, rng: np.random.Generator) -> tuple[Mixed, Known]:
        """See :meth:`Question.encode`."""
        return self._inner.encode(rng)

    def settle(self, n: int, draw: Callable[[int], Drawn], start: int) -> Any:
        """The frame of the first ``n`` rows, all as asked; see :meth:`Question.settle`.

        Raises
        ------
        ConditionError, ConstraintError
            If rows are not as asked, or repeat others, after all attempts: how many of how many.
        CopyError
            If rows equal one that they must not.
        """
        # Where one row asks for all, any drawn row that is as asked may take another's place.
        every = np.arange(self.given.n if self._far else n)
        asked = self.take(every)
        rows = asked._looked(draw(0), every, start)
        if self._originals is not None:
            self._originals.redrawn += int(asked._copies(rows.frame)[:n].sum())
        for attempt in range(1, ATTEMPTS):
            lack = asked._lack(rows)
            short = lack >= (_BEYOND if attempt <= PATIENCE else _AMISS)
            if not short[:n].any():
                break
            into = np.flatnonzero(short)
            again = every if self._far else into
            fresh = asked.take(again)._looked(draw(attempt), again, start)
            better = fresh.lack == _FINE if self._far else fresh.lack < lack[into]
            out = np.flatnonzero(better)
            into = into[: len(out)] if self._far else into[out]
            rows = self._exchanged(rows, fresh, into, out[: len(into)])
        frame = rows.frame.iloc[:n]
        asked._refuse(rows, n, start)
        self._register.enter(frame)
        return self._rules.in_container(frame)

    def _looked(self, drawn: Drawn, rows: Array, start: int) -> _Rows:
        """These rows of what was drawn, in the user's columns."""
        x, rng = drawn
        middle = self._inner.decode(x[torch.from_numpy(rows)], rng, start)
        frame, beyond = self._rules.adapted(middle, self._own)
        amiss = self._amiss(frame) | self._copies(frame)
        lack = np.where(amiss, _AMISS, np.where(beyond, _BEYOND, _FINE))
        return _Rows(frame, lack)

    def _amiss(self, frame: pd.DataFrame) -> Array:
        """The rows that are not as asked, those that repeat another left out of account."""
        amiss: Array = np.zeros(len(frame), dtype=bool)
        broken = self._rules.broken(frame)
        for constraint in self._rules.constraints:
            if not isinstance(constraint, Unique):
                amiss |= broken[str(constraint)]
        series = by_label(frame)
        for own in self._agreeing.values():
            amiss |= ~own.holds(series)
        for label, wanted in self._wanted.items():
            amiss |= ~wanted.holds(read_cells(series[label], self._rules.schema[label]))
        return amiss

    def _copies(self, frame: pd.DataFrame) -> Array:
        """The rows that equal one that they must not."""
        if self._originals is None:
            return np.zeros(len(frame), dtype=bool)
        return self._originals.copies(by_label(frame))

    def _lack(self, rows: _Rows) -> Array:
        return np.where(self._register.repeats(rows.frame, self._fixed), _AMISS, rows.lack)

    def _exchanged(self, rows: _Rows, fresh: _Rows, into: Array, out: Array) -> _Rows:
        """``rows`` with those at ``into`` replaced by the fresh ones at ``out``."""
        order = np.arange(len(rows.lack))
        order[into] = len(order) + out
        frame = take(concat([rows.frame, fresh.frame]), order)
        for at, column in enumerate(self._rules.schema.columns):
            if column.kind == "identifier":  # made for a row by its place in the table
                frame.isetitem(at, rows.frame.iloc[:, at].array)
        return _Rows(frame, np.concatenate([rows.lack, fresh.lack])[order])

    def _refuse(self, rows: _Rows, n: int, start: int) -> None:
        if self._originals is not None:
            self._originals.refuse(self._copies(rows.frame)[:n], start, ATTEMPTS)
        amiss = rows.lack[:n] == _AMISS
        if amiss.any():
            raise ConditionError(
                f"only {int((~amiss).sum()):,} of {n:,} rows were as asked and kept all "
                f"constraints after {ATTEMPTS} attempts (first of the others at row "
                f"{int(np.argmax(amiss))}). Ask for less, or give by value what the columns in "
                "question are derived from."
            )
        again = self._register.repeats(rows.frame, self._fixed)[:n]
        if again.any():
            raise ConstraintError(
                f"{self._register}: only {int((~again).sum()):,} of {n:,} rows differ from each "
                f"other and from those before after {ATTEMPTS} attempts. Ask for fewer rows, or "
                "leave the constraint out."
            )


def _known_columns(rules: ConstraintSet, asked: Asked) -> Iterator[tuple[Hashable, GivenColumn]]:
    """The cells of the rewritten table that follow from the observed ones, codes left out."""
    codes = {fused.code.name for fused in rules.fused.values()}
    middle = by_label(rules.transform(asked.frame))
    for column in rules.middle_schema.columns:
        if column.name in codes or column.name not in asked.observed:
            continue
        seen = asked.sees([column.name, *rules.inputs(column.name)])
        yield column.name, GivenColumn(seen, read_cells(middle[column.name][seen], column))


def _refuse_missing(rules: ConstraintSet, asked: Asked, labels: Iterable[Hashable]) -> None:
    """Refuse to ask for a missing cell where none was at fit."""
    problems = []
    for label in labels:
        missing = asked.cells(rules, label).cells.missing
        if missing.any() and not rules.axes[label].has_missing:
            problems.append(
                f"column {label!r}: a missing cell is asked for, none was there at fit. Ask for a "
                "value, or leave it out."
            )
    if problems:
        raise ConditionError(listing(problems))
