import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.tables import Tables, code_tables


def code(real: pd.DataFrame, synthetic: pd.DataFrame | None = None) -> Tables:
    other = real.copy() if synthetic is None else synthetic
    return code_tables(real, other, None, Schema.infer(real))


def numbers(values: object, n: int = 30) -> np.ndarray:
    """The coded numbers of a column that repeats ``values``."""
    column = pd.concat([pd.Series(values)] * n, ignore_index=True)
    tables = code(pd.DataFrame({"x": column, "other": np.arange(len(column)) % 7}))
    assert tables.real.fields[0].kind == "numeric"
    return np.asarray(tables.real.columns[0][: len(column) // n])


def test_levels_are_common_and_missing_comes_last():
    real = pd.DataFrame({"x": ["b", "a", None, "b"] * 10})
    synthetic = pd.DataFrame({"x": ["c", None, "a", "a"]})
    tables = code(real, synthetic)
    assert tables.real.fields[0].levels == ("a", "b", "c")
    assert tables.real.columns[0][:4].tolist() == [1, 0, 3, 1]
    assert tables.synthetic.columns[0].tolist() == [2, 3, 0, 0]
    assert tables.real.missing(0)[:4].tolist() == [False, False, True, False]


def test_a_declared_order_of_levels_is_kept():
    dtype = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
    tables = code(pd.DataFrame({"x": pd.Series(["high", "low", "mid"] * 10, dtype=dtype)}))
    assert tables.real.fields[0].levels == ("low", "mid", "high")


def test_a_number_and_its_text_are_two_levels():
    tables = code(pd.DataFrame({"x": pd.Series([1, "1", 2] * 10, dtype=object)}))
    assert len(set(tables.real.columns[0][:3].tolist())) == 3
    assert len(set(tables.real.fields[0].levels)) == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, None, 3], dtype="Int64"), [1, np.nan, 3]),
        (pd.Series([1.5, None, 3], dtype="double[pyarrow]"), [1.5, np.nan, 3]),
        ([Decimal("1.5"), None, Decimal("3")], [1.5, np.nan, 3]),
        (pd.to_datetime(["1970-01-02", None, "1970-01-01"]), [86400, np.nan, 0]),
        (pd.to_datetime(["1970-01-02 01:00", "1970-01-01 01:00"]).tz_localize("CET"), [86400, 0]),
        ([dt.date(1970, 1, 2), None, dt.date(9999, 1, 1)], [86400, np.nan, 253370764800]),
        (
            pd.Series(
                pd.to_datetime(["1970-01-02", "1970-01-03"]).tz_localize("UTC"),
                dtype="timestamp[s, tz=UTC][pyarrow]",
            ),
            [86400, 172800],
        ),
        (pd.to_timedelta(["2h", None]), [7200, np.nan]),
        ([dt.time(1, 0, 0, 500_000), dt.time(0)], [3600.5, 0]),
        (pd.period_range("1970-02", periods=2, freq="M"), [1, 2]),
        (pd.arrays.SparseArray([0.0, 2.0, 0.0]), [0, 2, 0]),
    ],
)
def test_every_kind_of_number_becomes_a_float(values: object, expected: list[float]):
    np.testing.assert_array_equal(numbers(values), expected)


def test_texts_of_instants_are_instants():
    days = pd.date_range("2024-01-01", periods=20).strftime("%Y-%m-%d")
    tables = code(pd.DataFrame({"x": [*days, *days], "y": np.arange(40) % 5}))
    assert tables.real.fields[0].quantity == "instant"
    assert tables.real.columns[0][1] - tables.real.columns[0][0] == 86400


def test_fingerprints_tell_rows_apart_and_zero_has_no_sign():
    real = pd.DataFrame({"x": [0.0, -0.0, 1.0, np.nan] * 5, "y": ["a", "a", "a", None] * 5})
    prints = code(real).real.fingerprints()[:4]
    assert prints[0] == prints[1]
    assert len(set(prints.tolist())) == 3


def test_unequal_columns_are_named_all_at_once():
    real = pd.DataFrame({"x": [1.5, 2.0, 3.0] * 9, "y": [1, 2, 3] * 9})
    with pytest.raises(EvaluationError, match=r"synthetic lacks the columns \['y'\].*\['z'\]"):
        code_tables(real, pd.DataFrame({"x": [1.0, 2.0], "z": 1}), None, Schema.infer(real))


def test_repeated_names_and_single_rows_are_refused():
    real = pd.DataFrame({"x": [1.5, 2.0, 3.0] * 9})
    twice = pd.DataFrame([[1.0, 2.0]] * 3, columns=["x", "x"])
    with pytest.raises(EvaluationError, match="more than once"):
        code_tables(real, twice, None, Schema.infer(real))
    with pytest.raises(EvaluationError, match="has 1 rows, at least 2"):
        code_tables(real, real.iloc[:1], None, Schema.infer(real))


def test_values_that_are_no_numbers_are_named_all_at_once():
    real = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30.0) / 7, "z": [1, 2, 3] * 10})
    synthetic = pd.DataFrame({"x": ["a"] * 30, "y": [np.inf] * 30, "z": [1, 2, 3] * 10})
    with pytest.raises(EvaluationError, match=r"'x'.*'y'.*30 infinite values, first at row 0"):
        code(real, synthetic)


def test_dates_where_numbers_were_are_refused():
    real = pd.DataFrame({"x": np.arange(30.0)})
    synthetic = pd.DataFrame({"x": pd.date_range("2024", periods=30)})
    with pytest.raises(EvaluationError, match="holds instants, the real one numbers"):
        code(real, synthetic)


def test_levels_of_another_dtype_are_noted():
    real = pd.DataFrame({"x": [True, False] * 10})
    tables = code(real, pd.DataFrame({"x": ["True", "False"] * 10}))
    assert "same dtype" in tables.notes[0]


def test_new_levels_are_noted_with_their_share():
    real = pd.DataFrame({"x": ["a", "b"] * 10})
    tables = code(real, pd.DataFrame({"x": ["a", "z", "a", "b"]}))
    assert "1 synthetic levels" in tables.notes[0]
    assert "25.0%" in tables.notes[0]
