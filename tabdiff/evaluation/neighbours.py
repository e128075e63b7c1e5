"""Nearest real rows of synthetic rows, by exhaustive search in cache-sized tiles.

    d(a, b) = sum_numeric |a - b| / range + 2 · #(categories that differ)

The range is the training rows'. A missing number stands at the training median and is 1 away from
every present one; a missing category is a level. Ties are counted, because tables repeat values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Table

Singles = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8] | npt.NDArray[np.int32]
TILE_QUERIES = 32
TILE_ROWS = 4096
MAX_THREADS = 8
# Sums of float32 that are equal on paper differ by less than this.
TIE = 1e-5


@dataclass(frozen=True)
class Coordinates:
    """Rows in the space: scaled numbers (an indicator of missing after each) and level codes."""

    numbers: list[Singles]
    codes: list[Levels]

    def __len__(self) -> int:
        return len((self.numbers or self.codes)[0])

    def only(self, numbers: slice, codes: slice) -> Coordinates:
        """Some of the numbers and codes."""
        return Coordinates(self.numbers[numbers], self.codes[codes])

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
    second : ndarray, (n_blocks, n_queries)
        Distance of the second nearest row; infinite in a block of one row.
    ties : ndarray, (n_blocks, n_queries)
        How many rows of the block lie at that distance.
    """

    distance: Singles
    second: Singles
    ties: npt.NDArray[np.int64]

    def ratio(self, block: int) -> Singles:
        """Nearest over second nearest distance; 1 where both are 0: twins hide each other."""
        near, next_one = self.distance[block], self.second[block]
        alike = next_one <= TIE
        return np.where(alike, np.float32(1), near / np.where(alike, np.float32(1), next_one))

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
    size = (len(blocks), queries.n_rows)
    found = Nearest(
        np.full(size, np.inf, dtype=np.float32),
        np.full(size, np.inf, dtype=np.float32),
        np.zeros(size, dtype=np.int64),
    )
    asked = space.place(queries)
    for b, block in enumerate(blocks):
        stored = space.place(block)

        def search(q: int, b: int = b, stored: Coordinates = stored) -> None:
            rows = slice(q, q + TILE_QUERIES)
            for r in range(0, len(stored), TILE_ROWS):
                tile = _tile(asked.part(rows), stored.part(slice(r, r + TILE_ROWS)))
                if same_rows and b == 0:
                    _forget_self(tile, q, r)
                _merge(found, b, rows, tile)

        _at_once(search, queries.n_rows)
    return found


def nearest_without_each(queries: Table, rows: Table, space: Space) -> npt.NDArray[np.int64]:
    """For every column, the row that is nearest to each query in all *other* columns.

    Parameters
    ----------
    queries, rows : Table
    space : Space

    Returns
    -------
    ndarray, (D, n_queries)
        Positions in ``rows``; the first of equally near ones.
    """
    n_fields = len(rows.fields)
    distance = np.full((n_fields, queries.n_rows), np.inf, dtype=np.float32)
    place = np.zeros((n_fields, queries.n_rows), dtype=np.int64)
    asked, stored = space.place(queries), space.place(rows)
    parts = _field_parts(rows)

    def search(q: int) -> None:
        ask = asked.part(slice(q, q + TILE_QUERIES))
        every = np.arange(len(ask))
        for r in range(0, len(stored), TILE_ROWS):
            held = stored.part(slice(r, r + TILE_ROWS))
            total = _tile(ask, held)
            for f, (numbers, codes) in enumerate(parts):
                others = total - _tile(ask.only(numbers, codes), held.only(numbers, codes))
                best = others.argmin(axis=1)
                least = others[every, best]
                nearer = np.flatnonzero(least < distance[f, q + every] - TIE)
                distance[f, q + nearer] = least[nearer]
                place[f, q + nearer] = r + best[nearer]

    _at_once(search, queries.n_rows)
    return place


def _field_parts(table: Table) -> list[tuple[slice, slice]]:
    """Which numbers and which codes of the coordinates belong to each field."""
    parts, numbers, codes = [], 0, 0
    for field in table.fields:
        if field.kind == "numeric":
            parts.append((slice(numbers, numbers + 2), slice(0, 0)))
            numbers += 2
        else:
            parts.append((slice(0, 0), slice(codes, codes + 1)))
            codes += 1
    return parts


def _at_once(search: Callable[[int], None], n_queries: int) -> None:
    """Search tile by tile, on all cores: numpy lets go of the interpreter while it computes."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as pool:
        for _ in pool.map(search, range(0, n_queries, TILE_QUERIES)):
            pass


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


def _merge(found: Nearest, block: int, rows: slice, tile: Singles) -> None:
    """Fold one tile's two nearest rows into the running ones; the tile is used up."""
    distance, ties = found.distance[block, rows], found.ties[block, rows]
    every, place = np.arange(len(tile)), tile.argmin(axis=1)
    least = tile[every, place]
    count = (tile <= least[:, None] + TIE).sum(axis=1)
    tile[every, place] = np.inf
    following = np.minimum(tile.min(axis=1), found.second[block, rows])
    found.second[block, rows] = np.minimum(following, np.maximum(least, distance))
    tied = np.abs(distance - least) <= TIE
    nearer = (least < distance) & ~tied
    ties[tied] += count[tied]
    ties[nearer] = count[nearer]
    np.minimum(distance, least, out=distance)
