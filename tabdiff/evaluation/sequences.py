"""Do the sequences look like the real ones: in length, in order, from row to row, and as a whole.

The same functions take the figures of synthetic entities, of unseen real ones (the floor), of a
bootstrap copy of entities, and of rows permuted among entities, which keep every column and forget
who and when.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.detection import MIN_ROWS, Detection, boosted_detection
from tabdiff.evaluation.dynamics import (
    Steps,
    autocorrelation_error,
    cross_correlation_error,
    disorder,
    gap_error,
    lagged_correlations,
    length_error,
    reach,
    transition_error,
)
from tabdiff.evaluation.entities import Positions
from tabdiff.evaluation.entity_features import Layout, entity_table
from tabdiff.evaluation.extremes import Beside
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.sdmetrics_sequences import (
    MSAS,
    SDMetricsSequences,
    msas_twin,
    sdmetrics_sequences,
    varying_numbers,
)
from tabdiff.evaluation.sequence_door import Panels, Sequencing
from tabdiff.evaluation.telling import Telling, telling_columns
from tabdiff.evaluation.values import Floats

# Entities that floors and extremes of the detector are taken on, and the detector itself.
FLOOR_ENTITIES = 2_000
DETECTED_ENTITIES = 20_000
TOLD_ERRORS = 5


@dataclass(frozen=True)
class SequenceFigures:
    """The figures of the section for any panel in place of the synthetic one.

    Attributes
    ----------
    autocorrelation, cross_correlation : float
        Mean absolute error; see `tabdiff.evaluation.dynamics`.
    transition, length, gap : float
        Percent; transition is the mean over the columns.
    unsorted, duplicated : float
        Percent of the entities.
    msas : MSAS
    """

    autocorrelation: float
    cross_correlation: float
    transition: float
    length: float
    gap: float
    unsorted: float
    duplicated: float
    msas: MSAS


@dataclass(frozen=True)
class Autocorrelation:
    """Autocorrelations of every numeric column that varies within entities.

    Attributes
    ----------
    labels : tuple of str, (D,)
    real, synthetic, floor : ndarray, (D, K)
        At lags 1 to K, NaN where there is none. The floor is that of unseen real entities.
    """

    labels: tuple[str, ...]
    real: Floats
    synthetic: Floats
    floor: Floats


@dataclass(frozen=True)
class EntityDetection:
    """The two-sample test with one row of features per entity.

    Attributes
    ----------
    test, floor : Detection
        Of synthetic entities, and of unseen real ones in their place.
    telling : tuple of Telling
        Every feature, the one that tells most first.
    """

    test: Detection
    floor: Detection
    telling: tuple[Telling, ...]


@dataclass(frozen=True)
class Sequences:
    """The section on sequences.

    Attributes
    ----------
    sequencing : Sequencing
    entities : dict of str to int
        Entities (or windows) of "real", "synthetic" and "holdout" (0: none was given).
    figures, floor : SequenceFigures
        Of the synthetic panel, and of unseen real entities; distances of the floor are scaled to
        the numbers of entities that are judged.
    sdmetrics : SDMetricsSequences
    autocorrelation : Autocorrelation
    transitions : dict of str to (float, float)
        Error of each categorical column that varies, percent, and its floor.
    detection : EntityDetection or None
        None where there are too few entities.
    """

    sequencing: Sequencing
    entities: dict[str, int]
    figures: SequenceFigures
    floor: SequenceFigures
    sdmetrics: SDMetricsSequences
    autocorrelation: Autocorrelation
    transitions: dict[str, tuple[float, float]]
    detection: EntityDetection | None

    @property
    def problems(self) -> tuple[str, ...]:
        """What SDMetrics could not score, in a few lines."""
        errors = self.sdmetrics.errors
        told = [f"SDMetrics error: {error}" for error in errors[:TOLD_ERRORS]]
        if len(errors) > TOLD_ERRORS:
            told.append(f"SDMetrics reports {len(errors) - TOLD_ERRORS} further errors")
        return tuple(told)


def judge_sequences(
    panels: Panels, fresh: tuple[Panel, Panel], scale: float, seed: int
) -> Sequences:
    """Judge the synthetic panel.

    Parameters
    ----------
    panels : Panels
    fresh : (Panel, Panel)
        Real entities, and others that were not trained on: they set the floors.
    scale : float
        What the sampling distance of ``fresh`` becomes at the sizes of the judged panels.
    seed : int
    """
    real, synthetic = panels.real, panels.synthetic
    sdmetrics = sdmetrics_sequences(real, synthetic)
    numbers = np.array(varying_numbers(real), dtype=np.intp)
    lags = reach(real)
    curves = [
        np.diagonal(lagged_correlations(panel, numbers, lags)[1:], axis1=1, axis2=2).T
        for panel in (real, synthetic, fresh[1])
    ]
    labels = tuple(real.table.fields[i].label for i in numbers)
    wrong, natural = (transition_errors(*pair) for pair in ((real, synthetic), fresh))
    return Sequences(
        sequencing=panels.sequencing,
        entities={
            "real": real.n_entities,
            "synthetic": synthetic.n_entities,
            "holdout": 0 if panels.holdout is None else panels.holdout.n_entities,
        },
        figures=_figures(real, synthetic, sdmetrics.averages),
        floor=scaled(_figures(*fresh, msas_twin(*fresh, synthetic)), scale),
        sdmetrics=sdmetrics,
        autocorrelation=Autocorrelation(labels, *curves),
        transitions={
            label: (error, min(natural[label] * scale, 100.0)) for label, error in wrong.items()
        },
        detection=_detect(panels, fresh, seed),
    )


def sequences_beside(panels: Panels, seed: int) -> Beside:
    """What a bootstrap copy of entities and rows permuted among entities score, by key."""
    rng = np.random.default_rng([seed, 15])
    real, synthetic = panels.real, panels.synthetic
    pair = real.bootstrap(synthetic.n_entities, rng), real.scattered(rng)
    copy, independent = (
        by_key(_figures(real, panel, msas_twin(real, panel, synthetic))) for panel in pair
    )
    layout = Layout.of(panels)
    known = real.draw(FLOOR_ENTITIES, rng)
    if known.n_entities >= MIN_ROWS:
        table = entity_table(known, layout)
        for found, panel in (
            (copy, known.bootstrap(min(synthetic.n_entities, FLOOR_ENTITIES), rng)),
            (independent, known.scattered(rng)),
        ):
            made = boosted_detection(table, entity_table(panel, layout), seed)
            found["sequence_c2st"] = made.score
    return {key: (copy[key], independent[key]) for key in copy}


def by_key(figures: SequenceFigures) -> dict[str, float]:
    """The figures under their names on the score card."""
    return {
        "acf_error": figures.autocorrelation,
        "cross_correlation_error": figures.cross_correlation,
        "transition_error": figures.transition,
        "length_error": figures.length,
        "gap_error": figures.gap,
        "unsorted": figures.unsorted,
        "duplicated_times": figures.duplicated,
        "length_similarity": figures.msas.length,
        "msas": figures.msas.statistics,
        "msas_inter_row": figures.msas.inter_row,
    }


def transition_errors(real: Panel, other: Panel) -> dict[str, float]:
    """The error of each categorical column that changes within some real entity, percent."""
    return {
        real.table.fields[i].label: transition_error(Steps.of(real, i), Steps.of(other, i))
        for i in varying_levels(real)
    }


def varying_levels(panel: Panel) -> Positions:
    """Places of the categorical columns that change within some entity."""
    levels = np.array([field.kind == "categorical" for field in panel.table.fields])
    return np.flatnonzero(levels & panel.varying())


def scaled(figures: SequenceFigures, scale: float) -> SequenceFigures:
    """The figures with every distance multiplied; shares of entities stay."""

    def similarity(value: float) -> float:
        return max(1 - (1 - value) * scale, 0.0)

    return SequenceFigures(
        autocorrelation=figures.autocorrelation * scale,
        cross_correlation=figures.cross_correlation * scale,
        transition=min(figures.transition * scale, 100.0),
        length=min(figures.length * scale, 100.0),
        gap=min(figures.gap * scale, 100.0),
        unsorted=figures.unsorted,
        duplicated=figures.duplicated,
        msas=MSAS(
            similarity(figures.msas.length),
            similarity(figures.msas.statistics),
            similarity(figures.msas.inter_row),
        ),
    )


def _figures(real: Panel, other: Panel, msas: MSAS) -> SequenceFigures:
    numbers = np.array(varying_numbers(real), dtype=np.intp)
    lags = reach(real)
    here, there = (lagged_correlations(panel, numbers, lags) for panel in (real, other))
    errors = [error for error in transition_errors(real, other).values() if error == error]
    unsorted, duplicated = disorder(other)
    return SequenceFigures(
        autocorrelation=autocorrelation_error(here, there),
        cross_correlation=cross_correlation_error(here, there),
        transition=float(np.mean(errors)) if errors else float("nan"),
        length=length_error(real, other),
        gap=gap_error(real, other),
        unsorted=unsorted,
        duplicated=duplicated,
        msas=msas,
    )


def _detect(panels: Panels, fresh: tuple[Panel, Panel], seed: int) -> EntityDetection | None:
    """Tell entities apart by their features; None where there are too few."""
    few = min(p.n_entities for p in (panels.real, panels.synthetic, *fresh))
    if few < MIN_ROWS:
        return None
    rng = np.random.default_rng([seed, 14])
    layout = Layout.of(panels)
    real, synthetic = (
        entity_table(panel.draw(DETECTED_ENTITIES, rng), layout)
        for panel in (panels.real, panels.synthetic)
    )
    first, second = (entity_table(panel.draw(FLOOR_ENTITIES, rng), layout) for panel in fresh)
    return EntityDetection(
        test=boosted_detection(real, synthetic, seed),
        floor=boosted_detection(first, second, seed),
        telling=telling_columns(real, synthetic, seed),
    )
