"""Surrogates: their look, and the room that is found beside the real values."""

import string
import uuid
from typing import Any

import numpy as np
import pytest

from tabdiff.data import identifiers
from tabdiff.data.cells import Cells
from tabdiff.data.errors import SchemaError
from tabdiff.data.identifiers import (
    IdentifierEncoder,
    Noted,
    _free_head,
    _free_range,
    _Whole,
    look_of,
)
from tabdiff.data.parts import Parts

BILLION = 10**9
ONE = uuid.UUID(int=1)


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def fitted(*values: object, missing: int = 0, **bounds: int | None) -> IdentifierEncoder:
    mask = np.array([False] * len(values) + [True] * missing)
    low, high = bounds.get("low", -(2**63)), bounds.get("high", 2**63 - 1)
    return IdentifierEncoder.fit(Cells(mask, objects(*values)), low, high, np.random.default_rng(0))


def made(encoder: IdentifierEncoder, n: int, start: int = 0) -> list[Any]:
    out = encoder.decode(Parts(None, None), n, np.random.default_rng(0), start)
    return out.values.tolist()


MAIL = [f"u{k}@x.org" for k in range(9)]


@pytest.mark.parametrize(
    ("values", "look"),
    [
        (np.array([1, 2]), "integer"),
        (np.array([1, 2], dtype=np.uint8), "integer"),
        (objects(1, 2**70), "integer"),
        (objects("a", "b"), "text"),
        (objects(np.str_("a"), "b"), "text"),
        (objects(*MAIL, "none"), "email"),
        (objects(*MAIL[:8], "none", "either"), "text"),
        (objects(str(ONE), str(ONE).upper()), "uuid"),
        (objects(str(ONE), "a"), "text"),
        (objects(ONE), "uuid object"),
        (objects(b"a"), "bytes"),
        (objects("a", 1), None),
        (objects(ONE, str(ONE)), None),
        (objects(), None),
        (np.array([0.5]), None),
        (np.array([True]), None),
    ],
)
def test_the_look_is_that_of_all_values(values: np.ndarray, look: str | None):
    assert look_of(values) == look


@pytest.mark.parametrize(
    ("least", "most", "low", "high", "room"),
    [
        (5, 10, 0, 255, (11, 255)),
        (200, 250, 0, 255, (0, 199)),
        (100, 155, 0, 255, (156, 255)),
        (101, 155, 0, 255, (0, 100)),
        # Above, as soon as there is room for a billion.
        (5 * BILLION, 5 * BILLION, 0, 6 * BILLION, (5 * BILLION + 1, 6 * BILLION)),
        (5 * BILLION, 5 * BILLION, 0, 6 * BILLION - 1, (0, 5 * BILLION - 1)),
        # At two digits and zeros, where a billion is left.
        (12_345, 12_345, 0, 2**63 - 1, (13_000, 2**63 - 1)),
        (12_345, 12_345, 0, BILLION + 13_000, (13_000, BILLION + 13_000)),
        (12_345, 12_345, 0, BILLION + 12_999, (12_346, BILLION + 12_999)),
        (-12_345, -12_345, -(2**63), 2**63 - 1, (-12_000, 2**63 - 1)),
        (2**63 - 5, 2**63 - 5, 0, 2**63 - 1, (0, 92 * 10**17 - 1)),
        (BILLION + 1, BILLION + 1, 0, BILLION + 9, (0, BILLION)),
        (BILLION + 2, BILLION + 2, -1, BILLION + 9, (-1, BILLION - 1)),
        (99, 99, 0, 2**40, (100, 2**40)),
        (100, 100, 0, 2**40, (110, 2**40)),
        (7, 7, None, None, (8, 2**64 + 7)),
    ],
)
def test_the_larger_room_is_taken(
    least: int, most: int, low: int | None, high: int | None, room: tuple[int, int]
):
    assert _free_range(least, most, low, high) == room


SHARED = [f"AB-{k}" for k in range(10, 30)]


@pytest.mark.parametrize(
    ("texts", "head"),
    [
        ([f"CUST-{k:05d}" for k in range(60)], "CUST-9"),
        (SHARED, "AB-9"),
        (SHARED[:19], "Z"),
        ([*SHARED, "AC-1"], "AZ"),
        ([*SHARED, "AB-"], "ABZ"),
        ([text.lower() for text in SHARED[:19]], "z"),
        ([f"{chr(65 + k % 26)}{k}" for k in range(60)], "ZZ"),
        ([str(k) for k in range(10)], "99"),
        (["9", "98", "1"], "8"),
        (["a", "B"], "Z"),
        (["1a", "2b"], "9"),
        ([letter + "1" for letter in "abcdefghijklmnopqrstuvwxz"], "y"),
        (["abcdefghijklmno" + str(k) for k in range(20)], "abcdefghijklz"),
    ],
)
def test_the_shortest_free_head_continues_what_all_share(texts: list[str], head: str):
    assert _free_head(_Whole(np.array(texts, dtype=object))) == head
    assert not any(text.startswith(head) for text in texts)


