"""A synthesizer that learns next to nothing, quickly: for tests of the contract, not of quality."""

from typing import Any

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer

TINY: dict[str, Any] = {
    "max_steps": 2,
    "width": 16,
    "depth": 1,
    "sampling_steps": 2,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


def tiny(**changes: Any) -> DiffusionSynthesizer:
    """An unfitted synthesizer of two steps and sixteen neurons."""
    return DiffusionSynthesizer(**(TINY | changes))


def table(n: int = 60) -> pd.DataFrame:
    """A small table of one number and one category."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "c": rng.choice(list("abc"), n)})
