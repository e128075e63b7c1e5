"""Which values are missing, column by column and together.

A *pattern* is the set of columns that a row lacks. Rates can be right column by column while the
patterns are wrong: a questionnaire that was not returned is missing as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.tables import Table

TOLD_PATTERNS = 12


@dataclass(frozen=True)
class Pattern:
    """A set of columns that are missing together.

    Attributes
    ----------
    columns : tuple of str
        The missing columns; empty for complete rows.
    real, synthetic : float
        Share of the rows that lack exactly these.
    """

    columns: tuple[str, ...]
    real: float
    synthetic: float


@dataclass(frozen=True)
class Missingness:
    """Missing values in two tables.

    Attributes
    ----------
    rates : dict of str to (float, float)
        Missing share of each column, real and synthetic.
    pattern_gap : float
        Total variation distance between the patterns' distributions, percent: the share of rows
        whose pattern would have to change.
    patterns : tuple of Pattern
        The most frequent ones in both tables together.
    n_patterns : (int, int)
        How many occur, real and synthetic.
    """

    rates: dict[str, tuple[float, float]]
    pattern_gap: float
    patterns: tuple[Pattern, ...]
    n_patterns: tuple[int, int]

    @property
    def gaps(self) -> dict[str, float]:
        """Synthetic minus real missing rate of each column, percentage points."""
        return {label: 100 * (b - a) for label, (a, b) in self.rates.items()}

    @property
    def largest_gap(self) -> float:
        """The largest absolute gap of the missing rates, percentage points."""
        return max(abs(gap) for gap in self.gaps.values())


def missingness(real: Table, synthetic: Table) -> Missingness:
    """Compare the missing values of two tables."""
    first, second = _absent(real), _absent(synthetic)
    labels = [field.label for field in real.fields]
    both, which = np.unique(
        np.concatenate([np.packbits(first, axis=1), np.packbits(second, axis=1)]),
        axis=0,
        return_inverse=True,
    )
    which = which.reshape(-1)
    p = np.bincount(which[: len(first)], minlength=len(both)) / len(first)
    q = np.bincount(which[len(first) :], minlength=len(both)) / len(second)
    frequent = np.argsort(-(p + q), kind="stable")[:TOLD_PATTERNS]
    lacking = np.unpackbits(both[frequent], axis=1, count=len(labels)).astype(bool)
    return Missingness(
        rates={
            label: (float(first[:, i].mean()), float(second[:, i].mean()))
            for i, label in enumerate(labels)
        },
        pattern_gap=float(50 * np.abs(p - q).sum()),
        patterns=tuple(
            Pattern(
                tuple(label for label, gone in zip(labels, row, strict=True) if gone),
                float(p[k]),
                float(q[k]),
            )
            for k, row in zip(frequent, lacking, strict=True)
        ),
        n_patterns=(int((p > 0).sum()), int((q > 0).sum())),
    )


def _absent(table: Table) -> npt.NDArray[np.bool_]:
    return np.column_stack([table.missing(i) for i in range(len(table.fields))])
