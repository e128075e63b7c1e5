import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_quickstart_runs_and_shows_what_it_made(tmp_path: Path):
    pytest.importorskip("sdmetrics")
    command = [sys.executable, str(EXAMPLES / "01_quickstart.py"), "--max-steps", "5"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Synthetic rows" in done.stdout
    for name in ("report.html", "real_and_synthetic.svg"):
        assert str(tmp_path / name) in done.stdout
        assert (tmp_path / name).stat().st_size > 10_000
    assert (tmp_path / "gapminder.tabdiff").exists()
