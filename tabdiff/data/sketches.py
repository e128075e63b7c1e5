"""What is remembered of values that are too many to remember: sketches of bounded size.

    quantiles         t-digest (Dunning & Ertl 2019, arXiv:1902.04023)
    frequent labels   the counters of Anderson et al. 2017 (arXiv:1705.07001)
    distinct labels   a uniform sample by hash, with counts (theta sketches: Dasgupta et al. 2016,
                      arXiv:1510.01455)

All are those of Apache DataSketches, and take the same values to the same numbers every time: its
more exact KLL and REQ sketches throw coins that cannot be seeded, so that two fits of equal seeds
would differ and an interrupted one could not go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tabdiff.data.cells import Array

# Size of the digest of quantiles: ranks are off by about 4 / size at most.
COMPRESSION = 16_384
# Of a digest, the stretches of equal mass that stand for it.
STRETCHES = 8_192
# Distinct labels in the sample, as a power of two: their number is off by about 1 %.
LG_SAMPLE = 13


def require_datasketches() -> Any:
    """The datasketches module.

    Raises
    ------
    ImportError
        With the command that installs it.
    """
    try:
        import datasketches
    except ImportError as error:
        raise ImportError(
            "learning from more rows than memory holds needs pyarrow and datasketches. "
            "Run: pip install 'tabdiff[big]'"
        ) from error
    return datasketches


class Quantiles:
    """Where numbers lie, about."""

    def __init__(self) -> None:
        self._digest = require_datasketches().tdigest_double(COMPRESSION)

    def update(self, values: Array) -> None:
        """Add numbers, float64."""
        self._digest.update(values)

    def stretches(self) -> tuple[Array, Array]:
        """The middle of each of many stretches of the line, in order, and its share of all.

        Shares are equal but for the ends, where ever smaller ones lead to the outermost numbers.
        """
        n = self._digest.get_total_weight()
        tail = 0.5 ** np.arange(1, max(np.log2(n / STRETCHES), 0) + 1) / STRETCHES
        inner = np.arange(STRETCHES + 1) / STRETCHES
        edges = np.sort(np.concatenate([inner, tail, 1 - tail]))
        middles = (edges[:-1] + edges[1:]) / 2
        places = np.array([self._digest.get_quantile(rank) for rank in middles.tolist()])
        return places, np.diff(edges)


class Frequent:
    """The commonest texts and how many rows have each, at least.

    Parameters
    ----------
    lg_size : int
        Of the table of counters, as a power of two.

    Attributes
    ----------
    error : float
        The most by which a count may be too low, as a share of all rows.
    """

    def __init__(self, lg_size: int) -> None:
        self._size = 2**lg_size
        self.error = 4.5 / self._size
        self._module = require_datasketches()
        self._counters = self._module.frequent_strings_sketch(lg_size)

    def wants(self, counts: Array, n_rows: int) -> Array:
        """Which texts of n rows are worth counting: all others together are too few to matter."""
        return counts * self._size >= n_rows

    def update(self, texts: Iterable[str], counts: Iterable[int]) -> None:
        """Add rows."""
        for text, count in zip(texts, counts, strict=True):
            self._counters.update(text, count)

    def found(self) -> list[tuple[str, int]]:
        """Texts and counts, the commonest first."""
        kind = self._module.frequent_items_error_type.NO_FALSE_NEGATIVES
        items = [(text, least) for text, _, least, _ in self._counters.get_frequent_items(kind, 0)]
        return sorted(items, key=lambda item: (-item[1], item[0]))


class Distinct:
    """About how many different texts there are, and how many that one row has and no other."""

    def __init__(self) -> None:
        module = require_datasketches()
        self._sample = module.update_tuple_sketch(module.AccumulatorPolicy(), LG_SAMPLE)

    def update(self, texts: Iterable[str], counts: Iterable[int]) -> None:
        """Add rows."""
        for text, count in zip(texts, counts, strict=True):
            self._sample.update(text, count)

    @property
    def n(self) -> int:
        """Different texts."""
        return round(self._sample.get_estimate())

    @property
    def alone(self) -> int:
        """Texts of one row."""
        return round(sum(count == 1 for _, count in self._sample) / self._sample.theta)
