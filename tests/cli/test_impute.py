import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff.cli import BAD_INPUT, OK, main
from tests.cli.frames import some_rows


def read(source: object) -> pd.DataFrame:
    return pd.read_csv(source, dtype=str, keep_default_na=False)


@pytest.fixture
def gaps(tmp_path: Path) -> Path:
    """Ten rows with gaps of every kind of column, one row of nothing at all."""
    frame = some_rows(1).head(10)
    frame["count"] = frame["count"].astype("Int64")
    for at, name in enumerate(frame):
        frame.loc[at + 1, name] = None
    frame.loc[8] = None
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    return tmp_path / "gaps.csv"


def test_gaps_are_filled_and_all_else_stays(folder: Path, gaps: Path, tmp_path: Path, capsys):
    call = ["impute", f"{folder}/m.tabdiff", str(gaps), "-o", f"{tmp_path}/full.csv"]
    assert main([*call, "--seed", "1"]) == OK
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"Wrote 10 rows to {tmp_path}/full.csv.\n"
    before, after = read(gaps), read(f"{tmp_path}/full.csv")
    empty = before == ""
    assert empty.sum().sum() >= 10
    pd.testing.assert_frame_equal(after.mask(empty, ""), before)
    assert (after != "").all().all()
    assert after["count"].str.fullmatch(r"\d+").all()


def test_draws_stand_one_below_the_other(folder: Path, gaps: Path, capsysbinary):
    call = ["impute", f"{folder}/m.tabdiff", str(gaps), "--draws", "3", "--seed", "1"]
    assert main(call) == OK
    out = read(io.BytesIO(capsysbinary.readouterr().out))
    assert out.columns[0] == "draw"
    assert out["draw"].tolist() == ["1"] * 10 + ["2"] * 10 + ["3"] * 10
    tables = [table.drop(columns="draw").reset_index(drop=True) for _, table in out.groupby("draw")]
    assert not tables[0].equals(tables[1])
    observed = read(gaps) != ""
    assert tables[0][observed].equals(tables[1][observed])


def test_the_standard_streams_and_the_seed(folder: Path, gaps: Path, monkeypatch, capsysbinary):
    outputs = []
    for seed in ("1", "1", "2"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gaps.read_bytes())))
        assert main(["impute", f"{folder}/m.tabdiff", "-", "--seed", seed]) == OK
        outputs.append(capsysbinary.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0] != outputs[2]
    assert outputs[0].startswith(b"code,size,count,sold,day\n")


def test_columns_without_any_value_are_filled_in_the_look_of_the_fitted(folder: Path, tmp_path):
    some_rows(0).assign(code=None, count=None, size=3).to_csv(tmp_path / "t.csv", index=False)
    out = f"{tmp_path}/full.csv"
    assert main(["impute", f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-o", out, "-q"]) == OK
    full = read(out)
    assert set(full["code"]) <= {"A07", "B12", "C9"}
    assert full["count"].str.fullmatch(r"\d+").all()
    assert set(full["size"]) == {"3"}


def test_whole_numbers_in_a_column_of_fractions_make_room_for_them(folder: Path, tmp_path):
    size = pd.array([3] * 40 + [None] * 40, dtype="Int64")
    some_rows(0).assign(size=size).to_csv(tmp_path / "t.csv", index=False)
    out = f"{tmp_path}/full.csv"
    assert main(["impute", f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-o", out, "-q"]) == OK
    full = read(out)
    assert set(full["size"].head(40)) == {"3.0"}
    assert (full["size"].tail(40).astype(float) % 1 != 0).any()


@pytest.mark.filterwarnings("default::tabdiff.data.schema.SchemaWarning")
def test_words_may_mean_missing(folder: Path, tmp_path: Path, capsys):
    frame = some_rows(0).assign(code=np.resize(["A07", "?"], 80), size=None)
    frame.to_csv(tmp_path / "t.csv", index=False)
    call = ["impute", f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-o", f"{tmp_path}/f.csv"]
    assert main(call) == OK
    told = "Warning: column 'code': 40 cells hold values that were not there at fit: '?'. They stay"
    assert capsys.readouterr().err.startswith(told)
    assert read(f"{tmp_path}/f.csv")["code"].tolist() == frame["code"].tolist()
    assert main([*call, "--na", "?"]) == OK
    assert "Warning" not in capsys.readouterr().err
    assert (read(f"{tmp_path}/f.csv")["code"] != "?").all()


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        ({"count": "many"}, [], "'count' is object, at fit it was int64"),
        ({"extra": 1}, [], "'extra' was not there at fit"),
        ({"draw": 1}, ["--draws", "2"], "'draw'"),
    ],
)
def test_a_table_that_is_not_the_model_s_is_refused(
    folder: Path, tmp_path: Path, capsys, change: dict[str, object], arguments, told: str
):
    some_rows(0).assign(**change).to_csv(tmp_path / "t.csv", index=False)
    call = ["impute", f"{folder}/m.tabdiff", f"{tmp_path}/t.csv", "-o", f"{tmp_path}/f.csv"]
    assert main([*call, *arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
