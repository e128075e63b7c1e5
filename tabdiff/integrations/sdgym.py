"""tabdiff in SDGym, the benchmark of the SDV project; SDGym is imported when it is asked for.

    from sdgym import benchmark_single_table

    benchmark_single_table(
        custom_synthesizers=[contestant(DiffusionSynthesizer(max_time=300))],
        additional_datasets_folder=folder,
    )

runs on SDGym's own sets, and on those that :func:`write_set` laid into the folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd

from tabdiff.data.schema import Schema
from tabdiff.integrations.sdv import schema_from_sdv, schema_to_sdv
from tabdiff.integrations.tables import new_synthesizer
from tabdiff.synthesizer import DiffusionSynthesizer


def contestant(
    template: DiffusionSynthesizer | None = None, *, display_name: str = "tabdiff"
) -> Any:
    """A class of synthesizers for the ``custom_synthesizers`` of ``benchmark_single_table``.

    Parameters
    ----------
    template : DiffusionSynthesizer, optional
        Unfitted, with the parameters to use; the kinds of columns are those of SDGym's metadata.
    display_name : str
        As what its rows appear in the results, behind "Custom:".

    Raises
    ------
    TypeError
        If the template is no synthesizer.
    ImportError
        If SDGym is absent.
    """
    try:
        from sdgym import create_single_table_synthesizer
    except ImportError as error:
        raise ImportError(
            "a contestant needs SDGym, and SDGym 0.15 an SDV before 2.0. "
            "Run: pip install sdgym 'sdv<2'"
        ) from error
    unfitted = new_synthesizer(template, None)

    def train(data: pd.DataFrame, metadata: dict[str, Any]) -> DiffusionSynthesizer:
        return fit_with_metadata(unfitted, data, metadata)

    return create_single_table_synthesizer(
        display_name=display_name,
        get_trained_synthesizer_fn=train,
        sample_from_synthesizer_fn=DiffusionSynthesizer.sample,
    )


def fit_with_metadata(
    template: DiffusionSynthesizer, data: pd.DataFrame, metadata: dict[str, Any]
) -> DiffusionSynthesizer:
    """A synthesizer like ``template``, fitted to a table whose kinds SDV metadata tells.

    Raises
    ------
    SchemaError
        If the metadata does not fit the table.
    """
    synth = new_synthesizer(template, None)
    return synth.set_params(schema=schema_from_sdv(metadata, data)).fit(data)


def write_set(
    folder: str | os.PathLike[str], name: str, df: pd.DataFrame, schema: Schema | None = None
) -> Path:
    """A table as a set of SDGym: ``folder/single_table/name/`` with data.zip and metadata.json.

    Parameters
    ----------
    folder : path
        What ``additional_datasets_folder`` is given.
    name : str
    df : DataFrame
        As a CSV file can hold it.
    schema : Schema, optional
        What each column is; inferred when None.

    Returns
    -------
    Path
        Of the set.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    place = Path(folder) / "single_table" / name
    place.mkdir(parents=True, exist_ok=True)
    with ZipFile(place / "data.zip", "w", ZIP_DEFLATED) as file:
        file.writestr(f"{name}.csv", df.to_csv(index=False))
    metadata = schema_to_sdv(Schema.infer(df) if schema is None else schema, table_name=name)
    text = json.dumps(metadata, indent=2, allow_nan=False)
    (place / "metadata.json").write_text(text, encoding="utf-8")
    return place
