import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff.cli import BAD_INPUT, BELOW_THE_BAR, OK, main
from tabdiff.cli.commands import evaluate
from tests.cli.frames import ROWS
from tests.evaluation.panels import draw_panel


@pytest.fixture(scope="module")
def fake(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sample of the model, where SDMetrics is at hand to judge it."""
    pytest.importorskip("sdmetrics")
    path = str(tmp_path_factory.mktemp("fake") / "fake.csv")
    assert main(["sample", f"{folder}/m.tabdiff", "-o", path, "-q"]) == OK
    return path


def test_evaluate_prints_writes_and_compares(folder: Path, fake: str, tmp_path: Path, capsys):
    call = ["evaluate", f"{folder}/train.csv", fake]
    call += ["--holdout", f"{folder}/test.csv", "--target", "sold"]
    call += ["--html", f"{tmp_path}/r.html", "--json", f"{tmp_path}/r.json"]
    assert main([*call, "--fail-under", "quality=0.01", "--fail-under", "c2st=1.01"]) == (
        BELOW_THE_BAR
    )
    captured = capsys.readouterr()
    assert "Synthetic data report: 80 real, 80 synthetic, 80 holdout rows" in captured.out
    assert "below 1.01" in captured.err
    assert "quality is" not in captured.err
    assert "</html>" in (tmp_path / "r.html").read_text("utf-8")
    scores = json.loads((tmp_path / "r.json").read_text("utf-8"))["scores"]
    assert scores["utility_auc"]["value"] is not None


def test_evaluate_writes_json_to_the_standard_output(folder: Path, fake: str, capsys):
    call = ["evaluate", f"{folder}/train.csv", fake, "--json", "-"]
    assert main([*call]) == OK
    assert json.loads(capsys.readouterr().out)["rows"]["real"] == ROWS


class Scores:
    """A report as far as the bars look at it."""

    scores = pd.Series({"quality": 0.9, "copies": 2.0, "utility_auc": np.nan})


@pytest.mark.parametrize(
    ("under", "over", "code"),
    [
        ([], [], OK),
        ([("quality", 0.9)], [("copies", 2.0)], OK),
        ([("quality", 0.91)], [], BELOW_THE_BAR),
        ([], [("copies", 1.9)], BELOW_THE_BAR),
    ],
)
def test_a_figure_at_its_bar_passes(under, over, code):
    assert evaluate._compare(Scores, under, over) == code


def test_a_bar_needs_a_figure():
    with pytest.raises(ValueError, match=r"no figure 'qualty' .* Figures: quality, copies"):
        evaluate._compare(Scores, [("qualty", 1)], [])
    with pytest.raises(ValueError, match="utility_auc could not be measured"):
        evaluate._compare(Scores, [("utility_auc", 1)], [])


def test_evaluate_judges_only_what_is_included(folder: Path, fake: str, capsys):
    call = ["evaluate", f"{folder}/train.csv", fake, "--include", "quality", "--json", "-"]
    assert main(call) == OK
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert "shape_error" in scores
    assert "c2st" not in scores


def test_evaluate_takes_a_sequence_key_and_index(tmp_path: Path, capsys):
    pytest.importorskip("sdmetrics")
    for name, seed in (("real", 1), ("fake", 2)):
        draw_panel(30, seed).to_csv(tmp_path / f"{name}.csv", index=False)
    call = ["evaluate", f"{tmp_path}/real.csv", f"{tmp_path}/fake.csv", "--include", "sequences"]
    call += ["--sequence-key", "who", "--sequence-index", "day"]
    assert main([*call, "--json", "-", "--fail-over", "length_error=100"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["sequencing"] == {"key": "who", "index": "day", "window": None}
    assert found["sections"]["sequences"]["entities"]["real"] == 30
    assert main([*call[:-1], "week"]) == BAD_INPUT
    assert "sequence_index 'week' is no column" in capsys.readouterr().err


def test_evaluate_lists_the_sections_when_asked_for_another(folder: Path, fake: str, capsys):
    assert main(["evaluate", f"{folder}/train.csv", fake, "--include", "beauty"]) == BAD_INPUT
    assert "quality, detection, utility, privacy" in capsys.readouterr().err.replace("'", "")
