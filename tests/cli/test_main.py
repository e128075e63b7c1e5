from pathlib import Path

import numpy as np
import pytest

from tabdiff.cli import BAD_INPUT, DEFECT, commands, main


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


def test_every_module_of_the_commands_is_one(capsys):
    main(["--help"])
    listed = capsys.readouterr().out.partition("Commands:")[2]
    names = {path.stem for path in Path(commands.__file__).parent.glob("[!_]*.py")}
    assert {line.split()[0] for line in listed.splitlines() if line} == names
