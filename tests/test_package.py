import json
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import tabdiff

ROOT = Path(__file__).parents[1]


def fresh(code: str) -> str:
    """What code prints in a new interpreter in which every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_fast_and_loads_nothing_heavy():
    started = time.perf_counter()
    loaded = fresh("import sys, json, tabdiff; print(json.dumps(sorted(sys.modules)))")
    seconds = time.perf_counter() - started
    heavy = {"torch", "pandas", "numpy", "sklearn", "sdmetrics", "plotly", "tqdm", "click"}
    assert heavy & set(json.loads(loaded)) == set()
    # 0.02 s by itself; a busy machine may need longer to start the interpreter.
    assert seconds < 2


def test_help_loads_nothing_heavy():
    code = "import sys, json; from tabdiff.cli import main; main(['--help']); "
    loaded = fresh(code + "print(json.dumps(sorted(sys.modules)))").splitlines()[-1]
    assert {"torch", "pandas", "numpy", "sdmetrics"} & set(json.loads(loaded)) == set()


@pytest.mark.parametrize("name", tabdiff.__all__)
def test_every_name_of_the_face_exists(name: str):
    assert getattr(tabdiff, name) is not None
    assert name in dir(tabdiff)


def test_the_face_lists_what_it_can_open():
    assert set(tabdiff._HOME) | {"__version__"} == set(tabdiff.__all__) | {"DiffusionOverSampler"}
    for name, home in tabdiff._HOME.items():
        assert getattr(import_module(home), name) is getattr(tabdiff, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tabdiff' has no attribute 'Sythesizer'"):
        _ = tabdiff.Sythesizer


def test_errors_and_the_synthesizer_need_no_evaluation_libraries():
    fresh(
        "import sys, tabdiff; tabdiff.DiffusionSynthesizer, tabdiff.SchemaError; "
        "assert 'sdmetrics' not in sys.modules and 'plotly' not in sys.modules"
    )


def test_imbalanced_learn_is_needed_by_its_own_sampler_only():
    fresh(
        "import sys; sys.modules['imblearn'] = None\n"
        "import tabdiff\n"
        "try: tabdiff.DiffusionOverSampler\n"
        "except ImportError as error: assert \"pip install 'tabdiff[imblearn]'\" in str(error)\n"
        "else: raise AssertionError('no error')"
    )


def test_ray_is_needed_by_its_own_module_only():
    fresh(
        "import sys; sys.modules['ray'] = None\n"
        "import tabdiff, tabdiff.cli, tabdiff.integrations.distributed\n"
        "try: import tabdiff.integrations.ray\n"
        "except ImportError as error: assert \"pip install 'tabdiff[ray]'\" in str(error)\n"
        "else: raise AssertionError('no error')"
    )


def test_the_release_is_in_the_changelog_and_the_tested_set_is_pinned():
    assert f"## {tabdiff.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["eval"]]
    wanted += project["optional-dependencies"]["dev"]
    lines = (ROOT / "constraints.txt").read_text("utf-8").lower().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    assert {requirement.split(">=")[0].lower() for requirement in wanted} <= pinned


def test_types_are_shipped():
    assert (ROOT / "tabdiff" / "py.typed").exists()
