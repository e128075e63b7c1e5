"""Nearest real rows of synthetic rows, by exhaustive search in cache-sized tiles.

    d(a, b) = sum_numeric |a - b| / range + 2 · #(categories that differ)

The range is the training rows'. A missing number stands at the training median and is 1 away from
every present one; a missing category is a level. Ties are counted, because tables repeat values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Table

Singles = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8] | npt.NDArray[np.int32]
TILE_QUERIES = 32
TILE_ROWS = 4096
# Sums of float32 that are equal on paper differ by less than this.
TIE = 1e-5


@dataclass(frozen=True)
class Coordinates:
    """Rows in the space: scaled numbers (an indicator of missing after each) and level codes."""

    numbers: list[Singles]
    codes: list[Levels]

    def __len__(self) -> int:
        return len((self.numbers or self.codes)[0])

    def part(self, rows: slice) -> Coordinates:
        """The rows of a slice."""
        return Coordinates([x[rows] for x in self.numbers], [x[rows] for x in self.codes])


@dataclass(frozen=True)
class Space:
    """The metric of one training table: how its columns become comparable numbers.

    Attributes
    ----------
    low, scale, median : ndarray, (D,)
        Of the numeric columns, from the training rows; unused for categorical ones.
    """

    low: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    median: npt.NDArray[np.float64]

    @classmethod
    def of(cls, train: Table) -> Space:
        """Measure the training rows."""
        low, scale, median = (np.zeros(len(train.fields)) for _ in range(3))
        for i, (field, column) in enumerate(zip(train.fields, train.columns, strict=True)):
            values = np.asarray(column, dtype=np.float64)
            present = values[~np.isnan(values)]
            if field.kind != "numeric" or not len(present):
                continue
            # Halved, so that a range that spans the floats does not overflow.
            width = present.max() / 2 - present.min() / 2
            low[i], scale[i] = present.min(), width if width > 0 else 0.5
            median[i] = np.median(present)
        return cls(low, scale, median)

    def place(self, table: Table) -> Coordinates:
        """Put the rows into the space."""
        numbers: list[Singles] = []
        codes: list[Levels] = []
        for i, (field, column) in enumerate(zip(table.fields, table.columns, strict=True)):
            if field.kind == "categorical":
                # One byte per code where it suffices: comparing is bound by memory.
                if field.missing_code < 256:
                    codes.append(np.asarray(column, dtype=np.uint8))
                else:
                    codes.append(np.asarray(column, dtype=np.int32))
                continue
            values = np.asarray(column, dtype=np.float64)
            absent = np.isnan(values)
            filled = np.where(absent, self.median[i], values)
            unit = (filled / 2 - self.low[i] / 2) / self.scale[i]
            numbers.append(unit.astype(np.float32))
            numbers.append(absent.astype(np.float32))
        return Coordinates(numbers, codes)


@dataclass(frozen=True)
class Nearest:
    """For every query, the nearest row of each block.

    Attributes
    ----------
    distance : ndarray, (n_blocks, n_queries)
    ties : ndarray, (n_blocks, n_queries)
        How many rows of the block lie at that distance.
    """

    distance: Singles
    ties: npt.NDArray[np.int64]

    def share(self, mine: Sequence[int], others: Sequence[int]) -> npt.NDArray[np.float64]:
        """Per query, the part of its nearest rows that lies in the blocks ``mine``.

        1 or 0 where one side is nearer, in between where both have rows at the same distance.
        Where queries and rows are exchangeable, its expectation is the blocks' share of the rows.
        """
        near_mine, count_mine = self._nearest(mine)
        near_others, count_others = self._nearest(others)
        tied = np.abs(near_mine - near_others) <= TIE
        part = count_mine / (count_mine + count_others)
        return np.where(tied, part, (near_mine < near_others).astype(np.float64))

    def _nearest(self, blocks: Sequence[int]) -> tuple[Singles, npt.NDArray[np.int64]]:
        distance, ties = self.distance[list(blocks)], self.ties[list(blocks)]
        least = distance.min(axis=0)
        return least, np.where(distance <= least + TIE, ties, 0).sum(axis=0)


def nearest(
    queries: Table, blocks: Sequence[Table], space: Space, same_rows: bool = False
) -> Nearest:
    """Search every block for the nearest rows of every query.

    Parameters
    ----------
    queries : Table
    blocks : sequence of Table
        Blocks of rows to search, none empty.
    space : Space
    same_rows : bool
        The queries are rows of the first block (the first ones, in order): a row is not its own
        neighbour.
    """
    distance = np.full((len(blocks), queries.n_rows), np.inf, dtype=np.float32)
    ties = np.zeros((len(blocks), queries.n_rows), dtype=np.int64)
    asked = space.place(queries)
    for b, block in enumerate(blocks):
        stored = space.place(block)
        for q in range(0, queries.n_rows, TILE_QUERIES):
            rows = slice(q, q + TILE_QUERIES)
            for r in range(0, block.n_rows, TILE_ROWS):
                tile = _tile(asked.part(rows), stored.part(slice(r, r + TILE_ROWS)))
                if same_rows and b == 0:
                    _forget_self(tile, q, r)
                least = tile.min(axis=1)
                count = (tile <= least[:, None] + TIE).sum(axis=1)
                _merge(distance[b, rows], ties[b, rows], least, count)
    return Nearest(distance, ties)


def _tile(asked: Coordinates, stored: Coordinates) -> Singles:
    """Distances of a few queries to a few rows, one column after the other."""
    shape = (len(asked), len(stored))
    total = np.zeros(shape, dtype=np.float32)
    gap = np.empty(shape, dtype=np.float32)
    for x, y in zip(asked.numbers, stored.numbers, strict=True):
        if not (x.any() or y.any()):  # indicators where nothing is missing
            continue
        np.subtract(x[:, None], y[None, :], out=gap)
        np.abs(gap, out=gap)
        total += gap
    if not asked.codes:
        return total
    few = len(asked.codes) < 256
    differing = np.zeros(shape, dtype=np.uint8 if few else np.uint16)
    unlike = np.empty(shape, dtype=np.bool_)
    for c, d in zip(asked.codes, stored.codes, strict=True):
        np.not_equal(c[:, None], d[None, :], out=unlike)
        differing += unlike.view(np.uint8)
    np.multiply(differing, np.float32(2), out=gap)
    total += gap
    return total


def _forget_self(tile: Singles, first_query: int, first_row: int) -> None:
    for i in range(tile.shape[0]):
        j = first_query + i - first_row
        if 0 <= j < tile.shape[1]:
            tile[i, j] = np.inf


def _merge(
    distance: Singles,
    ties: npt.NDArray[np.int64],
    least: Singles,
    count: npt.NDArray[np.int64],
) -> None:
    """Fold one tile's nearest rows into the running ones, in place."""
    tied = np.abs(distance - least) <= TIE
    nearer = (least < distance) & ~tied
    ties[tied] += count[tied]
    ties[nearer] = count[nearer]
    np.minimum(distance, least, out=distance)
