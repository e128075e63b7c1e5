"""Per row and column of sequences: how likely, and how odd. Two questions to one bound.

*How likely*: windows follow each other as they do when sequences are drawn
(:mod:`tabdiff.inference.unroll`). All rows of the first are unknown, and of each later one those
that the windows before do not have, with what came before known beside them. Every row is asked
once, together with its neighbours, so

    log p(sequence | entity, moments) >= sum over rows and columns of nats.

*How odd*: every row is asked given those around it in a window, every fourth one at a time,

    sum over rows asked at once of oddity >= -log p(those rows | the others of the window).

So what comes before and after an odd row tells that it is odd. Where it is asked together with its
neighbours part of them are still hidden when it is shown; given the past alone, the row after an
odd one is odd as well. Measured beside both (benchmarks/NOTES.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tabdiff.analytics.measure import log_measure, log_smooth_measure
from tabdiff.analytics.rows import Shared, by_column
from tabdiff.analytics.scores import Measure, bounds, measured
from tabdiff.data.cells import Array
from tabdiff.data.frames import to_pandas
from tabdiff.data.long import LongFrame
from tabdiff.data.mixed import Known, Mixed
from tabdiff.data.sequence import SequenceEncoder, Slots
from tabdiff.data.windows import windows_around, windows_in_turn
from tabdiff.fitted import FittedSequences
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import Path
from tabdiff.sequences import encode_context

# Slots looked at together, about. A matter of the model alone, as for tables.
BLOCK_SLOTS = 1024
# Rows asked at once are so far apart: nearer ones tell of each other, farther ones cost more calls.
APART = 4

Windows = Callable[[Array, int], tuple[Array, Array]]


def log_likelihoods(
    fitted: FittedSequences, df: Any, steps: int, n_draws: int, entropy: int
) -> pd.DataFrame:
    """Each column's share of the bound on the log-likelihood of each row, in nats.

    Gaps between irregular moments are scored as the column of the moments; before a first row
    there is none, which costs nothing.

    Parameters
    ----------
    fitted : FittedSequences
    df : DataFrame, with the fitted columns
    steps, n_draws, entropy
        As of :func:`tabdiff.analytics.scores.log_likelihoods`.

    Returns
    -------
    DataFrame, (n, modelled columns of the rows)
        In the order and with the index of ``df``.

    Raises
    ------
    SchemaError
        If the frame does not follow the fitted one.
    """
    return _nats(fitted, df, steps, n_draws, entropy, log_measure, _in_turn)


def oddities(
    fitted: FittedSequences, df: Any, steps: int, n_draws: int, entropy: int
) -> pd.DataFrame:
    """Each column's share of minus the log-likelihood of each row given those around it.

    In units in which columns can be compared, those of
    :func:`tabdiff.analytics.measure.log_smooth_measure`; all else as of :func:`log_likelihoods`.
    """
    return -_nats(fitted, df, steps, n_draws, entropy, log_smooth_measure, _around)


class _Turns(NamedTuple):
    """Windows of slots, of which some are asked and all others known.

    Attributes
    ----------
    x0, known : Mixed, Known, (S + 1, D)
    places : Tensor, (M, L), int64
    asked : Tensor, (M, L), bool
    """

    x0: Mixed
    known: Known
    places: Tensor
    asked: Tensor

    def take(self, at: Tensor) -> tuple[Mixed, Known]:
        """Some of the windows, and what is known in them: (B, L, D)."""
        here, shown = self.places[at], ~self.asked[at][..., None]
        known = self.known[here]
        return self.x0[here], Known(known.num | shown, known.cat | shown)

    def to(self, device: torch.device) -> Self:
        """The same windows on another device."""
        return type(self)(
            self.x0.to(device),
            self.known.to(device),
            self.places.to(device),
            self.asked.to(device),
        )


def _in_turn(offsets: Array, window: int) -> tuple[Array, Array]:
    return windows_in_turn(offsets, window, window // 2)


def _around(offsets: Array, window: int) -> tuple[Array, Array]:
    return windows_around(offsets, window, APART)


def _nats(
    fitted: FittedSequences,
    df: Any,
    steps: int,
    n_draws: int,
    entropy: int,
    measure: Measure,
    windows: Windows,
) -> pd.DataFrame:
    encoder, frame = fitted.encoder, to_pandas(df)
    long = LongFrame.read(frame, encoder)
    slots = encoder.lay(long.panel)
    places, asked = windows(slots.offsets, encoder.window)
    row = np.where(asked, np.append(slots.row, -1)[places], -1)
    units = measured(encoder.rows, long.rows, measure)
    total = units.to_numpy(copy=True)
    for draw in range(n_draws):
        noise, rng = generators(entropy, 3, draw, device=fitted.device)
        parts, known = _parts(encoder, long, slots, Shared(rng.bit_generator))
        turns = _Turns(parts, known, torch.from_numpy(places), torch.from_numpy(asked))
        path = Path.draw(fitted.joint, _one_window(encoder, fitted.device), steps, noise)
        block = max(BLOCK_SLOTS // encoder.window, 1)
        take = turns.to(fitted.device).take
        for here, bound in bounds(fitted, take, len(places), block, steps, path):
            there = row[here] >= 0
            gain = bound.gain.numpy()[there][:, encoder.place.stop :]
            paid = bound.paid.numpy()[there][:, encoder.n_context[1] :]
            total[row[here][there]] += by_column(encoder.rows, gain, -paid) / n_draws
    told = pd.DataFrame(total, columns=units.columns)
    if encoder.gap in told.columns:
        told.loc[long.panel.offsets[:-1], encoder.gap] = 0.0
    told = told.iloc[np.argsort(long.panel.order)].set_axis(frame.index)
    return _in_the_users_columns(encoder, told)


def _parts(
    encoder: SequenceEncoder, long: LongFrame, slots: Slots, rng: np.random.Generator
) -> tuple[Mixed, Known]:
    """The parts of all slots, and which of them are no question: (S + 1, D)."""
    rows = encoder.rows.encode(long.rows, rng)
    known = Known.nothing(rows)
    if encoder.gap is not None:
        first = torch.from_numpy(long.panel.offsets[:-1])
        for mask, own in zip((known.num, known.cat), encoder.rows.parts(encoder.gap), strict=True):
            for part in own:
                mask[first, part] = True
    context = encode_context(encoder, long.entities, rng)
    return encoder.assemble(slots, context, rows, known)


def _one_window(encoder: SequenceEncoder, device: torch.device) -> Known:
    """A window of rows of which nothing is known but what is around them, (1, L, D)."""
    num = torch.arange(encoder.layout.n_num, device=device) < encoder.place.stop
    cat = torch.arange(encoder.layout.n_cat, device=device) < encoder.n_context[1]
    return Known(num.expand(1, encoder.window, -1), cat.expand(1, encoder.window, -1))


def _in_the_users_columns(encoder: SequenceEncoder, told: pd.DataFrame) -> pd.DataFrame:
    """Gaps under the label of the moments, and columns in the order of the user's."""
    own = [encoder.roles.index if c == encoder.gap else c for c in told.columns]
    told = told.set_axis(pd.Index(own, tupleize_cols=False), axis=1)
    order = [own.index(c.name) for c in encoder.schema.columns if c.name in own]
    return told.iloc[:, order]
