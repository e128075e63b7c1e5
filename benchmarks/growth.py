"""How cost grows with rows and with columns, and how much of a fit is the network itself.

    python -m benchmarks.growth
    python -m benchmarks.growth --report    # only the Markdown and the picture again

Generated tables, half of the columns numbers and half categories of 2 to 50 levels, all of them
moved by four hidden normals. Each table is fitted for a fixed number of optimiser steps in a
process of its own, and 10,000 rows are sampled. Beside the seconds of a step stands what a bare
forward and backward pass of the same network on a batch of the same size takes: nothing but the
sum of its answers, no noise, no loss, no optimiser. Cases that the file holds are skipped.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.circumstances import HERE, append_result, circumstances, read_results
from benchmarks.cost import watched
from benchmarks.markdown import head, line
from benchmarks.rivals.contract import Fitted, Task

RESULTS = HERE / "results" / "growth.jsonl"
PICTURE = HERE.parent / "docs" / "images" / "growth.svg"
ROWS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
COLUMNS = (10, 20, 50, 100, 200, 500)
USUAL_ROWS, USUAL_COLUMNS = 20_000, 20
STEPS, SAMPLED, PASSES = 300, 10_000, 30
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")


def generated(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Columns moved by four hidden normals, numbers and categories in turn."""
    rng = np.random.default_rng([n_rows, n_columns])
    hidden = rng.normal(size=(n_rows, 4))
    columns: dict[str, Any] = {}
    for at in range(n_columns):
        signal = hidden @ rng.normal(size=4) + rng.normal(size=n_rows)
        if at % 2 == 0:
            columns[f"x{at}"] = signal
        else:
            levels = int(rng.integers(2, 51))
            edges = np.quantile(signal, np.sort(rng.random(levels - 1)))
            columns[f"c{at}"] = np.array([f"v{k}" for k in range(levels)])[
                edges.searchsorted(signal)
            ]
    return pd.DataFrame(columns)


def measure(n_rows: int, n_columns: int) -> dict[str, Any]:
    """What one table costs, in this process."""
    frame = generated(n_rows, n_columns)
    steps: list[float] = []
    _, cost = watched(lambda task: _fit(task, steps), Task(frame, {}, "", 0), SAMPLED)
    return {"rows": n_rows, "columns": n_columns} | cost | {
        "frame_gb": round(frame.memory_usage(deep=True).sum() / 2**30, 3),
        "step_ms": round(1000 * steps[0], 2),
        "bare_ms": round(1000 * steps[1], 2),
    }  # fmt: skip


def _fit(task: Task, steps: list[float]) -> Fitted:
    from tabdiff import DiffusionSynthesizer

    synth = DiffusionSynthesizer(max_steps=STEPS, random_state=0, verbose=0).fit(task.train)
    last = synth.history_.iloc[-1]
    steps += [last["seconds"] / last["step"], _bare(synth, len(task.train))]
    return Fitted(synth.sample, {"parameters": synth.n_parameters_})


def _bare(synth: Any, n_rows: int) -> float:
    """Seconds of one forward and backward pass, and of nothing else."""
    import torch

    from tabdiff.training.hardware import autocast_for
    from tabdiff.training.settings import default_batch

    joint, denoiser = synth._fitted.joint, synth.denoiser_.train()
    batch = default_batch(n_rows)
    generator = torch.Generator().manual_seed(0)
    x = joint.prior((batch,), generator)
    _, known = joint.unknown(batch)
    t = torch.rand(batch, generator=generator)
    autocast = autocast_for(torch.device("cpu"))
    for passes in range(PASSES + 5):
        if passes == 5:
            began = time.perf_counter()
        with autocast():
            seen = denoiser(x, t, known)
        (seen.num.sum() + seen.logits.sum()).backward()
        denoiser.zero_grad(set_to_none=True)
    denoiser.eval()
    return (time.perf_counter() - began) / PASSES


# ------------------------------------------------------------------------------------- the command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs=2, type=int, metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--report", action="store_true", help="only Markdown and picture again")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    asked = parser.parse_args()
    if asked.case:
        print("\n" + json.dumps(measure(*asked.case)))
        return
    if not asked.report:
        _run_all(asked.results)
    rows = read_results(asked.results)
    asked.results.with_suffix(".md").write_text(page(rows), encoding="utf-8")
    asked.picture.write_text(draw(rows), encoding="utf-8")
    print(page(rows))


