"""Per row and column: how likely, and how odd.

    score(row) = sum over columns of nats  <=  log p(row)

The nats of a column are the model's bound (:mod:`tabdiff.inference.likelihood`) told in the
column's own units (:mod:`tabdiff.analytics.measure`). All rows follow the same path to noise, so
that rows can be compared, and what is said of a row does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tabdiff.analytics.measure import log_measure, log_smooth_measure
from tabdiff.analytics.rows import Shared, by_column, cells_of, encode, modelled
from tabdiff.data.cells import Array, Cells
from tabdiff.data.frames import to_pandas
from tabdiff.data.mixed import Known, Mixed
from tabdiff.data.parts import ColumnEncoder
from tabdiff.data.table import TableEncoder
from tabdiff.fitted import Fitted, Learned
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import Bound, Path, log_likelihood
from tabdiff.inference.threads import side_by_side

# Rows looked at together. Always so many, or the rounding of a row's nats would depend on them.
BLOCK = 256

Measure = Callable[[ColumnEncoder, Cells], Array]
Take = Callable[[Tensor], tuple[Mixed, Known]]


def log_likelihoods(
    fitted: Fitted, df: Any, steps: int, n_draws: int, entropy: int
) -> pd.DataFrame:
    """Each column's share of the bound on the log-likelihood of each row, in nats.

    Parameters
    ----------
    fitted : Fitted
    df : DataFrame or array, with the fitted columns
    steps : int
        Intervals of diffusion time.
    n_draws : int
        Paths to noise, each followed together with its mirror image.
    entropy : int
        Where the paths come from.

    Returns
    -------
    DataFrame, (n, modelled columns)
        With the index of ``df``. Its sums over columns are the rows' scores.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    """
    return _nats(fitted, df, steps, n_draws, entropy, log_measure)


def oddities(fitted: Fitted, df: Any, steps: int, n_draws: int, entropy: int) -> pd.DataFrame:
    """Minus :func:`log_likelihoods` in units in which columns can be compared.

    See :func:`tabdiff.analytics.measure.log_smooth_measure`.
    """
    return -_nats(fitted, df, steps, n_draws, entropy, log_smooth_measure)


def flagged(oddity: pd.DataFrame, contamination: float) -> pd.DataFrame:
    """The oddest rows.

    Parameters
    ----------
    oddity : DataFrame, (n, columns)
        Of :func:`oddities`.
    contamination : float, in (0, 0.5]
        Share of the rows to flag, rounded to whole rows, the oddest first.

    Returns
    -------
    DataFrame, (n, 3)
        score : nats, the higher the odder; anomaly : bool; column : the one whose cell is oddest,
        compared with the median of its column.

    Raises
    ------
    ValueError
        If there are no columns.
    """
    if not oddity.shape[1]:
        raise ValueError(
            "no row is odd: every column holds one value, none at all, or identifiers."
        )
    score = oddity.sum(axis=1)
    rank = np.argsort(np.argsort(-score.to_numpy(), kind="stable"), kind="stable")
    above = oddity - oddity.median()
    worst = oddity.columns[above.to_numpy().argmax(axis=1)]
    return pd.DataFrame(
        {
            "score": score,
            "anomaly": rank < round(contamination * len(score)),
            "column": pd.Series(list(worst), index=oddity.index, dtype=object),
        }
    )


def bounds(
    learned: Learned, take: Take, n: int, block: int, steps: int, path: Path
) -> Iterator[tuple[slice, Bound]]:
    """The bound on each of ``n`` examples along one path, block after block.

    Parameters
    ----------
    take : callable
        Places (B,) to those examples and what is known of them, (B, *, D).
    block : int
        Examples looked at together; the last block is filled up with its last example.
    path : Path
        Of one example.

    Yields
    ------
    slice
        Where the examples lie among the ``n``.
    Bound, (B, *, D)
        On the CPU.
    """

    def bound(first: int) -> Bound:
        at = torch.arange(first, first + block, device=learned.device)
        x0, known = take(at.clamp(max=n - 1))
        return log_likelihood(learned.denoiser, learned.joint, x0, known, steps, path)

    for first, found in side_by_side(bound, range(0, n, block), learned.device):
        kept = min(block, n - first)
        yield slice(first, first + kept), Bound(found.gain[:kept].cpu(), found.paid[:kept].cpu())


def measured(encoder: TableEncoder, df: Any, measure: Measure) -> pd.DataFrame:
    """What the units add to the nats of each modelled column, with the index of ``df``."""
    frame, fields = to_pandas(df), modelled(encoder)
    added = np.zeros((len(frame), len(fields)))
    for at, (field, cells) in enumerate(zip(fields, cells_of(encoder, frame), strict=True)):
        added[:, at] = measure(field.encoder, cells)
    labels = pd.Index([field.column.name for field in fields], tupleize_cols=False)
    return pd.DataFrame(added, index=frame.index, columns=labels)


def _nats(
    fitted: Fitted, df: Any, steps: int, n_draws: int, entropy: int, measure: Measure
) -> pd.DataFrame:
    total = measured(fitted.encoder, df, measure)
    for draw in range(n_draws):
        noise, rng = generators(entropy, 3, draw, device=fitted.device)
        rows = encode(fitted, df, Shared(rng.bit_generator))
        known = Known.nothing(rows)
        path = Path.draw(fitted.joint, known[:1], steps, noise)
        take = partial(_both, rows, known)
        for here, bound in bounds(fitted, take, len(rows), BLOCK, steps, path):
            nats = by_column(fitted.encoder, bound.gain.numpy(), -bound.paid.numpy())
            total.iloc[here] += nats / n_draws
    return total


def _both(x0: Mixed, known: Known, at: Tensor) -> tuple[Mixed, Known]:
    return x0[at], known[at]
