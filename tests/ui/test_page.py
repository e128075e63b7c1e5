"""The page in a browser, from the dropped file to the downloads.

Wants the extra `e2e`, and Chromium with its driver (Debian: apt-get install chromium-driver).
TABDIFF_SCREENSHOTS=FOLDER keeps a picture of every stage, at two widths.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer
from tests.ui.waiting import orders

pytest.importorskip("starlette", reason="the page needs starlette: pip install 'tabdiff[ui]'")
pytest.importorskip("uvicorn", reason="the page needs uvicorn: pip install 'tabdiff[ui]'")
webdriver = pytest.importorskip(
    "selenium.webdriver", reason="the browser is driven by selenium: pip install 'tabdiff[e2e]'"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        None in (CHROMIUM, DRIVER), reason="there is no Chromium here, or no chromedriver"
    ),
    pytest.mark.filterwarnings("default"),  # selenium's own
]

SECONDS = 600
WIDTHS = (1280, 420)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # Names of other hosts lead nowhere: what the page would load from them is an error in its log.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Browser:
    """A page in Chromium."""

    def __init__(self, downloads: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option(
            "prefs", {"download.default_directory": str(downloads), "profile.exit_type": "Normal"}
        )
        self.downloads = downloads
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def shows(self, selector: str) -> bool:
        return self.find(selector).is_displayed()

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def wait(self, claim: Any) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, SECONDS, 0.1).until(lambda _: claim())

    def write(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, value: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.find(selector)).select_by_value(value)

    def download(self, selector: str, name: str) -> Path:
        path = self.downloads / name
        self.find(selector).click()
        self.wait(path.exists)
        return path

    def picture(self, name: str) -> None:
        """Check that the page fits its width, and keep how it looks, if somebody wants to see."""
        folder = os.environ.get("TABDIFF_SCREENSHOTS")
        for width in WIDTHS:
            self._resize(width, 900)
            tall, wide = (
                self.driver.execute_script(f"return document.documentElement.scroll{size}")
                for size in ("Height", "Width")
            )
            assert wide == width, f"{name}: {wide} pixels do not fit in {width}"
            if folder is not None:
                self._resize(width, tall)
                self.driver.execute_script("scrollTo(0, 0)")
                self.driver.save_screenshot(f"{folder}/{name}-{width}.png")
        self._resize(WIDTHS[0], 900)

    def complaints(self) -> list[str]:
        """What the console holds, but for refusals of what was asked."""
        told = [line["message"] for line in self.driver.get_log("browser")]
        return [message for message in told if "status of 400" not in message]

    def _resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The address of a page that runs; at its end nothing is left of what it was given."""
    kept = tmp_path / "kept"
    kept.mkdir()
    code = "import sys; from tabdiff.cli import main; sys.exit(main(['ui', '--port', '0']))"
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"TMPDIR": str(kept)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = server.stderr.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+", told)[0]
    finally:
        server.terminate()
        _, told = server.communicate(timeout=SECONDS)
    assert "defect" not in told and "Traceback" not in told, told
    assert list(kept.glob("tabdiff-*")) == []


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    browser = Browser(downloads)
    yield browser
    browser.driver.quit()


def test_the_whole_way_in_a_browser(page: str, browser: Browser, tmp_path: Path):
    orders(120).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "notes.txt").write_text("no table")
    drop_a_table(page, browser, tmp_path)
    correct_the_kinds(browser)
    fit_and_stop(browser)
    ask_for_rows(browser)
    look_at_the_report(browser)
    keep_tabs_apart(page, browser)
    assert browser.complaints() == []


