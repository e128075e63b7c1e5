"""Cells that random frames found hard: each test is one fault that they showed."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tabdiff.data.cells import Cells
from tabdiff.data.column import Column
from tabdiff.data.conditions import read_conditions
from tabdiff.data.errors import ConditionError
from tabdiff.data.frames import concat
from tabdiff.data.identifiers import IdentifierEncoder
from tabdiff.data.moments import local_dates
from tabdiff.data.parts import Parts
from tabdiff.data.question import Question
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.schema import Schema, SchemaError
from tabdiff.data.table import TableEncoder
from tabdiff.data.timeline import Timeline
from tests.data.frames import N


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def objects(values: list[Any]) -> pd.Series:
    series = pd.Series([None] * len(values), dtype=object)
    series[:] = values
    return series


def arrow(cells: list[Any], kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(cells, kind)))


def fitted(series: pd.Series) -> TableEncoder:
    frame = pd.DataFrame({"x": series})
    return TableEncoder.fit(frame, Schema.infer(frame), rng())


def made(encoder: TableEncoder, series: pd.Series) -> pd.Series:
    return encoder.decode(encoder.encode(pd.DataFrame({"x": series}), rng()), rng())["x"]


def test_periods_of_two_frequencies_are_categories() -> None:
    real = objects([pd.Period("2020", "Y"), pd.Period("2020-01", "M")] * (N // 2))
    assert made(fitted(real), real).tolist() == real.tolist()


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view()], ids=str)
def test_arrow_types_whose_rows_cannot_be_selected_are_refused_by_name(kind: pa.DataType) -> None:
    cells = ["a" if pa.types.is_string_view(kind) else b"a", None] * 30
    with pytest.raises(SchemaError, match=f"column 'x' .{kind}.*Convert it with astype"):
        fitted(arrow(cells, kind))


@pytest.mark.filterwarnings("ignore:no value at all")
def test_an_arrow_dictionary_without_values_comes_out_empty() -> None:
    real = pd.Series(pd.arrays.ArrowExtensionArray(pa.array([None] * 60).dictionary_encode()))
    out = made(fitted(real), real)
    assert out.dtype == real.dtype and out.isna().all()


@pytest.mark.filterwarnings("ignore:no value at all")
@pytest.mark.parametrize("cell", [np.nan, None])
def test_an_arrow_column_of_nan_alone_comes_out_so_and_one_of_nulls_as_nulls(cell: Any) -> None:
    real = arrow([cell] * 30, pa.float32())
    out = made(fitted(real), real)
    assert out.dtype == real.dtype and out.isna().all() == (cell is None)
    assert np.isnan(out.to_numpy(dtype=float, na_value=np.nan)).all()


def test_what_every_row_holds_is_told_as_the_column_shows_it() -> None:
    real = pd.Series(np.array(["2020-01-01"] * 30, dtype="M8[s]"))
    with pytest.raises(ConditionError, match="every training row holds 2020-01-01 00:00:00"):
        Question.of_mapping(fitted(real), {"x": "2021-01-01"})


def test_numpys_cells_of_objects_come_out_as_pythons_before_and_after_a_file() -> None:
    real = objects([np.str_("a"), np.int64(1), np.float32(0.5), np.bool_(True)] * 20)
    encoder = fitted(real)
    again = TableEncoder.from_state(*encoder.state())
    for one in (encoder, again):
        assert {type(cell) for cell in made(one, real)} == {str, int, float, bool}


@pytest.mark.parametrize("value", [np.datetime64("2020-01-01T10:00", "m"), np.timedelta64(5, "D")])
def test_numpys_moments_and_spans_are_kept_in_json(value: Any) -> None:
    back = from_json(to_json(value))
    assert type(back) is type(value) and back.dtype == value.dtype and back == value


def test_identifiers_of_a_fixed_number_of_bytes_keep_it() -> None:
    real = arrow([bytes([i, 255, 0]) for i in range(60)], pa.binary(3))
    with pytest.warns(UserWarning, match="identifiers"):
        encoder = fitted(real)
    again = TableEncoder.from_state(*encoder.state())
    assert made(again, real).dtype == real.dtype
    with pytest.raises(ValueError, match="column 'x': its dtype has room for 100 identifiers"):
        again.decode(again.encode(pd.DataFrame({"x": real}), rng()), rng(), start=60)


@pytest.mark.filterwarnings("ignore:column 'x'. identifiers")
def test_identifiers_of_too_few_bytes_are_refused() -> None:
    with pytest.raises(SchemaError, match="column 'x': identifiers of 1 bytes that leave no room"):
        fitted(arrow([bytes([i]) for i in range(60)], pa.binary(1)))


@pytest.mark.parametrize("start", [10**40, -(10**40), 2**63 - 30, -(2**63) - 30])
def test_identifiers_beyond_any_dtype_are_made_anew_and_kept(start: int) -> None:
    real = np.array([start + 3 * i for i in range(60)], dtype=object)
    cells = pd.Series(real)
    encoder = IdentifierEncoder.fit(_cells(cells), None, None, rng())
    again = IdentifierEncoder.from_state(*encoder.state())
    drawn = again.decode(Parts(None, None), 80, rng(), 0).values.tolist()
    assert len(set(drawn)) == 80 and not set(drawn) & set(real)


def test_integers_too_long_for_a_file_are_no_identifiers() -> None:
    with pytest.raises(SchemaError, match="integers of more than 1,233 digits"):
        IdentifierEncoder.fit(_cells(objects([10**1300 + i for i in range(9)])), None, None, rng())


def _cells(series: pd.Series) -> Cells:
    return Cells(np.zeros(len(series), dtype=bool), series.to_numpy())


def test_identifiers_may_be_empty_texts() -> None:
    real = np.array(["", *(f"{chr(97 + i % 26)}{i}" for i in range(40))], dtype=object)
    encoder = IdentifierEncoder.fit(_cells(pd.Series(real)), None, None, rng())
    drawn = encoder.decode(Parts(None, None), 50, rng(), 0).values
    assert len(set(drawn)) == 50 and not set(drawn) & set(real)


def test_conditions_on_arrow_spans_may_lie_beyond_nanoseconds() -> None:
    column = Column("x", "timedelta", "duration[s][pyarrow]", "timedelta", "NA")
    values, _ = read_conditions({"x": dt.timedelta(days=10**6)}, (column,))
    assert values["x"].values.tolist() == [86_400 * 10**6]


@pytest.mark.parametrize("token", [None, pd.NA])
def test_pieces_without_values_keep_their_kind_of_missing_cell(token: Any) -> None:
    piece = pd.DataFrame({"x": objects([token] * 3), "y": [1, 2, 3]})
    whole = concat([piece, piece])["x"].tolist()
    assert len(whole) == 6 and all(cell is token for cell in whole)


def test_pieces_of_an_ordered_category_with_levels_of_their_own_stay_ordered() -> None:
    pieces = [pd.DataFrame({"x": pd.Categorical([at], ordered=True)}) for at in "ba"]
    dtype = concat(pieces)["x"].dtype
    assert dtype == pd.CategoricalDtype(["b", "a"], ordered=True)


def test_a_condition_on_an_arrow_moment_of_a_fixed_offset_holds() -> None:
    column = Column("x", "datetime", "timestamp[s, tz=+05:30][pyarrow]", "datetime", "NA")
    values, _ = read_conditions({"x": "1970-01-01 05:30:07"}, (column,))
    assert values["x"].values.tolist() == [7]


def test_pieces_of_objects_stay_objects() -> None:
    piece = pd.DataFrame({"x": objects([pd.Period("2020", "Y"), None])})
    assert concat([piece, piece])["x"].dtype == object


@pytest.mark.parametrize(
    "dtype", ["timestamp[ms][pyarrow]", "timestamp[s, tz=Asia/Tokyo][pyarrow]"]
)
def test_arrow_moments_of_a_timeline_may_lie_beyond_nanoseconds(dtype: str) -> None:
    column = Column("d", "datetime", dtype, "datetime", "NA")
    per = 86_400_000 if "ms" in dtype else 86_400
    times = 1_200_000 * per + np.arange(40, dtype=np.int64) * per
    timeline = Timeline.fit(column, times, np.array([0, 40]))
    assert timeline.kind == "steps" and timeline.calendar == ("weekday",)
    assert timeline.dates(times).dt.year.unique().tolist() == [5255]


@pytest.mark.parametrize("column", ["Q-FEB", "M", "W-WED"])
def test_periods_of_a_timeline_may_lie_beyond_nanoseconds(column: str) -> None:
    periods = pd.Series(pd.period_range("2500-01", periods=200, freq=column))
    times = periods.astype("int64").to_numpy()
    found = local_dates(times, Schema.infer(pd.DataFrame({"d": periods}))["d"])
    assert found.dt.year.tolist() == [period.asfreq("D", how="start").year for period in periods]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("0001-01-01", "9999-12-31"),
        ("0001-01-01T00:00", "9999-12-31T23:59"),
        ("2020-02-29 10:00:01", "9999-12-31 00:00:00"),
    ],
)
def test_moments_as_text_may_be_of_any_year_of_four_digits(first: str, last: str) -> None:
    real = objects([first, last] * 30)
    encoder = fitted(real)
    assert encoder.schema["x"].form == "datetime text"
    assert made(encoder, real).tolist() == real.tolist()
    asked = Question.of_mapping(encoder, {"x": last}).given.columns[0]
    assert asked is not None and asked.cells.values.tolist() == [
        max(read_cells(real, encoder.schema["x"]).values)
    ]


@pytest.mark.parametrize(
    "odd", ["2020-02-30", "2020-01-01 24:00", "٢٠٢٠-01-01", "2020-1-1", "2020-01"]
)
def test_text_that_is_no_moment_stays_text(odd: str) -> None:
    real = objects([odd] * 30 + [odd + "x"] * 30)
    assert fitted(real).schema["x"].form == "string"
    assert Schema.infer(pd.DataFrame({"x": objects(["2020-01-01", odd] * 9)}))["x"].form == "string"


def test_zoned_objects_on_the_first_of_months_are_told_to_the_hour() -> None:
    """Months are counted where there is no zone, as clocks change between them."""
    zone = ZoneInfo("Europe/Paris")
    starts = objects([dt.datetime(2020, month, 1, tzinfo=zone) for month in range(1, 13)])
    column = Schema.infer(pd.DataFrame({"d": starts}))["d"]
    times = read_cells(starts, column).values
    timeline = Timeline.fit(column, times, np.array([0, 12]))
    assert timeline.kind == "irregular"
    assert timeline.written(times).tolist() == starts.tolist()
