"""Identifiers: told apart from data, never modelled, replaced by fresh unique ones.

What is learned of a column of identifiers is its look and a prefix (or a range) that no real value
has; row r of the synthetic table gets that prefix and the number r. So surrogates are unique, are
provably none of the real values, and depend on nothing but their row.
"""

from __future__ import annotations

import itertools
import re
import string
import uuid
from typing import Any

import numpy as np

from tabdiff.data.cells import Array, Cells
from tabdiff.data.errors import SchemaError
from tabdiff.data.parts import Parts, State, take, take_integer

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEAD = re.compile(r"[^0-9]{0,12}")
ROOM = 10**9
# Of a number that is as long as the texts that it stands for.
MOST_DIGITS = 1_000
# Beyond, integers are no identifiers but a mistake; a file keeps those within.
MOST_INTEGER = 2**4096
LOOKS = ("integer", "text", "email", "uuid", "uuid object", "bytes")


def look_of(values: Array) -> str | None:
    """The look of identifiers, None where the values cannot be identifiers."""
    if values.dtype.kind in "iu":
        return "integer"
    kinds = set(map(type, values)) if values.dtype == object else set()
    if kinds and all(issubclass(kind, str) for kind in kinds):
        if all(_UUID.fullmatch(value) for value in values):
            return "uuid"
        matches = sum(_EMAIL.fullmatch(value) is not None for value in values)
        return "email" if matches >= 0.9 * len(values) else "text"
    if kinds == {int}:
        return "integer"
    if kinds == {uuid.UUID}:
        return "uuid object"
    return "bytes" if kinds == {bytes} else None


class IdentifierEncoder:
    """One column of identifiers; no parts.

    Attributes
    ----------
    look : str
        One of ``LOOKS``.
    head : str
        What every surrogate begins with and no real value does; for UUIDs their first 12 digits.
    width : int
        Digits of the number after the head.
    first, last : int
        For integers, the range of the surrogates. Of bytes that must all be of one length, ``last``
        is the greatest number that fits behind the head; 0 where they may be of any.
    missing_share : float
    """

    kind = "identifier"
    has_value = False
    has_missing = True
    open_levels = ()
    n_ordered = 0

    def __init__(
        self, look: str, head: str, width: int, first: int, last: int, missing_share: float
    ) -> None:
        self.look = look
        self.head = head
        self.width = width
        self.first = first
        self.last = last
        self.missing_share = missing_share
        self.counts: Array = np.zeros(0, dtype=np.int64)

    @classmethod
    def fit(
        cls,
        cells: Cells,
        low: int | None,
        high: int | None,
        rng: np.random.Generator,
        length: int | None = None,
    ) -> IdentifierEncoder:
        """Learn the look of the values and find room beside them.

        Parameters
        ----------
        cells : Cells
        low, high : int or None
            What the dtype can hold, for integers; None where it can hold any.
        rng : Generator
            Chooses the head of UUIDs.
        length : int, optional
            What every value has, where the dtype prescribes it.

        Raises
        ------
        SchemaError
            If values of that length leave no room for others, or integers have over 1,233 digits.
        """
        values, share = cells.values, float(cells.missing.mean())
        look = look_of(values)
        assert look is not None
        if look == "integer":
            return cls(look, "", 0, *_free_range(values, low, high), share)
        if look.startswith("uuid"):
            taken = {str(value).replace("-", "").lower()[:12] for value in values}
            heads = (rng.bytes(6).hex() for _ in itertools.count())
            return cls(look, next(head for head in heads if head not in taken), 0, 0, 0, share)
        texts = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values]
        if look == "email":
            head = "user"
            while any(text.casefold().startswith(head) for text in texts):
                head += "x"
            return cls(look, head, 6, 0, 0, share)
        head = _free_head(texts)
        if length is None:
            width = min(max(1, max(map(len, texts)) - len(head)), MOST_DIGITS)
            return cls(look, head, width, 0, 0, share)
        width = length - len(head)
        if not 0 < width <= MOST_DIGITS:
            raise SchemaError(
                f"identifiers of {length} bytes that leave no room for others, or too much. "
                "Convert it to binary of any length, or drop it."
            )
        return cls(look, head, width, 0, 10**width - 1, share)

    def knows(self, values: Array) -> Array:
        """All of them: there is nothing to know."""
        return np.ones(len(values), dtype=bool)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """No parts."""
        return Parts(None, None)

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """Fresh identifiers for rows ``start`` … ``start + n - 1``.

        Raises
        ------
        ValueError
            If the dtype has no room for as many.
        """
        missing = rng.random(n) < self.missing_share
        rows = start + np.flatnonzero(~missing)
        if self.look == "integer" or self.last:
            self._require_room(rows)
        if self.look == "integer":
            return Cells(missing, self._integers(rows))
        made = np.empty(len(rows), dtype=object)
        made[:] = [self._text(row) for row in rows.tolist()]
        return Cells(missing, made)

    def _require_room(self, rows: Array) -> None:
        room = self.last - self.first + 1
        if len(rows) and int(rows[-1]) >= room:
            raise ValueError(
                f"its dtype has room for {room} identifiers beside the real ones, and row "
                f"{int(rows[-1])} needs more. Store it in a wider dtype before fitting."
            )

    def _integers(self, rows: Array) -> Array:
        for kind in (np.int64, np.uint64):
            if np.iinfo(kind).min <= self.first and self.last <= np.iinfo(kind).max:
                return kind(self.first) + rows.astype(kind)
        return np.array([self.first + row for row in rows.tolist()], dtype=object)

    def _text(self, row: int) -> Any:
        if self.look == "email":
            return f"{self.head}{row:0{self.width}d}@example.com"
        if self.look.startswith("uuid"):
            made = uuid.UUID(hex=f"{self.head}4{row >> 60 & 0xFFF:03x}8{row & (1 << 60) - 1:015x}")
            return made if self.look == "uuid object" else str(made)
        text = f"{self.head}{row:0{self.width}d}"
        return text.encode("latin-1") if self.look == "bytes" else text

    def state(self) -> State:
        """Strict JSON; no arrays."""
        names = ("look", "head", "width", "first", "last", "missing_share")
        return {name: getattr(self, name) for name in names}, {}

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> IdentifierEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        look, head = take(data, "look", str), take(data, "head", str)
        if look not in LOOKS:
            raise ValueError(f"an identifier looks like one of {LOOKS}. Got {look!r}.")
        if look.startswith("uuid") and not re.fullmatch("[0-9a-f]{12}", head):
            raise ValueError(f"the head of a UUID is 12 hexadecimal digits. Got {head!r}.")
        share = float(take(data, "missing_share", (int, float)))
        if not 0 <= share <= 1:
            raise ValueError(f"missing_share must be 0 to 1. Got {share}.")
        first, last = (
            take_integer(data, name, -2 * MOST_INTEGER, 2 * MOST_INTEGER)
            for name in ("first", "last")
        )
        width = take_integer(data, "width", 0, MOST_DIGITS)
        if len(head) > MOST_DIGITS:
            raise ValueError(f"the head of an identifier has {len(head):,} characters.")
        return cls(look, head, width, first, last, share)


