"""SDMetrics' privacy metrics by the distance to the closest record (DCR).

They cross every row with every other in a frame, so a few hundred rows of each table are drawn.
A smoke test: a pure copier of a table whose rows lie close together can pass both.

Source: https://docs.sdv.dev/sdmetrics, single-table privacy metrics.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.sdmetrics_reports import TABLE, Metadata, coded_frame, metadata_of
from tabdiff.evaluation.tables import Table

# SDMetrics copies the crossed frame once per column: its cost grows as (rows x columns)^2.
MAX_ROWS, MIN_ROWS, CELLS = 300, 100, 9_000


@dataclass(frozen=True)
class DCRProtection:
    """SDMetrics' DCR metrics, 1 is best.

    Attributes
    ----------
    baseline : float
        ``DCRBaselineProtection``: the median distance to the closest training row, as a part of
        that of random rows, at most 1. NaN where random rows are no farther than 0.
    overfitting : float or None
        ``DCROverfittingProtection``: 1 where no more than half of the rows are nearer to training
        rows than to as many unseen ones, 0 where all are. None without a hold-out.
    n_rows : int
        Rows of each table.
    """

    baseline: float
    overfitting: float | None
    n_rows: int


def dcr_protection(
    real: Table, other: Table, holdout: Table | None, rng: np.random.Generator
) -> DCRProtection:
    """Take both metrics on equally many rows of each table."""
    tables = [table for table in (real, other, holdout) if table is not None]
    wanted = min(MAX_ROWS, max(MIN_ROWS, CELLS // len(real.fields)))
    n = min(wanted, *(table.n_rows for table in tables))
    train, made, *unseen = (table.draw(n, rng) for table in tables)
    # What SDMetrics warns about here is that the draws are small.
    with warnings.catch_warnings(record=True, action="always"):
        return DCRProtection(
            baseline=_baseline(train, made, rng),
            overfitting=_overfitting(train, made, unseen[0]) if unseen else None,
            n_rows=n,
        )


def _baseline(real: Table, other: Table, rng: np.random.Generator) -> float:
    """SDMetrics' rule on SDMetrics' distances; its own random rows cannot be repeated by a seed."""
    from sdmetrics.single_table.privacy.dcr_utils import calculate_dcr

    metadata = metadata_of(real)
    known = coded_frame(real)
    near, far = (
        float(calculate_dcr(frame, known, _single(metadata)).median())
        for frame in (coded_frame(other), coded_frame(random_rows(real, rng)))
    )
    return min(near / far, 1.0) if far > 0 else float("nan")


def _overfitting(real: Table, other: Table, holdout: Table) -> float:
    from sdmetrics.single_table.privacy import DCROverfittingProtection

    frames = [coded_frame(table) for table in (real, other, holdout)]
    return float(DCROverfittingProtection.compute(*frames, metadata_of(real), TABLE))


def _single(metadata: Metadata) -> object:
    return metadata["tables"][TABLE]


def random_rows(real: Table, rng: np.random.Generator) -> Table:
    """Rows that know only the range or the levels of each column, and how often it is missing."""
    columns = []
    for i, (field, column) in enumerate(zip(real.fields, real.columns, strict=True)):
        absent = real.missing(i)
        gone = rng.random(real.n_rows) < absent.mean()
        if field.kind == "categorical":
            levels = np.unique(column[~absent]) if not absent.all() else column[:1]
            drawn = rng.choice(levels, size=real.n_rows)
            columns.append(np.where(gone, field.missing_code, drawn).astype(np.int32))
            continue
        present = np.asarray(column, dtype=np.float64)[~absent]
        low, high = (present.min(), present.max()) if len(present) else (np.nan, np.nan)
        part = rng.random(real.n_rows)
        columns.append(np.where(gone, np.nan, low * (1 - part) + high * part))
    return Table(real.fields, tuple(columns), real.n_rows)
