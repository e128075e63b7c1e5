"""Whether a file can break ``load``: mutants of the golden files, counted.

A case is loaded by the class of its file. It holds if a typed error is raised, or a model comes
that samples: the very rows of the original where the mutant says the same, and always either rows
or an error that tabdiff raises on purpose. No case may take 2 s or 512 MiB, crash or hang.

    python -m benchmarks.trials.hostile --cases 20000 --seed 0
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import tabdiff
from benchmarks.trials.forgeries import Model, mutant
from benchmarks.trials.record import record
from tabdiff import DigestMismatchError, PersistenceError, sampler, sequences
from tabdiff.data.frames import to_pandas
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.timeseries import TimeSeriesDiffusionSynthesizer

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "format_1"
KINDS = {kind.KIND: kind for kind in (DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer)}
SECONDS = 2.0
MIB = 512
# A worker that says nothing for so long hangs.
PATIENCE = 300.0
# Rows that are drawn together are few here, so that a case takes milliseconds.
FEW = 8
# One in so many is loaded by the other class, or with the digest of the original expected.
ELSEWHERE = 20
# Cases of one process; its memory is bounded from its beginning on.
PER_PROCESS = 5000


class Outcome(NamedTuple):
    """What came of a case.

    Attributes
    ----------
    told : str
        The family of the mutant, and the error of ``load`` or what ``sample`` gave.
    fault : str
        How it broke the promise; empty where it held.
    seconds : float
        Of ``load``.
    """

    told: str
    fault: str
    seconds: float


class Trial:
    """Mutants of some files, one after the other.

    Parameters
    ----------
    seed : int
        Case k is made from (seed, k) alone.
    scratch : Path
        A folder for the mutants.
    golden : Path
        The folder of the whole files.
    """

    def __init__(self, seed: int, scratch: Path, golden: Path = GOLDEN) -> None:
        self.seed, self.place = seed, scratch / "mutant.tabdiff"
        self.models = [Model.of(path) for path in sorted(golden.glob("*.tabdiff"))]
        self.rows = {model.name: self._rows_of(model) for model in self.models}

    def _rows_of(self, model: Model) -> Any:
        self.place.write_bytes(model.payload)
        return _sample(KINDS[_kind(model)].load(self.place, device="cpu"), model)

    def attempt(self, case: int) -> Outcome:
        """Load and sample one mutant."""
        rng = np.random.default_rng([self.seed, case])
        model = self.models[rng.integers(len(self.models))]
        made = mutant(model, rng)
        self.place.write_bytes(made.payload)
        elsewhere = rng.integers(ELSEWHERE)
        expected = hashlib.sha256(model.payload).hexdigest() if elsewhere == 0 else None
        kind = _kind(model) if elsewhere != 1 else next(k for k in KINDS if k != _kind(model))
        whole = made.payload == model.payload
        is_meant = elsewhere != 1 and (whole or (made.is_alike and expected is None))
        began = time.process_time()
        synth, told, fault = None, "", ""
        try:
            synth = KINDS[kind].load(self.place, device="cpu", expected_sha256=expected)
        except PersistenceError as error:
            told = type(error).__name__
            if is_meant:
                fault = f"refused, though it says the same: {_last(error)}"
            elif expected and not whole and not isinstance(error, DigestMismatchError):
                fault = f"another digest was expected, but {_last(error)}"
        except Exception as error:
            told, fault = f"load: {type(error).__name__}", f"load: {_last(error)}"
        seconds = time.process_time() - began
        if synth is not None and not is_meant and not (made.is_sealed and expected is None):
            told, fault = "loaded", "loaded, though its bytes were changed"
        elif synth is not None and elsewhere == 1:
            told, fault = "loaded", "loaded by the wrong class"
        elif synth is not None:
            told, fault = self._asked(synth, model, is_meant)
        if not fault and seconds > SECONDS:
            fault = f"load took {seconds:.1f} s"
        return Outcome(f"{made.family}: {told}", fault, seconds)

    def _asked(self, synth: Any, model: Model, is_meant: bool) -> tuple[str, str]:
        """What a model that loaded answers, and its fault."""
        try:
            rows = _sample(synth, model)
        except Exception as error:
            fault = "" if _on_purpose(error) else f"sample: {_last(error)}"
            return f"sample: {type(error).__name__}", fault
        if is_meant:
            same = rows.equals(self.rows[model.name])
            return "the same rows", "" if same else "other rows than those of the original"
        return "rows", ""


def _kind(model: Model) -> str:
    return str(model.sealed["content"]["kind"])


def _sample(synth: Any, model: Model) -> Any:
    """Few rows in few steps, however many the file asks for."""
    synth.sampling_steps = 2
    with patch.object(sampler, "CHUNK", FEW), patch.object(sequences, "CHUNK_SLOTS", FEW):
        return to_pandas(synth.sample(1 if model.name == "months" else 3, random_state=0))


def _last(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"{type(error).__name__} at {where}: {str(error)[:150]!r}"


def _on_purpose(error: Exception) -> bool:
    """Whether a statement of tabdiff raises it, and not what tabdiff calls."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    own = Path(tabdiff.__file__).parent in Path(frame.filename).parents
    return isinstance(error, ValueError) and own and (frame.line or "").startswith("raise ")


# ---- cases in processes of their own, which may crash ----


def _work(pipe: Connection, seed: int, first: int, last: int) -> None:
    """Send the outcome of each case and the memory so far, within a bound on memory."""
    # Hostile numbers may overflow on their way to a refusal.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(seed, Path(scratch))
        before = _peak()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + MIB * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        pipe.send(None)
        for case in range(first, last):
            outcome = trial.attempt(case)
            pipe.send((outcome, _peak() - before))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def outcomes(seed: int, cases: int) -> Iterator[tuple[Outcome, float]]:
    """The outcome of every case, and the MiB that its process took so far beyond its beginning."""
    context = multiprocessing.get_context("spawn")
    case = 0
    while case < cases:
        ours, theirs = context.Pipe()
        last = min(case + PER_PROCESS, cases)
        worker = context.Process(target=_work, args=(theirs, seed, case, last), daemon=True)
        worker.start()
        theirs.close()
        ours.recv()
        while case < last:
            try:
                said = ours.recv() if ours.poll(PATIENCE) else Outcome("", "hangs", PATIENCE)
            except EOFError:
                said = Outcome("", "crashes", 0.0)
            if isinstance(said, Outcome):
                yield said, 0.0
                case += 1
                break
            yield said
            case += 1
        worker.kill()
        worker.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began, failures, told = time.monotonic(), [], Counter[str]()
    slowest, most = 0.0, 0.0
    for case, (outcome, mib) in enumerate(outcomes(asked.seed, asked.cases)):
        told[outcome.told] += 1
        slowest, most = max(slowest, outcome.seconds), max(most, mib)
        if outcome.fault:
            failures.append(f"case {case}, {outcome.told}: {outcome.fault}")
            print(failures[-1], file=sys.stderr, flush=True)
        if case % 1000 == 999:
            print(f"{case + 1} cases, {len(failures)} failed", file=sys.stderr, flush=True)
    figures = {
        "outcomes": dict(sorted(told.items())),
        "slowest_load_seconds": round(slowest, 2),
        "most_mib": round(most),
    }
    seconds = time.monotonic() - began
    record("hostile", asked.seed, asked.cases, failures, seconds, figures)


if __name__ == "__main__":
    main()
