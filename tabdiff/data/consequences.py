"""What constraints make of rows that are still in parts.

A column that is derived from others is learned as its distance from what they allow, or not at all.
Whoever looks at the table sees the column itself: a total, say, where rows are learned as its
items. So what judges rows in parts (:mod:`tabdiff.training.critic`) is shown such columns, too.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tabdiff.data.constraints import ConstraintSet
from tabdiff.data.mixed import Mixed
from tabdiff.data.table import TableEncoder
from tabdiff.data.writing import write_cells


class Consequences:
    """The columns that follow from others, of rows in parts.

    Parameters
    ----------
    rules : ConstraintSet
    encoder : TableEncoder
        Of the rewritten table.
    """

    def __init__(self, rules: ConstraintSet, encoder: TableEncoder) -> None:
        self._rules, self._encoder = rules, encoder
        self._sources = {source for label in rules.axes for source in rules.sources(label)}
        self._sources |= {fused.code.name for fused in rules.fused.values()}

    def __len__(self) -> int:
        """How many columns follow from others."""
        return len(self._rules.dependent)

    def __call__(self, x: Mixed) -> Tensor:
        """Where each lies in its range; see :meth:`ConstraintSet.standings`: (B, columns), float32.

        What a level leaves open, such as which of its rare labels it is, is drawn alike each time.
        """
        cells = self._encoder.decode_some(x, np.random.default_rng(0), self._sources)
        schema = self._encoder.schema
        middle = {label: write_cells(own, schema[label]) for label, own in cells.items()}
        found = self._rules.standings(middle, len(x)).astype(np.float32)
        return torch.from_numpy(found).to(x.cat.device)
