"""Of each entity of a private panel: what it is, and one pair of neighbouring rows.

All rows of an entity are protected together, so it is counted once: in a table of entities, and in
one of pairs, a row and the one before it, of which each entity gives a single one at random. What
an entity and a row may be is declared, or paid for, as of any private table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.charter import check_names, require_declared
from tabdiff.data.column import Column
from tabdiff.data.counted import units_of
from tabdiff.data.errors import SchemaError, listing
from tabdiff.data.frames import select, take
from tabdiff.data.infer import check_cells, check_frame
from tabdiff.data.long import LongFrame, require_free_labels
from tabdiff.data.panel import (
    GAP,
    LENGTH,
    START,
    Roles,
    entities_of,
    index_column,
    read_panel,
    rows_of,
)
from tabdiff.data.privacy import ROW, Privacy
from tabdiff.data.reading import read_cells
from tabdiff.data.timeline import Timeline

# Of the span of an index that is no whole number, the least gap between two rows.
LEAST_GAP = 1e-6


@dataclass(frozen=True)
class PrivatePanel:
    """A long frame whose entities are protected.

    Attributes
    ----------
    long : LongFrame
        Of each entity as many rows as were declared at the most.
    privacy : Privacy
        With the key as its unit.
    """

    long: LongFrame
    privacy: Privacy

    @classmethod
    def read(
        cls,
        frame: pd.DataFrame,
        privacy: Privacy,
        key: Hashable,
        index: Hashable | None,
        context: Sequence[Hashable],
        ahead: Sequence[Hashable],
    ) -> PrivatePanel:
        """Read a frame of which nothing is known but what is declared.

        Raises
        ------
        SchemaError
            Naming all that must be declared, or what rows contradict a declaration: the error is
            for the eyes of who holds the frame.
        """
        check_frame(frame, {})
        check_cells(frame)
        require_free_labels(frame)
        roles = Roles.find(frame, key, index, context, ahead)
        privacy = replace(privacy, unit=key)
        longest = _require_told(frame, privacy, roles)
        column = None if index is None else index_column(frame, index)
        timeline = _timeline(privacy, column)
        panel = read_panel(frame, roles, column)
        within = np.arange(len(panel.times)) - panel.offsets[panel.owner]
        if timeline.regular:
            within = timeline.places(panel.times, panel.first)
        frame = take(frame, panel.order[within < longest])
        panel = read_panel(frame, roles, column)
        rows = rows_of(frame, roles, panel, GAP if _has_gaps(timeline) else None, typical=0)
        long = LongFrame(roles, panel, timeline, rows, entities_of(frame, roles, panel))
        return cls(long, privacy)

    def entities(self) -> tuple[pd.DataFrame, Privacy]:
        """The table of entities, and what is declared of it."""
        roles, privacy = self.long.roles, self.privacy
        own = _declared(privacy, roles.context)
        bounds = {**own.bounds, LENGTH: (1, privacy.longest)}
        resolution = dict(own.resolution)
        if roles.index is not None:
            bounds[START] = privacy.bounds[roles.index]
            step = privacy.resolution.get(roles.index, privacy.step)
            resolution |= {} if step is None else {START: step}
        surrogates = [*own.identifiers, roles.key]
        declared = replace(own, bounds=bounds, resolution=resolution, identifiers=surrogates)
        return self.long.table(), declared

    def rows(self) -> Privacy:
        """What is declared of the table of rows."""
        roles, privacy, timeline = self.long.roles, self.privacy, self.long.timeline
        own = _declared(privacy, roles.rows)
        if not _has_gaps(timeline):
            return own
        assert timeline.column is not None
        low, high = _ends(privacy, timeline.column)
        step = privacy.resolution.get(roles.index)
        if timeline.column.form == "float":
            gap = (high - low) * LEAST_GAP if step is None else step
        else:
            gap = 1 if step is None else units_of(timeline.column, step)
        resolution = dict(own.resolution)
        if step is not None:
            resolution[GAP] = gap
        return replace(own, bounds={**own.bounds, GAP: (gap, high - low)}, resolution=resolution)

    def pairs(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """A row of each entity that has several, and the one before it: places in the panel.

        Returns
        -------
        before, here : int64 array, (m,)
        """
        first, lengths = self.long.panel.offsets[:-1], np.diff(self.long.panel.offsets)
        chosen = 1 + (rng.random(len(lengths)) * (lengths - 1)).astype(np.int64)
        here = (first + chosen)[lengths > 1]
        return here - 1, here


def _require_told(frame: pd.DataFrame, privacy: Privacy, roles: Roles) -> int:
    """Refuse a frame of which something would have to be inferred; its longest length."""
    check_names(frame, privacy)
    problems = []
    if privacy.longest is None:
        problems.append("how many rows an entity has at the most: declare longest.")
    if roles.index is not None and roles.index not in privacy.bounds:
        problems.append(f"when rows may be: declare bounds={{{roles.index!r}: (low, high)}}.")
    if not privacy.pays:
        columns = [label for label in frame.columns if label != roles.index]
        problems += require_declared(select(frame, columns), privacy)
    if privacy.step is not None and roles.index is None:
        problems.append("step= is of a sequence_index, and there is none. Leave it out.")
    if problems:
        raise SchemaError(
            f"in private mode nothing is inferred from rows. Declare public knowledge: "
            f"{listing(problems)}"
        )
    assert privacy.longest is not None
    return privacy.longest


def _declared(privacy: Privacy, labels: Sequence[Hashable]) -> Privacy:
    """What is declared of some columns, each row for itself."""
    mappings: dict[str, Any] = {
        name: {label: own for label, own in getattr(privacy, name).items() if label in labels}
        for name in ("bounds", "categories", "resolution")
    }
    lists: dict[str, Any] = {
        name: [label for label in getattr(privacy, name) if label in labels]
        for name in ("missing", "identifiers")
    }
    return replace(privacy, unit=ROW, longest=None, step=None, **mappings, **lists)


def _timeline(privacy: Privacy, column: Column | None) -> Timeline:
    """How moments follow each other, as declared."""
    if column is None:
        return Timeline(None, "order")
    if privacy.step is None:
        return Timeline(column, "irregular")
    step = float(privacy.step) if column.form == "float" else units_of(column, privacy.step)
    return Timeline.of_step(column, step, *_ends(privacy, column))


def _ends(privacy: Privacy, column: Column) -> Array:
    """The bounds of an index as numbers."""
    low, high = privacy.bounds[column.name]
    try:
        ends = read_cells(pd.Series([low, high], dtype=column.dtype), column).values
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"bounds of {column.name!r} cannot be {column.dtype}: {low, high!r}."
        ) from error
    if not ends[0] < ends[1]:
        raise SchemaError(
            f"bounds of {column.name!r} must be (low, high), low first. Got {low, high!r}."
        )
    return ends


def _has_gaps(timeline: Timeline) -> bool:
    return timeline.kind == "irregular"
