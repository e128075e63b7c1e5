"""Tables from and to CSV and Parquet files.

A CSV file has no types, so reading one is guessing; these are the guesses, the same for every
file and row count:

* A column is of integers or of decimal numbers if every cell is written as one, and of truth
  values if every cell is ``True`` or ``False``. ``007`` and ``1,234`` are text, so that codes keep
  their zeros. Everything else is text, dates in ISO 8601 included: the schema knows those.
* An empty cell is missing. Words such as ``NA``, ``NaN``, ``null`` or ``None`` are missing among
  numbers and truth values only; among text they are words (``NA`` is Namibia, too). `na` names
  more.
* What is missing and what is an empty text cannot be told apart in CSV; Parquet can.
"""

import glob
import gzip
import io
import itertools
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from tabdiff.disk import OWNER_ONLY, making_folder, replacing

STANDARD_STREAM = "-"
# Of each of the files in a folder, about.
PART_ROWS = 1_000_000
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet", ".pq")
_ENDINGS = ".csv, .tsv (both also with .gz), .parquet or .pq"

_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DECIMAL = re.compile(
    r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?",
    re.ASCII | re.IGNORECASE,
)
_TRUTH = {"True": True, "False": False}
_MISSING_WORDS = {"#n/a", "n/a", "na", "nan", "<na>", "nat", "null", "none"}
# The last four are full-width signs, which spreadsheets of some languages take for the others.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def read_table(
    path: str,
    na: Collection[str] = (),
    separator: str | None = None,
    like: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The table in a file, or the CSV on the standard input for ``-``.

    Parameters
    ----------
    path : str
        Its ending says what it is.
    na : collection of str
        Cells of a CSV that are missing, besides the empty ones.
    separator : str, optional
        Of a CSV; a comma if None, a tab in ``.tsv``.
    like : DataFrame, optional
        A table with the same columns: what is text or an instant there becomes that here, too,
        so that a sample without any ``007`` still has text.

    Raises
    ------
    ValueError
        If the file is no table, or not of a kind that can be read.
    OSError
        If it cannot be opened.
    ImportError
        If it is Parquet and pyarrow is absent.
    """
    if _ending(path) in _PARQUET:
        return _read_parquet(path)
    rows = _read_cells(path, separator or _SEPARATORS[_ending(path)], guess=separator is None)
    names = [str(name) for name in rows.iloc[0]]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        listed = ", ".join(map(repr, repeated))
        raise ValueError(f"{path}: column names must differ, repeated: {listed}. Rename them.")
    cells = rows.iloc[1:]
    missing = frozenset(["", *na])
    types = {} if like is None else like.dtypes.to_dict()
    columns = {
        name: _column(path, name, cells.iloc[:, place].to_numpy(object), missing, types.get(name))
        for place, name in enumerate(names)
    }
    return pd.DataFrame(columns, index=range(len(cells)))


def write_table(
    path: str,
    frames: Iterable[pd.DataFrame],
    separator: str | None = None,
    formula_safe: bool = False,
    private: bool = False,
) -> int:
    """Write frames, one below the other, to one file, or as CSV to the standard output for ``-``.

    The file appears whole or not at all. Only one frame is held at a time.

    Parameters
    ----------
    path : str
        Its ending says what it becomes; one that ends in a slash becomes a folder of Parquet files
        of about a million rows, which appears as a whole, too.
    frames : iterable of DataFrame
        At least one.
    separator : str, optional
        Of a CSV; a comma if None, a tab in ``.tsv``.
    formula_safe : bool
        Put ``'`` in front of text in a CSV that a spreadsheet would run as a formula.
    private : bool
        Make the file readable by its owner only, as the rows hold real values.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ValueError
        If the ending is of no kind that can be written.
    OSError
        If the file cannot be written; what was there is as it was.
    ImportError
        If it is Parquet and pyarrow is absent.
    """
    if _is_folder(path):
        return _write_folder(path, frames, private)
    if _ending(path) in _PARQUET:
        with _output(path, private) as file:
            return _write_parquet(path, file, iter(frames))
    separator = separator or _SEPARATORS[_ending(path)]
    n_rows = 0
    with _output(path, private) as file, _compressed(path, file) as packed:
        for number, frame in enumerate(frames):
            shown = _disarmed(frame) if formula_safe else frame
            text = shown.to_csv(header=number == 0, index=False, sep=separator, lineterminator="\n")
            packed.write(text.encode("utf-8"))
            n_rows += len(frame)
    return n_rows


def check_path(path: str) -> None:
    """Raise ValueError if `path` has an ending of no kind that can be written."""
    if not _is_folder(path):
        _ending(path)


def is_many(path: str) -> bool:
    """Whether a path means several files: a folder, or a pattern that is no file's name."""
    return os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path))


