"""The count of a suite's tests, on suites that are known to pass, to fail and to break."""

import tomllib
from pathlib import Path

import pytest

from benchmarks.trials.versions import Suite, differing, run_suite

ROOT = Path(__file__).parents[2]


def suite_of(folder: Path, **files: str) -> Suite:
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    return run_suite([str(folder)], seed=0)


def test_what_passed_and_what_was_left_out_is_counted_by_its_reason(tmp_path: Path):
    left_out = "import pytest\n\n@pytest.mark.skip(reason='no pyarrow')\ndef test_b(): ...\n"
    known = "import pytest\n\n@pytest.mark.xfail(reason='known')\ndef test_c(): 1 / 0\n"
    suite = suite_of(tmp_path, one="def test_a(): ...\n", two=left_out, three=known)
    assert suite == Suite(1, {"no pyarrow": 1}, {"known": 1}, [])


def test_a_test_that_fails_or_breaks_and_a_file_that_cannot_be_read_are_failures(tmp_path: Path):
    failing = "import warnings\n\ndef test_a(): warnings.warn('old', DeprecationWarning)\n"
    broken = "import pytest\n\n@pytest.fixture\ndef x(): 1 / 0\n\ndef test_b(x): ...\n"
    suite = suite_of(tmp_path, one=failing, two=broken, three="import absent_module\n")
    assert suite.passed == 0
    told = "\n".join(suite.failures)
    assert "test_a: DeprecationWarning: old" in told
    assert 'test_b: failed on setup with "ZeroDivisionError' in told
    assert "test_three: collection failure" in told


def test_a_run_without_a_test_is_a_failure(tmp_path: Path):
    assert suite_of(tmp_path).failures == ["pytest ended with code 5"]


def test_an_environment_that_is_not_the_pinned_one_is_told(tmp_path: Path):
    pins = tmp_path / "pins.txt"
    pins.write_text(f"# tried\npytest=={pytest.__version__}\nclick==0.1\nno-such-library==3\n")
    (wrong,) = differing(pins)
    assert wrong.startswith("click is ")
    assert wrong.endswith("pinned is 0.1")


def test_the_lowest_set_pins_each_declared_library_at_its_floor():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    # The rivals that the benchmarks bring, clusters and browsers are of no test in this set.
    for name in ("bench", "ray", "e2e"):
        del extras[name]
    # An extra may bring another.
    extras = {name: [r for r in own if "tabdiff[" not in r] for name, own in extras.items()}
    declared = [*project["dependencies"], *(r for name in extras for r in extras[name])]
    floors = dict(requirement.split(">=") for requirement in declared)
    lines = (ROOT / "constraints-lowest.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    assert {n: f for n, f in floors.items() if not (pins[n] + ".").startswith(f + ".")} == {}
