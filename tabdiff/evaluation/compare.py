"""Several reports side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.report import Report


def compare(reports: Mapping[str, Report]) -> pd.DataFrame:
    """Put the scores of several synthetic tables of the same real one side by side.

    Parameters
    ----------
    reports : mapping of str to Report
        By the name that the column will bear, for instance ``{"tabdiff": r1, "ctgan": r2}``.

    Returns
    -------
    DataFrame
        One row per figure, indexed by key; a column per report, then ``floor`` (the mean over the
        reports), ``copy``, ``independent`` and ``better``. NaN where a report lacks the figure.

    Raises
    ------
    ValueError
        If there are no reports, or a report bears the name of another column.
    EvaluationError
        If the reports rest on other real rows, columns or seeds, so that figures do not compare.
    """
    taken = {"floor", "copy", "independent", "better"} & set(reports)
    if not reports or taken:
        told = f"the names {sorted(taken)} are taken" if taken else "there are none"
        raise ValueError(f"reports cannot be compared: {told}. Got {list(reports)}.")
    _check_alike(reports)
    tables = {name: report.table for name, report in reports.items()}
    keys = list(dict.fromkeys(key for table in tables.values() for key in table.index))
    frame = pd.DataFrame({name: table["score"] for name, table in tables.items()}).reindex(keys)
    for column in ("floor", "copy", "independent"):
        beside = [table[column].reindex(keys).to_numpy() for table in tables.values()]
        known = np.sum(~np.isnan(beside), axis=0)
        frame[column] = np.nansum(beside, axis=0) / np.where(known, known, np.nan)
    better = {score.key: score.better for report in reports.values() for score in report.card}
    frame["better"] = pd.Series(better, dtype=object)
    frame.index.name = "key"
    return frame


def _check_alike(reports: Mapping[str, Report]) -> None:
    first_name, first = next(iter(reports.items()))
    faults = []
    for name, report in reports.items():
        if report.fingerprint != first.fingerprint:
            faults.append(f"{name!r} judges against other real or hold-out rows or other columns")
        if report.seed != first.seed:
            faults.append(f"{name!r} has seed {report.seed}, {first_name!r} {first.seed}")
    if faults:
        raise EvaluationError(
            f"the reports do not compare: {'; '.join(faults)}. "
            "Evaluate all with the same real frame, hold-out, schema and seed."
        )
