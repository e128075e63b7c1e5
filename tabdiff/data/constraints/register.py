"""Which rows were made so far: later ones must not agree with them where columns are unique."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.constraints.catalogue import Unique
from tabdiff.data.constraints.constraint_set import ConstraintSet
from tabdiff.data.constraints.judging import is_known, row_keys
from tabdiff.data.constraints.middle import by_label


class Register:
    """The rows of one table in the making, by what they hold in unique columns.

    It grows by one key per row and ``Unique``; without any it stays empty.

    Parameters
    ----------
    rules : ConstraintSet
    """

    def __init__(self, rules: ConstraintSet) -> None:
        labels = [column.name for column in rules.schema.columns]
        self._columns = {
            constraint: [rules.schema[label] for label in constraint.columns(labels)]
            for constraint in rules.constraints
            if isinstance(constraint, Unique)
        }
        self._seen: dict[Unique, set[Hashable]] = {one: set() for one in self._columns}

    def repeats(self, frame: pd.DataFrame, fixed: Mapping[Unique, Array]) -> Array:
        """The rows that agree with one of the register or with an earlier one of the frame.

        Parameters
        ----------
        frame : DataFrame, (n, columns)
        fixed : mapping of bool array, (n,)
            Rows that stand in the register themselves.
        """
        again: Array = np.zeros(len(frame), dtype=bool)
        series = by_label(frame)
        for constraint, columns in self._columns.items():
            seen, here = self._seen[constraint], set[Hashable]()
            own = fixed.get(constraint, np.zeros(len(frame), dtype=bool))
            for at, key in enumerate(row_keys(columns, series)):
                if not own[at]:
                    again[at] |= key in seen or is_known(key, here)
        return again

    def enter(self, frame: pd.DataFrame) -> None:
        """Count these rows as made."""
        series = by_label(frame)
        for constraint, columns in self._columns.items():
            self._seen[constraint].update(
                key for key in row_keys(columns, series) if key is not None
            )

    def __str__(self) -> str:
        return ", ".join(map(str, self._columns))

    def __bool__(self) -> bool:
        return bool(self._columns)
