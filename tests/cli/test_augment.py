import io
from pathlib import Path

import pandas as pd
import pytest

from tabdiff.cli import BAD_INPUT, OK, main
from tests.cli.frames import ROWS


def read(source: object) -> pd.DataFrame:
    return pd.read_csv(source, dtype=str, keep_default_na=False)


def test_synthetic_rows_stand_below_the_table(folder: Path, tmp_path: Path, capsys):
    call = ["augment", f"{folder}/m.tabdiff", f"{folder}/train.csv", "--factor", "1.5"]
    assert main([*call, "--seed", "1", "-o", f"{tmp_path}/more.csv"]) == OK
    captured = capsys.readouterr()
    assert captured.out == ""
    told = "Wrote 120 rows, 40 synthetic rows among them, to"
    assert captured.err == f"{told} {tmp_path}/more.csv.\n"
    more = read(f"{tmp_path}/more.csv")
    pd.testing.assert_frame_equal(more.head(ROWS), read(folder / "train.csv"))
    assert len(more) == 120
    assert main([*call, "--seed", "1"]) == OK
    pd.testing.assert_frame_equal(read(io.StringIO(capsys.readouterr().out)), more)


def test_every_value_of_the_target_gets_as_many_rows(folder: Path, capsys):
    call = ["augment", f"{folder}/m.tabdiff", f"{folder}/train.csv", "--target", "code"]
    assert main(call) == OK
    counts = read(io.StringIO(capsys.readouterr().out))["code"].value_counts()
    assert counts.nunique() == 1
    assert set(counts.index) == {"A07", "B12", "C9"}


def test_counts_are_those_of_the_result(folder: Path, capsys):
    before = read(folder / "train.csv")
    call = ["augment", f"{folder}/m.tabdiff", f"{folder}/train.csv", "-q", "--target"]
    assert main([*call, "code", "--count", "A07=50", "--count", "C9=60"]) == OK
    counts = read(io.StringIO(capsys.readouterr().out))["code"].value_counts()
    assert counts.to_dict() == {"A07": 50, "C9": 60, "B12": (before["code"] == "B12").sum()}
    assert main([*call, "size", "--count", "=30"]) == OK
    assert (read(io.StringIO(capsys.readouterr().out))["size"] == "").sum() == 30


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "either --factor, or --target"),
        (["--factor", "2", "--target", "code"], "either --factor, or --target"),
        (["--factor", "2", "--count", "A07=9"], "either --factor, or --target"),
        (["--factor", "0.5"], "x>=1"),
        (["--factor", "inf"], "factor must be"),
        (["--target", "cod"], "no column 'cod'. Did you mean 'code'?"),
        (["--target", "code", "--count", "A07"], "VALUE=ROWS"),
        (["--target", "code", "--count", "A07=1"], "rows are never dropped"),
        (["--target", "code", "--count", "A08=1"], "'A08'"),
        (["--target", "count", "--count", "x=100"], "'x' is no number"),
    ],
)
def test_what_cannot_be_added_is_refused(folder: Path, tmp_path: Path, capsys, arguments, told):
    call = ["augment", f"{folder}/m.tabdiff", f"{folder}/train.csv", "-o", f"{tmp_path}/more.csv"]
    assert main([*call, *arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert list(tmp_path.iterdir()) == []
