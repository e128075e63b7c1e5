"""The command line: ``tabdiff inspect | fit | sample | evaluate | info``.

Tables go to the standard output, talk to the standard error. The exit code is 0 if all went well,
1 if a figure is beyond its bar, 2 if the input or the call is wrong, 3 if tabdiff is, and 130
after Ctrl-C. Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tabdiff import __version__

if TYPE_CHECKING:
    import pandas as pd

    from tabdiff.evaluation.report import Report
    from tabdiff.synthesizer import DiffusionSynthesizer

OK, BELOW_THE_BAR, BAD_INPUT, DEFECT = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``sys.argv`` if `arguments` is None."""
    try:
        with _short_warnings():
            code = commands.main(arguments, prog_name="tabdiff", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except ReaderGoneError:
        # Python would try, and fail, to flush the standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if not _is_expected(error):
            traceback.print_exc()
            click.echo("This is a defect of tabdiff: please report it.", err=True)
            return DEFECT
        click.echo(f"Error: {_told(error)}", err=True)
        return BAD_INPUT
    return code if isinstance(code, int) else OK


class ReaderGoneError(Exception):
    """Who reads the standard output, such as ``head``, has seen enough."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Tell a closed pipe from success and from a missed bar, as click does not."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error


def _is_expected(error: Exception) -> bool:
    """Whether the message is meant for the user: raised by the system or by tabdiff on purpose."""
    if isinstance(error, OSError | MemoryError):
        return True
    if not isinstance(error, ValueError | TypeError | ImportError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    home = str(Path(__file__).parent)
    return frame.f_code.co_filename.startswith(home) or _is_not_fitted(error)


def _is_not_fitted(error: Exception) -> bool:
    return type(error).__name__ == "NotFittedError"


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}."
    return str(error)


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Warnings as one line without a place in the code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        click.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


_DURATION = re.compile(r"(?:([\d.]+)h)?(?:([\d.]+)m(?:in)?)?(?:([\d.]+)s?)?")


def _duration(text: str) -> float:
    """Seconds, written as ``90``, ``5m``, ``1h30m`` or ``1.5h``."""
    found = _DURATION.fullmatch(text.strip().lower())
    try:
        parts = [float(part or 0) for part in found.groups()] if found else []
    except ValueError:  # a number with two points
        parts = []
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=bool(parts)))
    if not 0 < seconds < math.inf:
        raise click.BadParameter(f"{text!r} is no time. Write 300, 90s, 5m or 1h30m.")
    return seconds


def _bar(text: str) -> tuple[str, float]:
    """A figure of the report and its bar: ``quality=0.85``."""
    name, _, number = text.partition("=")
    try:
        bar = float(number)
    except ValueError:
        bar = math.nan
    if not name or math.isnan(bar):
        raise click.BadParameter(f"{text!r} is not NAME=NUMBER, such as quality=0.85.")
    return name, bar


def _column_kind(text: str) -> tuple[str, str]:
    """A column and its kind, ``zip=categorical``; the name may itself hold a ``=``."""
    column, mark, kind = text.rpartition("=")
    if not mark:
        raise click.BadParameter(f"{text!r} is not COLUMN=KIND, such as zip=categorical.")
    return column, kind


Command = Callable[..., Any]


def _reading(command: Command) -> Command:
    """Options of every command that reads tables."""
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


_kind = click.option(
    "--kind",
    "kinds",
    type=_column_kind,
    metavar="COLUMN=KIND",
    multiple=True,
    help="What a column is, where the guess is wrong; may be repeated: numeric, categorical, "
    "datetime, timedelta or identifier.",
)
_quiet = click.option("--quiet", "-q", is_flag=True, help="Only warnings and errors.")
_device = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."
)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="tabdiff")
def commands() -> None:
    """Synthetic tables by diffusion.

    \b
      tabdiff inspect data.csv
      tabdiff fit data.csv -o model.tabdiff --max-time 5m
      tabdiff sample model.tabdiff -n 10000 -o fake.parquet
      tabdiff evaluate data.csv fake.parquet --html report.html

    Tables are .csv, .tsv (also with .gz) or .parquet; - is CSV from the standard input or to the
    standard output. Synthetic rows are not private by themselves: see what evaluate says.
    """  # noqa: D301


@commands.command()
@click.argument("data")
@_kind
@_reading
def inspect(
    data: str, kinds: tuple[tuple[str, str], ...], na: tuple[str, ...], separator: str | None
) -> None:
    """Show how each column of DATA will be understood."""
    from tabdiff import terminal
    from tabdiff.data.schema import Schema
    from tabdiff.files import read_table

    frame = read_table(data, na, separator)
    schema = Schema.infer(frame, dict(kinds))
    click.echo(f"{_named(data)}: {terminal.plural(len(frame), 'row')}, {terminal.kinds_of(schema)}")
    click.echo()
    click.echo(terminal.describe_frame(frame, schema))


@commands.command()
@click.argument("data")
@click.option("--output", "-o", required=True, metavar="FILE", help="Where the model goes.")
@click.option(
    "--max-time", type=_duration, metavar="DURATION", help="Of training: 300, 90s, 5m, 1h30m."
)
@click.option("--max-steps", type=click.IntRange(min=1), help="Of training.")
@click.option("--seed", type=click.IntRange(min=0), help="Equal seeds give equal models.")
@_kind
@_device
@_reading
@_quiet
def fit(
    data: str,
    output: str,
    max_time: float | None,
    max_steps: int | None,
    seed: int | None,
    kinds: tuple[tuple[str, str], ...],
    device: str,
    na: tuple[str, ...],
    separator: str | None,
    quiet: bool,
) -> None:
    """Learn the table in DATA and save the model.

    Everything is chosen by the size of the table; without limits, training ends when held-out
    rows stop improving. Ctrl-C saves the best model so far.
    """
    from tabdiff import terminal
    from tabdiff.disk import check_writable
    from tabdiff.files import read_table
    from tabdiff.synthesizer import DiffusionSynthesizer

    check_writable(output)
    frame = read_table(data, na, separator)
    say = _voice(quiet)
    say(f"{_named(data)}: {terminal.plural(len(frame), 'row')}, {len(frame.columns)} columns")
    synth = DiffusionSynthesizer(
        column_kinds=dict(kinds),
        max_steps=max_steps,
        max_time=max_time,
        device=device,
        random_state=seed,
        verbose=0 if quiet else 1,
    )
    try:
        synth.fit(frame)
    except KeyboardInterrupt:
        if not hasattr(synth, "denoiser_"):
            raise
        _save(synth, output, say)
        raise
    _save(synth, output, say)
    say(f"Next: tabdiff sample {output} -n {len(frame)} -o fake.csv")


def _save(synth: DiffusionSynthesizer, output: str, say: Callable[[str], None]) -> None:
    from tabdiff import terminal

    synth.save(output)
    say(f"Learned in {terminal.duration(synth.fit_seconds_)}: {terminal.last_step(synth)}.")
    say(f"Saved {output} ({terminal.size(Path(output).stat().st_size)}).")


@commands.command()
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
@_device
@_quiet
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
        _voice(quiet)(f"Wrote {terminal.plural(written, 'row')} to {output}.")


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


@commands.command()
@click.argument("real")
@click.argument("synthetic")
@click.option("--holdout", metavar="FILE", help="Real rows that the model never saw.")
@click.option("--target", metavar="COLUMN", help="A column to predict; needs a hold-out.")
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@click.option("--json", "json_path", metavar="FILE", help="Write every figure; - for stdout.")
@click.option(
    "--fail-under",
    type=_bar,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Exit with 1 if a figure is below its bar; may be repeated: c2st=0.85.",
)
@click.option(
    "--fail-over",
    type=_bar,
    metavar="NAME=NUMBER",
    multiple=True,
    help="Exit with 1 if a figure is above its bar; may be repeated: memorisation_excess=0.05.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@_kind
@_reading
@_quiet
def evaluate(
    real: str,
    synthetic: str,
    holdout: str | None,
    target: str | None,
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
    the rows are, and whether the model remembers rows instead of knowing their distribution.
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
    schema = Schema.infer(truth, dict(kinds))
    report = judge(truth, fake, holdout=unseen, target=target, schema=schema, seed=seed)
    if not quiet and json_path != "-":
        click.echo(str(report))
    _publish(report, html, json_path, _voice(quiet))
    return _compare(report, fail_under, fail_over)


def _publish(
    report: Report, html: str | None, json_path: str | None, say: Callable[[str], None]
) -> None:
    from tabdiff.disk import replacing

    if json_path == "-":
        click.echo(report.to_json())
    for path, render in ((html, report.to_html), (json_path, report.to_json)):
        if path not in (None, "-"):
            text = render()
            with replacing(path) as file:
                file.write(text.encode("utf-8"))
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


@commands.command()
@click.argument("model")
def info(model: str) -> None:
    """Show what MODEL is, what it learned from and what wrote it."""
    from tabdiff import terminal
    from tabdiff.persistence import envelope
    from tabdiff.synthesizer import DiffusionSynthesizer

    told = envelope(model)
    synth = DiffusionSynthesizer.load(model, device="cpu")
    click.echo(terminal.describe_model(model, synth, told))


def _voice(quiet: bool) -> Callable[[str], None]:
    """Says a line on the standard error, or nothing."""
    return (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))


def _named(path: str) -> str:
    return "standard input" if path == "-" else path
