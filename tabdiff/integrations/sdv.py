"""SDV metadata and constraints to tabdiff's and back; SDV itself is never imported.

Both spellings are read: one table (``SINGLE_TABLE_V1``: ``columns`` and ``primary_key`` at the
top) and several (``MULTI_TABLE_V1``, ``V1``, and ``V2`` of SDV 2: ``tables``), of which a schema
takes one. What is written, SDV 1.38 and 2.0 read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any, NamedTuple

from tabdiff.data.constraints import Constraint, constraints_from_json
from tabdiff.data.errors import closest
from tabdiff.data.schema import Column, Schema, SchemaError, to_pandas

SINGLE_TABLE = "SINGLE_TABLE_V1"
_MULTI_TABLE = ("MULTI_TABLE_V1", "V1", "V2")

_KIND_OF_SDTYPE = {
    "numerical": "numeric",
    "categorical": "categorical",
    "boolean": "categorical",
    "datetime": "datetime",
    "id": "identifier",
    "unknown": "identifier",
}
_SDTYPE_OF_KIND = {
    "numeric": "numerical",
    "categorical": "categorical",
    "datetime": "datetime",
    "timedelta": "numerical",
    "identifier": "id",
    "constant": "categorical",
    "missing": "categorical",
}
# What a column holds while no frame tells more: its dtype and form.
_ASSUMED = {
    "numerical": ("float64", "float"),
    "boolean": ("bool", "boolean"),
    "datetime": ("datetime64[ns]", "datetime"),
}
_DTYPE_OF_REPRESENTATION = {
    **{f"Int{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "Float": "float64",
}
_REPRESENTATION_OF_DTYPE = {dtype: name for name, dtype in _DTYPE_OF_REPRESENTATION.items()}
# Parameters of SDV's constraints that say nothing of which rows are allowed.
_NOT_OF_THE_ROWS = ("table_name", "learning_strategy")

Described = dict[str, dict[str, Any]]
Source = dict[str, Any] | str | os.PathLike[str]


class SequenceRoles(NamedTuple):
    """What metadata of sequences says to :class:`~tabdiff.TimeSeriesDiffusionSynthesizer`.

    Attributes
    ----------
    sequence_key, sequence_index : str or None
    column_kinds : dict
        Of all other columns.
    """

    sequence_key: str | None
    sequence_index: str | None
    column_kinds: dict[Hashable, str]


def schema_from_sdv(metadata: Source, df: Any = None) -> Schema:
    """The schema that SDV metadata describes.

    Parameters
    ----------
    metadata : dict or path
        What ``Metadata.to_dict()`` gives, or the JSON file that ``save_to_json`` wrote. One table.
    df : DataFrame, optional
        The table itself. With it the schema knows dtypes, units and categories, and the metadata
        only says of which kind each column is; without it, dtypes are assumed from the metadata:
        datetimes with a ``datetime_format`` are text.

    Raises
    ------
    TypeError
        If ``metadata`` is neither.
    OSError
        If the file cannot be read.
    SchemaError
        If the metadata is malformed, of an unknown version, holds not exactly one table, or does
        not fit the frame.

    Notes
    -----
    Types that SDV generates as personal data ("email", "ssn", "phone_number", …) are identifiers:
    no real value is ever copied. Those marked ``"pii": false``, and ordinal columns, are of the
    kind that the frame shows, and categorical without one.
    """
    table, described = _table(metadata)
    keys = _keys(table, described)
    if df is None:
        return Schema(tuple(_assume(name, column, keys) for name, column in described.items()))
    return Schema.infer(df, _kinds(df, described, keys))


def sequence_roles_from_sdv(metadata: Source, df: Any) -> SequenceRoles:
    """The key, the index and the kinds of the other columns of a table of sequences.

    Parameters
    ----------
    metadata : dict or path
        As for :func:`schema_from_sdv`.
    df : DataFrame
        The long frame.

    Raises
    ------
    TypeError, OSError, SchemaError
        As :func:`schema_from_sdv` does.
    """
    table, described = _table(metadata)
    key, index = (_role(table, role, described) for role in ("sequence_key", "sequence_index"))
    kinds = _kinds(df, described, _keys(table, described))
    return SequenceRoles(key, index, {c: k for c, k in kinds.items() if c not in (key, index)})


def constraints_from_sdv(stated: list[dict[str, Any]] | str | os.PathLike[str]) -> list[Constraint]:
    """The constraints that an SDV synthesizer keeps, for ``DiffusionSynthesizer(constraints=…)``.

    Parameters
    ----------
    stated : list of dict, or path
        What ``synthesizer.get_constraints("constraints.json")`` writes: objects of ``class_name``
        and ``parameters``; in older releases of SDV of ``constraint_class`` and
        ``constraint_parameters``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such list, or states what tabdiff does not know, such as a programmable
        constraint.
    """
    listed = _read(stated) if isinstance(stated, str | os.PathLike) else stated
    if not isinstance(listed, list):
        raise ValueError(f"SDV's constraints are a list of objects. Got {listed!r:.80}.")
    return constraints_from_json([_restated(one) for one in listed])


def schema_to_sdv(
    schema: Schema,
    *,
    table_name: str | None = None,
    sequence_key: Hashable = None,
    sequence_index: Hashable = None,
) -> dict[str, Any]:
    """SDV metadata of one table, as a dict ready for ``json.dump``.

    Parameters
    ----------
    schema : Schema
        Column labels are written as text. The first identifier besides the sequence key becomes
        the primary key.
    table_name : str, optional
        With it the table is written as one of several (``V1``), as SDV itself does; without it
        alone (``SINGLE_TABLE_V1``).
    sequence_key, sequence_index : column label, optional
        Of a table of sequences.

    Raises
    ------
    SchemaError
        If two labels are the same text, or there is no such key or index.
    """
    names = [str(column.name) for column in schema.columns]
    if len(set(names)) < len(names):
        raise SchemaError("column names must be unique as text for SDV. Rename them.")
    columns = {str(column.name): _describe(column) for column in schema.columns}
    table: dict[str, Any] = {"columns": columns}
    for role, label in (("sequence_key", sequence_key), ("sequence_index", sequence_index)):
        if label is not None:
            table[role] = _role({role: str(label)}, role, columns)
    if sequence_key is not None:
        columns[str(sequence_key)] = {"sdtype": "id"}
    keys = [name for name, described in columns.items() if described["sdtype"] == "id"]
    keys = [name for name in keys if name != table.get("sequence_key")]
    table |= {"primary_key": keys[0]} if keys else {}
    if table_name is None:
        return {"METADATA_SPEC_VERSION": SINGLE_TABLE, **table}
    return {"METADATA_SPEC_VERSION": "V1", "tables": {table_name: table}, "relationships": []}


def _read(path: str | os.PathLike[str]) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError(f"{os.fspath(path)!r} is no JSON ({error}).") from error


def _table(metadata: Source) -> tuple[dict[str, Any], Described]:
    """The one table, and its columns."""
    if isinstance(metadata, str | os.PathLike):
        metadata = _read(metadata)
    if not isinstance(metadata, dict):
        raise TypeError(
            f"metadata must be a dict or the path of its JSON file. Got {type(metadata).__name__}. "
            "Call metadata.to_dict()."
        )
    table = _only_table(metadata)
    described = table.get("columns")
    if not isinstance(described, dict) or not described:
        raise SchemaError("SDV metadata: the table has no 'columns'.")
    for name, column in described.items():
        if not isinstance(column, dict) or not isinstance(column.get("sdtype"), str):
            raise SchemaError(f"SDV metadata: column {name!r} has no 'sdtype'. Got {column!r}.")
    return table, described


def _only_table(metadata: dict[str, Any]) -> dict[str, Any]:
    version = metadata.get("METADATA_SPEC_VERSION")
    if "tables" not in metadata:
        if version not in (SINGLE_TABLE, None):
            raise SchemaError(f"SDV metadata: version {version!r} is unknown for one table.")
        return metadata
    tables = metadata["tables"]
    if version not in (*_MULTI_TABLE, None):
        raise SchemaError(f"SDV metadata: version {version!r} is unknown for several tables.")
    if not isinstance(tables, dict) or len(tables) != 1:
        names = ", ".join(map(repr, tables)) if isinstance(tables, dict) else repr(tables)
        raise SchemaError(
            f"SDV metadata: a schema is of one table. Got: {names}. "
            "Pass {'columns': …} of the one you mean: metadata['tables'][name]."
        )
    table = next(iter(tables.values()))
    if not isinstance(table, dict):
        raise SchemaError(f"SDV metadata: a table must be an object. Got {table!r}.")
    return table


def _keys(table: dict[str, Any], described: dict[str, Any]) -> set[str]:
    primary, alternate = table.get("primary_key"), table.get("alternate_keys")
    listed = [primary, *(alternate if isinstance(alternate, list) else [])]
    keys = {key for key in listed if isinstance(key, str)}
    if unknown := keys - described.keys():
        raise SchemaError(f"SDV metadata: key {sorted(unknown)[0]!r} is none of its columns.")
    return keys


def _role(table: dict[str, Any], role: str, described: Described) -> str | None:
    """The column that a table of sequences names as its key or index."""
    label = table.get(role)
    if label is not None and (not isinstance(label, str) or label not in described):
        near = closest(label, list(described))
        raise SchemaError(f"SDV metadata: {role} {label!r} is none of its columns.{near}")
    return label


def _kind(name: str, column: dict[str, Any], keys: set[str]) -> str | None:
    """The kind of a column; None where the cells must tell."""
    if name in keys:
        return "identifier"
    sdtype = column["sdtype"]
    if sdtype == "ordinal" or (column.get("pii") is False and sdtype not in _KIND_OF_SDTYPE):
        return None
    return _KIND_OF_SDTYPE.get(sdtype, "identifier")


def _assume(name: str, column: dict[str, Any], keys: set[str]) -> Column:
    kind, sdtype = _kind(name, column, keys) or "categorical", column["sdtype"]
    dtype, form = _ASSUMED.get(sdtype, ("object", "string"))
    detail = ""
    if sdtype == "numerical" and column.get("computer_representation") in _DTYPE_OF_REPRESENTATION:
        dtype = _DTYPE_OF_REPRESENTATION[column["computer_representation"]]
        form = "float" if dtype.startswith("float") else "integer"
        detail = "unsigned" if dtype == "uint64" else ""
    elif sdtype == "datetime" and "datetime_format" in column:
        dtype, form, detail = "object", "datetime text", str(column["datetime_format"])
    return Column(name=name, kind=kind, dtype=dtype, form=form, detail=detail)


def _kinds(df: Any, described: Described, keys: set[str]) -> dict[Hashable, str]:
    """The kinds that the metadata asks for, by the frame's own labels."""
    frame = to_pandas(df)
    given = {str(label): label for label in frame.columns}
    if given.keys() != described.keys():
        absent, unknown = sorted(described.keys() - given), sorted(given.keys() - described.keys())
        raise SchemaError(
            f"SDV metadata and table differ: not in the table {absent}, "
            f"not in the metadata {unknown}."
        )
    kinds: dict[Hashable, str] = {}
    for (name, label), dtype in zip(given.items(), frame.dtypes, strict=True):
        kind = _kind(name, described[name], keys)
        # SDV knows no durations and calls them numerical; the frame knows better.
        if kind is not None and (kind != "numeric" or getattr(dtype, "kind", "O") in "iuf"):
            kinds[label] = kind
    return kinds


def _describe(column: Column) -> dict[str, Any]:
    if column.form == "boolean" and column.kind == "categorical":
        return {"sdtype": "boolean"}
    data: dict[str, Any] = {"sdtype": _SDTYPE_OF_KIND[column.kind]}
    if column.form == "datetime text" and column.kind == "datetime":
        data["datetime_format"] = column.detail
    if column.kind == "numeric" and column.dtype in _REPRESENTATION_OF_DTYPE:
        data["computer_representation"] = _REPRESENTATION_OF_DTYPE[column.dtype]
    return data


def _restated(stated: Any) -> dict[str, Any]:
    """One of SDV's constraints as tabdiff spells it."""
    for kind, told in (
        ("class_name", "parameters"),
        ("constraint_class", "constraint_parameters"),
    ):
        if isinstance(stated, dict) and isinstance(stated.get(told), dict) and kind in stated:
            kept = {k: v for k, v in stated[told].items() if k not in _NOT_OF_THE_ROWS}
            return {"constraint": stated[kind], **kept}
    raise ValueError(
        f"a constraint of SDV is an object of 'class_name' and 'parameters'. Got {stated!r:.80}."
    )
