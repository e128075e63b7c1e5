"""SDV metadata and constraints in all spellings, without SDV; one test asks SDV itself."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff import TimeSeriesDiffusionSynthesizer
from tabdiff.data.constraints import (
    FixedCombinations,
    Inequality,
    OneHotEncoding,
    Range,
    ScalarInequality,
)
from tabdiff.data.schema import Schema, SchemaError
from tabdiff.integrations.sdv import (
    constraints_from_sdv,
    schema_from_sdv,
    schema_to_sdv,
    sequence_roles_from_sdv,
)
from tests.tiny import TINY

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
TABLES = {"guests": {"primary_key": "guest", "columns": COLUMNS}}
V1_TABLES = {"METADATA_SPEC_VERSION": "V1", "tables": TABLES, "relationships": []}
# SDV 2 adds what it saw: ranges, levels, decimals.
V2 = {
    "METADATA_SPEC_VERSION": "V2",
    "tables": {
        "guests": {
            "primary_key": "guest",
            "columns": COLUMNS
            | {"rate": {"sdtype": "numerical", "range_min": 0.0, "decimal_places": 9}}
            | {"kind": {"sdtype": "categorical", "range_values": ["a", "b"]}},
        }
    },
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


@pytest.mark.parametrize("metadata", [V1, V1_TABLES, V2], ids=["one table", "tables", "SDV 2"])
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


def test_metadata_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(V2), encoding="utf-8")
    assert schema_from_sdv(path, guests()) == schema_from_sdv(str(path), guests())
    assert schema_from_sdv(path) == schema_from_sdv(V1)
    path.write_text("columns: []", encoding="utf-8")
    with pytest.raises(SchemaError, match=r"metadata\.json' is no JSON"):
        schema_from_sdv(path)


def test_metadata_alone_goes_to_sdv_and_back() -> None:
    schema = schema_from_sdv(V1)
    assert [column.dtype for column in schema.columns][2:4] == ["int64", "float64"]
    assert schema["arrival"].form == "datetime text" and schema["arrival"].detail == "%Y-%m-%d"
    assert schema_from_sdv(schema_to_sdv(schema)) == schema


@pytest.mark.parametrize(
    ("described", "kinds"),
    [
        ({"sdtype": "ordinal", "range_values": [1, 2, 3]}, ["numeric", "categorical"]),
        ({"sdtype": "city", "pii": False}, ["numeric", "categorical"]),
        ({"sdtype": "city", "pii": True}, ["identifier", "identifier"]),
        ({"sdtype": "unknown", "pii": True}, ["identifier", "identifier"]),
    ],
)
def test_what_sdv_leaves_open_the_cells_tell(described: dict, kinds: list[str]) -> None:
    cells = np.tile([1, 2, 3], 20)
    frame = pd.DataFrame({"n": cells, "t": cells.astype(str)})
    frame["t"] = "size " + frame["t"]
    schema = schema_from_sdv({"columns": {"n": described, "t": described}}, frame)
    assert [column.kind for column in schema.columns] == kinds


def visits() -> pd.DataFrame:
    """Six patients of ten visits."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "patient": np.repeat([f"P{k}" for k in range(6)], 10),
            "day": np.tile(pd.date_range("2024-01-01", periods=10), 6),
            "ward": np.repeat(rng.integers(1, 4, 6), 10),
            "pulse": rng.normal(70, 5, 60).round(),
        }
    )


SEQUENCES = {
    "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1",
    "sequence_key": "patient",
    "sequence_index": "day",
    "columns": {
        "patient": {"sdtype": "id"},
        "day": {"sdtype": "datetime"},
        "ward": {"sdtype": "categorical"},
        "pulse": {"sdtype": "numerical"},
    },
}


def test_sequences_are_learned_as_their_metadata_says() -> None:
    roles = sequence_roles_from_sdv(SEQUENCES, visits())
    assert roles == ("patient", "day", {"ward": "categorical", "pulse": "numeric"})
    synth = TimeSeriesDiffusionSynthesizer(**roles._asdict(), **TINY | {"width": 8}).fit(visits())
    assert synth.schema_["ward"].kind == "categorical"
    back = schema_to_sdv(synth.schema_, sequence_key="patient", sequence_index="day")
    assert "primary_key" not in back
    assert sequence_roles_from_sdv(back, visits()) == roles


