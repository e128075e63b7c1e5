"""``tabdiff ui``: a page in the browser."""

from __future__ import annotations

import click

from tabdiff.cli.talk import voice

PORT = 8421


@click.command()
@click.option(
    "--port",
    type=click.IntRange(min=0, max=65535),
    default=PORT,
    show_default=True,
    help="Where on this computer; 0 takes any that is free.",
)
def ui(port: int) -> None:
    """Open a page for this computer: drop a CSV, fit it, look at the report, ask for rows.

    The page is reached from this computer alone and loads nothing from elsewhere. What it is given
    stays in memory and in a temporary folder, which goes when it ends.
    """
    try:
        from tabdiff.ui.server import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise ImportError(
            f"the page needs {error.name}, which cannot be imported. Run: pip install 'tabdiff[ui]'"
        ) from error
    serve(port, voice(quiet=False))
