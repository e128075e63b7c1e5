"""SDMetrics' reports through its unified interface.

The quality report averages two properties: *column shapes* (1 - Kolmogorov-Smirnov distance for
numbers, 1 - total variation for categories) and *column pair trends*. Errors here are
``100 (1 - score)``, in percent. Columns are numerical or categorical only (instants are seconds),
no pair is dropped for being weak and no row is dropped at random, so that figures compare.

Source: https://docs.sdv.dev/sdmetrics; settings as in the published comparisons.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tabdiff.evaluation.tables import Table

if TYPE_CHECKING:
    from sdmetrics.reports.base_report import BaseReport

TABLE = "table"
Metadata = dict[str, dict[str, object]]


@dataclass(frozen=True)
class SDMetricsQuality:
    """SDMetrics' quality report of one table against another.

    Attributes
    ----------
    score : float
        Overall score in [0, 1]: the mean of the properties.
    shape_error, trend_error : float
        ``100 (1 - property)``, percent; NaN where the property does not exist (one column).
    column_shapes : dict of str to (float or None)
        Score of each column; None where SDMetrics could not compute it.
    errors : tuple of str
        Every row that SDMetrics reports as an ``Error``; such rows take no part in its averages.
    warnings : tuple of str
        What SDMetrics and the libraries below it warned about, each once.
    """

    score: float
    shape_error: float
    trend_error: float
    column_shapes: dict[str, float | None]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Diagnostic:
    """SDMetrics' diagnostic report: whether the values are possible at all.

    Attributes
    ----------
    score : float
        Overall score in [0, 1].
    validity : float
        Mean over the columns: share of values within the real range, or among the real levels.
    structure : float
        Share of columns with the same name and dtype.
    columns : dict of str to (float or None)
        Validity of each column.
    errors : tuple of str
        Every row that SDMetrics reports as an ``Error``.
    """

    score: float
    validity: float
    structure: float
    columns: dict[str, float | None]
    errors: tuple[str, ...]


def shape_error(real: Table, synthetic: Table) -> float:
    """SDMetrics' column shapes alone, ``100 (1 - score)``; columns without values take no part."""
    from sdmetrics.single_column import KSComplement, TVComplement

    found = []
    frames = coded_frame(real), coded_frame(synthetic)
    # As in the reports; what the floor warns about, the report of the synthetic table tells.
    with warnings.catch_warnings(record=True, action="always"):
        for i, field in enumerate(real.fields):
            a, b = frames[0][f"c{i}"], frames[1][f"c{i}"]
            if a.notna().any() and b.notna().any():
                metric = KSComplement if field.kind == "numeric" else TVComplement
                found.append(float(metric.compute(a, b)))
    return 100 * (1 - float(np.mean(found))) if found else float("nan")


def require_sdmetrics() -> None:
    """Raise the error that says how to install SDMetrics, if it is not there."""
    try:
        import sdmetrics  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "evaluation needs SDMetrics, which cannot be imported. Run: pip install 'tabdiff[eval]'"
        ) from error


def sdmetrics_version() -> str:
    """The version of SDMetrics in use."""
    from importlib.metadata import version

    return version("sdmetrics")


def sdmetrics_quality(real: Table, synthetic: Table) -> SDMetricsQuality:
    """Run SDMetrics' quality report with thresholds 0 and without row sub-sampling.

    Columns reach SDMetrics by position and categories as level codes: its scores depend on neither
    names nor values, and codes are counted faster.

    Raises
    ------
    ImportError
        If SDMetrics is not installed.
    """
    require_sdmetrics()
    from sdmetrics.reports import QualityReport

    report = QualityReport()
    report.real_correlation_threshold = 0
    report.real_association_threshold = 0
    report.num_rows_subsample = None
    caught = _generate(report, coded_frame(real), coded_frame(synthetic), metadata_of(real))
    labels = {f"c{i}": field.label for i, field in enumerate(real.fields)}
    shapes = report.get_details("Column Shapes", TABLE)
    pairs = report.get_details("Column Pair Trends", TABLE)
    properties = _properties(report)
    return SDMetricsQuality(
        score=float(report.get_score()),
        shape_error=100 * (1 - properties["Column Shapes"]),
        trend_error=100 * (1 - properties["Column Pair Trends"]),
        column_shapes=_column_scores(shapes, labels),
        errors=(*_errors(shapes, labels), *_errors(pairs, labels)),
        warnings=caught,
    )


