"""The information profile against entropies in closed form.

Five standard errors are allowed, which 6e-7 of fresh seeds exceed, each; what the encoding costs is
allowed for beside them, where it is named.
"""

import numpy as np
import pytest

from tests.analytics.known import (
    COVARIANCE,
    NETWORK,
    labels,
    normals,
    of_labels,
    of_normals,
    synthesizer,
)

PAIR = np.array([[0.36, 0.02], [0.04, 0.28], [0.15, 0.15]])


def entropy(p: np.ndarray) -> float:
    return float(-(p * np.log(p)).sum())


def test_nats_of_levels_add_up_to_the_entropy_of_the_table():
    """Every path gives a row its exact log-probability, so the total is the sample mean of it."""
    df = labels(NETWORK, 3000)
    synth = synthesizer(of_labels(NETWORK))
    profile = synth.information_profile(df)
    assert profile.total == pytest.approx(-synth.score_samples(df).mean(), abs=1e-4)
    # The sample mean of -log p has a std of at most 1 nat.
    assert abs(profile.total - entropy(NETWORK)) < 5 / np.sqrt(3000)
    assert profile.curves["nats"].sum() == pytest.approx(profile.total, abs=1e-6)


def test_a_column_of_two_holds_half_of_what_it_holds_alone_and_given_the_other():
    """Either is shown first as often: (H(X) + H(X | Y)) / 2, and alone it is H(X)."""
    df = labels(PAIR, 4000)
    frame = synthesizer(of_labels(PAIR)).information_profile(df).entropy
    for at, name in enumerate("ab"):
        alone = entropy(PAIR.sum(1 - at))
        given = entropy(PAIR) - entropy(PAIR.sum(at))
        # Means over 4000 rows of nats with a std of at most 1.
        assert abs(frame.loc[name, "alone"] - alone) < 5 / np.sqrt(4000)
        assert abs(frame.loc[name, "entropy"] - (alone + given) / 2) < 5 / np.sqrt(4000)


def test_nats_of_a_normal_add_up_to_its_entropy():
    """1/2 log det(2 pi e Sigma), up to 0.1 for the step density between 110 quantiles and tails."""
    profile = synthesizer(of_normals()).information_profile(normals(2000))
    closed = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * 9 * COVARIANCE)[1]
    assert profile.total == pytest.approx(closed, abs=0.1)
    alone = 0.5 * np.log(2 * np.pi * np.e * 9)
    np.testing.assert_allclose(profile.entropy["alone"], alone, atol=0.06)
    # What the columns share is their total correlation, -1/2 log det of the correlations.
    shared = -0.5 * np.linalg.slogdet(COVARIANCE)[1]
    assert profile.entropy["shared"].sum() == pytest.approx(shared, abs=0.06)


def test_the_loss_of_a_normal_is_its_posterior_variance():
    """diag((Sigma^-1 + SNR)^-1) at every SNR: means of 2000 errors, 5 of their std."""
    curves = synthesizer(of_normals()).information_profile(normals(2000)).curves
    for at, name in enumerate("xyw"):
        own = curves[curves["column"] == name]
        for _, line in own.iloc[1::5].iterrows():
            posterior = np.linalg.inv(
                np.linalg.inv(COVARIANCE) + np.exp(line["log_snr"]) * np.eye(3)
            )
            closed = posterior[at, at]
            # The marginal that the encoder makes of fresh rows is clipped at its ends.
            assert abs(line["loss"] - closed) < 5 * closed * np.sqrt(2 / 2000) + 0.03
            assert line["decided"] == pytest.approx(1 - line["loss"])


def test_independent_levels_are_decided_as_they_are_shown():
    table = np.outer([0.5, 0.3, 0.2], [0.6, 0.4])
    curves = synthesizer(of_labels(table)).information_profile(labels(table, 3000)).curves
    # A share of 3000 rows and a mean cross-entropy, 5 std of each.
    assert (curves["decided"] - curves["keep"]).abs().max() < 0.12
    assert curves["decided"].iloc[0] == pytest.approx(0)
    assert np.isneginf(curves["log_snr"].iloc[0])


def test_a_determined_column_is_decided_before_it_is_shown():
    table = np.array([[0.499, 0.001], [0.001, 0.499]])
    curves = synthesizer(of_labels(table)).information_profile(labels(table, 1000)).curves
    middle = curves[curves["time"].between(0.4, 0.6)]
    assert (middle["decided"] > middle["keep"] + 0.1).all()
