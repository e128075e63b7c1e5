from pathlib import Path
from xml.etree import ElementTree

import pytest


def test_pictures_of_the_mathematics_are_drawn(tmp_path: Path):
    pytest.importorskip("plotly")
    from docs_build.pictures import IMAGES, draw

    draw(tmp_path, max_steps=2)
    for name in ("schedule.svg", "continents_over_time.svg", "beliefs_of_a_row.svg"):
        drawn = ElementTree.fromstring((tmp_path / name).read_text("utf-8"))
        assert len(drawn) > 10
        assert (IMAGES / name).exists()
