import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.intervals import wilson
from tabdiff.evaluation.neighbours import Space, nearest
from tabdiff.evaluation.privacy import judge_privacy
from tabdiff.evaluation.tables import Tables, code_tables


def code(real: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame) -> Tables:
    return code_tables(real, synthetic, holdout, Schema.infer(real))


def naive_distance(a: pd.Series, b: pd.Series, train: pd.DataFrame) -> float:
    total = 0.0
    for name in train:
        column = train[name]
        if pd.api.types.is_float_dtype(column):
            spread = column.max() - column.min()
            x, y = (column.median() if pd.isna(v) else v for v in (a[name], b[name]))
            total += abs(x - y) / spread + (pd.isna(a[name]) != pd.isna(b[name]))
        else:
            both_missing = pd.isna(a[name]) and pd.isna(b[name])
            total += 0.0 if both_missing or a[name] == b[name] else 2.0
    return total


def small_frames() -> list[pd.DataFrame]:
    rng = np.random.default_rng(5)
    made = []
    for n in (60, 25, 30):
        grid = rng.integers(0, 5, size=n).astype(float)
        made.append(
            pd.DataFrame(
                {
                    "x": rng.normal(size=n),
                    "y": np.where(rng.random(n) < 0.2, np.nan, grid),
                    "g": pd.Series(rng.choice(["a", "b"], size=n), dtype=object).where(
                        rng.random(n) > 0.2, None
                    ),
                }
            )
        )
    return made


@pytest.mark.parametrize("columns", [["x", "y", "g"], ["y", "g"]])
@pytest.mark.usefixtures("sdmetrics")
def test_memorisation_excess_equals_a_naive_search_with_ties_split(columns: list[str]):
    train, holdout, fake = (frame[columns] for frame in small_frames())
    shares = []
    for _, row in fake.iterrows():
        near = [naive_distance(row, other, train) for _, other in train.iterrows()]
        far = [naive_distance(row, other, train) for _, other in holdout.iterrows()]
        least = min(*near, *far)
        mine = sum(abs(d - least) < 1e-4 for d in near)
        others = sum(abs(d - least) < 1e-4 for d in far)
        shares.append(mine / (mine + others))
    chance = len(train) / (len(train) + len(holdout))
    tables = code(train, fake, holdout)
    found = judge_privacy(tables.real, tables.synthetic, tables.holdout, seed=0).memorisation
    assert found is not None
    assert found.share == pytest.approx(np.mean(shares), abs=1e-6)
    assert found.chance == pytest.approx(chance)
    assert found.excess == pytest.approx((np.mean(shares) - chance) / (1 - chance), abs=1e-6)


def test_tiles_do_not_change_the_neighbours(monkeypatch: pytest.MonkeyPatch):
    train, holdout, fake = small_frames()
    tables = code(train, fake, holdout)
    space = Space.of(tables.real)
    whole = nearest(tables.synthetic, [tables.real], space)
    monkeypatch.setattr("tabdiff.evaluation.neighbours.TILE_QUERIES", 7)
    monkeypatch.setattr("tabdiff.evaluation.neighbours.TILE_ROWS", 11)
    tiled = nearest(tables.synthetic, [tables.real], space)
    np.testing.assert_allclose(tiled.distance, whole.distance, atol=1e-6)
    np.testing.assert_array_equal(tiled.ties, whole.ties)


def test_a_row_is_not_its_own_neighbour():
    train, _, _ = small_frames()
    tables = code(train, train, train)
    space = Space.of(tables.real)
    found = nearest(tables.real, [tables.real], space, same_rows=True).distance[0]
    expected = [
        min(naive_distance(a, b, train) for j, b in train.iterrows() if i != j)
        for i, a in train.iterrows()
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.usefixtures("sdmetrics")
def test_a_pure_copier_is_caught(train, copied, test_rows):
    tables = code(train, copied, test_rows)
    found = judge_privacy(tables.real, tables.synthetic, tables.holdout, seed=0)
    assert found.copies.synthetic == 1
    assert found.copies.floor < 0.05
    assert found.memorisation is not None
    assert found.memorisation.excess > 0.97
    assert found.memorisation.interval[0] > 0.9
    assert found.distances.medians[0] == 0


@pytest.mark.usefixtures("sdmetrics")
def test_fresh_rows_pass(train, fresh, test_rows):
    tables = code(train, fresh, test_rows)
    found = judge_privacy(tables.real, tables.synthetic, tables.holdout, seed=0).memorisation
    assert found is not None
    # 500 rows, chance .625: the standard error of the excess is .058; false alarm 6 in 100,000.
    assert abs(found.excess) < 4 * 0.058
    assert found.interval[0] < 0 < found.interval[1]
    assert abs(found.dcr_share - 0.5) < 4 * 0.0224


@pytest.mark.usefixtures("sdmetrics")
def test_half_a_copier_is_half_caught(train, copied, fresh, test_rows):
    mixed = pd.concat([copied.iloc[:250], fresh.iloc[:250]], ignore_index=True)
    tables = code(train, mixed, test_rows)
    found = judge_privacy(tables.real, tables.synthetic, tables.holdout, seed=0).memorisation
    assert found is not None
    assert found.excess == pytest.approx(0.5, abs=0.2)


@pytest.mark.usefixtures("sdmetrics")
def test_without_a_holdout_copies_are_still_counted(train, copied):
    tables = code_tables(train, copied, None, Schema.infer(train))
    found = judge_privacy(tables.real, tables.synthetic, None, seed=0)
    assert found.memorisation is None
    assert found.copies.synthetic == 1
    assert found.distances.medians[1] > 0


@pytest.mark.usefixtures("sdmetrics")
def test_fewer_queries_give_the_same_answer_within_noise(train, copied, test_rows):
    tables = code(train, copied, test_rows)
    found = judge_privacy(tables.real, tables.synthetic, tables.holdout, seed=0, max_queries=50)
    assert found.memorisation is not None
    assert found.memorisation.n_queries == 50
    assert found.memorisation.excess > 0.9


def test_wilson_stays_within_bounds_and_shrinks():
    assert wilson(1.0, 10)[1] == 1
    assert wilson(0.0, 10)[0] == 0
    low, high = wilson(0.5, 100)
    assert (low, high) == pytest.approx((0.404, 0.596), abs=1e-3)
