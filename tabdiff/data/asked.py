"""What is asked of a user's table, and which combinations of values agree with it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from tabdiff.data.cells import Array, Cells
from tabdiff.data.conditions import Wanted
from tabdiff.data.constraints import ConstraintSet
from tabdiff.data.constraints.combinations import Combinations
from tabdiff.data.errors import ConditionError
from tabdiff.data.given import GivenColumn
from tabdiff.data.mixed import Choice
from tabdiff.data.reading import read_cells
from tabdiff.data.table import Field, by_label


@dataclass(frozen=True)
class Asked:
    """What is asked of the user's table.

    Attributes
    ----------
    frame : DataFrame, (n, columns)
        Every column of the table, missing where nothing is observed.
    observed : mapping of bool array, (n,)
        The observed cells of the columns that have any; a missing one asks for a missing one.
    wanted : mapping of Wanted
        Ranges and sets, the same for all rows.
    """

    frame: pd.DataFrame
    observed: Mapping[Hashable, Array]
    wanted: Mapping[Hashable, Wanted]

    def sees(self, labels: Iterable[Hashable]) -> Array:
        """The rows in which all of these columns are observed, (n,)."""
        seen: Array = np.ones(len(self.frame), dtype=bool)
        for label in labels:
            seen &= self.observed.get(label, np.zeros(len(seen), dtype=bool))
        return seen

    def cells(self, rules: ConstraintSet, label: Hashable) -> GivenColumn:
        """The observed cells of one column."""
        series, seen = by_label(self.frame)[label], self.observed[label]
        return GivenColumn(seen, read_cells(series[seen], rules.schema[label]))


@dataclass(frozen=True)
class Agreeing:
    """Which combinations of some columns agree with what is asked of each row.

    Attributes
    ----------
    combinations : Combinations
    kind : int64 array, (n,)
        Rows of one kind ask the same.
    sets : bool array, (kinds, combinations)
    """

    combinations: Combinations
    kind: Array
    sets: Array

    @classmethod
    def of(cls, combinations: Combinations, asked: Asked, fill: bool) -> Agreeing:
        """Of what is asked; with ``fill``, only combinations without a missing cell."""
        kind, sets = combinations.agreeing(by_label(asked.frame), asked.observed)
        if fill:
            sets = sets & combinations.whole()
        for at, (column, known) in enumerate(
            zip(combinations.columns, combinations.levels, strict=True)
        ):
            if column.name in asked.wanted:
                nothing = np.zeros(len(known), dtype=bool)
                inside = asked.wanted[column.name].holds(Cells(nothing, known.values))
                sets = sets & np.append(inside, False)[combinations.table[:, at]]
        return cls(combinations, kind, sets)

    def take(self, rows: Array) -> Agreeing:
        """The rows, any number of times each."""
        return replace(self, kind=self.kind[rows])

    def holds(self, series: Mapping[Hashable, pd.Series]) -> Array:
        """The rows whose combination agrees, (n,)."""
        codes = self.combinations.encode(series)
        return (codes >= 0) & self.sets[self.kind, np.maximum(codes, 0)]

    def refuse_none(self, frame: pd.DataFrame) -> None:
        """Refuse rows with which no combination agrees.

        Raises
        ------
        ConditionError
            Naming the columns, the number of rows and the first of them.
        """
        lost = ~np.any(self.sets[self.kind], axis=1)
        if lost.any():
            names = ", ".join(repr(column.name) for column in self.combinations.columns)
            first = int(np.argmax(lost))
            series = by_label(frame)
            shown = {c.name: series[c.name].iloc[first] for c in self.combinations.columns}
            raise ConditionError(
                f"no training row holds what {int(lost.sum()):,} rows ask of {names} (first at row "
                f"{first}: {shown}). Only combinations that were there at fit are drawn."
            )

    def only(self) -> GivenColumn:
        """The code of the rows with which one combination alone agrees."""
        single = (self.sets.sum(axis=1) == 1)[self.kind]
        codes = self.sets.argmax(axis=1)[self.kind][single]
        return GivenColumn(single, Cells(np.zeros(len(codes), dtype=bool), codes))

    def choice(self, field: Field) -> Choice:
        """The levels of the code that agree, by row."""
        assert field.cat is not None
        levels = field.encoder.among(np.arange(self.sets.shape[1])).level  # type: ignore[attr-defined]
        allowed = np.zeros((len(self.sets), len(field.encoder.counts)), dtype=bool)
        for own, row in zip(allowed, self.sets, strict=True):
            own[levels[row]] = True
        return Choice(field.cat, torch.from_numpy(self.kind), torch.from_numpy(allowed))
