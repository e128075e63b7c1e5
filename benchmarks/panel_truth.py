"""A panel of known laws, and how far made entities are from them, in units of sampling error.

Laws. An entity has a `group` (a, b or c) and a level mu ~ N(LEVELS[group], 1), which is not shown.
Its length is 3 + Poisson(LENGTHS[group]), at most 40. In each row:

* `state`, one of four, is a Markov chain: the first uniform, then by the matrix of the group;
* `x` is AR(1) around mu: x_t = mu + PHI (x_(t-1) - mu) + e_t, e_t ~ N(0, 1), x_1 stationary;
* `y` ~ N(CENTRES[state], SPREADS[state]^2) is told by the state of the same row;
* `day` counts from 0, and each cell of `state`, `x` and `y` is missing with probability GAPS.

A figure is told by a vector of estimates s (`statistics`). Its error is the root mean square of
(s - E s) / sd s: the expectation from the laws where it is at hand, else, as the standard
deviation, from `SIMULATIONS` panels of as many entities drawn from them. 1 is as good as new
entities from the laws. A model that has learned all that so many training entities can tell is at
about sqrt(2), for their own error. Derived here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.rivals.sequences.contract import Layout

Numbers = npt.NDArray[np.float64]

LAYOUT = Layout("entity", "day", ("group",), ("group", "state"))
GROUPS, STATES = ("a", "b", "c"), ("calm", "busy", "hot", "off")
SHARES = np.array([0.5, 0.3, 0.2])
LENGTHS, MOST_ROWS = np.array([5.0, 9.0, 14.0]), 40
LEVELS = np.array([-1.0, 0.0, 2.0])
PHI, GAPS = 0.7, 0.03
TRANSITIONS = np.array(
    [
        [[0.7, 0.2, 0.1, 0.0], [0.3, 0.5, 0.1, 0.1], [0.1, 0.3, 0.5, 0.1], [0.4, 0.1, 0.1, 0.4]],
        [[0.2, 0.6, 0.1, 0.1], [0.1, 0.3, 0.5, 0.1], [0.1, 0.1, 0.2, 0.6], [0.5, 0.2, 0.1, 0.2]],
        [[0.1, 0.1, 0.2, 0.6], [0.6, 0.2, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.0, 0.3, 0.6, 0.1]],
    ]
)
CENTRES, SPREADS = np.array([0.0, 2.0, 5.0, -3.0]), np.array([1.0, 0.5, 2.0, 0.2])
# Lengths are counted in these bins: [3, 6), [6, 9) and so on, the last without end.
LENGTH_EDGES = np.array([3, 6, 9, 12, 15, 18, 22])
FIGURES = ("transitions", "lengths", "autoregression", "levels", "response", "gaps")
SIMULATIONS = 40


def draw(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """So many entities; their keys count from 0."""
    group = rng.choice(len(GROUPS), size=n, p=SHARES)
    length = np.minimum(3 + rng.poisson(LENGTHS[group]), MOST_ROWS)
    steps = int(length.max())
    state, x = np.empty((n, steps), dtype=int), np.empty((n, steps))
    mu = LEVELS[group] + rng.standard_normal(n)
    state[:, 0] = rng.integers(len(STATES), size=n)
    x[:, 0] = mu + rng.standard_normal(n) / np.sqrt(1 - PHI**2)
    upto = TRANSITIONS.cumsum(axis=2)[..., :-1]
    for t in range(1, steps):
        state[:, t] = (rng.random((n, 1)) > upto[group, state[:, t - 1]]).sum(axis=1)
        x[:, t] = mu + PHI * (x[:, t - 1] - mu) + rng.standard_normal(n)
    entity, day = np.nonzero(np.arange(steps) < length[:, None])
    state, x = state[entity, day], x[entity, day]
    values = pd.DataFrame(
        {
            "state": np.array(STATES, dtype=object)[state],
            "x": x,
            "y": CENTRES[state] + SPREADS[state] * rng.standard_normal(len(state)),
        }
    )
    known = rng.random(values.shape) >= GAPS
    first = pd.DataFrame({"entity": entity, "day": day})
    first["group"] = np.array(GROUPS, dtype=object)[group[entity]]
    return pd.concat([first, values.where(known)], axis=1)


def statistics(frame: pd.DataFrame) -> dict[str, Numbers]:
    """The estimates of each of `FIGURES`; one that the frame says nothing of is nan.

    Parameters
    ----------
    frame : DataFrame
        With the columns of `draw`, an entity's rows together and in order.
    """
    entity = frame["entity"].to_numpy()
    group = pd.Categorical(frame["group"], GROUPS).codes
    state = pd.Categorical(frame["state"], STATES).codes
    x, y = (frame[name].to_numpy(dtype=float) for name in ("x", "y"))
    first = np.r_[True, entity[1:] != entity[:-1]]
    length = np.diff(np.r_[np.flatnonzero(first), len(frame)])
    return {
        "transitions": _transitions(group, state, ~first[1:]),
        "lengths": _lengths(group[first], length),
        "autoregression": np.array([autoregression(x, ~first[1:])]),
        "levels": _levels(x, group, entity),
        "response": np.array(
            [f(y[state == k]) for k in range(len(STATES)) for f in (_mean, _sd)], dtype=float
        ),
        "gaps": frame[["state", "x", "y"]].isna().to_numpy().mean(axis=0),
    }


def errors(frame: pd.DataFrame) -> dict[str, float]:
    """Each of `FIGURES` in units of sampling error; see the top of this file.

    An estimate that the frame says nothing of counts as the largest error a share or a correlation
    can have, 1 in its own units, over the sampling error.
    """
    expected, spread = _law(frame["entity"].nunique())
    found = statistics(frame)
    result = {}
    for name in FIGURES:
        away = np.where(np.isnan(found[name]), 1.0, np.abs(found[name] - expected[name]))
        result[name] = float(np.sqrt(np.mean((away / spread[name]) ** 2)))
    return result


def autoregression(x: Numbers, follows: npt.NDArray[np.bool_]) -> float:
    """PHI from the correlation r of successive differences: phi = 1 + 2 r.

    Of a stationary AR(1), E d_t d_(t-1) = -(1 - phi)^2 / (1 - phi^2) and E d_t^2 = 2 (1 - phi) /
    (1 - phi^2), so r = -(1 - phi) / 2, whatever the entity's level: no bias by short sequences, as
    the usual estimate around the entity's mean has (Nickell 1981).

    Parameters
    ----------
    x : array, (n,)
    follows : array of bool, (n - 1,)
        Whether row i + 1 is of the entity of row i.
    """
    step = np.where(follows, np.diff(x), np.nan)
    # Only steps that lie side by side, so that both moments are of the same cells.
    before, after = step[:-1], step[1:]
    both = ~np.isnan(before * after)
    square = float((before[both] ** 2 + after[both] ** 2).sum()) / 2
    return 1 + 2 * float((before * after)[both].sum()) / square if square > 0 else np.nan


@lru_cache(maxsize=4)
def _law(n: int) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """Expectation and standard deviation of the estimates from so many entities."""
    rng = np.random.default_rng(2)
    drawn = [statistics(draw(n, rng)) for _ in range(SIMULATIONS)]
    stacked = {name: np.stack([one[name] for one in drawn]) for name in FIGURES}
    spread = {name: np.nanstd(values, axis=0, ddof=1) for name, values in stacked.items()}
    # Of an estimate that no simulation moved, a transition that never happens: one case.
    floor = 1 / n
    expected = {name: np.nanmean(values, axis=0) for name, values in stacked.items()}
    expected |= {
        "transitions": TRANSITIONS.ravel(),
        "autoregression": np.array([PHI]),
        "response": np.column_stack([CENTRES, SPREADS]).ravel(),
        "gaps": np.full(3, GAPS),
    }
    return expected, {name: np.maximum(sd, floor) for name, sd in spread.items()}


def _transitions(
    group: npt.NDArray[np.int8], state: npt.NDArray[np.int8], follows: npt.NDArray[np.bool_]
) -> Numbers:
    """The matrix of every group, rows by what they come from; an unknown level is no state."""
    used = follows & (state[:-1] >= 0) & (state[1:] >= 0) & (group[1:] >= 0)
    counts = np.zeros(TRANSITIONS.shape)
    np.add.at(counts, (group[1:][used], state[:-1][used], state[1:][used]), 1)
    total = counts.sum(axis=2, keepdims=True)
    shares = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    return shares.ravel()


def _lengths(group: npt.NDArray[np.int8], length: npt.NDArray[np.int64]) -> Numbers:
    """Shares of entities by group and bin of length; what no bin holds is in none."""
    place = np.searchsorted(LENGTH_EDGES, length, side="right") - 1
    counts = np.zeros((len(GROUPS), len(LENGTH_EDGES)))
    used = (group >= 0) & (place >= 0)
    np.add.at(counts, (group[used], place[used]), 1)
    return (counts / len(length)).ravel()


def _levels(x: Numbers, group: npt.NDArray[np.int8], entity: npt.NDArray[np.int64]) -> Numbers:
    """Mean and standard deviation over entities of the mean of x, by group."""
    means = pd.DataFrame({"group": group, "x": x}).groupby([entity, "group"])["x"].mean()
    of_group = means.groupby("group")
    both = pd.concat([of_group.mean(), of_group.std()], axis=1)
    return both.reindex(range(len(GROUPS))).to_numpy().ravel()


def _mean(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _sd(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan
