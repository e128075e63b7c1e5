"""A private fit of sequences: what one entity changes, what none does, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from tabdiff import (
    ConditionError,
    Privacy,
    SchemaError,
    TimeSeriesDiffusionSynthesizer,
    private,
    private_sequences,
)
from tabdiff.data.neighbours import PrivatePanel
from tabdiff.data.noise import NoisyCounts, mu_of
from tabdiff.private import Budget
from tabdiff.private_sequences import Counted, counted
from tests.data.noises import Deaf, Repeating, Silent, loss_of_one
from tests.test_private import assert_same_bits
from tests.tiny import TINY

DAY = pd.Timedelta("1D")


def stays(n: int = 30, rows: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Patients, each with a ward, and some days of a temperature and a state."""
    rng = np.random.default_rng(seed)
    parts = []
    for patient in range(n):
        m = rows or int(rng.integers(1, 7))
        heat = rng.normal(37, 1, m)
        parts.append(
            pd.DataFrame(
                {
                    "patient": f"p-{seed}-{patient}",
                    "day": pd.Timestamp("2024-01-01")
                    + DAY * (int(rng.integers(0, 200)) + np.arange(m)),
                    "heat": np.where(rng.random(m) < 0.2, np.nan, heat),
                    "state": np.where(heat > 37, "ill", "well"),
                    "ward": rng.choice(["east", "west"]),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


BOUNDS: dict[str, Any] = {
    "heat": (30.0, 45.0),
    "day": (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")),
}
PUBLIC: dict[str, Any] = {
    "epsilon": 2.0,
    "delta": 1e-4,
    "bounds": BOUNDS,
    "categories": {"state": ["ill", "well"], "ward": ["east", "west"]},
    "missing": ["heat"],
    "resolution": {"day": DAY},
    "n_rows": 30,
    "longest": 6,
}
PAID: dict[str, Any] = {
    "epsilon": 60.0,
    "delta": 1e-4,
    "preprocessing_epsilon": 20.0,
    "bounds": {"day": BOUNDS["day"]},
    "longest": 6,
}
ROLES: dict[str, Any] = {
    "sequence_key": "patient",
    "sequence_index": "day",
    "context_columns": ["ward"],
}


def tiny(told: dict[str, Any], **changes: Any) -> TimeSeriesDiffusionSynthesizer:
    return TimeSeriesDiffusionSynthesizer(privacy=Privacy(**told), **(TINY | ROLES | changes))


def counted_with(
    noise: NoisyCounts, frame: pd.DataFrame, told: dict[str, Any], index: str | None = "day"
) -> Counted:
    privacy = Privacy(**told)
    panel = PrivatePanel.read(frame, privacy, "patient", index, ["ward"], [])
    return counted(frame, panel, noise, Budget.of(privacy), lambda timeline, longest: longest)


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is learned from coarse rows, quickly."""
    monkeypatch.setattr(private, "COARSE_ROWS", (100, 100))
    monkeypatch.setattr(private, "JUDGES", 40)
    monkeypatch.setattr(private_sequences, "JUDGES", 40)
    monkeypatch.setattr(private_sequences, "LEAST_SEQUENCES", 50)


# ------------------------------------------------------------------------ one entity


@pytest.mark.parametrize(
    ("told", "index"),
    [
        (PUBLIC | {"epsilon": 60.0}, "day"),
        (PUBLIC | {"epsilon": 60.0, "step": DAY}, "day"),
        (PUBLIC | {"epsilon": 60.0, "bounds": {"heat": (30.0, 45.0)}, "resolution": {}}, None),
        (PAID, "day"),
    ],
    ids=["irregular", "regular", "in order", "paid"],
)
@pytest.mark.parametrize("gone", [0, 11, 29])
def test_an_entity_changes_every_count_by_one_at_the_most(
    told: dict[str, Any], index: str | None, gone: int
):
    # Of two rows each, so that there is but one pair to choose.
    frame = stays(rows=2)
    frame = frame if index else frame.drop(columns="day")
    first = Silent(np.random.default_rng(0))
    counted_with(first, frame, told, index)
    assert max(len(np.ravel(counts)) for _, counts, _ in first.asked) > 8
    again = Repeating(first)
    counted_with(again, frame[frame["patient"] != f"p-0-{gone}"], told, index)
    assert 0 < loss_of_one(first, again) <= first.spent + 1e-9
    assert first.spent <= mu_of(told["epsilon"], told["delta"])


def test_however_many_rows_an_entity_has_it_is_counted_once():
    frame = stays(rows=6)
    noise = Silent(np.random.default_rng(0))
    counted_with(noise, frame, PUBLIC)
    # A part of the counts are of a level and less than all cells of a number.
    assert max(counts.sum() for what, counts, _ in noise.asked if what == "counts") == 30


# ------------------------------------------------------------------------ no entity


def test_all_that_rows_have_a_say_in_goes_through_noisy_counts():
    other = stays(17, seed=1).assign(heat=38.0, state="ill", ward="west")
    one, two = (
        counted_with(Deaf(np.random.default_rng(0)), frame, PUBLIC).chain
        for frame in (stays(), other)
    )
    assert_same_bits(one.encoder.state(), two.encoder.state())
    assert_same_bits(one.entities.encoder.state(), two.entities.encoder.state())
    for own, same in ((one.first, two.first), (one.then, two.then)):
        assert own.order == same.order
        for part, table in own.tables.items():
            assert table.tobytes() == same.tables[part].tobytes()


def test_a_window_of_each_entity_and_none_of_another():
    frame, noise = stays(rows=6), Silent(np.random.default_rng(0))
    found = counted_with(noise, frame, PUBLIC)
    found.chain.encoder.window = 4
    windows = found.windows(np.random.default_rng(0))
    assert windows.shape == (30, 4)
    all_rows = found.rows.cat.reshape(30, 6, -1)
    for own, rows in zip(windows.cat[..., -all_rows.shape[-1] :], all_rows, strict=True):
        assert any(torch.equal(own, rows[first : first + 4]) for first in range(3))


def test_windows_are_as_long_whatever_the_others_are():
    found = counted_with(Silent(np.random.default_rng(0)), stays(rows=2), PUBLIC)
    assert found.windows(np.random.default_rng(0)).shape == (30, 6)


def test_rows_beyond_the_longest_are_left_out():
    told = PUBLIC | {"longest": 3}
    found = counted_with(Silent(np.random.default_rng(0)), stays(rows=6), told)
    assert len(found.rows) == 90
    drawn = found.chain.draw(50, np.random.default_rng(0))[1]
    assert np.diff(drawn.offsets).max() <= 3


def test_a_chain_goes_on_as_rows_did():
    # Whoever is ill stays so, and the others stay well.
    frame = stays(400, rows=5)
    frame["state"] = np.repeat(frame["state"].to_numpy()[::5], 5)
    told = PUBLIC | {"epsilon": 30.0, "n_rows": 400}
    chain = counted_with(NoisyCounts(np.random.default_rng(0)), frame, told).chain
    parts, slots = chain.draw(300, np.random.default_rng(0))
    rows = chain.encoder.rows.decode(
        chain.encoder.take_rows(slots, parts), np.random.default_rng(0)
    )
    same = rows["state"].to_numpy()[1:] == rows["state"].to_numpy()[:-1]
    assert same[np.diff(slots.owner) == 0].mean() > 0.9


# ------------------------------------------------------------------------ the whole


@pytest.fixture(scope="module")
def learned() -> TimeSeriesDiffusionSynthesizer:
    """Counts, pre-training, and steps on windows."""
    pytest.importorskip("opacus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "COARSE_ROWS", (100, 100))
        patch.setattr(private, "JUDGES", 40)
        patch.setattr(private_sequences, "JUDGES", 40)
        patch.setattr(private_sequences, "LEAST_SEQUENCES", 50)
        return tiny(PUBLIC).fit(stays())


def test_a_fit_costs_what_was_allowed(learned: TimeSeriesDiffusionSynthesizer):
    spent = learned.privacy_spent_
    assert 1.9 < spent.epsilon <= 2.0 and spent.delta == 1e-4
    assert (spent.unit, spent.n_units, learned.n_entities_seen_) == ("patient", 30, 30)
    assert (spent.steps, spent.draws) == (2, 1) and spent.sigma > 0.3
    assert spent.mu_counts < mu_of(2.0, 1e-4)
    assert {"longest sequence", "bounds of 'day'", "number of rows"} <= set(spent.public)
    assert spent.paid == ()


def test_sequences_come_as_they_were_declared(learned: TimeSeriesDiffusionSynthesizer):
    frame, made = stays(), learned.sample(40, random_state=0)
    assert list(made.dtypes) == list(frame.dtypes)
    assert made["heat"].dropna().between(30, 45).all()
    assert set(made["state"]) <= {"ill", "well"} and set(made["ward"]) <= {"east", "west"}
    assert not set(made["patient"]) & set(frame["patient"])
    sizes = made.groupby("patient").size()
    assert sizes.between(1, 6).all() and len(sizes) == 40
    ahead = made.groupby("patient")["day"].diff().dropna()
    assert (ahead >= DAY).all() and (ahead % DAY == pd.Timedelta(0)).all()


def test_a_file_keeps_the_record_and_the_sequences(
    learned: TimeSeriesDiffusionSynthesizer, tmp_path: Path
):
    learned.save(tmp_path / "shared.tabdiff")
    again = TimeSeriesDiffusionSynthesizer.load(tmp_path / "shared.tabdiff")
    assert again.privacy_spent_ == learned.privacy_spent_
    pd.testing.assert_frame_equal(
        again.sample(5, random_state=1), learned.sample(5, random_state=1)
    )
    content = (tmp_path / "shared.tabdiff").read_bytes()
    assert not any(key.encode() in content for key in stays()["patient"])


def test_histories_are_answered(learned: TimeSeriesDiffusionSynthesizer):
    history = stays(2, rows=4, seed=5)
    ahead = learned.forecast(history, 2, n_samples=2, random_state=0)
    assert len(ahead) == 2 * 2 * 2
    with pytest.raises(ConditionError):
        learned.sample(1, context={"ward": "north"})


def test_a_regular_index_is_built(few_rows: None):
    told = PUBLIC | {"step": DAY, "marginal_share": 1.0}
    synth = tiny(told).fit(stays())
    assert synth.encoder_.timeline.kind == "steps"
    made = synth.sample(30, random_state=0)
    assert (made.groupby("patient")["day"].diff().dropna() == DAY).all()
    assert made["day"].between(*BOUNDS["day"]).mean() > 0.9
    assert {"step", "longest sequence"} <= set(synth.privacy_spent_.public)


def test_polars_in_polars_out(few_rows: None):
    frame = pl.from_pandas(stays())
    made = tiny(PUBLIC | {"marginal_share": 1.0}).fit(frame).sample(3)
    assert isinstance(made, pl.DataFrame) and made.schema == frame.schema


def test_all_but_when_and_how_long_may_be_paid_for(few_rows: None):
    frame = stays(200)
    frame.loc[3, "state"] = "unheard of"
    synth = tiny(PAID | {"marginal_share": 1.0}).fit(frame)
    spent = synth.privacy_spent_
    assert {"number of rows", "categories of 'state'", "bounds of 'heat'"} <= set(spent.paid)
    assert spent.epsilon <= 60.0
    assert "unheard of" not in set(synth.sample(200, random_state=0)["state"])


def test_ctrl_c_while_entities_are_learned_ends_the_fit(few_rows: None):
    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    synth = tiny(PUBLIC | {"marginal_share": 1.0})
    with pytest.raises(KeyboardInterrupt):
        synth.fit(stays(), report=stop)
    assert not hasattr(synth, "encoder_")


# ------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column_kinds": {"heat": "categorical"}}, "column_kinds cannot be set in private mode"),
        ({"validation_fraction": 0.1}, "validation_fraction cannot be set in private mode"),
        ({"checkpoint_dir": "kept"}, "checkpoint_dir cannot be set in private mode"),
        ({"sequence_key": None, "context_columns": []}, "private mode protects entities"),
        ({"context_columns": "auto"}, "context_columns='auto' would look at rows"),
    ],
)
def test_what_would_look_at_rows_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        tiny(PUBLIC, **changes).fit(stays())


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"unit": "nights"}, "the unit of sequences is their sequence_key 'patient'"),
        ({"target": "state"}, "target= is of tables"),
    ],
)
def test_promises_that_sequences_do_not_know_are_refused(told: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        tiny(PUBLIC | told).fit(stays())


def test_all_that_must_be_declared_is_told_at_once():
    told = {"epsilon": 2.0, "delta": 1e-4, "bounds": {"heat": (30.0, 45.0)}}
    with pytest.raises(SchemaError) as refused:
        tiny(told).fit(stays())
    for name in ("longest", "bounds={'day'", "categories={'state'", "missing=['heat']", "n_rows"):
        assert name in str(refused.value)


def test_moments_between_the_declared_steps_are_refused():
    frame = stays()
    frame.loc[4, "day"] += pd.Timedelta("7h")
    with pytest.raises(SchemaError, match="lie between the steps"):
        tiny(PUBLIC | {"step": DAY}).fit(frame)


def test_what_is_no_privacy_is_refused():
    synth = TimeSeriesDiffusionSynthesizer(privacy={"epsilon": 1}, **TINY, **ROLES)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="privacy must be a Privacy"):
        synth.fit(stays())
