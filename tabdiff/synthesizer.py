"""The front door for tables."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tabdiff import persistence
from tabdiff.data.frames import concat
from tabdiff.data.mixed import Layout, Mixed
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder
from tabdiff.denoisers.mlp import MLPDenoiser
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion, Prior
from tabdiff.diffusion.schedule import CosineSchedule, KeepSchedule
from tabdiff.inference.chunks import Seed, entropy_of, generators
from tabdiff.inference.sample import sample, time_grid
from tabdiff.training.hardware import autocast_for, resolve_device
from tabdiff.training.loop import Progress, evaluate_loss, train
from tabdiff.training.progress import ProgressBar
from tabdiff.training.settings import (
    Size,
    default_held_out,
    default_sampling_steps,
    default_size,
    make_recipe,
    require_real,
    require_whole,
)

# Rows of one chunk: a pure function of (model, seed, chunk number).
CHUNK = 1024
# Exponent of the Gaussian clock: training draws and sampling steps crowd at low noise.
WARP = 1.7


class DiffusionSynthesizer(BaseEstimator):
    """Learns the joint distribution of a table by diffusion and samples new rows from it.

    Parameters
    ----------
    schema : Schema, optional
        What each column is. Inferred from the frame when None.
    column_kinds : dict, optional
        Kinds that override the inferred ones, by column: ``{"zip": "categorical"}``.
    prior : {"absorbing", "uniform"}
        What categorical parts turn into as noise grows.
    max_steps : int, optional
        Optimiser steps; scaled with rows when None.
    max_time : float, optional
        Wall seconds of training; the schedule adapts to it.
    batch_size : int, optional
        Rows per optimiser step; scaled with rows when None.
    learning_rate : float
    width, depth : int, optional
        Of the denoising network; scaled with rows when None.
    validation_fraction : float, in [0, 0.5], optional
        Share of the rows held out to decide when to stop and which weights to keep; a twentieth,
        or more of a small table, when None. With 0 every row is learned from, the same rows judge,
        and the model may memorise.
    sampling_steps : int, optional
        Network evaluations per sampled row; with None as many as the table has categorical parts
        (each is then drawn given all that were drawn before), at least 25 and at most 100.
    device : str
        "auto" (cuda, mps, cpu), or a torch device.
    random_state : int, numpy Generator, RandomState or None
        Seeds training, and a stream of samples that moves on with every :meth:`sample`.
    verbose : {0, 1, 2}
        Progress never, on a terminal or notebook, always.

    Attributes
    ----------
    schema_ : Schema
    encoder_ : TableEncoder
    denoiser_ : torch.nn.Module
    history_ : DataFrame
        step, seconds, loss, validation_loss, learning_rate at each look at the held-out rows.
    n_features_in_, feature_names_in_
        As in scikit-learn; the names only where all are strings.
    n_rows_seen_ : int
    n_parameters_ : int
    best_step_ : int
    fit_seconds_ : float
    stopped_ : str
        Why training ended: "max_steps", "max_time", "validation", "diverged", "interrupted", or
        "nothing to learn" where all columns are constant, missing or identifiers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from tabdiff import DiffusionSynthesizer
    >>> frame = load_iris(as_frame=True).frame
    >>> synth = DiffusionSynthesizer(max_steps=20, random_state=0).fit(frame)
    >>> synth.sample(3).dtypes.equals(frame.dtypes)
    True
    """

    def __init__(
        self,
        *,
        schema: Schema | None = None,
        column_kinds: dict[Any, str] | None = None,
        prior: Prior = "absorbing",
        max_steps: int | None = None,
        max_time: float | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        width: int | None = None,
        depth: int | None = None,
        validation_fraction: float | None = None,
        sampling_steps: int | None = None,
        device: str = "auto",
        random_state: Seed = None,
        verbose: int = 1,
    ) -> None:
        self.schema = schema
        self.column_kinds = column_kinds
        self.prior = prior
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.width = width
        self.depth = depth
        self.validation_fraction = validation_fraction
        self.sampling_steps = sampling_steps
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the joint distribution of all columns of ``X``.

        A failed fit leaves the estimator as it was. After Ctrl-C the best weights so far are kept,
        the estimator is usable, and the KeyboardInterrupt goes on.

        Parameters
        ----------
        X : pandas or polars DataFrame, or 2-D numeric array, (n_rows, n_columns)
            At least 2 rows; never changed. The index is ignored.
        y : ignored
            There for scikit-learn's sake: the target is a column like the others.

        Returns
        -------
        self

        Raises
        ------
        SchemaError
            If columns cannot be modelled, all of them named.
        ValueError
            If a parameter is out of its range.
        TrainingDivergedError
            If the loss ceased to be finite before any usable weights.
        """
        self._check_parameters()
        device, entropy = resolve_device(self.device), entropy_of(self.random_state)
        began = time.monotonic()
        schema = self.schema or Schema.infer(X, self.column_kinds)
        noise, rng = generators(entropy, 0, device=device)
        encoder = TableEncoder.fit(X, schema, random_state=rng)
        rows = encoder.encode(X, rng)
        rows = Mixed(rows.num.float(), rows.cat)
        recipe = make_recipe(
            len(rows),
            max_steps=self.max_steps,
            max_time=self.max_time,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
        )
        default = default_size(len(rows))
        size = Size(self.width or default.width, self.depth or default.depth)
        denoiser = self._denoiser(encoder.layout, size, entropy)
        denoiser.set_proportions(encoder.proportions)
        kept, held_out = _hold_out(rows, self.validation_fraction, rng)
        with ProgressBar(recipe, self.verbose) as bar:
            trained = train(
                denoiser.to(device),
                self._joint(encoder.layout),
                kept.to(device),
                held_out.to(device),
                recipe,
                noise,
                report=bar,
                autocast=autocast_for(device),
            )
        self.schema_, self.encoder_ = schema, encoder
        self.denoiser_, self.size_ = trained.denoiser, size
        self.device_ = device
        self.history_ = _history([asdict(progress) for progress in trained.history])
        self.best_step_, self.stopped_ = trained.best_step, trained.stopped
        self.n_rows_seen_, self.n_features_in_ = len(rows), len(schema.columns)
        self._name_features()
        self._entropy, self._n_samples_drawn = entropy, 0
        self.fit_seconds_ = time.monotonic() - began
        if trained.stopped == "interrupted":
            raise KeyboardInterrupt
        return self

    def sample(self, n_samples: int = 1, *, random_state: Seed = None) -> Any:
        """New rows, in the container, column order and dtypes of the fitted table.

        Parameters
        ----------
        n_samples : int
        random_state : int, numpy Generator, RandomState or None
            Given, the same rows come again, and fewer rows are the head of more; None goes on
            with the stream that the estimator's own ``random_state`` began.

        Returns
        -------
        DataFrame or ndarray, (n_samples, n_columns)

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        ValueError, TypeError
            If ``n_samples`` is negative or no whole number.
        MemoryError
            If the rows would not fit into memory; :meth:`sample_iter` makes them piece by piece.
        """
        check_is_fitted(self)
        n = require_whole("n_samples", n_samples, least=0)
        _require_memory(n, len(self.schema_.columns))
        return next(self.sample_iter(n, chunk=max(n, 1), random_state=random_state))

    def sample_iter(
        self, n_samples: int, chunk: int = 100_000, *, random_state: Seed = None
    ) -> Iterator[Any]:
        """:meth:`sample` in frames of at most ``chunk`` rows, at constant memory.

        The frames laid end to end are ``sample(n_samples, random_state)``, whatever the ``chunk``.
        At least one frame is made, so that an empty sample has columns as well.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As :meth:`sample` does; ``chunk`` must be at least 1.
        """
        check_is_fitted(self)
        n = require_whole("n_samples", n_samples, least=0)
        size = require_whole("chunk", chunk, least=1)
        return self._frames(n, size, self._next_path(random_state))

    def score(self, X: Any, y: object = None) -> float:
        """Negative mean denoising loss of the rows of ``X``; higher is better.

        The training loss, at stratified times and with fixed noise, so that models of the same
        table can be compared, for instance by ``GridSearchCV``. It is no likelihood.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError
            If ``X`` does not have the fitted columns.
        """
        check_is_fitted(self)
        rows = self.encoder_.encode(X, np.random.default_rng(0))
        rows = Mixed(rows.num.float(), rows.cat).to(self.device_)
        joint = self._joint(self.encoder_.layout)
        return -evaluate_loss(self.denoiser_, joint, rows, autocast_for(self.device_))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted synthesizer to one ``.tabdiff`` file, whole or not at all.

        The file holds the network, the schema and the encoders: category levels, quantiles and
        bounds of the training data, hence real values; no rows. Nothing in it can execute.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        OSError
            If the file cannot be written; a previous file is left as it was.
        """
        check_is_fitted(self)
        encoder, arrays = self.encoder_.state()
        manifest = {
            "kind": "DiffusionSynthesizer",
            "parameters": self._portable_parameters(),
            "schema": self.schema_.to_dict(),
            "encoder": encoder,
            "size": asdict(self.size_),
            "entropy": str(self._entropy),
            "fit": {
                "history": self.history_.to_dict(orient="list"),
                "best_step": self.best_step_,
                "stopped": self.stopped_,
                "n_rows_seen": self.n_rows_seen_,
                "fit_seconds": self.fit_seconds_,
            },
        }
        weights = {f"denoiser.{k}": v.cpu().numpy() for k, v in self.denoiser_.state_dict().items()}
        persistence.write(path, manifest, weights | {f"encoder.{k}": v for k, v in arrays.items()})

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str = "auto",
        expected_sha256: str | None = None,
    ) -> Self:
        """The synthesizer that :meth:`save` wrote, ready to sample.

        Its own stream of samples begins anew: the first ``sample(n)`` gives what the first one
        after ``fit`` gave.

        Parameters
        ----------
        path : str or path
        device : str
            "auto", or a torch device.
        expected_sha256 : str, optional
            Of the file, as ``sha256sum`` prints it.

        Raises
        ------
        PersistenceError
            If the file is damaged, of a newer format, or not a tabdiff file.
        """
        place = resolve_device(device)
        content, arrays = persistence.read(path, expected_sha256)
        synth = cls(device=device)
        try:
            synth._restore(content, arrays, place)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise persistence.CorruptFileError(
                f"{os.fspath(path)!r}: the content does not fit together: {error}. "
                "Save the model again, or get the file anew from where it came."
            ) from error
        return synth

    @property
    def n_parameters_(self) -> int:
        """Weights of the network."""
        check_is_fitted(self)
        return sum(p.numel() for p in self.denoiser_.parameters())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _check_parameters(self) -> None:
        for name in ("max_steps", "batch_size", "width", "depth", "sampling_steps"):
            if getattr(self, name) is not None:
                require_whole(name, getattr(self, name), least=1)
        if self.max_time is not None:
            require_real("max_time", self.max_time, 0.0, math.inf, "()")
        require_real("learning_rate", self.learning_rate, 0.0, 1.0, "(]")
        if self.validation_fraction is not None:
            require_real("validation_fraction", self.validation_fraction, 0.0, 0.5)
        require_whole("verbose", self.verbose, 0, 2)
        if self.prior not in ("absorbing", "uniform"):
            raise ValueError(f"prior must be 'absorbing' or 'uniform'. Got {self.prior!r}.")

    def _restore(
        self, content: dict[str, Any], arrays: dict[str, np.ndarray], device: torch.device
    ) -> None:
        if content["kind"] != "DiffusionSynthesizer":
            raise ValueError(f"it holds a {content['kind']}")
        self.set_params(**content["parameters"])
        self.schema_ = Schema.from_dict(content["schema"])
        self.encoder_ = TableEncoder.from_state(content["encoder"], _under("encoder.", arrays))
        self.size_ = Size(**content["size"])
        denoiser = self._denoiser(self.encoder_.layout, self.size_, entropy=0)
        weights = {k: torch.from_numpy(v) for k, v in _under("denoiser.", arrays).items()}
        denoiser.load_state_dict(weights)
        self.denoiser_, self.device_ = denoiser.to(device).eval(), device
        fit = content["fit"]
        self.history_ = _history(fit["history"])
        self.best_step_, self.stopped_ = fit["best_step"], fit["stopped"]
        self.n_rows_seen_, self.fit_seconds_ = fit["n_rows_seen"], fit["fit_seconds"]
        self.n_features_in_ = len(self.schema_.columns)
        self._name_features()
        self._entropy, self._n_samples_drawn = int(content["entropy"]), 0

    def _denoiser(self, layout: Layout, size: Size, entropy: int) -> MLPDenoiser:
        noise, _ = generators(entropy, 1)
        return MLPDenoiser(layout, width=size.width, depth=size.depth, generator=noise)

    def _joint(self, layout: Layout) -> JointDiffusion:
        return JointDiffusion(
            layout,
            GaussianDiffusion(CosineSchedule(WARP)),
            MultinomialDiffusion(layout.levels, self.prior, KeepSchedule()),
        )

    def _frames(self, n: int, size: int, path: tuple[int, ...]) -> Iterator[Any]:
        """Frames of ``size`` rows, cut from chunks of ``CHUNK`` rows."""
        joint = self._joint(self.encoder_.layout)
        steps = self.sampling_steps or default_sampling_steps(self.encoder_.layout.n_cat)
        times = time_grid(steps, self.device_)
        autocast = autocast_for(self.device_)
        pending, waiting = [], 0
        for number, first in enumerate(range(0, max(n, 1), CHUNK)):
            noise, rng = generators(*path, number, device=self.device_)
            nothing = joint.unknown(CHUNK, self.device_)
            with autocast():
                rows = sample(self.denoiser_, joint, times, *nothing, noise)
            frame = self.encoder_.decode(rows[: n - first], rng, start=first)
            pending.append(frame)
            waiting += len(frame)
            while waiting >= size:
                joined = concat(pending)
                yield concat([joined[:size]])
                pending, waiting = [joined[size:]], waiting - size
        if waiting or n == 0:
            yield concat(pending)

    def _next_path(self, random_state: Seed) -> tuple[int, ...]:
        """Where the next sample's random numbers come from."""
        if random_state is not None:
            return (entropy_of(random_state), 2)
        self._n_samples_drawn += 1
        return (self._entropy, 2, self._n_samples_drawn)

    def _name_features(self) -> None:
        labels = [column.name for column in self.schema_.columns]
        if all(isinstance(label, str) for label in labels):
            self.feature_names_in_ = np.array(labels, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _portable_parameters(self) -> dict[str, Any]:
        """The constructor's arguments that a file keeps: plain numbers and names."""
        kept = self.get_params(deep=False)
        for name in ("schema", "column_kinds", "device", "verbose"):
            del kept[name]
        if not isinstance(self.random_state, int):
            del kept["random_state"]
        return {name: _plain(value) for name, value in kept.items()}


def _hold_out(rows: Mixed, fraction: float | None, rng: np.random.Generator) -> tuple[Mixed, Mixed]:
    """Rows to learn from, and rows that judge: the same ones where there is nothing to hold out."""
    n = default_held_out(len(rows)) if fraction is None else round(fraction * len(rows))
    if n == 0:
        return rows, rows
    order = torch.from_numpy(rng.permutation(len(rows)))
    return rows[order[n:]], rows[order[:n]]


def _require_memory(n_rows: int, n_columns: int) -> None:
    """Refuse rows that cannot fit: about 64 bytes a cell stand in memory while a sample is made."""
    needed = 64 * n_rows * max(n_columns, 1)
    if not hasattr(os, "sysconf"):  # Windows does not tell.
        return
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > present:
        raise MemoryError(
            f"n_samples={n_rows:,} would need about {needed / 2**30:,.0f} GiB; this machine has "
            f"{present / 2**30:,.0f} GiB. Use sample_iter(n_samples), or the command "
            "`tabdiff sample MODEL -o rows.parquet`."
        )


def _history(looks: Any) -> pd.DataFrame:
    """One line per look at the held-out rows, the columns in one order whatever they come from."""
    return pd.DataFrame(looks, columns=[field.name for field in fields(Progress)])


def _under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _plain(value: Any) -> Any:
    """``value`` as JSON knows it: numpy's numbers become Python's."""
    return value.item() if isinstance(value, np.generic) else value
