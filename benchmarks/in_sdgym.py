"""tabdiff in SDGym, the benchmark of the SDV project, beside SDV's own synthesizers.

SDGym 0.15.1 imports what SDV 2.0 no longer has, so it needs an environment with an older SDV. From
the root of the repository:

    python3.11 -m venv /tmp/sdgym
    /tmp/sdgym/bin/pip install --requirement benchmarks/rivals/sdgym.txt .
    /tmp/sdgym/bin/python -m benchmarks.in_sdgym --sets adult child --output sdgym.csv

SDGym fetches its sets from a public S3 bucket. Sets of one's own stand in its layout,
FOLDER/single_table/<set>/ with data.zip (one CSV) and metadata.json (SDV's), and need no network:

    /tmp/sdgym/bin/python -m benchmarks.in_sdgym --folder FOLDER --output sdgym.csv
"""

from __future__ import annotations

import argparse
import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from sdgym import benchmark_single_table, create_single_table_synthesizer

from tabdiff import DiffusionSynthesizer
from tabdiff.integrations.sdv import schema_from_sdv


def main() -> None:
    arguments = _arguments()
    contestant = create_single_table_synthesizer(
        display_name="tabdiff",
        get_trained_synthesizer_fn=partial(train, max_steps=arguments.max_steps),
        sample_from_synthesizer_fn=sample,
    )
    folder = arguments.folder.resolve() if arguments.folder else None
    output = arguments.output.resolve()
    # SDGym finds sets of one's own by their bare names, so only from where they lie. A timeout is
    # not given: it would run each fit in a new process, which does not know the custom class.
    with contextlib.chdir(folder / "single_table" if folder else Path.cwd()):
        found = benchmark_single_table(
            synthesizers=arguments.beside,
            custom_synthesizers=[contestant],
            sdv_datasets=arguments.sets,
            additional_datasets_folder=str(folder) if folder else None,
            limit_dataset_size=arguments.small,
        )
    found.to_csv(output, index=False)
    print(found.to_string(index=False))


def train(
    data: pd.DataFrame, metadata: dict[str, Any], max_steps: int | None
) -> DiffusionSynthesizer:
    """Fit with the metadata's kinds of columns."""
    schema = schema_from_sdv(metadata, data)
    return DiffusionSynthesizer(schema=schema, max_steps=max_steps, random_state=0, verbose=0).fit(
        data
    )


def sample(synthesizer: DiffusionSynthesizer, n_rows: int) -> pd.DataFrame:
    """So many rows."""
    return synthesizer.sample(n_rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", help="names of SDGym's own sets")
    parser.add_argument("--folder", type=Path, help="sets of one's own, in SDGym's layout")
    parser.add_argument(
        "--beside", nargs="+", default=["GaussianCopulaSynthesizer", "CTGANSynthesizer"]
    )
    parser.add_argument("--small", action="store_true", help="1,000 rows and 10 columns of each")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    parser.add_argument("--output", type=Path, default=Path("sdgym.csv"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
