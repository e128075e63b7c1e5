"""Bad and odd input of sequences: the list that tables follow, for fit, sample, forecast, impute.

The number in a test's name, or in its case's name, is the row of that list. Rows on constraints
(80 to 82) speak of tables alone.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tabdiff import (
    SchemaError,
    SchemaWarning,
    TimeSeriesDiffusionSynthesizer,
    sampler,
    sequences,
)
from tabdiff.data.errors import ConditionError, ConditionWarning
from tabdiff.training.loop import TrainingDivergedError
from tabdiff.training.progress import ProgressBar
from tests.odd_columns import (
    REFUSED,
    WHOLE,
    WITH_GAPS,
    assert_alike,
    assert_filled,
    first_values,
    numbers,
)
from tests.tiny import TINY

Synth = TimeSeriesDiffusionSynthesizer
SHOPS, DAYS = 8, 10


def tiny(**changes: Any) -> Synth:
    return Synth(**({"sequence_key": "shop", "sequence_index": "day"} | TINY | changes))


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    """Few rows are drawn at a time, so that few are drawn in all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "CHUNK", 32)
        patch.setattr(sequences, "CHUNK_SLOTS", 16)
        yield


def panel() -> pd.DataFrame:
    """Eight shops of ten days: a town that stays, a number with gaps, whole numbers, a kind."""
    n, rng = SHOPS * DAYS, np.random.default_rng(0)
    return pd.DataFrame(
        {
            "shop": np.repeat([f"s{i}" for i in range(SHOPS)], DAYS).astype(object),
            "day": np.tile(pd.date_range("2021-03-25", periods=DAYS), SHOPS),
            "town": np.repeat(np.resize(["Delft", "Gouda"], SHOPS), DAYS).astype(object),
            "x": np.where(np.arange(n) % 6 == 0, np.nan, rng.normal(size=n)),
            "sold": np.arange(n) % 30 + 20,
            "kind": np.resize(["wet", "dry", "snow"], n).astype(object),
        }
    )


@pytest.fixture(scope="module")
def shops() -> Synth:
    return tiny().fit(panel())


# What asks with a whole frame.
ASK = {
    "forecast": lambda synth, df: synth.forecast(df, 2, n_samples=2, random_state=1),
    "impute": lambda synth, df: synth.impute(df, random_state=1),
    "score_samples": lambda synth, df: synth.score_samples(df, random_state=1),
    "anomalies": lambda synth, df: synth.anomalies(df, random_state=1),
}
every_verb = pytest.mark.parametrize("verb", ASK)


# ---- every odd column, as a column of the rows and of the entities ----


