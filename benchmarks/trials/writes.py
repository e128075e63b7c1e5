"""Files whose writing is broken off are the old ones or the new ones, never half of one.

    python -m benchmarks.trials.writes --cases 2000 --seed 0

A case writes one file, a model or a table, over an old one or where there was none, and breaks it
off in one way: the process is killed at a byte, before or after a call of the system, or at a
moment; the write fails or is interrupted at a byte; the frames fail; the disk is full, its limit is
reached or it is read-only (these need the rights to mount). What is then there must be the old
file, or nothing, or the whole new one; and nothing else, unless the process was killed: then files
named `.NAME.<16 hexadecimal digits>.tmp`.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks.trials.kills import SETTINGS, processes, some_table
from benchmarks.trials.record import record
from tabdiff import DiffusionSynthesizer, disk
from tabdiff.cli import OK, TERMINATED
from tabdiff.cli import main as command
from tabdiff.files import write_table

JOBS = ("m.tabdiff", "t.parquet", "t.csv", "t.csv.gz")
IN_A_PROCESS = ("killed at a byte", "killed at a call", "killed at a moment", "ended at a moment")
HERE = ("fails at a byte", "interrupted at a byte", "no more frames", "limited")
ON_A_DISK = ("full", "read-only")
CALLS = ("open", "fdopen", "fsync", "replace", "close")
DISK_BYTES = 2**20
OLD = b"what was there"


@dataclass(frozen=True)
class Case:
    """One write, and how it is broken off.

    Attributes
    ----------
    job : str
        Name of the file.
    way : str
    at : float, in [0, 1)
        Where, as a share of what there is: bytes, calls, frames or time.
    is_new : bool
        Whether there was no file before.
    """

    job: str
    way: str
    at: float
    is_new: bool


@dataclass(frozen=True)
class Sources:
    """What is written: a saved model, frames, and the bytes that each job makes of them.

    The command makes other bytes of a Parquet table, its frames being larger, in some seconds.
    """

    model: Path
    frames: tuple[pd.DataFrame, ...]
    whole: dict[str, bytes]
    by_command: bytes = b""
    seconds: float = 3600.0


class CutFile(io.FileIO):
    """A file that does something else instead of writing its byte ``at``."""

    def __init__(self, descriptor: int, at: int, then: Callable[[], None]) -> None:
        super().__init__(descriptor, "w")
        self._left, self._then = at, then

    def write(self, data: Any) -> int:
        """Write all of it, or the bytes before the end and then no more."""
        view = memoryview(data).cast("B")
        if len(view) <= self._left:
            self._left -= len(view)
            return super().write(view) or 0
        super().write(view[: self._left])
        self._left = 0
        self._then()
        raise AssertionError("it should have done something else")


def cases(n: int, seed: int, ways: tuple[str, ...]) -> Iterator[Case]:
    """Case k is made from (seed, k) alone."""
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        job, way = JOBS[rng.integers(len(JOBS))], ways[number % len(ways)]
        yield Case(job, way, float(rng.random()), bool(rng.random() < 1 / 3))


def sources(folder: Path) -> Sources:
    """A model that has learned next to nothing, and three frames of it."""
    synth = DiffusionSynthesizer(max_steps=2, random_state=0, **SETTINGS).fit(some_table(0))
    model = folder / "model.tabdiff"
    synth.save(model)
    frames = tuple(synth.sample_iter(1500, 500, random_state=0))
    whole = {}
    for job in JOBS:
        put(job, folder / job, model, frames)
        whole[job] = (folder / job).read_bytes()
    made, began = Sources(model, frames, whole), time.perf_counter()
    unbroken, path = Case("t.parquet", "killed at a moment", 0.99, True), folder / "other.parquet"
    if _in_a_process(unbroken, made, path) != OK:
        raise RuntimeError("a command that nobody breaks off fails")
    return replace(made, by_command=path.read_bytes(), seconds=time.perf_counter() - began)


def put(job: str, path: Path, model: Path, frames: tuple[pd.DataFrame, ...]) -> None:
    """Do a job."""
    if job.endswith(".tabdiff"):
        DiffusionSynthesizer.load(model, device="cpu").save(path)
    else:
        write_table(str(path), iter(frames))


def broken_off(case: Case, made: Sources, folder: Path) -> list[str]:
    """What is wrong after a case, in an empty folder."""
    path = folder / case.job
    with ExitStack() as stack:
        if case.way in ON_A_DISK:
            stack.enter_context(_mounted(folder))
        if not case.is_new:
            path.write_bytes(OLD)
        if case.way == "full":
            room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            wanted = int(case.at * len(made.whole[case.job]))
            (folder / "filler").write_bytes(bytes(max(room - wanted, 0)))
        elif case.way == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        if case.way in IN_A_PROCESS:
            ended, error = _in_a_process(case, made, path), None
        else:
            ended, error = None, _here(case, made, path)
        return [f"{case}: {fault}" for fault in _faults(case, made, path, ended, error)]


def _faults(
    case: Case, made: Sources, path: Path, ended: int | None, error: BaseException | None
) -> Iterator[str]:
    """Where the promise is broken, after a process ended so, or a write failed so."""
    found = path.read_bytes() if path.exists() else None
    old = None if case.is_new else OLD
    if found not in (old, made.whole[case.job], made.by_command):
        yield f"{len(found or b'')} bytes, neither the old file nor the new one"
    if error is not None and found != old:
        yield f"a failed write ({error!r}) replaced the file"
    if isinstance(error, OSError) and error.filename != str(path):
        yield f"the error does not name the file: {error!r}"
    stray = re.compile(re.escape(f".{case.job}.") + r"[0-9a-f]{16}\.tmp")
    others = [name for name in os.listdir(path.parent) if name not in (case.job, "filler")]
    if not all(stray.fullmatch(name) and ended == -signal.SIGKILL for name in others):
        yield f"left behind: {others}"
    if case.way == "ended at a moment" and ended not in (OK, TERMINATED, -signal.SIGTERM):
        yield f"the process ended with {ended}"


def _here(case: Case, made: Sources, path: Path) -> BaseException | None:
    """Do the job in this process, and tell how it failed."""
    at, frames = int(case.at * len(made.whole[case.job])), made.frames
    with ExitStack() as stack:
        if case.way == "fails at a byte":
            stack.enter_context(_cut(at, _raising(OSError(errno.ENOSPC, "No space left"))))
        elif case.way == "interrupted at a byte":
            stack.enter_context(_cut(at, _raising(KeyboardInterrupt())))
        elif case.way == "limited":
            stack.enter_context(_limited(at))
        elif case.way == "no more frames":
            frames = _ending(frames, int(case.at * len(frames)))
        try:
            put(case.job, path, made.model, frames)
        except (OSError, KeyboardInterrupt, MemoryError) as error:
            return error
    return None


def _in_a_process(case: Case, made: Sources, path: Path) -> int:
    """Do the job in another process, kill it, and tell its exit code."""
    asked = (case, str(path), str(made.model), made.frames, len(made.whole[case.job]))
    process = processes().Process(target=_doomed, args=asked)
    process.start()
    if case.way.endswith("moment"):
        process.join(1.2 * case.at * made.seconds)
        (process.kill if case.way.startswith("killed") else process.terminate)()
    process.join()
    return process.exitcode


def _doomed(
    case: Case, path: str, model: str, frames: tuple[pd.DataFrame, ...], n_bytes: int
) -> None:
    with ExitStack() as stack:
        if case.way == "killed at a byte":
            stack.enter_context(_cut(int(case.at * n_bytes), _die))
        elif case.way == "killed at a call":
            stack.enter_context(_dying_at(int(case.at * 2 * len(CALLS))))
        elif case.job != "m.tabdiff":
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            call = ["sample", model, "-n", "1500", "--seed", "0", "-o", path, "-q"]
            sys.exit(command([*call, "--device", "cpu"]))
        put(case.job, Path(path), Path(model), frames)


@contextmanager
def _cut(at: int, then: Callable[[], None]) -> Iterator[None]:
    """Break off what is written to a file that is to take the place of another."""

    def cut(descriptor: int, mode: str) -> io.BufferedWriter:
        return io.BufferedWriter(CutFile(descriptor, at, then))

    with patch.object(disk.os, "fdopen", cut):
        yield


@contextmanager
def _dying_at(moment: int) -> Iterator[None]:
    """Kill this process before (even) or after (odd) one of the calls that write a file."""
    name, is_after = CALLS[moment // 2], moment % 2
    call = getattr(os, name)

    def last(*given: Any) -> Any:
        if is_after:
            call(*given)
        _die()

    with patch.object(disk.os, name, last):
        yield


@contextmanager
def _limited(at: int) -> Iterator[None]:
    """Let no file grow beyond ``at`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _ending(frames: tuple[pd.DataFrame, ...], at: int) -> Any:
    """The first frames, and then an error."""
    yield from frames[:at]
    raise MemoryError("no more frames")


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    """A small disk of its own in ``folder``."""
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-disks", action="store_true", help="needs no right to mount")
    asked = parser.parse_args()
    ways = IN_A_PROCESS + HERE + (() if asked.without_disks else ON_A_DISK)
    began, failures, tried = time.perf_counter(), [], Counter[str]()
    with tempfile.TemporaryDirectory() as home:
        made = sources(Path(home))
        for case in cases(asked.cases, asked.seed, ways):
            with tempfile.TemporaryDirectory() as folder:
                failures += broken_off(case, made, Path(folder))
            tried[case.way] += 1
            print(f"\r{tried.total()}: {len(failures)} failed", end="", file=sys.stderr)
    seconds = time.perf_counter() - began
    record("writes", asked.seed, asked.cases, failures, seconds, {"ways": dict(tried)})
    print("\n", *failures or ["held"], dict(tried), sep="\n", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
