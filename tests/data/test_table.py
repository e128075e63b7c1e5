"""Laws of the table encoder: permutations, containers, chunks, identifiers, hostile states."""

import copy
import datetime as dt
import json
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal as assert_polars_equal

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Cells
from tabdiff.data.frames import concat
from tabdiff.data.identifiers import _free_range
from tabdiff.data.mixed import Gate, Mixed
from tabdiff.data.numeric import ROWS_PER_VALUE, Resolution
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
from tabdiff.data.table import TableEncoder
from tabdiff.data.writing import write_cells
from tests.data.frames import FAMILIES, N


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def fitted(frame: Any, **column_kinds: str) -> TableEncoder:
    return TableEncoder.fit(frame, Schema.infer(frame, column_kinds), rng())


def round_trip(frame: Any) -> Any:
    encoder = fitted(frame)
    return encoder.decode(encoder.encode(frame, rng(1)), rng(2))


# --- round trips of arbitrary frames ------------------------------------------------------------

CELLS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    # Subnormal floats beside ordinary ones are told apart roughly (docs, limits).
    "float": st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: x + 0.0),
    "float or none": st.none() | st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: x + 0.0),
    "text": st.text(max_size=3) | st.none(),
    "bool": st.booleans(),
    "mixed": st.integers(0, 2) | st.sampled_from(["0", "1", ""]) | st.booleans() | st.none(),
    "datetime": st.none()
    | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    "date": st.dates() | st.none(),
    "time": st.times(),
    "timedelta": st.integers(-(10**9), 10**9).map(lambda s: dt.timedelta(seconds=s)),
    "decimal": st.decimals(-(10**6), 10**6, places=3),
    "bytes": st.binary(max_size=2),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(10, 30))
    chosen = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    columns = {}
    for at, name in enumerate(chosen):
        cells = draw(st.lists(CELLS[name], min_size=n, max_size=n))
        if all(cell is None for cell in cells):
            cells[0] = draw(CELLS[name].filter(lambda cell: cell is not None))
        if name == "text":
            # Unique texts would be identifiers.
            cells = [*cells[: n // 2], *cells[: n - n // 2]]
        columns[f"{at} {name}"] = pd.Series(cells, dtype=None if "float" in name else object)
        if name in ("int", "bool"):
            columns[f"{at} {name}"] = columns[f"{at} {name}"].infer_objects()
    return pd.DataFrame(columns)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@example(pd.DataFrame({"0 bool": [False] * 10, "1 text": [None] * 10}))
@given(frames())
def test_arbitrary_frames_round_trip(frame: pd.DataFrame) -> None:
    empty = [n for n in frame if frame[n].isna().all()]
    kinds = {
        n: "numeric" if "int" in n else "categorical"
        for n in frame
        if ("int" in n or "text" in n) and n not in empty
    }
    told = pytest.warns(SchemaWarning, match="no value at all") if empty else nullcontext()
    with told:
        encoder = fitted(frame, **kinds)
    out = encoder.decode(encoder.encode(frame, rng(1)), rng(2))
    wide = [n for n in frame if "int" in n and frame[n].nunique() * ROWS_PER_VALUE > len(frame)]
    exact = [n for n in frame if n not in wide]
    pd.testing.assert_frame_equal(out[exact], frame[exact], rtol=1e-9, atol=1e-9)
    # A lattice of up to 2^64 points is wider than a float64 can tell apart.
    for name in wide:
        span = float(frame[name].max()) - float(frame[name].min())
        error = np.abs(out[name].astype(float) - frame[name].astype(float)).max()
        assert error <= (span * 1e-9 if span > 2**44 else 0)


# --- laws ---------------------------------------------------------------------------------------


def state_by_name(encoder: TableEncoder) -> dict[str, Any]:
    data, arrays = encoder.state()
    return {
        str(column.name): (
            own,
            {k.partition(".")[2]: a.tolist() for k, a in arrays.items() if k.startswith(f"{i}.")},
        )
        for i, (column, own) in enumerate(zip(encoder.schema.columns, data["columns"], strict=True))
    }


def test_order_of_rows_changes_nothing_learned() -> None:
    frame = pd.DataFrame(FAMILIES)
    shuffled = frame.iloc[rng(3).permutation(N)].reset_index(drop=True)
    assert state_by_name(fitted(shuffled)) == state_by_name(fitted(frame))


def test_order_and_names_of_columns_change_nothing_learned() -> None:
    frame = pd.DataFrame(FAMILIES)
    names = [list(frame)[at] for at in rng(3).permutation(frame.shape[1])]
    assert state_by_name(fitted(frame[names])) == state_by_name(fitted(frame))
    renamed = frame.rename(columns=lambda name: f"<{name}>")
    assert list(state_by_name(fitted(renamed)).values()) == list(
        state_by_name(fitted(frame)).values()
    )


def test_columns_are_encoded_by_label_not_by_place() -> None:
    frame = pd.DataFrame(
        {"a": rng().normal(size=50), "b": ["x", "y"] * 25, "c": rng(1).normal(size=50)}
    )
    encoder = fitted(frame)
    expected, got = encoder.encode(frame, rng()), encoder.encode(frame[["c", "b", "a"]], rng())
    assert torch.equal(got.num, expected.num) and torch.equal(got.cat, expected.cat)


def test_read_only_input_is_read_and_left_alone() -> None:
    values = rng().normal(size=(50, 3)).round(1)
    values.setflags(write=False)
    frame = pd.DataFrame(values, copy=False)
    pd.testing.assert_frame_equal(round_trip(frame), frame + 0.0)
    np.testing.assert_array_equal(round_trip(values), values)


def test_negative_zero_and_zero_are_one_value() -> None:
    out = round_trip(pd.DataFrame({"x": [0.0, -0.0, 1.5] * 20}))
    assert not np.signbit(out["x"]).any()


def test_texts_that_differ_behind_a_nul_are_told_apart() -> None:
    # pandas hashes text as C does, up to its first NUL.
    texts = ["", "\0", "a", "a\0", "a\0b"] * 20
    frame = pd.DataFrame({"x": texts, "k": ["\0c"] * 100})
    encoder = fitted(frame)
    assert encoder.layout.levels == (5,)
    pd.testing.assert_frame_equal(encoder.decode(encoder.encode(frame, rng()), rng()), frame)


def test_layout_names_gates_and_proportions_agree() -> None:
    spiky = np.where(rng().random(900) < 0.4, 0.0, rng().normal(size=900))
    spiky[:90] = np.nan
    frame = pd.DataFrame({"c": ["a", "b", None] * 300, "n": rng().normal(size=900), "s": spiky})
    encoder = fitted(frame)
    assert encoder.layout.num_names == ("n", "s")
    assert encoder.layout.cat_names == ("c", "n", "s")
    # 900 rows make 11 cells of n; s has 3 on either side of its atom, and a level for missing.
    assert encoder.layout.levels == (3, 11, 8)
    assert encoder.layout.gates == (Gate(1, tuple(range(11))), Gate(2, (0, 1, 2, 4, 5, 6)))
    assert encoder.layout.ordered == (0, 11, 7)
    assert encoder.parts("s") == ([1], [2]) and encoder.parts("c") == ([], [0])
    x = encoder.encode(frame, rng())
    assert x.num.dtype == torch.float64 and x.cat.dtype == torch.int64
    atom_or_missing = torch.isin(x.cat[:, 2], torch.tensor([3, 7]))
    assert (x.num[atom_or_missing, 1] == 0).all() and (x.num[~atom_or_missing, 1] != 0).all()
    for part, proportions in enumerate(encoder.proportions):
        expected = np.bincount(x.cat[:, part], minlength=len(proportions)) / 900
        np.testing.assert_allclose(proportions, expected)
    with pytest.raises(KeyError, match="no column 'S'. Did you mean 's'"):
        encoder.parts("S")


def test_parts_of_one_level_have_no_state_and_no_proportions() -> None:
    frame = pd.DataFrame({"n": rng().normal(size=30), "c": ["a", "b"] * 15, "k": [1] * 30})
    encoder = fitted(frame)
    layout = encoder.layout
    assert (layout.num_names, layout.cat_names, layout.levels) == (("n",), ("c",), (2,))
    assert layout.gates == (None,)
    assert [shares.tolist() for shares in encoder.proportions] == [[0.5, 0.5]]
    assert [(field.num, field.cat) for field in encoder.fields] == [
        (0, None),
        (None, 0),
        (None, None),
    ]
    x = encoder.encode(frame, rng())
    assert (x.num != 0).all() and x.cat[:, 0].tolist() == [0, 1] * 15


def test_thresholds_reach_the_columns() -> None:
    frame = pd.DataFrame({"x": rng().integers(0, 50, 2000)})
    schema = Schema.infer(frame)
    assert TableEncoder.fit(frame, schema, rng()).layout.levels == (50,)
    coarse = TableEncoder.fit(frame, schema, rng(), resolution=Resolution(9, 1))
    assert coarse.layout.levels == ()


# --- containers ---------------------------------------------------------------------------------


def test_polars_comes_back_as_polars_with_its_types() -> None:
    day = dt.date(2020, 1, 1)
    frame = pl.DataFrame(
        {
            "i8": pl.Series([1, 2, None] * 20, dtype=pl.Int8),
            "u64": pl.Series([2**64 - 1, 3, None] * 20, dtype=pl.UInt64),
            "f": rng().normal(size=60),
            "f32": rng().normal(size=60).astype("float32"),
            "nan": [float("nan"), 1.5, 2.5] * 20,
            "s": ["a", None, ""] * 20,
            "b": [True, False, None] * 20,
            "cat": pl.Series(["x", "y", None] * 20, dtype=pl.Categorical),
            "enum": pl.Series(["x", "y", None] * 20, dtype=pl.Enum(["z", "y", "x"])),
            "date": [day, None, dt.date(2021, 1, 1)] * 20,
            "zoned": pl.Series([dt.datetime(2020, 1, k) for k in (1, 2, 3)] * 20).cast(
                pl.Datetime("ms", "Europe/Paris")
            ),
            "naive": pl.Series([dt.datetime(2020, 1, 1), None] * 30).cast(pl.Datetime("ns")),
            "duration": [dt.timedelta(1), None, dt.timedelta(2)] * 20,
            "time": [dt.time(1), None, dt.time(2, 3, 4, 5)] * 20,
            "decimal": pl.Series([1, None, 2] * 20).cast(pl.Decimal(10, 2)),
            "bytes": [b"a", b"\xff", None] * 20,
        }
    )
    out = round_trip(frame)
    assert isinstance(out, pl.DataFrame)
    assert_polars_equal(out, frame, rel_tol=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint64", "bool"])
def test_numpy_comes_back_as_numpy(dtype: str) -> None:
    array = rng().integers(0, 2 if dtype == "bool" else 100, (60, 3)).astype(dtype)
    out = round_trip(array)
    assert isinstance(out, np.ndarray) and out.dtype == array.dtype
    np.testing.assert_array_equal(out, array)


@pytest.mark.parametrize("convert", [lambda f: f, pl.from_pandas, pd.DataFrame.to_numpy])
def test_chunks_join_to_the_whole(convert: Any) -> None:
    frame = convert(pd.DataFrame({"a": rng().integers(0, 9, 60), "b": rng().integers(0, 99, 60)}))
    encoder = fitted(frame)
    x = encoder.encode(frame, rng())
    joined = concat([encoder.decode(x[:25], rng()), encoder.decode(x[25:], rng(), start=25)])
    whole = encoder.decode(x, rng())
    assert type(joined) is type(whole)
    np.testing.assert_array_equal(np.asarray(joined), np.asarray(whole))


# --- identifiers --------------------------------------------------------------------------------

IDENTIFIERS = {
    "codes": [f"CUST-{k:05d}" for k in range(60)],
    "digits": [f"{k:06d}" for k in range(60)],
    "all heads taken": [chr(65 + k % 26) + str(k) for k in range(60)],
    "mails": [f"userxx{k}@example.com" for k in range(60)],
    "uuids": [f"{k:08x}-0000-4000-8000-000000000000" for k in range(60)],
    "texts": [f"{chr(97 + k % 26)} sentence {k}" for k in range(60)],
    "ints": list(range(60)),
    "bytes": [b"%d" % k for k in range(60)],
}


@pytest.mark.parametrize("look", IDENTIFIERS)
@pytest.mark.parametrize("dtype", ["object", "category"])
def test_identifiers_are_fresh_unique_and_of_the_same_type(look: str, dtype: str) -> None:
    frame = pd.DataFrame({"my_id": pd.Series(IDENTIFIERS[look], dtype=object).astype(dtype)})
    encoder = fitted(frame, my_id="identifier")
    assert encoder.layout.n_num == encoder.layout.n_cat == 0
    again = TableEncoder.from_state(*encoder.state())
    empty = Mixed(torch.zeros(500, 0), torch.zeros(500, 0, dtype=torch.int64))
    out = concat([again.decode(empty, rng(at), start=500 * at) for at in range(3)])["my_id"]
    assert out.dtype == frame["my_id"].dtype or dtype == "category"
    assert out.is_unique and len(out) == 1500
    assert not set(out) & set(IDENTIFIERS[look])
    assert {type(value) for value in out} == {type(value) for value in IDENTIFIERS[look]}


def test_state_and_schema_of_identifiers_hold_no_real_value() -> None:
    real = [f"{name}-{k}" for k, name in enumerate(["smith", "jones"] * 30)]
    frame = pd.DataFrame({"a": real, "b": pd.Categorical(real)})
    with pytest.warns(SchemaWarning, match="identifiers"):
        encoder = fitted(frame)
    text = json.dumps(encoder.state()[0])
    assert "smith" not in text and "jones" not in text


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("uint64", np.uint64(2**64 - 1) - np.arange(60, dtype="u8")),
        ("int8", np.arange(60)),
        ("Int64", np.arange(60)),
        ("int64", 2**63 - 1 - np.arange(60)),
        ("int64[pyarrow]", np.arange(60)),
    ],
)
def test_integer_identifiers_stay_within_their_dtype(dtype: str, values: np.ndarray) -> None:
    frame = pd.DataFrame({"id": pd.Series(values).astype(dtype)})
    with pytest.warns(SchemaWarning, match="identifiers"):
        out = round_trip(frame)
    assert out["id"].dtype == frame["id"].dtype
    assert out["id"].is_unique and not out["id"].isin(frame["id"]).any()


@pytest.mark.parametrize(
    ("values", "low", "high", "wanted"),
    [
        ([73_123, 98_765], 0, 2**63 - 1, (99_000, 2**63 - 1)),
        ([73_123, 99_765], 0, 2**63 - 1, (100_000, 2**63 - 1)),
        ([0, 7], 0, 2**63 - 1, (8, 2**63 - 1)),
        ([2**62 + 123_456, 2**63 - 5], 0, 2**63 - 1, (0, 46 * 10**17 - 1)),
        ([-98_765, -73_123], -(2**63), 0, (-(2**63), -99_001)),
        ([100, 120], 0, 127, (0, 99)),
    ],
)
def test_the_range_of_surrogates_does_not_tell_the_outermost_identifier(
    values: list[int], low: int, high: int, wanted: tuple[int, int]
) -> None:
    first, last = _free_range(min(values), max(values), low, high)
    assert (first, last) == wanted
    assert last < min(values) or first > max(values)


def test_identifiers_that_do_not_fit_are_refused() -> None:
    frame = pd.DataFrame({"id": pd.Series(range(200), dtype="uint8")})
    with pytest.warns(SchemaWarning, match="identifiers"):
        encoder = fitted(frame)
    x = encoder.encode(frame, rng())
    with pytest.raises(ValueError, match="column 'id': its dtype has room for 56 identifiers"):
        encoder.decode(x, rng())


def test_surrogates_of_endless_texts_are_short_and_unique() -> None:
    frame = pd.DataFrame({"x": [f"{i:04d}" + "a" * 5000 for i in range(30)]})
    encoder = TableEncoder.fit(
        frame, Schema.infer(frame, {"x": "identifier"}), np.random.default_rng(0)
    )
    again = TableEncoder.from_state(*encoder.state())
    made = again.decode(encoder.encode(frame, np.random.default_rng(0)), np.random.default_rng(0))
    assert made["x"].nunique() == 30
    assert made["x"].str.len().max() < 1100


@pytest.mark.parametrize(("name", "value"), [("width", 10**6), ("head", "x" * 2000)])
def test_092_identifiers_that_fill_the_memory_are_refused(name: str, value: object) -> None:
    frame = pd.DataFrame({"x": [f"C-{i:04d}" for i in range(30)]})
    encoder = TableEncoder.fit(
        frame, Schema.infer(frame, {"x": "identifier"}), np.random.default_rng(0)
    )
    data, arrays = encoder.state()
    data["columns"][0][name] = value
    with pytest.raises(ValueError, match=f"{name}"):
        TableEncoder.from_state(data, arrays)


@pytest.mark.parametrize(("name", "value"), [("dtype", "int8"), ("form", "date"), ("dtype", "O8")])
def test_092_cells_that_a_dtype_cannot_hold_show_in_the_rehearsal(name: str, value: str) -> None:
    frame = pd.DataFrame({"x": ["a", "b", "c"] * 9})
    encoder = TableEncoder.fit(frame, Schema.infer(frame), np.random.default_rng(0))
    data, arrays = encoder.state()
    data["schema"]["columns"][0][name] = value
    with pytest.raises((TypeError, ValueError)):
        TableEncoder.from_state(data, arrays).rehearse()


def test_missing_identifiers_keep_their_share() -> None:
    values = [None if k % 4 == 0 else f"id {k}" for k in range(400)]
    with pytest.warns(SchemaWarning, match="identifiers"):
        out = round_trip(pd.DataFrame({"x": values}))
    # Binomial(400, 1/4): five standard deviations are 43.
    assert abs(out["x"].isna().sum() - 100) < 43


# --- many levels --------------------------------------------------------------------------------


def test_rare_labels_share_a_level_and_come_back_by_frequency() -> None:
    labels = np.array(["a"] * 50 + ["b"] * 40 + ["c"] * 3 + ["d"], dtype=object)
    cells = Cells(np.zeros(len(labels), dtype=bool), labels)
    encoder = CategoricalEncoder.fit(cells, max_levels=2)
    assert encoder.counts.tolist() == [50, 40, 4]
    parts = encoder.encode(cells, rng())
    codes = np.repeat(2, 4000)
    drawn = pd.Series(encoder.decode(parts._replace(cat=codes), 4000, rng(), 0).values)
    # Binomial(4000, 3/4): five standard deviations are 137.
    assert set(drawn) == {"c", "d"} and abs((drawn == "c").sum() - 3000) < 137
    again = CategoricalEncoder.from_state(*encoder.state())
    np.testing.assert_array_equal(again.encode(cells, rng()).cat, parts.cat)


def test_a_hundred_thousand_labels_are_bounded_and_warned_about() -> None:
    values = [f"v{k % 30_000}" for k in range(60_000)]
    frame = pd.DataFrame({"x": values})
    with pytest.warns(SchemaWarning, match="more than 10,000 distinct"):
        encoder = fitted(frame)
    assert encoder.layout.levels == (10_001,)


def test_unused_categories_are_kept_and_never_generated() -> None:
    frame = pd.DataFrame(
        {"x": pd.Categorical(["a", "c"] * 20, categories=["c", "b", "a"], ordered=True)}
    )
    encoder = fitted(frame)
    assert encoder.layout.levels == (2,) and encoder.layout.ordered == (2,)
    out = encoder.decode(encoder.encode(frame, rng()), rng())
    assert out["x"].cat.categories.tolist() == ["c", "b", "a"] and out["x"].cat.ordered


# --- refusals -----------------------------------------------------------------------------------


def test_new_categories_and_new_gaps_are_refused_naming_all_columns() -> None:
    frame = pd.DataFrame(
        {"town": ["Oslo", "Rome"] * 20, "x": rng().normal(size=40), "y": [1.5, 2.5] * 20}
    )
    encoder = fitted(frame)
    other = frame.assign(town="Osslo", x=np.nan, y=np.inf)
    with pytest.raises(SchemaError) as caught:
        encoder.encode(other, rng())
    text = str(caught.value)
    assert "column 'town': 40 cells hold categories" in text and "Did you mean 'Oslo'?" in text
    assert "column 'x': 40 cells are missing (first at row 0), none was at fit" in text
    assert "column 'y': 40 values are infinite" in text


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ([1.5, 1.5], [1.5, 2.5], "the schema says constant, but its cells differ"),
        ([np.nan, np.nan], [1.5, 2.5], "the schema says missing, but 30 cells hold a value"),
        ([1.5, 2.5], [np.nan, np.nan], "the schema says numeric, but no cell holds a value"),
    ],
)
@pytest.mark.filterwarnings("ignore:no value at all")
def test_schemas_of_another_table_are_refused(first: list, then: list, message: str) -> None:
    schema = Schema.infer(pd.DataFrame({"x": first * 15}))
    with pytest.raises(SchemaError, match=f"column 'x': {message}"):
        TableEncoder.fit(pd.DataFrame({"x": then * 15}), schema, rng())