def _is_folder(path: str) -> bool:
    """Whether the name says that it is one."""
    return path.endswith(("/", os.sep))


def _ending(path: str) -> str:
    if path == STANDARD_STREAM or _is_device(path):
        return ".csv"
    ending = Path(path.lower().removesuffix(".gz")).suffix
    if ending in _SEPARATORS or (ending in _PARQUET and not path.lower().endswith(".gz")):
        return ending
    raise ValueError(f"{path}: the kind of table is told by the ending. Known: {_ENDINGS}.")


def _read_cells(path: str, separator: str, guess: bool) -> pd.DataFrame:
    """Every cell as text, the names in the first row."""
    with _input(path) as file:
        try:
            rows = pd.read_csv(
                file,
                sep=separator,
                header=None,
                dtype=object,
                na_filter=False,
                encoding="utf-8-sig",
            )
        except pd.errors.EmptyDataError as error:
            raise ValueError(f"{path}: the file is empty.") from error
        except pd.errors.ParserError as error:
            reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
            raise ValueError(f"{path}: not a table: {reason}.") from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}: not UTF-8 text ({error.reason} at byte {error.start:,}). "
                "Save it as UTF-8."
            ) from error
        except gzip.BadGzipFile as error:
            raise ValueError(f"{path}: ends in .gz and is not compressed.") from error
        except EOFError as error:
            raise ValueError(f"{path}: cut short.") from error
    other = next((mark for mark in ";\t|" if mark in str(rows.iloc[0, 0])), None)
    if guess and rows.shape[1] == 1 and other is not None:
        raise ValueError(
            f"{path}: one column only, named {rows.iloc[0, 0]!r}. If its columns are separated by "
            f"{other!r}, pass --separator {other!r}; if it is right so, pass --separator ','."
        )
    return rows


def _column(
    path: str, name: str, cells: np.ndarray, missing: frozenset[str], like: Any
) -> pd.Series:
    """Cells of text as what all of them can be."""
    codes, levels = pd.factorize(cells)
    texts = levels.tolist()
    is_text = like is not None and pd.api.types.is_string_dtype(like)
    typed = None if is_text else _numbers(codes, texts, missing)
    if typed is not None:
        # Where nothing tells, a float would turn what is written there later into 1.0.
        whole = like is not None and pd.api.types.is_integer_dtype(like)
        return typed.astype("Int64") if whole and typed.isna().all() else typed
    values = np.array([None if text in missing else text for text in texts], dtype=object)
    column = pd.Series(values[codes] if len(texts) else values, dtype=object)
    if like is not None and pd.api.types.is_datetime64_any_dtype(like):
        try:
            return pd.to_datetime(column, format="ISO8601").astype(like)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: column {name!r} has to be of dates: {error}.") from error
    return column.astype(like) if is_text else column


def _numbers(codes: np.ndarray, texts: list[str], missing: frozenset[str]) -> pd.Series | None:
    """Integers, decimals or truth values; None if the cells are text."""
    empty = np.array(
        [text in missing or text.strip().lower() in _MISSING_WORDS for text in texts], dtype=bool
    )
    shown = [text for text, is_empty in zip(texts, empty, strict=True) if not is_empty]
    if not shown:
        # Nothing but words is text; nothing at all is a column without values.
        return None if any(text not in missing for text in texts) else _nothing(len(codes))
    parsed: np.ndarray | None
    if all(map(_INTEGER.fullmatch, shown)):
        parsed = _integers(shown)
    elif all(map(_DECIMAL.fullmatch, shown)):
        parsed = np.array([float(text) for text in shown])
    elif all(text in _TRUTH for text in shown):
        parsed = np.array([_TRUTH[text] for text in shown])
    else:
        parsed = None
    return None if parsed is None else _spread(parsed, codes, empty)


def _integers(texts: list[str]) -> np.ndarray | None:
    """64 bits with a sign, or without one; None where they do not suffice."""
    if max(map(len, texts)) > len(str(-(2**63))):
        return None
    values = [int(text) for text in texts]
    for dtype in (np.int64, np.uint64):
        bounds = np.iinfo(dtype)
        if bounds.min <= min(values) and max(values) <= bounds.max:
            return np.array(values, dtype=dtype)
    return None


