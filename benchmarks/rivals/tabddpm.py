"""TabDDPM (Kotelnikov et al. 2023, arXiv:2209.15421) as synthcity has it, with its defaults.

synthcity takes a column for categorical if it has at most ten values; the others, codes of many
categories too, are numbers to it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from synthcity.plugins.core.dataloader import GenericDataLoader
from synthcity.plugins.generic.plugin_ddpm import TabDDPMPlugin

from benchmarks.rivals.coded import Codes
from benchmarks.rivals.contract import Fitted, Task


def fit(task: Task) -> Fitted:
    codes = Codes(task)
    with tempfile.TemporaryDirectory() as workspace:
        plugin = TabDDPMPlugin(
            is_classification=task.target in codes.levels,
            random_state=task.seed,
            workspace=Path(workspace),
        )
        plugin.fit(
            GenericDataLoader(
                codes.encoded, target_column=task.target, random_state=task.seed, train_size=1.0
            )
        )

    def sample(n_rows: int) -> pd.DataFrame:
        return codes.decode(plugin.generate(n_rows).dataframe().reset_index(drop=True))

    return Fitted(sample)
