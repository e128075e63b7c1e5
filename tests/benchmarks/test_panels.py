"""Panels: the measures against closed forms and planted faults, and a run from end to end."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import panel_truth, panels, sequence_worker
from benchmarks.methods import HERE
from benchmarks.panel_data import BASEBALL, load_panel, split
from benchmarks.panel_measures import (
    c2st,
    copies,
    entity_features,
    judge,
    length_distance,
    standstill,
    transition_distance,
    transitions,
    with_few_levels,
)  # fmt: skip
from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences import bootstrap, independent
from benchmarks.rivals.sequences import tabdiff as own
from benchmarks.rivals.sequences.contract import Layout, SequenceTask
from benchmarks.sequence_methods import SEQUENCE_METHODS, Panel

LAYOUT = Layout("who", "when", ("kind",), ("kind", "mood"))


def frame(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["who", "when", "kind", "mood", "size"])


SMALL = frame(
    [
        (1, 0.0, "p", "up", 1.0), (1, 1.0, "p", "up", 3.0), (1, 3.0, "p", "down", 7.0),
        (2, 5.0, "q", "down", 4.0),
    ]
)  # fmt: skip


def law(n: int = 300, seed: int = 5) -> pd.DataFrame:
    return panel_truth.draw(n, np.random.default_rng(seed))


def task(seed: int = 0) -> SequenceTask:
    return SequenceTask(law(60), panel_truth.LAYOUT, seed, 1.0)


def test_features_of_an_entity_are_what_one_counts_by_hand():
    found = entity_features(SMALL, LAYOUT, SMALL)
    first = found.iloc[0]
    assert list(found["length"]) == [3, 1]
    assert list(found["kind"]) == ["p", "q"]
    assert (first["size first"], first["size last"]) == (1.0, 7.0)
    assert first["size mean"] == pytest.approx(11 / 3)
    # The three sizes lie on 1 + 2 t.
    assert first["size slope"] == pytest.approx(2.0)
    away = np.array([1.0, 3.0, 7.0]) - 11 / 3
    assert first["size lag 1"] == pytest.approx((away[1:] * away[:-1]).sum() / (away**2).sum())
    assert (first["step mean"], first["mood is up"]) == (1.5, pytest.approx(2 / 3))
    assert first["mood changes"] == 0.5
    assert np.isnan(
        found.loc[1, ["size sd", "size slope", "step mean", "mood changes"]].astype(float)
    ).all()


def test_an_entity_of_gaps_has_features_and_a_share_of_gaps():
    holed = SMALL.assign(size=np.nan, mood=None)
    found = entity_features(holed, LAYOUT, SMALL)
    assert list(found["size missing"]) == [1.0, 1.0]
    assert found["size mean"].isna().all()
    assert (found[["mood is up", "mood is down"]] == 0).all(axis=None)


def test_levels_are_the_same_whether_a_gap_made_them_floats():
    whole, floats = pd.Series([3, 4, 3]), pd.Series([3.0, np.nan, 5.0])
    assert list(with_few_levels(floats, whole)) == ["3", "(other)", "(other)"]
    assert list(with_few_levels(whole, floats.fillna(3.0))) == ["3", "(other)", "3"]


def test_detection_is_nothing_for_the_law_itself_and_sure_for_another():
    layout, real = panel_truth.LAYOUT, law(200)
    features = [entity_features(f, layout, real) for f in (real, law(200, 6))]
    # AUC of 400 entities told at random has a standard error of .029: four of them off 1 is .77.
    assert c2st(features[0], features[1]) > 0.77
    shuffled = independent.fit(SequenceTask(real, layout, 0, 1.0)).sample(200)
    assert c2st(features[1], entity_features(shuffled, layout, real)) < 0.3
    assert c2st(features[0].head(2), features[1]) is None


def test_transition_distance_weighs_rows_by_how_often_they_are_left():
    real = np.array([[6, 2], [1, 1]])
    assert transition_distance(real, 10 * real) == 0.0
    # Of ten steps eight leave the first level, whose law moves by 1/2, and two the second, by 0.
    assert transition_distance(real, np.array([[1, 3], [5, 5]])) == pytest.approx(0.8 * 0.5)
    # A level that is never left counts as wholly wrong.
    assert transition_distance(real, np.array([[3, 1], [0, 0]])) == pytest.approx(0.2)


def test_transitions_stay_within_entities():
    swapped = SMALL.assign(mood=["up", "up", "down", "up"])
    assert transitions(SMALL, swapped, LAYOUT) == 0.0
    assert transitions(SMALL, SMALL.assign(mood=["up", "down", "up", "down"]), LAYOUT) == 0.5
    assert transitions(SMALL.tail(1), SMALL, LAYOUT) is None


def test_lengths_standstill_and_copies_are_shares():
    assert length_distance(SMALL["who"], SMALL["who"].replace({1: 7})) == 0.0
    assert length_distance(SMALL["who"], pd.Series([1, 1, 2, 2])) == 1.0
    assert standstill(SMALL, LAYOUT) == 0.0
    assert standstill(SMALL.assign(when=[0.0, 0.0, 3.0, 5.0]), LAYOUT) == 0.5
    renamed = SMALL.replace({"who": {1: 8, 2: 9}})
    assert copies(SMALL, renamed, LAYOUT) == 1.0
    assert copies(SMALL, renamed.assign(size=[1.0, 3.0, 7.5, 4.0]), LAYOUT) == 0.5
    # The same rows in another order are another sequence.
    assert copies(SMALL, renamed.iloc[[1, 0, 2, 3]], LAYOUT) == 0.5


def test_the_autoregression_is_found_whatever_the_levels_and_gaps():
    rng = np.random.default_rng(0)
    n, steps, phi = 4_000, 6, 0.7
    x = np.empty((n, steps))
    x[:, 0] = rng.standard_normal(n) / np.sqrt(1 - phi**2)
    for t in range(1, steps):
        x[:, t] = phi * x[:, t - 1] + rng.standard_normal(n)
    level = 10 * rng.standard_normal((n, 1))
    values = np.where(rng.random(x.shape) < 0.1, np.nan, x + level).ravel()
    follows = (np.arange(1, n * steps) % steps) != 0
    # About 9,700 pairs of steps: the standard error of r is near .01, that of phi near .02.
    assert panel_truth.autoregression(values, follows) == pytest.approx(phi, abs=0.08)
    assert np.isnan(panel_truth.autoregression(np.ones(9), np.ones(8, dtype=bool)))


def test_the_laws_are_met_by_their_own_draws_and_each_fault_is_seen_where_it_is():
    real = law(400)
    # A root mean square of 40 standardised errors and fewer: 3 is beyond any chance.
    assert max(panel_truth.errors(real).values()) < 3
    rng = np.random.default_rng(0)
    faults = {
        "transitions": real.assign(state=rng.permutation(real["state"].to_numpy())),
        "lengths": real[real["day"] < 6],
        "autoregression": real.assign(x=rng.permutation(real["x"].to_numpy())),
        "levels": real.assign(x=real["x"] + 1),
        "response": real.assign(y=1.2 * real["y"]),
        "gaps": real.assign(x=real["x"].fillna(0.0)),
    }
    assert set(faults) == set(panel_truth.FIGURES)
    for name, faulty in faults.items():
        assert panel_truth.errors(faulty)[name] > 3, name


def test_what_a_panel_says_nothing_of_counts_as_wrong():
    still = law(60).assign(x=1.0, state="calm")
    found = panel_truth.errors(still)
    assert found["autoregression"] > 5
    assert found["transitions"] > 3


def test_the_split_shares_no_entity_and_repeats():
    panel, again = load_panel("generated", None, 80), load_panel("generated", None, 80)
    pd.testing.assert_frame_equal(panel.train, again.train)
    seen, unseen = (set(part["entity"]) for part in (panel.train, panel.test))
    assert not seen & unseen
    assert (len(seen), len(unseen)) == (60, 20)
    with pytest.raises(ValueError, match="--data"):
        load_panel("pbc2", None)


def test_rows_are_put_in_the_order_of_time_before_the_split():
    panel = split("toy", SMALL.iloc[::-1], LAYOUT, None)
    both = pd.concat([panel.train, panel.test])
    assert all(rows["when"].is_monotonic_increasing for _, rows in both.groupby("who"))


def test_seasons_at_several_teams_are_added_up(tmp_path: Path):
    (tmp_path / "timeseries").mkdir()
    columns = "players_id,year,team,league,G,AB,R,H,HR,RBI,SB,CS,BB,SO"
    rows = [
        "a,1900,X,NA,3,1,1,1,0,,0,0,0,0",
        "a,1900,Y,NL,9,2,0,1,0,,0,0,0,0",
        "b,1901,X,NL,1,1,1,1,1,1,1,1,1,1",
    ]
    players = ["id,country,birthDate,deathDate,nameFirst,nameLast,weight,height,bats,throws"]
    players += [f"{who},USA,1880-05-01,,N,N,150,70,R,L" for who in "ab"]
    for name, lines in (("batting", [columns, *rows]), ("players", players)):
        path = tmp_path / "timeseries" / f"baseball_{name}.csv.gz"
        pd.Series(lines[1:]).str.split(",", expand=True).to_csv(
            path, index=False, header=lines[0].split(",")
        )
    panel = load_panel("baseball", tmp_path)
    seasons = pd.concat([panel.train, panel.test]).set_index("player")
    assert seasons.loc["a", "G"] == 12
    assert (seasons.loc["a", "team"], seasons.loc["a", "birth_year"]) == ("Y", 1880)
    assert np.isnan(seasons.loc["a", "RBI"])
    assert set(BASEBALL.static) <= set(seasons)


@pytest.mark.parametrize("method", [bootstrap, independent])
def test_yardsticks_for_sequences_keep_lengths_and_repeat_with_the_seed(method):
    first, again, other = (method.fit(task(seed)).sample(200) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert first["entity"].nunique() == 200
    sizes = set(law(60).groupby("entity").size())
    assert set(first.groupby("entity").size()) <= sizes
    assert (first.groupby("entity")["group"].nunique() == 1).all()


def test_a_bootstrap_copies_entities_and_independent_rows_do_not():
    train = law(60)
    made = [method.fit(task()).sample(60) for method in (bootstrap, independent)]
    assert copies(train, made[0], panel_truth.LAYOUT) == 1.0
    assert copies(train, made[1], panel_truth.LAYOUT) < 0.05


def test_a_method_that_makes_too_many_entities_or_other_columns_is_refused():
    def more(told: SequenceTask) -> Fitted:
        return Fitted(lambda n: bootstrap.fit(told).sample(n + 1))

    def less(told: SequenceTask) -> Fitted:
        return Fitted(lambda n: bootstrap.fit(told).sample(n - 1))

    def narrow(told: SequenceTask) -> Fitted:
        return Fitted(lambda n: told.train.drop(columns="x"))

    for fit in (more, narrow):
        with pytest.raises(ValueError, match="60 entities of"):
            sequence_worker.run(fit, task())
    # An entity without rows cannot be seen in a long frame.
    assert sequence_worker.run(less, task())[1]["entities_made"] == 59


def test_every_method_for_sequences_has_a_module():
    for name in SEQUENCE_METHODS:
        assert (HERE / "rivals" / "sequences" / f"{name}.py").exists()


@pytest.mark.usefixtures("sdmetrics")
def test_every_figure_of_the_page_is_judged():
    panel = load_panel("generated", None, 40)
    found = judge(panel, panel.test)
    costs = {"fit_seconds", "sample_seconds", "fit_cpu_seconds", "peak_gb"}
    assert set(found) == (set(panels.FIGURES) - costs) | set(panels.TRUTHS)
    assert all(value is not None and np.isfinite(value) for value in found.values())


@pytest.mark.usefixtures("sdmetrics")
def test_panels_run_from_end_to_end_and_go_on_where_they_stopped(tmp_path: Path):
    arguments = argparse.Namespace(
        data=None, panels=["generated"], methods=["bootstrap"], seeds=[0], minutes=0.1, threads=1,
        entities=40, time_limit=1.0, envs=tmp_path, results=tmp_path / "panels.jsonl",
    )  # fmt: skip
    panels.run_all(arguments)
    first = arguments.results.read_text()
    panels.run_all(arguments)
    assert arguments.results.read_text() == first
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["method"] for row in rows] == ["unseen", "bootstrap"]
    assert rows[1]["copies"] == 1.0
    assert rows[1]["peak_gb"] > 0
    text = panels.render(rows)
    assert text.index("*unseen real*") < text.index("bootstrap copy")
    assert "Distance from the laws" in text


def test_a_run_that_broke_off_is_shown_with_its_error():
    row = {
        "set": "pbc2", "entities": 9, "rows": 30, "method": "par", "seed": 0, "minutes": 5,
        "threads": 1, "processor": "Z80", "python": "3.11.7", "versions": {}, "error": "a | b",
    }  # fmt: skip
    assert "| PAR | 5 | 0 of 1: a \\| b | – |" in panels.render([row])


@pytest.mark.slow
def test_the_library_makes_entities_of_the_columns_it_was_given():
    told = SequenceTask(law(30), panel_truth.LAYOUT, 0, 2.0)
    made, cost = sequence_worker.run(own.fit, told)
    assert cost["entities_made"] <= 30
    assert set(made["state"].dropna()) <= set(panel_truth.STATES)
    judge(Panel("generated", told.train, law(20), panel_truth.LAYOUT), made)
