"""What rows for the rare class are worth: recall and AUC-PR of a boosted classifier.

Every way of balancing meets the same training rows and the same classifier
(HistGradientBoosting, categories and missing values native), and the test rows as they are. The
rare class is taken at its natural share, or thinned in the training rows to `--shares`. Runs that
the result file already holds are skipped.

    python benchmarks/augmentation.py --data ../shared/data --sets bank adult default --seeds 0 1 2
    python benchmarks/augmentation.py --report     # only the tables again

SMOTENC takes no missing values: for it alone, numbers are filled with the median and categories
with the most frequent one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from circumstances import HERE, RealSet, append_result, circumstances, read_results, read_set, told
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from threadpoolctl import threadpool_limits

RESULTS = HERE / "results" / "augmentation.jsonl"
SETS = ("bank", "adult", "default")
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "imbalanced-learn")
# Key of a figure: what it is, and its format.
FIGURES = {
    "auc_pr": ("AUC-PR: average precision for the rare class, no threshold", ".3f"),
    "recall": ("Recall of the rare class at a threshold of one half", ".3f"),
    "precision": ("Precision at a threshold of one half", ".3f"),
    "recall_at_equal_alarms": ("Recall when as many alarms are raised as there are cases", ".3f"),
    "balanced_accuracy": ("Balanced accuracy at a threshold of one half", ".3f"),
    "roc_auc": ("ROC AUC", ".3f"),
    "log_loss": ("Log loss: how true the probabilities are, lower is better", ".3f"),
    "seconds": ("Seconds to balance", ".1f"),
}

Balanced = tuple[pd.DataFrame, pd.Series]


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        if arguments.data is None:
            sys.exit("benchmarks/augmentation.py needs --data DIR, the folder with tabular/<set>/.")
        with threadpool_limits(arguments.threads):
            for name in arguments.sets:
                for seed in arguments.seeds:
                    for share in arguments.shares:
                        _run(name, seed, share, arguments)
    rows = read_results(arguments.results)
    text = render(rows)
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument(
        "--shares", nargs="+", type=float, default=[1.0, 0.02],
        help="of the rare class among the training rows; a share above its own leaves it alone",
    )  # fmt: skip
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--rows", type=int, help="at most so many training rows, for all ways")
    parser.add_argument("--max-steps", type=int, help="of tabdiff's training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def _run(name: str, seed: int, share: float, arguments: argparse.Namespace) -> None:
    """A line of the result file for each way that it lacks."""
    import torch

    torch.set_num_threads(arguments.threads)
    whole = read_set(arguments.data, name)
    rare = whole.train[whole.target].value_counts().index[-1]
    train = _thinned(whole.train, whole.target, rare, share, arguments.rows, seed)
    features = train.drop(columns=whole.target)
    target = (train[whole.target] == rare).astype(int)
    kinds = tuple(c for c in features if c in whole.categorical)
    key = {"set": name, "seed": seed, "share": share, "rows": len(train)}
    for way in arguments.ways:
        own = key | {"way": way, "max_steps": arguments.max_steps}
        if any(own.items() <= row.items() for row in read_results(arguments.results)):
            continue
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            began = time.perf_counter()
            more, answers = WAYS[way](features, target, kinds, seed, arguments.max_steps)
            seconds = time.perf_counter() - began
        weight = "balanced" if way == "class weights" else None
        row = own | _judge(more, answers, weight, whole, rare, kinds, seed)
        row |= {"cases": int(target.sum()), "added": len(more) - len(features), "seconds": seconds}
        row |= {"warnings": sorted({str(warning.message) for warning in caught})}
        append_result(arguments.results, row | circumstances(arguments.threads, LIBRARIES))
        print(f"{name} {share} {way}: AUC-PR {row['auc_pr']:.3f}", file=sys.stderr)


def _thinned(
    train: pd.DataFrame, target: str, rare: object, share: float, most: int | None, seed: int
) -> pd.DataFrame:
    """At most so many rows, in which the rare class has no more than its share."""
    if most is not None and most < len(train):
        train = train.sample(most, random_state=seed)
    cases, others = train[train[target] == rare], train[train[target] != rare]
    wanted = round(share * len(others) / (1 - share)) if share < 1 else len(cases)
    cases = cases.sample(min(wanted, len(cases)), random_state=seed)
    return pd.concat([others, cases]).sample(frac=1, random_state=seed).reset_index(drop=True)


# ---- ways: columns, classes, names of categories, seed, steps of training ----


def _as_it_is(
    features: pd.DataFrame, target: pd.Series, kinds: tuple[str, ...], seed: int, steps: int | None
) -> Balanced:
    return features, target


def _random(
    features: pd.DataFrame, target: pd.Series, kinds: tuple[str, ...], seed: int, steps: int | None
) -> Balanced:
    from imblearn.over_sampling import RandomOverSampler

    return RandomOverSampler(random_state=seed).fit_resample(features, target)


def _smotenc(
    features: pd.DataFrame, target: pd.Series, kinds: tuple[str, ...], seed: int, steps: int | None
) -> Balanced:
    from imblearn.over_sampling import SMOTENC

    fills = {
        name: features[name].mode()[0] if name in kinds else features[name].median()
        for name in features
    }
    return SMOTENC(list(kinds), random_state=seed).fit_resample(features.fillna(fills), target)


def _diffusion(
    features: pd.DataFrame, target: pd.Series, kinds: tuple[str, ...], seed: int, steps: int | None
) -> Balanced:
    from tabdiff import DiffusionOverSampler, DiffusionSynthesizer

    synth = DiffusionSynthesizer(
        column_kinds=dict.fromkeys(kinds, "categorical"), max_steps=steps, verbose=0
    )
    sampler = DiffusionOverSampler(synthesizer=synth, random_state=seed)
    return sampler.fit_resample(features, target)


WAYS: dict[str, Callable[..., Balanced]] = {
    "as it is": _as_it_is,
    "class weights": _as_it_is,
    "RandomOverSampler": _random,
    "SMOTENC": _smotenc,
    "DiffusionOverSampler": _diffusion,
}


def _judge(
    features: pd.DataFrame,
    target: pd.Series,
    weight: str | None,
    whole: RealSet,
    rare: object,
    kinds: tuple[str, ...],
    seed: int,
) -> dict[str, float]:
    levels = {
        c: pd.CategoricalDtype(sorted(whole.train[c].dropna().unique(), key=str)) for c in kinds
    }
    learner = HistGradientBoostingClassifier(
        categorical_features="from_dtype", class_weight=weight, random_state=seed
    )
    learner.fit(features.astype(levels), target)
    truth = (whole.test[whole.target] == rare).to_numpy()
    guess = learner.predict_proba(whole.test[list(features)].astype(levels))[:, 1]
    says = guess > 0.5
    loudest = np.argsort(-guess, kind="stable")[: truth.sum()]
    return {
        "auc_pr": float(average_precision_score(truth, guess)),
        "recall": float(recall_score(truth, says)),
        "precision": float(precision_score(truth, says, zero_division=0)),
        "recall_at_equal_alarms": float(truth[loudest].mean()),
        "balanced_accuracy": float(balanced_accuracy_score(truth, says)),
        "roc_auc": float(roc_auc_score(truth, guess)),
        "log_loss": float(log_loss(truth, guess)),
    }


# ---- report ----


def render(rows: list[dict[str, Any]]) -> str:
    """One Markdown table per figure: sets down, ways across; the median over seeds."""
    ways = [way for way in WAYS if any(row["way"] == way for row in rows)]
    lines = ["# Rows for a rare class", "", *__doc__.splitlines()[2:6], ""]
    for key, (what, form) in FIGURES.items():
        lines += [f"## {what}", "", f"| set | rare rows of all | seeds | {' | '.join(ways)} |"]
        lines.append("|---" * (len(ways) + 3) + "|")
        for name, share in dict.fromkeys((row["set"], row["share"]) for row in rows):
            here = [row for row in rows if (row["set"], row["share"]) == (name, share)]
            cells = [_cell([row[key] for row in here if row["way"] == way], form) for way in ways]
            size = f"{here[0]['cases']:,} of {here[0]['rows']:,}"
            seeds = len({row["seed"] for row in here})
            lines.append(f"| {name} | {size} | {seeds} | {' | '.join(cells)} |")
        lines.append("")
    lines += dict.fromkeys(told(row) for row in rows)
    return "\n".join(lines) + "\n"


def _cell(values: list[float], form: str) -> str:
    """The median, with the range where there are several."""
    if not values:
        return "–"
    spread = f" ({min(values):{form}}–{max(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.median(values):{form}}" + spread


if __name__ == "__main__":
    main()
