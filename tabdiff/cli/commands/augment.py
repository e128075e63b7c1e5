"""``tabdiff augment``: a table with synthetic rows below its own."""

from __future__ import annotations

import click

from tabdiff.cli import options, where
from tabdiff.cli.models import load_table
from tabdiff.cli.tables import as_pandas, read_for
from tabdiff.cli.talk import say_redrawn, voice

_NEEDS_A_TABLE = (
    "augment adds rows to a table, and a row has no place in a sequence that is there already: "
    "make new sequences with tabdiff sample."
)


@click.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--factor", type=click.FloatRange(min=1), help="Rows of the result, as a multiple of DATA's."
)
@click.option(
    "--target",
    metavar="COLUMN",
    help="Give every value of this column as many rows as the most frequent one, or what --count "
    "says.",
)
@click.option(
    "--count",
    "counts",
    type=where.count,
    metavar="VALUE=ROWS",
    multiple=True,
    help="Rows of the result with this value of the target; may be repeated. Values without a "
    "count get no more.",
)
@options.originals
@options.output
@options.seed
@options.csv_safe
@options.reading
@options.device
@options.quiet
def augment(
    model: str,
    data: str,
    factor: float | None,
    target: str | None,
    counts: tuple[tuple[where.Text, int], ...],
    originals: str | None,
    output: str,
    seed: int | None,
    csv_safe: bool,
    na: tuple[str, ...],
    separator: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Add synthetic rows made with MODEL below the rows of DATA.

    The first rows of the result are DATA's own, in their order.
    """
    from tabdiff import terminal
    from tabdiff.files import check_path, write_table

    check_path(output)
    if (factor is None) == (target is None) or (counts and target is None):
        raise click.UsageError("give either --factor, or --target with or without --count.")
    synth = load_table(model, device, _NEEDS_A_TABLE)
    if originals is not None:
        synth.exclude_copies_of(read_for(synth, originals, na, separator))
    label = None if target is None else where.label_of(target, synth.schema_)
    wanted = where.counts_of(counts, label, synth.schema_) if counts else None
    frame = read_for(synth, data, na, separator)
    more = synth.augment(frame, factor=factor, target=label, counts=wanted, random_state=seed)
    n_rows = write_table(output, [as_pandas(more)], formula_safe=csv_safe, private=True)
    if output != "-":
        added = terminal.plural(n_rows - len(frame), "synthetic row")
        voice(quiet)(f"Wrote {terminal.plural(n_rows, 'row')}, {added} among them, to {output}.")
        if originals is not None:
            say_redrawn(synth.copies_redrawn_, quiet)
