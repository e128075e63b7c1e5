"""One fitted table, many questions: rows under conditions, and rows that might have been.

The table is Gapminder's, as plotly ships it: a row is one country in one year. Oceania has 24 of
its 1,704 rows; asking for it takes no longer than asking for anything else, because rows are drawn
from the model's own conditional distribution and none is thrown away.
"""

import argparse

import pandas as pd
import plotly.data

from tabdiff import DiffusionSynthesizer


def main() -> None:
    """Fit once, then ask."""
    options = _options()
    columns = ["continent", "year", "lifeExp", "pop", "gdpPercap"]
    table = plotly.data.gapminder()[columns]
    synth = DiffusionSynthesizer(random_state=0, max_steps=options.max_steps).fit(table)

    print("\n1. A value: Oceania, 24 of the 1,704 real rows\n")
    oceania = synth.sample(500, conditions={"continent": "Oceania"}, random_state=0)
    assert (oceania["continent"] == "Oceania").all()
    _compare(table[table["continent"] == "Oceania"], oceania)

    print("\n2. A range, a set and an open end: long lives in Asia and the Americas since 1982\n")
    wanted = {"continent": ["Asia", "Americas"], "year": (1982, 2007), "lifeExp": (72, None)}
    long_lives = synth.sample(500, conditions=wanted, random_state=0)
    assert long_lives["year"].between(1982, 2007).all() and long_lives["lifeExp"].min() >= 72
    real = table[table["continent"].isin(wanted["continent"]) & (table["year"] >= 1982)]
    _compare(real[real["lifeExp"] >= 72], long_lives)
    shares = long_lives["continent"].value_counts(normalize=True)
    real_shares = real.loc[real["lifeExp"] >= 72, "continent"].value_counts(normalize=True)
    print(f"   Asia's share: real {real_shares['Asia']:.0%}, synthetic {shares['Asia']:.0%}")

    print("\n3. A row per row of conditions, in their order\n")
    asked = pd.DataFrame({"continent": ["Africa", "Europe"] * 2, "year": [1952, 1952, 2007, 2007]})
    print(synth.sample(conditions=asked, random_state=0).to_string(index=False))

    print("\n4. African countries of 1952, had it been 2007\n")
    before = table[(table["continent"] == "Africa") & (table["year"] == 1952)]
    after = synth.counterfactual(before, {"year": 2007}, strength=0.6, random_state=0)
    truth = table[(table["continent"] == "Africa") & (table["year"] == 2007)]
    for name, frame in (("1952", before), ("had it been 2007", after), ("2007", truth)):
        print(f"   {name:17} life expectancy {frame['lifeExp'].mean():5.1f} years")
    same = (after["continent"] == before["continent"]).mean()
    print(
        f"   {same:.0%} are still called African. It is what the table says of such rows, not what"
    )
    print("   the years caused.")


def _compare(real: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    """The medians of the columns of numbers, real and synthetic."""
    for name in ("year", "lifeExp", "pop", "gdpPercap"):
        print(
            f"   median {name:10} real {real[name].median():14,.1f}   "
            f"synthetic {synthetic[name].median():14,.1f}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
