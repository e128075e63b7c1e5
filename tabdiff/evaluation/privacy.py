"""Whether synthetic rows lie closer to the rows they were learned from than unseen rows do.

Three questions, each beside what unseen real rows answer:

* *copies*: which share of the rows equals a training row? Unseen rows repeat some as well.
* *memorisation excess*: among training and hold-out rows together, how often is the nearest one a
  training row? By chance with probability ``p0 = n / (n + m)``; so

      excess = (share - p0) / (1 - p0)      0: as by chance,  1: a pure copier

* *DCR share*: the same with equally many rows on both sides (ideal 0.5). It tells less: a pure
  copier of a table whose rows lie close together can stay near 0.55.

None of these is a guarantee: they find memory of whole rows, not every leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.neighbours import Space, nearest
from tabdiff.evaluation.tables import Table

Z95 = 1.96
DISTANCE_POINTS = 41
# Floors are needed less exactly than scores.
FLOOR_QUERIES = 2_000


@dataclass(frozen=True)
class Copies:
    """Rows that equal a training row in every judged column.

    Attributes
    ----------
    synthetic : float
        Share of the synthetic rows.
    floor : float
        Share of unseen real rows; without a hold-out, of training rows that equal another one.
    """

    synthetic: float
    floor: float


@dataclass(frozen=True)
class Memorisation:
    """Whether nearest rows are training rows more often than chance allows.

    Attributes
    ----------
    excess : float
        0: no more than by chance; 1: always.
    interval : (float, float)
        95 % Wilson interval of the excess.
    share, chance : float
        Observed share of nearest rows that are training rows, and ``n / (n + m)``.
    floor : float or None
        Excess of hold-out rows that stand in for synthetic ones against the rest of the hold-out;
        None where the hold-out is too small to be split.
    floor_interval : (float, float) or None
    dcr_share : float
        The share with equally many training and hold-out rows.
    dcr_interval : (float, float)
        95 % Wilson interval.
    n_queries : int
        Synthetic rows looked up.
    """

    excess: float
    interval: tuple[float, float]
    share: float
    chance: float
    floor: float | None
    floor_interval: tuple[float, float] | None
    dcr_share: float
    dcr_interval: tuple[float, float]
    n_queries: int


@dataclass(frozen=True)
class Distances:
    """Distance to the closest training record, as quantiles.

    Attributes
    ----------
    levels : tuple of float
        Quantile levels, 0 to 1.
    synthetic : tuple of float
        Quantiles over synthetic rows.
    floor : tuple of float
        Quantiles over hold-out rows (without one: over training rows, to their nearest other).
    """

    levels: tuple[float, ...]
    synthetic: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def medians(self) -> tuple[float, float]:
        """The median distance of synthetic rows and of the floor's."""
        middle = len(self.levels) // 2
        return self.synthetic[middle], self.floor[middle]


@dataclass(frozen=True)
class Privacy:
    """The privacy section.

    Attributes
    ----------
    copies : Copies
    distances : Distances
    memorisation : Memorisation or None
        None without a hold-out: it cannot be told apart from a dense table.
    """

    copies: Copies
    distances: Distances
    memorisation: Memorisation | None


