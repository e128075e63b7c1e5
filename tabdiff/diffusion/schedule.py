"""How much of the data is left at time t.

Time runs from 0 (data) to 1 (noise) for both processes. The numeric parts keep a *variance*,

    x_t = alpha_t x_0 + sigma_t eps,   alpha_t^2 + sigma_t^2 = 1,

the categorical parts keep a *probability* alpha_bar_t of still showing the clean level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CosineSchedule:
    """Variance-preserving cosine schedule on a warped clock.

        alpha_t = cos(pi/2 t^warp),   sigma_t = sin(pi/2 t^warp)

    ``warp > 1`` spends more of the clock, hence more training draws and more sampling steps, at
    low noise, where near-deterministic relations between numeric columns are decided.

    Source: Nichol & Dhariwal 2021 (arXiv:2102.09672), eq. 17, without the offset; the warp is ours.

    Parameters
    ----------
    warp : float, > 0
    """

    warp: float = 1.0

    def alpha(self, t: Tensor) -> Tensor:
        """Kept signal, (B,) -> (B,); exactly 1 at t = 0 and 0 at t = 1."""
        return torch.where(t >= 1, torch.zeros_like(t), torch.cos(self.angle(t)))

    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise, (B,) -> (B,); exactly 0 at t = 0 and 1 at t = 1."""
        return torch.sin(self.angle(t))

    def log_snr(self, t: Tensor) -> Tensor:
        """log(alpha^2 / sigma^2), (B,) -> (B,); infinite at both ends."""
        return 2 * (torch.log(self.alpha(t)) - torch.log(self.sigma(t)))

    def angle(self, t: Tensor) -> Tensor:
        """pi/2 t^warp, (B,) -> (B,), from 0 to pi/2."""
        return 0.5 * math.pi * t**self.warp


@dataclass(frozen=True)
class KeepSchedule:
    """Probability that a categorical part still shows its clean level.

        alpha_bar_t = 1 - t^power

    ``power = 1`` corrupts (and, in reverse, decides) equally many columns per unit of time.

    Source: the log-linear schedule of Sahoo et al. 2024 (arXiv:2406.07524), section 4, is power 1.

    Parameters
    ----------
    power : float, > 0
    """

    power: float = 1.0

    def alpha_bar(self, t: Tensor) -> Tensor:
        """(B,) -> (B,), falling from 1 at t = 0 to 0 at t = 1."""
        return 1 - t**self.power

    def elbo_weight(self, t: Tensor) -> Tensor:
        """-alpha_bar'(t) / (1 - alpha_bar(t)), (B,) -> (B,).

        The weight of a masked part's cross-entropy in the continuous-time bound on the
        log-likelihood of the absorbing process (arXiv:2406.07524, eq. 10).
        """
        return self.power / t
