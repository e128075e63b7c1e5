"""tabdiff in SDGym, the benchmark of the SDV project, beside SDV's own synthesizers.

SDGym 0.15.1 imports what SDV 2.0 no longer has, so it needs an environment with an older SDV. From
the root of the repository:

    python3.11 -m venv sdgym-environment
    sdgym-environment/bin/pip install --requirement benchmarks/rivals/sdgym.txt .
    sdgym-environment/bin/python -m benchmarks.in_sdgym --data ../shared/data --tables heart

A folder of a data set holds train.csv.gz, test.csv.gz and meta.json; SDGym gets the training rows.
It fetches sets of its own (`--sets adult child`) from a public S3 bucket. Sets of one's own in its
layout, FOLDER/single_table/<set>/ with data.zip (one CSV) and metadata.json (SDV's), need no
network either (`--folder FOLDER`).

One line per set and synthesizer is appended to a result file.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from sdgym import benchmark_single_table

from benchmarks.circumstances import (
    HERE,
    append_result,
    circumstances,
    read_results,
    read_set,
    told,
)
from benchmarks.markdown import head, line
from tabdiff import DiffusionSynthesizer, Schema
from tabdiff.integrations.sdgym import contestant, write_set

RESULTS = HERE / "results" / "sdgym.jsonl"
LIBRARIES = ("sdgym", "sdv", "sdmetrics", "torch", "pandas")
# SDGym's names of what is kept, and their formats. Its seconds are not: they are those of a clock,
# and its memory is that of Python's objects alone; `tables.py` measures both.
FIGURES = {
    "Quality_Score": ".3f",
    "Diagnostic_Score": ".3f",
    "Privacy_Score": ".3f",
    "Synthesizer_Size_MB": ".1f",
}


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as made:
        if arguments.tables:
            lay_out(arguments.data, arguments.tables, Path(made))
        folder = Path(made) if arguments.tables else arguments.folder
        found = compete(arguments, folder.resolve() if folder else None)
    print(found.to_string(index=False))
    where = circumstances(torch.get_num_threads(), LIBRARIES)
    failed = found.get("Error", pd.Series(index=found.index, dtype=object)).notna()
    for row in found[~failed].to_dict(orient="records"):
        append_result(arguments.results, _kept(row) | {"max_steps": arguments.max_steps} | where)
    text = render(read_results(arguments.results))
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    if failed.any():
        sys.exit(found[failed][["Dataset", "Synthesizer", "Error"]].to_string(index=False))


def lay_out(data: Path, tables: list[str], folder: Path) -> None:
    """The training rows of tables as sets of SDGym."""
    for name in tables:
        table = read_set(data, name)
        kinds = dict.fromkeys(table.categorical, "categorical")
        write_set(folder, name, table.train, Schema.infer(table.train, kinds))


def compete(arguments: argparse.Namespace, folder: Path | None) -> pd.DataFrame:
    """SDGym's results, a row per set and synthesizer."""
    own = DiffusionSynthesizer(max_steps=arguments.max_steps, random_state=0, verbose=0)
    # SDGym finds sets of one's own by their bare names, so only from where they lie. A timeout is
    # not given: it would run each fit in a new process, which does not know the custom class.
    with contextlib.chdir(folder / "single_table" if folder else Path.cwd()):
        return benchmark_single_table(
            synthesizers=list(arguments.beside),
            custom_synthesizers=[contestant(own)],
            sdv_datasets=arguments.sets,
            additional_datasets_folder=str(folder) if folder else None,
            limit_dataset_size=arguments.small,
        )


def render(rows: list[dict[str, Any]]) -> str:
    """A table of all results, and under which circumstances they came about."""
    lines = head(["set", "synthesizer", *(name.replace("_", " ") for name in FIGURES)])
    for row in rows:
        cells = ["–" if row[key] is None else f"{row[key]:{form}}" for key, form in FIGURES.items()]
        lines.append(line([row["set"], row["synthesizer"], *cells]))
    return "\n".join([*lines, "", *dict.fromkeys(map(told, rows))]) + "\n"


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    figures = {key: None if pd.isna(row.get(key)) else round(row[key], 4) for key in FIGURES}
    return {"set": row["Dataset"], "synthesizer": row["Synthesizer"]} | figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", help="names of SDGym's own sets")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--folder", type=Path, help="sets of one's own, in SDGym's layout")
    own.add_argument("--tables", nargs="+", help="names of sets in --data")
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument(
        "--beside", nargs="*", default=["GaussianCopulaSynthesizer", "CTGANSynthesizer"]
    )
    parser.add_argument("--small", action="store_true", help="1,000 rows and 10 columns of each")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.tables and not arguments.data:
        parser.error("--tables needs --data DIR, the folder with tabular/<set>/.")
    return arguments


if __name__ == "__main__":
    main()
