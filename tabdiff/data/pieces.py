"""Tables that come piece by piece, and can come again: files, datasets, frames made on demand."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd

from tabdiff.data.frames import container_of

# Rows that are in memory at once, about; those of a larger frame are taken in turn.
AT_ONCE = 2**17
_AGAIN = (
    "Learning goes through the rows twice: give what can be gone through again, such as a function "
    "that makes it anew, fit(lambda: frames())."
)
_PARQUET = (".parquet", ".pq")
# What others make tables of, which is refused, or taken, as one table.
_KNOWN = ("pandas", "polars", "numpy", "scipy", "torch")


class Pieces:
    """Frames of the same columns, one below the other.

    Parameters
    ----------
    source : callable
        Begins anew at every call.
    """

    def __init__(self, source: Callable[[], Iterable[Any]]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Any]:
        """Frames of at most ``AT_ONCE`` rows, at least one of them, in their containers.

        Raises
        ------
        TypeError
            If one is no frame.
        """
        for number, frame in enumerate(self._source()):
            try:
                container_of(frame)
            except TypeError as error:
                raise TypeError(f"piece {number}: {error}") from error
            # pandas alone reads the bounds of a slice as labels where these are floats.
            rows = frame.iloc if isinstance(frame, pd.DataFrame) else frame
            for first in range(0, len(frame), AT_ONCE):
                yield rows[first : first + AT_ONCE]


def pieces_of(X: Any) -> Pieces | None:
    """What a table comes from piece by piece; None where it is a table, or nothing known.

    Parameters
    ----------
    X : str or path, pyarrow Dataset, callable, or iterable of frames
        Parquet files by a pattern such as ``data/*.parquet``, a folder of them, or one of them; a
        function that returns an iterable of frames; or an object whose ``iter()`` begins anew.

    Raises
    ------
    TypeError
        If it can be gone through once only.
    FileNotFoundError, ValueError
        If there are no such files, or they are not Parquet.
    ImportError
        If pyarrow is absent and needed.
    """
    if isinstance(X, str | os.PathLike):
        return _of_files(os.fspath(X))
    arrow = sys.modules.get("pyarrow.dataset")
    if arrow is not None and isinstance(X, arrow.Dataset):
        return Pieces(lambda: _frames_of(X))
    if hasattr(X, "__next__"):
        raise TypeError(f"a {type(X).__name__} can be gone through once only. {_AGAIN}")
    if callable(X) and not isinstance(X, type):
        return Pieces(lambda: _begun(X))
    if isinstance(X, list | tuple):
        return Pieces(lambda: X) if X and all(map(_is_frame, X)) else None
    own = type(X).__module__.partition(".")[0]
    if own in (*_KNOWN, "builtins") or not hasattr(X, "__iter__"):
        return None
    return Pieces(lambda: X)


def _is_frame(value: object) -> bool:
    """Whether a value is a pandas or polars frame: lists of anything else were never tables."""
    module = type(value).__module__.partition(".")[0]
    return type(value).__name__ == "DataFrame" and module in ("pandas", "polars")


def _begun(source: Callable[[], Iterable[Any]]) -> Iterable[Any]:
    made = source()
    if isinstance(made, pd.DataFrame) or not hasattr(made, "__iter__"):
        raise TypeError(
            f"the function must return an iterable of frames. Got {type(made).__name__}."
        )
    return made


def _of_files(pattern: str) -> Pieces:
    """Parquet files in the order of their names."""
    if os.path.isdir(pattern):
        paths = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(pattern)
            for name in names
            if name.lower().endswith(_PARQUET)
        ]
    else:
        paths = [pattern] if os.path.exists(pattern) else glob.glob(pattern, recursive=True)
    if not paths:
        raise FileNotFoundError(
            f"{pattern!r}: there are no Parquet files. Give a pattern such as 'data/*.parquet', a "
            "folder or a file."
        )
    if others := [path for path in paths if not path.lower().endswith(_PARQUET)]:
        raise ValueError(
            f"{others[0]!r} is no Parquet file. Read others yourself, piece by piece: "
            f"fit(lambda: pandas.read_csv({others[0]!r}, chunksize=100_000))."
        )
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            f"{pattern}: Parquet needs pyarrow. Run: pip install 'tabdiff[big]'"
        ) from error
    whole = dataset.dataset(sorted(paths), format="parquet")
    return Pieces(lambda: _frames_of(whole))


def _frames_of(whole: Any) -> Iterator[pd.DataFrame]:
    """The rows of a pyarrow dataset, with its types; dictionaries as what they stand for."""
    import pyarrow as pa
    from pyarrow import dataset

    schema = whole.schema
    for place, field in enumerate(schema):
        if pa.types.is_dictionary(field.type):
            schema = schema.set(place, field.with_type(field.type.value_type))
    # What is read ahead is memory, too.
    options = dataset.ParquetFragmentScanOptions(pre_buffer=False)
    batches = whole.to_batches(
        batch_size=AT_ONCE,
        batch_readahead=1,
        fragment_readahead=1,
        fragment_scan_options=options,
        use_threads=False,
    )
    for batch in batches:
        if batch.num_rows:
            table = pa.Table.from_batches([batch]).cast(schema)
            columns = [
                pd.Series(pd.arrays.ArrowExtensionArray(column)) for column in table.itercolumns()
            ]
            frame = pd.concat(columns, axis=1)
            frame.columns = pd.Index(table.column_names)
            yield frame
