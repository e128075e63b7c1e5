"""Which real values leave the program, and by which way: every output searched for every value.

    python -m benchmarks.trials.canaries --cases 40 --seed 0

A case is a table or a panel in which every real value can be recognised (`canary_frames`), and
all that the library makes of it (`canary_outputs`), searched (`canary_search`). `TOLD` says what of
it the documentation tells. Anything else is a leak, a failure of the case. What is told and was
never seen in the whole run is counted: of drawn rows it is a matter of chance.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.trials.canary_frames import (
    CONSTANT,
    ENDS,
    INNER,
    KEYS,
    LEVELS,
    RARE,
    TEXTS,
    UNUSED,
    Planted,
    Planter,
    groups,
    heads,
    panel,
    table,
)
from benchmarks.trials.canary_outputs import Case, Output, of_panel, of_table
from benchmarks.trials.canary_search import in_text
from benchmarks.trials.record import record

Sorts = Mapping[str, frozenset[str]]

SHAPES = {"table": (table, of_table), "panel": (panel, of_panel)}
# Reports are slow, so that each case has some of their sections.
SECTIONS = (("quality",), ("quality", "utility"), ("privacy",), ("detection",))

_CATEGORIES = {LEVELS, RARE, CONSTANT}
_NUMBERS = {ENDS, INNER}
_LEARNED = _CATEGORIES | _NUMBERS
_ROWS = _LEARNED | {UNUSED}
_PAGE = _CATEGORIES | {ENDS}

# What the documentation says of each output; of those that are not here, that no value is in them.
TOLD: dict[str, Sorts] = {
    "table": {
        "model file": frozenset(_ROWS),
        "pickle": frozenset(_ROWS),
        "schema JSON": frozenset({LEVELS, UNUSED}),
        "sample": frozenset(_ROWS),
        "sample_iter": frozenset(_ROWS),
        "impute": frozenset(_LEARNED),
        "augment": frozenset(_ROWS),
        "counterfactual": frozenset(_ROWS),
        "diffuse": frozenset(_ROWS),
        "trajectory": frozenset(_ROWS),
        "trajectory page": frozenset(_NUMBERS),
        "report as page": frozenset(_PAGE),
        "error: cells that are lists": frozenset({TEXTS}),
        "error: a column of another dtype": frozenset({TEXTS}),
        "error: a category that is new": frozenset({LEVELS, RARE}),
        "error: a condition on an unknown category": frozenset({LEVELS, RARE}),
        "error: a rule that rows break": frozenset(_NUMBERS),
        "error: a change that is none": frozenset({ENDS}),
        "tabdiff inspect": frozenset(_PAGE - {RARE}),
        "file of tabdiff impute": frozenset(_LEARNED),
        "file of tabdiff augment": frozenset(_LEARNED),
        "file of tabdiff fit": frozenset(_LEARNED),
        "file of tabdiff sample": frozenset(_LEARNED),
        "file of tabdiff evaluate --html": frozenset(_PAGE),
        "warnings": frozenset({ENDS}),
    },
    "panel": {
        "model file": frozenset({LEVELS, RARE} | _NUMBERS),
        "pickle": frozenset({LEVELS, RARE} | _NUMBERS),
        "sample": frozenset({LEVELS, RARE} | _NUMBERS),
        "forecast": frozenset({LEVELS} | _NUMBERS),
        "forecast in quantiles": frozenset({LEVELS} | _NUMBERS),
        "impute": frozenset({LEVELS} | _NUMBERS),
        "report as text": frozenset({LEVELS}),
        "report as JSON": frozenset({LEVELS}),
        "report in a notebook": frozenset({LEVELS}),
        "report as page": frozenset({LEVELS, RARE, ENDS}),
        "error: two rows at one moment": frozenset({KEYS} | _NUMBERS),
        "error: a category that is new": frozenset({LEVELS}),
        "tabdiff inspect": frozenset({LEVELS, ENDS}),
        "tabdiff evaluate": frozenset({LEVELS}),
        "tabdiff forecast": frozenset({LEVELS} | _NUMBERS),
        "file of tabdiff impute": frozenset({LEVELS} | _NUMBERS),
        "file of tabdiff fit": frozenset({LEVELS, RARE} | _NUMBERS),
        "file of tabdiff sample": frozenset({LEVELS, RARE} | _NUMBERS),
        "file of tabdiff evaluate --html": frozenset({LEVELS, RARE, ENDS}),
        "file of tabdiff evaluate --json": frozenset({LEVELS}),
    },
}


def outputs(shape: str, seed: int, k: int) -> tuple[Planted, list[Output]]:
    """The values of case k, and all that is made of them."""
    plant, make = SHAPES[shape]
    rng = np.random.default_rng([seed, k])
    fresh = heads(rng)
    planter = Planter(rng, fresh)
    shared = groups(planter)
    low = 170 if shape == "table" else 24
    learned = plant(planter, shared, int(rng.integers(low, low * 3 // 2)), own=True)
    asked = plant(Planter(rng, fresh), shared, low, own=False)
    sections = SECTIONS[k // len(SHAPES) % len(SECTIONS)]
    if shape == "panel":
        sections = (*(s for s in sections if s != "utility"), "sequences")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made = list(make(Case(learned.frame, asked.frame, Path(folder), sections)))
    text = "\n".join(str(warning.message) for warning in said)
    return learned, [*made, ("warnings", in_text(text))]


def observe(shape: str, seed: int, k: int) -> tuple[dict[str, set[str]], int]:
    """What sort of real values each output of case k holds, and how many were looked for in all."""
    planted, made = outputs(shape, seed, k)
    seen: dict[str, set[str]] = {}
    for name, found in made:
        seen.setdefault(name, set()).update(found.sorts(planted))
    return seen, planted.count * len(seen)


def leaks(shape: str, seen: Mapping[str, set[str]]) -> list[str]:
    """What is in outputs and is not told of them, a line for each output and sort."""
    told = TOLD[shape]
    return [
        f"{shape}: {sort} in {name}"
        for name, sorts in seen.items()
        for sort in sorted(sorts - told.get(name, frozenset()))
    ]


def told_in_vain(shape: str, seen: Mapping[str, set[str]]) -> list[str]:
    """What is told of outputs and is not in them, a line for each output and sort."""
    return [
        f"{shape}: {sort} is told of {name} and never in it"
        for name, sorts in TOLD[shape].items()
        for sort in sorted(sorts - seen.get(name, set()))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began, pairs, failures = time.monotonic(), 0, []
    union: dict[str, dict[str, set[str]]] = {shape: {} for shape in SHAPES}
    for k in range(chosen.cases):
        shape = tuple(SHAPES)[k % len(SHAPES)]
        seen, searched = observe(shape, chosen.seed, k)
        pairs += searched
        failures += [f"case {k}: {line}" for line in leaks(shape, seen)]
        for name, sorts in seen.items():
            union[shape].setdefault(name, set()).update(sorts)
        print(f"case {k}: {shape}, {pairs:,} pairs, {len(failures)} failures", file=sys.stderr)
    unseen = [line for shape in SHAPES for line in told_in_vain(shape, union[shape])]
    figures = {"pairs": pairs, "outputs": sum(map(len, union.values())), "told_unseen": unseen}
    record("canaries", chosen.seed, chosen.cases, failures, time.monotonic() - began, figures)


if __name__ == "__main__":
    main()
