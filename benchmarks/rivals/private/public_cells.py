"""A table as whole numbers from 0 and back by public knowledge alone, for methods that count.

A category becomes its place among the public ones, a missing cell the place behind them. A number
becomes one of at most 32 bins over its public bounds: of equal width, or for amounts of equal width
in the logarithm of 1 + |value|, so that 0 has a bin of its own. Back again, numbers lie evenly on
the whole numbers of their bin; smartnoise's own transformer would give its middle, which a
classifier tells at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.rivals.private.contract import Public

BINS = 32


class PublicCells:
    """The cells of the columns of a table.

    Attributes
    ----------
    sizes : dict of str to int
        Number of cells of each column.
    """

    def __init__(self, columns: list[str], public: Public) -> None:
        self._public = public
        self._edges = {name: self._cut(name) for name in columns if name in public.bounds}
        self.sizes = {name: self._size(name) for name in columns}

    def encode(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The cell of each value."""
        return pd.DataFrame({name: self._encode(frame[name]) for name in self.sizes})

    def decode(self, cells: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """A value in each cell."""
        return pd.DataFrame({name: self._decode(name, cells[name], rng) for name in self.sizes})

    def _cut(self, name: str) -> np.ndarray:
        """The first whole number of each bin, and one beyond the last."""
        low, high = self._public.bounds[name]
        if name in self._public.amounts:
            ends = np.linspace(*(np.sign(v) * np.log1p(abs(v)) for v in (low, high + 1)), BINS + 1)
            cuts = np.sign(ends) * np.expm1(np.abs(ends))
        else:
            cuts = np.linspace(low, high + 1, BINS + 1)
        return np.unique(np.rint(cuts).astype(np.int64))

    def _size(self, name: str) -> int:
        if name in self._edges:
            if name in self._public.missing:
                raise NotImplementedError(f"{name}: no set here has numbers with gaps")
            return len(self._edges[name]) - 1
        return len(self._public.categories[name]) + (name in self._public.missing)

    def _encode(self, column: pd.Series) -> np.ndarray:
        name = str(column.name)
        if name in self._edges:
            edges = self._edges[name]
            inside = np.clip(column.to_numpy(), edges[0], edges[-1] - 1)
            return np.searchsorted(edges, inside, side="right") - 1
        levels = self._public.categories[name]
        codes = pd.Index(levels).get_indexer(column)
        return np.where(codes < 0, len(levels), codes)

    def _decode(self, name: str, cells: pd.Series, rng: np.random.Generator) -> pd.Series:
        codes = cells.to_numpy().astype(np.int64)
        if name in self._edges:
            edges = self._edges[name]
            return pd.Series(rng.integers(edges[codes], edges[codes + 1]))
        levels = self._public.categories[name]
        if name not in self._public.missing:
            return pd.Series(pd.Index(levels).take(codes))
        return pd.Series(pd.Index([*levels, None], dtype=object).take(codes))
