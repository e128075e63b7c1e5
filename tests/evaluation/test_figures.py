"""The smaller figures against loops from their definitions: information, patterns, intervals."""

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema
from tabdiff.evaluation.extremes import Extremes
from tabdiff.evaluation.html import panels
from tabdiff.evaluation.intervals import around, auc_influence, newcombe
from tabdiff.evaluation.missingness import missingness
from tabdiff.evaluation.mutual_information import nmi_similarity, normalised_information
from tabdiff.evaluation.projection import project
from tabdiff.evaluation.tables import Tables, code_tables


def code(real: pd.DataFrame, synthetic: pd.DataFrame) -> Tables:
    return code_tables(real, synthetic, None, Schema.infer(real))


def test_normalised_information_equals_scikit_learn():
    from sklearn.metrics import normalized_mutual_info_score

    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, size=200)
    b = np.where(rng.random(200) < 0.7, a, rng.integers(0, 4, size=200))
    c = rng.integers(0, 7, size=200)
    found = normalised_information([x.astype(np.int32) for x in (a, b, c)])
    expected = [
        normalized_mutual_info_score(x, y, average_method="geometric")
        for x, y in ((a, b), (a, c), (b, c))
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_information_is_kept_by_fresh_rows_and_lost_by_independent_columns(train, fresh, shuffled):
    kept = code(train, fresh)
    lost = code(train, shuffled)
    assert nmi_similarity(kept.real, kept.real) == pytest.approx(1)
    assert nmi_similarity(kept.real, kept.synthetic) > 0.75
    assert nmi_similarity(lost.real, lost.synthetic) < 0.4


def test_information_that_is_only_in_the_synthetic_table_counts_against_it(train, fresh):
    tables = code(train, fresh.assign(when=fresh["when"].sort_values().to_numpy(),
                                      price=fresh["price"].sort_values().to_numpy()))  # fmt: skip
    assert nmi_similarity(tables.real, tables.synthetic) < 0.6


def test_patterns_are_wrong_where_rates_are_right():
    rng = np.random.default_rng(0)
    gone = rng.random(400) < 0.3
    x, y = rng.normal(size=(2, 400))
    real = pd.DataFrame({"x": np.where(gone, np.nan, x), "y": np.where(gone, np.nan, y), "z": x})
    apart = real.assign(y=real["y"].sample(frac=1, random_state=0).to_numpy())
    tables = code(real, apart)
    found = missingness(tables.real, tables.synthetic)
    assert found.largest_gap == pytest.approx(0)
    patterns = [
        [tuple(name for name in frame if np.isnan(row[name])) for _, row in frame.iterrows()]
        for frame in (real, apart)
    ]
    every = set(patterns[0]) | set(patterns[1])
    expected = sum(abs(patterns[0].count(p) - patterns[1].count(p)) for p in every) / 400 / 2
    assert found.pattern_gap == pytest.approx(100 * expected)
    assert found.pattern_gap > 30
    assert found.n_patterns == (2, 4)
    assert {p.columns for p in found.patterns} == {(), ("x",), ("y",), ("x", "y")}
    shares = {p.columns: p.real for p in found.patterns}
    assert shares["x", "y"] == pytest.approx(gone.mean())
    assert panels.pattern_bars(found)[0].columns == "complete rows"


def test_complete_tables_have_no_pattern_to_show(train, fresh):
    numbers = [f[["size", "price"]] for f in (train, fresh)]
    tables = code(*numbers)
    found = missingness(tables.real, tables.synthetic)
    assert found.pattern_gap == 0
    assert panels.pattern_bars(found) == ()


def test_the_area_and_its_error_are_those_of_many_samples():
    rng = np.random.default_rng(0)
    areas, errors = [], []
    for _ in range(300):
        truth = rng.random(80) < 0.4
        score = np.round(rng.normal(size=80) + truth, 1)  # rounded: some are tied
        area, influence = auc_influence(truth, score)
        areas.append(area)
        errors.append(influence.std() / np.sqrt(80))
    from sklearn.metrics import roc_auc_score

    assert area == pytest.approx(roc_auc_score(truth, score))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    # The std of 300 areas is known to 4 %.
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)


def test_the_interval_of_a_difference_covers_it():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        p, q = rng.binomial(60, 0.2) / 60, rng.binomial(90, 0.1) / 90
        low, high = newcombe(p, 60, q, 90)
        covered += low <= 0.1 <= high
    # 95 % of 400 is 380 with std 4.4.
    assert 360 <= covered <= 397
    assert newcombe(0.5, 10, 0.5, 10)[0] == pytest.approx(-newcombe(0.5, 10, 0.5, 10)[1])


def test_an_interval_shrinks_with_the_root_of_the_rows():
    influence = np.array([-1.0, 1.0] * 50)
    low, high = around(0.5, influence)
    assert high - 0.5 == pytest.approx(0.196)
    wide = around(0.5, influence[:25])
    assert wide[1] - wide[0] == pytest.approx(2 * (high - low), rel=0.01)


def test_the_extremes_are_what_they_are_called(train, fresh):
    real = code(train, fresh).real
    made = Extremes.of(real, 100, 400, np.random.default_rng(0))
    assert (made.real.n_rows, made.copy.n_rows, made.independent.n_rows) == (100, 400, 400)
    known = set(made.real.fingerprints().tolist())
    assert set(made.copy.fingerprints().tolist()) <= known
    assert not known & set(made.independent.fingerprints().tolist())
    for drawn, column in zip(made.independent.columns, made.real.columns, strict=True):
        assert set(drawn[drawn == drawn]) <= set(column[column == column])


def test_the_plane_shows_a_shift_and_no_tail(train, fresh):
    wild = fresh.assign(size=fresh["size"] + 3, price=fresh["price"] * 1e6)
    tables = code(train, wild)
    found = project(tables.real, tables.synthetic, seed=0)
    assert found is not None
    assert found.real.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert 0 < found.explained[1] <= found.explained[0] < 1
    gap = np.linalg.norm(found.synthetic.mean(axis=0) - found.real.mean(axis=0))
    assert gap > 2
    assert np.abs(found.synthetic).max() < 20
    drawn = panels.plane(found)
    assert [(name, count) for name, _, count in drawn.panels] == [("real", 500), ("synthetic", 500)]


def test_a_table_without_a_plane_has_no_picture():
    real = pd.DataFrame({"x": np.arange(40) / 3})
    tables = code(real, real)
    assert project(tables.real, tables.synthetic, seed=0) is None
