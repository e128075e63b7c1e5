"""A table in pieces gives what the whole table gives, exactly or as near as sketches come."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff.data import sketches, streaming, summary
from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Cells
from tabdiff.data.column import Column
from tabdiff.data.errors import SchemaError, SchemaWarning
from tabdiff.data.material import Material, material_of
from tabdiff.data.mixed import Mixed
from tabdiff.data.numeric import NumericEncoder
from tabdiff.data.scales import Lattice
from tabdiff.data.schema import Schema
from tabdiff.data.stored import StoredRows
from tabdiff.data.summary import LabelSummary, NumberSummary
from tabdiff.data.table import TableEncoder

pytest.importorskip("datasketches", reason="tables in pieces need the extra 'big'")
pytestmark = pytest.mark.filterwarnings("ignore::tabdiff.data.errors.SchemaWarning")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def some_rows(n: int = 600) -> pd.DataFrame:
    draw = rng(1)
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=int(k)) for k in draw.integers(0, 9, n)]
    frame = pd.DataFrame(
        {
            "real": draw.normal(size=n),
            "money": np.round(draw.lognormal(3, 1, n), 2),
            "often": np.where(draw.random(n) < 0.3, 0.0, draw.normal(size=n)),
            "count": draw.poisson(2, n),
            "gaps": np.where(draw.random(n) < 0.2, np.nan, draw.gamma(2, size=n)),
            "moment": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(draw.integers(0, 10**6, n), unit="min"),
            "day": days,
            "price": [Decimal(int(k)) / 100 for k in draw.integers(0, 10**4, n)],
            "text": draw.choice(["a", "b", "ccc"], n),
            "class": pd.Categorical(draw.choice(["low", "high"], n), ["low", "high"], ordered=True),
            "flag": draw.random(n) < 0.5,
            "id": draw.permutation(n) + 1,
            "code": [f"CU-{k:06d}" for k in draw.permutation(n)],
            "same": "x",
            "none": np.nan,
        }
    )
    frame["mixed"] = pd.Series(draw.choice(np.array([1, "1", 2.5, True], dtype=object), n))
    return frame


def pieces(frame: pd.DataFrame, size: int) -> Callable[[], Any]:
    return lambda: (frame[at : at + size] for at in range(0, len(frame), size))


OPEN = ExitStack()


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the files of a test at its end."""
    with OPEN:
        yield


def material(X: Any, n_held: int = 50, **given: Any) -> Material:
    """What is learned from, its files still open."""
    options = {"schema": None, "column_kinds": None, "constraints": None, "on_violation": "raise"}
    return OPEN.enter_context(
        material_of(X, **(options | given), hold_out=lambda n: n_held, rng=rng())
    )


def same(one: TableEncoder, other: TableEncoder) -> bool:
    (data, arrays), (twin, others) = one.state(), other.state()
    return (
        data == twin
        and arrays.keys() == others.keys()
        and all(np.array_equal(arrays[k], others[k]) for k in arrays)
        and all(map(np.array_equal, one.proportions, other.proportions))
    )


@pytest.mark.parametrize("size", [50, 211, 10_000])
def test_pieces_of_any_size_give_the_encoders_of_the_whole(size: int):
    frame = some_rows()
    whole, streamed = material(frame), material(pieces(frame, size))
    assert whole.encoder.schema == streamed.encoder.schema
    assert same(whole.encoder, streamed.encoder)


def test_rows_are_kept_or_held_out_and_never_both():
    frame = some_rows()
    found = material(pieces(frame, 64), n_held=150)
    assert isinstance(found.kept, StoredRows)
    assert (len(found.kept), len(found.held_out), found.n_rows) == (450, 150, 600)
    both = Mixed(*map(np.concatenate, zip(*_arrays(found.kept, found.held_out), strict=True)))
    whole = found.encoder.encode(frame, rng()).cat.numpy()
    assert sorted(map(tuple, both.cat.tolist())) == sorted(map(tuple, whole.tolist()))
    # Neither the first rows nor the last ones are held out alone.
    positions = [tuple(row) for row in whole.tolist()]
    held = [positions.index(tuple(row)) for row in found.held_out[:].cat.tolist()]
    assert 0.3 < np.mean(held) / 600 < 0.7
    assert held == sorted(held)


