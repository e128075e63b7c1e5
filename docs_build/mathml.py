"""Equations as MathML, which browsers set by themselves: no script, no font, no network.

A hook of MkDocs. Markdown marks equations as ``<span class="arithmatex">\\(…\\)</span>`` and
``<div class="arithmatex">\\[…\\]</div>``.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

EQUATION = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', flags=re.DOTALL
)


def on_page_content(page_html: str, /, **_: Any) -> str:
    """The page with its equations set."""
    return EQUATION.sub(_set, page_html)


def _set(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    mathml = convert(html.unescape(found[2]).strip(), display=display)
    return f'<{found[1]} class="equation">{mathml}</{found[1]}>'
