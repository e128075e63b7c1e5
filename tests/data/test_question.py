"""Questions keep what they were given, exactly, for every family of cells."""

import datetime as dt
import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff.data import cells
from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.conditions import Among
from tabdiff.data.errors import (
    ConditionError,
    ConditionWarning,
    SchemaError,
    UnknownColumnError,
)
from tabdiff.data.gaps import Gaps
from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.data.question import Question
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.schema import Schema, SchemaWarning
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.inference.condition import narrow
from tests.data.frames import FAMILIES, N

UNKNOWN = ("identifier", "missing")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def gaps_of(encoder: TableEncoder, df: pd.DataFrame) -> Gaps:
    """The gaps of a table without constraints."""
    return Gaps(Verbatim(encoder.schema), encoder, df)


def fitted(frame: pd.DataFrame) -> TableEncoder:
    return TableEncoder.fit(frame, Schema.infer(frame), rng())


def noise(encoder: TableEncoder, n: int, seed: int = 5) -> Mixed:
    """Rows with any level and any number."""
    layout, source = encoder.layout, torch.Generator().manual_seed(seed)
    levels = torch.tensor(layout.levels)
    cat = (torch.rand((n, layout.n_cat), generator=source) * levels).long()
    return Mixed(torch.randn((n, layout.n_num), generator=source), cat)


def answered(question: Question, seed: int = 5) -> pd.DataFrame:
    """Rows that hold the known parts, and anything else."""
    x0, known = question.encode(rng(1))
    return question.decode(known.show(x0, noise(question.encoder, len(x0), seed)), rng(2))


def indifferent(
    x_t: Mixed, t: torch.Tensor, known: Known, wanted: torch.Tensor | None = None
) -> Belief:
    size = indifferent.size  # type: ignore[attr-defined]
    return Belief(torch.zeros_like(x_t.num), torch.zeros(len(t), size))


def narrowed(question: Question, n: int) -> pd.DataFrame:
    """Rows within the question's ranges and sets, by a network that knows nothing."""
    layout = question.encoder.layout
    joint = JointDiffusion(layout, GaussianDiffusion(), MultinomialDiffusion(layout.levels))
    indifferent.size = joint.multinomial.packing.size  # type: ignore[attr-defined]
    asked = question.take(np.zeros(n, dtype=np.int64))
    source = torch.Generator().manual_seed(3)
    x0, known = narrow(indifferent, joint, *asked.encode(rng(1)), question.restrictions, source)
    return asked.decode(known.show(x0, noise(question.encoder, n)), rng(2))


def pair(name: str) -> pd.DataFrame:
    return pd.DataFrame({"it": FAMILIES[name], "other": np.arange(N) % 3})


def present(series: pd.Series) -> list[Any]:
    dense, _ = cells.present(series)
    return dense.tolist()


