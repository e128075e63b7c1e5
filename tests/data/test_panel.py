"""Long frames read: roles, entities, order, duplicates and missing keys."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff import SchemaError
from tabdiff.data.long import LongFrame
from tabdiff.data.panel import Roles, free_label

AUTO = "auto"


def panel(lengths: tuple[int, ...] = (4, 1, 3)) -> pd.DataFrame:
    rows = [
        {"k": f"s{i}", "t": t, "ctx": i % 2, "x": 10 * i + t}
        for i, n in enumerate(lengths)
        for t in range(n)
    ]
    return pd.DataFrame(rows)


def learn(frame: pd.DataFrame, key: Any = "k", index: Any = "t", context: Any = AUTO) -> LongFrame:
    return LongFrame.learn(frame, key, index, context, ())


def test_rows_are_sorted_by_entity_and_time_wherever_they_lie():
    frame = panel()
    for seed in range(5):
        mixed = frame.sample(frac=1, random_state=seed)
        long = learn(mixed)
        order = mixed.k.drop_duplicates().tolist()
        assert long.entities.k.tolist() == order
        for at, name in enumerate(order):
            own = slice(*long.panel.offsets[at : at + 2])
            expected = frame[frame.k == name].x.tolist()
            assert long.rows.x.iloc[own].tolist() == expected
            assert mixed.x.iloc[long.panel.order[own]].tolist() == expected
            assert (long.panel.owner[own] == at).all()
            assert (long.panel.first[own] == 0).all()


def test_rows_keep_their_order_where_there_is_no_index():
    frame = pd.DataFrame({"k": list("abab"), "x": [3, 1, 2, 0]})
    long = learn(frame, index=None)
    assert long.rows.x.tolist() == [3, 2, 1, 0]
    assert long.panel.times.tolist() == [0, 1, 0, 1]
    assert "sequence start" not in long.table()


def test_without_a_key_there_is_one_series():
    long = learn(panel((5,)).drop(columns="k"), key=None)
    assert long.panel.offsets.tolist() == [0, 5]
    assert long.roles.context == ()
    assert long.table()["sequence length"].tolist() == [5]


def test_lengths_count_holes_of_a_regular_index():
    frame = panel((20, 20))
    frame["t"] = pd.Timestamp("2021-01-01") + pd.to_timedelta(frame.t, unit="D")
    long = learn(frame.drop(index=[3, 4]))
    assert long.table()["sequence length"].tolist() == [20, 20]


@pytest.mark.parametrize(
    "key",
    [
        pd.Series([3, 1, 3, 1]),
        pd.Series(["b", "a", "b", "a"]),
        pd.Series(["b", "a", "b", "a"], dtype="category"),
        pd.Series(pd.to_datetime(["2021-03-28", "2021-03-27"] * 2)).dt.tz_localize("Europe/Paris"),
        pd.Series(["b", "a", "b", "a"], dtype="string[pyarrow]"),
        pd.Series([True, False] * 2),
    ],
    ids=lambda key: str(key.dtype),
)
def test_keys_of_every_dtype_tell_entities_apart(key: pd.Series):
    long = learn(pd.DataFrame({"k": key, "t": [1, 1, 0, 0], "x": [1, 3, 0, 2]}))
    assert long.entities.k.tolist() == key.iloc[:2].tolist()
    assert long.entities.k.dtype == key.dtype
    assert long.rows.x.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("dtype", ["int64", "object", "category", "float64", "datetime64[ns]"])
def test_context_is_what_never_changes_within_an_entity(dtype: str):
    frame = panel().assign(ctx=lambda f: f.ctx.astype(dtype), one=7, gone=np.nan)
    long = learn(frame)
    assert long.roles.context == ("ctx", "one", "gone")
    assert long.roles.rows == ("x",)


def test_a_column_that_is_sometimes_missing_is_no_context():
    frame = panel().assign(y=[1.0, 1.0, np.nan, 1.0, 2.0, 3.0, 3.0, 3.0])
    assert "y" in learn(frame).roles.rows


def test_context_may_be_named():
    frame = panel().assign(one=7)
    assert learn(frame, context=["ctx"]).roles.context == ("ctx",)
    assert learn(frame, context=[]).roles.rows == ("ctx", "x", "one")
    assert Roles.find(frame, "k", "t", AUTO, ["one"]).ahead == ("one",)
    assert Roles.find(frame, "k", "t", AUTO, ["one"]).context == ("ctx",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": "kk"}, "there is no column 'kk'.*'k'"),
        ({"key": "t"}, "column 't' cannot have two roles"),
        ({"context": ["x"]}, "context column 'x' has several values within one entity"),
        ({"context": ["x", "nowhere"]}, "no column 'nowhere'"),
        ({"context": ["ctx", "ctx"]}, "'ctx' cannot have two roles"),
        ({"key": None, "context": ["ctx"]}, "need a sequence_key"),
    ],
)
def test_roles_that_columns_cannot_have_are_refused(given: dict[str, Any], message: str):
    with pytest.raises(SchemaError, match=message):
        learn(panel(), **given)


def test_a_frame_without_anything_that_changes_is_no_set_of_sequences():
    with pytest.raises(SchemaError, match="Use DiffusionSynthesizer"):
        learn(panel().drop(columns="x"))


def test_where_all_entities_have_one_row_nothing_is_context():
    long = learn(panel((1, 1, 1)))
    assert long.roles.rows == ("ctx", "x", "sequence gap")[:2]
    assert long.rows["sequence gap"].tolist() == [0, 0, 0]


def test_070_duplicate_moments_name_entity_and_moment():
    frame = panel()
    frame.loc[2, "t"] = 1
    with pytest.raises(SchemaError, match=r"1 rows have the moment.*'k' 's0', 't' 1"):
        learn(frame)
    with pytest.raises(SchemaError, match=r"name the column that tells entities apart"):
        learn(panel((2, 2)).drop(columns="k"), key=None)


def test_070_the_same_moment_in_two_zones_is_a_duplicate():
    stamps = [pd.Timestamp("2021-01-01 12:00", tz="UTC")] * 2
    frame = pd.DataFrame({"t": pd.Series(stamps).dt.tz_convert("Asia/Tokyo"), "x": [1, 2]})
    with pytest.raises(SchemaError, match="2021-01-01 21:00:00"):
        learn(frame, key=None)


@pytest.mark.parametrize("column", ["k", "t"])
def test_071_missing_keys_and_moments_name_the_rows(column: str):
    frame = panel().astype({"t": "Int64"})
    frame.loc[[2, 5], column] = None
    with pytest.raises(SchemaError, match=rf"'{column}', the sequence_\w+, misses 2 .*at row 2"):
        learn(frame)


@pytest.mark.parametrize("label", ["sequence gap", "sequence length", "sequence start"])
def test_labels_of_our_own_are_refused(label: str):
    with pytest.raises(SchemaError, match=f"'{label}': that name is needed"):
        learn(panel().rename(columns={"x": label}))


def test_labels_that_are_not_unique_are_refused():
    with pytest.raises(SchemaError, match="must be unique"):
        learn(panel().set_axis(["k", "t", "x", "x"], axis=1))


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [("a", 1), ("a", 2), ("b", 1), ("b", 2)]])
def test_labels_of_any_kind_are_kept(labels: list[Any]):
    frame = panel().set_axis(pd.Index(labels), axis=1)
    long = learn(frame, labels[0], labels[1])
    assert list(long.rows.columns) == [labels[3]]
    assert list(long.table().columns) == [labels[0], labels[2], "sequence length", "sequence start"]


def test_a_first_row_gets_a_gap_that_others_have():
    """Never the distance to the entity before."""
    frame = pd.DataFrame({"k": list("aaabbb"), "t": [0, 2, 7, 900, 901, 905], "x": range(6)})
    long = learn(frame)
    assert long.timeline.kind == "irregular"
    gaps = long.rows["sequence gap"].tolist()
    assert gaps[1:3] + gaps[4:] == [2, 5, 1, 4]
    assert {gaps[0], gaps[3]} <= {1, 2, 4, 5}


def test_an_irregular_step_is_one_that_was_there():
    frame = pd.DataFrame({"t": np.cumsum([0, 600, 1200, 600, 1200]), "x": range(5)})
    assert learn(frame, key=None).timeline.step == 600


def test_a_hundred_thousand_entities_are_read():
    n = 100_000
    frame = pd.DataFrame(
        {"k": np.tile(np.arange(n), 2), "t": np.repeat([1, 0], n), "ctx": np.tile(np.arange(n), 2)}
    ).assign(x=np.arange(2 * n))
    long = learn(frame)
    assert len(long.entities) == n
    assert long.roles.context == ("ctx",)
    assert (long.rows.x.to_numpy().reshape(n, 2) == [[i + n, i] for i in range(n)]).all()


def test_free_labels_are_free():
    assert free_label("a", ["b"]) == "a"
    assert free_label("a", ["a", "a_"]) == "a__"
