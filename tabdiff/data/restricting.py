"""Ranges and sets as the parts of a column that lie in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.columns import ConstantEncoder
from tabdiff.data.conditions import Among, Between, Stretch, Wanted
from tabdiff.data.errors import ConditionError
from tabdiff.data.mixed import Restriction
from tabdiff.data.numeric import NumericEncoder
from tabdiff.data.parts import Options
from tabdiff.data.scalars import typed_key
from tabdiff.data.table import Field
from tabdiff.data.unseen import named, shown


def only(value: Array, column: Column) -> str:
    """What every row holds, of a constant column's value, in words."""
    return named(value[0], column) if len(value) else "a missing value"


def told_apart(field: Field, wanted: Wanted) -> Between | Among:
    """``wanted``, less levels that no row holds, with the labels that only share a level.

    Raises
    ------
    ConditionError
        If no training row holds a level of a stretch.
    """
    encoder = field.encoder
    if isinstance(wanted, Stretch):
        held = encoder.knows(wanted.values)
        if not held.any():
            raise ConditionError("no training row holds a level in it. Ask for a wider range.")
        wanted = Among.of(wanted.values[held])
    if not isinstance(encoder, CategoricalEncoder) or not len(encoder.rare):
        return wanted
    if isinstance(wanted, Between):
        wanted = Among.of(_between(encoder, wanted))
    shared, share = encoder.sharing(wanted.values)
    return Among(wanted.values, shared, share)


def restriction(field: Field, wanted: Between | Among) -> Restriction | None:
    """The parts of a range or set; None where the column is so in every row.

    Raises
    ------
    ConditionError
        If no training row is near to meeting it.
    """
    encoder = field.encoder
    if isinstance(encoder, ConstantEncoder):
        value = encoder.value
        inside = (
            bool(len(value)) and (value >= wanted.low).all() and (value <= wanted.high).all()
            if isinstance(wanted, Between)
            else set(map(typed_key, value)) <= set(map(typed_key, wanted.values)) and len(value)
        )
        if not inside:
            raise ConditionError(f"every training row holds {only(encoder.value, field.column)}.")
        return None
    options = _options(encoder, wanted)
    if not len(options.level):
        low, high = _bounds(encoder)
        raise ConditionError(
            "no value of the training rows lies in it; they range from "
            f"{shown(low, field.column)} to {shown(high, field.column)}. Ask for a value, or a "
            "wider range."
        )
    tensors = (torch.from_numpy(np.ascontiguousarray(array)) for array in options)
    return Restriction(field.cat, field.num, *tensors)


def _options(encoder: Any, wanted: Between | Among) -> Options:
    if isinstance(encoder, NumericEncoder):
        if isinstance(wanted, Between) and wanted.low == wanted.high and math.isfinite(wanted.low):
            # A range of no width has no mass in a continuum, and yet a density.
            return encoder.among(np.array([wanted.low]))
        if isinstance(wanted, Between):
            return encoder.within(wanted.low, wanted.high)
        return encoder.among(wanted.values)
    if isinstance(encoder, CategoricalEncoder):
        if isinstance(wanted, Among):
            return encoder.among(wanted.values)
        return encoder.among(_between(encoder, wanted))
    raise ConditionError("identifiers are made anew for each row and follow no condition.")


def _bounds(encoder: Any) -> tuple[Any, Any]:
    """The least and the greatest number of the training rows."""
    if isinstance(encoder, NumericEncoder):
        return encoder.bounds
    held = _numbers(encoder)
    return held.min(), held.max()


def _between(encoder: CategoricalEncoder, wanted: Between) -> Array:
    """Numbers that the schema calls categorical have an order all the same."""
    held = _numbers(encoder)
    return held[(held >= wanted.low) & (held <= wanted.high)]


def _numbers(encoder: CategoricalEncoder) -> Array:
    return np.concatenate([encoder.levels.values, encoder.rare.values])
