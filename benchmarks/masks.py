"""Which cells are hidden: at random, by what else the row holds, or by what they hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

Numbers = npt.NDArray[np.float64]
Hidden = npt.NDArray[np.bool_]

MECHANISMS = ("MCAR", "MAR", "MNAR")
# How sharply a value decides: log-odds per standard deviation.
STEEPNESS = 2.0


def mask_maker(
    train: pd.DataFrame,
    categorical: tuple[str, ...],
    mechanism: str,
    rate: float,
    rng: np.random.Generator,
) -> Callable[[pd.DataFrame, np.random.Generator], Hidden]:
    """A law by which cells are hidden, the same for the rows learned from and those judged.

    MCAR hides every cell with the same chance. MAR never hides a random third of the columns; a
    cell of another is hidden with log-odds linear in those, by random weights. MNAR hides a cell
    with log-odds linear in its own value. Categories count by a random score of each level. The
    intercept of each column is such that the share ``rate`` of its training cells is hidden.

    The logistic laws follow Muzellec et al. 2020 (arXiv:2002.03860), section 5 and its code.
    """
    scores = _scorer(train, categorical, rng)
    values = scores(train)
    d = values.shape[1]
    shown = np.zeros(d, dtype=bool)
    weights = np.zeros((d, d))
    if mechanism == "MAR":
        shown[rng.choice(d, max(d // 3, 1), replace=False)] = True
        weights[np.ix_(shown, ~shown)] = rng.normal(size=(shown.sum(), (~shown).sum()))
        spread = (values @ weights).std(axis=0)
        weights *= STEEPNESS / np.where(spread > 0, spread, 1.0)
    elif mechanism == "MNAR":
        weights = np.diag(STEEPNESS * rng.choice([-1.0, 1.0], d))
    slopes = values @ weights
    levels = np.array([_intercept(slopes[:, at], rate) for at in range(d)])

    def hide(frame: pd.DataFrame, noise: np.random.Generator) -> Hidden:
        chance = np.where(shown, 0.0, expit(scores(frame) @ weights + levels))
        return noise.random(chance.shape) < chance

    return hide


def _scorer(
    train: pd.DataFrame, categorical: tuple[str, ...], rng: np.random.Generator
) -> Callable[[pd.DataFrame], Numbers]:
    """Each column as standardised numbers; a cell that is missing anyway counts as the mean."""
    of_level = {}
    for name in categorical:
        if name in train:
            levels = sorted(train[name].dropna().unique(), key=str)
            of_level[name] = dict(zip(levels, rng.normal(size=len(levels)), strict=True))

    def numbers(frame: pd.DataFrame) -> pd.DataFrame:
        columns = {
            name: frame[name].map(of_level[name]) if name in of_level else frame[name]
            for name in train
        }
        return pd.DataFrame(columns).astype(float)

    known = numbers(train)
    mean, std = known.mean(), known.std(ddof=0).replace(0.0, 1.0)

    def scores(frame: pd.DataFrame) -> Numbers:
        return ((numbers(frame) - mean) / std).clip(-3, 3).fillna(0.0).to_numpy()

    return scores


def _intercept(slope: Numbers, rate: float) -> float:
    """Such that the mean chance is the rate."""
    return float(brentq(lambda level: expit(slope + level).mean() - rate, -50.0, 50.0))
