"""Rows for a rare class: what over-sampling changes, and what it does not.

Payments are generated, one in twenty-five of them fraudulent, with numbers, categories and missing
cells. Since the example knows by which law they were made, it also knows how good any classifier
could be that also knew the missing cells. Each way of balancing meets two classifiers and unseen
payments.
"""

import argparse

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTENC, RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, precision_score, recall_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tabdiff import DiffusionOverSampler, DiffusionSynthesizer

NUMBERS, CATEGORIES = ["amount", "hour", "account_days"], ["channel", "country"]


def main() -> None:
    """Balance, fit, judge."""
    options = _options()
    features, target, _ = _payments(options.rows, np.random.default_rng(0))
    unseen, truth, chance = _payments(20_000, np.random.default_rng(1))
    print(f"{options.rows:,} payments to learn from, {target.sum()} of them fraudulent.")
    print("Of SMOTENC's payments the missing cells are filled first: it takes none.\n")

    synth = DiffusionSynthesizer(random_state=0, max_steps=options.max_steps)
    ways = {
        "as it is": None,
        "class weights": "balanced",
        "RandomOverSampler": RandomOverSampler(random_state=0),
        "SMOTENC": make_pipeline(_filler(), SMOTENC(CATEGORIES, random_state=0)),
        "DiffusionOverSampler": DiffusionOverSampler(synthesizer=synth, random_state=0),
    }
    print(f"{'':22}{'boosting':^36}{'logistic regression':^36}")
    print(f"{'':22}" + f"{'AUC-PR':>12}{'recall':>12}{'precision':>12}" * 2)
    for name, way in ways.items():
        learned, answers, weight = features, target, None
        if isinstance(way, str):
            weight = way
        elif way is not None:
            learned, answers = way.fit_resample(features, target)
        scores = []
        for classifier in (_boosting(weight), _regression(weight)):
            guess = classifier.fit(learned, answers).predict_proba(unseen)[:, 1]
            scores += _judge(truth, guess)
        print(f"{name:22}" + "".join(f"{score:12.3f}" for score in scores))
    best = _judge(truth, chance)
    print(f"{'the law itself':22}" + "".join(f"{score:12.3f}" for score in best))
    print(
        "\nRecall and precision are those of a threshold of one half. All ways of balancing trade\n"
        "precision for recall there, as a lower threshold would. AUC-PR does not depend on a\n"
        "threshold: where it does not rise, balancing has taught the classifier nothing."
    )


def _payments(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """Payments, whether each is fraudulent, and how likely that was."""
    frame = pd.DataFrame(
        {
            "amount": np.round(rng.lognormal(3.5, 1, n), 2),
            "hour": rng.integers(0, 24, n),
            "account_days": rng.exponential(400, n).round(),
            "channel": rng.choice(["card", "transfer", "wallet"], n, p=[0.6, 0.3, 0.1]),
            "country": rng.choice(["NL", "DE", "BR", "other"], n, p=[0.5, 0.4, 0.05, 0.05]),
        }
    )
    night = (frame["hour"] < 6) & (frame["channel"] == "wallet")
    log_odds = (
        -6.0
        + 0.9 * (np.log(frame["amount"]) - 3.5) ** 2
        + 2.5 * night
        + 1.5 * frame["country"].isin(["BR", "other"])
        + 2.0 * np.exp(-frame["account_days"] / 60)
    )
    chance = (1 / (1 + np.exp(-log_odds))).to_numpy()
    target = pd.Series((rng.random(n) < chance).astype(int), name="fraud")
    gaps = rng.random((n, 2)) < 0.1
    frame[["account_days", "channel"]] = frame[["account_days", "channel"]].mask(gaps)
    return frame, target, chance


def _filler() -> object:
    return make_column_transformer(
        (SimpleImputer(strategy="median"), NUMBERS),
        (SimpleImputer(strategy="most_frequent"), CATEGORIES),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def _boosting(weight: str | None) -> object:
    coded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
        remainder="passthrough",
    )
    return make_pipeline(coded, HistGradientBoostingClassifier(class_weight=weight, random_state=0))


def _regression(weight: str | None) -> object:
    coded = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
    )
    return make_pipeline(coded, LogisticRegression(class_weight=weight, max_iter=500))


def _judge(truth: pd.Series, guess: np.ndarray) -> list[float]:
    says = guess > 0.5
    return [
        average_precision_score(truth, guess),
        recall_score(truth, says),
        precision_score(truth, says, zero_division=0),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_500, help="payments to learn from")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
