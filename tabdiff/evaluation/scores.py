"""The score card: every figure with its floor, its direction and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tabdiff.evaluation.detection import DetectionSuite, HoldoutDetection
from tabdiff.evaluation.privacy import Privacy
from tabdiff.evaluation.quality import Diagnostic, Quality, QualityFloor
from tabdiff.evaluation.utility import Utility

Better = Literal["higher", "lower", "near 0", "near 0.5", "not above floor", "not below floor"]


@dataclass(frozen=True)
class Score:
    """One figure of the card.

    Attributes
    ----------
    key : str
        Name in ``Report.scores`` and in JSON.
    section : str
        "quality", "detection", "utility" or "privacy".
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


def quality_scores(
    quality: Quality, floor: QualityFloor, diagnostic_floor: Diagnostic
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
            "missing_gap", "quality", "Missing-rate gap", quality.missing_gap,
            floor.missing_gap, "lower", "pp",
            "largest difference of a column's share of missing values",
        ),
    ]  # fmt: skip


def detection_scores(suite: DetectionSuite) -> list[Score]:
    """The figures of the detection section."""
    return [
        Score(
            "c2st", "detection", "C2ST, boosting", suite.native.score, suite.native_floor.score,
            "higher", "", "1: a strong classifier cannot tell the rows apart; 0: it always can",
        ),
        Score(
            "c2st_sdmetrics", "detection", "C2ST, boosting, one-hot", suite.encoded.score,
            suite.encoded_floor.score, "higher", "", "the same on the published encoding",
        ),
        Score(
            "c2st_linear", "detection", "C2ST, logistic", suite.linear.score,
            suite.linear_floor.score, "higher", "",
            "the same for a linear classifier; sees single columns only",
        ),
    ]  # fmt: skip


def holdout_scores(pair: HoldoutDetection) -> list[Score]:
    """The figures that tell quality from memory."""
    return [
        Score(
            "c2st_holdout", "privacy", "C2ST against hold-out", pair.holdout, pair.floor,
            "higher", "", f"C2ST of {pair.n_rows:,} synthetic against as many unseen rows",
        ),
        Score(
            "c2st_train", "privacy", "C2ST against training", pair.train, pair.floor,
            "higher", "", "the same against training rows: should not be higher",
        ),
        Score(
            "c2st_memory", "privacy", "Difference of the two", pair.difference, 0.0,
            "near 0", "", "clearly above 0: the quality was bought by memory", pair.interval,
        ),
    ]  # fmt: skip


def utility_scores(utility: Utility) -> list[Score]:
    """The figures of the utility section."""
    if utility.metric == "auc":
        return [
            Score(
                "utility_auc", "utility", f"AUC for {utility.target}", utility.synthetic,
                utility.real, "higher", "",
                "trained on synthetic, tested on unseen real rows; floor: trained on real",
            )
        ]  # fmt: skip
    scores = [
        Score(
            "utility_rmse", "utility", f"RMSE for {utility.target}", utility.synthetic,
            utility.real, "lower", "",
            "trained on synthetic, tested on unseen real rows; floor: trained on real",
        )
    ]  # fmt: skip
    if utility.synthetic_r2 is not None:
        scores.append(
            Score(
                "utility_r2", "utility", f"R² for {utility.target}", utility.synthetic_r2,
                utility.real_r2, "higher", "", "share of the variance that is predicted",
            )
        )  # fmt: skip
    return scores


def privacy_scores(privacy: Privacy) -> list[Score]:
    """The figures of the privacy section."""
    near, unseen = privacy.distances.medians
    scores = [
        Score(
            "copies", "privacy", "Exact copies", 100 * privacy.copies.synthetic,
            100 * privacy.copies.floor, "not above floor", "%",
            "rows that equal a training row; unseen real rows repeat some as well",
        ),
        Score(
            "dcr_median", "privacy", "Distance to training, median", near, unseen,
            "not below floor", "",
            "distance to the nearest training row; far below the floor means copying",
        ),
    ]  # fmt: skip
    memory = privacy.memorisation
    if memory is not None:
        scores += [
            Score(
                "memorisation_excess", "privacy", "Memorisation excess", memory.excess,
                memory.floor, "near 0", "",
                "nearest rows are training rows more often than by chance; 1: a pure copier",
                memory.interval,
            ),
            Score(
                "dcr_share", "privacy", "DCR share", memory.dcr_share, 0.5, "near 0.5", "",
                "nearer to training than to as many unseen rows; a smoke test only",
                memory.dcr_interval,
            ),
        ]  # fmt: skip
    return scores
