"""Conditional entropies and information against a Bayesian network and a Gaussian copula.

Five of the standard errors that are told with each figure are allowed, which 6e-7 of fresh seeds
exceed, each; what the encoding costs is allowed for beside them, where it is named.
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from tabdiff.analytics.dependence import Dependence, conditional_entropy, dependence
from tests.analytics.known import (
    COVARIANCE,
    NETWORK,
    CopulaOracle,
    fitted,
    labels,
    normal_quantiles,
    normals,
    of_labels,
    of_normals,
    synthesizer,
)


def entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def of(table: np.ndarray, *kept: int) -> float:
    """H of some parts of a table."""
    return entropy(table.sum(tuple(set(range(table.ndim)) - set(kept))).ravel())


ROWS = labels(NETWORK, 3000)


def seen(*kept: int) -> float:
    """The mean of -log p(some parts) over the rows that are looked at: H(kept) but for chance."""
    law = NETWORK.sum(tuple(set(range(3)) - set(kept)), keepdims=True)
    codes = ROWS.apply(lambda column: column.map({"k": 0, "l": 1, "m": 2})).to_numpy()
    at = tuple(np.where(size > 1, codes[:, part], 0) for part, size in enumerate(law.shape))
    return float(-np.log(law[at]).mean())


@pytest.fixture(scope="module")
def network() -> Dependence:
    return dependence(of_labels(NETWORK), ROWS, 3000, 0)


def test_a_bayesian_network_is_found_and_nothing_else(network: Dependence):
    """a -> b -> c: a and c share what b tells, and nothing once b is known."""
    edges = network.edges()
    assert {frozenset(pair) for pair in zip(edges["first"], edges["second"], strict=True)} == {
        frozenset("ab"),
        frozenset("bc"),
    }
    assert network.information.loc["a", "c"] > 0.02
    assert abs(network.direct.loc["a", "c"]) < 1e-5


def shared(h: Callable[..., float], i: int, j: int) -> float:
    """I(X_i; X_j)."""
    return h(i) + h(j) - h(i, j)


def directly(h: Callable[..., float], i: int, j: int) -> float:
    """I(X_i; X_j | the third)."""
    k = 3 - i - j
    return h(i, k) + h(j, k) - h(k) - h(0, 1, 2)


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 2)])
def test_information_of_a_network_is_that_of_its_tables(network: Dependence, i: int, j: int):
    """Exactly so on the rows looked at, within 5 standard errors in the closed form."""
    for found, error, law in (
        (network.information, network.information_error, shared),
        (network.direct, network.direct_error, directly),
    ):
        assert found.iat[i, j] == found.iat[j, i] == pytest.approx(law(seen, i, j), abs=1e-5)
        closed = law(partial(of, NETWORK), i, j)
        assert abs(found.iat[i, j] - closed) <= 5 * error.iat[i, j] + 1e-5


def test_entropies_of_a_network_are_those_of_its_tables(network: Dependence):
    for at, name in enumerate("abc"):
        others = [other for other in range(3) if other != at]
        line = network.entropy.loc[name]
        assert line["alone"] == pytest.approx(seen(at), abs=1e-5)
        assert line["given_others"] == pytest.approx(seen(0, 1, 2) - seen(*others), abs=1e-5)
        assert line["explained"] == pytest.approx(line["alone"] - line["given_others"])


def test_independent_columns_share_nothing():
    table = np.einsum("i,j,k->ijk", [0.5, 0.5], [0.7, 0.2, 0.1], [0.6, 0.4])
    found = dependence(of_labels(table), labels(table, 500), 500, 0)
    assert np.nanmax(np.abs(found.information)) < 1e-5
    assert np.nanmax(np.abs(found.direct)) < 1e-5
    assert found.edges().empty


def test_a_relation_of_three_is_found_though_no_two_share_anything():
    """The third is the first xor the second, nine times in ten."""
    xor = np.array([[[0.225, 0.025], [0.025, 0.225]], [[0.025, 0.225], [0.225, 0.025]]])
    found = dependence(of_labels(xor), labels(xor, 2000), 2000, 0)
    assert np.nanmax(np.abs(found.information)) < 1e-5
    closed = np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    assert found.direct.loc["a", "b"] == pytest.approx(closed, abs=5 * found.direct_error.iat[0, 1])
    assert len(found.edges()) == 3


def test_planted_noise_is_no_relation():
    """Beliefs that jump with every look at random make no edge of independent columns."""
    table = np.outer([0.5, 0.5], [0.5, 0.3, 0.2])
    model = of_labels(table)
    exact, rng = model.denoiser, np.random.default_rng(0)

    def shaky(x_t, t, known, wanted=None):
        seen = exact(x_t, t, known, wanted)
        noise = torch.as_tensor(rng.normal(0, 0.1, seen.logits.shape), dtype=torch.float32)
        return type(seen)(seen.num, seen.logits + noise)

    model.denoiser = shaky  # type: ignore[assignment]
    assert dependence(model, labels(table, 1000), 1000, 0).edges().empty


# ------------------------------------------------------------------------------------- numbers


def cells_given_a_normal(below: np.ndarray, rho: float) -> float:
    """I(cell of X; Y) of a standard normal pair, by quadrature over Y."""
    ends = stats.norm.ppf(np.clip(below, 0, 1))
    y = np.linspace(-8, 8, 4001)
    mass = np.diff(stats.norm.cdf((ends - rho * y[:, None]) / np.sqrt(1 - rho**2)))
    given = -(mass * np.log(np.maximum(mass, 1e-300))).sum(1)
    return entropy(np.diff(below)) - float((stats.norm.pdf(y) * given).sum() * (y[1] - y[0]))


@pytest.fixture(scope="module")
def copula():
    return fitted(normal_quantiles(2000, 3), lambda e, joint: CopulaOracle(e, joint, COVARIANCE))


def test_a_gaussian_copula_shares_what_its_correlations_say(copula):
    """I(cell; number) by quadrature, within 5 standard errors; -1/2 log(1 - rho^2) within 0.03."""
    found = dependence(copula, normals(8000), 8000, 0)
    below = np.append(0.0, np.cumsum(copula.encoder.proportions[0]))
    assert len(below) > 20
    for i, j in combinations(range(3), 2):
        rho = COVARIANCE[i, j]
        nats, error = found.information.iat[i, j], found.information_error.iat[i, j]
        closed = cells_given_a_normal(below, rho)
        assert abs(nats - closed) < 5 * error + 0.005
        assert closed <= -0.5 * np.log(1 - rho**2) < closed + 0.03


def test_direct_relations_of_a_copula_are_its_partial_correlations(copula):
    found = dependence(copula, normals(3000), 3000, 0)
    precision = np.linalg.inv(COVARIANCE)
    for i, j in combinations(range(3), 2):
        rho = -precision[i, j] / np.sqrt(precision[i, i] * precision[j, j])
        closed = -0.5 * np.log(1 - rho**2)
        # Cells keep all but 0.03 nats of it.
        assert abs(found.direct.iat[i, j] - closed) < 5 * found.direct_error.iat[i, j] + 0.03


def test_numbers_without_cells_share_what_their_errors_say():
    model = of_normals()
    assert not model.encoder.layout.n_cat
    found = dependence(model, normals(4000), 4000, 0)
    for i, j in combinations(range(3), 2):
        closed = -0.5 * np.log(1 - COVARIANCE[i, j] ** 2)
        # Fresh rows are clipped at the ends of the 110 quantiles, which costs 0.02 nats.
        assert (
            abs(found.information.iat[i, j] - closed) < 5 * found.information_error.iat[i, j] + 0.02
        )


# ------------------------------------------------------------------------------------ the door


def test_conditional_entropy_is_that_of_the_tables():
    synth, df = synthesizer(of_labels(NETWORK)), labels(NETWORK, 3000)
    given = synth.conditional_entropy(df, ["b"])
    assert list(given.index) == ["a", "c"]
    for name, at in (("a", 0), ("c", 2)):
        closed = of(NETWORK, at, 1) - of(NETWORK, 1)
        assert abs(given.loc[name, "nats"] - closed) < 5 * given.loc[name, "error"]
    alone = synth.conditional_entropy(df)
    assert abs(alone.loc["b", "nats"] - of(NETWORK, 1)) < 5 * alone.loc["b", "error"]


def test_conditional_entropy_names_the_closest_column():
    with pytest.raises(KeyError, match="no column 'B'.*Did you mean 'b'"):
        conditional_entropy(of_labels(NETWORK), labels(NETWORK, 10), ["B"], 0)


def test_no_more_rows_are_looked_at_than_asked():
    synth = synthesizer(of_labels(NETWORK))
    few = synth.dependence(labels(NETWORK, 2000), max_rows=50)
    many = synth.dependence(labels(NETWORK, 2000), max_rows=2000)
    assert few.information_error.iat[0, 1] > 3 * many.information_error.iat[0, 1]
    with pytest.raises(ValueError, match="max_rows must be at least 2"):
        synth.dependence(labels(NETWORK, 5), max_rows=1)


def test_edges_of_equal_strength_need_not_be_significant():
    names = pd.Index(list("ab"))
    square = pd.DataFrame([[np.nan, 0.05], [0.05, np.nan]], index=names, columns=names)
    shaky = Dependence(square, square, square, square, square / 2)
    firm = Dependence(square, square, square, square, square / 10)
    assert shaky.edges().empty
    assert len(firm.edges()) == 1 and firm.edges(least=0.1).empty
