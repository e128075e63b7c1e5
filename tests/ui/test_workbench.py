import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer
from tabdiff.data.errors import ConditionError, SchemaError
from tabdiff.ui.jobs import Job, Worker
from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError
from tabdiff.ui.workbench import LEAVE_OUT, Course, Workbench
from tests.ui.waiting import bench_of, orders, wait_for

# A tenth of a second.
BRIEF = 0.1 / 60


@pytest.fixture
def bench(tmp_path: Path, worker: Worker) -> Workbench:
    return bench_of(orders(), tmp_path, worker)


def done(bench: Workbench) -> dict:
    wait_for(lambda: not bench.is_busy)
    state = bench.state()
    assert state["job"]["state"] == "done", state["job"]["problem"]
    return state


def fitted(bench: Workbench, set_aside: bool = True) -> Workbench:
    bench.fit(BRIEF, set_aside)
    done(bench)
    return bench


def kinds(bench: Workbench) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in bench.state()["columns"]}


def test_the_state_is_strict_json_and_tells_the_kinds(bench: Workbench):
    state = json.loads(json.dumps(bench.state(), allow_nan=False))
    assert kinds(bench) == {
        "shop": "numeric",
        "size": "numeric",
        "sold": "categorical",
        "day": "datetime",
    }
    assert state["rows"] == 80 and state["model"] is None and state["job"] is None
    shop = state["columns"][0]
    assert shop["offered"] == ["numeric", "categorical", "identifier", LEAVE_OUT]


def test_a_kind_is_changed_and_a_refused_one_changes_nothing(bench: Workbench):
    bench.choose({"shop": "categorical", "day": LEAVE_OUT})
    before = bench.state()
    assert kinds(bench)["shop"] == "categorical" and kinds(bench)["day"] == LEAVE_OUT
    with pytest.raises(SchemaError, match="column 'size' .* cannot be 'identifier'"):
        bench.choose({"size": "identifier"})
    with pytest.raises(RefusedError, match="no columns 'nobody'"):
        bench.choose({"nobody": "numeric"})
    assert bench.state() == before


def test_what_cannot_be_modelled_is_shown_with_the_reason_and_can_be_mended(
    tmp_path: Path, worker: Worker
):
    frame = orders().assign(ratio=np.inf)
    bench = bench_of(frame, tmp_path, worker)
    assert "column 'ratio'" in bench.state()["problem"]
    with pytest.raises(RefusedError, match="cannot be fitted as it is: column 'ratio'"):
        bench.fit(BRIEF, True)
    bench.choose({"ratio": LEAVE_OUT})
    assert bench.state()["problem"] == ""


@pytest.mark.filterwarnings("default")
def test_warnings_of_the_schema_are_notes(tmp_path: Path, worker: Worker):
    from tabdiff.ui.jobs import listening

    frame = orders().assign(mail=[f"p{i}@example.org" for i in range(80)])
    with listening():
        notes = bench_of(frame, tmp_path, worker).state()["notes"]
    assert len(notes) == 1 and "column 'mail'" in notes[0]


def test_a_fit_leaves_a_file_that_loads_and_the_rows_set_aside_were_not_learned(bench: Workbench):
    model = fitted(bench).state()["model"]
    assert (model["rows"], model["aside"], model["is_outdated"]) == (64, 16, False)
    synth = DiffusionSynthesizer.load(bench.folder / "model.tabdiff", device="cpu")
    assert synth.n_rows_seen_ == 64
    pd.testing.assert_series_equal(synth.sample(3).dtypes, orders().dtypes)


def test_columns_changed_after_a_fit_make_it_outdated_and_left_out_ones_are_not_learned(
    bench: Workbench,
):
    fitted(bench, set_aside=False)
    bench.choose({"day": LEAVE_OUT})
    assert bench.state()["model"]["is_outdated"]
    model = fitted(bench, set_aside=False).state()["model"]
    assert not model["is_outdated"]
    assert model["columns"] == ["shop", "size", "sold"] and model["rows"] == 80


