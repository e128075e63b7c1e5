"""JSON that reads back exactly as it was written, and that a hostile author cannot abuse.

Stricter than the standard library in both directions. Writing refuses what JSON would change
(tuples, integer keys, NaN); reading refuses what has two meanings (a repeated key, NaN, 1e999) or
costs far more to hold than to send (deep nesting, endless integers, millions of empty lists).
"""

import json
import math
import re
from typing import Any

import numpy as np

BYTES_LIMIT = 64 * 2**20
TOKENS_LIMIT = 2_000_000  # brackets and commas: up to 150 bytes of memory each once parsed
DEPTH_LIMIT = 64
DIGITS_LIMIT = 4300  # of one integer; Python's own bound, whatever the environment says


def dumps(value: object, where: str) -> bytes:
    """Canonical ASCII text of `value`: sorted keys, no spaces. `where` names it in errors.

    Raises
    ------
    TypeError
        If something in it is not plain JSON, with its place.
    ValueError
        If something in it is not finite, or the whole is larger than `loads` takes.
    """
    _check_plain(value, where, DEPTH_LIMIT)
    text = json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))
    encoded = text.encode("ascii")
    try:
        _check_size(encoded)
    except ValueError as error:
        raise ValueError(
            f"{where} is too large to keep: {error}. Columns with very many distinct values cause "
            "this: drop them or declare them identifiers."
        ) from error
    return encoded


def loads(text: bytes) -> Any:
    """Parse strict JSON.

    Raises
    ------
    ValueError
        If `text` is not JSON, or is beyond one of the limits.
    """
    _check_size(text)
    return json.loads(
        text.decode("ascii"),
        object_pairs_hook=_unique,
        parse_constant=_refuse_constant,
        parse_float=_finite,
        parse_int=_bounded,
    )


def _check_plain(value: object, where: str, depth: int) -> None:
    if depth < 0:
        raise ValueError(f"{where} is nested deeper than {DEPTH_LIMIT} levels.")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"{where}: keys must be str. Got {key!r} ({type(key).__name__}).")
            _check_plain(item, f"{where}[{key!r}]", depth - 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_plain(item, f"{where}[{position}]", depth - 1)
    elif type(value) is float:
        if not math.isfinite(value):
            raise ValueError(f"{where}: JSON has no {value}. Use None or a string.")
    elif value is not None and type(value) not in (bool, int, str):
        raise TypeError(
            f"{where}: must be a dict, list, str, int, float, bool or None. "
            f"Got {value!r:.80} ({type(value).__name__}): convert it first."
        )


# The closing quote is optional so that a string without end is passed over once, not at every
# quote in it.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_TOKENS = b"[]{},"
_NOT_TOKENS = bytes(set(range(256)) - set(_TOKENS))
_STEP = np.zeros(256, dtype=np.int32)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1


def _check_size(text: bytes) -> None:
    if len(text) > BYTES_LIMIT:
        raise ValueError(f"{len(text):,} bytes, at most {BYTES_LIMIT:,}")
    tokens = _STRING.sub(b"", text).translate(None, _NOT_TOKENS)
    if len(tokens) > TOKENS_LIMIT:
        raise ValueError(f"{len(tokens):,} commas and brackets, at most {TOKENS_LIMIT:,}")
    depth = np.cumsum(_STEP[np.frombuffer(tokens, dtype=np.uint8)], dtype=np.int32)
    if depth.max(initial=0) > DEPTH_LIMIT + 1:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is out of range")
    return value


def _bounded(text: str) -> int:
    if len(text) > DIGITS_LIMIT:
        raise ValueError(f"an integer of {len(text):,} digits, at most {DIGITS_LIMIT:,}")
    return int(text)