def test_a_single_row_is_refused_under_a_given_schema_too() -> None:
    frame = pd.DataFrame({"x": rng().normal(size=30)})
    with pytest.raises(SchemaError, match="1 row, need at least 2"):
        TableEncoder.fit(frame[:1], Schema.infer(frame), rng())


def test_parts_that_are_none_are_refused() -> None:
    frame = pd.DataFrame({"x": rng().normal(size=30), "c": ["a", "b"] * 15})
    encoder = fitted(frame)
    good = encoder.encode(frame, rng())
    with pytest.raises(ValueError, match="numeric part 'x' is not finite"):
        encoder.decode(Mixed(good.num * float("nan"), good.cat), rng())
    with pytest.raises(ValueError, match="'c' has codes beyond its levels"):
        encoder.decode(Mixed(good.num, good.cat + 1), rng())
    with pytest.raises(ValueError, match="expected"):
        encoder.decode(Mixed(good.num[:, :0], good.cat), rng())


def test_tables_of_other_columns_are_refused_at_fit_and_later() -> None:
    frame = pd.DataFrame({"x": rng().normal(size=30), "c": ["a", "b"] * 15})
    schema, encoder = Schema.infer(frame), fitted(frame)
    for other in (frame.drop(columns="c"), frame.assign(more=1)):
        with pytest.raises(SchemaError, match="column 'c' is absent|'more' was not there at fit"):
            TableEncoder.fit(other, schema, rng())
        with pytest.raises(SchemaError, match="column 'c' is absent|'more' was not there at fit"):
            encoder.encode(other, rng())


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_part_that_is_none_is_named_among_several(part: int) -> None:
    names = ["first", "second", "third"]
    numbers = fitted(pd.DataFrame({name: rng(at).normal(size=30) for at, name in enumerate(names)}))
    num, cat = torch.zeros(4, 3), torch.zeros((4, 3), dtype=torch.int64)
    num[2, part] = -torch.inf
    with pytest.raises(ValueError, match=f"numeric part '{names[part]}' is not finite"):
        numbers.decode(Mixed(num, cat[:, :0]), rng())
    labels = fitted(pd.DataFrame({name: list("abc") * 10 for name in names}))
    for code in (-1, 3):
        codes = cat.clone()
        codes[2, part] = code
        with pytest.raises(ValueError, match=f"categorical part '{names[part]}' has codes beyond"):
            labels.decode(Mixed(num[:, :0], codes), rng())


