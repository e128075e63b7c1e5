"""Ask whether conditional samples are right, and what they cost.

    python benchmarks/conditions.py known
    python benchmarks/conditions.py rare --data ../shared/data

``known``: a distribution of three numbers and three categories whose every conditional is known
in closed form (a Bayesian network of the categories, a Gaussian copula whose means they shift). A
model of 100,000 rows is asked for 1,000 rows under conditions on one, two and five columns, by
value, range and set; each free column is compared with its exact conditional
(Kolmogorov-Smirnov, total variation) beside what 1,000 exact rows would show.

``rare``: *adult*, conditions that about one row in a thousand meets. Seconds beside those of
unconditional sampling, and whether held-out rows that meet the condition look like the sample: the
share of equally small parts of the sample whose columns and pairs of columns lie as far from the
rest of it (a Monte Carlo p-value).

One JSON line per condition is appended to ``results/conditions.jsonl``, and a table printed.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from circumstances import HERE, append_result, circumstances

ROWS = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=["known", "rare"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=100_000, help="to learn from (known)")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "conditions.jsonl")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    ask = known if arguments.question == "known" else rare
    answers = ask(arguments)
    made = {"question": arguments.question, "seed": arguments.seed}
    if arguments.question == "known":
        made["rows"] = arguments.rows
    made |= circumstances(arguments.threads, ("torch", "numpy", "pandas"))
    for answer in answers:
        append_result(arguments.results, made | answer)
    print(pd.DataFrame(answers).to_string(index=False))


# --------------------------------------------------------------------------- a known distribution


@dataclass(frozen=True)
class World:
    """p(a) p(b | a) p(c | b) N(x; mean(a, c), covariance), numbers seen through monotone maps."""

    a: np.ndarray
    b_given_a: np.ndarray
    c_given_b: np.ndarray
    by_a: np.ndarray
    by_c: np.ndarray
    covariance: np.ndarray

    def cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Levels (n, 3), probabilities (n,) and means (n, 3) of every combination."""
        levels = np.array(list(product(*map(range, (3, 4, 2)))))
        a, b, c = levels.T
        p = self.a[a] * self.b_given_a[a, b] * self.c_given_b[b, c]
        return levels, p, self.by_a[a] + self.by_c[c]

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows of the world."""
        levels, p, means = self.cells()
        chosen = rng.choice(len(p), n, p=p)
        x = means[chosen] + rng.multivariate_normal(np.zeros(3), self.covariance, n)
        return frame_of(levels[chosen], x)


NAMES = np.array(["a0", "a1", "a2"]), np.array(["b0", "b1", "b2", "b3"]), np.array(["c0", "c1"])
# z -> what the table shows, and back.
MAPS = {
    "pay": (lambda z: np.exp(0.6 * z + 3), lambda v: (np.log(v) - 3) / 0.6),
    "age": (lambda z: 40 + 12 * z, lambda v: (v - 40) / 12),
    "dose": (lambda z: np.sinh(z), lambda v: np.arcsinh(v)),
}
WORLD = World(
    np.array([0.6, 0.3, 0.1]),
    np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4], [0.05, 0.05, 0.1, 0.8]]),
    np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.2, 0.8]]),
    np.array([[-0.4, 0.0, 0.3], [0.5, 0.3, -0.2], [1.0, -0.8, 0.1]]),
    np.array([[0.0, 0.0, 0.0], [0.6, -0.5, 0.4]]),
    np.array([[0.6, 0.35, -0.2], [0.35, 0.7, 0.15], [-0.2, 0.15, 0.5]]),
)
ASKED: list[dict[str, Any]] = [
    {"a": "a2"},
    {"c": "c1"},
    {"pay": 60.0},
    {"age": (20.0, 30.0)},
    {"b": ["b1", "b3"]},
    {"a": "a1", "c": "c0"},
    {"a": "a2", "dose": 1.5},
    {"pay": (None, 10.0), "b": "b3"},
    {"age": (60.0, None), "c": ["c1"]},
    {"a": "a0", "b": "b3", "c": "c1", "pay": 35.0, "dose": 0.2},
    {"a": "a2", "b": "b0", "c": "c0", "pay": 35.0, "age": 45.0},
]


def frame_of(levels: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    table = {name: names[level] for name, names, level in zip("abc", NAMES, levels.T, strict=True)}
    table |= {name: to(z) for (name, (to, _)), z in zip(MAPS.items(), x.T, strict=True)}
    return pd.DataFrame(table)


def exact(condition: dict[str, Any], n: int, rng: np.random.Generator) -> pd.DataFrame:
    """``n`` rows of the true conditional: by value in closed form, within ranges by rejection."""
    levels, p, means = WORLD.cells()
    held = [i for i, name in enumerate(MAPS) if isinstance(condition.get(name), float)]
    free = [i for i in range(3) if i not in held]
    names = list(MAPS)
    z = np.array([MAPS[names[i]][1](condition[names[i]]) for i in held])
    within = WORLD.covariance[np.ix_(held, held)]
    cross = WORLD.covariance[np.ix_(free, held)]
    solved = np.linalg.solve(within, (z - means[:, held]).T).T if held else np.zeros((len(p), 0))
    log_w = np.log(p) - 0.5 * ((z - means[:, held]) * solved).sum(1)
    for name, names_of, level in zip("abc", NAMES, levels.T, strict=True):
        asked = condition.get(name)
        wanted = [asked] if isinstance(asked, str) else asked
        log_w[~np.isin(names_of[level], wanted if wanted is not None else names_of)] = -np.inf
    w = np.exp(log_w - log_w.max())
    left = WORLD.covariance[np.ix_(free, free)]
    left = left - (cross @ np.linalg.solve(within, cross.T) if held else 0)
    pieces: list[pd.DataFrame] = []
    while sum(map(len, pieces)) < n:
        chosen = rng.choice(len(p), 20 * n, p=w / w.sum())
        x = np.empty((20 * n, 3))
        x[:, held] = z
        shift = solved @ cross.T if held else np.zeros((len(p), len(free)))
        noise = rng.multivariate_normal(np.zeros(len(free)), left, 20 * n)
        x[:, free] = means[chosen][:, free] + shift[chosen] + noise
        rows = frame_of(levels[chosen], x)
        for name in MAPS:
            asked = condition.get(name)
            if isinstance(asked, tuple):
                low, high = asked
                rows = rows[rows[name].between(low or -np.inf, high or np.inf)]
        pieces.append(rows)
    return pd.concat(pieces, ignore_index=True).head(n)


def distance(sample: pd.Series, truth: pd.Series) -> float:
    """Kolmogorov-Smirnov distance of numbers, total variation of categories."""
    if sample.dtype == object:
        shares = [s.value_counts(normalize=True) for s in (sample, truth)]
        return 0.5 * float(shares[0].sub(shares[1], fill_value=0).abs().sum())
    both = np.sort(np.concatenate([sample, truth]))
    cdfs = [np.searchsorted(np.sort(s), both, side="right") / len(s) for s in (sample, truth)]
    return float(np.abs(cdfs[0] - cdfs[1]).max())


def known(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from tabdiff import DiffusionSynthesizer

    rng = np.random.default_rng(arguments.seed)
    synth = DiffusionSynthesizer(random_state=arguments.seed, verbose=0)
    synth.fit(WORLD.draw(arguments.rows, rng))
    answers = []
    for condition in ASKED:
        truth = exact(condition, 200_000, rng)
        began = time.perf_counter()
        sample = synth.sample(ROWS, conditions=condition)
        seconds = time.perf_counter() - began
        free = [c for c in sample if truth[c].nunique() > 1]
        found = {c: distance(sample[c], truth[c]) for c in free}
        # What as many exact rows show: the mean of twenty draws.
        chance = {
            c: np.mean(
                [distance(truth[c].sample(ROWS, random_state=i), truth[c]) for i in range(20)]
            )
            for c in free
        }
        worst = max(free, key=lambda c: found[c] / chance[c])
        answers.append(
            {
                "condition": str(condition),
                "worst column": worst,
                "distance": round(found[worst], 4),
                "of exact rows": round(float(chance[worst]), 4),
                "mean ratio": round(float(np.mean([found[c] / chance[c] for c in free])), 2),
                "seconds": round(seconds, 2),
                "holds": bool(_holds(sample, condition)),
            }
        )
    return answers


def _holds(sample: pd.DataFrame, condition: dict[str, Any]) -> bool:
    for name, asked in condition.items():
        if isinstance(asked, tuple):
            good = sample[name].between(asked[0] or -np.inf, asked[1] or np.inf)
        else:
            good = sample[name].isin(asked if isinstance(asked, list) else [asked])
        if not good.all():
            return False
    return True


# ------------------------------------------------------------------------------- rare conditions

RARE: list[dict[str, Any]] = [
    {"native.country": "Portugal"},
    {"native.country": "Columbia"},
    {"workclass": "Without-pay"},
    {"occupation": "Priv-house-serv", "race": "White", "relationship": "Unmarried"},
    {"education": "Doctorate", "sex": "Female", "income": ">50K"},
    {"age": (75, None), "income": ">50K"},
    {"education": ["Preschool", "1st-4th"], "sex": "Female"},
]


def rare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from tabdiff import DiffusionSynthesizer

    folder = arguments.data / "tabular" / "adult"
    train, test = (
        pd.read_csv(folder / f"{part}.csv.gz", keep_default_na=False, na_values=[""])
        for part in ("train", "test")
    )
    synth = DiffusionSynthesizer(random_state=arguments.seed, verbose=0).fit(train)
    began = time.perf_counter()
    synth.sample(ROWS)
    plain = time.perf_counter() - began
    answers = []
    for condition in RARE:
        began = time.perf_counter()
        sample = synth.sample(ROWS, conditions=condition)
        seconds = time.perf_counter() - began
        met = test[_meets(test, condition)]
        free = [c for c in sample if c not in condition]
        answers.append(
            {
                "condition": str(condition),
                "rows in 1,000": round(1_000 * float(_meets(train, condition).mean()), 2),
                "held-out rows": len(met),
                "p columns": _p_value(sample[free], met[free], arguments.seed, pairs=False),
                "p pairs": _p_value(sample[free], met[free], arguments.seed, pairs=True),
                "seconds": round(seconds, 2),
                "unconditional": round(plain, 2),
                "holds": bool(_meets(sample, condition).all()),
            }
        )
    return answers


def _meets(frame: pd.DataFrame, condition: dict[str, Any]) -> pd.Series:
    good = pd.Series(True, index=frame.index)
    for name, asked in condition.items():
        if isinstance(asked, tuple):
            good &= frame[name].between(
                *(e if e is not None else s * np.inf for e, s in zip(asked, (-1, 1), strict=True))
            )
        else:
            good &= frame[name].isin(asked if isinstance(asked, list) else [asked])
    return good


def _p_value(sample: pd.DataFrame, met: pd.DataFrame, seed: int, *, pairs: bool) -> float:
    """Share of parts of the sample, as many rows as ``met``, that lie as far from the rest."""
    codes = [_codes(sample[c], met[c]) for c in sample]
    if pairs:
        width = [int(max(s.max(), m.max())) + 1 for s, m in codes]
        codes = [
            (s * width[j] + t, m * width[j] + u)
            for i, (s, m) in enumerate(codes)
            for j, (t, u) in enumerate(codes)
            if i < j
        ]
    rng, n = np.random.default_rng(seed), len(met)
    seen = _far([m for _, m in codes], [s for s, _ in codes])
    draws = []
    for _ in range(500):
        part = np.zeros(len(sample), dtype=bool)
        part[rng.choice(len(sample), n, replace=False)] = True
        draws.append(_far([s[part] for s, _ in codes], [s[~part] for s, _ in codes]))
    return round((1 + sum(draw >= seen for draw in draws)) / 501, 3)


def _codes(sample: pd.Series, met: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Levels as numbers; numeric columns in five parts of equal mass."""
    if sample.dtype != object:
        edges = np.unique(np.quantile(sample.dropna(), [0.2, 0.4, 0.6, 0.8]))
        return np.searchsorted(edges, sample), np.searchsorted(edges, met)
    codes, _ = pd.factorize(pd.concat([sample, met]).fillna("missing"))
    return codes[: len(sample)], codes[len(sample) :]


def _far(few: list[np.ndarray], many: list[np.ndarray]) -> float:
    """Mean total variation over columns."""
    return float(np.mean([_variation(f, m) for f, m in zip(few, many, strict=True)]))


def _variation(few: np.ndarray, many: np.ndarray) -> float:
    width = int(max(few.max(), many.max())) + 1
    shares = [np.bincount(x, minlength=width) / len(x) for x in (few, many)]
    return 0.5 * float(np.abs(shares[0] - shares[1]).sum())


if __name__ == "__main__":
    main()
