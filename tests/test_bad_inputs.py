"""Bad and odd input, one test for each row of the list that the library promises to follow.

The number in a test's name, or in its case's name, is the row of that list. Whatever can be
modelled comes out of fit and sample as it went in: container, columns, dtypes, kind of missing
value, levels and bounds. Whatever cannot is refused before any training, by name.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

from tabdiff import DiffusionSynthesizer, Schema, SchemaError, SchemaWarning
from tabdiff.data.categorical import MAX_LEVELS
from tabdiff.data.constraints import (
    Constraint,
    ConstraintError,
    ConstraintSet,
    Inequality,
    ScalarInequality,
    ScalarRange,
)
from tabdiff.data.errors import ConditionError, ConditionWarning
from tests.data.frames import FAMILIES
from tests.odd_columns import REFUSED, WHOLE, assert_alike, numbers, objects
from tests.tiny import table, tiny


def learn(frame: pd.DataFrame, n: int = 300, **parameters: Any) -> pd.DataFrame:
    """Fit, sample, and check all that holds for any column."""
    before = frame.copy(deep=True)
    synth = tiny(**parameters).fit(frame)
    out = synth.sample(n)
    pd.testing.assert_frame_equal(frame, before)
    assert list(out.index) == list(range(n)) and isinstance(out.index, pd.RangeIndex)
    pd.testing.assert_index_equal(out.columns, frame.columns, exact="equiv")
    for at, column in enumerate(synth.schema_.columns):
        assert_alike(out.iloc[:, at], frame.iloc[:, at], column.kind)
    return out


# ---- columns that come out as they went in ----


@pytest.mark.parametrize("series", WHOLE.values(), ids=WHOLE.keys())
def test_column_comes_out_as_it_went_in(series: pd.Series) -> None:
    out = learn(pd.DataFrame({"x": series}))["x"]
    assert out.isna().any() == series.isna().any()


def test_10_typed_categories_stay_apart() -> None:
    out = learn(pd.DataFrame({"x": objects([1, "1", True, 1.0] * 40)}))["x"]
    assert {(type(value), value) for value in out} == {
        (int, 1),
        (str, "1"),
        (bool, True),
        (float, 1.0),
    }


def test_15_16_extreme_years_are_exact() -> None:
    old, new = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
    assert set(learn(pd.DataFrame({"x": objects([old, new] * 30)}))["x"]) == {old, new}
    seconds = np.array(["0001-01-01", "9999-12-31T23:59:59"] * 30, dtype="M8[s]")
    out = learn(pd.DataFrame({"x": seconds}))["x"]
    assert set(out.to_numpy()) == set(seconds)


def test_26_integers_beyond_2_53_keep_their_last_digit() -> None:
    odd = 2**53 + 1 + 2 * np.random.default_rng(0).integers(0, 10**6, 240)
    assert (learn(pd.DataFrame({"x": odd}))["x"] % 2 == 1).all()


def test_27_uint64_does_not_overflow() -> None:
    out = learn(pd.DataFrame({"x": FAMILIES["wide uint64"]}))["x"]
    assert (out > np.uint64(2**63)).all()


def test_41_unused_levels_stay_in_the_dtype_and_are_never_made() -> None:
    real = pd.Series(pd.Categorical(list("aab") * 20, categories=list("zyxab")))
    out = learn(pd.DataFrame({"x": real}))["x"]
    assert list(out.cat.categories) == list("zyxab") and set(out) == {"a", "b"}


def test_45_constants_are_not_sent_to_the_network() -> None:
    frame = pd.DataFrame({"k": [7] * 60, "x": numbers(60)})
    synth = tiny().fit(frame)
    layout = synth.encoder_.layout
    assert set(layout.num_names) | set(layout.cat_names) == {"x"}
    assert (synth.sample(9)["k"] == 7).all()


def test_51_decimals_keep_their_scale() -> None:
    prices = objects([Decimal(i).scaleb(-2) for i in range(60)])
    out = learn(pd.DataFrame({"x": prices}), column_kinds={"x": "numeric"})["x"]
    assert {value.as_tuple().exponent for value in out} == {-2}


@pytest.mark.parametrize("dtype", ["float64", "Float64", "datetime64[ns]", "Int64"])
def test_06_columns_without_values_come_out_empty(dtype: str) -> None:
    frame = pd.DataFrame({"x": pd.Series([None] * 60, dtype=dtype), "y": numbers(60)})
    with pytest.warns(SchemaWarning, match="no value at all in column 'x'"):
        out = learn(frame)
    assert out["x"].isna().all() and out["x"].dtype == dtype


def test_07_columns_of_none_come_out_as_none() -> None:
    with pytest.warns(SchemaWarning, match="no value at all in column 'x'"):
        out = learn(pd.DataFrame({"x": objects([None] * 60), "y": numbers(60)}))
    assert all(value is None for value in out["x"])


def test_08_missingness_is_learned_with_its_rate() -> None:
    x = np.where(np.arange(1000) % 4 == 0, np.nan, numbers(1000))
    out = learn(pd.DataFrame({"x": x}), n=1000)
    # An untrained network answers with the proportions of the table: 5 sigma of 1000 draws.
    assert abs(out["x"].isna().mean() - 0.25) < 0.07


def test_66_negative_zero_is_zero() -> None:
    out = learn(pd.DataFrame({"x": [0.0, -0.0, 1.5] * 20}))["x"]
    assert not np.signbit(out).any()


# ---- tables ----


def test_01_no_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="no columns"):
        tiny().fit(pd.DataFrame())


@pytest.mark.parametrize("n", [pytest.param(0, id="02"), pytest.param(1, id="03")])
def test_tables_of_fewer_than_two_rows_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=rf"{n} rows?, need at least 2"):
        tiny().fit(table().head(n))


def test_04_two_rows_are_taken_with_a_warning() -> None:
    with pytest.warns(SchemaWarning, match="only 2 rows: a model can do little but memorise"):
        learn(table().head(2))


def test_05_duplicate_column_names_are_listed() -> None:
    frame = pd.DataFrame(np.ones((60, 4)), columns=["a", "b", "a", "b"])
    with pytest.raises(SchemaError, match="More than once: 'a', 'b'"):
        tiny().fit(frame)


def test_33_names_of_any_characters_come_back_byte_by_byte() -> None:
    names = ["\U0001f600", "a\nb", "é", "e\u0301", ""]
    out = learn(pd.DataFrame({name: numbers(60) for name in names}))
    assert [name.encode() for name in out] == [name.encode() for name in names]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([0, 2, 1], id="34 ints"),
        pytest.param(["a", 1, 2.5], id="35 mixed types"),
        pytest.param([dt.date(2020, 1, 1), ("a", 1), "x"], id="35 odd types"),
        pytest.param(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]), id="37 plain"),
        pytest.param(
            pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None]),
            id="37 named levels",
        ),
        pytest.param(["x.value", "x.state", "x"], id="67 like internals"),
        pytest.param(["0", "num", "cat"], id="67 like parts"),
    ],
)
def test_column_names_are_kept(labels: Any) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)))
    frame.columns = labels if isinstance(labels, pd.MultiIndex) else pd.Index(labels, dtype=object)
    out = learn(frame)
    assert [type(label) for label in out] == [type(label) for label in frame]


@pytest.mark.parametrize("label", [None, float("nan"), pd.NA, pd.NaT])
def test_36_missing_names_are_refused(label: Any) -> None:
    frame = table()
    frame.columns = pd.Index(["a", label], dtype=object)
    with pytest.raises(SchemaError, match=r"positions \[1\] have no name"):
        tiny().fit(frame)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.MultiIndex.from_product([range(30), ["a", "b"]]), id="38 MultiIndex"),
        pytest.param([7] * 60, id="39 duplicated"),
        pytest.param(pd.date_range("2020-01-01", periods=60), id="40 dates"),
    ],
)
def test_the_index_is_ignored(index: Any) -> None:
    pd.testing.assert_frame_equal(learn(table().set_axis(index)), learn(table()))


def test_40_an_index_with_a_name_may_be_data_and_is_warned_of() -> None:
    with pytest.warns(SchemaWarning, match=r"index \('day'\) is ignored.*reset_index"):
        learn(table().set_axis(pd.date_range("2020-01-01", periods=60, name="day")))


def test_60_arrays_come_out_as_arrays() -> None:
    real = np.column_stack([numbers(60), np.arange(60) % 3])
    out = tiny().fit(real).sample(70)
    assert isinstance(out, np.ndarray) and out.shape == (70, 2) and out.dtype == real.dtype
    assert set(out[:, 1]) <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64", "bool"])
def test_60_arrays_keep_their_dtype(dtype: str) -> None:
    real = (np.random.default_rng(0).integers(0, 100, (60, 2)) % 2).astype(dtype)
    assert tiny().fit(real).sample(7).dtype == dtype


def test_61_polars_frames_come_out_as_polars_frames() -> None:
    real = pl.DataFrame(
        {
            "x": numbers(60),
            "n": [None, 1, 2] * 20,
            "s": ["a", "b", None] * 20,
            "c": pl.Series(["u", "v", "v"] * 20, dtype=pl.Categorical),
            "d": pl.Series([dt.date(2020, 1, 1 + i % 28) for i in range(60)]),
            "e": pl.Series(["lo", "hi"] * 30, dtype=pl.Enum(["lo", "hi", "never"])),
        }
    )
    before = real.clone()
    out = tiny().fit(real).sample(1500)
    assert isinstance(out, pl.DataFrame) and out.schema == real.schema and out.height == 1500
    assert real.equals(before)
    assert set(out["s"].unique()) == {"a", "b", None} and set(out["e"]) == {"lo", "hi"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"x": [1, 2]}, id="62 dict"),
        pytest.param(None, id="63 None"),
        pytest.param([[1, 2], [3, 4]], id="63 list"),
    ],
)
def test_other_containers_are_refused_saying_what_is_taken(other: Any) -> None:
    with pytest.raises(TypeError, match="pandas or polars DataFrame or a 2-D numeric"):
        tiny().fit(other)


def test_63_a_path_stands_for_parquet_files() -> None:
    with pytest.raises(FileNotFoundError, match="'table.csv': there are no Parquet files. Give"):
        tiny().fit("table.csv")


def test_68_read_only_input_is_read_and_left_alone() -> None:
    values = np.random.default_rng(0).normal(size=(60, 2))
    values.setflags(write=False)
    before = values.tobytes()
    tiny().fit(values).sample(3)
    learn(pd.DataFrame(values, copy=False))
    assert values.tobytes() == before


# ---- columns that are refused ----


@pytest.mark.parametrize(("series", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_column_is_refused_by_name(series: pd.Series, reason: str) -> None:
    synth = tiny()
    with pytest.raises(SchemaError, match=f"(?s)column 'bad'.*{reason}"):
        synth.fit(pd.DataFrame({"good": numbers(), "bad": series}))
    with pytest.raises(NotFittedError):
        synth.sample(1)


def test_all_bad_columns_are_named_at_once() -> None:
    frame = pd.DataFrame({name: series for name, (series, _) in REFUSED.items()})
    with pytest.raises(SchemaError) as caught:
        tiny().fit(frame)
    assert all(f"column {name!r}" in str(caught.value) for name in REFUSED)


def test_09_infinities_can_be_categories() -> None:
    frame = pd.DataFrame({"x": [1.5, np.inf, -np.inf] * 20})
    assert np.isinf(learn(frame, column_kinds={"x": "categorical"})["x"]).any()


def test_28_integers_beyond_int64_never_pass_through_floats() -> None:
    out = learn(pd.DataFrame({"x": objects([2**70, 2**70 + 1, -(2**80)] * 20)}))["x"]
    assert set(out) == {2**70, 2**70 + 1, -(2**80)}


# ---- identifiers and very many levels ----


def test_46_unique_texts_are_replaced_and_never_copied() -> None:
    frame = pd.DataFrame({"who": [f"CUST-{i * 37:05d}" for i in range(60)], "x": numbers(60)})
    with pytest.warns(SchemaWarning, match="column 'who': identifiers by their look"):
        out = learn(frame, n=2000)
    assert out["who"].nunique() == 2000


def test_46_identifiers_can_be_modelled_on_request() -> None:
    frame = pd.DataFrame({"who": [f"n{i}" for i in range(60)]})
    assert set(learn(frame, column_kinds={"who": "categorical"})["who"]) <= set(frame["who"])


def test_47_a_hundred_thousand_texts_share_a_bounded_network() -> None:
    frame = pd.DataFrame({"s": [f"s{i % 100_000}" for i in range(120_000)]})
    with pytest.warns(SchemaWarning, match="column 's'.*the rarest share one level"):
        synth = tiny(column_kinds={"s": "categorical"}).fit(frame)
    assert max(synth.encoder_.layout.levels) <= MAX_LEVELS + 1
    assert set(synth.sample(100)["s"]) <= set(frame["s"])


# ---- questions to a model: conditions, gaps, changes ----


def town_table() -> pd.DataFrame:
    """Sixty rows, of which one alone is of the town of Edam."""
    frame = table().rename(columns={"c": "town"})
    frame["town"] = frame["town"].map({"a": "Delft", "b": "Leiden", "c": "Gouda"})
    frame["age"] = np.arange(60) % 30 + 20
    frame.loc[::6, "x"] = np.nan
    frame.loc[7, "town"] = "Edam"
    return frame


@pytest.fixture(scope="module")
def asked() -> DiffusionSynthesizer:
    return tiny(max_steps=20).fit(town_table())


# What asks with a whole table, and what asks with some columns of one.
WITH_ALL = {
    "impute": lambda synth, df: synth.impute(df, random_state=1),
    "augment": lambda synth, df: synth.augment(df, factor=2, random_state=1),
    "counterfactual": lambda synth, df: synth.counterfactual(df, {"age": 30}, random_state=1),
}
WITH_SOME = {"sample": lambda synth, df: synth.sample(conditions=df, random_state=1)}
WITH_ANY = WITH_ALL | WITH_SOME


@pytest.mark.parametrize("verb", WITH_ANY)
def test_74_columns_in_another_order_change_nothing(asked: DiffusionSynthesizer, verb: str) -> None:
    frame = town_table()
    turned = WITH_ANY[verb](asked, frame[["town", "age", "x"]])
    straight = WITH_ANY[verb](asked, frame)
    pd.testing.assert_frame_equal(turned[list(straight)], straight)


@pytest.mark.parametrize("verb", WITH_ALL)
def test_74_absent_and_unknown_columns_are_all_named(
    asked: DiffusionSynthesizer, verb: str
) -> None:
    frame = town_table().drop(columns="x").rename(columns={"town": "Town"})
    with pytest.raises(SchemaError, match="(?s)'x' is absent.*'town' is absent.*'Town' was not"):
        WITH_ALL[verb](asked, frame)


def test_74_columns_that_conditions_leave_out_are_drawn(asked: DiffusionSynthesizer) -> None:
    out = asked.sample(conditions=town_table()[["town"]])
    assert list(out) == ["x", "town", "age"]
    assert out["age"].nunique() > 1


@pytest.mark.parametrize("verb", WITH_ANY)
def test_75_another_dtype_is_told_beside_the_one_at_fit(
    asked: DiffusionSynthesizer, verb: str
) -> None:
    frame = town_table()
    frame = frame.assign(age=frame["age"].astype(str).astype(object), town=np.arange(60))
    with pytest.raises(ValueError, match="(?s)'town' is int64, at fit.*'age' is object, at fit"):
        WITH_ANY[verb](asked, frame)


@pytest.mark.parametrize(
    "ask",
    [
        lambda synth: synth.sample(5, conditions={"town": "Lieden"}),
        lambda synth: synth.sample(5, conditions={"town": ["Delft", "Lieden"]}),
        lambda synth: synth.sample(conditions=pd.DataFrame({"town": ["Delft", "Lieden"]})),
        lambda synth: synth.counterfactual(town_table(), {"town": "Lieden"}),
        lambda synth: synth.augment(town_table(), target="town", counts={"Lieden": 9}),
    ],
    ids=["value", "set", "frame", "counterfactual", "augment"],
)
def test_76_an_unknown_category_is_told_with_the_known_ones(
    asked: DiffusionSynthesizer, ask: Any
) -> None:
    known = "'Lieden'.*Known: 'Delft', 'Edam', 'Gouda', 'Leiden'. Did you mean 'Leiden'"
    with pytest.raises(ConditionError, match=f"'town'.*{known}"):
        ask(asked)


def test_76_an_unknown_category_of_a_row_with_gaps_is_warned_of_and_kept(
    asked: DiffusionSynthesizer,
) -> None:
    frame = town_table()
    frame.loc[[0, 6, 7], "town"] = "Lieden"  # the last of them misses nothing
    with pytest.warns(SchemaWarning, match="'town': 2 cells .* at fit: 'Lieden'. They") as told:
        full = asked.impute(frame, random_state=1)
    assert len(told) == 1
    assert told[0].filename == __file__
    pd.testing.assert_frame_equal(full[["town", "age"]], frame[["town", "age"]])
    assert full["x"].notna().all()


def test_77_a_number_beyond_the_training_rows_is_warned_of_and_kept(
    asked: DiffusionSynthesizer,
) -> None:
    with pytest.warns(ConditionWarning, match="'age'.*outside the training rows' 20 to 49") as told:
        out = asked.sample(50, conditions={"age": 99})
    assert set(out["age"]) == {99}
    assert told[0].filename == __file__
    beyond = town_table().assign(age=99)
    with pytest.warns(ConditionWarning, match="'age'") as told:
        assert set(asked.sample(conditions=beyond)["age"]) == {99}
    assert told[0].filename == __file__
    # An observed cell of a row with gaps is no condition: nothing is asked of it.
    assert set(asked.impute(beyond)["age"]) == {99}
    with pytest.raises(ConditionError, match="'age'.*they range from 20 to 49"):
        asked.sample(5, conditions={"age": (99, 120)})


def test_78_an_unknown_column_is_a_key_error_with_the_closest_name(
    asked: DiffusionSynthesizer,
) -> None:
    for ask in (
        lambda: asked.sample(5, conditions={"twon": "Delft"}),
        lambda: asked.sample(conditions=pd.DataFrame({"twon": ["Delft"]})),
        lambda: asked.counterfactual(town_table(), {"twon": "Delft"}),
        lambda: asked.augment(town_table(), target="twon"),
    ):
        with pytest.raises(KeyError) as caught:
            ask()
        assert str(caught.value) == "the table has no column 'twon'. Did you mean 'town'?"


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_79_a_missing_value_asks_for_missing_cells(
    asked: DiffusionSynthesizer, missing: Any
) -> None:
    assert asked.sample(5, conditions={"x": missing})["x"].isna().all()
    with pytest.raises(ConditionError, match="'age': a missing cell is asked for, none was there"):
        asked.sample(5, conditions={"age": missing})


def test_79_a_missing_cell_of_a_frame_asks_for_a_missing_cell(asked: DiffusionSynthesizer) -> None:
    out = asked.sample(conditions=pd.DataFrame({"x": [np.nan, 0.5, np.nan]}))
    np.testing.assert_array_equal(out["x"], [np.nan, 0.5, np.nan])


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ([Inequality("age", "pay", True), Inequality("pay", "age", True)], "'age' < 'pay' < 'age'"),
        ([ScalarInequality("age", ">", 9), ScalarInequality("age", "<", 2)], "no 'age' is"),
    ],
    ids=["a < b < a", "low > high"],
)
def test_80_contradictory_constraints_are_named_though_no_row_is_wrong(
    stated: list[Constraint], told: str
) -> None:
    frame = pd.DataFrame({"age": [1, 2, 3] * 20, "pay": [4, 5, 6] * 20})
    with pytest.raises(ConstraintError, match=f"contradict each other: {told}"):
        ConstraintSet.fit(stated, frame, Schema.infer(frame))


def test_80_bounds_the_wrong_way_round_cannot_be_stated() -> None:
    with pytest.raises(ValueError, match="nothing lies between"):
        ScalarRange("age", 30, 20)


def test_81_a_constraint_that_training_rows_break_is_told_with_their_number_and_examples() -> None:
    frame = pd.DataFrame({"age": [1, 2, 3] * 20, "pay": [4, 5, 6] * 20})
    frame.loc[[7, 40], "pay"] = 0
    with pytest.raises(ConstraintError, match="2 of 60 rows .row 7: 'age'=2, 'pay'=0; row 40"):
        ConstraintSet.fit([Inequality("age", "pay")], frame, Schema.infer(frame))


def test_82_rare_conditions_give_every_row_that_is_asked_for(asked: DiffusionSynthesizer) -> None:
    rare = {"town": ["Edam"], "age": (27, 27), "x": (0, None)}
    out = asked.sample(1500, conditions=rare, random_state=1)
    assert len(out) == 1500
    assert set(out["town"]) == {"Edam"}
    assert set(out["age"]) == {27}
    assert (out["x"] >= 0).all()
    assert out["x"].nunique() > 1


# ---- sampling ----


@pytest.fixture(scope="module")
def fitted() -> DiffusionSynthesizer:
    return tiny().fit(table().astype({"c": "category"}))


def test_83_no_rows_have_columns_and_dtypes(fitted: DiffusionSynthesizer) -> None:
    out = fitted.sample(0)
    assert len(out) == 0
    pd.testing.assert_series_equal(out.dtypes, fitted.sample(3).dtypes)
    assert [len(frame) for frame in fitted.sample_iter(0)] == [0]


@pytest.mark.parametrize("kind", ["polars", "numpy", "objects"])
def test_83_no_rows_of_any_container(kind: str) -> None:
    real: Any = {
        "polars": pl.DataFrame({"x": numbers(60), "s": ["a", None] * 30}),
        "numpy": numbers(60).reshape(-1, 1),
        "objects": pd.DataFrame(FAMILIES),
    }[kind]
    out = tiny().fit(real).sample(0)
    assert type(out) is type(real) and out.shape == (0, real.shape[1])
    if kind == "objects":
        pd.testing.assert_series_equal(out.dtypes, real.dtypes)


@pytest.mark.parametrize("n", [-1, -1.0, float("-inf"), float("inf")])
def test_84_negative_and_infinite_numbers_of_rows_are_refused(
    fitted: DiffusionSynthesizer, n: Any
) -> None:
    with pytest.raises(ValueError, match="n_samples must be (at least 0|finite). Got "):
        fitted.sample(n)
    with pytest.raises(ValueError, match="n_samples"):
        fitted.sample_iter(n)


@pytest.mark.parametrize("n", [2.5, "10", True, float("nan"), [3], np.array([3])])
def test_85_what_is_no_whole_number_is_refused(fitted: DiffusionSynthesizer, n: Any) -> None:
    with pytest.raises(TypeError, match="n_samples must be a whole number. Got "):
        fitted.sample(n)


@pytest.mark.parametrize("n", [10, 10.0, np.int64(10), np.uint8(10), np.float32(10)])
def test_85_whole_numbers_of_any_type_are_taken(fitted: DiffusionSynthesizer, n: Any) -> None:
    assert len(fitted.sample(n)) == 10


def test_86_more_rows_than_memory_are_refused(fitted: DiffusionSynthesizer) -> None:
    with pytest.raises(MemoryError, match=r"GiB.*sample_iter"):
        fitted.sample(10**12)
    assert len(next(fitted.sample_iter(10**12, chunk=5))) == 5


@pytest.mark.parametrize(
    "use",
    [
        lambda synth, path: synth.sample(1),
        lambda synth, path: synth.sample_iter(1),
        lambda synth, path: synth.score(table()),
        lambda synth, path: synth.save(path),
        lambda synth, path: synth.n_parameters_,
    ],
    ids=["sample", "sample_iter", "score", "save", "n_parameters_"],
)
def test_87_use_before_fit_is_refused(use: Any, tmp_path: Any) -> None:
    with pytest.raises(NotFittedError):
        use(tiny(), tmp_path / "m.tabdiff")
    assert not list(tmp_path.iterdir())


def test_88_a_second_fit_replaces_the_first() -> None:
    other = pd.DataFrame({"other": numbers(60)})
    again = tiny().fit(table()).fit(other).sample(20)
    pd.testing.assert_frame_equal(again, tiny().fit(other).sample(20))


def test_88_a_failed_fit_keeps_the_model_before_it() -> None:
    synth, twin = tiny().fit(table()), tiny().fit(table())
    with pytest.raises(SchemaError):
        synth.fit(pd.DataFrame({"x": objects([[1]] * 60)}))
    pd.testing.assert_frame_equal(synth.sample(20), twin.sample(20))


# ---- parameters ----


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", -1),
        ("max_steps", 0),
        ("max_time", 0.0),
        ("max_time", -1.0),
        ("max_time", float("nan")),
        ("max_time", float("inf")),
        ("batch_size", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", 0.0),
        ("learning_rate", 2.0),
        ("width", 0),
        ("depth", 0),
        ("depth", float("inf")),
        ("validation_fraction", 0.6),
        ("validation_fraction", -0.1),
        ("sampling_steps", 0),
        ("sampling_steps", 10_001),
        ("device", "abacus"),
        ("device", "cuda:99"),
        ("verbose", 3),
        ("prior", "flat"),
        ("preset", "quick"),
        ("random_state", -1),
    ],
)
def test_89_parameters_out_of_range_are_named_at_fit(name: str, value: Any) -> None:
    synth = tiny(**{name: value})
    with pytest.raises(ValueError, match=f"{name}.*"):
        synth.fit(table())
    with pytest.raises(NotFittedError):
        synth.sample(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 2.5),
        ("max_steps", "9"),
        ("max_time", "1h"),
        ("batch_size", True),
        ("learning_rate", "fast"),
        ("width", 16.5),
        ("verbose", "yes"),
        ("random_state", "0"),
        ("random_state", 1.5),
        ("random_state", True),
    ],
)
def test_89_parameters_of_another_type_are_named_at_fit(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be .*Got {value!r}"):
        tiny(**{name: value}).fit(table())


def test_89_parameters_are_judged_before_the_table() -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        tiny(learning_rate=2.0).fit(pd.DataFrame())


def test_89_column_kinds_name_the_closest_column() -> None:
    with pytest.raises(SchemaError, match="no column 'X'. Did you mean 'x'"):
        tiny(column_kinds={"X": "numeric"}).fit(table())
    with pytest.raises(SchemaError, match="column 'c'.*cannot be 'numeric'"):
        tiny(column_kinds={"c": "numeric"}).fit(table())


@pytest.mark.parametrize(
    "seed",
    [lambda: 3, lambda: np.int64(3), lambda: np.random.default_rng(3), lambda: 10**30],
    ids=["int", "numpy int", "Generator", "huge int"],
)
def test_90_equal_random_states_give_equal_rows(seed: Any) -> None:
    first, second = (tiny(random_state=seed()).fit(table()) for _ in range(2))
    pd.testing.assert_frame_equal(first.sample(20), second.sample(20))
    pd.testing.assert_frame_equal(
        first.sample(20, random_state=seed()), second.sample(20, random_state=seed())
    )


def test_90_legacy_random_states_are_taken() -> None:
    synth = tiny(random_state=np.random.RandomState(3)).fit(table())
    assert len(synth.sample(5, random_state=np.random.RandomState(3))) == 5


def test_90_none_gives_other_rows_each_time() -> None:
    first, second = (tiny(random_state=None).fit(table()).sample(20) for _ in range(2))
    assert not first.equals(second)


def test_90_a_generator_moves_on() -> None:
    generator = np.random.default_rng(3)
    synth = tiny().fit(table())
    first = synth.sample(20, random_state=generator)
    assert not first.equals(synth.sample(20, random_state=generator))


@pytest.mark.parametrize("seed", [-1, "0", 1.5])
def test_90_other_seeds_of_a_sample_are_refused(fitted: DiffusionSynthesizer, seed: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="random_state must be"):
        fitted.sample(1, random_state=seed)
