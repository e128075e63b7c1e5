"""Forecasts: histories with rows to come, and what is told of the futures drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.errors import ConditionError, SchemaError, closest, shorten
from tabdiff.data.given import Given
from tabdiff.data.long import LongFrame
from tabdiff.data.panel import free_label
from tabdiff.data.question import Question
from tabdiff.data.reading import read_cells
from tabdiff.data.scalars import typed_key
from tabdiff.data.schema import check_family
from tabdiff.data.sequence import SequenceEncoder
from tabdiff.data.table import by_label
from tabdiff.data.timeline import Timeline
from tabdiff.data.unfinished import Unfinished


class Ahead(NamedTuple):
    """Histories, each with ``horizon`` rows to come.

    Attributes
    ----------
    asked : Unfinished
        Of n sequences with N rows.
    late : bool array, (N,)
        Which rows are to come.
    horizon : int
    """

    asked: Unfinished
    late: Array
    horizon: int

    def repeated(self, times: int) -> Ahead:
        """All sequences so many times, one set after the other."""
        chosen = np.tile(np.arange(len(self.asked)), times)
        return Ahead(self.asked.take(chosen), np.tile(self.late, times), self.horizon)

    def moments(self, encoder: SequenceEncoder, rows: pd.DataFrame) -> Array:
        """The moment of each row, (N,); where they are irregular, by the gaps among ``rows``."""
        times = self.asked.slots.times[self.asked.slots.row >= 0].copy()
        if encoder.gap is not None:
            gaps = rows[encoder.gap].to_numpy()[self.late].reshape(-1, self.horizon)
            times[self.late] += np.cumsum(gaps, axis=1).ravel().astype(times.dtype)
        return times


def look_ahead(
    encoder: SequenceEncoder, long: LongFrame, horizon: int, known_future: pd.DataFrame | None
) -> Ahead:
    """The last rows of each history that a window has room for, and ``horizon`` rows behind them.

    Raises
    ------
    SchemaError, ConditionError
        If the histories hold what the encoders do not know, or ``known_future`` is not ``horizon``
        rows for each entity with the columns that the fit knows ahead.
    """
    if not len(long.rows):
        raise SchemaError("the history has no rows: a forecast needs at least one of each entity.")
    encoder.timeline.require_step()
    given = Question.of_gaps(encoder.rows, long.rows, np.arange(len(long.rows))).given
    slots = encoder.lay(long.panel)
    history = Unfinished(long.entities, slots, given)
    # As much of the past as leaves the network windows as full as those that it learned from.
    seen = encoder.window - min(horizon, encoder.ahead_at_once)
    kept = np.minimum(np.diff(slots.offsets), max(seen, 1))
    n, timeline = len(history), encoder.timeline
    last = np.repeat(slots.times[slots.offsets[1:] - 1], horizon)
    steps = np.tile(np.arange(1, horizon + 1), n)
    if timeline.kind == "order":
        last = last + steps
    elif timeline.regular:
        last = timeline.moments(last, steps)
    if known_future is None:
        if encoder.roles.ahead:
            names = ", ".join(map(repr, encoder.roles.ahead))
            raise ConditionError(f"the fit knows {names} ahead: give them as known_future.")
        new = Given.nothing(n * horizon, len(encoder.rows.fields))
    else:
        new = _known(encoder, long, known_future, horizon, last)
    asked, late = history.tail(kept).followed(last, new)
    return Ahead(asked, late, horizon)


def _known(
    encoder: SequenceEncoder, long: LongFrame, frame: pd.DataFrame, horizon: int, moments: Array
) -> Given:
    """The cells of ``frame``, entity by entity in the order of ``long``."""
    roles, series = encoder.roles, by_label(frame)
    known = [column.name for column in encoder.schema.columns]
    for label in series:
        if label not in known:
            raise SchemaError(
                f"known_future: column {label!r} is none of the fitted ones.{closest(label, known)}"
            )
    needed = [label for label in (roles.key, *roles.ahead) if label is not None]
    for label in needed:
        if label not in series:
            raise SchemaError(
                f"known_future: column {label!r} is absent.{closest(label, list(series))}"
            )
    owner = np.zeros(len(frame), dtype=np.int64)
    if roles.key is not None:
        keys = pd.Index(by_label(long.entities)[roles.key])
        owner = keys.get_indexer(pd.Index(series[roles.key]))
        if (owner < 0).any():
            unknown = series[roles.key].iloc[int(np.argmax(owner < 0))]
            raise SchemaError(
                f"known_future: the history has no entity {shorten(unknown)}."
                f"{closest(unknown, keys)}"
            )
    counts = np.bincount(owner, minlength=len(long.entities))
    if (counts != horizon).any():
        at = int(np.argmax(counts != horizon))
        which = "" if roles.key is None else f" of {shorten(long.entities[roles.key].iloc[at])}"
        raise SchemaError(
            f"known_future must have horizon={horizon} rows for each entity; there are "
            f"{counts[at]}{which}."
        )
    order = np.argsort(owner, kind="stable")
    own = {label: series[label] for label in roles.rows if label in series}
    if roles.index in series and encoder.timeline.column is not None:
        times = _moments_told(series[roles.index], encoder.timeline.column)
        order = np.lexsort((times, owner))
        gaps = _require_next(encoder.timeline, times[order], moments, horizon)
        if encoder.gap is not None:
            own[encoder.gap] = pd.Series(gaps[np.argsort(order)], index=frame.index)
    told = pd.DataFrame({at: column.iloc[order] for at, column in enumerate(own.values())})
    labels = pd.Index(list(own), dtype=object, tupleize_cols=False)
    told = told.reset_index(drop=True).set_axis(labels, axis=1)
    return Question.of_known(encoder.rows, told).given


def _moments_told(series: pd.Series, column: Column) -> Array:
    check_family(series, column)
    cells = read_cells(series, column)
    if cells.missing.any():
        at = int(np.argmax(cells.missing))
        raise SchemaError(f"known_future: column {column.name!r} misses its cell at row {at}.")
    return cells.values


def _require_next(timeline: Timeline, times: Array, moments: Array, horizon: int) -> Array:
    """The gaps before the moments of rows to come, which must follow the history.

    Parameters
    ----------
    times : array, (n * horizon,)
        Told, in order.
    moments : array, (n * horizon,)
        Those that come next where they are regular, else the last one of the history.

    Raises
    ------
    SchemaError
        Naming the first moment that does not.
    """
    before = np.where(np.arange(len(times)) % horizon, np.roll(times, 1), moments)
    expected = moments if timeline.regular else before
    off = times != moments if timeline.regular else times <= before
    if len(at := np.flatnonzero(off)):
        raise SchemaError(
            f"known_future: {timeline.shown(times[at[0]])} is no moment to come; "
            f"{timeline.shown(expected[at[0]])} {'is' if timeline.regular else 'lies before it'}."
        )
    return np.asarray(times - before)


def by_quantiles(
    encoder: SequenceEncoder, futures: pd.DataFrame, n_draws: int, quantiles: Sequence[float]
) -> pd.DataFrame:
    """One row per entity and moment: quantiles of numbers, the most frequent category.

    Parameters
    ----------
    futures : DataFrame
        One set of all entities' rows to come after the other. Where moments are irregular the one
        told is the median of the draws' moments at the same place.
    n_draws : int
        Sets.

    quantiles : sequence of float in (0, 1)
    """
    n = len(futures) // n_draws
    place = np.tile(np.arange(n), n_draws)
    first = futures.iloc[:n].reset_index(drop=True)
    modelled = {field.column.name: field.column for field in encoder.rows.fields}
    taken = list(futures.columns)
    columns: dict[object, pd.Series] = {}
    for label, series in by_label(futures).items():
        if label == encoder.roles.index and encoder.timeline.kind == "irregular":
            columns[label] = _quantile(series, place, 0.5)
        elif label not in modelled:
            columns[label] = first[label]
        elif modelled[label].kind in ("numeric", "datetime", "timedelta"):
            for q in quantiles:
                columns[free_label(f"{label}_{q:g}", taken)] = _quantile(series, place, q)
        else:
            columns[label] = _most_frequent(series, place)
    return pd.DataFrame({k: v.reset_index(drop=True) for k, v in columns.items()})


def _quantile(series: pd.Series, place: Array, q: float) -> pd.Series:
    """A quantile at each place; of what has an order and no arithmetic, the nearest one drawn."""
    if _has_arithmetic(series):
        wide = series.astype("float64") if series.dtype == "float16" else series
        told = wide.groupby(place).quantile(q)
        return told.astype("float16") if series.dtype == "float16" else told
    codes, values = pd.factorize(series, sort=True)
    ranks = pd.Series(codes).where(codes >= 0).groupby(place)
    nearest = ranks.quantile(q, interpolation="nearest")
    return pd.Series(values, dtype=series.dtype).reindex(nearest.to_numpy())


def _has_arithmetic(series: pd.Series) -> bool:
    """Whether pandas can average two of the numbers, by floats that tell them all apart."""
    if not isinstance(series.dtype, np.dtype) or series.dtype.kind not in "iufmM":
        return False
    if series.dtype.kind not in "iu":
        return True
    return max(abs(int(series.min())), abs(int(series.max()))) <= 2**53


def _most_frequent(series: pd.Series, place: Array) -> pd.Series:
    """The commonest value at each place, of several the one that was drawn first."""
    keys = series
    if series.dtype == object:
        # Among objects pandas takes 1, 1.0 and True for one value.
        keys = pd.Series([typed_key(value) for value in series], dtype=object)
    codes = pd.factorize(keys, use_na_sentinel=False)[0]
    many = int(codes.max(initial=0)) + 1
    pairs, first, counts = np.unique(place * many + codes, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts, pairs // many))
    best = np.unique(pairs[order] // many, return_index=True)[1]
    return series.iloc[first[order][best]]
