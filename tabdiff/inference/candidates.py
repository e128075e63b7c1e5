"""Several rows drawn for each, of which one is kept: sampling importance resampling.

    x_1, …, x_m ~ q(x | known),    x = x_i with probability  r(x_i) / sum_j r(x_j)

With a density ratio r = p / q the law of what is kept tends to p(x | known) as m grows, row by row,
so whatever is known of a row holds of all its candidates. The choice is made as the candidates
come: adding independent Gumbel noise to log r and keeping the largest draws from the same law, and
no more than two rows stand in memory.

Source: Rubin 1988, "Using the SIR algorithm to simulate posterior distributions"; the largest of
Gumbel-perturbed weights: Gumbel 1954.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tabdiff.data.mixed import Mixed


@torch.no_grad()
def best_of(
    draw: Callable[[], Mixed],
    log_ratio: Callable[[Mixed], Tensor],
    m: int,
    generator: torch.Generator,
) -> Mixed:
    """Rows (B, D), each one of ``m`` that ``draw`` made for it.

    Parameters
    ----------
    draw : callable
        Makes B rows, others at every call.
    log_ratio : callable
        Of rows (B, D) the logarithm of r, up to a constant: (B,).
    m : int, at least 1
    """
    kept = draw()
    best = log_ratio(kept) + _gumbel(len(kept), generator)
    for _ in range(m - 1):
        other = draw()
        score = log_ratio(other) + _gumbel(len(other), generator)
        better = (score > best)[:, None]
        best = torch.maximum(score, best)
        kept = Mixed(
            torch.where(better, other.num, kept.num), torch.where(better, other.cat, kept.cat)
        )
    return kept


def _gumbel(n: int, generator: torch.Generator) -> Tensor:
    """(n,) standard Gumbel noise, float32."""
    u = torch.rand(n, generator=generator, device=generator.device, dtype=torch.float32)
    return -(-u.clamp(min=1e-20).log()).clamp(min=1e-20).log()
