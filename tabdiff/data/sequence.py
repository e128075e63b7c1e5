"""SequenceEncoder: long frames to windows of parts, and back.

A sequence is a run of *slots*. Where the index is regular there is one slot a step, and a slot
without a row is a *hole*; otherwise there is one a row. The parts of a slot are

    presence, calendar | traits and context of the entity | position, remaining | cells of the row
    `------------------- known always ------------------´ `- known or not --´

so that whatever is known of a row's surroundings reaches the network as known parts do. Where in
its sequence a row lies is known of new entities; of a history that goes on it is not, and is drawn
with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tabdiff.data.cells import Array
from tabdiff.data.errors import SchemaError
from tabdiff.data.mixed import Gate, Known, Layout, Mixed
from tabdiff.data.panel import GAP, Panel, Roles
from tabdiff.data.parts import State
from tabdiff.data.scalars import from_json, to_json
from tabdiff.data.schema import Schema
from tabdiff.data.table import TableEncoder
from tabdiff.data.timeline import Timeline
from tabdiff.data.traits import Traits

PRESENT, ABSENT = 0, 1
# Whether the traits of the entity are told.
TOLD, UNTOLD = 0, 1
# Numeric parts that tell where in its sequence a row lies.
N_PLACE = 2
# More slots than so many times the rows are no outages: the step is not the series' own.
MOST_SLOTS = 20
MOST_IN_WINDOW = 100_000


@dataclass(frozen=True)
class Slots:
    """Sequences laid end to end.

    Attributes
    ----------
    offsets : int64 array, (n + 1,)
        The first slot of each sequence.
    row : int64 array, (S,)
        The row in each slot, rising; -1 in a hole.
    times : array, (S,)
        The moment of each slot.
    """

    offsets: Array
    row: Array
    times: Array

    @property
    def owner(self) -> Array:
        """The sequence of each slot, (S,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


class SequenceEncoder:
    """The encoders of rows and of entities, and where their parts lie in a slot.

    Parameters
    ----------
    schema : Schema
        Of the user's frame.
    roles : Roles
    timeline : Timeline
    rows : TableEncoder
        Of the columns of the rows, and of the gaps between them where the index is irregular.
    context : TableEncoder or None
        Of the context columns; None where there are none.
    window : int
        The most slots that a network sees together.
    traits : Traits
        What the entities keep to themselves.

    Attributes
    ----------
    layout : Layout
    n_context : (int, int)
        How many of the first numeric and categorical parts are always known.
    columns : list of (int or None, int or None)
        The numeric and the categorical part of each column of ``rows``, by place in the layout.
    """

    def __init__(
        self,
        schema: Schema,
        roles: Roles,
        timeline: Timeline,
        rows: TableEncoder,
        context: TableEncoder | None,
        window: int,
        traits: Traits | None = None,
    ) -> None:
        self.schema, self.roles, self.timeline = schema, roles, timeline
        self.rows, self.context, self.window = rows, context, window
        self.traits = traits or Traits()
        codes = (2, *timeline.levels)
        around = Layout((), ("presence", *timeline.calendar), codes, (), (0,) * len(codes))
        if self.traits:
            around = _side_by_side(around, self.traits.layout(rows))
        if context is not None:
            around = _side_by_side(around, context.layout)
        self.n_context = (around.n_num, around.n_cat)
        place = Layout(("position", "remaining"), (), (), (None, None), ())
        self.layout = _side_by_side(_side_by_side(around, place), rows.layout)
        first_num, first_cat = around.n_num + N_PLACE, around.n_cat
        self.columns = [
            (
                None if field.num is None else field.num + first_num,
                None if field.cat is None else field.cat + first_cat,
            )
            for field in rows.fields
        ]

    @property
    def place(self) -> slice:
        """The numeric parts that tell where in its sequence a row lies."""
        return slice(self.n_context[0], self.n_context[0] + N_PLACE)

    @property
    def told(self) -> int:
        """The categorical part that says whether traits are told.

        Levels are the first numeric parts, usual categories the categorical ones that follow it.
        """
        return 1 + len(self.timeline.levels)

    @property
    def ahead_at_once(self) -> int:
        """Slots that a forecast draws together; the rest of their window is the past."""
        return max(self.window // 4, 1)

    @property
    def gap(self) -> str | None:
        """The column of the gaps between rows; None where moments are built."""
        return GAP if self.timeline.kind == "irregular" else None

    @property
    def ahead(self) -> list[int]:
        """The places in :attr:`columns` of those that forecasts know ahead."""
        return [
            at for at, field in enumerate(self.rows.fields) if field.column.name in self.roles.ahead
        ]

    def lay(self, panel: Panel) -> Slots:
        """The slots of the rows of a panel.

        Raises
        ------
        SchemaError
            If a moment lies between two steps of a regular index, or nearly all slots are holes.
        """
        if not self.timeline.regular:
            return Slots(panel.offsets, np.arange(len(panel.times)), panel.times)
        places = self.timeline.places(panel.times, panel.first)
        last = places[panel.offsets[1:] - 1]
        offsets = np.concatenate([[0], np.cumsum(last + 1)])
        if offsets[-1] > MOST_SLOTS * len(places):
            raise SchemaError(
                f"{len(places)} rows lie scattered over {offsets[-1]} steps of "
                f"{self.timeline.described()}, which the training rows had nearly all."
            )
        row = np.full(offsets[-1], -1, dtype=np.int64)
        row[offsets[panel.owner] + places] = np.arange(len(places))
        return self.blank(panel.times[panel.offsets[:-1]], np.diff(offsets), row)

    def blank(self, start: Array, length: Array, row: Array | None = None) -> Slots:
        """Slots from a first moment on, one a step where the index is regular.

        Parameters
        ----------
        start : array, (n,)
            The first moment of each sequence.
        length : int array, (n,)
            Its number of slots.
        row : int array, (S,), optional
            The row in each slot; by default all have one, in order.
        """
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
        if self.timeline.regular:
            times = self.timeline.moments(np.repeat(start, length), within)
        else:
            times = within if self.timeline.kind == "order" else np.repeat(start, length)
        return Slots(offsets, np.arange(offsets[-1]) if row is None else row, times)

    def assemble(
        self,
        slots: Slots,
        context: Mixed | None,
        rows: Mixed,
        known: Known,
        placed: bool = True,
        traits: Array | None = None,
    ) -> tuple[Mixed, Known]:
        """The parts of all slots, and last those of a slot where nothing is: (S + 1, D).

        Parameters
        ----------
        slots : Slots
        context : Mixed, (n, ·), or None
            Of each sequence's entity.
        rows : Mixed, (N, ·)
        known : Known, (N, ·)
            What is observed of the rows.
        placed : bool
            Whether the sequences are whole, so that it is known where in them a row lies.
        traits : array, (n, ·), optional
            Of each sequence's entity, nan where it has none; None: not told.
        """
        filled = slots.row >= 0
        within = np.arange(len(filled)) - slots.offsets[slots.owner]
        left = np.diff(slots.offsets)[slots.owner] - 1 - within
        near = np.log1p(np.minimum(np.stack([within, left], 1), self.window))
        # From -1.7 to 1.7: about the spread of a unit normal, which the network starts from.
        place = 3.4 * near / np.log1p(self.window) - 1.7
        codes = np.column_stack(
            [np.where(filled, PRESENT, ABSENT), self.timeline.codes(slots.times)]
        )
        nothing = np.zeros((1, codes.shape[1]), dtype=np.int64)
        nothing[0, 0] = ABSENT
        num: list[torch.Tensor] = []
        cat = [torch.from_numpy(np.vstack([codes, nothing]))]
        if self.traits:
            shape = (len(slots.offsets) - 1, len(self.traits))
            own = np.nan_to_num(np.zeros(shape) if traits is None else traits)[slots.owner]
            levels, usual = np.split(own, [len(self.traits.levels)], axis=1)
            num.append(_and_nothing(torch.from_numpy(levels)))
            told = torch.full((len(filled) + 1, 1), UNTOLD if traits is None else TOLD)
            cat += [told, _and_nothing(torch.from_numpy(usual.astype(np.int64)))]
        if context is not None:
            around = context[torch.from_numpy(slots.owner)]
            num.append(_and_nothing(around.num))
            cat.append(_and_nothing(around.cat))
        num.append(torch.from_numpy(np.vstack([place, np.zeros((1, N_PLACE))])).float())
        here, of = torch.from_numpy(np.flatnonzero(filled)), torch.from_numpy(slots.row[filled])
        for parts, into in ((rows.num, num), (rows.cat, cat)):
            spread = torch.zeros((len(filled) + 1, parts.shape[1]), dtype=parts.dtype)
            spread[here] = parts[of]
            into.append(spread)
        x0 = Mixed(torch.cat(num, -1).float(), torch.cat(cat, -1))
        seen = Known(
            torch.ones_like(x0.num, dtype=torch.bool), torch.ones_like(x0.cat, dtype=torch.bool)
        )
        seen.num[here, self.place] = placed
        seen.num[here, self.place.stop :] = known.num[of]
        seen.cat[here, self.n_context[1] :] = known.cat[of]
        return x0, seen

    def take_rows(self, slots: Slots, x: Mixed) -> Mixed:
        """The parts of the rows in the slots, (N, ·): the way back of :meth:`assemble`."""
        here = torch.from_numpy(np.flatnonzero(slots.row >= 0)).to(x.device)
        return Mixed(x.num[here, self.place.stop :], x.cat[here, self.n_context[1] :])

    def state(self) -> State:
        """All that :meth:`from_state` needs, as strict JSON and arrays without objects."""
        rows, arrays = self.rows.state()
        arrays = {f"rows.{name}": array for name, array in arrays.items()}
        data: dict[str, Any] = {
            "schema": self.schema.to_dict(),
            "key": to_json(self.roles.key),
            "index": to_json(self.roles.index),
            "timeline": self.timeline.to_dict(),
            "window": self.window,
            "rows": rows,
            "context": None,
        }
        if self.traits:
            data["traits"] = self.traits.to_dict()
        for name in ("context", "rows", "ahead"):
            data[f"{name}_columns"] = [to_json(label) for label in getattr(self.roles, name)]
        if self.context is not None:
            data["context"], own = self.context.state()
            arrays |= {f"context.{name}": array for name, array in own.items()}
        return data, arrays

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> SequenceEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        window = data["window"]
        if type(window) is not int or not 1 <= window <= MOST_IN_WINDOW:
            raise ValueError(f"malformed encoder: window {window!r}.")
        roles = Roles(
            from_json(data["key"]),
            from_json(data["index"]),
            *(_labels(data[f"{name}_columns"]) for name in ("context", "rows", "ahead")),
        )
        rows = TableEncoder.from_state(data["rows"], _under("rows.", arrays))
        context = None
        if data["context"] is not None:
            context = TableEncoder.from_state(data["context"], _under("context.", arrays))
        schema, timeline = Schema.from_dict(data["schema"]), Timeline.from_dict(data["timeline"])
        traits = Traits.from_dict(data["traits"], rows) if "traits" in data else Traits()
        encoder = cls(schema, roles, timeline, rows, context, window, traits)
        encoder._require_roles()
        for own in (rows, context):
            if own is not None:
                own.rehearse()
        return encoder

    def _require_roles(self) -> None:
        """Refuse roles, columns and encoders that do not belong together.

        Raises
        ------
        ValueError
            If they contradict each other.
        """
        roles, index = self.roles, self.timeline.column
        single = [label for label in (roles.key, roles.index) if label is not None]
        rows = [*roles.rows, *([GAP] if self.gap else [])]
        if (
            set(_names(self.schema)) != {*single, *roles.context, *roles.rows}
            or len(self.schema.columns) != len(single) + len(roles.context) + len(roles.rows)
            or not set(roles.ahead) <= set(roles.rows)
            or _names(self.rows.schema) != rows
            or ([] if self.context is None else _names(self.context.schema)) != [*roles.context]
            or (roles.key is None and (roles.context or self.traits))
            or (None if index is None else index.name) != roles.index
        ):
            raise ValueError("malformed encoder: its roles and columns contradict each other.")


def _side_by_side(left: Layout, right: Layout) -> Layout:
    shifted = (gate and Gate(gate.state + left.n_cat, gate.levels) for gate in right.gates)
    return Layout(
        (*left.num_names, *right.num_names),
        (*left.cat_names, *right.cat_names),
        (*left.levels, *right.levels),
        (*left.gates, *shifted),
        (*left.ordered, *right.ordered),
    )


def _and_nothing(parts: torch.Tensor) -> torch.Tensor:
    return torch.cat([parts, parts.new_zeros((1, parts.shape[1]))])


def _names(schema: Schema) -> list[Any]:
    return [column.name for column in schema.columns]


def _labels(data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise ValueError(f"malformed encoder: labels {data!r}.")
    return tuple(from_json(label) for label in data)


def _under(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
