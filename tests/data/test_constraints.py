"""Laws of a fitted set of constraints: exact round trips, and nothing that can break them."""

import json
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal as assert_polars_equal

from tabdiff import strict_json
from tabdiff.data.constraints import (
    Constraint,
    ConstraintError,
    ConstraintSet,
    Expression,
    FixedCombinations,
    FixedIncrements,
    Inequality,
    Negative,
    OneHotEncoding,
    Positive,
    Range,
    ScalarInequality,
    ScalarRange,
    Unique,
)
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
from tabdiff.data.table import TableEncoder
from tests.data.columns_of import FAMILIES, Family

N = 60
KINDS = {"number": "numeric", "span": "timedelta", "clock": "timedelta"}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def fit(constraints: Sequence[Constraint], frame: Any, **kinds: str) -> ConstraintSet:
    return ConstraintSet.fit(constraints, frame, Schema.infer(frame, kinds))


def shuffled(middle: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every column in an order of its own: all dependence between columns is gone."""
    columns = [middle[name].iloc[rng(seed + at).permutation(len(middle))] for at, name in
               enumerate(middle)]  # fmt: skip
    return pd.concat([column.reset_index(drop=True) for column in columns], axis=1)


def assert_kept(fitted: ConstraintSet, frame: pd.DataFrame) -> pd.DataFrame:
    """The round trip is exact; with its columns shuffled it still breaks nothing."""
    middle = fitted.transform(frame)
    fitted.middle_schema.validate(middle)
    pd.testing.assert_frame_equal(fitted.reverse(middle), frame, check_exact=True)
    out = fitted.reverse(shuffled(middle))
    assert list(out.dtypes) == list(frame.dtypes) and list(out) == list(frame)
    assert set(fitted.violations(out).values()) <= {0}
    return out


# --- every family of columns --------------------------------------------------------------------


def counts_of(family: Family, wide: bool) -> st.SearchStrategy[int | None]:
    low, high = (family.least, family.most) if wide else (-60, 60)
    counts = st.integers(max(low, family.least), min(high, family.most))
    return st.none() | counts if family.can_miss else counts


@st.composite
def two_columns(draw: st.DrawFn) -> tuple[pd.DataFrame, str, bool]:
    name = draw(st.sampled_from(sorted(FAMILIES)))
    mates = sorted(n for n, f in FAMILIES.items() if f.group == FAMILIES[name].group)
    families = [FAMILIES[name], FAMILIES[draw(st.sampled_from(mates))]]
    n, wide = draw(st.integers(2, 12)), draw(st.booleans())
    counts = [draw(st.lists(counts_of(f, wide), min_size=n, max_size=n)) for f in families]
    assume(all(any(count is not None for count in own) for own in counts))
    frame = pd.DataFrame({k: f.make(c) for k, f, c in zip("ab", families, counts, strict=True)})
    return frame, KINDS.get(families[0].group, "datetime"), draw(st.booleans())


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(two_columns(), st.sampled_from("ab"))
@pytest.mark.filterwarnings("ignore::tabdiff.data.schema.SchemaWarning")
def test_one_column_bounds_another_whatever_holds_their_values(
    drawn: tuple[pd.DataFrame, str, bool], derived: str
) -> None:
    frame, kind, strict = drawn
    schema = Schema.infer(frame, {"a": kind, "b": kind})
    stated = [Expression("a < b" if strict else "a <= b", solve_for=derived)]
    try:
        fitted = ConstraintSet.fit(stated, frame, schema, on_violation="drop")
    except ConstraintError as error:
        # Too few rows are in order, or the two are so far apart that 64 bits do not hold it.
        if any(part in str(error) for part in ("too few", "no row", "64 bits", "guaranteed")):
            return
        raise
    assert fitted.kept is not None
    assert_kept(fitted, frame[fitted.kept].reset_index(drop=True))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_survives_missing_sides(name: str) -> None:
    family = FAMILIES[name]
    low, high = max(family.least, 0), min(family.most, 100)
    highs: list[int | None] = rng(1).integers(low, high + 1, N).tolist()
    lows: list[int | None] = [int(rng(at).integers(low, top + 1)) for at, top in enumerate(highs)]
    if family.can_miss:
        highs = [None if at % 5 == 0 else count for at, count in enumerate(highs)]
        lows = [None if at % 3 == 0 else count for at, count in enumerate(lows)]
    frame = pd.DataFrame({"low": family.make(lows), "high": family.make(highs)})
    kind = KINDS.get(family.group, "datetime")
    out = assert_kept(fit([Inequality("low", "high")], frame, low=kind, high=kind), frame)
    assert out.isna().sum().tolist() == frame.isna().sum().tolist()


def test_the_index_and_the_frame_itself_are_left_alone() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3] * 5, "b": [2, 2, 9] * 5}, index=[7] * 15)
    before = frame.copy()
    fitted = fit([Inequality("a", "b")], frame)
    pd.testing.assert_frame_equal(fitted.reverse(fitted.transform(frame)), before)
    pd.testing.assert_frame_equal(frame, before)


def test_no_row_at_all_keeps_columns_and_dtypes() -> None:
    frame = pd.DataFrame({"a": [0.1, 0.2] * 5, "b": [1, 2] * 5, "c": ["x", "y"] * 5})
    stated = [Inequality("a", "b"), FixedCombinations(["b", "c"])]
    fitted = fit([stated[0]], frame), fit([stated[1]], frame)
    for one in fitted:
        empty = one.reverse(one.transform(frame).iloc[:0])
        pd.testing.assert_frame_equal(empty, frame.iloc[:0])


def test_polars_and_numpy_come_back_as_they_were() -> None:
    frame = pl.DataFrame({"a": [1, None, 3] * 5, "b": [2, 2, 9] * 5, "c": ["x", "y", "z"] * 5})
    fitted = fit([Inequality("a", "b")], frame)
    assert_polars_equal(fitted.reverse(fitted.transform(frame)), frame)
    array = np.array([[1.5, 2.5], [3.0, 3.0], [0.0, 9.5]] * 5)
    fitted = fit([Expression("`0` <= `1`")], array)
    np.testing.assert_array_equal(fitted.reverse(fitted.transform(array)), array)


def test_labels_may_be_of_any_kind() -> None:
    columns = pd.MultiIndex.from_tuples([("t", 1), ("t", 2), ("u", 1)], names=["x", "y"])
    frame = pd.DataFrame([[1, 2, 3], [4, 4, 1], [0, 9, 9]] * 5, columns=columns)
    fitted = fit([Inequality(("t", 1), ("t", 2))], frame)
    pd.testing.assert_frame_equal(fitted.reverse(fitted.transform(frame)), frame)


# --- floats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("strict", [False, True])
def test_floats_on_no_grid_keep_the_bound_and_miss_by_one_rounding(
    dtype: str, strict: bool
) -> None:
    low = rng().normal(size=400).astype(dtype)
    high = (low + np.abs(rng(1).standard_cauchy(400).clip(-20, 20))).astype(dtype)
    high = np.maximum(high, np.nextafter(low, np.array(np.inf, dtype)) if strict else low)
    frame = pd.DataFrame({"low": low, "high": high})
    fitted = fit([Inequality("low", "high", strict)], frame)
    back = fitted.reverse(fitted.transform(frame)).astype("float64")
    scale = np.maximum(np.abs(low), np.abs(high)).astype("float64")
    assert (np.abs(back["high"] - high.astype("float64")) <= np.finfo(dtype).eps * scale).all()
    for middle in (shuffled(fitted.transform(frame)), fitted.transform(frame).assign(high=0.0)):
        out = fitted.reverse(middle)
        assert ((out["low"] < out["high"]) if strict else (out["low"] <= out["high"])).all()


def test_sums_of_money_are_sums_of_cents() -> None:
    cents = rng().integers(0, 10**5, (N, 3))
    parts = {name: cents[:, at] / 100 for at, name in enumerate(["net", "vat", "tip"])}
    # Added as floats, the total of many rows is a hair off the decimal that it means.
    frame = pd.DataFrame(parts).assign(total=lambda f: f["net"] + f["vat"] + f["tip"])
    assert (frame["total"] != frame["total"].round(2)).any()
    fitted = fit([Expression("total == net + vat + tip")], frame)
    assert "total" not in fitted.transform(frame)
    back = fitted.reverse(fitted.transform(frame))
    pd.testing.assert_frame_equal(back, frame.round(2), check_exact=True)
    out = fitted.reverse(shuffled(fitted.transform(frame)))
    exact = (out * 100).round().astype(int)
    assert (exact["total"] == exact[["net", "vat", "tip"]].sum(axis=1)).all()


def test_a_tax_is_rounded_to_the_cent_and_added_exactly() -> None:
    net = rng().integers(1, 10**5, 200)
    vat = (net * 19 + 50) // 100
    frame = pd.DataFrame({"net": net / 100, "vat": vat / 100, "total": (net + vat) / 100})
    fitted = fit([Expression("vat == net * 19 / 100"), Expression("total == net + vat")], frame)
    assert list(fitted.transform(frame)) == ["net"]
    assert_kept(fitted, frame)


def test_a_tie_rounded_the_other_way_is_said() -> None:
    frame = pd.DataFrame({"a": [0.25, 1.15, 3.35, 4.05] * 5}).assign(b=[0.2, 1.2, 3.4, 4.1] * 5)
    with pytest.warns(SchemaWarning, match="5 of 20 training rows round it otherwise .* row 0"):
        fitted = fit([Expression("b == a")], frame)
    assert fitted.reverse(fitted.transform(frame))["b"].tolist()[:4] == [0.3, 1.2, 3.4, 4.1]


def test_missing_sides_and_divisions_by_zero_hold() -> None:
    frame = pd.DataFrame(
        {
            "a": [6.0, np.nan, 9.0, 8.0] * 6,
            "b": [2.0, 5.0, np.nan, 0.0] * 6,
            "q": [3.0, 1.5, np.nan, 7.5] * 6,
        }
    )
    fitted = fit([Expression("q == a / b")], frame)
    assert set(fitted.violations(frame).values()) == {0}
    assert_kept(fitted, frame)


# --- several constraints at once ----------------------------------------------------------------


def whole(n: int, high: int = 100, seed: int = 0) -> Any:
    return rng(seed).integers(0, high, n)


def table() -> pd.DataFrame:
    a, gap = whole(N), whole(N, seed=1)
    return pd.DataFrame({"a": a, "b": a + gap, "c": a + gap + 1, "d": 2 * a + gap + 7})


@pytest.mark.parametrize(
    "stated",
    [
        [Range("a", "b", "c", strict_boundaries=False)],
        [Expression("0 <= a <= b < c < d")],
        [Inequality("a", "b"), Inequality("a", "c"), Inequality("b", "d"), Inequality("c", "d")],
        [Expression("a + b <= c + d")],
        [Expression("2 * d - 3 * a >= b - c")],
        [Expression("d == 7 + a + b"), Inequality("c", "d")],
        [Expression("c - b == 1"), Positive("c", strict_boundaries=True)],
        [Expression("a * b <= 1000 * d"), Expression("b <= d")],
        [ScalarRange("a", -1, 100), ScalarInequality("d", ">=", 7), Inequality("a", "d")],
        [FixedIncrements("a", 1), Inequality("a", "b")],
    ],
    ids=lambda stated: ", ".join(map(str, stated)),
)
def test_sets_of_constraints_hold_together(stated: list[Constraint]) -> None:
    frame = table()
    assert_kept(fit(stated, frame), frame)
    with_gaps = frame.astype("Int64").mask(rng(2).random(frame.shape) < 0.2)
    assert_kept(fit(stated, with_gaps), with_gaps)


def test_shares_of_a_hundred_stay_positive() -> None:
    a = whole(N)
    b = (whole(N, seed=1) * (100 - a)) // 100
    frame = pd.DataFrame({"a": a, "b": b, "c": 100 - a - b})
    stated = [Expression("a + b + c == 100"), Positive("a"), Positive("b"), Positive("c")]
    out = assert_kept(fit(stated, frame), frame)
    assert (out.sum(axis=1) == 100).all() and (out >= 0).all(axis=None)


def test_a_sum_never_leaves_a_narrow_dtype() -> None:
    a = whole(N, 64)
    frame = pd.DataFrame({"a": a, "b": 127 - a, "total": [127] * N}, dtype="int8")
    out = assert_kept(fit([Expression("total >= a + b")], frame), frame)
    assert (out["total"].astype(int) >= out["a"].astype(int) + out["b"].astype(int)).all()


def test_a_strict_bound_needs_room_within_the_dtype() -> None:
    frame = pd.DataFrame({"low": [0, 3, None] * 5, "high": [1, 9, 0] * 5}, dtype="UInt8")
    with pytest.raises(ConstraintError, match="dtype of 'low' cannot be guaranteed.*'high' > 0"):
        fit([Expression("low < high", solve_for="low")], frame)
    assert_kept(fit([Expression("low < high")], frame), frame)


def test_a_derived_column_keeps_to_its_observed_range_and_step() -> None:
    low = whole(N)
    frame = pd.DataFrame({"low": low, "high": (low // 10 + 1 + whole(N, 5, 1)) * 10})
    out = fit([Inequality("low", "high")], frame).reverse(
        pd.DataFrame({"low": np.arange(100), "high": np.arange(100) * 1000})
    )
    assert out["high"].between(frame["high"].min(), frame["high"].max()).all()
    assert (out["high"] % 10 == 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3), min_size=1, max_size=20))
def test_any_integers_in_the_middle_give_rows_that_hold(rows: list[tuple[int, ...]]) -> None:
    frame = table()[["a", "b", "d"]]
    fitted = fit([Inequality("a", "b"), Expression("d > b + a / 3")], frame)
    out = fitted.reverse(pd.DataFrame(rows, columns=["a", "b", "d"]))
    assert fitted.violations(out) == dict.fromkeys(fitted.violations(out), 0)
    for a, b, d in out.itertuples(index=False):
        assert a <= b and d > b + Fraction(int(a), 3)


def test_increments_are_counted() -> None:
    frame = pd.DataFrame({"x": whole(N) * 0.25, "y": whole(N, seed=1) * 500})
    fitted = fit([FixedIncrements("x", 0.25), FixedIncrements("y", 500)], frame)
    assert fitted.transform(frame)["y"].max() < 100
    assert_kept(fitted, frame)
    broken = frame.assign(y=frame["y"] + 1)
    assert fitted.violations(broken)["FixedIncrements('y', 500)"] == N


# --- labels -------------------------------------------------------------------------------------


def test_only_observed_combinations_occur() -> None:
    city = rng().choice(["Rome", "Oslo", "Lima"], N)
    land = pd.Series(city).map({"Rome": "it", "Oslo": "no", "Lima": None})
    frame = pd.DataFrame({"city": pd.Categorical(city), "n": whole(N), "land": land})
    fitted = fit([FixedCombinations(["city", "land"])], frame, land="categorical")
    out = assert_kept(fitted, frame)
    pairs = set(zip(out["city"], out["land"].fillna("-"), strict=True))
    assert pairs <= {("Rome", "it"), ("Oslo", "no"), ("Lima", "-")}
    swapped = frame.assign(land="it")
    assert fitted.violations(swapped) == {str(fitted.constraints[0]): int((city != "Rome").sum())}


@pytest.mark.parametrize("dtype", ["int8", "bool", "float64", "Int64", "boolean"])
def test_exactly_one_column_is_hot(dtype: str) -> None:
    frame = pd.DataFrame(np.eye(4, dtype=int)[whole(N, 4)], columns=[*"abcd"]).astype(dtype)
    if dtype in ("Int64", "boolean"):
        frame.loc[3, "b"] = pd.NA
    fitted = fit([OneHotEncoding([*"abcd"])], frame, **dict.fromkeys("abcd", "categorical"))
    assert list(fitted.transform(frame)) == ["a"]
    assert_kept(fitted, frame)
    assert fitted.violations(frame.assign(a=frame["a"].iloc[0], b=frame["a"].iloc[0])) != {}


def test_repeated_rows_are_drawn_anew() -> None:
    frame = pd.DataFrame({"a": np.repeat(np.arange(20), 3), "b": np.tile(np.arange(3), 20)})
    fitted = fit([Unique(["a", "b"]), Inequality("b", "a")], frame[frame["b"] <= frame["a"]])
    middle = fitted.transform(frame[frame["b"] <= frame["a"]])
    drawn = iter(range(100))

    def redraw(n: int) -> pd.DataFrame:
        return middle.sample(n, replace=True, random_state=next(drawn))

    twice = pd.concat([middle.iloc[:20], middle.iloc[:10]])
    out = fitted.complete(twice, redraw)
    assert len(out) == 30 and not out.duplicated().any()
    pd.testing.assert_frame_equal(out.iloc[:20], fitted.reverse(middle.iloc[:20]))
    with pytest.raises(ConstraintError, match="only 57 of 58 rows differ after .* 3 times"):
        fitted.complete(pd.concat([middle, middle.iloc[:1]]), lambda n: middle.iloc[:n], 3)


def test_rows_with_a_missing_cell_repeat_none() -> None:
    frame = pd.DataFrame({"a": [1.5, None, None, *range(2, 9), 1.5], "b": 1})
    fitted = fit([Unique(["a", "b"])], frame.iloc[:10])
    assert fitted.broken(frame)["Unique('a', 'b')"].tolist() == [False] * 10 + [True]


# --- what conditions need, and how the middle is learned ----------------------------------------


def test_partners_are_what_the_middle_needs_to_know() -> None:
    frame = table().assign(x="u", y="v")
    stated = [Inequality("a", "b"), Inequality("b", "c"), FixedCombinations(["x", "y"])]
    fitted = fit(stated, frame)
    assert [fitted.partners(label) for label in "abcdxy"] == [
        (),
        ("a",),
        ("a", "b"),
        (),
        ("y",),
        ("x",),
    ]
    with pytest.raises(KeyError, match="no column 'z'"):
        fitted.partners("z")


def test_a_row_of_which_little_is_known_says_so_in_the_middle() -> None:
    frame = table().assign(x=["u", "v"] * (N // 2), y=["U", "V"] * (N // 2))
    stated = [Inequality("a", "b"), Expression("d == 7 + a + b"), FixedCombinations(["x", "y"])]
    fitted = fit(stated, frame)
    row: dict[str, object] = dict.fromkeys("abcdxy", np.nan)
    rows = [{"a": 3, "b": 5, "x": "v", "y": "V"}, {"a": 4}, {"y": "V"}]
    middle = fitted.transform(pd.DataFrame([row | known for known in rows]))
    said = [own.dropna().to_dict() for _, own in middle.astype(object).iterrows()]
    assert said == [{"a": 3, "b": 2, "x": 1}, {"a": 4}, {}]
    with pytest.raises(ConstraintError, match=r"'x', 'y'\): 1 of 1 rows"):
        fitted.transform(pd.DataFrame([row | {"x": "u", "y": "V"}]))


def test_dependent_columns_stand_where_they_lie_in_their_range() -> None:
    frame = pd.DataFrame({"x": [1, 9, 4, 2] * 9, "y": [3, 20, None, 10] * 9, "z": [0.5] * 36})
    frame["sum"] = frame["x"] + frame["z"]
    stated = [Inequality("x", "y"), Expression("sum == x + z")]
    fitted = ConstraintSet.fit(stated, frame, Schema.infer(frame))
    middle = fitted.transform(frame)
    assert fitted.dependent == ("y", "sum")
    found = fitted.standings(dict(middle.items()), len(middle))
    np.testing.assert_allclose(found[:4, 0], [0, 1, -1, 7 / 17])
    np.testing.assert_allclose(found[:4, 1], [0, 1, 3 / 8, 1 / 8])


def test_the_middle_frame_is_encoded_under_its_own_schema() -> None:
    frame = table().astype("Int64").mask(rng(2).random((N, 4)) < 0.1).assign(x=["u", "v", "w"] * 20)
    stated = [Inequality("a", "b"), Expression("d == 7 + a + b"), FixedCombinations(["c", "x"])]
    fitted = fit(stated, frame)
    encoder = TableEncoder.fit(fitted.transform(frame), fitted.middle_schema, rng())
    parts = encoder.encode(fitted.transform(frame), rng())
    back = fitted.reverse(encoder.decode(parts, rng()))
    pd.testing.assert_frame_equal(back, frame)


# --- rows that break constraints ----------------------------------------------------------------


def test_broken_training_rows_are_counted_and_shown() -> None:
    frame = table()
    frame.loc[[3, 8, 9, 20], "b"] = -1
    with pytest.raises(ConstraintError) as caught:
        fit([Inequality("a", "b"), Positive("c")], frame)
    said = str(caught.value)
    a = frame["a"].tolist()
    assert f"Inequality('a' <= 'b'): 4 of 60 rows (row 3: 'a'={a[3]}, 'b'=-1; row 8" in said
    assert "Positive" not in said and 'on_violation="drop"' in said


def test_broken_training_rows_are_left_out_on_request() -> None:
    frame = table()
    frame.loc[[3, 8], "b"] = -1
    schema = Schema.infer(frame)
    with pytest.warns(SchemaWarning, match="2 of 60 training rows .* left out.*row 3"):
        fitted = ConstraintSet.fit([Inequality("a", "b")], frame, schema, on_violation="drop")
    assert fitted.kept is not None and np.flatnonzero(~fitted.kept).tolist() == [3, 8]
    assert_kept(fitted, frame[fitted.kept].reset_index(drop=True))
    with pytest.raises(ConstraintError, match="rows break .* 2 of 60 rows"):
        fitted.transform(frame)
    with pytest.raises(ValueError, match="on_violation must be 'raise' or 'drop'. Got 'fix'"):
        ConstraintSet.fit([Inequality("a", "b")], frame, schema, on_violation="fix")


def test_a_cell_that_cannot_be_missing_is_refused() -> None:
    frame = table().astype({"a": float, "b": float})
    fitted = fit([Inequality("a", "b")], frame)
    middle = fitted.transform(frame).astype({"a": float})
    middle.loc[5, "a"] = np.nan
    with pytest.raises(SchemaError, match="column 'a': 1 cells are missing .*row 5.*none was at"):
        fitted.reverse(middle)


# --- JSON ---------------------------------------------------------------------------------------

ALL = [
    Range("a", "b", "c", strict_boundaries=False),
    Expression("d == 7 + a + b"),
    Negative("e"),
    ScalarInequality("a", ">=", 0),
    ScalarRange("b", -1, 10**6),
    FixedIncrements("f", 0.5),
    FixedCombinations(["g", "h"]),
    OneHotEncoding(["i", "j"]),
    Unique(["k"]),
]


def everything() -> pd.DataFrame:
    g = rng(3).choice([*"uvw"], N)
    return table().assign(
        e=-rng(4).random(N), f=whole(N) / 2, g=g, h=pd.Series(g).str.upper(),
        i=[0, 1] * (N // 2), j=[1, 0] * (N // 2), k=rng(5).permutation(N) * 1.5,
    )  # fmt: skip


def test_a_set_comes_back_from_strict_json() -> None:
    frame = everything()
    schema = Schema.infer(frame)
    fitted = ConstraintSet.fit(ALL, frame, schema)
    assert_kept(fitted, frame)
    text = strict_json.dumps(fitted.to_dict(), "constraints")
    again = ConstraintSet.from_dict(strict_json.loads(text), schema)
    assert again.constraints == fitted.constraints and again.kept is None
    assert again.middle_schema == fitted.middle_schema
    middle = shuffled(fitted.transform(frame))
    pd.testing.assert_frame_equal(again.reverse(middle), fitted.reverse(middle))
    assert again.violations(frame) == fitted.violations(frame)


def damaged(data: Any, path: tuple[Any, ...], value: object) -> Any:
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("constraints", 0, "constraint"), "Import"),
        (("constraints", 0, "low_column_name"), "zzz"),
        (("constraints", 1, "text"), "__import__('os')"),
        (("constraints",), None),
        (("axes", 0, "column"), "zzz"),
        (("axes", 0, "place", "step"), 0),
        (("axes", 0, "place", "low"), 2**90),
        (("axes", 0, "place"), {"precision": "float64", "low": 0.0, "high": 1.0}),
        (("axes", 0, "has_missing"), 1),
        (("axes",), []),
        (("derived", 1, "rules", 0), ["~", {"column": "a"}]),
        (("derived", 1, "rules", 0), ["==", ["**", {"column": "a"}, {"column": "a"}]]),
        (("derived", 0, "column"), {"tuple": []}),
        (("derived", 1, "column"), "a"),
        (("derived", 1, "distance"), None),
        (("combinations", 0, "by"), 99),
        (("combinations", 0, "by"), 0),
        (("combinations", 0, "table"), [[0, 9]]),
        (("combinations", 0, "table"), [[1, 1], [0, 0]]),
        (("combinations", 0, "table"), "x"),
        (("combinations", 0, "dtypes"), ["object", "datetime64"]),
        (("combinations",), []),
    ],
    ids=str,
)
def test_damaged_json_is_refused(path: tuple[Any, ...], value: object) -> None:
    frame = everything()
    schema = Schema.infer(frame)
    data = ConstraintSet.fit(ALL, frame, schema).to_dict()
    hostile = damaged(data, path, value)
    with pytest.raises(ValueError, match=r"\w"):
        ConstraintSet.from_dict(hostile, schema)
    with pytest.raises(ValueError, match="malformed"):
        ConstraintSet.from_dict([], schema)
