"""Fit and sample one method for sequences in a process of its own; print its cost as JSON.

    python -m benchmarks.sequence_worker par FOLDER --seed 0

FOLDER holds train.csv and task.json (layout, seconds, entities); synthetic.csv is written beside
them. As benchmarks/worker.py, it is run by the Python of the method's environment.
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
from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.sequences.contract import Layout, SequenceTask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", help="a module of benchmarks/rivals/sequences")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--libraries", nargs="*", default=[], help="whose versions to print")
    arguments = parser.parse_args()
    told = json.loads((arguments.folder / "task.json").read_text(encoding="utf-8"))
    names = {name: tuple(told[name]) for name in ("static", "categorical")}
    layout = Layout(told["key"], told["index"], names["static"], names["categorical"])
    train = read_csv(arguments.folder / "train.csv")
    task = SequenceTask(train, layout, arguments.seed, told["seconds"])
    method = importlib.import_module(f"benchmarks.rivals.sequences.{arguments.method}")
    seed_globals(arguments.seed)
    synthetic, cost = run(method.fit, task)
    synthetic.to_csv(arguments.folder / "synthetic.csv", index=False)
    cost["method_versions"] = versions_of(arguments.libraries)
    print("\n" + json.dumps(cost))


def run(
    fit: Callable[[SequenceTask], Fitted], task: SequenceTask
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """As many synthetic entities as there are training ones, and their cost.

    An entity may come out without any row: then it is not in the frame, which the row tells under
    "entities_made".

    Raises
    ------
    ValueError
        If the method made more entities, none, or other columns.
    """
    n, columns, key = task.train[task.layout.key].nunique(), list(task.train), task.layout.key
    synthetic, cost = watched(fit, task, n)
    made = synthetic[key].nunique() if key in synthetic else 0
    if list(synthetic) != columns or not 0 < made <= n:
        raise ValueError(
            f"the method made {made} entities of columns {list(synthetic)}; "
            f"{n} entities of {columns} were asked for"
        )
    return synthetic, cost | {"entities_made": made}


if __name__ == "__main__":
    main()
