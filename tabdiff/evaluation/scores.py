"""The score card: every figure with its floor, its direction and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tabdiff.evaluation.detection import DetectionSuite
from tabdiff.evaluation.extremes import Beside
from tabdiff.evaluation.memory import HoldoutDetection
from tabdiff.evaluation.privacy import Privacy, PrivacyFloor
from tabdiff.evaluation.quality import Quality, QualityFigures
from tabdiff.evaluation.sdmetrics_reports import Diagnostic
from tabdiff.evaluation.utility import Utility

# What figures of privacy are about: one and many of it.
Unit = tuple[str, str]
ROW: Unit = ("row", "rows")

Better = Literal["higher", "lower", "near 0", "near 0.5", "not above floor", "not below floor"]


@dataclass(frozen=True)
class Score:
    """One figure of the card.

    Attributes
    ----------
    key : str
        Name in ``Report.scores`` and in JSON.
    section : str
        "quality", "detection", "utility", "privacy" or "sequences".
    title : str
        Name for people.
    value : float
    floor : float or None
        What fresh real rows score in the place of the synthetic ones: neither the best nor the
        worst possible figure, but the one to hope for. None where it could not be taken.
    better : {"higher", "lower", "near 0", "near 0.5", "not above floor", "not below floor"}
    unit : {"", "%", "pp"}
        A plain number, percent, or percentage points.
    meaning : str
        One line.
    interval : (float, float) or None
        95 % interval, where there is one.
    copy, independent : float or None
        What a bootstrap copy of the real rows scores, and what independent columns score (of
        sequences: rows permuted among entities). None where it was not taken.
    basis : str
        What is counted: "rows", or for sequences "entities", "windows", "steps" from row to row,
        "pairs of rows" or "runs" of rows.
    """

    key: str
    section: str
    title: str
    value: float
    floor: float | None
    better: Better
    unit: Literal["", "%", "pp"]
    meaning: str
    interval: tuple[float, float] | None = None
    copy: float | None = None
    independent: float | None = None
    basis: str = "rows"


def with_extremes(scores: Sequence[Score], beside: Beside) -> list[Score]:
    """The scores, with what the two extremes score beside them."""
    made = []
    for score in scores:
        copy, independent = beside.get(score.key, (score.copy, score.independent))
        made.append(replace(score, copy=copy, independent=independent))
    return made


def quality_scores(
    quality: Quality, floor: QualityFigures, diagnostic_floor: Diagnostic
) -> list[Score]:
    """The figures of the quality section."""
    sdm = quality.sdmetrics
    return [
        Score(
            "quality", "quality", "SDMetrics quality", sdm.score, floor.score, "higher", "",
            "mean of column shapes and pair trends; saturates, so do not judge by it alone",
        ),
        Score(
            "diagnostic", "quality", "SDMetrics diagnostic", quality.diagnostic.score,
            diagnostic_floor.score, "higher", "",
            "values within the real range and levels, and the same dtypes",
        ),
        Score(
            "shape_error", "quality", "Shape error", sdm.shape_error, floor.shape_error,
            "lower", "%", "mean distance of each column's distribution from the real one",
        ),
        Score(
            "trend_error", "quality", "Trend error", sdm.trend_error, floor.trend_error,
            "lower", "%", "mean distance of each pair of columns; stock bins, moved by outliers",
        ),
        Score(
            "trend_error_fixed", "quality", "Trend error, fixed edges",
            quality.trends.error_percent, floor.trend_error_fixed,
            "lower", "%", "the same with bins of the real range: the one to believe",
        ),
        Score(
            "nmi", "quality", "Mutual information", quality.nmi, floor.nmi, "higher", "",
            "information kept between columns, pairs weighted by how much they share",
        ),
        Score(
            "missing_gap", "quality", "Missing-rate gap", quality.missing.largest_gap,
            floor.missing_gap, "lower", "pp",
            "largest difference of a column's share of missing values",
        ),
        Score(
            "pattern_gap", "quality", "Missing-pattern gap", quality.missing.pattern_gap,
            floor.pattern_gap, "lower", "%",
            "rows that would have to lack other columns, for the right patterns",
        ),
    ]  # fmt: skip


def detection_scores(suite: DetectionSuite) -> list[Score]:
    """The figures of the detection section."""
    return [
        Score(
            "c2st", "detection", "C2ST, boosting", suite.native.score, suite.native_floor.score,
            "higher", "", "1: a strong classifier cannot tell the rows apart; 0: it always can",
            suite.native.interval,
        ),
        Score(
            "c2st_sdmetrics", "detection", "C2ST, boosting, one-hot", suite.encoded.score,
            suite.encoded_floor.score, "higher", "", "the same on the published encoding",
            suite.encoded.interval,
        ),
        Score(
            "c2st_linear", "detection", "C2ST, logistic", suite.linear.score,
            suite.linear_floor.score, "higher", "",
            "the same for a linear classifier; sees single columns only", suite.linear.interval,
        ),
    ]  # fmt: skip


def memory_scores(pair: HoldoutDetection, unit: Unit = ROW) -> list[Score]:
    """The figures that tell likeness from memory."""
    scores = [
        Score(
            "c2st_holdout", "privacy", "C2ST against hold-out", pair.holdout, pair.floor,
            "higher", "", f"C2ST of {pair.n_rows:,} synthetic against as many unseen {unit[1]}",
        ),
        Score(
            "c2st_train", "privacy", "C2ST against training", pair.train, pair.floor,
            "higher", "", f"the same against training {unit[1]}: should not be higher",
        ),
        Score(
            "c2st_memory", "privacy", "Difference of the two", pair.difference, 0.0,
            "near 0", "", "clearly above 0: the quality was bought by memory", pair.interval,
        ),
    ]  # fmt: skip
    return [replace(score, basis=unit[1]) for score in scores]


_LEARNERS = {"boosting": "", "forest": "_forest", "linear": "_linear"}
_LEARNED = {
    "boosting": "trained on synthetic, tested on unseen real rows; floor: trained on real",
    "forest": "the same by extremely randomised trees",
    "linear": "the same by a linear model",
}


def utility_scores(utility: Utility) -> list[Score]:
    """The figures of the utility section."""
    name, better = ("AUC", "higher") if utility.metric == "auc" else ("RMSE", "lower")
    scores = [
        Score(
            f"utility_{utility.metric}{_LEARNERS[trial.learner]}", "utility",
            f"{name} for {utility.target}, {trial.learner}", trial.synthetic, trial.real,
            better, "",  # type: ignore[arg-type]
            _LEARNED[trial.learner], trial.interval, trial.copy, trial.independent,
        )
        for trial in utility.trials
    ]  # fmt: skip
    main = utility.main
    fit, best, copy, nothing = (
        utility.r2(error) for error in (main.synthetic, main.real, main.copy, main.independent)
    )
    if utility.metric == "rmse" and fit is not None:
        scores.append(
            Score(
                "utility_r2", "utility", f"R² for {utility.target}, boosting", fit, best,
                "higher", "", "share of the variance that is predicted", None, copy, nothing,
            )
        )  # fmt: skip
    scores.append(
        Score(
            f"utility_{utility.metric}_both", "utility", f"{name}, real + synthetic", main.both,
            main.real, better, "",  # type: ignore[arg-type]
            "boosting trained on both; floor: on real alone, so better means worth adding",
        )
    )  # fmt: skip
    return scores


def privacy_scores(privacy: Privacy, floor: PrivacyFloor, unit: Unit = ROW) -> list[Score]:
    """The figures of the privacy section, of rows or of what else is protected."""
    one, many = unit
    copies, close = privacy.copies, privacy.near_copies
    near, unseen = privacy.distances.medians
    protection = privacy.protection
    scores = [
        Score(
            "copies", "privacy", "Exact copies", 100 * copies.synthetic, 100 * copies.floor,
            "not above floor", "%",
            f"{many} that equal a training {one}; unseen real {many} repeat some as well",
            _percent(copies.interval),
        ),
        Score(
            "near_copies", "privacy", "Near copies", 100 * close.synthetic, 100 * close.floor,
            "not above floor", "%",
            f"{many} as near to a training {one} as 1 % of the training {many} are to another",
            _percent(close.interval),
        ),
        Score(
            "dcr_median", "privacy", "Distance to training", near, unseen,
            "not below floor", "",
            f"median distance to the nearest training {one}; far below the floor means copying",
        ),
        Score(
            "dcr_baseline", "privacy", "SDMetrics DCR baseline", protection.baseline,
            floor.protection.baseline, "not below floor", "",
            f"distance to training {many} as a part of that of random {many}; a smoke test only",
        ),
    ]  # fmt: skip
    scores += _holdout_scores(privacy, floor, unit)
    return [replace(score, basis=many) for score in scores]


def _holdout_scores(privacy: Privacy, floor: PrivacyFloor, unit: Unit) -> list[Score]:
    """The figures that need rows which were not trained on."""
    one, many = unit
    scores = []
    memory, inference = privacy.memorisation, privacy.inference
    if memory is not None:
        scores += [
            Score(
                "memorisation_excess", "privacy", "Memorisation excess", memory.excess,
                memory.floor, "near 0", "",
                f"nearest {many} are training {many} more often than by chance; 1: a pure copier",
                memory.interval,
            ),
            Score(
                "dcr_share", "privacy", "DCR share", memory.dcr_share, 0.5, "near 0.5", "",
                f"nearer to training than to as many unseen {many}; a smoke test only",
                memory.dcr_interval,
            ),
            Score(
                "nndr_share", "privacy", "NNDR share", memory.nndr_share, 0.5, "near 0.5", "",
                f"nearest {one} stands out more among training {many}; a smoke test only",
                memory.nndr_interval,
            ),
        ]  # fmt: skip
    overfitting = privacy.protection.overfitting
    if overfitting is not None:
        scores.append(
            Score(
                "dcr_overfitting", "privacy", "SDMetrics DCR overfitting", overfitting,
                floor.protection.overfitting, "not below floor", "",
                f"SDMetrics' form of the DCR share, on few {many}; a smoke test only",
            )
        )  # fmt: skip
    if privacy.membership is not None:
        scores.append(
            Score(
                "membership_auc", "privacy", "Membership attack, AUC", privacy.membership.auc,
                floor.membership, "near 0.5", "",
                f"telling training {many} from unseen ones by density ratio; 0.5: guessing",
                privacy.membership.interval,
            )
        )  # fmt: skip
    if inference is not None:
        scores.append(
            Score(
                "inference_excess", "privacy", "Attribute inference", inference.excess,
                floor.inference, "near 0", "",
                f"values guessed right for training {many} only, of those not guessed for unseen",
                inference.interval,
            )
        )  # fmt: skip
    return scores


def _percent(interval: tuple[float, float]) -> tuple[float, float]:
    return 100 * interval[0], 100 * interval[1]
