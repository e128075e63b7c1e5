"""``tabdiff impute``: from a table with gaps to one without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tabdiff.cli import options
from tabdiff.cli.models import load
from tabdiff.cli.tables import as_pandas, read_for
from tabdiff.cli.talk import voice

if TYPE_CHECKING:
    import pandas as pd

DRAW = "draw"


@click.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--draws",
    type=click.IntRange(min=1),
    help=f"Complete the table so many times: the tables stand one below the other, and a first "
    f"column, {DRAW}, counts them from 1.",
)
@options.output
@options.seed
@options.csv_safe
@options.reading
@options.device
@options.quiet
def impute(
    model: str,
    data: str,
    draws: int | None,
    output: str,
    seed: int | None,
    csv_safe: bool,
    na: tuple[str, ...],
    separator: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Fill the missing cells of DATA with draws from MODEL.

    Each is drawn given the other cells of its row, which stay as they are; where MODEL is of
    sequences, given all cells of its sequence. A draw is no best guess: what several of them differ
    in is what the others leave open. Identifiers are not filled, nor are the key, the index and the
    context columns of sequences.
    """
    from tabdiff import terminal
    from tabdiff.files import check_path, write_table

    check_path(output)
    synth = load(model, device)
    frame = read_for(synth, data, na, separator)
    if draws is not None and DRAW in frame.columns:
        raise ValueError(
            f"{data} has a column {DRAW!r} of its own. Rename it, or leave --draws out."
        )
    completed = synth.impute(frame, n_draws=draws or 1, random_state=seed)
    tables = map(as_pandas, completed)
    n_rows = write_table(
        output,
        tables if draws is None else _numbered(tables),
        formula_safe=csv_safe,
        private=True,
    )
    if output != "-":
        voice(quiet)(f"Wrote {terminal.plural(n_rows, 'row')} to {output}.")


def _numbered(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for number, table in enumerate(tables, start=1):
        table.insert(0, DRAW, number)
        yield table
