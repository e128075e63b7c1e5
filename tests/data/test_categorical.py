"""Labels, their order, their counts, and the rare ones that share a level."""

import uuid
from typing import Any

import numpy as np
import pytest

from tabdiff.data.categorical import CategoricalEncoder, Levels, checked_levels, count_labels
from tabdiff.data.cells import Cells
from tabdiff.data.errors import SchemaError
from tabdiff.data.parts import Parts


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def cells(*values: object, missing: list[bool] | None = None) -> Cells:
    held = objects(*values)
    if all(type(value) is int for value in values):
        held = held.astype(np.int64)
    return Cells(np.array(missing or [False] * len(values), dtype=bool), held)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# a 4, b 3, c 2, d 1, e 1; the two last share a level, and one cell is missing.
HELD = cells(*"aaaabbbccde", missing=[False] * 3 + [True] + [False] * 8)
ENCODER = CategoricalEncoder.fit(HELD, max_levels=3)


@pytest.mark.parametrize(
    ("levels", "asked", "places"),
    [
        (np.array([-3, 0, 7]), np.array([7, -3, 1, 9, -9]), [2, 0, -1, -1, -1]),
        (np.array([], dtype=np.int64), np.array([1]), [-1]),
        (np.array([False, True]), np.array([True]), [1]),
        (objects("b", "a", "c"), objects("c", "b", "x"), [2, 0, -1]),
        (objects("b", "a", "c"), objects("c", 1), [2, -1]),
        (objects(1, "1", True, 1.0), objects(True, 1.0, "1", 1, None), [2, 3, 1, 0, -1]),
        (objects(1, True, 1.0), objects(1.0, 1, True, "1"), [2, 0, 1, -1]),
        (objects(1, True), objects(), []),
    ],
)
def test_labels_are_found_by_type_and_value(levels: np.ndarray, asked: np.ndarray, places: list):
    found = Levels(levels).locate(asked)
    assert found.dtype == np.int64 and found.tolist() == places
    assert len(Levels(levels)) == len(levels)


@pytest.mark.parametrize(
    ("values", "order", "labels", "counts"),
    [
        (np.array([3, 1, 3]), None, [1, 3], [1, 2]),
        (objects("b", "a", "b"), None, ["a", "b"], [1, 2]),
        (objects("b", "a", "b"), ["c", "b", "a"], ["b", "a"], [2, 1]),
        (objects("b\0", "b", "b\0"), None, ["b", "b\0"], [1, 2]),
        (objects("b\0", "b", "b\0"), ["b\0", "b"], ["b\0", "b"], [2, 1]),
        (objects("1", 1, 1, True), None, [True, 1, "1"], [1, 2, 1]),
        (objects(2, "x", 1, 2), ["x", 2, 1], ["x", 2, 1], [1, 2, 1]),
        # Of one type, and yet in no order: by how they are written.
        (objects((1, "b"), (1, 2), (1, "b")), None, [(1, "b"), (1, 2)], [2, 1]),
        (objects(2j, 1j, 2j), None, [1j, 2j], [1, 2]),
        (objects(1, True, 1), None, [True, 1], [1, 2]),
    ],
)
def test_labels_are_counted_in_an_order_of_their_own(
    values: np.ndarray, order: Any, labels: list, counts: list
):
    for shift in range(len(values)):
        found, tallies = count_labels(np.roll(values, shift), order)
        assert found.tolist() == labels and tallies.tolist() == counts
        assert [type(label) for label in found.tolist()] == [type(label) for label in labels]


def test_the_rarest_labels_share_the_level_after_the_others():
    assert ENCODER.levels.values.tolist() == ["a", "b", "c"]
    assert ENCODER.rare.values.tolist() == ["d", "e"]
    assert ENCODER.rare_counts.tolist() == [1, 1]
    assert ENCODER.counts.tolist() == [4, 3, 2, 2, 1]
    assert ENCODER.has_missing and not ENCODER.ordered


