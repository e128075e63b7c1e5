"""The result file: resumed, and shown as Markdown and as a picture."""

import argparse
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import page, picture, tables
from benchmarks.data import RealTable
from benchmarks.judge import rmse_of_log
from benchmarks.methods import METHODS
from benchmarks.results import Row, read

MADE_BY = {"python": "3.11.7", "sdv": "2.0.0"}


def row(method: str, seed: int = 0, **more: Any) -> Row:
    return {
        "set": "heart", "rows": 272, "columns": 14, "method": method, "seed": seed, "threads": 2,
        "processor": "Z80", "python": "3.11.7", "versions": {"tabdiff": "0.1.0"}, **more,
    }  # fmt: skip


def done(method: str, seed: int, quality: float, seconds: float) -> Row:
    figures = {
        "c2st_sdmetrics": quality, "c2st_sdmetrics_floor": 0.99, "utility_floor": 0.9,
        "fit_seconds": seconds, "sample_seconds": 1.0, "method_versions": MADE_BY,
    }  # fmt: skip
    return row(method, seed, **figures)


ROWS = [
    done("tabdiff", 0, 0.9, 10.0),
    done("tabdiff", 1, 0.8, 30.0),
    done("ctgan", 0, 0.1, 900.0),
    row("ctgan", 1, error="ValueError: a | b"),
    row("tvae", 0, error="not done in 1,800 s"),
]


def cells(text: str, first: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")]


def test_the_page_has_the_floor_first_then_medians_and_ranges():
    text = page.full(ROWS)
    assert text.index("*unseen real rows*") < text.index("| tabdiff |")
    assert cells(text, r"*unseen real rows*")[2] == "0.990"
    assert cells(text, "tabdiff")[1:3] == ["2", "0.850 (0.800–0.900)"]
    assert "CTGAN: python 3.11.7, sdv 2.0.0." in text


def test_a_run_without_figures_is_shown_with_its_error():
    text = page.full(ROWS)
    assert cells(text, "CTGAN")[1:3] == ["1 of 2: ValueError: a ¦ b", "0.100"]
    assert cells(text, "TVAE")[1:3] == ["0 of 1: not done in 1,800 s", "–"]
    assert cells(page.brief(ROWS), "TVAE")[1] == "failed"


def test_in_brief_methods_stand_against_sets_with_their_seconds():
    text = page.brief(ROWS)
    assert cells(text, "heart")[3] == "0.850 (0.800–0.900)"
    assert cells(text, "CTGAN")[1] == "0.100 (901)"
    assert "C2ST (seconds)" not in page.brief(ROWS[:2])


def test_every_method_has_a_colour_of_its_own():
    assert len(set(picture.COLOURS)) == len(METHODS)


def test_the_picture_has_one_mark_per_method_and_better_is_higher():
    root = ET.fromstring(picture.draw(ROWS))
    space = {"svg": "http://www.w3.org/2000/svg"}
    (panel,) = root.findall("svg:g[svg:rect]", space)
    ctgan, tabdiff = (
        {name: float(mark.attrib[name]) for name in ("cx", "cy")}
        for mark in panel.findall("svg:circle", space)
    )
    assert tabdiff["cy"] < ctgan["cy"]
    assert tabdiff["cx"] < ctgan["cx"]
    # 21 s and 901 s on an axis from 0.1 to 1,000 s.
    distance = np.log10(901 / 21) / 4 * picture.WIDTH
    assert ctgan["cx"] - tabdiff["cx"] == pytest.approx(distance, abs=0.2)


def arguments(tmp_path: Path, *seeds: int) -> argparse.Namespace:
    return argparse.Namespace(
        data=tmp_path, sets=["heart"], methods=["tabdiff", "bootstrap"], seeds=seeds, rows=None,
        threads=1, time_limit=1.0, envs=tmp_path, results=tmp_path / "r" / "tables.jsonl",
    )  # fmt: skip


def test_what_the_file_holds_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "tabular" / "heart"
    folder.mkdir(parents=True)
    for name in ("train", "test"):
        pd.DataFrame({"num": [0, 1]}).to_csv(folder / f"{name}.csv.gz", index=False)
    meta = {"target": "num", "columns": [{"name": "num", "role": "categorical"}]}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    run: list[tuple[str, int]] = []

    def pretend(table: RealTable, method: str, seed: int, *_: object) -> Row:
        run.append((method, seed))
        return {"error": "pretended"}

    monkeypatch.setattr(tables, "_run", pretend)
    tables._run_all(arguments(tmp_path, 0))
    assert run == [("tabdiff", 0), ("bootstrap", 0)]
    tables._run_all(arguments(tmp_path, 0, 1))
    assert run[2:] == [("tabdiff", 1), ("bootstrap", 1)]
    assert [r["seed"] for r in read(tmp_path / "r" / "tables.jsonl")] == [0, 0, 1, 1]


def regression(scale: float) -> RealTable:
    rng = np.random.default_rng(0)
    x = rng.random(300)
    frame = pd.DataFrame({"x": x, "y": scale * np.exp(3 * x)})
    return RealTable("toy", frame[:200], frame[200:], {"x": "numeric", "y": "numeric"}, "y")


def test_the_log_figure_is_of_logarithms_and_equal_for_equal_rows():
    table = regression(50.0)
    made, real = rmse_of_log(table, table.train, {})
    assert made == real
    # The logarithm runs over three units, the target itself over a thousand.
    assert 0 < real < 0.2
    shuffled = table.train.assign(y=table.train["y"].to_numpy()[::-1])
    assert rmse_of_log(table, shuffled, {})[0] > 0.5


def test_the_log_figure_is_not_taken_of_small_or_negative_targets():
    assert rmse_of_log(regression(0.01), regression(0.01).train, {}) is None
    assert rmse_of_log(regression(-50.0), regression(-50.0).train, {}) is None
