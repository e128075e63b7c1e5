"""What must hold, holds: a ride ends after it began, its total is no less than its parts.

Trips are generated. One model learns them as they are, another is told what every row of them
keeps; both are as large and train as long. The first breaks rules in some of its rows, however
well it has learned; the second cannot, whatever it is asked.
"""

import argparse

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer
from tabdiff.data.constraints import Expression, FixedCombinations, Inequality, Positive

RULES = [
    Inequality("pickup", "dropoff"),
    Expression("total >= fare + tip + tolls"),
    Positive("tip"),
    FixedCombinations(["zone", "borough"]),
]


def main() -> None:
    """Fit twice, count, ask."""
    options = _options()
    trips = _trips(options.rows, np.random.default_rng(0))
    settings = {"max_steps": options.max_steps, "random_state": 0}
    free = DiffusionSynthesizer(**settings).fit(trips)
    bound = DiffusionSynthesizer(constraints=RULES, **settings).fit(trips)

    print(f"\n1. Of {len(trips):,} synthetic trips, so many break each rule\n")
    print(f"   {'':48}{'as it is':>10}{'with rules':>12}")
    broken = [bound.constraint_set_.violations(s.sample(len(trips))) for s in (free, bound)]
    for rule in broken[0]:
        print(f"   {rule:48}{broken[0][rule]:10,}{broken[1][rule]:12,}")
    assert not any(broken[1].values())

    print("\n2. Rules and conditions go together: trips from JFK of more than 60 dollars\n")
    asked = bound.sample(5, conditions={"zone": "JFK", "total": (60, None)}, random_state=0)
    print(asked.to_string(index=False))

    print("\n3. Gaps are filled so that all holds: when it began, and the tip\n")
    gaps = trips.head(4).assign(pickup=pd.NaT, tip=np.nan)
    full = bound.impute(gaps, random_state=0)
    print(full.to_string(index=False))
    assert not any(bound.constraint_set_.violations(full).values())

    print("\n4. Twenty minutes later at the other end: what else would have changed\n")
    late = trips.head(1)
    change = {"dropoff": late["dropoff"].iloc[0] + pd.Timedelta(minutes=20)}
    after = bound.counterfactual(late, change, random_state=0)
    print(pd.concat([late, after]).to_string(index=False))


def _trips(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Trips by a law of one's own: long ones cost more, and those from airports have tolls."""
    zones = pd.DataFrame(
        {
            "zone": ["JFK", "LaGuardia", "Harlem", "Midtown", "Astoria", "Red Hook"],
            "borough": ["Queens", "Queens", "Manhattan", "Manhattan", "Queens", "Brooklyn"],
            "miles": [15.0, 9.0, 4.0, 2.0, 5.0, 6.0],
        }
    )
    zone = zones.iloc[rng.choice(len(zones), n, p=[0.1, 0.1, 0.15, 0.45, 0.1, 0.1])]
    miles = (zone["miles"].to_numpy() * rng.lognormal(0, 0.4, n)).round(2)
    minutes = (miles * rng.lognormal(1.2, 0.3, n) + 2).round()
    pickup = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 40_000, n), unit="min")
    fare = (3 + 2.5 * miles + 0.5 * minutes).round(1)
    tip = np.where(rng.random(n) < 0.6, 0.2 * fare, 0.0).round(2)
    tolls = np.where((miles > 12) & (rng.random(n) < 0.7), 6.94, 0.0)
    extra = rng.choice([0.0, 0.5, 2.5], n)
    return pd.DataFrame(
        {
            "pickup": pickup,
            "dropoff": pickup + pd.to_timedelta(minutes, unit="min"),
            "zone": zone["zone"].to_numpy(),
            "borough": zone["borough"].to_numpy(),
            "miles": miles,
            "fare": fare,
            "tip": tip,
            "tolls": tolls,
            "total": (fare + tip + tolls + extra).round(2),
        }
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3_000, help="trips to learn from")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
