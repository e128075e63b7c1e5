"""SDV's CTGAN with its defaults."""

from __future__ import annotations

from sdv.single_table import CTGANSynthesizer

from benchmarks.rivals.contract import Fitted, Task
from benchmarks.rivals.sdv_family import TABLE, fitted, metadata


def fit(task: Task) -> Fitted:
    synthesizer = CTGANSynthesizer(metadata(task))
    synthesizer.fit({TABLE: task.train})
    return fitted(synthesizer)
