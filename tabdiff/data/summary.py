"""What is kept of a column whose cells come piece by piece: enough for its kind and its encoder.

Up to ``EXACT`` different values are counted as they are, so the encoder is the one that the whole
column would give. Beyond, sketches take over: of numbers the quantiles and the commonest values, of
labels the commonest. A column takes some megabytes, however many rows there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from tabdiff.data.categorical import MAX_LEVELS, CategoricalEncoder, count_labels, in_order
from tabdiff.data.cells import Array, Cells, distinct
from tabdiff.data.column import Column
from tabdiff.data.columns import (
    ConstantEncoder,
    check_kind,
    float_precision,
    identifier_room,
    prescribed_length,
)
from tabdiff.data.errors import SchemaError
from tabdiff.data.identifiers import IdentifierEncoder, Noted
from tabdiff.data.infer import N_SOME, Facts, infinite_of
from tabdiff.data.numeric import NumericEncoder, Tally
from tabdiff.data.parts import ColumnEncoder
from tabdiff.data.scalars import from_json, to_json, typed_key
from tabdiff.data.scales import Scaling
from tabdiff.data.sketches import Distinct, Frequent, Quantiles

# Different values that are counted each.
EXACT = 2**16
# Counters, as powers of two: a number of unusual mass has one row of 256, a level one of 10,000.
LG_NUMBERS, LG_LABELS = 14, 17
# Estimated shares that may as well be one.
NEARLY_ALL = 0.96
# Rows that are put into a digest together.
AT_ONCE = 2**20


class Summary:
    """What both kinds of columns keep.

    Attributes
    ----------
    held, missing : int
        Rows with a value, and without one.
    noted : Noted
        Of identifiers.
    """

    def __init__(self) -> None:
        self.held = self.missing = 0
        self.noted = Noted()
        self._some: Array | None = None
        self._infinite = ""

    def update(self, cells: Cells, start: int) -> None:
        """Look at more rows, the first of which is row ``start`` of the table."""
        self._infinite = self._infinite or infinite_of(cells, start)
        self.held += len(cells.values)
        self.missing += int(cells.missing.sum())
        if len(cells.values):
            found = self._count(cells.values)
            if self._some is None:
                self._some = _spread(found, N_SOME)
            elif len(self._some) < N_SOME:
                self._some = distinct(np.concatenate([self._some, _spread(found, N_SOME)]))

    def _count(self, values: Array) -> Array:
        """Take in more values; each of them once, in order."""
        raise NotImplementedError

    def _shares(self) -> tuple[int, int]:
        """Different values, and those of one row."""
        raise NotImplementedError

    def some(self) -> Array:
        """At most 1,000 values, each once."""
        return np.zeros(0, dtype=object) if self._some is None else self._some[:N_SOME]

    def facts(self) -> Facts:
        """What inference asks."""
        n_distinct, alone = self._shares()
        return Facts(
            held=self.held,
            missing=self.missing,
            distinct=n_distinct,
            alone=alone,
            unique=alone == self.held,
            look=self.noted.look,
            bounds=self.noted.bounds if self.noted.look == "integer" else None,
            some=self.some(),
            infinite=self._infinite,
        )


class NumberSummary(Summary):
    """Of a column that is a measure.

    Parameters
    ----------
    column : Column
    """

    def __init__(self, column: Column) -> None:
        super().__init__()
        self._scaling = Scaling(float_precision(column))
        self._values: Array = np.zeros(0)
        self._counts: Array = np.zeros(0, dtype=np.int64)
        self._sketches: tuple[Quantiles, Frequent] | None = None
        self._different: Distinct | None = None
        self._repeats = False

    def _count(self, values: Array) -> Array:
        found, counts = np.unique(values, return_counts=True)
        if found.dtype.kind == "f":
            finite = np.isfinite(found)
            found, counts = found[finite], counts[finite]
        if len(found):
            self._take(found, counts)
        return found

    def _take(self, found: Array, counts: Array) -> None:
        if found.dtype.kind in "iu":
            self.noted.update(found)
        self._scaling.update(found)
        if self._sketches is not None:
            self._sketch(found, counts)
            return
        joined = np.concatenate([self._values.astype(found.dtype), found])
        self._values, place = np.unique(joined, return_inverse=True)
        weights = np.concatenate([self._counts, counts])
        self._counts = np.bincount(place, weights=weights).astype(np.int64)
        if len(self._values) > EXACT:
            self._sketches = Quantiles(), Frequent(LG_NUMBERS)
            self._different = Distinct()
            self._sketch(self._values, self._counts)
            self._values = self._values[:0]

    def _sketch(self, found: Array, counts: Array) -> None:
        assert self._sketches is not None
        quantiles, frequent = self._sketches
        ends = np.cumsum(counts)
        for first in range(0, int(ends[-1]), AT_ONCE):
            rows = np.arange(first, min(first + AT_ONCE, int(ends[-1])))
            quantiles.update(found[np.searchsorted(ends, rows, side="right")].astype(np.float64))
        wanted = frequent.wants(counts, int(ends[-1]))
        frequent.update(map(str, found[wanted].tolist()), counts[wanted].tolist())
        # Who has a value twice names no rows, and nothing else asks how many values there are.
        self._repeats = self._repeats or found.dtype.kind == "f" or bool((counts > 1).any())
        if self._different is not None and not self._repeats:
            self._different.update(map(str, found.tolist()), counts.tolist())

    def _shares(self) -> tuple[int, int]:
        if self._sketches is None:
            return len(self._values), int((self._counts == 1).sum())
        assert self._different is not None
        if self._repeats or self._different.alone < NEARLY_ALL * self.held:
            return EXACT + 1, 0
        return self.held, self.held

    def tally(self) -> Tally:
        """The values and their counts; where they are too many, some that stand for all."""
        if self._sketches is None:
            return Tally(self._values, self._counts, self.missing)
        quantiles, frequent = self._sketches
        scale, kind = self._scaling.found(), self.some().dtype
        read: Any = float if kind.kind == "f" else int
        least = frequent.error * self.held
        often = [(read(text), count) for text, count in frequent.found() if count >= least]
        common = np.array([value for value, _ in often], dtype=kind)
        counts = np.array([count for _, count in often], dtype=np.float64)
        places, shares = quantiles.stretches()
        near = _as_dtype(places, kind, *self._scaling.ends)
        near = np.concatenate([near, np.array(self._scaling.ends, dtype=kind)])
        near = scale.restore(scale.centre(near))
        rest = ~np.isin(near, common)
        share = np.concatenate([shares, [0.0, 0.0]])[rest]
        left = max(self.held - float(counts.sum()), 0.0)
        weights = share * (left / max(float(share.sum()), 1e-12))
        values, place = np.unique(np.concatenate([common, near[rest]]), return_inverse=True)
        masses = np.bincount(place, weights=np.concatenate([counts, weights]))
        return Tally(values, np.maximum(np.rint(masses), 1).astype(np.int64), self.missing, scale)


class LabelSummary(Summary):
    """Of a column of labels."""

    def __init__(self) -> None:
        super().__init__()
        self._tally: dict[tuple[str, object], tuple[object, int]] = {}
        self._sketches: tuple[Frequent, Distinct] | None = None

    def _count(self, values: Array) -> Array:
        labels, counts = count_labels(values)
        if labels.dtype == object:
            self.noted.update(labels)
        if self._sketches is not None:
            self._sketch(labels.tolist(), counts)
            return labels
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            key = typed_key(label)
            first, before = self._tally.get(key, (label, 0))
            self._tally[key] = first, before + count
        if len(self._tally) > EXACT:
            self._sketches = Frequent(LG_LABELS), Distinct()
            known, tallies = zip(*self._tally.values(), strict=True)
            self._sketch(list(known), np.array(tallies))
            self._tally = {}
        return labels

    def _sketch(self, labels: list[object], counts: Array) -> None:
        assert self._sketches is not None
        frequent, different = self._sketches
        texts = [json.dumps(to_json(label)) for label in labels]
        different.update(texts, counts.tolist())
        frequent.update(texts, counts.tolist())

    def _shares(self) -> tuple[int, int]:
        if self._sketches is None:
            return len(self._tally), sum(count == 1 for _, count in self._tally.values())
        _, different = self._sketches
        alone = different.alone
        return different.n, self.held if alone >= NEARLY_ALL * self.held else alone

    def labels(self, order: Sequence[object] | None) -> tuple[Array, Array, int]:
        """Labels in their order, the rows of each, and the rows whose labels are none of them."""
        keyed = self._tally
        if self._sketches is not None:
            frequent, _ = self._sketches
            found = [(from_json(json.loads(text)), count) for text, count in frequent.found()]
            keyed = {typed_key(label): (label, count) for label, count in found}
        labels, counts = in_order(keyed, order)
        return labels.astype(self.some().dtype), counts, self.held - int(counts.sum())


def _spread(values: Array, most: int) -> Array:
    """At most so many of the values, from all over them."""
    return values if len(values) <= most else values[:: -(-len(values) // most)]


def _as_dtype(places: Array, kind: np.dtype[Any], low: Any, high: Any) -> Array:
    """Numbers of a digest as the column has them, within its bounds."""
    if kind.kind == "f":
        return np.clip(places, low, high)
    # A float next to the greatest integer may lie beyond it.
    return np.array([min(max(round(place), low), high) for place in places.tolist()], dtype=kind)


def summary_of(column: Column, wanted: str | None) -> NumberSummary | LabelSummary:
    """An empty summary of a column, of which ``wanted`` is the kind where it is set already."""
    if column.has_numbers and wanted != "categorical":
        return NumberSummary(column)
    return LabelSummary()


def fit_summary(
    summary: NumberSummary | LabelSummary, column: Column, rng: np.random.Generator
) -> ColumnEncoder:
    """:func:`tabdiff.data.columns.fit_column`, of cells that came piece by piece."""
    some = summary.some()
    varies = column.kind == "constant" and len(some) > 1
    check_kind(column, summary.held, summary.missing, varies)
    if column.kind in ("constant", "missing"):
        return ConstantEncoder(some[:1])
    if column.kind == "identifier":
        room = identifier_room(column)
        share = summary.missing / (summary.held + summary.missing)
        length = prescribed_length(column)
        return IdentifierEncoder.beside(summary.noted, share, *room, rng, length)
    if isinstance(summary, LabelSummary):
        labels, counts, uncounted = summary.labels(column.categories)
        return CategoricalEncoder.of(
            labels,
            counts,
            summary.missing,
            column.ordered,
            uncounted=uncounted,
            max_levels=MAX_LEVELS,
        )
    if infinite := summary.facts().infinite:
        raise SchemaError(f"{infinite}. Replace them.")
    return NumericEncoder.of(summary.tally(), float_precision(column))
