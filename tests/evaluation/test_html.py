import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.html import charts, heatmaps
from tabdiff.evaluation.marginals import LevelMarginal, NumericMarginal, marginals
from tabdiff.evaluation.report import Report, evaluate
from tabdiff.evaluation.tables import code_tables
from tests.evaluation.panels import draw_panel

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=alert(1)>"
QUOTED = "\"'></script><script>alert(2)</script>{{ 7 * 7 }}"


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def hostile_report(sdmetrics: None) -> Report:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {HOSTILE: rng.normal(size=80), QUOTED: rng.choice([HOSTILE, QUOTED, " "], size=80)}
        )
        for _ in range(3)
    ]
    frames[1].loc[0, QUOTED] = "</title><b>new"
    return evaluate(*frames[:2], holdout=frames[2], target=QUOTED)


def test_the_page_tells_where_the_rows_are_caught(shuffled_report: Report, fresh_report: Report):
    suite = shuffled_report.detection
    assert suite is not None
    page = shuffled_report.to_html()
    bars = page[page.index('class="levels telling"') : page.index('id="columns"')]
    told = [t.label for t in suite.telling if t.drop > 0.01]
    assert told and re.findall(r'scope="row" title="([^"]+)"', bars) == told
    assert f"−{suite.telling[0].drop:.3f}" in str(shuffled_report)
    # Fresh rows leave the detector guessing, and then there is nothing to explain.
    assert fresh_report.detection is not None and fresh_report.detection.native.auc < 0.55
    assert "Nowhere in particular" in fresh_report.to_html()
    assert "It goes by" not in str(fresh_report)


def test_the_page_is_one_file_that_loads_nothing(fresh_report: Report, tmp_path: Path):
    path = tmp_path / "report.html"
    page = fresh_report.to_html(path)
    assert path.read_text(encoding="utf-8") == page
    assert page.lower().startswith("<!doctype html>")
    for tag, attributes in Elements(page).found:
        assert tag not in ("link", "iframe", "object", "embed")
        for name in ("src", "href", "action", "srcset"):
            value = attributes.get(name) or ""
            assert value == "" or value[0] == "#" or value.startswith("data:image/png;base64,")
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_names_and_levels_stay_text(hostile_report: Report):
    for made in (hostile_report.to_html(), hostile_report._repr_html_()):
        tags = Elements(made).found
        assert not [a for tag, a in tags if tag == "img" or "onerror" in a]
        assert sum(tag == "script" for tag, _ in tags) == made.startswith("<!doctype")
        assert "49" not in re.findall(r"</script>([^<]{0,9})", made)
        assert "&lt;img src=x onerror=alert(1)&gt;" in made
        assert "<b>new" not in made


def test_every_column_and_score_is_on_the_page(fresh_report: Report):
    page = fresh_report.to_html()
    for marginal in fresh_report.marginals:
        assert f'data-name="{marginal.label}"' in page
    for score in fresh_report.card:
        assert score.title in page
    for finding in fresh_report.verdict:
        assert finding.headline in page


@pytest.mark.usefixtures("sdmetrics")
def test_a_wide_table_stays_small_and_can_be_searched():
    rng = np.random.default_rng(0)
    wide = [
        pd.DataFrame(
            {f"n{i}": rng.normal(size=60) for i in range(12)}
            | {f"c{i}": rng.choice([f"level {k}" for k in range(25)], size=60) for i in range(12)}
        )
        for _ in range(2)
    ]
    page = evaluate(*wide, include=["quality"]).to_html()
    assert len(page) < 1_500_000
    assert 'id="find"' in page


def test_histograms_hold_all_rows_and_share_their_bins(train: pd.DataFrame, fresh: pd.DataFrame):
    tables = code_tables(train, fresh, None, Schema.infer(train))
    for marginal in marginals(tables.real, tables.synthetic):
        if isinstance(marginal, NumericMarginal):
            for shares, missing in zip(
                (marginal.real, marginal.synthetic), marginal.missing, strict=True
            ):
                assert sum(shares) + missing == pytest.approx(1)
            assert len(marginal.edges) == len(marginal.real) + 1
        else:
            assert sum(marginal.real) + marginal.other[1] + marginal.missing[0] == pytest.approx(1)
            assert sorted(marginal.real, reverse=True) == list(marginal.real)


