"""Whether likeness was bought by memory: the two-sample test against training and unseen rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.detection import Detection, boosted_detection
from tabdiff.evaluation.intervals import Z95
from tabdiff.evaluation.tables import Table

DRAWS = 3
MAX_ROWS = 8_000


@dataclass(frozen=True)
class HoldoutDetection:
    """The same test against the hold-out and against equally many training rows.

    Attributes
    ----------
    holdout, train : float
        Mean score of synthetic rows against hold-out rows, and against as many training rows.
    floor : float
        Score of hold-out rows against training rows: what real rows score.
    difference : float
        ``train - holdout``; clearly above 0 means memory.
    interval : (float, float)
        95 % of the difference, from the spread between the draws and folds.
    n_rows, draws : int
        Rows on each side, and how often they were drawn.
    """

    holdout: float
    train: float
    floor: float
    difference: float
    interval: tuple[float, float]
    n_rows: int
    draws: int


def holdout_detection(real: Table, synthetic: Table, holdout: Table, seed: int) -> HoldoutDetection:
    """Compare the score against the hold-out with that against as many training rows.

    Every draw takes the same number of rows of each table, and the same synthetic rows meet the
    hold-out rows and the training rows.
    """
    unseen, seen = [], []
    gaps: list[float] = []
    for draw in range(DRAWS):
        against_test, against_train = detect_both(real, synthetic, holdout, seed, draw, MAX_ROWS)
        unseen.append(against_test.score)
        seen.append(against_train.score)
        gaps.extend(
            2 * (a - b) for a, b in zip(against_test.folds, against_train.folds, strict=True)
        )
    n = against_test.n_real
    rng = np.random.default_rng([seed, 13])
    difference = float(np.mean(seen) - np.mean(unseen))
    margin = float(Z95 * np.std(gaps, ddof=1) / np.sqrt(len(gaps)))
    return HoldoutDetection(
        holdout=float(np.mean(unseen)),
        train=float(np.mean(seen)),
        floor=boosted_detection(real.draw(n, rng), holdout.draw(n, rng), seed).score,
        difference=difference,
        interval=(difference - margin, difference + margin),
        n_rows=n,
        draws=DRAWS,
    )


def detect_both(
    real: Table, synthetic: Table, holdout: Table, seed: int, draw: int, max_rows: int
) -> tuple[Detection, Detection]:
    """The same synthetic rows against hold-out rows, and against as many training rows."""
    n = min(real.n_rows, synthetic.n_rows, holdout.n_rows, max_rows)
    rng = np.random.default_rng([seed, 3, draw])
    fake, train, test = (table.draw(n, rng) for table in (synthetic, real, holdout))
    return (
        boosted_detection(test, fake, seed + draw),
        boosted_detection(train, fake, seed + draw),
    )
