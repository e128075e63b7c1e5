"""Every code block of the documentation runs as it stands, with less training."""

from pathlib import Path

import pytest

from docs_build.blocks import DOCS, blocks, pages, refresh, run
from tests.shortened import shorten

# The first two judge rows in full, which the README's blocks do in the default suite; the third runs
# there with its tables.
SLOW = {"quickstart.md", "howto/evaluate.md", "from_sdv.md"}


def named(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


PAGES = [
    pytest.param(page, id=named(page), marks=[pytest.mark.slow] if named(page) in SLOW else [])
    for page in pages()
]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_run_one_after_the_other_and_print_where_the_page_says_so(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("sdmetrics")
    shorten(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for block, printed in run(page):
        where = f"{named(page)}, block at line {block.line}"
        assert bool(printed.strip()) == (block.printed is not None), where


@pytest.mark.parametrize("page", [pytest.param(page, id=named(page)) for page in pages()])
def test_pages_show_what_their_blocks_print(page: Path):
    empty = [
        block.line for block in blocks(page) if block.printed is not None and not block.printed
    ]
    assert not empty, f"run: python -m docs_build.blocks {page}"


PAGE = """# A page

```python
x = 2
print(x)
```

```text
1
```

```sh
# Not a command.
tabdiff info absent.tabdiff
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_blocks_know_their_lines_and_what_the_page_says(page: Path):
    python, sh = blocks(page)
    assert (python.line, python.printed) == (4, "1\n")
    assert (sh.line, sh.printed) == (13, None)


def test_a_command_that_fails_is_an_error_that_names_it(page: Path):
    with pytest.raises(RuntimeError, match="block at line 13: 'tabdiff info absent.*exits with 2"):
        list(run(page))


def test_refreshed_pages_say_what_was_printed(page: Path):
    page.write_text(PAGE.replace("tabdiff info absent.tabdiff\n", ""), encoding="utf-8")
    refresh(page)
    assert [block.printed for block in blocks(page)] == ["2\n", None]
