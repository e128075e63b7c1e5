"""The library itself: kinds of columns are inferred, no role is given."""

from __future__ import annotations

from benchmarks.rivals.contract import Fitted, Task
from tabdiff import DiffusionSynthesizer


def fit(task: Task, preset: str = "default") -> Fitted:
    synth = DiffusionSynthesizer(preset=preset, random_state=task.seed, verbose=0)
    synth.fit(task.train)
    facts = {
        "parameters": synth.n_parameters_,
        "best_step": synth.best_step_,
        "stopped": synth.stopped_,
        "candidates": synth.candidates_,
    }
    return Fitted(
        synth.sample, facts, lambda condition, n_rows: synth.sample(n_rows, conditions=condition)
    )
