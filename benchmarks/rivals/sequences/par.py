"""SDV's PAR with its defaults, but for its epochs: as many as the time allows.

PAR (Zhang, Patki and Veeramachaneni 2022, arXiv:2207.14406) has no limit of time. Trial fits of 1,
4, 16, … epochs are made until one takes a tenth of what is allowed; the last two tell the seconds
of an epoch and of what comes before the first, and the fit that counts has the epochs that fit. An
epoch is one optimiser step on all entities at once.
"""

from __future__ import annotations

import time

import pandas as pd
from sdv.metadata import Metadata
from sdv.sequential import PARSynthesizer

from benchmarks.cost import seed_globals
from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.contract import SequenceTask

TABLE = "table"


def fit(task: SequenceTask) -> Fitted:
    """Fit once more than it takes to know how long an epoch is."""
    epochs, trials = _epochs_that_fit(task)
    synthesizer, seconds = _fit(task, epochs)
    facts = {"epochs": epochs, "final_fit_seconds": round(seconds, 2), "trial_fits": trials}
    columns = list(task.train)
    return Fitted(
        lambda n: pd.DataFrame(synthesizer.sample_sequences(num_sequences=n)[TABLE])[columns], facts
    )


def _epochs_that_fit(task: SequenceTask) -> tuple[int, int]:
    """Epochs of a fit of about the seconds allowed, at least one; and the trials that told."""
    # The first fit of a process also pays for what is loaded late.
    _fit(task, 1)
    epochs, (_, seconds) = 1, _fit(task, 1)
    trials = 2
    if seconds >= task.seconds:
        return 1, trials
    of_epoch = 0.0
    while epochs == 1 or seconds < task.seconds / 10:
        epochs, before = 4 * epochs, seconds
        _, seconds = _fit(task, epochs)
        of_epoch = (seconds - before) / (epochs - epochs // 4)
        trials += 1
    if of_epoch <= 0:
        raise ValueError(f"{epochs} epochs of PAR took no longer than {epochs // 4}")
    return max(1, epochs + int((task.seconds - seconds) / of_epoch)), trials


def _fit(task: SequenceTask, epochs: int) -> tuple[PARSynthesizer, float]:
    seed_globals(task.seed)
    began = time.perf_counter()
    synthesizer = PARSynthesizer(
        _metadata(task), context_columns=list(task.layout.static), epochs=epochs
    )
    synthesizer.fit({TABLE: task.train.copy()})
    return synthesizer, time.perf_counter() - began


def _metadata(task: SequenceTask) -> Metadata:
    """Keys and roles: SDV would take codes of levels for numbers."""
    layout = task.layout
    columns = {
        name: {"sdtype": "categorical" if name in layout.categorical else "numerical"}
        for name in task.train
    }
    columns[layout.key] = {"sdtype": "id"}
    table = {
        "columns": columns,
        "sequence_key": layout.key,
        "sequence_index": layout.index,
    }
    return Metadata.load_from_dict({"tables": {TABLE: table}})
