"""Options that several commands share, and how what is written after an option is read."""

import math
import re
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

_DURATION = re.compile(r"(?:([\d.]+)h)?(?:([\d.]+)m(?:in)?)?(?:([\d.]+)s?)?")


def duration(text: str) -> float:
    """Seconds, written as ``90``, ``5m``, ``1h30m`` or ``1.5h``.

    Raises
    ------
    click.BadParameter
        If it is not written so, not positive or not finite.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    try:
        parts = [float(part or 0) for part in found.groups()] if found else []
    except ValueError:  # a number with two points
        parts = []
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=bool(parts)))
    if not 0 < seconds < math.inf:
        raise click.BadParameter(f"{text!r} is no time. Write 300, 90s, 5m or 1h30m.")
    return seconds


def bar(text: str) -> tuple[str, float]:
    """A figure of the report and its bar: ``quality=0.85``.

    Raises
    ------
    click.BadParameter
        If the name is empty, or the bar is no number.
    """
    name, _, number = text.partition("=")
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not name or math.isnan(limit):
        raise click.BadParameter(f"{text!r} is not NAME=NUMBER, such as quality=0.85.")
    return name, limit


def quantiles(text: str) -> tuple[float, ...]:
    """Quantiles, ``0.1,0.5,0.9``.

    Raises
    ------
    click.BadParameter
        If one is no number between 0 and 1.
    """
    try:
        told = tuple(float(part) for part in text.split(","))
    except ValueError:
        told = ()
    if not told or not all(0 < q < 1 for q in told):
        raise click.BadParameter(f"{text!r} is not Q,Q,… between 0 and 1, such as 0.1,0.5,0.9.")
    return told


def percentiles(text: str) -> tuple[float, float]:
    """Two percentiles, ``0.1,99.9``.

    Raises
    ------
    click.BadParameter
        If they are not two numbers.
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not LOW,HIGH, such as 0.1,99.9.") from error
    return low, high


def column_kind(text: str) -> tuple[str, str]:
    """A column and its kind, ``zip=categorical``; the name may itself hold a ``=``.

    Raises
    ------
    click.BadParameter
        If there is no ``=``.
    """
    column, mark, kind = text.rpartition("=")
    if not mark:
        raise click.BadParameter(f"{text!r} is not COLUMN=KIND, such as zip=categorical.")
    return column, kind


def reading(command: Command) -> Command:
    """The options of a command that reads tables, `na` and `separator`."""
    command = click.option(
        "--separator",
        metavar="CHARACTER",
        help="Between the cells of a CSV. A comma by default, a tab in .tsv.",
    )(command)
    return click.option(
        "--na",
        multiple=True,
        metavar="TEXT",
        help="A cell of a CSV that means missing, besides empty ones; may be repeated. NA, NaN, "
        "null and None are missing among numbers, and words among text.",
    )(command)


def sequences(command: Command) -> Command:
    """The options that make a table one of sequences.

    `sequence_key`, `sequence_index`, `known` and `context`.
    """
    command = click.option(
        "--context-columns",
        "context",
        metavar="COLUMN",
        multiple=True,
        help="A column with one value for each sequence; may be repeated. Found where none is "
        "named, but with --privacy.",
    )(command)
    command = click.option(
        "--known-columns",
        "known",
        metavar="COLUMN",
        multiple=True,
        help="A column that forecasts know ahead, such as a price or a promotion; may be repeated.",
    )(command)
    command = click.option(
        "--sequence-index", metavar="COLUMN", help="Dates or numbers that tell when a row was."
    )(command)
    return click.option(
        "--sequence-key",
        metavar="COLUMN",
        help="Tells sequences apart: a store, a patient. Without one the table is one sequence.",
    )(command)


kind = click.option(
    "--kind",
    "kinds",
    type=column_kind,
    metavar="COLUMN=KIND",
    multiple=True,
    help="What a column is, where the guess is wrong; may be repeated: numeric, categorical, "
    "datetime, timedelta or identifier.",
)
originals = click.option(
    "--exclude-copies-of",
    "originals",
    metavar="DATA",
    help="The training table: no row that is made equals one of it. A model that was fitted with "
    "--exclude-copies wants it.",
)
quiet = click.option("--quiet", "-q", is_flag=True, help="Only warnings and errors.")
device = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."
)
output = click.option(
    "--output",
    "-o",
    default="-",
    metavar="FILE",
    help="Where they go; FOLDER/ is filled with Parquet files. The standard output.",
)
seed = click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Other seeds give other rows. Without one, the same rows come every time.",
)
csv_safe = click.option(
    "--csv-safe",
    is_flag=True,
    help="Put ' in front of text that a spreadsheet would run as a formula.",
)
