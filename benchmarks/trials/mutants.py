"""Small faults planted in the mathematics and the encoders, and whether a test fails for each.

A mutant (:mod:`benchmarks.trials.mutations`) is *killed* when one of the tests that run its line
fails or breaks off, or they take far longer than they did; otherwise it *survives*. Survivors that
no test could kill are listed in ``mutants_equivalent.toml``, each with its reason; any other fails
the trial.

Tests are collected once for a module; each mutant then has a process of its own, in which the code
of its function is exchanged. What runs at import is mutated before it is imported. Tests run by
their time, the shortest first.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.machinery
import json
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest

from benchmarks.trials.forked import (
    FAILED,
    PASSED,
    TIMED_OUT,
    Collected,
    Stop,
    collected,
    lines_of,
    run_item,
    verdict,
)
from benchmarks.trials.mutations import Mutant, mutants

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.toml")
KILLED, SURVIVED, ALIKE = "killed", "survived", "equivalent"
CALLED = {FAILED: KILLED, PASSED: SURVIVED, TIMED_OUT: TIMED_OUT}
# What the tests need, imported once for all processes; nothing of ours.
WARM = ("torch", "pandas", "pyarrow", "sklearn", "scipy.special", "scipy.stats")
# Processor time that mutants may take, in multiples of what the tests took, and seconds on top.
PATIENCE, GRACE = 4, 4


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/test_{name}.py" for name in names)


# The tests of each module.
TARGETS: dict[str, tuple[str, ...]] = {
    "diffusion.schedule": _in("diffusion", "schedule", "gaussian"),
    "diffusion.gaussian": _in("diffusion", "gaussian"),
    "diffusion.multinomial": _in("diffusion", "multinomial"),
    "diffusion.joint": _in("diffusion", "joint"),
    **{
        f"inference.{name}": _in("inference", name)
        for name in (
            "sample",
            "candidates",
            "chunks",
            "condition",
            "unroll",
            "likelihood",
            "candidates",
        )
    },
    "data.mixed": (*_in("data", "mixed"), *_in("diffusion", "joint")),
    "data.parts": _in("data", "parts"),
    "data.grid": _in("data", "grid"),
    "data.scales": _in("data", "scales", "numeric"),
    "data.numeric": _in("data", "numeric", "table"),
    "data.categorical": _in("data", "categorical", "table"),
    "data.column": _in("data", "schema"),
    "data.columns": _in("data", "columns", "table"),
    "data.cells": _in("data", "reading", "table"),
    "data.table": _in("data", "table"),
    "data.identifiers": _in("data", "identifiers", "table"),
}


class Baseline(NamedTuple):
    """The tests of a module on the source as it is.

    Attributes
    ----------
    seconds : dict
        Processor time of each test, by its id.
    reach : dict
        The tests that run each line of the module.
    """

    seconds: dict[str, float]
    reach: dict[int, list[str]]

    @classmethod
    def read(cls, line: str) -> Baseline:
        """The baseline of a line of JSON."""
        seconds, reach = json.loads(line)
        return cls(seconds, {int(at): ids for at, ids in reach.items()})

    def tests(self, mutant: Mutant) -> list[str]:
        """The ids of the tests that reach a mutant, the shortest first; at import all do."""
        reached = {test for line in mutant.lines for test in self.reach.get(line, ())}
        chosen = reached if mutant.function else self.seconds.keys()
        return sorted(chosen, key=lambda test: self.seconds[test])


def hunt(path: Path, tests: Sequence[str], chosen: Sequence[Mutant]) -> Iterator[tuple[str, str]]:
    """The name of each mutant of the file at ``path``, and what came of it.

    Parameters
    ----------
    path : Path
        A module that is not imported yet.
    tests : sequence of str
        Files or folders.
    chosen : sequence of Mutant

    Raises
    ------
    RuntimeError
        If the tests fail on the source as it is.
    """
    within = [mutant for mutant in chosen if mutant.function]
    told = lines_of(lambda pipe: collected(tests, _Campaign(path, within, pipe)))
    first = next(told, None)
    if first is None:
        raise RuntimeError(f"{path.name}: its tests fail as it is. Run them: {' '.join(tests)}.")
    left = len(within)
    for line in told:
        name, came = json.loads(line)
        left -= 1
        yield name, came
    if left:
        raise RuntimeError(f"{path.name}: the tests broke off with {left} mutants left.")
    baseline = Baseline.read(first)
    limit = PATIENCE * sum(baseline.seconds.values()) + 6 * GRACE
    for mutant in chosen:
        if not mutant.function:
            plugin = _Imported(path, mutant.code(path.read_text("utf-8"), str(path)))
            plugin.ids = baseline.tests(mutant)
            yield mutant.name, CALLED[verdict(lambda p=plugin: collected(tests, p), limit)]


class _Campaign(Collected):
    """Collects once, measures the source as it is, and then forks for each mutant."""

    def __init__(self, path: Path, chosen: Sequence[Mutant], pipe: Any) -> None:
        self.path, self.chosen, self.pipe = path, chosen, pipe

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        measured = next(lines_of(lambda pipe: _measure(self.path, session, pipe)), None)
        if measured is None:
            return True
        self.pipe.write(measured)
        baseline = Baseline.read(measured)
        items = {item.nodeid: item for item in session.items}
        source, held = self.path.read_text("utf-8"), _held(self.path)
        # What is collected is never freed, so that children need not copy it to count.
        gc.freeze()
        for mutant in self.chosen:
            ids = baseline.tests(mutant)
            limit = PATIENCE * sum(baseline.seconds[test] for test in ids) + GRACE
            code, run = mutant.code(source, str(self.path)), [items[test] for test in ids]
            came = verdict(lambda c=code, r=run: _exchanged(session, held, c, r), limit)
            self.pipe.write(json.dumps([mutant.name, CALLED[came]]) + "\n")
        return True


def _measure(path: Path, session: pytest.Session, pipe: Any) -> None:
    """Run every test once; its time, and the lines that it runs."""
    import coverage

    session.config.pluginmanager.register(Stop())
    cover = coverage.Coverage(data_file=None, include=[str(path)], config_file=False)
    seconds = {}
    for item in session.items:
        begin = time.process_time()
        cover.start()
        cover.switch_context(item.nodeid)
        run_item(item)
        cover.stop()
        seconds[item.nodeid] = time.process_time() - begin
    reach = cover.get_data().contexts_by_lineno(str(path))
    lines = {line: [name for name in ids if name in seconds] for line, ids in reach.items()}
    pipe.write(json.dumps([seconds, lines]) + "\n")


def _held(path: Path) -> list[FunctionType]:
    """The functions of a module, wherever they are held; those within them go with them."""
    return [
        found
        for found in gc.get_objects()
        # Not isinstance, which asks objects that pretend to be of another class.
        if type(found) is FunctionType
        and found.__code__.co_filename == str(path)
        and "<locals>" not in found.__code__.co_qualname
    ]


def _exchanged(
    session: pytest.Session,
    held: Sequence[FunctionType],
    code: CodeType,
    items: Sequence[pytest.Item],
) -> int:
    """Run tests with the functions of a module made from other code."""
    new = {(inner.co_qualname, inner.co_firstlineno): inner for inner in _inner(code)}
    for function in held:
        old = function.__code__
        # What no file holds (a dataclass writes its own methods) stays.
        function.__code__ = new.get((old.co_qualname, old.co_firstlineno), old)
    session.config.pluginmanager.register(Stop())
    for item in items:
        run_item(item)
    return 0


def _inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for held in code.co_consts:
        if isinstance(held, CodeType):
            yield from _inner(held)


class _Imported(Collected, Stop):
    """Imports a module from other code, and runs the tests in the order of ``ids``."""

    def __init__(self, path: Path, code: CodeType) -> None:
        self.path, self.code = path, code
        self.ids: list[str] = []

    def pytest_configure(self) -> None:
        """Stand between Python and the file."""
        super().pytest_configure()
        loader = importlib.machinery.SourceFileLoader
        original, path, code = loader.get_code, str(self.path), self.code

        def get_code(self: Any, name: str) -> CodeType | None:
            return code if self.path == path else original(self, name)

        loader.get_code = get_code  # type: ignore[method-assign]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests in order."""
        rank = {test: at for at, test in enumerate(self.ids)}
        items[:] = sorted(
            (item for item in items if item.nodeid in rank), key=lambda item: rank[item.nodeid]
        )


