"""Rows on their way to noise and back, and the pictures of it.

Five standard deviations (std) of a share are allowed, which 6e-7 of fresh seeds exceed, each.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer
from tabdiff.analytics import film, plots
from tests.analytics.known import NETWORK, labels, normals, of_labels, of_normals, synthesizer
from tests.conftest import FrameMaker
from tests.tiny import tiny


def mixed(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"number": rng.normal(size=n).round(3), "whole": rng.integers(0, 4, n)})
    df["text"] = rng.choice(["p", "q"], n)
    df["yes"] = rng.random(n) < 0.3
    df["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    df.loc[::9, "number"] = np.nan
    return df


@pytest.fixture(scope="module")
def synth() -> DiffusionSynthesizer:
    return tiny().fit(mixed())


# -------------------------------------------------------------------------------------- forward


def test_without_noise_rows_are_what_they_were(synth: DiffusionSynthesizer):
    df = mixed().head(50).set_axis(range(7, 57))
    pd.testing.assert_frame_equal(synth.diffuse(df, 0.0), df)


def test_pure_noise_shows_no_cell(synth: DiffusionSynthesizer):
    assert synth.diffuse(mixed(), 1.0).isna().all(axis=None)


def test_a_masked_cell_is_missing_and_stays_so_as_noise_grows(synth: DiffusionSynthesizer):
    df = mixed().drop(columns="number")
    whole = mixed()
    early, late = (synth.diffuse(whole, t)[df.columns] for t in (0.3, 0.7))
    # Shares of 1,600 cells, whose clocks are spread evenly over the 5 of a row: 5 std at most.
    for t, noisy in ((0.3, early), (0.7, late)):
        assert abs(noisy.isna().to_numpy().mean() - t) < 5 * np.sqrt(t * (1 - t) / 1600)
    assert not (early.isna() & late.notna()).any(axis=None)
    # What still shows is what it was; a day is noisy within its cell.
    for name in ("whole", "text", "yes"):
        shown = early[name].notna()
        assert (early[name] == df[name])[shown].all()


def test_values_without_cells_are_noisy_and_keep_their_law():
    df = normals(300)
    noisy = synthesizer(of_normals()).diffuse(df, 0.7)
    assert noisy.notna().all(axis=None)
    # At t = 0.7, alpha = cos(pi/2 0.7^1.7) = 0.65; 5 std of a correlation of 300 rows.
    correlation = np.corrcoef(noisy["x"], df["x"])[0, 1]
    assert abs(correlation - np.cos(np.pi / 2 * 0.7**1.7)) < 5 * 0.6 / np.sqrt(300)
    assert abs(noisy["x"].std() - 3) < 5 * 3 / np.sqrt(600)


def test_uniform_noise_replaces_levels_instead_of_masking_them():
    df = labels(NETWORK, 500)
    noisy = synthesizer(of_labels(NETWORK, "uniform")).diffuse(df, 1.0)
    assert noisy.notna().all(axis=None)
    # Three levels alike, and no relation left: 5 std of a share of 500 rows.
    assert (noisy["a"].value_counts(normalize=True) - 1 / 3).abs().max() < 5 * 0.47 / np.sqrt(500)
    assert 0 < (noisy["a"] == df["a"]).mean() < 0.5


def test_every_container_comes_back_as_it_was(make_frame: FrameMaker, frame_kind: str):
    table = pd.DataFrame({"a": np.tile([1.0, 2.0, 4.0], 40), "b": np.repeat([0.0, 1.0], 60)})
    df: Any = make_frame(table)
    noisy = tiny().fit(df).diffuse(df, 0.5)
    assert type(noisy) is type(df) and noisy.shape == df.shape
    missing = {
        "pandas": lambda: noisy.isna().to_numpy().mean(),
        "polars": lambda: noisy.null_count().to_numpy().sum() / 240,
        "numpy": lambda: np.isnan(noisy).mean(),
    }[frame_kind]()
    assert 0.3 < missing < 0.7


# -------------------------------------------------------------------------------------- backward


def test_a_trajectory_goes_from_nothing_to_a_sample(synth: DiffusionSynthesizer):
    found = synth.trajectory(30, [0.0, 0.5, 1.0])
    assert found.index.names == ["time", "row"]
    assert list(found.columns) == list(mixed().columns)
    assert [len(found.loc[t]) for t in (0.0, 0.5, 1.0)] == [30, 30, 30]
    assert found.loc[1.0].isna().all(axis=None)
    assert found.loc[0.0].drop(columns="number").notna().all(axis=None)
    hidden = found.loc[0.5].drop(columns="number").isna()
    assert 0.3 < hidden.to_numpy().mean() < 0.7


def test_what_shows_on_the_way_is_what_the_row_becomes():
    found = synthesizer(of_labels(NETWORK)).trajectory(200, [0.0, 0.4, 0.8])
    end = found.loc[0.0]
    for t in (0.4, 0.8):
        shown = found.loc[t].notna()
        assert (found.loc[t] == end)[shown].stack().all()
        assert abs(shown.to_numpy().mean() - (1 - t)) < 5 * np.sqrt(0.25 / 600)


def test_the_end_of_a_trajectory_follows_the_law():
    end = synthesizer(of_labels(NETWORK)).trajectory(1500, [0.0]).loc[0.0]
    law = NETWORK.sum(2)
    seen = pd.crosstab(end["a"], end["b"], normalize=True).to_numpy()
    # 5 std of each of six shares.
    assert (np.abs(seen - law) < 5 * np.sqrt(law / 1500)).all()


def test_an_empty_trajectory_has_columns(synth: DiffusionSynthesizer):
    assert list(synth.trajectory(0, [1.0, 0.0]).columns) == list(mixed().columns)


@pytest.mark.parametrize("times", [[1.2], [-0.1, 0.5], [float("nan")], []])
def test_times_must_lie_between_data_and_noise(synth: DiffusionSynthesizer, times: list[float]):
    with pytest.raises(ValueError, match="times must"):
        synth.trajectory(3, times)
    if times:
        with pytest.raises(ValueError, match="t must be in"):
            synth.diffuse(mixed(), times[0])


# -------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("columns", [("number",), ("text",), ("day",), ("number", "text")])
def test_trajectories_are_drawn_with_a_frame_for_each_time(
    synth: DiffusionSynthesizer, columns: tuple[str, ...]
):
    pytest.importorskip("plotly")
    figure = synth.plot_trajectory(*columns, df=mixed(60), times=[0, 0.5, 1])
    assert [frame.name for frame in figure.frames] == ["0.00 | 1.00", "0.50 | 0.50", "1.00 | 0.00"]
    assert all(len(frame.data) == len(figure.data) for frame in figure.frames)
    assert "frames" in figure.to_json()


def test_areas_of_a_ridge_are_the_shares_that_show(synth: DiffusionSynthesizer):
    pytest.importorskip("plotly")
    figure = synth.plot_trajectory("day", df=mixed(), times=[0, 0.5, 1])
    told = [trace.text for trace in figure.data if trace.type == "scatter"]
    assert told[0].startswith("t = 0.00: 100%") or told[0].startswith("t = 0.00: 99%")
    assert told[2] == "t = 1.00: 0% of the cells show"


def test_without_rows_new_ones_go_forward(synth: DiffusionSynthesizer):
    pytest.importorskip("plotly")
    figure = synth.plot_trajectory("text", "yes", n_samples=20, times=[0, 1])
    assert [len(trace.x) for trace in figure.data] == [20, 20]


def test_rare_levels_are_not_drawn_but_counted_as_hidden():
    many = pd.Series([f"v{i:02}" for i in range(20) for _ in range(i + 1)])
    scale = film.Scale.of(many)
    assert scale.levels == [f"v{i:02}" for i in range(8, 20)]
    assert np.isnan(scale.place(many)).sum() == sum(range(1, 9))


@pytest.mark.parametrize("columns", [(), ("number", "text", "day")])
def test_no_more_than_two_columns_are_drawn(synth: DiffusionSynthesizer, columns: tuple[str, ...]):
    with pytest.raises(ValueError, match="one column or two"):
        synth.plot_trajectory(*columns)


def test_an_unknown_column_is_named(synth: DiffusionSynthesizer):
    with pytest.raises(KeyError, match="no column 'nunber'.*Did you mean 'number'"):
        synth.plot_trajectory("nunber")


def test_the_schedule_is_drawn_with_its_steps(synth: DiffusionSynthesizer):
    pytest.importorskip("plotly")
    figure = synth.plot_schedule()
    names = {trace.name for trace in figure.data}
    assert {"signal α", "noise σ", "P(level still shows)", "2 sampling steps"} <= names
    keep = next(trace for trace in figure.data if trace.name == "P(level still shows)")
    np.testing.assert_allclose(keep.y, 1 - np.asarray(keep.x))


def test_profile_and_dependence_are_drawn(synth: DiffusionSynthesizer):
    pytest.importorskip("plotly")
    profile = synth.information_profile(mixed(60))
    assert f"{profile.total:.2f} nats" in profile.plot().layout.title.text
    found = synthesizer(of_labels(NETWORK)).dependence(labels(NETWORK, 800))
    figure = found.plot()
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines"]
    assert len(lines) == len(found.edges()) == 2


def test_pictures_without_plotly_say_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "plotly.subplots", None)
    with pytest.raises(ImportError, match=r"pip install 'tabdiff\[eval\]'"):
        plots.panels(("a",))
