"""Fit and sample one method in a process of its own, and print what it cost as a line of JSON.

    python -m benchmarks.worker ctgan FOLDER --seed 0

FOLDER holds train.csv and task.json (roles and target); synthetic.csv is written beside them, with
as many rows. Run by the Python of the method's environment, so nothing beyond pandas is imported
before the method itself; the number of threads comes with the environment variables.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import random
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import read_csv
from benchmarks.rivals.contract import Fitted, Task


def main() -> None:
    arguments = asked_for(__doc__)
    fit, task = method_and_task(arguments)
    synthetic, cost = run(fit, task)
    synthetic.to_csv(arguments.folder / "synthetic.csv", index=False)
    cost["method_versions"] = versions(arguments.libraries)
    print("\n" + json.dumps(cost))


def asked_for(purpose: str) -> argparse.Namespace:
    """The arguments of a worker."""
    parser = argparse.ArgumentParser(description=purpose.splitlines()[0])
    parser.add_argument("method", help="a module of benchmarks/rivals")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--libraries", nargs="*", default=[], help="whose versions to print")
    return parser.parse_args()


def method_and_task(arguments: argparse.Namespace) -> tuple[Callable[[Task], Fitted], Task]:
    """The method's ``fit`` and what the folder says of the table; global generators seeded."""
    told = json.loads((arguments.folder / "task.json").read_text(encoding="utf-8"))
    train = read_csv(arguments.folder / "train.csv")
    method = importlib.import_module(f"benchmarks.rivals.{arguments.method}")
    _seed_globals(arguments.seed)
    return method.fit, Task(train, told["roles"], told["target"], arguments.seed)


def versions(libraries: Sequence[str]) -> dict[str, str]:
    """Python's and the libraries'."""
    return {"python": platform.python_version()} | {name: version(name) for name in libraries}


def run(fit: Any, task: Task) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Synthetic rows, as many as there are training rows, and their cost.

    Raises
    ------
    ValueError
        If the method made another number of rows or other columns.
    """
    n_rows, columns = task.train.shape[0], list(task.train)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        fitted = fit(task)
        ready = time.perf_counter()
        synthetic = fitted.sample(n_rows)
    sampled = time.perf_counter()
    cost = dict(fitted.facts) | {
        "fit_seconds": round(ready - began, 2),
        "sample_seconds": round(sampled - ready, 2),
        "cpu_seconds": round(_cpu_seconds(), 1),
        "peak_gb": round(_peak_gb(), 2),
        "warnings": list(dict.fromkeys(str(warning.message) for warning in caught)),
    }
    if list(synthetic) != columns or len(synthetic) != n_rows:
        raise ValueError(
            f"the method made {len(synthetic)} rows of columns {list(synthetic)}; "
            f"{n_rows} rows of {columns} were asked for"
        )
    return synthetic, cost


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


def _seed_globals(seed: int) -> None:
    """Seed the global generators: many rivals have no other seed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


if __name__ == "__main__":
    main()
