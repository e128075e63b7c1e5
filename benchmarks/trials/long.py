"""What long runs cost: memory of a large fit, of an endless sample, of many small lives.

    python -m benchmarks.trials.long fit --rows 1000000 --columns 20
    python -m benchmarks.trials.long stream --seconds 300
    python -m benchmarks.trials.long cycles --cycles 200

Each appends one line to `benchmarks/results/trials.jsonl`. A promise that is broken is a failure
of that line, and the command exits with 1.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials.record import record
from tabdiff import DiffusionSynthesizer

# What a fit may take beyond the frame that it is given: a cell is held as the frame's own value
# for a while, as a code of 8 bytes and a number of 4, and in the copy that trains.
BYTES_A_CELL = 32
FIT_FLOOR_MB = 250.0
# Of what an allocator keeps back between two looks.
SLACK_MB = 48.0
WANTED_ROWS = 100_000_000


@dataclass(frozen=True)
class Held:
    """What a process holds at one moment."""

    rss_mb: float
    objects: int
    threads: int
    files: int


def held() -> Held:
    """After a collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        pages * resource.getpagesize() / 2**20,
        len(gc.get_objects()),
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
    )


def wide_table(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Numbers, whole numbers and categories in turn, all shifted by one hidden number a row."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=rows)
    table: dict[str, Any] = {}
    for at in range(columns):
        noisy = hidden + rng.normal(size=rows)
        if at % 3 == 0:
            table[f"number {at}"] = noisy
        elif at % 3 == 1:
            table[f"whole {at}"] = np.rint(20 * noisy).astype(np.int64)
        else:
            levels = np.array([f"level {k}" for k in range(9)])
            table[f"category {at}"] = levels[np.clip(np.rint(2 * noisy + 4), 0, 8).astype(int)]
    return pd.DataFrame(table)


def brief(max_steps: int | None = 20) -> DiffusionSynthesizer:
    """A synthesizer of the default size that is trained for so many steps."""
    return DiffusionSynthesizer(max_steps=max_steps, random_state=0, verbose=0)


def broken_memory(before: list[Held], after: list[Held], slack_mb: float = SLACK_MB) -> list[str]:
    """What grew between two stretches of one run, of which nothing should."""
    told = []
    grown = _median(after, "rss_mb") - _median(before, "rss_mb")
    if grown > slack_mb:
        told.append(f"resident memory grew by {grown:.0f} MB")
    for name in ("threads", "files", "objects"):
        more = _median(after, name) - _median(before, name)
        if more > (200 if name == "objects" else 0):
            told.append(f"{more:.0f} more {name}")
    return told


def fit(
    rows: int, columns: int, seed: int, max_steps: int | None = None
) -> tuple[list[str], dict[str, Any]]:
    """Peak memory of one fit beyond the frame's own."""
    table = wide_table(rows, columns, seed)
    brief().fit(table.head(1000))
    before = held().rss_mb
    began = time.perf_counter()
    synth = brief(max_steps).fit(table)
    fitted = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    frame = float(table.memory_usage(deep=True).sum()) / 2**20
    bound = FIT_FLOOR_MB + rows * columns * BYTES_A_CELL / 2**20
    figures = {
        "rows": rows, "columns": columns, "frame_mb": round(frame), "before_mb": round(before),
        "extra_mb": round(peak - before), "bound_mb": round(bound),
        "fit_seconds": round(fitted, 1), "steps": int(synth.history_["step"].iloc[-1]),
    }  # fmt: skip
    over = peak - before - bound
    return [f"{over:.0f} MB over the bound"] if over > 0 else [], figures


def stream(seconds: float, seed: int) -> tuple[int, list[str], dict[str, Any]]:
    """Rows of `sample_iter` until the time is over, and the memory held between its frames."""
    synth = brief().fit(wide_table(5_000, 10, seed))
    looks: list[Held] = []
    rows, began = 0, time.perf_counter()
    for frame in synth.sample_iter(WANTED_ROWS, chunk=20_000):
        rows += len(frame)
        del frame
        looks.append(held())
        used = time.perf_counter() - began
        print(f"\r{rows} rows, {looks[-1].rss_mb:.0f} MB", end="", file=sys.stderr)
        if used > seconds:
            break
    first, last = _ends(looks)
    figures = {
        "columns": 10, "rows_a_second": round(rows / used),
        "first_mb": round(_median(first, "rss_mb")), "last_mb": round(_median(last, "rss_mb")),
        "hours_of_100_million_rows": round(WANTED_ROWS / rows * used / 3600, 1),
    }  # fmt: skip
    return rows, broken_memory(first, last), figures


def lives(seed: int) -> Iterator[Held]:
    """What is held after each of endless lives: fit, sample, be forgotten."""
    while True:
        # A new one each time: pandas notes every view of a frame in that frame until 500 are dead.
        table = wide_table(300, 6, seed)
        DiffusionSynthesizer(
            max_steps=5, width=16, depth=1, sampling_steps=3, random_state=seed, verbose=0
        ).fit(table).sample(50)
        yield held()


def cycles(n: int, seed: int) -> tuple[list[str], dict[str, Any]]:
    """Memory, objects, threads and files after the first and the last of ``n`` lives."""
    looks = []
    for at, look in zip(range(n), lives(seed), strict=False):
        looks.append(look)
        print(f"\r{at + 1} of {n}, {look.rss_mb:.0f} MB", end="", file=sys.stderr)
    first, last = _ends(looks)
    figures = {"after_a_quarter": asdict(first[-1]), "at_the_end": asdict(last[-1])}
    return broken_memory(first, last), figures


def _ends(looks: list[Held]) -> tuple[list[Held], list[Held]]:
    """The second quarter of a run, after all is warm, and the last."""
    quarter = max(len(looks) // 4, 1)
    return looks[quarter : 2 * quarter] or looks, looks[-quarter:]


def _median(looks: list[Held], name: str) -> float:
    return float(np.median([getattr(look, name) for look in looks]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "stream", "cycles"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.perf_counter()
    if asked.what == "fit":
        cases = 1
        failures, figures = fit(asked.rows, asked.columns, asked.seed)
    elif asked.what == "stream":
        cases, failures, figures = stream(asked.seconds, asked.seed)
    else:
        cases = asked.cycles
        failures, figures = cycles(cases, asked.seed)
    record(f"long: {asked.what}", asked.seed, cases, failures, time.perf_counter() - began, figures)
    print("\n", failures or "held", figures, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
