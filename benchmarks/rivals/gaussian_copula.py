"""SDV's GaussianCopula with its defaults."""

from __future__ import annotations

from sdv.single_table import GaussianCopulaSynthesizer

from benchmarks.rivals.contract import Fitted, Task
from benchmarks.rivals.sdv_family import TABLE, fitted, metadata


def fit(task: Task) -> Fitted:
    synthesizer = GaussianCopulaSynthesizer(metadata(task))
    synthesizer.fit({TABLE: task.train})
    return fitted(synthesizer)
