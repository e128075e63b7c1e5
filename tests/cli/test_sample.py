import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff.cli import BROKEN_PIPE, OK, main
from tests.cli.frames import ROWS, some_rows


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
