import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation import serial
from tabdiff.evaluation.compare import compare
from tabdiff.evaluation.errors import EvaluationError, EvaluationWarning
from tabdiff.evaluation.plain import plain
from tabdiff.evaluation.report import Report, evaluate
from tabdiff.evaluation.sdmetrics_reports import sdmetrics_version

KEYS = {
    "quality",
    "diagnostic",
    "shape_error",
    "trend_error",
    "trend_error_fixed",
    "nmi",
    "missing_gap",
    "pattern_gap",
    "c2st",
    "c2st_sdmetrics",
    "c2st_linear",
    "copies",
    "near_copies",
    "dcr_median",
    "dcr_baseline",
}
HOLDOUT_KEYS = {
    "memorisation_excess",
    "dcr_share",
    "nndr_share",
    "dcr_overfitting",
    "membership_auc",
    "inference_excess",
    "c2st_holdout",
    "c2st_train",
    "c2st_memory",
}
UTILITY_KEYS = {"utility_auc", "utility_auc_forest", "utility_auc_linear", "utility_auc_both"}
# The one-hot encoding asks the detector's question once more, and both tables are no extreme.
WITHOUT_EXTREMES = {"c2st_sdmetrics", "utility_auc_both"}


def tones(report: Report) -> dict[str, str]:
    return {finding.topic: finding.tone for finding in report.verdict}


def test_every_figure_stands_beside_its_floor(fresh_report: Report, shuffled_report: Report):
    assert set(fresh_report.scores.index) == KEYS | HOLDOUT_KEYS | UTILITY_KEYS
    assert set(shuffled_report.scores.index) == KEYS
    for report in (fresh_report, shuffled_report):
        assert report.scores.notna().all()
        assert report.floors.notna().all()
        assert list(report.table.index) == list(report.scores.index)
        beside = report.table.drop(index=WITHOUT_EXTREMES, errors="ignore")
        assert beside[["copy", "independent"]].notna().all(axis=None)


def test_a_perfect_synthesizer_passes(fresh_report: Report):
    assert tones(fresh_report)["Likeness"] == "good"
    assert tones(fresh_report)["Columns"] == "good"
    assert tones(fresh_report)["Privacy"] in ("good", "open")
    scores, floors = fresh_report.scores, fresh_report.floors
    for key in ("shape_error", "trend_error_fixed"):
        assert scores[key] < 2 * floors[key]
    assert scores["nmi"] > 0.8 * floors["nmi"]


def test_a_copier_fails_for_privacy_and_nothing_else(copied_report: Report):
    assert tones(copied_report)["Privacy"] == "poor"
    assert tones(copied_report)["Likeness"] == "good"
    assert copied_report.scores["memorisation_excess"] > 0.97
    assert copied_report.scores["copies"] == 100
    assert copied_report.scores["c2st_memory"] > 0.05
    pair = copied_report.holdout_detection
    assert pair is not None
    assert pair.interval[0] > 0


def test_independent_columns_fail_for_likeness_with_right_columns(shuffled_report: Report):
    assert tones(shuffled_report)["Likeness"] == "poor"
    assert shuffled_report.scores["shape_error"] < 1e-9
    found, floor = (
        s["trend_error_fixed"] for s in (shuffled_report.scores, shuffled_report.floors)
    )
    assert found > 1.5 * floor


def test_without_holdout_or_target_the_report_says_what_to_give(shuffled_report: Report):
    open_findings = {f.topic: f.detail for f in shuffled_report.verdict if f.tone == "open"}
    assert open_findings["Usefulness"] == "Give a target and a hold-out to measure it."
    assert "Give a hold-out" in open_findings["Privacy"]
    assert shuffled_report.utility is None
    assert shuffled_report.holdout_detection is None


@pytest.mark.usefixtures("sdmetrics")
def test_a_planted_shift_is_where_the_report_points(train, fresh):
    shifted = fresh.assign(price=fresh["price"] * 2)
    report = evaluate(train, shifted, include=["quality"])
    assert report.quality is not None
    shapes = report.quality.sdmetrics.column_shapes
    assert min(shapes, key=lambda name: shapes[name] or 0.0) == "price"
    assert "price" in report.quality.trends.worst(1)[0][:2]
    assert tones(report)["Columns"] == "poor"


@pytest.mark.usefixtures("sdmetrics")
def test_another_missing_rate_is_measured_in_percentage_points(train, fresh):
    filled = fresh.assign(rooms=fresh["rooms"].fillna(3.0))
    report = evaluate(train, filled, include=["quality"])
    expected = 100 * train["rooms"].isna().mean()
    assert report.quality is not None
    assert report.quality.missing.gaps["rooms"] == pytest.approx(-expected)
    assert report.scores["missing_gap"] == pytest.approx(expected)