def test_of_equally_rare_labels_the_last_by_name_share():
    encoder = CategoricalEncoder.fit(cells(*"dcbaab"), max_levels=3)
    assert encoder.levels.values.tolist() == ["a", "b", "c"]
    assert encoder.rare.values.tolist() == ["d"]
    many = np.random.default_rng(0).permutation(np.repeat(np.arange(300), 7))
    encoder = CategoricalEncoder.fit(Cells(many < 0, many), max_levels=200)
    assert encoder.levels.values.tolist() == list(range(200))
    assert encoder.rare.values.tolist() == list(range(200, 300))
    mixed = np.repeat(np.arange(300), np.tile([7, 8, 9], 100))
    encoder = CategoricalEncoder.fit(Cells(mixed < 0, mixed), max_levels=250)
    assert encoder.rare.values.tolist() == list(range(150, 300, 3))


def test_as_many_labels_as_allowed_share_nothing():
    encoder = CategoricalEncoder.fit(cells(*"abc"), max_levels=3)
    assert encoder.counts.tolist() == [1, 1, 1] and not len(encoder.rare)
    assert not encoder.has_missing


def test_a_dtype_with_an_order_has_ordered_levels():
    held = cells(*"aab")
    assert CategoricalEncoder.fit(held, ["b", "a"], ordered=True).n_ordered == 2
    assert CategoricalEncoder.fit(held, ["b", "a"]).n_ordered == 0
    assert CategoricalEncoder.fit(held, ["b", "a"], ordered=True, max_levels=1).n_ordered == 1


def test_codes_are_places_then_the_shared_level_then_missing():
    assert ENCODER.knows(objects("a", "d", "e", "x")).tolist() == [True, True, True, False]
    asked = cells(*"cde", missing=[True, False, False, True, False])
    parts = ENCODER.encode(asked, rng())
    assert parts.num is None
    assert parts.cat is not None and parts.cat.tolist() == [4, 2, 3, 4, 3]


def test_codes_come_back_as_labels_and_shared_ones_by_frequency():
    encoder = CategoricalEncoder.fit(cells(*"aaaabbcccd"), max_levels=1)
    assert encoder.rare_counts.tolist() == [2, 3, 1]
    out = encoder.decode(Parts(np.array([0, 1, 1, 0]), None), 4, rng(), 0)
    assert not out.missing.any()
    assert out.values[[0, 3]].tolist() == ["a", "a"] and set(out.values[1:3]) <= set("bcd")
    # Binomial(6,000, 1/3, 1/2, 1/6): five std are 183, 194 and 144, 6e-7 each.
    drawn = encoder.decode(Parts(np.ones(6000, dtype=int), None), 6000, rng(), 0).values.tolist()
    for label, share, far in (("b", 2000, 183), ("c", 3000, 194), ("d", 1000, 144)):
        assert abs(drawn.count(label) - share) < far
    back = ENCODER.decode(Parts(np.array([4, 0, 2]), None), 3, rng(), 0)
    assert back.missing.tolist() == [True, False, False] and back.values.tolist() == ["a", "c"]
    whole = CategoricalEncoder.fit(cells(3, 5, 3)).decode(
        Parts(np.array([1, 0]), None), 2, rng(), 0
    )
    assert whole.values.dtype == np.int64 and whole.values.tolist() == [5, 3]


def test_a_set_of_labels_is_their_levels_and_what_they_make_up_of_them():
    encoder = CategoricalEncoder.fit(cells(*"aaaabbcccd"), max_levels=1)
    options = encoder.among(objects("d", "a", "c"))
    assert options.level.tolist() == [1, 0, 1]
    np.testing.assert_allclose(options.share, [1 / 6, 1, 1 / 2])
    shared, share = encoder.sharing(objects("d", "a", "c"))
    assert shared.tolist() == ["d", "c"]
    np.testing.assert_allclose(share, [1 / 4, 3 / 4])


@pytest.mark.parametrize(
    ("levels", "ending"),
    [("abcdefghij", "'j'."), ("abcdefghijk", "'j', …."), ("ab", "'a', 'b'.")],
)
def test_an_unknown_label_is_named_with_its_row_and_what_is_known(levels: str, ending: str):
    encoder = CategoricalEncoder.fit(cells(*levels))
    asked = cells("a", "?", "?", missing=[True, False, False, True, False])
    with pytest.raises(SchemaError) as caught:
        encoder.encode(asked, rng())
    text = str(caught.value)
    assert text.startswith(
        "2 cells hold categories that were not there at fit (first at row 2: '?')"
    )
    assert text.endswith(ending)
    with pytest.raises(SchemaError, match="Did you mean 'Oslo'?"):
        CategoricalEncoder.fit(cells("Oslo", "Rome")).encode(cells("Osslo"), rng())
    with pytest.raises(SchemaError, match="1 cells hold categories .*first at row 1: 'x'"):
        ENCODER.encode(cells("d", "x"), rng())


