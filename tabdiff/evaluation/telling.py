"""Where synthetic rows are caught: the permutation importance of the boosted detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabdiff.evaluation.entities import entities_of
from tabdiff.evaluation.learners import boosted_classifier, native_frame
from tabdiff.evaluation.tables import Table

# Rows of both tables together that the detector learns from, and on which columns are shuffled.
LEARNED_ROWS = 60_000
TELLING_ROWS = 6_000


@dataclass(frozen=True)
class Telling:
    """How much a column tells the detector.

    Attributes
    ----------
    label : str
        The column.
    drop : float
        Area under the ROC curve that is lost when the column is shuffled; about 0: none.
    """

    label: str
    drop: float


def telling_columns(real: Table, synthetic: Table, seed: int) -> tuple[Telling, ...]:
    """Where synthetic rows are caught: the permutation importance of the boosted detector.

    One detector learns from two thirds of the rows (of the entities, where rows belong to some); on
    the others each column is shuffled in turn,
    which breaks its relation to all other columns and to the truth about the row.

    Source: Breiman 2001, "Random forests", section 10; on held-out rows, of the area under the ROC
    curve.
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng([seed, 7])
    x = pd.concat([native_frame(real), native_frame(synthetic)], ignore_index=True)
    y = np.repeat(np.array([1, 0]), [real.n_rows, synthetic.n_rows])
    learned, judged = _thirds(entities_of(real, synthetic), len(x), rng)
    model = boosted_classifier()
    model.fit(x.iloc[learned], y[learned])
    rows, truth = x.iloc[judged], y[judged]
    auc = roc_auc_score(truth, model.predict_proba(rows)[:, 1])
    found = []
    for field, name in zip(real.fields, x, strict=True):
        shuffled = rows.assign(**{str(name): rows[name].array[rng.permutation(len(rows))]})
        without = roc_auc_score(truth, model.predict_proba(shuffled)[:, 1])
        found.append(Telling(field.label, float(auc - without)))
    return tuple(sorted(found, key=lambda telling: -telling.drop))


def _thirds(
    units: npt.NDArray[np.intp] | None, n_rows: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows to learn from and rows to judge, at random; entities are dealt as a whole."""
    order = rng.permutation(n_rows)[:LEARNED_ROWS]
    if units is None:
        learned, judged = np.split(order, [2 * len(order) // 3])
    else:
        n_units = int(units.max()) + 1
        held_out = np.isin(units[order], rng.permutation(n_units)[2 * n_units // 3 :])
        learned, judged = order[~held_out], order[held_out]
    return learned, judged[:TELLING_ROWS]
