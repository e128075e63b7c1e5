"""A private fit: what is public, noisy counts, a coarse model, and a network that learns from it.

    charter (public, or paid for)  ->  encoder  ->  marginals  ->  coarse rows  ->  pre-training
    ->  steps on rows with clipped gradients and noise

Everything to the right of a noisy count may do with it what it likes: what is made of private
numbers alone is as private as they are.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from tabdiff.data.charter import Charter, charter
from tabdiff.data.counted import fit_declared
from tabdiff.data.mixed import Mixed
from tabdiff.data.noise import NoisyCounts, epsilon_of, mu_of
from tabdiff.data.privacy import Privacy, PrivacySpent
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import Prior
from tabdiff.fitted import Fitted, history_frame, make_denoiser, make_joint
from tabdiff.inference.chunks import generators
from tabdiff.training.hardware import autocast_for
from tabdiff.training.loop import Recipe, Trained, train
from tabdiff.training.marginals import CoarseModel, measure
from tabdiff.training.masks import RowMasks
from tabdiff.training.private import (
    Plan,
    PrivateDescent,
    planned,
    require_opacus,
    secret_generator,
    spent,
)
from tabdiff.training.settings import Size
from tabdiff.training.standing import Progress

# Of the budget of measured marginals: how many rows each level and cell of each column has.
SINGLY = 0.2
# Of delta, what a vocabulary may cost that is not declared.
VOCABULARY = 0.1
# Coarse rows that the network learns from.
COARSE_ROWS = (20_000, 100_000)
JUDGES = 2_000
# Of training on rows: steps, rows of a batch as a share of all, and the highest learning rate.
PRIVATE_STEPS = 300
PRIVATE_BATCH = 0.06
PRIVATE_RATE = 2e-3


@dataclass(frozen=True)
class _Measured:
    """What noisy counts gave."""

    encoder: TableEncoder
    rows: Mixed
    coarse: CoarseModel
    own: Charter
    mu: float


def measured(df: Any, privacy: Privacy, rng: np.random.Generator) -> _Measured:
    """The encoder and the coarse model of a table, within the budget.

    Raises
    ------
    SchemaError
        If something must be declared.
    """
    delta = privacy.delta * (1 - VOCABULARY)
    whole = mu_of(privacy.epsilon, delta)
    before = mu_of(privacy.preprocessing_epsilon, delta) if privacy.pays else 0.0
    counting = np.sqrt(max(whole**2 - before**2, 0.0) * privacy.marginal_share)
    noise = NoisyCounts(rng)
    own = charter(df, privacy, noise, before, privacy.delta * VOCABULARY)
    encoder = fit_declared(own, noise, float(counting * np.sqrt(SINGLY)))
    rows = encoder.encode(own.frame, rng)
    target = encoder.parts(privacy.target)[1] if privacy.target is not None else []
    coarse = measure(
        rows,
        encoder.layout,
        encoder.proportions,
        own.n,
        target[0] if target else None,
        noise,
        float(counting * np.sqrt(1 - SINGLY)),
    )
    return _Measured(encoder, Mixed(rows.num.float(), rows.cat), coarse, own, noise.spent)


def fit_privately(
    df: Any,
    privacy: Privacy,
    *,
    recipe: Callable[[int], Recipe],
    size: Callable[[int], Size],
    prior: Prior,
    entropy: int,
    device: torch.device,
    report: Callable[[Progress], None],
) -> Fitted:
    """What a private fit of a table leaves behind.

    Parameters
    ----------
    recipe, size : callable
        Of pre-training and of the network, for so many rows.
    entropy : int
        Seeds the untrained network and samples, and nothing that touches a row: noise comes from
        the operating system and is kept nowhere.

    Raises
    ------
    SchemaError
        Naming what must be declared, or what rows contradict a declaration.
    ImportError
        If rows are to be trained on, and Opacus is not there.
    ValueError
        If the budget is too small.
    """
    if privacy.marginal_share < 1:
        require_opacus()
    rng = np.random.default_rng(secrets.randbits(128))
    found = measured(df, privacy, rng)
    layout, n = found.encoder.layout, found.own.n
    coarse = found.coarse.draw(int(np.clip(n, *COARSE_ROWS)) + JUDGES, rng).to(device)
    public, _ = generators(entropy, 0, device=device)
    denoiser = make_denoiser(found.encoder, size(round(n)), entropy)
    denoiser.set_proportions(found.encoder.proportions)
    joint = make_joint(layout, prior)
    began = time.monotonic()
    trained = train(
        denoiser.to(device),
        joint,
        coarse[JUDGES:],
        coarse[:JUDGES],
        recipe(len(coarse) - JUDGES),
        public,
        report=report,
        autocast=autocast_for(device),
    )
    # How long rows were counted and learned from is a number that saw them: it is told to nobody.
    seconds = time.monotonic() - began
    plan, steps = None, min(PRIVATE_STEPS, recipe(round(n)).max_steps)
    if privacy.marginal_share < 1 and trained.stopped not in ("interrupted", "nothing to learn"):
        plan = _plan(privacy, found.mu, n, steps)
        trained = _refined(trained, joint, found.rows.to(device), plan, n, rng, report)
    return Fitted(
        rewriting=Verbatim(found.own.schema),
        encoder=found.encoder,
        critic=None,
        denoiser=trained.denoiser,
        joint=joint,
        size=size(round(n)),
        device=device,
        entropy=entropy,
        history=history_frame([asdict(progress) for progress in trained.history]),
        best_step=trained.best_step,
        stopped=trained.stopped,
        n_rows_seen=round(n),
        seconds=seconds,
        privacy=_bill(privacy, found, plan),
    )


def _plan(privacy: Privacy, mu: float, n: float, steps: int) -> Plan:
    batch = max(round(PRIVATE_BATCH * n), 1)
    delta = privacy.delta * (1 - VOCABULARY)
    return planned(mu, privacy.epsilon, delta, n=n, batch=batch, steps=steps)


def _refined(
    trained: Trained,
    joint: JointDiffusion,
    rows: Mixed,
    plan: Plan,
    n: float,
    rng: np.random.Generator,
    report: Callable[[Progress], None],
) -> Trained:
    """The network after private steps on rows; its history remains that of the coarse rows."""
    draws = secret_generator(rows.device, rng)
    descend = PrivateDescent(joint, rows, RowMasks(joint.layout), plan, n, draws, rng)
    recipe = Recipe(
        plan.steps, learning_rate=PRIVATE_RATE, ema_steps=plan.steps / 4, check_every=plan.steps
    )
    # Batches of the ordinary step are never drawn, and nothing is held out: no row is looked at
    # but by private steps.
    refined = train(
        trained.denoiser, joint, rows, None, recipe, draws, descend=descend, report=report
    )
    return replace(trained, denoiser=refined.denoiser, stopped=refined.stopped or trained.stopped)


def _bill(privacy: Privacy, found: _Measured, plan: Plan | None) -> PrivacySpent:
    delta = privacy.delta * (1 - VOCABULARY)
    epsilon = epsilon_of(found.mu, delta) if plan is None else spent(found.mu, plan, delta)
    names = ("bounds", "categories", "missing", "identifiers", "resolution")
    public = [f"{name} of {column!r}" for name in names for column in getattr(privacy, name)]
    public += ["number of rows"] if privacy.n_rows else []
    libraries = ("numpy", "scipy", "torch", *(("opacus",) if plan else ()))
    return PrivacySpent(
        epsilon=epsilon,
        delta=privacy.delta,
        accountant="Gaussian mechanisms, exact" if plan is None else "PRV (Opacus)",
        adjacency="add or remove all rows of one unit",
        unit=str(privacy.unit),
        mu_counts=found.mu,
        n_units=round(found.own.n),
        sample_rate=plan.sample_rate if plan else 0.0,
        sigma=plan.sigma if plan else 0.0,
        steps=plan.steps if plan else 0,
        clip=plan.clip if plan else 0.0,
        draws=plan.draws if plan else 0,
        public=tuple(public),
        paid=found.own.paid,
        versions={name: version(name) for name in libraries},
    )
