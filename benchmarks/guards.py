"""What guards take out: rows that equal a training row, rare categories and extreme numbers.

Each table is learned without guards and with them, and ten times its rows are sampled. Copies are
counted here by the printed cells of all columns, not by the library; *taken out* counts sampled
cells that hold a category of too few training rows, or a number beyond the percentiles. Without
the two columns of fine numbers *insurance* has few combinations, as many tables of people do. One
line per table and seed is appended to a result file; what the file holds is not run again.

    python -m benchmarks.guards --data ../shared/data
    python -m benchmarks.guards --report    # only the table again, into guards.md
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.circumstances import (
    append_result,
    circumstances,
    read_results,
    read_set,
    told,
)
from benchmarks.markdown import head, line
from tabdiff import DiffusionSynthesizer, SchemaWarning

RESULTS = Path(__file__).parent / "results" / "guards.jsonl"
# Set and columns that are left out.
TABLES = {"insurance": (), "insurance, coarse": ("bmi", "charges"), "heart": ()}
TIMES = 10
LEAST, PERCENTILES = 5, (0.5, 99.5)
LIBRARIES = ("torch", "numpy", "pandas")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--max-steps", type=int, default=300)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    arguments = parser.parse_args()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/guards.py needs --data DIR, the folder with tabular/<set>/.")
        for name in TABLES:
            for seed in arguments.seeds:
                _run(name, seed, arguments)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    if (name, seed) in {(row["table"], row["seed"]) for row in read_results(arguments.results)}:
        return
    train = read_set(arguments.data, name.split(",")[0]).train.drop(columns=[*TABLES[name]])
    row: dict[str, Any] = {"table": name, "seed": seed, "rows": len(train)}
    row |= {"sampled": TIMES * len(train), "max_steps": arguments.max_steps}
    for column in ("without", "with"):
        guards: dict[str, Any] = {}
        if column == "with":
            guards = {"min_category_count": LEAST, "clip_percentiles": PERCENTILES}
            guards["exclude_copies"] = True
        synth = DiffusionSynthesizer(
            max_steps=arguments.max_steps, random_state=seed, device="cpu", verbose=0, **guards
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SchemaWarning)
            synth.fit(train)
        began = time.process_time()
        made = synth.sample(TIMES * len(train), random_state=seed)
        row[column] = {
            "copies": copies(made, train),
            "taken_out": taken_out(made, train),
            "redrawn": synth.copies_redrawn_,
            "seconds": round(time.process_time() - began, 2),
        }
    append_result(arguments.results, row | circumstances(torch.get_num_threads(), LIBRARIES))
    print(f"{name} seed {seed}: {row['without']} {row['with']}", file=sys.stderr)


def copies(made: pd.DataFrame, train: pd.DataFrame) -> int:
    """How many rows print as a training row does."""
    known, asked = (["\t".join(map(str, row)) for row in f.to_numpy(object)] for f in (train, made))
    return int(np.isin(asked, known).sum())


def taken_out(made: pd.DataFrame, train: pd.DataFrame) -> int:
    """How many cells hold a rare category or a number beyond the percentiles."""
    found = 0
    for column in train:
        if train[column].dtype.kind in "iuf":
            low, high = np.percentile(train[column].dropna(), PERCENTILES, method="nearest")
            found += int(((made[column] < low) | (made[column] > high)).sum())
        else:
            counts = train[column].value_counts()
            found += int(made[column].isin(counts.index[counts < LEAST]).sum())
    return found


def render(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    names = ("table", "seed", "rows", "sampled", "copies without / with", "drawn anew")
    lines = head([*names, "cells taken out, without / with", "processor s without / with"])
    for row in rows:
        both = row["without"], row["with"]
        cells = [row["table"], *(f"{row[name]:,}" for name in ("seed", "rows", "sampled"))]
        cells.append(" / ".join(f"{one['copies']:,}" for one in both))
        cells.append(f"{row['with']['redrawn']:,}")
        cells += [" / ".join(str(one[name]) for one in both) for name in ("taken_out", "seconds")]
        lines.append(line(cells))
    said = dict.fromkeys(f"{told(row)} {row['max_steps']:,} steps." for row in rows)
    return "\n".join([*lines, "", *said, ""])


if __name__ == "__main__":
    main()
