import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff.cli import BAD_INPUT, BROKEN_PIPE, OK, main
from tests.cli.frames import ROWS, some_rows
from tests.tiny import tiny


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
    assert process.returncode == BROKEN_PIPE
    assert error == b""


def test_conditions_hold_in_every_row(folder: Path, capsys):
    call = ["sample", f"{folder}/m.tabdiff", "-n", "50", "--seed", "1"]
    for condition in ("code=A07|C9", "count=35..40", "size=", "day=2024-02-01..", "sold=no"):
        call += ["--where", condition]
    assert main(call) == OK
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out), dtype=str, keep_default_na=False)
    assert len(rows) == 50
    assert set(rows["code"]) == {"A07", "C9"}
    assert rows["count"].astype(int).between(35, 40).all()
    assert set(rows["size"]) == {""}
    assert rows["day"].min() >= "2024-02-01"
    assert set(rows["sold"]) == {"no"}


def test_a_table_of_conditions_is_completed_row_by_row(folder: Path, tmp_path: Path, monkeypatch):
    asked = "count,code\n41,A07\n33,C9\n41,B12\n"
    (tmp_path / "asked.csv").write_text(asked)
    for source in (f"{tmp_path}/asked.csv", "-"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(asked.encode())))
        out = f"{tmp_path}/out.csv"
        call = ["sample", f"{folder}/m.tabdiff", "--conditions", source, "-o", out, "--seed", "1"]
        assert main(call) == OK
        rows = pd.read_csv(out, dtype=str)
        assert rows.columns.tolist() == ["code", "size", "count", "sold", "day"]
        assert rows["count"].tolist() == ["41", "33", "41"]
        assert rows["code"].tolist() == ["A07", "C9", "B12"]


@pytest.mark.filterwarnings("default::tabdiff.data.errors.ConditionWarning")
def test_077_a_number_beyond_the_training_rows_is_told_in_one_line(folder: Path, capsys):
    assert main(["sample", f"{folder}/m.tabdiff", "-n", "2", "--where", "count=900", "-q"]) == OK
    captured = capsys.readouterr()
    assert captured.err.startswith("Warning: column 'count': 1 given values lie outside")
    assert captured.err.count("\n") == 1
    assert {line.split(",")[2] for line in captured.out.splitlines()[1:]} == {"900"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--where", "count"], "NAME=VALUE"),
        (["--where", "cnt=5"], "no column 'cnt'. Did you mean 'count'?"),
        (["--where", "count=x"], "'count': 'x' is no number"),
        (["--where", "count=5.5"], "whole numbers"),
        (["--where", "count=500..600"], "no value of the training rows lies in it"),
        (["--where", "count=40..30"], "low end lies above"),
        (["--where", "count="], "none was there at fit"),
        (["--where", "code=Z9"], "'Z9'"),
        (["--where", "code=A..B"], "no order"),
        (["--where", "code=A07", "--where", "code=C9"], "named twice"),
        (["--where", "day=soon"], "'day'"),
        (["--where", "code=A07", "--conditions", "{folder}/test.csv"], "leave --rows and --where"),
        (["-n", "3", "--conditions", "{folder}/test.csv"], "leave --rows and --where"),
        (["--conditions", "{folder}/none.csv"], "none.csv: no such file"),
    ],
)
def test_conditions_that_cannot_hold_are_refused(
    folder: Path, tmp_path: Path, capsys, arguments, told
):
    call = ["sample", f"{folder}/m.tabdiff", "-o", f"{tmp_path}/out.csv"]
    assert main([*call, *(argument.format(folder=folder) for argument in arguments)]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("container", ["polars", "numpy"])
def test_models_of_other_containers_are_asked_in_the_same_way(
    container: str, tmp_path: Path, capsys
):
    numbers = pd.DataFrame({"0": np.arange(60.0) % 7, "1": np.arange(60) % 3})
    table = pl.from_pandas(numbers) if container == "polars" else numbers.to_numpy()
    model = f"{tmp_path}/m.tabdiff"
    tiny().fit(table).save(model)
    (tmp_path / "gaps.csv").write_text("1,0\n2,\n,5\n")
    assert main(["sample", model, "-n", "2", "--where", "1=2"]) == OK
    assert [line[4] for line in capsys.readouterr().out.splitlines()[1:]] == ["2", "2"]
    assert main(["impute", model, f"{tmp_path}/gaps.csv"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1,0"
    assert lines[1].startswith("2")
    assert not any(cell == "" for line in lines for cell in line.split(","))
    (tmp_path / "whole.csv").write_text("1,0\n2,3\n1,5\n")
    assert (
        main(["augment", model, f"{tmp_path}/whole.csv", "--target", "1", "--count", "2=9"]) == OK
    )
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2 + 8
