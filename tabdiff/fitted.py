"""What a fit leaves behind: everything that answers questions, and that a file keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from tabdiff.data.guards import Guards
from tabdiff.data.long import require_table_of
from tabdiff.data.mixed import Layout
from tabdiff.data.parts import take, take_integer
from tabdiff.data.privacy import PrivacySpent
from tabdiff.data.rewriting import Verbatim, rewriting_from_state
from tabdiff.data.schema import Schema
from tabdiff.data.sequence import N_PLACE, SequenceEncoder
from tabdiff.data.table import TableEncoder
from tabdiff.denoisers.mlp import MLPDenoiser
from tabdiff.denoisers.temporal import TemporalDenoiser
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion, Prior
from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule
from tabdiff.inference.chunks import entropy_of, generators
from tabdiff.training.critic import Critic
from tabdiff.training.loop import Trained
from tabdiff.training.settings import Size
from tabdiff.training.standing import Progress

# Exponent of the Gaussian clock: training draws and sampling steps crowd at low noise.
WARP = 1.7


@dataclass(frozen=True)
class Manner:
    """In what a network and its processes differ between models; none of it in a file: as at first.

    Attributes
    ----------
    fading : bool
        Waves of noisy numbers fade as noise drowns them.
    states_first : bool
        Whether there is a number at all, and whether it is an atom, is decided before all else.
    """

    fading: bool = False
    states_first: bool = False

    @classmethod
    def from_state(cls, content: dict[str, Any]) -> Self:
        """What ``asdict`` described.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no such description.
        """
        if set(content) != {field.name for field in fields(cls)}:
            raise ValueError(f"a manner has other entries than {sorted(content)}")
        return cls(**{name: take(content, name, bool) for name in content})


TABLES = Manner()
SEQUENCES = Manner(fading=True, states_first=True)


@dataclass(kw_only=True)
class Learned:
    """A trained network, and the record of its training.

    Attributes
    ----------
    denoiser : torch.nn.Module
        On ``device``, in evaluation mode.
    joint : JointDiffusion
    manner : Manner
        Of both.
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

    denoiser: torch.nn.Module
    joint: JointDiffusion
    manner: Manner
    size: Size
    device: torch.device
    entropy: int
    history: pd.DataFrame
    best_step: int
    stopped: str
    n_rows_seen: int
    seconds: float

    @classmethod
    def of(
        cls,
        trained: Trained,
        joint: JointDiffusion,
        manner: Manner,
        size: Size,
        device: torch.device,
        entropy: int,
        n_rows_seen: int,
        seconds: float,
    ) -> Learned:
        """What a training gave, with what it was given."""
        return Learned(
            denoiser=trained.denoiser,
            joint=joint,
            manner=manner,
            size=size,
            device=device,
            entropy=entropy,
            history=history_frame([asdict(progress) for progress in trained.history]),
            best_step=trained.best_step,
            stopped=trained.stopped,
            n_rows_seen=n_rows_seen,
            seconds=seconds,
        )

    def record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Strict JSON and arrays of all but the encoder."""
        content = {
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
        if self.manner != Manner():
            content["manner"] = asdict(self.manner)
        weights = {f"denoiser.{k}": v.cpu().numpy() for k, v in self.denoiser.state_dict().items()}
        return content, weights

    @classmethod
    def from_record(
        cls,
        content: dict[str, Any],
        arrays: dict[str, np.ndarray],
        encoder: Encoder,
        prior: Prior,
        device: torch.device,
    ) -> Learned:
        """What :meth:`record` described, on ``device``, for the parts of ``encoder``."""
        size = Size(*(take_integer(content["size"], name, 1, 2**31) for name in ("width", "depth")))
        weights = _under("denoiser.", arrays)
        _require_weights(weights, encoder, size)
        told = content.get("manner")
        manner = Manner() if told is None else Manner.from_state(take(content, "manner", dict))
        denoiser = make_denoiser(encoder, size, 0, manner)
        denoiser.load_state_dict({name: torch.from_numpy(own) for name, own in weights.items()})
        fit = take(content, "fit", dict)
        return Learned(
            denoiser=denoiser.to(device).eval(),
            joint=make_joint(encoder.layout, prior, manner),
            manner=manner,
            size=size,
            device=device,
            entropy=entropy_of(int(take(content, "entropy", str))),
            history=history_frame(_looks(fit)),
            best_step=take_integer(fit, "best_step", 0, 2**63),
            stopped=take(fit, "stopped", str),
            n_rows_seen=take_integer(fit, "n_rows_seen", 1, 2**63),
            seconds=float(take(fit, "fit_seconds", (int, float))),
        )


@dataclass(kw_only=True)
class Fitted(Learned):
    """What is learned of a table.

    Attributes
    ----------
    rewriting : Verbatim
        Between the user's table and the one that is learned.
    encoder : TableEncoder
        Of the one that is learned.
    critic : Critic or None
        What chooses among several rows drawn for each.
    privacy : PrivacySpent or None
        What a private fit cost.
    """

    rewriting: Verbatim
    encoder: TableEncoder
    critic: Critic | None
    privacy: PrivacySpent | None = None

    @property
    def schema(self) -> Schema:
        """What each column of the user's table is."""
        return self.rewriting.schema

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Strict JSON and arrays, from which :meth:`from_state` makes the same."""
        encoder, arrays = self.encoder.state()
        content, weights = self.record()
        content |= {
            "schema": self.schema.to_dict(),
            "constraints": self.rewriting.state(),
            "encoder": encoder,
            "candidates": self.critic.candidates if self.critic else 1,
        }
        # What files did not hold from the first is left out where there is nothing to say.
        added = {
            "guards": self.rewriting.guards.state(),
            "privacy": self.privacy.state() if self.privacy else None,
        }
        content |= {name: own for name, own in added.items() if own is not None}
        weights |= {f"encoder.{k}": v for k, v in arrays.items()}
        trees = self.critic.state() if self.critic else {}
        return content, weights | {f"critic.{k}": v for k, v in trees.items()}

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
        guards = Guards.from_state(content.get("guards"), schema)
        rewriting = rewriting_from_state(content["constraints"], schema, encoder.schema, guards)
        learned = cls.from_record(content, arrays, encoder, prior, device)
        critic = None
        if content["candidates"] != 1:
            trees = _under("critic.", arrays)
            beside = rewriting.consequences(encoder)
            critic = Critic.from_state(encoder.layout, content["candidates"], trees, beside)
            critic = critic.to(device)
        rewriting.reverse(encoder.rehearse())
        return cls(
            rewriting=rewriting,
            encoder=encoder,
            critic=critic,
            privacy=_spent(content),
            **vars(learned),
        )


@dataclass(kw_only=True)
class FittedSequences(Learned):
    """What is learned of sequences.

    Attributes
    ----------
    encoder : SequenceEncoder
        With the schema.
    entities : Fitted
        Of the table of entities.
    privacy : PrivacySpent or None
        What a private fit cost, entities and rows together.
    """

    encoder: SequenceEncoder
    entities: Fitted
    privacy: PrivacySpent | None = None

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Strict JSON and arrays, from which :meth:`from_state` makes the same."""
        encoder, arrays = self.encoder.state()
        content, weights = self.record()
        entities, own = self.entities.state()
        content = {"encoder": encoder, "entities": entities, **content}
        if self.privacy is not None:
            content["privacy"] = self.privacy.state()
        arrays = {f"encoder.{k}": v for k, v in arrays.items()}
        return content, weights | arrays | {f"entities.{k}": v for k, v in own.items()}

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
        own = _under("entities.", arrays)
        entities = Fitted.from_state(content["entities"], own, prior, device)
        encoder = SequenceEncoder.from_state(content["encoder"], _under("encoder.", arrays))
        learned = cls.from_record(content, arrays, encoder, prior, device)
        require_table_of(encoder, entities.rewriting, entities.encoder, learned.n_rows_seen)
        spent = _spent(content)
        return cls(encoder=encoder, entities=entities, privacy=spent, **vars(learned))


