"""Which columns explain which, asked of the one model by showing it parts of rows.

With the columns S known and all else pure noise (t = 1), one call of the network gives
p(x_j | x_S) for every other column j, and its mean surprise over rows is

    H(X_j | X_S) <= E[-log p(x_j | x_S)]

    I(X_i; X_j | X_S) = H(X_j | X_S) - H(X_j | X_i, X_S)

each difference a mean over the same rows, so it comes with a standard error, and with fresh rows it
may be negative where the model sees a relation that is not there. Both directions are averaged.

A number counts by its cell. Its value within the cell is left out: while it is between noise and
data the other columns are too, on the one clock of the network, so they cannot be hidden from it.
What is known, however, is known in full: a column of S shows its cell and its value. So what is
told is the mean of I(cell of X_i; X_j) and I(X_i; cell of X_j): at most I(X_i; X_j), and less by
much only where columns determine each other to within a cell.
A number without cells (a column of few rows) counts by its squared error, as a normal would,

    H(Z_j | Z_S) = 1/2 log(2 pi e E[(z_j - E[z_j | z_S])^2])

exact for normals and at most too high, hence information at most too low, for others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch

from tabdiff.analytics.rows import encode_some, modelled
from tabdiff.data.cells import Array
from tabdiff.data.mixed import Known
from tabdiff.data.table import Field
from tabdiff.fitted import Fitted
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import surprise

BLOCK = 4096


@dataclass(frozen=True)
class Dependence:
    """What columns tell about each other, in nats.

    Attributes
    ----------
    entropy : DataFrame, by column
        alone : H(X_j); given_others : H(X_j | all others); explained : the difference;
        error : standard error of the difference.
    information, information_error : DataFrame, (columns, columns)
        I(X_i; X_j) and its standard error; NaN on the diagonal.
    direct, direct_error : DataFrame, (columns, columns)
        I(X_i; X_j | all others): what two columns share that no other column tells.
    """

    entropy: pd.DataFrame
    information: pd.DataFrame
    information_error: pd.DataFrame
    direct: pd.DataFrame
    direct_error: pd.DataFrame

    def edges(self, least: float = 0.01, errors: float = 4.0) -> pd.DataFrame:
        """The dependence graph: pairs with direct information, the strongest first.

        Two columns are not joined where they are independent given all others; what they share
        through others is in :attr:`information`.

        Parameters
        ----------
        least : float
            Nats below which a relation is not worth a line.
        errors : float
            How many standard errors it must lie above 0; 4 leave 3e-5 false lines a pair.

        Returns
        -------
        DataFrame
            first, second, nats, error.
        """
        names = list(self.direct.index)
        lines = [
            (names[i], names[j], self.direct.iat[i, j], self.direct_error.iat[i, j])
            for i, j in combinations(range(len(names)), 2)
        ]
        frame = pd.DataFrame(lines, columns=["first", "second", "nats", "error"])
        kept = frame[frame["nats"] > np.maximum(least, errors * frame["error"])]
        return kept.sort_values("nats", ascending=False, ignore_index=True)

    def plot(self) -> Any:
        """A plotly figure: heat maps of both kinds of information, and the dependence graph."""
        from tabdiff.analytics.plots import plot_dependence

        return plot_dependence(self.information, self.direct, self.edges())


def dependence(fitted: Fitted, df: Any, max_rows: int, entropy: int) -> Dependence:
    """Measure what each pair of columns shares, alone and given all others.

    Of d columns that takes ``d^2 / 2 + 1.5 d`` network calls a row.

    Parameters
    ----------
    max_rows : int
        The most rows to look at; drawn at random where ``df`` has more.
    entropy : int
        Where the random numbers come from.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    ValueError
        If no column is modelled, or ``df`` has fewer than two rows.
    """
    asked = _Asked(fitted, df, max_rows, entropy)
    d = len(asked.fields)
    every = set(range(d))
    nothing = asked.nats(set())
    given = [asked.nats({i}) for i in range(d)]
    last = np.stack([asked.nats(every - {i})[:, i] for i in range(d)], axis=1)
    shared, direct = _Pairs(asked.names), _Pairs(asked.names)
    for i, j in combinations(range(d), 2):
        pair = asked.nats(every - {i, j})
        shared.set(i, j, nothing[:, j] - given[i][:, j], nothing[:, i] - given[j][:, i])
        direct.set(i, j, pair[:, j] - last[:, j], pair[:, i] - last[:, i])
    table = {"alone": nothing.mean(0), "given_others": last.mean(0)}
    explained = nothing - last
    table |= {"explained": explained.mean(0), "error": _standard_error(explained)}
    return Dependence(
        pd.DataFrame(table, index=asked.names),
        shared.nats,
        shared.error,
        direct.nats,
        direct.error,
    )


def conditional_entropy(
    fitted: Fitted, df: Any, given: Sequence[Hashable], entropy: int
) -> pd.DataFrame:
    """H(X_j | X_S) of every column that is not given, by one network call a row.

    Parameters
    ----------
    given : sequence of column labels
        S; empty for H(X_j).
    entropy : int
        Where the random numbers come from.

    Returns
    -------
    DataFrame, by column
        nats; error : standard error.

    Raises
    ------
    KeyError
        If a given column is not in the table; the message names the closest.
    SchemaError
        If the frame does not follow the schema.
    """
    for label in given:
        fitted.encoder.parts(label)
    asked = _Asked(fitted, df, None, entropy)
    known = {at for at, name in enumerate(asked.names) if name in set(given)}
    nats = asked.nats(known)
    frame = pd.DataFrame({"nats": nats.mean(0), "error": _standard_error(nats)}, index=asked.names)
    return frame[~frame.index.isin(list(given))]


class _Asked:
    """Rows of which the model is shown some columns and asked the others."""

    def __init__(self, fitted: Fitted, df: Any, max_rows: int | None, entropy: int) -> None:
        self._noise, rng = generators(entropy, 5, device=fitted.device)
        rows = encode_some(fitted, df, rng)
        chosen = rng.permutation(len(rows))[:max_rows]
        self._fitted = fitted
        self._rows = fitted.joint.complete(
            rows[torch.from_numpy(chosen).to(fitted.device)], self._noise
        )
        self.fields = modelled(fitted.encoder)
        self.names = pd.Index([f.column.name for f in self.fields], tupleize_cols=False)

    def nats(self, known: Iterable[int]) -> Array:
        """-log p(x_j | known columns) of each row and column, (n, d); 0 where known."""
        shown = set(known)
        mask = self._mask([field for at, field in enumerate(self.fields) if at in shown])
        paid, error = [], []
        for first in range(0, len(self._rows), BLOCK):
            here = slice(first, first + BLOCK)
            found = surprise(
                self._fitted.denoiser,
                self._fitted.joint,
                self._rows[here],
                mask[here],
                self._noise,
            )
            paid.append(found.paid.double().cpu().numpy())
            error.append(found.error.double().cpu().numpy())
        levels, values = np.concatenate(paid), np.concatenate(error)
        nats = np.zeros((len(levels), len(self.fields)))
        for at, field in enumerate(self.fields):
            if at in shown:
                continue
            if field.cat is not None:
                nats[:, at] = levels[:, field.cat]
            elif field.num is not None:
                variance = values[:, field.num].mean()
                nats[:, at] = 0.5 * (np.log(2 * np.pi * variance) + values[:, field.num] / variance)
        return nats

    def _mask(self, shown: list[Field]) -> Known:
        known = Known.nothing(self._rows)
        for field in shown:
            if field.num is not None:
                known.num[:, field.num] = True
            if field.cat is not None:
                known.cat[:, field.cat] = True
        return known


class _Pairs:
    """Two symmetric tables: a mean over rows and directions, and its standard error."""

    def __init__(self, names: pd.Index) -> None:
        d = len(names)
        self.nats, self.error = (
            pd.DataFrame(np.full((d, d), np.nan), index=names, columns=names) for _ in range(2)
        )

    def set(self, i: int, j: int, forth: Array, back: Array) -> None:
        """Take over what two columns tell of each other, row by row."""
        both = (forth + back)[:, None] / 2
        for a, b in ((i, j), (j, i)):
            self.nats.iat[a, b] = float(both.mean())
            self.error.iat[a, b] = float(_standard_error(both)[0])


def _standard_error(per_row: Array) -> Array:
    """Of the means of columns, (n, d) -> (d,)."""
    error: Array = per_row.std(axis=0) / np.sqrt(len(per_row))
    return error
