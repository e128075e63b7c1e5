"""The mutation trial: what it plants, that it sees what survives, and that its list is alive."""

import ast
from pathlib import Path

import pytest

from benchmarks.trials import mutants as trial
from benchmarks.trials.mutations import mutants

SOURCE = '''
LIMIT = 2


def between(x, low, high=3.0):
    """The docstring stays."""
    assert low != high
    if x < low or not x:
        raise ValueError(f"below {low - 1}")
    seen = [y for y in x if y]
    seen[0] = pick(low, max(low, high), key=abs)
    zip(x, x, strict=True)
    return x @ high
'''
PLANTED = [
    "module: 2 -> 3",
    "module: 2 -> 1",
    "module: 3.0 -> 6.0",
    "module: 3.0 -> 1.5",
    "between: if x < low or not x -> if not (x < low or not x)",
    "between: x < low or not x -> x < low and (not x)",
    "between: x < low -> x <= low",
    "between: not x -> x",
    "between: raise ValueError(f'below {low - 1}') -> pass",
    "between: for y in x if y -> for y in x",
    "between: seen[0] = pick(low, max(low, high), key=abs) -> pass",
    "between: zip(x, x, strict=True) -> pass",
    "between: 0 -> 1",
    "between: 0 -> -1",
    "between: pick(low, max(low, high), key=abs) -> pick(max(low, high), low, key=abs)",
    "between: pick(low, max(low, high), key=abs) -> pick(low, max(low, high))",
    "between: return x @ high -> return None",
    "between: x @ high -> high @ x",
]
MEDIAN = "def middle(values):\n    return sorted(values)[len(values) // 2]\n"
WEAK = "def test_one():\n    assert middle([5]) == 5\n"
STRONG = WEAK + "def test_three():\n    assert middle([3, 1, 2]) == 2\n"


def test_one_thing_differs_in_each_mutant():
    made = list(mutants(SOURCE))
    assert sorted(mutant.name for mutant in made) == sorted(PLANTED)
    assert {mutant.function for mutant in made} == {"", "between"}
    plain = ast.unparse(ast.parse(SOURCE))
    for mutant in made:
        code = mutant.code(SOURCE, "source.py")
        assert code.co_consts != compile(plain, "source.py", "exec").co_consts


def came(tmp_path: Path, tests: str) -> dict[str, str]:
    """What becomes of the mutants of a function that picks the middle one."""
    path = tmp_path / "median.py"
    path.write_text(MEDIAN)
    (tmp_path / "test_median.py").write_text(f"from median import middle\n{tests}")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    asked = [f"--rootdir={tmp_path}", f"-c{tmp_path / 'pytest.ini'}", str(tmp_path)]
    return dict(trial.hunt(path, asked, list(mutants(MEDIAN))))


def test_weak_tests_leave_mutants_alive_and_strong_ones_none(tmp_path: Path):
    weak = came(tmp_path, WEAK)
    assert weak["middle: len(values) // 2 -> len(values) * 2"] == trial.KILLED
    assert weak["middle: 2 -> 3"] == trial.SURVIVED
    strong = came(tmp_path, STRONG)
    assert strong.keys() == weak.keys()
    assert strong["middle: 2 -> 1"] == trial.KILLED
    assert trial.SURVIVED in weak.values()


def test_tests_that_fail_as_it_is_are_told(tmp_path: Path):
    with pytest.raises(RuntimeError, match="median.py: its tests fail as it is"):
        came(tmp_path, "def test_wrong():\n    assert middle([1, 2, 3]) == 3\n")


@pytest.mark.parametrize("module", trial.TARGETS)
def test_each_listed_mutant_is_one_and_has_a_reason(module: str):
    known = trial.equivalents()
    listed = {name: why for name, why in known.items() if name.startswith(f"{module}: ")}
    made = {f"{module}: {m.name}" for m in mutants(trial.path_of(module).read_text("utf-8"))}
    assert listed.keys() <= made
    assert all(len(why) > 20 for why in listed.values())


def test_every_module_of_the_mathematics_and_every_test_file_exists():
    for module, tests in trial.TARGETS.items():
        assert trial.path_of(module).is_file()
        assert all((trial.ROOT / name).is_file() for name in tests)
    for wing in ("diffusion", "inference"):
        names = {path.stem for path in (trial.ROOT / "tabdiff" / wing).glob("[a-z]*.py")}
        # How work is spread over threads is no mathematics.
        assert {f"{wing}.{name}" for name in names - {"threads"}} <= trial.TARGETS.keys()
