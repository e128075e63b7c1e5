"""The learners of the utility section: the same three for every table, each a plain function.

They differ in kind, because a synthetic table may keep what one of them needs and lose what another
needs: *boosting* (trees one after the other), *forest* (extremely randomised trees, Geurts et al.
2006) and *linear* (logistic or ridge regression on a design matrix).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.features import Design
from tabdiff.evaluation.learners import (
    boosted_classifier,
    boosted_regressor,
    native_frame,
    ordinal_matrix,
)
from tabdiff.evaluation.tables import Table
from tabdiff.evaluation.values import Floats

Classes = npt.NDArray[np.int64]
# (features to learn from, classes 0 … K - 1 in them, features to judge) -> (n, K) probabilities.
Classify = Callable[[Table, Classes, Table], Floats]
# (features to learn from, standardised target, features to judge) -> (n,) predictions.
Regress = Callable[[Table, Floats, Table], Floats]

TREES = 50
LEAF = 5


def boosting_classes(train: Table, y: Classes, test: Table) -> Floats:
    """Class probabilities by gradient boosting on native categories and missing values."""
    model = boosted_classifier()
    model.fit(native_frame(train), y)
    return np.asarray(model.predict_proba(native_frame(test)), dtype=np.float64)


def boosting_numbers(train: Table, y: Floats, test: Table) -> Floats:
    """Predictions by gradient boosting on native categories and missing values."""
    model = boosted_regressor()
    model.fit(native_frame(train), y)
    return np.asarray(model.predict(native_frame(test)), dtype=np.float64)


def forest_classes(train: Table, y: Classes, test: Table) -> Floats:
    """Class probabilities by extremely randomised trees."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(TREES, min_samples_leaf=LEAF, random_state=0)
    model.fit(ordinal_matrix(train), y)
    return np.asarray(model.predict_proba(ordinal_matrix(test)), dtype=np.float64)


def forest_numbers(train: Table, y: Floats, test: Table) -> Floats:
    """Predictions by extremely randomised trees."""
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, max_features=1 / 3, random_state=0)
    model.fit(ordinal_matrix(train), y)
    return np.asarray(model.predict(ordinal_matrix(test)), dtype=np.float64)


def linear_classes(train: Table, y: Classes, test: Table) -> Floats:
    """Class probabilities by logistic regression."""
    from sklearn.linear_model import LogisticRegression

    design = Design.of([train])
    model = LogisticRegression(solver="newton-cholesky")
    model.fit(design.encode(train), y)
    return np.asarray(model.predict_proba(design.encode(test)), dtype=np.float64)


def linear_numbers(train: Table, y: Floats, test: Table) -> Floats:
    """Predictions by ridge regression."""
    from sklearn.linear_model import Ridge

    design = Design.of([train])
    model = Ridge()
    model.fit(design.encode(train), y)
    return np.asarray(model.predict(design.encode(test)), dtype=np.float64)


CLASSIFIERS: dict[str, Classify] = {
    "boosting": boosting_classes,
    "forest": forest_classes,
    "linear": linear_classes,
}
REGRESSORS: dict[str, Regress] = {
    "boosting": boosting_numbers,
    "forest": forest_numbers,
    "linear": linear_numbers,
}
