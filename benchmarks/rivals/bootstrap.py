"""Bootstrap copy: training rows drawn with replacement, what a model that only remembers gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Fitted, Task


def fit(task: Task) -> Fitted:
    generator = np.random.default_rng(task.seed)

    def sample(n_rows: int) -> pd.DataFrame:
        rows = generator.integers(len(task.train), size=n_rows)
        return task.train.iloc[rows].reset_index(drop=True)

    return Fitted(sample)
