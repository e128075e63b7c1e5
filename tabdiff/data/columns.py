"""Which encoder a column gets, and the two that send nothing to the network."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tabdiff.data.categorical import CategoricalEncoder
from tabdiff.data.cells import Array, Cells, inner_numpy
from tabdiff.data.column import Column
from tabdiff.data.dtypes import dtype_from_text, inner_dtype
from tabdiff.data.errors import SchemaError
from tabdiff.data.identifiers import IdentifierEncoder
from tabdiff.data.numeric import FINE, NumericEncoder, Resolution
from tabdiff.data.parts import ColumnEncoder, Parts, State
from tabdiff.data.scalars import from_json, to_json, typed_key


class ConstantEncoder:
    """One value, or none at all, in every row; no parts.

    Attributes
    ----------
    value : array, (1,) or (0,)
        The value; empty where every cell is missing.
    """

    kind = "constant"
    has_value = False
    has_missing = True
    open_levels = ()
    n_ordered = 0

    def __init__(self, value: Array) -> None:
        self.value = value
        self.counts: Array = np.zeros(0, dtype=np.int64)

    @classmethod
    def fit(cls, cells: Cells) -> ConstantEncoder:
        """Keep the value."""
        return cls(cells.values[:1])

    def knows(self, values: Array) -> Array:
        """Whether each value is the one."""
        held = set(map(typed_key, self.value))
        return np.array([typed_key(value) in held for value in values], dtype=bool)

    def encode(self, cells: Cells, rng: np.random.Generator) -> Parts:
        """No parts."""
        return Parts(None, None)

    def decode(self, parts: Parts, n: int, rng: np.random.Generator, start: int) -> Cells:
        """The value n times."""
        missing = np.full(n, len(self.value) == 0)
        return Cells(missing, np.repeat(self.value, n))

    def state(self) -> State:
        """Strict JSON; the dtype tells numbers from objects."""
        values = [to_json(value) for value in self.value]
        return {"value": values, "dtype": self.value.dtype.name}, {}

    @classmethod
    def from_state(cls, data: dict[str, Any], arrays: dict[str, Array]) -> ConstantEncoder:
        """The encoder that :meth:`state` describes.

        Raises
        ------
        ValueError
            If the state is malformed.
        """
        values, name = data.get("value"), data.get("dtype")
        if not isinstance(values, list) or len(values) > 1:
            raise ValueError(f"a constant column has at most one value. Got {values!r}.")
        if name not in ("object", "bool", "int64", "uint64", "float64"):
            raise ValueError(f"a constant of dtype {name!r} is unknown.")
        array = np.empty(len(values), dtype=object)
        array[:] = [from_json(value) for value in values]
        try:
            return cls(array.astype(name))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"constant {values!r} is no {name}.") from error


def fit_column(
    cells: Cells,
    column: Column,
    rng: np.random.Generator,
    resolution: Resolution = FINE,
) -> ColumnEncoder:
    """The encoder of a column's kind, fitted to its cells.

    Parameters
    ----------
    cells : Cells
    column : Column
    rng : Generator
        Chooses the heads of random-looking identifiers.
    resolution : Resolution
        Of numbers.

    Raises
    ------
    SchemaError
        If the cells contradict the kind.
    """
    n_missing = int(cells.missing.sum())
    varies = column.kind == "constant" and len(set(map(typed_key, cells.values))) > 1
    check_kind(column, len(cells.values), n_missing, varies)
    if column.kind in ("constant", "missing"):
        return ConstantEncoder.fit(cells)
    if column.kind == "identifier":
        return IdentifierEncoder.fit(
            cells, *identifier_room(column), rng, prescribed_length(column)
        )
    if column.kind == "categorical":
        order = column.categories
        return CategoricalEncoder.fit(cells, order, ordered=column.ordered)
    return NumericEncoder.fit(cells, float_precision(column), resolution)


def check_kind(column: Column, held: int, n_missing: int, varies: bool) -> None:
    """Refuse cells, some held and some missing, that cannot be of the column's kind.

    Raises
    ------
    SchemaError
    """
    if column.kind == "missing" and held:
        contrary = f"{held} cells hold a value"
    elif column.kind == "constant" and (n_missing or varies):
        contrary = "its cells differ"
    elif column.kind != "missing" and not held:
        contrary = "no cell holds a value"
    else:
        return
    raise SchemaError(
        f"the schema says {column.kind}, but {contrary}. Infer the schema from this table."
    )


_ENCODERS: dict[str, Any] = {
    encoder.kind: encoder
    for encoder in (ConstantEncoder, IdentifierEncoder, CategoricalEncoder, NumericEncoder)
}


def column_from_state(kind: str, data: dict[str, Any], arrays: dict[str, Array]) -> ColumnEncoder:
    """The encoder that its ``state()`` describes.

    Raises
    ------
    ValueError
        If the kind is unknown or the state malformed.
    """
    if kind not in _ENCODERS:
        raise ValueError(f"encoder {kind!r} is unknown. Known: {', '.join(_ENCODERS)}.")
    encoder: ColumnEncoder = _ENCODERS[kind].from_state(data, arrays)
    return encoder


def float_precision(column: Column) -> np.dtype[Any]:
    """The float dtype in which a column's numbers are stored; float64 for all but narrow floats."""
    if column.form != "float" or column.dtype == "object":
        return np.dtype(np.float64)
    return inner_numpy(inner_dtype(dtype_from_text(column.dtype)))


def number_bounds(column: Column) -> tuple[Any, Any]:
    """The least and greatest number that a cell of a column of integers or floats can hold."""
    if column.form == "float":
        ends = np.finfo(float_precision(column))
        return float(ends.min), float(ends.max)
    if column.dtype == "object":
        whole = np.iinfo(np.uint64 if column.detail == "unsigned" else np.int64)
        return int(whole.min), int(whole.max)
    return _integer_bounds(column)


def identifier_room(column: Column) -> tuple[int | None, int | None]:
    """The least and the greatest integer that surrogates may be; None where any."""
    if column.dtype == "object" or column.form != "integer":
        return None, None
    return _integer_bounds(column)


def prescribed_length(column: Column) -> int | None:
    """How many bytes every cell has, where the dtype says so."""
    match = re.fullmatch(r"fixed_size_binary\[(\d+)\]\[pyarrow\]", column.dtype)
    return int(match[1]) if match else None


def _integer_bounds(column: Column) -> tuple[int, int]:
    """The least and greatest integer that a column of a dtype of integers can hold."""
    bounds = np.iinfo(inner_numpy(inner_dtype(dtype_from_text(column.dtype))))
    return int(bounds.min), int(bounds.max)
