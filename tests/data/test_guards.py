"""Guards of a table: what is taken out, of columns of every kind, and what is told of it."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff.data.guards import Guards, check_percentiles
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
from tabdiff.data.trimming import Clipped
from tests.data.frames import numpy_families

N = 40


def of_labels(rare: Any, often: Any, dtype: Any) -> pd.DataFrame:
    """A column of one rare label in two rows, beside a number."""
    labels = pd.Series(
        [rare, rare, *often * 2, *[often[0]] * (N - 2 - 2 * len(often))], dtype=dtype
    )
    return pd.DataFrame({"c": labels, "x": np.arange(N) / 7})


def left_of(frame: Any, kinds: Any = None, **wanted: Any) -> tuple[Any, Schema, Guards]:
    with pytest.warns(SchemaWarning):
        guards, schema = Guards.fit(frame, Schema.infer(frame, kinds), **wanted)
    return guards.apply(frame, schema), schema, guards


@pytest.mark.parametrize(
    "dtype", ["object", "string", "string[pyarrow]", "category"], ids=lambda dtype: dtype
)
def test_rare_texts_become_other(dtype: str):
    frame = of_labels("pope", ["cook", "nurse", "clerk"] * 3, dtype)
    before = frame.copy()
    left, schema, guards = left_of(frame, min_category_count=3)
    assert left["c"].iloc[:2].tolist() == ["other", "other"]
    assert left["c"].iloc[2:].tolist() == frame["c"].iloc[2:].tolist()
    assert "pope" not in str(schema.to_dict()) + str(guards.state())
    assert "pope" not in getattr(left["c"].dtype, "categories", [])
    assert guards.shared["c"].n_labels == 1 and guards.shared["c"].n_rows == 2
    assert frame.equals(before)


@pytest.mark.parametrize(
    ("rare", "often", "dtype"),
    [
        (7, [1, 2], "Int64"),
        (7.5, [1.0, 2.0], "float64"),
        (True, [False], "boolean"),
        (pd.Timestamp("2020-02-02"), [pd.Timestamp("2021-01-01")] * 2, "datetime64[ns]"),
        ("high", ["low", "middle"], pd.CategoricalDtype(["low", "middle", "high"], ordered=True)),
        (3, [1, 2], "category"),
        (b"z", [b"a", b"b"], "object"),
    ],
    ids=["Int64", "float64", "boolean", "datetime", "ordered", "numbers", "bytes"],
)
def test_rare_categories_that_no_text_can_stand_in_for_go_missing(rare, often, dtype):
    frame = of_labels(rare, often * 4, dtype)
    left, schema, _ = left_of(frame, {"c": "categorical"}, min_category_count=3)
    assert left["c"].isna().tolist() == [True, True] + [False] * (N - 2)
    assert left["c"].iloc[2:].tolist() == frame["c"].iloc[2:].tolist()
    assert rare not in (schema["c"].categories or ())


@pytest.mark.parametrize(("rare", "often", "dtype"), [(7, [1, 2], "int64"), (True, [False], bool)])
def test_rare_categories_without_a_stand_in_are_refused(rare, often, dtype):
    frame = of_labels(rare, often * 4, dtype).assign(d=lambda f: f["c"])
    schema = Schema.infer(frame, {"c": "categorical", "d": "categorical"})
    with pytest.raises(SchemaError, match="(?s)column 'c'.*column 'd'.*nullable"):
        Guards.fit(frame, schema, min_category_count=3)


def test_unused_categories_go_with_the_rare_ones():
    dtype = pd.CategoricalDtype(["a", "b", "nobody"])
    frame = pd.DataFrame({"c": pd.Series(list("ab") * 20, dtype=dtype), "x": np.arange(N) / 7})
    left, schema, guards = left_of(frame, min_category_count=2)
    assert schema["c"].categories == ("a", "b")
    assert left["c"].dtype.categories.tolist() == ["a", "b"]
    later = guards.apply(frame.assign(c=["somebody"] * N), schema)
    assert later["c"].tolist() == ["somebody"] * N


def test_a_column_of_rare_labels_alone_is_constant_or_missing():
    frame = pd.DataFrame({"x": np.arange(N) / 7, "t": [f"t{i // 2}" for i in range(N)]})
    frame["n"] = pd.Series(np.arange(N) // 2, dtype="Int64")
    left, schema, _ = left_of(frame, {"n": "categorical"}, min_category_count=3)
    assert (left["t"] == "other").all() and left["n"].isna().all()
    assert (schema["t"].kind, schema["n"].kind) == ("constant", "missing")


def test_a_real_other_and_rare_labels_become_one():
    frame = of_labels("pope", ["other", "cook"] * 5, "object")
    left, _, _ = left_of(frame, min_category_count=3)
    assert left["c"].value_counts()["other"] == (frame["c"] == "other").sum() + 2


def test_polars_frames_come_back_as_such():
    frame = pl.from_pandas(of_labels("pope", ["cook", "nurse"] * 4, "object"))
    frame = frame.with_columns(e=pl.col("c").cast(pl.Enum(["pope", "cook", "nurse"])))
    left, _, _ = left_of(frame, min_category_count=3)
    assert left["c"][0] == left["e"][0] == "other"
    assert left["e"].dtype == pl.Enum(["cook", "nurse", "other"])


def test_labels_that_come_later_share_the_stand_in():
    frame = of_labels("pope", ["cook", "nurse"] * 4, "object")
    _, schema, guards = left_of(frame, min_category_count=3)
    later = pd.DataFrame({"c": ["king", None, "cook"], "x": [0.0, 1.0, 2.0]}, index=[5, 5, 7])
    left = guards.apply(later, schema)
    assert left["c"].fillna("?").tolist() == ["other", "?", "cook"]
    assert left.index.tolist() == [5, 5, 7]


@pytest.mark.parametrize("family", ["int64", "float64", "cents", "float NaN", "datetime ns"])
def test_numbers_beyond_become_the_nearest_bound(family: str):
    series = numpy_families()[family]
    frame = pd.DataFrame({"x": series})
    left, _, guards = left_of(frame, clip_percentiles=(2, 95))
    held = series.dropna().sort_values()
    low, high = held.iloc[round(0.02 * len(held))], held.iloc[-1 - round(0.05 * len(held))]
    assert left["x"].dtype == series.dtype
    assert left["x"].equals(series.clip(low, high))
    assert guards.clipped["x"].n_cells == int(((held < low) | (held > high)).sum()) > 0
    assert left["x"].max() < series.max()


def test_the_extremes_of_a_small_table_go_too():
    frame = pd.DataFrame({"x": [1.5, 3.0, 2.0, 99.0, 2.5] * 2 + [1000.0]})
    left, _, _ = left_of(frame, clip_percentiles=(0, 99.9))
    assert left["x"].max() == 99.0 and left["x"].min() == 1.5


def test_a_side_whose_end_is_open_stays():
    frame = pd.DataFrame({"x": np.arange(100) / 3})
    left, _, _ = left_of(frame, clip_percentiles=(10, 100))
    assert left["x"].max() == frame["x"].max() and left["x"].min() == frame["x"][10]


def test_numbers_that_come_later_are_clipped_in_any_width():
    frame = pd.DataFrame({"x": np.arange(1000, 1100)})
    _, schema, guards = left_of(frame, clip_percentiles=(1, 99))
    for later in (
        pd.DataFrame({"x": np.array([3, 100], dtype="int8")}),
        pd.DataFrame({"x": [3.0, np.nan, 5000.0]}),
    ):
        left = guards.apply(later, schema)["x"]
        assert left.dropna().between(1001, 1098).all() and left.isna().equals(later["x"].isna())


def test_identifiers_and_categories_are_not_clipped():
    frame = pd.DataFrame({"id": np.arange(N), "zip": np.arange(N) % 4, "x": np.arange(N) / 7})
    kinds = {"id": "identifier", "zip": "categorical"}
    left, _, guards = left_of(frame, kinds, clip_percentiles=(10, 90))
    assert list(guards.clipped) == ["x"] and left[["id", "zip"]].equals(frame[["id", "zip"]])


def test_what_was_taken_out_is_told_once_by_column():
    frame = of_labels("pope", ["cook", "nurse"] * 4, "object")
    with pytest.warns(SchemaWarning) as told:
        Guards.fit(frame, Schema.infer(frame), 3, (5, 95))
    (one,) = told
    assert "column 'c': 1 rare categories (2 rows)" in str(one.message)
    assert "column 'x': 4 numbers" in str(one.message)


def test_nothing_to_take_out_says_nothing():
    frame = pd.DataFrame({"c": list("ab") * 20, "x": [0.0, 1.0] * 20})
    schema = Schema.infer(frame)
    guards, same = Guards.fit(frame, schema, 3, (0.1, 99.9))
    assert not guards and same == schema and guards.apply(frame, schema) is frame


def test_a_table_of_too_few_rows_is_refused():
    frame = of_labels("pope", ["cook", "nurse"] * 4, "object")
    with pytest.raises(SchemaError, match="min_category_count=41: the table has 40 rows"):
        Guards.fit(frame, Schema.infer(frame), min_category_count=41)


@pytest.mark.parametrize("wrong", [5, "ab", (1,), (1, 2, 3), (0.1, "x"), (True, 99), None, {1, 2}])
def test_what_are_no_percentiles_is_refused(wrong: Any):
    with pytest.raises(TypeError, match="clip_percentiles must be two numbers"):
        check_percentiles(wrong)


@pytest.mark.parametrize("wrong", [(99, 1), (50, 50), (-1, 99), (1, 100.1), (float("nan"), 99)])
def test_percentiles_out_of_order_are_refused(wrong: Any):
    with pytest.raises(ValueError, match="clip_percentiles must be"):
        check_percentiles(wrong)


def test_state_comes_back():
    frame = of_labels("pope", ["cook", "nurse"] * 4, "object")
    left, schema, guards = left_of(frame, min_category_count=3, clip_percentiles=(5, 95))
    again = Guards.from_state(guards.state(), schema)
    assert again.state() == guards.state() and again.apply(frame, schema).equals(left)


@pytest.mark.parametrize(
    "change",
    [
        {"shared": 3},
        {"shared": [{"column": "nobody"}]},
        {"shared": [{"column": "c", "kept": "ab", "stand_in": None, "n_labels": 1, "n_rows": 1}]},
        {"shared": [{"column": "c", "kept": ["a"], "stand_in": 3, "n_labels": 1, "n_rows": 1}]},
        {"clipped": [{"column": "c", "low": 1, "high": 2, "n_cells": 1}]},
        {"clipped": [{"column": "x", "low": 3, "high": 2, "n_cells": 1}]},
        {"clipped": [{"column": "x", "low": 1, "high": "2", "n_cells": 1}]},
        {"clipped": [{"column": "x", "low": 1, "high": 2, "n_cells": 1}] * 2},
    ],
)
def test_malformed_state_is_refused(change: dict[str, Any]):
    schema = Schema.infer(of_labels("pope", ["cook", "nurse"] * 4, "object"))
    with pytest.raises(ValueError, match="malformed"):
        Guards.from_state({"shared": [], "clipped": []} | change, schema)


def test_bounds_lie_at_ranks():
    values = np.arange(1000)
    clipped = Clipped.of(cells_of(values), (0.1, 99.9))
    assert clipped is not None and (clipped.low, clipped.high, clipped.n_cells) == (1, 998, 2)


def cells_of(values: np.ndarray) -> Any:
    from tabdiff.data.cells import Cells

    return Cells(np.zeros(len(values), dtype=bool), values)
