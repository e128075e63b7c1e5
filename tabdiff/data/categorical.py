"""Labels to codes and back; missing is a level, and the rarest labels may share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array, Cells, holds_nul
from tabdiff.data.errors import SchemaError, closest, shorten
from tabdiff.data.parts import Options, Parts, State, take, take_array, take_flag
from tabdiff.data.scalars import from_json, to_json, typed_key

MAX_LEVELS = 10_000


class Levels:
    """Distinct labels in a fixed order, and where each is.

    Labels are a sorted numeric array, or Python objects told apart by type and value.
    """

    def __init__(self, values: Array) -> None:
        self.values = values
        self._index: pd.Index | None = None
        self._places: dict[object, int] = {}
        if values.dtype == object and all(type(value) is str for value in values):
            self._index = pd.Index(values, dtype=object)
        elif values.dtype == object:
            self._places = {typed_key(value): place for place, value in enumerate(values)}

    def __len__(self) -> int:
        return len(self.values)

    def locate(self, values: Array) -> Array:
        """The place of each value, -1 for one that is not among the labels."""
        if self._index is not None:
            return np.asarray(
                self._index.get_indexer(pd.Index(values, dtype=object)), dtype=np.int64
            )
        if self.values.dtype == object:
            return np.array([self._places.get(typed_key(v), -1) for v in values], dtype=np.int64)
        if not len(self.values):
            return np.full(len(values), -1, dtype=np.int64)
        spot = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        return np.where(self.values[spot] == values, spot, -1).astype(np.int64)


def count_labels(values: Array, order: Sequence[object] | None = None) -> tuple[Array, Array]:
    """Distinct labels and their counts, in an order that row order cannot change.

    Parameters
    ----------
    values : array, (m,)
    order : sequence, optional
        The order to use (the categories of a categorical dtype); sorted by type and value if None.
    """
    if values.dtype != object:
        return np.unique(values, return_counts=True)
    if all(kind is str for kind in set(map(type, values))) and not holds_nul(values):
        codes, found = pd.factorize(values)
        tallies = dict(zip(found, np.bincount(codes, minlength=len(found)).tolist(), strict=True))
        keyed = {typed_key(value): (value, count) for value, count in tallies.items()}
    else:
        counter = Counter(map(typed_key, values))
        originals = {typed_key(value): value for value in values}
        keyed = {key: (originals[key], count) for key, count in counter.items()}
    return in_order(keyed, order)


def in_order(
    keyed: Mapping[tuple[str, object], tuple[object, int]], order: Sequence[object] | None
) -> tuple[Array, Array]:
    """Labels and counts by :func:`typed_key`, as arrays in the order of :func:`count_labels`."""
    rank = None if order is None else {typed_key(value): i for i, value in enumerate(order)}
    ranked = _sorted_keys(keyed) if rank is None else sorted(keyed, key=rank.__getitem__)
    labels = np.empty(len(ranked), dtype=object)
    labels[:] = [keyed[key][0] for key in ranked]
    return labels, np.array([keyed[key][1] for key in ranked], dtype=np.int64)


def _sorted_keys(keyed: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(keyed)
    except (TypeError, ValueError):  # periods of two frequencies are of no order either
        return sorted(keyed, key=lambda key: (key[0], repr(key[1])))


class CategoricalEncoder:
    """One column of labels as one categorical part.

    Attributes
    ----------
    levels : Levels
        Labels with a level of their own.
    rare : Levels
        Labels that share the level after them.
    rare_counts, counts : int array
        Training rows per rare label; per level of the part.
    has_missing : bool
        Whether there is a last level for missing cells.
    forgetful : bool
        Whether there were rare labels that are not among ``rare``, as they were too many to keep.
    """

    kind = "categorical"
    has_value = False
    open_levels = ()

    def __init__(
        self,
        levels: Levels,
        rare: Levels,
        rare_counts: Array,
        counts: Array,
        has_missing: bool,
        ordered: bool,
        forgetful: bool = False,
    ) -> None:
        self.levels = levels
        self.rare = rare
        self.rare_counts = rare_counts
        self.counts = counts
        self.has_missing = has_missing
        self.ordered = ordered
        self.forgetful = forgetful

    @classmethod
    def fit(
        cls,
        cells: Cells,
        order: Sequence[object] | None = None,
        ordered: bool = False,
        max_levels: int = MAX_LEVELS,
    ) -> CategoricalEncoder:
        """Learn the labels.

        Parameters
        ----------
        cells : Cells
            With at least one value.
        order : sequence, optional
            The order of the labels, where the dtype has one.
        ordered : bool
            Whether that order means something.
        max_levels : int
            The most labels with a level of their own.
        """
        labels, counts = count_labels(cells.values, order)
        return cls.of(labels, counts, int(cells.missing.sum()), ordered, max_levels=max_levels)

    @classmethod
    def of(
        cls,
        labels: Array,
        counts: Array,
        n_missing: int,
        ordered: bool = False,
        *,
        uncounted: int = 0,
        max_levels: int = MAX_LEVELS,
    ) -> CategoricalEncoder:
        """:meth:`fit`, of labels that are counted.

        Parameters
        ----------
        labels, counts : array, (k,)
            In their order, and the rows of each.
        n_missing : int
        uncounted : int
            Rows whose labels are none of these; there are more than ``max_levels`` then.
        """
        rare: Array = np.zeros(len(labels), dtype=bool)
        if len(labels) > max_levels:
            # Ties are broken by label, so the order of the rows has no say.
            rare[np.argsort(-counts, kind="stable")[max_levels:]] = True
        tallies = counts[~rare].tolist()
        tallies += [int(counts[rare].sum()) + uncounted] if rare.any() else []
        tallies += [n_missing] if n_missing else []
        return cls(
            Levels(labels[~rare]),
            Levels(labels[rare]),
            counts[rare],
            np.array(tallies, dtype=np.int64),
            n_missing > 0,
            ordered,
            uncounted > 0,
        )

    @property
    def n_ordered(self) -> int:
        """The labels with a level of their own where their dtype has an order, else none."""
        return len(self.levels) if self.ordered else 0

    def knows(self, values: Array) -> Array:
        """Whether each label was in the training rows."""
        return (self.levels.locate(values) >= 0) | (self.rare.locate(values) >= 0)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """The code of each row.

        Raises
        ------
        SchemaError
            If a label was not in the training rows.
        """
        return Parts(self._codes(cells, self.forgetful), None)

    def _codes(self, cells: Cells, forgiving: bool = False) -> Array:
        """The code of each row; a forgiving look takes labels that it does not know for rare."""
        codes = self.levels.locate(cells.values)
        unknown = codes < 0
        if unknown.any() and len(self.rare):
            found = forgiving | (self.rare.locate(cells.values[unknown]) >= 0)
            codes[unknown] = np.where(found, len(self.levels), -1)
            unknown = codes < 0
        if unknown.any():
            self._refuse(cells, unknown)
        full = np.full(len(cells.missing), len(self.counts) - 1, dtype=np.int64)
        full[~cells.missing] = codes
        return full

    def _refuse(self, cells: Cells, unknown: Array) -> None:
        value = cells.values[unknown][:1].tolist()[0]
        row = int(np.flatnonzero(~cells.missing)[unknown][0])
        known = ", ".join(repr(label) for label in self.levels.values[:10].tolist())
        known += ", …" if len(self.levels) > 10 else ""
        raise SchemaError(
            f"{int(unknown.sum())} cells hold categories that were not there at fit (first at row "
            f"{row}: {shorten(value)}). Known: {known}.{closest(value, self.levels.values)}"
        )

    def among(self, values: Array) -> Options:
        """How a cell can hold one of these labels.

        Raises
        ------
        SchemaError
            If a label was not in the training rows.
        """
        code = self._codes(Cells(np.zeros(len(values), dtype=bool), values))
        share = np.ones(len(values))
        rare = self.levels.locate(values) < 0
        share[rare] = self._rarity(values[rare])
        return Options.whole(code, share)

    def sharing(self, values: Array) -> tuple[Array, Array]:
        """Those of some known labels that share a level, and how often each is drawn among them."""
        shared = values[self.levels.locate(values) < 0]
        share = self._rarity(shared)
        return shared, share / share.sum()

    def _rarity(self, values: Array) -> Array:
        """The part of the shared level that each of some rare labels makes up."""
        return self.rare_counts[self.rare.locate(values)] / self.rare_counts.sum()

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """The label of each code; a rare one is drawn by its frequency."""
        codes = parts.cat
        assert codes is not None
        missing = codes == len(self.counts) - 1 if self.has_missing else np.zeros(n, dtype=bool)
        present = codes[~missing]
        if not len(self.rare):
            return Cells(missing, self.levels.values[present])
        shared = present == len(self.levels)
        values = np.empty(len(present), dtype=self.levels.values.dtype)
        values[~shared] = self.levels.values[present[~shared]]
        share = self.rare_counts / self.rare_counts.sum()
        values[shared] = self.rare.values[rng.choice(len(self.rare), int(shared.sum()), p=share)]
        return Cells(missing, values)

    def state(self) -> State:
        """Strict JSON and arrays."""
        data: dict[str, Any] = {"has_missing": self.has_missing, "ordered": self.ordered}
        if self.forgetful:
            data["forgetful"] = True
        arrays = {"counts": self.counts, "rare_counts": self.rare_counts}
        for name, levels in (("levels", self.levels), ("rare", self.rare)):
            if levels.values.dtype == object:
                data[name] = [to_json(value) for value in levels.values]
            else:
                arrays[name] = levels.values
        return data, arrays

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> CategoricalEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        levels, rare = (_levels_from_state(name, data, arrays) for name in ("levels", "rare"))
        counts = take_array(arrays, "counts", "iu")
        rare_counts = take_array(arrays, "rare_counts", "iu")
        has_missing = take_flag(data, "has_missing")
        if not len(levels) or len(counts) != len(levels) + (len(rare) > 0) + has_missing:
            raise ValueError("a categorical column needs one count per level.")
        if len(rare_counts) != len(rare) or (rare_counts < 1).any() or (counts < 0).any():
            raise ValueError("a categorical column needs one count per rare label.")
        forgetful = "forgetful" in data and take_flag(data, "forgetful")
        ordered = take_flag(data, "ordered")
        return cls(levels, rare, rare_counts, counts, has_missing, ordered, forgetful)


def _levels_from_state(name: str, data: dict[str, Any], arrays: dict[str, Array]) -> Levels:
    if name not in data:
        array = arrays.get(name)
        if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "biuf":
            raise ValueError(f"malformed encoder: array {name!r} must be 1-D numbers.")
        return checked_levels(array)
    texts = take(data, name, list)
    values = np.empty(len(texts), dtype=object)
    values[:] = [from_json(text) for text in texts]
    return checked_levels(values)


def checked_levels(values: Array) -> Levels:
    """The labels in a file.

    Raises
    ------
    ValueError
        If one is repeated, or numbers do not increase.
    """
    if values.dtype == object:
        if len(set(map(typed_key, values))) < len(values):
            raise ValueError("malformed levels: a label is repeated.")
    elif not (values[1:] > values[:-1]).all():
        raise ValueError("malformed levels: numbers must increase strictly.")
    return Levels(values)
