"""Windows of 24 steps by the scores of the papers, beside a hold-out that those do not have.

Runs set x protocol x method x seed, each fit and sample in a process of its own, and appends one
line per run to a result file. What the file holds is not run again.

    python -m benchmarks.windows --data ../shared/data --methods tabdiff bootstrap independent
    python -m benchmarks.windows --sets sines --methods tabdiff par --minutes 10
    python -m benchmarks.windows --report    # only the Markdown again

*etth1* has seven numbers, *sines* five channels of independent sines. In the canonical protocol all
windows are learned from and judge as well: a copy of them is perfect. Held out, *etth1* is cut at
four fifths of its time and the later part judges, whose level is another one: bootstrap copies show
what that alone costs. *unseen* are real windows that judge other real windows of the same part,
week by week in turn: the floor.

Scores are those of `benchmarks.window_scores`; the encoder of context-FID is our own, so that
figure compares only with others on this page. "whole" is the share of made windows that have 24
steps.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.data import read_csv
from benchmarks.markdown import cell, head, line
from benchmarks.methods import RunFailedError, python_of
from benchmarks.panels import UNSEEN, label
from benchmarks.sequence_methods import SEQUENCE_METHODS, Panel, run_sequence_method
from benchmarks.window_data import PROTOCOLS, WINDOWS, Numbers, halves, load_windows, to_windows
from benchmarks.window_scores import (
    ITERATIONS,
    Encoder,
    correlational,
    discriminative,
    frechet,
    predictive,
)

Row = dict[str, Any]

RESULTS = HERE / "results" / "windows.jsonl"
LIBRARIES = ("torch", "numpy", "pandas")
FIGURES = {
    "context_fid": ("context-FID", ".3f"),
    "correlational": ("correlational", ".3f"),
    "discriminative": ("discriminative", ".3f"),
    "predictive": ("predictive", ".3f"),
    "whole": ("whole", ".3f"),
    "fit_seconds": ("fit s", ".0f"),
    "sample_seconds": ("sample s", ".1f"),
    "peak_gb": ("GB", ".2f"),
}
FEWEST = 10


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None and set(arguments.sets) != {"sines"}:
            sys.exit("benchmarks/windows.py needs --data DIR, the folder with timeseries/.")
        run_all(arguments)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds timeseries/")
    parser.add_argument("--sets", nargs="+", default=WINDOWS, choices=WINDOWS)
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS, choices=PROTOCOLS)
    parser.add_argument("--methods", nargs="+", default=["tabdiff"], choices=[*SEQUENCE_METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--minutes", type=float, default=10, help="of processor time for a fit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--windows", type=int, help="keep so many of either kind: a quick look")
    parser.add_argument(
        "--effort", type=float, default=1.0, help="part of the papers' iterations of the judges"
    )
    parser.add_argument("--time-limit", type=float, default=120, help="minutes a run may take")
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks; environments first, so that none is missing halfway."""
    import torch

    pythons = {name: python_of(SEQUENCE_METHODS[name].environment, arguments.envs)
               for name in arguments.methods}  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(arguments.threads)
    try:
        with threadpool_limits(arguments.threads):
            for name in arguments.sets:
                for protocol in arguments.protocols:
                    panel = load_windows(name, protocol, arguments.data, arguments.windows)
                    for method in [UNSEEN, *arguments.methods]:
                        for seed in arguments.seeds:
                            _run_once(panel, protocol, method, seed, pythons, arguments)
    finally:
        torch.set_num_threads(before)


def _run_once(
    panel: Panel,
    protocol: str,
    method: str,
    seed: int,
    pythons: dict[str, Path],
    arguments: argparse.Namespace,
) -> None:
    """Append one run, unless the file holds it."""
    train, test = to_windows(panel.train), to_windows(panel.test)
    row: Row = {"set": panel.name, "protocol": protocol, "method": method, "seed": seed}
    row |= {"windows": len(train), "threads": arguments.threads, "effort": arguments.effort}
    row |= {"minutes": None if method == UNSEEN else arguments.minutes}
    if any(row.items() <= done.items() for done in read_results(arguments.results)):
        print(f"{panel.name} {protocol} {method} seed {seed}: done before", file=sys.stderr)
        return
    row |= circumstances(arguments.threads, LIBRARIES)
    if method == UNSEEN:
        row |= judge(train, *halves(test), seed, arguments.effort)
    else:
        row |= _made_and_judged(panel, method, seed, pythons[method], arguments)
    append_result(arguments.results, row)
    outcome = row.get("error", f"context-FID {row.get('context_fid')}")
    print(f"{panel.name} {protocol} {method} seed {seed}: {outcome}", file=sys.stderr)


