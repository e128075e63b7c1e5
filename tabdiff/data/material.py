"""What a fit learns from: encoded rows, in memory or, where the table came in pieces, in files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tabdiff.data.constraints import Constraint, ConstraintError
from tabdiff.data.guards import UNGUARDED, Guarding, Guards
from tabdiff.data.mixed import Mixed
from tabdiff.data.originals import Originals
from tabdiff.data.pieces import pieces_of
from tabdiff.data.rewriting import Verbatim, rewriting_of
from tabdiff.data.schema import Schema, SchemaError
from tabdiff.data.stored import StoredRows
from tabdiff.data.streaming import streamed
from tabdiff.data.table import TableEncoder


@dataclass(frozen=True)
class Material:
    """Encoded rows, and what leads from the user's table to them.

    Attributes
    ----------
    rewriting : Verbatim
        Between the user's table and the one that is learned.
    encoder : TableEncoder
        Of the one that is learned.
    kept, held_out : Mixed or StoredRows
        Rows to learn from, and others that judge: the same where there is nothing to hold out.
    originals : Originals or None
        The rows of the user's table, where none of them may come out again.
    """

    rewriting: Verbatim
    encoder: TableEncoder
    kept: Mixed | StoredRows
    held_out: Mixed | StoredRows
    originals: Originals | None = None

    @property
    def n_rows(self) -> int:
        """All of them."""
        return len(self.kept) + (len(self.held_out) if self.held_out is not self.kept else 0)

    def at_hand(self, most: int, rng: np.random.Generator) -> tuple[Mixed, Mixed]:
        """``kept`` and ``held_out`` on the CPU, of stored ones at most so many, at random."""
        kept = _at_hand(self.kept, most, rng)
        if self.held_out is self.kept:
            return kept, kept
        return kept, _at_hand(self.held_out, most, rng)


@contextmanager
def material_of(
    X: Any,
    schema: Schema | None,
    column_kinds: dict[Any, str] | None,
    constraints: Sequence[Constraint] | None,
    on_violation: str,
    hold_out: Callable[[int], int],
    rng: np.random.Generator,
    guarding: Guarding = UNGUARDED,
) -> Iterator[Material]:
    """The rows of a table, encoded as the table itself tells, as long as the block lasts.

    Parameters
    ----------
    X : DataFrame, array, or what :func:`tabdiff.data.pieces.pieces_of` knows
    schema : Schema, optional
        Inferred when None.
    column_kinds : dict, optional
    constraints : sequence of Constraint, optional
    on_violation : str
    hold_out : callable
        How many of n rows are held out.
    rng : numpy.random.Generator
        Spreads numbers over their cells, and chooses the rows that are held out.
    guarding : Guarding

    Raises
    ------
    SchemaError, ConstraintError, TypeError, ImportError, OSError
        As inference, guards, encoders, constraints and :func:`tabdiff.data.streaming.streamed` do.
    """
    if (pieces := pieces_of(X)) is None:
        schema = schema or Schema.infer(X, column_kinds)
        yield _in_memory(X, schema, constraints, on_violation, hold_out, rng, guarding)
        return
    if guarding != UNGUARDED:
        raise SchemaError(
            "exclude_copies, min_category_count and clip_percentiles look at whole tables, and "
            "this one comes in pieces. Give it as a frame, or leave them out."
        )
    if constraints:
        raise ConstraintError(
            "constraints are learned of whole tables, and this one comes in pieces. Give it as a "
            "frame, or leave the constraints out."
        )
    with streamed(pieces, schema, column_kinds or {}, hold_out, rng) as rows:
        yield Material(Verbatim(rows.encoder.schema), *rows)


def _in_memory(
    X: Any,
    schema: Schema,
    constraints: Sequence[Constraint] | None,
    on_violation: str,
    hold_out: Callable[[int], int],
    rng: np.random.Generator,
    guarding: Guarding,
) -> Material:
    bounds = guarding.min_category_count, guarding.clip_percentiles
    guards, schema = Guards.fit(X, schema, *bounds)
    rewriting = rewriting_of(constraints, X, schema, on_violation, guards)
    originals = Originals(rewriting.guarded(X), schema) if guarding.exclude_copies else None
    learned = rewriting.training_rows(X)
    encoder = TableEncoder.fit(learned, rewriting.learned_schema, random_state=rng)
    rows = encoder.encode(learned, rng)
    rows = Mixed(rows.num.float(), rows.cat)
    n = hold_out(len(rows))
    if n == 0:
        return Material(rewriting, encoder, rows, rows, originals)
    order = torch.from_numpy(rng.permutation(len(rows)))
    return Material(rewriting, encoder, rows[order[n:]], rows[order[:n]], originals)


def _at_hand(rows: Mixed | StoredRows, most: int, rng: np.random.Generator) -> Mixed:
    if isinstance(rows, Mixed):
        return rows
    chosen = rng.choice(len(rows), min(most, len(rows)), replace=False)
    return rows.to("cpu")[torch.from_numpy(chosen)]
