"""DiffusionImputer: scikit-learn's contract for transformers, and what a filled cell is."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabdiff import DiffusionImputer, SchemaError, SchemaWarning
from tabdiff.data.averages import average
from tests.tiny import table, tiny

equal = pd.testing.assert_frame_equal


def imputer(**changes: Any) -> DiffusionImputer:
    return DiffusionImputer(**({"n_draws": 2, "synthesizer": tiny(), "random_state": 0} | changes))


def holed(n: int = 60) -> pd.DataFrame:
    """Numbers, whole numbers, categories, dates and truths, each with gaps of its own."""
    rng = np.random.default_rng(1)
    frame = table(n).assign(
        whole=pd.array(rng.integers(0, 99, n), dtype="Int64"),
        level=pd.Categorical(rng.choice(["low", "high"], n), ["low", "mid", "high"], ordered=True),
        when=pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
        true=pd.array(rng.random(n) < 0.5, dtype="boolean"),
    )
    frame.index = pd.Index(range(100, 100 + n), name="row")
    return frame.mask(rng.random(frame.shape) < 0.3)


@pytest.fixture
def numpy_restored() -> Iterator[None]:
    """Put numpy's global generator back: some of scikit-learn's checks themselves draw from it."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


# Its checks fit tables of a few rows, which the user of so few rows is warned of.
@pytest.mark.filterwarnings("ignore::tabdiff.data.errors.SchemaWarning")
@pytest.mark.usefixtures("numpy_restored")
@parametrize_with_checks([imputer()])
def test_scikit_learn_check(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


# ---- what comes back ----


def test_observed_cells_index_and_dtypes_stay_and_no_gap_does() -> None:
    frame = holed()
    before = frame.copy()
    filled = imputer().fit_transform(frame)
    assert not filled.isna().any().any()
    equal(filled.where(frame.notna()), before)
    equal(frame, before)


def test_a_filled_cell_is_the_average_of_the_draws() -> None:
    frame = holed()
    fitted = imputer(n_draws=3).fit(frame)
    draws = fitted.synthesizer_.impute(frame, 3, random_state=0)
    equal(fitted.transform(frame), average(frame, draws, fitted.synthesizer_.schema_))
    gaps = frame["x"].isna()
    mean = np.mean([draw["x"][gaps] for draw in draws], axis=0)
    np.testing.assert_allclose(fitted.transform(frame)["x"][gaps], mean)


def test_one_draw_is_a_draw() -> None:
    frame = holed()
    fitted = imputer(n_draws=1).fit(frame)
    equal(fitted.transform(frame), fitted.synthesizer_.impute(frame, random_state=0))


def test_a_table_without_gaps_comes_back_as_it_is() -> None:
    fitted = imputer().fit(table())
    equal(fitted.transform(table()), table())


def test_a_column_that_was_whole_at_fit_may_have_gaps_later() -> None:
    fitted = imputer().fit(table())
    frame = table()
    frame.loc[3, "c"] = None
    assert fitted.transform(frame)["c"].tolist()[3] in {"a", "b", "c"}


def test_columns_without_values_and_identifiers_stay_as_they_are() -> None:
    frame = holed().reset_index(drop=True)
    frame["who"] = [f"CUST-{7 * at:05d}" for at in range(60)]
    frame.loc[5, "who"] = None
    frame["empty"] = np.nan
    with pytest.warns(match="identifiers by their look"):
        fitted = imputer().fit(frame)
    filled = fitted.transform(frame)
    equal(filled[["who", "empty"]], frame[["who", "empty"]])
    assert not filled.drop(columns=["who", "empty"]).isna().any().any()


# ---- containers ----


@pytest.mark.parametrize("dtype", ["float32", "float64", "object"])
def test_arrays_come_back_as_arrays_of_their_dtype(dtype: str) -> None:
    array = holed()[["x", "whole"]].to_numpy(dtype=float, na_value=np.nan).astype(dtype)
    filled = imputer().fit_transform(array)
    assert isinstance(filled, np.ndarray) and filled.dtype == dtype
    assert not pd.isna(filled).any()
    assert (filled[~pd.isna(array)] == array[~pd.isna(array)]).all()


def test_an_array_of_objects_may_mix_numbers_and_text() -> None:
    array = holed()[["x", "c"]].to_numpy(dtype=object)
    filled = imputer().fit_transform(array)
    assert {type(value) for value in filled[:, 0]} == {float}
    assert set(filled[:, 1]) == {"a", "b", "c"}


def test_polars_frames_come_back_as_such() -> None:
    frame = pl.from_pandas(holed()[["x", "c", "whole"]])
    filled = imputer().fit_transform(frame)
    assert isinstance(filled, pl.DataFrame) and filled.schema == frame.schema
    assert sum(filled.null_count().row(0)) == 0


def test_an_array_may_follow_a_frame_and_a_frame_an_array() -> None:
    frame = holed()[["x", "whole"]].astype("float64")
    by_frame = imputer().fit(frame)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        array = by_frame.transform(frame.to_numpy())
    assert np.array_equal(array, by_frame.transform(frame))
    by_array = imputer().fit(frame.to_numpy())
    with pytest.warns(UserWarning, match="X has feature names"):
        equal(by_array.transform(frame), by_frame.transform(frame))


def test_set_output_decides_the_container() -> None:
    array = holed()[["x", "whole"]].to_numpy(dtype=float, na_value=np.nan)
    to_pandas = imputer().set_output(transform="pandas").fit(array)
    assert list(to_pandas.transform(array)) == ["x0", "x1"]
    frame = holed()
    to_polars = imputer().set_output(transform="polars").fit(frame)
    assert to_polars.transform(frame).columns == list(frame)
    assert list(to_polars.get_feature_names_out()) == list(frame)


# ---- seeds ----


def test_transform_repeats_and_so_does_a_twin() -> None:
    frame = holed()
    fitted = imputer().fit(frame)
    filled = fitted.transform(frame)
    equal(fitted.transform(frame), filled)
    equal(clone(fitted).fit_transform(frame), filled)
    assert not imputer(random_state=1).fit_transform(frame).equals(filled)


def test_without_a_seed_fits_differ_and_transforms_of_one_fit_do_not() -> None:
    frame = holed()
    fitted = imputer(random_state=None).fit(frame)
    filled = fitted.transform(frame)
    equal(fitted.transform(frame), filled)
    assert not imputer(random_state=None).fit_transform(frame).equals(filled)
    assert fitted.synthesizer_.random_state == tiny().random_state


def test_a_seed_goes_before_the_synthesizers_own() -> None:
    frame = holed()
    by_three = imputer(random_state=3, synthesizer=tiny(random_state=4)).fit(frame)
    by_itself = tiny(random_state=3).fit(frame)
    equal(by_three.synthesizer_.sample(9), by_itself.sample(9))


def test_a_generator_moves_on_with_each_fit() -> None:
    frame, rng = holed(), np.random.RandomState(0)
    first = imputer(random_state=rng).fit_transform(frame)
    assert not imputer(random_state=rng).fit_transform(frame).equals(first)
    equal(imputer(random_state=np.random.RandomState(0)).fit_transform(frame), first)


# ---- parameters and tools ----


def test_the_template_is_cloned_and_its_parameters_are_reached() -> None:
    template = tiny()
    est = imputer(synthesizer=template).set_params(synthesizer__width=8)
    est.fit(holed())
    assert est.synthesizer_.width == 8 and est.synthesizer_ is not template
    assert not hasattr(template, "schema_")


# Of values in one fold beyond those of the other the user is told.
@pytest.mark.filterwarnings("ignore::tabdiff.data.errors.ConditionWarning")
def test_it_stands_in_pipelines_and_searches() -> None:
    frame = holed()
    onward = make_column_transformer(
        (StandardScaler(), ["x", "whole"]), (OneHotEncoder(), ["c", "level"])
    )
    pipeline = make_pipeline(imputer(), onward, LogisticRegression())
    search = GridSearchCV(
        pipeline, {"diffusionimputer__n_draws": [1, 2]}, cv=2, error_score="raise"
    )
    search.fit(frame, np.arange(60) % 2)
    assert search.best_params_["diffusionimputer__n_draws"] in (1, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n_draws": 0}, ValueError, "n_draws must be at least 1. Got 0"),
        ({"n_draws": 2.5}, TypeError, "n_draws"),
        ({"synthesizer": "best"}, TypeError, "must be a DiffusionSynthesizer or None. Got str"),
        ({"random_state": -1}, ValueError, "random_state must be at least 0"),
        ({"synthesizer": tiny(max_steps=0)}, ValueError, "max_steps must be at least 1"),
    ],
    ids=["no draws", "half a draw", "no synthesizer", "seed", "parameter within"],
)
def test_bad_parameters_are_refused_by_fit(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        imputer(**changes).fit(table())


def test_other_columns_and_dtypes_are_refused() -> None:
    fitted = imputer().fit(table())
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- y"):
        fitted.transform(table().rename(columns={"x": "y"}))
    with pytest.raises(
        SchemaError, match=r"column 'x' is (object|str\[\w+\]), at fit it was float64"
    ):
        fitted.transform(table().assign(x="text"))


def test_a_category_that_was_not_there_at_fit_stays_and_its_row_is_filled() -> None:
    frame = holed()
    fitted = imputer().fit(frame)
    later = frame.astype({"level": object})
    later.iloc[:9, 1] = "z"
    later.iloc[:9, 3] = "huge"
    later.iloc[:9, 0] = np.nan
    with pytest.warns(SchemaWarning, match="(?s)'c': 9 cells.* 'z'.*'level': 9 .*'huge'") as told:
        filled = fitted.transform(later)
    assert len(told) == 1
    assert not filled.isna().any().any()
    equal(filled.where(later.notna()), later)


# ---- the point of it ----


@pytest.fixture(scope="module")
def dependent() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows whose y follows x, and whose c its sign; the first with gaps, the second without."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    frame = pd.DataFrame({"x": x, "y": 2 * x + 0.2 * rng.normal(size=600)})
    frame["c"] = np.where(x > 0, "up", "down")
    return frame.mask(rng.random(frame.shape) < 0.2), frame


def test_fills_follow_the_other_cells_of_the_row_and_draws_lie_further_off(
    dependent: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    frame, truth = dependent
    synth = tiny(max_steps=400, width=48, sampling_steps=8)
    fitted = imputer(synthesizer=synth, n_draws=10).fit(frame)
    off = {n: fitted.set_params(n_draws=n).transform(frame) for n in (1, 10)}
    gaps = frame["y"].isna() & frame["x"].notna()
    error = {n: (filled["y"] - truth["y"])[gaps].std() for n, filled in off.items()}
    # y has a standard deviation of 2 and of .2 given x; 2.8 is the error of draws that ignore x.
    assert error[10] < error[1] < 1
    categories = frame["c"].isna() & (frame["x"].abs() > 0.3)
    assert (off[10]["c"] == truth["c"])[categories].mean() > 0.9
