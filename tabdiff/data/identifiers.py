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
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol

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
# Fewer texts with one head may have it by chance.
FORMAT_ROWS = 20
# Of texts that come piece by piece: characters at their beginning, and how many such beginnings.
LONGEST_PREFIX = 16
MOST_PREFIXES = 4_096
UUID_DIGITS = 6
MOST_DRAWS = 100_000
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


class Seen(Protocol):
    """What is known of the values of a column, so that others can be made beside them."""

    @property
    def look(self) -> str | None:
        """As of :func:`look_of`."""
        ...

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest integer."""
        ...

    @property
    def email(self) -> str:
        """A beginning of an address that none has."""
        ...

    @property
    def common(self) -> str:
        """A head of letters and signs that all texts share and go on after."""
        ...

    @property
    def longest(self) -> int:
        """Characters of the longest text."""
        ...

    def holds_uuid(self, head: str) -> bool:
        """Whether a UUID may begin with these 12 digits."""
        ...

    def taken(self, length: int) -> set[str] | None:
        """The next ``length`` characters after the common head; None where they are too many."""
        ...


class _Whole:
    """All values of a column at once."""

    def __init__(self, values: Array) -> None:
        self.look = look_of(values)
        self._values = values

    @property
    def bounds(self) -> tuple[int, int]:
        """See :class:`Seen`."""
        return int(self._values.min()), int(self._values.max())

    @property
    def email(self) -> str:
        return _free_email("user", self._values)

    @cached_property
    def _texts(self) -> list[str]:
        return texts_of(self._values)

    @cached_property
    def common(self) -> str:
        texts = self._texts
        return common_head(len(texts), min(texts), max(texts), min(map(len, texts)))

    @property
    def longest(self) -> int:
        return max(map(len, self._texts))

    @cached_property
    def _uuids(self) -> set[str]:
        return {_uuid_digits(value)[:12] for value in self._values}

    def holds_uuid(self, head: str) -> bool:
        return head in self._uuids

    def taken(self, length: int) -> set[str] | None:
        first = len(self.common)
        return {text[first : first + length] for text in self._texts}


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
        share = float(cells.missing.mean())
        return cls.beside(_Whole(cells.values), share, low, high, rng, length)

    @classmethod
    def beside(
        cls,
        seen: Seen,
        missing_share: float,
        low: int | None,
        high: int | None,
        rng: np.random.Generator,
        length: int | None = None,
    ) -> IdentifierEncoder:
        """:meth:`fit`, of values that were looked at, all at once or piece by piece.

        Raises
        ------
        SchemaError
            As :meth:`fit` does, and if there were too many UUIDs to find one that is none of them.
        """
        look = seen.look
        assert look is not None
        if look == "integer":
            return cls(look, "", 0, *_free_range(*seen.bounds, low, high), missing_share)
        if look.startswith("uuid"):
            return cls(look, _free_uuid(seen, rng), 0, 0, 0, missing_share)
        if look == "email":
            return cls(look, seen.email, 6, 0, 0, missing_share)
        head = _free_head(seen)
        if length is None:
            width = min(max(1, seen.longest - len(head)), MOST_DIGITS)
            return cls(look, head, width, 0, 0, missing_share)
        width = length - len(head)
        if not 0 < width <= MOST_DIGITS:
            raise SchemaError(
                f"identifiers of {length} bytes that leave no room for others, or too much. "
                "Convert it to binary of any length, or drop it."
            )
        return cls(look, head, width, 0, 10**width - 1, missing_share)

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


def _free_range(least: int, most: int, low: int | None, high: int | None) -> tuple[int, int]:
    """The larger of the ranges above and below the real values, above if it holds a billion.

    Where there is room it ends at a number of two digits and zeros: the neighbour of the greatest
    or the least real identifier would tell it.
    """
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


def texts_of(values: Array) -> list[str]:
    """Identifiers as texts of as many characters."""
    return [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values]


def common_head(n: int, first: str, last: str, shortest: int) -> str:
    """The head that n texts share, of which these are the first and the last by the alphabet.

    A head of letters and signs shared by every one of many values ("CUST-") is their format.
    """
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    shared = _HEAD.match("".join(character for character, _ in same))
    # Where a text is empty no head is left, and that is one too.
    return shared[0][: max(shortest - 1, 0)] if shared and n >= FORMAT_ROWS else ""


def _free_head(seen: Seen) -> str:
    """The shortest text that continues the common head of all values as none of them does.

    The continuation is made of the kind of character that follows it, unless too many are taken.
    """
    following = "".join(seen.taken(1) or ())
    letters = string.ascii_lowercase if following.islower() else string.ascii_uppercase
    own = string.digits[::-1] if following.isdigit() else letters[::-1]
    for alphabet in (own, string.ascii_letters + string.digits):
        for length in itertools.count(1):
            if (taken := seen.taken(length)) is None:
                break
            for characters in itertools.product(alphabet, repeat=length):
                if (tail := "".join(characters)) not in taken:
                    return seen.common + tail
    raise SchemaError(
        "its identifiers begin with so many different texts that none can be found beside them. "
        "Drop it."
    )


def _free_uuid(seen: Seen, rng: np.random.Generator) -> str:
    """The first 12 digits of UUIDs that are none of those that were seen."""
    for _ in range(MOST_DRAWS):
        if not seen.holds_uuid(head := rng.bytes(6).hex()):
            return head
    raise SchemaError("too many UUIDs to find others beside them. Drop it.")


def _free_email(head: str, values: Iterable[str]) -> str:
    """``head``, continued until no address begins with it."""
    folded = [str(value).casefold() for value in values]
    while any(text.startswith(head) for text in folded):
        head += "x"
    return head


def _uuid_digits(value: object) -> str:
    return str(value).replace("-", "").lower()


class Noted:
    """What is noted of the values of a column, piece by piece, in bounded memory.

    Of texts their first characters are noted, up to a length at which they are too many; of UUIDs
    (random ones begin in all ways) which of the 2^24 texts of six digits they begin with.
    """

    def __init__(self) -> None:
        self.look: str | None = None
        self._n = 0
        self._bounds: tuple[Any, Any] | None = None
        self._lengths = (0, 0)
        self._prefixes: dict[int, set[str]] = {k: set() for k in range(1, LONGEST_PREFIX + 1)}
        self._uuids: Array = np.zeros(0, dtype=bool)
        self.email = "user"

    def update(self, values: Array) -> None:
        """Look at more values, of one kind and at least one."""
        look = look_of(values)
        if self._n and look != self.look:
            texts = {"text", "email", "uuid"}
            look = "text" if {look, self.look} <= texts else None
        self.look, self._n = look, self._n + len(values)
        if look == "integer":
            self._bound(int(values.min()), int(values.max()))
        elif look is not None:
            self._note(values, texts_of(values))

    def _note(self, values: Array, texts: list[str]) -> None:
        lengths = [*map(len, texts)]
        shortest, longest = min(lengths), max(lengths)
        if self._bounds is not None:
            shortest, longest = min(shortest, self._lengths[0]), max(longest, self._lengths[1])
        self._lengths = shortest, longest
        self._bound(min(texts), max(texts))
        for length, prefixes in list(self._prefixes.items()):
            prefixes.update(text[:length] for text in texts)
            if len(prefixes) > MOST_PREFIXES:
                # Those of longer texts are as many.
                self._prefixes = {k: own for k, own in self._prefixes.items() if k < length}
                break
        if self.look == "email":
            self.email = _free_email(self.email, texts)
        if self.look in ("uuid", "uuid object"):
            if not len(self._uuids):
                self._uuids = np.zeros(16**UUID_DIGITS, dtype=bool)
            self._uuids[[int(_uuid_digits(v)[:UUID_DIGITS], 16) for v in values]] = True

    def _bound(self, low: Any, high: Any) -> None:
        if self._bounds is not None:
            low, high = min(low, self._bounds[0]), max(high, self._bounds[1])
        self._bounds = low, high

    @property
    def bounds(self) -> tuple[int, int]:
        """See :class:`Seen`."""
        assert self._bounds is not None
        return self._bounds

    @property
    def common(self) -> str:
        """See :class:`Seen`."""
        assert self._bounds is not None
        return common_head(self._n, *self._bounds, self._lengths[0])

    @property
    def longest(self) -> int:
        """See :class:`Seen`."""
        return self._lengths[1]

    def holds_uuid(self, head: str) -> bool:
        """See :class:`Seen`; true of some that no value begins with."""
        return bool(self._uuids[int(head[:UUID_DIGITS], 16)])

    def taken(self, length: int) -> set[str] | None:
        """See :class:`Seen`."""
        first = len(self.common)
        prefixes = self._prefixes.get(first + length)
        return None if prefixes is None else {text[first:] for text in prefixes}
