"""Write the golden files of this format version anew: ``python -m tests.golden.make``.

Files of a released format are never made again: they are what older versions wrote.
"""

import json
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tabdiff.data.frames import to_pandas
from tabdiff.persistence import FORMAT_VERSION
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer
from tests.golden.subjects import SUBJECTS

HERE = Path(__file__).parent
SEED = 11


def rows_of(synth: DiffusionSynthesizer | TimeSeriesDiffusionSynthesizer, name: str) -> Any:
    """The rows that are stored: few, of one seed, in float32 on every processor."""
    with (
        patch("tabdiff.sampler.autocast_for", return_value=nullcontext),
        patch("tabdiff.sequences.autocast_for", return_value=nullcontext),
    ):
        return synth.sample(1 if name == "months" else 3, random_state=SEED)


def described(frame: Any) -> dict[str, Any]:
    """Labels, dtypes and cells of a frame as text, with the type of each cell."""
    own = to_pandas(frame)
    columns = [own.iloc[:, at] for at in range(own.shape[1])]
    return {
        "container": type(frame).__module__.partition(".")[0],
        "labels": [repr(label) for label in own.columns],
        "dtypes": [str(column.dtype) for column in columns],
        "cells": [[_told(cell) for cell in column.tolist()] for column in columns],
    }


def _told(cell: Any) -> list[str]:
    return [type(cell).__name__, repr(cell) if isinstance(cell, str | bytes) else str(cell)]


def main() -> None:
    folder = HERE / f"format_{FORMAT_VERSION}"
    folder.mkdir(exist_ok=True)
    for name, build in SUBJECTS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            synth = build()
        synth.save(folder / f"{name}.tabdiff")
        stored = json.dumps(described(rows_of(synth, name)), indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(stored + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