def test_a_rehearsal_writes_every_level_and_the_ends_of_what_is_open() -> None:
    frame = pd.DataFrame(
        {
            "c": ["a", "b", None] * 60,
            "n": np.arange(180) * 1.5,
            "id": [f"u{k}" for k in range(180)],
            "k": 7,
        }
    )
    encoder = fitted(frame, id="identifier")
    out = encoder.rehearse()
    assert encoder.layout.levels == (3, 2) and len(out) == 9
    assert list(out) == list(frame) and (out.dtypes == frame.dtypes).all()
    assert out["c"].value_counts(dropna=False).tolist() == [3, 3, 3]
    # Of either cell its least value, its middle and its greatest.
    assert out["n"].nunique() == 6 and {0.0, 133.5, 135.0, 268.5} <= set(out["n"])
    assert out["id"].is_unique
    sizes = {f.column.name: len(encoder.every_cell(f).missing) for f in encoder.fields}
    assert sizes == {"c": 3, "n": 6, "id": 1, "k": 1}
    assert encoder.every_cell(encoder.fields[0]).missing.tolist() == [False, False, True]
    assert encoder.every_cell(encoder.fields[2]).values.tolist() == out["id"].tolist()[:1]
    line = pd.DataFrame({"x": rng().normal(size=30)})
    ends = fitted(line).rehearse()["x"]
    assert len(ends) == 3
    np.testing.assert_allclose(ends[[0, 2]], [line["x"].min(), line["x"].max()])
    thirds = fitted(pd.DataFrame({"n": np.arange(240)}), n="numeric").rehearse()["n"]
    assert len(thirds) == thirds.nunique() == 9 and {0, 79, 80, 159, 160, 239} <= set(thirds)
    many = pd.DataFrame({"x": [f"v{k % 300}" for k in range(900)]})
    assert len(fitted(many).rehearse()) == 3 * 256


