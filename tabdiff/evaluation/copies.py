"""Rows that are a training row, exactly or nearly, beside how often unseen real rows are.

A *near copy* lies at most ``reach`` from a training row, where ``reach`` is so small that only 1 %
of the training rows have another training row (no exact twin) as near. The rule is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.intervals import Interval, wilson
from tabdiff.evaluation.neighbours import TIE, Singles
from tabdiff.evaluation.tables import Table

Prints = npt.NDArray[np.uint64]
NEAR_QUANTILE = 0.01


@dataclass(frozen=True)
class Copies:
    """Rows that equal a training row in every judged column.

    Attributes
    ----------
    synthetic : float
        Share of the synthetic rows.
    interval : (float, float)
        95 % Wilson interval of it.
    floor : float
        Share of unseen real rows; without a hold-out, of training rows that equal another one.
    """

    synthetic: float
    interval: Interval
    floor: float


@dataclass(frozen=True)
class NearCopies:
    """Rows that lie next to a training row, exact copies included.

    Attributes
    ----------
    synthetic : float
        Share of the synthetic rows that were looked up.
    interval : (float, float)
        95 % Wilson interval of it.
    floor : float
        Share of unseen real rows; without a hold-out, of training rows next to another one.
    reach : float
        How near that is.
    """

    synthetic: float
    interval: Interval
    floor: float
    reach: float


def count_copies(real: Table, synthetic: Table, holdout: Table | None) -> Copies:
    """Count rows that equal a training row, and what unseen rows score."""
    unseen = None if holdout is None else holdout.fingerprints()
    return copies_among(real.fingerprints(), synthetic.fingerprints(), unseen)


def copies_among(real: Prints, synthetic: Prints, holdout: Prints | None) -> Copies:
    """Count fingerprints that a training row (or sequence) has, and what unseen ones score."""
    known = np.unique(real)
    made = float(np.isin(synthetic, known).mean())
    floor = repeated_share(real) if holdout is None else float(np.isin(holdout, known).mean())
    return Copies(made, wilson(made, len(synthetic)), floor)


def repeated_share(prints: Prints) -> float:
    """Share of rows that equal another row of the same table."""
    _, inverse, counts = np.unique(prints, return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).mean())


def count_near_copies(synthetic: Singles, unseen: Singles, among: Singles) -> NearCopies:
    """Count rows within reach of a training row.

    Parameters
    ----------
    synthetic, unseen : ndarray
        Distances to the nearest training row, of synthetic and of unseen real rows.
    among : ndarray
        Distances of training rows to their nearest other training row.
    """
    apart = among[among > TIE]
    reach = float(np.quantile(apart, NEAR_QUANTILE)) if len(apart) else 0.0
    share = float((synthetic <= reach + TIE).mean())
    return NearCopies(
        share,
        wilson(share, len(synthetic)),
        float((unseen <= reach + TIE).mean()),
        reach,
    )
