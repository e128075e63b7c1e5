"""Whether a model trained on synthetic rows works on real ones.

Train on synthetic, test on real (TSTR), beside train on real, test on real: the same learner, the
same unseen rows. The difference is what the synthetic table costs whoever uses it for prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.learners import (
    boosted_classifier,
    boosted_regressor,
    booster_name,
    native_frame,
)
from tabdiff.evaluation.tables import Table

Task = Literal["classification", "regression"]
MIN_ROWS = 10


@dataclass(frozen=True)
class Utility:
    """The utility section.

    Attributes
    ----------
    target : str
    task : {"classification", "regression"}
    metric : {"auc", "rmse"}
        Area under the ROC curve (more than two classes: one against the rest, mean), or the root
        mean squared error in the target's unit.
    synthetic, real : float
        The metric on hold-out rows after training on synthetic and on real rows.
    baseline : float
        The metric of a model that knows nothing: 0.5, or the RMSE of the training mean.
    synthetic_r2, real_r2 : float or None
        Coefficient of determination, for regression.
    learner : str
        Library and version.
    n_test : int
        Hold-out rows with a target.
    notes : tuple of str
        Classes that one side does not have, rows without a target.
    """

    target: str
    task: Task
    metric: Literal["auc", "rmse"]
    synthetic: float
    real: float
    baseline: float
    synthetic_r2: float | None
    real_r2: float | None
    learner: str
    n_test: int
    notes: tuple[str, ...]

    @property
    def loss(self) -> float:
        """What synthetic rows cost: lost AUC, or added RMSE relative to the real one's."""
        if self.metric == "auc":
            return self.real - self.synthetic
        return (self.synthetic - self.real) / self.real if self.real > 0 else float("nan")


def judge_utility(real: Table, synthetic: Table, holdout: Table, target: int) -> Utility:
    """Train on each table and test on the hold-out.

    Parameters
    ----------
    real, synthetic, holdout : Table
    target : int
        Position of the target among the fields. A numeric target with two values, and every
        categorical one, is a class.

    Raises
    ------
    EvaluationError
        If there is nothing to predict from, or too few rows have a target.
    """
    field = real.fields[target]
    if len(real.fields) < 2:
        raise EvaluationError(
            f"target {field.label!r} is the only judged column: there is nothing to predict it from"
        )
    notes: list[str] = []
    tables = {}
    for role, table in (("real", real), ("synthetic", synthetic), ("holdout", holdout)):
        absent = table.missing(target)
        if absent.any():
            notes.append(f"{int(absent.sum())} {role} rows without a target were left out")
        tables[role] = table.take(np.flatnonzero(~absent))
        if tables[role].n_rows < MIN_ROWS:
            raise EvaluationError(
                f"target {field.label!r}: the {role} frame has {tables[role].n_rows} rows with a "
                f"target, at least {MIN_ROWS} are needed"
            )
    made, given = tables["synthetic"].n_rows, tables["real"].n_rows
    if 2 * made < given:
        notes.append(
            f"utility compares {made:,} synthetic with {given:,} real training rows: part of the "
            "loss is the smaller number"
        )
    numeric = field.kind == "numeric"
    values = np.asarray(tables["real"].columns[target], dtype=np.float64)
    if numeric and len(np.unique(values)) > 2:
        return _regression(tables, target, notes)
    return _classification(tables, target, notes)


def _regression(tables: dict[str, Table], target: int, notes: list[str]) -> Utility:
    y = {role: np.asarray(t.columns[target], dtype=np.float64) for role, t in tables.items()}
    x = {role: native_frame(table.without(target)) for role, table in tables.items()}
    truth = y["holdout"]
    # The learner works in float32: units of the real target keep it well scaled.
    centre, spread = float(y["real"].mean()), float(y["real"].std()) or 1.0
    error, fit = {}, {}
    for role in ("synthetic", "real"):
        model = boosted_regressor()
        model.fit(x[role], (y[role] - centre) / spread)
        predicted = np.asarray(model.predict(x["holdout"]), dtype=np.float64) * spread + centre
        error[role] = float(np.sqrt(np.mean((truth - predicted) ** 2)))
        fit[role] = _r2(truth, predicted)
    return Utility(
        target=tables["real"].fields[target].label,
        task="regression",
        metric="rmse",
        synthetic=error["synthetic"],
        real=error["real"],
        baseline=float(np.sqrt(np.mean((truth - centre) ** 2))),
        synthetic_r2=fit["synthetic"],
        real_r2=fit["real"],
        learner=booster_name(),
        n_test=len(truth),
        notes=tuple(notes),
    )


def _r2(truth: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> float | None:
    total = float(((truth - truth.mean()) ** 2).sum())
    return None if total == 0 else float(1 - ((truth - predicted) ** 2).sum() / total)


def _classification(tables: dict[str, Table], target: int, notes: list[str]) -> Utility:
    field = tables["real"].fields[target]
    classes = {role: np.unique(table.columns[target]) for role, table in tables.items()}
    for role in ("synthetic", "holdout"):
        for missing, text in (
            (np.setdiff1d(classes["real"], classes[role]), f"do not occur in the {role} frame"),
            (np.setdiff1d(classes[role], classes["real"]), f"occur only in the {role} frame"),
        ):
            if len(missing):
                names = [_class_name(field.levels, code) for code in missing[:5]]
                notes.append(f"{len(missing)} classes {text}: {', '.join(map(repr, names))}")
    every = np.unique(np.concatenate(list(classes.values())))
    truth = np.searchsorted(every, tables["holdout"].columns[target])
    x_test = native_frame(tables["holdout"].without(target))
    scores = {}
    for role in ("synthetic", "real"):
        y = np.searchsorted(every, tables[role].columns[target])
        x = native_frame(tables[role].without(target))
        scores[role] = _auc(truth, _probabilities(x, y, x_test, len(every)))
    if np.isnan(scores["real"]):
        notes.append("the hold-out has a single class: there is no AUC")
    return Utility(
        target=field.label,
        task="classification",
        metric="auc",
        synthetic=scores["synthetic"],
        real=scores["real"],
        baseline=0.5,
        synthetic_r2=None,
        real_r2=None,
        learner=booster_name(),
        n_test=len(truth),
        notes=tuple(notes),
    )


def _class_name(levels: tuple[str, ...], code: float) -> str:
    return levels[int(code)] if levels else f"{code:g}"


def _probabilities(
    x: object, y: npt.NDArray[np.int64], x_test: object, n_classes: int
) -> npt.NDArray[np.float64]:
    """Class probabilities on the test rows; 0 for classes that were never seen."""
    import pandas as pd

    if not isinstance(x, pd.DataFrame) or not isinstance(x_test, pd.DataFrame):
        raise TypeError("features must be frames")
    seen, compact = np.unique(y, return_inverse=True)
    out = np.zeros((len(x_test), n_classes))
    if len(seen) == 1:
        out[:, seen[0]] = 1.0
        return out
    model = boosted_classifier()
    model.fit(x, compact)
    out[:, seen] = model.predict_proba(x_test)
    return out


def _auc(truth: npt.NDArray[np.int64], probability: npt.NDArray[np.float64]) -> float:
    """Mean one-against-the-rest AUC over the classes that the test rows have and lack."""
    from sklearn.metrics import roc_auc_score

    found = [c for c in np.unique(truth) if 0 < (truth == c).sum() < len(truth)]
    if len(found) == 2 and probability.shape[1] == 2:
        found = found[1:]
    areas = [float(roc_auc_score(truth == c, probability[:, c])) for c in found]
    return float(np.mean(areas)) if areas else float("nan")
