"""How the command line talks: what it says besides tables, on the standard error."""

import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click


def voice(quiet: bool) -> Callable[[str], None]:
    """What says a line on the standard error, or nothing."""
    return (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))


def say_redrawn(n_rows: int, quiet: bool) -> None:
    """Tell how many rows equalled a training row."""
    voice(quiet)(f"Rows that equalled a training row and were drawn anew: {n_rows:,}.")


def named(path: str) -> str:
    """What a table is called, read from `path`."""
    return "standard input" if path == "-" else path


def is_expected(error: Exception) -> bool:
    """Whether the message is meant for the user: raised by the system or by tabdiff on purpose."""
    if isinstance(error, OSError | MemoryError):
        return True
    if not isinstance(error, ValueError | TypeError | ImportError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    home = str(Path(__file__).parents[1])  # all of tabdiff
    return frame.f_code.co_filename.startswith(home) or _is_not_fitted(error)


def _is_not_fitted(error: Exception) -> bool:
    return type(error).__name__ == "NotFittedError"


def told(error: Exception) -> str:
    """The message of an expected error; of one of the system, with its file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}."
    return str(error)


@contextmanager
def short_warnings() -> Iterator[None]:
    """Warnings as one line without a place in the code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        click.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
