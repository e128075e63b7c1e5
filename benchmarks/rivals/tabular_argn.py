"""MOSTLY AI's TabularARGN with its defaults, value protection included.

Like the others it is told which columns are categories and which datetimes. A condition is a seed,
one value per column, which the other columns are generated after. Gaps are filled after all that a
row holds, so rows that lack the same columns are filled together, and others one by one.
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

    def fill(rows: pd.DataFrame, n_draws: int) -> list[pd.DataFrame]:
        # A rare level would be filled with a mark in its place otherwise.
        sampled = {"rare_category_replacement_method": "sample"}
        return [argn.impute(rows, **sampled)[columns] for _ in range(n_draws)]

    return Fitted(lambda n: argn.sample(n_samples=n)[columns], answer=answer, fill=fill)
