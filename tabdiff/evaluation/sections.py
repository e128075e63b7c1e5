"""The sections of a report, one after the other: what is judged, and what stands beside it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from tabdiff.evaluation import verdict
from tabdiff.evaluation.detection import (
    MIN_ROWS,
    DetectionSuite,
    detection_beside,
    judge_detection,
)
from tabdiff.evaluation.entity_features import Layout
from tabdiff.evaluation.extremes import Beside, Extremes
from tabdiff.evaluation.memory import HoldoutDetection, detect_both, holdout_detection
from tabdiff.evaluation.panel import Panel
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
    ROW,
    Score,
    Unit,
    detection_scores,
    memory_scores,
    privacy_scores,
    quality_scores,
    utility_scores,
    with_extremes,
)
from tabdiff.evaluation.sdmetrics_reports import sdmetrics_diagnostic
from tabdiff.evaluation.sequence_door import Panels
from tabdiff.evaluation.sequence_privacy import (
    PanelExtremes,
    copies_beside,
    entity_tables,
    with_copied_sequences,
)
from tabdiff.evaluation.sequence_scores import copied_scores, sequence_scores
from tabdiff.evaluation.sequences import Sequences, judge_sequences, sequences_beside
from tabdiff.evaluation.tables import Table, Tables
from tabdiff.evaluation.utility import Utility, judge_utility
from tabdiff.evaluation.verdict import Finding

SECTIONS = ("quality", "detection", "utility", "privacy", "sequences")
# Rows of the extremes where a figure is slow to take.
EXTREME_ROWS = 5_000
EXTREME_QUERIES = 1_000
EXTREME_PAIR = 3_000
EXTREME_ENTITIES = 1_500


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
    sequences: Sequences | None = None


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
    panels : Panels or None
        The same rows as sequences; None where rows are independent.
    """

    tables: Tables
    frames: dict[str, pd.DataFrame]
    target: int | None
    seed: int
    panels: Panels | None = None

    @property
    def fresh(self) -> tuple[Table, Table]:
        """Real rows, and others that were not trained on: they set the floors."""
        if self.tables.holdout is not None:
            return self.tables.real, self.tables.holdout
        return self.tables.real.halves(np.random.default_rng([self.seed, 5]))

    @property
    def scale(self) -> float:
        """What the distance of two fresh tables becomes at the sizes of the judged ones.

        The sampling distance of tables of n and m rows (entities, where rows belong to some) grows
        as sqrt(1/n + 1/m).
        """
        first, second = self.fresh
        judged = 1 / self.tables.real.n_units + 1 / self.tables.synthetic.n_units
        return float(np.sqrt(judged / (1 / first.n_units + 1 / second.n_units)))

    def fresh_panels(self, panels: Panels) -> tuple[Panel, Panel]:
        """Real entities, and others that were not trained on: they set the floors."""
        if panels.holdout is not None:
            return panels.real, panels.holdout
        return panels.real.halves(np.random.default_rng([self.seed, 5]))

    @cached_property
    def protected(self) -> tuple[Table, Table, Table | None]:
        """Real, synthetic and unseen units that privacy is about: rows, or entities' features."""
        if self.panels is not None:
            return entity_tables(self.panels)
        return self.tables.real, self.tables.synthetic, self.tables.holdout

    @property
    def unit(self) -> Unit:
        """What privacy is about: one and many of it."""
        return ROW if self.panels is None else self.panels.sequencing.unit

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
    if min(real.n_units, synthetic.n_units, *(table.n_units for table in fresh)) >= MIN_ROWS:
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
    real, synthetic, holdout = case.protected
    found.privacy = judge_privacy(real, synthetic, holdout, case.seed)
    panels = case.panels
    if panels is not None:
        found.privacy = with_copied_sequences(
            found.privacy, panels.real, panels.synthetic, panels.holdout
        )
    found.privacy_floor = privacy_floor(real, holdout, case.seed)
    scores = privacy_scores(found.privacy, found.privacy_floor, case.unit)
    rows = [table.n_rows for table in (real, synthetic, holdout) if table is not None]
    if holdout is not None and min(rows) >= MIN_ROWS:
        found.holdout_detection = holdout_detection(real, synthetic, holdout, case.seed)
        scores += memory_scores(found.holdout_detection, case.unit)
    if panels is None:
        extremes = case.extremes(EXTREME_ROWS, min(EXTREME_ROWS, synthetic.n_rows))
        beside = _privacy_beside(case, extremes, found.privacy_floor)
    else:
        rng = np.random.default_rng([case.seed, 16])
        n_made = min(EXTREME_ENTITIES, synthetic.n_rows)
        known = PanelExtremes.of(panels.real, EXTREME_ENTITIES, n_made, rng)
        scores += copied_scores(panels, case.fresh_panels(panels))
        beside = _privacy_beside(case, known.tables(Layout.of(panels)), found.privacy_floor)
        beside |= copies_beside(known)
    found.card += with_extremes(scores, beside)
    found.verdict.append(verdict.privacy(found.privacy, found.holdout_detection, case.unit))


def _privacy_beside(case: Case, extremes: Extremes, floor: PrivacyFloor) -> Beside:
    """What the two extremes score, by key: the same attacks on smaller tables."""
    holdout = case.protected[2]
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


def _sequences(case: Case, found: Judged) -> None:
    panels = case.panels
    if panels is None:
        return
    fresh = case.fresh_panels(panels)
    judged = 1 / panels.real.n_entities + 1 / panels.synthetic.n_entities
    natural = 1 / fresh[0].n_entities + 1 / fresh[1].n_entities
    found.sequences = judge_sequences(panels, fresh, float(np.sqrt(judged / natural)), case.seed)
    beside = sequences_beside(panels, case.seed)
    found.card += with_extremes(sequence_scores(found.sequences), beside)
    found.verdict.insert(0, verdict.sequences(found.sequences))


_RUN = {
    "quality": _quality,
    "detection": _detection,
    "utility": _utility,
    "privacy": _privacy,
    "sequences": _sequences,
}
