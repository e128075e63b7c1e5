"""Names in docstrings as links: ``:meth:`fit``` leads to where the site describes it.

An extension of Griffe, which reads the docstrings for the API pages.
"""

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|exc|func|meth|mod):`~?\.?([\w.]+)`")


class Roles(griffe.Extension):
    """Turns roles into references; names that the site does not describe stay code."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:  # as Griffe calls it
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(
                lambda role: (
                    f'<autoref identifier="{_home(obj, role[1])}" optional>'
                    f"<code>{role[1]}</code></autoref>"
                ),
                obj.docstring.value,
            )


def _home(obj: griffe.Object, name: str) -> str:
    """Where ``name`` is defined, as seen from ``obj``."""
    first, dot, rest = name.partition(".")
    try:
        return obj.resolve(first) + dot + rest
    except griffe.NameResolutionError:
        return name
