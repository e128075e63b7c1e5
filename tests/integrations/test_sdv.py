"""SDV metadata in both spellings, without SDV."""

import json

import numpy as np
import pandas as pd
import pytest

from tabdiff.data.schema import Schema, SchemaError
from tabdiff.integrations.sdv import schema_from_sdv, schema_to_sdv

COLUMNS = {
    "guest": {"sdtype": "id", "regex_format": "[0-9]{5}"},
    "email": {"sdtype": "email", "pii": True},
    "rooms": {"sdtype": "numerical", "computer_representation": "Int64"},
    "rate": {"sdtype": "numerical"},
    "member": {"sdtype": "boolean"},
    "kind": {"sdtype": "categorical"},
    "arrival": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"},
}
V1 = {"METADATA_SPEC_VERSION": "SINGLE_TABLE_V1", "primary_key": "guest", "columns": COLUMNS}
V2 = {
    "METADATA_SPEC_VERSION": "V1",
    "tables": {"guests": {"primary_key": "guest", "columns": COLUMNS}},
    "relationships": [],
}
KINDS = ["identifier", "identifier", "numeric", "numeric", *["categorical"] * 2, "datetime"]


def guests(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "guest": rng.permutation(n) + 10_000,
            "email": [f"{k % 9}@hotel.org" for k in range(n)],
            "rooms": np.arange(n),
            "rate": rng.random(n),
            "member": rng.random(n) < 0.5,
            "kind": rng.choice(["a", "b"], n),
            "arrival": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
        }
    )


@pytest.mark.parametrize("metadata", [V1, V2], ids=["one table", "tables"])
@pytest.mark.parametrize("with_frame", [False, True])
def test_metadata_gives_the_kinds_it_says(metadata: dict, with_frame: bool) -> None:
    schema = schema_from_sdv(metadata, guests() if with_frame else None)
    assert [column.name for column in schema.columns] == list(COLUMNS)
    assert [column.kind for column in schema.columns] == KINDS


def test_schema_goes_to_sdv_and_back() -> None:
    schema = schema_from_sdv(V1, guests())
    metadata = json.loads(json.dumps(schema_to_sdv(schema), allow_nan=False))
    assert metadata["METADATA_SPEC_VERSION"] == "SINGLE_TABLE_V1"
    assert metadata["primary_key"] == "guest"
    assert metadata["columns"]["member"] == {"sdtype": "boolean"}
    assert metadata["columns"]["arrival"]["datetime_format"] == "%Y-%m-%d"
    assert schema_from_sdv(metadata, guests()) == schema


def test_durations_stay_durations_though_sdv_has_no_word_for_them() -> None:
    frame = pd.DataFrame({"wait": pd.to_timedelta(np.arange(30), unit="s")})
    schema = Schema.infer(frame)
    assert schema_from_sdv(schema_to_sdv(schema), frame) == schema


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "no 'columns'"),
        ({"columns": {"x": {}}}, "column 'x' has no 'sdtype'"),
        ({"METADATA_SPEC_VERSION": "V9", "columns": COLUMNS}, "version 'V9' is unknown"),
        ({"METADATA_SPEC_VERSION": "V9", "tables": {}}, "version 'V9' is unknown"),
        ({"tables": {"a": {}, "b": {}}}, "a schema is of one table. Got: 'a', 'b'"),
        ({"tables": {"a": 1}}, "a table must be an object"),
        (V1 | {"primary_key": "nobody"}, "key 'nobody' is none of its columns"),
    ],
)
def test_malformed_metadata_is_refused(metadata: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema_from_sdv(metadata)


def test_metadata_of_another_table_is_refused() -> None:
    with pytest.raises(
        SchemaError, match=r"not in the table \['rate'\], not in the metadata \['x'\]"
    ):
        schema_from_sdv(V1, guests().rename(columns={"rate": "x"}))


def test_metadata_object_is_refused_with_the_call_that_helps() -> None:
    with pytest.raises(TypeError, match=r"metadata\.to_dict\(\)"):
        schema_from_sdv("metadata.json")  # type: ignore[arg-type]


def test_labels_that_are_one_text_are_refused() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).random((30, 2)), columns=[1, "1"])
    with pytest.raises(SchemaError, match="unique as text"):
        schema_to_sdv(Schema.infer(frame))