def odd_rows() -> pd.DataFrame:
    n = len(next(iter(WHOLE.values())))
    head = {"shop": np.arange(n) // 20, "day": np.arange(n) % 20}
    return pd.DataFrame(head | WHOLE)


@pytest.fixture(scope="module")
def odd() -> Synth:
    frame = odd_rows()
    before = frame.copy(deep=True)
    synth = tiny(context_columns=[]).fit(frame)
    pd.testing.assert_frame_equal(frame, before)
    return synth


@pytest.fixture(scope="module")
def sampled(odd: Synth) -> pd.DataFrame:
    return odd.sample(12, random_state=1)


@pytest.fixture(scope="module")
def completed(odd: Synth) -> pd.DataFrame:
    return odd.impute(odd_rows(), random_state=1)


@pytest.fixture(scope="module")
def futures(odd: Synth) -> pd.DataFrame:
    return odd.forecast(odd_rows(), 2, n_samples=3, random_state=1)


@pytest.fixture(scope="module")
def quantiles(odd: Synth) -> pd.DataFrame:
    return odd.forecast(odd_rows(), 2, n_samples=3, quantiles=[0.5], random_state=1)


@pytest.fixture(scope="module")
def met(odd: Synth) -> pd.DataFrame:
    return odd.sample(1, length=2, conditions=first_values(odd_rows()), random_state=1)


@pytest.fixture(scope="module")
def asked_to_miss(odd: Synth) -> pd.DataFrame:
    return odd.sample(1, length=2, conditions=dict.fromkeys(WITH_GAPS), random_state=1)


@pytest.mark.parametrize("name", WHOLE)
def test_a_column_of_the_rows_comes_out_as_it_went_in(odd: Synth, sampled: pd.DataFrame, name: str):
    assert_alike(sampled[name], WHOLE[name], odd.schema_[name].kind)


@pytest.mark.parametrize("name", WHOLE)
def test_gaps_of_the_rows_are_filled_and_the_rest_is_kept(
    odd: Synth, completed: pd.DataFrame, name: str
):
    assert_filled(completed[name], WHOLE[name], odd.schema_[name].kind)


@pytest.mark.parametrize("name", WHOLE)
def test_futures_hold_what_the_column_holds(odd: Synth, futures: pd.DataFrame, name: str):
    assert len(futures) == 12 * 2 * 3
    assert futures[name].notna().all()
    assert_alike(futures[name], WHOLE[name], odd.schema_[name].kind)


@pytest.mark.parametrize("name", WHOLE)
def test_quantiles_lie_among_the_futures(
    odd: Synth, futures: pd.DataFrame, quantiles: pd.DataFrame, name: str
):
    """The middle one of three futures, or the category that most of them have."""
    numeric = odd.schema_[name].kind in ("numeric", "datetime", "timedelta")
    told = quantiles[f"{name}_0.5" if numeric else name].tolist()
    drawn = futures.sort_values(["shop", "day", "draw"])[name].tolist()
    for at, value in enumerate(told):
        three = drawn[3 * at : 3 * at + 3]
        if numeric:
            assert value == sorted(three)[1]
        else:
            keys = [(type(v), v) for v in three]
            assert keys.count((type(value), value)) == max(map(keys.count, keys))


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_can_be_asked_for_in_every_row(met: pd.DataFrame, name: str):
    value = first_values(odd_rows())[name]
    assert met[name].tolist() == [value, value]
    assert met[name].dtype == WHOLE[name].dtype


@pytest.mark.parametrize("name", WITH_GAPS)
def test_a_missing_cell_can_be_asked_for_in_every_row(asked_to_miss: pd.DataFrame, name: str):
    assert asked_to_miss[name].isna().all()
    assert asked_to_miss[name].dtype == WHOLE[name].dtype


def of_entities() -> pd.DataFrame:
    """Sixty entities of two rows, with all odd columns as their context."""
    frame = pd.DataFrame(WHOLE).iloc[np.repeat(np.arange(60), 2)].reset_index(drop=True)
    return frame.assign(shop=np.arange(120) // 2, day=np.arange(120) % 2, x=numbers(120))


@pytest.fixture(scope="module")
def by_context() -> Synth:
    return tiny().fit(of_entities())


@pytest.fixture(scope="module")
def new_entities(by_context: Synth) -> pd.DataFrame:
    return by_context.sample(60, random_state=1)


@pytest.fixture(scope="module")
def met_by_context(by_context: Synth) -> pd.DataFrame:
    first = first_values(of_entities())
    return by_context.sample(1, length=2, context=first, random_state=1)


@pytest.mark.parametrize("name", WHOLE)
def test_a_column_of_the_context_comes_out_as_it_went_in(
    by_context: Synth, new_entities: pd.DataFrame, met_by_context: pd.DataFrame, name: str
):
    real = of_entities()[name]
    assert name in by_context.encoder_.roles.context
    assert_alike(new_entities[name], real, by_context.schema_[name].kind)
    value = real.dropna().iloc[0]
    assert met_by_context[name].tolist() == [value, value]
    assert met_by_context[name].dtype == real.dtype


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("role", ["rows", "context"])
def test_a_column_that_cannot_be_modelled_is_refused_by_name(name: str, role: str):
    series, reason = REFUSED[name]
    frame = odd_rows()[["shop", "day"]].assign(x=numbers(), bad=series)
    if role == "context":
        frame["bad"] = series.iloc[np.repeat(np.arange(12) % 4, 20)].to_numpy()
        reason = ""  # Of an array in place of a list, and of other rows.
    synth = tiny()
    with pytest.raises(SchemaError, match=f"(?s)column 'bad'.*{reason}"):
        synth.fit(frame)
    with pytest.raises(NotFittedError):
        synth.sample()


def test_all_columns_that_cannot_be_modelled_are_named_at_once():
    frame = odd_rows()[["shop", "day"]].assign(**{n: REFUSED[n][0] for n in REFUSED if n > "10"})
    with pytest.raises(SchemaError) as caught:
        tiny().fit(frame.assign(day=[[1]] * len(frame)))
    assert all(f"column {name!r}" in str(caught.value) for name in (*REFUSED, "day") if name > "10")


def test_09_infinities_of_rows_and_of_entities_are_named_at_once():
    frame = panel().astype({"sold": float})
    frame.loc[3, "sold"] = np.inf
    frame["area"] = np.repeat([np.inf, *range(7)], DAYS)
    with pytest.raises(SchemaError, match="(?s)'sold'.*first at row 3.*'area'.*1 values are inf"):
        tiny().fit(frame)
    kinds = {"sold": "categorical", "area": "categorical"}
    assert len(tiny(column_kinds=kinds).fit(frame).sample(2)) > 0


@pytest.mark.parametrize("verb", ["forecast", "impute"])
def test_09_an_infinite_observation_is_refused(shops: Synth, verb: str):
    with pytest.raises(ConditionError, match="column 'x': 1 values are infinite .first at row 2"):
        ASK[verb](shops, panel().assign(x=lambda f: f.x.where(f.index != 2, np.inf)))


# ---- frames ----


@pytest.mark.parametrize(
    ("key", "index"), [("shop", "day"), (None, "day"), (None, None)], ids=["key", "index", "none"]
)
def test_01_no_columns_are_refused(key: Any, index: Any):
    with pytest.raises(ValueError, match="no columns"):
        tiny(sequence_key=key, sequence_index=index).fit(pd.DataFrame())


@every_verb
def test_01_a_question_without_columns_names_the_absent_ones(shops: Synth, verb: str):
    with pytest.raises(SchemaError, match="(?s)'shop' is absent.*'kind' is absent"):
        ASK[verb](shops, pd.DataFrame(index=range(3)))


@pytest.mark.parametrize("n", [pytest.param(0, id="02"), pytest.param(1, id="03")])
@pytest.mark.parametrize("columns", [["shop", "day", "x"], ["day", "x"], ["x"]])
def test_fewer_than_two_rows_are_refused(n: int, columns: list[str]):
    key, index = ("shop" if "shop" in columns else None), ("day" if "day" in columns else None)
    with pytest.raises(ValueError, match=rf"{n} rows?, need at least 2"):
        tiny(sequence_key=key, sequence_index=index).fit(panel()[columns].head(n))


def test_02_a_question_without_rows(shops: Synth):
    none = panel().head(0)
    pd.testing.assert_frame_equal(shops.impute(none), none)
    assert len(shops.score_samples(none)) == 0
    with pytest.raises(SchemaError, match="the history has no rows"):
        shops.forecast(none, 2)


def test_03_a_history_of_one_row_is_enough(shops: Synth):
    one = panel().head(1)
    made = shops.forecast(one, 3, n_samples=2)
    assert made.day.tolist() == list(pd.date_range("2021-03-26", periods=3)) * 2
    assert shops.impute(one).x.notna().all()


@pytest.mark.parametrize("rows", [[0, 1], [0, DAYS]], ids=["one entity", "two entities"])
def test_04_two_rows_are_taken_with_a_warning(rows: list[int]):
    frame = panel().iloc[rows][["shop", "day", "sold"]]
    with pytest.warns(SchemaWarning, match="only 2 rows: a model can do little but memorise"):
        made = tiny().fit(frame).sample(1)
    assert made.dtypes.to_dict() == frame.dtypes.to_dict()


@every_verb
def test_05_duplicate_column_names_are_listed(shops: Synth, verb: str):
    twice = pd.concat([panel(), panel()[["x", "shop"]]], axis=1)
    with pytest.raises(SchemaError, match="More than once: 'shop', 'x'"):
        tiny().fit(twice)
    with pytest.raises(SchemaError, match="More than once: 'shop', 'x'"):
        ASK[verb](shops, twice)


@pytest.mark.parametrize("context", ["auto", ()], ids=["context", "rows"])
def test_06_07_columns_without_values_come_out_empty(context: Any):
    tokens = {"float64": np.nan, "Int64": pd.NA, "datetime64[ns]": pd.NaT, "object": None}
    n = SHOPS * DAYS
    empty = {dtype: pd.Series([token] * n, dtype=dtype) for dtype, token in tokens.items()}
    frame = panel().assign(**empty)
    with pytest.warns(SchemaWarning, match="no value at all in columns 'float64', 'Int64', 'date"):
        synth = tiny(context_columns=context).fit(frame)
    for out in (synth.sample(2), synth.impute(frame), synth.forecast(frame, 2, n_samples=2)):
        for dtype, token in tokens.items():
            assert out[dtype].isna().all() and out[dtype].dtype == dtype
            assert {type(value) for value in out[dtype]} == {type(token)}


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(["\U0001f600", "a\nb", "é", "e\u0301", "", " "], id="33"),
        pytest.param([5, 0, 2, 1, 4, 3], id="34 ints"),
        pytest.param(["a", 1, 2.5, dt.date(2020, 1, 1), ("a", 1), "x"], id="35 mixed types"),
        pytest.param(["k", "t", False, b"x", 2.5, dt.time(1)], id="35 a truth first"),
        pytest.param(["k", "t", b"x", 2.5, dt.time(1), False], id="35 a truth last"),
        pytest.param(pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]]), id="37 MultiIndex"),
        pytest.param(["x.value", "x.state", "x", "num", "0", "cat"], id="67 like internals"),
    ],
)
def test_column_names_are_kept(labels: Any):
    frame = panel()
    frame.columns = labels if isinstance(labels, pd.MultiIndex) else pd.Index(labels, dtype=object)
    synth = tiny(sequence_key=labels[0], sequence_index=labels[1]).fit(frame)
    for out in (synth.sample(2), synth.impute(frame)):
        pd.testing.assert_index_equal(out.columns, frame.columns)
        assert [type(label) for label in out] == [type(label) for label in frame]
    assert list(synth.forecast(frame, 1, n_samples=1))[1:] == list(frame)