def _arrays(*stored: Any) -> list[tuple[Any, Any]]:
    return [(rows[:].num.numpy(), rows[:].cat.numpy()) for rows in stored]


def test_nothing_held_out_means_that_the_same_rows_judge():
    found = material(pieces(some_rows(), 64), n_held=0)
    assert found.held_out is found.kept and found.n_rows == len(found.kept) == 600
    kept, judges = found.at_hand(100, rng())
    assert kept is judges and len(kept) == 100


def test_rows_at_hand_are_drawn_from_all_over():
    frame = pd.DataFrame({"x": np.repeat(np.arange(10), 100), "y": "ab" * 1})
    found = material(pieces(frame, 100), n_held=0)
    few, _ = found.at_hand(200, rng())
    assert len(few) == 200 and set(few.cat[:, 0].tolist()) == set(range(10))


def test_a_given_schema_is_followed_and_not_found_again():
    frame = some_rows()[["real", "text", "count"]]
    schema = Schema.infer(frame, {"count": "categorical"})
    found = material(pieces(frame, 90), schema=schema)
    assert found.encoder.schema is schema
    assert same(found.encoder, material(frame, schema=schema).encoder)
    with pytest.raises(SchemaError, match="'text' is absent"):
        material(pieces(frame.drop(columns="text"), 90), schema=schema)


def test_kinds_can_be_said():
    frame = some_rows()[["count", "code", "real"]]
    kinds = {"count": "categorical", "code": "categorical"}
    found = material(pieces(frame, 90), column_kinds=kinds)
    assert [c.kind for c in found.encoder.schema.columns] == ["categorical"] * 2 + ["numeric"]
    assert same(found.encoder, material(frame, column_kinds=kinds).encoder)
    with pytest.raises(SchemaError, match="no column 'cost'"):
        material(pieces(frame, 90), column_kinds={"cost": "numeric"})


@pytest.mark.parametrize(
    ("first", "second", "form", "dtype"),
    [
        ([1, 2, 3], [1.5, np.nan, 2.0], "float", "float64"),
        ([1.5, 2.5, 3.5], [1, 2, 3], "float", "float64"),
        (["2024-01-01"] * 3, ["soon", "late", "soon"], "string", ""),
        (["soon", "late", "soon"], ["2024-01-01"] * 3, "string", ""),
        (["2024-01-01"] * 3, ["2024-01-01 10:00"] * 3, "string", ""),
        ([np.nan] * 3, [1, 2, 3], "integer", "int64"),
        ([None] * 3, ["a", "b", "a"], "string", ""),
        ([True, False, True], [True, None, False], "boolean", "boolean"),
        ([Decimal("1.5")] * 3, [Decimal("1.25"), Decimal(2), Decimal(1)], "decimal", "object"),
        (pd.Series(["a", "b", "a"], dtype=object), [1, "a", 2], "mixed", "object"),
        (np.array([0.5, 1, 2], "float32"), [0.1, 0.2, 0.3], "float", "float64"),
        (np.array([1, 2, 3], "int8"), np.array([1, 2, 300], "int32"), "integer", "int32"),
    ],
)
def test_later_pieces_may_widen_a_column(first: Any, second: Any, form: str, dtype: str):
    frames = [pd.DataFrame({"x": first, "y": 1.0}), pd.DataFrame({"x": second, "y": 2.0})]
    (column, _) = material(frames, n_held=0).encoder.schema.columns
    assert column.form == form and dtype in ("", column.dtype)


