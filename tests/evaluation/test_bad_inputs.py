"""Bad and odd input of `evaluate`: every column of the list is judged, or the frame refused.

The number in a test's name, or in its case's name, is the row of the list of odd input.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff.evaluation.errors import EvaluationError, EvaluationWarning
from tabdiff.evaluation.report import Report, evaluate
from tests.evaluation.panels import draw_panel
from tests.odd_columns import REFUSED, WHOLE, numbers, objects

pytestmark = pytest.mark.usefixtures("sdmetrics")
N = len(next(iter(WHOLE.values())))
# Nanoseconds after 1970, and instants are judged in microseconds.
BELOW_A_MICROSECOND = {"58 arrow timestamp with zone"}


def judged(real: Any, synthetic: Any, holdout: Any = None, **more: Any) -> Report:
    return evaluate(
        real, synthetic, holdout, **({"include": ["quality"], "progress": False} | more)
    )


def other_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=0).reset_index(drop=True)


# ---- every odd column ----


@pytest.mark.parametrize("name", WHOLE)
def test_a_column_is_like_itself_and_unlike_another(name: str):
    real = pd.DataFrame({"x": WHOLE[name]})
    before = real.copy(deep=True)
    same = judged(real, other_order(real)).scores
    assert same["shape_error"] == pytest.approx(0, abs=1e-9)
    pd.testing.assert_frame_equal(real, before)
    values = real["x"].dropna()
    if values.map(repr).nunique() > 1 and name not in BELOW_A_MICROSECOND:
        # In place of all values their commonest one: a tenth of the mass at least was elsewhere.
        other = pd.DataFrame({"x": pd.concat([values.head(1)] * N, ignore_index=True)})
        assert judged(real, other).scores["shape_error"] > 10


@pytest.mark.parametrize("name", REFUSED)
def test_a_column_that_cannot_be_judged_is_refused_by_name(name: str):
    real = pd.DataFrame({"good": numbers(), "bad": REFUSED[name][0]})
    with pytest.raises(ValueError, match="column 'bad'"):
        judged(real, real)


def test_10_values_of_other_types_are_other_values():
    real = pd.DataFrame({"x": objects([1, "1"] * 60)})
    made = pd.DataFrame({"x": objects(["1"] * 120)})
    assert judged(real, made).scores["shape_error"] == pytest.approx(50)


def test_06_07_columns_without_values_are_left_out_and_named():
    real = pd.DataFrame({"x": numbers(), "none": objects([None] * N), "nan": [np.nan] * N})
    with pytest.warns(UserWarning, match="no value at all in columns 'none', 'nan'"):
        report = judged(real, real)
    assert set(report.excluded) == {"none", "nan"}


# ---- frames ----


@pytest.mark.parametrize("role", ["real", "synthetic", "holdout"])
@pytest.mark.parametrize(
    ("frame", "error"),
    [
        pytest.param(pd.DataFrame(), ValueError, id="01 no columns"),
        pytest.param(pd.DataFrame({"x": []}), ValueError, id="02 no rows"),
        pytest.param(pd.DataFrame({"x": [1.0]}), ValueError, id="03 one row"),
        pytest.param(
            pd.DataFrame(np.ones((9, 2)), columns=["x", "x"]), ValueError, id="05 duplicates"
        ),
        pytest.param({"x": [1.0]}, TypeError, id="62 dict"),
        pytest.param("t.csv", TypeError, id="63 path"),
        pytest.param(pd.DataFrame({"y": numbers()}), ValueError, id="74 other column"),
    ],
)
def test_a_frame_that_cannot_be_judged_is_refused(role: str, frame: Any, error: type[Exception]):
    good = pd.DataFrame({"x": numbers()})
    frames = {"real": good, "synthetic": good, "holdout": good} | {role: frame}
    with pytest.raises(error, match="."):
        judged(**frames)


def test_75_text_in_place_of_numbers_is_refused_and_numbers_in_place_of_text_are_told():
    number, text = pd.DataFrame({"x": numbers()}), pd.DataFrame({"x": np.resize(list("ab"), N)})
    with pytest.raises(EvaluationError, match="'x': the synthetic frame holds values that cannot"):
        judged(number, text)
    report = judged(text, number)
    assert any("does the column have the same dtype?" in note for note in report.notes)


@pytest.mark.parametrize("name", ["49 scale 1e-300", "49 subnormal", "50 range overflows"])
def test_49_50_the_unit_of_numbers_of_extreme_size_is_told(name: str):
    real = pd.DataFrame({"x": WHOLE[name]})
    assert any("judged, and shown, in units of 2^" in note for note in judged(real, real).notes)


def test_04_two_rows_are_judged_with_a_note():
    real = pd.DataFrame({"x": [1.0, 2.0]})
    with pytest.warns(UserWarning, match="only 2 rows"):
        report = judged(real, real)
    assert any("only 2 rows" in note for note in report.notes)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["\U0001f600", "a\nb", "e\u0301"], id="33"),
        pytest.param([0, 2, 1], id="34"),
        pytest.param(["a", 1, dt.date(2020, 1, 1)], id="35"),
        pytest.param(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]), id="37"),
        pytest.param(["x.value", "x.state", "x"], id="67"),
    ],
)
def test_columns_may_be_called_anything(labels: Any):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)))
    frame.columns = labels if isinstance(labels, pd.MultiIndex) else pd.Index(labels, dtype=object)
    assert judged(frame, other_order(frame)).scores["shape_error"] == pytest.approx(0, abs=1e-9)


def test_36_missing_names_are_refused():
    frame = pd.DataFrame(np.ones((9, 2)), columns=pd.Index(["a", None], dtype=object))
    with pytest.raises(ValueError, match=r"positions \[1\] have no name"):
        judged(frame, frame)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.MultiIndex.from_product([range(120), ["a", "b"]]), id="38"),
        pytest.param([7] * N, id="39"),
        pytest.param(pd.date_range("2020-01-01", periods=N), id="40"),
    ],
)
def test_the_index_is_ignored(index: Any):
    frame = pd.DataFrame({"x": numbers(), "c": np.resize(list("ab"), N)})
    expected = judged(frame, frame).scores
    pd.testing.assert_series_equal(judged(frame.set_axis(index), frame).scores, expected)


def test_60_61_containers_may_differ():
    frame = pd.DataFrame({"x": numbers(), "y": numbers()[::-1]})
    other = pl.from_pandas(frame)
    # SDMetrics' diagnostic compares the names of dtypes, which those of polars are not.
    expected = judged(frame, frame).scores.drop("diagnostic")
    pd.testing.assert_series_equal(judged(frame, other).scores.drop("diagnostic"), expected)
    assert judged(other, other).scores["diagnostic"] == 1
    array = frame.to_numpy()
    assert judged(array, array).scores["shape_error"] == 0


def test_46_106_identifiers_are_left_out_and_named():
    frame = pd.DataFrame({"id": [f"C{i:05}" for i in range(N)], "x": numbers()})
    with pytest.warns(UserWarning, match="'id': identifiers"):
        assert set(judged(frame, frame).excluded) == {"id"}


def test_68_read_only_frames_are_read_and_left_alone():
    values = np.column_stack([numbers(), numbers()[::-1]])
    values.setflags(write=False)
    before = values.tobytes()
    judged(values, values)
    assert values.tobytes() == before


def test_104_107_text_is_text():
    frame = pd.DataFrame({"a": ["1,234", "987"] * 60, "b": ["=cmd()", "@x"] * 60})
    with pytest.warns(UserWarning, match="numbers written as text in column 'a'"):
        report = judged(frame, frame.assign(b="@x"))
    assert report.scores["shape_error"] > 20


def test_108_rows_that_were_trained_on_are_told():
    frame = pd.DataFrame({"x": numbers(), "y": numbers()[::-1]})
    with pytest.warns(EvaluationWarning, match="50.0% of the hold-out rows equal a training row"):
        judged(frame, frame, pd.concat([frame.head(60), frame.head(60) + 1]))


def test_108_entities_that_were_trained_on_are_told():
    real = draw_panel(30, seed=1)
    how = {"sequence_key": "who", "sequence_index": "day", "include": ["sequences"]}
    with pytest.warns(EvaluationWarning, match="equal a training entity row by row"):
        judged(real, draw_panel(30, seed=2), real.assign(who="new " + real["who"]), **how)


@pytest.mark.parametrize("role", ["real", "synthetic"])
@pytest.mark.parametrize("column", ["who", "day"])
def test_71_missing_keys_and_moments_name_the_rows(role: str, column: str):
    frames = {"real": draw_panel(9, seed=1), "synthetic": draw_panel(9, seed=2)}
    frame = frames[role].astype({column: object})
    frame.loc[4, column] = None
    how = {"sequence_key": "who", "sequence_index": "day", "include": ["sequences"]}
    with pytest.raises(EvaluationError, match=f"'{column}'.*1 {role} rows have none.*row 4"):
        judged(**(frames | {role: frame}), **how)
