"""Whether a model trained on synthetic rows works on real ones.

Train on synthetic, test on real (TSTR), beside train on real, test on real: the same learner, the
same unseen rows. The difference is what the synthetic table costs whoever uses it for prediction.
Real and synthetic rows together tell what the table is worth to whoever has the real one.

Source: Esteban et al. 2017 (arXiv:1706.02633), section 4.2, for TSTR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tabdiff.evaluation.errors import EvaluationError
from tabdiff.evaluation.extremes import Extremes
from tabdiff.evaluation.intervals import Interval, around, auc_influence
from tabdiff.evaluation.learners import booster_name
from tabdiff.evaluation.predictors import CLASSIFIERS, REGRESSORS
from tabdiff.evaluation.tables import Table, stack
from tabdiff.evaluation.values import Floats

Task = Literal["classification", "regression"]
MIN_ROWS = 10
# Rows that a learner is given at most; boosting builds as many trees as there are classes.
TRAIN_ROWS = {"boosting": 50_000, "forest": 10_000, "linear": 20_000}
TEST_ROWS = 20_000
EXTREME_ROWS = 5_000
# Rarer classes count as one.
MAX_CLASSES = 20
SOURCES = ("synthetic", "real", "both", "copy", "independent")


@dataclass(frozen=True)
class Trial:
    """One learner, trained on different rows and tested on the same unseen real ones.

    Attributes
    ----------
    learner : {"boosting", "forest", "linear"}
    synthetic, real, both : float
        The metric after training on synthetic rows, on real rows, and on both together.
    copy, independent : float
        The same for a bootstrap copy of the real rows and for independent columns.
    interval : (float, float)
        95 % interval of ``synthetic``, from the test rows.
    loss : float
        What synthetic rows cost: lost AUC, or added RMSE relative to the real one's.
    loss_interval : (float, float)
        95 % interval of the loss, from the test rows that both models were judged on.
    gain_interval : (float, float)
        95 % interval of ``both`` minus ``real`` (of ``real`` minus ``both`` for RMSE, relative to
        ``real``): above 0 where synthetic rows help.
    """

    learner: str
    synthetic: float
    real: float
    both: float
    copy: float
    independent: float
    interval: Interval
    loss: float
    loss_interval: Interval
    gain_interval: Interval


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
    trials : tuple of Trial
        One per learner, boosting first.
    baseline : float
        The metric of a model that knows nothing: 0.5, or the RMSE of the training mean.
    spread : float or None
        Standard deviation of the target over the test rows, for regression: ``1 - (rmse /
        spread)^2`` is the coefficient of determination.
    booster : str
        Library and version of boosting.
    n_test : int
        Hold-out rows with a target.
    notes : tuple of str
        Classes that one side does not have, rows without a target.
    """

    target: str
    task: Task
    metric: Literal["auc", "rmse"]
    trials: tuple[Trial, ...]
    baseline: float
    spread: float | None
    booster: str
    n_test: int
    notes: tuple[str, ...]

    @property
    def main(self) -> Trial:
        """The trial of boosting: usually the strongest learner on tables."""
        return self.trials[0]

    def r2(self, rmse: float) -> float | None:
        """Coefficient of determination of a regression with this error."""
        return None if not self.spread else 1 - (rmse / self.spread) ** 2


