"""How good, fast and large tabdiff's panels of sequences are, beside other methods.

Runs panel x method x seed, each fit and sample in a process of its own, judges what came out after
a trip through CSV, and appends one line per run to a result file. Runs that the file already holds
are skipped, so an interrupted benchmark goes on. Delete a line to run it again.

    python -m benchmarks.panels --data ../shared/data --methods tabdiff par tabular_argn --minutes 5
    python -m benchmarks.panels --panels generated --methods tabdiff bootstrap independent
    python -m benchmarks.panels --report    # only the Markdown again

Entities, never rows, are split: three quarters to learn from, a quarter that judges. Each method
has the same minutes of processor time to fit (PAR as many epochs as that allows, the others by
their own limit and by their own rule if they are done earlier) and makes as many entities as there
are training ones. What it used is in the file; preparation that a method's own limit does not count
may exceed it. *unseen* are the entities that judge, as if a method had made them: the floor.

Figures are those of `benchmarks.panel_measures.judge`; of *generated* also how far the made
entities are from the known laws, in units of sampling error (`benchmarks.panel_truth`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.data import read_csv
from benchmarks.markdown import cell, head, line
from benchmarks.methods import RunFailedError, python_of
from benchmarks.panel_data import PANELS, load_panel
from benchmarks.panel_measures import judge
from benchmarks.panel_truth import FIGURES as LAWS
from benchmarks.sequence_methods import SEQUENCE_METHODS, Panel, run_sequence_method

Row = dict[str, Any]

RESULTS = HERE / "results" / "panels.jsonl"
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "sdmetrics")
UNSEEN = "unseen"
KEY = ("set", "entities", "method", "seed", "minutes", "threads")
# Key of a figure: its heading and format.
FIGURES = {
    "c2st_train": ("C2ST", ".3f"),
    "c2st_holdout": ("C2ST hold-out", ".3f"),
    "copies": ("copies", ".3f"),
    "msas_mean": ("MSAS mean", ".3f"),
    "msas_sd": ("MSAS sd", ".3f"),
    "inter_row": ("InterRowMSAS", ".3f"),
    "length_similarity": ("length similarity", ".3f"),
    "lengths": ("lengths TV", ".3f"),
    "transitions": ("transitions TV", ".3f"),
    "standstill": ("standstill", ".3f"),
    "fit_seconds": ("fit s", ".0f"),
    "sample_seconds": ("sample s", ".1f"),
    "fit_cpu_seconds": ("fit CPU s", ".0f"),
    "peak_gb": ("GB", ".2f"),
}
TRUTHS = {f"truth_{name}": (name, ".2f") for name in LAWS}


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None and set(arguments.panels) != {"generated"}:
            sys.exit("benchmarks/panels.py needs --data DIR, the folder with timeseries/.")
        run_all(arguments)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds timeseries/")
    parser.add_argument("--panels", nargs="+", default=PANELS, choices=PANELS)
    parser.add_argument("--methods", nargs="+", default=["tabdiff"], choices=[*SEQUENCE_METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--minutes", type=float, default=5, help="of processor time for a fit")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--entities", type=int, help="keep so many of all: a quick look")
    parser.add_argument("--time-limit", type=float, default=120, help="minutes a run may take")
    parser.add_argument("--envs", type=Path, default=cache / "tabdiff-benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def run_all(arguments: argparse.Namespace) -> None:
    """Every run that the file lacks; environments first, so that none is missing halfway."""
    pythons = {name: python_of(SEQUENCE_METHODS[name].environment, arguments.envs)
               for name in arguments.methods}  # fmt: skip
    for name in arguments.panels:
        panel = load_panel(name, arguments.data, arguments.entities)
        # The floor depends on neither seed nor minutes.
        _run_once(panel, UNSEEN, 0, None, arguments)
        for method in arguments.methods:
            for seed in arguments.seeds:
                _run_once(panel, method, seed, pythons[method], arguments)


def _run_once(
    panel: Panel, method: str, seed: int, python: Path | None, arguments: argparse.Namespace
) -> None:
    """Append one run, unless the file holds it."""
    n = panel.train[panel.layout.key].nunique()
    asked = None if method == UNSEEN else arguments.minutes
    values = (panel.name, n, method, seed, asked, arguments.threads)
    row: Row = dict(zip(KEY, values, strict=True))
    if any(all(row[k] == done[k] for k in KEY) for done in read_results(arguments.results)):
        print(f"{panel.name} {method} seed {seed}: done before", file=sys.stderr)
        return
    row |= {"rows": len(panel.train)} | circumstances(arguments.threads, LIBRARIES)
    if python is None:
        row |= _judged(panel, panel.test) | {"c2st_holdout": None}
    else:
        row |= _made_and_judged(panel, method, seed, python, arguments)
    append_result(arguments.results, row)
    outcome = row.get("error", f"C2ST {row.get('c2st_train')}")
    print(f"{panel.name} {method} seed {seed}: {outcome}", file=sys.stderr)


def _made_and_judged(
    panel: Panel, method: str, seed: int, python: Path, arguments: argparse.Namespace
) -> Row:
    """Cost and figures of one run, or its error."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            cost = run_sequence_method(
                method, panel, seed, python, folder, arguments.threads, arguments.minutes,
                60 * arguments.time_limit,
            )  # fmt: skip
        except RunFailedError as problem:
            return {"error": str(problem)}
        return cost | _judged(panel, read_csv(folder / "synthetic.csv"))


