"""The same seed gives the same rows, whatever goes on around the call that asks for them.

    python -m benchmarks.trials.determinism --cases 1000 --seed 0

A case asks a fitted model for something twice: as plainly as can be, and under a circumstance drawn
with the case, such as another number of threads, a forked process or a hundred others who ask at
once. The answers must be equal to the last bit, and the process as its user set it.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.trials import settings
from benchmarks.trials.record import record
from benchmarks.trials.subjects import SUBJECTS, digest, model

ROOT = Path(__file__).parents[2]
N_CONCURRENT = 100
# After which a process that does not answer is said to hang, in seconds.
PATIENCE = 120.0


@dataclass(frozen=True)
class Case:
    """One question to one model, and random numbers for the circumstance."""

    subject: str
    verb: str
    seed: int
    rng: np.random.Generator

    def answer(self, synth: Any = None) -> str:
        """The digest of what the model, or another one, answers."""
        asked = model(self.subject) if synth is None else synth
        return digest(SUBJECTS[self.subject].answers[self.verb](asked, self.seed))


def draw_case(rng: np.random.Generator, verbs: Callable[[str], bool] = lambda verb: True) -> Case:
    """Any question whose verb will do."""
    subject = str(rng.choice(list(SUBJECTS)))
    able = [verb for verb in SUBJECTS[subject].answers if verbs(verb)]
    return Case(subject, str(rng.choice(able)), int(rng.integers(2**31)), rng)


# ---- circumstances: what the model answers in them, and what it should ----


def with_other_threads(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Another number of threads within torch; a fit is promised the same at the same number."""
    case, n = draw_case(rng, lambda verb: verb != "fit"), int(rng.integers(1, 17))
    alone = case.answer()
    with settings.threads(n):
        return (case.subject, case.verb, f"{n} threads"), alone, case.answer()


def with_settings(rng: np.random.Generator, name: str | None = None) -> tuple[Any, Any, Any]:
    """A setting of torch, numpy or decimal that is the user's own business; any when None."""
    case, name = draw_case(rng), name or str(rng.choice(list(settings.SETTINGS)))
    alone = case.answer()
    with settings.SETTINGS[name]():
        before = settings.state()
        answer = case.answer()
        moved = settings.moved(before)
    return (case.subject, case.verb, name), (alone, []), (answer, moved)


