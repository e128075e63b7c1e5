"""The real tables: where they lie, and how they are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.rivals.contract import Role

SETS = (
    "adult", "default", "beijing", "bank", "california", "insurance", "heart", "taxis",
    "communities", "hotel",
)  # fmt: skip


@dataclass(frozen=True)
class RealTable:
    """One data set.

    Attributes
    ----------
    name : str
    train, test : DataFrame
        The test rows judge and are never seen by a fit.
    roles : dict of str to str
        Role of each column, in the order of the table.
    target : str
    """

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    roles: dict[str, Role]
    target: str


def read_csv(path: Path) -> pd.DataFrame:
    """Only an empty field is missing ("None" is a level), and no decimal is lost."""
    # From 3.1 on pandas loses none unasked, and being asked is deprecated.
    asked = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
    precision: Literal["round_trip"] | None = "round_trip" if asked else None
    return pd.read_csv(path, keep_default_na=False, na_values=[""], float_precision=precision)


def load(folder: Path, rows: int | None = None) -> RealTable:
    """Read train.csv.gz, test.csv.gz and meta.json of a set.

    Parameters
    ----------
    folder : Path
        The set's own; its name is the set's.
    rows : int, optional
        Keep at most so many training rows, always the same ones.
    """
    train, test = read_csv(folder / "train.csv.gz"), read_csv(folder / "test.csv.gz")
    if rows is not None and rows < len(train):
        kept = np.random.default_rng(0).choice(len(train), size=rows, replace=False)
        train = train.iloc[np.sort(kept)].reset_index(drop=True)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    # The files of *adult* spell "education.num" what meta.json calls "education-num".
    given = {column["name"].replace("-", "."): column["role"] for column in meta["columns"]}
    roles = {name: given[name.replace("-", ".")] for name in train.columns.map(str)}
    return RealTable(folder.name, train, test, roles, meta["target"])
