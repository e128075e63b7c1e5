"""Budgets that follow from the table, and checks of what a user set."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tabdiff.data.mixed import Gate, Layout
from tabdiff.training.settings import (
    PRESETS,
    default_batch,
    default_held_out,
    default_sampling_steps,
    default_size,
    default_steps,
    make_recipe,
    make_sequence_recipe,
    require_real,
    require_whole,
)

ROWS = [1, 2, 3, 10, 39, 40, 41, 100, 199, 1_000, 2_000, 10_000, 123_456, 10_000_000]


def test_larger_tables_get_no_less():
    for default in (default_steps, default_batch, default_held_out):
        values = [default(n) for n in ROWS]
        assert values == sorted(values), default.__name__
        assert all(isinstance(v, int) for v in values)
    sizes = [default_size(n) for n in ROWS]
    assert [s.width for s in sizes] == sorted(s.width for s in sizes)
    assert [s.depth for s in sizes] == sorted(s.depth for s in sizes)


@pytest.mark.parametrize("n_rows", ROWS)
def test_held_out_rows_leave_most_to_learn_from(n_rows: int):
    assert 0 <= default_held_out(n_rows) <= n_rows / 4


@pytest.mark.parametrize("n_rows", ROWS)
def test_a_recipe_of_any_table_is_complete(n_rows: int):
    recipe = make_recipe(n_rows, max_steps=None, max_time=None, batch_size=None, learning_rate=1e-3)
    assert 1 <= recipe.check_every <= recipe.max_steps
    assert 1 <= recipe.ema_steps <= recipe.max_steps
    assert recipe.check_terms >= 1
    assert recipe.batch_size >= 1


def test_presets_stretch_what_is_not_set():
    unset = {"max_steps": None, "max_time": None, "batch_size": None, "learning_rate": 1e-3}
    fast, default, best = (
        make_recipe(20_000, preset=PRESETS[name], **unset) for name in ("fast", "default", "best")
    )
    assert default == make_recipe(20_000, **unset)
    assert fast.max_steps * 2 < default.max_steps < best.max_steps
    assert fast.rounds == 1 < default.rounds < best.rounds
    assert default_size(20_000) == default_size(20_000, PRESETS["fast"])
    assert default_size(20_000, PRESETS["best"]).width == 384
    own = make_recipe(20_000, preset=PRESETS["best"], **(unset | {"max_steps": 7}))
    assert own.max_steps == 7 and own.rounds == 1


def decay_of(n_rows: int, learning_rate: float = 2e-3) -> float:
    recipe = make_recipe(
        n_rows, max_steps=None, max_time=None, batch_size=None, learning_rate=learning_rate
    )
    return recipe.weight_decay


def test_weights_are_forgotten_within_as_many_passes_whatever_the_table():
    for n_rows, learning_rate in [(30_000, 2e-3), (300_000, 2e-3), (30_000, 4e-3)]:
        steps_kept = 1 / (learning_rate * decay_of(n_rows, learning_rate))
        assert steps_kept * default_batch(n_rows) / n_rows == pytest.approx(100)


def test_no_table_is_so_small_that_decay_ruins_it():
    assert decay_of(0) == decay_of(100) == decay_of(5_000) == 0.3


def test_weights_of_sequences_decay_as_those_of_small_tables_since_windows_overlap():
    unset = {"max_steps": None, "max_time": None, "batch_size": None, "learning_rate": 2e-3}
    for n_rows in (500, 1_000_000):
        recipe = make_sequence_recipe(n_rows, n_rows - 23, 24, **unset)
        assert recipe.weight_decay == 0.3


def layout_of(n_cat: int, *gates: Gate | None, k: int = 2) -> Layout:
    numbers, levels = tuple("x" * len(gates)), tuple("c" * n_cat)
    return Layout(numbers, levels, (k,) * n_cat, gates, (0,) * n_cat)


@pytest.mark.parametrize(("n_cat", "steps"), [(1, 16), (17, 17), (100, 100), (500, 100)])
def test_each_categorical_part_has_a_sampling_step_within_reason(n_cat: int, steps: int):
    assert default_sampling_steps(layout_of(n_cat)) == steps
    assert default_sampling_steps(layout_of(n_cat, Gate(0, (0,)), k=256)) == steps


def test_numbers_that_their_cell_does_not_tell_take_more_steps():
    assert default_sampling_steps(layout_of(0, None)) == 25
    assert default_sampling_steps(layout_of(3, Gate(0, (0,)), k=4)) == 25
    assert default_sampling_steps(layout_of(30, Gate(0, (0,)), k=4)) == 30


@pytest.mark.parametrize("max_steps", [1, 5, 10_000])
def test_a_recipe_keeps_what_the_user_set(max_steps: int):
    recipe = make_recipe(
        1_000, max_steps=max_steps, max_time=2.5, batch_size=77, learning_rate=3e-4
    )
    assert recipe.max_steps == max_steps
    assert recipe.max_time == 2.5
    assert recipe.batch_size == 77
    assert recipe.learning_rate == 3e-4
    assert 1 <= recipe.check_every <= max_steps
    assert recipe.ema_steps >= 1


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), Fraction(3)])
def test_a_whole_number_is_an_int_whatever_its_type(value: object):
    got = require_whole("n", value, least=1)
    assert got == 3
    assert type(got) is int


def test_large_ints_are_not_rounded():
    assert require_whole("n", 2**60 + 1, least=0) == 2**60 + 1


@pytest.mark.parametrize("value", [2.5, True, "3", None, math.nan, np.bool_(True), Decimal(3), [3]])
def test_what_is_no_whole_number_is_refused(value: object):
    with pytest.raises(TypeError, match="n_samples must be a whole number. Got"):
        require_whole("n_samples", value, least=0)


def test_whole_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"n must be at least 0. Got -1"):
        require_whole("n", -1, least=0)
    with pytest.raises(ValueError, match=r"n must be from 0 to 2. Got 3"):
        require_whole("n", 3, least=0, most=2)
    with pytest.raises(ValueError, match=r"n must be finite. Got inf"):
        require_whole("n", math.inf, least=0)


@pytest.mark.parametrize(
    ("ends", "fine", "wrong"),
    [
        ("[]", [0, 0.5, 1], [-1e-9, 1.1, math.nan, math.inf]),
        ("()", [0.5, np.float32(0.5)], [0, 1, math.nan]),
        ("[)", [0, 0.5], [1]),
        ("(]", [0.5, 1], [0]),
    ],
)
def test_a_real_number_lies_between_its_ends(ends: str, fine: list[float], wrong: list[float]):
    for value in fine:
        require_real("x", value, 0, 1, ends)
    for value in wrong:
        with pytest.raises(ValueError, match=r"x must be in .0, 1.\. Got"):
            require_real("x", value, 0, 1, ends)


@pytest.mark.parametrize("value", ["0.5", None, True, [0.5]])
def test_what_is_no_real_number_is_refused(value: object):
    with pytest.raises(TypeError, match="x must be a number. Got"):
        require_real("x", value, 0, 1)
