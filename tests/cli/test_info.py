from pathlib import Path

import numpy as np

from tabdiff.cli import OK, main


def test_info_tells_what_the_model_is(folder: Path, capsys):
    assert main(["info", f"{folder}/m.tabdiff"]) == OK
    shown = capsys.readouterr().out
    assert "80 rows of 5 columns" in shown
    assert "parameters" in shown
    assert "numpy " + np.__version__ in shown
    assert "day     datetime" in shown
