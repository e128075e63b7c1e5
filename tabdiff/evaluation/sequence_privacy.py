"""Privacy where one person has many rows: what is protected is the entity, not the row.

Row by row, an attacker who finds one row of a person has found all of them, and rows of one person
are near to each other anyway: membership, distances and memorisation of rows mean little. So the
entities take the place of rows, each as its essential features
(`tabdiff.evaluation.entity_features`); exact copies are counted on the whole sequences. Copied
rows and copied runs of rows are counted beside, because a sequence may be copied in part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tabdiff.evaluation.copies import copies_among
from tabdiff.evaluation.entity_features import Layout, essential_table
from tabdiff.evaluation.extremes import Beside, Extremes
from tabdiff.evaluation.panel import Panel
from tabdiff.evaluation.privacy import Privacy
from tabdiff.evaluation.sequence_door import Panels
from tabdiff.evaluation.tables import Table

RUN = 3


@dataclass(frozen=True)
class PanelExtremes:
    """A bootstrap copy of real entities, and rows permuted among them.

    Attributes
    ----------
    real, copy, independent : Panel
    """

    real: Panel
    copy: Panel
    independent: Panel

    @classmethod
    def of(cls, real: Panel, n_known: int, n_made: int, rng: np.random.Generator) -> PanelExtremes:
        """Make both from at most ``n_known`` real entities; the copy has ``n_made``."""
        known = real.draw(n_known, rng)
        return cls(known, known.bootstrap(n_made, rng), known.scattered(rng))

    def tables(self, layout: Layout) -> Extremes:
        """One row of features per entity."""
        made = (essential_table(p, layout) for p in (self.real, self.copy, self.independent))
        return Extremes(*made)


def entity_tables(panels: Panels) -> tuple[Table, Table, Table | None]:
    """Real, synthetic and held-out entities, one row of features each."""
    layout = Layout.of(panels)
    real, synthetic = (essential_table(p, layout) for p in (panels.real, panels.synthetic))
    holdout = None if panels.holdout is None else essential_table(panels.holdout, layout)
    return real, synthetic, holdout


def with_copied_sequences(
    privacy: Privacy, real: Panel, other: Panel, unseen: Panel | None
) -> Privacy:
    """The privacy section with exact copies counted on whole sequences; times do not count."""
    held = None if unseen is None else unseen.fingerprints()
    return replace(privacy, copies=copies_among(real.fingerprints(), other.fingerprints(), held))


def copied_parts(known: Panel, asked: Panel) -> dict[str, float]:
    """Percent of the rows, and of the runs of 3 rows, that occur in ``known`` too, by key.

    Times do not count. NaN for runs where no entity has as many rows.
    """
    found = {}
    for key, length in (("row_copies", 1), ("run_copies", RUN)):
        runs = asked.run_prints(length)
        equal = np.isin(runs, known.run_prints(length))
        found[key] = 100 * float(equal.mean()) if len(runs) else float("nan")
    return found


def copies_beside(extremes: PanelExtremes) -> Beside:
    """What the extremes score for copied sequences, rows and runs, by key."""
    seen = extremes.real.fingerprints()
    found = []
    for panel in (extremes.copy, extremes.independent):
        whole = 100 * copies_among(seen, panel.fingerprints(), None).synthetic
        found.append({"copies": whole} | copied_parts(extremes.real, panel))
    return {key: (found[0][key], found[1][key]) for key in found[0]}
