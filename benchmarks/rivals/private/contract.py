"""The contract between the benchmark and a private method: a `PrivateTask` in, a `Fitted` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Public:
    """What anybody may know of a table, from its codebook and common sense; no row was asked.

    Attributes
    ----------
    bounds : dict of str to (int, int)
        Of each column of numbers, which are whole in all sets.
    categories : dict of str to list
        Of each other column.
    missing : tuple of str
        Columns in which cells may be missing.
    amounts : tuple of str
        Numbers that run over powers of ten: money, durations, repetitions.
    n_rows : int
        About.
    target : str
        The column that will be predicted.
    """

    bounds: Mapping[str, tuple[int, int]]
    categories: Mapping[str, list[str] | list[int]]
    missing: tuple[str, ...]
    amounts: tuple[str, ...]
    n_rows: int
    target: str


@dataclass(frozen=True)
class PrivateTask:
    """What every private method is told.

    Attributes
    ----------
    train : DataFrame
    public : Public
    epsilon, delta : float
        What everything together may cost.
    seed : int
        The worker seeds the global generators with it. Noise that comes from the operating system
        does not listen.
    """

    train: pd.DataFrame
    public: Public
    epsilon: float
    delta: float
    seed: int
