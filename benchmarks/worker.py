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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.cost import seed_globals, versions_of, watched
from benchmarks.data import read_csv
from benchmarks.rivals.contract import Fitted, Task


def main() -> None:
    arguments = asked_for(__doc__)
    fit, task = method_and_task(arguments)
    synthetic, cost = run(fit, task)
    synthetic.to_csv(arguments.folder / "synthetic.csv", index=False)
    cost["method_versions"] = versions_of(arguments.libraries)
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
    seed_globals(arguments.seed)
    return method.fit, Task(train, told["roles"], told["target"], arguments.seed)


def run(fit: Any, task: Task) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Synthetic rows, as many as there are training rows, and their cost.

    Raises
    ------
    ValueError
        If the method made another number of rows or other columns.
    """
    n_rows, columns = task.train.shape[0], list(task.train)
    synthetic, cost = watched(fit, task, n_rows)
    if list(synthetic) != columns or len(synthetic) != n_rows:
        raise ValueError(
            f"the method made {len(synthetic)} rows of columns {list(synthetic)}; "
            f"{n_rows} rows of {columns} were asked for"
        )
    return synthetic, cost


if __name__ == "__main__":
    main()
