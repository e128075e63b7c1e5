"""``tabdiff evaluate``: the report on a synthetic table, and bars that it has to clear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from tabdiff.cli import options
from tabdiff.cli.exit_codes import BELOW_THE_BAR, OK
from tabdiff.cli.talk import voice

if TYPE_CHECKING:
    from tabdiff.evaluation.report import Report


@click.command()
@click.argument("real")
@click.argument("synthetic")
@click.option("--holdout", metavar="FILE", help="Real rows that the model never saw.")
@click.option("--target", metavar="COLUMN", help="A column to predict; needs a hold-out.")
@click.option(
    "--include",
    metavar="SECTION",
    multiple=True,
    help="quality, detection, utility, privacy or sequences; may be repeated. All by default.",
)
@click.option("--sequence-key", metavar="COLUMN", help="Rows with the same value are one sequence.")
@click.option(
    "--sequence-index",
    metavar="COLUMN",
    help="Orders the rows of a sequence. Without --sequence-key the table is one long series.",
)
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@click.option("--json", "json_path", metavar="FILE", help="Write every figure; - for stdout.")
@click.option(
    "--fail-under",
    type=options.bar,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Exit with 1 if a figure is below its bar; may be repeated: c2st=0.85.",
)
@click.option(
    "--fail-over",
    type=options.bar,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Exit with 1 if a figure is above its bar; may be repeated: memorisation_excess=0.05.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@options.kind
@options.reading
@options.quiet
def evaluate(
    real: str,
    synthetic: str,
    holdout: str | None,
    target: str | None,
    include: tuple[str, ...],
    sequence_key: str | None,
    sequence_index: str | None,
    html: str | None,
    json_path: str | None,
    fail_under: tuple[tuple[str, float], ...],
    fail_over: tuple[tuple[str, float], ...],
    seed: int,
    kinds: tuple[tuple[str, str], ...],
    na: tuple[str, ...],
    separator: str | None,
    quiet: bool,
) -> int:
    """Judge the rows in SYNTHETIC against the REAL ones they imitate.

    REAL are the rows that the model learned from. With --holdout the report also tells how useful
    the rows are, and whether the model remembers rows instead of knowing their distribution. With
    --sequence-key or --sequence-index it also judges what happens in time.
    """
    from tabdiff.data.schema import Schema
    from tabdiff.disk import check_writable
    from tabdiff.evaluation.report import evaluate as judge
    from tabdiff.files import read_table

    for path in (html, json_path):
        if path not in (None, "-"):
            check_writable(path)
    truth = read_table(real, na, separator)
    fake = read_table(synthetic, na, separator, like=truth)
    unseen = None if holdout is None else read_table(holdout, na, separator, like=truth)
    whole = truth.drop(columns=[sequence_key]) if sequence_key in truth.columns else truth
    schema = Schema.infer(whole, dict(kinds))
    report = judge(
        truth,
        fake,
        holdout=unseen,
        target=target,
        schema=schema,
        seed=seed,
        include=include or None,
        progress=not quiet,
        sequence_key=sequence_key,
        sequence_index=sequence_index,
    )
    if not quiet and json_path != "-":
        click.echo(str(report))
    _publish(report, html, json_path, voice(quiet))
    return _compare(report, fail_under, fail_over)


def _publish(
    report: Report, html: str | None, json_path: str | None, say: Callable[[str], None]
) -> None:
    if json_path == "-":
        click.echo(report.to_json())
    for path, write in ((html, report.to_html), (json_path, report.to_json)):
        if path not in (None, "-"):
            write(path)
            say(f"Wrote {path}.")


def _compare(
    report: Report,
    fail_under: Sequence[tuple[str, float]],
    fail_over: Sequence[tuple[str, float]],
) -> int:
    """Exit code of the bars; every figure beyond its bar is told."""
    scores = {str(key): float(value) for key, value in report.scores.items()}
    for name, _ in (*fail_under, *fail_over):
        if name not in scores:
            known = ", ".join(scores)
            raise ValueError(f"there is no figure {name!r} in this report. Figures: {known}.")
        if math.isnan(scores[name]):
            raise ValueError(f"{name} could not be measured on these tables, so it has no bar.")
    missed = [f"{name} is {scores[name]:.4g}, below {bar:g}" for name, bar in fail_under
              if scores[name] < bar]  # fmt: skip
    missed += [f"{name} is {scores[name]:.4g}, above {bar:g}" for name, bar in fail_over
               if scores[name] > bar]  # fmt: skip
    for line in missed:
        click.echo(f"Failed: {line}.", err=True)
    return BELOW_THE_BAR if missed else OK
