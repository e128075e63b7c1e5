"""A fit under differential privacy from the terminal: a file says what is public."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer, private, private_sequences
from tabdiff.cli import BAD_INPUT, OK, main
from tests.cli.frames import ROWS, some_rows, some_stores

TABLE: dict[str, Any] = {
    "epsilon": 5,
    "delta": 1e-4,
    "bounds": {"size": [0, 50], "count": [0, 200], "day": ["2024-01-01", "2024-12-31"]},
    "categories": {"code": ["A07", "B12", "C9"], "sold": ["yes", "no"]},
    "missing": ["size"],
    "resolution": {"size": 0.01},
    "n_rows": ROWS,
    "marginal_share": 1,
}
STORES: dict[str, Any] = {
    "epsilon": 5,
    "delta": 1e-4,
    "bounds": {"sales": [0, 100], "day": ["2024-01-01", "2024-12-31"]},
    "categories": {"country": ["NL", "BE", "DE"], "promo": ["yes", "no"]},
    "n_rows": 12,
    "longest": 24,
    "step": "1D",
    "marginal_share": 1,
}
BRIEFLY = ["--max-steps", "2", "--device", "cpu"]


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "COARSE_ROWS", (100, 100))
    for module in (private, private_sequences):
        monkeypatch.setattr(module, "JUDGES", 40)
    monkeypatch.setattr(private_sequences, "LEAST_SEQUENCES", 50)


def called(frame: pd.DataFrame, told: Any, folder: Path, *options: str) -> tuple[int, str]:
    """The exit code of a fit of ``frame`` with what is ``told``, and where its model would lie."""
    frame.to_csv(folder / "data.csv", index=False)
    (folder / "public.json").write_text(told if isinstance(told, str) else json.dumps(told))
    model = f"{folder}/m.tabdiff"
    call = ["fit", f"{folder}/data.csv", "-o", model, "--privacy", f"{folder}/public.json"]
    return main([*call, *BRIEFLY, *options]), model


def test_a_table_is_learned_and_what_is_promised_is_said(tmp_path: Path, capsys):
    code, model = called(some_rows(0), TABLE, tmp_path)
    assert code == OK
    assert "Promised: (5, 0.0001)-differential privacy of a row" in capsys.readouterr().err
    assert main(["info", model]) == OK
    assert "(5, 0.0001)-differential privacy of a row" in capsys.readouterr().out
    rows = DiffusionSynthesizer.load(model).sample(50, random_state=0)
    assert set(rows["code"]) <= {"A07", "B12", "C9"}
    assert rows["day"].between("2024-01-01", "2024-12-31").all()


def test_sequences_are_learned_with_the_context_that_is_named(tmp_path: Path, capsys):
    options = ["--sequence-key", "store", "--sequence-index", "day", "--context-columns", "country"]
    code, model = called(some_stores(), STORES, tmp_path, *options)
    assert code == OK
    assert "privacy of all rows with one value of 'store'" in capsys.readouterr().err
    synth = TimeSeriesDiffusionSynthesizer.load(model)
    assert synth.encoder_.roles.context == ("country",)
    assert main(["info", model]) == OK
    assert "privacy of all rows with one value of 'store'" in capsys.readouterr().out
    rows = synth.sample(3, random_state=0)
    days = pd.to_datetime(rows["day"]).groupby(rows["store"]).diff().dropna()
    assert (days == pd.Timedelta("1D")).all()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", "public.json: Expecting"),
        ([], "public.json: privacy is an object of epsilon, delta, bounds"),
        ({"epsilon": 1}, "public.json: "),
        (TABLE | {"bound": {}}, "'bound' is none of epsilon, "),
        (TABLE | {"epsilon": 0}, "epsilon must be in (0, inf). Got 0."),
        (TABLE | {"categories": {}}, "column 'code' "),
    ],
)
def test_what_is_not_told_rightly_is_refused(told: Any, message: str, tmp_path: Path, capsys):
    code, _ = called(some_rows(0), told, tmp_path)
    assert code == BAD_INPUT
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m.tabdiff").exists()


def test_pieces_are_refused(tmp_path: Path, capsys):
    (tmp_path / "public.json").write_text(json.dumps(TABLE))
    call = ["fit", f"{tmp_path}/*.parquet", "-o", f"{tmp_path}/m.tabdiff"]
    assert main([*call, "--privacy", f"{tmp_path}/public.json"]) == BAD_INPUT
    assert "--privacy learns from one file" in capsys.readouterr().err
