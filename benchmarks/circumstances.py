"""What every benchmark needs: a set of real rows, a result file, and where a figure was made."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

HERE = Path(__file__).parent


class RealSet(NamedTuple):
    """Rows to learn from, rows that judge, the column to predict and the columns of categories."""

    train: pd.DataFrame
    test: pd.DataFrame
    target: str
    categorical: tuple[str, ...]


def read_set(data: Path, name: str, most_test_rows: int | None = None) -> RealSet:
    """The set ``data/tabular/<name>``; test rows beyond the most are left out at random."""
    folder = data / "tabular" / name
    train, test = _read_csv(folder / "train.csv.gz"), _read_csv(folder / "test.csv.gz")
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    # One set writes its names with hyphens in one file and with dots in the other.
    roles = {column["name"].replace("-", "."): column["role"] for column in meta["columns"]}
    categorical = tuple(c for c in train if roles.get(c.replace("-", ".")) == "categorical")
    if most_test_rows is not None and len(test) > most_test_rows:
        test = test.sample(most_test_rows, random_state=0).reset_index(drop=True)
    return RealSet(train, test, meta["target"], categorical)


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def read_results(path: Path) -> list[dict[str, Any]]:
    """One dict per line of a result file; none where there is no file yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def append_result(path: Path, row: dict[str, Any]) -> None:
    """One more line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def circumstances(threads: int, libraries: tuple[str, ...]) -> dict[str, Any]:
    """Threads, processor and versions, tabdiff's with the commit where there is one."""
    import tabdiff

    asked = subprocess.run(
        ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    commit = f" ({asked.stdout.strip()})" if asked.returncode == 0 else ""
    versions = {"tabdiff": tabdiff.__version__ + commit}
    versions |= {library: version(library) for library in libraries}
    return {
        "threads": threads,
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": versions,
    }


def told(row: dict[str, Any]) -> str:
    """The circumstances of a row as one line of prose."""
    used = [f"{name} {v}" for name, v in row["versions"].items()]
    # The first lines of some files do not say which Python it was.
    python = [f"Python {row['python']}"] if "python" in row else []
    return f"{row['threads']} threads of {row['processor']}; {', '.join([*python, *used])}."


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
