"""What a fit and a sample cost in this process, and the seeds of those who have no other.

Imported by workers that run in the environment of a rival, so it needs nothing beyond pandas.
"""

from __future__ import annotations

import platform
import random
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Fitted

AnyTask = TypeVar("AnyTask")


def watched(
    fit: Callable[[AnyTask], Fitted], task: AnyTask, n: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What ``fit(task).sample(n)`` gives, and its seconds, memory, warnings and facts."""
    began, before = time.perf_counter(), _cpu_seconds()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        fitted = fit(task)
        ready = time.perf_counter()
        fit_cpu = _cpu_seconds() - before
        synthetic = fitted.sample(n)
    sampled = time.perf_counter()
    return synthetic, dict(fitted.facts) | {
        "fit_seconds": round(ready - began, 2),
        "sample_seconds": round(sampled - ready, 2),
        "fit_cpu_seconds": round(fit_cpu, 1),
        "cpu_seconds": round(_cpu_seconds(), 1),
        "peak_gb": round(_peak_gb(), 2),
        "warnings": list(dict.fromkeys(str(warning.message) for warning in caught)),
    }


def versions_of(libraries: Sequence[str]) -> dict[str, str]:
    """Of this Python and of those distributions."""
    return {"python": platform.python_version()} | {name: version(name) for name in libraries}


def seed_globals(seed: int) -> None:
    """Seed the global generators: many rivals have no other seed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _cpu_seconds() -> float:
    """Of this process and of those it started and awaited."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_gb() -> float:
    """Most memory this process has held."""
    if sys.platform == "linux":
        # Not ru_maxrss: that starts with what the process that started this one held.
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30
