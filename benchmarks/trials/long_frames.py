"""Random long frames through fit, sample, load, impute, conditions and forecast.

Each must keep the contract, or be refused where it was made to be. Run

    python -m benchmarks.trials.long_frames --cases 1000
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

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
from benchmarks.trials.frames import with_holes
from benchmarks.trials.long_plans import LongPlan, LongTable, build_long, draw_long_plan
from tabdiff import TimeSeriesDiffusionSynthesizer, sequences

Rng = np.random.Generator
# What may be said of a good frame: there is no way to go on, and it is told with the column.
TOLD = ("its dtype has room for", "cannot hold", "lie too far apart")
# And what is told of the whole frame.
TOLD_OF_ALL = ("no column changes within an entity", "no sequence of the fit had two rows")
HORIZON = 2


def tiny(table: LongTable) -> TimeSeriesDiffusionSynthesizer:
    """A synthesizer that learns next to nothing, quickly."""
    return TimeSeriesDiffusionSynthesizer(
        sequence_key=table.key,
        sequence_index=table.moments,
        window=6,
        max_steps=1,
        width=8,
        depth=1,
        sampling_steps=2,
        device="cpu",
        random_state=0,
        verbose=0,
    )


def case(seed: int, k: int) -> tuple[LongPlan, Outcome]:
    """Case k of a seed: its plan and what became of it."""
    plan = draw_long_plan(np.random.default_rng([seed, k]))
    return plan, attempt(plan)


def attempt(
    plan: LongPlan, new: Callable[[LongTable], TimeSeriesDiffusionSynthesizer] = tiny
) -> Outcome:
    """Build a long frame, try the verbs on it, and tell what breaks.

    Parameters
    ----------
    plan : LongPlan
    new : callable
        Makes the synthesizer.
    """
    table = build_long(plan)
    rng = np.random.default_rng(plan.seed)
    # Whole chunks of entities are drawn: small ones are quick, and samples cross their borders.
    with mock.patch.object(sequences, "CHUNK_SLOTS", 16):
        return judged(
            lambda outcome: _try_verbs(table, new(table), rng, outcome),
            table.frame,
            table.refused,
            TOLD,
            TOLD_OF_ALL,
        )


def _try_verbs(
    table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng, outcome: Outcome
) -> None:
    synth.fit(table.frame)
    if table.refused:
        outcome.broken.append(f"was not refused: {', '.join(table.refused)}")
        return
    outcome.verbs.append("sample")
    outcome.broken += _sample(table, synth, rng)
    for name, verb in VERBS.items():
        if rng.random() < 0.5:
            outcome.broken += verb(table, synth, rng)
            outcome.verbs.append(name)


def _others(table: LongTable, frame: Any, kinds: dict[Any, str]) -> tuple[Any, list[str]]:
    """The columns that are neither key nor moment, and their kinds."""
    labels = labels_of(frame)
    places = [at for at, label in enumerate(labels) if label not in (table.key, table.moments)]
    chosen = frame[:, places] if isinstance(frame, pl.DataFrame) else frame.iloc[:, places]
    return chosen, [kinds[labels[at]] for at in places]


def _kinds(synth: TimeSeriesDiffusionSynthesizer) -> dict[Any, str]:
    return {column.name: column.kind for column in synth.schema_.columns}


def _sample(table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng) -> list[str]:
    n = 1 if synth._is_single else int(rng.choice([0, 1, 5]))
    made = synth.sample(n)
    kinds = _kinds(synth)
    if labels_of(made) != labels_of(table.frame):
        return [f"columns {labels_of(made)}"]
    real, own = _others(table, table.frame, kinds)
    new, _ = _others(table, made, kinds)
    # Those of an entity stand in each of its rows.
    broken = broken_by_sample(
        real, new, len(made), [f"repeated {k}" if k == "identifier" else k for k in own]
    )
    return broken + _broken_roles(table, made, n, synth._is_single)


def _broken_roles(table: LongTable, made: Any, n: int, single: bool) -> list[str]:
    """What is wrong about keys, lengths and moments."""
    broken = []
    old, new = (_pandas(frame) for frame in (table.frame, made))
    keys = np.zeros(len(new)) if table.key is None else _by_label(new, table.key)
    lengths = pd.Series(1, index=range(len(new))).groupby(pd.factorize(keys)[0]).sum()
    if len(lengths) != n:
        broken.append(f"{len(lengths)} sequences, wanted {n}")
    if table.key is not None:
        known = set(_by_label(old, table.key).tolist())
        if not single and known & set(keys.tolist()):
            broken.append("a real key")
        if single and set(keys.tolist()) - known:
            broken.append("another key")
    if table.moments is not None:
        before, after = (_by_label(frame, table.moments) for frame in (old, new))
        if before.dtype != after.dtype or after.isna().any():
            broken.append(f"moments of {after.dtype}, were {before.dtype}")
        codes = pd.factorize(keys)[0]
        broken += [
            f"moments do not rise: {own}"
            for own in (after[codes == code].tolist() for code in range(n))
            if any(late <= early for early, late in pairwise(own))
        ]
    return broken


def _pandas(frame: Any) -> pd.DataFrame:
    if isinstance(frame, pd.DataFrame):
        return frame
    return frame.to_pandas(use_pyarrow_extension_array=True)


def _by_label(frame: pd.DataFrame, label: Any) -> pd.Series:
    series = frame.iloc[:, list(frame.columns).index(label)]
    if isinstance(series.dtype, pd.ArrowDtype):
        return pd.Series(series.array.__arrow_array__().to_pylist(), dtype=object)
    return series


def _load(table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        synth.save(Path(folder) / "m.tabdiff")
        loaded = type(synth).load(Path(folder) / "m.tabdiff")
    same = identical(loaded.sample(random_state=1), synth.sample(random_state=1))
    return [] if same else ["load: other rows"]


def _impute(table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng) -> list[str]:
    kinds = _kinds(synth)
    holed = table.frame.copy() if isinstance(table.frame, pd.DataFrame) else table.frame.clone()
    if isinstance(holed, pd.DataFrame):
        lossy = with_holes(holed, rng)
        changing = set(synth.encoder_.roles.rows)
        for at, label in enumerate(holed.columns):
            if label in changing:
                holed.isetitem(at, lossy.iloc[:, at])
    filled = synth.impute(holed, random_state=1)
    fixed = {label for label in kinds if label not in synth.encoder_.roles.rows}
    told = ["identifier" if label in fixed else kinds[label] for label in labels_of(holed)]
    return broken_by_impute(table.frame, holed, filled, told)


def _condition(table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng) -> list[str]:
    label = synth.encoder_.roles.rows[int(rng.integers(len(synth.encoder_.roles.rows)))]
    at = labels_of(table.frame).index(label)
    cells = columns_of(table.frame)[at]
    row = int(rng.integers(len(cells.missing)))
    place = int((~cells.missing[:row]).sum())
    value = None if cells.missing[row] else cells.values[place]
    made = synth.sample(conditions={label: value}, random_state=1)
    return broken_by_condition(made, at, value)


def _forecast(table: LongTable, synth: TimeSeriesDiffusionSynthesizer, rng: Rng) -> list[str]:
    made = synth.forecast(table.frame, HORIZON, n_samples=2, random_state=1)
    old, new = _pandas(table.frame), _pandas(made)
    entities = 1 if table.key is None else _by_label(old, table.key).nunique()
    broken = []
    if len(new) != 2 * HORIZON * entities:
        broken.append(f"forecast: {len(new)} rows, wanted {2 * HORIZON * entities}")
    dtypes = list(new.dtypes.iloc[1:])
    if dtypes != list(old.dtypes):
        broken.append(f"forecast: dtypes {dtypes}")
    if table.moments is not None:
        last, first = _by_label(old, table.moments).max(), _by_label(new, table.moments).max()
        if not first > last:
            broken.append(f"forecast: ends at {first!r}, the history at {last!r}")
    return broken


VERBS = {"load": _load, "impute": _impute, "condition": _condition, "forecast": _forecast}


if __name__ == "__main__":
    run("long_frames", case, __doc__)
