"""At the door of `evaluate` for sequences: which rows belong together, and in which order.

With a key, the rows of one key are an *entity*. Without one, the frame is one long series, and the
*windows* of it, in the order of the index, take the place of entities.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tabdiff.data.schema import Schema
from tabdiff.evaluation.entities import Positions
from tabdiff.evaluation.errors import EvaluationError, EvaluationWarning
from tabdiff.evaluation.panel import Flags, Panel
from tabdiff.evaluation.tables import Table, Tables
from tabdiff.evaluation.values import Floats, floats

MIN_WINDOW, MAX_WINDOW, WINDOWS = 8, 200, 100
FEW_ENTITIES = 50


@dataclass(frozen=True)
class Sequencing:
    """How the frames are sequences.

    Attributes
    ----------
    key : str or None
        The column that says which rows belong together; None: one long series.
    index : str or None
        The column that orders the rows; None: their order in the frame does.
    window : int or None
        Rows of a window of one long series; None where there are entities.
    """

    key: str | None
    index: str | None
    window: int | None

    @property
    def unit(self) -> tuple[str, str]:
        """What is compared, one and many of it."""
        return ("entity", "entities") if self.window is None else ("window", "windows")


@dataclass(frozen=True)
class Places:
    """Where the rows of one frame belong.

    Attributes
    ----------
    entity : ndarray, (n_rows,)
    keys : pandas.Index
        The key of each entity; empty for one long series.
    when : ndarray of float, (n_rows,), or None
    unsorted : ndarray of bool, (n_entities,), or None
        Whether time goes back within the entity, as its rows stand in the frame.
    """

    entity: Positions
    keys: pd.Index
    when: Floats | None
    unsorted: Flags | None


@dataclass(frozen=True)
class Panels:
    """The panels that are compared, and how they were cut.

    Attributes
    ----------
    real, synthetic : Panel
    holdout : Panel or None
    sequencing : Sequencing
    """

    real: Panel
    synthetic: Panel
    holdout: Panel | None
    sequencing: Sequencing


def check_sequence_columns(frames: dict[str, pd.DataFrame], key: Hashable, index: Hashable) -> None:
    """Refuse a key or an index that the frames do not have, or that are one column.

    Raises
    ------
    EvaluationError
        All faults at once.
    """
    faults = []
    if key is not None and key == index:
        faults.append(f"sequence_key and sequence_index are both {key!r}")
    for argument, name in (("sequence_key", key), ("sequence_index", index)):
        lacking = [role for role, frame in frames.items() if name not in frame.columns]
        if name is None or not lacking:
            continue
        columns = [str(column) for column in frames["real"].columns]
        close = difflib.get_close_matches(str(name), columns, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close and "real" in lacking else ""
        faults.append(f"{argument} {name!r} is no column of the frames {lacking}{hint}")
    if faults:
        raise EvaluationError("; ".join(faults) + ". Name columns that every frame has.")


def place_rows(
    frames: dict[str, pd.DataFrame], key: Hashable, index: Hashable, schema: Schema
) -> tuple[Sequencing, dict[str, Places]]:
    """Find the entity and the time of every row.

    Parameters
    ----------
    frames : dict of str to DataFrame
        By role, "real" first; with the key and the index.
    key, index : hashable or None
        At least one of them is given.
    schema : Schema
        Says how an index of text is read.

    Raises
    ------
    EvaluationError
        If a key or an index is missing in some rows or cannot be compared, a frame has one entity
        only, no real entity has two rows, or one long series is too short; all faults at once.
    """
    faults: list[str] = []
    times = _times(frames, index, schema, faults) if index is not None else {}
    if key is not None:
        coded = {role: _entities(frame, role, key, faults) for role, frame in frames.items()}
        window = None
    else:
        rows = min(map(len, frames.values()))
        if rows < 2 * MIN_WINDOW:
            faults.append(
                f"one long series needs at least {2 * MIN_WINDOW} rows in every frame. Got {rows}"
            )
        window = int(np.clip(rows // WINDOWS, MIN_WINDOW, MAX_WINDOW))
    if faults:
        raise EvaluationError("; ".join(faults))
    sequencing = Sequencing(
        None if key is None else str(key), None if index is None else str(index), window
    )
    if window is not None:
        return sequencing, {role: _windows(times[role], window) for role in frames}
    return sequencing, {
        role: Places(entity, keys, times.get(role), _unsorted(entity, times.get(role)))
        for role, (entity, keys) in coded.items()
    }


def panels_of(
    tables: Tables, sequencing: Sequencing, places: dict[str, Places], index: Hashable
) -> Panels:
    """The tables, whose rows know their entities, as panels; ``index`` is the column's label."""

    def panel(table: Table, role: str) -> Panel:
        return Panel.of(table, places[role].when, places[role].unsorted, at)

    names = [field.name for field in tables.real.fields]
    at = names.index(index) if index is not None and index in names else None
    return Panels(
        panel(tables.real, "real"),
        panel(tables.synthetic, "synthetic"),
        None if tables.holdout is None else panel(tables.holdout, "holdout"),
        sequencing,
    )


