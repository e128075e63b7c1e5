"""What constraints cost: rows that break them, and how well rows can be told from real ones.

*taxis* is learned with and without its rules (a trip ends after it began, the total is at least the
sum of its parts; the training rows that break a rule are dropped from both), and as many rows are
sampled. One line per seed and way is appended to ``results/constraints.jsonl``; what the file
holds is not run again.

    python -m benchmarks.constraints --data ../shared/data --seeds 0 1 2
    python -m benchmarks.constraints --report     # only the table again
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.circumstances import (
    HERE,
    append_result,
    circumstances,
    read_results,
    read_set,
    told,
)
from benchmarks.markdown import head, line
from tabdiff import DiffusionSynthesizer, Schema, SchemaWarning, evaluate
from tabdiff.data.constraints import Constraint, ConstraintSet, Expression, Inequality

RESULTS = HERE / "results" / "constraints.jsonl"
WAYS = ("with", "without")
RULES: tuple[Constraint, ...] = (
    Inequality("pickup", "dropoff"),
    Expression("total >= fare + tip + tolls"),
)
# Key of a figure, and what it is.
FIGURES = {
    "violations": "rows that break a rule",
    "c2st": "C2ST, native",
    "c2st_sdmetrics": "C2ST, one-hot",
    "c2st_holdout": "C2ST, hold-out",
    "c2st_train": "C2ST, as many train",
    "trend_error_fixed": "Trend error %",
    "fit_seconds": "fit s",
    "sample_seconds": "sample s",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/taxis/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    arguments = parser.parse_args()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/constraints.py needs --data DIR, the folder with tabular/taxis/.")
        run_all(arguments)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def run_all(arguments: argparse.Namespace) -> None:
    """Append a line per seed and way that the file does not hold."""
    import torch

    torch.set_num_threads(arguments.threads)
    train, test = taxis(arguments.data)
    done = {(row["seed"], row["way"]) for row in read_results(arguments.results)}
    for seed in arguments.seeds:
        for way in WAYS:
            if (seed, way) in done:
                continue
            row: dict[str, Any] = {"set": "taxis", "seed": seed, "way": way}
            row |= run(train, test, seed, way == "with", arguments.max_steps)
            made = circumstances(arguments.threads, ("torch", "numpy", "pandas"))
            append_result(arguments.results, row | made)


def taxis(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training rows that keep the rules, and the test rows, with dates as dates."""
    real = read_set(data, "taxis")
    frames = [
        frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("pickup", "dropoff")})
        for frame in (real.train, real.test)
    ]
    rules = ConstraintSet.fit(RULES, frames[0], _schema(frames[0]), on_violation="drop")
    return frames[0][rules.kept].reset_index(drop=True), frames[1]


def run(
    train: pd.DataFrame, test: pd.DataFrame, seed: int, constrained: bool, max_steps: int | None
) -> dict[str, Any]:
    """Fit, sample as many rows and judge them."""
    synth = DiffusionSynthesizer(
        schema=_schema(train),
        constraints=list(RULES) if constrained else None,
        max_steps=max_steps,
        random_state=seed,
        verbose=0,
    )
    began = time.perf_counter()
    synth.fit(train)
    ready = time.perf_counter()
    rows = synth.sample(len(train))
    row: dict[str, Any] = {
        "fit_seconds": round(ready - began, 1),
        "sample_seconds": round(time.perf_counter() - ready, 2),
        "rows": len(rows),
    }
    rules = ConstraintSet.fit(RULES, train, _schema(train))
    broken = pd.concat([pd.Series(own) for own in rules.broken(rows).values()], axis=1)
    row["violations"] = int(broken.any(axis=1).sum())
    report = evaluate(
        train,
        rows,
        holdout=test,
        schema=_schema(train),
        include=("quality", "detection", "privacy"),
        progress=False,
    )
    scores = report.scores
    return row | {key: float(scores[key]) for key in FIGURES if key in scores}


def render(rows: list[dict[str, Any]]) -> str:
    """The table: medians over seeds, and their range."""
    lines = ["# Constraints", "", *head(["taxis", "seeds", *FIGURES.values()])]
    for way in WAYS:
        own = [row for row in rows if row["way"] == way]
        if own:
            cells = [_cell([row[key] for row in own]) for key in FIGURES]
            lines.append(line([f"{way} rules", str(len(own)), *cells]))
    lines += ["", "Medians, and in brackets the least and the greatest of the seeds.", ""]
    return "\n".join([*lines, *([told(rows[-1]), ""] if rows else [])])


def _cell(values: list[float]) -> str:
    low, middle, high = (
        f"{value:.0f}" if value >= 10 else f"{value:.3g}"
        for value in (min(values), statistics.median(values), max(values))
    )
    return middle if low == high else f"{middle} ({low}–{high})"


def _schema(frame: pd.DataFrame) -> Schema:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SchemaWarning)
        return Schema.infer(frame)


if __name__ == "__main__":
    main()
