"""The papers once more, as slowly and as plainly as possible: float64, one row, loops over levels.

Nothing here looks at how the library computes; levels of an absorbing part run from 0 to K, and K
is the mask.
"""

import math

import numpy as np
from scipy import stats

# ------------------------------------------------------------------------------- Gaussian parts


def normal(x: np.ndarray | float, mean: float, std: float) -> np.ndarray:
    """Density of N(mean, std^2)."""
    return np.exp(-0.5 * ((np.asarray(x) - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def gaussian_bayes(
    x0: float, x_t: float, alpha_t: float, alpha_s: float
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Mean and std of q(x_s | x_t, x0) by Bayes' rule on a grid; the grid and the density too.

    The trapezoid sum of a smooth density that vanishes at both ends converges faster than any
    power of the grid's step, so 20,001 points are exact to rounding.
    """
    sigma_t, sigma_s = math.sqrt(1 - alpha_t**2), math.sqrt(1 - alpha_s**2)
    alpha_ts = alpha_t / alpha_s
    sigma_ts = math.sqrt(sigma_t**2 - alpha_ts**2 * sigma_s**2)
    x_s = alpha_s * x0 + sigma_s * np.linspace(-40, 40, 20_001)
    log_density = -0.5 * ((x_s - alpha_s * x0) / sigma_s) ** 2
    log_density -= 0.5 * ((x_t - alpha_ts * x_s) / sigma_ts) ** 2
    density = np.exp(log_density - log_density.max())
    density /= density.sum() * (x_s[1] - x_s[0])
    weight = density * (x_s[1] - x_s[0])
    mean = float((weight * x_s).sum())
    return mean, math.sqrt(float((weight * (x_s - mean) ** 2).sum())), x_s, density


# ---------------------------------------------------------------------------- multinomial parts


def prior_vector(k: int, absorbing: bool) -> np.ndarray:
    """pi, over K + 1 levels with the mask last if absorbing."""
    if absorbing:
        return np.array([0.0] * k + [1.0])
    return np.full(k, 1 / k)


def transition(k: int, absorbing: bool, keep: float) -> np.ndarray:
    """Q[i, j]: probability of j given i, when a share ``keep`` stays and the rest is drawn from pi.

    Austin et al. 2021 (arXiv:2107.03006), appendix A.2: keep I + (1 - keep) 1 pi^T.
    """
    pi = prior_vector(k, absorbing)
    return np.array(
        [[keep * (i == j) + (1 - keep) * pi[j] for j in range(len(pi))] for i in range(len(pi))]
    )


def multinomial_bayes(
    k: int, absorbing: bool, x0: int, x_t: int, kept_t: float, kept_s: float
) -> np.ndarray:
    """q(x_s | x_t, x0) = q(x_s | x0) q(x_t | x_s) / q(x_t | x0), level by level."""
    from_0 = transition(k, absorbing, kept_s)
    from_s = transition(k, absorbing, kept_t / kept_s)
    joint = [from_0[x0, x_s] * from_s[x_s, x_t] for x_s in range(len(from_0))]
    return np.array(joint) / sum(joint)


def mixed_posterior(
    p: np.ndarray, absorbing: bool, x_t: int, kept_t: float, kept_s: float
) -> np.ndarray:
    """sum_k p(k) q(x_s | x_t, x_0 = k); levels that cannot have led to x_t are skipped."""
    k = len(p)
    if absorbing and x_t < k:
        return np.eye(k + 1)[x_t]
    terms = [p[x0] * multinomial_bayes(k, absorbing, x0, x_t, kept_t, kept_s) for x0 in range(k)]
    return np.sum(terms, axis=0)


def plugged_posterior(p: np.ndarray, x_t: int, kept_t: float, kept_s: float) -> np.ndarray:
    """The deliberately wrong step: p in the place of onehot(x_0) in the closed-form posterior.

    Hoogeboom et al. 2021 (arXiv:2102.05379), eq. 15-17, uniform prior.
    """
    k, r = len(p), kept_t / kept_s
    weight = [
        (r * (x_s == x_t) + (1 - r) / k) * (kept_s * p[x_s] + (1 - kept_s) / k) for x_s in range(k)
    ]
    return np.array(weight) / sum(weight)


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """sum_i p_i log(p_i / q_i) over the levels that p can produce."""
    return sum(float(a * math.log(a / b)) for a, b in zip(p, q, strict=True) if a > 0)


# -------------------------------------------------------------------------- draws against a law


def chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """p-value of the counts under the probabilities; 0 if something impossible happened.

    Cells expecting fewer than 5 draws are pooled, as Pearson's approximation asks.
    """
    counts, expected = np.ravel(counts).astype(float), np.ravel(probabilities) * np.sum(counts)
    if counts[expected < 1e-9].any():
        return 0.0
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    if len(counts) == 1:
        return 1.0
    return float(stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue)


def dkw(n: int, false_alarm: float) -> float:
    """Distance between an empirical CDF of n draws and the true one, exceeded this rarely.

    Massart 1990: P(sup |F_n - F| > e) <= 2 exp(-2 n e^2).
    """
    return math.sqrt(math.log(2 / false_alarm) / (2 * n))


def ks_distance(draws: np.ndarray, cdf: np.ndarray) -> float:
    """sup |F_n - F| where ``cdf`` holds F at each of ``draws``."""
    ordered = np.sort(cdf)
    n = len(draws)
    above = np.arange(1, n + 1) / n - ordered
    below = ordered - np.arange(n) / n
    return float(max(above.max(), below.max()))
