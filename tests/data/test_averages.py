"""Averages of several fillings: cell by cell, for every family of cells."""

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff.data.averages import average
from tabdiff.data.cells import present
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import Schema
from tests.data.frames import FAMILIES

# Families that pandas itself cannot punch holes into and keep.
WHOLE = {name for name, series in FAMILIES.items() if isinstance(series.dtype, pd.SparseDtype)}


def holed(name: str) -> pd.DataFrame:
    """A family's column with every third cell missing."""
    series = present(FAMILIES[name])[0].reset_index(drop=True)
    return pd.DataFrame({"it": series.where(np.arange(len(series)) % 3 > 0)})


def filling(frame: pd.DataFrame, shift: int) -> pd.DataFrame:
    """Each gap filled with the cell that stands so many places further among the present ones."""
    series = frame["it"]
    dense, gaps = present(series)
    values = series.array.copy()
    values[gaps] = dense.array[(np.arange(gaps.sum()) + shift) % len(dense)]
    return pd.DataFrame({"it": pd.Series(values, series.index, series.dtype)})


def one_column(cells: list[Any], dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"it": pd.Series(cells, dtype=dtype)})


def averaged(draws: list[list[Any]], dtype: Any = None, kind: str | None = None) -> list[Any]:
    """The averages of the cells of several fillings of a column that was missing throughout."""
    whole = one_column([cell for draw in draws for cell in draw], dtype)
    schema = Schema.infer(pd.concat([whole] * 20), {"it": kind} if kind else None)
    empty = one_column([None] * len(draws[0]), whole["it"].dtype)
    return average(empty, [one_column(draw, dtype) for draw in draws], schema)["it"].tolist()


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - WHOLE))
def test_equal_fillings_are_their_own_average(name: str):
    frame = holed(name)
    filled = filling(frame, 1)
    schema = Schema.infer(pd.concat([frame] * 2))
    if schema["it"].kind in ("identifier", "missing"):
        pytest.skip("such columns are never filled")
    pd.testing.assert_frame_equal(average(frame, [filled] * 3, schema), filled)


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - WHOLE))
def test_measures_have_a_mean_and_all_else_a_mode(name: str):
    frame = holed(name)
    schema = Schema.infer(pd.concat([frame] * 2))
    if schema["it"].kind in ("identifier", "missing"):
        pytest.skip("such columns are never filled")
    fillings = [filling(frame, shift) for shift in (1, 2, 3)]
    found = average(frame, fillings, schema)["it"]
    assert found.dtype == frame["it"].dtype and found.notna().all()
    draws = np.array([filled["it"].astype(object) for filled in fillings], dtype=object).T
    for cell, drawn in zip(found.astype(object), draws, strict=True):
        if schema["it"].kind == "categorical":
            votes = Counter(typed_key(value) for value in drawn)
            assert votes[typed_key(cell)] == max(votes.values())
        else:
            assert min(drawn) <= cell <= max(drawn)


@pytest.mark.parametrize(
    ("draws", "dtype", "mean"),
    [
        ([[1.0, 0.1], [2.5, 0.1]], "float64", [1.75, 0.1]),
        ([[1.5e308], [1.5e308], [1.5e308]], "float64", [1.5e308]),
        ([[1], [2], [2]], "Int64", [2]),
        ([[2**62 + 1], [2**62 + 3]], "Int64", [2**62 + 2]),
        ([[-(2**63)], [-(2**63) + 4]], "Int64", [-(2**63) + 2]),
        ([["2024-01-01"], ["2024-01-03"]], "datetime64[ns]", [pd.Timestamp("2024-01-02")]),
        ([[pd.Timedelta("1h")], [pd.Timedelta("2h")]], None, [pd.Timedelta("90min")]),
        ([[Decimal("1.10")], [Decimal("1.20")]], "object", [Decimal("1.15")]),
        ([[dt.date(2024, 1, 1)], [dt.date(2024, 1, 5)]], "object", [dt.date(2024, 1, 3)]),
    ],
    ids=["float", "huge", "whole", "above 2^53", "least", "moment", "span", "decimal", "date"],
)
def test_the_mean_is_exact(draws: list[list[Any]], dtype: Any, mean: list[Any]):
    assert averaged(draws, dtype) == mean


def test_the_mean_of_whole_fillings_of_a_column_of_floats_is_whole():
    schema = Schema.infer(one_column([0.5, 1.5, 2.5] * 20))
    empty = one_column([None, 5], "Int64")
    draws = [one_column([cell, 5], "Int64") for cell in (1, 2, 2)]
    assert average(empty, draws, schema)["it"].tolist() == [2, 5]


def test_the_most_frequent_value_wins_and_of_equals_the_first_drawn():
    assert averaged([["a", "c"], ["b", "b"], ["b", "a"]]) == ["b", "c"]
    assert averaged([[3, 1], [3, 9], [1, 1]], "Int64", kind="categorical") == [3, 1]


def test_values_that_python_calls_equal_have_votes_of_their_own():
    found = averaged([[True], ["1"], [1], ["1"]], "object")
    assert found == ["1"]
    found = averaged([["x"], ["x"], [1], [True], [1.0]], "object")
    assert found == ["x"]


def test_observed_cells_and_the_index_stay():
    frame = pd.DataFrame({"it": [1.0, np.nan, 3.0]}, index=list("xyz"))
    draws = [frame.fillna(4.0), frame.fillna(8.0)]
    schema = Schema.infer(pd.concat([frame] * 20, ignore_index=True))
    expected = pd.DataFrame({"it": [1.0, 6.0, 3.0]}, index=list("xyz"))
    pd.testing.assert_frame_equal(average(frame, draws, schema), expected)


def test_arrays_and_polars_frames_come_back_as_such():
    array = np.array([[1.0, np.nan], [np.nan, 2.0]] * 10)
    draws = [np.nan_to_num(array, nan=value) for value in (3.0, 5.0)]
    found = average(array, draws, Schema.infer(array))
    assert np.array_equal(found, np.nan_to_num(array, nan=4.0))
    frame = pl.DataFrame({"it": [1.5, None, 3.0] * 9})
    found = average(frame, [frame.fill_null(2.0), frame.fill_null(4.0)], Schema.infer(frame))
    assert found.equals(frame.fill_null(3.0))
