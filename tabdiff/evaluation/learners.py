"""The learners that detect, predict and compare: XGBoost where it is installed, else scikit-learn.

Both see the same frame, categories and missing values native. Which one was used is recorded
beside each figure, because the two do not give the same numbers.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.evaluation.tables import Table

# HistGradientBoosting takes at most 255 categories; the rest share one.
SKLEARN_LEVELS = 254
# Trees work in float32.
LARGEST_SINGLE = float(np.finfo(np.float32).max)


class Classifier(Protocol):
    """What a detector needs of a classifier."""

    def fit(self, x: pd.DataFrame, y: npt.NDArray[np.int64]) -> object:
        """Learn to predict ``y``."""

    def predict_proba(self, x: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probability of each class, (n, K)."""


class Regressor(Protocol):
    """What the utility section needs of a regressor."""

    def fit(self, x: pd.DataFrame, y: npt.NDArray[np.float64]) -> object:
        """Learn to predict ``y``."""

    def predict(self, x: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Predicted values, (n,)."""


def has_xgboost() -> bool:
    """Whether XGBoost is installed."""
    return importlib.util.find_spec("xgboost") is not None


def booster_name() -> str:
    """The boosting library in use, with its version."""
    if has_xgboost():
        import xgboost

        return f"XGBoost {xgboost.__version__}"
    import sklearn

    return f"scikit-learn {sklearn.__version__} HistGradientBoosting"


def boosted_classifier() -> Classifier:
    """A gradient-boosting classifier with the settings of the published protocol."""
    if has_xgboost():
        from xgboost import XGBClassifier

        classifier: Classifier = XGBClassifier(
            eval_metric="logloss", enable_categorical=True, random_state=0
        )
        return classifier
    from sklearn.ensemble import HistGradientBoostingClassifier

    fallback: Classifier = HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=0
    )
    return fallback


def boosted_regressor() -> Regressor:
    """A gradient-boosting regressor with default settings."""
    if has_xgboost():
        from xgboost import XGBRegressor

        regressor: Regressor = XGBRegressor(enable_categorical=True, random_state=0)
        return regressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    fallback: Regressor = HistGradientBoostingRegressor(
        categorical_features="from_dtype", random_state=0
    )
    return fallback


def ordinal_matrix(table: Table) -> npt.NDArray[np.float32]:
    """One number per column for trees: level codes as they are, missing as NaN."""
    columns = [
        np.where(column == field.missing_code, np.nan, column)
        if field.kind == "categorical"
        else np.clip(np.asarray(column, dtype=np.float64), -LARGEST_SINGLE, LARGEST_SINGLE)
        for field, column in zip(table.fields, table.columns, strict=True)
    ]
    return np.column_stack(columns).astype(np.float32)


def native_frame(table: Table) -> pd.DataFrame:
    """The table with categories and missing values native, columns named by position.

    Column names are positions because boosters refuse some characters.
    """
    limit = None if has_xgboost() else SKLEARN_LEVELS
    made: dict[str, object] = {}
    for i, (field, column) in enumerate(zip(table.fields, table.columns, strict=True)):
        if field.kind == "numeric":
            made[f"c{i}"] = column
            continue
        count = field.missing_code
        codes = np.where(column == count, -1, column).astype(np.int32)
        if limit is not None and count > limit:
            codes, count = np.minimum(codes, limit - 1), limit
        made[f"c{i}"] = pd.Categorical.from_codes(codes, categories=pd.RangeIndex(count))
    return pd.DataFrame(made)
