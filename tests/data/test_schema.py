"""Inference, refusals, warnings and JSON of schemas: what happens at the door."""

import dataclasses
import datetime as dt
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tabdiff.data.column import Column
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning, to_pandas
from tests.data.frames import FAMILIES

N = 60


def numbers(n: int = N) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)


def kinds(frame: Any, **column_kinds: str) -> dict[Any, str]:
    return {column.name: column.kind for column in Schema.infer(frame, column_kinds).columns}


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("int64", "numeric"),
        ("Float64", "numeric"),
        ("decimals", "numeric"),
        ("ints None", "numeric"),
        ("arrow decimal", "numeric"),
        ("bool", "categorical"),
        ("boolean", "categorical"),
        ("strings None", "categorical"),
        ("ordered", "categorical"),
        ("interval", "categorical"),
        ("bytes", "categorical"),
        ("int and str", "categorical"),
        ("beyond int64", "categorical"),
        ("zoned", "datetime"),
        ("period M", "datetime"),
        ("dates", "datetime"),
        ("time text", "datetime"),
        ("timedelta", "timedelta"),
        ("times", "timedelta"),
        ("arrow duration", "timedelta"),
    ],
)
def test_kind_follows_what_the_cells_hold(family: str, kind: str) -> None:
    assert kinds(pd.DataFrame({"x": FAMILIES[family]})) == {"x": kind}


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_rows_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=rf"{n} rows?, need at least 2"):
        Schema.infer(pd.DataFrame({"x": numbers(n)}))


def test_no_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="no columns"):
        Schema.infer(pd.DataFrame(index=range(9)))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {"x": [1]},
        [[1]],
        "x.csv",
        pd.Series([1]),
    ],
    ids=["none", "dict", "list", "path", "series"],
)
def test_other_containers_are_refused_saying_what_is_accepted(bad: Any) -> None:
    with pytest.raises(TypeError, match="expected a pandas or polars DataFrame or a 2-D numeric"):
        Schema.infer(bad)


@pytest.mark.parametrize(
    "bad",
    [np.ones(3), np.array([["a"]]), np.ones((2, 2, 2)), np.ones((9, 2)) * 1j],
    ids=["1-D", "text", "3-D", "complex"],
)
def test_other_arrays_are_refused_with_their_shape_and_dtype(bad: Any) -> None:
    with pytest.raises(SchemaError, match=rf"2-D numeric.*shape \({bad.shape[0]},.*{bad.dtype}"):
        Schema.infer(bad)


def test_lazy_frames_are_refused_with_the_call_that_helps() -> None:
    with pytest.raises(TypeError, match="collect"):
        Schema.infer(pl.LazyFrame({"x": [1]}))


def test_duplicate_names_are_refused_and_listed() -> None:
    frame = pd.DataFrame(np.ones((9, 4)), columns=["a", "b", "a", "b"])
    with pytest.raises(SchemaError, match="More than once: 'a', 'b'"):
        Schema.infer(frame)


@pytest.mark.parametrize("name", [None, float("nan"), pd.NA])
def test_names_that_are_missing_are_refused(name: Any) -> None:
    with pytest.raises(SchemaError, match=r"positions \[1\] have no name"):
        Schema.infer(pd.DataFrame(np.ones((9, 2)), columns=pd.Index(["a", name], dtype=object)))


def test_all_bad_columns_are_named_at_once() -> None:
    frame = pd.DataFrame(
        {
            "lists": [None] + [[1]] * (N - 1),
            "dicts": [{"a": 1}] * N,
            "sets": [{1}] * N,
            "complex": numbers() + 1j,
            "zones": [
                dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=k % 2)))
                for k in range(N)
            ],
            "infinite": [1.0, np.inf] * (N // 2),
            "objects": [object] * N,
            "arrow": pd.Series([[1]] * N, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
            "struct": pd.Series([{"a": 1}] * N, dtype=pd.ArrowDtype(pa.struct({"a": pa.int64()}))),
            "wide": numbers().astype(np.longdouble),
            "good": numbers(),
        }
    )
    with pytest.raises(SchemaError) as caught:
        Schema.infer(frame)
    text = str(caught.value)
    assert [name for name in frame if f"column {name!r}" in text] == list(frame)[:-1]
    assert "59 values are lists (first at row 1: [1]). tabdiff models scalars: expand it" in text
    assert "30 values are infinite (first at row 1: inf)" in text
    assert "utc=True" in text


def test_infinite_numbers_can_be_categories() -> None:
    frame = pd.DataFrame({"x": [1.0, np.inf, -np.inf] * 20})
    assert kinds(frame, x="categorical") == {"x": "categorical"}


@pytest.mark.parametrize(
    "frame", [pl.DataFrame({"a": [[1], [2]] * 9}), pl.DataFrame({"a": [{"b": 1}] * 9})]
)
def test_nested_polars_columns_are_refused(frame: pl.DataFrame) -> None:
    with pytest.raises(SchemaError, match="tabdiff models scalars"):
        Schema.infer(frame)


