"""How long `evaluate` takes on a large table, two generated frames of one distribution.

    python benchmarks/evaluation.py --rows 100000

Eighteen numbers and twelve categories of 5 to 16 levels hang on six hidden factors; the hold-out is
a ninth of the rows. One line is appended to ``results/evaluation.jsonl`` and printed.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pandas as pd
from circumstances import HERE, append_result, circumstances
from threadpoolctl import threadpool_limits

from tabdiff import evaluate

LIBRARIES = ("numpy", "pandas", "scikit-learn", "sdmetrics")
FACTORS, NUMBERS, CATEGORIES = 6, 18, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    weights = [rng.normal(size=(FACTORS, 1)) for _ in range(NUMBERS)]
    weights += [rng.normal(size=(FACTORS, 5 + i)) for i in range(CATEGORIES)]
    sizes = arguments.rows, arguments.rows, arguments.rows // 9
    real, synthetic, holdout = (draw(n, weights, rng) for n in sizes)
    with threadpool_limits(arguments.threads):
        began = time.perf_counter()
        report = evaluate(real, synthetic, holdout=holdout, target="c0", progress=False)
        seconds = time.perf_counter() - began
    row = {"rows": arguments.rows, "columns": real.shape[1], "seed": arguments.seed}
    row |= {"seconds": round(seconds, 1), "c2st": round(float(report.scores["c2st"]), 3)}
    row |= circumstances(arguments.threads, LIBRARIES)
    append_result(HERE / "results" / "evaluation.jsonl", row)
    print(json.dumps(row))


def draw(n: int, weights: list[np.ndarray], rng: np.random.Generator) -> pd.DataFrame:
    factors = rng.normal(size=(n, FACTORS))
    columns: dict[str, np.ndarray] = {}
    for i, weight in enumerate(weights[:NUMBERS]):
        columns[f"n{i}"] = (0.5 * (factors @ weight)[:, 0] + rng.normal(size=n)).round(3)
    for i, weight in enumerate(weights[NUMBERS:]):
        # The largest of noisy scores: a draw from their softmax.
        noisy = 0.5 * factors @ weight + rng.gumbel(size=(n, weight.shape[1]))
        columns[f"c{i}"] = np.array([f"v{k}" for k in range(weight.shape[1])])[noisy.argmax(1)]
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
