"""Gaussian diffusion of the numeric parts.

    q(x_t | x_0) = N(alpha_t x_0, sigma_t^2 I)

The network's output is the velocity ``v = alpha_t eps - sigma_t x_0``, so an output of zero is the
belief ``x0_hat = alpha_t x_t``: exactly right when the clean parts are independent unit normals,
which is what the encoders make of every column.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tabdiff.diffusion.schedule import CosineSchedule


@dataclass(frozen=True)
class GaussianDiffusion:
    """Variance-preserving Gaussian diffusion in continuous time.

    Parameters
    ----------
    schedule : CosineSchedule
    """

    schedule: CosineSchedule = field(default_factory=CosineSchedule)

    def prior(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """x_1 ~ N(0, I), float32 of the given shape on the generator's device."""
        return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32)

    def q_sample(self, x0: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        """x_t ~ q(x_t | x_0): (B, *, D), (B,) -> (B, *, D)."""
        eps = torch.randn(x0.shape, generator=generator, device=x0.device, dtype=x0.dtype)
        return rows(self.schedule.alpha(t), x0) * x0 + rows(self.schedule.sigma(t), x0) * eps

    def q_posterior(self, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(x_s | x_t, x0), for s < t.

        Bayes' rule between two Gaussians, so any stride is allowed. With
        ``alpha_ts = alpha_t / alpha_s``:

            sigma_ts^2 = sigma_t^2 - alpha_ts^2 sigma_s^2
            mean = (alpha_ts sigma_s^2 x_t + alpha_s sigma_ts^2 x0) / sigma_t^2
            std  = sigma_s sigma_ts / sigma_t

        Parameters
        ----------
        x0, x_t : Tensor, (B, *, D), standardised units
        t, s : Tensor, (B,), in [0, 1] with s < t

        Returns
        -------
        mean, std : Tensor, (B, *, D)

        Raises
        ------
        ValueError
            If any s >= t.

        Source: Kingma et al. 2021 (arXiv:2107.00630), appendix A.
        """
        require_order(t, s)
        alpha_t, alpha_s = rows(self.schedule.alpha(t), x_t), rows(self.schedule.alpha(s), x_t)
        var_t = rows(self.schedule.sigma(t), x_t) ** 2
        var_s = rows(self.schedule.sigma(s), x_t) ** 2
        alpha_ts = alpha_t / alpha_s
        # In floats too this is no less than 0, for alpha_ts <= 1 and sigma_s <= sigma_t.
        var_ts = var_t - alpha_ts**2 * var_s
        mean = (alpha_ts * var_s * x_t + alpha_s * var_ts * x0) / var_t
        std = torch.sqrt(var_s * var_ts / var_t)
        return mean, std.expand_as(mean)

    def estimate(self, v: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """x0_hat = alpha_t x_t - sigma_t v: (B, *, D), (B, *, D), (B,) -> (B, *, D).

        Source: Salimans & Ho 2022 (arXiv:2202.00512), appendix D.
        """
        return rows(self.schedule.alpha(t), x_t) * x_t - rows(self.schedule.sigma(t), x_t) * v

    def step(self, x0_hat: Tensor, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """x_s on the deterministic path from x_t, given the belief about x_0.

        With x_t = cos(angle) x_0 + sin(angle) eps, the probability flow is dx / d angle = v, and
        one Euler step along it is

            x_s = x_t - (angle_t - angle_s) v,   v = (alpha_t x_t - x0_hat) / sigma_t

        Unlike the rotation by the same angle (DDIM; Song et al. 2021, arXiv:2010.02502), which
        takes v for the truth and not for its mean, it leaves a unit normal, v = 0, exactly as it
        is, at any stride. Derived here. Shapes as in :meth:`q_posterior`.
        """
        require_order(t, s)
        turn = rows(self.schedule.angle(t) - self.schedule.angle(s), x_t)
        alpha, sigma = rows(self.schedule.alpha(t), x_t), rows(self.schedule.sigma(t), x_t)
        return x_t - turn * (alpha * x_t - x0_hat) / sigma

    def loss(self, v: Tensor, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Squared error of the velocity per part: (B, *, D).

        Equals ``(1 + SNR) (x0_hat - x0)^2`` (arXiv:2202.00512, section 4).
        """
        alpha, sigma = rows(self.schedule.alpha(t), x0), rows(self.schedule.sigma(t), x0)
        # eps from x_t and x0, so that the noise need not be carried along.
        target = (alpha * x_t - x0) / sigma
        return (v - target) ** 2

    def kl(self, x0_hat: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x0) || q(x_s | x_t, x0_hat)) in nats per part: (B, *, D).

        The two share their standard deviation, hence, for s > 0,

            kl = 1/2 (SNR_s - SNR_t) (x0 - x0_hat)^2

        Source: Kingma et al. 2021 (arXiv:2107.00630), eq. 13.
        """
        require_order(t, s)
        snr_s, snr_t = torch.exp(self.schedule.log_snr(s)), torch.exp(self.schedule.log_snr(t))
        return 0.5 * rows(snr_s - snr_t, x0) * (x0 - x0_hat) ** 2


def rows(per_row: Tensor, like: Tensor) -> Tensor:
    """Shape a (B, …) tensor so that it broadcasts over what more ``like``, (B, …, *, D), has."""
    return per_row.reshape(*per_row.shape, *[1] * (like.ndim - per_row.ndim))


def require_order(t: Tensor, s: Tensor) -> None:
    """Refuse a reverse step that does not go down in time."""
    if bool((s >= t).any()):
        worst = int((s - t).argmax())
        raise ValueError(
            "A reverse step goes from t down to s, so s must be below t in every row. "
            f"Got s={float(s[worst]):.6g} and t={float(t[worst]):.6g} in row {worst}."
        )