def test_unknown_column_kinds_are_refused_with_the_closest() -> None:
    frame = pd.DataFrame({"age": numbers()})
    with pytest.raises(SchemaError, match="no column 'agee'. Did you mean 'age'"):
        Schema.infer(frame, {"agee": "numeric"})
    with pytest.raises(SchemaError, match="cannot be 'numerical'.*Did you mean 'numeric'"):
        Schema.infer(frame, {"age": "numerical"})


@pytest.mark.parametrize("kind", ["numeric", "datetime", "timedelta", "constant", "missing"])
def test_kinds_that_cannot_apply_are_refused(kind: str) -> None:
    frame = pd.DataFrame({"x": ["a", "b"] * 30})
    with pytest.raises(
        SchemaError, match=f"cannot be '{kind}'. It can be: categorical, identifier"
    ):
        Schema.infer(frame, {"x": kind})


# --- warnings -----------------------------------------------------------------------------------


def test_one_warning_says_all() -> None:
    frame = pd.DataFrame(
        {
            "code": [f"C-{k}" for k in range(N)],
            "mail": ["a@b.com", "c@d.org"] * (N // 2),
            "void": [np.nan] * N,
            "thousands": ["1,234", "2,000"] * (N // 2),
            "x": numbers(),
        },
        index=pd.date_range("2020-01-01", periods=N, name="when"),
    )
    with pytest.warns(SchemaWarning) as caught:
        Schema.infer(frame)
    assert len(caught) == 1
    for said in ("'when'", "'code'", "'mail' (e-mail", "'void'", "'thousands'", "column_kinds"):
        assert said in str(caught[0].message)


def test_ordinary_tables_are_not_warned_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Schema.infer(pd.DataFrame({"x": numbers(), "y": ["a", "b"] * (N // 2)}))


def test_tiny_tables_are_warned_about() -> None:
    with pytest.warns(SchemaWarning, match="only 2 rows"):
        Schema.infer(pd.DataFrame({"x": [1.5, 2.5]}))


@pytest.mark.parametrize(
    "values",
    [
        [f"user{k}@example.org" for k in range(N)],
        ["DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19"] * (N // 2),
        ["+49 170 1234567", "(555) 123-4567"] * (N // 2),
    ],
    ids=["e-mail", "iban", "telephone"],
)
def test_personal_data_are_identifiers_by_default(values: list[str]) -> None:
    frame = pd.DataFrame({"x": values})
    with pytest.warns(SchemaWarning, match="no real value is copied"):
        assert kinds(frame) == {"x": "identifier"}
    assert kinds(frame, x="categorical") == {"x": "categorical"}


def test_text_that_mostly_one_row_has_names_rows_however_often_the_rest_repeats() -> None:
    notes = [f"note {i}" for i in range(N)]
    frame = pd.DataFrame({"note": notes, "x": numbers()})
    frame.loc[N // 2 :, "note"] = "none"
    with pytest.warns(SchemaWarning, match="column 'note': identifiers by their look"):
        assert kinds(frame)["note"] == "identifier"
    frame.loc[N // 2 - 1 :, "note"] = "none"
    assert kinds(frame)["note"] == "categorical"


def test_personal_names_are_found_by_the_column_name() -> None:
    names = [f"Name{k % 25}" for k in range(N)]
    with pytest.warns(SchemaWarning, match="personal data by its name"):
        found = kinds(pd.DataFrame({"last_name": names, "hotel": names}))
    assert found == {"last_name": "identifier", "hotel": "categorical"}


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", range(N), "identifier"),
        ("x", range(N, 0, -1), "identifier"),
        ("x", range(7, N + 7), "numeric"),
        ("user_id", range(7, 3 * N + 7, 3), "identifier"),
        ("userId", range(7, 3 * N + 7, 3), "identifier"),
        ("paid", range(7, 3 * N + 7, 3), "numeric"),
        ("id", [1, 2] * (N // 2), "numeric"),
    ],
)
def test_integers_are_identifiers_when_they_count_or_are_called_so(
    name: str, values: Any, kind: str
) -> None:
    frame = pd.DataFrame({name: list(values)})
    if kind == "identifier":
        with pytest.warns(SchemaWarning, match="identifiers by their look"):
            assert kinds(frame) == {name: kind}
    else:
        assert kinds(frame) == {name: kind}


# --- JSON ---------------------------------------------------------------------------------------


def test_schema_survives_json_for_every_family() -> None:
    schema = Schema.infer(pd.DataFrame(FAMILIES))
    assert Schema.from_json(schema.to_json()) == schema


def test_schema_without_values_holds_none() -> None:
    frame = pd.DataFrame(
        {
            "secret": pd.Categorical(["alpha", "beta"] * 30),
            "wage": np.arange(60) * 7919 + 1_000_003,
            "town": ["gamma", "delta"] * 30,
            "same": ["epsilon"] * 60,
        }
    )
    text = Schema.infer(frame).to_json(values=False)
    for value in ("alpha", "beta", "gamma", "delta", "epsilon", "7919", "1000003"):
        assert value not in text
    again = Schema.from_json(text)
    again.validate(frame)
    assert again["secret"].categories is None


LABELS = [
    ["a", "b\n\u0301😀", "x.value"],
    [0, 1, 2],
    [1, "1", 2.5],
    [("x", 1), "x", dt.date(2020, 1, 1)],
    [True, "True", b"bytes"],
    pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03"]),
    pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["upper", None]),
    pd.Index([1, 2, 3], dtype="int8", name="numbers"),
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_survive_json(labels: Any) -> None:
    index = labels if isinstance(labels, pd.Index) else pd.Index(labels, tupleize_cols=False)
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)))
    frame.columns = index
    schema = Schema.from_json(Schema.infer(frame).to_json())
    pd.testing.assert_index_equal(schema.labels(), frame.columns, exact="equiv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=99), "Upgrade tabdiff"),
        (lambda d: d.update(columns="x"), "an object with 'columns'"),
        (lambda d: d.update(container="excel"), "container 'excel' is unknown"),
        (lambda d: d.update(label_names=3), "malformed schema"),
        (lambda d: d["columns"][0].update(kind="evil"), "kind 'evil' is unknown"),
        (lambda d: d["columns"][0].update(form="evil"), "form 'evil' is unknown"),
        (lambda d: d["columns"][0].update(dtype=["int64"]), "dtype must be text"),
        (lambda d: d["columns"][0].update(name={"evil": 1}), "malformed scalar"),
        (lambda d: d["columns"][0].update(ordered="yes"), "malformed 'ordered' or 'categories'"),
        (lambda d: d["columns"][0].update(categories="ab"), "malformed 'ordered' or 'categories'"),
        (lambda d: d["columns"][0].update(extra=1), "needs name, kind, dtype and form"),
        (lambda d: d["columns"].append(d["columns"][0]), "More than once: 'x'"),
        (lambda d: d["columns"].append(7), "needs name, kind, dtype and form"),
    ],
)
def test_malformed_schemas_are_refused(change: Any, message: str) -> None:
    data = json.loads(Schema.infer(pd.DataFrame({"x": numbers()})).to_json())
    change(data)
    with pytest.raises(SchemaError, match=message):
        Schema.from_dict(data)


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(SchemaError, match="must be JSON"):
        Schema.from_json("{")


def test_a_column_of_four_fields_has_the_defaults_of_the_others() -> None:
    four = {"name": "x", "kind": "numeric", "dtype": "int64", "form": "integer"}
    column = Column.from_dict(four)
    assert column == Column("x", "numeric", "int64", "integer")
    assert not column.ordered and column.categories is None
    assert column.has_numbers and not Column("x", "categorical", "object", "string").has_numbers
    assert Column.from_dict(column.to_dict()) == column
    assert hash(column) == hash(Column.from_dict(four))
    with pytest.raises(dataclasses.FrozenInstanceError):
        column.kind = "categorical"  # type: ignore[misc]


def test_levels_are_told_unless_values_are_not_wanted() -> None:
    column = Column("x", "categorical", "category", "category", categories=("a", "b"))
    assert column.to_dict() == column.to_dict(values=True) != column.to_dict(values=False)
    assert Column.from_dict(column.to_dict()).categories == ("a", "b")


# --- drift --------------------------------------------------------------------------------------


def test_drift_is_refused_naming_every_column() -> None:
    frame = pd.DataFrame({"age": numbers(), "town": ["a", "b"] * (N // 2), "when": numbers()})
    schema = Schema.infer(frame)
    schema.validate(frame[["when", "town", "age"]].astype({"age": "float32"}))
    drifted = frame.rename(columns={"age": "Age"}).astype({"when": str}).astype({"when": object})
    with pytest.raises(SchemaError) as caught:
        schema.validate(drifted)
    assert "column 'age' is absent. Did you mean 'Age'?" in str(caught.value)
    assert "column 'Age' was not there at fit" in str(caught.value)
    assert "column 'when' is object, at fit it was float64" in str(caught.value)


def test_lookup_names_the_closest_column() -> None:
    schema = Schema.infer(pd.DataFrame({"age": numbers()}))
    assert schema["age"].kind == "numeric"
    with pytest.raises(KeyError, match="Did you mean 'age'"):
        schema["aeg"]


def test_border_gives_pandas_and_copies_no_pandas() -> None:
    frame = pd.DataFrame({"x": numbers()})
    assert to_pandas(frame) is frame
    assert list(to_pandas(np.ones((3, 2))).columns) == [0, 1]
    assert to_pandas(pl.DataFrame({"x": [1, None]}))["x"].isna().tolist() == [False, True]
