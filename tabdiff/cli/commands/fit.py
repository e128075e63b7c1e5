"""``tabdiff fit``: from a table to a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tabdiff.cli import options
from tabdiff.cli.talk import named, voice

if TYPE_CHECKING:
    from tabdiff.cli.models import Synthesizer
    from tabdiff.data.privacy import Privacy


@click.command()
@click.argument("data")
@click.option("--output", "-o", required=True, metavar="FILE", help="Where the model goes.")
@click.option(
    "--preset",
    type=click.Choice(["fast", "default", "best"]),
    default="default",
    show_default=True,
    help="How much work the table is worth, in what is not set by itself.",
)
@click.option(
    "--max-time",
    type=options.duration,
    metavar="DURATION",
    help="Of training: 300, 90s, 5m, 1h30m.",
)
@click.option("--max-steps", type=click.IntRange(min=1), help="Of training.")
@click.option("--seed", type=click.IntRange(min=0), help="Equal seeds give equal models.")
@options.kind
@options.sequences
@click.option(
    "--window", type=click.IntRange(min=2), help="The most rows of a sequence seen together."
)
@click.option(
    "--constraints",
    "rules",
    metavar="FILE",
    help="What holds in every row, as JSON: a list of objects such as "
    '{"constraint": "Inequality", "low_column_name": "a", "high_column_name": "b"} and of texts '
    'such as "total == net + vat".',
)
@click.option(
    "--on-violation",
    type=click.Choice(["raise", "drop"]),
    default="raise",
    show_default=True,
    help="What to do with rows that break a constraint: refuse the table, or leave them out.",
)
@click.option(
    "--exclude-copies",
    is_flag=True,
    help="The model samples only when told the training rows, and makes none of them.",
)
@click.option(
    "--min-category-count",
    type=click.IntRange(min=1),
    help="Categories of fewer rows are learned as one, other, or as missing.",
)
@click.option(
    "--clip-percentiles",
    type=options.percentiles,
    metavar="LOW,HIGH",
    help="Numbers beyond these percentiles of their column are learned as the values there.",
)
@click.option(
    "--privacy",
    "promise",
    metavar="FILE",
    help="Learn under differential privacy; what is promised and what is public, as JSON: "
    '{"epsilon": 2, "delta": 1e-6, "bounds": {"age": [0, 120]}, "categories": {"sex": ["f", "m"]}, '
    '"n_rows": 30000}, by the names of tabdiff.Privacy.',
)
@click.option(
    "--checkpoint-dir",
    metavar="DIR",
    help="A folder, made if need be, that keeps where training stands until it ends.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from what the same call left in --checkpoint-dir, if it left anything.",
)
@options.device
@options.reading
@options.quiet
def fit(
    data: str,
    output: str,
    preset: str,
    max_time: float | None,
    max_steps: int | None,
    seed: int | None,
    kinds: tuple[tuple[str, str], ...],
    sequence_key: str | None,
    sequence_index: str | None,
    known: tuple[str, ...],
    context: tuple[str, ...],
    window: int | None,
    rules: str | None,
    on_violation: str,
    exclude_copies: bool,
    min_category_count: int | None,
    clip_percentiles: tuple[float, float] | None,
    promise: str | None,
    checkpoint_dir: str | None,
    resume: bool,
    device: str,
    na: tuple[str, ...],
    separator: str | None,
    quiet: bool,
) -> None:
    """Learn the table in DATA and save the model.

    DATA is a file that fits into memory. A folder of Parquet files, or a pattern of their names in
    quotes ('data/*.parquet'), is one table that need not: it is learned piece by piece.

    With --sequence-key, --sequence-index, --known-columns, --context-columns or --window the rows
    are those of sequences, and new sequences, forecasts and gaps within them can be asked of the
    model.

    Everything is chosen by the size of the table; without limits, training ends when held-out
    rows stop improving. Ctrl-C and SIGTERM save the best model so far. With --checkpoint-dir not
    even a kill costs more than the last seconds: call again with --resume.
    """
    from tabdiff import terminal
    from tabdiff.cli.rules import read_constraints, read_privacy
    from tabdiff.disk import check_writable
    from tabdiff.files import is_many, read_table
    from tabdiff.synthesizer import DiffusionSynthesizer
    from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

    check_writable(output)
    told = (sequence_key, sequence_index, known, context, window)
    of_sequences = told != (None, None, (), (), None)
    if of_sequences and rules is not None:
        raise click.UsageError("--constraints hold within rows of a table, not yet of sequences.")
    if of_sequences and preset != "default":
        raise click.UsageError("--preset is for tables: use --max-time for sequences.")
    if of_sequences and (exclude_copies, min_category_count, clip_percentiles) != (
        False,
        None,
        None,
    ):
        raise click.UsageError(
            "--exclude-copies, --min-category-count and --clip-percentiles are for tables, not yet "
            "for sequences."
        )
    if resume and checkpoint_dir is None:
        raise click.UsageError("--resume goes on from a checkpoint: say in which --checkpoint-dir.")
    say, many = voice(quiet), is_many(data)
    if of_sequences and many:
        raise click.UsageError("Sequences are learned of one file, not of a folder or a pattern.")
    if many and promise is not None:
        raise click.UsageError("--privacy learns from one file, not from a folder or a pattern.")
    privacy = None if promise is None else read_privacy(promise)
    table = data if many else read_table(data, na, separator)
    if isinstance(table, str):
        say(f"{data}: piece by piece")
    else:
        say(f"{named(data)}: {terminal.plural(len(table), 'row')}, {len(table.columns)} columns")
    synth: Synthesizer
    if not of_sequences:
        synth = DiffusionSynthesizer(
            column_kinds=dict(kinds) or None,
            constraints=None if rules is None else read_constraints(rules),
            on_violation=on_violation,
            preset=preset,
            exclude_copies=exclude_copies,
            min_category_count=min_category_count,
            clip_percentiles=clip_percentiles,
            max_steps=max_steps,
            max_time=max_time,
            privacy=privacy,
            device=device,
            random_state=seed,
            verbose=0 if quiet else 1,
            checkpoint_dir=checkpoint_dir,
            resume=resume,
        )
    else:
        synth = TimeSeriesDiffusionSynthesizer(
            sequence_key=sequence_key,
            sequence_index=sequence_index,
            context_columns=_context(context, privacy),
            known_columns=known,
            window=window,
            column_kinds=dict(kinds) or None,
            max_steps=max_steps,
            max_time=max_time,
            privacy=privacy,
            device=device,
            random_state=seed,
            verbose=0 if quiet else 1,
            checkpoint_dir=checkpoint_dir,
            resume=resume,
        )
    try:
        synth.fit(table)
    except KeyboardInterrupt:
        if hasattr(synth, "denoiser_"):
            _save(synth, output, say)
        if checkpoint_dir is not None:
            say("To go on with the training: the same call with --resume.")
        raise
    _save(synth, output, say)
    if synth.privacy_spent_ is not None:
        say(f"Promised: {synth.privacy_spent_}.")
    learned = (
        synth.n_rows_seen_ if isinstance(synth, DiffusionSynthesizer) else synth.n_entities_seen_
    )
    unlike = f" --exclude-copies-of {data}" if exclude_copies else ""
    say(f"Next: tabdiff sample {output} -n {learned}{unlike} -o fake.csv")


def _context(named: tuple[str, ...], privacy: Privacy | None) -> str | tuple[str, ...]:
    """The context columns: found where none is named, but in private mode, which looks at none."""
    return named if named or privacy is not None else "auto"


def _save(synth: Synthesizer, output: str, say: Callable[[str], None]) -> None:
    from tabdiff import terminal

    synth.save(output)
    say(f"Learned in {terminal.duration(synth.fit_seconds_)}: {terminal.last_step(synth)}.")
    say(f"Saved {output} ({terminal.size(Path(output).stat().st_size)}).")
