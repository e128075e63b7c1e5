"""Everything that the library puts out of one table or one panel, each by its name."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials.canary_search import Found, in_file, in_frame, in_pickle, in_text
from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer, evaluate
from tabdiff.cli import BAD_INPUT, OK, main
from tabdiff.data.constraints import FixedCombinations, Inequality, Unique
from tabdiff.disk import replacing

Output = tuple[str, Found]

TINY: dict[str, Any] = {
    "max_steps": 3,
    "width": 16,
    "depth": 1,
    "sampling_steps": 2,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


@dataclass(frozen=True)
class Case:
    """One case: what is learned, what is asked, and where files go.

    Attributes
    ----------
    learned, asked : DataFrame
        The same columns; of ``asked`` none is learned.
    folder : Path
        Empty.
    sections : tuple of str
        Of the reports.
    """

    learned: pd.DataFrame
    asked: pd.DataFrame
    folder: Path
    sections: tuple[str, ...]


def of_table(case: Case) -> Iterator[Output]:
    """What becomes of a table."""
    rules = [FixedCombinations(["plan", "region"])] if "detection" in case.sections else None
    synth = DiffusionSynthesizer(constraints=rules, **TINY).fit(case.learned)
    yield from kept(synth, case)
    n, asked = 2 * len(case.learned), case.asked
    sample = synth.sample(n, random_state=0)
    frames = {
        "sample": sample,
        "sample_iter": pd.concat(synth.sample_iter(n, chunk=100, random_state=1)),
        "impute": synth.impute(_holes(asked)),
        "augment": synth.augment(asked, factor=2),
        "counterfactual": synth.counterfactual(asked, {"site": asked["site"].iloc[0]}),
        "diffuse": synth.diffuse(asked, 0.3),
        "trajectory": synth.trajectory(50),
        "score_samples": synth.score_samples(asked, explain=True),
        "anomalies": synth.anomalies(asked),
    }
    for name, frame in frames.items():
        yield name, in_frame(frame)
    yield "profile", in_text(str(vars(synth.information_profile(asked))))
    yield "dependence", in_text(str(vars(synth.dependence(asked, max_rows=30))))
    yield "trajectory page", in_text(synth.plot_trajectory("income", n_samples=40).to_html())
    yield from _reports(case, sample, {"target": "region"})
    yield from _errors_of_table(synth, case)
    yield from _command_line(case, [])


def of_panel(case: Case) -> Iterator[Output]:
    """What becomes of a panel."""
    roles = {"sequence_key": "patient", "sequence_index": "seen"}
    synth = TimeSeriesDiffusionSynthesizer(**roles, **TINY).fit(case.learned)
    yield from kept(synth, case)
    asked = case.asked
    sample = synth.sample(len(case.learned) // 4, random_state=0)
    frames = {
        "sample": sample,
        "forecast": synth.forecast(asked, 2, n_samples=3, random_state=0),
        "forecast in quantiles": synth.forecast(asked, 2, n_samples=3, quantiles=[0.1, 0.9]),
        "impute": synth.impute(_holes(asked)),
        "score_samples": synth.score_samples(asked, explain=True),
        "anomalies": synth.anomalies(asked),
    }
    for name, frame in frames.items():
        yield name, in_frame(frame)
    yield from _reports(case, sample, roles)
    yield from _errors_of_panel(synth, case)
    yield from _command_line(case, ["--sequence-key", "patient", "--sequence-index", "seen"])


def _holes(frame: pd.DataFrame) -> pd.DataFrame:
    """Every second number, remark, and stage or plan missing."""
    odd = np.arange(len(frame)) % 2 == 1
    category = "stage" if "stage" in frame else "plan"
    labels = ("income", "points", "remarks", category)
    return frame.assign(**{label: frame[label].mask(odd) for label in labels})


def kept(synth: Any, case: Case) -> Iterator[Output]:
    """What stays of a fit: in a file, in memory, and in words."""
    path = case.folder / "kept.tabdiff"
    synth.save(path)
    yield "model file", in_file(path)
    yield "pickle", in_pickle(synth)
    yield "schema JSON", in_text(synth.schema_.to_json())
    yield "schema JSON without values", in_text(synth.schema_.to_json(values=False))
    yield "repr and history", in_text(f"{synth!r} {synth.history_.to_csv()}")


def _reports(case: Case, sample: pd.DataFrame, named: dict[str, Any]) -> Iterator[Output]:
    arguments = {"include": case.sections, "progress": False, **named}
    report = evaluate(case.learned, sample, holdout=case.asked, **arguments)
    yield "report as text", in_text(str(report))
    yield "report as JSON", in_text(report.to_json())
    yield "report as page", in_text(report.to_html())
    yield "report in a notebook", in_text(report._repr_html_())


def _said(name: str, call: Callable[[], object]) -> Found:
    """The message of the error that a call must end in, with those that led to it."""
    try:
        call()
    except (ValueError, TypeError, LookupError, OSError) as error:
        chain: BaseException | None = error
        texts = []
        while chain is not None:
            texts.append(f"{chain} {getattr(chain, '__notes__', '')}")
            chain = chain.__cause__ or chain.__context__
        return in_text("\n".join(texts))
    raise AssertionError(f"no error was raised by {name}")


def _errors_of_table(synth: DiffusionSynthesizer, case: Case) -> Iterator[Output]:
    learned, again = case.learned, DiffusionSynthesizer(**TINY)
    first = {column: learned[column].iloc[0] for column in learned}
    broken = case.folder / "broken.tabdiff"
    with replacing(broken) as file:
        file.write((case.folder / "kept.tabdiff").read_bytes()[:-1])
    told = {
        "cells that are lists": lambda: again.fit(
            learned.assign(remarks=[[text] for text in learned["remarks"]])
        ),
        "a number that is infinite": lambda: again.fit(
            learned.assign(income=learned["income"].replace(learned["income"].max(), np.inf))
        ),
        "a column that is absent": lambda: synth.score_samples(learned.drop(columns="plan")),
        "a column too many": lambda: synth.score_samples(learned.assign(more=learned["contact"])),
        "a column of another dtype": lambda: synth.score_samples(
            learned.assign(income=learned["remarks"])
        ),
        "a category that is new": lambda: synth.score_samples(case.asked.assign(plan="none")),
        "a condition on an unknown column": lambda: synth.sample(1, conditions={"incme": 3}),
        "a condition on an unknown category": lambda: synth.sample(1, conditions={"plan": "none"}),
        "a kind that a column cannot be": lambda: DiffusionSynthesizer(
            column_kinds={"contact": "numeric"}, **TINY
        ).fit(learned),
        "a rule that rows break": lambda: DiffusionSynthesizer(
            constraints=[Inequality("income", "points")], **TINY
        ).fit(learned),
        "rows that must differ": lambda: DiffusionSynthesizer(
            constraints=[Unique(["account"])], **TINY
        ).fit(pd.concat([learned, learned.head(3)])),
        "a column named twice": lambda: again.fit(pd.concat([learned, learned], axis=1)),
        "too few rows": lambda: again.fit(learned.head(1)),
        "a damaged file": lambda: DiffusionSynthesizer.load(broken),
        "reports on other columns": lambda: evaluate(learned, learned.drop(columns="plan")),
        "reports on another dtype": lambda: evaluate(learned, learned.assign(income="much")),
        "a change that is none": lambda: synth.counterfactual(learned, {"income": (1, 2)}),
        "a value of its own as a change": lambda: synth.counterfactual(
            learned, {"contact": [first["contact"]]}
        ),
    }
    for name, call in told.items():
        yield f"error: {name}", _said(name, call)


def _errors_of_panel(synth: TimeSeriesDiffusionSynthesizer, case: Case) -> Iterator[Output]:
    learned, again = case.learned, TimeSeriesDiffusionSynthesizer(**synth.get_params())
    twice = pd.concat([learned, learned.iloc[[3]]])
    gone = learned.assign(patient=learned["patient"].mask(np.arange(len(learned)) == 4))
    told = {
        "two rows at one moment": lambda: again.fit(twice),
        "a key that is missing": lambda: again.fit(gone),
        "a history of other columns": lambda: synth.forecast(learned.drop(columns="plan"), 2),
        "a history of another dtype": lambda: synth.forecast(learned.assign(seen="soon"), 2),
        "a category that is new": lambda: synth.score_samples(learned.assign(stage="none")),
        "a condition on no context": lambda: synth.sample(1, context={"stage": "none"}),
        "reports on other columns": lambda: evaluate(
            learned, learned.drop(columns="plan"), sequence_key="patient"
        ),
    }
    for name, call in told.items():
        yield f"error: {name}", _said(name, call)


def _command_line(case: Case, roles: Sequence[str]) -> Iterator[Output]:
    """What the commands say and write, of the same rows as files."""
    folder = case.folder
    files = ("real.csv", "asked.csv", "holes.csv", "cli.tabdiff", "made.parquet", "answered.csv")
    real, asked, holes, model, made, answered = (str(folder / name) for name in files)
    page, told = str(folder / "told.html"), str(folder / "told.json")
    case.learned.to_csv(real, index=False)
    case.asked.to_csv(asked, index=False)
    _holes(case.asked).to_csv(holes, index=False)
    section = "sequences" if roles else "quality"
    # Of the size that a fit chooses, a model of sequences is slow to sample.
    asker = str(folder / "kept.tabdiff") if roles else model
    commands = {
        "inspect": ["inspect", real, *roles],
        "fit": ["fit", real, "-o", model, "--max-steps", "3", "--seed", "0", *roles],
        "info": ["info", model],
        "sample": ["sample", asker, "-o", made],
        "impute": ["impute", asker, holes, "-o", answered],
        "evaluate": [
            "evaluate",
            real,
            made,
            "--html",
            page,
            "--json",
            told,
            "--include",
            section,
            *roles,
        ],
    }
    more = {"forecast": ["forecast", asker, asked, "--horizon", "2", "--samples", "3"]}
    if not roles:
        more = {"augment": ["augment", asker, asked, "--factor", "1.5", "-o", answered]}
    for name, words in (commands | more).items():
        yield f"tabdiff {name}", _called(words, OK)
        if name in ("impute", "augment"):
            yield f"file of tabdiff {name}", in_file(Path(answered))
    for name, path in (("fit", model), ("sample", made), ("evaluate --html", page)):
        yield f"file of tabdiff {name}", in_file(Path(path))
    yield "file of tabdiff evaluate --json", in_file(Path(told))
    wrong = ["sample", model, "--where", "nowhere=1"]
    yield "tabdiff with a mistake", _called(wrong, BAD_INPUT)


def _called(words: Sequence[str], code: int) -> Found:
    """What a command writes to both of its streams, which must end so."""
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        ended = main(words)
    text = said.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
    if ended != code:
        raise AssertionError(f"tabdiff {' '.join(words)} ended with {ended}: {text[-2000:]}")
    return in_text(text)