def test_whole_numbers_get_whole_bars():
    real = pd.DataFrame({"age": np.arange(2000) % 62 + 17, "x": np.arange(2000) % 3})
    tables = code_tables(real, real, None, Schema.infer(real))
    marginal = marginals(tables.real, tables.synthetic)[0]
    assert isinstance(marginal, NumericMarginal)
    assert marginal.step == 1
    widths = np.diff(marginal.edges)
    assert np.allclose(widths, widths[0])
    assert widths[0] == 2
    # Every bar holds two of 62 values that are equally frequent: no comb.
    assert max(marginal.real) - min(marginal.real) < 0.003


def test_rare_levels_are_folded_into_one_row():
    values = [f"level {i % 50}" for i in range(400)]
    real = pd.DataFrame({"x": values, "y": values[::-1]})
    tables = code_tables(real, real, None, Schema.infer(real))
    marginal = marginals(tables.real, tables.synthetic)[0]
    assert isinstance(marginal, LevelMarginal)
    assert len(marginal.levels) == 20
    assert charts.level_bars(marginal)[-1].label == "30 further levels"


def test_pictures_are_pngs_and_values_travel_beside(fresh_report: Report):
    assert fresh_report.quality is not None
    trends = fresh_report.quality.trends
    for chart in heatmaps.heat_maps(trends):
        head, data = chart.picture.split(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG\r\n\x1a\n")
        values = np.frombuffer(base64.b64decode(chart.values), dtype=np.int8)
        assert values.shape == (len(trends.labels) ** 2,)
        assert values[0] == -128
    similarity = trends.similarity[0, 1]
    assert values[1] == round(100 * (1 - similarity))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234567.0, "1,234,567"), (1e9, "1e+09"), (0.12345, "0.1235"), (np.nan, "–")],
)
def test_numbers_are_short(value: float, text: str):
    assert charts.format_number(value) == text


def test_dates_and_durations_are_written_as_such(fresh_report: Report):
    when = next(m for m in fresh_report.marginals if m.label == "when")
    assert isinstance(when, NumericMarginal)
    assert charts.format_quantities([0.0], when) == ["1970-01-01"]
    assert "2024-" in fresh_report.to_html()


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_browser_draws_the_page_and_the_search_works(hostile_report: Report, tmp_path: Path):
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame({f"col {i}": rng.normal(size=40) for i in range(10)}) for _ in range(2)]
    page = evaluate(*frames, include=["quality"]).to_html()
    # The policy allows the page's own script only; the probe has to be let in for the test.
    probe = """<script>
      const find = document.getElementById("find");
      find.value = "COL 7";
      find.dispatchEvent(new Event("input"));
      const right = new KeyboardEvent("keydown", {key: "ArrowRight"});
      document.querySelector(".map").dispatchEvent(right);
      const shown = [...document.querySelectorAll(".column")].filter((c) => !c.hidden);
      document.title = `${shown.length} ${shown[0].dataset.name}; ` +
        `${document.getElementById("count").textContent}; ` +
        `${document.getElementById("readout").textContent}`;
    </script>"""
    opened = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)
    probed = tmp_path / "probed.html"
    probed.write_text(opened.replace("</body>", probe + "</body>"), encoding="utf-8")
    dom, log = browse(probed, tmp_path / "a")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    assert title[1].startswith("1 col 7; 1 column; col 0 × col 2: real ")
    assert "CONSOLE" not in log

    hostile = tmp_path / "hostile.html"
    hostile_report.to_html(hostile)
    dom, log = browse(hostile, tmp_path / "b")
    assert "CONSOLE" not in log
    assert "<img" not in dom


# What a page says of itself to the page that frames it.
PROBE = """<script>
  const drawn = (selector) => [...document.querySelectorAll(selector)].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 100 && box.height > 20;
  }).length;
  const beyond = [...document.querySelectorAll("main *")].filter((element) =>
    !element.closest(".scroll, .hidden, .bounded") &&
    element.getBoundingClientRect().right > innerWidth + 1);
  parent.postMessage(JSON.stringify({
    width: innerWidth,
    beyond: beyond.map((element) => element.className || element.tagName),
    planes: drawn(".plane .dots"), curves: drawn(".curves .step"), maps: drawn(".map image"),
    secrets: drawn(".secrets"), patterns: drawn(".patterns"), histograms: drawn(".histogram .bars"),
  }), "*");
</script>"""
# A window of a browser without a head is never narrower than 500 pixels; a frame may be.
FRAME = """<!doctype html><title>waiting</title><script>
  addEventListener("message", (event) => { document.title = btoa(event.data); });
</script><iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>"""


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_is_drawn_and_fits(width: int, fresh_report: Report, tmp_path: Path):
    page = fresh_report.to_html().replace("</body>", PROBE + "</body>")
    page = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("{width}", str(width)), encoding="utf-8")
    dom, log = browse(frame, tmp_path / "profile", "virtual-time-budget=2000")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    seen = json.loads(base64.b64decode(title[1]))
    assert "CONSOLE" not in log
    numeric = sum(isinstance(m, NumericMarginal) for m in fresh_report.marginals)
    assert seen == {
        "width": width,
        "beyond": [],
        "planes": 2,
        "curves": 2,
        "maps": 3,
        "secrets": 1,
        "patterns": 1,
        "histograms": numeric,
    }


