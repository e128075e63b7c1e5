import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff import cli
from tabdiff.cli import BAD_INPUT, BELOW_THE_BAR, DEFECT, INTERRUPTED, OK, main

ROWS = 80


def some_rows(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.lognormal(1, 0.5, ROWS).round(2)
    frame = pd.DataFrame(
        {
            "code": rng.choice(["A07", "B12", "C9"], ROWS),
            "size": size,
            "count": rng.poisson(40, ROWS),
            "sold": np.where(size > np.median(size), "yes", "no"),
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables and a model of the first."""
    folder = tmp_path_factory.mktemp("cli")
    some_rows(0).to_csv(folder / "train.csv", index=False)
    some_rows(1).to_csv(folder / "test.csv", index=False)
    arguments = ["--max-steps", "3", "--seed", "0", "--device", "cpu", "--quiet"]
    code = main(["fit", f"{folder}/train.csv", "-o", f"{folder}/m.tabdiff", *arguments])
    assert code == OK
    return folder


def test_inspect_shows_every_column(folder: Path, capsys):
    assert main(["inspect", f"{folder}/train.csv"]) == OK
    shown = capsys.readouterr().out
    assert "80 rows, 5 columns" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert lines["code"].split()[1:3] == ["categorical", "object"]
    assert "11.2%" in lines["size"]
    assert "2024-01-01 … 2024-03-20" in lines["day"]
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_fit_says_what_it_did_and_what_comes_next(folder: Path, tmp_path: Path, capsys):
    data, model = f"{folder}/train.csv", str(tmp_path / "m.tabdiff")
    assert main(["fit", data, "-o", model, "--max-steps", "2", "--max-time", "5m"]) == OK
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "80 rows, 5 columns" in captured.err
    assert "best weights at step" in captured.err
    assert f"Next: tabdiff sample {model} -n 80" in captured.err


def test_quiet_says_nothing(folder: Path, tmp_path: Path, capsys):
    fake = str(tmp_path / "fake.csv")
    assert main(["sample", f"{folder}/m.tabdiff", "-n", "5", "-o", fake, "--quiet"]) == OK
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_sample_has_the_columns_and_the_look_of_the_original(folder: Path, tmp_path: Path):
    for name in ("fake.csv", "fake.csv.gz", "fake.parquet"):
        path = str(tmp_path / name)
        assert main(["sample", f"{folder}/m.tabdiff", "-n", "30", "-o", path]) == OK
    fake = pd.read_csv(tmp_path / "fake.csv", dtype=str, keep_default_na=False)
    assert fake.columns.tolist() == ["code", "size", "count", "sold", "day"]
    assert len(fake) == 30
    assert set(fake["code"]) <= {"A07", "B12", "C9"}
    assert fake["day"].str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert fake["count"].str.fullmatch(r"\d+").all()
    table = pd.read_parquet(tmp_path / "fake.parquet")
    assert table["count"].tolist() == fake["count"].astype(int).tolist()


def test_sample_goes_to_the_standard_output_and_is_the_same_every_time(folder: Path, capsysbinary):
    outputs = []
    for extra in ([], [], ["--seed", "1"], ["--seed", "1"]):
        assert main(["sample", f"{folder}/m.tabdiff", "-n", "4", *extra]) == OK
        outputs.append(capsysbinary.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[2] == outputs[3]
    assert outputs[0] != outputs[2]
    assert outputs[0].startswith(b"code,size,count,sold,day\n")


def test_083_no_rows_still_have_a_header(folder: Path, capsysbinary):
    assert main(["sample", f"{folder}/m.tabdiff", "-n", "0"]) == OK
    assert capsysbinary.readouterr().out == b"code,size,count,sold,day\n"


def test_tables_are_read_from_the_standard_input(folder: Path, monkeypatch, capsys):
    payload = io.BytesIO((folder / "train.csv").read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(payload))
    assert main(["inspect", "-"]) == OK
    assert "standard input: 80 rows" in capsys.readouterr().out


def test_info_tells_what_the_model_is(folder: Path, capsys):
    assert main(["info", f"{folder}/m.tabdiff"]) == OK
    shown = capsys.readouterr().out
    assert "80 rows of 5 columns" in shown
    assert "parameters" in shown
    assert "numpy " + np.__version__ in shown
    assert "day     datetime" in shown


@pytest.fixture(scope="module")
def judged(folder: Path) -> Path:
    """The folder with a sample in it, and SDMetrics at hand."""
    pytest.importorskip("sdmetrics")
    assert main(["sample", f"{folder}/m.tabdiff", "-o", f"{folder}/fake.csv", "-q"]) == OK
    return folder


def test_evaluate_prints_writes_and_compares(judged: Path, tmp_path: Path, capsys):
    call = ["evaluate", f"{judged}/train.csv", f"{judged}/fake.csv"]
    call += ["--holdout", f"{judged}/test.csv", "--target", "sold"]
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


def test_evaluate_writes_json_to_the_standard_output(judged: Path, capsys):
    call = ["evaluate", f"{judged}/train.csv", f"{judged}/fake.csv", "--json", "-"]
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
    assert cli._compare(Scores, under, over) == code


def test_a_bar_needs_a_figure():
    with pytest.raises(ValueError, match=r"no figure 'qualty' .* Figures: quality, copies"):
        cli._compare(Scores, [("qualty", 1)], [])
    with pytest.raises(ValueError, match="utility_auc could not be measured"):
        cli._compare(Scores, [("utility_auc", 1)], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "{folder}/train.csv"], "Missing option '--output'"),
        (["fit", "{folder}/train.csv", "-o", "x.tabdiff", "--max-steps", "0"], "x>=1"),
        (["fit", "{folder}/train.csv", "-o", "x.tabdiff", "--max-time", "1.2.3m"], "is no time"),
        (["fit", "{folder}/train.csv", "-o", "x.tabdiff", "--max-time", "0"], "is no time"),
        (["fit", "{folder}/train.csv", "-o", "x.tabdiff", "--kind", "zip"], "COLUMN=KIND"),
        (["fit", "{folder}/train.csv", "-o", "x.tabdiff", "--kind", "zip=x"], "zip"),
        (["fit", "{folder}/train.csv", "-o", "no/x.tabdiff"], "create it first"),
        (["fit", "{folder}/none.csv", "-o", "x.tabdiff"], "none.csv: no such file"),
        (["inspect", "{folder}"], "Known: .csv"),
        (["inspect", "table.xlsx"], "Known: .csv"),
        (["sample", "{folder}/m.tabdiff", "-n", "-1"], "x>=0"),
        (["sample", "{folder}/m.tabdiff", "-n", "2", "-o", "x.xlsx"], "Known: .csv"),
        (["sample", "{folder}/train.csv"], "not a .tabdiff file"),
        (["info", "{folder}/none.tabdiff"], "none.tabdiff: no such file"),
        (["evaluate", "a.csv", "b.csv", "--fail-under", "quality"], "NAME=NUMBER"),
        (["evaluate", "a.csv", "b.csv", "--fail-under", "quality=nan"], "NAME=NUMBER"),
        (["evaluate", "a.csv", "b.csv", "--html", "no/r.html"], "create it first"),
        (["nonsense"], "No such command"),
    ],
)
def test_errors_are_short_and_name_what_is_wrong(
    folder: Path, tmp_path: Path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(folder=folder) for argument in arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


def test_all_bad_columns_are_named_at_once(tmp_path: Path, capsys):
    (tmp_path / "t.csv").write_text("a,b\ninf,1\n2,-inf\n3,4\n")
    assert main(["inspect", f"{tmp_path}/t.csv"]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "'a'" in error
    assert "'b'" in error


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("90s", 90), ("5m", 300), ("5min", 300), ("1h30m", 5400), ("1.5H", 5400)],
)
def test_durations_are_written_as_people_do(text: str, seconds: float):
    assert cli._duration(text) == seconds


def test_the_name_of_a_column_may_hold_the_mark():
    assert cli._column_kind("a=b=numeric") == ("a=b", "numeric")


def test_an_unexpected_error_shows_where_it_was(folder: Path, monkeypatch, capsys):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("tabdiff.files.read_table", broken)
    assert main(["inspect", f"{folder}/train.csv"]) == DEFECT
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "please report it" in error


def test_a_value_error_from_below_is_a_defect(folder: Path, monkeypatch, capsys):
    monkeypatch.setattr("tabdiff.files.read_table", lambda *_: np.zeros(2).reshape(3))
    assert main(["inspect", f"{folder}/train.csv"]) == DEFECT
    assert "cannot reshape" in capsys.readouterr().err


def test_093_an_interrupted_fit_saves_what_there_is(
    folder: Path, tmp_path: Path, monkeypatch, capsys
):
    from tabdiff.synthesizer import DiffusionSynthesizer

    learn = DiffusionSynthesizer.fit

    def interrupted(self: DiffusionSynthesizer, X: object) -> None:
        learn(self, X)
        raise KeyboardInterrupt

    monkeypatch.setattr(DiffusionSynthesizer, "fit", interrupted)
    model = str(tmp_path / "m.tabdiff")
    call = ["fit", f"{folder}/train.csv", "-o", model, "--max-steps", "1"]
    assert main(call) == INTERRUPTED
    assert "Saved" in capsys.readouterr().err
    assert main(["sample", model, "-n", "2"]) == OK


def test_093_a_fit_interrupted_before_the_first_step_saves_nothing(
    folder: Path, tmp_path: Path, monkeypatch, capsys
):
    from tabdiff.synthesizer import DiffusionSynthesizer

    def interrupted(self: DiffusionSynthesizer, X: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DiffusionSynthesizer, "fit", interrupted)
    assert main(["fit", f"{folder}/train.csv", "-o", str(tmp_path / "m")]) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []
    assert "Interrupted." in capsys.readouterr().err


@pytest.mark.filterwarnings("default::tabdiff.data.schema.SchemaWarning")
def test_105_codes_keep_their_zeros_and_warnings_are_short(tmp_path: Path, capsysbinary):
    frame = some_rows(2).assign(code=np.resize(["007", "12", "9"], ROWS))
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = f"{tmp_path}/m.tabdiff"
    assert main(["fit", f"{tmp_path}/t.csv", "-o", model, "--max-steps", "1", "-q"]) == OK
    warned = capsysbinary.readouterr().err.decode()
    assert warned.startswith("Warning: column 'code'")
    assert ".py" not in warned
    assert main(["sample", model]) == OK
    rows = capsysbinary.readouterr().out.splitlines()[1:]
    assert {row.split(b",")[0] for row in rows} == {b"007", b"12", b"9"}


def test_107_csv_safe_disarms_formulas(tmp_path: Path, capsysbinary):
    frame = some_rows(3).assign(code=np.resize(["=1+1", "@x", "plain"], ROWS))
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = f"{tmp_path}/m.tabdiff"
    assert main(["fit", f"{tmp_path}/t.csv", "-o", model, "--max-steps", "1", "-q"]) == OK
    assert main(["sample", model, "--csv-safe"]) == OK
    rows = capsysbinary.readouterr().out.splitlines()[1:]
    assert {row.split(b",")[0] for row in rows} == {b"'=1+1", b"'@x", b"plain"}


@pytest.mark.skipif(os.name == "nt", reason="closed pipes are a matter of POSIX")
def test_a_closed_pipe_ends_quietly(folder: Path):
    program = (
        f"import sys; from tabdiff.cli import main; sys.exit(main({['sample']!r} + sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, f"{folder}/m.tabdiff", "-n", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == cli.BROKEN_PIPE
    assert error == b""