def _free_range(values: Array, low: int | None, high: int | None) -> tuple[int, int]:
    """The larger of the ranges above and below the real values, above if it holds a billion.

    Where there is room it ends at a number of two digits and zeros: the neighbour of the greatest
    or the least real identifier would tell it.
    """
    least, most = int(values.min()), int(values.max())
    if max(-least, most) > MOST_INTEGER:
        raise SchemaError("integers of more than 1,233 digits. Convert it to text, or drop it.")
    if low is None or high is None:
        low, high = least - 2**64, most + 2**64
    above, below = high - most, least - low
    if above >= min(below, ROOM):
        first = (most // _coarse(most) + 1) * _coarse(most)
        return (first if high - first >= ROOM else most + 1), high
    last = least // _coarse(least) * _coarse(least) - 1
    return low, (last if last - low >= ROOM else least - 1)


def _coarse(number: int) -> int:
    """The power of ten that leaves two digits of a number."""
    return int(10 ** max(len(str(abs(number))) - 2, 0))


def _free_head(texts: list[str]) -> str:
    """The shortest text that continues the common head of all values as none of them does.

    A head of letters and signs shared by every one of many values ("CUST-") is their format. The
    continuation is made of the kind of character that follows it.
    """
    shared = _HEAD.match(min(texts))
    head = shared[0] if shared and len(texts) >= 20 else ""
    # Where a text is empty no head is left, and that is one too.
    while head and not all(text.startswith(head) and len(text) > len(head) for text in texts):
        head = head[:-1]
    rest = {text[len(head) :] for text in texts}
    following = "".join(text[:1] for text in rest)
    letters = string.ascii_lowercase if following.islower() else string.ascii_uppercase
    alphabet = string.digits[::-1] if following.isdigit() else letters[::-1]
    for length in itertools.count(1):
        taken = {text[:length] for text in rest}
        for characters in itertools.product(alphabet, repeat=length):
            if (tail := "".join(characters)) not in taken:
                return head + tail
    raise AssertionError("some length has more heads than there are values")
