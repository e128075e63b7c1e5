"""The site builds without a warning, wants nothing from elsewhere, and its equations have homes."""

import os
import re
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name
from xml.etree import ElementTree

import pytest

from docs_build.blocks import DOCS

ROOT = DOCS.parent
REFERENCE = re.compile(r"\]\[(tabdiff[\w.]*)\]")
# What a page loads by itself; a link that a reader may follow is none.
LOADED = re.compile(r'<(?:link|script|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')
ROLE = re.compile(r":(?:attr|class|exc|func|meth|mod):")


def references(page: Path) -> list[str]:
    """The objects that a page names in its text, code aside."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return REFERENCE.findall(text)


def homeless(page: str) -> list[str]:
    """Displayed equations whose next paragraph links to nothing of tabdiff."""
    found = re.findall(r"\$\$(.+?)\$\$(.*?)(?=\$\$|\Z)", page, flags=re.DOTALL)
    return [one for one, after in found if not REFERENCE.search(after.strip().split("\n\n")[0])]


def test_site_builds_strictly_and_wants_no_network(tmp_path: Path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = {page: page.read_text("utf-8") for page in tmp_path.rglob("*.html")}
    assert len(built) > len(list(DOCS.rglob("*.md")))
    for page, text in built.items():
        assert not LOADED.findall(text), page
        assert not ROLE.search(re.sub(r"<code>.*?</code>", "", text, flags=re.DOTALL)), page
        assert "arithmatex" not in text, page
    mathematics = built[tmp_path / "mathematics.html"]
    equations = re.findall(r"<math\b.*?</math>", mathematics, flags=re.DOTALL)
    assert len(equations) > 20
    for equation in equations:
        ElementTree.fromstring(equation)
        assert "\\" not in equation
    styles = "".join(sheet.read_text("utf-8") for sheet in tmp_path.rglob("*.css"))
    assert not re.search(r"url\(['\"]?(?:https?:)?//", styles)


def test_every_equation_is_linked_to_the_function_that_implements_it():
    page = (DOCS / "mathematics.md").read_text("utf-8")
    assert page.count("$$") > 40
    assert homeless(page) == []


def test_an_equation_without_a_home_is_found():
    page = "$$ a $$\n\n[`f`][tabdiff.f].\n\n$$ b $$\n\nNothing.\n\n[`f`][tabdiff.f]"
    assert homeless(page) == [" b "]


@pytest.mark.parametrize(
    "page",
    [p for p in sorted(DOCS.rglob("*.md")) if references(p)],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_what_pages_refer_to_exists(page: Path):
    for name in references(page):
        assert resolve_name(name) is not None
