"""Rows of a frame as the network takes them, and their exact cells."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from tabdiff.data.cells import Array, Cells
from tabdiff.data.frames import to_pandas
from tabdiff.data.mixed import Mixed
from tabdiff.data.reading import read_cells
from tabdiff.data.table import Field, TableEncoder
from tabdiff.fitted import Fitted


class Shared(np.random.Generator):
    """A generator that gives the same number to all who ask at once.

    Numbers are spread over the cells of their lattice; with this one all rows by as much, so what
    is said of a row does not depend on which rows stand beside it.
    """

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """One uniform number, ``size`` times."""
        return np.full(size, super().random())


def encode(fitted: Fitted, df: Any, rng: np.random.Generator) -> Mixed:
    """The parts of every row on the model's device, float32.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    """
    rows = fitted.encoder.encode(df, rng)
    return Mixed(rows.num.float(), rows.cat).to(fitted.device)


def encode_some(fitted: Fitted, df: Any, rng: np.random.Generator) -> Mixed:
    """:func:`encode` for questions about a distribution.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    ValueError
        If no column is modelled, or there are fewer than two rows.
    """
    if not modelled(fitted.encoder):
        raise ValueError(
            "there is nothing to ask: every column of the fitted table holds one value, none at "
            "all, or identifiers."
        )
    rows = encode(fitted, df, rng)
    if len(rows) < 2:
        raise ValueError(f"df must have at least 2 rows. Got {len(rows)}.")
    return rows


def modelled(encoder: TableEncoder) -> list[Field]:
    """The columns that have parts: all but identifiers and columns of one value."""
    return [f for f in encoder.fields if f.num is not None or f.cat is not None]


def cells_of(encoder: TableEncoder, df: Any) -> list[Cells]:
    """The cells of the modelled columns, in order.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    """
    encoder.schema.validate(df)
    frame = to_pandas(df)
    series: dict[Hashable, Any] = {
        label: frame.iloc[:, at] for at, label in enumerate(frame.columns)
    }
    return [read_cells(series[field.column.name], field.column) for field in modelled(encoder)]


def by_column(encoder: TableEncoder, num: Array, cat: Array) -> Array:
    """Numbers of parts, (n, Dn) and (n, Dc), added up by modelled column: (n, columns)."""
    total = np.zeros((len(num), len(modelled(encoder))))
    for at, field in enumerate(modelled(encoder)):
        if field.num is not None:
            total[:, at] += num[:, field.num]
        if field.cat is not None:
            total[:, at] += cat[:, field.cat]
    return total
