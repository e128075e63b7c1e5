"""What is known of a private table before it is counted: declared, or let through by noise."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff import Privacy, SchemaError
from tabdiff.data.charter import Charter, charter
from tabdiff.data.noise import NoisyCounts
from tests.data.noises import Silent


def drawn_up(
    frame: Any,
    *,
    mu: float = 0.0,
    delta: float = 0.0,
    noise: NoisyCounts | None = None,
    **told: Any,
) -> Charter:
    privacy = Privacy(epsilon=2.0, delta=1e-6, **told)
    return charter(frame, privacy, noise or NoisyCounts(np.random.default_rng(0)), mu, delta)


def people(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "height": rng.normal(170, 10, n),
            "born": pd.Timestamp("1960-01-01") + pd.to_timedelta(rng.integers(0, 9_000, n), "D"),
            "town": rng.choice(["Ede", "Goes"], n),
            "grade": pd.Categorical(rng.choice(["b", "a"], n), categories=["b", "a", "z"]),
            "member": rng.random(n) < 0.5,
        }
    )


PUBLIC: dict[str, Any] = {
    "bounds": {
        "age": (0, 120),
        "height": (100.0, 250.0),
        "born": (pd.Timestamp("1900-01-01"), pd.Timestamp("2020-01-01")),
    },
    "categories": {"town": ["Ede", "Goes", "Epe"], "grade": ["a", "b"]},
    "n_rows": 200,
}


def test_nothing_of_a_declared_table_comes_from_its_rows():
    noise, one = Silent(np.random.default_rng(0)), people()
    other = one.iloc[::-1].head(40).reset_index(drop=True).assign(age=3, height=101.5, town="Epe")
    told = [drawn_up(frame, noise=noise, **PUBLIC) for frame in (one, other)]
    assert told[0].schema == told[1].schema
    pd.testing.assert_frame_equal(told[0].template, told[1].template)
    assert told[0].n == told[1].n == 200
    assert noise.asked == []


def test_a_template_holds_declared_values_in_the_dtypes_of_the_table():
    own = drawn_up(people(), **PUBLIC, missing=["town"])
    assert list(own.template.dtypes[["age", "height", "born", "member"]]) == list(
        people().dtypes[["age", "height", "born", "member"]]
    )
    assert set(own.template["age"]) == {0, 120}
    assert set(own.template["town"].dropna()) == {"Ede", "Goes", "Epe"}
    assert own.template["town"].isna().sum() == 1
    assert list(own.template["grade"].cat.categories) == ["a", "b"]
    kinds = [column.kind for column in own.schema.columns]
    assert kinds == ["numeric", "numeric", "datetime", *["categorical"] * 3]


def test_all_that_must_be_declared_is_told_at_once():
    frame = people().assign(member=pd.array([None, *[True] * 199], dtype="boolean"))
    with pytest.raises(SchemaError) as caught:
        drawn_up(frame, bounds={"height": (100, 250)})
    told = str(caught.value)
    for part in (
        "nothing is inferred from rows",
        "preprocessing_epsilon",
        "column 'age' (int64): declare bounds={'age': (low, high)}",
        "column 'born' (datetime64[ns]): declare bounds",
        "column 'town' (object): declare categories={'town': …}",
        "column 'grade' (category): declare categories",
        "column 'member' misses cells: declare missing=['member']",
        "declare n_rows",
    ):
        assert part in told
    assert "'height'" not in told


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"bounds": {"agee": (0, 1)}}, "no column 'agee'. Did you mean 'age'"),
        ({"missing": ["x"]}, "no column 'x'"),
        ({"target": "x"}, "no column 'x'"),
        ({"unit": "x"}, "no column 'x'"),
        ({"identifiers": ["town"], "target": "town"}, "the target 'town' is an identifier"),
    ],
)
def test_declarations_of_other_tables_are_refused(told: dict[str, Any], message: str):
    with pytest.raises(SchemaError, match=message):
        drawn_up(people(), **told)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": (90, 18)}, "bounds of 'age' must be .low, high., low first. Got .90, 18."),
        ({"age": (0, 2**70)}, "column 'age': what is declared cannot be int64"),
        ({"age": (0.5, 120)}, "column 'age' is int64, and what is declared no whole number: 0.5"),
        ({"born": ("now", "then")}, "column 'born': what is declared cannot be datetime64"),
    ],
)
def test_bounds_that_the_dtype_cannot_hold_are_refused(changes: dict[str, Any], message: str):
    with pytest.raises(SchemaError, match=message):
        drawn_up(people(), **(PUBLIC | {"bounds": PUBLIC["bounds"] | changes}))


def test_a_unit_has_one_row_and_rows_without_one_each_their_own():
    frame = people(60).assign(who=[*np.repeat(["p", "q", "r"], 18), *[None] * 6])
    own = drawn_up(frame, **PUBLIC, unit="who")
    assert sorted(own.frame["who"].dropna()) == ["p", "q", "r"]
    assert own.frame["who"].isna().sum() == 6
    assert own.schema["who"].kind == "identifier"
    # Nothing of a unit's name is kept.
    assert not set(own.template["who"]) & {"p", "q", "r"}
    picked = {
        float(
            drawn_up(frame, noise=NoisyCounts(np.random.default_rng(seed)), **PUBLIC, unit="who")
            .frame.query("who == 'p'")["height"]
            .iloc[0]
        )
        for seed in range(20)
    }
    assert len(picked) > 5


# ------------------------------------------------------------------------ what is paid for

PAID: dict[str, Any] = {"preprocessing_epsilon": 1.0}


def test_what_is_not_declared_is_counted_once_each():
    noise = Silent(np.random.default_rng(0))
    own = drawn_up(people(), mu=3.0, delta=1e-7, noise=noise, **PAID)
    # Rows; bounds of three; categories of two; gaps of height, born, town and grade.
    assert len(noise.asked) == len(own.paid) == 10
    assert noise.spent == pytest.approx(3.0)
    assert own.n == 200.0


def test_a_delta_that_exposes_one_of_as_many_rows_as_are_counted_is_refused():
    noise = Silent(np.random.default_rng(0))
    privacy = Privacy(**PAID, epsilon=2.0, delta=0.01)
    with pytest.raises(ValueError, match="lets one in 100 be exposed whole, and there are 200"):
        charter(people(), privacy, noise, 3.0, 1e-7)


def test_bounds_are_powers_of_two_around_most_values():
    frame = people(2_000).assign(height=lambda df: df["height"].mask(df.index == 7, 1e12))
    own = drawn_up(frame, mu=10.0, delta=1e-7, **PAID)
    height, age = (own.template[name] for name in ("height", "age"))
    assert (height.min(), height.max()) == (128.0, 256.0)
    assert age.dtype == np.int64 and (age.min(), age.max()) == (16, 128)
    assert own.template["born"].min() <= frame["born"].min()
    assert own.template["born"].max() >= frame["born"].max()


def test_a_budget_that_finds_no_bounds_is_told():
    with pytest.raises(SchemaError, match="column 'age': preprocessing_epsilon is too small"):
        drawn_up(people(20), mu=1e-3, delta=1e-7, **PAID)


def test_labels_of_few_rows_become_other_in_the_dtype_of_the_column():
    frame = people()
    frame["town"] = frame["town"].where(frame.index > 0, "Ann's house")
    own = drawn_up(frame, mu=20.0, delta=1e-7, **PAID)
    assert set(own.template["town"]) == {"Ede", "Goes", "other"}
    assert own.frame["town"].iloc[0] == "other"
    assert list(own.template["grade"].cat.categories) == ["a", "b", "other"]
    assert own.frame["grade"].dtype == own.template["grade"].dtype


def test_a_label_of_one_row_passes_as_rarely_as_delta_says():
    n, delta = 4_000, 0.02
    frame = pd.DataFrame({"name": [f"p{i}" for i in range(n)]})
    own = drawn_up(frame, mu=1.0, delta=delta, n_rows=n, **PAID)
    passed = own.template["name"].nunique() - 1
    # Of 4,000 labels 80 pass, with std 8.9: 5 of them.
    assert abs(passed - delta * n) < 5 * np.sqrt(delta * n)


def test_rows_with_gaps_that_noise_hides_are_left_out():
    frame = people().rename(columns={"height": 0})
    frame.loc[3, 0] = np.nan
    frame.loc[:80, "town"] = None
    own = drawn_up(frame, mu=5.0, delta=1e-7, **PAID)
    assert own.missing == {"town"}
    assert list(own.frame.columns) == list(frame.columns)
    assert len(own.frame) == 199 and not own.frame[0].isna().any()


def test_texts_are_asked_for_where_labels_are_other_things():
    frame = people().assign(town=[1, *["Ede"] * 199])
    with pytest.raises(SchemaError, match="column 'town' holds other than texts: declare its cat"):
        drawn_up(frame, mu=5.0, delta=1e-7, **PAID)
