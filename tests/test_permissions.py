"""Who may read what the library writes: files with real values belong to their owner alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff.cli import OK, main
from tabdiff.disk import replacing, write_private
from tabdiff.evaluation.report import Report
from tabdiff.files import write_table
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer
from tests.tiny import TINY, table, tiny


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Whatever is closed was closed by the library."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_file(path: Path) -> Path:
    path.write_text("old")
    path.chmod(0o644)
    return path


def test_a_model_is_private_also_in_the_place_of_an_open_file(tmp_path: Path):
    path = open_file(tmp_path / "m.tabdiff")
    tiny().fit(table()).save(path)
    assert mode(path) == 0o600


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_a_report_is_private_and_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setattr("tabdiff.evaluation.html.page.render_page", lambda report: "page")
    monkeypatch.setattr(Report, "to_dict", lambda report: {})
    report = Report.__new__(Report)
    write = report.to_html if name.endswith("html") else report.to_json
    path = open_file(tmp_path / name)
    text = write(path)
    assert path.read_text() == text and mode(path) == 0o600
    monkeypatch.setattr(os, "replace", _refuse)
    with pytest.raises(OSError, match="no more"):
        write(path)
    assert path.read_text() == text and os.listdir(tmp_path) == [name]


def _refuse(*paths: object) -> None:
    raise OSError("no more")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_a_table_is_private_where_it_holds_real_rows(tmp_path: Path, name: str):
    path = open_file(tmp_path / name)
    write_table(str(path), [table()], private=True)
    assert mode(path) == 0o600
    path.unlink()
    write_table(str(path), [table()])
    assert mode(path) == 0o666


def test_commands_that_write_real_rows_keep_them_private(tmp_path: Path):
    model, data = str(tmp_path / "m.tabdiff"), str(tmp_path / "data.csv")
    frame = table()
    tiny().fit(frame.assign(x=frame["x"].mask(frame.index == 3))).save(model)
    frame.assign(x=frame["x"].mask(frame.index == 5)).to_csv(data, index=False)
    made = {
        "sample": ["-n", "5"],
        "impute": [data],
        "augment": [data, "--factor", "1.2"],
    }
    modes = {}
    for command, words in made.items():
        path = tmp_path / f"{command}.csv"
        assert main([command, model, *words, "-o", str(path), "--quiet"]) == OK
        modes[command] = mode(path)
    assert modes == {"sample": 0o666, "impute": 0o600, "augment": 0o600}


def test_a_file_is_never_opened_wider_than_the_one_it_takes_the_place_of(tmp_path: Path):
    path = tmp_path / "t.csv"
    for before, after in ((0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o400, 0o600)):
        path.write_text("old")
        path.chmod(before)
        with replacing(path) as file:
            file.write(b"new")
        assert mode(path) == after
        path.unlink()


def test_a_private_text_is_utf_8(tmp_path: Path):
    write_private(tmp_path / "t", "ø → 1")
    assert (tmp_path / "t").read_bytes() == "ø → 1".encode()
    assert mode(tmp_path / "t") == 0o600


def test_107_formulas_are_disarmed_in_every_command_that_writes_a_csv(tmp_path: Path):
    rng, model = np.random.default_rng(0), str(tmp_path / "m.tabdiff")
    frame = pd.DataFrame({"x": rng.normal(size=60), "=c": rng.choice(["=A1", "+B", "@C"], 60)})
    tiny().fit(frame.assign(x=frame["x"].mask(frame.index == 3))).save(model)
    data, out = str(tmp_path / "data.csv"), tmp_path / "out.csv"
    frame.assign(x=frame["x"].mask(frame.index == 5)).to_csv(data, index=False)
    for words in (["sample", model, "-n", "9"], ["impute", model, data],
                  ["augment", model, data, "--factor", "1.1"]):  # fmt: skip
        assert main([*words, "-o", str(out), "--csv-safe", "--quiet"]) == OK
        header, *rows = out.read_text().splitlines()
        assert header == "x,'=c"
        assert {row.split(",")[1] for row in rows} <= {"'=A1", "'+B", "'@C"}


def test_107_two_names_that_look_alike_when_disarmed_stay_two_columns(tmp_path: Path):
    frame = pd.DataFrame({"=a": [1], "'=a": [2], "n": ["＝1+1"]})
    path = tmp_path / "t.csv"
    write_table(str(path), [frame], formula_safe=True)
    assert path.read_text() == "'=a,'=a,n\n1,2,'＝1+1\n"


def test_107_names_of_several_levels_are_disarmed(tmp_path: Path):
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("=a", "b"), ("c", "+d")]))
    path = tmp_path / "t.csv"
    write_table(str(path), [frame], formula_safe=True)
    assert path.read_text() == "'=a,c\nb,'+d\n1,2\n"


def test_a_forecast_tells_real_keys_so_it_is_private_and_disarms_them(tmp_path: Path):
    frame = pd.DataFrame({"k": np.repeat(["=A", "+B", "@C"], 8), "t": np.tile(np.arange(8), 3)})
    frame["x"] = np.random.default_rng(0).normal(size=24)
    model, data, out = (str(tmp_path / name) for name in ("m.tabdiff", "d.csv", "out.csv"))
    frame.to_csv(data, index=False)
    TimeSeriesDiffusionSynthesizer(sequence_key="k", sequence_index="t", **TINY).fit(frame).save(
        model
    )
    words = ["forecast", model, data, "--horizon", "1", "--samples", "2", "--csv-safe", "-q"]
    assert main([*words, "-o", out]) == OK
    assert mode(Path(out)) == 0o600
    assert pd.read_csv(out)["k"].tolist() == ["'=A", "'+B", "'@C"]
