"""The code blocks of a page, run one after the other as a reader would run them.

    python -m docs_build.blocks docs/howto/impute.md    write anew what its blocks print

A fenced block of ``python`` is executed, the ``tabdiff`` lines of one of ``sh`` are; all blocks of
a page share their names and the working directory. A block of ``text`` right after one is what it
prints.
"""

import argparse
import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tabdiff.cli import main as tabdiff

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(
    r"^```(?P<language>python|sh)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?",
    flags=re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A code block of a page.

    Attributes
    ----------
    language : "python" or "sh"
    code : str
    line : int
        Of the page, where the code begins; counted from 1.
    printed : str or None
        What the page says that it prints; None where it says nothing.
    """

    language: str
    code: str
    line: int
    printed: str | None


def pages() -> list[Path]:
    """All pages with blocks to run."""
    return [page for page in sorted(DOCS.rglob("*.md")) if blocks(page)]


def blocks(page: Path) -> list[Block]:
    """The blocks of ``page``, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(m["language"], m["code"], text.count("\n", 0, m.start("code")) + 1, m["printed"])
        for m in BLOCK.finditer(text)
    ]


def run(page: Path) -> Iterator[tuple[Block, str]]:
    """Each block of ``page`` and what it printed, in the working directory of the process."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if block.language == "sh":
                _run_commands(block, page)
            else:
                # Empty lines above it give tracebacks the page's own line numbers.
                source = "\n" * (block.line - 1) + block.code
                exec(compile(source, page, "exec"), names)  # noqa: S102 - our own pages
        yield block, printed.getvalue()


def _run_commands(block: Block, page: Path) -> None:
    for command in block.code.replace("\\\n", " ").splitlines():
        program, *arguments = shlex.split(command, comments=True) or [""]
        if program == "tabdiff" and (code := tabdiff(arguments)):
            raise RuntimeError(f"{page}, block at line {block.line}: {command!r} exits with {code}")


def refresh(page: Path) -> None:
    """Write what the blocks of ``page`` print into their blocks of text."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            printed = iter([text for _, text in run(page)])
        finally:
            os.chdir(here)

    def renewed(found: re.Match[str]) -> str:
        text = "\n".join(line.rstrip() for line in next(printed).rstrip().splitlines())
        code = f"```{found['language']}\n{found['code']}```\n"
        return code + (f"\n```text\n{text}\n```\n" if text else "")

    page.write_text(BLOCK.sub(renewed, page.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> None:
    """Refresh the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path, nargs="*", help="all that have blocks, if none")
    for page in parser.parse_args().pages or pages():
        refresh(page.resolve())


if __name__ == "__main__":
    main()
