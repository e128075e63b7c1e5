"""When each column is decided, and how many nats it holds.

At noise level t a denoiser's loss about a part is what of it is still open: the squared error of a
value, in units of its variance, and the cross-entropy of a level that is masked. Weighted and
integrated over the way from noise to data they are entropies,

    value:  h(z_j)   = 1/2 log 2 pi e - 1/2 int (1 / (1 + SNR) - mse_j(SNR)) dSNR
    level:  H(c_j)   = int p(j is shown at t) E[-log p(c_j | x_t)] dt

(the first is I-MMSE; Guo, Shamai and Verdu 2005, arXiv:cs/0412108), and over all parts of a row
they add up to minus the mean bound on the log-likelihood that :meth:`score_samples` gives: equal to
the entropy of the table for exact beliefs, above it by the model's divergence from the truth
otherwise. A single column's share is an entropy given what the others showed of themselves at the
same time: between H(X_j) and H(X_j | all others).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tabdiff.analytics.measure import log_measure
from tabdiff.analytics.rows import by_column, cells_of, encode_some, modelled
from tabdiff.data.cells import Array
from tabdiff.data.mixed import Known
from tabdiff.fitted import Fitted
from tabdiff.inference.chunks import generators
from tabdiff.inference.likelihood import Look, Path, looks

BLOCK = 2048


@dataclass(frozen=True)
class InformationProfile:
    """What is still open about each column along the way from noise to data.

    Attributes
    ----------
    curves : DataFrame
        One line per column, part and time:

        column; part : "cells" (a level, or the cell of a number) or "value" (the place in it);
        time; log_snr : of the values at that time; keep : probability that a level still shows;
        loss : of a value (z_hat - z)^2, of a level -log p in nats where masked;
        decided : which share of the variance, or of the nats of the level alone, is settled;
        nats : this stretch of time's share of the entropy.
    entropy : DataFrame, by column
        alone : nats of the column by itself; entropy : its share of the table's; shared : the
        difference, which the others tell. Numbers on a lattice, levels and atoms count by
        probability, continua by density in the column's own units, hence may be negative.
    """

    curves: pd.DataFrame
    entropy: pd.DataFrame

    @property
    def total(self) -> float:
        """The bound on the entropy of a row, in nats: minus its mean log-likelihood bound."""
        return float(self.entropy["entropy"].sum())

    def plot(self) -> Any:
        """A plotly figure: what is decided at which log-SNR, and the nats of each column."""
        from tabdiff.analytics.plots import plot_profile

        return plot_profile(self.curves, self.entropy)


def information_profile(fitted: Fitted, df: Any, steps: int, entropy: int) -> InformationProfile:
    """Measure the profile on the rows of ``df``.

    Parameters
    ----------
    steps : int
        Stretches of time. From as many as there are categorical parts on, those are shown one at a
        time.
    entropy : int
        Where the random numbers come from.

    Raises
    ------
    SchemaError
        If the frame does not follow the schema.
    ValueError
        If no column is modelled, or ``df`` has fewer than two rows.
    """
    noise, rng = generators(entropy, 4, device=fitted.device)
    rows = encode_some(fitted, df, rng)
    tally = _Tally(steps + 1, fitted.joint.layout.n_num, fitted.joint.layout.n_cat)
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        known, there = Known.nothing(block), fitted.joint.exists(block)
        path = Path.draw(fitted.joint, known, steps, noise)
        for one in (path, path.mirrored()):
            along = looks(fitted.denoiser, fitted.joint, block, known, steps, one)
            for at, look in enumerate(along):
                tally.add(at, look, there)
    fields, cells = modelled(fitted.encoder), cells_of(fitted.encoder, df)
    measures = [
        -log_measure(field.encoder, own).mean() for field, own in zip(fields, cells, strict=True)
    ]
    return InformationProfile(tally.curves(fitted), tally.entropy(fitted, np.array(measures)))


class _Tally:
    """Sums over rows of what they showed at each look, by part."""

    def __init__(self, n_looks: int, n_num: int, n_cat: int) -> None:
        self.time, self.rows = np.zeros(n_looks), np.zeros(n_looks)
        self.error, self.there, self.gain = (np.zeros((n_looks, n_num)) for _ in range(3))
        self.open, self.hidden, self.paid = (np.zeros((n_looks, n_cat)) for _ in range(3))

    def add(self, at: int, look: Look, there: Tensor) -> None:
        """Count one look at some rows."""
        self.time[at] += float(look.t.double().sum())
        self.rows[at] += len(look.t)
        for into, numbers in (
            (self.error, look.error * there),
            (self.there, there),
            (self.gain, look.gain),
            (self.open, look.cross_entropy.masked_fill(~look.hidden, 0.0)),
            (self.hidden, look.hidden),
            (self.paid, look.paid),
        ):
            into[at] += numbers.double().sum(0).cpu().numpy()

    def alone(self) -> Array:
        """Nats of each categorical part by itself: at the first look, t = 1, all is hidden."""
        return self.open[0] / np.maximum(self.hidden[0], 1)

    def entropy(self, fitted: Fitted, measures: Array) -> pd.DataFrame:
        """The table of :attr:`InformationProfile.entropy`."""
        n, encoder = self.rows[0], fitted.encoder
        still = by_column(encoder, np.zeros((1, self.gain.shape[1])), self.alone()[None])[0]
        share = by_column(encoder, -self.gain.sum(0)[None] / n, self.paid.sum(0)[None] / n)[0]
        names = pd.Index([f.column.name for f in modelled(encoder)], tupleize_cols=False)
        frame = pd.DataFrame({"alone": still + measures, "entropy": share + measures}, index=names)
        return frame.assign(shared=frame["alone"] - frame["entropy"])

    def curves(self, fitted: Fitted) -> pd.DataFrame:
        """The table of :attr:`InformationProfile.curves`."""
        time = self.time / self.rows
        t = torch.from_numpy(time)
        loss_num = self.error / np.maximum(self.there, 1)
        loss_cat = self.open / np.maximum(self.hidden, 1)
        masked = self.hidden / self.rows[:, None]
        open_cat = masked * loss_cat / np.maximum(self.alone(), 1e-12)
        schedules = {
            "time": time,
            "log_snr": fitted.joint.gaussian.schedule.log_snr(t).numpy(),
            "keep": fitted.joint.multinomial.schedule.alpha_bar(t).numpy(),
        }
        pieces = []
        for field in modelled(fitted.encoder):
            for part, at, loss, still_open, nats in (
                ("cells", field.cat, loss_cat, open_cat, self.paid),
                ("value", field.num, loss_num, loss_num, -self.gain),
            ):
                if at is None:
                    continue
                piece = {"column": [field.column.name] * len(time), "part": part} | schedules
                piece |= {"loss": loss[:, at], "decided": 1 - still_open[:, at]}
                pieces.append(pd.DataFrame(piece | {"nats": nats[:, at] / self.rows}))
        return pd.concat(pieces, ignore_index=True)
