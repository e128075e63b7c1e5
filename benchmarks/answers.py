"""Fit one method in a process of its own and put conditions to it; costs as a line of JSON.

    python -m benchmarks.answers ctgan FOLDER --seed 0

FOLDER holds train.csv and task.json as for `benchmarks.worker`, and conditions.json. The rows that
answer the first condition are written to 0.csv, and so on. What cannot be asked, or breaks off, is
told in place of its cost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import worker
from benchmarks.cost import versions_of
from benchmarks.rivals.contract import Condition, RefusedError, Task

CONDITIONS = "conditions.json"


def main() -> None:
    arguments = worker.asked_for(__doc__)
    fit, task = worker.method_and_task(arguments)
    told = json.loads((arguments.folder / CONDITIONS).read_text(encoding="utf-8"))
    conditions = [from_json(condition) for condition in told["conditions"]]
    cost = run(fit, task, conditions, told["rows"], arguments.folder)
    cost["method_versions"] = versions_of(arguments.libraries)
    print("\n" + json.dumps(cost))


def write(conditions: Sequence[Condition], rows: int, folder: Path) -> None:
    """Write conditions.json: the conditions, and how many rows each is to be answered with."""
    told = {"rows": rows, "conditions": [to_json(condition) for condition in conditions]}
    (folder / CONDITIONS).write_text(json.dumps(told), encoding="utf-8")


def to_json(condition: Condition) -> dict[str, Any]:
    """A condition as JSON, which knows no tuples."""
    return {
        name: {"range": list(asked)} if isinstance(asked, tuple) else asked
        for name, asked in condition.items()
    }


def from_json(told: dict[str, Any]) -> Condition:
    """The condition that `to_json` wrote."""
    return {
        name: tuple(asked["range"]) if isinstance(asked, dict) else asked
        for name, asked in told.items()
    }


def run(
    fit: Callable[[Task], Any], task: Task, conditions: Sequence[Condition], rows: int, folder: Path
) -> dict[str, Any]:
    """Seconds to fit and to sample without a condition, and a dict for each condition's answer.

    Raises
    ------
    ValueError
        If the method takes no conditions.
    """
    began = time.perf_counter()
    fitted = fit(task)
    ready = time.perf_counter()
    if fitted.answer is None:
        raise ValueError("the method takes no conditions")
    fitted.sample(rows)
    cost = {
        "fit_seconds": round(ready - began, 2),
        "unconditional": round(time.perf_counter() - ready, 2),
    }
    answers = [
        _answer(fitted.answer, condition, rows, list(task.train), folder / f"{at}.csv")
        for at, condition in enumerate(conditions)
    ]
    return cost | {"answers": answers}


def _answer(
    answer: Callable[[Condition, int], pd.DataFrame],
    condition: Condition,
    rows: int,
    columns: list[str],
    path: Path,
) -> dict[str, Any]:
    """Seconds and rows of one answer, which is written to the path; or why there is none."""
    began = time.perf_counter()
    try:
        sample = answer(condition, rows)
    except RefusedError as refusal:
        return {"refused": str(refusal)}
    except Exception as error:  # A rival may raise anything, and its other answers still count.
        spent = round(time.perf_counter() - began, 2)
        return {"error": f"{type(error).__name__}: {error}"[:300], "seconds": spent}
    seconds = round(time.perf_counter() - began, 2)
    # Of nothing, some methods give no columns either.
    sample.reindex(columns=columns).to_csv(path, index=False)
    return {"seconds": seconds, "returned": len(sample)}


if __name__ == "__main__":
    main()
