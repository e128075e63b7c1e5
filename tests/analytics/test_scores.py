"""Likelihoods of rows against laws in which they are known, and the units they are told in."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tabdiff import SchemaError
from tabdiff.analytics import scores
from tabdiff.analytics.measure import CellLaw, log_measure, log_smooth_measure
from tabdiff.data.cells import Cells
from tabdiff.data.numeric import NumericEncoder
from tabdiff.diffusion.multinomial import Prior
from tests.analytics.known import COVARIANCE, NETWORK, labels, normals, of_labels, of_normals
from tests.analytics.known import synthesizer as door
from tests.tiny import table, tiny


def numeric(values: np.ndarray) -> NumericEncoder:
    cells = Cells(np.zeros(len(values), dtype=bool), values)
    return NumericEncoder.fit(cells, np.dtype(np.float64))


def all_cells(values: np.ndarray) -> Cells:
    return Cells(np.zeros(len(values), dtype=bool), values)


# -------------------------------------------------------------------------- likelihood of rows


def test_scores_of_levels_are_their_log_probabilities():
    df = labels(NETWORK, 300)
    codes = tuple(df[c].map({k: i for i, k in enumerate("klm")}).to_numpy() for c in df)
    found = door(of_labels(NETWORK)).score_samples(df)
    np.testing.assert_allclose(found, np.log(NETWORK[codes]), atol=1e-5)


def test_scores_of_a_normal_are_its_log_density_in_the_columns_own_units():
    """Within the 110 quantiles' range, between which the density is a step function.

    Rows share one path to noise, so what it is off is the same for all: 0.15 nats at this seed,
    where rows differ from each other by 0.07 from what they should.
    """
    df = normals(1000)
    law = stats.multivariate_normal(np.full(3, 5.0), 9 * COVARIANCE)
    inner = (((df - 5) / 3).abs() < 2.3).all(axis=1)
    off = (door(of_normals()).score_samples(df, n_draws=4) - law.logpdf(df))[inner]
    assert abs(off.mean()) < 0.3
    assert off.std() < 0.12


def test_shares_of_columns_add_up_to_the_score():
    df = normals(20).set_axis(range(100, 120))
    synth = door(of_normals())
    shares = synth.score_samples(df, explain=True)
    assert list(shares.columns) == list("xyw") and list(shares.index) == list(df.index)
    np.testing.assert_allclose(shares.sum(axis=1), synth.score_samples(df))


def test_a_row_scores_the_same_in_any_company():
    df = table(100).assign(k=np.arange(100) * 7)
    synth = tiny().fit(df)
    some = df.iloc[[7, 90, 3]]
    np.testing.assert_allclose(
        synth.score_samples(some), synth.score_samples(df)[[7, 90, 3]], rtol=1e-6
    )


def test_more_draws_make_less_noise():
    synth, df = door(of_normals()), normals(50)
    once = [synth.score_samples(df, random_state=seed) for seed in range(4)]
    four = [synth.score_samples(df, random_state=seed, n_draws=4) for seed in range(4)]
    assert np.std(four, axis=0).mean() < 0.8 * np.std(once, axis=0).mean()


def test_scoring_refuses_what_it_does_not_know():
    synth = door(of_labels(NETWORK))
    with pytest.raises(SchemaError, match="column 'b'.*'z'"):
        synth.score_samples(labels(NETWORK, 5).assign(b="z"))
    with pytest.raises(ValueError, match="n_draws must be at least 1"):
        synth.score_samples(labels(NETWORK, 5), n_draws=0)


# ----------------------------------------------------------------------------- reference measure


def test_masses_of_a_lattice_add_up_to_one_with_what_was_never_seen():
    """Whole numbers, some of them atoms, with gaps; every cell's mass times its values' is 1."""
    rng = np.random.default_rng(0)
    values = np.concatenate([np.rint(rng.gamma(2, 200, 3000)).astype(np.int64), np.full(400, 7)])
    encoder = numeric(values)
    assert encoder.grid is not None and len(encoder.atoms)
    every = np.arange(-4000, 12000)
    every = every[~np.isin(every, encoder.atoms)]
    code = encoder.encode(all_cells(every), rng).cat
    share = (encoder.counts / encoder.counts.sum())[code]
    total = (share * np.exp(log_measure(encoder, all_cells(every)))).sum()
    atoms = np.isin(np.arange(len(encoder.counts)), np.flatnonzero(~encoder.open))
    assert total + (encoder.counts / encoder.counts.sum())[atoms].sum() == pytest.approx(
        1, abs=0.01
    )


def test_the_finest_steps_have_their_density_for_a_mass():
    values = np.random.default_rng(0).integers(3 * 10**11, 7 * 10**11, 200)
    values[[0, 1]] = 10**10, 8 * 10**15
    column = numeric(values)
    mass = log_measure(column, all_cells(np.array([10**15, 10**15 + 10])))
    assert np.isfinite(mass).all() and mass[0] == mass[1] < np.log(1e-12)


def test_a_column_that_is_absent_is_named_as_the_schema_does():
    synth = tiny().fit(table())
    for verb in (synth.score_samples, synth.anomalies):
        with pytest.raises(SchemaError, match="column 'c' is absent"):
            verb(table().drop(columns="c"))


def test_density_of_a_continuum_integrates_to_one():
    rng = np.random.default_rng(0)
    encoder = numeric(rng.normal(size=1000) * np.pi)
    grid = np.linspace(-60, 60, 400_001)
    code = encoder.encode(all_cells(grid), rng).cat
    assert code is not None
    share = (encoder.counts / encoder.counts.sum())[code]
    density = share * np.exp(log_measure(encoder, all_cells(grid)))
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=0.005)
    # Half a row beyond either end.
    beyond = density[(grid < encoder.bounds[0]) | (grid > encoder.bounds[1])].sum()
    assert beyond * (grid[1] - grid[0]) == pytest.approx(1 / 1000, rel=0.02)


def test_density_is_told_in_the_columns_units():
    rng = np.random.default_rng(0)
    values = rng.normal(size=500)
    near = numeric(values)
    far = numeric(values * 1e6)
    one, other = log_measure(near, all_cells(values)), log_measure(far, all_cells(values * 1e6))
    np.testing.assert_allclose(one - other, np.log(1e6), atol=1e-6)
    np.testing.assert_allclose(
        log_smooth_measure(near, all_cells(values)),
        log_smooth_measure(far, all_cells(values * 1e6)),
        atol=1e-6,
    )


def test_the_farther_out_the_rarer():
    law = CellLaw(numeric(np.random.default_rng(0).normal(size=500)))
    out = law.log_measure(np.array([3.5, 5.0, 10.0, 100.0]))
    assert (np.diff(out) < 0).all()
    assert (np.diff(law.log_smooth(np.array([0.0, 3.5, 5.0, 10.0, 100.0]))) < 0).all()


def test_rare_labels_share_the_mass_of_their_level():
    from tabdiff.data.categorical import CategoricalEncoder

    values = np.array(list("aaaaabbbbccd"), dtype=object)
    encoder = CategoricalEncoder.fit(all_cells(values), max_levels=2)
    found = log_measure(encoder, all_cells(np.array(list("abcd"), dtype=object)))
    np.testing.assert_allclose(found, np.log([1, 1, 2 / 3, 1 / 3]))


# ---------------------------------------------------------------------------------- odd rows


RARE = np.array([[0.4999, 0.0001], [0.0001, 0.4999]])


def test_the_one_row_that_breaks_a_rule_is_the_oddest():
    df = pd.DataFrame({"a": ["k"] * 50 + ["l"] * 50, "b": ["k"] * 50 + ["l"] * 50})
    df.loc[30, "b"] = "l"
    found = door(of_labels(RARE)).anomalies(df, contamination=0.01)
    assert list(df.index[found["anomaly"]]) == [30]
    assert found.loc[30, "score"] == pytest.approx(-np.log(0.0001), abs=1e-3)


def test_the_column_to_blame_is_named():
    df = normals(200)
    df.loc[5, "w"] = 60.0
    found = door(of_normals()).anomalies(df, 0.005)
    assert list(df.index[found["anomaly"]]) == [5]
    assert found.loc[5, "column"] == "w"


@pytest.mark.parametrize(("contamination", "flagged"), [(0.05, 5), (0.25, 25), (0.001, 0)])
def test_as_many_rows_are_flagged_as_asked(contamination: float, flagged: int):
    oddity = pd.DataFrame({"a": np.repeat([1.0, 2.0], 50)})
    assert scores.flagged(oddity, contamination)["anomaly"].sum() == flagged


@pytest.mark.parametrize("contamination", [0, 0.6, float("nan")])
def test_contamination_must_be_a_share(contamination: float):
    with pytest.raises(ValueError, match="contamination must be in"):
        door(of_labels(RARE)).anomalies(labels(RARE, 5), contamination)


def test_a_table_of_constants_holds_no_nats():
    df = pd.DataFrame({"a": [1] * 30, "b": ["z"] * 30})
    synth = tiny().fit(df)
    assert synth.score_samples(df).tolist() == [0.0] * 30
    for ask in (synth.information_profile, synth.dependence, synth.conditional_entropy):
        with pytest.raises(ValueError, match="nothing to ask"):
            ask(df)
    with pytest.raises(ValueError, match="no row is odd"):
        synth.anomalies(df)


def test_a_distribution_needs_two_rows():
    synth = door(of_labels(RARE))
    assert synth.score_samples(labels(RARE, 1)).shape == (1,)
    for ask in (synth.information_profile, synth.dependence):
        with pytest.raises(ValueError, match="at least 2 rows. Got 1"):
            ask(labels(RARE, 1))


@pytest.mark.parametrize("prior", ["absorbing", "uniform"])
def test_every_kind_of_column_is_scored(prior: Prior):
    n, rng = 60, np.random.default_rng(0)
    df = table(n).assign(whole=rng.integers(0, 900, n), yes=rng.random(n) < 0.5)
    df["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    df.loc[::7, "x"] = np.nan
    synth = tiny(prior=prior).fit(df)
    shares = synth.score_samples(df, explain=True)
    assert list(shares.columns) == list(df.columns)
    assert np.isfinite(shares).all(axis=None)
    assert np.isfinite(synth.information_profile(df).total)
    assert np.isfinite(synth.dependence(df).entropy).all(axis=None)
