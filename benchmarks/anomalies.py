"""Which rows are odd: tabdiff beside IsolationForest, LOF and ECOD, on the same rows.

Each method learns the ordinary rows of a training set and scores unseen rows, of which some are
odd: *natural* (the rarer class of the target, which nobody is shown), *shuffled* (three cells
taken from other rows: ordinary values in the wrong company) or *extreme* (one number far outside).
One line per set, kind and seed, with the AUC of each method, is appended to a result file; what the
file holds is not run again.

    python benchmarks/anomalies.py --data ../shared/data --seeds 0 1 2
    python benchmarks/anomalies.py --report    # only the table again, into anomalies.md

A folder of a data set holds train.csv.gz, test.csv.gz and meta.json; *cancer* and *wine* come with
scikit-learn. Rows with a category or a gap that no training row has are left out for all.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from circumstances import append_result, circumstances, read_results, told
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tabdiff import DiffusionSynthesizer, SchemaWarning

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "anomalies.jsonl"
SETS = ("cancer", "wine", "heart", "insurance", "bank", "default", "adult")
KINDS = ("natural", "shuffled", "extreme")
METHODS = ("tabdiff", "IsolationForest", "LOF", "ECOD")
SHUFFLED_CELLS = 3
ODD_SHARE = 0.1
MOST_ROWS = 10_000
LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn")


def main() -> None:
    arguments = _arguments()
    if not arguments.report:
        for name in arguments.sets:
            for seed in arguments.seeds:
                _run(name, seed, arguments)
    rows = read_results(arguments.results)
    text = render(rows)
    arguments.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds tabular/<set>/")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--report", action="store_true", help="only write the Markdown again")
    return parser.parse_args()


def _run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    done = {(row["set"], row["seed"]) for row in read_results(arguments.results)}
    if (name, seed) in done:
        print(f"{name} seed {seed}: done before", file=sys.stderr)
        return
    rng = np.random.default_rng(seed)
    ordinary, fresh, odd = load(name, arguments.data, rng)
    scorers = {"tabdiff": Likelihood(seed, arguments.max_steps)}
    scorers |= {method: Rival(method, seed) for method in METHODS[1:]}
    seconds = {}
    for method, scorer in scorers.items():
        began = time.perf_counter()
        scorer.fit(ordinary)
        seconds[method] = round(time.perf_counter() - began, 1)
    for kind in KINDS:
        rows, is_odd = mixture(kind, ordinary, fresh, odd, rng)
        if not is_odd.any():
            continue
        aucs = {m: round(roc_auc_score(is_odd, s.score(rows)), 4) for m, s in scorers.items()}
        line = {
            "set": name,
            "seed": seed,
            "kind": kind,
            "rows": len(rows),
            "odd": int(is_odd.sum()),
        }
        line |= {"auc": aucs, "fit_seconds": seconds, "max_steps": arguments.max_steps}
        append_result(arguments.results, line | circumstances(torch.get_num_threads(), LIBRARIES))
        print(f"{name} seed {seed} {kind}: {aucs}", file=sys.stderr)


# ------------------------------------------------------------------------------------------ rows


def load(
    name: str, data: Path | None, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Ordinary rows to learn from, unseen ordinary rows, and unseen rows of the rarer class."""
    if name in ("cancer", "wine"):
        bunch = load_breast_cancer(as_frame=True) if name == "cancer" else load_wine(as_frame=True)
        frame, target = bunch.data, bunch.target
        train = pd.Series(rng.random(len(frame)) < 0.7, index=frame.index)
        rare = target == (0 if name == "cancer" else 2)
    else:
        if data is None:
            sys.exit("benchmarks/anomalies.py needs --data DIR, the folder with tabular/<set>/.")
        folder = data / "tabular" / name
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        halves = [_read_csv(folder / f"{half}.csv.gz") for half in ("train", "test")]
        frame = pd.concat(halves, ignore_index=True)
        train = pd.Series(np.arange(len(frame)) < len(halves[0]), index=frame.index)
        target = frame.pop(meta["target"])
        by_class = target.nunique() <= 5
        rare = target != target.mode()[0] if by_class else pd.Series(False, index=frame.index)
    ordinary = frame[train & ~rare]
    fresh, odd = (_familiar(frame[~train & which], ordinary) for which in (~rare, rare))
    cut = [part.sample(min(len(part), MOST_ROWS), random_state=0) for part in (fresh, odd)]
    return ordinary.reset_index(drop=True), cut[0], cut[1] if len(cut[1]) else None


def _familiar(rows: pd.DataFrame, ordinary: pd.DataFrame) -> pd.DataFrame:
    """The rows whose categories and gaps some ordinary row has."""
    kept = pd.Series(True, index=rows.index)
    for column in rows:
        if ordinary[column].dtype.kind not in "iuf":
            kept &= rows[column].isin(ordinary[column].unique()) | rows[column].isna()
        if not ordinary[column].isna().any():
            kept &= rows[column].notna()
    return rows[kept]


