"""The sections of a report, one after the other: what is judged, and what stands beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabdiff.evaluation import verdict
from tabdiff.evaluation.detection import (
    MIN_ROWS,
    DetectionSuite,
    detection_beside,
    judge_detection,
)
from tabdiff.evaluation.extremes import Beside, Extremes
from tabdiff.evaluation.memory import HoldoutDetection, detect_both, holdout_detection
from tabdiff.evaluation.privacy import Privacy, PrivacyFloor, judge_privacy, privacy_floor
from tabdiff.evaluation.progress import Progress
from tabdiff.evaluation.quality import (
    Quality,
    QualityFigures,
    judge_quality,
    quality_beside,
    quality_figures,
)
from tabdiff.evaluation.scores import (
    Score,
    detection_scores,
    memory_scores,
    privacy_scores,
    quality_scores,
    utility_scores,
    with_extremes,
)
from tabdiff.evaluation.sdmetrics_reports import sdmetrics_diagnostic
from tabdiff.evaluation.tables import Table, Tables
from tabdiff.evaluation.utility import Utility, judge_utility
from tabdiff.evaluation.verdict import Finding

SECTIONS = ("quality", "detection", "utility", "privacy")
# Rows of the extremes where a figure is slow to take.
EXTREME_ROWS = 5_000
EXTREME_QUERIES = 1_000
EXTREME_PAIR = 3_000


@dataclass
class Judged:
    """What the sections found; None for a section that was left out or could not be taken."""

    card: list[Score]
    verdict: list[Finding]
    quality: Quality | None = None
    quality_floor: QualityFigures | None = None
    detection: DetectionSuite | None = None
    holdout_detection: HoldoutDetection | None = None
    utility: Utility | None = None
    privacy: Privacy | None = None
    privacy_floor: PrivacyFloor | None = None


@dataclass(frozen=True)
class Case:
    """The tables, and how they are judged.

    Attributes
    ----------
    tables : Tables
    frames : dict of str to DataFrame
        The same rows with their dtypes, by role.
    target : int or None
        Position of the column to predict.
    seed : int
    """

    tables: Tables
    frames: dict[str, pd.DataFrame]
    target: int | None
    seed: int

    @property
    def fresh(self) -> tuple[Table, Table]:
        """Real rows, and others that were not trained on: they set the floors."""
        if self.tables.holdout is not None:
            return self.tables.real, self.tables.holdout
        return self.tables.real.halves(np.random.default_rng([self.seed, 5]))

    @property
    def scale(self) -> float:
        """What the distance of two fresh tables becomes at the sizes of the judged ones.

        The sampling distance of tables of n and m rows grows as sqrt(1/n + 1/m).
        """
        first, second = self.fresh
        judged = 1 / self.tables.real.n_rows + 1 / self.tables.synthetic.n_rows
        return float(np.sqrt(judged / (1 / first.n_rows + 1 / second.n_rows)))

    def extremes(self, n_known: int, n_rows: int) -> Extremes:
        """The bootstrap copy and the independent columns."""
        rng = np.random.default_rng([self.seed, 11])
        return Extremes.of(self.tables.real, n_known, n_rows, rng)


def judge(case: Case, include: Collection[str], progress: Progress) -> Judged:
    """Run the sections that are included, in their order."""
    found = Judged([], [])
    for name, run in _RUN.items():
        if name in include:
            run(case, found)
            progress.done(name)
    found.card = [
        score
        for score in found.card
        if score.floor is not None and not np.isnan(score.value) and not np.isnan(score.floor)
    ]
    return found


def _quality(case: Case, found: Judged) -> None:
    real, synthetic = case.tables.real, case.tables.synthetic
    unseen = case.frames.get("holdout", case.frames["real"])
    found.quality = judge_quality(real, synthetic, case.frames["real"], case.frames["synthetic"])
    found.quality_floor = quality_figures(*case.fresh, case.scale)
    scores = quality_scores(
        found.quality, found.quality_floor, sdmetrics_diagnostic(real, case.frames["real"], unseen)
    )
    beside = quality_beside(real, case.extremes(real.n_rows, synthetic.n_rows))
    found.card += with_extremes(scores, beside)
    found.verdict.append(verdict.columns(found.quality, found.quality_floor))


def _detection(case: Case, found: Judged) -> None:
    real, synthetic, fresh = case.tables.real, case.tables.synthetic, case.fresh
    if min(real.n_rows, synthetic.n_rows, *(table.n_rows for table in fresh)) >= MIN_ROWS:
        found.detection = judge_detection(real, synthetic, fresh, case.seed)
        extremes = case.extremes(EXTREME_ROWS, min(EXTREME_ROWS, synthetic.n_rows))
        beside = detection_beside(extremes, case.seed)
        found.card += with_extremes(detection_scores(found.detection), beside)
    found.verdict.insert(0, verdict.likeness(found.detection))


def _utility(case: Case, found: Judged) -> None:
    holdout = case.tables.holdout
    if case.target is not None and holdout is not None:
        found.utility = judge_utility(
            case.tables.real, case.tables.synthetic, holdout, case.target, case.seed
        )
        found.card += utility_scores(found.utility)
    wanting = [
        name
        for name, given in (("a target", case.target), ("a hold-out", holdout))
        if given is None
    ]
    reason = f"Give {' and '.join(wanting)} to measure it." if wanting else ""
    found.verdict.append(verdict.usefulness(found.utility, reason))


def _privacy(case: Case, found: Judged) -> None:
    real, synthetic, holdout = case.tables.real, case.tables.synthetic, case.tables.holdout
    found.privacy = judge_privacy(real, synthetic, holdout, case.seed)
    found.privacy_floor = privacy_floor(real, holdout, case.seed)
    scores = privacy_scores(found.privacy, found.privacy_floor)
    rows = [table.n_rows for table in (real, synthetic, holdout) if table is not None]
    if holdout is not None and min(rows) >= MIN_ROWS:
        found.holdout_detection = holdout_detection(real, synthetic, holdout, case.seed)
        scores += memory_scores(found.holdout_detection)
    extremes = case.extremes(EXTREME_ROWS, min(EXTREME_ROWS, synthetic.n_rows))
    found.card += with_extremes(scores, _privacy_beside(case, extremes, found.privacy_floor))
    found.verdict.append(verdict.privacy(found.privacy, found.holdout_detection))


def _privacy_beside(case: Case, extremes: Extremes, floor: PrivacyFloor) -> Beside:
    """What the two extremes score, by key: the same attacks on smaller tables."""
    holdout = case.tables.holdout
    unseen = None
    if holdout is not None:
        unseen = holdout.draw(EXTREME_ROWS, np.random.default_rng([case.seed, 12]))
    found: list[dict[str, float]] = []
    for table in (extremes.copy, extremes.independent):
        privacy = judge_privacy(extremes.real, table, unseen, case.seed, EXTREME_QUERIES)
        figures = {score.key: score.value for score in privacy_scores(privacy, floor)}
        if unseen is not None and min(table.n_rows, unseen.n_rows) >= MIN_ROWS:
            other, same = detect_both(extremes.real, table, unseen, case.seed, 0, EXTREME_PAIR)
            figures |= {
                "c2st_holdout": other.score,
                "c2st_train": same.score,
                "c2st_memory": same.score - other.score,
            }
        found.append(figures)
    copy, independent = found
    return {key: (copy[key], independent[key]) for key in copy.keys() & independent.keys()}


_RUN = {"quality": _quality, "detection": _detection, "utility": _utility, "privacy": _privacy}
