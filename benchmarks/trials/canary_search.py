"""What of a frame's values is in some bytes: texts by their marks, numbers by their digits."""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import load as load_arrays

from benchmarks.trials.canary_frames import ENDS, MARK_DIGITS, Numbers, Planted

Floats = npt.NDArray[np.float64]

_MARK = re.compile(rf"zq([0-9a-f]{{{MARK_DIGITS}}})|fadefade-?([0-9a-f]{{4}})-?4([0-9a-f]{{2}})")
_NUMBER = re.compile(r"(?<!\d)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?")
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[ t]\d\d:\d\d(?::\d\d)?)?")
# Of itself, so much may a number be off: a neighbour tells it, and so does half a step.
EXACT = 1e-9
# People are shown three digits; the ends of a column lie so far out that these tell them.
SHOWN = 5e-3
LEAST_MAGNITUDE = 1e7


@dataclass(frozen=True)
class Found:
    """What one output holds, whatever it was made from.

    Attributes
    ----------
    marks : set of str
    shown, stored : float64 array
        Numbers written for people, which may be rounded, and in full.
    """

    marks: frozenset[str]
    shown: Floats
    stored: Floats

    def sorts(self, planted: Planted) -> set[str]:
        """Of what sort are the frame's values that are here."""
        found = {sort for sort, marks in planted.marks.items() if marks & self.marks}
        for sort, columns in planted.numbers.items():
            tolerance = SHOWN if sort == ENDS else EXACT
            if any(
                _holds(self.stored, column, EXACT) or _holds(self.shown, column, tolerance)
                for column in columns
            ):
                found.add(sort)
        return found


def _holds(numbers: Floats, column: Numbers, tolerance: float) -> bool:
    forms, at = column.forms, np.searchsorted(column.forms, numbers)
    near = np.stack([forms[np.maximum(at - 1, 0)], forms[np.minimum(at, len(forms) - 1)]])
    return bool((np.abs(near - numbers) <= tolerance * np.abs(near)).any())


def in_text(text: str) -> Found:
    """What a text holds that people read."""
    low = text.lower()
    dates = _DATE.findall(low)
    numbers = [float(number.replace(",", "")) for number in _NUMBER.findall(low)]
    seconds = np.array([d.replace("t", " ") for d in dates], dtype="M8[s]").astype(np.float64)
    shown = np.concatenate([np.abs(numbers), seconds])
    return Found(_marks(low), _large(shown), np.empty(0))


def _marks(low: str) -> frozenset[str]:
    return frozenset("".join(groups) for groups in _MARK.findall(low))


def _large(numbers: Floats) -> Floats:
    return np.unique(numbers[np.abs(numbers) >= LEAST_MAGNITUDE])


def in_frame(frame: pd.DataFrame) -> Found:
    """What a table holds: its cells, its index, and the levels of its dtypes, used or not."""
    levels = [
        frame.iloc[:, at].cat.categories.tolist()
        for at, dtype in enumerate(frame.dtypes)
        if isinstance(dtype, pd.CategoricalDtype)
    ]
    return _as_stored(in_text(f"{frame.to_csv(sep=';')}\n{levels}\n{frame.attrs}"))


def _as_stored(found: Found) -> Found:
    """The same, its numbers being written in full."""
    return Found(found.marks, np.empty(0), found.shown)


def in_file(path: Path) -> Found:
    """What a file holds: a table, a model by its members, or a text."""
    if path.suffix == ".parquet":
        return in_frame(pd.read_parquet(path))
    if path.suffix in (".tabdiff", ".checkpoint"):
        return _in_model(path)
    found = in_text(path.read_text("utf-8"))
    return _as_stored(found) if path.suffix == ".csv" else found


def _in_model(path: Path) -> Found:
    with zipfile.ZipFile(path) as members:
        members_of = {name: members.read(name) for name in members.namelist()}
    arrays = load_arrays(members_of["arrays.safetensors"])
    numbers = [np.ravel(array).astype(np.float64) for array in arrays.values()]
    manifest = members_of["manifest.json"].decode("utf-8")
    told = in_text(manifest + json.dumps(json.loads(manifest), ensure_ascii=False))
    payload = in_bytes(path.read_bytes())
    stored = _large(np.concatenate([told.shown, payload.stored, *numbers]))
    return Found(told.marks | payload.marks, np.empty(0), stored)


def in_bytes(payload: bytes) -> Found:
    """What any bytes hold: texts in Latin letters of any width, numbers of eight bytes anywhere."""
    text = payload.decode("latin-1") + payload.replace(b"\0", b"").decode("latin-1")
    numbers = []
    for shift in range(8):
        words = payload[shift : len(payload) - (len(payload) - shift) % 8]
        numbers.append(np.frombuffer(words, "<i8").astype(np.float64))
        floats = np.frombuffer(words, "<f8")
        numbers.append(floats[np.isfinite(floats)])
    return Found(_marks(text.lower()), np.empty(0), _large(np.concatenate(numbers)))


def in_pickle(thing: Any) -> Found:
    """What an object holds in memory: its pickle's scalars, and the bytes that joblib writes."""
    scalars = " ".join(map(str, _scalars(pickle.dumps(thing, protocol=5))))
    file = io.BytesIO()
    joblib.dump(thing, file)
    told, payload = in_text(scalars), in_bytes(file.getvalue())
    stored = _large(np.concatenate([told.shown, payload.stored]))
    return Found(told.marks | payload.marks, np.empty(0), stored)


def _scalars(payload: bytes) -> Iterator[Any]:
    for _, argument, _ in pickletools.genops(payload):
        if isinstance(argument, str | int | float):
            yield argument
