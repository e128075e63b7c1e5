"""A private fit of sequences: all rows of an entity are protected together.

    table of entities: as any private table, by counts alone
    pairs of neighbouring rows, one of each entity  ->  a chain of coarse rows  ->  pre-training
    ->  steps on windows, one of each entity, with clipped gradients and noise

The chain draws a first row given its entity, p(x_0 | c), and each further one given the row before
it, p(x_l | x_{l-1}, c), by trees of measured pairs (:mod:`tabdiff.training.marginals`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from tabdiff.data.cells import Array
from tabdiff.data.charter import Charter, charter
from tabdiff.data.counted import fit_declared
from tabdiff.data.frames import take
from tabdiff.data.long import first_moments, schema_of
from tabdiff.data.mixed import Known, Layout, Mixed
from tabdiff.data.neighbours import PrivatePanel
from tabdiff.data.noise import NoisyCounts, shares
from tabdiff.data.panel import GAP, LENGTH, START
from tabdiff.data.schema import Schema
from tabdiff.data.sequence import SequenceEncoder, Slots
from tabdiff.data.table import TableEncoder
from tabdiff.data.timeline import Timeline
from tabdiff.data.windows import hold_out, learn_and_judge
from tabdiff.diffusion.multinomial import Prior
from tabdiff.fitted import SEQUENCES, FittedSequences, Learned, make_denoiser, make_joint
from tabdiff.inference.chunks import generators
from tabdiff.private import (
    JUDGES,
    PRIVATE_STEPS,
    SINGLY,
    Budget,
    Measured,
    bill,
    coarse_rows,
    measured,
    plan_of,
    pretrained,
    refine,
    secret_noise,
)
from tabdiff.training.hardware import autocast_for
from tabdiff.training.loop import Recipe, train
from tabdiff.training.marginals import CoarseModel, measure, with_values
from tabdiff.training.masks import SpanMasks
from tabdiff.training.private import require_opacus
from tabdiff.training.settings import Size, default_held_out
from tabdiff.training.standing import Progress

# Of the counts' budget: the table of entities, and the rows.
ENTITIES, ROWS = 0.3, 0.7
# Of what rows have, beside their cells: how many pairs there are, first rows, and next rows.
PAIRS, FIRST, NEXT = 0.02, 0.2, 0.58
# Coarse sequences, at the least, that the network learns from.
LEAST_SEQUENCES = 200
DRAWN_GAPS = 1_001


@dataclass(frozen=True)
class Chain:
    """Coarse sequences.

    Attributes
    ----------
    encoder : SequenceEncoder
    entities : Measured
        Of the table of entities.
    first, then : CoarseModel
        Of the parts (context, row) and (context, row before, row), categorical ones alone.
    """

    encoder: SequenceEncoder
    entities: Measured
    first: CoarseModel
    then: CoarseModel

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Mixed, Slots]:
        """The parts of all slots of ``n`` sequences, (S + 1, D), and where those are."""
        drawn = self.entities.coarse.draw(n, rng)
        table = self.entities.encoder.decode(drawn, rng)
        slots = self.encoder.blank(first_moments(self.encoder, table), table[LENGTH].to_numpy())
        context = context_of(self.encoder, self.entities.encoder, drawn)
        levels = self._levels(context.cat.numpy(), slots.offsets, rng)
        rows = with_values(levels, self.encoder.rows.layout, rng)
        return self.encoder.assemble(slots, context, rows, Known.nothing(rows))[0], slots

    def _levels(self, context: Array, offsets: Array, rng: np.random.Generator) -> Array:
        """The categorical parts of all rows, step by step, (S, ·)."""
        lengths, first = np.diff(offsets), offsets[:-1]
        n_cat = self.encoder.rows.layout.n_cat
        cat = np.zeros((int(offsets[-1]), n_cat), dtype=np.int64)
        nothing = np.zeros((len(context), n_cat), dtype=np.int64)
        cat[first] = self.first.complete(np.hstack([context, nothing]), rng)[:, -n_cat:]
        for step in range(1, int(lengths.max(initial=0))):
            on = lengths > step
            here = first[on] + step
            asked = np.hstack([context[on], cat[here - 1], nothing[on]])
            cat[here] = self.then.complete(asked, rng)[:, asked.shape[1] - n_cat :]
        return cat


@dataclass(frozen=True)
class Counted:
    """What noisy counts gave of sequences, and the sequences themselves.

    Attributes
    ----------
    chain : Chain
    charters : tuple of Charter
        Of the entities and of the rows.
    context : Mixed, (n, ·)
        The encoded context of each entity that can be told.
    rows : Mixed, (N, ·)
        The encoded rows that can be told.
    slots : Slots
        Of those; the others are holes.
    """

    chain: Chain
    charters: tuple[Charter, Charter]
    context: Mixed
    rows: Mixed
    slots: Slots

    def windows(self, rng: np.random.Generator) -> Mixed:
        """A window of each entity, at random: (n, window, D). None is cut to what others need."""
        encoder, slots = self.chain.encoder, self.slots
        parts, _ = encoder.assemble(slots, self.context, self.rows, Known.nothing(self.rows))
        lengths = np.diff(slots.offsets)
        spare = np.maximum(lengths - encoder.window, 0)
        first = slots.offsets[:-1] + (rng.random(len(lengths)) * (spare + 1)).astype(np.int64)
        starts, ends = torch.from_numpy(first), torch.from_numpy(slots.offsets[1:])
        places = starts[:, None] + torch.arange(encoder.window)
        return parts[torch.where(places < ends[:, None], places, len(slots.row))]


def fit_sequences_privately(
    df: Any,
    panel: PrivatePanel,
    *,
    entities: Callable[[int], tuple[Recipe, Size]],
    sequences: Callable[[int, int, int], tuple[Recipe, Size]],
    window_of: Callable[[Timeline, int], int],
    prior: Prior,
    entropy: int,
    device: torch.device,
    report: Callable[[Progress], None],
) -> FittedSequences:
    """What a private fit of sequences leaves behind.

    Parameters
    ----------
    df : DataFrame
        The user's, of which dtypes alone are looked at.
    panel : PrivatePanel
    entities : callable
        How a network learns so many entities.
    sequences : callable
        How one learns so many rows, in so many windows, of so many rows each.
    window_of : callable
        The rows of a window, of a timeline and the longest sequence.
    entropy : int
        Seeds untrained networks and samples, and nothing that touches a row.

    Raises
    ------
    SchemaError
        Naming what must be declared, or what rows contradict a declaration.
    ImportError
        If rows are to be trained on, and Opacus is not there.
    ValueError
        If the budget is too small.
    """
    privacy = panel.privacy
    if privacy.marginal_share < 1:
        require_opacus()
    noise = secret_noise()
    rng = noise.rng
    found = counted(df, panel, noise, Budget.of(privacy), window_of)
    chain, encoder, n = found.chain, found.chain.encoder, found.charters[0].n
    drawn = chain.entities.coarse.draw(coarse_rows(n) + JUDGES, rng)
    recipe, size = entities(len(drawn) - JUDGES)
    of_entities = pretrained(
        chain.entities,
        drawn,
        recipe=recipe,
        size=size,
        prior=prior,
        entropy=entropy % 2**32,
        device=device,
        report=report,
    )
    if of_entities.stopped == "interrupted":
        raise KeyboardInterrupt
    length = float(chain.entities.encoder.decode(drawn, rng)[LENGTH].mean())
    parts, slots = chain.draw(max(round(coarse_rows(n * length) / length), LEAST_SEQUENCES), rng)
    held = hold_out(
        slots.offsets, encoder.window, default_held_out(len(slots.offsets) - 1), 0.0, rng
    )
    kept, judges = learn_and_judge(parts, slots.offsets, encoder.window, held)
    recipe, size = sequences(len(slots.row), len(kept), encoder.window)
    public, _ = generators(entropy, 0, device=device)
    denoiser = make_denoiser(encoder, size, entropy, SEQUENCES)
    denoiser.set_proportions(encoder.rows.proportions)
    joint, began = make_joint(encoder.layout, prior, SEQUENCES), time.monotonic()
    masks = SpanMasks(encoder.place, encoder.columns, encoder.ahead)
    trained = train(
        denoiser.to(device),
        joint,
        kept.to(device),
        judges.to(device),
        recipe,
        public,
        masks=masks,
        report=report,
        autocast=autocast_for(device),
    )
    seconds = time.monotonic() - began + of_entities.seconds
    learned = Learned.of(
        trained, joint, SEQUENCES, size, device, entropy, round(n * length), seconds
    )
    fitted = FittedSequences(encoder=encoder, entities=of_entities, **vars(learned))
    plan = None
    if privacy.marginal_share < 1 and trained.stopped != "interrupted":
        plan = plan_of(privacy, noise.spent, n, min(PRIVATE_STEPS, recipe.max_steps))
        refine(fitted, found.windows(rng).to(device), masks, plan, n, rng, report)
    fitted.privacy = bill(privacy, noise.spent, found.charters, plan)
    return fitted


def counted(
    df: Any,
    panel: PrivatePanel,
    noise: NoisyCounts,
    budget: Budget,
    window_of: Callable[[Timeline, int], int],
) -> Counted:
    """Encoders and coarse sequences, each entity counted once in every table.

    Parameters as of :func:`fit_sequences_privately`.
    """
    long, rng = panel.long, noise.rng
    of_entities, of_rows = budget.parted((ENTITIES, ROWS))
    table, declared = panel.entities()
    found = measured(table, declared, noise, of_entities)
    told_entities = _numbers(found.own.conform(table)[1], len(table))

    pairing, singly, firstly, nextly = shares(of_rows.counting, (PAIRS, SINGLY, FIRST, NEXT))
    before, here = panel.pairs(rng)
    n_pairs = float(np.clip(noise.of(np.array([float(len(here))]), pairing)[0], 2, found.own.n))
    declared = replace(panel.rows(), n_rows=max(round(n_pairs), 2))
    own = charter(take(long.rows, here), declared, noise, of_rows.before, of_rows.delta)
    own = replace(own, n=n_pairs)
    rows_encoder = fit_declared(own, noise, singly)
    frame, kept = own.conform(long.rows)
    encoded = rows_encoder.encode(frame, rng)
    rows, told_rows = Mixed(encoded.num.float(), encoded.cat), _numbers(kept, len(long.rows))

    encoder = _encoder(df, panel, found, own, rows_encoder, window_of)
    context = context_of(encoder, found.encoder, found.rows)
    owner = told_entities[long.panel.owner]
    told = (told_rows[before] >= 0) & (told_rows[here] >= 0) & (owner[here] >= 0)
    of_pair = context.cat.numpy()[owner[here[told]]]
    row_before, row = (rows.cat.numpy()[told_rows[at[told]]] for at in (before, here))
    around = [(found.encoder, at) for at in _context_parts(encoder, found.encoder)[1]]
    inner = [(rows_encoder, at) for at in range(rows_encoder.layout.n_cat)]
    first = _last_of([of_pair, row], [*around, *inner], n_pairs, noise, firstly)
    then = _last_of([of_pair, row_before, row], [*around, *inner, *inner], n_pairs, noise, nextly)
    slots = _slots_of(encoder.lay(long.panel), told_entities, told_rows)
    return Counted(Chain(encoder, found, first, then), (found.own, own), context, rows, slots)


def _last_of(
    tables: Sequence[Array],
    parts: Sequence[tuple[TableEncoder, int]],
    n: float,
    noise: NoisyCounts,
    mu: float,
) -> CoarseModel:
    """The last of some tables of levels given the others; parts are told by who encodes them."""
    levels = tuple(own.layout.levels[at] for own, at in parts)
    ordered = tuple(own.layout.ordered[at] for own, at in parts)
    layout = Layout((), tuple(map(str, range(len(parts)))), levels, (), ordered)
    proportions = [own.proportions[at] for own, at in parts]
    given = range(len(parts) - tables[-1].shape[1])
    return measure(np.hstack(tables), layout, proportions, n, None, noise, mu, given)


def _numbers(kept: Array, n: int) -> Array:
    """The place of each of ``n`` things among those that are kept, -1 of others."""
    numbers = np.full(n, -1, dtype=np.int64)
    numbers[kept] = np.arange(len(kept))
    return numbers


def _slots_of(slots: Slots, told_entities: Array, told_rows: Array) -> Slots:
    """The slots of entities that can be told, rows that cannot as holes."""
    row = np.where(slots.row >= 0, told_rows[slots.row], -1)
    kept = told_entities >= 0
    lengths = np.diff(slots.offsets)
    mine = kept[slots.owner]
    offsets = np.concatenate([[0], np.cumsum(lengths[kept])])
    return Slots(offsets, row[mine], slots.times[mine])


def _context_parts(encoder: SequenceEncoder, table: TableEncoder) -> tuple[list[int], list[int]]:
    """The parts of the context columns in the table of entities."""
    parts = [table.parts(label) for label in encoder.roles.context]
    num, cat = ([at for own in parts for at in own[kind]] for kind in (0, 1))
    return num, cat


def context_of(encoder: SequenceEncoder, table: TableEncoder, entities: Mixed) -> Mixed:
    """The context of encoded entities."""
    num, cat = _context_parts(encoder, table)
    return Mixed(entities.num[:, num], entities.cat[:, cat])


def _encoder(
    df: Any,
    panel: PrivatePanel,
    found: Measured,
    own: Charter,
    rows: TableEncoder,
    window_of: Callable[[Timeline, int], int],
) -> SequenceEncoder:
    """The encoder of sequences; no column is another one than was declared."""
    roles, timeline, privacy = panel.long.roles, panel.long.timeline, panel.privacy
    columns = {column.name: column for column in (*found.own.schema.columns, *own.schema.columns)}
    if roles.index is not None:
        columns[roles.index] = replace(columns[START], name=roles.index)
        timeline = replace(timeline, column=columns[roles.index])
    if timeline.kind == "irregular":
        timeline = replace(timeline, step=_typical_gap(rows))
    context = None
    if roles.context:
        fields = {field.column.name: field for field in found.encoder.fields}
        context = TableEncoder(
            Schema(tuple(columns[label] for label in roles.context)),
            [fields[label].encoder for label in roles.context],
        )
    assert privacy.longest is not None
    window = window_of(timeline, privacy.longest)
    return SequenceEncoder(schema_of(df, columns), roles, timeline, rows, context, window)


def _typical_gap(rows: TableEncoder) -> Any:
    """The median of gaps that are drawn from their noisy counts."""
    rng = np.random.default_rng(0)
    cat = [rng.choice(len(own), DRAWN_GAPS, p=own / own.sum()) for own in rows.proportions]
    levels = np.stack(cat, 1) if cat else np.zeros((DRAWN_GAPS, 0), dtype=np.int64)
    gaps = rows.decode(with_values(levels, rows.layout, rng), rng)[GAP].to_numpy()
    return np.sort(gaps)[(DRAWN_GAPS - 1) // 2].item()
