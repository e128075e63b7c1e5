"""The denoiser of tables: a residual MLP over one vector per row."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tabdiff.data.mixed import Belief, Known, Layout, Mixed, Packing
from tabdiff.denoisers.embeddings import LevelEmbedding, PeriodicEmbedding, TimeEmbedding


class Affine(nn.Linear):
    """A float32 linear layer that waits for the denoiser to draw its weights."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, dtype=torch.float32)

    def reset_parameters(self) -> None:
        """Leave the weights as they are; the global generator stays untouched."""


class ResidualBlock(nn.Module):
    """x + W2 silu(W1 LayerNorm(x)), with a wider hidden layer.

    Source: the pre-norm residual MLP of Gorishniy et al. 2021 (arXiv:2106.11959), section 3.2,
    with LayerNorm for BatchNorm, so that a row never depends on its batch.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, dtype=torch.float32)
        self.widen = Affine(width, hidden)
        self.narrow = Affine(hidden, width)

    def forward(self, h: Tensor) -> Tensor:
        """(B, *, width) -> (B, *, width)."""
        return h + self.narrow(nn.functional.silu(self.widen(self.norm(h))))


class MLPDenoiser(nn.Module):
    """(x_t, t, known) -> velocities of the numeric parts and logits of the categorical ones.

    At initialisation the heads are zero and the bias of the logits holds the levels'
    log-proportions: the untrained network is the model of independent columns with the right
    marginals (as in CDTD; Mueller et al. 2024, arXiv:2312.10431), and training adds dependence.

    Parameters
    ----------
    layout : Layout
    width, depth : int
        Width of the trunk and number of residual blocks, each with a hidden layer twice as wide.
    n_frequencies : int
        Periodic features per numeric part.
    level_dim : int
        Length of the vector of a level.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        width: int,
        depth: int,
        n_frequencies: int = 8,
        frequency_scale: float = 0.5,
        level_dim: int = 32,
        n_times: int = 8,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.packing = Packing(layout.levels)
        self.numbers = PeriodicEmbedding(layout.n_num, n_frequencies, frequency_scale)
        self.levels = LevelEmbedding(self.packing, layout.ordered, level_dim)
        self.time = TimeEmbedding(n_times)
        n_inputs = layout.n_num * (2 * n_frequencies + 1) + layout.n_cat * level_dim + 2 * n_times
        n_inputs += layout.n_num + layout.n_cat
        self.enter = Affine(n_inputs, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, 2 * width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, dtype=torch.float32)
        self.velocity = Affine(width, layout.n_num)
        self.query = Affine(width, layout.n_cat * level_dim)
        self.bias = nn.Parameter(torch.zeros(self.packing.size, dtype=torch.float32))
        self._initialise(generator)

    def set_proportions(self, proportions: list[np.ndarray]) -> None:
        """Put each part's log-proportions into the bias of its logits.

        A level never seen gets the weight of half a row in a hundred thousand.
        """
        with torch.no_grad():
            for part, p in enumerate(proportions):
                bias = torch.as_tensor(np.log(np.maximum(p, 5e-6)), dtype=torch.float32)
                self.packing.unpack(self.bias, part).copy_(bias)

    def forward(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        """Velocities (B, Dn) and logits (B, S) of noisy rows at times t, (B,).

        With ``wanted`` (B, Dc), bool, only the logits of those parts mean anything.
        """
        inputs = [self.numbers(x_t.num), self.levels(x_t.cat), self.time(t)]
        inputs += [known.num.float(), known.cat.float()]
        h = self.enter(torch.cat(inputs, dim=-1))
        for block in self.blocks:
            h = block(h)
        h = self.norm(h)
        velocity = self.velocity(h).float()
        if wanted is not None:
            return Belief(velocity, self.levels.some_logits(h, self.query, self.bias, wanted))
        return Belief(velocity, self.levels.logits(self.query(h), self.bias))

    def _initialise(self, generator: torch.Generator) -> None:
        self.numbers.initialise(generator)
        self.levels.initialise(generator)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                with torch.no_grad():
                    module.weight.normal_(0.0, module.in_features**-0.5, generator=generator)
                    module.bias.zero_()
        silent = [m.narrow for m in self.modules() if isinstance(m, ResidualBlock)]
        for layer in (*silent, self.velocity, self.query):
            nn.init.zeros_(layer.weight)
