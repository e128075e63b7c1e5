"""The front door for sequences: what goes in comes out alike, and questions are answered."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tabdiff import SchemaError, SchemaWarning, persistence, sequences
from tabdiff.data.errors import ConditionError
from tabdiff.data.long import require_table_of
from tabdiff.data.traits import Traits
from tabdiff.persistence import CorruptFileError, UnknownKindError
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

TINY: dict[str, Any] = {
    "max_steps": 20,
    "width": 32,
    "depth": 1,
    "sampling_steps": 3,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
Synth = TimeSeriesDiffusionSynthesizer


def tiny(**changes: Any) -> Synth:
    return Synth(**({"sequence_key": "k", "sequence_index": "d"} | TINY | changes))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    """Sixteen sequences a chunk, so that samples cross their borders."""
    monkeypatch.setattr(sequences, "CHUNK_SLOTS", 16)


def panel(n: int = 24) -> pd.DataFrame:
    """Days with holes, unsorted; entities of unequal length, one of a single row."""
    rng = np.random.default_rng(0)
    frames = []
    for i in range(n):
        length = 1 if i == 3 else int(rng.integers(6, 13))
        frame = pd.DataFrame(
            {"d": pd.date_range("2021-03-01", periods=length) + pd.Timedelta(i, "D")}
        )
        frame["k"], frame["shop"] = f"s{i:02d}", "ab"[i % 2]
        frame["price"] = rng.choice([1.5, 2.0], length)
        frame["x"] = np.where(rng.random(length) < 0.2, np.nan, rng.normal(size=length).round(2))
        frame["c"] = pd.Categorical(rng.choice(list("uv"), length), list("uvw"))
        frame["n"] = rng.integers(0, 9, length).astype("int8")
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True)
    inner = whole.groupby("k").cumcount().between(2, 3) & (whole.k.str[-1] == "5")
    return whole[~inner].sample(frac=1, random_state=0)


@pytest.fixture(scope="module")
def days() -> Synth:
    frame = panel()
    before = frame.copy(deep=True)
    synth = tiny(known_columns=["price"], window=8).fit(frame)
    pd.testing.assert_frame_equal(frame, before)
    return synth


def series(n: int = 60) -> pd.DataFrame:
    """One irregular series, without a key."""
    rng = np.random.default_rng(1)
    minutes = np.cumsum(rng.integers(1, 50, n))
    stamps = pd.Timestamp("2021-01-01") + pd.to_timedelta(minutes, unit="min")
    return pd.DataFrame(
        {"d": stamps, "x": rng.normal(size=n).round(1), "c": rng.choice(list("uv"), n)}
    )


@pytest.fixture(scope="module")
def ticks() -> Synth:
    return tiny(sequence_key=None, window=12).fit(series())


@pytest.fixture(scope="module")
def months() -> Synth:
    """Month ends in polars, equally long."""
    rng = np.random.default_rng(2)
    ends = pd.date_range("2020-01-31", periods=10, freq="ME", unit="ns")
    frame = pd.DataFrame({"k": np.repeat(np.arange(9), 10), "d": np.tile(ends, 9)})
    frame["x"] = rng.normal(size=90)
    frame["c"] = rng.choice(list("uv"), 90)
    return tiny().fit(pl.from_pandas(frame))


def assert_alike(made: pd.DataFrame, real: pd.DataFrame) -> None:
    assert list(made.columns) == list(real.columns)
    assert isinstance(made.index, pd.RangeIndex)
    assert made.dtypes.to_dict() == real.dtypes.to_dict()
    for name in ("x", "n", "price"):
        if name in real:
            assert made[name].dropna().between(real[name].min(), real[name].max()).all()
    for name in ("c", "shop"):
        if name in real:
            assert set(made[name].dropna()) <= set(real[name])


# ---- sample ----


def test_069_new_entities_are_like_the_old_ones(days: Synth):
    made, real = days.sample(40, random_state=1), panel()
    assert_alike(made, real)
    assert made.k.nunique() == 40
    assert not set(made.k) & set(real.k)
    lengths = made.groupby("k").size()
    assert lengths.between(1, 12).all()
    assert lengths.nunique() > 1
    steps = made.groupby("k", sort=False).d.diff().dropna()
    assert (steps == pd.Timedelta("1D")).all()
    assert made.groupby("k").shop.nunique().eq(1).all()
    assert made.x.isna().any()
    assert made[["d", "price", "c", "n"]].notna().all().all()


def test_070_irregular_moments_rise(ticks: Synth):
    made = ticks.sample(random_state=1)
    assert_alike(made, series())
    assert len(made) == 60
    assert (made.d.diff().dropna() > pd.Timedelta(0)).all()
    assert made.d.iloc[0] == series().d.iloc[0]
    assert len(ticks.sample(length=150)) == 150


def test_month_ends_stay_so_in_polars(months: Synth):
    made = months.sample(20)
    assert isinstance(made, pl.DataFrame)
    assert (
        made.schema
        == pl.DataFrame(
            schema={"k": pl.Int64, "d": pl.Datetime("ns"), "x": pl.Float64, "c": pl.String}
        ).schema
    )
    stamps = made["d"].to_pandas()
    assert stamps.dt.is_month_end.all()
    assert isinstance(months.forecast(made, 2, n_samples=2), pl.DataFrame)
    told = months.forecast(made, 2, n_samples=3, quantiles=[0.5])
    assert told.columns == ["k", "d", "x_0.5", "c"]


@pytest.mark.parametrize("n", [0, 1, 15, 17])
def test_a_sample_is_the_head_of_a_longer_one(days: Synth, n: int):
    few, many = days.sample(n, random_state=5), days.sample(40, random_state=5)
    assert few.k.nunique() == n
    pd.testing.assert_frame_equal(few, many.iloc[: len(few)])


def test_samples_differ_unless_seeded(days: Synth):
    assert not days.sample(3).equals(days.sample(3))
    assert days.sample(3, random_state=1).equals(days.sample(3, random_state=1))
    assert not days.sample(3, random_state=1).equals(days.sample(3, random_state=2))


@pytest.mark.parametrize("length", [1, 5, 12])
def test_length_is_that_of_every_sequence(days: Synth, length: int):
    made = days.sample(9, length=length, random_state=0)
    assert made.groupby("k").size().tolist() == [length] * 9


def test_length_may_differ_from_the_only_one_seen(months: Synth):
    assert months.sample(2, length=17)["k"].value_counts()["count"].to_list() == [17, 17]


def test_context_is_what_entities_must_be(days: Synth):
    assert set(days.sample(9, context={"shop": "a"}).shop) == {"a"}
    wanted = pd.DataFrame({"k": ["new", "newer", "newest"], "shop": ["b", "a", "b"]})
    made = days.sample(context=wanted, length=4)
    assert made.k.tolist() == np.repeat(wanted.k, 4).tolist()
    assert made.shop.tolist() == np.repeat(wanted.shop, 4).tolist()


def test_conditions_hold_in_every_row(days: Synth):
    made = days.sample(9, conditions={"c": "u", "n": 3})
    assert set(made.c) == {"u"}
    assert set(made.n) == {3}


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"n_sequences": -1}, ValueError, "n_sequences must be at least 0"),
        ({"n_sequences": 2.5}, TypeError, "n_sequences must be a whole number"),
        ({"length": 0}, ValueError, "length must be at least 1"),
        ({"context": {"x": 1.0}}, ConditionError, "'x' is no context column. Those are 'shop'"),
        ({"context": {"shop": "z"}}, ConditionError, "column 'shop'.*'z'"),
        ({"context": 7}, TypeError, "expected a pandas"),
        ({"context": {"k": "me"}, "n_sequences": 2}, ConditionError, "'me' is asked of several"),
        (
            {"context": pd.DataFrame({"k": ["me", "me"]})},
            ConditionError,
            "'me' is asked of several",
        ),
        (
            {"context": pd.DataFrame({"shop": ["a", "b"]}), "n_sequences": 3},
            ValueError,
            "context has 2 rows",
        ),
        ({"conditions": {"shop": "a"}}, ConditionError, "shop"),
        ({"conditions": {"n": (1, 3)}}, ConditionError, "."),
        ({"conditions": ["n"]}, TypeError, "must map columns to values. Got list"),
        ({"random_state": -1}, ValueError, "random_state must be at least 0"),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    days: Synth, asked: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        days.sample(**asked)


def test_one_series_has_no_second_one(ticks: Synth):
    assert ticks.n_entities_seen_ == 1
    with pytest.raises(ValueError, match=r"n_sequences=2, but one series was fitted"):
        ticks.sample(2)


# ---- forecast ----


def test_forecasts_go_on_at_the_next_moments(days: Synth):
    known = known_future(4)
    made = days.forecast(panel(), 4, n_samples=3, known_future=known, random_state=0)
    assert list(made.columns) == ["draw", *panel().columns]
    assert made.dtypes[1:].to_dict() == panel().dtypes.to_dict()
    last = panel().groupby("k").d.max()
    for (name, draw), rows in made.groupby(["k", "draw"]):
        expected = pd.date_range(last[name] + pd.Timedelta("1D"), periods=4)
        assert rows.d.tolist() == expected.tolist()
        # Known ahead in every draw.
        assert rows.price.tolist() == known[known.k == name].price.tolist(), draw
    assert made.groupby("k").size().eq(12).all()
    assert (made.groupby("k").shop.first() == panel().groupby("k").shop.first()).all()
    again = days.forecast(panel(), 4, n_samples=3, known_future=known, random_state=0)
    pd.testing.assert_frame_equal(made, again)


def known_future(horizon: int) -> pd.DataFrame:
    keys = np.repeat(np.unique(panel().k), horizon)
    price = np.random.default_rng(3).choice([1.5, 2.0], len(keys))
    return pd.DataFrame({"k": keys, "price": price}).sort_values("k", kind="stable")


def test_a_forecast_may_be_longer_than_the_window(days: Synth):
    one = panel().query("k == 's01'")
    known = pd.DataFrame({"k": "s01", "price": [1.5, 2.0] * 15})
    made = days.forecast(one, 30, n_samples=2, known_future=known)
    assert len(made) == 60
    assert made.d.diff().dropna().value_counts()[pd.Timedelta("1D")] == 58


def test_an_irregular_forecast_rises_from_the_last_moment(ticks: Synth):
    made = ticks.forecast(series(), 20, n_samples=4)
    for _, rows in made.groupby("draw"):
        assert rows.d.iloc[0] > series().d.max()
        assert (rows.d.diff().dropna() > pd.Timedelta(0)).all()


def test_quantiles_are_ordered_and_categories_frequent(ticks: Synth, days: Synth):
    told = ticks.forecast(series(), 3, n_samples=9, quantiles=[0.1, 0.5, 0.9])
    assert list(told.columns) == ["d", "x_0.1", "x_0.5", "x_0.9", "c"]
    assert len(told) == 3
    assert (told["x_0.1"] <= told["x_0.5"]).all()
    assert (told["x_0.5"] <= told["x_0.9"]).all()
    assert (told.d.diff().dropna() > pd.Timedelta(0)).all()
    assert set(told.c) <= {"u", "v"}
    own = days.forecast(panel(), 2, known_future=known_future(2), n_samples=3, quantiles=[0.5])
    assert len(own) == 48
    assert own["price_0.5"].tolist() == known_future(2).set_index("k").price[own.k[::2]].tolist()


def test_moments_that_are_known_of_an_irregular_future_are_kept(ticks: Synth):
    moments = series().d.max() + pd.to_timedelta([3, 4, 44], unit="min")
    known = pd.DataFrame({"d": moments, "x": [0.5, np.nan, 0.1]})
    made = ticks.forecast(series(), 3, n_samples=2, known_future=known)
    assert made.d.tolist() == [*moments, *moments]
    assert made.x[[0, 2, 3, 5]].tolist() == [0.5, 0.1] * 2
    early = known.assign(d=series().d.max() + pd.to_timedelta([0, 1, 2], unit="min"))
    with pytest.raises(SchemaError, match="is no moment to come.*lies before it"):
        ticks.forecast(series(), 3, n_samples=2, known_future=early)


def test_a_known_future_is_matched_by_key_and_moment(days: Synth):
    history = panel().query("k in ['s01', 's02']")
    known = known_future(2).query("k in ['s01', 's02']").reset_index(drop=True)
    last = history.groupby("k").d.max()
    known["d"] = known.k.map(last) + pd.to_timedelta([1, 2, 1, 2], unit="D")
    mixed = known.iloc[[3, 0, 2, 1]]
    made = days.forecast(history, 2, n_samples=1, known_future=mixed)
    both = made.merge(known, on=["k", "d"], suffixes=("", "_known"))
    assert len(both) == 4
    assert (both.price == both.price_known).all()
    late = known.assign(d=known.d + pd.Timedelta("1D"))
    with pytest.raises(SchemaError, match="is no moment to come"):
        days.forecast(history, 2, n_samples=1, known_future=late)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: None, ConditionError, "knows 'price' ahead: give them as known_future"),
        (lambda f: f.drop(columns="price"), SchemaError, "column 'price' is absent"),
        (lambda f: f.drop(columns="k"), SchemaError, "column 'k' is absent"),
        (lambda f: f.iloc[1:], SchemaError, "must have horizon=2 rows for each entity"),
        (lambda f: f.assign(k="zz"), SchemaError, "the history has no entity 'zz'"),
        (lambda f: f.assign(prize=1), SchemaError, "'prize' is none of the fitted ones.*'price'"),
        (lambda f: f.assign(price="low"), ConditionError, "price"),
        (lambda f: f.to_dict(), TypeError, "expected a pandas"),
    ],
)
def test_known_futures_that_do_not_fit_are_refused(
    days: Synth, change: Any, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        days.forecast(panel(), 2, n_samples=1, known_future=change(known_future(2)))


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"horizon": 0}, ValueError, "horizon must be at least 1"),
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1"),
        ({"quantiles": [0.5, 1.0]}, ValueError, "quantiles must be in"),
        ({"quantiles": ["a"]}, TypeError, "quantiles must be a number"),
        ({"quantiles": 0.5}, TypeError, "quantiles must be a list"),
        ({"quantiles": []}, TypeError, "quantiles must be a list"),
        ({"history": series().iloc[:0]}, SchemaError, "the history has no rows"),
        ({"history": series().drop(columns="x")}, SchemaError, "'x' is absent"),
        ({"history": series().iloc[[0, 0]]}, SchemaError, "have the moment of another row"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    ticks: Synth, asked: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        ticks.forecast(**({"history": series(), "horizon": 2} | asked))


def test_categories_that_were_not_there_at_fit_are_told_and_tell_nothing(ticks: Synth):
    with pytest.warns(SchemaWarning, match="column 'c': 60 cells hold values .*'z'"):
        made = ticks.forecast(series().assign(c="z"), 2, n_samples=2)
    assert set(made.c) <= {"u", "v"}


# ---- impute ----


def test_070_gaps_are_filled_and_all_else_is_kept(days: Synth):
    frame = panel().set_index(pd.Index(range(500, 500 + len(panel()))))
    frame.loc[frame.index[::5], "c"] = None
    before = frame.copy(deep=True)
    filled = days.impute(frame, random_state=0)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_index_equal(filled.index, frame.index)
    assert filled.dtypes.to_dict() == frame.dtypes.to_dict()
    assert filled.notna().all().all()
    for name in frame:
        seen = frame[name].notna()
        assert filled[name][seen].tolist() == frame[name][seen].tolist()
    assert filled.equals(days.impute(frame, random_state=0))
    first, second = days.impute(frame, 2, random_state=0)
    assert not first.equals(second)
    assert days.impute(frame.iloc[:0]).empty


# ---- fit ----


def test_fitted_attributes_describe_the_fit(days: Synth):
    assert (days.n_features_in_, days.n_rows_seen_) == (7, len(panel()))
    assert days.n_entities_seen_ == 24
    assert [c.name for c in days.schema_.columns] == list(panel().columns)
    assert days.history_["loss"].map(np.isfinite).all()
    assert days.stopped_ == "max_steps" and days.fit_seconds_ > 0


def test_071_a_missing_key_names_the_rows():
    frame = panel().reset_index(drop=True)
    frame.loc[[4, 9], "k"] = None
    with pytest.raises(SchemaError, match=r"'k', the sequence_key, misses 2 cells .*row 4"):
        tiny().fit(frame)


@pytest.mark.parametrize("name", ["k", "d"])
def test_070_a_repeated_moment_names_the_entity(name: str):
    frame = panel().sort_values(["k", "d"]).reset_index(drop=True)
    twice = pd.concat([frame, frame.iloc[[7]]])
    with pytest.raises(SchemaError, match=f"1 rows have the moment.*{frame[name][7]}"):
        tiny().fit(twice)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sequence_key": "kk"}, SchemaError, "no column 'kk'"),
        ({"sequence_index": "k", "sequence_key": None}, SchemaError, "no order in time"),
        ({"known_columns": ["shop"], "context_columns": ["shop"]}, SchemaError, "two roles"),
        ({"context_columns": "shop"}, TypeError, "context_columns must be a list"),
        ({"context_columns": None}, TypeError, "context_columns must be a list"),
        ({"known_columns": None}, TypeError, "known_columns must be a list"),
        ({"known_columns": "price"}, TypeError, "known_columns must be a list"),
        ({"column_kinds": {"xx": "numeric"}}, SchemaError, "'xx' is no column of the rows.*'x'"),
        ({"column_kinds": {"c": "numeric"}}, SchemaError, "'c'"),
        ({"window": 1}, ValueError, "window must be from 2 to"),
        ({"window": 2.5}, TypeError, "window must be a whole number"),
        ({"width": 20}, ValueError, "width must be a multiple of 8. Got 20"),
        ({"prior": "normal"}, ValueError, "prior must be"),
        ({"max_steps": 0}, ValueError, "max_steps"),
        ({"max_time": 0}, ValueError, "max_time"),
        ({"validation_fraction": 0.9}, ValueError, "validation_fraction"),
        ({"verbose": 3}, ValueError, "verbose"),
        ({"random_state": "a"}, TypeError, "random_state"),
        ({"sampling_steps": True}, TypeError, "sampling_steps"),
    ],
)
def test_parameters_are_checked_at_the_door(
    change: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        tiny(**change).fit(panel())


@pytest.mark.parametrize(
    "change",
    [lambda f: f.assign(k=f.k.str[1:].astype(float)), lambda f: f.rename(columns={"x": "n"})],
)
def test_frames_that_cannot_be_learned_are_refused(change: Any):
    with pytest.raises(SchemaError, match="holds floats|must be unique"):
        tiny().fit(change(panel()))


def test_069_entities_of_one_row_are_learned():
    frame = panel().drop_duplicates("k")
    synth = tiny(max_steps=2).fit(frame)
    made = synth.sample(5)
    assert made.k.nunique() == len(made) == 5
    for ask in (lambda: synth.sample(2, length=3), lambda: synth.forecast(frame, 1)):
        with pytest.raises(ConditionError, match="no sequence of the fit had two rows"):
            ask()


def test_one_entity_with_a_key_and_odd_labels_is_learned():
    frame = series().assign(k="s01", shop="b")
    labels = [("a", name) for name in frame]
    odd = frame.set_axis(pd.Index(labels), axis=1)
    synth = tiny(max_steps=2, sequence_key=("a", "k"), sequence_index=("a", "d")).fit(odd)
    made = synth.sample(length=5)
    assert list(made.columns) == labels
    assert set(made["a"]["k"]) == {"s01"} and set(made["a"]["shop"]) == {"b"}
    assert next(iter(synth.forecast(odd, 2, n_samples=1).columns))[0] == "draw"


def test_taken_labels_get_underscores_and_objects_have_quantiles():
    frame = panel().sort_values(["k", "d"]).reset_index(drop=True)
    frame["draw"] = frame.d.dt.date[::-1].to_numpy()
    frame["draw_0.5"] = frame.n.astype(float)
    frame = frame[["k", "d", "draw", "draw_0.5"]]
    synth = tiny(max_steps=2).fit(frame)
    assert next(iter(synth.forecast(frame, 1, n_samples=1).columns)) == "draw_"
    told = synth.forecast(frame, 2, n_samples=4, quantiles=[0.5])
    assert list(told.columns) == ["k", "d", "draw_0.5_", "draw_0.5_0.5"]
    assert set(told["draw_0.5_"]) <= set(frame["draw"])


def test_without_an_index_or_a_key_order_is_all():
    rows = panel()[["n", "c"]]
    synth = tiny(max_steps=2, sequence_key=None, sequence_index=None, window=10).fit(rows)
    made = synth.sample(length=25)
    assert_alike(made, rows)
    assert len(synth.forecast(rows, 3, n_samples=2)) == 6


# ---- scikit-learn, files ----


def test_the_estimator_keeps_scikit_learns_contract(days: Synth):
    twin = clone(days)
    assert twin.get_params() == days.get_params()
    assert not [name for name in vars(twin) if name.endswith("_")]
    assert twin.set_params(window=9).window == 9
    for ask in (twin.sample, lambda: twin.forecast(panel(), 1), lambda: twin.impute(panel())):
        with pytest.raises(NotFittedError):
            ask()
    with pytest.raises(NotFittedError):
        twin.save("nowhere.tabdiff")


@pytest.mark.parametrize("name", ["days", "ticks", "months"])
def test_a_saved_one_gives_the_same_rows(name: str, tmp_path: Any, request: Any):
    synth = request.getfixturevalue(name)
    synth.save(tmp_path / "m.tabdiff")
    again = Synth.load(tmp_path / "m.tabdiff", device="cpu")
    assert again.sample(random_state=3).equals(synth.sample(random_state=3))
    assert again.sequence_key == synth.sequence_key and again.width == 32
    assert list(again.known_columns) == list(synth.known_columns)
    assert again.n_entities_seen_ == synth.n_entities_seen_


HOSTILE = [
    ("kind", "DiffusionSynthesizer"),
    ("parameters", {}),
    ("parameters", []),
    ("parameters.sampling_steps", "many"),
    ("parameters.prior", "none"),
    ("parameters.width", 7),
    ("encoder", []),
    ("encoder.key", "x"),
    ("encoder.key", None),
    ("encoder.index", None),
    ("encoder.window", 10**9),
    ("encoder.timeline", []),
    ("encoder.timeline.kind", "irregular"),
    ("encoder.timeline.kind", "months"),
    ("encoder.timeline.calendar", ["hour"]),
    ("encoder.timeline.step", -1),
    ("encoder.rows_columns", ["x"]),
    ("encoder.context_columns", []),
    ("encoder.ahead_columns", ["shop"]),
    ("encoder.context", None),
    ("encoder.rows", {}),
    ("encoder.schema", []),
    ("entities", []),
    ("entities.encoder", {}),
    ("size", {}),
    ("size.width", 9),
    ("size.width", 10**9),
    ("size.depth", 10**9),
    ("entities.size.width", 10**6),
    ("parameters", {}),
    ("parameters.width", -1),
    ("parameters.sampling_steps", 10**9),
    ("fit.n_rows_seen", 0),
    ("fit.n_rows_seen", "many"),
    ("fit.history", {"loss": ["low"]}),
    ("encoder.schema.label_dtype", "int64"),
    ("encoder.rows.schema.columns", []),
    ("encoder.window", 10**5),
    ("entropy", "x"),
    ("encoder.traits", {}),
    ("encoder.traits", {"levels": ["c"], "usual": []}),
    ("encoder.traits", {"levels": ["x"], "usual": []}),
    ("encoder.traits", {"levels": [], "usual": ["x"]}),
    ("encoder.traits", {"levels": [], "usual": ["c"]}),
    ("manner", []),
    ("manner", {"fading": True}),
    ("manner.fading", 1),
    ("fit", []),
]


def test_traits_are_properties_of_entities_and_told_when_new_ones_are_made(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    frame = panel(40)
    place = frame["k"].str[1:].astype(int)
    kept = np.where(frame["d"].dt.day % 5 == 0, frame["c"], frame["k"].str[-1])
    synth = tiny(window=8).fit(frame.assign(x=frame["x"] + 5 * place, c=kept))
    assert synth.encoder_.traits.labels == ["level of x", "usual c"]
    kinds = [synth.entities_.schema_[label].kind for label in synth.encoder_.traits.labels]
    assert kinds == ["numeric", "categorical"]
    made = synth.sample(20, random_state=3)
    assert list(made.columns) == list(frame.columns)
    synth.save(tmp_path / "levels.tabdiff")
    again = Synth.load(tmp_path / "levels.tabdiff", device="cpu")
    pd.testing.assert_frame_equal(again.sample(20, random_state=3), made)
    # What is asked of histories, gaps and single rows does not ask for levels.
    assert len(again.forecast(frame.head(40), 2, n_samples=1)) > 0
    assert not again.impute(frame.head(40))["x"].isna().any()
    assert np.isfinite(again.score_samples(frame.head(40))).all()
    assert set(again.sample(3, conditions={"c": "u"})["c"]) == {"u"}
    # The table of entities has codes of no more categories than the rows.
    monkeypatch.setattr(Traits, "counts", lambda traits, rows: [1 for _ in traits.usual])
    with pytest.raises(ValueError, match="'usual c' has 1 categories, not 0 to 9"):
        require_table_of(
            again.encoder_, again._fitted.entities.rewriting, again._fitted.entities.encoder, 10**6
        )


@pytest.mark.parametrize(("path", "value"), HOSTILE)
def test_092_malformed_files_are_refused(days: Synth, tmp_path: Any, path: str, value: Any):
    days.save(tmp_path / "m.tabdiff")
    content, arrays = persistence.read(tmp_path / "m.tabdiff")
    *way, name = path.split(".")
    place = content
    for step in way:
        place = place[step]
    place[name] = value
    persistence.write(tmp_path / "m.tabdiff", content, arrays)
    wrong = UnknownKindError if path == "kind" else CorruptFileError
    with pytest.raises(wrong, match="does not fit together|it holds 'DiffusionSynthesizer'"):
        Synth.load(tmp_path / "m.tabdiff", device="cpu")


def test_092_entities_of_another_frame_are_refused(days: Synth, ticks: Synth, tmp_path: Any):
    days.save(tmp_path / "a")
    ticks.save(tmp_path / "b")
    (content, arrays), (other, others) = (persistence.read(tmp_path / n) for n in "ab")
    content["entities"] = other["entities"]
    arrays = {k: v for k, v in arrays.items() if not k.startswith("entities.")}
    arrays |= {k: v for k, v in others.items() if k.startswith("entities.")}
    persistence.write(tmp_path / "a", content, arrays)
    with pytest.raises(CorruptFileError, match="does not belong to the encoder"):
        Synth.load(tmp_path / "a", device="cpu")


# ---- what is learned ----


@pytest.mark.slow
def test_a_known_chain_and_a_known_autoregression_are_learned():
    """Moves of a Markov chain and the coefficient of an AR(1) process, over 300 entities.

    Of 9,000 rows a move has std below 0.02 and the coefficient 0.01; five of each leave room for
    the sampler's own error. Independent rows are 0.37 and 0.8 away.
    """
    rng = np.random.default_rng(0)
    moves = np.array([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.05, 0.35, 0.6]])
    n, length = 300, 30
    state, x = np.zeros((n, length), dtype=int), np.zeros((n, length))
    state[:, 0], x[:, 0] = rng.integers(0, 3, n), rng.normal(size=n)
    for t in range(1, length):
        state[:, t] = (rng.random((n, 1)) > moves[state[:, t - 1]].cumsum(1)).sum(1)
        x[:, t] = 0.8 * x[:, t - 1] + 0.6 * rng.normal(size=n)
    frame = pd.DataFrame({"k": np.repeat(np.arange(n), length), "d": np.tile(np.arange(length), n)})
    frame["c"], frame["x"] = np.array(list("uvw"))[state.ravel()], x.ravel().round(3)
    parameters = TINY | {"max_steps": None, "max_time": 90.0, "width": 64, "sampling_steps": None}
    made = tiny(**parameters).fit(frame).sample(300, random_state=0)
    codes = made.c.map({"u": 0, "v": 1, "w": 2}).to_numpy().reshape(n, length)
    seen = np.zeros((3, 3))
    np.add.at(seen, (codes[:, :-1].ravel(), codes[:, 1:].ravel()), 1)
    assert np.abs(seen / seen.sum(1, keepdims=True) - moves).max() < 0.1
    drawn = made.x.to_numpy().reshape(n, length)
    slope = np.polyfit(drawn[:, :-1].ravel(), drawn[:, 1:].ravel(), 1)[0]
    assert abs(slope - 0.8) < 0.06


def test_an_address_of_the_only_entity_is_replaced_and_its_key_is_kept():
    one = panel(1).assign(mail="jo@mail.org")
    with pytest.warns(SchemaWarning, match="column 'mail' .e-mail addresses."):
        synth = tiny().fit(one)
    made = synth.sample(1, random_state=0)
    assert set(made["k"]) == {"s00"} and set(made["shop"]) == {"a"}
    assert synth.schema_["mail"].kind == "identifier"
    assert "jo@mail.org" not in made.to_csv()


def test_pieces_laid_end_to_end_are_the_sample(days: Synth, months: Synth, ticks: Synth):
    whole = days.sample(70, random_state=2)
    pieces = list(days.sample_iter(70, 150, random_state=2))
    assert len(pieces) > 2 and all(len(piece) >= 150 for piece in pieces[:-1])
    assert all(piece.index.equals(pd.RangeIndex(len(piece))) for piece in pieces)
    assert pd.concat(pieces, ignore_index=True).equals(whole)
    ends = [(piece.k.iloc[0], piece.k.iloc[-1]) for piece in pieces]
    assert all(last[1] != first[0] for last, first in itertools.pairwise(ends))
    wanted = pd.DataFrame({"shop": list("ab") * 20})
    asked = days.sample_iter(40, 50, length=3, context=wanted, random_state=1)
    assert pd.concat(asked, ignore_index=True).equals(
        days.sample(length=3, context=wanted, random_state=1)
    )
    assert pl.concat(months.sample_iter(20, 1, random_state=3)).equals(
        months.sample(20, random_state=3)
    )
    [none] = days.sample_iter(0)
    assert len(none) == 0 and none.dtypes.equals(whole.dtypes)
    [one] = ticks.sample_iter(1, random_state=1)
    assert one.equals(ticks.sample(random_state=1))


def test_what_cannot_be_sampled_is_refused_before_the_first_piece(days: Synth):
    with pytest.raises(ValueError, match="chunk must be at least 1"):
        days.sample_iter(3, 0)
    with pytest.raises(TypeError, match="n_sequences must be a whole number"):
        days.sample_iter("3")
    with pytest.raises(ConditionError, match="context: 'x' is no context column"):
        days.sample_iter(3, context={"x": 1})


def test_sparse_cells_keep_their_width():
    frame = panel(8)
    frame["n"] = frame.n.to_numpy().astype("uint8")
    frame["n"] = frame.n.astype(pd.SparseDtype("uint8", int(frame.n.iloc[0])))
    frame["shop"] = frame.shop.map({"a": 3, "b": 4}).astype(pd.SparseDtype("uint8", 3))
    synth = tiny(window=8).fit(frame)
    for made in (synth.sample(4), synth.forecast(frame, 2, n_samples=2), synth.impute(frame)):
        assert made.dtypes[["n", "shop"]].equals(frame.dtypes[["n", "shop"]])


def test_polars_categories_keep_their_type():
    frame = pl.from_pandas(panel(8)).with_columns(
        pl.col("c").cast(pl.Enum(["u", "v", "w"])),
        pl.col("shop").cast(pl.Categorical),
        none=pl.lit(None).cast(pl.Categorical),
    )
    with pytest.warns(SchemaWarning, match="no value at all"):
        synth = tiny(window=8).fit(frame)
    assert synth.sample(2).schema == frame.schema
    made = synth.forecast(frame, 2, n_samples=2)
    assert made.drop("draw").schema == frame.schema
