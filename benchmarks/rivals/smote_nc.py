"""SMOTE-NC (Chawla et al. 2002, arXiv:1106.1813, section 6.1) as imbalanced-learn has it.

Asked for as many new rows of each class as the training table has, of which the new ones are kept.
A numeric target is classed by its median and stays among the features. SMOTE-NC knows no missing
values: a numeric column that lacks some is filled with its median, and a categorical column beside
it says where.
"""

from __future__ import annotations

import pandas as pd
from imblearn.over_sampling import SMOTENC

from benchmarks.rivals.coded import Codes
from benchmarks.rivals.contract import Fitted, Task

NEIGHBOURS = 5


def fit(task: Task) -> Fitted:
    """Code the table; SMOTE-NC itself learns nothing before it samples."""
    codes = Codes(task)
    gaps = [name for name in task.roles if codes.encoded[name].isna().any()]
    filled = codes.encoded.fillna(codes.encoded.median())
    lacks = {_gap(name): codes.encoded[name].isna().astype(float) for name in gaps}
    filled = filled.assign(**lacks)
    target = filled[task.target]
    if task.roles[task.target] == "categorical":
        features, classes = filled.drop(columns=task.target), target.astype(int)
    else:
        features, classes = filled, (target > target.median()).astype(int)
    categorical = {*task.columns("categorical"), *lacks} & {*features}

    def sample(n_rows: int) -> pd.DataFrame:
        if n_rows > len(features):
            raise ValueError(f"at most {len(features)} rows can be sampled, got {n_rows}")
        counts = classes.value_counts()
        smote = SMOTENC(
            categorical_features=sorted(categorical),
            sampling_strategy={label: 2 * count for label, count in counts.items()},
            k_neighbors=min(NEIGHBOURS, int(counts.min()) - 1),
            random_state=task.seed,
        )
        rows, labels = smote.fit_resample(features, classes)
        rows = rows.assign(**{task.target: labels}) if task.target not in rows else rows
        made = rows.iloc[len(features) :].sample(n_rows, random_state=task.seed, ignore_index=True)
        for name in gaps:
            made[name] = made[name].mask(made[_gap(name)] > 0.5)
        return codes.decode(made)

    return Fitted(sample)


def _gap(name: str) -> str:
    return f"{name} is missing"
