"""The methods that are compared, their environments, and one run of one of them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import RealTable

HERE = Path(__file__).parent
ROOT = HERE.parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PATH_VARIABLES = ("PYTHONPATH", "PYTHONSAFEPATH")


class RunFailedError(RuntimeError):
    """A method broke off, or was not done in time."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of rivals.

    Attributes
    ----------
    name : str
        Of the requirements file in benchmarks/rivals.
    libraries : tuple of str
        Distributions whose versions move figures.
    unwanted : tuple of str
        Distributions to remove after installing, because they only do harm.
    """

    name: str
    libraries: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes
    ----------
    label : str
        For people.
    environment : Environment or None
        None: the environment of the benchmark itself.
    is_model : bool
        False for yardsticks that learn nothing.
    """

    label: str
    environment: Environment | None = None
    is_model: bool = True


_SDV = Environment("sdv", ("sdv", "ctgan", "copulas", "torch"))
# PyPI's torchvision is made for the CUDA build of torch: beside a CPU build it breaks the import of
# transformers, which works without it, as the engine does.
MOSTLYAI = Environment("mostlyai", ("mostlyai-engine", "torch"), ("torchvision", "torchaudio"))
_SYNTHCITY = Environment("synthcity", ("synthcity", "torch"))
_FOREST = Environment("forest_diffusion", ("ForestDiffusion", "xgboost"))
_IMBLEARN = Environment("imblearn", ("imbalanced-learn", "scikit-learn"))
METHODS = {
    "tabdiff": Method("tabdiff"),
    "tabdiff_fast": Method("tabdiff, fast"),
    "tabdiff_best": Method("tabdiff, best"),
    "tabular_argn": Method("TabularARGN", MOSTLYAI),
    "ctgan": Method("CTGAN", _SDV),
    "tvae": Method("TVAE", _SDV),
    "gaussian_copula": Method("GaussianCopula", _SDV),
    "tabddpm": Method("TabDDPM", _SYNTHCITY),
    "forest_diffusion": Method("ForestDiffusion", _FOREST),
    "smote_nc": Method("SMOTE-NC", _IMBLEARN, is_model=False),
    "independent": Method("independent columns", is_model=False),
    "bootstrap": Method("bootstrap copy", is_model=False),
}


def python_of(environment: Environment | None, folder: Path) -> Path:
    """The Python that runs a method; its environment is made where it is not there yet.

    Parameters
    ----------
    environment : Environment or None
    folder : Path
        Holds the environments, one for each content of a requirements file.

    Raises
    ------
    subprocess.CalledProcessError
        If the requirements cannot be installed.
    """
    if environment is None:
        return Path(sys.executable)
    requirements = HERE / "rivals" / f"{environment.name}.txt"
    asked = f"{requirements.read_text(encoding='utf-8')} {environment.unwanted} {sys.version}"
    mark = hashlib.sha256(asked.encode()).hexdigest()[:8]
    place = folder.resolve() / f"{environment.name}-{mark}"
    python, done = place / "bin" / "python", place / "installed"
    if not done.exists():
        print(f"making {place}", file=sys.stderr)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        _make([sys.executable, "-m", "venv", "--clear", str(place)])
        _make([*pip, "install", "--requirement", str(requirements)])
        if environment.unwanted:
            _make([*pip, "uninstall", "--yes", *environment.unwanted])
        done.touch()
    return python


def _make(command: list[str]) -> None:
    # On the caller's path pip would take his packages for installed.
    subprocess.run(command, check=True, env=_off_path())


def run_method(
    name: str, table: RealTable, seed: int, python: Path, folder: Path, threads: int, limit: float
) -> dict[str, Any]:
    """Fit and sample in a process of its own; synthetic.csv is then in the folder.

    Parameters
    ----------
    name : str
        Of a method.
    table : RealTable
        Only its training rows are handed over.
    seed : int
    python : Path
        See `python_of`.
    folder : Path
        An empty one.
    threads : int
    limit : float
        Seconds after which the process is ended.

    Returns
    -------
    dict
        What the worker printed: seconds, memory, versions, facts.

    Raises
    ------
    RunFailedError
        If the method broke off, or was not done in time.
    """
    hand_over(table, folder)
    return run_worker(command_of("benchmarks.worker", name, seed, python, folder), threads, limit)


def hand_over(table: RealTable, folder: Path) -> None:
    """Write what a worker is told of a table: train.csv and task.json."""
    table.train.to_csv(folder / "train.csv", index=False)
    told = {"roles": table.roles, "target": table.target}
    (folder / "task.json").write_text(json.dumps(told), encoding="utf-8")


def command_of(module: str, name: str, seed: int, python: Path, folder: Path) -> list[str]:
    """What runs a worker on a method and a folder; parameters as of `run_method`."""
    environment = METHODS[name].environment
    libraries = environment.libraries if environment else ()
    command = [str(python), "-m", module, name, str(folder), "--seed", str(seed)]
    return [*command, "--libraries", *libraries]


def run_worker(command: list[str], threads: int, limit: float) -> dict[str, Any]:
    """What a worker's last line says, the worker run off the caller's path.

    Parameters
    ----------
    command : list of str
    threads : int
    limit : float
        Seconds after which the process and all that it started are ended.

    Raises
    ------
    RunFailedError
        If the worker broke off, or was not done in time.
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=_off_path() | dict.fromkeys(THREAD_VARIABLES, str(threads)),
        start_new_session=True,
    ) as process:
        try:
            printed, complaint = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired as expired:
            raise RunFailedError(f"not done in {limit:,g} s") from expired
        finally:
            if process.poll() is None:
                # The group: a rival's own workers would outlive it otherwise.
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode < 0:
        raise RunFailedError(f"ended by {signal.Signals(-process.returncode).name}")
    if process.returncode > 0:
        raise RunFailedError(last_words(complaint) or f"exit code {process.returncode}")
    cost: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return cost


def _off_path() -> dict[str, str]:
    """The caller's environment variables, less those that add packages to every Python."""
    return {name: v for name, v in os.environ.items() if name not in PATH_VARIABLES}


def last_words(complaint: str) -> str:
    """The message of a traceback, in one line of at most 300 characters."""
    lines = complaint.strip().splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("  File ")]
    # What follows the last frame: its source line, indented, then the message.
    message = [line for line in lines[starts[-1] + 1 if starts else -1 :] if line[:1] != " "]
    return " ".join(" ".join(message).split())[:300]
