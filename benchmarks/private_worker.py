"""Fit and sample one private method in a process of its own; print its cost as JSON.

    python -m benchmarks.private_worker mst FOLDER --seed 0

FOLDER holds train.csv and task.json (what is public, epsilon, delta); synthetic.csv is written
beside them. As benchmarks/worker.py, it is run by the Python of the method's environment.
"""

from __future__ import annotations

import importlib
import json

from benchmarks.cost import seed_globals, versions_of
from benchmarks.data import read_csv
from benchmarks.private_methods import public_of
from benchmarks.rivals.private.contract import PrivateTask
from benchmarks.worker import asked_for, run


def main() -> None:
    arguments = asked_for(__doc__)
    told = json.loads((arguments.folder / "task.json").read_text(encoding="utf-8"))
    train = read_csv(arguments.folder / "train.csv")
    public = public_of(told["public"], told["public"]["target"])
    task = PrivateTask(train, public, told["epsilon"], told["delta"], arguments.seed)
    method = importlib.import_module(f"benchmarks.rivals.private.{arguments.method}")
    seed_globals(arguments.seed)
    synthetic, cost = run(method.fit, task)
    synthetic.to_csv(arguments.folder / "synthetic.csv", index=False)
    cost["method_versions"] = versions_of(arguments.libraries)
    print("\n" + json.dumps(cost))


if __name__ == "__main__":
    main()
