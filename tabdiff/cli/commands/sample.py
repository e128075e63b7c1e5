"""``tabdiff sample``: from a model to synthetic rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tabdiff.cli import options, where
from tabdiff.cli.models import WrongKindError, load
from tabdiff.cli.tables import as_pandas, counted, read_for
from tabdiff.cli.talk import say_redrawn, voice

if TYPE_CHECKING:
    import pandas as pd

    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer


@click.command()
@click.argument("model")
@click.option(
    "--rows",
    "-n",
    type=click.IntRange(min=0),
    help="How many; of a model of sequences, how many sequences. As many as were learned from.",
)
@click.option(
    "--length",
    type=click.IntRange(min=1),
    help="Rows of every sequence. They differ like those that were learned from.",
)
@click.option(
    "--where",
    "written",
    type=where.condition,
    metavar="CONDITION",
    multiple=True,
    help="What the rows must be; may be repeated: country=NL, age=18..30, age=18.., "
    "segment=A|B, and note= for a missing cell. Of sequences, what their context columns must be.",
)
@click.option(
    "--conditions",
    "table",
    metavar="FILE",
    help="A table of values, each row of which is completed to one row.",
)
@options.originals
@options.output
@options.seed
@options.csv_safe
@options.reading
@options.device
@options.quiet
def sample(
    model: str,
    rows: int | None,
    length: int | None,
    written: tuple[where.Condition, ...],
    table: str | None,
    originals: str | None,
    output: str,
    seed: int | None,
    csv_safe: bool,
    na: tuple[str, ...],
    separator: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Make synthetic rows, or sequences of them, with MODEL.

    Any number of rows, or of sequences, takes the same memory; the output appears whole or not at
    all.

    Conditions hold exactly, and rare ones take no longer. A range has both its ends in it. A name
    or a value that holds one of the signs = | .. " stands in double quotes, and these within the
    quotes of the shell: --where 'size="5..6"'.
    """
    from tabdiff import terminal
    from tabdiff.files import check_path, write_table
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    check_path(output)
    if table is not None and (written or rows is not None):
        raise click.UsageError(
            "--conditions makes one row of each of its rows: leave --rows and --where out."
        )
    synth = load(model, device)
    if isinstance(synth, TimeSeriesDiffusionSynthesizer):
        if table is not None:
            raise WrongKindError(
                f"{model} is a model of sequences. --conditions completes the rows of a table: say "
                "what sequences must be with --where, or fill those you have with tabdiff impute."
            )
        if originals is not None:
            raise WrongKindError(f"{model} is a model of sequences: no --exclude-copies-of yet.")
        frames = _sequences(synth, rows, length, written, seed)
    else:
        if length is not None:
            raise WrongKindError(f"{model} is a model of a table, whose rows have no --length.")
        if originals is not None:
            synth.exclude_copies_of(read_for(synth, originals, na, separator))
        conditions = _conditions(synth, written, table, na, separator)
        wanted = synth.n_rows_seen_ if rows is None else rows
        if table is not None:
            wanted = len(conditions)
        drawn = synth.sample_iter(wanted, conditions=conditions, random_state=seed)
        frames = counted(map(as_pandas, drawn), wanted, quiet)
    n_rows = write_table(output, frames, formula_safe=csv_safe)
    if output != "-":
        voice(quiet)(f"Wrote {terminal.plural(n_rows, 'row')} to {output}.")
        if originals is not None and not isinstance(synth, TimeSeriesDiffusionSynthesizer):
            say_redrawn(synth.copies_redrawn_, quiet)


def _sequences(
    synth: TimeSeriesDiffusionSynthesizer,
    wanted: int | None,
    length: int | None,
    written: tuple[where.Condition, ...],
    seed: int | None,
) -> Iterator[pd.DataFrame]:
    n = synth.n_entities_seen_ if wanted is None else wanted
    context = where.conditions_of(written, synth.schema_)
    drawn = synth.sample_iter(n, length=length, context=context, random_state=seed)
    return map(as_pandas, drawn)


def _conditions(
    synth: DiffusionSynthesizer,
    written: tuple[where.Condition, ...],
    table: str | None,
    na: tuple[str, ...],
    separator: str | None,
) -> Any:
    if table is not None:
        return read_for(synth, table, na, separator)
    return where.conditions_of(written, synth.schema_) if written else None
