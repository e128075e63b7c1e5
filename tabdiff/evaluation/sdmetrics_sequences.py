"""SDMetrics' sequence metrics, through their public classes.

* ``SequenceLengthSimilarity``: 1 - Kolmogorov-Smirnov distance between the laws of the lengths;
* ``StatisticMSAS``: the same for a statistic of each entity (mean, median, standard deviation,
  smallest, largest), of each numeric column that varies within entities;
* ``InterRowMSAS``: the same for the differences from row to row, of logarithms where the column is
  positive in both tables and spans a factor of at least 10 in the real one.

The floors ask many times, so they are taken by twins of the same formulas here, which a test holds
against SDMetrics.

Source: https://docs.sdv.dev/sdmetrics.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from tabdiff.evaluation.dynamics import ks_distance
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.sdmetrics_reports import require_sdmetrics, sdmetrics_version
from tabdiff.evaluation.values import Floats

STATISTICS = ("mean", "median", "std", "min", "max")
LOG_SPAN = 10.0
# SDMetrics rounds to so many before it compares.
DECIMALS = 14
# Squares of larger numbers may overflow.
LARGEST = 1e150


@dataclass(frozen=True)
class SDMetricsSequences:
    """SDMetrics' judgement of one panel against another; every score is in [0, 1], 1 is best.

    Attributes
    ----------
    length : float
        SequenceLengthSimilarity.
    statistics : dict of str to (dict of str to (float or None))
        StatisticMSAS by column and statistic; None where SDMetrics could not compute it.
    inter_row : dict of str to (float or None)
        InterRowMSAS by column.
    logged : tuple of str
        The columns whose logarithms were compared.
    errors : tuple of str
        What SDMetrics could not score, and why; it takes no part in the averages.
    warnings : tuple of str
        What SDMetrics warned about, each once.
    version : str
    """

    length: float
    statistics: dict[str, dict[str, float | None]]
    inter_row: dict[str, float | None]
    logged: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    version: str

    @property
    def averages(self) -> MSAS:
        """The scores, averaged over columns and statistics."""
        every = [score for column in self.statistics.values() for score in column.values()]
        return MSAS(self.length, _mean(every), _mean(list(self.inter_row.values())))


@dataclass(frozen=True)
class MSAS:
    """SDMetrics' sequence scores, averaged; NaN where there is no column to average.

    Attributes
    ----------
    length, statistics, inter_row : float
    """

    length: float
    statistics: float
    inter_row: float


def sdmetrics_sequences(real: Panel, synthetic: Panel) -> SDMetricsSequences:
    """Run SDMetrics' sequence metrics.

    Raises
    ------
    ImportError
        If SDMetrics is not installed.
    """
    require_sdmetrics()
    from sdmetrics.column_pairs import InterRowMSAS, StatisticMSAS
    from sdmetrics.single_column import SequenceLengthSimilarity

    keys = pd.Series(real.entity), pd.Series(synthetic.entity)
    statistics: dict[str, dict[str, float | None]] = {}
    inter_row: dict[str, float | None] = {}
    errors: list[str] = []
    logged = []

    def ask(where: str, compute: Callable[[], object]) -> float | None:
        try:
            score = float(compute())  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            errors.append(f"{where}: {error}")
            return None
        if np.isnan(score):
            errors.append(f"{where}: no values to compare in one of the frames")
            return None
        return score

    with warnings.catch_warnings(record=True, action="always") as caught:
        length = ask("SequenceLengthSimilarity", partial(SequenceLengthSimilarity.compute, *keys))
        for i in varying_numbers(real):
            label = real.table.fields[i].label
            pair = [
                (key, pd.Series(panel.table.columns[i]))
                for key, panel in zip(keys, (real, synthetic), strict=True)
            ]
            statistics[label] = {
                name: ask(
                    f"StatisticMSAS {label!r}, {name}",
                    partial(StatisticMSAS.compute, *pair, statistic=name),
                )
                for name in STATISTICS
            }
            log = suits_log(real, synthetic, i)
            if log:
                logged.append(label)
            inter_row[label] = ask(
                f"InterRowMSAS {label!r}", partial(InterRowMSAS.compute, *pair, apply_log=log)
            )
    texts = [f"{warning.category.__name__}: {warning.message}" for warning in caught]
    return SDMetricsSequences(
        float("nan") if length is None else length,
        statistics,
        inter_row,
        tuple(logged),
        tuple(errors),
        tuple(dict.fromkeys(texts)),
        sdmetrics_version(),
    )


def msas_twin(real: Panel, other: Panel, synthetic: Panel) -> MSAS:
    """The averages for another panel in place of the synthetic one.

    ``synthetic`` decides with ``real`` which columns are compared as logarithms, so that a score
    and its floor ask the same.
    """
    statistics: list[float | None] = []
    inter_row: list[float | None] = []
    for i in varying_numbers(real):
        pair = _in_range(real, other, i)
        keys = real.entity, other.entity
        here, there = (
            pd.Series(values).groupby(entity).agg(list(STATISTICS))
            for values, entity in zip(pair, keys, strict=True)
        )
        statistics += [
            _similarity(here[name].to_numpy(), there[name].to_numpy()) for name in STATISTICS
        ]
        if suits_log(real, synthetic, i) and suits_log(real, other, i):
            pair = np.log(pair[0]), np.log(pair[1])
        steps = (
            values[panel.pairs(1) + 1] - values[panel.pairs(1)]
            for values, panel in zip(pair, (real, other), strict=True)
        )
        inter_row.append(_similarity(*steps))
    lengths = (panel.lengths.astype(np.float64) for panel in (real, other))
    return MSAS(1 - ks_distance(*lengths), _mean(statistics), _mean(inter_row))


def varying_numbers(panel: Panel) -> list[int]:
    """Places of the numeric columns that change within some entity."""
    varying = panel.varying()
    return [
        i for i, field in enumerate(panel.table.fields) if field.kind == "numeric" and varying[i]
    ]


def suits_log(real: Panel, other: Panel, column: int) -> bool:
    """Whether a column is positive in both panels and spans a factor of 10 in the real one."""
    here, there = (
        np.asarray(panel.table.columns[column], dtype=np.float64) for panel in (real, other)
    )
    here, there = here[~np.isnan(here)], there[~np.isnan(there)]
    if not len(here) or not len(there) or min(here.min(), there.min()) <= 0:
        return False
    return bool(np.log(here.max()) - np.log(here.min()) >= np.log(LOG_SPAN))


def _in_range(first: Panel, second: Panel, column: int) -> tuple[Floats, Floats]:
    """A column of two panels, halved alike until sums of squares hold: no order changes by that."""
    here, there = (
        np.asarray(panel.table.columns[column], dtype=np.float64) for panel in (first, second)
    )
    largest = max(float(np.nanmax(np.abs(x), initial=0.0)) for x in (here, there))
    if largest < LARGEST:
        return here, there
    return here / 2.0**600, there / 2.0**600


def _similarity(first: Floats, second: Floats) -> float | None:
    distance = ks_distance(_rounded(first), _rounded(second))
    return None if np.isnan(distance) else 1 - distance


def _rounded(values: Floats) -> Floats:
    """Numbers as SDMetrics rounds them; large ones have no such decimals."""
    made = np.array(values, dtype=np.float64)
    fine = np.abs(made) < 1.0 / np.finfo(np.float64).eps
    made[fine] = np.round(made[fine], DECIMALS)
    return made


def _mean(scores: list[float | None]) -> float:
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if known else float("nan")
