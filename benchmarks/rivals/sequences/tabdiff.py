"""The library itself, with its defaults: kinds of columns and static ones are inferred."""

from __future__ import annotations

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.contract import SequenceTask


def fit(task: SequenceTask) -> Fitted:
    # Here and not above, so that the module can be imported where the class does not exist.
    from tabdiff import TimeSeriesDiffusionSynthesizer

    synth = TimeSeriesDiffusionSynthesizer(
        sequence_key=task.layout.key,
        sequence_index=task.layout.index,
        max_time=task.seconds,
        random_state=task.seed,
        verbose=0,
    ).fit(task.train)
    return Fitted(synth.sample)
