import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.sdmetrics_reports import sdmetrics_quality, shape_error
from tabdiff.evaluation.tables import Tables, code_tables
from tabdiff.evaluation.trends import bin_codes, bin_edges, pair_trends, stock_trend_error


def code(real: pd.DataFrame, synthetic: pd.DataFrame) -> Tables:
    return code_tables(real, synthetic, None, Schema.infer(real))


def naive_bins(values: pd.Series, real: pd.Series) -> list[object]:
    """Ten bins over the real range, one value at a time; outliers go to the outer bins."""
    low, high = real.min(), real.max()
    made: list[object] = []
    for value in values:
        if pd.isna(value):
            made.append("missing")
        else:
            made.append(min(max(int(10 * (value - low) / (high - low)), 0), 9))
    return made


def naive_similarity(real: pd.DataFrame, synthetic: pd.DataFrame, first: str, second: str) -> float:
    numeric = [pd.api.types.is_float_dtype(real[name]) for name in (first, second)]
    if all(numeric):
        gap = real[first].corr(real[second]) - synthetic[first].corr(synthetic[second])
        return 1 - abs(gap) / 2
    shares = []
    for frame in (real, synthetic):
        columns = [
            naive_bins(frame[name], real[name]) if is_numeric else frame[name].fillna("missing")
            for name, is_numeric in zip((first, second), numeric, strict=True)
        ]
        cells = list(zip(*columns, strict=True))
        shares.append({cell: cells.count(cell) / len(cells) for cell in set(cells)})
    every = set(shares[0]) | set(shares[1])
    return 1 - sum(abs(shares[0].get(c, 0) - shares[1].get(c, 0)) for c in every) / 2


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    made = []
    for n, shift in ((120, 0.0), (90, 0.7)):
        x = rng.normal(size=n)
        y = np.where(rng.random(n) < 0.2, np.nan, x + rng.normal(size=n) + shift)
        g = pd.Series(rng.choice(["a", "b", "c"], size=n), dtype=object)
        h = pd.Series(np.where(x + shift > 0, "p", "q"), dtype=object)
        made.append(pd.DataFrame({"x": x, "y": y, "g": g.where(rng.random(n) > 0.1), "h": h}))
    return made[0], made[1]


def test_fixed_edge_trends_equal_a_naive_loop():
    real, synthetic = frames()
    tables = code(real, synthetic)
    trends = pair_trends(tables.real, tables.synthetic)
    for i, first in enumerate(trends.labels):
        for j in range(i + 1, len(trends.labels)):
            expected = naive_similarity(real, synthetic, first, trends.labels[j])
            assert trends.similarity[i, j] == pytest.approx(expected, abs=1e-12)
            assert trends.similarity[j, i] == trends.similarity[i, j]


@pytest.mark.usefixtures("sdmetrics")
def test_stock_figures_equal_sdmetrics(train: pd.DataFrame, shuffled: pd.DataFrame):
    tables = code(train, shuffled)
    expected = sdmetrics_quality(tables.real, tables.synthetic)
    assert not expected.errors
    stock = stock_trend_error(tables.real, tables.synthetic)
    assert stock == pytest.approx(expected.trend_error, abs=1e-9)
    assert shape_error(tables.real, tables.synthetic) == pytest.approx(expected.shape_error)


def test_one_outlier_moves_the_stock_trends_and_not_the_fixed_ones(
    train: pd.DataFrame, fresh: pd.DataFrame
):
    wild = fresh.copy()
    wild.loc[0, "size"] = 1e4
    wild.loc[0, "price"] = 1e4
    tame_tables, wild_tables = code(train, fresh), code(train, wild)
    stock = [stock_trend_error(t.real, t.synthetic) for t in (tame_tables, wild_tables)]
    mixed = [pair_trends(t.real, t.synthetic).similarity[0, 3] for t in (tame_tables, wild_tables)]
    assert stock[1] > stock[0] + 5
    assert abs(mixed[1] - mixed[0]) < 0.01


def test_a_table_is_like_itself(train: pd.DataFrame):
    tables = code(train, train)
    assert pair_trends(tables.real, tables.synthetic).error_percent == pytest.approx(0, abs=1e-9)


def test_rows_and_columns_may_change_places(train: pd.DataFrame, fresh: pd.DataFrame):
    first = code(train, fresh)
    turned = code(train[train.columns[::-1]], fresh.sample(frac=1, random_state=0))
    expected = pair_trends(first.real, first.synthetic).error_percent
    found = pair_trends(turned.real, turned.synthetic).error_percent
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_column_that_stopped_varying_has_lost_its_correlations():
    real = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) * 2})
    synthetic = real.assign(y=1.0)
    tables = code(real, synthetic)
    trends = pair_trends(tables.real, tables.synthetic)
    assert trends.similarity[0, 1] == pytest.approx(0.5)
    assert trends.worst(5) == [("x", "y", pytest.approx(0.5))]


def test_many_levels_are_counted_without_a_full_table():
    n = 3_000
    values = [f"v{i % 1500}" for i in range(n)]
    real = pd.DataFrame({"x": values, "y": values[::-1]})
    tables = code_tables(
        real, real, None, Schema.infer(real, {"x": "categorical", "y": "categorical"})
    )
    trends = pair_trends(tables.real, tables.synthetic)
    assert trends.similarity[0, 1] == pytest.approx(1)
    assert trends.real[0, 1] == pytest.approx(1)


def test_bins_hold_outliers_extremes_and_missing_values():
    edges = bin_edges(np.array([0.0, 10.0, np.nan]))
    codes = bin_codes(np.array([-5.0, 0.0, 0.99, 1.0, 10.0, 99.0, np.nan]), edges)
    assert codes.tolist() == [0, 0, 0, 1, 9, 9, 10]
    assert np.isfinite(bin_edges(np.array([-1.7e308, 1.7e308]))).all()


def test_a_range_that_spans_the_floats_is_no_problem():
    huge = np.array([-1.7e308, 1.7e308, 0.0, 1e307] * 10)
    real = pd.DataFrame({"x": huge, "y": huge / 2, "g": ["a", "b"] * 20})
    tables = code(real, real)
    assert pair_trends(tables.real, tables.synthetic).error_percent == pytest.approx(0, abs=1e-9)
    assert stock_trend_error(tables.real, tables.synthetic) == pytest.approx(0, abs=1e-9)
