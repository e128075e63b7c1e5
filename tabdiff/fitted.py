"""What a fit leaves behind: everything that answers questions, and that a file keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from tabdiff.data.mixed import Layout
from tabdiff.data.rewriting import Verbatim, rewriting_from_state
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder
from tabdiff.denoisers.mlp import MLPDenoiser
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion, Prior
from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule
from tabdiff.inference.chunks import generators
from tabdiff.training.loop import Progress
from tabdiff.training.settings import Size

# Exponent of the Gaussian clock: training draws and sampling steps crowd at low noise.
WARP = 1.7


@dataclass
class Fitted:
    """A trained network with its encoders, and the record of its training.

    Attributes
    ----------
    rewriting : Verbatim
        Between the user's table and the one that is learned.
    encoder : TableEncoder
        Of the one that is learned.
    denoiser : torch.nn.Module
        On ``device``, in evaluation mode.
    joint : JointDiffusion
    size : Size
    device : torch.device
    entropy : int
        Seeds the stream of samples.
    history : DataFrame
        One line per look at the held-out rows.
    best_step : int
    stopped : str
    n_rows_seen : int
    seconds : float
    """

    rewriting: Verbatim
    encoder: TableEncoder
    denoiser: torch.nn.Module
    joint: JointDiffusion
    size: Size
    device: torch.device
    entropy: int
    history: pd.DataFrame
    best_step: int
    stopped: str
    n_rows_seen: int
    seconds: float

    @property
    def schema(self) -> Schema:
        """What each column of the user's table is."""
        return self.rewriting.schema

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Strict JSON and arrays, from which :meth:`from_state` makes the same."""
        encoder, arrays = self.encoder.state()
        content = {
            "schema": self.schema.to_dict(),
            "constraints": self.rewriting.state(),
            "encoder": encoder,
            "size": asdict(self.size),
            "entropy": str(self.entropy),
            "fit": {
                "history": self.history.to_dict(orient="list"),
                "best_step": self.best_step,
                "stopped": self.stopped,
                "n_rows_seen": self.n_rows_seen,
                "fit_seconds": self.seconds,
            },
        }
        weights = {f"denoiser.{k}": v.cpu().numpy() for k, v in self.denoiser.state_dict().items()}
        return content, weights | {f"encoder.{k}": v for k, v in arrays.items()}

    @classmethod
    def from_state(
        cls,
        content: dict[str, Any],
        arrays: dict[str, np.ndarray],
        prior: Prior,
        device: torch.device,
    ) -> Self:
        """What :meth:`state` described, on ``device``.

        Raises
        ------
        KeyError, TypeError, ValueError, RuntimeError
            If the content does not fit together.
        """
        encoder = TableEncoder.from_state(content["encoder"], _under("encoder.", arrays))
        schema = Schema.from_dict(content["schema"])
        rewriting = rewriting_from_state(content["constraints"], schema, encoder.schema)
        size = Size(**content["size"])
        denoiser = make_denoiser(encoder.layout, size, entropy=0)
        weights = {k: torch.from_numpy(v) for k, v in _under("denoiser.", arrays).items()}
        denoiser.load_state_dict(weights)
        fit = content["fit"]
        return cls(
            rewriting=rewriting,
            encoder=encoder,
            denoiser=denoiser.to(device).eval(),
            joint=make_joint(encoder.layout, prior),
            size=size,
            device=device,
            entropy=int(content["entropy"]),
            history=history_frame(fit["history"]),
            best_step=fit["best_step"],
            stopped=fit["stopped"],
            n_rows_seen=fit["n_rows_seen"],
            seconds=fit["fit_seconds"],
        )


def make_denoiser(layout: Layout, size: Size, entropy: int) -> MLPDenoiser:
    """An untrained network, its weights drawn from ``entropy``."""
    noise, _ = generators(entropy, 1)
    return MLPDenoiser(layout, width=size.width, depth=size.depth, generator=noise)


def make_joint(layout: Layout, prior: Prior) -> JointDiffusion:
    """Both processes at the schedules that training and sampling share."""
    return JointDiffusion(
        layout,
        GaussianDiffusion(CosineSchedule(WARP)),
        MultinomialDiffusion(layout.levels, prior, KeepSchedule()),
    )


def history_frame(looks: Any) -> pd.DataFrame:
    """One line per look at the held-out rows, the columns in one order whatever they come from."""
    return pd.DataFrame(looks, columns=[field.name for field in fields(Progress)])


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