def test_rows_count_from_the_first_unless_told_otherwise() -> None:
    encoder = fitted(pd.DataFrame({"id": [f"u{k}" for k in range(30)]}), id="identifier")
    empty = Mixed(torch.zeros(3, 0), torch.zeros(3, 0, dtype=torch.int64))
    out = encoder.decode(empty, rng())["id"]
    assert out.tolist() == encoder.decode(empty, rng(), 0)["id"].tolist()
    assert encoder.write(encoder.decode_cells(empty, rng()))["id"].tolist() == out.tolist()
    assert encoder.decode(empty[1:], rng(), 1)["id"].tolist() == out.tolist()[1:]


def test_as_many_encoders_as_columns_are_asked_for() -> None:
    data, arrays = hostile()
    data["columns"].pop()
    with pytest.raises(ValueError, match="malformed encoder: 4 encoders for 5 columns"):
        TableEncoder.from_state(data, arrays)


def test_a_rehearsal_writes_each_column_alone_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = fitted(pd.DataFrame({"c": ["a", "b", "c"] * 20, "n": np.arange(60) * 1.5}))
    written: list[int] = []

    def counted(cells: Cells, column: Any) -> pd.Series:
        written.append(len(cells.missing))
        return write_cells(cells, column)

    monkeypatch.setattr("tabdiff.data.table.write_cells", counted)
    encoder.rehearse()
    assert written == [3, 3, 9, 9]


