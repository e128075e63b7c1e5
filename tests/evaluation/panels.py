"""Small panels whose law is known, and tables of them at the judges' door."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tabdiff.data.schema import Schema
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.sequence_door import Panels, panels_of, place_rows
from tabdiff.evaluation.tables import Tables, code_tables

PHI = 0.8
# From sick, well, gone: to sick, well, gone.
CHAIN = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
STATES = np.array(["sick", "well", "gone"])


def draw_panel(n_entities: int, seed: int) -> pd.DataFrame:
    """AR(1) levels, a column that follows them, a Markov chain, gaps, and what never changes."""
    rng = np.random.default_rng(seed)
    parts = []
    for entity in range(n_entities):
        n = int(rng.integers(8, 16))
        level, state = rng.normal(size=n), rng.integers(0, 3, size=n)
        for t in range(1, n):
            level[t] = PHI * level[t - 1] + np.sqrt(1 - PHI**2) * level[t]
            state[t] = rng.choice(3, p=CHAIN[state[t - 1]])
        parts.append(
            pd.DataFrame(
                {
                    "who": f"{seed}-{entity}",
                    "day": np.cumsum(rng.integers(1, 4, size=n)),
                    "level": level,
                    "dose": np.where(rng.random(n) < 0.1, np.nan, level + rng.normal(size=n)),
                    "state": STATES[state],
                    "sex": rng.choice(["f", "m"]),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def panels(
    real: pd.DataFrame, synthetic: pd.DataFrame, index: str | None = "day", key: str | None = "who"
) -> Panels:
    """Both frames as panels."""
    frames = {"real": real, "synthetic": synthetic}
    rows = {r: f if key is None else f.drop(columns=[key]) for r, f in frames.items()}
    schema = Schema.infer(rows["real"])
    sequencing, places = place_rows(frames, key, index, schema)
    coded = code_tables(rows["real"], rows["synthetic"], None, schema)
    tables = Tables(
        replace(coded.real, entity=places["real"].entity),
        replace(coded.synthetic, entity=places["synthetic"].entity),
        None,
        coded.excluded,
        coded.notes,
    )
    return panels_of(tables, sequencing, places, index)


def panel(frame: pd.DataFrame, index: str | None = "day") -> Panel:
    """One frame as a panel."""
    return panels(frame, frame, index).real