def _run_all(results: Path) -> None:
    import torch

    cases = [(n, USUAL_COLUMNS) for n in ROWS] + [(USUAL_ROWS, d) for d in COLUMNS]
    done = {(row["rows"], row["columns"]) for row in read_results(results)}
    for case in cases:
        if case in done:
            continue
        command = [sys.executable, "-m", "benchmarks.growth", "--case", *map(str, case)]
        told = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
        row = json.loads(told.stdout.strip().splitlines()[-1])
        append_result(results, row | circumstances(torch.get_num_threads(), LIBRARIES))
        print(row, file=sys.stderr, flush=True)


def page(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    heads = ["rows", "columns", "fit s", "ms a step", "bare ms", "bare of step", "sample s", "GB"]
    cells = [
        [
            f"{row['rows']:,}",
            str(row["columns"]),
            f"{row['fit_seconds']:.1f}",
            f"{row['step_ms']:.1f}",
            f"{row['bare_ms']:.1f}",
            f"{row['bare_ms'] / row['step_ms']:.0%}",
            f"{row['sample_seconds']:.1f}",
            f"{row['peak_gb']:.2f}",
        ]
        for row in rows
    ]
    lines = ["# How cost grows", "", *head(heads), *(line(own) for own in cells)]
    return "\n".join(lines) + "\n"


# ------------------------------------------------------------------------------------- the picture

WIDTH, HEIGHT, LEFT, TOP, GAP = 340, 220, 50, 60, 70
CURVES = (
    ("fit_seconds", "seconds to fit 300 steps", "#1f3fb5"),
    ("sample_seconds", "seconds to sample 10,000 rows", "#e8622c"),
    ("peak_gb", "peak memory, GB", "#3ca951"),
)


def draw(rows: list[dict[str, Any]]) -> str:
    """Cost against rows and against columns, both axes logarithmic, as an SVG's text."""
    width = 2 * (LEFT + WIDTH) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 50}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for at, (_, label, colour) in enumerate(CURVES):
        x = LEFT + at * 240
        parts.append(f'<circle cx="{x}" cy="20" r="4.5" fill="{colour}"/>')
        parts.append(f'<text x="{x + 12}" y="24">{label}</text>')
    kept = {"rows": "columns", "columns": "rows"}
    usual = {"rows": USUAL_ROWS, "columns": USUAL_COLUMNS}
    for place, grows in enumerate(("rows", "columns")):
        other = kept[grows]
        own = sorted(
            (row for row in rows if row[other] == usual[other]), key=lambda row: row[grows]
        )
        left = LEFT + place * (WIDTH + LEFT + GAP)
        parts.append(f'<g transform="translate({left} {TOP})">')
        parts += [*_panel(own, grows, f"{grows}, {usual[other]:,} {other}"), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(rows: list[dict[str, Any]], grows: str, label: str) -> list[str]:
    ends = [math.log10(rows[at][grows]) for at in (0, -1)]
    values = [row[key] for row in rows for key, _, _ in CURVES]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def across(value: float) -> float:
        return WIDTH * (math.log10(value) - ends[0]) / (ends[1] - ends[0])

    def down(value: float) -> float:
        return HEIGHT * (1 - (math.log10(value) - low) / (high - low))

    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f4f5f7"/>']
    parts.append(f'<text x="{WIDTH}" y="{HEIGHT + 36}" text-anchor="end">{label}</text>')
    for power in range(low, high + 1):
        y = down(10.0**power)
        parts.append(f'<path d="M0 {y:.1f}h{WIDTH}" stroke="white"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for row in rows:
        if math.log10(row[grows]) % 1 and row is not rows[-1]:
            continue
        x = across(row[grows])
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT + 18}" text-anchor="middle">{row[grows]:,}</text>'
        )
    for key, _, colour in CURVES:
        points = [(across(row[grows]), down(row[key])) for row in rows]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    return parts


if __name__ == "__main__":
    main()
