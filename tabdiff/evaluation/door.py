"""At the door of `evaluate`: arguments are checked, and what weakens the figures is said."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Hashable, Sequence

import numpy as np

from tabdiff.data.schema import Schema
from tabdiff.evaluation.copies import repeated_share
from tabdiff.evaluation.errors import EvaluationError, EvaluationWarning
from tabdiff.evaluation.tables import Tables

FEW_ROWS = 200


def check_seed(seed: object) -> None:
    """Refuse what cannot seed a generator."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer. Got {seed!r}.")
    if seed < 0:
        raise ValueError(f"seed must be at least 0. Got {seed}.")


def check_include(
    include: Sequence[str] | None, known: Sequence[str], is_sequence: bool
) -> tuple[str, ...]:
    """The sections asked for, in their own order; refuse unknown ones, all at once."""
    if include is None:
        return tuple(name for name in known if is_sequence or name != "sequences")
    if isinstance(include, str):
        raise TypeError(f"include must be a list of sections, for instance [{include!r}].")
    unknown = [name for name in include if name not in known]
    if unknown or not include:
        told = f"has no sections {unknown}" if unknown else "names no section"
        raise ValueError(f"include {told}. Known: {', '.join(known)}.")
    if "sequences" in include and not is_sequence:
        raise ValueError(
            "include names 'sequences', which needs to know what they are: "
            "give sequence_key, sequence_index or both."
        )
    return tuple(name for name in known if name in include)


def position_of(target: Hashable, tables: Tables, schema: Schema) -> int:
    """Place of the target among the judged columns."""
    names = [field.name for field in tables.real.fields]
    if target in names:
        return names.index(target)
    if any(column.name == target for column in schema.columns):
        reason = tables.excluded.get(str(target), "not judged")
        raise EvaluationError(f"target {target!r} cannot be predicted: it is {reason}")
    close = difflib.get_close_matches(str(target), [str(name) for name in names], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise EvaluationError(f"target {target!r} is no column. Columns: {names}.{hint}")


def size_notes(tables: Tables) -> list[str]:
    """What the numbers of rows mean for the figures."""
    made = {"real": tables.real, "synthetic": tables.synthetic, "holdout": tables.holdout}
    notes = [
        f"the {role} frame has only {table.n_rows} rows: gaps to the floor are mostly noise"
        for role, table in made.items()
        if table is not None and table.n_rows < FEW_ROWS
    ]
    if tables.holdout is None:
        notes.append("without a hold-out there is no utility and no memorisation check")
    return notes


def overlap_notes(tables: Tables) -> list[str]:
    """Warn of hold-out rows that were trained on.

    Tables repeat rows by nature: a hold-out row equals a training row about as often as a training
    row equals another one. What lies four standard errors above that is leakage.
    """
    if tables.holdout is None:
        return []
    prints = tables.real.fingerprints()
    m = tables.holdout.n_rows
    share = float(np.isin(tables.holdout.fingerprints(), np.unique(prints)).mean())
    natural = repeated_share(prints)
    error = float(np.sqrt(natural * (1 - natural) / m))
    surplus = share - natural
    if surplus * m < 3 or surplus <= 4 * error:
        return []
    note = (
        f"{share:.1%} of the hold-out rows equal a training row, where {natural:.1%} would be "
        "usual: training rows are in the hold-out, so floors, utility and privacy are too "
        "favourable. Give rows that were not trained on"
    )
    warnings.warn(note, EvaluationWarning, stacklevel=3)
    return [note]
