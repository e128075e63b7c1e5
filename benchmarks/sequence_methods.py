"""The methods for sequences, and one run of one of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.methods import MOSTLYAI, Environment, Method, run_worker
from benchmarks.rivals.sequences.contract import Layout

# The same environment as for tables; here other libraries move the figures.
_SDV = Environment("sdv", ("sdv", "deepecho", "torch"))
SEQUENCE_METHODS = {
    "tabdiff": Method("tabdiff"),
    "par": Method("PAR", _SDV),
    "tabular_argn": Method("TabularARGN", MOSTLYAI),
    "independent": Method("independent rows", is_model=False),
    "bootstrap": Method("bootstrap copy", is_model=False),
}


@dataclass(frozen=True)
class Panel:
    """Entities to learn from and entities that judge.

    Attributes
    ----------
    name : str
    train, test : DataFrame
        One row per entity and time, in the order of the index within an entity; no entity is in
        both unless the protocol says so.
    layout : Layout
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    layout: Layout


def run_sequence_method(
    name: str,
    panel: Panel,
    seed: int,
    python: Path,
    folder: Path,
    threads: int,
    minutes: float,
    limit: float,
) -> dict[str, Any]:
    """Fit and sample in a process of its own; synthetic.csv is then in the folder.

    Parameters
    ----------
    name : str
        Of a method for sequences.
    panel : Panel
        Only its training entities are handed over.
    seed : int
    python : Path
        See `benchmarks.methods.python_of`.
    folder : Path
        An empty one.
    threads : int
    minutes : float
        Processor time for the fit. A process with T threads is given the Tth part on the wall, so
        one that keeps all busy uses it up and none uses more.
    limit : float
        Seconds after which the process is ended, wherever it is.

    Returns
    -------
    dict
        What the worker printed.

    Raises
    ------
    RunFailedError
        If the method broke off, or was not done in time.
    """
    panel.train.to_csv(folder / "train.csv", index=False)
    told = asdict(panel.layout) | {"seconds": 60 * minutes / threads}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")
    environment = SEQUENCE_METHODS[name].environment
    libraries = environment.libraries if environment else ()
    command = [str(python), "-m", "benchmarks.sequence_worker", name, str(folder)]
    command += ["--seed", str(seed), "--libraries", *libraries]
    return run_worker(command, threads, limit)