def judge_privacy(
    real: Table, synthetic: Table, holdout: Table | None, seed: int, max_queries: int = 5_000
) -> Privacy:
    """Judge how close synthetic rows are to training rows.

    Parameters
    ----------
    real : Table
        The rows that the model was trained on.
    synthetic, holdout : Table
    seed : int
        Draws the rows that are looked up.
    max_queries : int
        At most so many rows are looked up, against all real rows.
    """
    rng = np.random.default_rng([seed, 4])
    space = Space.of(real)
    copies = count_copies(real, synthetic, holdout)
    queries = synthetic.draw(max_queries, rng)
    if holdout is None:
        shuffled = real.take(rng.permutation(real.n_rows))
        asked = shuffled.take(np.arange(min(max_queries, FLOOR_QUERIES, real.n_rows)))
        near = nearest(queries, [shuffled], space).distance[0]
        others = nearest(asked, [shuffled], space, same_rows=True).distance[0]
        return Privacy(copies, _distances(near, others), None)

    # Train as two blocks, the first as large as the hold-out (or the reverse): one search serves
    # both the excess and the share with equal sizes.
    size = min(real.n_rows, holdout.n_rows)
    train_blocks = _split(real, size, rng)
    test_blocks = _split(holdout, size, rng)
    found = nearest(queries, [*train_blocks, *test_blocks], space)
    train_ids = list(range(len(train_blocks)))
    test_ids = list(range(len(train_blocks), len(train_blocks) + len(test_blocks)))
    chance = real.n_rows / (real.n_rows + holdout.n_rows)
    share = found.share(train_ids, test_ids)
    equal = found.share(train_ids[:1], test_ids[:1])
    few = min(max_queries, FLOOR_QUERIES)
    floor = _floor(real, holdout, space, rng, few)
    unseen = nearest(holdout.draw(few, rng), [real], space).distance[0]
    memorisation = Memorisation(
        excess=_excess(float(share.mean()), chance),
        interval=_excess_interval(share, chance),
        share=float(share.mean()),
        chance=chance,
        floor=None if floor is None else floor[0],
        floor_interval=None if floor is None else floor[1],
        dcr_share=float(equal.mean()),
        dcr_interval=wilson(float(equal.mean()), len(equal)),
        n_queries=queries.n_rows,
    )
    near = found.distance[train_ids].min(axis=0)
    return Privacy(copies, _distances(near, unseen), memorisation)


def count_copies(real: Table, synthetic: Table, holdout: Table | None) -> Copies:
    """Count rows that equal a training row, and what unseen rows score."""
    prints = real.fingerprints()
    known = np.unique(prints)
    made = float(np.isin(synthetic.fingerprints(), known).mean())
    if holdout is not None:
        return Copies(made, float(np.isin(holdout.fingerprints(), known).mean()))
    return Copies(made, repeated_share(prints))


def repeated_share(prints: npt.NDArray[np.uint64]) -> float:
    """Share of rows that equal another row of the same table."""
    _, inverse, counts = np.unique(prints, return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).mean())


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927)."""
    spread = Z95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    margin = Z95 * np.sqrt(max(share * (1 - share), 0.0) / n + spread / (4 * n)) / (1 + spread)
    return float(max(centre - margin, 0.0)), float(min(centre + margin, 1.0))


def _excess(share: float, chance: float) -> float:
    return (share - chance) / (1 - chance)


def _excess_interval(share: npt.NDArray[np.float64], chance: float) -> tuple[float, float]:
    low, high = wilson(float(share.mean()), len(share))
    return _excess(low, chance), _excess(high, chance)


def _split(table: Table, size: int, rng: np.random.Generator) -> list[Table]:
    """A random block of ``size`` rows, and the rest where there is one."""
    if table.n_rows == size:
        return [table]
    order = rng.permutation(table.n_rows)
    return [table.take(order[:size]), table.take(order[size:])]


def _floor(
    real: Table, holdout: Table, space: Space, rng: np.random.Generator, max_queries: int
) -> tuple[float, tuple[float, float]] | None:
    """The excess of one half of the hold-out, with the other half as the hold-out."""
    if holdout.n_rows < 4:
        return None
    asked, rest = holdout.halves(rng)
    asked = asked.draw(max_queries, rng)
    share = nearest(asked, [real, rest], space).share([0], [1])
    chance = real.n_rows / (real.n_rows + rest.n_rows)
    return _excess(float(share.mean()), chance), _excess_interval(share, chance)


def _distances(synthetic: npt.NDArray[np.float32], floor: npt.NDArray[np.float32]) -> Distances:
    levels = np.linspace(0, 1, DISTANCE_POINTS)
    return Distances(
        tuple(map(float, levels)),
        tuple(map(float, np.quantile(synthetic, levels))),
        tuple(map(float, np.quantile(floor, levels))),
    )
