"""Nothing in a file can run: read from the source, and watched while files are loaded."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tabdiff"
GOLDEN = Path(__file__).parent / "golden" / "format_1"
SOURCES = sorted(PACKAGE.rglob("*.py"))

MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
MODULES |= {"code", "codeop", "runpy", "ctypes", "imp"}
# One call of torch's own library, by a name that the source spells out.
MAY_IMPORT = {"inference/threads.py": {"ctypes"}}
BUILTINS = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {"read_pickle", "to_pickle", "literal_eval", "find_class", "system", "popen"}
# Of torch and numpy: files of theirs may hold pickles.
LOADERS = {"torch.load", "torch.save", "np.load", "numpy.load", "torch.jit.load", "pd.eval"}
# The face imports by its own table and the commands by their own folder; nobody else by a name.
MAY_IMPORT_BY_NAME = {"__init__.py", "cli/commands/__init__.py"}


def executions(source: str, file: str = "") -> list[str]:
    """What in a source might run, or unpack, what is told by data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        forbidden = MODULES - MAY_IMPORT.get(file, set())
        found += [f"import of {name}" for name in names if name.split(".")[0] in forbidden]
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        last = called.rpartition(".")[2]
        if called in BUILTINS or called in LOADERS or last in METHODS:
            found.append(called)
        if last == "import_module" and file not in MAY_IMPORT_BY_NAME:
            found.append(called)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_092_no_source_runs_or_unpickles_data(path: Path):
    file = str(path.relative_to(PACKAGE))
    assert executions(path.read_text("utf-8"), file) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from joblib import load",
        "import yaml",
        "eval(text)",
        "exec(text)",
        "compile(text, '', 'eval')",
        "__import__(name)",
        "importlib.import_module(name)",
        "torch.load(path)",
        "np.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "ast.literal_eval(text)",
        "os.system(text)",
    ],
)
def test_092_a_planted_execution_is_found(source: str):
    assert executions(source) != []


def test_a_compiled_pattern_and_an_evaluated_network_are_no_executions():
    assert executions("re.compile('a'); network.eval(); evaluate(a)") == []


# Python tells an audit hook of all that is compiled, run, unpickled, imported or opened (PEP 578).
WATCHED = """
import json, pickle, sys
from pathlib import Path
from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer, persistence

classes = {kind.KIND: kind for kind in (DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer)}
models = [(classes[persistence.read(path)[0]["kind"]], path) for path in map(Path, sys.argv[1:])]

def load_all():
    for kind, path in models:
        kind.load(path, device="cpu")

def execute():
    pickle.loads(pickle.dumps(Path))
    eval("1")
    import imaplib

def watch(act):
    events.clear()
    act()
    return list(events)

events = []
sys.addaudithook(lambda event, args: events.append([event, str(args[0]) if args else ""]))
before = set(sys.modules)
load_all()
modules = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
told = {"modules": modules, "loading": watch(load_all), "executing": watch(execute)}
json.dump(told, sys.stdout)
"""
HARMLESS = {"builtins.id", "sys._getframe", "object.__getattr__"}
# Expressions of the constraints in the files: Python's parser makes a tree of them, and no code.
PARSED = {"b'total == net * 1.21'", "b'paid >= fare'"}


@pytest.fixture(scope="module")
def watched() -> dict[str, list]:
    """The modules that a first load imports, and the audited events of a second one."""
    paths = [str(path) for path in sorted(GOLDEN.glob("*.tabdiff"))]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WATCHED, *paths],
        check=True, capture_output=True, text=True, cwd=PACKAGE.parent,
    )  # fmt: skip
    return json.loads(done.stdout)


def executed(events: list[list[str]]) -> list[list[str]]:
    """Events beyond the opening of the file itself."""
    return [
        [event, what]
        for event, what in events
        if event not in HARMLESS
        and not (event == "open" and what.endswith(".tabdiff"))
        and not (event == "compile" and what in PARSED)
    ]


def test_092_loading_runs_imports_and_opens_nothing_but_the_file(watched: dict[str, list]):
    assert executed(watched["loading"]) == []
    opened = [what for event, what in watched["loading"] if event == "open"]
    assert len(opened) == len(list(GOLDEN.glob("*.tabdiff")))


def test_092_a_first_load_imports_what_stores_columns_and_nothing_else(watched: dict[str, list]):
    stores = {"tabdiff", "polars", "_polars_runtime_32", "pyarrow", "zoneinfo", "tzdata", "pytz"}
    assert set(watched["modules"]) <= stores


def test_092_a_planted_unpickling_is_seen(watched: dict[str, list]):
    events = {event for event, _ in executed(watched["executing"])}
    assert {"pickle.find_class", "compile", "exec", "import"} <= events
