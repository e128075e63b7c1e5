"""Ask whether conditional samples are right, and what they cost, of tabdiff and of others.

    python -m benchmarks.conditions known
    python -m benchmarks.conditions rare --data ../shared/data
    python -m benchmarks.conditions known --methods tabdiff tabular_argn ctgan --seeds 0 1 2
    python -m benchmarks.conditions --report      # only the Markdown again

``known``: a distribution whose every conditional is known in closed form (`known_world`). A model
of 100,000 rows is asked for 1,000 rows under conditions on one, two and five columns, by value,
range and set.

``rare``: *adult*, conditions that about one row in a thousand meets, judged by held-out rows that
meet them (`rare`).

Each method is fitted in a process of its own and answers there, in the environment that
`benchmarks.tables` uses. One line per condition is appended to ``results/conditions.jsonl``; what
the file holds is not run again, so an interrupted benchmark goes on; delete a run's lines to make
it anew. Conditions that a method has no way to ask for are said to be refused, and fewer rows than
asked for are counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import answers, conditions_page, known_world, rare
from benchmarks.circumstances import HERE, append_result, circumstances, read_results
from benchmarks.data import RealTable, load, read_csv
from benchmarks.methods import (
    METHODS,
    RunFailedError,
    command_of,
    hand_over,
    python_of,
    run_worker,
)
from benchmarks.rivals.contract import Condition, meets

RESULTS = HERE / "results" / "conditions.jsonl"
ROWS = 1_000
QUESTIONS = {"known": known_world.ASKED, "rare": rare.RARE}
# Those that take conditions at all.
ANSWERING = ("tabdiff", "tabular_argn", "ctgan", "tvae", "gaussian_copula")
LIBRARIES = ("torch", "numpy", "pandas")


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.question is None:
            sys.exit("Which question: known or rare? (Or --report.)")
        if arguments.question == "rare" and arguments.data is None:
            sys.exit("The question 'rare' needs --data DIR, the folder with tabular/adult/.")
        if arguments.rows is not None and arguments.results == RESULTS:
            sys.exit("--rows is for a quick look: name another file with --results.")
        _run_all(arguments)
    text = conditions_page.render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", nargs="?", choices=tuple(QUESTIONS))
    parser.add_argument("--data", type=Path, help="folder that holds tabular/adult/ (rare)")
    parser.add_argument("--methods", nargs="+", default=["tabdiff"], choices=ANSWERING)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, help="learn from so many rows: a quick look")
    parser.add_argument("--time-limit", type=float, default=60, help="minutes a run may take")
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def _run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks; environments first, so that none is missing halfway."""
    pythons = {
        name: python_of(METHODS[name].environment, arguments.envs) for name in arguments.methods
    }
    for seed in arguments.seeds:
        table = _table(arguments, seed)
        for method in arguments.methods:
            run = {"question": arguments.question, "rows": len(table.train)}
            run |= {"method": method, "seed": seed}
            if any(run.items() <= row.items() for row in read_results(arguments.results)):
                print(*run.values(), "done before", file=sys.stderr)
                continue
            made = circumstances(arguments.threads, LIBRARIES)
            for answered in _run(run, table, pythons[method], arguments):
                append_result(arguments.results, run | made | answered)
            print(*run.values(), "done", file=sys.stderr)


def _table(arguments: argparse.Namespace, seed: int) -> RealTable:
    if arguments.question == "known":
        return known_world.table(arguments.rows or 100_000, seed)
    return load(arguments.data / "tabular" / rare.SET, arguments.rows)


def _run(
    run: dict[str, Any], table: RealTable, python: Path, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """A line for each condition; a single one if the run breaks off."""
    asked, limit = QUESTIONS[run["question"]], 60 * arguments.time_limit
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        hand_over(table, folder)
        answers.write(asked, ROWS, folder)
        try:
            command = command_of("benchmarks.answers", run["method"], run["seed"], python, folder)
            cost = run_worker(command, arguments.threads, limit)
        except RunFailedError as problem:
            return [{"error": str(problem)}]
        each = cost.pop("answers")
        return [
            cost | answer | _figures(run, table, condition, answer, folder / f"{at}.csv")
            for at, (condition, answer) in enumerate(zip(asked, each, strict=True))
        ]


def _figures(
    run: dict[str, Any], table: RealTable, condition: Condition, answer: dict[str, Any], path: Path
) -> dict[str, Any]:
    """The condition in words, and what the answer is worth if there is one."""
    row: dict[str, Any] = {"condition": str(condition)}
    if not answer.get("returned"):
        return row
    sample = read_csv(path)
    row["holds"] = bool(meets(sample, condition).all())
    if run["question"] == "known":
        return row | known_world.judge(sample, condition, run["seed"])
    return row | rare.judge(sample, condition, table, run["seed"])


if __name__ == "__main__":
    main()