def test_categories_are_those_of_all_pieces():
    frames = [pd.DataFrame({"x": pd.Categorical(list(letters))}) for letters in ("abab", "bcbc")]
    encoder = material(frames, n_held=0).encoder
    assert encoder.schema.columns[0].categories == ("a", "b", "c")
    assert encoder.fields[0].encoder.counts.tolist() == [2, 4, 2]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"x": [1, 2]}, {"x": ["a", "b"]}, "'x' is .* .string., before it was int64 .integer."),
        ({"x": [1, 2]}, {"y": [1, 2]}, "absent .'x'., new .'y'."),
        ({"x": [1, 2]}, {"x": [[1], [2]]}, "rows from 2 on: .* 2 values are lists"),
        ({"x": [1.0, 2.0]}, {"x": [1.0, np.inf]}, "1 values are infinite .first at row 3: inf"),
        (
            {"x": pd.Categorical(["a", "b"], ordered=True)},
            {"x": pd.Categorical(["a", "c"], ordered=True)},
            "ordered dtype whose categories differ",
        ),
        ({"x": ["a"]}, {"x": []}, "the table has 1 row"),
    ],
)
def test_pieces_that_do_not_go_together_are_refused(first: dict, second: dict, told: str):
    with pytest.raises(SchemaError, match=told):
        material([pd.DataFrame(first), pd.DataFrame(second)], n_held=0)