# ------------------------------------------------------------------------------------------ files

NUMBERS = CategoricalEncoder.fit(cells(1, 1, 5, 5, 9, missing=[False] * 5 + [True]), max_levels=2)
MIXED = CategoricalEncoder.fit(cells("a", uuid.UUID(int=1), 2.5, "a", None))


@pytest.mark.parametrize("encoder", [ENCODER, NUMBERS, MIXED])
def test_an_encoder_comes_back_from_its_state(encoder: CategoricalEncoder):
    data, arrays = encoder.state()
    assert not any(array.dtype == object for array in arrays.values())
    again = CategoricalEncoder.from_state(data, arrays)
    for name in ("levels", "rare"):
        held, back = getattr(encoder, name).values, getattr(again, name).values
        assert held.dtype == back.dtype and held.tolist() == back.tolist()
    assert again.counts.tolist() == encoder.counts.tolist()
    assert again.rare_counts.tolist() == encoder.rare_counts.tolist()
    assert (again.has_missing, again.ordered) == (encoder.has_missing, encoder.ordered)


@pytest.mark.parametrize(
    ("encoder", "data", "arrays"),
    [
        (ENCODER, {"levels": []}, {"counts": np.array([2, 1])}),
        (ENCODER, {}, {"counts": np.array([4, 3, 2, 2])}),
        (ENCODER, {"has_missing": False}, {}),
        (ENCODER, {"rare": []}, {"rare_counts": np.array([], dtype=int)}),
        (ENCODER, {}, {"rare_counts": np.array([1])}),
        (ENCODER, {}, {"rare_counts": np.array([2, 0])}),
        (ENCODER, {}, {"counts": np.array([4, 3, 2, 2, -1])}),
        (ENCODER, {"ordered": 1}, {}),
        (ENCODER, {"levels": "abc"}, {}),
        (NUMBERS, {}, {"levels": np.array([5, 1])}),
        (NUMBERS, {}, {"levels": np.array([1, 1])}),
        (NUMBERS, {}, {"levels": np.array([[1, 5]])}),
        (NUMBERS, {}, {"levels": np.array([1j, 5j])}),
        (NUMBERS, {}, {"levels": [1, 5]}),
    ],
)
def test_states_that_cannot_be_are_refused(
    encoder: CategoricalEncoder, data: dict[str, Any], arrays: dict[str, Any]
):
    held, own = encoder.state()
    with pytest.raises(ValueError, match="one count per|malformed encoder|malformed levels"):
        CategoricalEncoder.from_state(held | data, own | arrays)


@pytest.mark.parametrize("levels", [[1, 9, 5], [1, 5, 5], [5, 1, 9]])
def test_levels_of_numbers_increase_strictly(levels: list[int]):
    data, arrays = NUMBERS.state()
    with pytest.raises(ValueError, match="numbers must increase strictly"):
        CategoricalEncoder.from_state(data, arrays | {"levels": np.array(levels)})


@pytest.mark.parametrize(
    "arrays",
    [
        {"counts": np.array([2, 2, 1, 0])},
        {"levels": np.array([False, True])},
        {"levels": np.array([1, 5], dtype=np.uint64)},
        {"levels": np.array([0.5, 1.5])},
        {"rare_counts": np.array([1], dtype=np.uint8)},
    ],
)
def test_states_that_can_be_are_taken(arrays: dict[str, Any]):
    held, own = NUMBERS.state()
    assert CategoricalEncoder.from_state(held, own | arrays).state()[1].keys() == own.keys()


@pytest.mark.parametrize("labels", [("a", "b", "a"), (1, "1", 1), (b"a", b"a")])
def test_a_file_may_not_repeat_a_label(labels: tuple):
    with pytest.raises(ValueError, match="a label is repeated"):
        checked_levels(np.array(labels, dtype=object))
    assert len(checked_levels(np.array([1, "1", 1.0, True], dtype=object)).values) == 4
