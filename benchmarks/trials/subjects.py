"""Two small models, and all that they can be asked: what trials ask in many circumstances."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer

SMALL: dict[str, Any] = {
    "max_steps": 4,
    "width": 200,
    "depth": 1,
    "sampling_steps": 4,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
Answer = Callable[[Any, int], Any]


@cache
def table() -> pd.DataFrame:
    """Numbers in full precision, where the last bit shows, beside categories, dates and gaps."""
    rng, n = np.random.default_rng(0), 400
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "k": rng.integers(0, 30, n),
            "c": rng.choice(["a", "b", "ç"], n),
            "m": np.where(rng.random(n) < 0.2, np.nan, rng.exponential(size=n)),
            "d": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D"),
        }
    )
    return frame.assign(y=frame["x"] + rng.normal(scale=0.1, size=n))


@cache
def series() -> pd.DataFrame:
    """Forty entities of ten days, with a region each, and gaps."""
    rng, n, length = np.random.default_rng(1), 40, 10
    days = pd.date_range("2024-01-01", periods=length)
    frame = pd.DataFrame(
        {
            "who": np.repeat([f"s{i}" for i in range(n)], length),
            "day": np.tile(days, n),
            "region": np.repeat(rng.choice(["north", "south"], n), length),
            "sales": rng.normal(size=n * length).cumsum(),
            "open": rng.choice(["yes", "no"], n * length),
        }
    )
    frame.loc[::7, "sales"] = np.nan
    return frame


def fit_table() -> DiffusionSynthesizer:
    """A model of :func:`table`, of a few steps."""
    return DiffusionSynthesizer(**SMALL).fit(table())


def fit_series() -> TimeSeriesDiffusionSynthesizer:
    """A model of :func:`series`, of a few steps."""
    keys = {"sequence_key": "who", "sequence_index": "day"}
    return TimeSeriesDiffusionSynthesizer(**keys, **SMALL).fit(series())


def weights(synth: Any) -> pd.DataFrame:
    """All that a model learned, as one row."""
    _, arrays = synth._fitted.state()
    return pd.DataFrame({name: [array.tobytes()] for name, array in sorted(arrays.items())})


WANTED = {"x": (-1.0, 1.0), "c": ["a", "ç"]}
OF_TABLE: dict[str, Answer] = {
    "sample": lambda synth, seed: synth.sample(1100, random_state=seed),
    "sample of conditions": lambda synth, seed: synth.sample(
        300, conditions=WANTED, random_state=seed
    ),
    "sample_iter": lambda synth, seed: pd.concat(
        synth.sample_iter(1100, 300, random_state=seed), ignore_index=True
    ),
    "impute": lambda synth, seed: synth.impute(table(), random_state=seed),
    "augment": lambda synth, seed: synth.augment(table(), factor=1.5, random_state=seed),
    "counterfactual": lambda synth, seed: synth.counterfactual(
        table().head(50), {"c": "b"}, random_state=seed
    ),
    "score_samples": lambda synth, seed: synth.score_samples(table().head(300), random_state=seed),
    "score": lambda synth, seed: [synth.score(table())],
    "fit": lambda synth, seed: weights(fit_table()),
}
OF_SERIES: dict[str, Answer] = {
    "sample": lambda synth, seed: synth.sample(15, random_state=seed),
    "forecast": lambda synth, seed: synth.forecast(series(), 4, n_samples=3, random_state=seed),
    "impute": lambda synth, seed: synth.impute(series(), random_state=seed),
    "score_samples": lambda synth, seed: synth.score_samples(series(), random_state=seed),
    "fit": lambda synth, seed: weights(fit_series()),
}


@dataclass(frozen=True)
class Subject:
    """A class of the library: how a model of it is made, and what it can be asked."""

    fit: Callable[[], Any]
    answers: dict[str, Answer]


SUBJECTS = {"table": Subject(fit_table, OF_TABLE), "series": Subject(fit_series, OF_SERIES)}


@cache
def model(subject: str) -> Any:
    """The one model of this process that all cases ask."""
    return SUBJECTS[subject].fit()


def digest(answer: Any) -> str:
    """Every cell to the last bit, with labels, index and dtypes."""
    frame = pd.DataFrame(answer)
    told = hashlib.sha256(repr([*frame.dtypes.items()]).encode())
    told.update(pd.util.hash_pandas_object(frame).to_numpy().tobytes())
    return told.hexdigest()[:16]
