"""What makes the code of pages quick to run: as written, with next to no training."""

from typing import Any

import pytest

from tabdiff.training import settings


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fits take twenty steps where the code does not say how many, and sequences two calls."""
    make_recipe = settings.make_sequence_recipe

    def short_recipe(*counts: int, **chosen: Any) -> settings.Recipe:
        return make_recipe(*counts, **chosen | {"max_steps": 20})

    monkeypatch.setattr(settings, "default_steps", lambda n_rows: 20)
    monkeypatch.setattr("tabdiff.timeseries.make_sequence_recipe", short_recipe)
    monkeypatch.setattr("tabdiff.timeseries.default_sequence_steps", lambda layout: 2)
