"""Fits that are killed again and again end in the bits of one that never was.

    python -m benchmarks.trials.kills --cases 16 --seed 0

A case is a fit of a table or of sequences in a process of its own, which gets SIGKILL at a random
moment and is started anew with `resume=True`, until it ends; then all its weights, losses and some
samples are compared with those of a fit without kills and without checkpoints. Half of the time
goes to writing checkpoints, so that many kills hit a write.
"""

from __future__ import annotations

import argparse
import hashlib
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
# When a fit is killed at the latest, as a share of the time that it takes without kills.
LATEST = 0.3
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
    """Fit, and tell the digest; going on from what is in ``folder``, if one is given."""
    checkpoint.EVERY_SECONDS, checkpoint.MOST_SHARE = 0.01, 0.5
    settings = SETTINGS | {"random_state": seed, "checkpoint_dir": folder, "resume": bool(folder)}
    synth: Any
    if kind == "table":
        frame, synth = some_table(seed), DiffusionSynthesizer(max_steps=150, **settings)
    else:
        frame = some_sequences(seed)
        roles = {"sequence_key": "store", "sequence_index": "day"}
        synth = TimeSeriesDiffusionSynthesizer(max_steps=60, **roles, **settings)
    told.send("begins")
    told.send(digest(synth.fit(frame)))


def lived(kind: str, seed: int, folder: Path | None, seconds: float | None) -> str | None:
    """The digest of such a life in a new process, or None if it was killed after some seconds."""
    told, tells = processes().Pipe(duplex=False)
    where = None if folder is None else str(folder)
    process = processes().Process(target=life, args=(kind, seed, where, tells))
    process.start()
    tells.close()
    try:
        told.recv()
        if told.poll(seconds):
            return told.recv()
        process.kill()
        return None
    except EOFError:
        return "nothing: it failed"
    finally:
        process.join()


def killed_until_done(kind: str, seed: int, folder: Path) -> Lives:
    """Kill, start anew, and compare in the end."""
    rng, lives = np.random.default_rng([seed, KINDS.index(kind)]), Lives()
    lived(kind, seed, None, 0.0)  # so that the first one that counts does not wait for imports
    began = time.perf_counter()
    expected = lived(kind, seed, None, None)
    latest = LATEST * (time.perf_counter() - began)
    while (found := lived(kind, seed, folder, rng.uniform(0, latest))) is None:
        lives.kills += 1
        left = sorted(os.listdir(folder)) if folder.exists() else []
        lives.torn += any(name.endswith(".tmp") for name in left)
        lives.early += not any(name.endswith(".checkpoint") for name in left)
        if lives.kills == MOST_KILLS:
            lives.failures.append(f"{kind} {seed}: no end after {MOST_KILLS} kills")
            return lives
    if found != expected:
        lives.failures.append(f"{kind} {seed}: {found} after {lives.kills} kills, not {expected}")
    if any(folder.iterdir()):
        lives.failures.append(f"{kind} {seed}: left {sorted(os.listdir(folder))}")
    return lives


def processes() -> Any:
    """Processes that begin with everything imported and nothing done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tabdiff.cli.commands.fit", "tabdiff.timeseries"])
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
