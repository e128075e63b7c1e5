"""The border: what users hold (pandas, polars, numpy) to pandas, and back to the same container."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from tabdiff.data.cells import Array
from tabdiff.data.errors import SchemaError

CONTAINERS = ("pandas", "polars", "numpy")
_ACCEPTED = "a pandas or polars DataFrame or a 2-D numeric numpy array"


def container_of(df: object) -> str:
    """``pandas``, ``polars`` or ``numpy``.

    Raises
    ------
    TypeError
        For anything else; the message says what is accepted.
    SchemaError
        For an array that is not 2-D or not of real numbers.
    """
    if isinstance(df, pd.DataFrame):
        return "pandas"
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(df, polars.DataFrame):
        return "polars"
    if isinstance(df, np.ndarray):
        if df.ndim != 2 or df.dtype.kind not in "biuf":
            reason = "Complex data not supported: " if df.dtype.kind == "c" else ""
            raise SchemaError(
                f"{reason}expected {_ACCEPTED}. Got an array of shape {df.shape} and dtype "
                f"{df.dtype}. Put it into a DataFrame."
            )
        return "numpy"
    hint = _HINTS.get(type(df).__name__, "")
    if type(df).__module__.startswith("scipy.sparse"):
        hint = " Sparse matrices have no column types: call .toarray() first."
    raise TypeError(f"expected {_ACCEPTED}. Got {type(df).__name__}.{hint}")


_HINTS = {
    "LazyFrame": " Call .collect() first.",
    "Series": " Call .to_frame() first.",
    "dict": " Use pd.DataFrame(…) first.",
    "list": " Use pd.DataFrame(…) first.",
}


def to_pandas(df: object) -> pd.DataFrame:
    """The table as a pandas frame; a pandas frame is returned as it is, not copied.

    Polars columns keep their types as arrow-backed columns, numpy columns are named 0, 1, ….

    Raises
    ------
    TypeError
        If ``df`` is not a table that tabdiff takes.
    SchemaError
        If it is an array that is not 2-D or not of real numbers.
    ImportError
        If a polars frame is given and pyarrow is absent.
    """
    container = container_of(df)
    if container == "polars":
        return _from_polars(df)
    if container == "numpy":
        return pd.DataFrame(cast("np.ndarray[Any, Any]", df))
    return cast(pd.DataFrame, df)


def from_pandas(frame: pd.DataFrame, container: str, polars_types: dict[str, str]) -> Any:
    """The container that :func:`to_pandas` was given.

    Parameters
    ----------
    frame : DataFrame
    container : str
    polars_types : dict
        ``Categorical`` or ``Enum`` for the polars columns that are so.
    """
    if container == "numpy":
        return frame.to_numpy()
    return _to_polars(frame, polars_types) if container == "polars" else frame


def in_container_of(df: object, frame: pd.DataFrame) -> Any:
    """``frame`` in the container of ``df``, a table with the same columns."""
    container = container_of(df)
    return from_pandas(frame, container, polars_types(df) if container == "polars" else {})


def select(frame: pd.DataFrame, labels: Iterable[Hashable]) -> pd.DataFrame:
    """Those columns, in that order.

    By their places: pandas reads a list of truths as a mask, and NumPy makes one type of labels.
    """
    places: dict[Hashable, int] = {label: at for at, label in enumerate(frame.columns)}
    return frame.iloc[:, [places[label] for label in labels]]


def take(frame: pd.DataFrame, rows: Array) -> pd.DataFrame:
    """Those rows, each column in its dtype; the index counts from 0.

    pandas alone widens the numbers of a sparse column where its fill value is taken.
    """
    taken = frame.iloc[rows].reset_index(drop=True)
    for at, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pd.SparseDtype):
            taken.isetitem(at, taken.iloc[:, at].astype(dtype).array)
    return taken


def concat(frames: Sequence[Any]) -> Any:
    """Tables of one container and the same columns, one below the other.

    Parameters
    ----------
    frames : sequence of DataFrame or ndarray, at least one

    Returns
    -------
    DataFrame or ndarray
        Dtypes as they were; pandas' index counts from 0.
    """
    container = container_of(frames[0])
    if container == "numpy":
        return np.concatenate(frames)
    if container == "polars":
        import polars as pl

        return pl.concat(frames)
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    joined = pd.concat(frames, ignore_index=True)
    for at, dtype in enumerate(frames[0].dtypes):
        own = [frame.iloc[:, at] for frame in frames]
        if dtype == np.dtype(object):
            # pandas makes NaN of None and NA where a whole piece is missing.
            joined.isetitem(
                at, pd.Series(np.concatenate([piece.array for piece in own]), dtype=object)
            )
        # Identifiers of a categorical dtype have other categories in every chunk.
        elif isinstance(dtype, pd.CategoricalDtype) and joined.dtypes.iloc[at] != dtype:
            # Those of an ordered one follow each other as their rows do.
            whole = union_categoricals(own, ignore_order=True)
            joined.isetitem(at, pd.Series(whole.as_ordered() if dtype.ordered else whole))
    return joined


def require_pyarrow() -> Any:
    """The pyarrow module.

    Raises
    ------
    ImportError
        With the command that installs it.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "polars frames and arrow columns need pyarrow. Run: pip install 'tabdiff[io]'"
        ) from error
    return pyarrow


def _from_polars(df: Any) -> pd.DataFrame:
    require_pyarrow()
    import polars as pl

    columns = {name: _from_polars_column(df[name], pl) for name in df.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(df.height), copy=False)


def _from_polars_column(series: Any, pl: Any) -> pd.Series:
    dtype = series.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        texts = series.cast(pl.String).to_list()
        if isinstance(dtype, pl.Enum):
            levels = dtype.categories.to_list()
        else:
            levels = sorted({text for text in texts if text is not None})
        index = pd.Index(levels, dtype=object)
        return pd.Series(pd.Categorical(texts, categories=index))
    if isinstance(dtype, pl.Object):
        raise SchemaError(f"column {series.name!r} (Object): polars objects. Cast it or drop it.")
    pa = require_pyarrow()
    try:
        array = series.rechunk().to_arrow()
    except pa.ArrowException as error:
        raise SchemaError(
            f"column {series.name!r} ({dtype}): arrow has no such type. Cast it or drop it."
        ) from error
    return pd.Series(pd.arrays.ArrowExtensionArray(array))


def _to_polars(frame: pd.DataFrame, polars_types: dict[str, str]) -> Any:
    pa = require_pyarrow()
    import polars as pl

    columns = []
    for name, series in frame.items():
        if name in polars_types:
            values = series.astype(object).where(series.notna(), None).tolist()
            texts = pl.Series(str(name), values, dtype=pl.String)
            enum = pl.Enum(series.cat.categories.tolist())
            columns.append(
                texts.cast(enum if polars_types[str(name)] == "Enum" else pl.Categorical)
            )
        else:
            array = pa.chunked_array([pa.array(series.array)])
            columns.append(pl.Series(str(name), pl.from_arrow(array)))
    return pl.DataFrame(columns)


def polars_types(df: Any) -> dict[str, str]:
    """The columns of a polars frame whose type arrow does not tell."""
    import polars as pl

    return {
        name: "Enum" if isinstance(dtype, pl.Enum) else "Categorical"
        for name, dtype in df.schema.items()
        if isinstance(dtype, pl.Categorical | pl.Enum)
    }
