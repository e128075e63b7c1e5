"""A real table synthesised, scored and drawn.

The table is Gapminder's: life expectancy, population and income per head of 142 countries from
1952 to 2007, as plotly ships it. One row is one country in one year; the names of the countries
are left out, since with them every row would be known by its name.
"""

import argparse
import time
from pathlib import Path

import plotly.data
from scatter import scatter_pair
from sklearn.model_selection import train_test_split

from tabdiff import DiffusionSynthesizer, evaluate


def main() -> None:
    """Fit, sample, evaluate, draw."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    columns = ["continent", "year", "lifeExp", "pop", "gdpPercap"]
    table = plotly.data.gapminder()[columns]
    train, test = train_test_split(table, test_size=0.25, random_state=0)

    synth = DiffusionSynthesizer(random_state=0, max_steps=options.max_steps).fit(train)
    fake = synth.sample(len(train))
    report = evaluate(train, fake, holdout=test, target="continent")

    print("\nReal rows\n", train.head(5).to_string(index=False), sep="")
    print("\nSynthetic rows\n", fake.head(5).to_string(index=False), sep="")
    print(f"\n{report}\n")

    headings = {f"{len(train):,} real rows": train, f"{len(fake):,} synthetic rows": fake}
    report.to_html(options.output / "report.html")
    scatter_pair(
        options.output / "real_and_synthetic.svg",
        headings,
        x="gdpPercap",
        y="lifeExp",
        colour="continent",
        title="Income per head and life expectancy, 1952–2007",
    )
    synth.save(options.output / "gapminder.tabdiff")

    print(f"Done in {time.monotonic() - began:.0f} s. Open these in a browser:")
    for name in ("report.html", "real_and_synthetic.svg"):
        print(f"  {(options.output / name).resolve()}")
    print(
        f"More rows:\n  tabdiff sample {options.output / 'gapminder.tabdiff'} -n 10000 -o fake.csv"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
