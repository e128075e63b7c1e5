"""The commands: each module here is one, ``tabdiff fit`` is the function ``fit`` of ``fit.py``.

A new module is a new command, and no list has to know of it. All of them are imported whatever is
called, so what is heavy is imported by the function that needs it.
"""

from importlib import import_module
from pkgutil import iter_modules

import click


def found() -> list[click.Command]:
    """The command of every module.

    Raises
    ------
    AttributeError
        If a module has no command of its own name.
    """
    names = [module.name for module in iter_modules(__path__)]
    return [getattr(import_module(f"{__name__}.{name}"), name) for name in names]
