"""How much of the library the default suite runs: lines, and both ways of every branch.

    python -m benchmarks.trials.coverage

A case is a module of the kernel, a failure one of which the suite runs less than ``LEAST``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.circumstances import HERE
from benchmarks.trials.record import RESULTS, record

ROOT = HERE.parent
# What draws, learns and encodes; the rest tells of it.
KERNEL = ("data", "denoisers", "diffusion", "inference", "training")
# Of the lines and branches of a module, in per cent.
LEAST = 90.0


def measured(paths: list[str]) -> dict[str, Any]:
    """What ``coverage`` tells of each file of the library after these tests.

    Raises
    ------
    subprocess.CalledProcessError
        If a test fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
        command += ["--cov=tabdiff", "--cov-branch", f"--cov-report=json:{written}"]
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True)
        told = json.loads(written.read_text(encoding="utf-8"))
    return {name: file["summary"] for name, file in told["files"].items()}


def share(files: list[dict[str, Any]], what: str) -> float:
    """Of the lines or the branches of some files, in per cent."""
    covered = sum(file[f"covered_{what}"] for file in files)
    whole = sum(file["num_statements" if what == "lines" else "num_branches"] for file in files)
    return round(100 * covered / whole, 2)


def of_kernel(name: str) -> bool:
    """Whether a file belongs to what draws, learns and encodes."""
    parts = Path(name).parts
    return len(parts) > 2 and parts[parts.index("tabdiff") + 1] in KERNEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", help="of tests; the whole default suite unless given")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    began = time.monotonic()
    files = measured(asked.paths or ["-n", "2", "--dist", "worksteal"])
    kernel = {name: file for name, file in files.items() if of_kernel(name)}
    few = {name: file["percent_covered"] for name, file in kernel.items()}
    failures = [f"{name}: {at:.1f} %" for name, at in few.items() if at < LEAST]
    figures = {
        f"{of}_{what}": share(list(own.values()), what)
        for of, own in (("kernel", kernel), ("library", files))
        for what in ("lines", "branches")
    }
    took = time.monotonic() - began
    record("coverage", 0, len(kernel), failures, took, figures, asked.results)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
