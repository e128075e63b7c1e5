"""Laws that draw the counts of a column.

So every dtype is met constant, nearly so, with few values, with all different ones and at its ends.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.trials.catalogue.family import Rng


def _between(rng: Rng, n: int, low: int, high: int) -> list[int]:
    """Whole numbers of any size, both ends included."""
    return [low + int.from_bytes(rng.bytes(20)) % (high - low + 1) for _ in range(n)]


def _near(rng: Rng, n: int, low: int, high: int, span: int) -> list[int]:
    start = _between(rng, 1, low, high)[0] if rng.random() < 0.5 else max(low, min(high, 0))
    return _between(rng, n, max(low, start - span), min(high, start + span))


def _few(rng: Rng, n: int, low: int, high: int) -> list[int]:
    pool = _near(rng, int(rng.integers(2, 6)), low, high, 1000)
    return [pool[i] for i in rng.integers(0, len(pool), n)]


def _all_different(rng: Rng, n: int, low: int, high: int) -> list[int]:
    step = int(rng.choice([1, 1, 7]))
    start = int(rng.choice([0, 1])) if rng.random() < 0.5 else _between(rng, 1, low, high)[0]
    start = max(low, min(start, high - n * step))
    return [min(start + step * int(i), high) for i in rng.permutation(n)]


def _constant(rng: Rng, n: int, low: int, high: int) -> list[int]:
    return _near(rng, 1, low, high, 1000) * n


def _nearly_constant(rng: Rng, n: int, low: int, high: int) -> list[int]:
    counts = _constant(rng, n, low, high)
    counts[int(rng.integers(n))] = _between(rng, 1, low, high)[0]
    return counts


def _ends(rng: Rng, n: int, low: int, high: int) -> list[int]:
    pool = [low, high, min(low + 1, high), max(high - 1, low)]
    return [pool[i] for i in rng.integers(0, len(pool), n)]


def _spiked(rng: Rng, n: int, low: int, high: int) -> list[int]:
    spike = max(low, min(high, 0))
    wide = _near(rng, n, low, high, int(rng.choice([50, 10**9])))
    return [spike if at else count for at, count in zip(rng.random(n) < 0.6, wide, strict=True)]


LAWS: dict[str, Callable[[Rng, int, int, int], list[int]]] = {
    "whole range": _between,
    "some hundreds": lambda rng, n, low, high: _near(rng, n, low, high, 300),
    "some millions": lambda rng, n, low, high: _near(rng, n, low, high, 10**6),
    "few": _few,
    "all different": _all_different,
    "constant": _constant,
    "nearly constant": _nearly_constant,
    "ends": _ends,
    "spiked": _spiked,
}
