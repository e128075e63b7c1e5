"""MOSTLY AI's TabularARGN with its defaults, value protection included.

Like the others it is told which columns are categories and which datetimes.
"""

from __future__ import annotations

import pandas as pd
from mostlyai.engine import TabularARGN

from benchmarks.rivals.contract import Fitted, Task

_ENCODINGS = {
    "numeric": "TABULAR_NUMERIC_AUTO",
    "categorical": "TABULAR_CATEGORICAL",
    "datetime": "TABULAR_DATETIME",
}


def fit(task: Task) -> Fitted:
    instants = {
        name: pd.to_datetime(task.train[name], format=task.datetime_format(name))
        for name in task.columns("datetime")
    }
    argn = TabularARGN(
        tgt_encoding_types={name: _ENCODINGS[role] for name, role in task.roles.items()},
        random_state=task.seed,
    )
    argn.fit(task.train.assign(**instants))
    return Fitted(lambda n_rows: argn.sample(n_samples=n_rows)[list(task.roles)])
