"""Files that were written once are read for ever, and give the rows that they gave."""

import json
from pathlib import Path
from typing import Any

import pytest

from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer, persistence
from tests.golden.make import described, rows_of
from tests.golden.subjects import SUBJECTS

FILES = sorted((Path(__file__).parent / "golden").glob("format_*/*.tabdiff"))
CLASSES = {kind.KIND: kind for kind in (DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer)}


def load(path: Path) -> Any:
    if path.stem == "arrow":
        pytest.importorskip("polars")
        pytest.importorskip("pyarrow")
    content, _ = persistence.read(path)
    return CLASSES[content["kind"]].load(path, device="cpu")


def differences(found: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Where two tables differ: in their labels, dtypes, or cells by column and row.

    Floats agree within rounding: sums over a layer are taken in another order by another
    processor. So might, once in millions of draws, a category fall on the other side of its bound,
    which no stored row does by less than that.
    """
    told = [name for name in ("container", "labels", "dtypes") if found[name] != stored[name]]
    for label, own, theirs in zip(stored["labels"], found["cells"], stored["cells"], strict=True):
        if len(own) != len(theirs):
            return [*told, f"{label}: {len(own)} rows"]
        told += [
            f"{label}, row {row}: {one} was {other}"
            for row, (one, other) in enumerate(zip(own, theirs, strict=True))
            if not alike(one, other)
        ]
    return told


def alike(one: list[str], other: list[str]) -> bool:
    if one[0] == other[0] == "float":
        return float(one[1]) == pytest.approx(float(other[1]), rel=1e-4, abs=1e-9, nan_ok=True)
    return one == other


def test_there_are_files_of_this_format_version():
    assert {path.parent.name for path in FILES} >= {f"format_{persistence.FORMAT_VERSION}"}
    assert len(FILES) == len(SUBJECTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_092_a_golden_file_gives_the_rows_that_it_gave(path: Path):
    stored = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert differences(described(rows_of(load(path), path.stem)), stored) == []


def test_a_planted_difference_is_found():
    stored = json.loads(FILES[0].with_suffix(".json").read_text(encoding="utf-8"))
    changed = json.loads(json.dumps(stored))
    changed["cells"][0][1] = ["int", "-77"]
    changed["dtypes"][2] = "object"
    assert len(differences(changed, stored)) == 2
    assert alike(["float", "1.00000001"], ["float", "1.0"])
    assert not alike(["float", "1.01"], ["float", "1.0"])
    assert not alike(["int", "1"], ["float", "1"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_file_saved_again_says_the_same(path: Path, tmp_path: Path):
    load(path).save(tmp_path / "again.tabdiff")
    content, arrays = persistence.read(path)
    again, own = persistence.read(tmp_path / "again.tabdiff")
    # Parameters that came later have their defaults.
    known = {name: again["parameters"][name] for name in content["parameters"]}
    assert again | {"parameters": known} == content
    assert {name: array.tobytes() for name, array in own.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
