"""Cells that are not the column's own are refused, and so is text that stands for nothing."""

import datetime as dt
import math
import sys
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import (
    Cells,
    distinct,
    holds_nul,
    inner_numpy,
    present,
    zone_from_text,
    zone_of_arrow,
    zone_to_text,
)
from tabdiff.data.column import Column
from tabdiff.data.columns import ConstantEncoder
from tabdiff.data.conditions import Among, Between
from tabdiff.data.dtypes import dtype_from_text, dtype_to_text
from tabdiff.data.errors import ConditionError, SchemaError
from tabdiff.data.given import Given
from tabdiff.data.identifiers import IdentifierEncoder
from tabdiff.data.reading import read_cells
from tabdiff.data.restricting import restriction, told_apart
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.survey import survey
from tabdiff.data.table import Field

INTEGERS = Column("x", "numeric", "int64", "integer")
UNSIGNED = Column("x", "numeric", "uint64", "integer", detail="unsigned")
FLOATS = Column("x", "numeric", "float64", "float")
TRUTHS = Column("x", "categorical", "bool", "boolean")
MONTHS = Column("x", "datetime", "period[M]", "period")
TEXTS = Column("x", "categorical", "object", "string")


class Nowhere(dt.tzinfo):
    """A zone that has no name but one that is taken."""

    def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta | None:
        return None if moment is None else dt.timedelta(hours=1)

    def dst(self, moment: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(0)

    def tzname(self, moment: dt.datetime | None) -> str:
        return "UTC"

    def __str__(self) -> str:
        return "UTC"


@pytest.mark.parametrize(
    ("column", "cells", "told"),
    [
        (INTEGERS, pd.Series(pd.to_datetime(["2020-01-01"])), "integers .other dtype"),
        (INTEGERS, pd.Series([1.0, 1.5]), "some have a fraction"),
        (INTEGERS, pd.Series([2**63], dtype="uint64"), "some exceed int64"),
        (UNSIGNED, pd.Series([3, -1]), "some are negative"),
        (FLOATS, pd.Series([True]), "floats .other dtype"),
        (TRUTHS, pd.Series([True, 1], dtype=object), "neither True nor False"),
        (TRUTHS, pd.Series([1, 0]), "booleans .other dtype"),
        (TEXTS, pd.Series(["a", 1], dtype=object), "some are no text"),
        (MONTHS, pd.Series(pd.period_range("2020-01-01", periods=2, freq="D")), "other frequency"),
        (Column("x", "datetime", "int64", "datetime"), pd.Series([1]), "datetimes .other dtype"),
    ],
)
def test_cells_of_another_form_are_refused(column: Column, cells: pd.Series, told: str):
    with pytest.raises(SchemaError, match=rf"column 'x' .*{told}.*Convert the column to"):
        read_cells(cells, column)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (INTEGERS, pd.Series([2**63 - 1, 0], dtype="uint64")),
        (INTEGERS, pd.Series([-(2.0**63), 2.0**53])),
        (UNSIGNED, pd.Series([0, 5])),
        (FLOATS, pd.Series([1, 2])),
        (TRUTHS, pd.Series([True, np.False_], dtype=object)),
    ],
)
def test_the_same_cells_in_another_dtype_are_read(column: Column, cells: pd.Series):
    assert read_cells(cells, column).values.tolist() == cells.tolist()


@pytest.mark.parametrize(
    ("cells", "form", "detail", "problem"),
    [
        ([Decimal("1.5"), Decimal("Infinity")], "mixed", "", "infinite decimals"),
        ([Decimal(1).scaleb(-20), Decimal(1)], "mixed", "", ""),
        ([Decimal(10) ** 17, Decimal("0.1")], "mixed", "", ""),
        ([Decimal(10) ** 17 - 1, Decimal("0.1")], "decimal", "1", ""),
        ([2**63, 5], "integer", "unsigned", ""),
        ([2**63 - 1, -(2**63)], "integer", "", ""),
        ([2**64 - 1, 0], "integer", "unsigned", ""),
        ([2**63, -1], "mixed", "", ""),
        ([2**64, 0], "mixed", "", ""),
        ([0.5, 2**53], "float", "", ""),
        ([0.5, 2**53 + 1], "mixed", "", ""),
        ([pd.Timestamp("2020-01-01"), dt.datetime(2020, 1, 1)], "mixed", "", ""),
        ([dt.datetime(2020, 1, 1, tzinfo=Nowhere())] * 2, "datetime objects", "", "has no name"),
        (["2020-02-30", "2020-01-01"], "string", "", ""),
        (["2020-02-28", "2020-01-01"], "datetime text", "%Y-%m-%d", ""),
        ([1j, 2.0], "mixed", "", "Split it into a real and an imaginary"),
    ],
)
def test_objects_are_what_their_cells_are(cells: list[Any], form: str, detail: str, problem: str):
    found = survey(pd.Series(cells, dtype=object))
    assert (found.form, found.detail) == (form, detail)
    assert problem in found.problem and bool(problem) == bool(found.problem)