@every_verb
def test_36_missing_names_are_refused(shops: Synth, verb: str):
    frame = panel()
    frame.columns = pd.Index([*frame.columns[:-1], None], dtype=object)
    with pytest.raises(SchemaError, match=r"positions \[5\] have no name"):
        tiny().fit(frame)
    with pytest.raises(SchemaError, match=r"positions \[5\] have no name"):
        ASK[verb](shops, frame)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(pd.MultiIndex.from_product([range(40), ["a", "b"]]), id="38 MultiIndex"),
        pytest.param([7] * 80, id="39 duplicated"),
        pytest.param(pd.date_range("2020-01-01", periods=80), id="40 dates"),
    ],
)
def test_the_index_is_ignored_and_kept(shops: Synth, index: Any):
    frame = panel().set_axis(index)
    pd.testing.assert_frame_equal(
        tiny().fit(frame).sample(2, random_state=1), shops.sample(2, random_state=1)
    )
    full = shops.impute(frame, random_state=1)
    pd.testing.assert_index_equal(full.index, frame.index)
    assert (shops.anomalies(frame).index == frame.index).all()


def test_40_dates_in_the_index_are_told():
    frame = panel().set_index("day")
    with pytest.warns(SchemaWarning, match=r"index \('day'\) is ignored.*reset_index"):
        tiny(sequence_index=None).fit(frame)
    with (
        pytest.warns(SchemaWarning, match="is ignored"),
        pytest.raises(SchemaError, match="no column 'day'. It is in the index: pass df.reset_ind"),
    ):
        tiny().fit(frame)


