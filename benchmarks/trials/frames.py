"""Random tables through fit, sample, save, load, impute and conditions.

Each must keep the contract, or be refused where it was made to be. Run

    python -m benchmarks.trials.frames --cases 10000
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.trials.attempts import Outcome, judged, run
from benchmarks.trials.contract import (
    broken_by_condition,
    broken_by_impute,
    broken_by_sample,
    columns_of,
    identical,
    labels_of,
)
from benchmarks.trials.plans import Plan, Table, build, draw_plan
from tabdiff import DiffusionSynthesizer

Rng = np.random.Generator
# What may be said of a good table: there is no answer, and it is told with the column.
TOLD = ("its dtype has room for", "that leave no room for others")
# As floats, integers with holes keep their last digit up to here.
MOST_EXACT = 2**53
# Rows are made in chunks of 1,024, which are put together.
BEYOND_A_CHUNK = 1100


def tiny() -> DiffusionSynthesizer:
    """A synthesizer that learns next to nothing, quickly."""
    return DiffusionSynthesizer(
        max_steps=2,
        width=8,
        depth=1,
        sampling_steps=2,
        device="cpu",
        random_state=0,
        verbose=0,
    )


def case(seed: int, k: int, new: Callable[[], DiffusionSynthesizer] = tiny) -> tuple[Plan, Outcome]:
    """Case k of a seed: its plan and what became of it."""
    plan = draw_plan(np.random.default_rng([seed, k]))
    return plan, attempt(plan, new)


def attempt(plan: Plan, new: Callable[[], DiffusionSynthesizer] = tiny) -> Outcome:
    """Build a table, try the verbs on it, and tell what breaks.

    Parameters
    ----------
    plan : Plan
    new : callable
        Makes the synthesizer.
    """
    table, rng = build(plan), np.random.default_rng(plan.seed)
    return judged(
        lambda outcome: _try_verbs(table, new(), rng, outcome), table.frame, table.refused, TOLD
    )


def _try_verbs(table: Table, synth: DiffusionSynthesizer, rng: Rng, outcome: Outcome) -> None:
    synth.fit(table.frame)
    if table.refused:
        outcome.broken.append(f"was not refused: {', '.join(table.refused)}")
        return
    kinds = [column.kind for column in synth.schema_.columns]
    for verb, tried in (("sample", True), *((name, rng.random() < 0.5) for name in VERBS)):
        if tried:
            outcome.broken += (_sample if verb == "sample" else VERBS[verb])(
                table.frame, synth, kinds, rng
            )
            outcome.verbs.append(verb)


def _sample(frame: Any, synth: DiffusionSynthesizer, kinds: list[str], rng: Rng) -> list[str]:
    n = int(rng.choice([0, 1, len(frame), BEYOND_A_CHUNK], p=[0.1, 0.1, 0.7, 0.1]))
    return broken_by_sample(frame, synth.sample(n), n, kinds)


def _load(frame: Any, synth: DiffusionSynthesizer, kinds: list[str], rng: Rng) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        synth.save(Path(folder) / "m.tabdiff")
        loaded = type(synth).load(Path(folder) / "m.tabdiff")
    if identical(loaded.sample(9, random_state=1), synth.sample(9, random_state=1)):
        return []
    return ["load: other rows"]


def _impute(frame: Any, synth: DiffusionSynthesizer, kinds: list[str], rng: Rng) -> list[str]:
    holed = with_holes(frame, rng)
    return broken_by_impute(frame, holed, synth.impute(holed, random_state=1), kinds)


def _condition(frame: Any, synth: DiffusionSynthesizer, kinds: list[str], rng: Rng) -> list[str]:
    at = int(rng.integers(len(kinds)))
    label, cells = labels_of(frame)[at], columns_of(frame)[at]
    row = int(rng.integers(len(frame)))
    place = int((~cells.missing[:row]).sum())
    value = None if cells.missing[row] else cells.values[place]
    made = synth.sample(5, conditions={label: value}, random_state=1)
    return broken_by_condition(made, at, value)


VERBS = {"load": _load, "impute": _impute, "condition": _condition}


def with_holes(frame: Any, rng: Rng) -> Any:
    """The table with some more cells missing, where its columns can miss any.

    pandas makes floats of integers, and objects of truths, as soon as one is missing.
    """
    gone = rng.random(frame.shape) < 0.2
    if isinstance(frame, np.ndarray):
        return (
            np.where(gone, np.nan, frame).astype(frame.dtype) if frame.dtype.kind == "f" else frame
        )
    if isinstance(frame, pl.DataFrame):
        masked = [
            own.zip_with(pl.Series(~gone[:, i]), own.clear(len(own))) for i, own in enumerate(frame)
        ]
        return pl.DataFrame(masked)
    holed = frame.copy()
    for at in range(frame.shape[1]):
        series = frame.iloc[:, at]
        if _can_lose(series):
            holed.isetitem(at, series.mask(gone[:, at]))
    return holed


def _can_lose(series: pd.Series) -> bool:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        return bool(series.min() > -MOST_EXACT and series.max() < MOST_EXACT)
    if series.isna().all():
        return False
    if isinstance(series.dtype, pd.SparseDtype):
        return series.dtype.subtype.kind == "f"
    return series.dtype != "interval[int64, left]"


if __name__ == "__main__":
    run("frames", case, __doc__)