@pytest.mark.parametrize(
    ("values", "first", "later"),
    [
        ([f"CUST-{k:05d}" for k in range(60)], "CUST-90000", "CUST-91234567"),
        (["a", "b"], "z0", "z1234567"),
        (["ab", "bcd"], "z00", "z1234567"),
        ([b"ab", b"cd"], b"z0", b"z1234567"),
        (MAIL, "user000000@example.com", "user1234567@example.com"),
        (["User1@x.org", "userx2@x.org"], "userxx000000@example.com", None),
    ],
)
def test_a_surrogate_is_the_head_and_the_number_of_its_row(
    values: list, first: object, later: object
):
    encoder = fitted(*values)
    assert made(encoder, 1) == [first]
    if later is not None:
        assert made(encoder, 1, start=1_234_567) == [later]
    assert made(encoder, 3, start=4) == made(encoder, 7)[4:]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (["a", "b"], ("text", "z", 1, 0, 0, 0.0)),
        (["abc"], ("text", "z", 2, 0, 0, 0.0)),
        ([b"ab"], ("bytes", "z", 1, 0, 0, 0.0)),
        (MAIL, ("email", "user", 6, 0, 0, 0.0)),
        ([1, 2], ("integer", "", 0, 3, 2**63 - 1, 0.0)),
        ([ONE], ("uuid object", np.random.default_rng(0).bytes(6).hex(), 0, 0, 0, 0.0)),
    ],
)
def test_what_is_learned_is_the_look_a_head_and_a_range(values: list, state: tuple):
    encoder = fitted(*values)
    names = ("look", "head", "width", "first", "last", "missing_share")
    assert encoder.state() == (dict(zip(names, state, strict=True)), {})
    assert not encoder.has_value and encoder.has_missing and encoder.kind == "identifier"
    assert encoder.n_ordered == 0 and encoder.open_levels == ()
    assert not len(encoder.counts) and encoder.counts.dtype == np.int64
    assert encoder.knows(np.zeros(2)).dtype == bool


class Zeros:
    """A generator that draws nothing but 0."""

    def random(self, n: int) -> np.ndarray:
        return np.zeros(n)


def test_none_is_missing_where_none_was():
    assert not fitted(1, 2).decode(Parts(None, None), 3, Zeros(), 0).missing.any()  # type: ignore[arg-type]


@pytest.mark.parametrize("like", [str, lambda value: value])
def test_uuids_have_a_head_of_their_own_and_their_version(like: Any):
    real = [like(uuid.UUID(int=k << 80)) for k in range(50)]
    encoder = fitted(*real)
    rows = [0, 5, 2**60 - 1, 2**60 + 1, 2**60 * 0xFFF]
    out = [made(encoder, 1, start=row)[0] for row in rows[:2]]
    assert {type(value) for value in out} == {type(real[0])}
    texts = [str(encoder._text(row)) for row in rows]
    ends = ["4000-8000-000000000000", "4000-8000-000000000005", "4000-8fff-ffffffffffff"]
    ends += ["4001-8000-000000000001", "4fff-8000-000000000000"]
    head = f"{encoder.head[:8]}-{encoder.head[8:]}-"
    assert texts == [head + end for end in ends]
    assert {uuid.UUID(text).version for text in texts} == {4}
    assert encoder.head not in {str(value).replace("-", "")[:12] for value in real}


def test_a_head_that_is_taken_is_drawn_again():
    head = np.random.default_rng(0).bytes(6).hex()
    taken = uuid.UUID(hex=head + "0" * 20)
    assert fitted(taken).head != head
    assert fitted(str(taken).upper()).head != head
    assert fitted(ONE).head == head


