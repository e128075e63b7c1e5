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


DAYS = 24


def some_stores() -> pd.DataFrame:
    """Twelve stores, each of up to `DAYS` days."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=DAYS).strftime("%Y-%m-%d")
    stores = [
        pd.DataFrame(
            {
                "store": f"s{number:02}",
                "country": ["NL", "BE", "DE"][number % 3],
                "day": days[number % 4 :],
                "promo": rng.choice(["yes", "no"], DAYS - number % 4),
                "sales": rng.poisson(30, DAYS - number % 4),
            }
        )
        for number in range(12)
    ]
    return pd.concat(stores, ignore_index=True)
