"""Bootstrap copy: training entities drawn with replacement, whole."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.contract import SequenceTask


def fit(task: SequenceTask) -> Fitted:
    generator = np.random.default_rng(task.seed)
    return Fitted(lambda n: drawn_entities(task, n, generator))


def drawn_entities(task: SequenceTask, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """So many entities with their rows, under new keys that count from 0."""
    rows = list(task.train.groupby(task.layout.key, sort=False).indices.values())
    picked = [rows[at] for at in generator.integers(len(rows), size=n)]
    made = task.train.iloc[np.concatenate(picked)].reset_index(drop=True)
    return made.assign(**{task.layout.key: np.repeat(np.arange(n), [len(at) for at in picked])})
