"""Every dtype goes through schema, encoder and JSON, and comes back to the cell."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.cells import inner_numpy
from tabdiff.data.dtypes import dtype_from_text
from tabdiff.data.schema import Schema, SchemaError
from tabdiff.data.table import TableEncoder
from tests.data.frames import FAMILIES


def round_trip(frame: Any, **column_kinds: str) -> Any:
    """decode(encode(frame)) through a schema and an encoder that went through JSON."""
    schema = Schema.from_json(Schema.infer(frame, column_kinds).to_json())
    encoder = TableEncoder.fit(frame, schema, np.random.default_rng(0))
    data, arrays = encoder.state()
    assert not any(array.dtype == object for array in arrays.values())
    again = TableEncoder.from_state(json.loads(json.dumps(data, allow_nan=False)), arrays)
    assert again.layout == encoder.layout
    assert list(again.rehearse()) == list(again.schema.labels())
    x = encoder.encode(frame, np.random.default_rng(1))
    return again.decode(x, np.random.default_rng(2))


def assert_same(out: pd.DataFrame, frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(out, frame, rtol=1e-9, atol=0, check_freq=False)
    for name in frame:
        if frame[name].dtype == object:
            for got, expected in zip(out[name], frame[name], strict=True):
                assert type(got) is type(expected)
                if pd.isna(expected):
                    assert got is expected or expected != expected


@pytest.mark.parametrize("family", FAMILIES)
def test_family_round_trips(family: str) -> None:
    frame = pd.DataFrame({"x": FAMILIES[family]})
    assert_same(round_trip(frame), frame)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_round_trips_as_categories(family: str) -> None:
    frame = pd.DataFrame({"x": FAMILIES[family]})
    assert_same(round_trip(frame, x="categorical"), frame)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_comes_back_with_its_dtype_from_no_rows(family: str) -> None:
    frame = pd.DataFrame({"x": FAMILIES[family]})
    encoder = TableEncoder.fit(frame, Schema.infer(frame), np.random.default_rng(0))
    x = encoder.encode(frame, np.random.default_rng(0))[slice(0, 0)]
    out = encoder.decode(x, np.random.default_rng(0))
    assert len(out) == 0
    assert out["x"].dtype == frame["x"].dtype


@pytest.mark.parametrize("family", FAMILIES)
def test_all_missing_comes_back_all_missing(family: str) -> None:
    series = FAMILIES[family]
    empty = pd.Series([None] * 30, dtype=object)
    try:
        frame = pd.DataFrame({"x": empty.astype(series.dtype)})
    except (TypeError, ValueError):
        pytest.skip("the dtype has no missing cell")
    if frame["x"].notna().any():
        pytest.skip("the dtype has no missing cell")
    with pytest.warns(UserWarning, match="no value at all"):
        out = round_trip(frame)
    pd.testing.assert_frame_equal(out, frame)


def test_whole_frame_of_families_is_left_untouched() -> None:
    frame = pd.DataFrame(FAMILIES)
    before = frame.copy(deep=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = round_trip(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert_same(out, frame)


def test_constant_of_every_family_sends_nothing_to_the_network() -> None:
    held = {name: series[series.notna()].iloc[[0] * 12] for name, series in FAMILIES.items()}
    frame = pd.DataFrame({name: series.reset_index(drop=True) for name, series in held.items()})
    encoder = TableEncoder.fit(frame, Schema.infer(frame), np.random.default_rng(0))
    assert encoder.layout.n_num == encoder.layout.n_cat == 0
    assert {column.kind for column in encoder.schema.columns} == {"constant"}
    assert_same(round_trip(frame), frame)


@pytest.mark.parametrize(
    "text",
    [
        "int64" * 1000,
        "S2000000000",
        "(1000,1000)f8",
        "i4,i4",
        "fixed_size_binary[2000000000][pyarrow]",
        "Sparse[object, ''.join]",
        "Sparse[int64, __import__('os')]",
        "Sparse[" * 60 + "int64" + ", 0]" * 60,
        "dictionary<values=furlong, indices=int32, ordered=0>[pyarrow]",
    ],
)
def test_092_texts_that_are_no_dtype_are_refused_unrun(text: str) -> None:
    with pytest.raises(SchemaError, match="is unknown here"):
        dtype_from_text(text)


def test_a_dtype_without_numbers_is_refused_by_name():
    with pytest.raises(ValueError, match="dtype 'string' holds no numbers"):
        inner_numpy(pd.StringDtype("python"))
