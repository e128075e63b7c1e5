import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation import learners
from tabdiff.evaluation.detection import detection_score, linear_detection, one_hot
from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.tables import code_tables
from tabdiff.evaluation.telling import telling_columns


@pytest.mark.parametrize("encoding", ["native", "sdmetrics"])
def test_fresh_rows_pass_and_independent_columns_are_caught(
    encoding, train: pd.DataFrame, fresh: pd.DataFrame, shuffled: pd.DataFrame
):
    assert detection_score(train, fresh, encoding=encoding).score > 0.85
    caught = detection_score(train, shuffled, encoding=encoding)
    assert caught.score < 0.5
    assert caught.auc > 0.75


def test_the_score_is_the_mean_over_the_folds(train: pd.DataFrame, shuffled: pd.DataFrame):
    found = detection_score(train, shuffled)
    expected = np.mean([1 - 2 * (max(auc, 0.5) - 0.5) for auc in found.folds])
    assert found.score == pytest.approx(expected)
    assert len(found.folds) == 3


def test_the_seed_deals_the_folds(train: pd.DataFrame, fresh: pd.DataFrame):
    first, again, other = (detection_score(train, fresh, seed=s).folds for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_shifted_column_is_found_by_the_linear_detector(train: pd.DataFrame, fresh: pd.DataFrame):
    schema = Schema.infer(train)
    same = code_tables(train, fresh, None, schema)
    shifted = code_tables(train, fresh.assign(size=fresh["size"] + 1.5), None, schema)
    assert linear_detection(same.real, same.synthetic, 0).score > 0.8
    assert linear_detection(shifted.real, shifted.synthetic, 0).score < 0.5


def test_another_missing_rate_is_found(train: pd.DataFrame, fresh: pd.DataFrame):
    filled = fresh.assign(rooms=fresh["rooms"].fillna(3), group=fresh["group"].fillna("a"))
    assert detection_score(train, filled).score < detection_score(train, fresh).score - 0.05


@pytest.mark.usefixtures("sdmetrics")
def test_one_hot_encodes_as_sdmetrics_does(train: pd.DataFrame, shuffled: pd.DataFrame):
    from sdmetrics.utils import HyperTransformer

    columns = ["size", "rooms", "group"]
    real, synthetic = train[columns], shuffled[columns]
    tables = code_tables(real, synthetic, None, Schema.infer(real))
    transformer = HyperTransformer()
    expected = np.concatenate(
        [
            transformer.fit_transform(real.copy()).to_numpy(dtype=float),
            transformer.transform(synthetic.copy()).to_numpy(dtype=float),
        ]
    )
    np.testing.assert_allclose(one_hot(tables.real, tables.synthetic), expected, rtol=1e-6)


def test_without_xgboost_scikit_learn_detects(
    monkeypatch: pytest.MonkeyPatch, train: pd.DataFrame, shuffled: pd.DataFrame
):
    monkeypatch.setattr(learners, "has_xgboost", lambda: False)
    monkeypatch.setattr(learners, "SKLEARN_LEVELS", 3)
    found = detection_score(train, shuffled)
    assert "HistGradientBoosting" in found.detector
    assert found.score < 0.6


def told(train: pd.DataFrame, synthetic: pd.DataFrame) -> dict[str, float]:
    tables = code_tables(train, synthetic, None, Schema.infer(train))
    return {t.label: t.drop for t in telling_columns(tables.real, tables.synthetic, 0)}


@pytest.mark.parametrize("column", ["size", "price", "sold"])
def test_a_shuffled_column_is_named_among_those_that_go_with_it(
    column: str, train: pd.DataFrame, fresh: pd.DataFrame
):
    broken = fresh[column].sample(frac=1, random_state=0).to_numpy()
    drops = told(train, fresh.assign(**{column: broken}))
    assert list(drops.values()) == sorted(drops.values(), reverse=True)
    # size makes price and sold: to shuffle one breaks the pair, and the detector needs both.
    assert {*list(drops)[:2]} <= {"size", "price", "sold"}
    assert drops[column] > 0.05


def test_a_shifted_column_is_named_first(train: pd.DataFrame, fresh: pd.DataFrame):
    drops = told(train, fresh.assign(rooms=fresh["rooms"] + 2))
    assert next(iter(drops)) == "rooms"
    assert drops["rooms"] > 0.1


def test_a_column_of_copied_real_cells_is_named(train: pd.DataFrame, fresh: pd.DataFrame):
    # The same 20 days again and again: right marginal in the large, wrong in the small.
    days = train["when"].sample(20, random_state=0).sample(500, replace=True, random_state=1)
    assert next(iter(told(train, fresh.assign(when=days.to_numpy())))) == "when"


def test_fresh_rows_leave_the_detector_nothing_to_go_by(train: pd.DataFrame, fresh: pd.DataFrame):
    # AUC of 333 guessed rows has std 0.032; two of them differ less when they share the rows.
    assert max(abs(drop) for drop in told(train, fresh).values()) < 0.1


def test_polars_and_arrays_are_taken(train: pd.DataFrame, fresh: pd.DataFrame):
    polars = pytest.importorskip("polars")
    numbers = ["size", "price"]
    expected = detection_score(train[numbers], fresh[numbers]).score
    frames = (polars.DataFrame({c: f[c].to_numpy() for c in numbers}) for f in (train, fresh))
    assert detection_score(*frames).score == pytest.approx(expected)
    arrays = (f[numbers].to_numpy() for f in (train, fresh))
    assert detection_score(*arrays).score == pytest.approx(expected)


def test_bad_arguments_are_told(train: pd.DataFrame, fresh: pd.DataFrame):
    with pytest.raises(ValueError, match="encoding must be"):
        detection_score(train, fresh, encoding="other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 10 rows"):
        detection_score(train, fresh.iloc[:5])
    with pytest.raises(EvaluationError, match="lacks the columns"):
        detection_score(train, fresh.drop(columns="size"))
