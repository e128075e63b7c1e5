"""The command line: ``tabdiff COMMAND``, where each command is a module of ``commands``.

Tables go to the standard output, talk to the standard error. The exit code is 0 if all went well,
1 if a figure is beyond its bar, 2 if the input or the call is wrong, 3 if tabdiff is, 130 after
Ctrl-C and 143 after SIGTERM, which interrupts as gently. Everything heavy is imported by the
command that needs it.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from tabdiff import __version__
from tabdiff.cli import commands
from tabdiff.cli.exit_codes import (
    BAD_INPUT,
    BELOW_THE_BAR,
    BROKEN_PIPE,
    DEFECT,
    INTERRUPTED,
    OK,
    TERMINATED,
)
from tabdiff.cli.stopping import Termination, terminable
from tabdiff.cli.talk import is_expected, short_warnings, told

__all__ = [
    "BAD_INPUT",
    "BELOW_THE_BAR",
    "BROKEN_PIPE",
    "DEFECT",
    "INTERRUPTED",
    "OK",
    "TERMINATED",
    "main",
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``sys.argv`` if `arguments` is None."""
    with terminable() as termination:
        return _run(arguments, termination)


def _run(arguments: Sequence[str] | None, termination: Termination) -> int:
    try:
        with short_warnings():
            code = program.main(arguments, prog_name="tabdiff", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        click.echo("Terminated." if termination.asked else "Interrupted.", err=True)
        return TERMINATED if termination.asked else INTERRUPTED
    except ReaderGoneError:
        # Python would try, and fail, to flush the standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if not is_expected(error):
            traceback.print_exc()
            click.echo("This is a defect of tabdiff: please report it.", err=True)
            return DEFECT
        click.echo(f"Error: {told(error)}", err=True)
        return BAD_INPUT
    return code if isinstance(code, int) else OK


class ReaderGoneError(Exception):
    """Who reads the standard output, such as ``head``, has seen enough."""


class _Program(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Tell a closed pipe from success and from a missed bar, as click does not."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error


@click.group(
    cls=_Program,
    commands=commands.found(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="tabdiff")
def program() -> None:
    """Synthetic tables by diffusion.

    \b
      tabdiff inspect data.csv
      tabdiff fit data.csv -o model.tabdiff --max-time 5m
      tabdiff sample model.tabdiff -n 10000 -o fake.parquet
      tabdiff sample model.tabdiff -n 500 --where age=18..30 -o young.csv
      tabdiff evaluate data.csv fake.parquet --html report.html
      tabdiff fit sales.csv -o sales.tabdiff --sequence-key store --sequence-index date
      tabdiff forecast sales.tabdiff sales.csv --horizon 28 -o coming.csv
      tabdiff ui

    Tables are .csv, .tsv (also with .gz) or .parquet; - is CSV from the standard input or to the
    standard output. Synthetic rows are not private by themselves: see what evaluate says.
    """  # noqa: D301
