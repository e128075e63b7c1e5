import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "05_look_inside.py"


def test_the_look_inside_runs_and_shows_what_it_made(tmp_path: Path):
    pytest.importorskip("plotly")
    command = [sys.executable, str(EXAMPLE), "--max-steps", "2", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "A row holds" in done.stdout and "The oddest unseen rows" in done.stdout
    pictures = sorted(tmp_path.glob("*.html"))
    assert len(pictures) == 6
    assert all(str(picture) in done.stdout for picture in pictures)
