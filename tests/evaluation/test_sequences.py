import json
import re
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tabdiff.evaluation import detection, intervals, sequences, verdict
from tabdiff.evaluation.entity_features import Layout, entity_table
from tabdiff.evaluation.errors import EvaluationError, EvaluationWarning
from tabdiff.evaluation.extremes import Extremes
from tabdiff.evaluation.report import Report, evaluate
from tabdiff.evaluation.sdmetrics_sequences import MSAS, msas_twin, sdmetrics_sequences
from tabdiff.evaluation.sequence_privacy import copied_parts
from tests.evaluation.panels import draw_panel, panel, panels

HOW = {"sequence_key": "who", "sequence_index": "day", "progress": False}
KEYS = {
    "sequence_c2st",
    "length_similarity",
    "length_error",
    "msas",
    "msas_inter_row",
    "acf_error",
    "cross_correlation_error",
    "transition_error",
    "gap_error",
    "unsorted",
    "duplicated_times",
}


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    return draw_panel(60, seed=1)


@pytest.fixture(scope="module")
def others() -> pd.DataFrame:
    """What a perfect synthesizer would make."""
    return draw_panel(60, seed=2)


@pytest.fixture(scope="module")
def unseen() -> pd.DataFrame:
    return draw_panel(60, seed=3)


@pytest.fixture(scope="module")
def copied(visits: pd.DataFrame) -> pd.DataFrame:
    """The same persons under other names, a year later."""
    return visits.assign(who="copy " + visits["who"], day=visits["day"] + 365)


@pytest.fixture(scope="module")
def others_report(
    sdmetrics: None, visits: pd.DataFrame, others: pd.DataFrame, unseen: pd.DataFrame
) -> Report:
    return evaluate(visits, others, unseen, include=["sequences"], **HOW)


def off(real: pd.DataFrame, synthetic: pd.DataFrame) -> list[str]:
    """The aspects that the figures call off, without their numbers."""
    made = panels(real, synthetic)
    fresh = made.real.halves(np.random.default_rng(0))
    none = MSAS(1, 1, 1)
    found = SimpleNamespace(
        figures=sequences._figures(made.real, made.synthetic, none),
        # Halves of n and n against n and n: sqrt((2 / n) / (4 / n)).
        floor=sequences.scaled(sequences._figures(*fresh, none), 0.5**0.5),
        sequencing=made.sequencing,
    )
    return [aspect.split(" (")[0] for aspect in verdict.sequences_off(found)]  # type: ignore[arg-type]


def shuffle_in_time(frame: pd.DataFrame) -> pd.DataFrame:
    """The values of each entity in another order, under the same times."""
    rng = np.random.default_rng(0)
    order = frame.groupby("who", sort=False).sample(frac=1, random_state=rng)
    columns = ["level", "dose", "state"]
    return frame.assign(**{name: order[name].to_numpy() for name in columns})


def test_every_figure_stands_beside_its_floors(others_report: Report):
    table = others_report.table
    assert set(table.index) == KEYS
    assert table[["score", "floor", "copy", "independent"]].notna().all(axis=None)
    assert table.at["acf_error", "independent"] > 5 * table.at["acf_error", "floor"]
    assert table.at["length_error", "independent"] == 0
    assert table.at["sequence_c2st", "copy"] == 1
    assert set(table["basis"]) == {"entities", "steps", "pairs of rows"}


def test_fresh_entities_pass(others_report: Report):
    finding = others_report.verdict[0]
    assert (finding.topic, finding.tone) == ("Sequences", "good")
    assert "as near as unseen entities" in finding.detail


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (shuffle_in_time, {"autocorrelation", "transitions"}),
        (lambda f: f[f.groupby("who").cumcount() < 9], {"lengths"}),
        (
            lambda f: f.assign(level=np.random.default_rng(0).permutation(f["level"])),
            {"autocorrelation", "cross-correlation"},
        ),
        (lambda f: f.assign(day=f["day"] * 2), {"time between rows"}),
        (lambda f: f.iloc[::-1], {"rows that go back in time"}),
        (lambda f: f.assign(day=f["day"] // 3), {"two rows at one time"}),
        (lambda f: f.assign(state=f["state"].replace("gone", "well")), {"transitions"}),
    ],
    ids=["shuffled", "cut", "independent", "stretched", "reversed", "rounded", "merged"],
)
def test_a_planted_fault_is_named(fault, named: set[str], visits, others):
    assert off(visits, others) == []
    assert named <= set(off(visits, fault(others)))


