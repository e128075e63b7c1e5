"""Does the synthetic table look like the real one: columns, pairs, information, missing values.

Each figure is a distance or a similarity of two tables; the same function takes it for synthetic
rows, for fresh real rows (the floor) and for the two extremes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabdiff.evaluation.extremes import Beside, Extremes
from tabdiff.evaluation.missingness import Missingness, missingness
from tabdiff.evaluation.mutual_information import nmi_similarity
from tabdiff.evaluation.sdmetrics_reports import (
    Diagnostic,
    SDMetricsQuality,
    sdmetrics_diagnostic,
    sdmetrics_quality,
    sdmetrics_version,
    shape_error,
)
from tabdiff.evaluation.tables import Table
from tabdiff.evaluation.trends import Trends, pair_trends, stock_trend_error

TOLD_ERRORS = 5


@dataclass(frozen=True)
class Quality:
    """The quality section.

    Attributes
    ----------
    sdmetrics : SDMetricsQuality
    diagnostic : Diagnostic
    trends : Trends
        Pair trends with bin edges fixed by the real table.
    nmi : float
        Weighted similarity of the pairs' normalised mutual information, 1 is best.
    missing : Missingness
    sdmetrics_version : str
    """

    sdmetrics: SDMetricsQuality
    diagnostic: Diagnostic
    trends: Trends
    nmi: float
    missing: Missingness
    sdmetrics_version: str

    @property
    def problems(self) -> tuple[str, ...]:
        """What SDMetrics could not score, and what it warned about, in a few lines."""
        errors = (*self.sdmetrics.errors, *self.diagnostic.errors)
        told = [f"SDMetrics error: {error}" for error in errors[:TOLD_ERRORS]]
        if len(errors) > TOLD_ERRORS:
            told.append(f"SDMetrics reports {len(errors) - TOLD_ERRORS} further errors")
        return (*told, *(f"SDMetrics warning: {text}" for text in self.sdmetrics.warnings))


@dataclass(frozen=True)
class QualityFigures:
    """The figures of the quality section for any table in place of the synthetic one.

    Attributes
    ----------
    score, shape_error, trend_error, trend_error_fixed, nmi, missing_gap, pattern_gap : float
        As in the quality section.
    """

    score: float
    shape_error: float
    trend_error: float
    trend_error_fixed: float
    nmi: float
    missing_gap: float
    pattern_gap: float


def judge_quality(
    real: Table, synthetic: Table, real_frame: pd.DataFrame, synthetic_frame: pd.DataFrame
) -> Quality:
    """Judge synthetic rows; the frames carry the dtypes that the diagnostic report compares."""
    return Quality(
        sdmetrics=sdmetrics_quality(real, synthetic),
        diagnostic=sdmetrics_diagnostic(real, real_frame, synthetic_frame),
        trends=pair_trends(real, synthetic),
        nmi=nmi_similarity(real, synthetic),
        missing=missingness(real, synthetic),
        sdmetrics_version=sdmetrics_version(),
    )


def quality_figures(real: Table, other: Table, scale: float = 1.0) -> QualityFigures:
    """Take the figures of another table in place of the synthetic one.

    Parameters
    ----------
    real, other : Table
    scale : float
        Multiplies every distance. Sampling alone separates two tables by a distance that shrinks
        with the square root of their sizes, so a floor is scaled to the judged tables' sizes.
    """
    shape, trend = shape_error(real, other) * scale, stock_trend_error(real, other) * scale
    properties = [x for x in (shape, trend) if not np.isnan(x)]
    missing = missingness(real, other)
    return QualityFigures(
        score=1 - float(np.mean(properties)) / 100 if properties else float("nan"),
        shape_error=shape,
        trend_error=trend,
        trend_error_fixed=pair_trends(real, other).error_percent * scale,
        nmi=max(1 - (1 - nmi_similarity(real, other)) * scale, 0.0),
        missing_gap=missing.largest_gap * scale,
        pattern_gap=min(missing.pattern_gap * scale, 100.0),
    )


def quality_beside(real: Table, extremes: Extremes) -> Beside:
    """What the two extremes score, by key."""
    copy, independent = (
        quality_figures(real, table) for table in (extremes.copy, extremes.independent)
    )
    return {
        "quality": (copy.score, independent.score),
        # Both consist of real values, with the real dtypes.
        "diagnostic": (1.0, 1.0),
        "shape_error": (copy.shape_error, independent.shape_error),
        "trend_error": (copy.trend_error, independent.trend_error),
        "trend_error_fixed": (copy.trend_error_fixed, independent.trend_error_fixed),
        "nmi": (copy.nmi, independent.nmi),
        "missing_gap": (copy.missing_gap, independent.missing_gap),
        "pattern_gap": (copy.pattern_gap, independent.pattern_gap),
    }
