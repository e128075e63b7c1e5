"""Moments as ISO text: counts of seconds since 1970, of any year that four digits can write."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tabdiff.data.cells import Array

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = r"[0-9]{2}:[0-9]{2}"
# In strptime's words, each with what its texts look like and the unit of the last field.
_FORMATS = {
    "%Y-%m-%d": (re.compile(_DATE), "D"),
    "%Y-%m-%d %H:%M": (re.compile(f"{_DATE} {_MINUTE}"), "m"),
    "%Y-%m-%d %H:%M:%S": (re.compile(f"{_DATE} {_MINUTE}:[0-9]{{2}}"), "s"),
    "%Y-%m-%dT%H:%M": (re.compile(f"{_DATE}T{_MINUTE}"), "m"),
    "%Y-%m-%dT%H:%M:%S": (re.compile(f"{_DATE}T{_MINUTE}:[0-9]{{2}}"), "s"),
}


def format_of(texts: Sequence[str]) -> str:
    """The format in which all texts are moments; empty if there is none.

    Parameters
    ----------
    texts : sequence of str, at least one
    """
    for text_format in _FORMATS:
        try:
            read_seconds(texts, text_format)
        except ValueError:
            continue
        return text_format
    return ""


def read_seconds(texts: Sequence[str], text_format: str) -> Array:
    """The counts of texts, int64, (n,).

    Raises
    ------
    ValueError
        If one is no moment in this format.
    """
    pattern, _ = _known(text_format)
    for text in texts:
        if pattern.fullmatch(text) is None:
            raise ValueError(f"{text!r} is not written as {text_format}")
    # pandas would take them through nanoseconds, which end in 2262.
    return np.array(texts, dtype="M8[s]").astype(np.int64)


def write_seconds(counts: Array, text_format: str) -> list[str]:
    """The texts of counts of seconds, what is finer than the format cut off.

    Raises
    ------
    ValueError
        If the format is none of ours.
    """
    _, unit = _known(text_format)
    texts: Array = np.datetime_as_string(counts.astype("M8[s]").astype(f"M8[{unit}]"))
    spaced = " " in text_format and len(texts)
    return (np.char.replace(texts, "T", " ") if spaced else texts).tolist()


def _known(text_format: str) -> tuple[re.Pattern[str], str]:
    if text_format not in _FORMATS:
        raise ValueError(f"moments are not written as {text_format!r}")
    return _FORMATS[text_format]
