"""Fully factorised: each column drawn from its own training values, on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Fitted, Task


def fit(task: Task) -> Fitted:
    generator = np.random.default_rng(task.seed)

    def sample(n_rows: int) -> pd.DataFrame:
        drawn = {
            name: column.take(generator.integers(len(column), size=n_rows)).array
            for name, column in task.train.items()
        }
        return pd.DataFrame(drawn)

    return Fitted(sample)
