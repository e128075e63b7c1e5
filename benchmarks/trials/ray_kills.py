"""Ray's workers are killed, and what they were making comes out as if they had not been.

    python -m benchmarks.trials.ray_kills training --kills 6 --seed 0

Two workers on one machine learn a table, sample it, and write a sample to Parquet files, while a
thread kills one of them by SIGKILL again and again: while it starts, while it works, after a
checkpoint, and with a file half written. The model must have the bits of one that was learned by as
many workers in peace; rows and files, those of a sample in this process. A job (`training`,
`sampling` or `writing`) is repeated until there were enough kills.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.trials.kills import SETTINGS, digest, half_written, some_table, used
from benchmarks.trials.record import record
from tabdiff import DiffusionSynthesizer

STEPS = 400
ROWS, PART = 48 * 1024, 1024
# Of the processor: what a worker spends before it works, about, and a while more.
STARTING, WORKING = 3.0, 3.0
POLL = 0.002
# How Ray calls the processes.
WORKERS = {"training": "ray::RayTrainWorker", "sampling": "ray::MapWorker"}
WORKERS["writing"] = WORKERS["sampling"]

Victim = Callable[[threading.Event], int | None]


def workers(title: str) -> set[int]:
    """The processes below this one that Ray calls so."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                named = (entry / "cmdline").read_bytes().startswith(title.encode())
                if named and _descends(int(entry.name)):
                    found.add(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has ended meanwhile.
    return found


def _descends(process: int) -> bool:
    while process > 1 and process != os.getpid():
        # The name, in brackets, may hold blanks.
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process == os.getpid()


class Hunt:
    """Finds workers of one job, none of those that an earlier one has left.

    Parameters
    ----------
    title : str
        How Ray calls the workers.
    """

    def __init__(self, title: str) -> None:
        self._title, self._old = title, workers(title)

    def after(self, seconds: float) -> Victim:
        """A worker when it has had so much of the processor's time."""

        def found(ended: threading.Event) -> int | None:
            while not ended.wait(0.05):
                for process in self._alive():
                    try:
                        if used(process) >= seconds:
                            return process
                    except FileNotFoundError:
                        continue
            return None

        return found

    def after_checkpoint(self, storage: Path, rng: np.random.Generator) -> Victim:
        """Any worker, up to three seconds after a new checkpoint."""
        before, wait = set(storage.glob("*/checkpoint_*")), rng.uniform(0, 3)

        def found(ended: threading.Event) -> int | None:
            while not ended.wait(0.05):
                if set(storage.glob("*/checkpoint_*")) - before:
                    ended.wait(wait)
                    alive = sorted(self._alive())
                    return int(rng.choice(alive)) if alive else None
            return None

        return found

    def in_a_write(self, folder: Path) -> Victim:
        """A worker that has a file half written."""

        def found(ended: threading.Event) -> int | None:
            while not ended.wait(POLL):
                if not any(folder.glob(".*.tmp/.*.tmp")):
                    continue
                for process in self._alive():
                    if _has_open(process, folder):
                        return process
            return None

        return found

    def _alive(self) -> set[int]:
        return workers(self._title) - self._old


def _has_open(process: int, folder: Path) -> bool:
    for descriptor in Path(f"/proc/{process}/fd").glob("*"):
        try:
            name = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if name.startswith(f"{folder}/") and name.endswith(".tmp"):
            return True
    return False


@contextmanager
def killing(victims: Iterator[tuple[str, Victim]], most: int) -> Iterator[Counter[str]]:
    """Kill victims one after the other while the block lasts, and count how each was found."""
    killed, ended = Counter[str](), threading.Event()

    def hunt() -> None:
        while killed.total() < most and not ended.is_set():
            way, victim = next(victims)
            process = victim(ended)
            if process is None or ended.is_set():
                continue
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed[way] += 1
            print(f"{way}: {process}", file=sys.stderr, flush=True)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        ended.set()
        hunter.join()


def victims_of(job: str, folder: Path, rng: np.random.Generator) -> Iterator[tuple[str, Victim]]:
    """Who is killed next, for ever, in turn at two kinds of moment."""
    hunt = Hunt(WORKERS[job])
    while True:
        if job == "training":
            yield "after a checkpoint", hunt.after_checkpoint(folder, rng)
        elif job == "writing":
            yield "in a write", hunt.in_a_write(folder)
        else:
            yield "at its start", hunt.after(rng.uniform(0, STARTING))
        yield "at work", hunt.after(STARTING + rng.uniform(0, WORKING))


def synthesizer() -> DiffusionSynthesizer:
    """One that takes a while to learn, and to draw."""
    changes = {"sampling_steps": 100, "batch_size": 256}
    return DiffusionSynthesizer(max_steps=STEPS, random_state=0, **SETTINGS | changes)


def training(storage: Path | None) -> str:
    """Digest of what two workers learn."""
    from tabdiff.integrations.ray import fit_ray

    made = fit_ray(synthesizer(), some_table(0), num_cpus=0.5, max_failures=-1, storage=storage)
    return digest(made)


def sampling(made: DiffusionSynthesizer, folder: Path) -> str:
    """Digest of the rows that two workers make."""
    import pyarrow
    import ray

    from tabdiff.integrations.ray import sample_ray

    rows = sample_ray(made, ROWS, random_state=1, num_cpus=0.5, part_rows=PART)
    return _hash(pyarrow.concat_tables(ray.get(rows.to_arrow_refs())).to_pandas())


def writing(made: DiffusionSynthesizer, folder: Path) -> str:
    """Digest of the rows in the files that two workers write; nothing else may be left."""
    from tabdiff.integrations.ray import sample_ray_to_parquet

    path = folder / "rows"
    sample_ray_to_parquet(made, ROWS, path, random_state=1, num_cpus=0.5, part_rows=PART)
    left = [name for name in os.listdir(folder) if name != "rows"] + list(half_written(path))
    assert not left, left
    return _hash(pd.concat(map(pd.read_parquet, sorted(path.iterdir())), ignore_index=True))


def job_of(name: str) -> tuple[str, Callable[[Path], str]]:
    """What must come of a job, and the job, which takes a folder to work in."""
    if name == "training":
        return training(None), training
    made = synthesizer().fit(some_table(0))
    work = sampling if name == "sampling" else writing
    return _hash(made.sample(ROWS, random_state=1)), partial(work, made)


def _hash(frame: pd.DataFrame) -> str:
    told = pd.util.hash_pandas_object(frame).to_numpy().tobytes()
    return hashlib.sha256(told + str(frame.dtypes.to_dict()).encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=WORKERS)
    parser.add_argument("--kills", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    began, (expected, work) = time.perf_counter(), job_of(asked.job)
    rng, ways, runs = np.random.default_rng(asked.seed), Counter[str](), 0
    failures: list[str] = []
    while ways.total() < asked.kills:
        runs += 1
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            victims = victims_of(asked.job, folder, rng)
            with killing(victims, asked.kills - ways.total()) as killed:
                found = work(folder)
        ways += killed
        if found != expected:
            failures.append(f"run {runs}: {found}, not {expected}: {dict(killed)}")
        print(f"run {runs}: {dict(killed)}, {len(failures)} failed", file=sys.stderr)
    figures: dict[str, Any] = {"ray": version("ray"), "runs": runs, "ways": dict(ways)}
    seconds = time.perf_counter() - began
    record(f"ray_kills:{asked.job}", asked.seed, ways.total(), failures, seconds, figures)
    print("\n", failures or "held", figures, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
