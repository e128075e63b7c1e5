"""Sequences to be completed, against loops over lists; and slots to parts and back."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tabdiff import SchemaError
from tabdiff.data.cells import Cells
from tabdiff.data.given import Given, GivenColumn
from tabdiff.data.long import LongFrame, fit_encoder
from tabdiff.data.mixed import Known, Mixed
from tabdiff.data.sequence import SequenceEncoder, Slots
from tabdiff.data.unfinished import Unfinished

# A sequence is a list of slots (moment, value): None in place of a pair of a moment and a hole.
Sequence = list[tuple[int, Any]]
HOLE, WANTED, MISSING = "hole", "wanted", "missing"


def asked_of(sequences: list[Sequence]) -> Unfinished:
    """One column; a value is a float, HOLE (no row), WANTED (not given) or MISSING (given so)."""
    slots = [slot for sequence in sequences for slot in sequence]
    values = [value for _, value in slots if value != HOLE]
    given = [value for value in values if value != WANTED]
    cells = Cells(
        np.array([value == MISSING for value in given], dtype=bool),
        np.array([value for value in given if value != MISSING], dtype=float),
    )
    observed = np.array([value != WANTED for value in values], dtype=bool)
    filled = np.array([value != HOLE for _, value in slots], dtype=bool)
    row = np.where(filled, np.cumsum(filled) - 1, -1)
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sequences])]).astype(np.int64)
    times = np.array([time for time, _ in slots], dtype=np.int64)
    entities = pd.DataFrame({"k": range(len(sequences))})
    column = GivenColumn(observed, cells)
    return Unfinished(entities, Slots(offsets, row, times), Given(len(values), (column,)))


def read(asked: Unfinished) -> list[Sequence]:
    """The way back of :func:`asked_of`, one cell at a time."""
    column = asked.given.columns[0]
    values: list[Any] = [WANTED] * asked.given.n
    if column is not None:
        numbers = iter(column.cells.values.tolist())
        cells = iter([MISSING if gone else next(numbers) for gone in column.cells.missing])
        values = [next(cells) if seen else WANTED for seen in column.observed]
    slots = asked.slots
    whole = [
        (int(time), HOLE if row < 0 else values[row])
        for time, row in zip(slots.times, slots.row, strict=True)
    ]
    assert [row for row in slots.row if row >= 0] == list(range(asked.given.n))
    ends = slots.offsets
    return [whole[a:b] for a, b in pairwise(ends)]


value = st.sampled_from([1.5, 2.5, 3.5, HOLE, WANTED, MISSING])
some = st.lists(
    st.lists(st.tuples(st.integers(0, 99), value), min_size=1, max_size=6), min_size=1, max_size=5
)


@settings(max_examples=25, deadline=None)
@given(sequences=some, data=st.data())
def test_take_repeats_and_reorders_sequences(sequences: list[Sequence], data: st.DataObject):
    asked = asked_of(sequences)
    assert read(asked) == sequences
    places = st.lists(st.integers(0, len(sequences) - 1), min_size=1, max_size=8)
    chosen = data.draw(places)
    taken = asked.take(np.array(chosen))
    assert read(taken) == [sequences[at] for at in chosen]
    assert taken.entities.k.tolist() == chosen
    counts = [sum(v != HOLE for _, v in sequences[at]) for at in chosen]
    assert np.diff(taken.first_row).tolist() == counts


@settings(max_examples=25, deadline=None)
@given(sequences=some, data=st.data())
def test_tail_keeps_the_last_slots(sequences: list[Sequence], data: st.DataObject):
    kept = [data.draw(st.integers(1, len(sequence))) for sequence in sequences]
    tail = asked_of(sequences).tail(np.array(kept))
    assert read(tail) == [s[len(s) - n :] for s, n in zip(sequences, kept, strict=True)]
    assert not tail.placed


@settings(max_examples=25, deadline=None)
@given(sequences=some, more=st.integers(1, 3), data=st.data())
def test_followed_puts_new_rows_behind_each_sequence(
    sequences: list[Sequence], more: int, data: st.DataObject
):
    new: list[Sequence] = [
        [(100 + i, data.draw(st.sampled_from([7.5, WANTED, MISSING]))) for i in range(more)]
        for _ in sequences
    ]
    times = np.array([time for sequence in new for time, _ in sequence])
    joined, late = asked_of(sequences).followed(times, asked_of(new).given)
    assert read(joined) == [a + b for a, b in zip(sequences, new, strict=True)]
    expected = [
        is_new
        for old, own in zip(sequences, new, strict=True)
        for is_new, (_, v) in [*((False, s) for s in old), *((True, s) for s in own)]
        if v != HOLE
    ]
    assert late.tolist() == expected


def test_new_rows_of_which_nothing_is_given():
    joined, _ = asked_of([[(0, 1.5)], [(3, HOLE)]]).followed(np.array([4, 5]), Given.nothing(2, 1))
    assert read(joined) == [[(0, 1.5), (4, WANTED)], [(3, HOLE), (5, WANTED)]]


# ------------------------------------------------------------------------- slots to parts and back


def learned(context: bool = True) -> tuple[SequenceEncoder, LongFrame]:
    rng = np.random.default_rng(0)
    days = pd.date_range("2021-01-01", periods=40)
    frames = [
        pd.DataFrame({"k": f"s{i}", "d": days[: 20 + 5 * i], "ctx": float(i % 3)}).assign(
            x=rng.normal(size=20 + 5 * i), c=rng.choice(list("uv"), 20 + 5 * i)
        )
        for i in range(4)
    ]
    # Two holes.
    frame = pd.concat(frames, ignore_index=True).drop(index=[3, 30])
    frame = frame if context else frame.drop(columns="ctx")
    long = LongFrame.learn(frame, "k", "d", "auto", ())
    return fit_encoder(frame, long, {}, 16, rng), long


@pytest.mark.parametrize("context", [True, False])
def test_assemble_and_take_rows_are_inverse(context: bool):
    encoder, long = learned(context)
    slots = encoder.lay(long.panel)
    assert (slots.row < 0).sum() == 2
    rng = np.random.default_rng(1)
    rows = encoder.rows.encode(long.rows, rng)
    rows = Mixed(rows.num.float(), rows.cat)
    own = encoder.context.encode(long.entities[["ctx"]], rng) if encoder.context else None
    x0, known = encoder.assemble(slots, own, rows, Known.nothing(rows))
    assert x0.num.shape == (len(slots.row) + 1, encoder.layout.n_num)
    assert x0.cat.shape == (len(slots.row) + 1, encoder.layout.n_cat)
    back = encoder.take_rows(slots, x0)
    assert back.num.equal(rows.num)
    assert back.cat.equal(rows.cat)
    # All but the cells of rows is known, and all of a hole and of the slot where nothing is.
    filled = torch.from_numpy(np.append(slots.row >= 0, False))
    n_num, n_cat = encoder.place.stop, encoder.n_context[1]
    assert known.num[:, :n_num].all() and known.cat[:, :n_cat].all()
    assert known.num[~filled].all() and known.cat[~filled].all()
    assert not known.num[filled][:, n_num:].any() and not known.cat[filled][:, n_cat:].any()
    assert x0.cat[:, 0].tolist() == (~filled).long().tolist()
    if own is not None:
        # Of the entity that the slot is of.
        there = x0.num[:-1, : encoder.n_context[0]]
        assert there.equal(own.num[torch.from_numpy(slots.owner)].float())


def test_where_a_row_lies_is_unknown_in_histories_that_go_on():
    encoder, long = learned()
    rows = encoder.rows.encode(long.rows, np.random.default_rng(1))
    own = encoder.context.encode(long.entities[["ctx"]], np.random.default_rng(1))
    slots = encoder.lay(long.panel)
    _, known = encoder.assemble(slots, own, rows, Known.nothing(rows), placed=False)
    there = known.num[:-1, encoder.place]
    assert (there.all(1) == torch.from_numpy(slots.row < 0)).all()


def test_places_fall_from_the_first_row_to_the_last():
    encoder, long = learned()
    rows = encoder.rows.encode(long.rows, np.random.default_rng(1))
    own = encoder.context.encode(long.entities[["ctx"]], np.random.default_rng(1))
    slots = encoder.lay(long.panel)
    x0, _ = encoder.assemble(slots, own, rows, Known.nothing(rows))
    position, remaining = x0.num[: slots.offsets[1], encoder.place].T
    assert (position.diff() >= 0).all() and (remaining.diff() <= 0).all()
    assert position.equal(remaining.flip(0))
    assert position[0] == remaining[-1] == pytest.approx(-1.7)
    assert position.max() <= 1.7 + 1e-6


def test_rows_scattered_over_many_steps_are_refused():
    encoder, _ = learned()
    far = pd.DataFrame({"k": "a", "d": pd.to_datetime(["2021-01-01", "2031-01-01"]), "ctx": 0.0})
    frame = far.assign(x=0.1, c="u")
    with pytest.raises(SchemaError, match="2 rows lie scattered over 3653 steps of 1 days"):
        encoder.lay(LongFrame.read(frame, encoder).panel)


# ------------------------------------------------------------------------------- malformed states


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("window", 0),
        ("window", True),
        ("window", 10**6),
        ("window", "16"),
        ("key", "x"),
        ("key", None),
        ("key", ["k"]),
        ("index", None),
        ("index", "x"),
        ("rows_columns", ["x"]),
        ("rows_columns", ["c", "x"]),
        ("rows_columns", ["x", "c", "c"]),
        ("rows_columns", "xc"),
        ("context_columns", []),
        ("context_columns", ["x"]),
        ("ahead_columns", ["ctx"]),
        ("context", None),
        ("context", []),
        ("rows", None),
        ("schema", {}),
        ("timeline", []),
        ("timeline", {"column": None, "kind": "order", "step": 0, "calendar": []}),
    ],
)
def test_a_malformed_encoder_is_refused(field: str, value: Any):
    data, arrays = learned()[0].state()
    again, _ = SequenceEncoder.from_state(data, arrays).state()
    assert again == data
    with pytest.raises((ValueError, KeyError, TypeError)):
        SequenceEncoder.from_state(data | {field: value}, arrays)
