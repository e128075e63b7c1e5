"""One table, and all that is made of it: its schema, a model, a report, rows.

What takes long is a job, one at a time; the page reads :meth:`Workbench.state`. A new model makes
the report and the rows of the old one go.
"""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pandas as pd

from tabdiff import terminal
from tabdiff.cli.where import condition, conditions_of
from tabdiff.data.infer import KIND_OF_FORM
from tabdiff.data.schema import Schema, SchemaError
from tabdiff.files import write_table
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.ui.jobs import Job, Worker, heard
from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError

if TYPE_CHECKING:
    from tabdiff.training.standing import Progress

LEAVE_OUT = "leave out"
# What a column may be asked to be, where it could not be told what it is.
_ANY = ("numeric", "categorical", "datetime", "timedelta", "identifier")
# Fewer rows are too few to be parted: both parts would tell little.
FEW_ROWS = 50
ASIDE = 0.2
SHOWN_ROWS = 10
_CHUNK = 10_000  # rows between two words on how far a sample is
_MOST_LOOKS = 200  # points of the curve on the page


@dataclass(frozen=True)
class Model:
    """What a fit left.

    Attributes
    ----------
    synth : DiffusionSynthesizer
    kinds : dict
        The kinds that were asked for at its fit.
    train, aside : DataFrame
        The rows it learned from, and those it never saw; of the second there may be none.
    size : str
        Of its file.
    """

    synth: DiffusionSynthesizer
    kinds: Mapping[str, str]
    train: pd.DataFrame
    aside: pd.DataFrame
    size: str


@dataclass
class Course:
    """What the page shows of a fit on its way.

    Attributes
    ----------
    job : Job
    max_time : float or None
        Seconds that the fit may take.
    looks : list of (int, float)
        Steps, and the loss of held-out rows at them.
    """

    job: Job
    max_time: float | None
    looks: list[tuple[int, float]] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        """Take one more step, or end the fit if somebody asked for that."""
        seen = progress.validation_loss
        if math.isfinite(seen) and (not self.looks or self.looks[-1][1] != seen):
            self.looks.append((progress.step, seen))
        self.job.tell(
            {
                "step": progress.step,
                "share": self.max_time and min(progress.seconds / self.max_time, 1.0),
                "loss": progress.loss,
                "held_out": seen if math.isfinite(seen) else None,
                "looks": self.looks,
            }
        )


