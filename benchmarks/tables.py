"""How good, fast and private tabdiff's defaults are on real tables, beside other methods.

Runs data set x method x seed, each fit and sample in a process of its own so that seconds and peak
memory are its own, judges what came out after a trip through CSV, and appends one line per run to a
result file. Runs that the file already holds are skipped, so an interrupted benchmark goes on.

    python -m benchmarks.tables --data ../shared/data --sets adult default --seeds 0 1 2
    python -m benchmarks.tables --data ../shared/data --methods tabdiff ctgan tabular_argn
    python -m benchmarks.tables --report    # only the Markdown and the picture again, the brief
                                            # tables of the README printed

A folder of a data set holds train.csv.gz, test.csv.gz and meta.json (target and column roles). The
test rows judge and are never seen by a fit; as a row of their own they are the floor.

Rivals run in virtual environments of their own, made on first use from benchmarks/rivals/*.txt. A
run that breaks off, is not done in time or makes rows that cannot be judged stays in the file with
its error; delete its line to try again.

Figures are those of `tabdiff.evaluate`; "log RMSE" is the RMSE of the logarithm of a numeric target
as TabSyn takes it, trained on synthetic and on real rows (`benchmarks.judge.rmse_of_log`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import page, picture
from benchmarks.circumstances import circumstances
from benchmarks.data import SETS, RealTable, load, read_csv
from benchmarks.judge import judge
from benchmarks.methods import METHODS, ROOT, RunFailedError, python_of, run_method
from benchmarks.results import Row, append, key, read
from tabdiff.evaluation.errors import EvaluationError

RESULTS = ROOT / "benchmarks" / "results" / "tables.jsonl"
PICTURE = ROOT / "docs" / "images" / "quality_and_seconds.svg"
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "sdmetrics", "xgboost")


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/tables.py needs --data DIR, the folder with tabular/<set>/.")
        if arguments.rows is not None and arguments.results == RESULTS:
            sys.exit("--rows is for a quick look: name another file with --results.")
        _run_all(arguments)
    rows = read(arguments.results)
    arguments.results.with_suffix(".md").write_text(page.full(rows), encoding="utf-8")
    arguments.picture.write_text(picture.draw(rows), encoding="utf-8")
    print(page.brief(rows))


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--methods", nargs="+", default=["tabdiff"], choices=tuple(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, help="keep so many training rows: a quick look")
    parser.add_argument("--time-limit", type=float, default=30, help="minutes a run may take")
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--report", action="store_true", help="only Markdown and picture again")
    return parser.parse_args()


def _run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks; environments first, so that none is missing halfway."""
    pythons = {name: python_of(METHODS[name].environment, arguments.envs)
               for name in arguments.methods}  # fmt: skip
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    done = {key(row) for row in read(arguments.results)}
    for name in arguments.sets:
        table = load(arguments.data / "tabular" / name, arguments.rows)
        for method in arguments.methods:
            for seed in arguments.seeds:
                row = _identity(table, method, seed)
                if key(row) in done:
                    print(f"{name} {method} seed {seed}: done before", file=sys.stderr)
                    continue
                row |= _run(table, method, seed, pythons[method], arguments)
                append(arguments.results, row)
                outcome = row.get("error", f"C2ST {row.get('c2st_sdmetrics')}")
                print(f"{name} {method} seed {seed}: {outcome}", file=sys.stderr)


def _identity(table: RealTable, method: str, seed: int) -> Row:
    n_rows, n_columns = table.train.shape
    return {"set": table.name, "rows": n_rows, "columns": n_columns, "method": method, "seed": seed}


def _run(
    table: RealTable, method: str, seed: int, python: Path, arguments: argparse.Namespace
) -> Row:
    """Cost and figures of one run, or its error."""
    row: Row = circumstances(arguments.threads, LIBRARIES)
    limit = 60 * arguments.time_limit
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            row |= run_method(method, table, seed, python, folder, arguments.threads, limit)
            row |= judge(table, read_csv(folder / "synthetic.csv"))
        except (RunFailedError, EvaluationError) as problem:
            row["error"] = str(problem)
    return row


if __name__ == "__main__":
    main()
