"""Statistical tests with other seeds: what says that it fails once in a million hardly ever does.

A test that compares draws with a law fails for some seeds, though nothing is wrong; each states how
often. Here such tests run again with every seed that they name moved by a number of the case: the
promise is broken where a test fails more often than what it states allows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.trials.forked import Collected, collected, lines_of, run_item

ROOT = Path(__file__).parents[2]
# What each test states, as the share of seeds that fail; those of one name are all its parameters.
STATED = {
    "tests/diffusion/test_gaussian.py::test_prior_is_float32_standard_normal": 2e-6,
    "tests/diffusion/test_gaussian.py::test_q_sample_in_one_jump_is_a_chain_of_small_steps": 2e-6,
    "tests/diffusion/test_multinomial.py::test_q_sample_at_one_forgets_x0": 6e-6,
    "tests/diffusion/test_multinomial.py::test_q_sample_in_one_jump_is_a_product": 3e-6,
    "tests/diffusion/test_multinomial.py::test_step_mixes_the_posterior_over_the_belief": 1e-5,
    "tests/diffusion/test_multinomial.py::test_step_draws_parts_apart": 1e-6,
    "tests/diffusion/test_multinomial.py::test_clocks_of_a_row_are_spread_evenly": 4e-6,
    "tests/diffusion/test_multinomial.py::test_a_clock_leaves_the_law_of_every_part": 3e-6,
    "tests/diffusion/test_joint.py::test_what_is_filled_is_a_unit_normal": 3e-6,
    "tests/diffusion/test_joint.py::test_noise_is_independent_across_parts": 4e-7,
    "tests/inference/test_chunks.py::test_the_two_streams_of_a_path_are_strangers": 6e-7,
    "tests/inference/test_condition.py::test_one_set_is_exact": 1e-6,
    "tests/inference/test_condition.py::test_several_sets_follow_their_joint_conditional": 6e-7,
    "tests/inference/test_condition.py::test_shares_weigh_the_levels": 1e-6,
    "tests/inference/test_sample.py::test_two_levels_given_a_third_are_drawn": 1e-6,
    "tests/inference/test_sample.py::test_restored_levels_keep_their_law": 2e-6,
    "tests/data/test_mixed.py::test_packing_draws_in_proportion": 4e-6,
    "tests/data/test_table.py::test_rare_labels_share_a_level": 6e-7,
    "tests/training/test_masks.py::test_the_share_of_rows_that_see_anything": 6e-7,
    "tests/training/test_masks.py::test_every_number_of_known_parts_is_equally_likely": 3e-6,
    "tests/denoisers/test_embeddings.py::test_frequencies_have_the_scale_asked_for": 6e-7,
    "tests/denoisers/test_embeddings.py::test_vectors_start_with_unit_variance": 1e-5,
}
# The chance that a test which keeps its word is accused.
ACCUSED = 1e-6


class Moved(Collected):
    """Runs the chosen tests once for each case, in a process of its own, with its seeds moved."""

    def __init__(self, names: Sequence[str], seed: int, cases: int, pipe: Any) -> None:
        self.names, self.seed, self.cases, self.pipe = tuple(names), seed, cases, pipe

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests."""
        items[:] = [item for item in items if _name(item).startswith(self.names)]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """One line for each case: the tests that failed, of how many."""
        for case in range(self.cases):
            by = int(np.random.SeedSequence((self.seed, case)).generate_state(1)[0])
            for line in lines_of(lambda pipe, by=by: _failed(session, by, pipe)):
                self.pipe.write(line)
        return True


class _Failures:
    def __init__(self) -> None:
        self.ids: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed."""
        if report.failed:
            self.ids.add(report.nodeid)


def _failed(session: pytest.Session, by: int, pipe: Any) -> None:
    failures = _Failures()
    session.config.pluginmanager.register(failures)
    move_seeds(by)
    for item in session.items:
        run_item(item)
    bad = [_name(item) for item in session.items if item.nodeid in failures.ids]
    pipe.write(json.dumps([bad, [_name(item) for item in session.items]]) + "\n")


def _name(item: pytest.Item) -> str:
    """A test's file, from the root of the repository on, and what it is called there."""
    path = item.path.relative_to(ROOT) if item.path.is_relative_to(ROOT) else item.path
    return f"{path.as_posix()}::{item.name}"


def move_seeds(by: int) -> None:
    """Let every generator of this process that is given a seed take it ``by`` further on."""
    import torch

    default_rng, generator = np.random.default_rng, torch.Generator

    def moved_rng(seed: Any = None) -> np.random.Generator:
        return default_rng(seed + by if isinstance(seed, int) else seed)

    class MovedGenerator(generator):  # type: ignore[misc, valid-type]
        def manual_seed(self, seed: int) -> Any:
            super().manual_seed(seed + by)
            return self

    np.random.default_rng = moved_rng  # type: ignore[assignment]
    torch.Generator = MovedGenerator  # type: ignore[misc]


def outcomes(names: Sequence[str], seed: int, cases: int) -> Iterator[tuple[list[str], list[str]]]:
    """Of each case the tests that failed, and all that ran.

    Raises
    ------
    RuntimeError
        If not every case was tried.
    """
    files = sorted({name.partition("::")[0] for name in names})
    tried = 0
    for line in lines_of(lambda pipe: collected(files, Moved(names, seed, cases, pipe))):
        tried += 1
        failed, ran = json.loads(line)
        yield failed, ran
    if tried < cases:
        raise RuntimeError(f"only {tried} of {cases} cases were tried. Run: {' '.join(files)}.")


def accused(failed: int, ran: int, stated: float) -> bool:
    """Whether so many failures are too many to believe what is stated."""
    return bool(stats.binom.sf(failed - 1, ran, stated) < ACCUSED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200, help="other seeds")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began, failed, ran = time.perf_counter(), Counter[str](), Counter[str]()
    for at, (bad, every) in enumerate(outcomes(list(STATED), args.seed, args.cases), 1):
        failed.update(name for test in bad for name in STATED if test.startswith(name))
        ran.update(name for test in every for name in STATED if test.startswith(name))
        print(f"{at} of {args.cases}: {sum(failed.values())} failed", file=sys.stderr, flush=True)
    wrong = [
        f"{name}: {failed[name]} of {ran[name]} failed, stated {stated:g}"
        for name, stated in STATED.items()
        if not ran[name] or accused(failed[name], ran[name], stated)
    ]
    from benchmarks.trials.record import record

    figures = {"tests": len(STATED), "runs": sum(ran.values()), "failures_by_test": dict(failed)}
    record("seeds", args.seed, args.cases, wrong, time.perf_counter() - began, figures)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
