"""A report as plain values: the object that `Report.to_json` writes.

The keys, all of them always there:

``format``
    1. A later format is a later number.
``rows``
    Rows of ``real``, ``synthetic`` and ``holdout`` (0: none was given).
``include``
    The sections that were asked for.
``sequencing``
    ``key``, ``index`` and ``window`` (rows of a window, where one long series was cut) of
    sequences; null for independent rows.
``floor_source``
    Which real rows set the floors.
``scores``
    By key: ``value``, ``floor``, ``copy`` and ``independent`` (what a bootstrap copy of the real
    rows and independent columns score), ``interval`` (95 %, two numbers), ``better``, ``unit``,
    ``section``, ``title``, ``meaning``, ``basis`` (what is counted: rows, entities, …). A figure
    without a floor is not there.
``verdict``
    List of ``topic``, ``tone``, ``headline``, ``detail``.
``sections``
    ``quality``, ``quality_floor``, ``detection``, ``holdout_detection``, ``utility``,
    ``privacy``, ``privacy_floor``, ``sequences``: the result objects, attribute by attribute; null
    where there is none. Of ``sequences``: ``sequencing`` (``key``, ``index``, ``window``),
    ``entities``, ``figures`` and ``floor``, ``sdmetrics`` (by column, with ``errors``, ``warnings``
    and ``version``), ``autocorrelation`` (``labels``; ``real``, ``synthetic``, ``floor``: a list of
    lags 1, 2, … per label), ``transitions`` (error and floor by column), ``detection`` (``test``,
    ``floor``, ``telling``).
``excluded``
    Columns that were not judged, with the reason.
``notes``
    What to know before believing a figure.
``versions``, ``seed``, ``seconds``
    What it was made with, and the wall time of each section.

What is not a number, or infinite, is null. Column names and notes come from the tables; histograms,
trajectories and the projection are left out, because they hold values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabdiff.evaluation.plain import Plain, plain

if TYPE_CHECKING:
    from tabdiff.evaluation.report import Report
    from tabdiff.evaluation.scores import Score

JSON_FORMAT = 1


def report_dict(report: Report) -> dict[str, Plain]:
    """The report as plain values."""
    sections = (
        "quality",
        "quality_floor",
        "detection",
        "holdout_detection",
        "utility",
        "privacy",
        "privacy_floor",
        "sequences",
    )
    return {
        "format": JSON_FORMAT,
        "rows": plain(report.rows),
        "include": plain(report.include),
        "sequencing": plain(report.sequencing),
        "floor_source": report.floor_source,
        "scores": {score.key: _score(score) for score in report.card},
        "verdict": plain(report.verdict),
        "sections": {name: plain(getattr(report, name)) for name in sections},
        "excluded": plain(report.excluded),
        "notes": plain(report.notes),
        "versions": plain(report.versions),
        "seed": report.seed,
        "seconds": plain(report.seconds),
    }


def _score(score: Score) -> Plain:
    found = plain(score)
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if name != "key"}
