"""The result file: one run per line, and the questions that the pages ask of it.

A row says what was run (set, rows, columns, method, seed), where (threads, processor, versions),
and either its cost and figures or, under "error", why there are none.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.methods import METHODS

Row = dict[str, Any]
HEADLINE = "c2st_sdmetrics"


class Size(NamedTuple):
    """A training table of the file; a set cut to fewer rows is another table."""

    name: str
    rows: int
    columns: int


def read(path: Path) -> list[Row]:
    """Every row; none if there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def append(path: Path, row: Row) -> None:
    """Add one row."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def key(row: Row) -> tuple[str, int, str, int]:
    """What makes a run: two rows of one key are the same run."""
    return row["set"], row["rows"], row["method"], row["seed"]


def tables(rows: list[Row]) -> list[Size]:
    """The tables of the file, as they first come."""
    return list(dict.fromkeys(_size(row) for row in rows))


def methods(rows: list[Row]) -> list[str]:
    """The methods of the rows, in the order of `METHODS`."""
    run = {row["method"] for row in rows}
    return [method for method in METHODS if method in run]


def of_table(rows: list[Row], table: Size) -> list[Row]:
    """The rows of one table."""
    return [row for row in rows if _size(row) == table]


def of_method(rows: list[Row], method: str) -> list[Row]:
    """The rows of one method."""
    return [row for row in rows if row["method"] == method]


def finished(rows: list[Row]) -> list[Row]:
    """The rows that have figures."""
    return [row for row in rows if "error" not in row]


def quality(rows: list[Row]) -> float:
    """The headline figure: the median C2ST of finished rows."""
    return statistics.median(row[HEADLINE] for row in rows)


def seconds(rows: list[Row]) -> float:
    """To fit and to sample: the median of finished rows."""
    return statistics.median(row["fit_seconds"] + row["sample_seconds"] for row in rows)


def _size(row: Row) -> Size:
    return Size(row["set"], row["rows"], row["columns"])
