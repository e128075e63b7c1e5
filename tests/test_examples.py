import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
# What an example needs besides the library; the others draw, or read plotly's tables.
NEEDED = {
    "04_unbalanced.py": "imblearn",
    "11_fraud_in_a_pipeline.py": "imblearn",
    "12_baskets_in_sql.py": "duckdb",
}


def test_the_quickstart_runs_and_shows_what_it_made(tmp_path: Path):
    pytest.importorskip("sdmetrics")
    command = [sys.executable, str(EXAMPLES / "01_quickstart.py"), "--max-steps", "5"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Synthetic rows" in done.stdout
    for name in ("report.html", "real_and_synthetic.svg"):
        assert str(tmp_path / name) in done.stdout
        assert (tmp_path / name).stat().st_size > 10_000
    assert (tmp_path / "gapminder.tabdiff").exists()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences drawn in few steps, few at a time."""
    monkeypatch.setattr("tabdiff.timeseries.default_sequence_steps", lambda layout: 2)
    monkeypatch.setattr("tabdiff.sequences.CHUNK_SLOTS", 512)


# Of hidden-out cells beyond those that were learned from, the user is told.
@pytest.mark.filterwarnings("ignore::tabdiff.data.errors.ConditionWarning")
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("02_conditions.py", [], ["1. A value: Oceania", "Asia's share", "had it been 2007"]),
        ("03_imputation.py", [], ["DiffusionImputer, mean of 20", "KNNImputer", "80 % intervals"]),
        ("04_unbalanced.py", ["--rows", "600"], ["SMOTENC", "DiffusionOverSampler", "the law"]),
        ("06_constraints.py", ["--rows", "300"], ["'pickup' <= 'dropoff'", "JFK", "began"]),
        ("07_store_panel.py", ["--stores", "16"], ["Weekday profile", "rain after rain"]),
        ("09_patient_visits.py", ["--patients", "60", "--draws", "2"], ["unseen", "80 %"]),
        ("11_fraud_in_a_pipeline.py", ["--rows", "2000", "--folds", "2"], ["to 2 %", "the law"]),
        ("12_baskets_in_sql.py", ["--baskets", "300"], ["do not add up: 0", "lift", "corner"]),
        ("13_town_from_a_census.py", ["--rows", "400", "--share", "0.1"], ["true town", "Ebb"]),
    ],
)
def test_an_example_runs_and_tells_what_it_shows(
    name: str,
    options: list[str],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    pytest.importorskip(NEEDED.get(name, "plotly"))
    monkeypatch.setattr(sys, "argv", [name, "--max-steps", "5", *options])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    assert [words for words in told if words not in printed] == []
    assert "nan" not in printed


@pytest.mark.usefixtures("hasty")
def test_the_forecast_runs_and_draws_its_fan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("plotly")
    options = ["--items", "12", "--days", "70", "--samples", "5", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["08_forecast.py", "--max-steps", "5", *options])
    runpy.run_path(str(EXAMPLES / "08_forecast.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "sales_0.1" in printed
    assert "more than the law itself" in printed
    assert (tmp_path / "forecast.html").stat().st_size > 10_000


@pytest.mark.slow
def test_the_cohort_is_judged_before_it_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("sdmetrics")
    options = ["--max-steps", "5", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["10_share_a_cohort.py", *options])
    runpy.run_path(str(EXAMPLES / "10_share_a_cohort.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "memorisation_excess" in printed and "triglycerides" in printed
    assert (tmp_path / "cohort.html").stat().st_size > 10_000
    assert (tmp_path / "cohort.csv").read_text(encoding="utf-8").count("\n") == 332


def test_a_register_is_shared_with_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("sdmetrics")
    options = ["--max-steps", "5", "--rows", "200", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["14_private_sharing.py", *options])
    runpy.run_path(str(EXAMPLES / "14_private_sharing.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("(2, 1e-05)-differential privacy of a row") == 2
    assert (tmp_path / "register.tabdiff").exists()