def in_pieces(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Frames of any size laid end to end, and a head of them."""
    seed, n = int(rng.integers(2**31)), int(rng.integers(1, 4000))
    size, more = int(rng.integers(1, 3000)), int(rng.integers(1, 2000))
    size = max(size, n // 40)
    synth = model("table")
    whole = synth.sample(n, random_state=seed)
    laid = pd.concat(synth.sample_iter(n, size, random_state=seed), ignore_index=True)
    head = synth.sample(n + more, random_state=seed).head(n)
    return ("table", f"{n} rows by {size}"), [digest(whole)] * 2, [digest(laid), digest(head)]


def from_copies(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A model that was saved and loaded, pickled, or copied."""
    case = draw_case(rng, lambda verb: verb != "fit")
    synth, way = model(case.subject), str(rng.choice(["file", "pickle", "deepcopy"]))
    if way == "file":
        with tempfile.TemporaryDirectory() as folder:
            synth.save(Path(folder) / "m.tabdiff")
            other = type(synth).load(Path(folder) / "m.tabdiff", device="cpu")
    else:
        other = deepcopy(synth) if way == "deepcopy" else pickle.loads(pickle.dumps(synth))  # noqa: S301
    return (case.subject, case.verb, way), case.answer(), case.answer(other)


def in_a_fork(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A process forked from a thread whose OpenMP has workers, which the child is without.

    A child fits on one thread.
    """
    case = draw_case(rng)
    with settings.threads(1):
        alone = case.answer()
    with settings.threads(2):
        torch.ones(600, 600) @ torch.ones(600, 600)
        return (case.subject, case.verb), alone, answer_of_fork(case.answer)


def in_a_new_process(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A process that fits and asks anew, with hashes of its own and in another time zone."""
    case = draw_case(rng)
    zone = str(rng.choice(["UTC", "Pacific/Kiritimati", "America/St_Johns"]))
    hashes = str(rng.integers(2**32))
    own = {"PYTHONHASHSEED": hashes, "TZ": zone, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    told = subprocess.run(
        [sys.executable, "-c", "from benchmarks.trials.determinism import tell; tell()"],
        input=json.dumps([case.subject, case.verb, case.seed]),
        env=os.environ | own | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE,
    )
    return (case.subject, case.verb, zone, hashes), case.answer(), told.stdout.strip()


def among_others(rng: np.random.Generator, n: int = N_CONCURRENT) -> tuple[Any, Any, Any]:
    """Many threads that ask one model, each for something of its own."""
    subject = str(rng.choice(list(SUBJECTS)))
    verbs = [verb for verb in SUBJECTS[subject].answers if verb not in ("fit", "score")]
    cases = [Case(subject, str(rng.choice(verbs)), int(rng.integers(2**31)), rng) for _ in range(n)]
    alone = [case.answer() for case in cases]
    return (subject, f"{n} at once"), alone, at_once([case.answer for case in cases])


def fits_at_once(rng: np.random.Generator, n: int = 4) -> tuple[Any, Any, Any]:
    """Some fits of equal seed, each in a thread of its own."""
    subject = str(rng.choice(list(SUBJECTS)))
    answer = Case(subject, "fit", 0, rng).answer
    return (subject, f"{n} fits"), [answer()] * n, at_once([answer] * n)


def one_stream(rng: np.random.Generator, n: int = 8) -> tuple[Any, Any, Any]:
    """Threads that share the model's own stream: nobody gets what another one got."""
    subject = str(rng.choice(list(SUBJECTS)))
    plain, shared = deepcopy(model(subject)), deepcopy(model(subject))
    rows = int(rng.integers(1, 30))
    alone = [digest(plain.sample(rows)) for _ in range(n)]
    together = at_once([lambda: digest(shared.sample(rows))] * n)
    return (subject, f"{n} unseeded"), Counter(alone), Counter(together)


Circumstance = Callable[[np.random.Generator], tuple[Any, Any, Any]]
# Each with how often it is drawn: what takes a process or a hundred answers is drawn less often.
CIRCUMSTANCES: dict[Circumstance, int] = {
    with_other_threads: 25,
    with_settings: 25,
    in_pieces: 15,
    from_copies: 15,
    in_a_fork: 10,
    one_stream: 6,
    fits_at_once: 2,
    in_a_new_process: 1,
    among_others: 1,
}


def at_once(work: list[Callable[[], Any]]) -> list[Any]:
    """What each gives, all of them begun before any has ended."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(one) for one in work]]


def answer_of_fork(answer: Callable[[], str], patience: float = PATIENCE) -> str:
    """What a forked child says, or that it says nothing for so many seconds."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of just what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            said = answer()
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    ready, _, _ = select.select([read], [], [], patience)
    said = os.read(read, 10_000).decode() if ready else f"silence for {patience} s"
    os.close(read)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return said


def tell() -> None:
    """Print the answer to the question on standard input, of a model that is fitted for it."""
    subject, verb, seed = json.load(sys.stdin)
    print(Case(subject, verb, seed, np.random.default_rng(0)).answer())


def run_case(seed: int, number: int) -> tuple[str, list[str]]:
    """The circumstance of a case, and what was broken in it."""
    rng = np.random.default_rng([seed, number])
    shares = np.array(list(CIRCUMSTANCES.values())) / sum(CIRCUMSTANCES.values())
    chosen = list(CIRCUMSTANCES)[rng.choice(len(shares), p=shares)]
    return chosen.__name__, broken(partial(chosen, rng), f"case {number}: {chosen.__name__}")


def broken(circumstance: Callable[[], tuple[Any, Any, Any]], name: str) -> list[str]:
    """One line where answers differ, and one where settings are not as before."""
    before = settings.state()
    asked, wanted, got = circumstance()
    failures = [f"{name} {asked}: {got}, not {wanted}"] if got != wanted else []
    moved = settings.moved(before)
    return failures + ([f"{name} {asked}: changed {', '.join(moved)}"] if moved else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    failures: list[str] = []
    tried: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(arguments.cases):
        circumstance, found = run_case(arguments.seed, number)
        tried[circumstance] += 1
        failures += found
        for line in found:
            print(line, file=sys.stderr)
        if number % 50 == 49:
            print(f"{number + 1} cases, {len(failures)} failures", file=sys.stderr)
    seconds = time.monotonic() - began
    figures = {"tried": dict(tried), "concurrent": N_CONCURRENT}
    record("determinism", arguments.seed, arguments.cases, failures, seconds, figures)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
