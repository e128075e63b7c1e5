"""Budgets and sizes that follow from the table, and checks of what a user set."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, replace

from tabdiff.data.mixed import Layout
from tabdiff.training.loop import Recipe

LEAST_TO_SPLIT = 40
MOST_HELD_OUT = 5_000
# A hundred times what is ever needed; a file that asks for more wants the processor, not rows.
MOST_SAMPLING_STEPS = 10_000
# Of a number, so many that the value within one is a detail.
MANY_CELLS = 64
# Rows of sequences in one optimiser step, about, and how often a round shows each of them.
SLOTS_AT_ONCE = 1_024
PASSES = 150
MOST_ROUNDS = 3
# Weights decay, or the network knows rows by heart long before the rate has fallen. At the highest
# rate they are forgotten within so many passes: tables differ in how many steps a pass is, and what
# suits them does not (Wang & Aitchison 2024, arXiv:2405.13698). Above the most, learning suffers.
PASSES_KEPT = 100
MOST_DECAY = 0.3


@dataclass(frozen=True)
class Size:
    """Of the denoising network: width of its trunk and number of residual blocks."""

    width: int
    depth: int


@dataclass(frozen=True)
class Preset:
    """How much work a table is worth, where the user does not say.

    Attributes
    ----------
    steps : float
        Of the optimiser, times those of the default.
    rounds : int
        The most rounds of so many steps, each of them only where the held-out loss still fell.
    width : float
        Times that of the default.
    candidates : int
        Times as many as the default draws; none where 0.
    """

    steps: float
    rounds: int
    width: float
    candidates: int


PRESETS = {
    "fast": Preset(0.4, 1, 1.0, 0),
    "default": Preset(1.0, 2, 1.0, 1),
    "best": Preset(2.0, 3, 1.5, 2),
}


def default_size(n_rows: int, preset: Preset = PRESETS["default"]) -> Size:
    """Small tables get a small network: it has less to memorise them with."""
    width, depth = (256, 3) if n_rows >= 2_000 else (128, 2)
    return Size(round(width * preset.width), depth)


def default_steps(n_rows: int) -> int:
    """Optimiser steps for a table of ``n_rows``, growing with the square root of the rows.

    Where a table is small, held-out rows stop training long before.
    """
    return min(round(2_000 + 16 * math.sqrt(n_rows)), 6_000)


def default_batch(n_rows: int) -> int:
    """An eighth of a small table, so that a pass is several steps; at most 512 rows."""
    return min(max(n_rows // 8, 32), 512)


def default_held_out(n_rows: int) -> int:
    """Rows that judge: a twentieth, but a fifth up to 200 rows, and none of a tiny table."""
    if n_rows < LEAST_TO_SPLIT:
        return 0
    return min(max(n_rows // 20, min(n_rows // 5, 200)), MOST_HELD_OUT)


def default_sampling_steps(layout: Layout) -> int:
    """One for each categorical part, but at least 16 or 25 and at most 100.

    More than one for each gain nothing, as none are drawn together. Numbers in many cells need few
    steps, since the cell says nearly all of them; of numbers in few cells or none the walk itself
    has to find the value.
    """
    fine = all(gate and layout.levels[gate.state] >= MANY_CELLS for gate in layout.gates)
    return min(max(layout.n_cat, 16 if fine else 25), 100)


def make_recipe(
    n_rows: int,
    *,
    max_steps: int | None,
    max_time: float | None,
    batch_size: int | None,
    learning_rate: float,
    preset: Preset = PRESETS["default"],
) -> Recipe:
    """The recipe for a table of ``n_rows``, with what the user set and defaults for the rest."""
    steps = max_steps if max_steps is not None else round(default_steps(n_rows) * preset.steps)
    batch = batch_size if batch_size is not None else default_batch(n_rows)
    every = max(min(100, steps // 10), 1)
    return Recipe(
        max_steps=steps,
        max_time=max_time,
        batch_size=batch,
        learning_rate=learning_rate,
        weight_decay=min(batch / (learning_rate * PASSES_KEPT * max(n_rows, 1)), MOST_DECAY),
        ema_steps=min(400.0, max(steps / 10, 1.0)),
        check_every=every,
        # A look costs about a tenth of the training between two looks.
        check_terms=min(max(every * batch // 4, 64), 8192),
        # Who sets a budget gets no more than that.
        rounds=preset.rounds if max_steps is None and max_time is None else 1,
    )


def require_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """``value`` as an int; 10.0 and numpy integers count, True and 2.5 do not.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it is out of range.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or math.isnan(value):
        raise TypeError(f"{name} must be a whole number. Got {value!r}.")
    if math.isinf(value):
        raise ValueError(f"{name} must be finite. Got {value!r}.")
    if value != math.floor(value):
        raise TypeError(f"{name} must be a whole number. Got {value!r}.")
    number = int(float(value)) if not isinstance(value, numbers.Integral) else int(value)
    if number < least or (most is not None and number > most):
        limit = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {limit}. Got {value!r}.")
    return number