def test_a_table_that_changes_between_two_passes_is_refused():
    sizes = iter([100, 99])
    with pytest.raises(ValueError, match="100 rows when it was gone through first, and 99 then"):
        material(lambda: [some_rows(next(sizes))[["real", "flag"]]], n_held=0)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sketches take over after 300 different values."""
    monkeypatch.setattr(summary, "EXACT", 300)


@pytest.mark.usefixtures("few")
def test_sketched_numbers_are_divided_as_counted_ones_are():
    n = 50_000
    draw = rng(2)
    frame = pd.DataFrame(
        {
            "real": draw.lognormal(size=n),
            "money": np.round(draw.lognormal(6, 1, n), 2),
            "often": np.where(draw.random(n) < 0.3, 7.25, draw.normal(size=n)),
            "steps": draw.integers(0, 10**5, n) * 5 + 3,
            "moment": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(draw.integers(0, 10**8, n), unit="s"),
        }
    )
    whole, found = material(frame).encoder, material(pieces(frame, 9_000))
    streamed = found.encoder
    for exact, field in zip(whole.fields, streamed.fields, strict=True):
        own, twin = exact.encoder, field.encoder
        assert isinstance(own, NumericEncoder) and isinstance(twin, NumericEncoder)
        # Of pieces the scale is that of the atoms, too.
        assert own.bounds == twin.bounds and (len(own.atoms) or own.scale == twin.scale)
        assert own.atoms.tolist() == twin.atoms.tolist() and len(twin.counts) > 150
        assert abs(len(own.counts) - len(twin.counts)) <= 2
        # Counts are exact, and cells of nearly equal mass: the digest is off by .1 % of all rows.
        assert twin.counts.sum() == n
        opened = twin.counts[twin.open]
        assert abs(opened - opened.mean()).max() < 0.0015 * n
    money = streamed.fields[1].encoder
    assert isinstance(money, NumericEncoder) and isinstance(money.scale, Lattice)
    made = streamed.decode(found.kept[:1000], rng())
    assert (made["money"] == made["money"].round(2)).all()
    assert ((made["steps"] - 3) % 5 == 0).all()


@pytest.mark.usefixtures("few")
def test_sketched_identifiers_are_seen_and_replaced():
    n = 3_000
    frame = some_rows(n)[["id", "code"]].assign(
        mail=[f"p{k}@example.org" for k in range(n)],
        uuid=[f"{7919 * k % 2**32:08x}-0000-4000-8000-{k:012x}" for k in range(n)],
        nearly=[f"person {max(k, 900)}" for k in range(n)],
        group=[f"group {k // 2}" for k in range(n)],
    )
    found = material(pieces(frame, 500))
    streamed = found.encoder
    kinds = {column.name: column.kind for column in streamed.schema.columns}
    assert kinds == dict.fromkeys(frame, "identifier") | {"group": "categorical"}
    made = streamed.decode(found.kept[:1000], rng())
    for name in ("id", "code", "mail", "uuid", "nearly"):
        assert made[name].is_unique and not made[name].isin(frame[name]).any()
    assert made["code"].str.fullmatch(r"CU-9\d+").all()


def test_labels_beyond_all_counters_share_the_level_of_the_rare(
    monkeypatch: pytest.MonkeyPatch, few: None
):
    monkeypatch.setattr(summary, "LG_LABELS", 8)
    monkeypatch.setattr(summary, "MAX_LEVELS", 50)
    n = 20_000
    draw = rng(3)
    common = draw.choice([f"c{k}" for k in range(20)], n)
    seldom = np.array([f"s{k}" for k in draw.integers(0, 5_000, n)])
    frame = pd.DataFrame({"x": np.where(draw.random(n) < 0.6, common, seldom), "y": 1.0})
    streamed = material(pieces(frame, 4_000), n_held=0)
    encoder = streamed.encoder.fields[0].encoder
    assert isinstance(encoder, CategoricalEncoder) and encoder.forgetful
    assert len(encoder.levels) == 50 and set(common) <= set(encoder.levels.values)
    assert int(encoder.counts.sum()) == n == len(streamed.kept)
    exact = frame["x"].value_counts()
    for label, count in zip(encoder.levels.values, encoder.counts, strict=False):
        assert count == exact[label]
    again = TableEncoder.from_state(*streamed.encoder.state())
    assert same(again, streamed.encoder)
    codes = again.encode(frame, rng()).cat
    assert codes.equal(streamed.encoder.encode(frame, rng()).cat)
    with pytest.raises(SchemaError, match="not there at fit"):
        encoder.among(np.array(["s-none"], dtype=object))


def test_sketches_see_how_many_rows_are_alone(monkeypatch: pytest.MonkeyPatch, few: None):
    monkeypatch.setattr(sketches, "LG_SAMPLE", 10)
    column = Column("x", "categorical", "object", "string")
    labels = LabelSummary()
    half = [f"a{k}" for k in range(10_000)] + [f"b{k // 4}" for k in range(10_000)]
    values = rng().permutation(np.array(half, dtype=object))
    for part in np.array_split(values, 4):
        labels.update(Cells(np.zeros(len(part), dtype=bool), part), 0)
    facts = labels.facts()
    # The sample of at least 2^10 labels is off by 3 % as a rule; its hashes are always the same.
    assert abs(facts.distinct / 12_500 - 1) < 0.12 and abs(facts.alone / 10_000 - 1) < 0.12
    assert not facts.unique and column.form == "string"


def test_nothing_but_repeated_numbers_makes_no_identifier(few: None):
    numbers = NumberSummary(Column("id", "numeric", "int64", "integer"))
    for first in (0, 0, 500):
        values = np.arange(first, first + 1000)
        numbers.update(Cells(np.zeros(1000, dtype=bool), values), 0)
    assert not numbers.facts().unique and numbers.facts().bounds == (0, 1499)


def test_all_that_is_worth_saying_is_said_once():
    frame = some_rows(9)[["code", "none", "real"]]
    with pytest.warns(SchemaWarning) as caught:
        material(pieces(frame, 4), n_held=0)
    (warning,) = caught
    assert "only 9 rows" in str(warning.message) and "no value at all in column 'none'" in str(
        warning.message
    )


def test_a_fault_in_a_pass_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch):
    closed, close = [], StoredRows.close

    def noticed(self: StoredRows) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(StoredRows, "close", noticed)

    def broken(into: StoredRows, rows: Mixed, chosen: Any) -> None:
        raise OSError(28, "the disk is full")

    monkeypatch.setattr(streaming, "_append", broken)
    with pytest.raises(OSError, match="full"):
        material(pieces(some_rows(), 100))
    assert len(closed) == 2