def _spread(parsed: np.ndarray, codes: np.ndarray, empty: np.ndarray) -> pd.Series:
    """One value per row; integers and truth values stay what they are beside missing ones."""
    values = np.zeros(len(empty), dtype=parsed.dtype)
    values[~empty] = parsed
    mask = empty[codes]
    if not mask.any():
        return pd.Series(values[codes])
    if parsed.dtype.kind == "f":
        return pd.Series(np.where(mask, np.nan, values[codes]))
    if parsed.dtype.kind == "b":
        return pd.Series(pd.arrays.BooleanArray(values[codes], mask))
    return pd.Series(pd.arrays.IntegerArray(values[codes], mask))


def _nothing(n_rows: int) -> pd.Series:
    return pd.Series(np.full(n_rows, np.nan))


def _disarmed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that begins like a formula, with ``'`` in front; numbers as they are."""
    columns = [
        column
        if pd.api.types.is_numeric_dtype(column.dtype)
        else column.astype(object).map(_disarm)
        for column in (frame.iloc[:, place] for place in range(frame.shape[1]))
    ]
    safe = pd.concat(columns, axis=1) if columns else frame.copy()
    safe.columns = pd.Index([_disarm(name) for name in frame.columns], dtype=object)
    return safe


def _disarm(cell: Any) -> Any:
    if isinstance(cell, tuple):  # the name of a column with several levels
        return tuple(map(_disarm, cell))
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _read_parquet(path: str) -> pd.DataFrame:
    _require_pyarrow(path)
    import pyarrow
    from pyarrow import parquet

    try:
        return pd.read_parquet(path, engine="pyarrow")
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path}: not a Parquet table: {error}") from error
    except (TypeError, pyarrow.ArrowNotImplementedError) as error:
        # pandas writes some dtypes that it cannot read again, such as its own of arrow's lists.
        fields = parquet.read_schema(path)
        nested = [repr(field.name) for field in fields if pyarrow.types.is_nested(field.type)]
        raise ValueError(
            f"{path}: pandas cannot read what is in it ({error}). Columns of lists or structs: "
            f"{', '.join(nested) or 'none'}. Expand them (df.explode) or drop them."
        ) from error


def _write_folder(path: str, frames: Iterable[pd.DataFrame], private: bool) -> int:
    n_rows, rest = 0, iter(frames)
    with making_folder(path, 0o700 if private else 0o777) as folder:
        for number in itertools.count():
            with open(folder / f"part-{number:05d}.parquet", "wb") as file:
                n_rows += _write_parquet(path, file, rest, PART_ROWS)
                file.flush()
                os.fsync(file.fileno())
            if (first := next(rest, None)) is None:
                return n_rows
            rest = itertools.chain([first], rest)
    raise AssertionError("files are counted without end")


def _write_parquet(
    path: str, file: BinaryIO, frames: Iterator[pd.DataFrame], most: int | None = None
) -> int:
    """Write frames until there are none left, or so many rows are written; how many were."""
    _require_pyarrow(path)
    import pyarrow
    from pyarrow import parquet

    n_rows = 0
    writer = None
    try:
        for frame in frames:
            if writer is None:
                schema = arrow_schema(frame)
                writer = parquet.ParquetWriter(file, schema)
            writer.write_table(
                pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
            )
            n_rows += len(frame)
            if most is not None and n_rows >= most:
                break
    finally:
        if writer is not None:
            writer.close()
    return n_rows


def arrow_schema(frame: pd.DataFrame) -> Any:
    """Types of the first frame; a column of missing cells may hold text further down."""
    import pyarrow

    schema = pyarrow.Table.from_pandas(frame, preserve_index=False).schema
    for place, field in enumerate(schema):
        if pyarrow.types.is_null(field.type):
            schema = schema.set(place, field.with_type(pyarrow.string()))
    return schema


def _require_pyarrow(path: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{path}: Parquet needs pyarrow. Run: pip install 'tabdiff[io]'"
        ) from error


@contextmanager
def _input(path: str) -> Iterator[BinaryIO]:
    if path == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    with open(path, "rb") as file:
        if path.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield file


@contextmanager
def _output(path: str, private: bool) -> Iterator[BinaryIO]:
    if path == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif _is_device(path):
        with open(path, "wb") as file:
            yield file
    else:
        with replacing(path, OWNER_ONLY if private else 0o666) as file:
            yield file


def _is_device(path: str) -> bool:
    """Whether `path` is a pipe or a device such as /dev/null, which cannot be replaced."""
    if not os.path.exists(path):
        return False
    mode = os.stat(path).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _compressed(path: str, file: BinaryIO) -> Iterator[BinaryIO]:
    """Through gzip where the name ends so; without a date, so that equal rows give equal bytes."""
    if not path.lower().endswith(".gz"):
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield packed  # type: ignore[misc]
