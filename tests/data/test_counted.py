"""The encoder of a private table: cells by noisy counts, levels by declaration."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff import Privacy, SchemaError
from tabdiff.data.charter import charter
from tabdiff.data.counted import MOST_CELLS, divide, fit_declared
from tabdiff.data.noise import NoisyCounts
from tabdiff.data.table import TableEncoder
from tests.data.noises import Silent


def fitted(frame: pd.DataFrame, noise: NoisyCounts | None = None, **told: Any) -> TableEncoder:
    noise = noise or Silent(np.random.default_rng(0))
    privacy = Privacy(epsilon=1.0, delta=1e-6, n_rows=len(frame), **told)
    return fit_declared(charter(frame, privacy, noise, 0.0, 0.0), noise, 2.0)


def counts_of(index: np.ndarray, starts: np.ndarray, size: int) -> np.ndarray:
    return np.histogram(index, [*starts, size])[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_line_is_divided_into_cells_of_few_rows_each(seed: int):
    rng = np.random.default_rng(seed)
    size, n = 1_000, 5_000
    index = np.clip(rng.normal(300, 60, n).astype(np.int64), 0, size - 1)
    starts, counts = divide(index, size, n, Silent(rng), 100.0, 10)
    assert starts[0] == 0 and (np.diff(starts) > 0).all() and starts[-1] < size
    np.testing.assert_allclose(counts, counts_of(index, starts, size))
    wide = np.diff([*starts, size]) > 1
    assert counts[wide].max() <= n / MOST_CELLS


def test_a_division_costs_the_same_whatever_it_finds():
    rng = np.random.default_rng(0)
    for index in (np.zeros(900, dtype=np.int64), rng.integers(0, 64, 900)):
        noise = Silent(rng)
        divide(index, 64, 900, noise, 0.5, 6)
        assert len(noise.asked) == 6
        assert noise.spent == pytest.approx(0.5 * np.sqrt(6))


def test_all_counts_together_cost_what_was_given():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=90), "k": rng.integers(0, 9, 90), "c": ["a"] * 90})
    noise = Silent(rng)
    told = {"bounds": {"x": (-4.0, 4.0), "k": (0, 8)}, "categories": {"c": ["a", "b"]}}
    fitted(frame.assign(x=frame["x"].mask(frame["k"] < 2)), noise, **told, missing=["x"])
    assert noise.spent == pytest.approx(2.0)


def test_cells_reach_from_bound_to_bound_and_hold_no_value_of_a_row():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(10.1234567, 20.7654321, 4_000)})
    encoder = fitted(frame, bounds={"x": (0.0, 64.0)}).fields[0].encoder
    assert encoder.bounds == (0.0, 64.0)
    # Every edge is a bound halved again and again.
    assert (encoder.grid.v * 2**18 / 64 % 1 == 0).all()


def test_values_beyond_a_bound_count_as_the_bound():
    frame = pd.DataFrame({"k": [*[-50] * 20, *[3] * 50, *[99] * 20]})
    encoder = fitted(frame, bounds={"k": (0, 4)})
    (field,) = encoder.fields
    assert list(field.encoder.atoms) == [0, 3, 4]
    assert field.encoder.counts.sum() == 90
    decoded = encoder.decode(
        encoder.encode(frame, np.random.default_rng(0)), np.random.default_rng(0)
    )
    assert list(decoded["k"]) == [*[0] * 20, *[3] * 50, *[4] * 20]


@pytest.mark.parametrize(
    ("values", "bounds", "resolution"),
    [
        ([0.25, 1.5, 7.75] * 40, (0.0, 8.0), 0.25),
        ([1.1, 2.2, 9.9] * 40, (0.0, 10.0), 0.1),
        ([100, 250, 900] * 40, (0, 1_000), 50),
        (
            list(pd.to_datetime(["2020-01-05", "2021-07-01"]).repeat(40)),
            (pd.Timestamp("2019-01-01"), pd.Timestamp("2022-01-01")),
            pd.Timedelta("1D"),
        ),
        (["2020-01-05", "2021-07-01"] * 40, ("2019-01-01", "2022-01-01"), "1D"),
        (
            [dt.date(2020, 1, 5), dt.date(2021, 7, 1)] * 40,
            (dt.date(2019, 1, 1), dt.date(2022, 1, 1)),
            "1D",
        ),
        ([dt.time(8), dt.time(9, 30)] * 40, (dt.time(0), dt.time(23)), "30min"),
        (
            [dt.timedelta(hours=8), dt.timedelta(hours=9)] * 40,
            (dt.timedelta(0), dt.timedelta(days=1)),
            "1h",
        ),
    ],
)
def test_values_on_a_declared_step_come_back(values: list[Any], bounds: Any, resolution: Any):
    frame = pd.DataFrame({"x": values})
    encoder = fitted(frame, bounds={"x": bounds}, resolution={"x": resolution})
    rng = np.random.default_rng(0)
    pd.testing.assert_frame_equal(encoder.decode(encoder.encode(frame, rng), rng), frame)


@pytest.mark.parametrize("step", [0, -1.0, 1e-12])
def test_steps_that_are_none_are_refused(step: float):
    frame = pd.DataFrame({"x": [0.1, 0.2] * 20})
    with pytest.raises(SchemaError, match=f"column 'x': a resolution of {step!r} is none"):
        fitted(frame, bounds={"x": (0.0, 1.0)}, resolution={"x": step})


def test_declared_labels_are_levels_whether_rows_have_them_or_not():
    frame = pd.DataFrame({"c": ["b", "a", None] * 20})
    encoder = fitted(frame, categories={"c": ["a", "b", "never"]}, missing=["c"])
    (field,) = encoder.fields
    assert list(field.encoder.levels.values) == ["a", "b", "never"]
    assert list(field.encoder.counts) == [20, 20, 0, 20]


def test_labels_that_nobody_declared_are_refused_by_row():
    frame = pd.DataFrame({"c": ["b", "a", "Ann"] * 20})
    with pytest.raises(SchemaError, match="column 'c': 20 cells hold categories .* row 2: 'Ann'"):
        fitted(frame, categories={"c": ["a", "b"]})
