from typing import Any

import numpy as np
import pandas as pd
import pytest

from tabdiff.evaluation.report import Report, evaluate


def draw_rows(n: int, seed: int) -> pd.DataFrame:
    """Rows of one mixed table: related numbers, missing values, categories, a date, a truth."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    group = rng.choice(["a", "b", "c", "d"], size=n, p=[0.4, 0.3, 0.2, 0.1])
    price = 10 * np.exp(0.5 * size + 0.3 * (group == "a") + 0.05 * rng.normal(size=n))
    return pd.DataFrame(
        {
            "size": size,
            "price": price.round(2),
            "rooms": np.where(rng.random(n) < 0.15, np.nan, rng.poisson(3 + (size > 0))),
            "group": pd.Series(group, dtype=object).where(rng.random(n) > 0.1, None),
            "sold": rng.random(n) < 1 / (1 + np.exp(-2 * size)),
            "when": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 365, size=n), unit="D"),
        }
    )


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    return draw_rows(500, seed=1)


@pytest.fixture(scope="session")
def test_rows() -> pd.DataFrame:
    return draw_rows(300, seed=2)


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """What a perfect synthesizer would make."""
    return draw_rows(500, seed=3)


@pytest.fixture(scope="session")
def copied(train: pd.DataFrame) -> pd.DataFrame:
    """What a pure copier makes."""
    return train.sample(500, replace=True, random_state=0).reset_index(drop=True)


@pytest.fixture(scope="session")
def shuffled(train: pd.DataFrame) -> pd.DataFrame:
    """Right marginals, independent columns."""
    rng = np.random.default_rng(4)
    columns: dict[str, Any] = {
        name: train[name].iloc[rng.permutation(len(train))].array for name in train
    }
    return pd.DataFrame(columns)


@pytest.fixture(scope="session")
def fresh_report(
    sdmetrics: None, train: pd.DataFrame, fresh: pd.DataFrame, test_rows: pd.DataFrame
) -> Report:
    return evaluate(train, fresh, holdout=test_rows, target="sold")


@pytest.fixture(scope="session")
def copied_report(
    sdmetrics: None, train: pd.DataFrame, copied: pd.DataFrame, test_rows: pd.DataFrame
) -> Report:
    return evaluate(train, copied, holdout=test_rows, target="price")


@pytest.fixture(scope="session")
def shuffled_report(sdmetrics: None, train: pd.DataFrame, shuffled: pd.DataFrame) -> Report:
    return evaluate(train, shuffled)