@pytest.fixture(scope="module")
def sequence_report(sdmetrics: None) -> Report:
    frames = [draw_panel(40, seed) for seed in (1, 2)]
    frames[1] = frames[1].assign(state=frames[1]["state"].replace("gone", HOSTILE))
    return evaluate(*frames, include=["sequences"], sequence_key="who", sequence_index="day")


def test_sequences_are_drawn_and_their_levels_stay_text(sequence_report: Report):
    page = sequence_report.to_html()
    tags = Elements(page).found
    assert not [a for tag, a in tags if tag == "img" or "onerror" in a]
    assert 'href="#sequences"' in page
    # Level, dose and state of six real and six synthetic entities; the index is no column.
    assert page.count('class="trajectory real"') == page.count('class="trajectory synthetic"') == 18
    assert page.count('class="lags"') == 2
    assert page.count('class="transitions ') == 3
    assert "Rows per entity" in page and "Time to the next row" in page
    assert "Sequences, by entities" in page
    assert sequence_report.sequences is not None
    error = sequence_report.sequences.transitions["state"][0]
    assert f"{error:.1f} % of the steps would have to lead elsewhere" in page


def test_a_page_without_sequences_has_no_word_of_them(fresh_report: Report):
    page = fresh_report.to_html()
    assert 'id="sequences"' not in page and "by rows" not in page


SEQUENCE_PROBE = """<script>
  const drawn = (selector) => [...document.querySelectorAll(selector)].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 20 && box.height > 5;
  }).length;
  const first = drawn(".trajectory");
  const choice = document.querySelector(".picker select");
  choice.value = "2";
  choice.dispatchEvent(new Event("change"));
  const beyond = [...document.querySelectorAll("main *")].filter((element) =>
    !element.closest(".scroll, .hidden, .bounded") &&
    element.getBoundingClientRect().right > innerWidth + 1);
  parent.postMessage(JSON.stringify({
    first: first, then: drawn(".trajectory"),
    shown: [...document.querySelectorAll("figure.pick")].filter((pick) => !pick.hidden)
      .map((pick) => pick.querySelector("b").textContent),
    curves: drawn(".lags .step"), tables: drawn(".transitions"),
    beyond: beyond.map((element) => element.className || element.tagName),
  }), "*");
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize("width", [360, 1600])
def test_a_browser_draws_sequences_and_picks_columns(
    width: int, sequence_report: Report, tmp_path: Path
):
    page = sequence_report.to_html().replace("</body>", SEQUENCE_PROBE + "</body>")
    page = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("{width}", str(width)), encoding="utf-8")
    dom, log = browse(frame, tmp_path / "profile", "virtual-time-budget=2000")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None
    assert "CONSOLE" not in log
    assert json.loads(base64.b64decode(title[1])) == {
        "first": 12, "then": 12, "shown": ["state"], "curves": 2, "tables": 3, "beyond": [],
    }  # fmt: skip


def test_what_was_not_taken_is_not_drawn(shuffled_report: Report, fresh_report: Report):
    # Without a hold-out there is no attack and no prediction.
    page, full = shuffled_report.to_html(), fresh_report.to_html()
    for words in (
        "Membership attack</b>",
        "Attribute inference</b>",
        "Prediction of",
        "by learner",
    ):
        assert words in full
        assert words not in page
    assert 'class="plane"' in page


def browse(path: Path, profile: Path, *switches: str) -> tuple[str, str]:
    """The page after its scripts ran, and what the browser said."""
    assert BROWSER is not None
    usual = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run")
    quiet = ("disable-sync", "disable-background-networking", "disable-component-update")
    every = (*usual, *quiet, *switches, "enable-logging=stderr", "dump-dom")
    options = [f"--{name}" for name in every]
    command = [BROWSER, *options, f"--user-data-dir={profile}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, done.stderr
