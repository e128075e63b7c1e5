"""Forecasts, gaps and faults: figures by closed forms, rivals that must know a plain series."""

import argparse
import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks import forecasts, series_faults, series_forecasts, series_gaps
from benchmarks.draws import (
    coverage,
    coverage_of_ties,
    crps,
    quantiles,
    weighted_quantile_loss,
)
from benchmarks.series_data import DAY, WEEK, HourlySeries, load_series, on_grid
from benchmarks.series_tabdiff import Tabdiff

HOURS = 900


def daily(noise: float = 0.0, entities: int = 1, hours: int = HOURS) -> HourlySeries:
    """Two numbers with a daily course, of one series or of several."""
    rng = np.random.default_rng(0)
    times = pd.date_range("2024-01-01", periods=hours, freq="h")
    parts = []
    for entity in range(entities):
        turn = 2 * np.pi * np.arange(hours) / DAY + entity
        course = np.column_stack([np.sin(turn), 5 + np.cos(turn)])
        course = (course + noise * rng.standard_normal(course.shape)).round(3)
        part = pd.DataFrame(course, columns=["a", "b"])
        parts.append(part.assign(time=times, region=f"r{entity}"))
    frame = pd.concat(parts, ignore_index=True)
    key = "region" if entities > 1 else None
    frame = frame if key else frame.drop(columns="region")
    return HourlySeries("toy", frame, key, "time", ("a", "b"), np.ones(hours, dtype=bool))


# ---- figures ----


def test_the_crps_of_normal_draws_is_that_of_the_normal_law():
    rng = np.random.default_rng(0)
    y = np.array([-1.0, 0.0, 2.0])
    # Gneiting and Raftery 2007, eq. 5.
    exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    found = crps(rng.standard_normal((20_000, 3)), y)
    # The standard error is near .01 at 2 and less elsewhere.
    np.testing.assert_allclose(found, exact, atol=0.03)
    np.testing.assert_array_equal(crps(np.zeros((1, 3)), y), np.abs(y))


def test_the_crps_is_without_bias_however_few_the_draws():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(40_000)
    # E CRPS of a law at its own draws is 1 / sqrt(pi) for N(0, 1); the standard error is .005.
    assert crps(rng.standard_normal((2, 40_000)), y).mean() == pytest.approx(0.564, abs=0.02)


def test_the_quantile_loss_of_certain_draws_is_their_relative_error():
    real = np.array([[1.0, 3.0], [2.0, 4.0]])
    drawn = np.broadcast_to(real + 0.5, (9, 2, 2))
    # Of draws that are all too high by d, rho_q = d (1 - q), whose mean over the levels is d / 2.
    assert weighted_quantile_loss(drawn, real) == pytest.approx(4 * 0.5 / 10)
    assert np.isnan(weighted_quantile_loss(drawn, np.zeros((2, 2))))


def test_intervals_of_few_draws_cover_what_they_say():
    rng = np.random.default_rng(0)
    drawn, real = rng.standard_normal((19, 20_000)), rng.standard_normal(20_000)
    # Shares of 20,000 have a standard error below .004.
    for share in (0.5, 0.8, 0.9):
        assert coverage(drawn, real, share) == pytest.approx(share, abs=0.015)
    assert coverage(0.5 * drawn, real, 0.8) < 0.6
    np.testing.assert_allclose(quantiles(np.arange(1.0, 10.0)[:, None], (0.5,)), [[5.0]])


@pytest.mark.parametrize("m", [7, 20])
def test_intervals_of_numbers_that_come_again_hold_what_they_say_where_ties_are_parted(m: int):
    rng = np.random.default_rng(0)
    drawn, real = (rng.poisson(1.5, shape).astype(float) for shape in ((m, 20_000), 20_000))
    for share in (0.5, 0.8):
        assert coverage(drawn, real, share) > share + 0.04
        assert coverage_of_ties(drawn, real, share) == pytest.approx(share, abs=0.01)
    # Of draws that are all wrong, too narrow or too wide it tells as much.
    assert coverage_of_ties(drawn + 5, real, 0.8) < 0.25
    assert coverage_of_ties(np.ones_like(drawn), real, 0.8) < 0.5
    assert coverage_of_ties(4 * drawn - 4, real, 0.8) > 0.9
    # Without ties, and with whole intervals of draws, it is the plain one.
    drawn, real = rng.standard_normal((19, 20_000)), rng.standard_normal(20_000)
    assert coverage_of_ties(drawn, real, 0.8) == pytest.approx(coverage(drawn, real, 0.8), abs=1e-9)


