"""MOSTLY AI's TabularARGN with its defaults, value protection included.

Like the others it is told which columns are categories and which datetimes. A condition is a seed,
one value per column, which the other columns are generated after.
"""

from __future__ import annotations

import pandas as pd
from mostlyai.engine import TabularARGN

from benchmarks.rivals.contract import Condition, Fitted, Task, single_values

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
    columns = list(task.roles)

    def answer(condition: Condition, n_rows: int) -> pd.DataFrame:
        seeds = pd.DataFrame(single_values(condition), index=range(n_rows))
        return argn.sample(seed_data=seeds)[columns]

    return Fitted(lambda n_rows: argn.sample(n_samples=n_rows)[columns], answer=answer)