def sdmetrics_diagnostic(
    real: Table, real_frame: pd.DataFrame, synthetic_frame: pd.DataFrame
) -> Diagnostic:
    """Run SDMetrics' diagnostic report on the frames as given."""
    require_sdmetrics()
    from sdmetrics.reports import DiagnosticReport

    report = DiagnosticReport()
    names = [field.name for field in real.fields]
    labels = {f"c{i}": field.label for i, field in enumerate(real.fields)}
    first, second = real_frame[names].copy(), synthetic_frame[names].copy()
    first.columns = second.columns = pd.Index(list(labels))
    _generate(report, first, second, metadata_of(real, native=True))
    validity = report.get_details("Data Validity", TABLE)
    structure = report.get_details("Data Structure", TABLE)
    properties = _properties(report)
    return Diagnostic(
        score=float(report.get_score()),
        validity=properties["Data Validity"],
        structure=properties["Data Structure"],
        columns=_column_scores(validity, labels),
        errors=(*_errors(validity, labels), *_errors(structure, labels)),
    )


def _generate(
    report: BaseReport, real: pd.DataFrame, synthetic: pd.DataFrame, metadata: Metadata
) -> tuple[str, ...]:
    """Generate the report quietly; what was warned about comes back instead of being lost."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        report.generate({TABLE: real}, {TABLE: synthetic}, metadata, verbose=False)
    texts = [f"{warning.category.__name__}: {warning.message}" for warning in caught]
    return tuple(dict.fromkeys(texts))


def coded_frame(table: Table) -> pd.DataFrame:
    """The table as SDMetrics sees it: columns by position, level codes, missing as NaN."""
    return pd.DataFrame(
        {
            f"c{i}": column
            if field.kind == "numeric"
            else np.where(column == field.missing_code, np.nan, column)
            for i, (field, column) in enumerate(zip(table.fields, table.columns, strict=True))
        }
    )


def metadata_of(table: Table, native: bool = False) -> Metadata:
    """Metadata of one table; ``native`` frames still hold instants as such."""
    columns = {}
    for i, field in enumerate(table.fields):
        instant = native and field.quantity == "instant"
        kind = "numerical" if field.kind == "numeric" else "categorical"
        columns[f"c{i}"] = {"sdtype": "datetime" if instant else kind}
    return {"tables": {TABLE: {"columns": columns}}}


def _properties(report: BaseReport) -> dict[str, float]:
    frame = report.get_properties()
    return {
        str(name): float(score)
        for name, score in zip(frame["Property"], frame["Score"], strict=True)
    }


def _column_scores(details: pd.DataFrame, labels: dict[str, str]) -> dict[str, float | None]:
    return {
        labels[column]: None if pd.isna(score) else float(score)
        for column, score in zip(details["Column"], details["Score"], strict=True)
    }


def _errors(details: pd.DataFrame, labels: dict[str, str]) -> list[str]:
    """Rows that SDMetrics could not score, with the columns' own names."""
    if "Error" not in details:
        return []
    found = []
    for _, row in details[details["Error"].notna()].iterrows():
        columns = [row[key] for key in ("Column", "Column 1", "Column 2") if key in row]
        where = " × ".join(repr(labels[c]) for c in columns) or "table"
        found.append(f"{row['Metric']} {where}: {row['Error']}")
    return found