@pytest.mark.parametrize("name", FAMILIES)
def test_given_cells_come_back_exactly(name: str):
    frame = pair(name)
    back = answered(Question.of_frame(fitted(frame), frame[["it"]]))
    pd.testing.assert_series_equal(back["it"], frame["it"].reset_index(drop=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_one_value_of_a_mapping_holds_in_every_row(name: str):
    frame = pair(name)
    value = present(frame["it"])[7]
    question = Question.of_mapping(fitted(frame), {"it": value})
    back = answered(question.take(np.zeros(5, dtype=np.int64)))
    assert present(back["it"]) == [value] * 5
    assert back["it"].dtype == frame["it"].dtype


@pytest.mark.parametrize("name", FAMILIES)
def test_a_set_draws_its_own_values_only(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    if encoder.schema.columns[0].kind in UNKNOWN:
        pytest.skip("identifiers follow no condition")
    values = present(frame["it"])
    wanted = [values[3], values[50], values[90]]
    back = narrowed(Question.of_mapping(encoder, {"it": wanted}), 300)
    assert set(map(repr, present(back["it"]))) <= set(map(repr, wanted))
    assert len(present(back["it"])) == 300
    if getattr(encoder.fields[0].encoder, "grid", None) is None:
        assert set(map(repr, present(back["it"]))) == set(map(repr, wanted))


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if Schema.infer(pair(name)).columns[0].has_numbers]
)
def test_a_range_holds_both_its_ends_and_nothing_beyond(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    if encoder.schema.columns[0].kind in UNKNOWN:
        pytest.skip("identifiers follow no condition")
    values = sorted(present(frame["it"]))
    low, high = values[N // 5], values[N // 2]
    for condition in ((low, high), (None, high), (low, None)):
        back = present(narrowed(Question.of_mapping(encoder, {"it": condition}), 400)["it"])
        assert len(back) == 400
        assert condition[0] is None or min(back) >= low
        assert condition[1] is None or max(back) <= high


@pytest.mark.parametrize("name", FAMILIES)
def test_observed_cells_of_a_table_with_gaps_stay_as_they_were(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    holed = frame.copy()
    holed["other"] = holed["other"].astype(float)
    holed.loc[::4, "other"] = np.nan
    holed.index = pd.Index(range(900, 900 + N))
    gaps = gaps_of(encoder, holed)
    filled = gaps.fill(answered(gaps.question))
    pd.testing.assert_index_equal(filled.index, holed.index)
    pd.testing.assert_series_equal(filled.dtypes, holed.dtypes)
    assert filled["other"].notna().all()
    observed = ~cells.present(holed["it"])[1]
    pd.testing.assert_series_equal(filled["it"][observed], holed["it"][observed])
    pd.testing.assert_series_equal(filled["other"].drop(holed.index[::4]), holed["other"].dropna())


# ------------------------------------------------------------------------------- what is refused


@functools.cache
def plain() -> TableEncoder:
    source = rng()
    frame = pd.DataFrame(
        {
            "age": source.integers(18, 90, N),
            "pay": source.lognormal(3, 1, N).round(2),
            "town": source.choice(["Delft", "Leiden"], N),
            "when": pd.date_range("2024-01-01", periods=N, unit="ns"),
            "size": pd.Categorical(
                source.choice(["S", "M", "L"], N), ["S", "M", "L"], ordered=True
            ),
            "day": [dt.date(2024, 1, 1) + dt.timedelta(i % 50) for i in range(N)],
            "noted": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d").astype(object),
            "took": pd.to_timedelta(np.arange(N), unit="s").astype("timedelta64[s]"),
            "cost": [Decimal(int(i)).scaleb(-2) for i in source.integers(100, 9999, N)],
            "wide": source.integers(0, 1000, N).astype("uint64"),
            "tiny": source.integers(0, 200, N).astype("uint8"),
            "half": source.normal(size=N).round(2).astype("float32"),
            "free": source.normal(size=N),
            "zoned": pd.date_range("2024-01-01", periods=N, freq="2D", tz="Europe/Amsterdam"),
            "month": pd.PeriodIndex.from_ordinals(source.integers(600, 640, N), freq="M"),
            "hour": [dt.time(int(i)) for i in source.integers(0, 24, N)],
            "grade": pd.Categorical(
                source.choice(["low", "mid", "high"], N),
                ["none", "low", "never", "mid", "high", "top"],
                ordered=True,
            ),
            "flag": source.random(N) < 0.5,
            "same": 1,
            "gone": np.nan,
        }
    )
    with pytest.warns(SchemaWarning, match="'gone'"):
        return fitted(frame)


REFUSED = {
    "text for a number": ({"age": "forty"}, "'age'.*holds numbers"),
    "a fraction for a whole number": ({"age": 40.5}, "whole numbers"),
    "a truth for a number": ({"age": True}, "holds numbers"),
    "an infinite value": ({"pay": np.inf}, "not finite"),
    "an unknown category": ({"town": "Leyden"}, "Known: 'Delft', 'Leiden'.*Did you mean 'Leiden'"),
    "an unknown category in a set": ({"town": ["Leiden", "Rome"]}, "'Rome'"),
    "a number for a text": ({"town": 3}, "holds text"),
    "a range of a category": ({"town": ("A", "B")}, "no order"),
    "an unknown end": ({"size": ("S", "XL")}, "no level 'XL'"),
    "ends the wrong way round": ({"age": (40, 30)}, "low end lies above"),
    "ordered ends the wrong way round": ({"size": ("L", "S")}, "low end lies above"),
    "three ends": ({"age": (1, 2, 3)}, "a range is"),
    "a missing end": ({"age": (np.nan, 30)}, "cannot be missing"),
    "an empty set": ({"age": []}, "empty"),
    "a set with a missing value": ({"age": [30, None]}, "cannot hold a missing"),
    "a range beyond all rows": ({"age": (200, 300)}, "range from 18 to 89"),
    "a missing cell where none was": ({"age": None}, "none was there at fit"),
    "another constant": ({"same": 2}, "every training row holds 1"),
    "another constant in a range": ({"same": (2, 3)}, "every training row holds 1"),
    "a value where none was": ({"gone": 2.0}, "every training row holds a missing value"),
    "a number for a date": ({"when": 20240101}, "Write '2024-01-31'"),
    "a time of day for a date": ({"day": "2024-01-02 15:00"}, "holds days, without a time"),
    "a time of day for a date as text": ({"noted": "2024-01-02 15:00"}, "such as 2024-01-02"),
    "half a second for whole ones": ({"took": "1.5s"}, "nothing finer than 1 s"),
    "more decimals than there are": ({"cost": Decimal("20.005")}, "numbers of 2 decimals"),
    "a number beyond the dtype": ({"tiny": 256}, "uint8 holds numbers from 0 to 255"),
    "a set beyond the dtype": ({"tiny": [3, -1]}, "uint8 holds numbers from 0 to 255"),
    "a number beyond 64 bits": ({"age": 10**30}, "int64 holds numbers from -9223372036854775808"),
    "a number beyond narrow floats": ({"half": 1e39}, "float32 holds numbers from -3.4"),
    "a range beyond narrow floats": ({"half": (1e39, None)}, "no value of the training rows"),
    "a moment beyond nanoseconds": ({"when": "1500-01-01"}, "count of ns since 1970"),
    "a range beyond nanoseconds": ({"when": ("9999-01-01", None)}, "no value of the training"),
    "a range between whole numbers": ({"age": (30.2, 30.8)}, "whole numbers, and none lies in it"),
    "levels that no row holds": ({"grade": ("never", "never")}, "no training row holds a level"),
    "a missing end of levels": ({"grade": (pd.NA, "mid")}, "an end of a range cannot be missing"),
    "an hour that the clocks skip": ({"zoned": "2024-03-31 02:30"}, "twice or never in Europe/Ams"),
    "an hour that comes twice": ({"zoned": ("2024-10-27 02:30", None)}, "twice or never"),
    "a number for a span": ({"took": 300}, "holds spans. Write '5min'"),
    "a number for a time of day": ({"hour": 10}, "holds times of day. Write '10:30'"),
    "a period of another length": ({"month": pd.Period("2021-01-05", "D")}, "of frequency M"),
    "text that is no moment": ({"when": "NaT"}, "this is no moment"),
    "a text for a truth": ({"flag": "yes"}, "holds True and False"),
    "a number for a truth": ({"flag": 1}, "holds True and False"),
    "a zone where there is none": ({"when": pd.Timestamp("2024-02-01", tz="UTC")}, "no time zone"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_that_cannot_hold_is_refused(case: str):
    condition, told = REFUSED[case]
    with pytest.raises(ConditionError, match=told):
        Question.of_mapping(plain(), condition)


def test_all_bad_conditions_are_told_at_once():
    with pytest.raises(ConditionError, match=r"(?s)'age'.*'town'"):
        Question.of_mapping(plain(), {"age": "x", "town": 3})


def test_an_unknown_column_is_a_key_error_with_the_closest_name():
    for wrong in ({"agee": 3}, pd.DataFrame({"agee": [3]})):
        ask = Question.of_mapping if isinstance(wrong, dict) else Question.of_frame
        with pytest.raises(KeyError) as caught:
            ask(plain(), wrong)
        assert isinstance(caught.value, UnknownColumnError)
        assert str(caught.value) == "the table has no column 'agee'. Did you mean 'age'?"


def test_a_column_of_another_type_names_both():
    with pytest.raises(ConditionError, match="'age' is object, at fit it was int64"):
        Question.of_frame(plain(), pd.DataFrame({"age": ["a", "b"]}, dtype=object))


@pytest.mark.parametrize("condition", [{"age": 17}, {"pay": 1e9}, {"when": "2030-01-01"}])
def test_a_number_beyond_the_training_rows_is_told_and_kept(condition: dict[str, Any]):
    (name, value), encoder = next(iter(condition.items())), plain()
    with pytest.warns(ConditionWarning, match=f"'{name}': 1 given values lie outside"):
        question = Question.of_mapping(encoder, condition)
    expected = pd.Timestamp(value) if name == "when" else value
    assert answered(question)[name].tolist() == [expected]


def test_natural_ways_of_writing_a_value_are_understood():
    encoder = plain()
    for written, meant in (
        ({"age": 40.0}, 40),
        ({"age": np.int8(40)}, 40),
        ({"pay": 20}, 20.0),
        ({"when": "2024-02-01"}, pd.Timestamp("2024-02-01")),
        ({"half": np.float16(0.5)}, 0.5),
        ({"took": np.timedelta64(60, "s")}, pd.Timedelta("1min")),
        ({"hour": "10:30"}, dt.time(10, 30)),
        ({"month": "2021-01"}, pd.Period("2021-01", "M")),
        ({"zoned": "2024-06-01 12:00"}, pd.Timestamp("2024-06-01 10:00", tz="UTC")),
        ({"flag": np.True_}, True),
        ({"zoned": "2024-10-27 02:30+01:00"}, pd.Timestamp("2024-10-27 01:30", tz="UTC")),
    ):
        name = next(iter(written))
        assert answered(Question.of_mapping(encoder, written))[name].tolist() == [meant]


def test_a_range_of_ordered_levels_and_open_ends():
    encoder = plain()
    back = narrowed(Question.of_mapping(encoder, {"size": ("M", None), "age": (18.5, 30.5)}), 300)
    assert set(back["size"]) == {"M", "L"}
    assert back["age"].between(19, 30).all()
    assert {19, 30} <= set(back["age"])


@pytest.mark.parametrize(
    ("ends", "levels"),
    [
        (("low", "high"), {"low", "mid", "high"}),
        (("none", "never"), {"low"}),
        (("never", None), {"mid", "high"}),
        ((None, None), {"low", "mid", "high"}),
    ],
)
def test_a_range_of_levels_may_hold_some_that_no_row_has(ends: Any, levels: set[str]):
    back = narrowed(Question.of_mapping(plain(), {"grade": ends}), 300)["grade"]
    assert set(back) == levels


@pytest.mark.parametrize("ends", [("free", (0.25, 0.25)), ("age", (40, 40)), ("half", (0, 0))])
def test_a_range_of_no_width_is_a_value(ends: tuple[str, tuple[float, float]]):
    name, condition = ends
    back = narrowed(Question.of_mapping(plain(), {name: condition}), 50)[name]
    assert set(back) == {condition[0]}


def test_ends_that_a_moment_or_a_narrow_float_cannot_hold_are_open():
    encoder = plain()
    for condition in (
        {"when": ("1500-01-01", "9999-01-01")},
        {"half": (-1e39, 1e39)},
        {"half": (np.float32(-np.inf), np.float32(np.inf))},
        {"cost": (Decimal("-Infinity"), Decimal("Infinity"))},
    ):
        name = next(iter(condition))
        assert narrowed(Question.of_mapping(encoder, condition), 300)[name].nunique() > 20


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"tiny": [3, 300]}, "'tiny': 1 numbers are beyond uint8, .* 0 to 255 .*row 1: 300"),
        ({"tiny": [-1, 3]}, "'tiny': 1 numbers are beyond uint8, .*row 0: -1"),
        ({"half": [1e39, 0.5]}, "'half': 1 numbers are beyond float32"),
        ({"age": [np.inf, 30.0]}, "'age'.*some lie beyond int64"),
        ({"age": [1e30, 30.0]}, "'age'.*some lie beyond int64"),
        ({"wide": [-1.0, 30.0]}, "'wide'.*some lie beyond uint64"),
        ({"cost": [Decimal("20.005"), Decimal("1")]}, "'cost'.*more than 2 decimals"),
        ({"day": [dt.datetime(2024, 1, 2, 15), dt.date(2024, 1, 2)]}, "'day'.*a time of day"),
    ],
)
def test_a_cell_that_the_fitted_dtype_cannot_hold_is_refused_not_changed(
    column: dict[str, Any], told: str
):
    with pytest.raises(ConditionError, match=told):
        Question.of_frame(plain(), pd.DataFrame(column))


@pytest.mark.parametrize(
    ("kind", "far"),
    [
        (pd.Timestamp, pd.Timestamp(dt.datetime(1500, 1, 1))),
        (pd.Timedelta, pd.Timedelta(np.timedelta64(10**12, "s"))),
    ],
)
def test_objects_beyond_nanoseconds_do_not_wrap_around(kind: Any, far: Any):
    frame = pd.DataFrame({"it": pd.Series([kind(i, unit="D") for i in range(N)], dtype=object)})
    encoder = fitted(frame)
    with pytest.raises(ConditionError, match="a count of ns since 1970 does not reach it"):
        Question.of_mapping(encoder, {"it": far})
    later = pd.DataFrame({"it": pd.Series([far], dtype=object)})
    with pytest.raises(SchemaError, match="'it'"):
        encoder.encode(later, rng())


def test_ends_finer_than_the_column_hold_what_lies_between_them():
    encoder = plain()
    back = narrowed(Question.of_mapping(encoder, {"cost": (20.005, 60.009)}), 300)["cost"]
    assert back.min() >= Decimal("20.01")
    assert back.max() <= Decimal("60.00")


@pytest.mark.parametrize("name", ["age", "wide"])
def test_ends_that_the_dtype_cannot_hold_are_open(name: str):
    encoder = plain()
    for condition in ((-(10**30), None), (None, 10**30), (-5, 2**64), (-np.inf, np.inf)):
        back = narrowed(Question.of_mapping(encoder, {name: condition}), 100)
        assert back[name].dtype == ("uint64" if name == "wide" else "int64")


def test_a_range_of_numbers_that_the_schema_calls_categories():
    frame = pd.DataFrame({"code": rng().integers(1000, 1020, N)})
    encoder = TableEncoder.fit(frame, Schema.infer(frame, {"code": "categorical"}), rng())
    back = narrowed(Question.of_mapping(encoder, {"code": (1003, 1005)}), 100)["code"]
    assert set(back) == {1003, 1004, 1005}
    with pytest.raises(ConditionError, match=r"first at row 0: 77\)"):
        Question.of_mapping(encoder, {"code": 77})
    with pytest.raises(ConditionError, match="range from 1000 to 1019"):
        Question.of_mapping(encoder, {"code": (5000, 6000)})


@pytest.mark.parametrize("kind", [str, int])
def test_a_rare_label_is_drawn_for_others_of_its_level_only(kind: Callable[[Any], Any]):
    common, three, one = np.array([kind(7), kind(8), kind(9)])
    asked = Among(np.array([common, three, one]), np.array([three, one]), np.array([0.75, 0.25]))
    drawn = np.array([common] * 500 + [kind(5)] * 4000)
    made = asked.enforce(cells.Cells(np.zeros(4500, dtype=bool), drawn), rng()).values
    assert (made == common).sum() == 500
    # Of 4000 draws, 3000 with std 27.4: five of them, 6e-7.
    assert abs((made == three).sum() - 3000) < 5 * 27.4


def test_a_label_knows_whether_it_shares_a_level():
    labels = np.array([*"aaaaaaaaabbbbbbcccdee"], dtype=object)
    read = CategoricalEncoder.fit(cells.Cells(np.zeros(21, dtype=bool), labels), max_levels=2)
    shared, share = read.sharing(np.array(["a", "e", "d"], dtype=object))
    assert shared.tolist() == ["e", "d"]
    np.testing.assert_allclose(share, [2 / 3, 1 / 3])


def test_what_a_row_draws_does_not_depend_on_how_many_follow():
    frame = pd.DataFrame(
        {
            "a": np.where(rng().random(N) < 0.5, np.nan, rng(1).integers(0, 10**6, N)),
            "b": rng(2).integers(0, 10**6, N),
        }
    )
    question = Question.of_frame(fitted(frame), frame)
    whole, _ = question.encode(rng(1))
    head, _ = question.take(np.arange(20)).encode(rng(1))
    assert torch.equal(head.num, whole.num[:20])
    ids = pd.DataFrame({name: [None, *(f"{name}-{i:05d}" for i in range(99))] for name in "ij"})
    with pytest.warns(SchemaWarning, match="identifiers"):
        encoder = fitted(ids)
    for field in encoder.fields:
        field.encoder.missing_share = 0.5
    parts = Mixed(torch.zeros(N, 0), torch.zeros(N, 0, dtype=torch.int64))
    pd.testing.assert_frame_equal(
        encoder.decode(parts[:20], rng(1)), encoder.decode(parts, rng(1)).head(20)
    )


# ---------------------------------------------------------------- frames of other units and dtypes

OTHERWISE: dict[str, tuple[str, Callable[[pd.Series], pd.Series]]] = {
    "seconds for nanoseconds": ("datetime ns", lambda s: s.astype("datetime64[s]")),
    "nanoseconds for microseconds": ("datetime us spread", lambda s: s.astype("datetime64[ns]")),
    "arrow for numpy": ("datetime ns", lambda s: s.astype("timestamp[us][pyarrow]")),
    "numpy for arrow": ("arrow timestamp", lambda s: s.astype("datetime64[ns]")),
    "another zone": ("zoned", lambda s: s.dt.tz_convert("Asia/Tokyo")),
    "spans in seconds": ("timedelta", lambda s: s.astype("timedelta64[s]")),
    "arrow's spans": ("timedelta NaT", lambda s: s.astype("duration[s][pyarrow]")),
    "arrow's days": ("dates", lambda s: s.astype("date32[day][pyarrow]")),
    "arrow's days in milliseconds": ("dates", lambda s: s.astype("date64[ms][pyarrow]")),
    "days without arrow": ("arrow date64", lambda s: s.astype(object)),
    "arrow's times": ("times", lambda s: s.astype("time64[us][pyarrow]")),
    "times without arrow": ("arrow time32", lambda s: s.astype(object)),
    "a category for text": ("strings None", lambda s: s.astype("category")),
    "text for a category": ("category", lambda s: s.astype(object)),
    "arrow's text": ("strings None", lambda s: s.astype("string[pyarrow]")),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_the_same_cells_in_another_dtype_mean_the_same(case: str):
    name, convert = OTHERWISE[case]
    frame = pair(name)
    asked = pd.DataFrame({"it": convert(frame["it"])})
    assert asked["it"].dtype != frame["it"].dtype or name == "zoned"
    back = answered(Question.of_frame(fitted(frame), asked))
    pd.testing.assert_series_equal(back["it"], frame["it"])


def test_cells_finer_than_the_column_are_refused():
    frame = pair("datetime ns").assign(it=lambda f: f["it"].astype("datetime64[s]"))
    finer = frame.assign(it=frame["it"].astype("datetime64[ns]") + pd.Timedelta("1ms"))
    with pytest.raises(ConditionError, match="'it'.*some are finer"):
        Question.of_frame(fitted(frame), finer[["it"]])
    with pytest.raises(SchemaError, match="'it'.*some are finer"):
        fitted(frame).encode(finer, rng())


def test_text_is_no_truth():
    frame = pair("bools None")
    with pytest.raises(ConditionError, match="'it'.*neither True nor False"):
        Question.of_frame(fitted(frame), pd.DataFrame({"it": ["False", "x"]}, dtype=object))


def test_columns_of_conditions_differ():
    twice = pd.DataFrame([[1, 2]], columns=["age", "age"])
    with pytest.raises(SchemaError, match="More than once: 'age'"):
        Question.of_frame(plain(), twice)


# ------------------------------------------------------------------------------------------- gaps


def filled(frame: pd.DataFrame, holed: pd.DataFrame) -> pd.DataFrame:
    encoder = fitted(frame)
    gaps = gaps_of(encoder, holed)
    return gaps.fill(answered(gaps.question))


def test_a_categorical_dtype_gains_the_categories_that_were_drawn():
    frame = pair("ordered")
    holed = frame.assign(it=pd.Categorical(["low"] * 9 + [None] * (N - 9)))
    back = filled(frame, holed)["it"]
    assert back.notna().all()
    assert list(back.cat.categories) == ["low", "mid"]
    assert (back.head(9) == "low").all()


@pytest.mark.parametrize("name", ["bool", "strings None", "datetime ns", "category", "ints None"])
@pytest.mark.parametrize("nothing", [np.nan, None])
def test_a_column_without_any_value_takes_the_fitted_dtype(name: str, nothing: object):
    frame = pair(name)
    holed = frame.assign(it=pd.Series([nothing] * N))
    back = filled(frame, holed)["it"]
    assert back.dtype in (frame["it"].dtype, object)
    assert back.notna().mean() > 0.4
    assert set(map(type, back.dropna())) == set(map(type, frame["it"].dropna()))


def test_a_bad_cell_is_told_by_its_place_in_the_table():
    frame = pair("float64").assign(other=lambda f: f["other"].astype(float))
    holed = frame.copy()
    holed.loc[[2, 7], "other"] = np.nan
    holed.loc[[5, 7], "it"] = np.inf
    with pytest.raises(ConditionError, match=r"'it': 1 values are infinite \(first at row 7\)"):
        gaps_of(fitted(frame), holed)


def with_unheard(series: pd.Series, value: Any, dtype: Any = None) -> pd.Series:
    """The series as objects or as another dtype, with the value in rows 4 to 6."""
    cells = series.astype(object).tolist()
    cells[4:7] = [value] * 3
    return pd.Series(cells, dtype=dtype or series.dtype)


TWO = np.arange(N) % 2
LETTERS = pd.Series(np.where(TWO, "a", "b"))
DAY, LATER = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01 12:00")
# At fit, later, and the name of what is new.
UNHEARD: dict[str, tuple[pd.Series, pd.Series, str]] = {
    "text": (LETTERS, with_unheard(LETTERS, "z"), "'z'"),
    "arrow text": (
        LETTERS.astype("string[pyarrow]"),
        with_unheard(LETTERS, "z", "string[pyarrow]"),
        "'z'",
    ),
    "category": (LETTERS.astype("category"), with_unheard(LETTERS, "z", "category"), "'z'"),
    "category of numbers": (
        pd.Series(TWO).astype("category"),
        with_unheard(pd.Series(TWO), 7, "category"),
        "7",
    ),
    "mixed types": (
        pd.Series([1, "1"] * (N // 2), dtype=object),
        with_unheard(pd.Series([1, "1"] * (N // 2), dtype=object), True),
        "True",
    ),
    "a truth": (pd.Series([True] * N), with_unheard(pd.Series([True] * N), False), "False"),
    "a constant": (pd.Series([1] * N, dtype="int8"), with_unheard(pd.Series([1] * N), 300), "300"),
    "a constant day": (
        pd.Series([DAY] * N),
        with_unheard(pd.Series([DAY] * N), LATER),
        "2024-02-01 12:00:00",
    ),
    "nothing": (pd.Series([np.nan] * N), with_unheard(pd.Series([np.nan] * N), "z", object), "'z'"),
}


@pytest.mark.filterwarnings("ignore:no value at all in column 'it'")
@pytest.mark.parametrize("name", UNHEARD)
def test_a_value_that_was_not_there_at_fit_stays_and_tells_its_row_nothing(name: str):
    before, later, told = UNHEARD[name]
    frame = pd.DataFrame({"it": before, "other": np.arange(N) % 3})
    holed = pd.DataFrame({"it": later, "other": frame["other"].mask(TWO == 0)})
    encoder = fitted(frame)
    with pytest.warns(SchemaWarning, match="column 'it': 2 cells hold values") as caught:
        gaps = gaps_of(encoder, holed)
    assert len(caught) == 1
    assert f"not there at fit: {told}. They stay" in str(caught[0].message)
    _, known = gaps.question.encode(rng())
    at = encoder.fields[0].cat
    if at is not None:
        # Rows 4 and 6 of the table are places 2 and 3 among those with gaps.
        assert np.flatnonzero(~known.cat[:, at]).tolist() == [2, 3]
    back = gaps.fill(answered(gaps.question))
    pd.testing.assert_series_equal(back["it"], holed["it"])
    assert back["other"].notna().all()


def test_all_that_was_not_there_at_fit_is_told_in_one_warning_of_bounded_length():
    frame = pd.DataFrame({"c": LETTERS, "d": LETTERS, "x": np.arange(N) % 5})
    many = pd.Series([f"new{i}" for i in range(N)])
    holed = pd.DataFrame({"c": many, "d": many.where(many != "new99", "a"), "x": np.nan})
    with pytest.warns(SchemaWarning) as caught:
        gaps_of(fitted(frame), holed)
    (message,) = (str(warning.message) for warning in caught)
    assert "'c': 240 cells" in message
    assert "'d': 239 cells" in message
    assert "'new9', … (240 of them)" in message
    assert "'new10'" not in message


def test_a_row_without_gaps_may_hold_anything_and_nothing_is_told():
    frame = pair("strings None")
    whole = frame.assign(it="unheard", other=99)
    gaps = gaps_of(fitted(frame), whole)
    assert gaps.n == 0
    pd.testing.assert_frame_equal(gaps.fill(whole.head(0)), whole)


def test_a_number_beyond_the_training_rows_counts_as_the_nearest_and_is_not_told():
    frame = pair("cents")
    holed = frame.assign(it=frame["it"] + 1e6, other=np.nan)
    nearest = frame.assign(it=frame["it"].max(), other=np.nan)
    encoder = fitted(frame)
    far, near = (gaps_of(encoder, table) for table in (holed, nearest))
    x_far, x_near = (gaps.question.encode(rng())[0] for gaps in (far, near))
    assert torch.equal(x_far.cat, x_near.cat)
    pd.testing.assert_series_equal(far.fill(answered(far.question))["it"], holed["it"])


def test_truths_that_became_objects_for_want_of_a_missing_one_are_truths():
    frame = pair("bool")
    holed = frame.assign(it=frame["it"].mask(TWO == 0))
    assert holed["it"].dtype == object
    encoder = fitted(frame)
    gaps = gaps_of(encoder, holed)
    back = gaps.fill(answered(gaps.question))["it"]
    assert back.dtype == object
    assert set(map(type, back)) == {bool}
    pd.testing.assert_series_equal(back[TWO == 1], holed["it"][TWO == 1])
    asked = pd.DataFrame({"it": pd.Series([True, False], dtype=object)})
    assert answered(Question.of_frame(encoder, asked))["it"].tolist() == [True, False]
