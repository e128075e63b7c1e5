"""Levels of entities: which columns have them, and what they are."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.levels import Level, find_levels, levels_of
from tabdiff.data.long import LongFrame, fit_encoder
from tabdiff.data.mixed import Mixed
from tabdiff.data.table import TableEncoder


def read(frame: pd.DataFrame) -> tuple[TableEncoder, Mixed, LongFrame]:
    long, rng = LongFrame.learn(frame, "k", None, "auto", ()), np.random.default_rng(0)
    encoder = fit_encoder(frame, long, {}, 8, rng)
    return encoder.rows, encoder.rows.encode(long.rows, rng), long


def panel(n: int, own: float) -> pd.DataFrame:
    """Eight rows an entity; of the variance of ``held`` the share ``own`` lies between entities."""
    rng = np.random.default_rng(1)
    key = np.repeat(np.arange(n), 8)
    level = rng.normal(size=n)[key]
    held = np.sqrt(own) * level + np.sqrt(1 - own) * rng.normal(size=8 * n)
    # Not there in the first entity, nor in a fifth of the others' rows.
    gone = (key == 0) | (rng.random(8 * n) < 0.2)
    frame = {"k": key, "held": np.where(gone, np.nan, held), "free": rng.normal(size=8 * n)}
    return pd.DataFrame(frame | {"c": rng.choice(["u", "v"], 8 * n)})


@pytest.mark.parametrize(("own", "found"), [(0.0, []), (0.05, []), (0.5, ["held"])])
def test_columns_that_differ_between_entities_have_levels(own: float, found: list[str]):
    encoder, rows, long = read(panel(400, own))
    levels = find_levels(encoder, rows, long.panel.offsets, set())
    assert [level.column for level in levels] == found


def test_a_level_is_the_standardised_mean_of_what_is_there():
    frame = panel(400, 0.5)
    encoder, rows, long = read(frame)
    levels = find_levels(encoder, rows, long.panel.offsets, set())
    told = levels_of(encoder, levels, rows, long.panel.offsets)
    assert told.shape == (400, 1)
    assert np.isnan(told[0, 0]) and not np.isnan(told[1:]).any()
    assert told[1:].mean() == pytest.approx(0, abs=0.05)
    assert told[1:].std() == pytest.approx(1, abs=0.05)
    # Encoded units rise with the user's.
    mean = frame.groupby("k")["held"].mean().to_numpy()
    assert np.corrcoef(mean[1:], told[1:, 0])[0, 1] > 0.99


def test_few_entities_and_taken_labels_have_none():
    encoder, rows, long = read(panel(29, 0.5))
    assert find_levels(encoder, rows, long.panel.offsets, set()) == ()
    encoder, rows, long = read(panel(400, 0.5))
    assert find_levels(encoder, rows, long.panel.offsets, {"level of held"}) == ()


def test_a_level_is_what_its_dictionary_says():
    level = Level(("a", 1), 0.5, 2.0)
    assert Level.from_dict(level.to_dict()) == level


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"column": "x", "mean": 0.0},
        {"column": "x", "mean": "0", "spread": 1.0},
        {"column": "x", "mean": 0.0, "spread": 0.0},
        {"column": "x", "mean": float("nan"), "spread": 1.0},
        {"column": "x", "mean": True, "spread": 1.0},
        {"column": "x", "mean": 0.0, "spread": 1.0, "more": 1},
    ],
)
def test_092_malformed_levels_are_refused(data: Any):
    with pytest.raises(ValueError, match="malformed level"):
        Level.from_dict(data)