def test_a_detector_of_entities_sees_shuffled_time_and_says_by_what(visits, others):
    made = panels(visits, shuffle_in_time(others))
    layout = Layout.of(made)
    real, fake = (entity_table(p, layout) for p in (made.real, made.synthetic))
    found = detection.boosted_detection(real, fake, 0)
    assert found.auc > 0.8
    told = detection.telling_columns(real, fake, 0)[:3]
    assert {t.label for t in told} & {"level, autocorrelation", "level, step", "state, changes"}
    same = panels(visits, others)
    fresh = (entity_table(p, layout) for p in (same.real, same.synthetic))
    # 60 against 60: an AUC of guessing has standard error 0.053.
    assert abs(detection.boosted_detection(*fresh, 0).auc - 0.5) < 0.21


@pytest.mark.usefixtures("sdmetrics")
def test_copied_entities_are_found_although_keys_and_times_differ(visits, copied, others, unseen):
    report = evaluate(visits, copied, unseen, include=["privacy"], **HOW)
    assert report.verdict[0].tone == "poor"
    assert report.verdict[0].headline == "Training entities are remembered"
    for key in ("copies", "row_copies", "run_copies"):
        assert (report.scores[key], report.floors[key]) == (100, 0)
    assert report.table.at["copies", "basis"] == "entities"
    assert report.scores["memorisation_excess"] > 0.9
    assert "Training entities are remembered" in report.to_html()
    made = panels(visits, others)
    assert copied_parts(made.real, made.synthetic) == {"row_copies": 0, "run_copies": 0}


def test_a_sequence_that_is_copied_in_part_shows_in_its_runs(visits, others):
    patched = others.copy()
    columns = ["level", "dose", "state", "sex"]
    patched.loc[:7, columns] = visits.loc[:7, columns].to_numpy()
    made = panels(visits, patched)
    assert made.real.fingerprints()[0] not in made.synthetic.fingerprints()
    parts = copied_parts(made.real, made.synthetic)
    runs = len(others) - 2 * made.synthetic.n_entities
    assert parts["row_copies"] == pytest.approx(100 * 8 / len(others))
    assert parts["run_copies"] == pytest.approx(100 * 6 / runs)


def test_the_order_of_rows_is_part_of_a_sequence(visits):
    first = panel(visits)
    assert len(np.unique(first.fingerprints())) == first.n_entities
    assert (panel(visits.sample(frac=1, random_state=0)).lengths.sum()) == len(visits)
    turned = panel(visits.assign(day=-visits["day"]))
    assert not np.isin(turned.fingerprints(), first.fingerprints()).any()


@pytest.mark.usefixtures("sdmetrics")
def test_twins_are_what_sdmetrics_says(visits, others):
    made = panels(visits, others.assign(level=np.exp(others["level"])))
    positive = panels(
        visits.assign(level=np.exp(3 * visits["level"])),
        others.assign(level=np.exp(others["level"])),
    )
    for case in (made, positive):
        found = sdmetrics_sequences(case.real, case.synthetic)
        twin = msas_twin(case.real, case.synthetic, case.synthetic)
        assert found.averages.length == pytest.approx(twin.length)
        assert found.averages.statistics == pytest.approx(twin.statistics)
        assert found.averages.inter_row == pytest.approx(twin.inter_row)
        assert found.errors == ()
    assert found.logged == ("level",)
    assert found.version


@pytest.mark.usefixtures("sdmetrics")
def test_what_sdmetrics_cannot_score_is_told(visits, others):
    report = evaluate(visits, others.assign(dose=np.nan), include=["sequences"], **HOW)
    assert report.sequences is not None
    assert report.sequences.sdmetrics.statistics["dose"]["mean"] is None
    assert any("SDMetrics error: StatisticMSAS 'dose', mean" in note for note in report.notes)


def test_huge_numbers_are_judged_like_others(visits, others):
    def times(factor: float) -> MSAS:
        made = panels(*(f.assign(level=f["level"] * factor) for f in (visits, others)))
        return msas_twin(made.real, made.synthetic, made.synthetic)

    assert times(2.0**1000).statistics == pytest.approx(times(1.0).statistics)
    assert times(2.0**1000).inter_row == pytest.approx(times(1.0).inter_row)


