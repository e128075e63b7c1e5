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

from tabdiff.evaluation.attacks import (
    MIN_HOLDOUT,
    AttributeInference,
    Membership,
    attribute_inference,
    membership_attack,
)
from tabdiff.evaluation.copies import Copies, NearCopies, count_copies, count_near_copies
from tabdiff.evaluation.intervals import Interval, wilson
from tabdiff.evaluation.neighbours import TIE, Singles, Space, nearest
from tabdiff.evaluation.sdmetrics_privacy import DCRProtection, dcr_protection
from tabdiff.evaluation.tables import Table

DISTANCE_POINTS = 41
# Floors are needed less exactly than scores.
FLOOR_QUERIES = 2_000


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
    nndr_share : float
        With equally many rows, how often the ratio of nearest to second nearest distance is
        smaller among training rows than among hold-out rows (ties count one half); by chance 0.5.
        A row that was copied with noise has one very near row and no other.
    nndr_interval : (float, float)
        95 % Wilson interval.
    n_queries : int
        Synthetic rows looked up.
    """

    excess: float
    interval: Interval
    share: float
    chance: float
    floor: float | None
    floor_interval: Interval | None
    dcr_share: float
    dcr_interval: Interval
    nndr_share: float
    nndr_interval: Interval
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
    def medians(self) -> Interval:
        """The median distance of synthetic rows and of the floor's."""
        middle = len(self.levels) // 2
        return self.synthetic[middle], self.floor[middle]


@dataclass(frozen=True)
class Privacy:
    """The privacy section; what needs a hold-out is None without one.

    Attributes
    ----------
    copies : Copies
    near_copies : NearCopies
    distances : Distances
    memorisation : Memorisation or None
    membership : Membership or None
        None too where the hold-out has fewer than 20 rows.
    inference : AttributeInference or None
        None too for a single column.
    protection : DCRProtection
    """

    copies: Copies
    near_copies: NearCopies
    distances: Distances
    memorisation: Memorisation | None
    membership: Membership | None
    inference: AttributeInference | None
    protection: DCRProtection


def judge_privacy(
    real: Table, synthetic: Table, holdout: Table | None, seed: int, max_queries: int = 5_000
) -> Privacy:
    """Judge how close synthetic rows are to training rows, and what an attacker gains.

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
    few = min(max_queries, FLOOR_QUERIES)
    shuffled = real.take(rng.permutation(real.n_rows))
    asked = shuffled.take(np.arange(min(few, real.n_rows)))
    among = nearest(asked, [shuffled], space, same_rows=True).distance[0]
    queries = synthetic.draw(max_queries, rng)
    memorisation = membership = inference = None
    if holdout is None:
        near, unseen = nearest(queries, [shuffled], space).distance[0], among
    else:
        memorisation, near = _memorisation(real, queries, holdout, space, rng)
        unseen = nearest(holdout.draw(few, rng), [real], space).distance[0]
        inference = attribute_inference(real, synthetic, holdout, space, rng)
        if holdout.n_rows >= MIN_HOLDOUT:
            membership = membership_attack(real, synthetic, holdout, space, rng)
    return Privacy(
        copies=count_copies(real, synthetic, holdout),
        near_copies=count_near_copies(near, unseen, among),
        distances=_distances(near, unseen),
        memorisation=memorisation,
        membership=membership,
        inference=inference,
        protection=dcr_protection(real, synthetic, holdout, rng),
    )


def _memorisation(
    real: Table, queries: Table, holdout: Table, space: Space, rng: np.random.Generator
) -> tuple[Memorisation, Singles]:
    """Memorisation, and the distance of each query to the nearest training row."""
    # Train as two blocks, the first as large as the hold-out (or the reverse): one search serves
    # both the excess and the shares with equal sizes.
    size = min(real.n_rows, holdout.n_rows)
    train_blocks = _split(real, size, rng)
    test_blocks = _split(holdout, size, rng)
    found = nearest(queries, [*train_blocks, *test_blocks], space)
    train_ids = list(range(len(train_blocks)))
    test_ids = list(range(len(train_blocks), len(train_blocks) + len(test_blocks)))
    chance = real.n_rows / (real.n_rows + holdout.n_rows)
    share = found.share(train_ids, test_ids)
    equal = found.share(train_ids[:1], test_ids[:1])
    apart = found.ratio(test_ids[0]) - found.ratio(train_ids[0])
    lonely = np.where(np.abs(apart) <= TIE, 0.5, apart > 0)
    floor = _floor(real, holdout, space, rng, min(queries.n_rows, FLOOR_QUERIES))
    memorisation = Memorisation(
        excess=_excess(float(share.mean()), chance),
        interval=_excess_interval(share, chance),
        share=float(share.mean()),
        chance=chance,
        floor=None if floor is None else floor[0],
        floor_interval=None if floor is None else floor[1],
        dcr_share=float(equal.mean()),
        dcr_interval=wilson(float(equal.mean()), len(equal)),
        nndr_share=float(lonely.mean()),
        nndr_interval=wilson(float(lonely.mean()), len(lonely)),
        n_queries=queries.n_rows,
    )
    return memorisation, found.distance[train_ids].min(axis=0)


@dataclass(frozen=True)
class PrivacyFloor:
    """What unseen real rows score in the place of synthetic ones.

    Attributes
    ----------
    membership, inference : float or None
        Area and excess of the attacks, with one part of the hold-out as the synthetic table and
        the others as the rows that were not trained on. None where it is too small.
    protection : DCRProtection
    """

    membership: float | None
    inference: float | None
    protection: DCRProtection


def privacy_floor(real: Table, holdout: Table | None, seed: int) -> PrivacyFloor:
    """Attack with unseen real rows; without a hold-out, with one real half against the other."""
    rng = np.random.default_rng([seed, 9])
    if holdout is None:
        known, stand_in = real.halves(rng)
        return PrivacyFloor(None, None, dcr_protection(known, stand_in, None, rng))
    stand_in, rest = holdout.halves(rng)
    protection = dcr_protection(real, stand_in, rest, rng)
    if holdout.n_rows < 2 * MIN_HOLDOUT:
        return PrivacyFloor(None, None, protection)
    space = Space.of(real)
    found = attribute_inference(real, stand_in, rest, space, rng)
    return PrivacyFloor(
        membership_attack(real, stand_in, rest, space, rng).auc,
        None if found is None else found.excess,
        protection,
    )


def _excess(share: float, chance: float) -> float:
    return (share - chance) / (1 - chance)


def _excess_interval(share: npt.NDArray[np.float64], chance: float) -> Interval:
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
) -> tuple[float, Interval] | None:
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
