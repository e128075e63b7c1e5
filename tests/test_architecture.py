"""Who may know whom, and what nobody may do: read from the source, imports in functions too."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tabdiff"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Each room, and what it may import of ours besides itself. A room is the longest prefix listed.
ROOMS = {
    "disk": set(),
    "strict_json": set(),
    "persistence": {"disk", "strict_json"},
    "files": {"disk"},
    "terminal": {"data.schema", "data.sequence", "persistence", "synthesizer", "timeseries"},
    "data": set(),
    "diffusion": {"data.mixed"},
    "denoisers": {"data.mixed"},
    "training.checkpoint": {"training", "diffusion", "data.mixed", "persistence", "disk"},
    "training.marginals": {"data.mixed", "data.noise"},
    "training": {"diffusion", "denoisers", "data.mixed"},
    "inference": {"diffusion", "denoisers", "data.mixed", "data.windows"},
    "evaluation": {"data.schema", "data.privacy", "disk"},
    "analytics": {"fitted", "sequences", "training", "inference", "diffusion", "data"}
    | {"evaluation.intervals", "evaluation.values"},
    "sequences": {"training", "inference", "diffusion", "data"},
    "sampler": {"training", "inference", "diffusion", "data"},
    "fitted": {"training", "inference", "denoisers", "diffusion", "data"},
    "private": {"fitted", "training", "inference", "diffusion", "data"},
    "private_sequences": {"private", "fitted", "training", "inference", "diffusion", "data"},
    "estimator": {"training", "inference", "persistence", "data.privacy"},
    "synthesizer": {"estimator", "sampler", "private", "fitted", "analytics"}
    | {"training", "inference", "denoisers", "diffusion", "data", "persistence"},
    "timeseries": {"estimator", "synthesizer", "sequences", "fitted", "analytics"}
    | {"private_sequences"}
    | {"training", "inference", "denoisers", "diffusion", "data", "persistence"},
    "integrations": {"synthesizer", "timeseries", "data.schema", "data.errors", "data.constraints"}
    | {"data.averages", "inference.chunks", "sampler", "training", "disk", "files"},
    "cli.commands.ui": {"cli.talk", "ui"},
    "ui": {"cli.talk", "cli.where", "synthesizer", "evaluation", "data.schema", "data.infer"}
    | {"files", "terminal", "training.standing"},
    "cli": {"integrations", "synthesizer", "timeseries", "evaluation", "analytics"}
    | {"data.schema", "data.long", "data.constraints", "data.errors", "data.privacy"}
    | {"files", "terminal", "disk", "persistence"},
}
# The face opens the doors of every room; rooms do not look into the mirror.
FACE = "__init__"

FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "manual_seed",
    "print",
    "seed_all",
    "set_default_device",
    "set_default_dtype",
    "set_num_threads",
    "simplefilter",
    "filterwarnings",
    "use_deterministic_algorithms",
}
FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN_NAMES = {"helper", "helpers", "manager", "misc", "model", "trainer", "util", "utils"}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST) -> set[str]:
    """Every module that a tree imports; ``from a import b`` counts as ``a.b``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{'.' * node.level}{node.module or ''}.{a.name}" for a in node.names}
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def trespasses(source: str, module: str) -> list[str]:
    """The imports of `module` that its room does not allow."""
    room = next((name for name in ROOMS if within(module, name)), None)
    if room is None:
        return [f"{module}: add it to ROOMS"]
    allowed = ROOMS[room] | {room}
    ours = {name for name in imported(ast.parse(source)) if within(name, "tabdiff")}
    targets = {name.removeprefix("tabdiff").removeprefix(".") for name in ours}
    return sorted(
        f"{module} imports tabdiff.{target}"
        for target in targets - {"__version__"}
        if not any(within(target, door) for door in allowed)
    )


def offences(source: str) -> list[str]:
    """What no file of the library may do."""
    tree = ast.parse(source)
    names = imported(tree)
    found = [f"import of {name}" for name in names if name.split(".")[0] in FORBIDDEN_MODULES]
    found += [f"relative import {name}" for name in names if name.startswith(".")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            if node.args.kwarg is not None:
                found.append(f"line {node.lineno}: **{node.args.kwarg.arg}")
        elif isinstance(node, ast.Call) and (name := _called(node)) in FORBIDDEN_CALLS:
            found.append(f"line {node.lineno}: {name}()")
    return found


def _called(call: ast.Call) -> str:
    """Name of what is called; a method of an object of ones own, ``generator.x()``, has none."""
    match call.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="generator"), attr="manual_seed"):
            return ""
        # torch.Generator().manual_seed(0) seeds that generator; nn.Module has .eval()
        case ast.Attribute(value=ast.Call(), attr="manual_seed") | ast.Attribute(attr="eval"):
            return ""
        case ast.Attribute(attr=name):
            return name
    return ""


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_imports_go_down_the_list(path: Path):
    module = dotted(path)
    if module not in {FACE, "__main__"}:
        assert trespasses(path.read_text("utf-8"), module) == []


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_no_file_does_what_nobody_may(path: Path):
    assert offences(path.read_text("utf-8")) == []


def test_names_say_what_is_inside():
    parts = {part for path in SOURCES for part in dotted(path).split(".")}
    assert parts & FORBIDDEN_NAMES == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("data.table", "from tabdiff.synthesizer import DiffusionSynthesizer"),
        ("diffusion.joint", "def f():\n    import tabdiff.data.table"),
        ("evaluation.quality", "from tabdiff.data import table"),
        ("persistence", "from tabdiff import Schema"),
        ("attic", "pass"),
    ],
)
def test_a_planted_trespass_is_found(module: str, source: str):
    assert trespasses(source, module) != []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from joblib import dump",
        "from . import data",
        "print(1)",
        "torch.manual_seed(0)",
        "warnings.simplefilter('ignore')",
        "def f(**options): ...",
    ],
)
def test_a_planted_offence_is_found(source: str):
    assert offences(source) != []


@pytest.mark.parametrize(
    "source", ["torch.Generator().manual_seed(0)", "generator.manual_seed(0)", "network.eval()"]
)
def test_a_generator_of_ones_own_is_no_offence(source: str):
    assert offences(source) == []
