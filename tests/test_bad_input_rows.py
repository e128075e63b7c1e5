"""The list of bad and odd input is covered: each of its rows is in the name of a test.

A row is named by a function, ``test_26_28_integers…``, or by a case, ``[09 infinite]``.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
ROWS = set(range(1, 109))
IN_A_FUNCTION = re.compile(r"test_((?:\d{2,3}_)+)")
IN_A_CASE = re.compile(r"(\d{2,3})(?: |$)")


def cases(function: Any) -> Iterator[str]:
    """The names of a test's cases, as pytest shows them, where they are told."""
    for mark in getattr(function, "pytestmark", []):
        if mark.name != "parametrize":
            continue
        names, values = mark.args[:2]
        ids = mark.kwargs.get("ids") or []
        yield from ids if not callable(ids) else ()
        for value in values:
            if getattr(value, "id", None) is not None:
                yield value.id
            elif not ids and isinstance(value, str) and "," not in str(names):
                yield value


def rows_named(name: str, function: Any) -> set[int]:
    found = IN_A_FUNCTION.match(name)
    rows = [int(row) for row in found[1].split("_")[:-1]] if found else []
    rows += [int(row[1]) for case in cases(function) if (row := IN_A_CASE.match(str(case)))]
    return set(rows) & ROWS


def rows_of(path: Path) -> set[int]:
    """The rows that the tests of a file name."""
    if not re.search(r"test_\d{2}|bad_input|odd_columns", path.read_text("utf-8")):
        return set()
    dotted = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
    members = vars(importlib.import_module(dotted)).items()
    named = [rows_named(name, test) for name, test in members if name.startswith("test_")]
    return set().union(*named)


@pytest.fixture(scope="module")
def covered() -> dict[str, set[int]]:
    paths = sorted(TESTS.rglob("test_*.py"))
    return {str(path.relative_to(TESTS)): rows_of(path) for path in paths}


def test_every_row_of_the_list_has_a_test(covered: dict[str, set[int]]):
    assert sorted(ROWS - set().union(*covered.values())) == []


# Rows that say nothing of a door: what a file format cannot hold, what only training does, …
COLUMNS = set(range(6, 33)) | set(range(41, 60)) | {64, 65}
FRAMES = set(range(1, 6)) | set(range(33, 41)) | {60, 61, 62, 63, 67, 68}


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("test_bad_inputs.py", COLUMNS | FRAMES | set(range(66, 69)) | set(range(74, 91))),
        ("test_bad_inputs_of_verbs.py", COLUMNS - {46, 47} | {1, 2, 3, 5, 61, 62, 63, 68, 86, 87}),
        (
            "test_bad_inputs_of_sequences.py",
            COLUMNS - {46, 47} | FRAMES | set(range(70, 80)) | set(range(83, 91)),
        ),
        ("evaluation/test_bad_inputs.py", COLUMNS - {47} | FRAMES | {71, 104, 106, 107, 108}),
        (
            "cli/test_bad_inputs.py",
            {*range(1, 11), 13, 17, 20, *range(26, 34), 41, 42, 44, 45, 46, 53, 54, 55, 64, 65, 66}
            | {68, 74, 75, 76, 77, 78, 79, 80, 81, 84, 85, 86, 88, 89, 90, 91, 92, 104, 106, 108},
        ),
    ],
)
def test_each_door_has_the_rows_that_speak_of_it(
    covered: dict[str, set[int]], file: str, wanted: set[int]
):
    assert sorted(wanted - covered[file]) == []


def test_rows_are_read_from_functions_and_cases():
    @pytest.mark.parametrize("name", ["09 infinite", "7", "1,234 x"])
    @pytest.mark.parametrize(("x", "y"), [pytest.param(1, 2, id="12 dicts"), (3, 4)])
    def test(name, x, y): ...

    assert rows_named("test_26_28_integers", test) == {26, 28, 9, 12}
    assert rows_named("test_003_one_row", None) == {3}
    assert rows_named("test_70000_rows_in_2_parts", None) == set()
