"""Whether tables larger than memory are learned in little of it, and as well as those that fit.

    python -m benchmarks.out_of_core large --rows 20000000 --folder /big/disk
    python -m benchmarks.out_of_core alike --data ../shared/data
    python -m benchmarks.out_of_core report    # only the Markdown again

*large* writes a generated table of 20 columns to Parquet files of a million rows, fits a small
network to them and samples a million rows back into a folder of Parquet files, each in a process of
its own whose peak of resident memory is recorded; then it removes the files. *alike* fits real
tables from frames, from pieces, and from pieces with sketches in the place of exact counts (which
so small tables would not need), for equally few steps, and judges the samples.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.circumstances import HERE, append_result, circumstances, read_results, told
from benchmarks.cost import _peak_gb
from benchmarks.data import load
from benchmarks.markdown import cell, head, line

RESULTS = HERE / "results" / "out_of_core.jsonl"
FILE_ROWS = 1_000_000
STEPS, WIDTH, DEPTH, CALLS = 300, 64, 1, 16
ALIKE_STEPS = 600
LIBRARIES = ("torch", "numpy", "pandas", "pyarrow", "datasketches")
# Where exact counts are to end, in the arm of *alike* that is to try the sketches.
FEW = 300
ARMS = ("in memory", "in pieces", "in pieces, sketched")


# --------------------------------------------------------------------------------------- the large


def generated(n_rows: int, number: int) -> Any:
    """One file's rows, a pyarrow table: columns of many kinds, moved by four hidden normals."""
    import pyarrow as pa

    rng = np.random.default_rng([number, 7])
    weights = np.random.default_rng(0).normal(size=(4, 18))
    hidden = rng.normal(size=(n_rows, 4))
    ids = range(number * FILE_ROWS + 1, number * FILE_ROWS + n_rows + 1)
    columns: dict[str, Any] = {"row_id": [f"R-{k:010d}" for k in ids]}

    def signal(at: int) -> np.ndarray:
        return hidden @ weights[:, at] + rng.normal(size=n_rows)

    for at in range(6):
        columns[f"measure_{at}"] = signal(at)
    columns["amount"] = np.round(np.exp(signal(6) / 2 + 4), 2)
    columns["balance"] = np.where(rng.random(n_rows) < 0.2, 0.0, np.round(100 * signal(7), 1))
    columns["age"] = np.clip(40 + 6 * signal(8), 18, 99).astype(np.int64)
    columns["visits"] = rng.poisson(np.exp(np.clip(signal(9) / 3, -3, 3)))
    seconds = (1.7e9 + 3e6 * signal(10)).astype(np.int64)
    columns["seen_at"] = pa.array(seconds * 1_000, type=pa.timestamp("ms"))
    gaps = rng.random(n_rows) < 0.1
    columns["score"] = pa.array(signal(11), mask=gaps)
    for at, levels in zip(range(12, 17), (2, 5, 12, 30, 50), strict=True):
        edges = np.linspace(-4, 4, levels + 1)[1:-1]
        columns[f"group_{levels}"] = _labels("g", edges.searchsorted(signal(at)), levels)
    rank = np.minimum(rng.zipf(1.2, size=n_rows), 500) - 1
    columns["product"] = _labels("product-", rank, 500)
    columns["is_open"] = signal(17) > 0
    return pa.table(columns)


def _labels(name: str, codes: np.ndarray, n_levels: int) -> Any:
    import pyarrow as pa

    names = pa.array([f"{name}{k}" for k in range(n_levels)])
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names).cast(pa.string())


def write_large(folder: Path, n_rows: int) -> dict[str, Any]:
    """The files of the large table."""
    from pyarrow import parquet

    began = time.perf_counter()
    for number, first in enumerate(range(0, n_rows, FILE_ROWS)):
        rows = generated(min(FILE_ROWS, n_rows - first), number)
        parquet.write_table(rows, folder / f"part-{number:05d}.parquet")
    size = sum(path.stat().st_size for path in folder.iterdir())
    seconds = round(time.perf_counter() - began, 1)
    return {"columns": rows.num_columns, "parquet_gb": round(size / 2**30, 2), "seconds": seconds}


def fit_large(folder: Path, model: Path) -> dict[str, Any]:
    """Fit and save, in this process."""
    from tabdiff import DiffusionSynthesizer

    before = _peak_gb()
    synth = DiffusionSynthesizer(
        max_steps=STEPS, width=WIDTH, depth=DEPTH, sampling_steps=CALLS, random_state=0, verbose=0
    )
    synth.fit(str(folder / "*.parquet"))
    synth.save(model)
    looks = synth.history_
    return {
        "n_rows": synth.n_rows_seen_,
        "steps": STEPS,
        "fit_seconds": round(synth.fit_seconds_, 1),
        "training_seconds": round(float(looks["seconds"].iloc[-1]), 1),
        "kinds": {c.name: c.kind for c in synth.schema_.columns},
        "imports_gb": round(before, 2),
        "peak_gb": round(_peak_gb(), 2),
    }


def sample_large(model: Path, folder: Path, n_rows: int) -> dict[str, Any]:
    """Sample into a folder of Parquet files, in this process, as the command line does."""
    from tabdiff import DiffusionSynthesizer
    from tabdiff.files import write_table

    synth = DiffusionSynthesizer.load(model)
    began = time.perf_counter()
    written = write_table(f"{folder}/", synth.sample_iter(n_rows, random_state=0))
    return {
        "n_rows": written,
        "files": len(list(folder.iterdir())),
        "sample_seconds": round(time.perf_counter() - began, 1),
        "peak_gb": round(_peak_gb(), 2),
    }


