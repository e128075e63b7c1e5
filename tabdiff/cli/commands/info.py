"""``tabdiff info``: what a model file is."""

import click

from tabdiff.cli.models import load


@click.command()
@click.argument("model")
def info(model: str) -> None:
    """Show what MODEL is, what it learned from and what wrote it."""
    from tabdiff import terminal
    from tabdiff.persistence import envelope
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    told = envelope(model)
    synth = load(model, device="cpu")
    if isinstance(synth, TimeSeriesDiffusionSynthesizer):
        click.echo(terminal.describe_sequence_model(model, synth, told))
    else:
        click.echo(terminal.describe_model(model, synth, told))
