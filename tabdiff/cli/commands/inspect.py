"""``tabdiff inspect``: how the columns of a table will be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tabdiff.cli import options
from tabdiff.cli.talk import named

if TYPE_CHECKING:
    import pandas as pd

    from tabdiff.data.schema import Schema


@click.command()
@click.argument("data")
@options.kind
@options.sequences
@options.reading
def inspect(
    data: str,
    kinds: tuple[tuple[str, str], ...],
    sequence_key: str | None,
    sequence_index: str | None,
    known: tuple[str, ...],
    context: tuple[str, ...],
    na: tuple[str, ...],
    separator: str | None,
) -> None:
    """Show how each column of DATA will be understood.

    With --sequence-key or --sequence-index also what it is for in sequences.
    """
    from tabdiff import terminal
    from tabdiff.data.schema import Schema
    from tabdiff.files import read_table

    frame = read_table(data, na, separator)
    told = (sequence_key, sequence_index, known, context)
    if told == (None, None, (), ()):
        schema, roles = Schema.infer(frame, dict(kinds)), None
    else:
        schema, roles = _sequences(frame, dict(kinds), *told)
    click.echo(f"{named(data)}: {terminal.plural(len(frame), 'row')}, {terminal.kinds_of(schema)}")
    if roles is not None:
        click.echo(roles)
    click.echo()
    click.echo(terminal.describe_frame(frame, schema))


def _sequences(
    frame: pd.DataFrame,
    kinds: dict[str, str],
    key: str | None,
    index: str | None,
    known: tuple[str, ...],
    context: tuple[str, ...],
) -> tuple[Schema, str]:
    """The schema that a fit would infer, and what each column is for."""
    import numpy as np

    from tabdiff import terminal
    from tabdiff.data.long import LongFrame, fit_encoder

    long = LongFrame.learn(frame, key, index, context or "auto", known)
    encoder = fit_encoder(frame, long, kinds, 2, np.random.default_rng(0))
    lengths = np.diff(long.panel.offsets)
    told = f"sequences     {len(lengths):,} of {lengths.min():,} to {lengths.max():,} rows\n"
    return encoder.schema, told + terminal.describe_roles(encoder)