def test_60_arrays_come_out_as_arrays():
    real = np.column_stack([np.arange(80) // 10, np.arange(80) % 10, np.arange(80) % 3])
    synth = tiny(sequence_key=0, sequence_index=1).fit(real)
    made = synth.sample(3, length=4)
    assert isinstance(made, np.ndarray) and made.shape == (12, 3) and made.dtype == real.dtype
    assert isinstance(synth.forecast(real, 2, n_samples=1), np.ndarray)
    assert isinstance(synth.impute(real), np.ndarray)


def test_61_polars_frames_come_out_as_polars_frames(shops: Synth):
    real = pl.from_pandas(panel())
    synth = tiny().fit(real)
    assert synth.sample(2).schema == real.schema
    assert synth.impute(real).schema == real.schema
    assert isinstance(synth.forecast(real, 2, n_samples=1), pl.DataFrame)
    # A frame with gaps comes back as what it is, whatever was fitted.
    assert isinstance(shops.impute(real), pl.DataFrame)
    assert isinstance(synth.impute(panel()), pd.DataFrame)


@every_verb
@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"x": [1, 2]}, id="62 dict"),
        pytest.param(None, id="63 None"),
        pytest.param("t.csv", id="63 path"),
    ],
)
def test_other_containers_are_refused(shops: Synth, verb: str, other: Any):
    for ask in (tiny().fit, lambda df: ASK[verb](shops, df)):
        with pytest.raises(TypeError, match="pandas or polars DataFrame"):
            ask(other)


