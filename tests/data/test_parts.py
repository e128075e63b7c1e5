"""The ways to meet a condition, and the checks of what is read from a file."""

from typing import Any

import numpy as np
import pytest

from tabdiff.data.parts import Options, take, take_array, take_flag, take_integer


def test_whole_levels_leave_their_numbers_free():
    options = Options.whole(np.array([3, 1]))
    assert options.level.tolist() == [3, 1] and options.share.tolist() == [1, 1]
    assert options.low.tolist() == [-np.inf] * 2 and options.high.tolist() == [np.inf] * 2
    assert Options.whole(np.array([3, 1]), np.array([0.5, 0.25])).share.tolist() == [0.5, 0.25]


def test_ways_join_in_their_order():
    cut = Options(np.array([7]), np.array([0.5]), np.array([-1.0]), np.array([2.0]))
    joined = Options.join([cut, Options.whole(np.array([0, 1]))])
    assert joined.level.tolist() == [7, 0, 1] and joined.share.tolist() == [0.5, 1, 1]
    assert joined.low.tolist() == [-1, -np.inf, -np.inf]
    assert joined.high.tolist() == [2, np.inf, np.inf]


@pytest.mark.parametrize(
    ("value", "kind"), [(True, bool), (3, int), (2.5, (int, float)), ("a", str), ([], list)]
)
def test_what_is_of_its_type_is_taken(value: Any, kind: Any):
    assert take({"x": value}, "x", kind) is value


@pytest.mark.parametrize(
    ("value", "kind"), [(True, int), (True, (int, float)), ("3", int), (None, str), (3, bool)]
)
def test_what_is_of_another_type_is_refused(value: Any, kind: Any):
    with pytest.raises(ValueError, match="malformed encoder: 'x' is"):
        take({"x": value}, "x", kind)


def test_flags_and_integers_keep_to_their_bounds():
    assert take_flag({"x": True}, "x") is True and take_flag({"x": False}, "x") is False
    assert [take_integer({"x": value}, "x", 1, 3) for value in (1, 2, 3)] == [1, 2, 3]
    for value in (0, 4):
        with pytest.raises(ValueError, match=f"'x' must be 1 to 3. Got {value}"):
            take_integer({"x": value}, "x", 1, 3)


@pytest.mark.parametrize("array", [np.array([1.5]), np.array([1, 2]), np.zeros(0)])
def test_arrays_of_a_kind_are_taken(array: np.ndarray):
    assert take_array({"x": array}, "x", "if") is array


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (None, "1-D of kind 'if'"),
        ([1.5], "1-D of kind 'if'"),
        (np.zeros((1, 1)), "1-D of kind 'if'"),
        (np.array([True]), "1-D of kind 'if'"),
        (np.array([1.0, np.nan]), "must be finite"),
        (np.array([np.inf]), "must be finite"),
    ],
)
def test_other_arrays_are_refused(array: Any, told: str):
    with pytest.raises(ValueError, match=f"malformed encoder: array 'x' .*{told}"):
        take_array({"x": array}, "x", "if")