# ---- series ----


def test_tracks_come_back_to_the_rows_they_came_from():
    series = daily(0.1, entities=3)
    rows = series.between(100, 110)
    tracks = series.tracks(rows)
    assert tracks.shape == (10, 6)
    assert series.track_columns == ["a", "b"] * 3
    second = rows[rows["region"] == "r1"]
    np.testing.assert_array_equal(tracks[:, 2:4], second[["a", "b"]])
    pd.testing.assert_frame_equal(series.with_tracks(rows, tracks), rows)


def test_missing_hours_repeat_a_day_before_and_are_not_observed():
    whole = daily().frame.assign(sky="blue")
    series = on_grid("toy", whole.drop(index=[3, 50, 74]), "time", ("a", "b"))
    assert list(np.flatnonzero(~series.observed)) == [3, 50, 74]
    # The third hour has no day before it; 74 is two days after the last that is known.
    np.testing.assert_array_equal(series.frame["a"][[3, 50, 74]], whole["a"][[2, 26, 26]])
    assert series.frame["sky"].eq("blue").all()


def test_the_traffic_has_one_row_per_hour(tmp_path: Path):
    (tmp_path / "timeseries").mkdir()
    hours = [*range(24), 5, *range(24, 48)]
    frame = pd.DataFrame(
        {"holiday": "None", "temp": 280.5, "clouds_all": 3, "weather_main": "Clear"},
        index=range(49),
    )
    frame["weather_description"] = "sky"
    frame["date"] = [f"1/{1 + h // 24}/2016 {h % 24}:00" for h in hours]
    frame["traffic_volume"] = hours
    frame.to_csv(tmp_path / "timeseries" / "metro_traffic.csv.gz", index=False)
    series = load_series("metro_traffic", tmp_path)
    assert list(series.frame["traffic_volume"]) == list(range(48))
    assert "holiday" not in series.frame


# ---- forecasts ----


def test_origins_lie_in_what_is_held_out():
    first = series_forecasts.origins(daily(), 48, 7)
    assert first[0] == daily().cut and first[-1] == HOURS - 48
    assert len(first) == 7


@pytest.mark.parametrize(("period", "cycle"), [(DAY, DAY), (WEEK, DAY), (0, DAY)])
def test_a_course_that_repeats_is_forecast_without_error(period: int, cycle: int):
    series = daily()
    forecast = series_forecasts.repeating(period, cycle)(series, 48, 0)
    found = series_forecasts.score(series, 48, [730, 755], forecast)
    # Rounded to three decimals.
    assert found["crps"] < 0.005
    assert set(found["columns"]) == {"a", "b"}


def test_the_last_value_knows_how_far_it_is_off():
    series = daily(hours=3_000)
    walk = np.random.default_rng(0).standard_normal((3_000, 2)).cumsum(axis=0)
    series = replace(series, frame=series.with_tracks(series.frame, walk))
    first = series_forecasts.origins(series, 24, 20)
    found = series_forecasts.score(
        series, 24, first, series_forecasts.repeating(0, 1)(series, 24, 0)
    )
    # Twenty origins of a walk are about forty cases.
    assert found["cover_80%"] == pytest.approx(0.8, abs=0.2)


@pytest.mark.usefixtures("judged_apart")
def test_no_forecaster_looks_at_what_comes():
    series = replace(daily(0.3), scored=("a",))
    later = series.frame.assign(a=series.frame["a"].mask(series.frame.index >= 760, 99.0))
    changed = replace(series, frame=later)
    for fit in (series_forecasts.repeating(DAY, DAY), small_boosted):
        one, other = (fit(s, 24, 0)(760) for s in (series, changed))
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def judged_apart() -> None:
    """Leave a test out where scikit-learn cannot stop its trees by rows given apart."""
    pytest.importorskip("sklearn", minversion="1.7")