def test_a_fit_without_a_limit_stops_when_asked_and_keeps_the_best(bench: Workbench):
    bench.fit(None, True)
    wait_for(lambda: bench.state()["job"]["figures"].get("step", 0) >= 3)
    with pytest.raises(RefusedError, match="still under way"):
        bench.fit(None, True)
    bench.stop()
    wait_for(lambda: not bench.is_busy)
    state = bench.state()
    assert state["job"]["state"] == "stopped" and "(interrupted)" in state["model"]["learned"]
    assert DiffusionSynthesizer.load(bench.folder / "model.tabdiff").stopped_ == "interrupted"


@pytest.mark.parametrize("minutes", [0, -1, float("inf"), float("nan")])
def test_a_time_that_is_none_is_refused(bench: Workbench, minutes: float):
    with pytest.raises(RefusedError, match="Minutes must be above 0"):
        bench.fit(minutes, True)


def test_the_course_of_a_fit_tells_each_look_once():
    from tabdiff.training.standing import Progress

    course = Course(Job("fit", lambda job: None), 10.0)
    for step, seen in enumerate([np.nan, np.nan, 2.0, 2.0, 1.5], 1):
        course(Progress(step, 2.0 * step, 1.0, seen, 0.1))
    assert course.looks == [(3, 2.0), (5, 1.5)]
    assert course.job.figures["share"] == 1.0 and course.job.figures["held_out"] == 1.5


def test_rows_meet_their_conditions_and_a_seed_repeats_them(bench: Workbench):
    fitted(bench)
    files = []
    for seed in (1, 1, None):
        bench.draw(25, "shop=101\n\n size=2.. ", seed)
        drawn = done(bench)["drawn"]
        files.append(pd.read_csv(bench.folder / "rows.csv"))
    first, second, third = files
    assert len(first) == drawn["count"] == 25 and len(drawn["head"]) == 10
    assert (first["shop"] == 101).all() and (first["size"] >= 2).all()
    assert first.equals(second) and not first.equals(third)


def test_conditions_are_refused_at_the_door(bench: Workbench):
    fitted(bench)
    for conditions, error, said in (
        ("shop", RefusedError, "'shop' is not NAME=VALUE"),
        ("sold=maybe", ConditionError, "'maybe'.* Known: 'no', 'yes'"),
        ("shop=1..x", ValueError, "'x' is no number"),
        ("colour=red", ConditionError, "colour"),
    ):
        with pytest.raises(error, match=said):
            bench.draw(5, conditions, None)
    assert bench.state()["job"]["what"] == "fit"


def test_nothing_is_asked_without_a_model_or_beyond_the_limits(tmp_path: Path, worker: Worker):
    bench = bench_of(orders(), tmp_path, worker, Limits(drawn=10))
    with pytest.raises(RefusedError, match="fit the table first"):
        bench.draw(5, "", None)
    with pytest.raises(RefusedError, match="fit the table first"):
        bench.judge(None)
    fitted(bench)
    for n_rows in (0, 11):
        with pytest.raises(RefusedError, match="Rows must be from 1 to 10"):
            bench.draw(n_rows, "", None)
    with pytest.raises(RefusedError, match="no column 'nobody'"):
        bench.judge("nobody")


def test_a_new_model_takes_the_rows_of_the_old_one_away(bench: Workbench):
    fitted(bench).draw(5, "", None)
    assert done(bench)["drawn"] is not None
    state = fitted(bench).state()
    assert state["drawn"] is None and not (bench.folder / "rows.csv").exists()


@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("sdmetrics")
def test_the_report_is_a_page_that_tells_how_many_rows_it_compared(tmp_path: Path, worker: Worker):
    bench = fitted(bench_of(orders(), tmp_path, worker, Limits(judged=40)))
    bench.judge("sold")
    report = done(bench)["report"]
    assert report["rows"] == 40
    assert report["findings"][0]["topic"] == "Likeness"
    assert "Synthetic data report" in (tmp_path / "report.html").read_text("utf-8")


def test_a_bench_that_is_discarded_at_work_leaves_nothing(bench: Workbench):
    bench.fit(None, True)
    wait_for(lambda: bench.state()["job"]["figures"].get("step", 0) >= 1)
    bench.stop()
    bench.discard()
    wait_for(lambda: not bench.is_busy)
    assert not bench.folder.exists()
