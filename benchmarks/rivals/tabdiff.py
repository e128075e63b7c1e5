"""The library itself, with its defaults: kinds of columns are inferred, no role is given."""

from __future__ import annotations

from benchmarks.rivals.contract import Fitted, Task
from tabdiff import DiffusionSynthesizer


def fit(task: Task) -> Fitted:
    synth = DiffusionSynthesizer(random_state=task.seed, verbose=0).fit(task.train)
    facts = {
        "parameters": synth.n_parameters_,
        "best_step": synth.best_step_,
        "stopped": synth.stopped_,
    }
    return Fitted(
        synth.sample, facts, lambda condition, n_rows: synth.sample(n_rows, conditions=condition)
    )
