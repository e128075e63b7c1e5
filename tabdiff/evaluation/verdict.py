"""What the figures say, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tabdiff.evaluation.attacks import AttributeInference, Membership
from tabdiff.evaluation.detection import DetectionSuite
from tabdiff.evaluation.memory import HoldoutDetection
from tabdiff.evaluation.privacy import Privacy
from tabdiff.evaluation.quality import Quality, QualityFigures
from tabdiff.evaluation.scores import ROW, Unit
from tabdiff.evaluation.sequences import Sequences
from tabdiff.evaluation.telling import Telling
from tabdiff.evaluation.utility import Utility

Tone = Literal["good", "fair", "poor", "open"]

# Memory below this is not worth a warning even where it is significant.
TOLERATED_EXCESS = 0.05
# A detector below this area under the ROC curve has found nothing that could be explained.
GUESSING = 0.55
# A column whose shuffling costs the detector less tells it nothing.
TELLING_DROP = 0.01
# An interval wider than this tells nothing either way.
WIDEST_INTERVAL = 0.3
# Information between columns, as a part of the floor's.
KEPT_WELL, KEPT_ROUGHLY = 0.75, 0.5


@dataclass(frozen=True)
class Finding:
    """One sentence of the verdict.

    Attributes
    ----------
    topic : str
        The question: "Sequences", "Likeness", "Columns", "Usefulness", "Privacy".
    tone : {"good", "fair", "poor", "open"}
        "open": not measured, and why.
    headline : str
        The answer in a few words.
    detail : str
        The figures behind it.
    """

    topic: str
    tone: Tone
    headline: str
    detail: str


def likeness(suite: DetectionSuite | None) -> Finding:
    """Whether the rows can be told apart."""
    if suite is None:
        return Finding("Likeness", "open", "Not measured", "There are too few rows for a detector.")
    native, floor = suite.native, suite.native_floor
    score = native.score
    detail = (
        f"A boosted classifier reaches AUC {native.auc:.3f} (0.5 is guessing): C2ST {score:.3f}, "
        f"where unseen real rows score {floor.score:.3f}."
    )
    if named := [f"{t.label} (−{t.drop:.3f})" for t in told_by(suite)[:3]]:
        detail += f" It goes by {', '.join(named)}: AUC lost without them."
    if score >= min(0.9, floor.score - 0.05):
        return Finding("Likeness", "good", "Rows can hardly be told from real ones", detail)
    if score >= 0.6:
        return Finding("Likeness", "fair", "Rows can sometimes be told from real ones", detail)
    return Finding("Likeness", "poor", "Rows are easily told from real ones", detail)


def told_by(suite: DetectionSuite) -> tuple[Telling, ...]:
    """The columns by which the rows are told apart; none where the detector all but guesses."""
    if suite.native.auc < GUESSING:
        return ()
    return tuple(t for t in suite.telling if t.drop > TELLING_DROP)


def sequences(found: Sequences) -> Finding:
    """Whether entities can be told apart, and what of them is off."""
    many = found.sequencing.unit[1]
    off = sequences_off(found)
    told = f"Beyond what unseen real {many} show: {'; '.join(off)}." if off else (
        f"Lengths, gaps, correlations in time and transitions are as near as unseen {many} are."
    )  # fmt: skip
    if found.detection is None:
        detail = f"There are too few {many} for a detector. {told}"
        if off:
            return Finding("Sequences", "fair", "They differ in some ways", detail)
        return Finding("Sequences", "open", "Nothing found, little to judge by", detail)
    test, floor = found.detection.test, found.detection.floor
    detail = (
        f"A boosted classifier that sees a summary of each of the {many} reaches AUC "
        f"{test.auc:.3f} (0.5 is guessing): C2ST {test.score:.3f}, where unseen real ones score "
        f"{floor.score:.3f}."
    )
    if named := [f"{t.label} (−{t.drop:.3f})" for t in sequences_told_by(found)[:3]]:
        detail += f" It goes by {', '.join(named)}: AUC lost without them."
    detail = f"{detail} {told}"
    if test.score >= min(0.9, floor.score - 0.05) and not off:
        return Finding("Sequences", "good", "They can hardly be told from real ones", detail)
    if test.score >= 0.6 or (test.interval[1] >= floor.score and len(off) < 2):
        return Finding("Sequences", "fair", "They differ from real ones in some ways", detail)
    return Finding("Sequences", "poor", "They are easily told from real ones", detail)


def sequences_told_by(found: Sequences) -> tuple[Telling, ...]:
    """The features by which entities are told apart; none where the detector all but guesses."""
    if found.detection is None or found.detection.test.auc < GUESSING:
        return ()
    return tuple(t for t in found.detection.telling if t.drop > TELLING_DROP)


# By figure of the section: what is off, its unit, the least error worth a word.
_SEQUENCE_ASPECTS = (
    ("length", "lengths", " %", 2.0),
    ("gap", "time between rows", " %", 2.0),
    ("autocorrelation", "autocorrelation", "", 0.02),
    ("cross_correlation", "cross-correlation", "", 0.02),
    ("transition", "transitions", " %", 2.0),
    ("unsorted", "rows that go back in time", " %", 1.0),
    ("duplicated", "two rows at one time", " %", 1.0),
)


def sequences_off(found: Sequences) -> list[str]:
    """The aspects whose error is well beyond that of unseen real entities, with both figures."""
    off = []
    for name, what, unit, least in _SEQUENCE_ASPECTS:
        if name == "length" and found.sequencing.window is not None:
            continue
        error, floor = getattr(found.figures, name), getattr(found.floor, name)
        if error - floor > least and _ratio(error, floor) > 2:
            digits = 1 if unit else 3
            off.append(f"{what} ({error:.{digits}f}{unit}, unseen {floor:.{digits}f}{unit})")
    return off


def columns(quality: Quality, floor: QualityFigures) -> Finding:
    """Whether columns, and pairs of them, follow the real distributions."""
    shape, trend = quality.sdmetrics.shape_error, quality.trends.error_percent
    has_pairs = trend == trend
    detail = f"Columns are off by {shape:.2f} % (unseen real rows: {floor.shape_error:.2f} %)"
    if has_pairs:
        detail += f", pairs by {trend:.2f} % ({floor.trend_error_fixed:.2f} %)"
    kept = quality.nmi / floor.nmi if floor.nmi > 0 else 1.0
    if has_pairs and kept == kept:
        detail += f"; they keep {quality.nmi:.2f} of their information ({floor.nmi:.2f})"
    worst = quality.trends.worst(1)
    detail += f"; the weakest pair is {worst[0][0]} × {worst[0][1]}." if worst else "."
    shape_ratio = _ratio(shape, floor.shape_error)
    trend_ratio = _ratio(trend, floor.trend_error_fixed) if has_pairs else 0.0
    far = max(shape if shape_ratio > 2.5 else 0.0, trend if trend_ratio > 2.5 else 0.0)
    what = "Columns and their relations" if has_pairs else "The columns"
    # Pairs that hold little information dilute the trends; what hangs together must stay so.
    if far <= 2 and not kept < KEPT_WELL:
        return Finding("Columns", "good", f"{what} are kept", detail)
    if far <= 7 and not kept < KEPT_ROUGHLY:
        return Finding("Columns", "fair", f"{what} are roughly kept", detail)
    return Finding("Columns", "poor", f"{what} are distorted", detail)


def usefulness(utility: Utility | None, reason: str) -> Finding:
    """Whether a model trained on synthetic rows works on real ones."""
    if utility is None or utility.main.loss != utility.main.loss:
        return Finding("Usefulness", "open", "Not measured", reason or "There is nothing to lose.")
    name = "AUC" if utility.metric == "auc" else "RMSE"
    main = utility.main
    others = ", ".join(
        f"{other.learner} {other.synthetic:.4g} and {other.real:.4g}"
        for other in utility.trials[1:]
    )
    detail = (
        f"Predicting {utility.target} on unseen real rows: {name} {main.synthetic:.4g} after "
        f"training on synthetic rows, {main.real:.4g} after training on real ones (boosting; "
        f"{others}), {main.both:.4g} on both together."
    )
    good, fair = (0.015, 0.05) if utility.metric == "auc" else (0.05, 0.2)
    if main.loss <= good:
        return Finding("Usefulness", "good", "As good as real rows for prediction", detail)
    if main.loss <= fair:
        return Finding("Usefulness", "fair", "Somewhat worse than real rows", detail)
    return Finding("Usefulness", "poor", "Much worse than real rows for prediction", detail)


def privacy(found: Privacy, pair: HoldoutDetection | None, unit: Unit = ROW) -> Finding:
    """Whether rows (or entities) repeat the training rows."""
    one, many = unit
    copies, close = found.copies, found.near_copies
    told = (
        f"{copies.synthetic:.2%} of the {many} equal a training {one} "
        f"({copies.floor:.2%} of unseen real {many} do)"
    )
    copying = (
        copies.synthetic > max(3 * copies.floor, copies.floor + 0.01)
        or close.interval[0] > max(3 * close.floor, close.floor + 0.02)
    )  # fmt: skip
    memory = found.memorisation
    if memory is None:
        tone: Tone = "poor" if copying else "open"
        headline = f"Training {many} are copied" if copying else "Copies only; memory not measured"
        hint = "Give a hold-out to measure memorisation."
        return Finding("Privacy", tone, headline, f"{told}. {hint}")
    low, high = memory.interval
    detail = f"{told}; memorisation excess {memory.excess:+.3f} (95 %: {low:+.3f} to {high:+.3f})"
    detail += _attacks_told(found.membership, found.inference, many)
    if pair is not None:
        detail += f"; C2ST {pair.train:.3f} against training {many}, {pair.holdout:.3f} unseen"
    detail += f". These tests find memory of {many}; they are no proof of privacy."
    strength = max(_membership_strength(found.membership), _inference_strength(found.inference))
    if copying or low > TOLERATED_EXCESS or strength == 2:
        return Finding("Privacy", "poor", f"Training {many} are remembered", detail)
    bought = pair is not None and pair.interval[0] > 0.03 and memory.excess > 0
    if (low > 0 and memory.excess > TOLERATED_EXCESS) or bought or strength == 1:
        return Finding("Privacy", "fair", "Some signs of memory", detail)
    if high - low > WIDEST_INTERVAL:
        return Finding("Privacy", "open", f"Too few {many} to tell", detail)
    return Finding("Privacy", "good", f"No sign of remembered {many}", detail)


def _attacks_told(
    membership: Membership | None, inference: AttributeInference | None, many: str
) -> str:
    told = ""
    if membership is not None:
        told += f"; membership attack AUC {membership.auc:.3f} (0.5 is guessing)"
    if inference is not None:
        told += f"; attribute inference {inference.excess:+.3f} over unseen {many}"
    return told


def _membership_strength(found: Membership | None) -> int:
    """0: no sign, 1: a sign, 2: clear."""
    low = 0.0 if found is None else found.interval[0]
    return int(low > 0.51) + int(low > 0.55)


def _inference_strength(found: AttributeInference | None) -> int:
    """0: no sign, 1: a sign, 2: clear."""
    low = 0.0 if found is None else found.interval[0]
    return int(low > 0.01) + int(low > TOLERATED_EXCESS)


def _ratio(value: float, floor: float) -> float:
    return value / floor if floor > 0 else (0.0 if value == 0 else float("inf"))
