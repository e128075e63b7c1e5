"""Public statistics: the households of a town, of which only the margins were published.

An office has a sample of the country's households, and of one town no more than how many there are
by age of the reference person and by tenure. The model of the country draws so many households
of each kind: the margins hold to the household, and so do the rules of the questionnaire. What the
town earns, how it lives and who is in need follows from them, if its households differ from the
country's in these margins alone.

The country is generated, so the town can be, too: by its side stand the true town, the country as
it is, and the sample's households taken again in the numbers of the margins, which keeps what was
sampled and can show no household that was not.

Of 4,000 households, some minute and a half of one core: the town's margins are met and no rule is
broken; pensioners alone are 17.5 % of the households (true town 17.8 %, country 12.1 %), the median
income is 23,350 (23,000; 25,400), and all but 1 % of the households differ, as in the true town.
"""

import argparse
import time

import numpy as np
import pandas as pd

from tabdiff import DiffusionSynthesizer
from tabdiff.data.constraints import Expression, FixedCombinations, Inequality

RULES = [
    Expression("income == wages + pension + benefits"),
    Inequality("children", "persons", strict_boundaries=True),
    FixedCombinations(["region", "district"]),
]
BANDS = {"under 35": (18, 34), "35 to 64": (35, 64), "65 and over": (65, 95)}
TENURES = ["owns", "rents", "social"]
# Households of the town by band and tenure; the country's are about even in tenure.
TOWN = pd.DataFrame(
    {"owns": [40, 260, 380], "rents": [520, 300, 90], "social": [90, 130, 190]}, index=list(BANDS)
)
DISTRICTS = {"north": ["Aldham", "Birk"], "middle": ["Carrow", "Dunmere"], "south": ["Ebb", "Farl"]}


def main() -> None:
    """Learn the country, draw the town, compare."""
    options = _options()
    began = time.monotonic()
    sample = _households(options.rows, np.random.default_rng(0))
    print(f"\n{len(sample):,} households of the country\n")
    print(sample.head(3).to_string(index=False))

    synth = DiffusionSynthesizer(constraints=RULES, random_state=0, max_steps=options.max_steps)
    synth.fit(sample)
    margins = (TOWN * options.share).round().astype(int)
    town = pd.concat(
        [
            synth.sample(margins.loc[band, tenure], random_state=0,
                         conditions={"age": ages, "tenure": tenure})
            for band, ages in BANDS.items() for tenure in TENURES
        ],
        ignore_index=True,
    )  # fmt: skip
    assert (_margins(town) == margins).all(axis=None)
    print(f"\n{len(town):,} households of the town, by age and tenure as published\n")
    print(_margins(town).to_string())
    print("\nHouseholds that break a rule of the questionnaire\n")
    for rule, broken in synth.constraint_set_.violations(town).items():
        print(f"   {rule:60}{broken:4}")

    rng = np.random.default_rng(1)
    towns = {
        "true town": _like_town(_households(20 * len(town) + 2_000, rng), TOWN, rng),
        "synthetic": town,
        "sample again": _like_town(sample, margins, rng),
        "country": sample,
    }
    print("\nWhat was not published\n")
    print(pd.DataFrame({name: _facts(rows) for name, rows in towns.items()}).to_string())
    print(f"\nDone in {time.monotonic() - began:.0f} s.")


def _households(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Households by a law of one's own: the young rent, the old own or live in social housing."""
    age = np.clip(rng.normal(52, 18, n), 18, 95).astype(int)
    region = rng.choice(list(DISTRICTS), n, p=[0.3, 0.5, 0.2])
    district = [rng.choice(DISTRICTS[r], p=[0.7, 0.3]) for r in region]
    persons = 1 + rng.poisson(np.where(age < 65, 1.3, 0.6))
    children = np.where(age < 60, rng.binomial(persons - 1, 0.55), 0)
    degree = rng.random(n) < np.where(age < 45, 0.45, 0.25)
    works = (age < 66) & (rng.random(n) < 0.8)
    earners = np.where(works, 1 + (rng.random(n) < 0.5) * (persons - children > 1), 0)
    wages = earners * 26_000 * rng.lognormal(0, 0.35, n) * np.where(degree, 1.5, 1.0)
    pension = np.where(age >= 66, 15_000 * rng.lognormal(0, 0.3, n), 0)
    need = np.clip(11_000 + 4_000 * (persons - 1) - wages - pension, 0, None)
    benefits = need + 1_200 * children
    rich = np.log(wages + pension + benefits + 1) - 10
    weight = np.column_stack(
        [np.exp(1.2 * rich + (age - 50) / 25), np.exp((45 - age) / 20), np.exp(-1.5 * rich - 0.5)]
    )
    drawn = rng.random(n)[:, None] * weight.sum(axis=1, keepdims=True)
    tenure = np.array(TENURES)[(weight.cumsum(axis=1) < drawn).sum(axis=1)]
    frame = pd.DataFrame(
        {
            "region": region,
            "district": district,
            "age": age,
            "degree": degree,
            "persons": persons,
            "children": children,
            "tenure": tenure,
            "wages": wages.round(-2).astype(int),
            "pension": pension.round(-2).astype(int),
            "benefits": benefits.round(-2).astype(int),
        }
    )
    return frame.assign(income=frame[["wages", "pension", "benefits"]].sum(axis=1))


def _band(frame: pd.DataFrame) -> pd.Series:
    ends = [low for low, _ in BANDS.values()] + [96]
    return pd.cut(frame["age"], ends, right=False, labels=list(BANDS))


def _margins(frame: pd.DataFrame) -> pd.DataFrame:
    counts = pd.crosstab(
        _band(frame).to_numpy(), frame["tenure"].to_numpy(), rownames=["age"], colnames=["tenure"]
    )
    return counts.reindex(index=list(BANDS), columns=TENURES, fill_value=0)


def _like_town(
    frame: pd.DataFrame, margins: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Households of a frame, drawn with replacement so that their margins are these."""
    kinds = frame.groupby([_band(frame), "tenure"], observed=True)
    return pd.concat(
        [rows.sample(margins.loc[kind], replace=True, random_state=rng) for kind, rows in kinds]
    )


def _facts(frame: pd.DataFrame) -> pd.Series:
    a_head = frame["income"] / frame["persons"]
    in_need = frame["benefits"] > 1_200 * frame["children"]
    alone = (frame["persons"] == 1) & (frame["age"] >= 65)
    return pd.Series(
        {
            "median income": f"{frame['income'].median():,.0f}",
            "lowest tenth below": f"{frame['income'].quantile(0.1):,.0f}",
            "with benefits for need": f"{in_need.mean():.1%}",
            "with children": f"{(frame['children'] > 0).mean():.1%}",
            "alone and 65 or over": f"{alone.mean():.1%}",
            "less than 10,000 a head": f"{(a_head < 10_000).mean():.1%}",
            "degree, of those under 35": f"{frame.loc[frame['age'] < 35, 'degree'].mean():.1%}",
            "different households": f"{frame.drop_duplicates().shape[0] / len(frame):.0%}",
        }
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_000, help="households to learn from")
    parser.add_argument("--share", type=float, default=1.0, help="of the town's households")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
