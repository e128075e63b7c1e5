"""What SDV's synthesizers share: the roles as SDV metadata, samples, and rows under conditions.

SDV infers metadata by itself, but takes codes of many levels for numbers or identifiers; its
documentation asks users to correct that, so it is told the roles.

Conditions are single values. CTGAN and TVAE draw rows until enough of them meet the condition (a
float that comes within one per cent is overwritten by it), and after a hundred tries return what
there is.
"""

from __future__ import annotations

import pandas as pd
from sdv.metadata import Metadata
from sdv.sampling import Condition as SdvCondition
from sdv.single_table.base import BaseSingleTableSynthesizer

from benchmarks.rivals.contract import Condition, Fitted, Task, single_values

TABLE = "table"
_SDTYPES = {"numeric": "numerical", "categorical": "categorical", "datetime": "datetime"}


def metadata(task: Task) -> Metadata:
    """Columns with their roles; datetimes also with the form of their text."""
    columns: dict[str, dict[str, str]] = {}
    for name, role in task.roles.items():
        columns[name] = {"sdtype": _SDTYPES[role]}
        if role == "datetime":
            columns[name]["datetime_format"] = task.datetime_format(name)
    return Metadata.load_from_dict({"tables": {TABLE: {"columns": columns}}})


def fitted(synthesizer: BaseSingleTableSynthesizer) -> Fitted:
    """Samples and answers of a fitted synthesizer."""

    def answer(condition: Condition, n_rows: int) -> pd.DataFrame:
        asked = SdvCondition(single_values(condition), num_rows=n_rows)
        return synthesizer.sample_from_conditions([asked])[TABLE]

    return Fitted(lambda n_rows: synthesizer.sample(n_rows)[TABLE], answer=answer)
