"""A private fit as a whole: what one row changes, what none does, and what is refused.

Neighbours are told apart by what noise is asked to hide. So the same answers are given for both,
and whatever is counted along that path may differ by one row and by no more.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff import DiffusionSynthesizer, Privacy, SchemaError, private
from tabdiff.data.constraints import Positive
from tabdiff.data.noise import NoisyCounts, mu_of
from tabdiff.data.schema import Schema
from tabdiff.private import Budget
from tests.data.noises import Deaf, Repeating, Silent, loss_of_one
from tests.tiny import tiny


def people(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    height = rng.normal(170, 12, n)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "height": np.where(rng.random(n) < 0.3, np.nan, height),
            "town": pd.Categorical(
                rng.choice(["Ede", "Goes"], n), categories=["Ede", "Goes", "Epe"]
            ),
            "member": height > 170,
            "card": [f"c-{i}" for i in rng.permutation(n)],
        }
    )


PUBLIC: dict[str, Any] = {
    "epsilon": 2.0,
    "delta": 1e-4,
    "bounds": {"age": (0, 120), "height": (100.0, 250.0)},
    "categories": {"town": ["Ede", "Goes", "Epe"]},
    "missing": ["height"],
    "identifiers": ["card"],
    "n_rows": 60,
}
PAID: dict[str, Any] = {
    "epsilon": 2.0,
    "delta": 1e-4,
    "preprocessing_epsilon": 1.0,
    "identifiers": ["card"],
}


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is learned from the coarse model, quickly."""
    monkeypatch.setattr(private, "COARSE_ROWS", (100, 100))
    monkeypatch.setattr(private, "JUDGES", 40)


def measured_with(noise: NoisyCounts, frame: Any, told: dict[str, Any]) -> private.Measured:
    privacy = Privacy(**told)
    return private.measured(frame, privacy, noise, Budget.of(privacy))


# ------------------------------------------------------------------------ one row


@pytest.mark.parametrize("target", [None, "member", "age"])
@pytest.mark.parametrize(
    "told",
    [PUBLIC | {"epsilon": 60.0}, PAID | {"epsilon": 60.0, "preprocessing_epsilon": 10.0}],
    ids=["public", "paid"],
)
def test_a_row_changes_every_count_by_one_at_the_most(told: dict[str, Any], target: str | None):
    told, frame = told | {"target": target}, people()
    first = Silent(np.random.default_rng(0))
    measured_with(first, frame, told)
    # Much is counted, and finely: with this budget few rows make a cell.
    assert max(len(counts) for _, counts, _ in first.asked) > 8
    for gone in (0, 7, 23, 59):
        without = frame.drop(index=gone)
        again = Repeating(first)
        measured_with(again, without, told)
        assert loss_of_one(first, again) <= first.spent + 1e-9
    assert first.spent <= mu_of(told["epsilon"], told["delta"])


@pytest.mark.parametrize("target", [None, "member"])
def test_a_unit_changes_every_count_by_one_at_the_most(target: str | None):
    frame = people(90).assign(card=np.repeat([f"c-{i}" for i in range(30)], 3))
    # Rows of one unit are alike, so whichever is picked is the same.
    for name in frame.columns:
        frame[name] = frame[name].to_numpy()[np.repeat(np.arange(0, 90, 3), 3)]
    told = PUBLIC | {"unit": "card", "identifiers": [], "n_rows": 30, "target": target}
    first = Silent(np.random.default_rng(0))
    measured_with(first, frame, told)
    again = Repeating(first)
    measured_with(again, frame[frame["card"] != "c-4"], told)
    for (_, with_it, _), (_, none, _) in zip(first.asked, again.asked, strict=True):
        assert np.abs(with_it - none).max(initial=0.0) <= 1 + 1e-9


# ------------------------------------------------------------------------ no row


def assert_same_bits(one: Any, other: Any) -> None:
    """Both states hold the same bytes."""
    assert one[0] == other[0]
    assert one[1].keys() == other[1].keys()
    for name, array in one[1].items():
        assert array.dtype == other[1][name].dtype
        assert array.tobytes() == other[1][name].tobytes(), name


@pytest.mark.parametrize("target", [None, "member"])
def test_all_that_rows_have_a_say_in_goes_through_noisy_counts(
    target: str | None,
):
    # Where counts are not heard, tables that share nothing but their dtypes give the same bits.
    other = people(41, 1).assign(age=1, member=True)
    other["town"] = pd.Categorical(["Epe"] * 41)
    found = [
        measured_with(Deaf(np.random.default_rng(0)), frame, PUBLIC | {"target": target})
        for frame in (people(), other)
    ]
    one, two = found
    assert_same_bits(one.encoder.state(), two.encoder.state())
    assert (one.own.n, one.own.schema) == (two.own.n, two.own.schema)
    assert one.coarse.order == two.coarse.order
    for part, table in one.coarse.tables.items():
        assert table.tobytes() == two.coarse.tables[part].tobytes()