def small_boosted(series: HourlySeries, horizon: int, seed: int) -> series_forecasts.Forecast:
    """Boosting as benchmarked, but with few trees to grow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series_forecasts, "BOOSTED_EXAMPLES", 300)
        patch.setattr(series_forecasts, "BOOSTED_LEVELS", (0.2, 0.8))
        forecast = series_forecasts.boosted(series, horizon, seed)

    def in_its_levels(origin: int) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(series_forecasts, "BOOSTED_LEVELS", (0.2, 0.8))
            return forecast(origin)

    return in_its_levels


@pytest.mark.usefixtures("judged_apart")
def test_boosting_is_nearer_than_repeating_a_noisy_day():
    series = replace(daily(0.3), scored=("a",))
    found, naive = (
        series_forecasts.score(series, 24, [730, 760, 800], fit(series, 24, 0))
        for fit in (small_boosted, series_forecasts.repeating(DAY, DAY))
    )
    # The naive error is that of two noises, 1.41 times that of the one which nobody can know.
    assert found["crps"] < naive["crps"]


# ---- gaps ----


def test_hidden_cells_and_days_are_as_many_as_they_should():
    rng = np.random.default_rng(0)
    assert series_gaps.hide("cells", (700, 3), rng).mean() == pytest.approx(0.3, abs=0.04)
    blocks = series_gaps.hide("blocks", (700, 3), rng)
    # Six days of 700 hours, some of which may meet.
    assert 0.1 < blocks.mean() <= 6 * DAY / 700
    edges = np.diff(blocks.astype(int), axis=0, prepend=0)
    assert all((edges[:, track] == 1).sum() <= 6 for track in range(3))


def test_lines_meet_a_slope_and_the_season_meets_a_course():
    hours = np.arange(120.0)
    line, course = np.column_stack([hours, -hours]), np.sin(2 * np.pi * hours / DAY)[:, None]
    hidden = np.zeros((120, 2), dtype=bool)
    hidden[40:64] = True
    lines = series_gaps.filled_linearly(np.where(hidden, np.nan, line), hidden)
    np.testing.assert_allclose(lines, line)
    gone = hidden[:, :1]
    seasonal = series_gaps.filled_by_season(np.where(gone, np.nan, course), gone)
    np.testing.assert_allclose(seasonal, course, atol=1e-12)


def test_cells_are_classed_by_the_hours_to_what_is_known():
    hidden = np.zeros((20, 1), dtype=bool)
    hidden[2:17] = True
    classes = series_gaps.distance(hidden)[:, 0]
    # 1, 2, then 3 and 4, then up to 8 hours away.
    assert list(classes[[2, 3, 4, 5, 6, 9]]) == [0, 1, 2, 2, 3, 3]


def test_past_errors_cover_what_they_say_and_known_cells_are_kept():
    series = daily(0.3, hours=3_000)
    hidden = series_gaps.hide("cells", (336, 2), np.random.default_rng(1))
    fill = series_gaps.with_past_errors(series_gaps.filled_by_season)
    drawn = fill(series, 2_500, hidden, 0)
    values = series.tracks(series.frame)[2_500:2_836]
    assert (drawn[:, ~hidden] == values[~hidden]).all()
    found = series_gaps.score(series, 2_500, hidden, drawn)
    # About 200 cells: a standard error of .03.
    assert found["cover_80%"] == pytest.approx(0.8, abs=0.1)
    assert found["mae"] < 0.6


# ---- faults ----


@pytest.mark.parametrize("kind", series_faults.FAULTS)
def test_faults_are_where_they_are_marked_and_have_no_more_decimals(kind: str):
    values = daily(0.1, entities=2).tracks(daily(0.1, entities=2).frame)
    faulty, marked = series_faults.plant(kind, values, 2, np.random.default_rng(0))
    touched = (faulty != values).reshape(HOURS, 2, 2).any(axis=2)
    assert not (touched & ~marked).any()
    assert touched[marked].mean() > 0.9
    assert 0 < marked.mean() < 0.5
    assert series_faults.decimals(faulty) == series_faults.decimals(values) == 3


def test_each_fault_is_found_by_the_score_that_is_made_for_it():
    series = daily(0.1, hours=3_000)
    for kind, made_for in (("spikes", series_faults.by_jump), ("swaps", series_faults.by_season)):
        found = series_faults.score(series, kind, made_for, 0)
        assert found["auc_pr"] > 2.5 * found["chance"], kind
    shuffled = np.random.default_rng(0)
    guess = series_faults.score(series, "swaps", lambda s, f, seed: shuffled.random((len(f), 1)), 0)
    # The AUC-PR of a guess is the share of faults, give or take .05 for 600 rows.
    assert guess["auc_pr"] == pytest.approx(guess["chance"], abs=0.15)


def test_the_forest_gives_a_score_per_row_and_entity():
    series = daily(0.1, entities=2)
    faulty = series.tracks(series.between(series.cut - series_forecasts.HISTORY, HOURS))
    faulty[400, :2] = 30.0
    odd = series_faults.by_isolation(series, faulty, 0)
    assert odd.shape == (len(faulty), 2)
    # Where it is, or where it is a lag; in the first week lags are made up.
    assert WEEK + odd[WEEK:, 0].argmax() in {400, 401, 424}
    assert odd[WEEK:, 0].max() > odd[WEEK:, 1].max()


# ---- from end to end ----


def test_the_questions_run_from_end_to_end_and_go_on_where_they_stopped(tmp_path: Path):
    (tmp_path / "timeseries").mkdir()
    series = daily(0.2, entities=2)
    frame = series.frame.rename(columns={"a": "value", "time": "timestamp", "region": "unique_id"})
    frame = frame[["unique_id", "timestamp", "value"]]
    frame.to_csv(tmp_path / "timeseries" / "ercot.csv.gz", index=False)
    arguments = argparse.Namespace(
        data=tmp_path, sets=["ercot"], questions=["forecast", "gaps", "faults"], seeds=[0],
        methods=["seasonal day", "same hours around", "jump"], horizons=[24], origins=2,
        minutes=None, threads=1, results=tmp_path / "forecasts.jsonl",
    )  # fmt: skip
    forecasts.run_all(arguments)
    first = arguments.results.read_text()
    forecasts.run_all(arguments)
    assert arguments.results.read_text() == first
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["variant"] for row in rows] == [
        "24 h",
        "cells",
        "blocks",
        "spikes",
        "shifts",
        "swaps",
    ]
    for row in rows:
        assert all(np.isfinite(row[key]) for key in forecasts.FIGURES[row["question"]])
    text = forecasts.render(rows)
    assert "## Forecast\n" in text and "## Gaps\n" in text and "## Faults\n" in text
    assert "| ercot | 24 h | seasonal day | 1 |" in text


@pytest.mark.slow
@pytest.mark.parametrize("entities", [1, 2])
def test_the_library_answers_the_three_questions(entities: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(series_forecasts, "DRAWS", 3)
    monkeypatch.setattr(series_gaps, "DRAWS", 2)
    series = daily(0.2, entities=entities)
    own = Tabdiff(series, 1.0, 0)
    # Values beyond those learned from are told with a warning, which is right here.
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        drawn = own.forecaster(series, 24, 0)(760)
        hidden = series_gaps.hide("cells", (24, 2 * entities), np.random.default_rng(0))
        filled = own.fill(series, 760, hidden, 0)
        faulty = series.tracks(series.between(series.cut - series_forecasts.HISTORY, HOURS))
        odd = own.score_rows(series, faulty, 0)
    assert drawn.shape == (3, 24, 2 * entities)
    assert (filled[:, ~hidden] == series.tracks(series.frame)[760:784][~hidden]).all()
    assert odd.shape == (len(faulty), entities)
    assert own.fit_seconds > 0