# ------------------------------------------------------------------------------------ the command


def equivalents(path: Path = EQUIVALENT) -> dict[str, str]:
    """Why each mutant that no test could kill is none, by ``module: mutant``."""
    listed = tomllib.loads(path.read_text("utf-8"))
    return {
        f"{module}: {mutant}": entry["reason"]
        for module, entries in listed.items()
        for entry in entries
        for mutant in entry["mutants"]
    }


def path_of(module: str) -> Path:
    """The file of a module of the library."""
    return ROOT.joinpath("tabdiff", *module.split(".")).with_suffix(".py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, help="at most so many mutants; all when left out")
    parser.add_argument("--seed", type=int, default=0, help="which ones, where not all")
    parser.add_argument("--modules", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--dry", action="store_true", help="record nothing")
    args = parser.parse_args()
    known, began = equivalents(), time.perf_counter()
    made = [
        (module, mutant)
        for module in args.modules
        for mutant in mutants(path_of(module).read_text("utf-8"))
    ]
    order = np.random.default_rng(args.seed).permutation(len(made))[: args.cases]
    tallies: dict[str, Counter[str]] = {}
    survivors: list[str] = []
    for module in args.modules:
        chosen = [made[at][1] for at in sorted(order) if made[at][0] == module]
        tallies[module] = Counter()
        for name, came in hunt(path_of(module), TARGETS[module], chosen):
            full = f"{module}: {name}"
            if came == SURVIVED and full in known:
                came = ALIKE
            elif came == SURVIVED:
                survivors.append(full)
                print(full, file=sys.stderr, flush=True)
            tallies[module][came] += 1
        print(f"{module}: {dict(sorted(tallies[module].items()))}", file=sys.stderr, flush=True)
    if not args.dry:
        # Only now: what is to be mutated must not be imported before.
        from benchmarks.trials.record import record

        figures = {"mutants": {module: dict(tally) for module, tally in tallies.items()}}
        took = time.perf_counter() - began
        record("mutants", args.seed, len(order), survivors, took, figures)
    sys.exit(bool(survivors))


if __name__ == "__main__":
    for needed in WARM:
        importlib.import_module(needed)
    main()
