"""Traits of entities: which columns have levels and usual categories, and what they are."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.long import LongFrame, fit_encoder
from tabdiff.data.mixed import Mixed
from tabdiff.data.table import TableEncoder
from tabdiff.data.traits import Traits, find_traits


def read(frame: pd.DataFrame) -> tuple[TableEncoder, Mixed, LongFrame]:
    long, rng = LongFrame.learn(frame, "k", None, "auto", ()), np.random.default_rng(0)
    encoder = fit_encoder(frame, long, {}, 8, rng)
    return encoder.rows, encoder.rows.encode(long.rows, rng), long


def panel(n: int, own: float) -> pd.DataFrame:
    """Eight rows an entity; of the variance of ``held`` the share ``own`` lies between entities.

    ``c`` is the entity's own category in the same share of its rows, and any of three elsewhere.
    """
    rng = np.random.default_rng(1)
    key = np.repeat(np.arange(n), 8)
    level = rng.normal(size=n)[key]
    held = np.sqrt(own) * level + np.sqrt(1 - own) * rng.normal(size=8 * n)
    # Not there in the first entity, nor in a fifth of the others' rows.
    gone = (key == 0) | (rng.random(8 * n) < 0.2)
    frame = {"k": key, "held": np.where(gone, np.nan, held), "free": rng.normal(size=8 * n)}
    labels = np.array(["u", "v", "w"])
    own_label, other = labels[rng.integers(3, size=n)][key], rng.choice(labels, 8 * n)
    frame |= {"c": np.where(rng.random(8 * n) < own, own_label, other)}
    return pd.DataFrame(frame | {"d": rng.choice(labels, 8 * n)})


@pytest.mark.parametrize(("own", "found"), [(0.0, []), (0.1, []), (0.6, ["held", "c"])])
def test_columns_that_differ_between_entities_are_found(own: float, found: list[str]):
    encoder, rows, long = read(panel(400, own))
    traits, told = find_traits(encoder, rows, long.panel.offsets, set())
    assert [*traits.levels, *traits.usual] == found
    assert len(traits) == len(found)
    assert told.shape == (400, len(found))


def test_a_level_is_the_standardised_mean_of_what_is_there():
    frame = panel(400, 0.6)
    encoder, rows, long = read(frame)
    traits, told = find_traits(encoder, rows, long.panel.offsets, set())
    assert list(told.columns) == traits.labels == ["level of held", "usual c"]
    level = told["level of held"].to_numpy()
    assert np.isnan(level[0]) and not np.isnan(level[1:]).any()
    assert level[1:].mean() == pytest.approx(0, abs=0.05)
    assert level[1:].std() == pytest.approx(1, abs=0.05)
    # Encoded units rise with the user's.
    mean = frame.groupby("k")["held"].mean().to_numpy()
    assert np.corrcoef(mean[1:], level[1:])[0, 1] > 0.99


def test_a_usual_category_is_the_most_frequent_one():
    frame = panel(400, 0.6)
    encoder, rows, long = read(frame)
    told = find_traits(encoder, rows, long.panel.offsets, set())[1]["usual c"]
    part = encoder.parts("c")[1][0]
    code = dict(zip(frame["c"], rows.cat[:, part].tolist(), strict=True))
    often = frame.groupby("k")["c"].value_counts().unstack(fill_value=0)
    counts = often.rename(columns=code).sort_index(axis=1).to_numpy()
    assert told.tolist() == counts.argmax(1).tolist()


def test_few_entities_and_taken_labels_have_none():
    encoder, rows, long = read(panel(29, 0.6))
    traits, told = find_traits(encoder, rows, long.panel.offsets, set())
    assert not traits and told.shape == (29, 0)
    encoder, rows, long = read(panel(400, 0.6))
    taken = {"level of held", "usual c"}
    assert not find_traits(encoder, rows, long.panel.offsets, taken)[0]


def test_columns_whose_labels_read_alike_have_no_two_traits_of_one_name():
    frame = panel(400, 0.6)
    frame = frame[["k", "held"]].rename(columns={"held": 1}).assign(**{"1": frame["held"]})
    encoder, rows, long = read(frame)
    traits, told = find_traits(encoder, rows, long.panel.offsets, set())
    assert traits.labels == list(told.columns) == ["level of 1"]


def test_traits_are_what_their_dictionary_says():
    encoder, _, _ = read(panel(40, 0.6).rename(columns={"held": ("a", 1)}))
    traits = Traits((("a", 1), "free"), ("c",))
    assert Traits.from_dict(traits.to_dict(), encoder) == traits


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"levels": []},
        {"levels": {}, "usual": []},
        {"levels": [], "usual": [], "more": []},
        {"levels": ["c"], "usual": []},
        {"levels": ["held", "held"], "usual": []},
        {"levels": [], "usual": ["held"]},
        {"levels": [], "usual": ["absent"]},
    ],
)
def test_092_malformed_traits_are_refused(data: Any):
    encoder, _, _ = read(panel(40, 0.6))
    with pytest.raises(ValueError, match="malformed traits"):
        Traits.from_dict(data, encoder)
