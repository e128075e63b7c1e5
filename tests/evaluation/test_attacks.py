"""What the attacks find in a copier, in training rows with noise, and in honest rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation import verdict
from tabdiff.evaluation.attacks import attribute_inference, membership_attack
from tabdiff.evaluation.copies import count_near_copies
from tabdiff.evaluation.neighbours import Space, nearest, nearest_without_each
from tabdiff.evaluation.privacy import Privacy, judge_privacy, privacy_floor
from tabdiff.evaluation.scores import privacy_scores
from tabdiff.evaluation.sdmetrics_privacy import dcr_protection, random_rows
from tabdiff.evaluation.tables import Table, Tables, code_tables


def code(real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame) -> Tables:
    return code_tables(real, synthetic, holdout, Schema.infer(real))


def _tables(*frames: pd.DataFrame) -> tuple[Table, Table, Table | None]:
    tables = code(*frames)
    return tables.real, tables.synthetic, tables.holdout


def _sides(train: pd.DataFrame, holdout: pd.DataFrame) -> tuple[Table, Table | None, int]:
    real, _, unseen = _tables(train, train, holdout)
    return real, unseen, 0


@pytest.fixture(scope="module")
def noisy(train: pd.DataFrame) -> pd.DataFrame:
    """What a memorising generator makes: training rows with a little noise, no exact copy."""
    rng = np.random.default_rng(6)
    n = len(train)
    return train.assign(
        size=train["size"] + 0.01 * rng.normal(size=n),
        price=(train["price"] * (1 + 0.005 * rng.normal(size=n))).round(2),
        when=train["when"] + pd.to_timedelta(rng.choice([-1, 1], size=n), unit="D"),
    )


def judge(train: pd.DataFrame, made: pd.DataFrame, holdout: pd.DataFrame) -> Privacy:
    return judge_privacy(*_tables(train, made, holdout), seed=0)


@pytest.mark.usefixtures("sdmetrics")
def test_training_rows_with_noise_fail_without_one_exact_copy(train, noisy, test_rows):
    found = judge(train, noisy, test_rows)
    assert verdict.privacy(found, None).tone == "poor"
    scores = {
        s.key: s.value for s in privacy_scores(found, privacy_floor(*_sides(train, test_rows)))
    }
    assert scores["copies"] == 0
    assert scores["near_copies"] > 90
    assert found.near_copies.floor < 0.05
    assert scores["membership_auc"] > 0.95
    assert scores["inference_excess"] > 0.8
    assert scores["nndr_share"] > 0.7
    assert scores["dcr_overfitting"] < 0.6


@pytest.mark.usefixtures("sdmetrics")
def test_a_bootstrap_copy_fails_and_unseen_rows_pass(train, copied, fresh, test_rows):
    assert verdict.privacy(judge(train, copied, test_rows), None).tone == "poor"
    assert verdict.privacy(judge(train, fresh, test_rows), None).tone == "good"
    # The hold-out itself, in two parts: one is judged, the other is the hold-out.
    unseen = judge(train, test_rows.iloc[:150], test_rows.iloc[150:])
    assert verdict.privacy(unseen, None).tone in ("good", "open")


@pytest.mark.usefixtures("sdmetrics")
def test_each_attack_alone_fails_a_memory(train, copied, fresh, test_rows):
    leaking, honest = (judge(train, frame, test_rows) for frame in (copied, fresh))
    for attack in ("membership", "inference", "memorisation", "near_copies"):
        found = replace(honest, **{attack: getattr(leaking, attack)})
        assert verdict.privacy(found, None).tone == "poor", attack


@pytest.mark.parametrize("seed", range(4))
def test_honest_rows_leave_the_membership_attack_guessing(seed, train, fresh, test_rows):
    tables = code(train, fresh, test_rows)
    rng = np.random.default_rng(seed)
    assert tables.holdout is not None
    found = membership_attack(
        tables.real, tables.synthetic, tables.holdout, Space.of(tables.real), rng
    )
    assert found.n_members == found.n_others == 150
    # Area of 150 against 150 rows that cannot be told apart: std .033; false alarm 1 in 10,000.
    assert abs(found.auc - 0.5) < 4 * 0.034
    assert found.interval[1] - found.interval[0] == pytest.approx(4 * 0.033, abs=0.02)
    assert (found.roc[0], found.roc[-1]) == (pytest.approx(0, abs=0.1), 1.0)


def test_a_common_row_is_no_suspect(train, test_rows):
    # The synthetic table only repeats the densest region: near to many rows, trained on or not.
    dense = train[train["size"].abs() < 0.3]
    crowd = pd.concat([dense] * 8, ignore_index=True).iloc[:500]
    crowd = crowd.assign(size=np.linspace(-0.3, 0.3, len(crowd)))
    tables = code(train, crowd, test_rows)
    assert tables.holdout is not None
    found = membership_attack(
        tables.real, tables.synthetic, tables.holdout, Space.of(tables.real),
        np.random.default_rng(0),
    )  # fmt: skip
    assert abs(found.auc - 0.5) < 0.15


@pytest.mark.usefixtures("sdmetrics")
def test_useful_rows_are_no_leak_but_copied_secrets_are(train, fresh, copied, test_rows):
    honest, leaking = (
        judge_privacy(t.real, t.synthetic, t.holdout, 0).inference
        for t in (code(train, fresh, test_rows), code(train, copied, test_rows))
    )
    assert honest is not None
    assert leaking is not None
    # size tells price and sold of anyone: guesses are right for unseen rows too.
    assert {s.label: s.control for s in honest.secrets}["sold"] > 0.6
    assert honest.interval[0] < 0 < honest.interval[1]
    assert leaking.interval[0] > 0.4
    assert leaking.control == pytest.approx(honest.control, abs=0.1)
    assert leaking.secrets[0].interval[0] > 0.3


@pytest.mark.usefixtures("sdmetrics")
def test_the_leaking_column_is_named(train, fresh, test_rows):
    rng = np.random.default_rng(0)
    coded = [f.assign(code=rng.integers(0, 50, size=len(f)).astype(float) / 7) for f in
             (train, fresh, test_rows)]  # fmt: skip
    # The secret of every training row is in the table, beside everything that is known of it.
    leaking = coded[0].copy()
    found = judge_privacy(*_tables(coded[0], leaking, coded[2]), 0).inference
    assert found is not None
    assert "code" in [secret.label for secret in found.secrets[:3]]


def test_one_column_has_nothing_to_be_guessed_from(train, fresh, test_rows):
    real, synthetic, holdout = _tables(*(f[["size"]] for f in (train, fresh, test_rows)))
    assert holdout is not None
    space, rng = Space.of(real), np.random.default_rng(0)
    assert attribute_inference(real, synthetic, holdout, space, rng) is None


def test_the_neighbour_without_a_column_is_that_of_a_table_without_it(
    train, fresh, test_rows, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tabdiff.evaluation.neighbours.TILE_QUERIES", 7)
    monkeypatch.setattr("tabdiff.evaluation.neighbours.TILE_ROWS", 11)
    real, synthetic, _ = _tables(train, fresh.iloc[:60], test_rows)
    queries = real.take(np.arange(20))
    found = nearest_without_each(queries, synthetic, Space.of(real))
    for i in range(len(real.fields)):
        rest, asked = synthetic.without(i), queries.without(i)
        space = Space.of(real.without(i))
        best = nearest(asked, [rest], space).distance[0]
        chosen = rest.take(found[i])
        reached = [
            nearest(asked.take(np.array([q])), [chosen.take(np.array([q]))], space).distance[0, 0]
            for q in range(20)
        ]
        np.testing.assert_allclose(reached, best, atol=1e-4)


def test_the_second_neighbour_is_found_across_tiles(
    train, fresh, test_rows, monkeypatch: pytest.MonkeyPatch
):
    real, synthetic, _ = _tables(train, fresh, test_rows)
    space = Space.of(real)
    monkeypatch.setattr("tabdiff.evaluation.neighbours.TILE_ROWS", 13)
    queries = synthetic.take(np.arange(30))
    found = nearest(queries, [real], space)
    each = [nearest(queries, [real.take(np.array([r]))], space).distance[0] for r in range(500)]
    expected = np.sort(np.stack(each), axis=0)[:2]
    np.testing.assert_allclose(found.distance[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found.second[0], expected[1], atol=1e-5)
    assert np.all((found.ratio(0) >= 0) & (found.ratio(0) <= 1))


def test_near_copies_are_counted_by_the_reach_of_training_rows():
    among = np.concatenate([np.zeros(5), np.linspace(1, 2, 101)]).astype(np.float32)
    near = np.array([0.0, 1.005, 1.5], dtype=np.float32)
    found = count_near_copies(near, np.array([1.5, 0.5], dtype=np.float32), among)
    assert found.reach == pytest.approx(1.01)
    assert found.synthetic == pytest.approx(2 / 3)
    assert found.floor == 0.5
    assert found.interval[0] < 2 / 3 < found.interval[1]


@pytest.mark.usefixtures("sdmetrics")
def test_sdmetrics_metrics_are_repeated_by_the_seed_and_catch_a_copier(
    train, fresh, copied, test_rows
):
    real, synthetic, holdout = _tables(train, fresh, test_rows)
    honest = dcr_protection(real, synthetic, holdout, np.random.default_rng(0))
    again = dcr_protection(real, synthetic, holdout, np.random.default_rng(0))
    assert honest == again
    leaking = dcr_protection(*_tables(train, copied, test_rows), np.random.default_rng(0))
    assert leaking.baseline < honest.baseline
    assert leaking.overfitting is not None
    assert honest.overfitting is not None
    assert leaking.overfitting < 0.6 < honest.overfitting


def test_random_rows_know_ranges_levels_and_missing_rates_only(train, test_rows):
    real, _, _ = _tables(train, train, test_rows)
    made = random_rows(real, np.random.default_rng(1))
    for i, field in enumerate(real.fields):
        # 500 draws each: the difference of two shares of .15 has std .023.
        assert made.missing(i).mean() == pytest.approx(real.missing(i).mean(), abs=0.09)
        if field.kind == "numeric":
            low, high = np.nanmin(real.columns[i]), np.nanmax(real.columns[i])
            assert low <= np.nanmin(made.columns[i]) <= np.nanmax(made.columns[i]) <= high
            # The mean of 425 uniform values has std width / sqrt(12 425) = .014 width.
            assert abs(np.nanmean(made.columns[i]) - (low + high) / 2) < 0.06 * (high - low)
        else:
            assert set(made.columns[i]) <= set(real.columns[i])
