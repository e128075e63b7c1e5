"""SDV metadata to a schema and back; SDV itself is never imported.

Both spellings are read: one table (``SINGLE_TABLE_V1``: ``columns`` and ``primary_key`` at the
top) and several (``MULTI_TABLE_V1`` or ``V1``: ``tables``), of which a schema takes one.
"""

from __future__ import annotations

from typing import Any

from tabdiff.data.schema import Column, Schema, SchemaError, to_pandas

SINGLE_TABLE = "SINGLE_TABLE_V1"
_MULTI_TABLE = ("MULTI_TABLE_V1", "V1")

_KIND_OF_SDTYPE = {
    "numerical": "numeric",
    "categorical": "categorical",
    "boolean": "categorical",
    "datetime": "datetime",
    "id": "identifier",
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


def schema_from_sdv(metadata: dict[str, Any], df: Any = None) -> Schema:
    """The schema that SDV metadata describes.

    Parameters
    ----------
    metadata : dict
        What ``Metadata.to_dict()`` gives, or the JSON file's content. One table.
    df : DataFrame, optional
        The table itself. With it the schema knows dtypes, units and categories, and the metadata
        only says of which kind each column is; without it, dtypes are assumed from the metadata.

    Raises
    ------
    TypeError
        If ``metadata`` is no dict.
    SchemaError
        If the metadata is malformed, of an unknown version, holds not exactly one table, or does
        not fit the frame.

    Notes
    -----
    Types that SDV generates as personal data ("email", "ssn", "phone_number", …) are identifiers:
    no real value is ever copied.
    """
    if not isinstance(metadata, dict):
        raise TypeError(
            f"metadata must be a dict. Got {type(metadata).__name__}. Call metadata.to_dict()."
        )
    table = _only_table(metadata)
    described = table.get("columns")
    if not isinstance(described, dict) or not described:
        raise SchemaError("SDV metadata: the table has no 'columns'.")
    for name, column in described.items():
        if not isinstance(column, dict) or not isinstance(column.get("sdtype"), str):
            raise SchemaError(f"SDV metadata: column {name!r} has no 'sdtype'. Got {column!r}.")
    keys = _keys(table, described)
    if df is None:
        return Schema(tuple(_assume(name, column, keys) for name, column in described.items()))
    return _infer(df, described, keys)


def schema_to_sdv(schema: Schema) -> dict[str, Any]:
    """SDV metadata of one table (``SINGLE_TABLE_V1``), as a dict ready for ``json.dump``.

    Parameters
    ----------
    schema : Schema
        Column labels are written as text. The first identifier
        becomes the primary key.

    Raises
    ------
    SchemaError
        If two labels are the same text.
    """
    names = [str(column.name) for column in schema.columns]
    if len(set(names)) < len(names):
        raise SchemaError("column names must be unique as text for SDV. Rename them.")
    columns = {str(column.name): _describe(column) for column in schema.columns}
    data: dict[str, Any] = {"METADATA_SPEC_VERSION": SINGLE_TABLE, "columns": columns}
    keys = [name for name, described in columns.items() if described["sdtype"] == "id"]
    return data | ({"primary_key": keys[0]} if keys else {})


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


def _kind(name: str, column: dict[str, Any], keys: set[str]) -> str:
    return "identifier" if name in keys else _KIND_OF_SDTYPE.get(column["sdtype"], "identifier")


def _assume(name: str, column: dict[str, Any], keys: set[str]) -> Column:
    kind, sdtype = _kind(name, column, keys), column["sdtype"]
    dtype, form = _ASSUMED.get(sdtype, ("object", "string"))
    if sdtype == "numerical" and column.get("computer_representation") in _DTYPE_OF_REPRESENTATION:
        dtype = _DTYPE_OF_REPRESENTATION[column["computer_representation"]]
        form = "float" if dtype.startswith("float") else "integer"
    detail = "unsigned" if dtype == "uint64" else ""
    return Column(name=name, kind=kind, dtype=dtype, form=form, detail=detail)


def _infer(df: Any, described: dict[str, Any], keys: set[str]) -> Schema:
    """The frame's own schema, with the kinds that the metadata asks for."""
    frame = to_pandas(df)
    given = {str(label): label for label in frame.columns}
    if given.keys() != described.keys():
        absent, unknown = sorted(described.keys() - given), sorted(given.keys() - described.keys())
        raise SchemaError(
            f"SDV metadata and table differ: not in the table {absent}, "
            f"not in the metadata {unknown}."
        )
    kinds = {}
    for (name, column), dtype in zip(
        ((name, described[name]) for name in given), frame.dtypes, strict=True
    ):
        kind = _kind(name, column, keys)
        # SDV knows no durations and calls them numerical; the frame knows better.
        if kind != "numeric" or getattr(dtype, "kind", "O") in "iuf":
            kinds[given[name]] = kind
    return Schema.infer(df, kinds)


def _describe(column: Column) -> dict[str, Any]:
    if column.form == "boolean" and column.kind == "categorical":
        return {"sdtype": "boolean"}
    data: dict[str, Any] = {"sdtype": _SDTYPE_OF_KIND[column.kind]}
    if column.form == "datetime text" and column.kind == "datetime":
        data["datetime_format"] = column.detail
    return data
