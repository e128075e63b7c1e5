"""Candidates at the front door: who gets a critic, and that all contracts of a sample hold."""

import numpy as np
import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer
from tabdiff.data.constraints import Expression
from tabdiff.data.rewriting import Rewriting
from tests.tiny import TINY, table, tiny


def dependent(n: int) -> pd.DataFrame:
    """Two numbers that two steps of training know nothing of: one is the other."""
    x = np.random.default_rng(0).normal(size=n)
    return pd.DataFrame({"x": x, "y": x, "c": np.where(x > 0, "up", "down")})


@pytest.fixture(scope="module")
def chosen() -> DiffusionSynthesizer:
    return DiffusionSynthesizer(**(TINY | {"candidates": 4})).fit(dependent(2_000))


def test_candidates_bring_what_the_network_does_not_know(chosen):
    alone = DiffusionSynthesizer(**(TINY | {"candidates": 1})).fit(dependent(2_000))
    dependence = [s.sample(1_000)[["x", "y"]].corr("spearman").iloc[0, 1] for s in (alone, chosen)]
    assert abs(dependence[0]) < 0.2 < 0.5 < dependence[1]


def test_fewer_rows_are_the_head_of_more(chosen):
    assert chosen.sample(1_500, random_state=3).head(70).equals(chosen.sample(70, random_state=3))


def test_a_file_keeps_what_chooses(chosen, tmp_path):
    chosen.save(tmp_path / "m.tabdiff")
    again = DiffusionSynthesizer.load(tmp_path / "m.tabdiff")
    assert again.sample(50, random_state=1).equals(chosen.sample(50, random_state=1))


def test_what_is_known_holds_in_every_candidate(chosen):
    rows = chosen.sample(200, conditions={"c": "up", "x": (0.5, 1.0)})
    assert (rows["c"] == "up").all() and rows["x"].between(0.5, 1.0).all()
    # The third column is drawn, and chosen for the range of the second.
    assert rows["y"].mean() > 0.3
    holes = dependent(300)
    holes.loc[::2, "y"] = np.nan
    filled = chosen.impute(holes)
    assert filled[holes.notna()].equals(holes) and filled.notna().all(axis=None)


def banded(n: int) -> pd.DataFrame:
    """Two amounts that say little by themselves, and a total in one of three narrow bands."""
    rng = np.random.default_rng(0)
    total = rng.choice([45, 65, 85], n) + rng.integers(0, 200, n) / 100
    net = rng.integers(0, 4_000, n) / 100
    return pd.DataFrame({"net": net, "vat": np.round(total - net, 2), "total": total})


def test_what_chooses_sees_what_constraints_make_of_a_row(monkeypatch, tmp_path):
    own = {"candidates": 8, "max_steps": 20, "constraints": [Expression("total == net + vat")]}
    synth = DiffusionSynthesizer(**(TINY | own)).fit(banded(2_000))
    assert "total" not in synth.encoder_.schema.labels()
    with monkeypatch.context() as patch:
        patch.setattr(Rewriting, "consequences", lambda self, encoder: None)
        blind = DiffusionSynthesizer(**(TINY | own)).fit(banded(2_000))
    both = [s.sample(1_000, random_state=1) for s in (synth, blind)]
    for rows in both:
        assert np.allclose(rows["net"] + rows["vat"], rows["total"])
    within = [(rows["total"] % 20).between(5, 7).mean() for rows in both]
    assert within[0] > within[1] + 0.05

    synth.save(tmp_path / "m.tabdiff")
    again = DiffusionSynthesizer.load(tmp_path / "m.tabdiff")
    assert again.sample(50, random_state=2).equals(synth.sample(50, random_state=2))


def test_a_budget_is_the_networks_alone():
    assert tiny().fit(table()).candidates_ == 1


@pytest.mark.parametrize(("preset", "candidates"), [("fast", 1), ("default", 4), ("best", 8)])
def test_presets_draw_none_or_more(monkeypatch, preset: str, candidates: int):
    monkeypatch.setattr("tabdiff.training.settings.default_steps", lambda n_rows: 5)
    synth = DiffusionSynthesizer(**(TINY | {"max_steps": None, "preset": preset}))
    assert synth.fit(dependent(2_000)).candidates_ == candidates


def test_one_candidate_can_be_asked_of_a_fitted_one(chosen):
    other = DiffusionSynthesizer(**(TINY | {"candidates": 1})).fit(dependent(2_000))
    before = chosen.candidates
    chosen.candidates = 1
    try:
        assert chosen.sample(50, random_state=1).equals(other.sample(50, random_state=1))
    finally:
        chosen.candidates = before


@pytest.mark.parametrize(("wrong", "error"), [(0, ValueError), (65, ValueError), ("2", TypeError)])
def test_numbers_of_candidates_that_make_no_sense_are_refused(wrong, error):
    with pytest.raises(error, match="candidates must be"):
        tiny(candidates=wrong).fit(table())


def test_ctrl_c_while_the_trees_grow_leaves_a_usable_model(monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tabdiff.synthesizer.learn_critic", interrupted)
    synth = tiny(candidates=2)
    with pytest.raises(KeyboardInterrupt):
        synth.fit(table())
    assert synth.stopped_ == "interrupted" and synth.candidates_ == 1
    assert len(synth.sample(5)) == 5
