import io
from pathlib import Path

from tabdiff.cli import BAD_INPUT, OK, main


def test_inspect_shows_every_column(folder: Path, capsys):
    assert main(["inspect", f"{folder}/train.csv"]) == OK
    shown = capsys.readouterr().out
    assert "80 rows, 5 columns" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert lines["code"].split()[1:3] == ["categorical", "object"]
    assert "11.2%" in lines["size"]
    assert "2024-01-01 … 2024-03-20" in lines["day"]
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_tables_are_read_from_the_standard_input(folder: Path, monkeypatch, capsys):
    payload = io.BytesIO((folder / "train.csv").read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(payload))
    assert main(["inspect", "-"]) == OK
    assert "standard input: 80 rows" in capsys.readouterr().out


def test_all_bad_columns_are_named_at_once(tmp_path: Path, capsys):
    (tmp_path / "t.csv").write_text("a,b\ninf,1\n2,-inf\n3,4\n")
    assert main(["inspect", f"{tmp_path}/t.csv"]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "'a'" in error
    assert "'b'" in error
