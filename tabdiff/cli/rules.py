"""Constraints, and what is public of a table, in a file."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from tabdiff.data.constraints import Constraint, constraints_from_json
from tabdiff.data.errors import closest
from tabdiff.data.privacy import Privacy


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


def read_privacy(path: str) -> Privacy:
    """The :class:`Privacy` whose parameters a JSON file names.

    Raises
    ------
    ValueError
        If it is no JSON, or names what is none of them or cannot be.
    OSError
        If it cannot be read.
    """
    known = [field.name for field in fields(Privacy)]
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        if not isinstance(told, dict):
            raise ValueError(f"privacy is an object of {', '.join(known)}.")
        if unknown := [name for name in told if name not in known]:
            raise ValueError(
                f"{unknown[0]!r} is none of {', '.join(known)}.{closest(unknown[0], known)}"
            )
        return Privacy(**told)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