def test_rows_of_an_entity_are_never_on_both_sides_of_a_fold(visits, others):
    made = panels(visits, others)
    real, fake = made.real.table, made.synthetic.table
    units = detection.entities_of(real, fake)
    assert units is not None and len(np.unique(units)) == 120
    y = np.repeat([1, 0], [real.n_rows, fake.n_rows])
    tested = []
    for train, test in detection._splits(y, units, 0):
        assert not set(units[train]) & set(units[test])
        assert 0.4 < y[test].mean() < 0.6
        tested.append(test)
    assert sorted(np.concatenate(tested)) == list(range(len(y)))


def test_row_detection_does_not_recognise_persons(visits, others):
    # A number of one's own in every row of a person: found again by rows, not by persons.
    rng = np.random.default_rng(0)
    born = [
        frame.assign(born=rng.uniform(0, 1500, 60)[frame["who"].factorize()[0]])
        for frame in (visits, others)
    ]
    made = panels(*born)
    real, fake = made.real.table, made.synthetic.table
    grouped = detection.boosted_detection(real, fake, 0).auc
    by_row = detection.boosted_detection(
        replace(real, entity=None), replace(fake, entity=None), 0
    ).auc
    assert by_row > 0.9
    assert grouped < 0.7


def test_halves_and_copies_keep_entities_whole(visits):
    table = panel(visits).table
    rng = np.random.default_rng(0)
    first, second = table.halves(rng)
    assert not set(first.entity) & set(second.entity)
    assert first.n_units == second.n_units == 30
    copy = Extremes.of(table, 200, 300, rng).copy
    assert copy.n_rows == 300
    whole = np.bincount(copy.entity)[:-1]
    assert set(whole) <= set(panel(visits).lengths)


def test_the_error_of_folds_is_delongs_and_sums_what_hangs_together():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.5
    area, influence = intervals.auc_influence(truth, rng.normal(size=400) + truth)
    alone = intervals.pooled_error([influence], [None])
    low, high = intervals.around(area, influence)
    assert (high - low) / 2 == pytest.approx(1.96 * alone, rel=1e-6)
    # The same rows, five times each, say no more than once.
    again = np.repeat(influence, 5)
    assert intervals.pooled_error([again], [np.repeat(np.arange(400), 5)]) == pytest.approx(alone)
    assert intervals.pooled_error([again], [None]) == pytest.approx(alone / np.sqrt(5))
    assert intervals.pooled_error([influence] * 3, [None] * 3) == pytest.approx(alone / np.sqrt(3))


def test_the_interval_of_the_score_holds_its_score(visits, others):
    made = panels(visits, others)
    found = detection.boosted_detection(made.real.table, made.synthetic.table, 0)
    assert found.auc_interval[0] < found.auc < found.auc_interval[1]
    assert 0 <= found.interval[0] <= found.score <= found.interval[1] <= 1
    assert found.interval[0] == pytest.approx(1 - (2 * found.auc_interval[1] - 1))


@pytest.mark.usefixtures("sdmetrics")
def test_one_long_series_is_compared_in_windows():
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(2):
        days = pd.date_range("2024-01-01", periods=160, freq="D").astype(str)
        frames.append(pd.DataFrame({"date": days, "load": np.cumsum(rng.normal(size=160))}))
    report = evaluate(*frames, sequence_index="date", include=["sequences"], progress=False)
    assert report.sequencing is not None and report.sequencing.window == 8
    assert report.sequences is not None and report.sequences.entities["real"] == 20
    assert {"length_error", "length_similarity"}.isdisjoint(report.scores.index)
    assert any("windows of 8 rows" in note for note in report.notes)
    assert "Sequences, by windows" in str(report)
    json.loads(report.to_json())


@pytest.mark.usefixtures("sdmetrics")
def test_rowwise_sections_leave_the_key_out_and_say_what_they_count(visits, others):
    report = evaluate(visits, others, include=["quality"], **HOW)
    assert "who" in report.excluded and "sequence key" in report.excluded["who"]
    assert report.quality is not None
    assert report.quality.trends.labels == ("day", "level", "dose", "state", "sex")
    assert "Quality, by rows" in str(report)
    assert set(report.table["basis"]) == {"rows"}
    assert json.loads(report.to_json())["sequencing"] == {
        "key": "who",
        "index": "day",
        "window": None,
    }