def _judged(panel: Panel, synthetic: pd.DataFrame) -> Row:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figures: Row = judge(panel, synthetic)
    return figures | {"judge_warnings": sorted({str(one.message) for one in caught})}


# ---- report ----


def render(rows: list[Row]) -> str:
    """One table per panel: the floor first, then a line per method; medians over seeds."""
    lines = ["# Panels", "", *__doc__.split("\n\n", 3)[3].splitlines(), ""]
    for name, entities in dict.fromkeys((row["set"], row["entities"]) for row in rows):
        here = [row for row in rows if (row["set"], row["entities"]) == (name, entities)]
        lines += [f"## {name}: {entities:,} entities, {here[0]['rows']:,} rows", ""]
        lines += table(here, FIGURES)
        if name == "generated":
            lines += ["", "Distance from the laws in units of sampling error:", ""]
            lines += table(here, TRUTHS)
        lines.append("")
    lines += dict.fromkeys(told(row) for row in rows)
    lines += dict.fromkeys(
        f"{label(row['method'])}: {_versions(row)}." for row in rows if _versions(row)
    )
    return "\n".join(lines) + "\n"


def table(rows: list[Row], figures: dict[str, tuple[str, str]]) -> list[str]:
    """A line per method and minutes; how many of its runs came to an end, and why not."""
    lines = head(["method", "min", "seeds", *(heading for heading, _ in figures.values())])
    runs = dict.fromkeys((row["method"], row["minutes"]) for row in rows)
    for method, minutes in sorted(runs, key=lambda run: (_place(run[0]), run[1] or 0)):
        own = [row for row in rows if (row["method"], row["minutes"]) == (method, minutes)]
        done = [row for row in own if "error" not in row]
        count = str(len(own))
        if len(done) < len(own):
            errors = "; ".join(dict.fromkeys(row["error"] for row in own if "error" in row))
            count = f"{len(done)} of {count}: {errors}".replace("|", "\\|")
        cells = [cell([row.get(key) for row in done], form) for key, (_, form) in figures.items()]
        lines.append(line([label(method), cell([minutes], "g"), count, *cells]))
    return lines


def label(method: str) -> str:
    """For people."""
    return "*unseen real*" if method == UNSEEN else SEQUENCE_METHODS[method].label


def _place(method: str) -> int:
    return [UNSEEN, *SEQUENCE_METHODS].index(method)


def _versions(row: Row) -> str:
    used = row.get("method_versions", {})
    if row["method"] == UNSEEN or SEQUENCE_METHODS[row["method"]].environment is None:
        return ""
    return ", ".join(f"{name} {version}" for name, version in used.items())


if __name__ == "__main__":
    main()
