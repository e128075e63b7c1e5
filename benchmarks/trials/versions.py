"""The default suite under the interpreter that runs this, with the libraries it finds there.

    python -m benchmarks.trials.versions --name lowest --constraints constraints-lowest.txt

One environment a run: the record states its Python and its libraries.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from benchmarks.circumstances import HERE
from benchmarks.trials.record import RESULTS, record

ROOT = HERE.parent
# What record() does not name; a release, or null where it is not installed.
OTHERS = ("scipy", "click", "tqdm", "sdmetrics", "plotly", "pyarrow", "polars", "imbalanced-learn")


class Suite(NamedTuple):
    """What came of the tests of one run.

    Attributes
    ----------
    passed : int
    skipped : dict of str to int
        How many tests were skipped, by the reason given.
    expected : dict of str to int
        How many tests failed as they are marked to, by the reason given.
    failures : list of str
        One line for each test that failed or broke, and for a run that ended before its last test.
    """

    passed: int
    skipped: dict[str, int]
    expected: dict[str, int]
    failures: list[str]


def run_suite(paths: list[str], seed: int) -> Suite:
    """Run the tests under these paths in a process of their own and count what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "suite.xml"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--quiet", *paths]
        command += [f"--config-file={ROOT / 'pyproject.toml'}", "--continue-on-collection-errors"]
        command += [f"--hypothesis-seed={seed}", f"--junitxml={written}"]
        done = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
        cases = ElementTree.parse(written).iter("testcase") if written.exists() else ()
        suite = _counted(list(cases))
    # 0 and 1 are pytest's own words for a run that reached its end.
    if done.returncode not in (0, 1) or (done.returncode == 1 and not suite.failures):
        suite.failures.append(f"pytest ended with code {done.returncode}")
    return suite


def _counted(cases: list[ElementTree.Element]) -> Suite:
    passed, failures = 0, list[str]()
    skipped, expected = Counter[str](), Counter[str]()
    for case in cases:
        name = f"{case.get('classname')}::{case.get('name')}"
        broken = case.find("failure") if case.find("error") is None else case.find("error")
        left_out = case.find("skipped")
        if broken is not None:
            failures.append(f"{name}: {broken.get('message', '')[:200]}")
        elif left_out is not None:
            kind = expected if left_out.get("type") == "pytest.xfail" else skipped
            kind[left_out.get("message", "")] += 1
        else:
            passed += 1
    return Suite(passed, dict(skipped), dict(expected), failures)


def differing(constraints: Path) -> list[str]:
    """Each installed library whose release is not the one that the file pins."""
    lines = constraints.read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line]
    found = [(name, pin, _release(name)) for name, pin in pins]
    return [f"{n} is {own}, pinned is {pin}" for n, pin, own in found if own not in (pin, None)]


def _release(name: str) -> str | None:
    try:
        # What a wheel adds after a plus sign says how it was built.
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="of tests; the whole default suite unless given")
    parser.add_argument("--name", required=True, help="of this environment, as the record has it")
    parser.add_argument("--constraints", type=Path, help="the file that this environment obeys")
    parser.add_argument("--seed", type=int, default=0, help="of the property-based tests")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.constraints and (wrong := differing(asked.constraints)):
        parser.error(f"this is no environment of {asked.constraints}: {'; '.join(wrong)}.")
    began = time.monotonic()
    suite = run_suite(asked.paths, asked.seed)
    figures = {"passed": suite.passed, "skipped": suite.skipped, "expected": suite.expected}
    figures["others"] = {name: _release(name) for name in OTHERS}
    record(
        f"versions: {asked.name}",
        asked.seed,
        suite.passed + len(suite.failures),
        suite.failures,
        time.monotonic() - began,
        figures,
        asked.results,
    )
    sys.exit(1 if suite.failures else 0)


if __name__ == "__main__":
    main()
