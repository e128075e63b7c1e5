"""The methods with differential privacy, and one run of one of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.data import RealTable
from benchmarks.methods import MOSTLYAI, Environment, Method, run_worker
from benchmarks.rivals.private.contract import Public

_SMARTNOISE = Environment("smartnoise", ("smartnoise-synth", "mbi", "opacus", "jax", "torch"))
PRIVATE_METHODS = {
    "tabdiff_private": Method("tabdiff"),
    "tabdiff_marginals": Method("tabdiff, marginals alone"),
    "aim": Method("AIM", _SMARTNOISE),
    "mst": Method("MST", _SMARTNOISE),
    "tabular_argn": Method("TabularARGN", MOSTLYAI),
}


def public_of(told: dict[str, Any], target: str) -> Public:
    """What is public of a set, from what JSON says of it."""
    bounds = {name: tuple(ends) for name, ends in told["bounds"].items()}
    names = {key: tuple(told[key]) for key in ("missing", "amounts")}
    return Public(bounds, told["categories"], **names, n_rows=told["n_rows"], target=target)


def run_private_method(
    name: str,
    table: RealTable,
    public: Public,
    budget: tuple[float, float],
    seed: int,
    python: Path,
    folder: Path,
    threads: int,
    limit: float,
) -> dict[str, Any]:
    """Fit and sample in a process of its own; synthetic.csv is then in the folder.

    Parameters
    ----------
    name : str
        Of a private method.
    table : RealTable
        Only its training rows are handed over.
    public : Public
    budget : (float, float)
        Epsilon and delta.
    seed : int
    python : Path
        See `benchmarks.methods.python_of`.
    folder : Path
        An empty one.
    threads : int
    limit : float
        Seconds after which the process is ended.

    Returns
    -------
    dict
        What the worker printed.

    Raises
    ------
    RunFailedError
        If the method broke off, or was not done in time.
    """
    table.train.to_csv(folder / "train.csv", index=False)
    told = {"public": asdict(public), "epsilon": budget[0], "delta": budget[1]}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")
    environment = PRIVATE_METHODS[name].environment
    libraries = environment.libraries if environment else ()
    command = [str(python), "-m", "benchmarks.private_worker", name, str(folder)]
    return run_worker([*command, "--seed", str(seed), "--libraries", *libraries], threads, limit)
