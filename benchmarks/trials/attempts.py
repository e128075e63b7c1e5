"""One case of a trial of the contract, judged; and many of them, counted."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from benchmarks.trials.contract import identical, labels_of
from benchmarks.trials.record import record
from tabdiff import SchemaError, SchemaWarning


@dataclass
class Outcome:
    """What became of a case.

    Attributes
    ----------
    verbs : list of str
        Whose answers were judged; "refused" for a table that was to be, and "told" for a good one
        of which an error says, with the column's name, why there is no answer.
    broken : list of str
        What of the contract did not hold.
    """

    verbs: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def judged(
    verbs: Callable[[Outcome], None],
    frame: Any,
    refused: Sequence[str],
    told: Sequence[str],
    told_of_all: Sequence[str] = (),
) -> Outcome:
    """The outcome of verbs on a frame, which they must not change, nor warn of what is usual.

    Parameters
    ----------
    verbs : callable
        Adds to an outcome what it finds.
    frame : DataFrame or array
    refused : sequence of str
        What the SchemaError must name that refuses the frame; empty where none may.
    told, told_of_all : sequence of str
        What a ValueError may say of a good frame, naming a column or none.
    """
    outcome = Outcome()
    before = frame.clone() if isinstance(frame, pl.DataFrame) else frame.copy()
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            verbs(outcome)
        except Exception as error:
            text, labels = str(error), labels_of(frame)
            if refused and isinstance(error, SchemaError) and all(name in text for name in refused):
                outcome.verbs.append("refused")
            elif isinstance(error, ValueError) and (
                any(known in text for known in told_of_all)
                or (any(known in text for known in told) and any(repr(x) in text for x in labels))
            ):
                outcome.verbs.append("told")
            else:
                outcome.broken.append(f"{type(error).__name__}: {error}")
    outcome.broken += [
        f"{warning.category.__name__}: {warning.message}"
        for warning in given
        if warning.category is not SchemaWarning or "not there at fit" in str(warning.message)
    ]
    if not identical(frame, before):
        outcome.broken.append("the input changed")
    return outcome


def run(trial: str, case: Callable[[int, int], tuple[Any, Outcome]], what: str | None) -> None:
    """Try as many cases as the command line says, and record what was found."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", action="store_true", help="record nothing")
    given = parser.parse_args()
    began = time.monotonic()
    failures: list[str] = []
    verbs: Counter[str] = Counter()
    for k in range(given.first, given.first + given.cases):
        plan, outcome = case(given.seed, k)
        verbs.update(outcome.verbs)
        if outcome.broken:
            failures.append(f"case {k}: {'; '.join(outcome.broken)}"[:600])
            print(f"{failures[-1]}\n    {plan}", file=sys.stderr)
        if k % 200 == 199:
            print(f"{k + 1} cases, {len(failures)} failed", file=sys.stderr)
    seconds = time.monotonic() - began
    if not given.dry:
        record(trial, given.seed, given.cases, failures, seconds, {"judged": dict(verbs)})
    print(f"{given.cases} cases, {len(failures)} failed, {seconds:.0f} s: {dict(verbs)}")
