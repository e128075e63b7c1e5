"""Constraints in a file."""

from __future__ import annotations

import json
from pathlib import Path

from tabdiff.data.constraints import Constraint, constraints_from_json


def read_constraints(path: str) -> list[Constraint]:
    """The constraints that a JSON file states; see :func:`constraints_from_json`.

    Raises
    ------
    ValueError
        If it is no JSON, or states something else.
    OSError
        If it cannot be read.
    """
    try:
        return constraints_from_json(json.loads(Path(path).read_text(encoding="utf-8-sig")))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
