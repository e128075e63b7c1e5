"""``tabdiff inspect``: how the columns of a table will be understood."""

import click

from tabdiff.cli import options
from tabdiff.cli.talk import named


@click.command()
@click.argument("data")
@options.kind
@options.reading
def inspect(
    data: str, kinds: tuple[tuple[str, str], ...], na: tuple[str, ...], separator: str | None
) -> None:
    """Show how each column of DATA will be understood."""
    from tabdiff import terminal
    from tabdiff.data.schema import Schema
    from tabdiff.files import read_table

    frame = read_table(data, na, separator)
    schema = Schema.infer(frame, dict(kinds))
    click.echo(f"{named(data)}: {terminal.plural(len(frame), 'row')}, {terminal.kinds_of(schema)}")
    click.echo()
    click.echo(terminal.describe_frame(frame, schema))