def test_the_same_seed_gives_the_same_report(train, fresh, fresh_report, test_rows):
    again = evaluate(train, fresh, holdout=test_rows, target="sold", include=["privacy", "utility"])
    assert set(again.scores.index) < set(fresh_report.scores.index)
    expected = fresh_report.table.loc[again.table.index]
    pd.testing.assert_frame_equal(again.table, expected)


@pytest.mark.usefixtures("sdmetrics")
def test_polars_and_another_order_of_columns_are_the_same_to_it(train, fresh):
    polars = pytest.importorskip("polars")
    numbers = train[["size", "price"]]
    expected = evaluate(numbers, fresh[["size", "price"]], include=["quality", "detection"])
    frame = polars.DataFrame({name: fresh[name].to_numpy() for name in ("price", "size")})
    found = evaluate(numbers, frame, include=["quality", "detection"])
    keys = ["shape_error", "trend_error_fixed", "c2st"]
    pd.testing.assert_series_equal(found.scores[keys], expected.scores[keys])


@pytest.mark.usefixtures("sdmetrics")
def test_identifiers_are_left_out_and_named(train, fresh):
    keyed = [f.assign(key=[f"K{i:05d}" for i in range(len(f))]) for f in (train, fresh)]
    with pytest.warns(UserWarning, match="identifiers"):
        report = evaluate(*keyed, include=["privacy"])
    assert set(report.excluded) == {"key"}
    assert "identifier" in report.excluded["key"]
    assert "not judged: 'key'" in str(report)
    assert report.scores["copies"] < 100


@pytest.mark.usefixtures("sdmetrics")
def test_odd_names_and_one_column_work():
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({1: rng.normal(size=60), "1": rng.normal(size=60), ("a", 2): ["x", "y"] * 30})
        for _ in range(2)
    ]
    report = evaluate(*frames)
    assert report.quality is not None
    assert report.quality.trends.labels == ("1 (int)", "1 (str)", "('a', 2)")
    single = evaluate(frames[0][[1]], frames[1][[1]])
    assert "trend_error" not in single.scores
    assert single.scores["c2st"] > 0.5


@pytest.mark.usefixtures("sdmetrics")
def test_few_rows_are_told_and_not_detected():
    real = pd.DataFrame({"x": [1.5, 2.5, 3.5, 4.5] * 2, "y": ["a", "b"] * 4})
    with pytest.warns(UserWarning, match="only 8 rows"):
        report = evaluate(real, real.iloc[::-1], holdout=real + real.iloc[0])
    assert report.detection is None
    assert "c2st" not in report.scores
    assert any("only 8 rows" in note for note in report.notes)


@pytest.mark.usefixtures("sdmetrics")
def test_a_holdout_that_was_trained_on_is_told(train, fresh, test_rows):
    leaking = pd.concat([test_rows, train.iloc[:30]], ignore_index=True)
    with pytest.warns(EvaluationWarning, match=r"9\.1% of the hold-out rows equal a training row"):
        report = evaluate(train, fresh, holdout=leaking, include=["quality"])
    assert any("equal a training row" in note for note in report.notes)


@pytest.mark.usefixtures("sdmetrics")
def test_sdmetrics_errors_are_surfaced(train, fresh):
    report = evaluate(train, fresh.assign(group=None), include=["quality"])
    assert report.quality is not None
    assert any("group" in error for error in report.quality.sdmetrics.errors)
    assert report.quality.sdmetrics.column_shapes["group"] is None
    assert any("SDMetrics error" in note and "group" in note for note in report.notes)
    json.loads(report.to_json())
    assert "no score" in report.to_html()


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"target": "prise"}, EvaluationError, "Did you mean 'price'"),
        (
            {"include": ["privcy"]},
            ValueError,
            "['privcy']. Known: quality, detection, utility, privacy",
        ),
        ({"include": []}, ValueError, "names no section"),
        ({"include": "privacy"}, TypeError, "include must be a list"),
        ({"seed": -1}, ValueError, "at least 0. Got -1"),
        ({"seed": "x"}, TypeError, "seed must be an integer"),
        ({"seed": True}, TypeError, "seed must be an integer"),
    ],
)
@pytest.mark.usefixtures("sdmetrics")
def test_bad_arguments_are_told(arguments, error, told, train, fresh):
    with pytest.raises(error, match=re.escape(told)):
        evaluate(train, fresh, **arguments)


@pytest.mark.usefixtures("sdmetrics")
def test_bad_frames_are_told(train, fresh):
    with pytest.raises(TypeError, match="Got dict"):
        evaluate(train, {"size": [1.0]})
    with pytest.raises(EvaluationError, match="synthetic lacks the columns"):
        evaluate(train, fresh.drop(columns=["size", "sold"]))


