"""SMOTE-NC (Chawla et al. 2002, arXiv:1106.1813, section 6.1) as imbalanced-learn has it.

Asked for as many new rows of each class as the training table has, of which the new ones are kept.
A numeric target is classed by its median and stays among the features.
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
    target = codes.encoded[task.target]
    if task.target in codes.levels:
        features, classes = codes.encoded.drop(columns=task.target), target.astype(int)
    else:
        features, classes = codes.encoded, (target > target.median()).astype(int)

    def sample(n_rows: int) -> pd.DataFrame:
        if n_rows > len(features):
            raise ValueError(f"at most {len(features)} rows can be sampled, got {n_rows}")
        counts = classes.value_counts()
        smote = SMOTENC(
            categorical_features=[name for name in features if name in codes.levels],
            sampling_strategy={label: 2 * count for label, count in counts.items()},
            k_neighbors=min(NEIGHBOURS, int(counts.min()) - 1),
            random_state=task.seed,
        )
        rows, labels = smote.fit_resample(features, classes)
        if task.target not in features:
            rows = rows.assign(**{task.target: labels})
        made = rows.iloc[len(features) :].sample(n_rows, random_state=task.seed, ignore_index=True)
        return codes.decode(made)

    return Fitted(sample)
