import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer
from tabdiff.analytics.plots import plot_forecast, plot_history
from tests.tiny import TINY, table


def history() -> pd.DataFrame:
    days = pd.date_range("2026-01-01", periods=5)
    return pd.DataFrame({"day": days, "x": [1.0, 2.0, 3.0, 4.0, 5.0]})


def futures() -> pd.DataFrame:
    """A hundred and one draws of two days: 0 to 100, and 100 to 200."""
    draw = np.repeat(np.arange(101), 2)
    days = np.tile(pd.date_range("2026-01-06", periods=2), 101)
    return pd.DataFrame({"draw": draw, "day": days, "x": draw + np.tile([0.0, 100.0], 101)})


def test_a_fan_holds_what_its_bands_promise():
    pytest.importorskip("plotly")
    figure = plot_forecast(history(), futures(), "x", index="day", bands=(0.8, 0.5))
    wide, narrow, median, past = figure.data
    assert [trace.name for trace in figure.data][:2] == ["80% of the futures", "50% of the futures"]
    np.testing.assert_allclose(wide.y, [10, 110, 190, 90])
    np.testing.assert_allclose(narrow.y, [25, 125, 175, 75])
    np.testing.assert_allclose(median.y, [50, 150])
    assert list(pd.to_datetime(median.x)) == list(pd.date_range("2026-01-06", periods=2))
    np.testing.assert_allclose(past.y, history()["x"])


def test_futures_without_an_index_follow_the_rows_of_the_history():
    pytest.importorskip("plotly")
    figure = plot_forecast(history(), futures(), "x")
    assert list(figure.data[-1].x) == [0, 1, 2, 3, 4]
    assert list(figure.data[-2].x) == [5, 6]


def test_a_fan_is_of_one_sequence_and_of_columns_that_are_there():
    two = pd.concat([futures(), futures()])
    with pytest.raises(ValueError, match="one sequence"):
        plot_forecast(history(), two, "x", index="day")
    with pytest.raises(KeyError, match="history has no column 'y'"):
        plot_forecast(history(), futures(), "y")
    with pytest.raises(ValueError, match="between 0 and 1"):
        plot_forecast(history(), futures(), "x", bands=(80,))


def test_a_history_shows_both_losses_and_the_step_that_was_kept():
    pytest.importorskip("plotly")
    looks = {"step": [100, 200, 300], "seconds": [1.0, 2.0, 3.4], "loss": [1.2, 1.0, 0.8]}
    falls = pd.DataFrame(looks | {"validation_loss": [1.3, 1.1, 1.2], "learning_rate": [3, 2, 1]})
    learned, held_out, rate, kept = plot_history(falls, 200, "validation").data
    assert list(learned.y) == [1.2, 1.0, 0.8] and list(held_out.y) == [1.3, 1.1, 1.2]
    assert list(rate.y) == [3, 2, 1] and rate.xaxis != learned.xaxis
    assert (list(kept.x), list(kept.y)) == ([200], [1.1])
    title = plot_history(falls, 200, "validation").layout.title.text
    assert title == "300 steps in 3 s; ended by validation"


def test_both_synthesizers_draw_their_history():
    pytest.importorskip("plotly")
    rows = table().assign(one=1)
    long = pd.DataFrame({"k": np.repeat(list("abc"), 20), "x": rows["x"]})
    for synth in (
        DiffusionSynthesizer(**TINY).fit(rows),
        TimeSeriesDiffusionSynthesizer(sequence_key="k", **TINY).fit(long),
    ):
        figure = synth.plot_history()
        assert list(figure.data[1].y) == list(synth.history_["validation_loss"])
        assert len(figure.data[3].x) == 1
    nothing = DiffusionSynthesizer(**TINY).fit(rows[["one"]]).plot_history()
    assert (
        "0 steps" in nothing.layout.title.text and "nothing to learn" in nothing.layout.title.text
    )
    with pytest.raises(NotFittedError):
        DiffusionSynthesizer().plot_history()