def drop_a_table(page: str, browser: Browser, folder: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.driver.get(page)
    browser.picture("1-empty")
    browser.find("body").send_keys(Keys.TAB)
    assert browser.driver.switch_to.active_element.get_attribute("id") == "file"
    browser.find("#file").send_keys(str(folder / "notes.txt"))
    browser.wait(lambda: "reads .csv" in browser.text("#table .problem"))
    browser.find("#file").send_keys(str(folder / "orders.csv"))
    browser.wait(lambda: browser.shows("#columns"))
    assert not browser.shows("#table .problem") and not browser.shows("#rows")
    assert browser.text("#summary") == "120 rows, 4 columns (2 numeric, 1 categorical, 1 datetime)"


def correct_the_kinds(browser: Browser) -> None:
    browser.choose("[aria-label='Kind of size']", "identifier")
    browser.wait(lambda: "column 'size'" in browser.text("#columns .problem"))
    assert browser.find("[aria-label='Kind of size']").get_property("value") == "numeric"
    browser.picture("2-refused")
    browser.choose("[aria-label='Kind of shop']", "categorical")
    browser.wait(lambda: "2 categorical" in browser.text("#summary"))
    assert not browser.shows("#columns .problem")
    browser.picture("3-columns")


def fit_and_stop(browser: Browser) -> None:
    browser.write("#minutes", "0.05")
    browser.find("#fit .primary").click()
    browser.wait(lambda: browser.text("#step") not in ("", "–"))
    assert browser.shows("#fit progress") and float(browser.text("#loss")) != 0
    browser.wait(lambda: browser.shows("#model"))
    assert "the time was up" in browser.text("#learned")
    browser.picture("4-fitted")
    browser.write("#minutes", "")
    browser.find("#fit .primary").click()
    browser.wait(lambda: browser.shows("#curve"))
    assert browser.text("#held-out") not in ("", "–")
    browser.picture("5-fitting")
    browser.find("#fit .stop").click()
    browser.wait(lambda: browser.shows("#model"))
    assert browser.text("#learned").startswith("Stopped.")
    browser.picture("6-stopped")
    path = browser.download("#model-file", "orders.tabdiff")
    synth = DiffusionSynthesizer.load(path, device="cpu")
    assert synth.stopped_ == "interrupted" and synth.schema_["shop"].kind == "categorical"
    assert synth.sample(3).shape == (3, 4)


def ask_for_rows(browser: Browser) -> None:
    browser.write("#count", "40")
    browser.write("#conditions", "sold=maybe")
    browser.find("#rows .primary").click()
    browser.wait(lambda: "maybe" in browser.text("#rows .problem"))
    browser.picture("7-no-such-rows")
    browser.write("#conditions", "shop=101|205\nsize=3..")
    browser.find("#rows .primary").click()
    browser.wait(lambda: browser.shows("#drawn"))
    browser.picture("8-rows")
    rows = pd.read_csv(browser.download("#rows-file", "orders-synthetic.csv"))
    assert len(rows) == 40 and list(rows.columns) == list(orders().columns)
    assert set(rows["shop"]) <= {101, 205} and (rows["size"] >= 3).all()


def look_at_the_report(browser: Browser) -> None:
    browser.choose("#target", "sold")
    browser.find("#report .primary").click()
    browser.wait(lambda: "Comparing" in browser.text("#report .status"))
    browser.wait(lambda: browser.shows("#written"))
    assert browser.text("#findings").startswith("Likeness")
    browser.driver.switch_to.frame("frame")
    browser.wait(lambda: "Synthetic data report" in browser.text("h1"))
    browser.driver.switch_to.default_content()
    browser.picture("9-report")
    browser.find("#report-file").click()
    browser.wait(lambda: len(browser.driver.window_handles) == 2)
    browser.driver.switch_to.window(browser.driver.window_handles[1])
    browser.wait(lambda: "Synthetic data report" in browser.text("h1"))
    browser.driver.close()
    browser.driver.switch_to.window(browser.driver.window_handles[0])


def keep_tabs_apart(page: str, browser: Browser) -> None:
    browser.driver.refresh()
    browser.wait(lambda: browser.shows("#drawn"))  # the tab still knows its table
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(page)
    assert browser.shows("#drop") and not browser.shows("#columns")
    browser.driver.close()
    browser.driver.switch_to.window(first)
    browser.find("#forget").click()
    browser.wait(lambda: browser.shows("#drop"))
    assert not any(browser.shows(f"#{place}") for place in ("columns", "fit", "rows", "report"))
