"""How far made windows are from real ones, in the four ways of the papers on windows.

Context-FID (Jeha et al. 2022, PSA-GAN), correlational (Ni et al. 2020, arXiv:2006.05421),
discriminative and predictive score (Yoon et al. 2019, TimeGAN), as Yuan and Qiao 2024
(Diffusion-TS, arXiv:2403.01742, section 4.1) put them together; 0 is best, but for the predictive
score, whose best is that of real windows. Windows are (n, length, channels), scaled to [0, 1] by
the real ones' extremes. What differs from theirs is said at each; published figures stand beside
ours for orientation only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Numbers = npt.NDArray[np.float64]

BATCH = 128
LATENT = 32
ITERATIONS = {"discriminative": 2_000, "predictive": 5_000, "encoder": 2_000}


def correlational(real: Numbers, made: Numbers) -> float:
    """A tenth of the sum, over pairs of channels, of how far their correlations are apart.

    Correlations over all steps of all windows; each pair counts once, as in their code, while
    their equation sums over ordered pairs.
    """
    apart = np.abs(_correlations(real) - _correlations(made))
    return float(np.triu(apart, 1).sum() / 10)


def discriminative(real: Numbers, made: Numbers, seed: int, iterations: int) -> float:
    """|accuracy - 1/2| of a GRU that tells real windows from made ones, on a fifth it has not seen.

    As many of either kind. One layer of half as many units as channels, at least 4 (theirs has no
    such least), Adam at 1e-3; the last state decides.
    """
    rng = np.random.default_rng([seed, 0])
    n = min(len(real), len(made))
    parts = [_tensor(windows[rng.permutation(len(windows))[:n]]) for windows in (real, made)]
    n_train = max(1, round(0.8 * n))
    learned = [part[:n_train] for part in parts]
    asked = torch.cat([part[n_train:] for part in parts])
    label = torch.arange(2).repeat_interleave(n - n_train).float()
    with _seeded(seed):
        network = _Recurrent(real.shape[2], 1)

    def loss() -> torch.Tensor:
        rows = torch.cat([part[_batch(len(part), rng)] for part in learned])
        truth = torch.arange(2).repeat_interleave(len(rows) // 2).float()
        return nn.functional.binary_cross_entropy_with_logits(network(rows)[:, -1, 0], truth)

    _train(network, loss, iterations)
    with torch.no_grad():
        right = (network(asked)[:, -1, 0] > 0).float() == label
    return float(abs(right.float().mean().item() - 0.5))


def predictive(real: Numbers, made: Numbers, seed: int, iterations: int) -> float:
    """MAE on real windows of a GRU that learned from made ones.

    It predicts the last channel of the next step from the other channels up to now, as theirs.
    One layer of half as many units as channels, at least 4 (theirs has no such least), a sigmoid at
    its end, trained on the absolute error by Adam at 1e-3.
    """
    rng = np.random.default_rng([seed, 1])
    told, judged = _tensor(made), _tensor(real)
    with _seeded(seed):
        network = _Recurrent(max(1, real.shape[2] - 1), 1)

    def error(windows: torch.Tensor) -> torch.Tensor:
        others = windows[:, :-1, :-1] if windows.shape[2] > 1 else windows[:, :-1]
        guess = torch.sigmoid(network(others)[..., 0])
        return (guess - windows[:, 1:, -1]).abs().mean()

    _train(network, lambda: error(told[_batch(len(told), rng)]), iterations)
    with torch.no_grad():
        return float(error(judged))


class Encoder:
    """Windows to 32 numbers, learned from real windows by having to give them back.

    NOTE(paper): theirs is TS2Vec (Yue et al. 2022, arXiv:2106.10466), a contrastive network with
    320 outputs. This is an autoencoder: two convolutions over time, a linear map to 32 numbers, two
    linear maps back, least squares. Its outputs are standardised by the windows it learned from,
    so the distance has a unit; it is not that of the published figures.

    Parameters
    ----------
    real : array, (n, length, channels)
    seed, iterations : int
    """

    def __init__(self, real: Numbers, seed: int, iterations: int) -> None:
        rng = np.random.default_rng([seed, 2])
        windows = _tensor(real)
        _, length, width = real.shape
        with _seeded(seed):
            self._network = nn.Sequential(
                nn.Conv1d(width, 32, 3, padding=1), nn.ReLU(),
                nn.Conv1d(32, 32, 3, padding=2, dilation=2), nn.ReLU(),
                nn.Flatten(), nn.Linear(32 * length, LATENT),
            )  # fmt: skip
            back = nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, length * width))
        both = nn.ModuleList([self._network, back])

        def loss() -> torch.Tensor:
            rows = windows[_batch(len(windows), rng)]
            made = back(self._network(rows.transpose(1, 2)))
            return nn.functional.mse_loss(made, rows.flatten(1))

        _train(both, loss, iterations)
        self._mean, self._std = 0.0, 1.0
        codes = self.encode(real)
        self._mean, self._std = codes.mean(axis=0), np.maximum(codes.std(axis=0), 1e-6)

    def encode(self, windows: Numbers) -> Numbers:
        """(n, 32), standardised."""
        with torch.no_grad():
            codes = self._network(_tensor(windows).transpose(1, 2)).numpy().astype(np.float64)
        return (codes - self._mean) / self._std


def frechet(one: Numbers, other: Numbers) -> float:
    """|m - n|^2 + tr(A + B - 2 (A B)^(1/2)) of means m, n and covariances A, B of points (n, d).

    The squared 2-Wasserstein distance of two normal laws (Dowson and Landau 1982).
    """
    means = [points.mean(axis=0) for points in (one, other)]
    first, second = (np.atleast_2d(np.cov(points.T)) for points in (one, other))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # A^(1/2) B A^(1/2) has the eigenvalues of A B and is symmetric.
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return float(np.sum((means[0] - means[1]) ** 2) + np.trace(first + second) - 2 * shared)


def _correlations(windows: Numbers) -> Numbers:
    """(channels, channels) over all steps; a channel that stands still correlates with nothing."""
    flat = windows.reshape(-1, windows.shape[2])
    away = flat - flat.mean(axis=0)
    spread = away.std(axis=0)
    scaled = away / np.where(spread > 0, spread, 1.0)
    return scaled.T @ scaled / len(scaled)


class _Recurrent(nn.Module):
    """A GRU and a linear map of its states; (n, length, inputs) to (n, length, outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # `inputs` of the predictor are one short of the channels: halves are rounded up.
        hidden = max(4, (inputs + 1) // 2)
        self._cell = nn.GRU(inputs, hidden, batch_first=True)
        self._head = nn.Linear(hidden, outputs)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        states, _ = self._cell(windows)
        return self._head(states)


def _train(network: nn.Module, loss: Callable[[], torch.Tensor], iterations: int) -> None:
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(iterations):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()


def _batch(n: int, rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.integers(n, size=BATCH))


def _tensor(windows: Numbers) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(windows, dtype=np.float32))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """First weights by a seed: torch's modules know the global generator only, left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