def test_a_role_that_no_column_has_is_refused() -> None:
    with pytest.raises(SchemaError, match="sequence_key 'patent' is none .* mean 'patient'"):
        sequence_roles_from_sdv(SEQUENCES | {"sequence_key": "patent"}, visits())
    with pytest.raises(SchemaError, match="sequence_index 'date' is none"):
        schema_to_sdv(Schema.infer(visits()), sequence_index="date")


def test_constraints_are_read_as_sdv_writes_them(tmp_path: Path) -> None:
    stated = [
        {
            "class_name": "Inequality",
            "parameters": {
                "low_column_name": "sent",
                "high_column_name": "paid",
                "strict_boundaries": False,
                "table_name": None,
            },
        },
        {
            "class_name": "Range",
            "parameters": {
                "low_column_name": "a",
                "middle_column_name": "b",
                "high_column_name": "c",
                "strict_boundaries": True,
                "table_name": None,
            },
        },
        {"class_name": "FixedCombinations", "parameters": {"column_names": ["zip", "city"]}},
        {
            "class_name": "OneHotEncoding",
            "parameters": {"column_names": ["red", "green"], "learning_strategy": "one_hot"},
        },
        {
            "constraint_class": "ScalarInequality",
            "constraint_parameters": {"column_name": "age", "relation": ">=", "value": 18},
        },
    ]
    path = tmp_path / "constraints.json"
    path.write_text(json.dumps(stated), encoding="utf-8")
    assert constraints_from_sdv(path) == [
        Inequality("sent", "paid"),
        Range("a", "b", "c", strict_boundaries=True),
        FixedCombinations(["zip", "city"]),
        OneHotEncoding(["red", "green"]),
        ScalarInequality("age", ">=", 18),
    ]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"class_name": "Inequality"}, "are a list of objects"),
        ([{"class_name": "Inequality"}], "'class_name' and 'parameters'"),
        ([{"class_name": "IfTrue", "parameters": {}}], "Known: Inequality, Range"),
    ],
)
def test_constraints_of_no_known_form_are_refused(stated: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        constraints_from_sdv(stated)  # type: ignore[arg-type]


def test_a_named_table_is_written_as_one_of_several() -> None:
    schema = schema_from_sdv(V1)
    alone = schema_to_sdv(schema)
    named = schema_to_sdv(schema, table_name="guests")
    assert named.pop("METADATA_SPEC_VERSION") == "V1"
    assert alone.pop("METADATA_SPEC_VERSION") == "SINGLE_TABLE_V1"
    assert named == {"tables": {"guests": alone}, "relationships": []}


@pytest.mark.parametrize("table_name", [None, "rows"])
@pytest.mark.parametrize("name", ["a table", "sequences"])
@pytest.mark.filterwarnings("ignore")  # those of SDV's own imports
def test_sdv_takes_what_is_written(name: str, table_name: str | None) -> None:
    metadata = pytest.importorskip("sdv.metadata", reason="SDV itself is not installed")
    if name == "a table":
        written = schema_to_sdv(schema_from_sdv(V1, guests()), table_name=table_name)
    else:
        written = schema_to_sdv(
            Schema.infer(visits()),
            table_name=table_name,
            sequence_key="patient",
            sequence_index="day",
        )
    taken = metadata.Metadata.load_from_dict(written)
    taken.validate()
    frame = guests() if name == "a table" else visits()
    assert schema_from_sdv(taken.to_dict(), frame) == schema_from_sdv(written, frame)


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
        schema_from_sdv(object())  # type: ignore[arg-type]


def test_labels_that_are_one_text_are_refused() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).random((30, 2)), columns=[1, "1"])
    with pytest.raises(SchemaError, match="unique as text"):
        schema_to_sdv(Schema.infer(frame))