def require_real(name: str, value: object, low: float, high: float, ends: str = "[]") -> None:
    """Check that ``value`` is a number between ``low`` and ``high``; ``ends`` tells which belong.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is out of range or not a number.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number. Got {value!r}.")
    number = float(value)
    above = number >= low if ends[0] == "[" else number > low
    below = number <= high if ends[1] == "]" else number < high
    if not (above and below):
        raise ValueError(f"{name} must be in {ends[0]}{low}, {high}{ends[1]}. Got {value!r}.")


def check_training(
    *,
    max_steps: object,
    max_time: object,
    batch_size: object,
    learning_rate: object,
    width: object,
    depth: object,
    validation_fraction: object,
    sampling_steps: object,
    verbose: object,
) -> None:
    """Refuse what no training can be made of; None stands for a default where there is one.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter.
    """
    whole = {"max_steps": max_steps, "batch_size": batch_size, "width": width, "depth": depth}
    for name, value in whole.items():
        if value is not None:
            require_whole(name, value, least=1)
    if sampling_steps is not None:
        require_whole("sampling_steps", sampling_steps, 1, MOST_SAMPLING_STEPS)
    if max_time is not None:
        require_real("max_time", max_time, 0.0, math.inf, "()")
    require_real("learning_rate", learning_rate, 0.0, 1.0, "(]")
    if validation_fraction is not None:
        require_real("validation_fraction", validation_fraction, 0.0, 0.5)
    require_whole("verbose", verbose, 0, 2)


def default_window(longest: int, step: str) -> int:
    """Rows that a network sees together: whole sequences up to 64, else some periods.

    Parameters
    ----------
    longest : int
        Rows of the longest sequence.
    step : str
        The finest entry of the calendar that changes: "hour", "weekday", "month" or "".
    """
    if longest <= 64:
        return longest
    return min({"hour": 96, "weekday": 56, "month": 36}.get(step, 64), longest)


def default_sequence_size(n_rows: int) -> Size:
    """Small sets of sequences get a small network."""
    return Size(128 if n_rows >= 2_000 else 64, 1)


def make_sequence_recipe(
    n_rows: int,
    n_windows: int,
    window: int,
    *,
    max_steps: int | None,
    max_time: float | None,
    batch_size: int | None,
    learning_rate: float,
) -> Recipe:
    """The recipe for so many windows of sequences of ``n_rows`` rows in all.

    A round shows each row about ``PASSES`` times; windows overlap, so there is less to learn from
    them than their number says.
    """
    batch = min(max(SLOTS_AT_ONCE // window, 16), 256, max(n_windows // 8, 8))
    steps = min(max(PASSES * n_rows // SLOTS_AT_ONCE, 500), 6_000)
    recipe = make_recipe(
        n_rows,
        max_steps=steps if max_steps is None else max_steps,
        max_time=max_time,
        batch_size=batch_size or batch,
        learning_rate=learning_rate,
    )
    rounds = MOST_ROUNDS if max_steps is None else 1
    at_once = max(8_192 // window, 1)
    # Windows overlap, so that a pass shows each row many times.
    return replace(recipe, rounds=rounds, look_at_once=at_once, weight_decay=MOST_DECAY)


def default_sequence_steps(layout: Layout) -> int:
    """Network calls per window: more where categories of neighbouring rows must not coincide."""
    free = layout.n_cat - sum(gate is not None for gate in layout.gates)
    return 64 if free > 0 else 32
