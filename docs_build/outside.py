"""Links to files of the repository that are no part of the site, as plain code.

A hook of MkDocs. Pages are read in the repository as well, where such links lead somewhere; the
site is whole by itself.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)#\s]+)\)")


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The Markdown of a page, in which links out of its folder are their own text."""
    docs = Path(config.docs_dir).resolve()
    folder = (docs / page.file.src_uri).parent

    def shown(link: re.Match[str]) -> str:
        target = (folder / link["target"]).resolve()
        # What does not exist is left to MkDocs, which warns.
        is_outside = target.exists() and not target.is_relative_to(docs)
        return link["text"] if is_outside else link[0]

    return LINK.sub(shown, text)