def entity_notes(panels: Panels) -> list[str]:
    """What the numbers and lengths of the entities mean for the figures."""
    made = {"real": panels.real, "synthetic": panels.synthetic, "holdout": panels.holdout}
    _, many = panels.sequencing.unit
    notes = []
    for role, panel in made.items():
        if panel is None:
            continue
        if panel.n_entities < FEW_ENTITIES:
            notes.append(
                f"the {role} frame has only {panel.n_entities} {many}: figures by "
                f"{panels.sequencing.unit[0]}, and their floors, are mostly noise"
            )
        if panel.lengths.max() == 1:
            notes.append(
                f"every {role} entity has one row: what happens from row to row is not measured"
            )
    if panels.sequencing.window is not None:
        notes.append(
            f"without a sequence_key the frames are one long series each, compared in windows of "
            f"{panels.sequencing.window:,} rows: nothing slower than a window is judged, and "
            "windows next to each other are not independent"
        )
    return notes


def shared_entity_notes(panels: Panels, places: dict[str, Places]) -> list[str]:
    """Warn of hold-out entities that were trained on: by their key, or by their rows.

    Short sequences repeat by nature: a hold-out sequence equals a training one about as often as a
    training one equals another. What lies four standard errors above that is leakage.
    """
    if panels.holdout is None:
        return []
    one, many = panels.sequencing.unit
    notes = []
    shared = int(places["holdout"].keys.isin(places["real"].keys).sum())
    if shared:
        notes.append(
            f"{shared:,} of {panels.holdout.n_entities:,} hold-out entities bear the key of a "
            "training entity: if they are the same ones, floors and privacy are too favourable. "
            "Hold out whole entities; number them apart if they are others"
        )
    seen = panels.real.fingerprints()
    unseen = panels.holdout.fingerprints()
    known, counts = np.unique(seen, return_counts=True)
    share = float(np.isin(unseen, known).mean())
    natural = float(counts[counts > 1].sum() / len(seen))
    surplus = (share - natural) * len(unseen)
    if surplus >= 3 and surplus > 4 * np.sqrt(natural * (1 - natural) * len(unseen)):
        notes.append(
            f"{share:.1%} of the hold-out {many} equal a training {one} row by row, where "
            f"{natural:.1%} would be usual: they were trained on, so floors, utility and privacy "
            "are too favourable"
        )
    for note in notes:
        warnings.warn(note, EvaluationWarning, stacklevel=4)
    return notes


def _entities(
    frame: pd.DataFrame, role: str, key: Hashable, faults: list[str]
) -> tuple[Positions, pd.Index]:
    column = frame[key]
    absent = np.asarray(column.isna(), dtype=bool)
    if absent.any():
        faults.append(
            f"sequence_key {key!r}: {int(absent.sum())} {role} rows have none, first at row "
            f"{int(np.argmax(absent))}. Drop them or give them one"
        )
        return np.empty(0, dtype=np.intp), pd.Index([])
    try:
        codes, keys = pd.factorize(column.astype(object))
    except TypeError as error:
        faults.append(f"sequence_key {key!r}: {role} values cannot be told apart: {error}")
        return np.empty(0, dtype=np.intp), pd.Index([])
    if len(keys) < 2:
        faults.append(
            f"sequence_key {key!r}: the {role} frame has {len(keys)} entity, at least 2 are needed."
            " For one long series leave sequence_key out and give sequence_index"
        )
    elif role == "real" and len(keys) == len(frame):
        faults.append(
            f"sequence_key {key!r}: every real entity has one row, so there are no sequences. "
            "Leave sequence_key out to judge rows, or name the column that says which belong "
            "together"
        )
    return np.asarray(codes, dtype=np.intp), pd.Index(keys, dtype=object)


def _times(
    frames: dict[str, pd.DataFrame], index: Hashable, schema: Schema, faults: list[str]
) -> dict[str, Floats]:
    """The index of every frame as floats; what is wrong with it joins the faults."""
    column = next((c for c in schema.columns if c.name == index), None)
    texts = column is not None and column.kind == "datetime", getattr(column, "detail", "") or None
    found: dict[str, Floats] = {}
    wanted = ""
    for role, frame in frames.items():
        values = frame[index]
        absent = np.asarray(values.isna(), dtype=bool)
        if absent.any():
            faults.append(
                f"sequence_index {index!r}: {int(absent.sum())} {role} rows have none, first at "
                f"row {int(np.argmax(absent))}. Drop them"
            )
            continue
        try:
            found[role], quantity = floats(values, str(index), role, texts)
        except EvaluationError as error:
            faults.append(f"sequence_index {index!r} cannot be sorted: {error}")
            continue
        wanted = wanted or quantity
        if quantity != wanted:
            faults.append(
                f"sequence_index {index!r}: the {role} frame holds {quantity}s, the real one "
                f"{wanted}s"
            )
    return found


def _windows(when: Floats, window: int) -> Places:
    """Windows of one long series, in the order of time; the rest of the rows joins the last."""
    order = np.argsort(when, kind="stable")
    block = np.minimum(np.arange(len(when)) // window, len(when) // window - 1)
    entity = np.empty(len(when), dtype=np.intp)
    entity[order] = block
    return Places(entity, pd.Index([]), when, _unsorted(block, when))


def _unsorted(entity: Positions, when: Floats | None) -> Flags | None:
    """Whether time goes back within each entity, as the rows stand."""
    if when is None:
        return None
    order = np.argsort(entity, kind="stable")
    of_row, times = entity[order], when[order]
    back = (np.diff(times) < 0) & (np.diff(of_row) == 0)
    return np.bincount(of_row[1:][back], minlength=int(entity.max()) + 1) > 0
