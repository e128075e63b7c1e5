"""What tests of the page wait for, and the table that they drop on it."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from tabdiff.ui.jobs import Worker
from tabdiff.ui.limits import Limits
from tabdiff.ui.workbench import Workbench

SECONDS = 60


def wait_for(claim: Callable[[], bool]) -> None:
    """Return when the claim holds; what takes far too long fails."""
    deadline = time.monotonic() + SECONDS
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def orders(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.lognormal(1, 0.5, n).round(2)
    frame = pd.DataFrame(
        {
            "shop": rng.choice([101, 205, 333], n),
            "size": size,
            "sold": np.where(size > np.median(size), "yes", "no"),
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    return frame


def bench_of(frame: pd.DataFrame, folder, worker: Worker, limits: Limits | None = None):
    return Workbench("orders.csv", frame, folder, worker, limits or Limits())
