"""*adult*, and conditions that about one row in a thousand meets.

Whether held-out rows that meet a condition look like the answer: the share of equally small parts
of the answer whose columns and pairs of columns lie as far from the rest of it (a Monte Carlo
p-value).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import RealTable
from benchmarks.rivals.contract import Condition, meets

SET = "adult"
PARTS = 500
# Of the sample's rows, and of the held-out ones.
Codes = tuple[np.ndarray, np.ndarray]
RARE: list[Condition] = [
    {"native.country": "Portugal"},
    {"native.country": "Columbia"},
    {"workclass": "Without-pay"},
    {"occupation": "Priv-house-serv", "race": "White", "relationship": "Unmarried"},
    {"education": "Doctorate", "sex": "Female", "income": ">50K"},
    {"age": (75, None), "income": ">50K"},
    {"education": ["Preschool", "1st-4th"], "sex": "Female"},
]


def judge(
    sample: pd.DataFrame, condition: Condition, table: RealTable, seed: int
) -> dict[str, Any]:
    """How rare the condition is, and the p-values; none where rows are too few to be parted."""
    met = table.test[meets(table.test, condition)]
    row: dict[str, Any] = {
        "rows in 1,000": round(1_000 * float(meets(table.train, condition).mean()), 2),
        "held-out rows": len(met),
    }
    if len(sample) < 2 * len(met):
        return row
    free = [c for c in table.train if c not in condition]
    codes = [_codes(sample[c], met[c]) for c in free]
    row["p columns"] = _p_value(codes, len(sample), len(met), seed)
    row["p pairs"] = _p_value(_pairs(codes), len(sample), len(met), seed)
    return row


def _p_value(codes: list[Codes], n_sample: int, n: int, seed: int) -> float:
    """Share of parts of ``n`` rows of the sample that lie as far from the rest as the others do."""
    rng = np.random.default_rng(seed)
    seen = _far([m for _, m in codes], [s for s, _ in codes])
    draws = []
    for _ in range(PARTS):
        part = np.zeros(n_sample, dtype=bool)
        part[rng.choice(n_sample, n, replace=False)] = True
        draws.append(_far([s[part] for s, _ in codes], [s[~part] for s, _ in codes]))
    return round((1 + sum(draw >= seen for draw in draws)) / (PARTS + 1), 3)


def _pairs(codes: list[Codes]) -> list[Codes]:
    """The codes of every two columns together."""
    width = [int(max(s.max(), m.max())) + 1 for s, m in codes]
    return [
        (s * width[j] + t, m * width[j] + u)
        for i, (s, m) in enumerate(codes)
        for j, (t, u) in enumerate(codes)
        if i < j
    ]


def _codes(sample: pd.Series, met: pd.Series) -> Codes:
    """Levels as numbers; numeric columns in five parts of equal mass."""
    if pd.api.types.is_numeric_dtype(met):
        edges = np.unique(np.quantile(sample.dropna(), [0.2, 0.4, 0.6, 0.8]))
        return np.searchsorted(edges, sample), np.searchsorted(edges, met)
    codes, _ = pd.factorize(pd.concat([sample, met]).fillna("missing"))
    return codes[: len(sample)], codes[len(sample) :]


def _far(few: list[np.ndarray], many: list[np.ndarray]) -> float:
    """Mean total variation over columns."""
    return float(np.mean([_variation(f, m) for f, m in zip(few, many, strict=True)]))


def _variation(few: np.ndarray, many: np.ndarray) -> float:
    width = int(max(few.max(), many.max())) + 1
    shares = [np.bincount(x, minlength=width) / len(x) for x in (few, many)]
    return 0.5 * float(np.abs(shares[0] - shares[1]).sum())