Encoder = TableEncoder | SequenceEncoder


def make_denoiser(
    encoder: Encoder, size: Size, entropy: int, manner: Manner
) -> MLPDenoiser | TemporalDenoiser:
    """An untrained network for the rows of an encoder, its weights drawn from ``entropy``."""
    noise, _ = generators(entropy, 1)
    if isinstance(encoder, TableEncoder):
        return MLPDenoiser(encoder.layout, width=size.width, depth=size.depth, generator=noise)
    return TemporalDenoiser(
        encoder.layout,
        encoder.n_context,
        width=size.width,
        depth=size.depth,
        window=encoder.window,
        n_place=N_PLACE,
        n_traits=(len(encoder.traits.levels), len(encoder.traits.usual)),
        told=encoder.told,
        schedule=CosineSchedule(WARP),
        fading=manner.fading,
        generator=noise,
    )


def make_joint(layout: Layout, prior: Prior, manner: Manner) -> JointDiffusion:
    """Both processes at the schedules that training and sampling share."""
    states = {gate.state for gate in layout.gates if gate is not None}
    return JointDiffusion(
        layout,
        GaussianDiffusion(CosineSchedule(WARP)),
        MultinomialDiffusion(
            layout.levels, prior, KeepSchedule(), sorted(states) if manner.states_first else ()
        ),
    )


def _spent(content: dict[str, Any]) -> PrivacySpent | None:
    told = content.get("privacy")
    return None if told is None else PrivacySpent.from_state(told)


def _require_weights(weights: dict[str, np.ndarray], encoder: Encoder, size: Size) -> None:
    """Refuse arrays that are no weights, or too few for a network of this size.

    Which goes with which is told when a network takes them; before that none is built that would
    need far more memory than the weights do.

    Raises
    ------
    ValueError
        Naming an array that is not float32 or not finite, or the size.
    """
    for name, own in weights.items():
        if own.dtype != np.float32 or not np.isfinite(own).all():
            raise ValueError(f"weights {name!r} must be finite float32")
    layout, blocks = encoder.layout, size.depth
    if isinstance(encoder, SequenceEncoder):
        blocks *= max((encoder.window - 1).bit_length() - 1, 1)
    least = blocks * size.width**2 + 32 * (size.width * layout.n_cat + sum(layout.levels))
    least += 16 * size.width * layout.n_num
    if least > sum(own.size for own in weights.values()):
        raise ValueError(f"its weights are too few for a network of {size}")


def _looks(fit: dict[str, Any]) -> dict[str, list[Any]]:
    """The history in a file."""
    looks = take(fit, "history", dict)
    for name, told in looks.items():
        if not isinstance(told, list) or not all(type(one) in (int, float) for one in told):
            raise ValueError(f"the history of {name!r} is no list of numbers")
    return looks


def history_frame(looks: Any) -> pd.DataFrame:
    """One line per look at the held-out rows, the columns in one order whatever they come from."""
    return pd.DataFrame(looks, columns=[field.name for field in fields(Progress)])


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
