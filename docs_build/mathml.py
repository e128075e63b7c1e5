r"""Equations as MathML, which browsers set by themselves: no script, no font, no network.

A hook of MkDocs. Markdown marks equations as ``<span class="arithmatex">\(…\)</span>`` and
``<div class="arithmatex">\[…\]</div>``.
"""

import html
import re

from latex2mathml.converter import convert

EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', flags=re.DOTALL)


def on_page_content(text: str, page: object, config: object, files: object) -> str:
    """The HTML of a page with its equations set; the other arguments are what MkDocs gives."""
    return EQUATION.sub(_set, text)


def _set(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    mathml = convert(html.unescape(found[2]).strip(), display=display)
    return f'<{found[1]} class="equation">{mathml}</{found[1]}>'