def test_a_rehearsal_writes_each_label_that_shares_a_level() -> None:
    labels = [f"v{k % 10_400:05d}" for k in range(15_000)]
    with pytest.warns(SchemaWarning, match="more than 10,000 distinct"):
        encoder = fitted(pd.DataFrame({"x": labels}))
    cells = encoder.every_cell(encoder.fields[0])
    assert set(cells.values) == set(labels) and not cells.missing.any()
    assert cells.missing.dtype == bool and len(cells.missing) == len(cells.values)


def hostile() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    frame = pd.DataFrame(
        {
            "f": rng().normal(size=60),
            "i": rng().integers(0, 10**6, 60),
            "c": ["a", "b", None] * 20,
            "k": [1.5] * 60,
            "id": [f"u{k}" for k in range(60)],
        }
    )
    return fitted(frame, id="identifier").state()


HOSTILE = {
    "no columns": lambda d, a: d.pop("columns"),
    "fewer encoders": lambda d, a: d["columns"].pop(),
    "encoder no object": lambda d, a: d["columns"].__setitem__(0, 3),
    "unknown encoder": lambda d, a: d["columns"][0].update(encoder="os.system"),
    "other encoder": lambda d, a: d["columns"][0].update(encoder="categorical"),
    "no knots": lambda d, a: a.pop("0.v"),
    "knots not finite": lambda d, a: a["0.v"].__setitem__(0, np.nan),
    "knots not sorted": lambda d, a: a["0.y"].__setitem__(0, 9.0),
    "knots of two lengths": lambda d, a: a.update({"0.y": a["0.y"][:-1]}),
    "knots 2-D": lambda d, a: a.update({"0.y": a["0.y"][None]}),
    "knots of another cell": lambda d, a: a["0.y"].__setitem__(slice(None), a["0.y"] + 1),
    "a single knot in a cell": lambda d, a: a["0.y"].__setitem__(-1, 9.5),
    "objects": lambda d, a: a.update({"0.y": a["0.y"].astype(object)}),
    "no cells": lambda d, a: a.update({"0.open": a["0.open"][:0]}),
    "cells without knots": lambda d, a: a.update({"0.open": np.append(a["0.open"], np.uint8(1))}),
    "atoms without cells": lambda d, a: a.update({"0.atoms": np.zeros(3)}),
    "negative step": lambda d, a: d["columns"][1]["scale"].update(step=-1),
    "step no number": lambda d, a: d["columns"][1]["scale"].update(step="1"),
    "step a bool": lambda d, a: d["columns"][1]["scale"].update(step=True),
    "lattice beyond dtype": lambda d, a: d["columns"][1]["scale"].update(cells=2**64 - 1),
    "lattice of objects": lambda d, a: d["columns"][1]["scale"].update(dtype="object"),
    "bounds swapped": lambda d, a: d["columns"][0]["scale"].update(low=1e9),
    "levels no list": lambda d, a: d["columns"][2].update(levels="ab"),
    "levels unknown": lambda d, a: d["columns"][2].update(levels=[{"code": "1"}, "b"]),
    "levels too few": lambda d, a: d["columns"][2].update(levels=["a"]),
    "counts negative": lambda d, a: a["2.counts"].__setitem__(0, -5),
    "missing no bool": lambda d, a: d["columns"][2].update(has_missing="yes"),
    "constant of many": lambda d, a: d["columns"][3].update(value=[1.5, 2.5]),
    "constant of other type": lambda d, a: d["columns"][3].update(value=[{"tuple": [1]}]),
    "identifier look": lambda d, a: d["columns"][4].update(look="evil"),
    "identifier width": lambda d, a: d["columns"][4].update(width=10**12),
    "identifier share": lambda d, a: d["columns"][4].update(missing_share=7),
    "schema": lambda d, a: d.update(schema=None),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_states_are_refused(attack: str) -> None:
    data, arrays = copy.deepcopy(hostile())
    HOSTILE[attack](data, arrays)
    with pytest.raises(ValueError, match=r"."):
        TableEncoder.from_state(data, arrays)
