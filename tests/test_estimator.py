"""scikit-learn's contract: its own checks, and its tools around the synthesizer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone, estimator_html_repr
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabdiff import DiffusionSynthesizer, SchemaError
from tests.tiny import TINY, table, tiny

# Each check of scikit-learn that a synthesizer of tables cannot pass, and why.
EXCLUDED = {
    "check_dtype_object": "an object array has no column types to keep: a DataFrame is asked for",
    "check_n_features_in_after_fitting": "score names the absent columns instead of counting them",
}


def excluded(estimator: BaseEstimator) -> dict[str, str]:
    return EXCLUDED


@pytest.fixture
def numpy_restored() -> Iterator[None]:
    """Put numpy's global generator back: some of scikit-learn's checks themselves draw from it."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


# Its checks fit tables of a few rows, which the user of so few rows is warned of.
@pytest.mark.filterwarnings("ignore::tabdiff.data.errors.SchemaWarning")
@pytest.mark.usefixtures("numpy_restored")
@parametrize_with_checks([tiny()], expected_failed_checks=excluded)
def test_scikit_learn_check(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def test_parameters_are_stored_as_given() -> None:
    kinds = {"x": "numeric"}
    synth = tiny(column_kinds=kinds)
    assert synth.get_params()["column_kinds"] is kinds
    assert synth.set_params(max_steps=1, prior="uniform") is synth
    assert (synth.max_steps, synth.prior) == (1, "uniform")
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        synth.set_params(epochs=3)


def test_parameters_are_keyword_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        DiffusionSynthesizer({"x": "numeric"})  # type: ignore[misc]


def test_clone_takes_the_parameters_and_not_the_model() -> None:
    synth = tiny(random_state=7, column_kinds={"x": "numeric"}).fit(table())
    twin = clone(synth)
    assert twin.get_params() == synth.get_params()
    assert not [name for name in vars(twin) if name.endswith("_")]
    pd.testing.assert_frame_equal(twin.fit(table()).sample(9), synth.sample(9))


def test_fit_changes_no_parameter() -> None:
    synth = tiny(width=None, depth=None, batch_size=32)
    before = synth.get_params()
    assert synth.fit(table()).get_params() == before


def test_fit_ignores_y() -> None:
    frame = table()
    with_target = tiny().fit(frame, frame["c"]).sample(9)
    pd.testing.assert_frame_equal(with_target, tiny().fit(frame).sample(9))


def test_repr_shows_what_was_changed() -> None:
    assert repr(DiffusionSynthesizer()) == "DiffusionSynthesizer()"
    assert repr(DiffusionSynthesizer(max_steps=3)) == "DiffusionSynthesizer(max_steps=3)"


@pytest.mark.parametrize("fitted", [False, True])
def test_notebooks_show_a_diagram(fitted: bool) -> None:
    synth = tiny().fit(table()) if fitted else tiny()
    page = estimator_html_repr(synth)
    assert "DiffusionSynthesizer" in page and "sk-container" in page
    assert synth._repr_html_()


def test_tags_tell_what_tables_may_hold() -> None:
    tags = get_tags(tiny())
    assert tags.input_tags.allow_nan and tags.input_tags.string and tags.input_tags.categorical
    assert not tags.input_tags.sparse and not tags.target_tags.required


def test_feature_names_are_those_of_the_last_fit() -> None:
    synth = tiny().fit(table())
    assert synth.n_features_in_ == 2 and list(synth.feature_names_in_) == ["x", "c"]
    synth.fit(np.random.default_rng(0).normal(size=(60, 3)))
    assert synth.n_features_in_ == 3 and not hasattr(synth, "feature_names_in_")


def test_fitted_attributes_describe_the_fit() -> None:
    synth = tiny(max_steps=3).fit(table())
    assert synth.n_rows_seen_ == 60 and synth.fit_seconds_ > 0
    assert synth.n_parameters_ == sum(p.numel() for p in synth.denoiser_.parameters())
    assert synth.stopped_ == "max_steps" and 1 <= synth.best_step_ <= 3
    assert list(synth.history_) == ["step", "seconds", "loss", "validation_loss", "learning_rate"]
    assert list(synth.history_["step"]) == [1, 2, 3]
    assert np.isfinite(synth.history_).all().all()


# ---- score ----


def test_score_is_a_finite_number_and_repeats() -> None:
    synth = tiny().fit(table())
    score = synth.score(table(40))
    assert isinstance(score, float) and np.isfinite(score) and score == synth.score(table(40))


def test_score_takes_columns_in_any_order() -> None:
    synth = tiny().fit(table())
    assert synth.score(table()[["c", "x"]]) == synth.score(table())


def test_score_tells_its_table_from_another() -> None:
    synth = tiny(max_steps=3).fit(table())
    far = table().assign(x=1e6)
    assert synth.score(table()) > synth.score(far)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (table().drop(columns="c"), "column 'c' is absent"),
        (table().rename(columns={"x": "X"}), "column 'x' is absent. Did you mean 'X'"),
        (table().assign(more=1), "column 'more' was not there at fit"),
        (table().assign(x="text"), r"column 'x' is (object|str\[\w+\]), at fit it was float64"),
    ],
    ids=["absent", "renamed", "extra", "other dtype"],
)
def test_score_names_what_differs_from_the_fitted_table(other: pd.DataFrame, problem: str) -> None:
    with pytest.raises(SchemaError, match=problem):
        tiny().fit(table()).score(other)


# ---- tools ----


def test_grid_search_chooses_by_score() -> None:
    search = GridSearchCV(tiny(), {"learning_rate": [1e-4, 1e-2]}, cv=2, error_score="raise")
    search.fit(table())
    assert search.best_params_["learning_rate"] in (1e-4, 1e-2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.best_estimator_.sample(5)) == 5


def test_cross_validation_scores_every_fold() -> None:
    scores = cross_val_score(tiny(), table(), cv=3, error_score="raise")
    assert scores.shape == (3,) and np.isfinite(scores).all()


def test_a_pipeline_may_end_in_a_synthesizer() -> None:
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), tiny())
    frame = pd.DataFrame({"x": table()["x"] * 100 + 7, "y": np.arange(60.0) ** 2})
    pipeline.fit(frame)
    out = pipeline[-1].sample(20)
    assert list(out) == ["x", "y"] and (out.abs() < 10).all().all()
    assert np.isfinite(pipeline.score(frame))


def test_parameters_reach_through_a_pipeline() -> None:
    pipeline = make_pipeline(StandardScaler(), tiny())
    pipeline.set_params(diffusionsynthesizer__width=8)
    assert pipeline[-1].width == 8 and TINY["width"] == 16
