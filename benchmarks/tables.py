"""How good, fast and private tabdiff's defaults are on real tables.

Runs data set x seed, each fit and sample in a process of its own so that seconds and peak memory
are its own, judges what came out after a trip through CSV, and appends one line per run to a
result file. Runs that the file already holds are skipped, so an interrupted benchmark goes on.

    python benchmarks/tables.py --data ../shared/data --sets adult default --seeds 0 1 2
    python benchmarks/tables.py --report    # only the tables again: all columns into tables.md,
                                            # the brief ones of the README printed

A folder of a data set holds train.csv.gz, test.csv.gz and meta.json (target and column roles). The
test rows judge and are never seen by a fit.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tables.jsonl"
SETS = (
    "adult", "default", "beijing", "bank", "california", "insurance", "heart", "taxis",
    "communities", "hotel",
)  # fmt: skip
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "sdmetrics", "xgboost")
# Key of a figure: its heading, its format, and whether it stands in the brief table too.
COLUMNS = {
    "c2st_sdmetrics": ("C2ST", ".3f", True),
    "c2st": ("C2ST native", ".3f", True),
    "c2st_holdout": ("C2ST hold-out", ".3f", True),
    "c2st_train": ("C2ST as many train", ".3f", True),
    "c2st_holdout_floor": ("C2ST real", ".3f", False),
    "shape_error": ("Shape %", ".2f", True),
    "shape_error_floor": ("Shape floor %", ".2f", False),
    "trend_error_fixed": ("Trend %", ".2f", True),
    "trend_floor": ("Trend floor %", ".2f", True),
    "utility": ("synthetic → real", ".3f", True),
    "utility_real": ("real → real", ".3f", True),
    "memorisation_excess": ("Memory", ".3f", True),
    "copies": ("Copies %", ".2f", True),
    "copies_floor": ("Copies floor %", ".2f", False),
    "fit_seconds": ("fit s", ".0f", True),
    "sample_seconds": ("sample s", ".1f", True),
    "cpu_seconds": ("CPU s", ".0f", False),
    "peak_gb": ("GB", ".2f", True),
}


def main() -> None:
    arguments = _arguments()
    if arguments.worker:
        _work(arguments)
        return
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/tables.py needs --data DIR, the folder with tabular/<set>/.")
        for name in arguments.sets:
            for seed in arguments.seeds:
                _run(name, seed, arguments)
    rows = _read(arguments.results)
    arguments.results.with_suffix(".md").write_text(render(rows), encoding="utf-8")
    print(render(rows, brief=True))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    """One line of the result file, unless it is there."""
    done = {(row["set"], row["seed"]) for row in _read(arguments.results)}
    if (name, seed) in done:
        print(f"{name} seed {seed}: done before", file=sys.stderr)
        return
    folder = arguments.data / "tabular" / name
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "synthetic.csv"
        command = [sys.executable, __file__, "--worker", name, "--data", str(arguments.data)]
        command += ["--seeds", str(seed), "--threads", str(arguments.threads), "--out", str(out)]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        cost = json.loads(finished.stdout.splitlines()[-1])
        row = cost | _judge(folder, _read_csv(out))
    row |= {
        "set": name,
        "seed": seed,
        "threads": arguments.threads,
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": _versions(),
    }
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    with arguments.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(f"{name} seed {seed}: C2ST {row['c2st_sdmetrics']:.3f}", file=sys.stderr)


def _work(arguments: argparse.Namespace) -> None:
    """Fit, sample, write; print what it cost."""
    import torch

    from tabdiff import DiffusionSynthesizer, SchemaWarning

    torch.set_num_threads(arguments.threads)
    train = _read_csv(arguments.data / "tabular" / arguments.worker / "train.csv.gz")
    synth = DiffusionSynthesizer(random_state=arguments.seeds[0], verbose=0)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SchemaWarning)
        synth.fit(train)
    fitted = time.perf_counter()
    synthetic = synth.sample(len(train))
    sampled = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    synthetic.to_csv(arguments.out, index=False)
    cost = {
        "rows": len(train),
        "columns": train.shape[1],
        "parameters": synth.n_parameters_,
        "best_step": synth.best_step_,
        "stopped": synth.stopped_,
        "fit_seconds": round(fitted - began, 1),
        "sample_seconds": round(sampled - fitted, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_gb": round(usage.ru_maxrss / 2**20, 2),
        "warnings": [str(warning.message) for warning in caught],
    }
    print(json.dumps(cost))


def _judge(folder: Path, synthetic: pd.DataFrame) -> dict[str, Any]:
    from tabdiff import Schema, evaluate

    train, test = _read_csv(folder / "train.csv.gz"), _read_csv(folder / "test.csv.gz")
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    roles = {column["name"].replace("-", "."): column["role"] for column in meta["columns"]}
    kinds = {c: "categorical" for c in train if roles.get(c.replace("-", ".")) == "categorical"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        schema = Schema.infer(train, column_kinds=kinds)
        report = evaluate(train, synthetic, test, target=meta["target"], schema=schema)
    scores = {score.key: score for score in report.card}
    utility = scores.get("utility_auc") or scores.get("utility_rmse")
    row: dict[str, Any] = {key: score.value for key, score in scores.items()}
    row |= {f"{key}_floor": score.floor for key, score in scores.items()}
    row["trend_floor"] = row["trend_error_fixed_floor"]
    if utility is not None:
        row |= {"utility": utility.value, "utility_real": utility.floor}
    memory = scores["memorisation_excess"].interval
    row["memorisation_interval"] = memory
    row["judge_warnings"] = [str(warning.message) for warning in caught]
    return row


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def render(rows: list[dict[str, Any]], *, brief: bool = False) -> str:
    """A Markdown table: the median over seeds, with the range where there are several."""
    shown = {k: (head, form) for k, (head, form, both) in COLUMNS.items() if both or not brief}
    heads = " | ".join(head for head, _ in shown.values())
    lines = [f"| set | rows × columns | seeds | {heads} |", "|---" * (len(shown) + 3) + "|"]
    for name in dict.fromkeys(row["set"] for row in rows):
        runs = [row for row in rows if row["set"] == name]
        cells = [_cell([run.get(key) for run in runs], form) for key, (_, form) in shown.items()]
        size = f"{runs[0]['rows']:,} × {runs[0]['columns']}"
        lines.append(f"| {name} | {size} | {len(runs)} | " + " | ".join(cells) + " |")
    for made in dict.fromkeys(_circumstances(row) for row in rows):
        lines += ["", made]
    return "\n".join(lines) + "\n"


def _circumstances(row: dict[str, Any]) -> str:
    used = ", ".join(f"{name} {v}" for name, v in row["versions"].items())
    return f"{row['threads']} threads of {row['processor']}; Python {row['python']}, {used}."


def _cell(values: list[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    spread = f" ({min(known):{form}}–{max(known):{form}})" if len(known) > 1 else ""
    return f"{statistics.median(known):{form}}" + spread


def _versions() -> dict[str, str]:
    """Of tabdiff, with the commit where there is one, and of what the figures depend on."""
    import tabdiff

    asked = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    commit = f" ({asked.stdout.strip()})" if asked.returncode == 0 else ""
    own = {"tabdiff": tabdiff.__version__ + commit}
    return own | {library: version(library) for library in LIBRARIES}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