class Workbench:
    """A table, what was asked of it, and what came of that.

    Parameters
    ----------
    name : str
        What its file was called.
    frame : DataFrame
    folder : Path
        Empty, and of this table alone: the model, the report and the rows come to lie in it.
    worker : Worker
        Does the jobs.
    limits : Limits
    """

    def __init__(
        self, name: str, frame: pd.DataFrame, folder: Path, worker: Worker, limits: Limits
    ) -> None:
        self.name, self.folder = name, folder
        self._frame, self._worker, self._limits = frame, worker, limits
        self._kinds: dict[str, str] = {}
        self._schema: Schema | None = None
        self._columns: list[dict[str, Any]] = []
        self._notes: list[str] = []
        self._problem = ""
        self._job: Job | None = None
        self._model: Model | None = None
        self._report: dict[str, Any] | None = None
        self._rows: dict[str, Any] | None = None
        self._understood = self._version = 0
        self._beginning = threading.Lock()
        self._understand({})

    def choose(self, kinds: Mapping[str, str]) -> None:
        """Model columns as said, the others as inferred.

        Parameters
        ----------
        kinds : mapping
            Column to kind, or to `LEAVE_OUT`.

        Raises
        ------
        SchemaError
            If a column cannot be that; all stays as it was.
        """
        self._understand(dict(kinds))

    def fit(self, minutes: float | None, set_aside: bool) -> None:
        """Begin to learn the table.

        Parameters
        ----------
        minutes : float or None
            At most so many; None trains until held-out rows stop improving.
        set_aside : bool
            Keep a fifth of the rows from the model, to judge it by.

        Raises
        ------
        RefusedError
            If the table is not understood, or another job is under way.
        """
        if self._schema is None:
            raise RefusedError(f"The table cannot be fitted as it is: {self._problem}")
        if minutes is not None and not 0 < minutes < math.inf:
            raise RefusedError("Minutes must be above 0. Leave them empty for no limit.")
        schema, kinds = self._schema, dict(self._kinds)
        frame = self._frame.drop(columns=_left_out(kinds))
        max_time = None if minutes is None else 60 * minutes
        train, aside = _parted(frame) if set_aside else (frame, frame.iloc[:0])

        def work(job: Job) -> None:
            synth = DiffusionSynthesizer(schema=schema, max_time=max_time, verbose=0)
            try:
                synth.fit(train, report=Course(job, max_time))
            except KeyboardInterrupt:
                if hasattr(synth, "denoiser_"):
                    self._adopt(synth, kinds, train, aside)
                raise
            self._adopt(synth, kinds, train, aside)

        self._begin("fit", work)

    def judge(self, target: str | None) -> None:
        """Begin to write the report on the model.

        Parameters
        ----------
        target : str or None
            A column that others predict, to measure usefulness by.

        Raises
        ------
        RefusedError
            If there is no model, no such column, or another job is under way.
        """
        model = self._require_model()
        if target is not None and target not in model.train.columns:
            raise RefusedError(f"There is no column {target!r} to predict.")

        def work(job: Job) -> None:
            from tabdiff.evaluation.report import evaluate

            most = self._limits.judged
            train, aside = (part.sample(min(len(part), most), random_state=0)
                            for part in (model.train, model.aside))  # fmt: skip
            fake = model.synth.sample(len(train), random_state=0)
            job.tell({})
            report = evaluate(
                train,
                fake,
                holdout=aside if len(aside) else None,
                target=target,
                schema=model.synth.schema_,
                progress=False,
            )
            report.to_html(self.folder / "report.html")
            told = [{"topic": f.topic, "tone": f.tone, "says": f.headline} for f in report.verdict]
            self._version += 1
            self._report = {"version": self._version, "rows": len(train), "findings": told}

        self._begin("report", work)

    def draw(self, n_rows: int, conditions: str, seed: int | None) -> None:
        """Begin to draw synthetic rows.

        Parameters
        ----------
        n_rows : int
        conditions : str
            One in a line, each written as after ``--where``.
        seed : int or None
            Draws the same rows again; None draws others each time.

        Raises
        ------
        RefusedError
            If there is no model, a condition is written in another way, there are more rows than
            the limit, or another job is under way.
        ConditionError, ValueError
            If nothing can meet the conditions.
        """
        model = self._require_model()
        if not 1 <= n_rows <= self._limits.drawn:
            raise RefusedError(
                f"Rows must be from 1 to {self._limits.drawn:,}. For more, download the model and "
                "use the command line: tabdiff sample."
            )
        try:
            written = [condition(line.strip()) for line in conditions.splitlines() if line.strip()]
        except click.BadParameter as error:
            raise RefusedError(error.message) from error
        with heard() as notes:
            asked = conditions_of(written, model.synth.schema_)
            frames = model.synth.sample_iter(
                n_rows, chunk=_CHUNK, conditions=asked or None, random_state=seed
            )

        def work(job: Job) -> None:
            job.notes += notes
            shown: list[pd.DataFrame] = []
            write_table(str(self.folder / "rows.csv"), _followed(frames, job, shown), private=True)
            self._version += 1
            self._rows = {
                "version": self._version,
                "count": n_rows,
                "columns": [str(name) for name in shown[0].columns],
                "head": [[_cell(value) for value in row] for row in shown[0].to_numpy(object)],
                "size": terminal.size((self.folder / "rows.csv").stat().st_size),
            }

        self._begin("rows", work)

    def stop(self) -> None:
        """Ask the job under way for an early end; a fit keeps its best weights so far."""
        if self._job is not None:
            self._job.stop()

    def discard(self) -> None:
        """Remove its files: nobody asks for the table any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_busy(self) -> bool:
        """Whether a job is waiting or running."""
        return self._job is not None and self._job.is_active

    def state(self) -> dict[str, Any]:
        """All that the page shows, as strict JSON knows it."""
        return {
            "name": self.name,
            "understood": self._understood,
            "rows": len(self._frame),
            "summary": "" if self._schema is None else terminal.kinds_of(self._schema),
            "columns": self._columns,
            "notes": self._notes,
            "problem": self._problem,
            "can_set_aside": len(self._frame) >= FEW_ROWS,
            "job": None if self._job is None else _job_state(self._job),
            "model": None if self._model is None else self._model_state(self._model),
            "report": self._report,
            "drawn": self._rows,
        }

    def _understand(self, kinds: dict[str, str]) -> None:
        """Infer the schema; at first a table that cannot be modelled is shown, with the reason."""
        unknown = kinds.keys() - set(self._frame.columns)
        if unknown:
            raise RefusedError(f"There are no columns {', '.join(map(repr, sorted(unknown)))}.")
        kept = self._frame.drop(columns=_left_out(kinds))
        own = {name: kind for name, kind in kinds.items() if kind != LEAVE_OUT}
        with heard() as notes:
            try:
                schema, problem = Schema.infer(kept, own), ""
            except SchemaError as error:
                if self._schema is not None:
                    raise
                schema, problem = None, str(error)
        self._kinds, self._schema, self._notes, self._problem = kinds, schema, notes, problem
        self._columns = _columns(self._frame, kept, schema, kinds)
        self._understood += 1

    def _begin(self, what: str, work: Callable[[Job], None]) -> None:
        with self._beginning:
            if self.is_busy:
                raise RefusedError("Something is still under way for this table: wait or stop it.")
            self._job = Job(what, work)
            self._worker.submit(self._job)

    def _adopt(
        self,
        synth: DiffusionSynthesizer,
        kinds: Mapping[str, str],
        train: pd.DataFrame,
        aside: pd.DataFrame,
    ) -> None:
        path = self.folder / "model.tabdiff"
        synth.save(path)
        size = terminal.size(path.stat().st_size)
        self._model, self._report, self._rows = Model(synth, kinds, train, aside, size), None, None
        for name in ("report.html", "rows.csv"):
            (self.folder / name).unlink(missing_ok=True)
        self._version += 1

    def _require_model(self) -> Model:
        if self._model is None:
            raise RefusedError("There is no model yet: fit the table first.")
        return self._model

    def _model_state(self, model: Model) -> dict[str, Any]:
        synth = model.synth
        return {
            "learned": f"Learned {terminal.plural(synth.n_rows_seen_, 'row')} in "
            f"{terminal.duration(synth.fit_seconds_)}: {terminal.last_step(synth)}.",
            "rows": synth.n_rows_seen_,
            "aside": len(model.aside),
            "columns": [str(column.name) for column in synth.schema_.columns],
            "size": model.size,
            "is_outdated": dict(model.kinds) != self._kinds,
        }


def _left_out(kinds: Mapping[str, str]) -> list[str]:
    return [name for name, kind in kinds.items() if kind == LEAVE_OUT]


def _parted(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and rows to judge by, each in the order of the table."""
    if len(frame) < FEW_ROWS:
        return frame, frame.iloc[:0]
    order = np.random.default_rng(0).permutation(len(frame))
    n = round(ASIDE * len(frame))
    return frame.iloc[np.sort(order[n:])], frame.iloc[np.sort(order[:n])]