def _made_and_judged(
    panel: Panel, method: str, seed: int, python: Path, arguments: argparse.Namespace
) -> Row:
    """Cost and scores of one run, or its error."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            cost = run_sequence_method(
                method, panel, seed, python, folder, arguments.threads, arguments.minutes,
                60 * arguments.time_limit,
            )  # fmt: skip
        except RunFailedError as problem:
            return {"error": str(problem)}
        made = to_windows(read_csv(folder / "synthetic.csv"))
    train, test = to_windows(panel.train), to_windows(panel.test)
    if len(made) < FEWEST:
        return cost | {"error": f"{len(made)} of {len(train)} made windows have all their steps"}
    return (
        cost | {"whole": len(made) / len(train)} | judge(train, test, made, seed, arguments.effort)
    )


def judge(train: Numbers, real: Numbers, made: Numbers, seed: int, effort: float) -> Row:
    """The four scores of made windows against real ones, all scaled by the training windows.

    Parameters
    ----------
    train, real, made : array, (n, length, channels)
        What was learned from, which is also what the encoder learns from; what judges; what is
        judged.
    seed : int
    effort : float
        Part of `ITERATIONS` that the judges are trained for.
    """
    low, high = train.min(axis=(0, 1)), train.max(axis=(0, 1))
    unit = np.where(high > low, high - low, 1.0)
    train, real, made = ((windows - low) / unit for windows in (train, real, made))
    steps = {name: max(1, round(effort * count)) for name, count in ITERATIONS.items()}
    encoder = Encoder(train, seed, steps["encoder"])
    return {
        "context_fid": frechet(encoder.encode(real), encoder.encode(made)),
        "correlational": correlational(real, made),
        "discriminative": discriminative(real, made, seed, steps["discriminative"]),
        "predictive": predictive(real, made, seed, steps["predictive"]),
    }


# ---- report ----


def render(rows: list[Row]) -> str:
    """One table per set and protocol: the floor first, then a line per method; medians."""
    lines = ["# Windows", "", *__doc__.split("\n\n", 3)[3].splitlines(), ""]
    keys = ("set", "protocol", "windows", "effort")
    for group in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        here = [row for row in rows if tuple(row[key] for key in keys) == group]
        name, protocol, windows, effort = group
        part = "" if effort == 1 else f", judges at {effort:g} of their iterations"
        lines += [f"## {name}, {protocol}: {windows:,} windows{part}", ""]
        lines += head(["method", "min", "seeds", *(heading for heading, _ in FIGURES.values())])
        for method in [UNSEEN, *SEQUENCE_METHODS]:
            for minutes in dict.fromkeys(r["minutes"] for r in here if r["method"] == method):
                runs = [r for r in here if (r["method"], r["minutes"]) == (method, minutes)]
                lines.append(_method_line(method, minutes, runs))
        lines.append("")
    lines += dict.fromkeys(told(row) for row in rows)
    return "\n".join(lines) + "\n"


def _method_line(method: str, minutes: float | None, runs: list[Row]) -> str:
    done, count = [row for row in runs if "error" not in row], str(len(runs))
    if len(done) < len(runs):
        errors = "; ".join(dict.fromkeys(row["error"] for row in runs if "error" in row))
        count = f"{len(done)} of {count}: {errors}".replace("|", "\\|")
    cells = [cell([row.get(key) for row in done], form) for key, (_, form) in FIGURES.items()]
    return line([label(method), cell([minutes], "g"), count, *cells])


if __name__ == "__main__":
    main()
