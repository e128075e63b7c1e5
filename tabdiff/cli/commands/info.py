"""``tabdiff info``: what a model file is."""

import click


@click.command()
@click.argument("model")
def info(model: str) -> None:
    """Show what MODEL is, what it learned from and what wrote it."""
    from tabdiff import terminal
    from tabdiff.persistence import envelope
    from tabdiff.synthesizer import DiffusionSynthesizer

    told = envelope(model)
    synth = DiffusionSynthesizer.load(model, device="cpu")
    click.echo(terminal.describe_model(model, synth, told))
