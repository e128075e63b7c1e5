"""What SDV's synthesizers share: the roles as SDV metadata.

SDV infers metadata by itself, but takes codes of many levels for numbers or identifiers; its
documentation asks users to correct that, so it is told the roles.
"""

from __future__ import annotations

from sdv.metadata import Metadata

from benchmarks.rivals.contract import Task

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