def judge_utility(
    real: Table, synthetic: Table, holdout: Table, target: int, seed: int = 0
) -> Utility:
    """Train on each table and test on the hold-out.

    Parameters
    ----------
    real, synthetic, holdout : Table
    target : int
        Position of the target among the fields. A numeric target with two values, and every
        categorical one, is a class.
    seed : int
        Draws the rows of large tables.

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
    rng = np.random.default_rng([seed, 8])
    tables["holdout"] = tables["holdout"].draw(TEST_ROWS, rng)
    if numeric and len(np.unique(values)) > 2:
        return _regression(tables, target, notes, rng)
    return _classification(tables, target, notes, rng)


def _sources(
    tables: dict[str, Table], target: int, n_rows: int, rng: np.random.Generator
) -> dict[str, Table]:
    """What a learner is trained on, at most ``n_rows`` of each."""
    real, synthetic = (tables[role].draw(n_rows, rng) for role in ("real", "synthetic"))
    known = min(EXTREME_ROWS, n_rows, real.n_rows)
    extremes = Extremes.of(real, known, known, rng)
    return {
        "synthetic": synthetic,
        "real": real,
        "both": stack(real, synthetic),
        "copy": extremes.copy,
        "independent": extremes.independent,
    }


def _regression(
    tables: dict[str, Table], target: int, notes: list[str], rng: np.random.Generator
) -> Utility:
    test = tables["holdout"].without(target)
    truth = np.asarray(tables["holdout"].columns[target], dtype=np.float64)
    known = np.asarray(tables["real"].columns[target], dtype=np.float64)
    # Learners work in float32, or with squares: units of the real target keep it well scaled.
    centre, spread = float(known.mean()), float(known.std()) or 1.0
    trials = []
    for learner, predict in REGRESSORS.items():
        judged = {}
        for source, table in _sources(tables, target, TRAIN_ROWS[learner], rng).items():
            y = (np.asarray(table.columns[target], dtype=np.float64) - centre) / spread
            predicted = predict(table.without(target), y, test) * spread + centre
            judged[source] = _rmse(truth, predicted)
        trials.append(_trial(learner, judged, relative=True))
    return Utility(
        target=tables["real"].fields[target].label,
        task="regression",
        metric="rmse",
        trials=tuple(trials),
        baseline=float(np.sqrt(np.mean((truth - centre) ** 2))),
        spread=float(truth.std()),
        booster=booster_name(),
        n_test=len(truth),
        notes=tuple(notes),
    )


def _rmse(truth: Floats, predicted: Floats) -> tuple[float, Floats]:
    """Root mean squared error, and the influence of each row on it."""
    squares = (truth - predicted) ** 2
    error = float(np.sqrt(squares.mean()))
    influence = (squares - squares.mean()) / (2 * error) if error > 0 else np.zeros(len(squares))
    return error, influence


def _trial(learner: str, judged: dict[str, tuple[float, Floats]], relative: bool) -> Trial:
    """Compare the sources; what is ``relative`` is an error, which grows where areas shrink."""
    made, real, both = (judged[source] for source in SOURCES[:3])
    loss, of_loss = _lost(made, real, relative)
    gain, of_gain = _lost(both, real, relative)
    low, high = around(gain, of_gain)
    least, most = around(*made)
    return Trial(
        learner=learner,
        synthetic=made[0],
        real=real[0],
        both=both[0],
        copy=judged["copy"][0],
        independent=judged["independent"][0],
        interval=(max(least, 0.0), most if relative else min(most, 1.0)),
        loss=loss,
        loss_interval=around(loss, of_loss),
        gain_interval=(-high, -low),
    )


def _lost(
    other: tuple[float, Floats], real: tuple[float, Floats], relative: bool
) -> tuple[float, Floats]:
    """``real - other``, or ``other / real - 1``, and the influence of each row on it."""
    (value, of_value), (best, of_best) = other, real
    if not relative:
        return best - value, of_best - of_value
    if best == 0:
        return float("nan"), np.full(len(of_best), np.nan)
    return value / best - 1, (of_value - value / best * of_best) / best


def _classification(
    tables: dict[str, Table], target: int, notes: list[str], rng: np.random.Generator
) -> Utility:
    field = tables["real"].fields[target]
    notes += _class_notes(tables, target)
    values = {role: np.asarray(table.columns[target]) for role, table in tables.items()}
    kept, counts = np.unique(values["real"], return_counts=True)
    if len(kept) > MAX_CLASSES:
        notes.append(
            f"of {len(kept)} classes the {MAX_CLASSES - 1} most frequent are predicted, "
            "the others count as one"
        )
        kept = np.sort(kept[np.argsort(-counts, kind="stable")[: MAX_CLASSES - 1]])
    truth, n_classes = _class_codes(values["holdout"], kept), len(kept) + 1
    test = tables["holdout"].without(target)
    trials = []
    for learner, classify in CLASSIFIERS.items():
        judged = {}
        n_rows = max(2 * TRAIN_ROWS[learner] // max(len(kept), 2), 5_000)
        for source, table in _sources(tables, target, n_rows, rng).items():
            y = _class_codes(table.columns[target], kept)
            probability = np.zeros((test.n_rows, n_classes))
            seen, compact = np.unique(y, return_inverse=True)
            if len(seen) > 1:
                probability[:, seen] = classify(table.without(target), compact, test)
            judged[source] = _mean_auc(truth, probability)
        trials.append(_trial(learner, judged, relative=False))
    if np.isnan(trials[0].real):
        notes.append("the hold-out has a single class: there is no AUC")
    return Utility(
        target=field.label,
        task="classification",
        metric="auc",
        trials=tuple(trials),
        baseline=0.5,
        spread=None,
        booster=booster_name(),
        n_test=test.n_rows,
        notes=tuple(notes),
    )


def _class_notes(tables: dict[str, Table], target: int) -> list[str]:
    """Classes that one frame has and another lacks."""
    field = tables["real"].fields[target]
    classes = {role: np.unique(table.columns[target]) for role, table in tables.items()}
    notes = []
    for role in ("synthetic", "holdout"):
        for missing, text in (
            (np.setdiff1d(classes["real"], classes[role]), f"do not occur in the {role} frame"),
            (np.setdiff1d(classes[role], classes["real"]), f"occur only in the {role} frame"),
        ):
            if len(missing):
                names = [_class_name(field.levels, code) for code in missing[:5]]
                notes.append(f"{len(missing)} classes {text}: {', '.join(map(repr, names))}")
    return notes


def _class_name(levels: tuple[str, ...], code: float) -> str:
    return levels[int(code)] if levels else f"{code:g}"


def _class_codes(
    values: npt.NDArray[np.generic], kept: npt.NDArray[np.generic]
) -> npt.NDArray[np.int64]:
    """Place of each value among the kept classes; one more for all others."""
    place = np.minimum(np.searchsorted(kept, values), len(kept) - 1)
    return np.where(kept[place] == values, place, len(kept)).astype(np.int64)


def _mean_auc(truth: npt.NDArray[np.int64], probability: Floats) -> tuple[float, Floats]:
    """Mean one-against-the-rest area over the classes that test rows have and lack."""
    found = [c for c in np.unique(truth) if 0 < (truth == c).sum() < len(truth)]
    if not found:
        return float("nan"), np.full(len(truth), np.nan)
    if len(found) == 2 and len(np.unique(truth)) == 2 and not probability[:, 2:].any():
        found = found[1:]
    judged = [auc_influence(truth == c, probability[:, c]) for c in found]
    return float(np.mean([a for a, _ in judged])), np.mean([i for _, i in judged], axis=0)