def test_a_holdout_of_trained_entities_is_told_by_key_and_by_content(visits, others, copied):
    few = {"include": ["utility"], **HOW}
    with pytest.warns(EvaluationWarning, match="60 of 60 hold-out entities bear the key"):
        evaluate(visits, others, others.assign(who="1" + others["who"].str[1:]), **few)
    with pytest.warns(EvaluationWarning, match=r"100\.0% of the hold-out entities equal a"):
        evaluate(visits, others, copied, **few)


@pytest.mark.usefixtures("sdmetrics")
def test_entities_of_one_row_are_taken(visits, others):
    alone = others.assign(who=range(len(others))).iloc[:80]
    report = evaluate(visits, alone, include=["sequences"], **HOW)
    assert any("every synthetic entity has one row" in note for note in report.notes)
    assert report.scores["length_error"] == 100
    assert report.scores["transition_error"] == 100
    assert "acf_error" not in report.scores
    assert report.to_html()
    one = visits.drop_duplicates("who").head(5)
    mixed = pd.concat([visits, one.assign(who=range(5))], ignore_index=True)
    assert panel(mixed).lengths.min() == 1
    assert evaluate(mixed, others, include=["sequences"], **HOW).scores.notna().all()


@pytest.mark.usefixtures("sdmetrics")
def test_few_entities_are_not_detected(visits, others):
    few = [f[f["who"].isin(f["who"].unique()[:6])] for f in (visits, others)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = evaluate(*few, include=["sequences"], **HOW)
    assert report.sequences is not None and report.sequences.detection is None
    assert "sequence_c2st" not in report.scores
    assert any("only 6 entities" in note for note in report.notes)
    assert "too few entities" in report.verdict[0].detail


def lacking(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].astype(object).where(frame.index != 3, None)})


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        (None, {"sequence_key": "whom"}, "sequence_key 'whom' is no column .* mean 'who'"),
        (None, {"sequence_index": "time"}, "sequence_index 'time' is no column"),
        (None, {"sequence_index": "who"}, "are both 'who'"),
        (lambda f: lacking(f, "who"), {}, r"1 synthetic rows have none, first at row 3"),
        (lambda f: lacking(f, "day"), {}, r"1 synthetic rows have none, first at row 3"),
        (lambda f: f.assign(who="one"), {}, "synthetic frame has 1 entity, .* leave sequence_key"),
        (lambda f: f.assign(who=[[1]] * len(f)), {}, "cannot be told apart"),
        (lambda f: f.assign(day=["soon", 2] * (len(f) // 2) + [1] * (len(f) % 2)), {},
         "cannot be sorted"),
        (lambda f: f.assign(day=pd.Timestamp("2024-01-01")), {}, "instants, the real one numbers"),
        (lambda f: f.drop(columns="who"), {}, r"no column of the frames \['synthetic'\]"),
        (lambda f: f.head(12), {"sequence_key": None}, "at least 16 rows .* Got 12"),
    ],
    ids=["no-key", "no-index", "same", "key-missing", "index-missing", "one-entity",
         "unhashable", "unsortable", "unlike", "key-absent", "short"],
)  # fmt: skip
@pytest.mark.usefixtures("sdmetrics")
def test_what_is_no_sequence_is_refused_at_the_door(change, arguments, told, visits, others):
    synthetic = others if change is None else change(others)
    with pytest.raises(EvaluationError, match=told):
        evaluate(visits, synthetic, **{**HOW, **arguments})


@pytest.mark.usefixtures("sdmetrics")
def test_all_faults_at_the_door_are_told_at_once(visits, others):
    broken = lacking(lacking(others, "who"), "day")
    with pytest.raises(EvaluationError, match="sequence_index 'day'.*; sequence_key 'who'"):
        evaluate(visits, broken, **HOW)


@pytest.mark.usefixtures("sdmetrics")
def test_real_entities_of_one_row_each_are_no_sequences(visits, others):
    with pytest.raises(EvaluationError, match="every real entity has one row"):
        evaluate(visits.assign(who=range(len(visits))), others, **HOW)


def test_the_section_needs_a_key_or_an_index(visits, others):
    with pytest.raises(ValueError, match=re.escape("give sequence_key, sequence_index or both")):
        evaluate(visits, others, include=["sequences"])