def mixture(
    kind: str,
    ordinary: pd.DataFrame,
    fresh: pd.DataFrame,
    odd: pd.DataFrame | None,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Unseen rows, and which of them are odd."""
    if kind == "natural":
        if odd is None:
            return fresh, np.zeros(len(fresh), dtype=bool)
        rows = pd.concat([fresh, odd], ignore_index=True)
        return rows, np.arange(len(rows)) >= len(fresh)
    rows = fresh.reset_index(drop=True)
    is_odd = rng.random(len(rows)) < max(ODD_SHARE, 3 / len(rows))
    spoil = _shuffle if kind == "shuffled" else _push_out
    return spoil(rows, np.flatnonzero(is_odd), ordinary, rng), is_odd


def _shuffle(
    rows: pd.DataFrame, odd: np.ndarray, ordinary: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    columns = {name: rows[name].to_numpy(copy=True) for name in rows}
    names = list(columns)
    for row in odd:
        for at in rng.choice(len(names), min(SHUFFLED_CELLS, len(names)), replace=False):
            name = names[at]
            columns[name][row] = ordinary[name].iloc[int(rng.integers(len(ordinary)))]
    return pd.DataFrame(columns).astype(rows.dtypes)


def _push_out(
    rows: pd.DataFrame, odd: np.ndarray, ordinary: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """One number of each odd row beyond the ordinary ones, by a tenth to half of their range."""
    numbers = [c for c in rows if ordinary[c].dtype.kind in "iuf" and ordinary[c].nunique() > 20]
    out = rows.copy()
    for row in odd:
        name = numbers[int(rng.integers(len(numbers)))]
        low, high = ordinary[name].min(), ordinary[name].max()
        away = rng.uniform(0.1, 0.5) * (high - low)
        value = high + away if rng.random() < 0.5 else low - away
        out.loc[row, name] = round(value) if rows[name].dtype.kind in "iu" else value
    return out


# --------------------------------------------------------------------------------------- methods


class Likelihood:
    """tabdiff's bound on the log-likelihood, in comparable units."""

    def __init__(self, seed: int, max_steps: int | None) -> None:
        self._synth = DiffusionSynthesizer(random_state=seed, verbose=0, max_steps=max_steps)

    def fit(self, rows: pd.DataFrame) -> None:
        """Learn the ordinary rows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SchemaWarning)
            self._synth.fit(rows)

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """How odd each row is."""
        return self._synth.anomalies(rows, n_draws=2)["score"].to_numpy()


class Rival:
    """A method of numbers: gaps filled with medians, categories one-hot, all standardised."""

    def __init__(self, method: str, seed: int) -> None:
        self._method: Any = {
            "IsolationForest": lambda: IsolationForest(random_state=seed),
            "LOF": lambda: LocalOutlierFactor(n_neighbors=20, novelty=True),
            "ECOD": ECOD,
        }[method]()

    def fit(self, rows: pd.DataFrame) -> None:
        """Learn the ordinary rows."""
        numbers = [c for c in rows if rows[c].dtype.kind in "iuf"]
        others = [c for c in rows if c not in numbers]
        self._numbers = make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), others),
        )
        self._method.fit(self._numbers.fit_transform(rows))

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """How odd each row is."""
        return -self._method.score_samples(self._numbers.transform(rows))


class ECOD:
    """Tail probabilities of empirical distribution functions, added up over columns.

    Source: Li et al. 2022 (arXiv:2201.00382), algorithm 1.
    """

    def fit(self, x: np.ndarray) -> None:
        """Keep the columns in order, and to which side each leans."""
        self._sorted = np.sort(x, axis=0)
        centred = x - x.mean(axis=0)
        self._skewness = (centred**3).mean(axis=0)

    def score_samples(self, x: np.ndarray) -> np.ndarray:
        """Minus the largest of three sums of -log tail probabilities, as scikit-learn counts."""
        n = len(self._sorted)
        columns = list(zip(self._sorted.T, x.T, strict=True))
        below = np.stack([np.searchsorted(s, v, side="right") for s, v in columns], axis=1)
        above = n - np.stack([np.searchsorted(s, v, side="left") for s, v in columns], axis=1)
        # A value beyond all training values counts as one of them.
        left, right = (-np.log(np.maximum(count, 1) / n) for count in (below, above))
        skewed = np.where(self._skewness < 0, left, right)
        return -np.maximum.reduce([tail.sum(axis=1) for tail in (left, right, skewed)])


# ---------------------------------------------------------------------------------------- report


def render(rows: list[dict[str, Any]]) -> str:
    """One line per set and kind: mean AUC over seeds, the best in bold."""
    lines = ["| set | odd rows | seeds | " + " | ".join(METHODS) + " |"]
    lines.append("|---|---|---|" + "---|" * len(METHODS))
    frame = pd.DataFrame(rows)
    if not len(frame):
        return "\n".join(lines) + "\n"
    for (name, kind), group in frame.groupby(["set", "kind"], sort=False):
        means = {m: float(np.mean([auc[m] for auc in group["auc"]])) for m in METHODS}
        best = max(means.values())
        cells = [f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in means.values()]
        lines.append(f"| {name} | {kind} | {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *dict.fromkeys(map(told, rows))]) + "\n"


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


if __name__ == "__main__":
    main()
