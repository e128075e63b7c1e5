"""One line of `benchmarks/results/trials.jsonl` for each counted run of a trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks.circumstances import HERE, append_result, circumstances

RESULTS = HERE / "results" / "trials.jsonl"
LIBRARIES = ("numpy", "pandas", "scikit-learn", "torch", "safetensors")


def record(
    trial: str,
    seed: int,
    cases: int,
    failures: list[str],
    seconds: float,
    figures: dict[str, Any],
    path: Path = RESULTS,
) -> None:
    """Append what a run tried and found.

    Parameters
    ----------
    trial : str
        The module's name, and after a colon what of it was tried, where there are several.
    seed : int
        Of the first case; case k is made from (seed, k) alone.
    cases : int
        How many were tried.
    failures : list of str
        One line for each case that broke the promise; empty where it held.
    seconds : float
        Wall clock of the whole run.
    figures : dict
        What else was counted or measured, by name; JSON values.
    path : Path
        The result file.
    """
    found = {"trial": trial, "seed": seed, "cases": cases, "failed": len(failures)}
    where = circumstances(torch.get_num_threads(), LIBRARIES)
    append_result(
        path, found | {"failures": failures[:20], "seconds": round(seconds, 1)} | figures | where
    )
