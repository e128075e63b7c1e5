"""``tabdiff sample``: from a model to synthetic rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tabdiff.cli import options
from tabdiff.cli.talk import voice

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("model")
@click.option(
    "--rows", "-n", type=click.IntRange(min=0), help="How many. As many as were learned from."
)
@click.option(
    "--output", "-o", default="-", metavar="FILE", help="Where they go. The standard output."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Other seeds give other rows. Without one, the same rows come every time.",
)
@click.option(
    "--csv-safe",
    is_flag=True,
    help="Put ' in front of text that a spreadsheet would run as a formula.",
)
@options.device
@options.quiet
def sample(
    model: str,
    rows: int | None,
    output: str,
    seed: int | None,
    csv_safe: bool,
    device: str,
    quiet: bool,
) -> None:
    """Make synthetic rows with MODEL.

    Any number of rows takes the same memory, and the output appears whole or not at all.
    """
    from tabdiff import terminal
    from tabdiff.files import check_path, write_table
    from tabdiff.synthesizer import DiffusionSynthesizer

    check_path(output)
    synth = DiffusionSynthesizer.load(model, device=device)
    wanted = synth.n_rows_seen_ if rows is None else rows
    frames = synth.sample_iter(wanted, random_state=seed)
    pandas_frames = _counted(map(_as_pandas, frames), wanted, quiet)
    written = write_table(output, pandas_frames, formula_safe=csv_safe)
    if output != "-":
        voice(quiet)(f"Wrote {terminal.plural(written, 'row')} to {output}.")


def _as_pandas(frame: Any) -> pd.DataFrame:
    """Models that were made in Python may give polars frames or arrays."""
    from tabdiff.data.schema import to_pandas

    return to_pandas(frame)


def _counted(frames: Iterator[pd.DataFrame], n_rows: int, quiet: bool) -> Iterator[pd.DataFrame]:
    """The same frames, with a progress bar where somebody is looking."""
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with tqdm(total=n_rows, desc="sample", unit="row", unit_scale=True, disable=hidden) as bar:
        for frame in frames:
            yield frame
            bar.update(len(frame))
