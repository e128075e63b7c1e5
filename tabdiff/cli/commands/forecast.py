"""``tabdiff forecast``: from histories to what may follow."""

from __future__ import annotations

import sys

import click

from tabdiff.cli import options
from tabdiff.cli.models import load_sequences
from tabdiff.cli.tables import as_pandas, read_for
from tabdiff.cli.talk import voice

DRAW = "draw"
QUANTILES = (0.1, 0.5, 0.9)
_NEEDS_SEQUENCES = (
    "forecast needs one of sequences: tabdiff fit with --sequence-key or --sequence-index."
)


@click.command()
@click.argument("model")
@click.argument("history")
@click.option(
    "--horizon", type=click.IntRange(min=1), required=True, help="Rows to come of each sequence."
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Futures drawn of each sequence.",
)
@click.option(
    "--quantiles",
    type=options.quantiles,
    metavar="Q,Q,…",
    help="What is told of the numbers. 0.1,0.5,0.9 by default.",
)
@click.option(
    "--futures",
    is_flag=True,
    help=f"Every future as it was drawn, in place of quantiles; a first column, {DRAW}, counts "
    "them from 0.",
)
@click.option(
    "--known-future",
    metavar="FILE",
    help="The columns known ahead: for each sequence as many rows as --horizon says.",
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help="Where it goes. The standard output; in a terminal as a small table.",
)
@options.seed
@options.csv_safe
@options.reading
@options.device
@options.quiet
def forecast(
    model: str,
    history: str,
    horizon: int,
    samples: int,
    quantiles: tuple[float, ...] | None,
    futures: bool,
    known_future: str | None,
    output: str | None,
    seed: int | None,
    csv_safe: bool,
    na: tuple[str, ...],
    separator: str | None,
    device: str,
    quiet: bool,
) -> None:
    """Draw how the sequences of HISTORY may go on, with MODEL.

    Of every number the quantiles over the futures are told, in columns such as sales_0.1, and of
    categories the most frequent one.
    """
    from tabdiff import terminal
    from tabdiff.files import check_path, write_table

    target = output or "-"
    check_path(target)
    if futures and quantiles is not None:
        raise click.UsageError("give either --quantiles or --futures.")
    synth = load_sequences(model, device, _NEEDS_SEQUENCES)
    past = read_for(synth, history, na, separator)
    if futures and DRAW in past.columns:
        raise ValueError(
            f"{history} has a column {DRAW!r} of its own. Rename it, or leave --futures out."
        )
    told = synth.forecast(
        past,
        horizon,
        n_samples=samples,
        known_future=None if known_future is None else read_for(synth, known_future, na, separator),
        quantiles=None if futures else quantiles or QUANTILES,
        random_state=seed,
    )
    if output is None and sys.stdout.isatty():
        click.echo(terminal.describe_rows(as_pandas(told)))
        return
    n_rows = write_table(target, [as_pandas(told)], formula_safe=csv_safe, private=True)
    if target != "-":
        voice(quiet)(f"Wrote {terminal.plural(n_rows, 'row')} to {target}.")