def _columns(
    frame: pd.DataFrame, kept: pd.DataFrame, schema: Schema | None, kinds: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each column of the file, what it is, and what else it may be."""
    if schema is None:
        facts, offered = {}, {}
    else:
        facts = {row[0]: row for row in terminal.facts_of_columns(kept, schema)}
        offered = {str(c.name): _offered(c.kind, c.form) for c in schema.columns}
    shown = []
    for name in map(str, frame.columns):
        kind, missing, distinct, values = kinds.get(name, ""), "", "", ""
        if name in facts:
            _, kind, _, missing, distinct, values = facts[name]
        shown.append(
            {
                "name": name,
                "kind": kind,
                "offered": [*offered.get(name, _ANY), LEAVE_OUT],
                "chosen": name in kinds,
                "missing": missing,
                "distinct": distinct,
                "values": values,
            }
        )
    return shown


def _offered(kind: str, form: str) -> list[str]:
    """What a column is, what its cells are by nature, and what any cells may be."""
    if kind in ("constant", "missing"):
        return [kind]
    natural = KIND_OF_FORM.get(form, "categorical")
    return list(dict.fromkeys([kind, natural, "categorical", "identifier"]))


def _followed(frames: Iterator[Any], job: Job, shown: list[Any]) -> Iterator[Any]:
    """The frames as they come: the job tells how many rows, and the first ones are kept to show."""
    count = 0
    for frame in frames:
        if not shown:
            shown.append(frame.head(SHOWN_ROWS))
        count += len(frame)
        job.tell({"rows": count})
        yield frame


def _cell(value: Any) -> str | None:
    """A value as it stands in the file; None where it is missing."""
    return None if pd.isna(value) else str(value)


def _job_state(job: Job) -> dict[str, Any]:
    looks = job.figures.get("looks", [])
    every = max(len(looks) // _MOST_LOOKS, 1)
    return {
        "what": job.what,
        "state": "stopping" if job.is_stopping else job.state,
        "seconds": job.seconds,
        "problem": job.problem,
        "notes": list(job.notes),
        "figures": {**job.figures, "looks": looks[::every]},
    }
