"""What the page draws of sequences: values of some entities, transitions, lengths and gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tabdiff.evaluation.dynamics import Steps
from tabdiff.evaluation.marginals import NumericMarginal, numeric_marginal
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.sdmetrics_sequences import varying_numbers
from tabdiff.evaluation.sequence_door import Panels
from tabdiff.evaluation.sequences import varying_levels
from tabdiff.evaluation.tables import Field
from tabdiff.evaluation.values import Codes, Floats

SHOWN_ENTITIES = 6
SHOWN_ROWS = 80
SHOWN_COLUMNS = 16
SHOWN_LEVELS = 7


@dataclass(frozen=True)
class Trajectory:
    """One column of some real and some synthetic entities.

    Attributes
    ----------
    label : str
    levels : tuple of str
        Names of the values 0, 1, … of a categorical column; empty for numbers.
    real, synthetic : tuple of (ndarray, ndarray)
        Time since the entity's first row (without an index, the row number) and value, of one
        entity each; the same entities in every column. A missing value is NaN.
    """

    label: str
    levels: tuple[str, ...]
    real: tuple[tuple[Floats, Floats], ...]
    synthetic: tuple[tuple[Floats, Floats], ...]


@dataclass(frozen=True)
class TransitionPicture:
    """How often each level follows each other.

    Attributes
    ----------
    label : str
    levels : tuple of str, (n,)
        The most frequent ones; further ones are together in the last.
    real, synthetic : ndarray, (n, n)
        From the level of the row to the level of the column; NaN where the first is never left.
    """

    label: str
    levels: tuple[str, ...]
    real: Floats
    synthetic: Floats


@dataclass(frozen=True)
class SequencePictures:
    """Everything that the page draws of sequences.

    Attributes
    ----------
    trajectories : tuple of Trajectory
    transitions : tuple of TransitionPicture
    lengths : NumericMarginal or None
        None for windows.
    gaps : NumericMarginal or None
        None without an index.
    """

    trajectories: tuple[Trajectory, ...]
    transitions: tuple[TransitionPicture, ...]
    lengths: NumericMarginal | None
    gaps: NumericMarginal | None


def sequence_pictures(panels: Panels, seed: int) -> SequencePictures:
    """Choose entities and columns, and lay out histograms."""
    real, synthetic = panels.real, panels.synthetic
    rng = np.random.default_rng([seed, 17])
    some, made = (_some(panel, rng) for panel in (real, synthetic))
    levels = [int(i) for i in varying_levels(real)]
    shown = [*varying_numbers(real), *levels][:SHOWN_COLUMNS]
    lengths = gaps = None
    if panels.sequencing.window is None:
        field = Field("length", "Rows per entity", "numeric", "number")
        counts = (panel.lengths.astype(np.float64) for panel in (real, synthetic))
        lengths = numeric_marginal(field, *counts)
    if len(real.gaps()) and len(synthetic.gaps()):
        field = Field("gap", "Time to the next row", "numeric", _gap_quantity(panels))
        gaps = numeric_marginal(field, real.gaps(), synthetic.gaps())
    return SequencePictures(
        tuple(_trajectory(some, made, i) for i in shown),
        tuple(_transitions(real, synthetic, i) for i in levels[:SHOWN_COLUMNS]),
        lengths,
        gaps,
    )


def _some(panel: Panel, rng: np.random.Generator) -> Panel:
    """A few entities, of those with several rows where there are any."""
    several = np.flatnonzero(panel.lengths > 1)
    among = several if len(several) else np.arange(panel.n_entities)
    return panel.take(rng.permutation(among)[:SHOWN_ENTITIES])


def _gap_quantity(panels: Panels) -> str:
    real = panels.real
    if real.index is None:
        return "number"
    quantity = real.table.fields[real.index].quantity
    return "duration" if quantity in ("instant", "duration", "clock") else "number"


def _trajectory(real: Panel, synthetic: Panel, column: int) -> Trajectory:
    field = real.table.fields[column]
    known = np.empty(0, dtype=np.int32)
    if field.kind == "categorical":
        codes = [np.asarray(panel.table.columns[column]) for panel in (real, synthetic)]
        known = np.unique(np.concatenate(codes)).astype(np.int32)
        known = known[known != field.missing_code]
    return Trajectory(
        field.label,
        tuple(field.levels[code] for code in known),
        _lines(real, column, known),
        _lines(synthetic, column, known),
    )


def _lines(panel: Panel, column: int, known: Codes) -> tuple[tuple[Floats, Floats], ...]:
    values = np.asarray(panel.table.columns[column], dtype=np.float64)
    field = panel.table.fields[column]
    if field.kind == "categorical":
        absent = panel.table.missing(column)
        values = np.where(absent, np.nan, np.searchsorted(known, panel.table.columns[column]))
    made = []
    for start, end in zip(panel.starts[:-1], panel.starts[1:], strict=True):
        rows = slice(start, min(end, start + SHOWN_ROWS))
        count = rows.stop - rows.start
        time = np.arange(count) if panel.when is None else panel.when[rows] - panel.when[start]
        made.append((time.astype(np.float64), values[rows]))
    return tuple(made)


def _transitions(real: Panel, synthetic: Panel, column: int) -> TransitionPicture:
    field = real.table.fields[column]
    texts = (*field.levels, "missing")
    codes = np.asarray(real.table.columns[column], dtype=np.int32)
    occurring = np.unique(np.concatenate([codes, synthetic.table.columns[column]]))
    counts = np.bincount(codes, minlength=len(texts))[occurring]
    top = occurring[np.argsort(-counts, kind="stable")[:SHOWN_LEVELS]].astype(np.int32)
    top = np.sort(top)
    further = len(occurring) - len(top)
    names = [texts[code] for code in top] + ([f"{further:,} further levels"] if further else [])
    matrices = (Steps.of(panel, column).matrix(top)[: len(names), : len(names)]
                for panel in (real, synthetic))  # fmt: skip
    return TransitionPicture(field.label, tuple(names), *matrices)
