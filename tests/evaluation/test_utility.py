import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.tables import code_tables
from tabdiff.evaluation.utility import Utility, judge_utility


def judge(real, synthetic, holdout, target: str) -> Utility:
    tables = code_tables(real, synthetic, holdout, Schema.infer(real))
    names = [field.name for field in tables.real.fields]
    assert tables.holdout is not None
    return judge_utility(tables.real, tables.synthetic, tables.holdout, names.index(target))


def test_fresh_rows_are_as_useful_as_real_ones(train, fresh, test_rows):
    found = judge(train, fresh, test_rows, "sold")
    assert (found.task, found.metric, found.baseline) == ("classification", "auc", 0.5)
    assert found.real > 0.7
    assert abs(found.loss) < 0.08


def test_independent_columns_are_useless(train, shuffled, test_rows):
    assert judge(train, shuffled, test_rows, "sold").synthetic < 0.65
    numbers = judge(train, shuffled, test_rows, "price")
    assert (numbers.task, numbers.metric) == ("regression", "rmse")
    assert numbers.synthetic > numbers.real * 1.5
    assert numbers.synthetic_r2 is not None
    assert numbers.real_r2 is not None
    assert numbers.synthetic_r2 < 0.3 < numbers.real_r2


def test_several_classes_are_one_against_the_rest(train, fresh, test_rows):
    found = judge(train, fresh, test_rows, "group")
    assert found.metric == "auc"
    assert any("holdout rows without a target" in note for note in found.notes)
    assert 0.4 < found.synthetic < 0.9


def test_two_numbers_are_two_classes(train, fresh, test_rows):
    frames = [f.assign(sold=f["sold"].astype(int)) for f in (train, fresh, test_rows)]
    assert judge(*frames, "sold").task == "classification"


def test_classes_that_one_side_lacks_are_told(train, fresh, test_rows):
    poor = fresh[fresh["group"] != "d"]
    strange = test_rows.assign(group=test_rows["group"].where(test_rows.index > 5, "zebra"))
    found = judge(train, poor, strange, "group")
    told = " | ".join(found.notes)
    assert "do not occur in the synthetic frame: 'd'" in told
    assert "occur only in the holdout frame: 'zebra'" in told
    assert np.isfinite(found.synthetic)


def test_a_single_class_says_nothing(train, fresh, test_rows):
    found = judge(train, fresh.assign(sold=True), test_rows, "sold")
    assert found.synthetic == 0.5


def test_targets_without_rows_or_features_are_refused(train, fresh, test_rows):
    empty = test_rows.assign(rooms=np.nan)
    with pytest.raises(EvaluationError, match="has 0 rows with a target"):
        judge(train, fresh, empty, "rooms")
    with pytest.raises(EvaluationError, match="only judged column"):
        judge(*(f[["size"]] for f in (train, fresh, test_rows)), "size")


def test_fewer_synthetic_rows_are_told(train, fresh, test_rows):
    assert any("smaller number" in n for n in judge(train, fresh[:100], test_rows, "sold").notes)


def test_large_targets_keep_their_precision(train, fresh, test_rows):
    moved = [f.assign(price=f["price"] + 1e9) for f in (train, fresh, test_rows)]
    plain = judge(train, fresh, test_rows, "price")
    assert judge(*moved, "price").real == pytest.approx(plain.real, rel=0.05)


def test_frames_are_not_changed(train, fresh, test_rows):
    before = [pd.util.hash_pandas_object(f).sum() for f in (train, fresh, test_rows)]
    judge(train, fresh, test_rows, "sold")
    assert before == [pd.util.hash_pandas_object(f).sum() for f in (train, fresh, test_rows)]
