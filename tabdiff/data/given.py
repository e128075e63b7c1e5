"""Observed cells of a table whose other cells are to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from tabdiff.data.cells import Array, Cells


@dataclass(frozen=True)
class GivenColumn:
    """The observed cells of one column of n rows.

    Attributes
    ----------
    observed : bool array, (n,)
    cells : Cells
        Of the observed rows, in row order. An observed cell may be a missing value.
    """

    observed: Array
    cells: Cells

    def take(self, rows: Array) -> GivenColumn:
        """The column at these rows, any number of times each."""
        place = np.cumsum(self.observed) - 1
        observed = self.observed[rows]
        chosen = place[rows[observed]]
        missing = self.cells.missing[chosen]
        value = np.cumsum(~self.cells.missing) - 1
        return GivenColumn(observed, Cells(missing, self.cells.values[value[chosen[~missing]]]))

    @classmethod
    def join(cls, several: Sequence[GivenColumn]) -> Self:
        """The rows of these columns, one below the other."""
        missing, values = zip(*(column.cells for column in several), strict=True)
        return cls(
            np.concatenate([column.observed for column in several]),
            Cells(np.concatenate(missing), np.concatenate(values)),
        )

    def over(self, cells: Cells) -> Cells:
        """``cells`` with the observed ones in their places."""
        missing, full = cells.missing.copy(), _spread(cells)
        missing[self.observed] = self.cells.missing
        held = self.observed.copy()
        held[self.observed] = ~self.cells.missing
        full[held] = self.cells.values
        return Cells(missing, full[~missing])


@dataclass(frozen=True)
class Given:
    """The observed cells of a table of n rows.

    Attributes
    ----------
    n : int
    columns : tuple of GivenColumn or None
        In the schema's order; None where no cell of the column is observed.
    """

    n: int
    columns: tuple[GivenColumn | None, ...]

    @classmethod
    def nothing(cls, n: int, n_columns: int) -> Self:
        """No cell of n rows."""
        return cls(n, (None,) * n_columns)

    @classmethod
    def join(cls, several: Sequence[Given]) -> Self:
        """The rows of these tables of the same columns, one below the other."""
        return cls(
            sum(given.n for given in several),
            tuple(
                _joined([(given.n, given.columns[at]) for given in several])
                for at in range(len(several[0].columns))
            ),
        )

    def take(self, rows: Array) -> Given:
        """The table at these rows, any number of times each."""
        return Given(len(rows), tuple(c and c.take(rows) for c in self.columns))


def _joined(pieces: list[tuple[int, GivenColumn | None]]) -> GivenColumn | None:
    held = next((column for _, column in pieces if column is not None), None)
    if held is None:
        return None
    none = Cells(held.cells.missing[:0], held.cells.values[:0])
    return GivenColumn.join(
        [column or GivenColumn(np.zeros(n, dtype=bool), none) for n, column in pieces]
    )


def _spread(cells: Cells) -> Array:
    """The values at their rows; anything where a cell is missing."""
    full = np.zeros(len(cells.missing), dtype=cells.values.dtype)
    full[~cells.missing] = cells.values
    return full
