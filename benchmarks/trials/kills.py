"""Fits that are killed again and again end in the bits of one that never was.

    python -m benchmarks.trials.kills --cases 16 --seed 0

A case is a fit of a table or of sequences in a process of its own, which gets SIGKILL at a random
moment of its processor time and is started anew with `resume=True`, until it ends; then all its
weights, losses and some samples are compared with those of a fit without kills and without
checkpoints. Half of the time goes to writing checkpoints, and every other kill waits for a write.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials.record import record
from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer
from tabdiff.training import checkpoint

KINDS = ("table", "sequences")
# When a fit is killed at the latest, as a share of the processor time that it takes without kills,
# whatever else the machine does.
LATEST = 0.6
MOST_KILLS = 200
SETTINGS: dict[str, Any] = {
    "width": 32,
    "depth": 1,
    "batch_size": 64,
    "sampling_steps": 4,
    "device": "cpu",
    "verbose": 0,
}


@dataclass
class Lives:
    """What came of one case.

    Attributes
    ----------
    kills : int
    early : int
        Kills before there was any checkpoint.
    torn : int
        Kills in the middle of writing one: their temporary file was there.
    failures : list of str
    """

    kills: int = 0
    early: int = 0
    torn: int = 0
    failures: list[str] = field(default_factory=list)


def some_table(seed: int) -> pd.DataFrame:
    """A number, an amount with gaps and a category."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=400)
    amount = np.exp(hidden + rng.normal(size=400)).round(2)
    amount[::7] = np.nan
    town = rng.choice(["Ghent", "Delft", "Bonn"], 400)
    return pd.DataFrame({"x": hidden, "amount": amount, "town": town})


def some_sequences(seed: int) -> pd.DataFrame:
    """Fifty stores of 20 to 23 days, with a property each."""
    rng = np.random.default_rng(seed)
    stores = []
    for number in range(50):
        n = 20 + number % 4
        days = pd.date_range("2024-01-01", periods=n)
        own = {"store": f"s{number:02}", "size": rng.gamma(2), "day": days}
        stores.append(
            pd.DataFrame({**own, "sales": rng.poisson(9, n), "promo": rng.random(n) < 1 / 3})
        )
    return pd.concat(stores, ignore_index=True)


def digest(synth: Any) -> str:
    """SHA-256 of weights, losses and samples: of all that a fit leaves but its seconds."""
    found = hashlib.sha256()
    networks = [synth, synth.entities_] if hasattr(synth, "entities_") else [synth]
    for network in networks:
        for name, weight in network.denoiser_.state_dict().items():
            found.update(name.encode() + weight.numpy().tobytes())
        found.update(network.history_.drop(columns="seconds").to_numpy().tobytes())
        found.update(f"{network.stopped_} {network.best_step_}".encode())
    found.update(synth.sample(9).to_csv().encode())
    return found.hexdigest()


def life(kind: str, seed: int, folder: str | None, told: Any) -> None:
    """Fit, and tell the digest and the processor's time; going on from what is in ``folder``."""
    checkpoint.EVERY_SECONDS, checkpoint.MOST_SHARE = 0.01, 0.5
    settings = SETTINGS | {"random_state": seed, "checkpoint_dir": folder, "resume": bool(folder)}
    synth: Any
    if kind == "table":
        frame, synth = some_table(seed), DiffusionSynthesizer(max_steps=150, **settings)
    else:
        frame = some_sequences(seed)
        roles = {"sequence_key": "store", "sequence_index": "day"}
        synth = TimeSeriesDiffusionSynthesizer(max_steps=40, **roles, **settings)
    told.send("begins")
    began = time.process_time()
    told.send((digest(synth.fit(frame)), time.process_time() - began))


def lived(
    kind: str, seed: int, folder: Path | None, seconds: float, *, in_a_write: bool = False
) -> tuple[str, float] | None:
    """Digest and processor's time of such a life in a new process; None if it was killed.

    Parameters
    ----------
    seconds : float
        Of the processor's time that it has.
    in_a_write : bool
        Whether it has until it writes the next checkpoint, too.
    """
    left = half_written(folder)
    told, tells = processes().Pipe(duplex=False)
    where = None if folder is None else str(folder)
    process = processes().Process(target=life, args=(kind, seed, where, tells))
    process.start()
    tells.close()
    try:
        told.recv()
        end = used(process.pid) + seconds
        while used(process.pid) < end and not told.poll(0.001):
            pass
        while in_a_write and half_written(folder) <= left and not told.poll(0.0005):
            pass
        if told.poll():
            return told.recv()
        process.kill()
        return None
    except EOFError:
        return "nothing: it failed", 0.0
    finally:
        process.join()


def half_written(folder: Path | None) -> set[str]:
    """The temporary files in a folder, if there is one."""
    return set() if folder is None else {path.name for path in folder.glob(".*.tmp")}


def used(process: int) -> float:
    """Seconds of the processor's time that a process has had, as Linux tells."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def killed_until_done(kind: str, seed: int, folder: Path) -> Lives:
    """Kill, start anew, and compare in the end."""
    rng, lives = np.random.default_rng([seed, KINDS.index(kind)]), Lives()
    whole = lived(kind, seed, None, math.inf)
    assert whole is not None
    expected, cost = whole
    while True:
        seconds, in_a_write = rng.uniform(0, LATEST * cost), lives.kills % 2 == 1
        left = half_written(folder)
        last = lived(kind, seed, folder, seconds, in_a_write=in_a_write)
        if last is not None:
            break
        lives.kills += 1
        lives.torn += not half_written(folder) <= left
        lives.early += not any(folder.glob("*.checkpoint"))
        if lives.kills == MOST_KILLS:
            lives.failures.append(f"{kind} {seed}: no end after {MOST_KILLS} kills")
            return lives
    if last[0] != expected:
        lives.failures.append(f"{kind} {seed}: {last[0]} after {lives.kills} kills, not {expected}")
    if any(folder.iterdir()):
        lives.failures.append(f"{kind} {seed}: left {sorted(os.listdir(folder))}")
    return lives


def processes() -> Any:
    """Processes that begin with everything imported and nothing done."""
    context = multiprocessing.get_context("forkserver")
    # The first optimiser imports the second: longer than the whole fit.
    context.set_forkserver_preload(["tabdiff.timeseries", "torch._dynamo"])
    return context


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began, every = time.perf_counter(), {kind: Lives() for kind in KINDS}
    for case in range(asked.cases):
        kind = KINDS[case % 2]
        with tempfile.TemporaryDirectory() as folder:
            lives = killed_until_done(kind, 1000 * asked.seed + case, Path(folder) / "kept")
        for name in ("kills", "early", "torn", "failures"):
            setattr(every[kind], name, getattr(every[kind], name) + getattr(lives, name))
        print(f"\r{case + 1} of {asked.cases}: {every}", end="", file=sys.stderr)
    figures = {
        f"{kind}_{name}": getattr(lives, name)
        for kind, lives in every.items()
        for name in ("kills", "early", "torn")
    }
    failures = [failure for lives in every.values() for failure in lives.failures]
    seconds = time.perf_counter() - began
    record("kills", asked.seed, asked.cases, failures, seconds, figures)
    print("\n", failures or "held", figures, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