def test_neighbours_have_encoders_that_differ_in_noisy_counts_alone():
    # With the same noise; cells of numbers follow the counts, all else is what was declared.
    frames = people(), people().drop(index=3)
    one, two = (
        measured_with(NoisyCounts(np.random.default_rng(5)), frame, PUBLIC).encoder
        for frame in frames
    )
    (told, arrays), (told_too, arrays_too) = one.state(), two.state()
    assert told == told_too
    counted = {"counts", "atoms", "open", "v", "y"}
    public = {name for name in arrays if name.split(".")[-1] not in counted}
    for name in public:
        assert arrays[name].tobytes() == arrays_too[name].tobytes()
    for field, other in zip(one.fields, two.fields, strict=True):
        if field.column.kind == "numeric":
            assert field.encoder.bounds == other.encoder.bounds


def test_a_seed_of_the_user_does_not_tell_the_noise(few_rows: None):
    told = Privacy(**PUBLIC, marginal_share=1.0)
    fits = [tiny(privacy=told, random_state=7).fit(people()) for _ in range(2)]
    one, two = ([field.encoder.counts for field in fit.encoder_.fields] for fit in fits)
    assert any(list(a) != list(b) for a, b in zip(one, two, strict=True))


# ------------------------------------------------------------------------ the whole


