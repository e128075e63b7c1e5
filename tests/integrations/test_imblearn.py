"""DiffusionOverSampler: imbalanced-learn's contract, and what it takes that SMOTENC refuses."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabdiff import Schema
from tests.tiny import table, tiny

pytest.importorskip("imblearn")
from imblearn.over_sampling import SMOTENC
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import check_param_validation, estimator_checks_generator

from tabdiff import DiffusionOverSampler

equal = pd.testing.assert_frame_equal


def sampler(**changes: Any) -> DiffusionOverSampler:
    return DiffusionOverSampler(**({"synthesizer": tiny(), "random_state": 0} | changes))


def unbalanced(n: int = 80) -> tuple[pd.DataFrame, pd.Series]:
    """A frame of many kinds with gaps, and a class that one row in eight is of."""
    rng = np.random.default_rng(0)
    frame = table(n).assign(
        whole=pd.array(rng.integers(0, 99, n), dtype="Int64"),
        level=pd.Categorical(rng.choice(["low", "high"], n), ["low", "mid", "high"], ordered=True),
        when=pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
    )
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    frame.index = pd.Index(range(900, 900 + n))
    target = pd.Series(np.where(np.arange(n) % 8 == 0, "yes", "no"), frame.index, name="answer")
    return frame, target


@pytest.fixture
def numpy_restored() -> Iterator[None]:
    """Put numpy's global generator back: some of the checks themselves draw from it."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


def name_of(value: object) -> str:
    return getattr(getattr(value, "func", None), "__name__", type(value).__name__)


# The checks fit tables of a few rows, which the user of so few rows is warned of.
few_rows = pytest.mark.filterwarnings("ignore::tabdiff.data.errors.SchemaWarning")


@few_rows
@pytest.mark.usefixtures("numpy_restored")
@parametrize_with_checks([sampler()])
def test_scikit_learn_check(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


@few_rows
@pytest.mark.usefixtures("numpy_restored")
@pytest.mark.parametrize(
    ("estimator", "check"), list(estimator_checks_generator(sampler())), ids=name_of
)
def test_imbalanced_learn_check(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


def test_imbalanced_learn_parameter_check() -> None:
    check_param_validation("DiffusionOverSampler", sampler())


# ---- what comes back ----


def test_mixed_columns_with_gaps_are_taken_where_smotenc_refuses() -> None:
    features, target = unbalanced()
    with pytest.raises(ValueError, match="NaN|NaT|missing"):
        SMOTENC(["c", "level"]).fit_resample(features[["x", "c", "level"]], target)
    more, answers = sampler().fit_resample(features, target)
    assert Counter(answers) == {"no": 70, "yes": 70} and answers.name == "answer"
    pd.testing.assert_series_equal(more.dtypes, features.dtypes)
    equal(more.head(80), features.reset_index(drop=True))
    assert answers.iloc[80:].eq("yes").all() and more.index.equals(answers.index)


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", {"no": 70, "yes": 70}),
        ("minority", {"no": 70, "yes": 70}),
        (0.5, {"no": 70, "yes": 35}),
        ({"yes": 13}, {"no": 70, "yes": 13}),
        ({"yes": 20, "no": 90}, {"no": 90, "yes": 20}),
        (lambda y: {"yes": 2 * Counter(y)["yes"]}, {"no": 70, "yes": 20}),
    ],
    ids=["auto", "minority", "ratio", "dict", "both", "callable"],
)
def test_strategies_mean_what_they_do_in_imbalanced_learn(
    strategy: Any, counts: dict[str, int]
) -> None:
    features, target = unbalanced()
    _, answers = sampler(sampling_strategy=strategy).fit_resample(features, target)
    assert Counter(answers) == counts


def test_where_no_class_lacks_rows_nothing_is_fitted() -> None:
    balanced = sampler()
    features, target = table(), np.arange(60) % 2
    more, answers = balanced.fit_resample(features, target)
    equal(more, features)
    assert np.array_equal(answers, target) and not hasattr(balanced, "synthesizer_")


@pytest.mark.parametrize(
    "kind", ["int8", "float64", "bool", "<U3", "object", "category", "string", "frame", "one-hot"]
)
def test_classes_of_any_type_come_back_as_they_were(kind: str) -> None:
    features, target = table(), np.arange(60) % 3
    y: Any
    if kind == "one-hot":
        y = np.eye(3, dtype=int)[np.where(target == 2, 0, target)]
    elif kind == "frame":
        y = pd.DataFrame({"answer": target % 2 * target})
    elif kind in ("category", "string"):
        y = pd.Series(np.where(target == 0, "yes", "no"), dtype=kind)
    else:
        words = ["yes", "no"] if kind == "object" else [1, 0]
        y = np.where(target == 0, *words).astype(kind)
    _, answers = sampler().fit_resample(features, y)
    assert type(answers) is type(y) and len(answers) == 80
    if kind not in ("frame", "one-hot"):
        assert answers.dtype == y.dtype and set(Counter(answers).values()) == {40}


