"""What differential privacy costs: quality against epsilon, beside other private methods.

Runs set x method x epsilon x seed, each fit and sample in a process of its own, and appends one
line per run to a result file. Runs that the file already holds are skipped.

    python -m benchmarks.private_utility --data ../shared/data --sets adult --methods mst
    python -m benchmarks.private_utility --report    # only the Markdown and the picture again

What is public of a set is declared in public_knowledge.json: bounds rounded outwards, categories as
codebooks list them, about how many rows; every method is told the same and takes of it what it
can. Three figures: the error of pair trends with fixed edges, the C2ST against the training rows on
the encoding of SDMetrics, and the AUC of boosting trained on synthetic rows and tested on unseen
real ones. What epsilon = infinity gives is read from the benchmark of ordinary tables.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import private_picture
from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.data import RealTable, load, read_csv
from benchmarks.markdown import cell, head, line
from benchmarks.methods import RunFailedError, python_of
from benchmarks.private_methods import PRIVATE_METHODS, public_of, run_private_method
from tabdiff import Schema
from tabdiff.evaluation.detection import boosted_detection
from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.predictors import boosting_classes
from tabdiff.evaluation.tables import Table, code_tables
from tabdiff.evaluation.trends import pair_trends

RESULTS = HERE / "results" / "private_utility.jsonl"
PICTURE = HERE.parent / "docs" / "images" / "private_utility.svg"
KNOWN = json.loads((HERE / "public_knowledge.json").read_text(encoding="utf-8"))
EPSILONS = (0.5, 1.0, 3.0, 8.0)
DELTA = 1e-5
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "xgboost", "opacus")
# Key of a figure: its heading and format.
FIGURES = {
    "utility": ("AUC synthetic → real", ".3f"),
    "c2st_sdmetrics": ("C2ST", ".3f"),
    "trend_error_fixed": ("Trend %", ".2f"),
    "fit_seconds": ("fit s", ".0f"),
    "sample_seconds": ("sample s", ".0f"),
}


def judge(table: RealTable, synthetic: pd.DataFrame) -> dict[str, float]:
    """The three figures, as `tabdiff.evaluate` takes them.

    Raises
    ------
    EvaluationError
        If the synthetic rows cannot be compared with real ones.
    """
    kinds = {name: role for name, role in table.roles.items() if role == "categorical"}
    schema = Schema.infer(table.train, column_kinds=kinds)
    tables = code_tables(table.train, synthetic, table.test, schema)
    if tables.holdout is None:
        raise AssertionError("the test rows were given")
    target = [field.name for field in tables.real.fields].index(table.target)
    return {
        "utility": auc(tables.synthetic, tables.holdout, target),
        "c2st_sdmetrics": boosted_detection(tables.real, tables.synthetic, 0, "sdmetrics").score,
        "trend_error_fixed": pair_trends(tables.real, tables.synthetic).error_percent,
    }


def auc(train: Table, test: Table, target: int) -> float:
    """Area under the ROC curve on test rows; one half if only one of two classes was learned."""
    from sklearn.metrics import roc_auc_score

    y = np.asarray(train.columns[target], dtype=np.int64)
    if y.min() == y.max():
        return 0.5
    found = boosting_classes(train.without(target), y, test.without(target))
    return float(roc_auc_score(test.columns[target], found[:, 1]))


# ------------------------------------------------------------------------------------- the command


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/private_utility.py needs --data DIR, which holds tabular/<set>/.")
        _run_all(arguments)
    rows, ordinary = read_results(arguments.results), _ordinary()
    arguments.results.with_suffix(".md").write_text(page(rows, ordinary), encoding="utf-8")
    arguments.picture.write_text(private_picture.draw(rows, ordinary), encoding="utf-8")
    print(page(rows, ordinary))


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=list(KNOWN), choices=list(KNOWN))
    methods = list(PRIVATE_METHODS)
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    parser.add_argument("--epsilons", nargs="+", type=float, default=EPSILONS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--time-limit", type=float, default=30, help="minutes a run may take")
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--report", action="store_true", help="only Markdown and picture again")
    return parser.parse_args()


def _run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks; environments first, so that none is missing halfway."""
    pythons = {name: python_of(PRIVATE_METHODS[name].environment, arguments.envs)
               for name in arguments.methods}  # fmt: skip
    keys = ("set", "method", "epsilon", "seed")
    done = {tuple(row[key] for key in keys) for row in read_results(arguments.results)}
    for name in arguments.sets:
        table = load(arguments.data / "tabular" / name)
        for method in arguments.methods:
            for seed in arguments.seeds:
                for epsilon in arguments.epsilons:
                    run = name, method, epsilon, seed
                    if run in done:
                        print(*run, "done before", file=sys.stderr)
                        continue
                    row = dict(zip(keys, run, strict=True)) | {"delta": DELTA}
                    row |= _run(table, method, epsilon, seed, pythons[method], arguments)
                    append_result(arguments.results, row)
                    outcome = row.get("error", {key: row.get(key) for key in FIGURES})
                    print(*run, outcome, file=sys.stderr, flush=True)