@pytest.mark.usefixtures("sdmetrics")
def test_an_excluded_target_is_told(train, fresh):
    empty = train.assign(group=None)
    with pytest.warns(UserWarning, match="no value"):
        schema = Schema.infer(empty)
    with pytest.raises(EvaluationError, match="cannot be predicted: it is missing in every"):
        evaluate(empty, fresh, target="group", schema=schema)


def test_missing_sdmetrics_is_told(monkeypatch: pytest.MonkeyPatch, train, fresh):
    monkeypatch.setitem(sys.modules, "sdmetrics", None)
    with pytest.raises(ImportError, match=r"pip install 'tabdiff\[eval\]'"):
        evaluate(train, fresh)


def test_the_json_is_strict_and_complete(fresh_report: Report, tmp_path):
    path = tmp_path / "report.json"
    text = fresh_report.to_json(path)
    assert path.read_text(encoding="utf-8") == text

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(text, parse_constant=refuse)
    assert set(data["scores"]) == set(fresh_report.scores.index)
    assert data["scores"]["c2st"]["value"] == fresh_report.scores["c2st"]
    assert data["versions"]["sdmetrics"] == sdmetrics_version()
    assert data["rows"] == {"real": 500, "synthetic": 500, "holdout": 300}
    assert data["sections"]["quality"]["trends"]["similarity"][0][0] is None
    assert data["scores"]["c2st"]["copy"] == fresh_report.table.at["c2st", "copy"]
    described = serial.__doc__ or ""
    assert all(f"``{key}``" in described for key in (*data, *data["scores"]["c2st"]))
    assert all(f"``{key}``" in described for key in data["sections"])


def test_plain_values_hold_no_nan():
    made = plain(
        {"a": (np.float64("nan"), np.int64(3), np.bool_(True)), 1: np.array([np.inf, 0.5])}
    )
    assert made == {"a": [None, 3, True], "1": [None, 0.5]}
    with pytest.raises(TypeError, match="no plain form for set"):
        plain({1})


def test_the_text_is_narrow_and_says_what_numbers_mean(
    fresh_report: Report, copied_report: Report, shuffled_report: Report
):
    for report in (fresh_report, copied_report, shuffled_report):
        text = str(report)
        assert max(map(len, text.splitlines())) <= 100
        for score in report.card:
            assert score.meaning.split()[0] in text
    assert "! Privacy: Training rows are remembered" in str(copied_report)
    assert "RMSE for price" in str(copied_report)


def test_importing_the_evaluation_is_cheap():
    code = (
        "import sys; import tabdiff.evaluation.report; "
        "heavy = {'torch', 'sdmetrics', 'sklearn', 'xgboost', 'plotly', 'jinja2'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("sdmetrics")
def test_the_inputs_are_left_as_they_were(train, fresh):
    frames = (train.copy(), fresh.copy())
    evaluate(*frames, include=["quality", "privacy"])
    pd.testing.assert_frame_equal(frames[0], train)
    pd.testing.assert_frame_equal(frames[1], fresh)


@pytest.mark.usefixtures("sdmetrics")
def test_only_the_sections_asked_for_are_taken(train, fresh):
    report = evaluate(train, fresh, include=["privacy", "detection"])
    assert report.include == ("detection", "privacy")
    assert set(report.seconds) == {"detection", "privacy"}
    assert report.quality is None
    assert {score.section for score in report.card} == {"detection", "privacy"}
    assert set(tones(report)) == {"Likeness", "Privacy"}
    assert "Pairs of columns" not in report.to_html()
    assert json.loads(report.to_json())["sections"]["quality"] is None


@pytest.mark.usefixtures("sdmetrics")
def test_reports_stand_side_by_side(train, fresh, shuffled, test_rows):
    made = {
        name: evaluate(train, frame, holdout=test_rows, include=["quality"])
        for name, frame in (("good", fresh), ("poor", shuffled.assign(group="new level")))
    }
    table = compare(made)
    assert list(table.columns) == ["good", "poor", "floor", "copy", "independent", "better"]
    assert table.at["nmi", "good"] == made["good"].scores["nmi"]
    assert table.at["nmi", "good"] > table.at["nmi", "poor"]
    assert table.at["shape_error", "better"] == "lower"
    assert table["floor"].notna().all()


@pytest.mark.usefixtures("sdmetrics")
def test_reports_of_other_rows_do_not_compare(train, fresh):
    first = evaluate(train, fresh, include=["quality"])
    other = evaluate(train.iloc[:-1], fresh, include=["quality"], seed=1)
    with pytest.raises(EvaluationError, match="'b' judges against other real .*'b' has seed 1"):
        compare({"a": first, "b": other})
    with pytest.raises(ValueError, match="the names ..floor.. are taken"):
        compare({"floor": first})
    with pytest.raises(ValueError, match="there are none"):
        compare({})
