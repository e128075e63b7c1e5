"""ForestDiffusion (Jolicoeur-Martineau et al. 2024, arXiv:2309.09968): flow matching by XGBoost.

Defaults, but one job, so that the threads are XGBoost's and counted. A categorical target is given
as the label, as the paper does.
"""

from __future__ import annotations

import pandas as pd
from ForestDiffusion import ForestDiffusionModel

from benchmarks.rivals.coded import Codes
from benchmarks.rivals.contract import Fitted, Task


def fit(task: Task) -> Fitted:
    """Raises ValueError where the package would confuse categorical columns."""
    codes = Codes(task)
    label = [task.target] if task.target in codes.levels else []
    many = [name for name, count in codes.levels.items() if count > 2 and name not in label]
    # It finds the dummies of column 3 by "3_" in their names, so also those of column 13: ten
    # neighbours never clash.
    if len(many) > 10:
        raise ValueError(
            f"{len(many)} columns have more than two categories; ForestDiffusion 1.0.6 mixes up "
            "more than ten"
        )
    names = [name for name in codes.encoded if name not in [*label, *many]] + many
    first = len(names) - len(many)
    forest = ForestDiffusionModel(
        codes.encoded[names].to_numpy(),
        label_y=codes.encoded[task.target].to_numpy() if label else None,
        cat_indexes=list(range(first, len(names))),
        int_indexes=[place for place in range(first) if names[place] in codes.whole],
        n_jobs=1,
        seed=task.seed,
    )

    def sample(n_rows: int) -> pd.DataFrame:
        made = forest.generate(batch_size=n_rows)
        return codes.decode(pd.DataFrame(made, columns=[*names, *label]))

    return Fitted(sample)
