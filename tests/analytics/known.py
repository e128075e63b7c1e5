"""Fitted models that know the answer: a real encoder with an exact denoiser behind it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from tabdiff import DiffusionSynthesizer, Schema
from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.joint import Denoiser, JointDiffusion
from tabdiff.diffusion.multinomial import Prior
from tabdiff.fitted import Fitted, Manner, history_frame, make_joint
from tabdiff.training.settings import Size
from tests.oracles import Mixture, Oracle, categorical

COVARIANCE = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
NORMAL = Mixture(
    np.ones(1), np.zeros((1, 3)), COVARIANCE[None], np.zeros((1, 0), dtype=np.int64), ()
)
# A Bayesian network a -> b -> c: P(a), P(b | a), P(c | b).
A = np.array([0.5, 0.3, 0.2])
B_GIVEN_A = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
C_GIVEN_B = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
NETWORK = A[:, None, None] * B_GIVEN_A[:, :, None] * C_GIVEN_B[None]


def fitted(
    frame: pd.DataFrame,
    denoiser: Callable[[TableEncoder, JointDiffusion], Denoiser],
    prior: Prior = "absorbing",
) -> Fitted:
    """An encoder fitted to ``frame`` before a denoiser that belongs to it."""
    schema = Schema.infer(frame)
    encoder = TableEncoder.fit(frame, schema, np.random.default_rng(0))
    joint = make_joint(encoder.layout, prior, Manner())
    model: Any = denoiser(encoder, joint)
    return Fitted(
        rewriting=Verbatim(schema),
        encoder=encoder,
        critic=None,
        denoiser=model,
        joint=joint,
        manner=Manner(),
        size=Size(1, 1),
        device=torch.device("cpu"),
        entropy=0,
        history=history_frame([]),
        best_step=0,
        stopped="",
        n_rows_seen=len(frame),
        seconds=0.0,
    )


def synthesizer(model: Fitted) -> DiffusionSynthesizer:
    """The front door before a model that knows the answer."""
    synth = DiffusionSynthesizer(
        prior="absorbing" if model.joint.multinomial.absorbing else "uniform"
    )
    synth._adopt(model)
    return synth


def labels(table: np.ndarray, n: int, seed: int = 0) -> pd.DataFrame:
    """``n`` rows of a table of probabilities as letters, in columns a, b, …."""
    cells = categorical(table).draw(n, np.random.default_rng(seed)).cat.numpy()
    letters = np.array(list("klmnop"))
    return pd.DataFrame({"abcdef"[at]: letters[cells[:, at]] for at in range(table.ndim)})


def every_label(table: np.ndarray) -> pd.DataFrame:
    """A frame in which every label of the table occurs twenty times and more."""
    letters = np.array(list("klmnop"))
    return pd.DataFrame(
        {"abcdef"[at]: np.resize(letters[:k], 120) for at, k in enumerate(table.shape)}
    )


def of_labels(table: np.ndarray, prior: Prior = "absorbing") -> Fitted:
    """The exact model of a table of probabilities."""
    mixture = categorical(table)
    return fitted(every_label(table), lambda _, joint: Oracle(mixture, joint), prior)


def normal_quantiles(n: int, d: int) -> pd.DataFrame:
    """``d`` columns of the same ``n`` quantiles of N(5, 3^2), each in an order of its own."""
    rng = np.random.default_rng(0)
    values = 5 + 3 * stats.norm.ppf((np.arange(n) + 0.5) / n)
    return pd.DataFrame({"xyw"[at]: rng.permutation(values) for at in range(d)})


def normals(n: int, seed: int = 0) -> pd.DataFrame:
    """Fresh rows of three columns N(5, 3^2) that correlate as :data:`COVARIANCE` says."""
    num = NORMAL.draw(n, np.random.default_rng(seed)).num.numpy().astype(np.float64)
    return pd.DataFrame(5 + 3 * num, columns=list("xyw"))


def of_normals() -> Fitted:
    """The exact model of :func:`normals` in a table too small for cells."""
    return fitted(normal_quantiles(110, 3), lambda _, joint: Oracle(NORMAL, joint))


class CopulaOracle:
    """p(cell | known columns) for columns whose normal scores are jointly normal, at t = 1.

    Everything else, which nobody asks of it, is zero.
    """

    def __init__(
        self, encoder: TableEncoder, joint: JointDiffusion, correlation: np.ndarray
    ) -> None:
        self._joint, self._correlation = joint, correlation
        self._below = [np.append(0.0, np.cumsum(p)) for p in encoder.proportions]

    def __call__(self, x_t: Mixed, t: Tensor, known: Known, wanted: Tensor | None = None) -> Belief:
        assert bool((t == 1).all())
        shown = known.cat[0].numpy()
        scores = np.stack([self._score(x_t, at) for at in range(len(shown))], axis=1)
        packing = self._joint.multinomial.packing
        logits = torch.zeros(len(x_t), packing.size)
        for at in np.flatnonzero(~shown):
            across = self._correlation[at, shown]
            weights = np.linalg.solve(self._correlation[np.ix_(shown, shown)], across)
            mean, std = scores[:, shown] @ weights, np.sqrt(1 - weights @ across)
            ends = stats.norm.ppf(np.clip(self._below[at], 0, 1))
            mass = np.diff(stats.norm.cdf((ends - mean[:, None]) / std))
            packing.unpack(logits, int(at)).copy_(torch.as_tensor(np.log(mass + 1e-300)))
        return Belief(torch.zeros_like(x_t.num), logits)

    def _score(self, x_t: Mixed, at: int) -> np.ndarray:
        """The normal score of a known column: its cell and its place in it."""
        below, cell = self._below[at], x_t.cat[:, at].numpy().clip(max=len(self._below[at]) - 2)
        within = stats.norm.cdf(x_t.num[:, at].double().numpy())
        return stats.norm.ppf(below[cell] + within * (below[cell + 1] - below[cell]))