@pytest.mark.parametrize(
    "labels",
    [
        ["class", "class_"],
        [0, 1],
        pd.Index([1.5, ("a", "b")], tupleize_cols=False),
        pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")], names=["top", "below"]),
    ],
    ids=["class", "int", "any", "levels"],
)
def test_columns_may_be_called_anything(labels: Any) -> None:
    features = table()
    features.columns = labels
    more, _ = sampler().fit_resample(features, np.arange(60) % 4 == 0)
    assert more.columns.equals(features.columns) and more.columns.names == features.columns.names
    assert len(more) == 90


def test_arrays_keep_their_dtype_and_objects_their_types() -> None:
    target = np.arange(60) % 4 == 0
    numbers = table()[["x"]].to_numpy("float32")
    assert sampler().fit_resample(numbers, target)[0].dtype == np.float32
    mixed, _ = sampler().fit_resample(table().to_numpy(), target)
    assert [type(cell) for cell in mixed[-1]] == [float, str]


def test_polars_frames_are_refused_with_the_call_that_helps() -> None:
    with pytest.raises(TypeError, match=r"Got polars.*\.to_pandas\(\)"):
        sampler().fit_resample(pl.from_pandas(table()), np.arange(60) % 4 == 0)


# ---- the synthesizer within ----


def test_the_template_is_cloned_and_its_parameters_are_reached() -> None:
    template = tiny(column_kinds={"whole": "categorical"})
    features, target = unbalanced()
    sampled = sampler(synthesizer=template).set_params(synthesizer__width=8)
    sampled.fit_resample(features, target)
    schema = sampled.synthesizer_.schema_
    assert sampled.synthesizer_.width == 8 and schema["whole"].kind == "categorical"
    assert schema.columns[-1].name == "class" and schema.columns[-1].kind == "categorical"
    assert template.column_kinds == {"whole": "categorical"} and not hasattr(template, "schema_")


def test_a_schema_of_its_own_describes_the_columns_in_any_order() -> None:
    features, target = unbalanced()
    kinds = {"whole": "categorical"}
    schema = Schema.infer(features[list(features)[::-1]], kinds)
    sampled = sampler(synthesizer=tiny(schema=schema))
    more, answers = sampled.fit_resample(features, target)
    assert sampled.synthesizer_.schema_["whole"].kind == "categorical"
    pd.testing.assert_series_equal(more.dtypes, features.dtypes)
    assert Counter(answers) == {"no": 70, "yes": 70}


def test_equal_seeds_give_equal_rows_and_others_do_not() -> None:
    features, target = unbalanced()
    more, _ = sampler(random_state=1).fit_resample(features, target)
    equal(sampler(random_state=1).fit_resample(features, target)[0], more)
    equal(clone(sampler(random_state=1)).fit_resample(features, target)[0], more)
    assert not sampler(random_state=2).fit_resample(features, target)[0].equals(more)


def test_it_stands_in_imbalanced_learns_pipeline_and_in_searches() -> None:
    features, target = unbalanced()
    booster = HistGradientBoostingClassifier(max_iter=2, random_state=0)
    pipeline = make_pipeline(sampler(), booster)
    name = "diffusionoversampler__sampling_strategy"
    numbers = features[["x", "whole"]].astype("float64")
    search = GridSearchCV(pipeline, {name: [0.5, 1.0]}, cv=2, error_score="raise")
    search.fit(numbers, target)
    assert search.best_params_[name] in (0.5, 1.0) and len(search.predict(numbers)) == 80


def test_new_rows_are_of_their_class() -> None:
    rng = np.random.default_rng(0)
    target = np.arange(400) % 10 == 0
    features = pd.DataFrame({"x": np.where(target, 3.0, -3.0) + rng.normal(size=400)})
    features["c"] = np.where(rng.random(400) < np.where(target, 0.9, 0.1), "a", "b")
    synth = tiny(max_steps=500, width=48, sampling_steps=8)
    more, _ = sampler(synthesizer=synth).fit_resample(features, target)
    new = more.iloc[400:]
    # Forty rows are learned roughly, so the mean of 3 is not met; rows that ignore their class
    # would have -2.4 and .18, with standard errors of .1 and .02.
    assert len(new) == 320 and new["x"].mean() > 1 and new["c"].eq("a").mean() > 0.7
