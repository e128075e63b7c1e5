"""How much of the mutual information between columns is kept, weighted by how much there is.

    NMI(X, Y) = I(X; Y) / sqrt(H(X) H(Y))                               in [0, 1]

    similarity = sum over pairs of min(NMI_real, NMI_synthetic)
               / sum over pairs of max(NMI_real, NMI_synthetic)

which is the mean over the pairs of ``min / max``, weighted by ``max``: pairs that have nothing to
do with each other in either table do not dilute it, as they do with trends. Numbers are cut at the
deciles of the real column in both tables, a missing value is a bin of its own, and levels beyond
the most frequent ones share one.

Source: Strehl and Ghosh 2002, "Cluster ensembles", equation 2, for the normalisation; the weighted
ratio is derived here.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tabdiff.evaluation.tables import Field, Table
from tabdiff.evaluation.trends import joint
from tabdiff.evaluation.values import Array, Codes, Floats

BINS = 10
TOP_LEVELS = 20


def nmi_similarity(real: Table, synthetic: Table) -> float:
    """Weighted similarity of the normalised mutual information, 1 is best.

    NaN for a single column, and where no pair has anything in common in either table.
    """
    first: list[Codes] = []
    second: list[Codes] = []
    for field, a, b in zip(real.fields, real.columns, synthetic.columns, strict=True):
        p, q = _binned(field, a, b)
        first.append(p)
        second.append(q)
    p_nmi, q_nmi = normalised_information(first), normalised_information(second)
    larger = float(np.maximum(p_nmi, q_nmi).sum())
    return float(np.minimum(p_nmi, q_nmi).sum()) / larger if larger > 0 else float("nan")


def normalised_information(columns: list[Codes]) -> Floats:
    """Normalised mutual information of every pair, in the order of ``itertools.combinations``."""
    sizes = [int(column.max()) + 1 for column in columns]
    entropies = [
        _entropy(np.bincount(c, minlength=k) / len(c)) for c, k in zip(columns, sizes, strict=True)
    ]
    found = []
    for i, j in combinations(range(len(columns)), 2):
        together = _entropy(joint(columns[i], columns[j], (sizes[i], sizes[j])).share)
        scale = float(np.sqrt(entropies[i] * entropies[j]))
        shared = entropies[i] + entropies[j] - together
        found.append(min(max(shared / scale, 0.0), 1.0) if scale > 1e-12 else 0.0)
    return np.array(found)


def _entropy(share: Floats) -> float:
    occupied = share[share > 0]
    return float(-(occupied * np.log(occupied)).sum())


def _binned(field: Field, real: Array, synthetic: Array) -> tuple[Codes, Codes]:
    """Codes of both columns over bins that the real one sets."""
    if field.kind == "numeric":
        a, b = np.asarray(real, dtype=np.float64), np.asarray(synthetic, dtype=np.float64)
        present = a[~np.isnan(a)]
        deciles = np.quantile(present, np.arange(1, BINS) / BINS) if len(present) else present
        edges = np.unique(deciles)
        return _cut(a, edges), _cut(b, edges)
    counts = np.bincount(real, minlength=field.missing_code + 1)
    top = np.argsort(-counts[:-1], kind="stable")[:TOP_LEVELS]
    place = np.full(len(counts), len(top), dtype=np.int32)
    place[top] = np.arange(len(top), dtype=np.int32)
    place[-1] = len(top) + 1
    return place[real], place[synthetic]


def _cut(values: Floats, edges: Floats) -> Codes:
    codes = np.searchsorted(edges, values, side="left")
    return np.where(np.isnan(values), len(edges) + 1, codes).astype(np.int32)
