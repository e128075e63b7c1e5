"""MOSTLY AI's TabularARGN for sequences (Tiwald et al. 2025, arXiv:2501.12012), with its defaults.

Two models, as its manual has it: one of the entities as a table, one of the sequences given the
entity. The first may take a quarter of the time, the second what is left; both may stop earlier by
themselves. Entities without static columns are as many as are asked for, and none is learned.

Its sample() sorts by key with a sort that mixes the rows of an entity; they are read, in order,
from the files it leaves in its workspace.
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
from mostlyai.engine import TabularARGN

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.contract import SequenceTask

LEAST_SECONDS = 1.0


def fit(task: SequenceTask) -> Fitted:
    began = time.perf_counter()
    layout, entities = task.layout, task.entities()
    flat = _fit_flat(task, entities) if layout.static else None
    spent = time.perf_counter() - began
    rows = task.train[[layout.key, layout.index, *layout.changing(task.train)]]
    sequences = TabularARGN(
        tgt_context_key=layout.key,
        tgt_encoding_types=_encodings(task, rows.columns.drop(layout.key)),
        ctx_data=entities,
        ctx_primary_key=layout.key,
        ctx_encoding_types=_encodings(task, layout.static),
        max_training_time=max(LEAST_SECONDS, task.seconds - spent) / 60,
        random_state=task.seed,
    )
    sequences.fit(rows)

    def sample(n: int) -> pd.DataFrame:
        made = pd.DataFrame(index=range(n)) if flat is None else flat.sample(n_samples=n)
        made = made[list(layout.static)].assign(**{layout.key: [f"e{at}" for at in range(n)]})
        sequences.sample(ctx_data=made)
        drawn = pd.read_parquet(Path(sequences.workspace_path_) / "SyntheticData")
        return drawn.merge(made, on=layout.key, how="left")[list(task.train)]

    return Fitted(sample, {"flat_seconds": round(spent, 2)})


def _fit_flat(task: SequenceTask, entities: pd.DataFrame) -> TabularARGN:
    flat = TabularARGN(
        tgt_encoding_types=_encodings(task, task.layout.static),
        max_training_time=max(LEAST_SECONDS, task.seconds / 4) / 60,
        random_state=task.seed,
    )
    return flat.fit(entities[list(task.layout.static)])


def _encodings(task: SequenceTask, names: tuple[str, ...] | pd.Index) -> dict[str, str]:
    levels = task.layout.categorical
    return {n: f"TABULAR_{'CATEGORICAL' if n in levels else 'NUMERIC_AUTO'}" for n in names}
