"""Fit one method in a process of its own and let it fill gaps; costs as a line of JSON.

    python -m benchmarks.fillings tabular_argn FOLDER --seed 0

FOLDER holds train.csv and task.json as for `benchmarks.worker`, gaps.csv with the rows to fill and
draws.json with how often. What is drawn first is written to 0.csv, and so on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import worker
from benchmarks.cost import versions_of
from benchmarks.data import read_csv
from benchmarks.rivals.contract import Fitted, Task

GAPS, DRAWS = "gaps.csv", "draws.json"


def main() -> None:
    arguments = worker.asked_for(__doc__)
    fit, task = worker.method_and_task(arguments)
    cost = run(fit, task, arguments.folder)
    cost["method_versions"] = versions_of(arguments.libraries)
    print("\n" + json.dumps(cost))


def run(fit: Callable[[Task], Fitted], task: Task, folder: Path) -> dict[str, Any]:
    """Seconds to fit and to fill; the draws are then in the folder.

    Raises
    ------
    ValueError
        If the method fills no gaps.
    """
    gaps = read_csv(folder / GAPS)
    n_draws = json.loads((folder / DRAWS).read_text(encoding="utf-8"))
    began = time.perf_counter()
    fitted = fit(task)
    ready = time.perf_counter()
    if fitted.fill is None:
        raise ValueError("the method fills no gaps")
    draws = fitted.fill(gaps, n_draws)
    seconds = time.perf_counter() - ready
    for at, draw in enumerate(draws):
        draw.to_csv(folder / f"{at}.csv", index=False)
    return {"fit_seconds": round(ready - began, 2), "fill_seconds": round(seconds, 2)}


def write(gaps: pd.DataFrame, n_draws: int, folder: Path) -> None:
    """What a worker is told beside the rows to learn from."""
    gaps.to_csv(folder / GAPS, index=False)
    (folder / DRAWS).write_text(json.dumps(n_draws), encoding="utf-8")


def read(folder: Path, n_draws: int) -> list[pd.DataFrame]:
    """What a worker drew."""
    return [read_csv(folder / f"{at}.csv") for at in range(n_draws)]


if __name__ == "__main__":
    main()