def _run(
    table: RealTable,
    method: str,
    epsilon: float,
    seed: int,
    python: Path,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Cost and figures of one run, or its error."""
    row = circumstances(arguments.threads, LIBRARIES)
    public = public_of(KNOWN[table.name], table.target)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            row |= run_private_method(
                method, table, public, (epsilon, DELTA), seed, python, folder,
                arguments.threads, 60 * arguments.time_limit,
            )  # fmt: skip
            row |= judge(table, read_csv(folder / "synthetic.csv"))
        except (RunFailedError, EvaluationError) as problem:
            row["error"] = str(problem)
    return row


def _ordinary() -> list[dict[str, Any]]:
    """Rows of the ordinary library on the same sets, without any privacy."""
    rows = read_results(HERE / "results" / "tables.jsonl")
    return [row for row in rows if row["method"] == "tabdiff" and row["set"] in KNOWN]


def page(rows: list[dict[str, Any]], ordinary: list[dict[str, Any]]) -> str:
    """The figures as Markdown: a table per set, a line per method and epsilon."""
    lines = ["# What differential privacy costs", ""]
    lines += [f"delta = {DELTA:g}; the median of the seeds, with the range.", ""]
    for name in dict.fromkeys(row["set"] for row in rows):
        lines += [f"## {name}", ""]
        lines += head(["method", "epsilon", "seeds", *(heading for heading, _ in FIGURES.values())])
        own = [row for row in rows if row["set"] == name]
        for method in PRIVATE_METHODS:
            for epsilon in EPSILONS:
                runs = [r for r in own if (r["method"], r["epsilon"]) == (method, epsilon)]
                if runs:
                    lines.append(_line(PRIVATE_METHODS[method].label, f"{epsilon:g}", runs))
        without = [row for row in ordinary if row["set"] == name]
        lines.append(_line("tabdiff, not private (tables.md)", "∞", without))
        floors = [{key: row.get(key + "_floor") for key in FIGURES} for row in without[:1]]
        lines += [_line("*real rows*", "–", floors), ""]
    return "\n".join([*lines, *_circumstances(rows)]) + "\n"


def _line(label: str, epsilon: str, runs: list[dict[str, Any]]) -> str:
    done = [run for run in runs if "error" not in run]
    count = str(len(done))
    if len(done) < len(runs):
        errors = "; ".join(dict.fromkeys(run["error"] for run in runs if "error" in run))
        count = f"{count} of {len(runs)}: {errors}".replace("|", "\\|")
    cells = [cell([run.get(key) for run in done], form) for key, (_, form) in FIGURES.items()]
    return line([label, epsilon, count, *cells])


def _circumstances(rows: list[dict[str, Any]]) -> list[str]:
    """Machine and versions of the judge, then those of each rival; each a paragraph."""
    found = dict.fromkeys(told(row) for row in rows)
    for row in rows:
        method = PRIVATE_METHODS[row["method"]]
        if method.environment is not None and "method_versions" in row:
            versions = ", ".join(f"{name} {v}" for name, v in row["method_versions"].items())
            found[f"{method.label}: {versions}."] = None
    return "\n\n".join(found).splitlines()


if __name__ == "__main__":
    main()
