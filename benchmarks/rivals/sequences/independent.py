"""No memory: an entity's length, times and static columns, each row's content from anywhere.

What changes in a row is that of some training row, whole, whoever and whenever it was.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.bootstrap import drawn_entities
from benchmarks.rivals.sequences.contract import SequenceTask


def fit(task: SequenceTask) -> Fitted:
    generator = np.random.default_rng(task.seed)
    changing = task.layout.changing(task.train)

    def sample(n: int) -> pd.DataFrame:
        made = drawn_entities(task, n, generator)
        rows = task.train.iloc[generator.integers(len(task.train), size=len(made))]
        return made.assign(**{name: rows[name].array for name in changing})

    return Fitted(sample)
