"""A private fit: what is public, noisy counts, a coarse model, and a network that learns from it.

    charter (public, or paid for)  ->  encoder  ->  marginals  ->  coarse rows  ->  pre-training
    ->  steps on rows with clipped gradients and noise

Everything to the right of a noisy count may do with it what it likes: what is made of private
numbers alone is as private as they are.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from tabdiff.data.charter import Charter, charter
from tabdiff.data.counted import fit_declared
from tabdiff.data.mixed import Mixed
from tabdiff.data.noise import NoisyCounts, epsilon_of, mu_of, shares
from tabdiff.data.privacy import Privacy, PrivacySpent
from tabdiff.data.rewriting import Verbatim
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.multinomial import Prior
from tabdiff.fitted import TABLES, Fitted, Learned, make_denoiser, make_joint
from tabdiff.inference.chunks import generators
from tabdiff.training.hardware import autocast_for
from tabdiff.training.loop import Recipe, train
from tabdiff.training.marginals import CoarseModel, measure
from tabdiff.training.masks import Masks, RowMasks
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
class Budget:
    """What counts may cost.

    Attributes
    ----------
    before : float
        The mu of those that stand in for declarations.
    counting : float
        The mu of measured marginals.
    delta : float
        What vocabularies may cost that are not declared.
    """

    before: float
    counting: float
    delta: float

    @classmethod
    def of(cls, privacy: Privacy) -> Budget:
        """Of a whole fit."""
        delta = delta_of_noise(privacy)
        whole = mu_of(privacy.epsilon, delta)
        before = mu_of(privacy.preprocessing_epsilon, delta) if privacy.pays else 0.0
        counting = math.sqrt(max(whole**2 - before**2, 0.0) * privacy.marginal_share)
        return cls(before, counting, privacy.delta * VOCABULARY)

    def parted(self, weights: Sequence[float]) -> list[Budget]:
        """Budgets that together cost as much, by ``weights`` of what is counted."""
        n = len(weights)
        counting = shares(self.counting, weights)
        return [Budget(self.before / math.sqrt(n), mu, self.delta / n) for mu in counting]


def delta_of_noise(privacy: Privacy) -> float:
    """The delta of all that is Gaussian."""
    return privacy.delta * (1 - VOCABULARY)


@dataclass(frozen=True)
class Measured:
    """What noisy counts gave.

    Attributes
    ----------
    encoder : TableEncoder
    rows : Mixed
        The encoded rows themselves, one for each unit: no number of them is private.
    coarse : CoarseModel
    own : Charter
    """

    encoder: TableEncoder
    rows: Mixed
    coarse: CoarseModel
    own: Charter


def measured(df: Any, privacy: Privacy, noise: NoisyCounts, budget: Budget) -> Measured:
    """The encoder and the coarse model of a table.

    Raises
    ------
    SchemaError
        If something must be declared.
    """
    own = charter(df, privacy, noise, budget.before, budget.delta)
    singly, jointly = shares(budget.counting, (SINGLY, 1 - SINGLY))
    encoder = fit_declared(own, noise, singly)
    rows = encoder.encode(own.frame, noise.rng)
    target = encoder.parts(privacy.target)[1] if privacy.target is not None else []
    coarse = measure(
        rows.cat.numpy(),
        encoder.layout,
        encoder.proportions,
        own.n,
        target[0] if target else None,
        noise,
        jointly,
    )
    return Measured(encoder, Mixed(rows.num.float(), rows.cat), coarse, own)


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
    noise = secret_noise()
    found = measured(df, privacy, noise, Budget.of(privacy))
    n, rng = found.own.n, noise.rng
    drawn = found.coarse.draw(coarse_rows(n) + JUDGES, rng)
    fitted = pretrained(
        found,
        drawn,
        recipe=recipe(len(drawn) - JUDGES),
        size=size(round(n)),
        prior=prior,
        entropy=entropy,
        device=device,
        report=report,
    )
    plan = None
    if privacy.marginal_share < 1 and fitted.stopped not in ("interrupted", "nothing to learn"):
        plan = plan_of(privacy, noise.spent, n, min(PRIVATE_STEPS, recipe(round(n)).max_steps))
        masks = RowMasks(fitted.joint.layout)
        refine(fitted, found.rows.to(device), masks, plan, n, rng, report)
    fitted.privacy = bill(privacy, noise.spent, [found.own], plan)
    return fitted


def secret_noise() -> NoisyCounts:
    """Noise from the operating system, kept nowhere."""
    return NoisyCounts(np.random.default_rng(secrets.randbits(128)))


def coarse_rows(n: float) -> int:
    """How many rows of a coarse model stand for ``n`` real ones."""
    return int(np.clip(n, *COARSE_ROWS))


def pretrained(
    found: Measured,
    drawn: Mixed,
    *,
    recipe: Recipe,
    size: Size,
    prior: Prior,
    entropy: int,
    device: torch.device,
    report: Callable[[Progress], None],
) -> Fitted:
    """What is learned of the rows of a coarse model, the first ``JUDGES`` of which judge."""
    public, _ = generators(entropy, 0, device=device)
    denoiser = make_denoiser(found.encoder, size, entropy, TABLES)
    denoiser.set_proportions(found.encoder.proportions)
    joint = make_joint(found.encoder.layout, prior, TABLES)
    drawn, began = drawn.to(device), time.monotonic()
    trained = train(
        denoiser.to(device),
        joint,
        drawn[JUDGES:],
        drawn[:JUDGES],
        recipe,
        public,
        report=report,
        autocast=autocast_for(device),
    )
    # How long rows were counted and learned from is a number that saw them: told to nobody.
    seconds = time.monotonic() - began
    learned = Learned.of(trained, joint, TABLES, size, device, entropy, round(found.own.n), seconds)
    rewriting = Verbatim(found.own.schema)
    return Fitted(rewriting=rewriting, encoder=found.encoder, critic=None, **vars(learned))


def plan_of(privacy: Privacy, mu: float, n: float, steps: int) -> Plan:
    """How rows are trained on with what counts worth ``mu`` left of the budget."""
    batch = max(round(PRIVATE_BATCH * n), 1)
    return planned(mu, privacy.epsilon, delta_of_noise(privacy), n=n, batch=batch, steps=steps)


def refine(
    fitted: Learned,
    rows: Mixed,
    masks: Masks,
    plan: Plan,
    n: float,
    rng: np.random.Generator,
    report: Callable[[Progress], None],
) -> None:
    """Take private steps on rows, or windows of rows; the history remains that of coarse ones."""
    draws = secret_generator(rows.device, rng)
    descend = PrivateDescent(fitted.joint, rows, masks, plan, n, draws, rng)
    recipe = Recipe(
        plan.steps, learning_rate=PRIVATE_RATE, ema_steps=plan.steps / 4, check_every=plan.steps
    )
    # Batches of the ordinary step are never drawn, and nothing is held out: no row is looked at
    # but by private steps.
    refined = train(
        fitted.denoiser, fitted.joint, rows, None, recipe, draws, descend=descend, report=report
    )
    fitted.denoiser = refined.denoiser
    if refined.stopped == "interrupted":
        fitted.stopped = refined.stopped


def bill(
    privacy: Privacy, mu: float, charters: Sequence[Charter], plan: Plan | None
) -> PrivacySpent:
    """What a fit cost whose counts were worth ``mu``, and what was public."""
    delta = delta_of_noise(privacy)
    epsilon = epsilon_of(mu, delta) if plan is None else spent(mu, plan, delta)
    names = ("bounds", "categories", "missing", "identifiers", "resolution")
    public = [f"{name} of {column!r}" for name in names for column in getattr(privacy, name)]
    told = {
        "number of rows": privacy.n_rows,
        "longest sequence": privacy.longest,
        "step": privacy.step,
    }
    public += [name for name, declared in told.items() if declared is not None]
    libraries = ("numpy", "scipy", "torch", *(("opacus",) if plan else ()))
    return PrivacySpent(
        epsilon=epsilon,
        delta=privacy.delta,
        accountant="Gaussian mechanisms, exact" if plan is None else "PRV (Opacus)",
        adjacency="add or remove all rows of one unit",
        unit=str(privacy.unit),
        mu_counts=mu,
        n_units=round(charters[0].n),
        sample_rate=plan.sample_rate if plan else 0.0,
        sigma=plan.sigma if plan else 0.0,
        steps=plan.steps if plan else 0,
        clip=plan.clip if plan else 0.0,
        draws=plan.draws if plan else 0,
        public=tuple(public),
        paid=tuple(dict.fromkeys(told for own in charters for told in own.paid)),
        versions={name: version(name) for name in libraries},
    )
