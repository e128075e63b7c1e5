import numpy as np
import pandas as pd

ROWS = 80


def some_rows(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.lognormal(1, 0.5, ROWS).round(2)
    frame = pd.DataFrame(
        {
            "code": rng.choice(["A07", "B12", "C9"], ROWS),
            "size": size,
            "count": rng.poisson(40, ROWS),
            "sold": np.where(size > np.median(size), "yes", "no"),
            "day": pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d"),
        }
    )
    frame.loc[::9, "size"] = np.nan
    return frame
