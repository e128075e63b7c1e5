"""ForestDiffusion (Jolicoeur-Martineau et al. 2024, arXiv:2309.09968): flow matching by XGBoost.

Defaults, but one job, so that the threads are XGBoost's and counted. A categorical target is given
as the label, as the paper does. The package makes no missing numbers.
"""

from __future__ import annotations

import pandas as pd
from ForestDiffusion import ForestDiffusionModel

from benchmarks.rivals.coded import Codes
from benchmarks.rivals.contract import Fitted, Task


def fit(task: Task) -> Fitted:
    """Raises ValueError where the package would confuse categorical columns."""
    codes = Codes(task)
    label = [task.target] if task.roles[task.target] == "categorical" else []
    many = [name for name in codes.levels if len(codes.levels[name]) > 2 and name not in label]
    # It finds the dummies of column 3 by "3_" in their names, so also those of column 13: ten
    # neighbours never clash.
    if len(many) > 10:
        raise ValueError(
            f"{len(many)} columns have more than two categories; ForestDiffusion 1.0.6 mixes up "
            "more than ten"
        )
    names = [name for name in task.roles if name not in [*label, *many]] + many
    first = len(names) - len(many)
    forest = ForestDiffusionModel(
        codes.encoded[names].to_numpy(),
        label_y=codes.encoded[task.target].to_numpy() if label else None,
        cat_indexes=list(range(first, len(names))),
        int_indexes=[i for i, name in enumerate(names[:first]) if codes.is_whole(name)],
        n_jobs=1,
        seed=task.seed,
    )

    def sample(n_rows: int) -> pd.DataFrame:
        made = forest.generate(batch_size=n_rows)
        return codes.decode(pd.DataFrame(made, columns=[*names, *label]))

    return Fitted(sample)
