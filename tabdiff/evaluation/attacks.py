"""What an attacker who holds the synthetic table can learn about the training rows.

*Membership*: was this row trained on? A row that the model remembers has a higher density among
synthetic rows than the population gives it, so the attacker ranks rows by

    score(x) = log p_synthetic(x) - log p_population(x)

which is calibrated: a row that is merely common is no suspect. Both densities are estimated by the
nearest neighbour, ``p(x) ~ 1 / distance^D``, so the rank is that of ``log d_population - log
d_synthetic``. Half of the hold-out stands for the population; the other half are the rows that were
not trained on.

*Attribute inference*: knowing all other columns of a person, what does the synthetic table tell
about the last one? The guess is that of the nearest synthetic row. It is right for some people
whom the model never saw, because the table is useful; what counts is how much more often it is
right for those it was trained on:

    excess = (right_training - right_control) / (1 - right_control)

Sources: van Breugel et al. 2023, "Membership inference attacks against synthetic data through
overfitting detection" (DOMIAS, arXiv:2302.12580), equation 2, with nearest neighbours in the place
of a flow or kernels; Giomi et al. 2022, "A unified framework for quantifying privacy risk in
synthetic data" (arXiv:2211.10459), section 4, for the control group and the excess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.intervals import Z95, Interval, around, auc_influence, newcombe
from tabdiff.evaluation.neighbours import TIE, Space, nearest, nearest_without_each
from tabdiff.evaluation.tables import Table, stack
from tabdiff.evaluation.values import Floats

MIN_HOLDOUT = 20
MEMBERS = 1_500
ATTACKED = 500
SEARCHED = 30_000
# A guessed number is right within this part of the middle 90 % of the training values.
TOLERANCE = 0.05
ROC_POINTS = 41


@dataclass(frozen=True)
class Membership:
    """The outcome of the density-ratio membership attack.

    Attributes
    ----------
    auc : float
        How well training rows are told from unseen ones; 0.5: not at all.
    interval : (float, float)
        95 % interval of the area (DeLong).
    roc : tuple of float
        Share of training rows found, at false alarm rates from 0 to 1 in equal steps.
    n_members, n_others : int
        Training rows and unseen rows that were judged.
    """

    auc: float
    interval: Interval
    roc: tuple[float, ...]
    n_members: int
    n_others: int


@dataclass(frozen=True)
class Secret:
    """How well one column is guessed from all others.

    Attributes
    ----------
    label : str
    attacked, control : float
        Share of right guesses for training rows, and for unseen rows.
    interval : (float, float)
        95 % interval of ``attacked - control`` (Newcombe).
    """

    label: str
    attacked: float
    control: float
    interval: Interval


@dataclass(frozen=True)
class AttributeInference:
    """The outcome of the attribute inference attack on every column in turn.

    Attributes
    ----------
    excess : float
        Of the guesses that fail for unseen rows, the part that succeeds for training rows; mean
        over the columns of both shares.
    interval : (float, float)
        95 % interval of the excess, from the spread between the rows.
    attacked, control : float
        Share of right guesses over all columns, for training rows and for unseen rows.
    secrets : tuple of Secret
        Every column, the largest difference first.
    n_attacked, n_control : int
        Rows attacked in each group.
    """

    excess: float
    interval: Interval
    attacked: float
    control: float
    secrets: tuple[Secret, ...]
    n_attacked: int
    n_control: int


def membership_attack(
    real: Table, synthetic: Table, holdout: Table, space: Space, rng: np.random.Generator
) -> Membership:
    """Attack with the whole synthetic table, on equally many training and unseen rows."""
    population, others = holdout.halves(rng)
    members = real.draw(min(MEMBERS, others.n_rows), rng)
    others = others.draw(MEMBERS, rng)
    suspects = stack(members, others)
    distance = nearest(suspects, [population, synthetic], space).distance.astype(np.float64)
    score = np.log(distance[0] + TIE) - np.log(distance[1] + TIE)
    truth = np.arange(suspects.n_rows) < members.n_rows
    area, influence = auc_influence(truth, score)
    low, high = around(area, influence)
    return Membership(
        area,
        (max(low, 0.0), min(high, 1.0)),
        _roc(truth, score),
        members.n_rows,
        others.n_rows,
    )


def _roc(truth: npt.NDArray[np.bool_], score: Floats) -> tuple[float, ...]:
    """Hit rates at equidistant false alarm rates; ties are split."""
    from sklearn.metrics import roc_curve

    false_alarms, hits, _ = roc_curve(truth, score)
    return tuple(map(float, np.interp(np.linspace(0, 1, ROC_POINTS), false_alarms, hits)))


def attribute_inference(
    real: Table, synthetic: Table, control: Table, space: Space, rng: np.random.Generator
) -> AttributeInference | None:
    """Attack every column of training rows and of unseen rows.

    None for a table of one column: there is nothing to guess from.
    """
    if len(real.fields) < 2:
        return None
    # Shuffled by the draw: the first of equally near rows must not be a privileged one.
    known = synthetic.take(rng.permutation(synthetic.n_rows)[:SEARCHED])
    groups = real.draw(ATTACKED, rng), control.draw(ATTACKED, rng)
    n, m = (group.n_rows for group in groups)
    right = _right_guesses(stack(*groups), known, real, space)
    attacked, unseen = right[:, :n], right[:, n:]
    a, c = float(attacked.mean()), float(unseen.mean())
    secrets = [
        Secret(field.label, float(p), float(q), newcombe(float(p), n, float(q), m))
        for field, p, q in zip(real.fields, attacked.mean(axis=1), unseen.mean(axis=1), strict=True)
    ]
    room = max(1 - c, 1e-9)
    # Rows are independent, the columns of a row are not: the spread is taken between the rows.
    error = np.hypot(
        attacked.mean(axis=0).std() / np.sqrt(n),
        unseen.mean(axis=0).std() / np.sqrt(m) * (1 - a) / room,
    )
    margin = Z95 * float(error) / room
    excess = (a - c) / room
    return AttributeInference(
        excess=excess,
        interval=(excess - margin, excess + margin),
        attacked=a,
        control=c,
        secrets=tuple(sorted(secrets, key=lambda s: s.control - s.attacked)),
        n_attacked=n,
        n_control=m,
    )


def _right_guesses(
    victims: Table, known: Table, real: Table, space: Space
) -> npt.NDArray[np.bool_]:
    """Whether the value of the nearest row is the victim's: (D, n_victims)."""
    guessed = nearest_without_each(victims, known, space)
    right = np.empty(guessed.shape, dtype=bool)
    for i, field in enumerate(real.fields):
        truth, guess = victims.columns[i], known.columns[i][guessed[i]]
        if field.kind == "categorical":
            right[i] = truth == guess
            continue
        values = np.asarray(real.columns[i], dtype=np.float64)
        present = values[~np.isnan(values)]
        low, high = np.quantile(present, [0.05, 0.95]) if len(present) else (0.0, 0.0)
        x, y = np.asarray(truth, dtype=np.float64), np.asarray(guess, dtype=np.float64)
        near = np.abs(x / 2 - y / 2) <= TOLERANCE * (high / 2 - low / 2)
        right[i] = near | (np.isnan(x) & np.isnan(y))
    return right