@pytest.fixture(scope="module")
def learned() -> DiffusionSynthesizer:
    """Counts, pre-training, and steps on rows."""
    pytest.importorskip("opacus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "COARSE_ROWS", (100, 100))
        patch.setattr(private, "JUDGES", 40)
        return tiny(privacy=Privacy(**PUBLIC | {"n_rows": 64})).fit(people())


def test_a_fit_costs_what_was_allowed(learned: DiffusionSynthesizer):
    spent = learned.privacy_spent_
    assert 1.9 < spent.epsilon <= 2.0 and spent.delta == 1e-4
    assert (spent.unit, spent.n_units, learned.n_rows_seen_) == ("row", 64, 64)
    assert (spent.steps, spent.draws, spent.clip) == (2, 1, 1.0)
    assert spent.sample_rate == pytest.approx(0.06, abs=0.01) and spent.sigma > 0.3
    assert spent.mu_counts < mu_of(2.0, 1e-4)
    assert spent.paid == ()
    assert set(spent.public) == {
        "bounds of 'age'", "bounds of 'height'", "categories of 'town'", "missing of 'height'",
        "identifiers of 'card'", "number of rows",
    }  # fmt: skip
    assert set(spent.versions) == {"numpy", "scipy", "torch", "opacus"}


def test_rows_come_in_the_dtypes_and_bounds_that_were_declared(learned: DiffusionSynthesizer):
    rows = learned.sample(200, random_state=0)
    assert list(rows.dtypes) == list(people().dtypes)
    assert rows["age"].between(0, 120).all()
    assert rows["height"].dropna().between(100, 250).all()
    assert set(rows["town"]) <= {"Ede", "Goes", "Epe"}
    assert not set(rows["card"]) & set(people()["card"])


def test_a_file_keeps_the_record_and_the_rows(learned: DiffusionSynthesizer, tmp_path: Path):
    learned.save(tmp_path / "shared.tabdiff")
    again = DiffusionSynthesizer.load(tmp_path / "shared.tabdiff")
    assert again.privacy_spent_ == learned.privacy_spent_
    pd.testing.assert_frame_equal(
        again.sample(20, random_state=1), learned.sample(20, random_state=1)
    )


def test_nothing_of_a_row_is_written_down(learned: DiffusionSynthesizer, tmp_path: Path):
    learned.save(tmp_path / "shared.tabdiff")
    content = (tmp_path / "shared.tabdiff").read_bytes()
    assert not any(card.encode() in content for card in people()["card"])
    values = learned.encoder_.state()[1]
    edges = np.concatenate([array.ravel() for array in values.values()])
    assert not np.isin(people()["height"].dropna(), edges).any()
    assert not learned.history_["loss"].isna().any()
    assert learned.history_["step"].max() == 2


def test_how_long_rows_were_looked_at_is_told_to_nobody(
    few_rows: None, monkeypatch: pytest.MonkeyPatch
):
    # The clock stands still but while rows are counted.
    hours = iter(range(0, 10**9, 3_600))
    counting = private.measured

    def slowly(*arguments: Any) -> Any:
        monkeypatch.setattr(private.time, "monotonic", lambda: 0.0)
        next(hours)
        return counting(*arguments)

    monkeypatch.setattr(private.time, "monotonic", lambda: float(next(hours)))
    monkeypatch.setattr(private, "measured", slowly)
    synth = tiny(privacy=Privacy(**PUBLIC, marginal_share=1.0)).fit(people())
    assert synth.fit_seconds_ == 0.0


def test_polars_in_polars_out(few_rows: None):
    frame = pl.from_pandas(people().astype({"town": str}))
    told = PUBLIC | {"marginal_share": 1.0}
    rows = tiny(privacy=Privacy(**told)).fit(frame).sample(5)
    assert isinstance(rows, pl.DataFrame) and rows.schema == frame.schema


def test_a_table_of_units_learns_one_row_of_each(few_rows: None):
    frame = people().assign(card=lambda df: "p" + (df.index % 20).astype(str))
    told = PUBLIC | {"identifiers": [], "unit": "card", "n_rows": 20, "marginal_share": 1.0}
    synth = tiny(privacy=Privacy(**told)).fit(frame)
    assert synth.privacy_spent_.unit == "card" and synth.n_rows_seen_ == 20
    assert synth.sample(50)["card"].is_unique


def test_all_may_be_paid_for(few_rows: None):
    synth = tiny(privacy=Privacy(**PAID | {"epsilon": 30.0}, marginal_share=1.0)).fit(people(400))
    spent = synth.privacy_spent_
    assert "number of rows" in spent.paid and "categories of 'town'" in spent.paid
    assert spent.public == ("identifiers of 'card'",)
    assert spent.epsilon <= 30.0 + 1e-6
    assert synth.sample(20)["height"].dtype == np.float64


def test_without_opacus_counts_alone_can_be_learned_from(
    few_rows: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImportError, match=r"pip install 'tabdiff\[dp\]'.*marginal_share=1.0"):
        tiny(privacy=Privacy(**PUBLIC)).fit(people())
    synth = tiny(privacy=Privacy(**PUBLIC, marginal_share=1.0)).fit(people())
    assert synth.privacy_spent_.sigma == 0.0
    assert synth.privacy_spent_.epsilon == pytest.approx(2.0)


# ------------------------------------------------------------------------ what is refused


def test_a_private_model_is_not_told_whose_copies_to_leave_out(learned: DiffusionSynthesizer):
    with pytest.raises(ValueError, match="a private model cannot exclude copies"):
        learned.exclude_copies_of(people())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"schema": Schema.infer(people()[["age"]])},
            "schema cannot be set in private mode: the schema is",
        ),
        ({"column_kinds": {"age": "categorical"}}, "column_kinds cannot be set in private mode"),
        ({"constraints": [Positive("age")]}, "constraints cannot be set in private mode"),
        (
            {"validation_fraction": 0.1},
            "validation_fraction cannot be set in private mode: held-out",
        ),
        ({"validation_fraction": 0.0}, "validation_fraction cannot be set in private mode"),
        ({"candidates": 2}, "candidates=2 cannot be set in private mode"),
        ({"checkpoint_dir": "kept"}, "checkpoint_dir cannot be set in private mode"),
        ({"min_category_count": 5}, "min_category_count cannot be set in private mode"),
        ({"clip_percentiles": (1.0, 99.0)}, "clip_percentiles cannot be set in private mode"),
        ({"exclude_copies": True}, "exclude_copies cannot be set in private mode"),
    ],
)
def test_what_would_look_at_rows_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        tiny(privacy=Privacy(**PUBLIC), **changes).fit(people())


def test_what_is_no_privacy_is_refused():
    with pytest.raises(TypeError, match="privacy must be a Privacy. Got {'epsilon': 1}"):
        tiny(privacy={"epsilon": 1}).fit(people())


def test_an_undeclared_column_is_refused_before_anything_is_counted():
    told = PUBLIC | {"categories": {}}
    with pytest.raises(SchemaError, match="column 'town' .category.: declare categories="):
        tiny(privacy=Privacy(**told)).fit(people())


def test_rows_that_contradict_a_declaration_are_refused():
    told = PUBLIC | {"categories": {"town": ["Ede", "Epe"]}}
    with pytest.raises(SchemaError, match="column 'town': .* cells hold categories"):
        tiny(privacy=Privacy(**told)).fit(people())