@pytest.mark.parametrize(
    ("values", "low", "high", "dtype", "first"),
    [
        ([1, 2], 0, 255, "int64", 3),
        ([1, 2], 0, 2**63 - 1, "int64", 3),
        ([1, 2], 0, 2**63, "uint64", 3),
        ([1, 2], 0, 2**64 - 1, "uint64", 3),
        ([2**63], 0, 2**64 - 1, "uint64", 93 * 10**17),
        ([1, 2], 0, 2**64, "object", 3),
        ([-9, -7], -20, 2**64 - 1, "object", -6),
        ([-9, -8], -10, 2**63, "object", -7),
        ([2**63 - 1], -(2**63), 2**63 - 1, "int64", -(2**63)),
        ([2**63], -(2**63) - 1, 2**63, "object", -(2**63) - 1),
    ],
)
def test_whole_numbers_count_from_the_first_free_one(
    values: list[int], low: int, high: int, dtype: str, first: int
):
    out = fitted(*values, low=low, high=high)
    cells = out.decode(Parts(None, None), 3, np.random.default_rng(0), 2)
    assert cells.values.dtype == dtype
    assert cells.values.tolist() == [first + 2, first + 3, first + 4]


def test_room_ends_where_it_ends():
    four = fitted(*range(252), low=0, high=255)
    assert made(four, 4) == [252, 253, 254, 255]
    assert made(four, 1, start=3) == [255] and made(four, 0, start=9) == []
    for n, start in ((5, 0), (1, 4)):
        with pytest.raises(ValueError, match="room for 4 identifiers .* and row 4 needs more"):
            made(four, n, start)


def test_missing_ones_are_a_share_and_take_their_numbers_along():
    encoder = fitted(1, 2, 3, missing=1, low=0, high=10**6)
    assert encoder.missing_share == 0.25
    out = encoder.decode(Parts(None, None), 4000, np.random.default_rng(0), 0)
    # Binomial(4000, 1/4): five std are 137, 6e-7.
    assert abs(int(out.missing.sum()) - 1000) < 137
    assert out.values.tolist() == (4 + np.flatnonzero(~out.missing)).tolist()
    nothing = fitted(1, 2).encode(Cells(np.array([False]), np.array([1])), np.random.default_rng(0))
    assert nothing == (None, None) and fitted(1, 2).knows(np.array([1, 9])).tolist() == [True, True]


def test_bytes_of_one_length_stay_so_while_there_is_room():
    cells = Cells(np.zeros(2, dtype=bool), objects(b"ab12", b"cd34"))
    encoder = IdentifierEncoder.fit(cells, None, None, np.random.default_rng(0), 4)
    assert (encoder.head, encoder.width, encoder.first, encoder.last) == ("z", 3, 0, 999)
    assert made(encoder, 1) == [b"z000"] and made(encoder, 1, start=999) == [b"z999"]
    with pytest.raises(ValueError, match="room for 1000 identifiers .* row 1000 needs more"):
        made(encoder, 1, start=1000)
    assert fitted(b"ab12").last == 0
    longest = Cells(np.zeros(1, dtype=bool), objects(b"a" * 1001))
    assert IdentifierEncoder.fit(longest, None, None, np.random.default_rng(0), 1001).width == 1000
    short = Cells(np.zeros(2, dtype=bool), objects(b"ab", b"cd"))
    assert IdentifierEncoder.fit(short, None, None, np.random.default_rng(0), 2).width == 1
    for value in (b"a", b"a" * 1002):
        cells = Cells(np.zeros(1, dtype=bool), objects(value))
        with pytest.raises(SchemaError, match=f"identifiers of {len(value)} bytes that leave no"):
            IdentifierEncoder.fit(cells, None, None, np.random.default_rng(0), len(value))


def test_numbers_are_no_longer_than_a_thousand_digits():
    assert fitted("a" * 5000).width == 1000
    assert fitted(2**4096, low=None, high=None).last == 2**4096 + 2**64
    for value in (2**4096 + 1, -(2**4096) - 1):
        with pytest.raises(SchemaError, match="integers of more than 1,233 digits"):
            fitted(value)


# ------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("values", [[1, 2], ["a1", "a2"], MAIL, [ONE], [str(ONE)], [b"x", b"y"]])
def test_an_encoder_comes_back_from_its_state(values: list):
    encoder = fitted(*values, missing=1)
    again = IdentifierEncoder.from_state(*encoder.state())
    assert again.state() == encoder.state() and made(again, 5) == made(encoder, 5)


