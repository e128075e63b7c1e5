"""What a column encoder gives and takes, and the checks that reading its state shares."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from tabdiff.data.cells import Array, Cells

State = tuple[dict[str, Any], dict[str, Array]]


class Parts(NamedTuple):
    """The parts of one column: at most one categorical and one numeric.

    Attributes
    ----------
    cat : int64 array, (n,), or None
    num : float64 array, (n,), or None
    """

    cat: Array | None
    num: Array | None


class Options(NamedTuple):
    """The ways in which a cell can meet a condition.

    Attributes
    ----------
    level : int64 array, (m,)
        Of the categorical part; 0 where there is none.
    share : float64 array, (m,), in (0, 1]
        Of the rows at that level, the part that meets the condition.
    low, high : float64 array, (m,)
        Within which the numeric part meets it; -inf and inf where it always does.
    """

    level: Array
    share: Array
    low: Array
    high: Array

    @classmethod
    def whole(cls, level: Array, share: Array | None = None) -> Options:
        """Levels at which every value meets it."""
        free = np.full(len(level), np.inf)
        return cls(level, np.ones(len(level)) if share is None else share, -free, free)

    @classmethod
    def join(cls, several: list[Options]) -> Options:
        """All of these ways."""
        return cls(*map(np.concatenate, zip(*several, strict=True)))


class ColumnEncoder(Protocol):
    """Cells of one column to its parts and back.

    Attributes
    ----------
    counts : array
        Training rows per level of the categorical part; below two levels there is none.
    """

    counts: Array

    @property
    def kind(self) -> str:
        """What the encoder is called in its state."""
        ...

    @property
    def has_value(self) -> bool:
        """Whether there is a numeric part."""
        ...

    @property
    def has_missing(self) -> bool:
        """Whether missing cells can be encoded: they have a level, or the column has no parts."""
        ...

    @property
    def open_levels(self) -> tuple[int, ...]:
        """Levels of the categorical part at which the numeric part exists."""
        ...

    @property
    def n_ordered(self) -> int:
        """How many of the first levels lie in a natural order."""
        ...

    def knows(self, values: Array) -> Array:
        """Whether the training rows tell anything of each value; others cannot be encoded."""
        ...

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """The parts of each row."""
        ...

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """The cells of n rows, the first of which is row ``start`` of the whole table."""
        ...

    def state(self) -> State:
        """Strict JSON and arrays."""
        ...


def take(data: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    """``data[key]``, which must be there and of this type; a bool is no number."""
    value = data.get(key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"malformed encoder: {key!r} is {type(value).__name__}.")
    return value


def take_flag(data: dict[str, Any], key: str) -> bool:
    """``data[key]``, which must be a bool."""
    return bool(take(data, key, bool))


def take_integer(data: dict[str, Any], key: str, low: int, high: int) -> int:
    """``data[key]``, which must be an integer within the bounds."""
    value = int(take(data, key, int))
    if not low <= value <= high:
        raise ValueError(f"malformed encoder: {key!r} must be {low} to {high}. Got {value}.")
    return value


def take_array(arrays: dict[str, Array], key: str, kinds: str) -> Array:
    """``arrays[key]``, which must be one-dimensional, finite and of one of the dtype kinds."""
    array = arrays.get(key)
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in kinds:
        raise ValueError(f"malformed encoder: array {key!r} must be 1-D of kind {kinds!r}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"malformed encoder: array {key!r} must be finite.")
    return array
