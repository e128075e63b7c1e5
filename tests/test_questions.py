"""What a synthesizer promises to whoever asks it: conditions, impute, augment, counterfactual."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal as assert_polars_equal

from tabdiff import DiffusionSynthesizer, SchemaError
from tabdiff.data.errors import ConditionError, UnknownColumnError
from tests.conftest import FrameMaker
from tests.tiny import tiny

equal = pd.testing.assert_frame_equal
N = 90
GAPPED = ("x", "c", "when")  # in the training rows; the other columns are whole


def mixed_table(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, n), unit="h")
    frame = pd.DataFrame(
        {
            "who": [f"CUST-{i * 37:05d}" for i in range(n)],
            "x": rng.normal(size=n).round(2),
            "age": rng.integers(18, 80, n),
            "c": pd.Categorical(rng.choice(list("abc"), n), categories=list("cbad")),
            "yes": rng.random(n) < 0.4,
            "when": when,
            "same": 1,
        }
    )
    for at, name in enumerate(GAPPED):
        frame.loc[at :: 7 + at, name] = None
    return frame


@functools.cache
def model(prior: str = "absorbing") -> DiffusionSynthesizer:
    with pytest.warns(UserWarning, match="column 'who': identifiers"):
        return tiny(max_steps=3, prior=prior).fit(mixed_table())


@pytest.fixture(params=["absorbing", "uniform"])
def fitted(request: pytest.FixtureRequest) -> DiffusionSynthesizer:
    return model(request.param)


@pytest.fixture
def synth() -> DiffusionSynthesizer:
    return model()


def holed(seed: int = 0) -> pd.DataFrame:
    """Gaps in columns that had none at fit, too; integers and truths in dtypes that allow them."""
    rng = np.random.default_rng(seed)
    frame = mixed_table().astype({"age": "float64", "yes": "boolean"})
    for name in frame:
        frame.loc[rng.random(N) < 0.3, name] = None
    frame.iloc[4] = None
    frame.index = pd.Index([f"r{i}" for i in range(N)], name="row")
    return frame


CONDITIONS: dict[str, dict[str, Any]] = {
    "a value": {"c": "a"},
    "a range": {"age": (20, 40)},
    "a set": {"c": ["a", "b"], "yes": [True]},
    "a missing cell": {"x": None},
    "several": {"age": (30, None), "c": {"a", "c"}, "x": (-1, 1), "when": (None, "2020-01-20")},
}


# ---- sample ----


@pytest.mark.parametrize("case", CONDITIONS)
def test_fewer_rows_are_the_head_of_more(fitted: DiffusionSynthesizer, case: str):
    asked = CONDITIONS[case]
    more = fitted.sample(1100, conditions=asked, random_state=1)
    equal(fitted.sample(5, conditions=asked, random_state=1), more.head(5))
    equal(fitted.sample(1030, conditions=asked, random_state=1), more.head(1030))


def test_conditions_hold_in_every_row_of_every_chunk(fitted: DiffusionSynthesizer):
    out = fitted.sample(1500, conditions=CONDITIONS["several"], random_state=1)
    assert len(out) == 1500
    assert out["age"].between(30, 80).all()
    assert set(out["c"]) == {"a", "c"}
    assert out["x"].between(-1, 1).all()
    assert (out["when"] <= pd.Timestamp("2020-01-20")).all()
    assert out["who"].is_unique
    assert out["yes"].nunique() == 2
    pd.testing.assert_series_equal(out.dtypes, mixed_table().dtypes)


def test_the_stream_moves_on_and_a_given_seed_does_not_move_it(synth: DiffusionSynthesizer):
    asked = CONDITIONS["several"]
    one, two = synth.sample(9, conditions=asked), synth.sample(9, conditions=asked)
    assert not one.equals(two)
    seeded = [synth.sample(9, conditions=asked, random_state=s) for s in (1, 1, 2)]
    equal(seeded[0], seeded[1])
    assert not seeded[0].equals(seeded[2])


def test_one_row_unless_more_are_wanted(synth: DiffusionSynthesizer):
    assert len(synth.sample(conditions={"c": "a"})) == 1
    assert len(synth.sample(0, conditions={"c": "a"})) == 0
    assert len(synth.sample(7, conditions={})) == 7


def test_a_frame_of_conditions_keeps_order_and_index(fitted: DiffusionSynthesizer):
    asked = pd.concat([mixed_table()[["c", "age"]]] * 12).sample(1050, random_state=0)
    before = asked.copy()
    out = fitted.sample(conditions=asked, random_state=1)
    equal(asked, before)
    equal(out[["c", "age"]], asked)
    assert list(out) == list(mixed_table())
    equal(out.head(30), fitted.sample(conditions=asked.head(30), random_state=1))
    equal(out, fitted.sample(1050, conditions=asked, random_state=1))


@pytest.mark.parametrize("rows", [0, 1])
def test_a_frame_of_few_conditions(synth: DiffusionSynthesizer, rows: int):
    for asked in (mixed_table().head(rows), pd.DataFrame(index=range(5, 5 + rows))):
        out = synth.sample(conditions=asked)
        assert list(out) == list(mixed_table())
        pd.testing.assert_index_equal(out.index, asked.index)


def test_a_frame_has_as_many_rows_as_are_wanted(synth: DiffusionSynthesizer):
    asked = mixed_table()[["c"]]
    for ask in (synth.sample, synth.sample_iter):
        with pytest.raises(ValueError, match="n_samples=3, but the conditions have 90 rows"):
            ask(3, conditions=asked)


@pytest.mark.parametrize("chunk", [7, 1024, 10**6])
@pytest.mark.parametrize("asked", [CONDITIONS["several"], mixed_table().head(60)[["age", "c"]]])
def test_frames_laid_end_to_end_are_the_sample(synth: DiffusionSynthesizer, chunk: int, asked: Any):
    frames = list(synth.sample_iter(60, chunk, conditions=asked, random_state=1))
    assert all(len(frame) == min(chunk, 60) for frame in frames[:-1])
    whole = synth.sample(60, conditions=asked, random_state=1)
    equal(pd.concat(frames, ignore_index=True), whole)


def test_a_loaded_model_answers_bit_for_bit(fitted: DiffusionSynthesizer, tmp_path: Path):
    fitted.save(tmp_path / "m")
    loaded = DiffusionSynthesizer.load(tmp_path / "m", device="cpu")
    for asked in (CONDITIONS["several"], mixed_table()[["age", "c"]]):
        n = 50 if isinstance(asked, dict) else None
        answers = [s.sample(n, conditions=asked, random_state=3) for s in (fitted, loaded)]
        equal(*answers)
    equal(*(s.impute(holed(), random_state=3) for s in (fitted, loaded)))
    equal(*(s.counterfactual(mixed_table(), {"c": "a"}, random_state=3) for s in (fitted, loaded)))
    equal(*(s.augment(mixed_table(), target="c", random_state=3) for s in (fitted, loaded)))


@functools.cache
def of_polars() -> tuple[DiffusionSynthesizer, pl.DataFrame]:
    frame = mixed_table().astype({"c": object})
    real = pl.from_pandas(frame).with_columns(pl.col("c").cast(pl.Categorical))
    with pytest.warns(UserWarning, match="identifiers"):
        return tiny(max_steps=3).fit(real), real


def test_conditions_of_another_container_than_the_model(synth: DiffusionSynthesizer):
    asked = mixed_table()[["age", "yes", "when"]].dropna().head(20)
    out = synth.sample(conditions=pl.from_pandas(asked), random_state=1)
    equal(out, synth.sample(conditions=asked.reset_index(drop=True), random_state=1))
    other, _ = of_polars()
    out = other.sample(conditions=asked.assign(c="a"), random_state=1)
    assert isinstance(out, pl.DataFrame)
    assert_polars_equal(out[["age", "yes"]], pl.from_pandas(asked[["age", "yes"]]))
    assert out["when"].to_list() == asked["when"].tolist()
    assert out["c"].to_list() == ["a"] * 20
    assert_polars_equal(
        out, other.sample(conditions=pl.from_pandas(asked.assign(c="a")), random_state=1)
    )


def test_conditions_in_every_container(make_frame: FrameMaker, frame_kind: str):
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame({"0": rng.normal(size=60), "1": rng.normal(size=60)})
    first = 0 if frame_kind == "numpy" else "0"
    asked = numbers[["0"]].head(9)
    synth = tiny().fit(make_frame(numbers))
    out = synth.sample(conditions=make_frame(asked), random_state=1)
    assert type(out) is type(make_frame(numbers))
    np.testing.assert_array_equal(np.asarray(out)[:, 0], asked["0"])
    within = np.asarray(synth.sample(50, conditions={first: (-0.5, 0.5)}))[:, 0]
    assert np.abs(within).max() <= 0.5


def test_ten_thousand_levels_and_sets_over_the_rare_among_more():
    levels = np.array([f"s{i}" for i in range(10_100)])
    frame = pd.DataFrame({"s": np.concatenate([levels, levels[:10_000]]), "x": 1.5})
    with pytest.warns(UserWarning, match="more than 10,000 distinct"):
        synth = tiny(batch_size=64, column_kinds={"s": "categorical"}).fit(frame)
    assert set(synth.sample(9, conditions={"s": "s77"})["s"]) == {"s77"}
    rare = ["s10000", "s10077"]
    assert set(synth.sample(9, conditions={"s": rare[0]})["s"]) == {rare[0]}
    assert set(synth.sample(200, conditions={"s": rare}, random_state=0)["s"]) == set(rare)
    asked = ["s5", "s9", *rare]
    assert set(synth.sample(200, conditions={"s": asked}, random_state=0)["s"]) <= set(asked)


# ---- impute ----


def test_gaps_are_filled_and_observed_cells_are_identical(fitted: DiffusionSynthesizer):
    frame, before = holed(), holed()
    full = fitted.impute(frame, random_state=1)
    equal(frame, before)
    pd.testing.assert_index_equal(full.index, frame.index)
    pd.testing.assert_series_equal(full.dtypes, frame.dtypes)
    for name in frame:
        observed = frame[name].notna()
        pd.testing.assert_series_equal(full[name][observed], frame[name][observed])
        if name != "who":
            assert not observed.all()
            assert full[name].notna().all()
    pd.testing.assert_series_equal(full["who"], frame["who"])
    assert set(full["c"]) <= set("abc")
    assert full["age"].between(18, 80).all()
    assert (full["age"] % 1 == 0).all()


def test_draws_differ_where_cells_were_missing(synth: DiffusionSynthesizer):
    frame = holed()
    first, second, third = synth.impute(frame, n_draws=3, random_state=1)
    for other in (second, third):
        differ = (first != other) & ~(first.isna() & other.isna())
        assert differ["x"].any()
        assert not (differ & frame.notna()).any().any()
    equal(first, synth.impute(frame, random_state=1))
    equal(second, synth.impute(frame, n_draws=2, random_state=1)[1])
    assert isinstance(synth.impute(frame, n_draws=1), list)
    assert not synth.impute(frame).equals(synth.impute(frame))


@pytest.mark.parametrize("n_draws", [0, -1, 1.5, "2", True])
def test_the_number_of_draws_is_a_whole_number(synth: DiffusionSynthesizer, n_draws: Any):
    with pytest.raises((TypeError, ValueError), match="n_draws must be"):
        synth.impute(holed(), n_draws=n_draws)


def test_without_gaps_an_equal_table_comes_back(synth: DiffusionSynthesizer):
    whole = mixed_table().dropna()
    out = synth.impute(whole)
    equal(out, whole)
    out.loc[out.index[0], "age"] = 0
    assert whole["age"].min() >= 18
    only_names = whole.assign(who=None)
    equal(synth.impute(only_names), only_names)
    equal(synth.impute(whole.head(0)), whole.head(0))


def test_columns_in_any_order(synth: DiffusionSynthesizer):
    frame = holed()
    turned = frame[list(frame)[::-1]]
    full = synth.impute(turned, random_state=1)
    assert list(full) == list(turned)
    equal(full[list(frame)], synth.impute(frame, random_state=1))


def test_no_missing_cell_is_drawn_where_most_are_missing():
    rng = np.random.default_rng(0)
    gone = rng.random(300) < 0.95
    frame = pd.DataFrame(
        {
            "x": np.where(gone, np.nan, rng.normal(size=300)),
            "few": np.where(gone, np.nan, rng.integers(0, 2, 300)),
            "c": np.where(gone, None, rng.choice(list("ab"), 300)),
        }
    )
    for prior in ("absorbing", "uniform"):
        synth = tiny(prior=prior, max_steps=30).fit(frame)
        assert synth.sample(300)["x"].isna().mean() > 0.5
        full = synth.impute(frame)
        assert full.notna().all().all()
        assert set(full["c"]) <= {"a", "b"}


def test_an_integer_dtype_that_cannot_hold_the_draws_becomes_the_fitted_one(
    synth: DiffusionSynthesizer,
):
    frame = mixed_table().assign(x=pd.array([1, None] * (N // 2), dtype="Int64"))
    frame.index = [0] * N
    full = synth.impute(frame)
    assert full["x"].dtype == "float64"
    assert (full["x"].iloc[::2] == 1).all()
    assert full["x"].notna().all()
    narrow = mixed_table().assign(age=pd.array([20, None] * (N // 2), dtype="Int8"))
    assert synth.impute(narrow)["age"].dtype == "Int8"


def test_gaps_in_polars():
    synth, real = of_polars()
    gapped = real.with_columns(
        pl.when(pl.int_range(N) % 4 == at % 4).then(None).otherwise(pl.col(name)).alias(name)
        for at, name in enumerate(real.columns)
    )
    full = synth.impute(gapped, random_state=1)
    assert full.schema == gapped.schema
    assert full["who"].null_count() == gapped["who"].null_count()
    for name in gapped.columns:
        observed = gapped[name].is_not_null()
        assert full[name].filter(observed).equals(gapped[name].drop_nulls())
        assert name == "who" or full[name].null_count() == 0


def test_gaps_in_arrays():
    rng = np.random.default_rng(0)
    eighths = np.round(rng.normal(size=60) * 8) / 8  # of which float32 loses nothing
    real = np.column_stack([eighths, rng.integers(0, 3, 60), np.ones(60)])
    gapped = np.where(rng.random(real.shape) < 0.3, np.nan, real)
    gapped[5] = np.nan
    for dtype in (np.float64, np.float32):
        asked = gapped.astype(dtype)
        full = tiny().fit(real).impute(asked)
        assert full.dtype == dtype
        assert np.isfinite(full).all()
        assert np.isnan(asked).any()
        np.testing.assert_array_equal(full[~np.isnan(asked)], asked[~np.isnan(asked)])


# ---- augment ----


def test_the_table_comes_first_and_the_rest_is_new(fitted: DiffusionSynthesizer):
    real = mixed_table()
    indexed = real.set_index(pd.Index(range(100, 100 + N)))
    out = fitted.augment(indexed[list(real)[::-1]], factor=2.5, random_state=1)
    equal(out.head(N), real)
    assert len(out) == round(2.5 * N)
    assert list(out.index) == list(range(len(out)))
    assert out["who"].is_unique
    pd.testing.assert_series_equal(out.dtypes, real.dtypes)
    equal(real, mixed_table())
    equal(out, fitted.augment(real, factor=2.5, random_state=1))


@pytest.mark.parametrize("target", ["c", "yes", "age"])
def test_every_value_gets_as_many_rows_as_the_most_frequent(
    synth: DiffusionSynthesizer, target: str
):
    before = mixed_table()[target].value_counts()
    out = synth.augment(mixed_table(), target=target)
    after = out[target].value_counts()
    assert set(after[after > 0]) == {before.max()}
    assert out["who"].is_unique
    assert out[target].isna().sum() == mixed_table()[target].isna().sum()


def test_counts_are_those_of_the_result(synth: DiffusionSynthesizer):
    real = mixed_table()
    before = real["c"].value_counts()
    out = synth.augment(real, target="c", counts={"a": 60, "b": np.int64(before["b"]), None: 30})
    after = out["c"].value_counts()
    assert after["a"] == 60
    assert (after["b"], after["c"]) == (before["b"], before["c"])
    assert out["c"].isna().sum() == 30
    equal(synth.augment(real, target="c", counts={}), real)
    equal(synth.augment(real, factor=1), real)
    assert len(synth.augment(real.head(0), factor=np.int64(3))) == 0
    assert len(synth.augment(real.head(0), target="c", counts={"a": 4})) == 4


def test_values_of_counts_may_be_written_in_any_natural_way(synth: DiffusionSynthesizer):
    real = mixed_table().dropna(subset=["when"])
    day = real["when"].iloc[0]
    for value in (day, str(day), day.to_pydatetime(), day.to_datetime64()):
        out = synth.augment(real, target="when", counts={value: 9})
        assert (out["when"] == day).sum() == 9
    for missing in (None, np.nan, pd.NA, pd.NaT):
        out = synth.augment(real, target="x", counts={missing: 40})
        assert out["x"].isna().sum() == 40


def test_numbers_that_the_fitted_dtype_cannot_hold_are_not_added_to():
    narrow = mixed_table()[["age", "yes"]].astype({"age": "int8"})
    wide = narrow.astype({"age": "int64"}).assign(age=lambda f: f["age"].where(f.index != 5, 300))
    fitted = tiny().fit(narrow)
    with pytest.raises(SchemaError, match=r"'age': 1 numbers are beyond int8.* row 5: 300"):
        fitted.augment(wide, factor=2)
    wide = wide.assign(yes=wide["yes"].mask(wide.index == 5))
    assert fitted.impute(wide).loc[5, "age"] == 300


REFUSED_COUNTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "nothing": ({}, ValueError, "either factor, or target"),
    "both": ({"factor": 2, "target": "c"}, ValueError, "either factor, or target"),
    "counts of nothing": ({"factor": 2, "counts": {"a": 1}}, ValueError, "either factor, or"),
    "fewer rows": ({"factor": 0.5}, ValueError, "at least 1"),
    "a truth": ({"factor": True}, ValueError, "at least 1"),
    "no number": ({"factor": np.nan}, ValueError, "at least 1"),
    "unknown": ({"target": "d"}, UnknownColumnError, "no column 'd'"),
    "dropped": ({"target": "c", "counts": {"a": 1}}, ValueError, "never dropped. Too few of 'a'"),
    "a share": ({"target": "c", "counts": {"a": 90.5}}, ValueError, "whole number of rows"),
    "text": ({"target": "c", "counts": {"a": "90"}}, ValueError, "whole number of rows"),
    "a range": ({"target": "age", "counts": {(18, 30): 90}}, ValueError, "each single value"),
    "twice": ({"target": "x", "counts": {None: 90, np.nan: 80}}, ValueError, "more than once"),
    "pairs": ({"target": "c", "counts": [("a", 90)]}, TypeError, "counts must map values"),
    "unused": ({"target": "c", "counts": {"d": 90}}, ConditionError, "'d'"),
}


@pytest.mark.parametrize("case", REFUSED_COUNTS)
def test_what_cannot_be_added_is_refused(synth: DiffusionSynthesizer, case: str):
    asked, error, told = REFUSED_COUNTS[case]
    with pytest.raises(error, match=told):
        synth.augment(mixed_table(), **asked)


def test_rows_in_other_dtypes_come_out_in_the_fitted_ones(synth: DiffusionSynthesizer):
    real = mixed_table().dropna(subset=["when"])
    other = real.astype({"age": "float64", "c": object, "when": "datetime64[s]", "same": "Int8"})
    equal(synth.augment(other, factor=1), real.reset_index(drop=True))
    polars, frame = of_polars()
    assert_polars_equal(polars.augment(frame.to_pandas(), factor=1), frame)
    assert polars.augment(frame, target="c", counts={"a": 90}).schema == frame.schema
    with pytest.raises(SchemaError, match="'age': .* missing .*none was at fit"):
        synth.augment(holed(), factor=2)


def test_arrays_are_augmented():
    rng = np.random.default_rng(0)
    real = np.column_stack([rng.normal(size=60), rng.integers(0, 3, 60)])
    out = tiny().fit(real).augment(real, target=1)
    np.testing.assert_array_equal(out[:60], real)
    assert len(set(np.unique(out[:, 1], return_counts=True)[1])) == 1


# ---- counterfactual ----


def test_the_change_holds_and_the_rows_keep_their_places(fitted: DiffusionSynthesizer):
    real = mixed_table().set_index(pd.Index([f"r{i % 5}" for i in range(N)]))
    before = real.copy()
    out = fitted.counterfactual(real, {"c": "b", "age": 44, "x": None}, random_state=1)
    equal(real, before)
    pd.testing.assert_index_equal(out.index, real.index)
    pd.testing.assert_series_equal(out.dtypes, real.dtypes)
    assert set(out["c"]) == {"b"} and set(out["age"]) == {44} and out["x"].isna().all()
    assert not set(out["who"]) & set(real["who"])
    equal(out, fitted.counterfactual(real, {"c": "b", "age": 44, "x": None}, random_state=1))


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_the_stronger_the_further_from_what_was(prior: str):
    """Share of other cells that differ: 0.06 apart at least, with std 0.006 over seeds."""
    synth, real = model(prior), pd.concat([mixed_table()] * 15, ignore_index=True)
    others = ["x", "age", "yes", "when"]
    shares = []
    for strength in (0.05, 0.3, 1.0):
        out = synth.counterfactual(real, {"c": "b"}, strength=strength, random_state=1)
        same = (out[others] == real[others]) | (out[others].isna() & real[others].isna())
        shares.append(1 - same.to_numpy().mean())
    assert np.diff(shares).min() > 0
    assert shares[0] < shares[-1] - 0.2


def test_no_rows_and_rows_of_several_chunks(synth: DiffusionSynthesizer):
    real = pd.concat([mixed_table()] * 13)
    out = synth.counterfactual(real, {"yes": True}, random_state=1)
    assert out["yes"].all() and len(out) == 13 * N and out["who"].is_unique
    few = synth.counterfactual(real.head(40), {"yes": True}, strength=0.1, random_state=1)
    assert len(few) == 40
    none = synth.counterfactual(real.head(0), {"yes": True})
    equal(none, real.head(0), check_index_type=False)


def test_rows_in_polars_and_in_arrays():
    synth, real = of_polars()
    out = synth.counterfactual(real, {"c": "a"})
    assert out.schema == real.schema
    assert set(out["c"].to_list()) == {"a"}
    numbers = np.random.default_rng(0).normal(size=(60, 2))
    out = tiny().fit(numbers).counterfactual(numbers, {1: 0.25})
    assert isinstance(out, np.ndarray)
    assert (out[:, 1] == 0.25).all()


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda s: s.counterfactual(mixed_table(), {"age": (20, 30)}), ValueError, "one value"),
        (lambda s: s.counterfactual(mixed_table(), {"c": ["a"]}), ValueError, "one value"),
        (lambda s: s.counterfactual(mixed_table(), None), TypeError, "expected a mapping"),
        (lambda s: s.counterfactual(mixed_table(), {"d": 1}), KeyError, "no column 'd'"),
        (lambda s: s.counterfactual(mixed_table(), {"c": "z"}), ConditionError, "'z'"),
        (lambda s: s.counterfactual(mixed_table(), {}, strength=0), ValueError, "strength must"),
        (lambda s: s.counterfactual(mixed_table(), {}, strength=1.1), ValueError, "strength must"),
        (lambda s: s.counterfactual(mixed_table()[["x"]], {}), SchemaError, "'age' is absent"),
        (lambda s: s.counterfactual(holed(), {"c": "a"}), ConditionError, "'age': a missing cell"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(
    synth: DiffusionSynthesizer, ask: Callable[[Any], Any], error: type[Exception], told: str
):
    with pytest.raises(error, match=told):
        ask(synth)