@pytest.mark.parametrize(
    ("series", "held"),
    [
        (pd.Series([1.0, np.nan, 3.0], name="x"), [1, 3]),
        (pd.Series([1, 2], name="x"), [1, 2]),
        (pd.Series([0.0, np.nan, 3.0], dtype="Sparse[float64]", name="x"), [0, 3]),
        (pd.Series([1, None, 3], dtype="Int8", name="x"), [1, 3]),
        # NaN beside NA, as division makes it.
        (pd.Series([0, 1, None], dtype="Int64", name="x") / pd.Series([0, 2, 1]), [0.5]),
        (
            pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.5, None, math.nan])), name="x"),
            [1.5],
        ),
    ],
)
def test_what_is_there_is_told_from_what_is_missing(series: pd.Series, held: list):
    dense, missing = present(series)
    assert dense.tolist() == held and not isinstance(dense.dtype, pd.SparseDtype)
    assert missing.dtype == bool and missing.sum() == len(series) - len(held)
    assert dense.name == series.name and dense.index.isin(series.index).all()


@pytest.mark.parametrize(
    ("values", "once"),
    [
        (np.array([3, 1, 3]), [3, 1]),
        (np.array(["b", "a", "b"], dtype=object), ["b", "a"]),
        (np.array(["a\0", "a", "a\0", "a\0b"], dtype=object), ["a\0", "a", "a\0b"]),
        (np.array(["b", None, "b", 1], dtype=object), ["b", None, 1]),
    ],
)
def test_each_value_is_told_once_also_behind_a_nul(values: np.ndarray, once: list):
    assert distinct(values).tolist() == once
    assert holds_nul(values) == any("\0" in str(value) for value in values)


# ------------------------------------------------------------------------- dtypes, zones, scalars


@pytest.mark.parametrize(
    "zone",
    [
        dt.UTC,
        dt.timezone(dt.timedelta(hours=5, minutes=45)),
        dt.timezone(-dt.timedelta(hours=3, minutes=30)),
        dt.timezone(dt.timedelta(hours=11)),
        ZoneInfo("Asia/Tokyo"),
        dateutil.tz.tzoffset(None, 5400),
    ],
    ids=str,
)
def test_zones_come_back_from_their_text(zone: dt.tzinfo):
    again = zone_from_text(zone_to_text(zone))
    moment = dt.datetime(2024, 7, 1)
    assert again.utcoffset(moment) == zone.utcoffset(moment)


def test_no_zone_has_no_text_and_no_text_no_zone():
    assert zone_to_text(None) == ""
    assert zone_from_text("UTC+03").utcoffset(None) == dt.timedelta(hours=3)
    with pytest.raises(ValueError, match="time zone 'Europe/Atlantis' is unknown"):
        zone_from_text("Europe/Atlantis")
    with pytest.raises(ValueError, match="has no name"):
        zone_to_text(Nowhere())


@pytest.mark.parametrize(
    ("text", "hours"),
    [("UTC", 0), ("+02:30", 2.5), ("-03:30", -3.5), ("Asia/Tokyo", 9)],
)
def test_arrow_tells_a_zone_by_name_or_offset(text: str, hours: float):
    zone = zone_of_arrow(text)
    assert zone is not None
    assert zone.utcoffset(dt.datetime(2024, 7, 1)) == dt.timedelta(hours=hours)
    assert zone_of_arrow("") is None and zone_of_arrow(None) is None


