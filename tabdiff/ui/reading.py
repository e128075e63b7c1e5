"""A table from a file that somebody dropped on the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tabdiff.files import read_table
from tabdiff.ui.limits import Limits

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".tsv")
_LONGEST_HEADER = 1_000_000  # bytes


class RefusedError(ValueError):
    """What the page does not do; the message says why, and what to do."""


def check_name(name: str) -> None:
    """Refuse a file that is of no kind the page reads.

    Compressed files are none: how large they are shows only while they are read.

    Raises
    ------
    RefusedError
    """
    if not name.lower().endswith(ENDINGS):
        raise RefusedError(
            f"{name}: the page reads .csv and .tsv. Other kinds: use the command line, "
            "tabdiff fit --help."
        )


def read_dropped(path: Path, name: str, limits: Limits) -> pd.DataFrame:
    """The table in a file, within limits that are judged before it is read whole.

    Where the header has no comma, a semicolon, tab or bar in it separates the columns.

    Parameters
    ----------
    path : Path
        Where the file lies; its ending is one of `ENDINGS`.
    name : str
        What the user calls it, in messages.

    Raises
    ------
    RefusedError
        If it is beyond the limits.
    ValueError
        If it is no table.
    """
    header = _header(path)
    separator = None
    if path.suffix == ".csv" and "," not in header:
        separator = next((mark for mark in ";\t|" if mark in header), None)
    n_columns = header.count(separator or {".csv": ",", ".tsv": "\t"}[path.suffix]) + 1
    if n_columns > limits.columns:
        raise RefusedError(
            f"{name} has {n_columns:,} columns or more, the page takes {limits}. Leave columns "
            "out, or use the command line, which has no limit: tabdiff fit."
        )
    if (n_lines := _lines(path)) > limits.rows + 1:
        raise RefusedError(
            f"{name} has {n_lines:,} lines, the page takes {limits}. Take some of the rows, or "
            "use the command line, which has no limit: tabdiff fit."
        )
    try:
        return read_table(str(path), separator=separator)
    except ValueError as error:
        raise RefusedError(str(error).replace(str(path), name)) from error


def _header(path: Path) -> str:
    """The first line, as far as it matters here; what is no text is told when it is read."""
    with path.open("rb") as file:
        return file.readline(_LONGEST_HEADER).decode("utf-8-sig", errors="replace")


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
