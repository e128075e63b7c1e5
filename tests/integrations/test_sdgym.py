"""What of the adapter needs no SDGym; `benchmarks/in_sdgym.py` runs the rest."""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from tabdiff import SchemaError
from tabdiff.integrations.sdgym import contestant, fit_with_metadata, write_set
from tests.tiny import table, tiny

METADATA = {"columns": {"x": {"sdtype": "categorical"}, "c": {"sdtype": "categorical"}}}


def test_the_metadata_says_what_the_columns_are():
    rows = table().assign(x=lambda f: f["x"].round())
    template = tiny()
    fitted = fit_with_metadata(template, rows, METADATA)
    assert fitted.schema_["x"].kind == "categorical"
    assert template.schema is None and fitted.max_steps == template.max_steps
    with pytest.raises(SchemaError, match=r"not in the table \['c'\]"):
        fit_with_metadata(template, rows[["x"]], METADATA)


def test_a_set_is_one_csv_and_sdvs_metadata(tmp_path: Path):
    place = write_set(tmp_path, "toy", table())
    assert place == tmp_path / "single_table" / "toy"
    with ZipFile(place / "data.zip") as file:
        assert file.namelist() == ["toy.csv"]
        with file.open("toy.csv") as csv:
            pd.testing.assert_frame_equal(pd.read_csv(csv), table())
    metadata = json.loads((place / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["METADATA_SPEC_VERSION"] == "V1"
    assert metadata["tables"]["toy"]["columns"]["c"] == {"sdtype": "categorical"}


def test_without_sdgym_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sdgym", None)
    with pytest.raises(ImportError, match="pip install sdgym"):
        contestant()