@pytest.mark.parametrize(
    ("values", "change", "told"),
    [
        (["a"], {"look": "evil"}, "looks like one of"),
        ([ONE], {"head": "12345"}, "12 hexadecimal digits"),
        ([ONE], {"head": "X" * 12}, "12 hexadecimal digits"),
        (["a"], {"head": 3}, "'head' is int"),
        (["a"], {"missing_share": 1.1}, "must be 0 to 1"),
        (["a"], {"missing_share": -0.1}, "must be 0 to 1"),
        (["a"], {"missing_share": "1"}, "'missing_share' is str"),
        (["a"], {"width": 1001}, "'width' must be 0"),
        (["a"], {"head": "x" * 1001}, "the head of an identifier has 1,001 characters"),
        (["a"], {"width": -1}, "'width' must be 0"),
        ([1], {"first": -(2**4097) - 1}, "'first' must be"),
        ([1], {"last": 2**4097 + 1}, "'last' must be"),
    ],
)
def test_states_that_cannot_be_are_refused(values: list, change: dict[str, Any], told: str):
    data, arrays = fitted(*values).state()
    with pytest.raises(ValueError, match=told):
        IdentifierEncoder.from_state(data | change, arrays)


@pytest.mark.parametrize(
    "change",
    [
        {"missing_share": 0},
        {"missing_share": 1},
        {"width": 0},
        {"width": 1000},
        {"head": "x" * 1000},
        {"first": -(2**4097)},
        {"last": 2**4097},
    ],
)
def test_states_at_the_very_bounds_are_taken(change: dict[str, Any]):
    data, arrays = fitted(1, 2).state()
    assert IdentifierEncoder.from_state(data | change, arrays).state()[0] == data | change


# ----------------------------------------------------------------------------------------- pieces


@pytest.mark.parametrize(
    "values",
    [
        [f"CUST-{k:05d}" for k in range(60)],
        SHARED,
        SHARED[:19],
        [*SHARED, "AB-"],
        [str(k) for k in range(10)],
        ["abcdefghijklmno" + str(k) for k in range(20)],
        MAIL,
        ["User1@x.org", "userx2@x.org"],
        [b"ab", b"cd"],
        [5, 17, 123_456],
        [uuid.UUID(int=k) for k in range(3)],
    ],
    ids=lambda values: str(values[0]),
)
def test_values_noted_piece_by_piece_give_the_same_surrogates(values: list):
    array = np.array(values) if isinstance(values[0], int) else objects(*values)
    noted = Noted()
    for part in np.array_split(array, 2):
        noted.update(part)
    room = (0, 10**6) if isinstance(values[0], int) else (None, None)
    whole = IdentifierEncoder.beside(_Whole(array), 0.0, *room, np.random.default_rng(0))
    pieces = IdentifierEncoder.beside(noted, 0.0, *room, np.random.default_rng(0))
    assert pieces.state() == whole.state()


def test_looks_that_differ_between_pieces_are_text_or_none():
    noted = Noted()
    noted.update(objects("a@example.org", "b@example.org"))
    assert noted.look == "email"
    noted.update(objects("c"))
    assert noted.look == "text"
    noted.update(objects(b"c"))
    assert noted.look is None


def test_a_head_is_free_though_most_beginnings_are_too_many_to_note(monkeypatch):
    monkeypatch.setattr(identifiers, "MOST_PREFIXES", 50)
    texts = [f"X{k:03d}" for k in range(1000)]
    noted = Noted()
    for part in np.array_split(objects(*texts), 4):
        noted.update(part)
    assert noted.taken(1) == set("0123456789") and noted.taken(2) is None
    encoder = IdentifierEncoder.beside(noted, 0.0, None, None, np.random.default_rng(0))
    assert not any(text.startswith(encoder.head) for text in texts)
    assert encoder.head.startswith("X") and len(encoder.head) == 2


def test_identifiers_that_take_every_beginning_are_refused(monkeypatch):
    monkeypatch.setattr(identifiers, "MOST_PREFIXES", 70)
    noted = Noted()
    for first in string.ascii_letters + string.digits:
        noted.update(objects(*(first + second for second in "abc")))
    with pytest.raises(SchemaError, match="none can be found beside them. Drop it"):
        IdentifierEncoder.beside(noted, 0.0, None, None, np.random.default_rng(0))


def test_uuids_that_take_every_beginning_are_refused(monkeypatch):
    monkeypatch.setattr(identifiers, "UUID_DIGITS", 1)
    monkeypatch.setattr(identifiers, "MOST_DRAWS", 100)
    noted = Noted()
    noted.update(objects(*(f"{k:x}0000000-0000-4000-8000-000000000000" for k in range(16))))
    with pytest.raises(SchemaError, match="too many UUIDs"):
        IdentifierEncoder.beside(noted, 0.0, None, None, np.random.default_rng(0))
