"""Which encoder a column gets, what its dtype can hold, and columns of one value."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Cells
from tabdiff.data.column import Column
from tabdiff.data.columns import (
    ConstantEncoder,
    column_from_state,
    fit_column,
    float_precision,
    number_bounds,
)
from tabdiff.data.errors import SchemaError
from tabdiff.data.identifiers import IdentifierEncoder
from tabdiff.data.numeric import SMOOTH, NumericEncoder


def column(kind: str, dtype: str, form: str, **more: Any) -> Column:
    return Column("x", kind, dtype, form, **more)


def cells(values: Any, missing: int = 0) -> Cells:
    array = np.array(values)
    return Cells(np.array([False] * len(array) + [True] * missing), array)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


INTEGER = column("numeric", "int64", "integer")


@pytest.mark.parametrize(
    ("kind", "held", "expected"),
    [
        ("constant", cells([7, 7]), ConstantEncoder),
        ("missing", cells([], 3), ConstantEncoder),
        ("identifier", cells([1, 2, 3]), IdentifierEncoder),
        ("categorical", cells([1, 2, 1]), CategoricalEncoder),
        ("numeric", cells([1, 2, 1]), NumericEncoder),
        ("datetime", cells([1, 2, 1]), NumericEncoder),
    ],
)
def test_each_kind_has_its_encoder(kind: str, held: Cells, expected: type):
    encoder = fit_column(held, column(kind, "int64", "integer"), rng())
    assert type(encoder) is expected
    again = column_from_state(encoder.kind, *encoder.state())
    assert type(again) is expected


def test_what_a_column_says_reaches_its_encoder():
    ordered = column("categorical", "category", "category", ordered=True, categories=(2, 1))
    held = Cells(np.zeros(3, dtype=bool), np.array([1, 2, 1], dtype=object))
    encoder = fit_column(held, ordered, rng())
    assert isinstance(encoder, CategoricalEncoder)
    assert encoder.levels.values.tolist() == [2, 1] and encoder.n_ordered == 2
    normal = cells(rng().normal(size=3000))
    number = column("numeric", "float64", "float")
    assert len(fit_column(normal, number, rng()).counts) > 10
    assert len(fit_column(normal, number, rng(), SMOOTH).counts) == 1
    narrow = column("identifier", "int8", "integer")
    assert fit_column(cells([1, 2]), narrow, rng()).first == -128  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "held", "told"),
    [
        ("missing", cells([5], 2), "the schema says missing, but 1 cells hold a value"),
        ("constant", cells([5, 6]), "the schema says constant, but its cells differ"),
        ("constant", cells([5, 5], 1), "the schema says constant, but its cells differ"),
        ("constant", cells([], 2), "the schema says constant, but its cells differ"),
        ("constant", cells([]), "the schema says constant, but no cell holds a value"),
        ("numeric", cells([], 2), "the schema says numeric, but no cell holds a value"),
    ],
)
def test_cells_that_contradict_the_kind_are_refused(kind: str, held: Cells, told: str):
    with pytest.raises(SchemaError, match=f"{told}. Infer the schema from this table"):
        fit_column(held, column(kind, "int64", "integer"), rng())


@pytest.mark.parametrize(
    ("of", "bounds"),
    [
        (column("numeric", "int8", "integer"), (-128, 127)),
        (column("numeric", "UInt16", "integer"), (0, 2**16 - 1)),
        (column("numeric", "Sparse[int32, 0]", "integer"), (-(2**31), 2**31 - 1)),
        (column("numeric", "object", "integer"), (-(2**63), 2**63 - 1)),
        (column("numeric", "object", "integer", detail="unsigned"), (0, 2**64 - 1)),
        (column("numeric", "float32", "float"), (-3.4028234663852886e38, 3.4028234663852886e38)),
        (column("numeric", "object", "float"), (-1.7976931348623157e308, 1.7976931348623157e308)),
    ],
)
def test_a_dtype_holds_numbers_up_to_its_bounds(of: Column, bounds: tuple[Any, Any]):
    assert number_bounds(of) == bounds


@pytest.mark.parametrize(
    ("of", "precision"),
    [
        (column("numeric", "float16", "float"), "float16"),
        (column("numeric", "Float32", "float"), "float32"),
        (column("numeric", "Sparse[float32, nan]", "float"), "float32"),
        (column("numeric", "object", "float"), "float64"),
        (column("numeric", "int8", "integer"), "float64"),
        (column("datetime", "datetime64[ns]", "datetime"), "float64"),
    ],
)
def test_precision_is_that_of_the_stored_float(of: Column, precision: str):
    assert float_precision(of) == np.dtype(precision)


def test_what_the_dtype_says_of_identifiers_reaches_their_encoder():
    objects = column("identifier", "object", "integer")
    assert fit_column(cells([1, 2]), objects, rng()).last == 2 + 2**64  # type: ignore[attr-defined]
    held = Cells(np.zeros(2, dtype=bool), np.array([b"ab12", b"cd34"], dtype=object))
    for dtype, last in (("fixed_size_binary[4][pyarrow]", 999), ("binary[pyarrow]", 0)):
        encoder = fit_column(held, column("identifier", dtype, "bytes"), rng())
        assert encoder.last == last  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------- constants


def test_a_constant_knows_its_value_by_type():
    encoder = ConstantEncoder.fit(cells([7, 7]))
    assert encoder.value.tolist() == [7]
    assert encoder.knows(np.array([7, 8, 7.0, "7"], dtype=object)).tolist() == [True] + [False] * 3
    assert encoder.encode(cells([7]), rng()) == (None, None)
    out = encoder.decode(encoder.encode(cells([7]), rng()), 3, rng(), 0)
    assert out.missing.tolist() == [False] * 3 and out.values.tolist() == [7] * 3
    assert not len(encoder.counts) and encoder.counts.dtype == np.int64
    assert not encoder.has_value and encoder.has_missing
    assert encoder.n_ordered == 0 and encoder.open_levels == ()
    assert encoder.knows(np.zeros(0)).dtype == bool


def test_a_column_without_any_value_comes_back_missing():
    out = ConstantEncoder.fit(cells([], 4)).decode(None, 3, rng(), 0)  # type: ignore[arg-type]
    assert out.missing.tolist() == [True] * 3 and len(out.values) == 0


@pytest.mark.parametrize("value", [7, -2.5, True, 2**64 - 1, dt.date(2020, 1, 1), "a"])
def test_a_constant_comes_back_from_its_state(value: object):
    array = np.array([value], dtype=object if isinstance(value, dt.date | str) else None)
    again = ConstantEncoder.from_state(*ConstantEncoder(array).state())
    assert again.value.dtype == array.dtype and again.value.tolist() == [value]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"value": [1, 2], "dtype": "int64"}, "at most one value"),
        ({"value": 1, "dtype": "int64"}, "at most one value"),
        ({"value": [1], "dtype": "int8"}, "dtype 'int8' is unknown"),
        ({"value": [{"tuple": [1]}], "dtype": "int64"}, "is no int64"),
        ({"value": [2**64], "dtype": "int64"}, "is no int64"),
        ({"value": [{"evil": 1}], "dtype": "object"}, "malformed scalar"),
    ],
)
def test_constants_that_cannot_be_are_refused(data: dict[str, Any], told: str):
    with pytest.raises(ValueError, match=told):
        ConstantEncoder.from_state(data, {})


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="encoder 'evil' is unknown. Known: constant, identifier"):
        column_from_state("evil", {}, {})
