"""Per row and column: how likely, and how odd.

    score(row) = sum over columns of nats  <=  log p(row)

The nats of a column are the model's bound (:mod:`tabdiff.inference.likelihood`) told in the
column's own units (:mod:`tabdiff.analytics.measure`). All rows follow the same path to noise, so
that rows can be compared, and what is said of a row does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from tabdiff.analytics.measure import log_measure, log_smooth_measure
from tabdiff.analytics.rows import Shared, by_column, cells_of, encode, modelled
from tabdiff.data.cells import Array, Cells
from tabdiff.data.frames import to_pandas
from tabdiff.data.mixed import Known, Mixed
from tabdiff.data.parts import ColumnEncoder
from tabdiff.fitted import Fitted
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import Path, log_likelihood

# Rows looked at together. Always so many, or the rounding of a row's nats would depend on them.
BLOCK = 256

Measure = Callable[[ColumnEncoder, Cells], Array]


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


def _nats(
    fitted: Fitted, df: Any, steps: int, n_draws: int, entropy: int, measure: Measure
) -> pd.DataFrame:
    fields = modelled(fitted)
    labels = pd.Index([field.column.name for field in fields], tupleize_cols=False)
    total = np.zeros((len(to_pandas(df)), len(fields)))
    for draw in range(n_draws):
        noise, rng = generators(entropy, 3, draw, device=fitted.device)
        rows = encode(fitted, df, Shared(rng.bit_generator))
        path = Path.draw(fitted.joint, Known.nothing(rows[:1]), steps, noise)
        for first, block in _blocks(rows):
            bound = log_likelihood(
                fitted.denoiser, fitted.joint, block, Known.nothing(block), steps, path
            )
            nats = by_column(fitted, bound.gain.cpu().numpy(), -bound.paid.cpu().numpy())
            here = total[first : first + BLOCK]
            here += nats[: len(here)] / n_draws
    for at, (field, cells) in enumerate(zip(fields, cells_of(fitted, df), strict=True)):
        total[:, at] += measure(field.encoder, cells)
    return pd.DataFrame(total, index=to_pandas(df).index, columns=labels)


def _blocks(rows: Mixed) -> Iterator[tuple[int, Mixed]]:
    """Where each block begins, and its rows; the last one is filled up with its last row."""
    for first in range(0, len(rows), BLOCK):
        at = torch.arange(first, first + BLOCK, device=rows.num.device)
        yield first, rows[at.clamp(max=len(rows) - 1)]
