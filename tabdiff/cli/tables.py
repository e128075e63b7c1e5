"""Tables on their way between files and a model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tabdiff.cli.where import label_of

if TYPE_CHECKING:
    import pandas as pd

    from tabdiff.cli.models import Synthesizer


def as_pandas(frame: Any) -> pd.DataFrame:
    """The same rows in pandas: models that were made in Python may give polars frames or arrays."""
    from tabdiff.data.schema import to_pandas

    return to_pandas(frame)


def read_for(
    synth: Synthesizer, path: str, na: tuple[str, ...], separator: str | None
) -> pd.DataFrame:
    """The table in a file, in the types and with the labels of the model where they are the same.

    Raises
    ------
    ValueError, OSError, ImportError
        As :func:`tabdiff.files.read_table` does.
    """
    from tabdiff.files import read_table

    like = as_pandas(synth.sample(0, random_state=0))
    for place, column in enumerate(synth.schema_.columns):
        if all(isinstance(level, str) for level in column.categories or [0]):
            like.isetitem(place, like.iloc[:, place].to_numpy(object))
    like.columns = [str(label) for label in like.columns]
    frame = read_table(path, na, separator, like=like)
    frame.columns = [label_of(str(label), synth.schema_) for label in frame.columns]
    return frame


def counted(frames: Iterator[pd.DataFrame], n_rows: int, quiet: bool) -> Iterator[pd.DataFrame]:
    """The same frames, with a progress bar where somebody is looking."""
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(total=n_rows, desc="sample", unit="row", unit_scale=True, disable=hidden) as bar:
        for frame in frames:
            yield frame
            bar.update(len(frame))
