"""One table from data to noise and back, and what the model knows about it on the way.

The table is Gapminder's, as in the quickstart: one row is one country in one year. Six pictures
and a few lines of text tell

1. how its rows dissolve into noise and new ones come out of it (`diffuse`, `plot_trajectory`),
2. how much is kept at which time (`plot_schedule`),
3. when each column is decided, and how many nats it holds (`information_profile`),
4. which columns explain which (`dependence`),
5. which rows are odd, and why (`score_samples`, `anomalies`).
"""

import argparse
import time
from pathlib import Path

import plotly.data
from sklearn.model_selection import train_test_split

from tabdiff import DiffusionSynthesizer


def main() -> None:
    """Fit, then look."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    columns = ["continent", "year", "lifeExp", "pop", "gdpPercap"]
    table = plotly.data.gapminder()[["country", *columns]]
    named_train, named_test = train_test_split(table, test_size=0.25, random_state=0)
    train, test = named_train[columns], named_test[columns]
    synth = DiffusionSynthesizer(random_state=0, max_steps=options.max_steps).fit(train)

    print("\nThree rows on their way to noise (a masked cell is missing):")
    for t in (0.0, 0.3, 0.6, 1.0):
        print(f"\nt = {t}\n", synth.diffuse(test.head(3), t).to_string(index=False), sep="")
    print("\nA new row on its way back:")
    print(synth.trajectory(1, [1.0, 0.75, 0.5, 0.25, 0.0]).sort_index(ascending=False))

    profile = synth.information_profile(test)
    print(f"\nA row holds {profile.total:.2f} nats; by column:\n{profile.entropy.round(2)}")
    dependence = synth.dependence(test)
    print("\nWhat the others tell about each column, in nats:")
    print(dependence.entropy.round(2))
    print("\nDirect relations:")
    print(dependence.edges().round(3).to_string(index=False))

    odd = synth.anomalies(test, contamination=0.01)
    rows = named_test.join(odd)[lambda frame: frame["anomaly"]]
    print("\nThe oddest unseen rows:")
    print(rows.drop(columns="anomaly").sort_values("score", ascending=False).to_string(index=False))
    print(f"\nMean log-likelihood of an unseen row: {synth.score_samples(test).mean():.2f} nats")

    pictures = {
        "life_expectancy.html": synth.plot_trajectory("lifeExp", df=test),
        "continents.html": synth.plot_trajectory("continent", df=test),
        "income_and_life.html": synth.plot_trajectory("gdpPercap", "lifeExp", df=test),
        "schedule.html": synth.plot_schedule(),
        "information_profile.html": profile.plot(),
        "dependence.html": dependence.plot(),
    }
    print(f"\nDone in {time.monotonic() - began:.0f} s. Open these in a browser:")
    for name, figure in pictures.items():
        figure.write_html(options.output / name)
        print(f"  {(options.output / name).resolve()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output")
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
