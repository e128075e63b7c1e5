"""AIM (McKenna et al. 2022, arXiv:2201.12677) as smartnoise-synth has it, all pairs its workload.

Prepared as MST is, and its rows are drawn like those of MST.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from snsynth.aim import AIMSynthesizer

from benchmarks.rivals.contract import Fitted
from benchmarks.rivals.private.contract import PrivateTask
from benchmarks.rivals.private.mst import draw, fitted, rows


def fit(task: PrivateTask) -> Fitted:
    synthesizer, cells = fitted(AIMSynthesizer, task)
    rng = np.random.default_rng(task.seed)

    def sample(n_rows: int) -> pd.DataFrame:
        drawn = draw(synthesizer.synthesizer, n_rows, rng)
        return rows(pd.DataFrame(drawn), cells, rng)

    return Fitted(sample, {"cliques": len(synthesizer.synthesizer.cliques)})