def test_68_no_input_is_changed(shops: Synth):
    values = np.column_stack([np.arange(80.0) // 40, np.arange(80) % 40, numbers(80)])
    values.setflags(write=False)
    before, frame = values.tobytes(), panel()
    tiny(sequence_key=None, sequence_index=None).fit(values).impute(values)
    assert values.tobytes() == before
    for ask in ASK.values():
        ask(shops, frame)
        pd.testing.assert_frame_equal(frame, panel())


# ---- time ----


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("verb", ["impute", "score_samples", "forecast"])
def test_70_time_that_goes_backwards_is_put_in_order(shops: Synth, verb: str, seed: int):
    """The answer to mixed rows is the answer to sorted ones, row by row."""
    frame = panel().iloc[::-1] if seed == 0 else panel().sample(frac=1, random_state=seed)
    frame = frame.sort_values("shop", kind="stable")
    mixed, straight = ASK[verb](shops, frame), ASK[verb](shops, panel())
    if verb == "forecast":
        pd.testing.assert_frame_equal(mixed, straight)
    elif verb == "impute":
        pd.testing.assert_frame_equal(mixed.sort_index(), straight)
    else:
        np.testing.assert_allclose(pd.Series(mixed, frame.index).sort_index(), straight, atol=1e-4)


@every_verb
def test_70_duplicate_moments_name_the_entity(shops: Synth, verb: str):
    twice = pd.concat([panel(), panel().iloc[[13]]], ignore_index=True)
    for ask in (tiny().fit, lambda df: ASK[verb](shops, df)):
        with pytest.raises(SchemaError, match="1 rows have the moment.*'s1', 'day' 2021-03-28"):
            ask(twice)


@pytest.mark.parametrize("verb", ["forecast", "impute", "score_samples"])
def test_70_a_change_of_frequency_is_refused_with_its_first_moment(shops: Synth, verb: str):
    """The fitted rows are days apart, and these are hours apart from some moment on."""
    frame = panel()
    late = frame.day > "2021-04-01"
    frame.loc[late, "day"] -= pd.Timedelta("1h")
    with pytest.raises(SchemaError, match="16 moments lie between the steps.*2021-04-01 23:00"):
        ASK[verb](shops, frame)


def test_70_a_frame_that_changes_its_frequency_is_irregular():
    stamps = pd.date_range("2021-01-01", periods=20).append(
        pd.date_range("2021-01-21", periods=30, freq="h")
    )
    frame = pd.DataFrame({"day": stamps, "x": numbers(50)})
    synth = tiny(sequence_key=None).fit(frame)
    assert synth.encoder_.timeline.kind == "irregular"
    made = synth.sample(length=40)
    assert (made.day.diff().dropna() > pd.Timedelta(0)).all()


@pytest.mark.parametrize(
    ("start", "hours"),
    [("2021-03-27 12:00", 23), ("2021-10-30 12:00", 25)],
    ids=["a lost hour", "an hour twice"],
)
def test_70_hours_go_on_where_the_clocks_change(start: str, hours: int):
    """A day of 23 or of 25 hours: every hour that was, once, in the zone of the frame."""
    stamps = pd.date_range(start, periods=18, freq="h", tz="Europe/Paris")
    frame = pd.DataFrame({"day": stamps, "x": numbers(18)})
    # Given 9 hours; the clocks change among the 40 to come.
    made = tiny(sequence_key=None).fit(frame).forecast(frame, 40, n_samples=1)
    expected = pd.date_range(stamps[-1], periods=41, freq="h")[1:]
    assert made.day.tolist() == expected.tolist()
    assert made.day.dtype == frame.day.dtype
    sunday = made.day[made.day.dt.day_of_week == 6]
    assert len(sunday) + (stamps.day_of_week == 6).sum() == hours


def test_70_local_days_over_a_change_of_clocks_are_learned():
    """Midnights of Paris are 23, 24 or 25 hours apart."""
    stamps = pd.date_range("2021-03-01", periods=60, tz="Europe/Paris")
    frame = pd.DataFrame({"day": stamps, "x": numbers(60)})
    made = tiny(sequence_key=None).fit(frame).forecast(frame, 3, n_samples=1)
    assert (made.day.diff().dropna() > pd.Timedelta(0)).all()
    assert made.day.min() > stamps.max()


@every_verb
@pytest.mark.parametrize("column", ["shop", "day"])
def test_71_missing_keys_and_moments_name_the_rows(shops: Synth, verb: str, column: str):
    frame = panel()
    frame.loc[[4, 9], column] = None
    for ask in (tiny().fit, lambda df: ASK[verb](shops, df)):
        with pytest.raises(SchemaError, match=f"'{column}', the sequence_.*misses 2 .*at row 4"):
            ask(frame)


@pytest.mark.parametrize("key", ["08 some NaN", "10 int and str", "22 interval objects", "29 bool"])
def test_71_keys_of_which_no_new_ones_can_be_made_are_refused(key: str):
    values = WHOLE[key].dropna().drop_duplicates().head(2)
    frame = panel().head(20).assign(shop=values.repeat(10).array)
    with pytest.raises(SchemaError, match="'shop'.*(floats|cannot be 'identifier')"):
        tiny().fit(frame)


@pytest.mark.parametrize("batch_size", [1, 9, 1000])
def test_72_73_batches_of_any_size(batch_size: int):
    assert len(tiny(batch_size=batch_size).fit(panel()).sample(2)) == 2 * DAYS


# ---- questions ----


@every_verb
def test_74_columns_in_another_order_change_nothing(shops: Synth, verb: str):
    straight = ASK[verb](shops, panel())
    turned = ASK[verb](shops, panel()[["kind", "day", "x", "shop", "sold", "town"]])
    if isinstance(straight, pd.DataFrame):
        pd.testing.assert_frame_equal(turned[list(straight)], straight)
    else:
        np.testing.assert_array_equal(turned, straight)


@every_verb
def test_74_absent_and_unknown_columns_are_all_named(shops: Synth, verb: str):
    frame = panel().drop(columns="x").rename(columns={"town": "Town"})
    with pytest.raises(SchemaError, match="(?s)'town' is absent.*'x' is absent.*'Town' was not"):
        ASK[verb](shops, frame)


@every_verb
def test_75_another_dtype_is_told_beside_the_one_at_fit(shops: Synth, verb: str):
    frame = panel().assign(sold=lambda f: f.sold.astype(str).astype(object), kind=1, day=2)
    told = "(?s)'day' is int64, at fit.*'sold' is object, at fit.*'kind' is int64, at fit"
    with pytest.raises(SchemaError, match=told):
        ASK[verb](shops, frame)


def test_76_an_unknown_category_is_told_with_the_known_ones(shops: Synth):
    with pytest.raises(ConditionError, match="'kind'.*'snw'.*Did you mean 'snow'"):
        shops.sample(conditions={"kind": "snw"})
    with pytest.raises(ConditionError, match="'town'.*'Dlft'.*Did you mean 'Delft'"):
        shops.sample(context={"town": "Dlft"})


@pytest.mark.parametrize("verb", ["forecast", "impute"])
def test_76_an_unknown_category_of_a_history_is_told_and_kept(shops: Synth, verb: str):
    frame = panel()
    frame.loc[7, "kind"] = "hail"
    with pytest.warns(SchemaWarning, match="'kind': 1 cells hold values .*'hail'"):
        out = ASK[verb](shops, frame)
    if verb == "impute":
        assert out.kind.tolist() == frame.kind.tolist()
    else:
        assert set(out.kind) <= {"wet", "dry", "snow"}


def test_77_a_number_beyond_the_training_rows_is_told_and_kept(shops: Synth):
    with pytest.warns(ConditionWarning, match="'sold'.*outside the training rows' 20 to 49") as w:
        made = shops.sample(2, conditions={"sold": 99})
    assert set(made.sold) == {99}
    assert w[0].filename == __file__
    # What was observed is no condition.
    assert set(shops.impute(panel().assign(sold=99)).sold) == {99}


def test_78_an_unknown_column_is_a_key_error_with_the_closest_name(shops: Synth):
    with pytest.raises(KeyError, match="no column 'knd'. Did you mean 'kind'"):
        shops.sample(conditions={"knd": "wet"})
    with pytest.raises(KeyError, match="'twn' is no context column.*Did you mean 'town'"):
        shops.sample(context={"twn": "Delft"})


@pytest.mark.parametrize("column", ["town", "shop", "day"])
def test_78_what_is_no_condition_on_rows_says_where_to_ask(shops: Synth, column: str):
    with pytest.raises(ConditionError, match=f"'{column}'.*differs from row to row.*context="):
        shops.sample(conditions={column: panel()[column][0]})


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_79_a_missing_value_asks_for_missing_cells(shops: Synth, missing: Any):
    assert shops.sample(2, conditions={"x": missing}).x.isna().all()
    with pytest.raises(ConditionError, match="'sold': a missing cell is asked for, none was there"):
        shops.sample(conditions={"sold": missing})
    with pytest.raises(ConditionError, match="'town': a missing cell is asked for, none was there"):
        shops.sample(context={"town": missing})


def test_83_no_sequences_have_columns_and_dtypes(shops: Synth):
    none = shops.sample(0)
    assert len(none) == 0
    assert none.dtypes.to_dict() == panel().dtypes.to_dict()


COUNTS = {
    "n_sequences": lambda synth, n: synth.sample(n),
    "length": lambda synth, n: synth.sample(length=n),
    "horizon": lambda synth, n: synth.forecast(panel(), n, n_samples=1),
    "n_samples": lambda synth, n: synth.forecast(panel(), 1, n_samples=n),
    "n_draws": lambda synth, n: synth.impute(panel(), n),
}
every_count = pytest.mark.parametrize("name", COUNTS)


@every_count
def test_84_negative_and_infinite_numbers_are_refused(shops: Synth, name: str):
    for n in (-1, -1.0, float("inf")):
        with pytest.raises(ValueError, match=f"{name} must be (at least [01]|finite). Got "):
            COUNTS[name](shops, n)


@every_count
def test_85_what_is_no_whole_number_is_refused(shops: Synth, name: str):
    for n in (2.5, "10", True, float("nan"), [3]):
        with pytest.raises(TypeError, match=f"{name} must be a whole number. Got "):
            COUNTS[name](shops, n)
    assert len(COUNTS[name](shops, np.float32(2))) > 0


@every_count
@pytest.mark.parametrize("n", [10**12, 10**18])
def test_86_more_rows_than_memory_are_refused(shops: Synth, name: str, n: int):
    with pytest.raises(MemoryError, match=rf"{name}={n:,}.*GiB; this machine has .*Ask for fewer"):
        COUNTS[name](shops, n)


@pytest.mark.parametrize(
    "ask",
    [*ASK.values(), lambda synth, df: synth.sample(), lambda synth, df: synth.save("m.tabdiff")],
    ids=[*ASK, "sample", "save"],
)
def test_87_use_before_fit_is_refused(ask: Any):
    with pytest.raises(NotFittedError):
        ask(tiny(), panel())
    assert not Path("m.tabdiff").exists()


def test_88_a_second_fit_replaces_the_first_and_a_failed_one_nothing(shops: Synth):
    other = panel()[["shop", "day", "sold"]]
    synth = clone(shops).fit(panel()).fit(other)
    expected = tiny().fit(other).sample(2, random_state=1)
    pd.testing.assert_frame_equal(synth.sample(2, random_state=1), expected)
    with pytest.raises(SchemaError):
        synth.fit(panel().assign(sold=[[1]] * 80))
    pd.testing.assert_frame_equal(synth.sample(2, random_state=1), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", -1),
        ("max_time", float("nan")),
        ("batch_size", 0),
        ("learning_rate", float("nan")),
        ("depth", 0),
        ("sampling_steps", 0),
        ("device", "abacus"),
        ("random_state", -1),
    ],
)
def test_89_parameters_out_of_range_are_named_before_the_frame(name: str, value: Any):
    with pytest.raises(ValueError, match=name if name != "device" else "'abacus' is not a device"):
        tiny(**{name: value}).fit(pd.DataFrame())


@pytest.mark.parametrize("seed", [3, np.int64(3), 10**30])
def test_90_equal_random_states_give_equal_rows(shops: Synth, seed: Any):
    pd.testing.assert_frame_equal(
        shops.sample(2, random_state=seed), shops.sample(2, random_state=seed)
    )


@pytest.mark.parametrize("seed", [-1, "0", 1.5])
def test_90_other_seeds_are_refused(shops: Synth, seed: Any):
    for ask in (
        lambda: shops.sample(random_state=seed),
        lambda: shops.forecast(panel(), 1, random_state=seed),
        lambda: shops.impute(panel(), random_state=seed),
        lambda: shops.score_samples(panel(), random_state=seed),
    ):
        with pytest.raises((TypeError, ValueError), match="random_state must be"):
            ask()


# ---- the machine ----


def test_91_a_failed_save_leaves_the_old_file(shops: Synth, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        shops.save(tmp_path / "nowhere" / "m")
    with pytest.raises(IsADirectoryError):
        shops.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def raising(error: type[BaseException]) -> Any:
    def report(self: ProgressBar, progress: Any) -> None:
        raise error

    return report


def test_93_ctrl_c_leaves_a_usable_model(monkeypatch: pytest.MonkeyPatch):
    synth = tiny(max_steps=3)
    learn = tiny(max_steps=3)._fit_entities
    monkeypatch.setattr(synth, "_fit_entities", lambda *a: _undisturbed(learn, monkeypatch, a))
    with pytest.raises(KeyboardInterrupt):
        synth.fit(panel())
    assert synth.stopped_ == "interrupted"
    assert list(synth.sample(2)) == list(panel())


def _undisturbed(learn: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, ...]) -> Any:
    """The table of entities, learned before Ctrl-C is pressed."""
    entities = learn(*arguments)
    monkeypatch.setattr(ProgressBar, "__call__", raising(KeyboardInterrupt))
    return entities


def test_95_a_loss_that_is_no_number_names_the_column(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "tabdiff.denoisers.temporal.TemporalDenoiser.set_proportions",
        lambda self, proportions: [p.data.fill_(float("nan")) for p in self.parameters()],
    )
    synth = tiny()
    with pytest.raises(TrainingDivergedError, match="(?s)loss is nan.*'(x|sold)'"):
        synth.fit(panel())
    assert not hasattr(synth, "denoiser_")


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_97_an_absent_gpu_is_told():
    with pytest.raises(ValueError, match="'cuda' is not available on this machine"):
        tiny(device="cuda").fit(panel())


def test_104_105_106_text_is_told_and_kept_or_replaced():
    """Numbers as text, codes with zeros, and names of people, in the rows and the context."""
    frame = panel().assign(
        pay=np.resize(["1,234", "987"], 80).astype(object),
        zip=np.repeat(np.resize(["00501", "02134"], SHOPS), DAYS).astype(object),
        email=[f"ann{i}@example.org" for i in range(80)],
    )
    with pytest.warns(SchemaWarning) as told:
        synth = tiny().fit(frame)
    said = " ".join(str(warning.message) for warning in told)
    assert all(f"'{name}'" in said for name in ("pay", "zip", "email"))
    made = synth.sample(8)
    assert set(made.pay) <= {"1,234", "987"} and set(made.zip) <= {"00501", "02134"}
    for out in (made, synth.forecast(frame, 2, n_samples=2)):
        assert not set(out.email) & set(frame.email)


def test_107_formulas_in_text_are_text():
    frame = panel().assign(kind=np.resize(["=cmd()", "@x"], 80).astype(object))
    assert set(tiny().fit(frame).sample(4).kind) == {"=cmd()", "@x"}


# ---- size ----


def test_an_entity_of_one_row_among_longer_ones_is_one():
    frame = panel().drop(index=range(1, DAYS))
    synth = tiny().fit(frame)
    assert synth.n_entities_seen_ == SHOPS
    made = synth.forecast(frame, 2, n_samples=1)
    assert made.day[made.shop == "s0"].tolist() == list(pd.date_range("2021-03-26", periods=2))
    assert synth.sample(3, length=1).groupby("shop").size().tolist() == [1, 1, 1]


@pytest.mark.slow
def test_a_hundred_thousand_entities_are_learned_and_drawn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sampler, "CHUNK", 1024)
    monkeypatch.setattr(sequences, "CHUNK_SLOTS", 8192)
    n = 100_000
    frame = pd.DataFrame({"shop": np.repeat(np.arange(n), 2), "day": np.tile([0, 1], n)})
    frame = frame.assign(x=numbers(2 * n), town=np.repeat(np.resize(["a", "b"], n), 2))
    made = tiny(max_steps=5).fit(frame).sample(n)
    assert made.shop.nunique() == n
    assert not made.shop.isin(frame.shop).any()


@pytest.mark.slow
def test_a_series_of_a_million_rows_is_learned_and_forecast():
    n = 1_000_000
    stamps = pd.date_range("2020-01-01", periods=n, freq="min")
    frame = pd.DataFrame({"day": stamps, "x": numbers(n), "kind": np.resize(["a", "b"], n)})
    synth = tiny(sequence_key=None, max_steps=5).fit(frame)
    made = synth.forecast(frame, 3, n_samples=2)
    assert made.day.tolist() == list(pd.date_range(stamps[-1], periods=4, freq="min")[1:]) * 2
