from pathlib import Path

import pytest

from tabdiff.cli import OK, main
from tests.cli.frames import some_rows


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables and a model of the first; a test writes elsewhere."""
    folder = tmp_path_factory.mktemp("cli")
    some_rows(0).to_csv(folder / "train.csv", index=False)
    some_rows(1).to_csv(folder / "test.csv", index=False)
    arguments = ["--max-steps", "3", "--seed", "0", "--device", "cpu", "--quiet"]
    code = main(["fit", f"{folder}/train.csv", "-o", f"{folder}/m.tabdiff", *arguments])
    assert code == OK
    return folder
