from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tabdiff.evaluation.dynamics import (
    Steps,
    autocorrelation_error,
    cross_correlation_error,
    disorder,
    gap_error,
    ks_distance,
    lagged_correlations,
    length_error,
    reach,
    transition_error,
)
from tests.evaluation.panels import CHAIN, PHI, STATES, draw_panel, panel, panels

NUMBERS = np.array([1, 2])  # level and dose, after the index


def sequences(values: list[list[object]], column: str) -> pd.DataFrame:
    """Entities with these values, and an index that counts."""
    rows = [(k, t, v) for k, entity in enumerate(values) for t, v in enumerate(entity)]
    return pd.DataFrame(rows, columns=["who", "day", column])


def test_an_alternating_sequence_has_alternating_correlations():
    values = list(np.tile([1.25, -1.25, 1.5, -1.5], 50))
    found = lagged_correlations(panel(sequences([values, values], "x")), np.array([1]), 2)
    # Four rows: -(1.25^2 + 2 1.25 1.5 + 1.5^2) at lag 1, 4 1.25 1.5 at lag 2, both over
    # 2 (1.25^2 + 1.5^2).
    assert found[0, 0, 0] == pytest.approx(1)
    assert found[1, 0, 0] == pytest.approx(-7.5625 / 7.625, abs=0.005)
    assert found[2, 0, 0] == pytest.approx(7.5 / 7.625, abs=0.005)


def test_an_autoregression_forgets_by_the_power_of_the_lag():
    rng = np.random.default_rng(0)
    entities = []
    for _ in range(3):
        x = rng.normal(size=4000)
        for t in range(1, len(x)):
            x[t] += PHI * x[t - 1]
        entities.append(list(x))
    found = lagged_correlations(panel(sequences(entities, "x")), np.array([1]), 4)
    # Bartlett: the standard error of r(k) is below sqrt((1 + 2 phi^2 / (1 - phi^2)) / n) = 0.02.
    assert found[1:, 0, 0] == pytest.approx(PHI ** np.arange(1, 5), abs=0.08)


def test_correlations_are_what_loops_over_entities_give():
    made = panel(draw_panel(12, seed=5))
    found = lagged_correlations(made, NUMBERS, 3)
    for lag in range(4):
        for a, first in enumerate(NUMBERS):
            for b, second in enumerate(NUMBERS):
                assert found[lag, a, b] == pytest.approx(naive(made, first, second, lag))


def naive(made, first: int, second: int, lag: int) -> float:
    products, here, there = [], [], []
    for start, end in zip(made.starts[:-1], made.starts[1:], strict=True):
        x, y = (made.table.columns[i][start:end] for i in (first, second))
        x, y = x - np.nanmean(x), y - np.nanmean(y)
        for t in range(end - start - lag):
            if not np.isnan(x[t] + y[t + lag]):
                products.append(x[t] * y[t + lag])
                here.append(x[t] ** 2)
                there.append(y[t + lag] ** 2)
    return sum(products) / np.sqrt(sum(here) * sum(there))


def test_correlations_that_cannot_be_taken_are_no_number():
    made = panel(sequences([[1.5, 1.5, 1.5, 1.5]] * 20 + [[2.5, 2.5]] * 3, "x"))
    assert np.isnan(lagged_correlations(made, np.array([1]), 2)).all()
    assert np.isnan(autocorrelation_error(np.full((3, 1, 1), np.nan), np.zeros((3, 1, 1))))
    assert np.isnan(cross_correlation_error(np.zeros((3, 1, 1)), np.zeros((3, 1, 1))))


def test_lags_that_few_entities_reach_are_left_out():
    short, long = [[0.5, 1.5, 2.5]] * 95, [list(np.arange(30) / 7)] * 5
    # 2 * 95 + 29 * 5 pairs at lag 1, 5 * 29 / 2 of them needed: lag 2 has 95 + 140, lag 15 75.
    assert reach(panel(sequences(short + long, "x"))) == 16


def test_huge_numbers_do_not_overflow():
    made = panel(sequences([[1e308, -1e308, 0.5e308, 1e307]] * 20, "x"))
    assert np.isfinite(lagged_correlations(made, np.array([1]), 2)).all()


def test_transitions_are_off_by_what_is_worked_out_by_hand():
    real = sequences([["a", "a", "a", "b", "a"]], "x")
    real = pd.concat([real, real.assign(who=1)])
    other = sequences([["a", "b"], ["a", "b"]], "x")
    made = panels(real, other)
    steps = [Steps.of(p, 1) for p in (made.real, made.synthetic)]
    # a is left 6 times of 8, to a 2/3 and to b 1/3, here always to b: 2/3 off. b is never left: 1.
    assert transition_error(*steps) == pytest.approx(100 * (0.75 * 2 / 3 + 0.25))
    assert transition_error(steps[0], steps[0]) == 0
    matrix = steps[0].matrix(np.array([0, 1], dtype=np.int32))
    assert matrix[:2, :2] == pytest.approx(np.array([[2 / 3, 1 / 3], [1, 0]]))
    assert np.isnan(matrix[2]).all()


def test_the_transitions_of_a_chain_are_the_chain():
    frame = draw_panel(300, seed=6)
    made = panel(frame)
    order = [made.table.fields[3].levels.index(state) for state in STATES]
    found = Steps.of(made, 3).matrix(np.array(order, dtype=np.int32))[:3, :3]
    counts = Counter(frame["state"])
    # A row of the matrix is a share of at least as many steps: five standard errors.
    assert np.abs(found - CHAIN).max() < 5 * 0.5 / np.sqrt(min(counts.values()) * 0.9)


def test_a_missing_level_is_a_level():
    made = panels(
        sequences([["a", None, "a", None]] * 8, "x"), sequences([["a", "a", "a", "a"]] * 8, "x")
    )
    steps = [Steps.of(p, 1) for p in (made.real, made.synthetic)]
    assert transition_error(*steps) == pytest.approx(100)


def test_lengths_and_gaps_are_compared_as_laws():
    real = sequences([[1.5, 2.5]] * 12 + [[1.5, 2.5, 3.5]] * 4, "x")
    other = sequences([[1.5, 2.5]] * 8 + [[1.5, 2.5, 3.5]] * 8, "x")
    other["day"] *= 2
    made = panels(real, other)
    assert length_error(made.real, made.synthetic) == pytest.approx(25)
    assert gap_error(made.real, made.synthetic) == pytest.approx(100)
    assert gap_error(made.real, made.real) == 0
    assert np.isnan(ks_distance(np.array([np.nan]), np.array([1.0])))


def test_disorder_is_seen_in_the_frame_and_mended_in_the_panel():
    frame = sequences([[1.5, 2.5, 3.5], [4.5, 5.5, 6.5], [7.5, 8.5, 9.5], [0.5, 1.0]], "x")
    frame.loc[[0, 1], ["day", "x"]] = frame.loc[[1, 0], ["day", "x"]].to_numpy()
    frame.loc[4, "day"] = 0
    frame = frame.iloc[[9, 0, 3, 1, 4, 2, 5, 6, 7, 8, 10]]
    made = panel(frame)
    assert disorder(made) == (25, 25)
    assert list(made.table.columns[1][:3]) == [0.5, 1.0, 1.5]
    assert all(np.isnan(disorder(panel(frame, index=None))))