def run_large(
    n_rows: int, sampled: list[int], folder: Path | None, threads: int, results: Path
) -> None:
    """Write, fit and sample, and remove the files."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        data, model = Path(scratch, "data"), Path(scratch, "model.tabdiff")
        data.mkdir()
        row: dict[str, Any] = {"question": "large", "rows": n_rows} | circumstances(
            threads, LIBRARIES
        )
        row["data"] = write_large(data, n_rows)
        row["fit"] = _in_a_process("fit", str(data), str(model))
        samples: list[dict[str, Any]] = []
        for n in sampled:
            made = Path(scratch, "made")
            samples.append(_in_a_process("sample", str(model), str(made), str(n)))
            shutil.rmtree(made)
        append_result(results, row | {"samples": samples})


def _in_a_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.out_of_core", "worker", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --------------------------------------------------------------------------------------- the alike


def run_alike(data: Path, sets: list[str], seeds: list[int], threads: int, results: Path) -> None:
    """Every arm, set and seed that the file lacks."""
    done = {(r["set"], r["arm"], r["seed"]) for r in read_results(results) if "arm" in r}
    for name in sets:
        for seed in seeds:
            for arm in ARMS:
                if (name, arm, seed) in done:
                    continue
                row = {"question": "alike", "set": name, "arm": arm, "seed": seed}
                row |= circumstances(threads, LIBRARIES) | compared(data, name, arm, seed)
                append_result(results, row)


def compared(data: Path, name: str, arm: str, seed: int) -> dict[str, Any]:
    """One fit and its figures."""
    from tabdiff import DiffusionSynthesizer, evaluate
    from tabdiff.data import summary

    table = load(data / "tabular" / name)
    source: Any = table.train
    exact = summary.EXACT
    if arm != ARMS[0]:
        source = [table.train[at : at + 5_000] for at in range(0, len(table.train), 5_000)]
    if arm == ARMS[2]:
        summary.EXACT = FEW
    synth = DiffusionSynthesizer(max_steps=ALIKE_STEPS, random_state=seed, verbose=0)
    try:
        synth.fit(source)
    finally:
        summary.EXACT = exact
    made = synth.sample(len(table.train), random_state=seed)
    report = evaluate(table.train, made, table.test, target=table.target)
    scores = {score.key: score for score in report.card}
    keys = [key for key in scores if key.startswith("c2st")]
    return {
        "steps": ALIKE_STEPS,
        "held_out_loss": float(synth.history_["validation_loss"].min()),
        "fit_seconds": round(synth.fit_seconds_, 1),
    } | {key: scores[key].value for key in keys if key in scores}


# -------------------------------------------------------------------------------------- the report


def report(rows: list[dict[str, Any]]) -> str:
    """The page."""
    return "\n".join([*_of_large(rows), "", *_of_alike(rows)]) + "\n"


def _of_large(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "# Tables larger than memory"
    yield ""
    yield from head(
        (
            "rows",
            "columns",
            "Parquet GB",
            "fit s",
            "of it training",
            "peak GB fitting",
            "rows sampled",
            "sample s",
            "peak GB sampling",
        )
    )
    for row in rows:
        if row["question"] == "large":
            data, fit = row["data"], row["fit"]
            cells = [f"{row['rows']:,}", data["columns"], data["parquet_gb"], fit["fit_seconds"]]
            cells += [fit["training_seconds"], fit["peak_gb"]]
            for made in row["samples"]:
                own = [f"{made['n_rows']:,}", made["sample_seconds"], made["peak_gb"]]
                yield line([str(one) for one in [*cells, *own]])
    yield ""
    yield f"{STEPS} steps of a network of width {WIDTH} and depth {DEPTH}, {CALLS} calls a row;"
    yield "peaks are of resident memory (VmHWM) of the whole process, its imports included."
    yield from (told(row) for row in rows if row["question"] == "large")


def _of_alike(rows: list[dict[str, Any]]) -> Iterator[str]:
    found = [row for row in rows if row["question"] == "alike"]
    keys = [key for key in found[0] if key.startswith("c2st")] if found else []
    yield from head(["set", "arm", "seeds", "held-out loss", *keys])
    for name in dict.fromkeys(row["set"] for row in found):
        for arm in ARMS:
            own = [row for row in found if (row["set"], row["arm"]) == (name, arm)]
            seeds = " ".join(str(row["seed"]) for row in own)
            figures = [cell([row.get(key) for row in own], ".3f") for key in keys]
            loss = cell([row["held_out_loss"] for row in own], ".3f")
            yield line([name, arm, seeds, loss, *figures])
    yield ""
    yield f"{ALIKE_STEPS} steps; sketched: exact counts end at {FEW} different values a column."
    yield from dict.fromkeys(told(row) for row in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=("large", "alike", "report", "worker"))
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--sampled", nargs="+", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where the large table goes for the while")
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=["adult", "california"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.question == "worker":
        what, *rest = asked.arguments
        if what == "fit":
            print("\n" + json.dumps(fit_large(Path(rest[0]), Path(rest[1]))))
        else:
            print("\n" + json.dumps(sample_large(Path(rest[0]), Path(rest[1]), int(rest[2]))))
        return
    if asked.question == "large":
        run_large(asked.rows, asked.sampled, asked.folder, asked.threads, asked.results)
    elif asked.question == "alike":
        if asked.data is None:
            sys.exit("benchmarks.out_of_core alike needs --data DIR, with tabular/<set>/.")
        run_alike(asked.data, asked.sets, asked.seeds, asked.threads, asked.results)
    rows = read_results(asked.results)
    asked.results.with_suffix(".md").write_text(report(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