def test_what_holds_no_numbers_has_no_numpy_dtype():
    assert inner_numpy(pd.Int8Dtype()) == inner_numpy(pd.ArrowDtype(pa.int8())) == np.int8
    with pytest.raises(ValueError, match="dtype 'category' holds no numbers"):
        inner_numpy(pd.CategoricalDtype())


@pytest.mark.parametrize(
    "kind",
    [pa.binary(16), pa.dictionary(pa.int8(), pa.string()), pa.time32("s"), pa.decimal256(40, 3)],
    ids=str,
)
def test_arrow_types_come_back_from_their_text(kind: Any):
    dtype = pd.ArrowDtype(kind)
    assert dtype_from_text(dtype_to_text(dtype)) == dtype


@pytest.mark.parametrize("text", ["evil", "evil[pyarrow]", "Sparse[int64, os.system]"])
def test_text_that_is_no_dtype_is_refused(text: str):
    with pytest.raises(SchemaError, match="is unknown here. Convert the column"):
        dtype_from_text(text)


def test_arrow_types_without_arrow_say_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"dtype 'utf8\[pyarrow\]' needs pyarrow. Run: pip"):
        dtype_from_text("utf8[pyarrow]")


@pytest.mark.parametrize(
    "value",
    [
        pd.Timedelta(3, "min"),
        pd.Timestamp("2020-01-01 03:00", tz="Europe/Paris"),
        pd.Period("2020-05", "M"),
        pd.Interval(0, 1, closed="left"),
        dt.timedelta(2, 3, 4),
        dt.time(3, 4),
        ("a", 1, None),
        uuid.UUID(int=7),
        Decimal("1.50"),
        float("-inf"),
        b"\xff",
    ],
    ids=repr,
)
def test_scalars_come_back_from_json(value: object):
    again = from_json(to_json(value))
    assert again == value and type(again) is type(value)


def test_numpys_moments_come_back_as_those_of_pandas():
    assert from_json(to_json(np.timedelta64(5, "s"))) == pd.Timedelta(5, "s")
    assert from_json(to_json(np.datetime64("2020-01-01"))) == pd.Timestamp("2020-01-01")


@pytest.mark.parametrize(
    "data",
    [[1], {"a": 1, "b": 2}, {"code": "1"}, {"uuid": "evil"}, {"decimal": "evil"}, {"period": []}],
    ids=str,
)
def test_json_that_is_no_scalar_is_refused(data: Any):
    with pytest.raises(ValueError, match="in a schema"):
        from_json(data)


def test_what_has_no_json_is_refused():
    with pytest.raises(TypeError, match="set .* has no place in a schema. Convert it to str"):
        to_json({1})


# ---------------------------------------------------------------------- what conditions ask of them


def numbers(*values: int) -> Cells:
    return Cells(np.zeros(len(values), dtype=bool), np.array(values))


def test_a_range_of_numbers_that_are_labels_knows_which_share_a_level():
    encoder = CategoricalEncoder.fit(numbers(*[1] * 5, *[2] * 4, 3, 3, 4), max_levels=2)
    field = Field(Column("x", "categorical", "int64", "integer"), encoder, None, 0)
    found = told_apart(field, Between(2, 4))
    assert isinstance(found, Among)
    assert found.values.tolist() == [2, 3, 4]
    assert found.shared.tolist() == [3, 4]
    np.testing.assert_allclose(found.share, [2 / 3, 1 / 3])


def test_a_constant_restricts_nothing_where_it_is_asked_for_and_is_refused_elsewhere():
    constant = Field(INTEGERS, ConstantEncoder.fit(numbers(7, 7)), None, None)
    assert restriction(constant, Among.of(np.array([7, 8]))) is None
    assert restriction(constant, Between(7, 9)) is None
    for wanted in (Among.of(np.array([8])), Between(8, 9), Between(5, 6)):
        with pytest.raises(ConditionError, match="every training row holds 7"):
            restriction(constant, wanted)


def test_identifiers_follow_no_condition():
    encoder = IdentifierEncoder.fit(numbers(1, 2, 3), 0, 2**31, np.random.default_rng(0))
    with pytest.raises(ConditionError, match="identifiers are made anew for each row"):
        restriction(Field(INTEGERS, encoder, None, None), Between(1, 2))


def test_columns_of_which_nothing_is_given_join_to_one_of_which_nothing_is():
    joined = Given.join([Given(2, (None,)), Given(3, (None,))])
    assert joined == Given(5, (None,))
