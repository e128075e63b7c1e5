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
    assert [trial.learner for trial in found.trials] == ["boosting", "forest", "linear"]
    for trial in found.trials:
        assert trial.real > 0.7
        assert abs(trial.loss) < 0.08
        assert trial.loss_interval[0] < 0.02
        assert trial.interval[0] < trial.synthetic < trial.interval[1]


def test_independent_columns_are_useless(train, shuffled, test_rows):
    classes = judge(train, shuffled, test_rows, "sold")
    assert all(trial.synthetic < 0.65 for trial in classes.trials)
    assert all(trial.loss_interval[0] > 0.05 for trial in classes.trials)
    numbers = judge(train, shuffled, test_rows, "price")
    assert (numbers.task, numbers.metric) == ("regression", "rmse")
    for trial in numbers.trials:
        assert trial.synthetic > trial.real * 1.3
        assert trial.loss == pytest.approx(trial.synthetic / trial.real - 1)
    useless, useful = (numbers.r2(error) for error in (numbers.main.synthetic, numbers.main.real))
    assert useless is not None
    assert useful is not None
    assert useless < 0.3 < useful


def test_several_classes_are_one_against_the_rest(train, fresh, test_rows):
    found = judge(train, fresh, test_rows, "group")
    assert found.metric == "auc"
    assert any("holdout rows without a target" in note for note in found.notes)
    assert 0.4 < found.main.synthetic < 0.9


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
    assert np.isfinite(found.main.synthetic)


def test_a_single_class_says_nothing(train, fresh, test_rows):
    found = judge(train, fresh.assign(sold=True), test_rows, "sold")
    assert found.main.synthetic == 0.5


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
    for found, expected in zip(judge(*moved, "price").trials, plain.trials, strict=True):
        assert found.real == pytest.approx(expected.real, rel=0.05)


def test_frames_are_not_changed(train, fresh, test_rows):
    before = [pd.util.hash_pandas_object(f).sum() for f in (train, fresh, test_rows)]
    judge(train, fresh, test_rows, "sold")
    assert before == [pd.util.hash_pandas_object(f).sum() for f in (train, fresh, test_rows)]


def test_the_extremes_and_both_together_stand_beside(train, shuffled, test_rows):
    found = judge(train, shuffled, test_rows, "sold").main
    # A copy serves as well as the real rows do, independent columns do not at all.
    assert found.copy > 0.75
    assert abs(found.independent - 0.5) < 0.15
    # Rows without relations do not help, and cost at most what they dilute.
    assert found.synthetic < found.both < found.real + 0.05


def test_synthetic_rows_that_help_are_seen_to(test_rows, train, fresh):
    found = judge(train.iloc[:60], fresh, test_rows, "sold").trials[-1]
    assert found.both > found.real
    assert found.gain_interval[1] > 0


def test_rare_classes_count_as_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tabdiff.evaluation.utility.MAX_CLASSES", 4)
    rng = np.random.default_rng(0)
    made = []
    for n in (300, 300, 150):
        k = np.minimum(rng.geometric(0.3, size=n), 9)
        made.append(pd.DataFrame({"x": k + rng.normal(size=n), "k": [f"k{i}" for i in k]}))
    schema = Schema.infer(made[0])
    tables = code_tables(*made, schema)
    assert tables.holdout is not None
    found = judge_utility(tables.real, tables.synthetic, tables.holdout, 1)
    assert any("3 most frequent are predicted" in note for note in found.notes)
    assert found.main.real > 0.75
