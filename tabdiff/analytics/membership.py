"""Was this row trained on? The attack of somebody who holds the model itself.

A model fits the rows that it was trained on a little better than others of the same kind, so the
attacker ranks rows by the bound on their log-likelihood, a weighted sum of denoising losses at many
times, every row under the same noise:

    score(row) = log p(row) - mean over reference models of log p_reference(row)

Without references a row that is merely common counts as a suspect; models of the same kind that
were trained on other rows of the population calibrate that away. This sees memory that distances
between tables do not: the attack asks the network, not a sample of it.

Sources: the denoising loss as a membership score is of Carlini et al. 2023 (arXiv:2301.13188),
section 5; calibration by references of Watson et al. 2022 (arXiv:2111.08440). The likelihood bound
in the place of a loss at one time: ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.analytics.verbs import LookInside
from tabdiff.evaluation.intervals import Interval, around, auc_influence, wilson
from tabdiff.training.settings import require_whole

FALSE_ALARMS = (0.01, 0.1)
LEAST_ROWS = 20


@dataclass(frozen=True)
class ModelMembership:
    """The outcome of a membership attack on a model.

    Attributes
    ----------
    auc : float
        How well training rows are told from others; 0.5: not at all.
    interval : (float, float)
        95 % interval of the area (DeLong).
    hits : dict of float to (float, (float, float))
        Share of the training rows found at 1 % and 10 % false alarms, with its Wilson interval.
    columns : Series
        The area that each column's nats alone would reach, the most telling first.
    n_members, n_others : int
    """

    auc: float
    interval: Interval
    hits: Mapping[float, tuple[float, Interval]]
    columns: pd.Series
    n_members: int
    n_others: int

    def __str__(self) -> str:
        low, high = self.interval
        found = ", ".join(
            f"{share:.1%} of members at {alarm:.0%} false alarms"
            for alarm, (share, _) in self.hits.items()
        )
        verdict = "no memory found" if low <= 0.5 else "the model remembers rows"
        return f"membership AUC {self.auc:.3f} (95 %: {low:.3f} to {high:.3f}), {found}: {verdict}"


def membership_attack(
    synth: LookInside,
    members: Any,
    non_members: Any,
    *,
    references: Sequence[LookInside] = (),
    n_draws: int = 4,
    random_state: int = 0,
) -> ModelMembership:
    """Attack a fitted synthesizer with rows of which it is known whether it saw them.

    Parameters
    ----------
    synth : DiffusionSynthesizer
    members : DataFrame or array
        Rows that it was trained on; its own held-out rows count among them.
    non_members : DataFrame or array
        Rows of the same population that it never saw.
    references : sequence of DiffusionSynthesizer
        Trained on neither, to calibrate the scores.
    n_draws : int
        Paths to noise that are averaged.
    random_state : int
        Chooses them.

    Raises
    ------
    NotFittedError, SchemaError
    ValueError
        If there are fewer than 20 rows of either kind.
    """
    require_whole("n_draws", n_draws, least=1)
    nats = [
        _nats(synth, rows, references, n_draws, random_state) for rows in (members, non_members)
    ]
    n, m = map(len, nats)
    if min(n, m) < LEAST_ROWS:
        raise ValueError(
            f"an attack needs at least {LEAST_ROWS} rows of either kind. Got {n} and {m}."
        )
    together = pd.concat(nats, ignore_index=True)
    truth = np.arange(n + m) < n
    score = together.sum(axis=1).to_numpy()
    auc, influence = auc_influence(truth, score)
    low, high = around(auc, influence)
    areas = {name: auc_influence(truth, together[name].to_numpy())[0] for name in together}
    return ModelMembership(
        auc,
        (max(low, 0.0), min(high, 1.0)),
        {alarm: _hits(truth, score, alarm) for alarm in FALSE_ALARMS},
        pd.Series(areas).sort_values(ascending=False),
        n,
        m,
    )


def _nats(
    synth: LookInside, rows: Any, references: Sequence[LookInside], n_draws: int, seed: int
) -> pd.DataFrame:
    """Nats of every column of every row, less the references' mean."""
    own: pd.DataFrame = synth.score_samples(rows, explain=True, n_draws=n_draws, random_state=seed)
    if not references:
        return own
    others = [
        one.score_samples(rows, explain=True, n_draws=n_draws, random_state=seed)
        for one in references
    ]
    return own - sum(others) / len(others)


def _hits(
    truth: npt.NDArray[np.bool_], score: npt.NDArray[np.float64], alarm: float
) -> tuple[float, Interval]:
    """Share of members above the score that this share of the others exceeds."""
    bar = np.quantile(score[~truth], 1 - alarm, method="higher")
    share = float((score[truth] > bar).mean())
    return share, wilson(share, int(truth.sum()))
