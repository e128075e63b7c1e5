"""Gaps filled: how near, how surely, and what filling does to the table.

Cells of Gapminder's table (as plotly ships it; population and income as logarithms, which suits the
rivals too) are hidden at random, in the rows that are learned from and in those that are judged.
The imputers of scikit-learn see the continent as one column of numbers, since they know no
categories.
"""

import argparse

import numpy as np
import pandas as pd
import plotly.data
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it opens the import below
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tabdiff import DiffusionImputer, DiffusionSynthesizer

NUMBERS = ["year", "lifeExp", "log_pop", "log_gdp"]
HIDDEN = 0.25


def main() -> None:
    """Hide cells, fill them in several ways, compare."""
    options = _options()
    train, truth = train_test_split(_table(), test_size=0.3, random_state=0)
    rng = np.random.default_rng(0)
    train = train.mask(rng.random(train.shape) < HIDDEN)
    gaps = pd.DataFrame(rng.random(truth.shape) < HIDDEN, truth.index, truth.columns)
    test = truth.mask(gaps)

    synth = DiffusionSynthesizer(random_state=0, max_steps=options.max_steps)
    imputer = DiffusionImputer(n_draws=20, synthesizer=synth, random_state=0).fit(train)
    filled = {"DiffusionImputer, mean of 20": imputer.transform(test)}
    draws = imputer.synthesizer_.impute(test, 20, random_state=1)
    filled["DiffusionImputer, one draw"] = draws[0]
    for name, rival in _rivals().items():
        filled[name] = _fill_by_numbers(rival, train, test)

    print(f"\n{HIDDEN:.0%} of the cells hidden. Error: root mean square, in standard deviations.\n")
    print(f"{'':30}{'error':>9}{'continent':>12}{'spread':>9}{'correlation':>14}")
    for name, frame in filled.items():
        print(_line(name, frame, truth, gaps))
    print(f"{'(the table itself)':30}{'':21}{1:9.2f}{_relation(truth):14.2f}")
    print(
        "\nspread: standard deviation of the filled cells, as a share of what it is for those\n"
        "hidden; correlation: of life expectancy and income in the filled table. A mean comes\n"
        "nearest to each cell and makes the table too smooth; a draw is further off and keeps\n"
        "the spread."
    )
    inside = _coverage(draws, truth, gaps)
    print(f"\nOf the hidden numbers, {inside:.0%} lie within the 80 % intervals of the 20 draws.")


def _table() -> pd.DataFrame:
    table = plotly.data.gapminder()
    table["log_pop"], table["log_gdp"] = np.log10(table["pop"]), np.log10(table["gdpPercap"])
    return table[["continent", *NUMBERS]]


def _rivals() -> dict[str, object]:
    """scikit-learn's imputers, each on standardised columns."""
    return {
        "IterativeImputer": make_pipeline(
            StandardScaler(), IterativeImputer(max_iter=30, random_state=0)
        ),
        "IterativeImputer, one draw": make_pipeline(
            StandardScaler(), IterativeImputer(max_iter=30, sample_posterior=True, random_state=0)
        ),
        "KNNImputer": make_pipeline(StandardScaler(), KNNImputer(n_neighbors=10)),
        "SimpleImputer": SimpleImputer(),
    }


def _fill_by_numbers(imputer: object, train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """What an imputer that knows numbers only makes of the table; a code is rounded to a level."""
    levels = sorted(train["continent"].dropna().unique())
    coded = [
        frame.assign(
            continent=pd.Categorical(frame["continent"], levels).codes.astype(float)
        ).replace({"continent": {-1.0: np.nan}})
        for frame in (train, test)
    ]
    done = imputer.fit(coded[0]).transform(coded[1])
    if not isinstance(imputer, SimpleImputer):
        done = imputer[0].inverse_transform(done)
    frame = pd.DataFrame(done, test.index, test.columns)
    codes = frame["continent"].round().clip(0, len(levels) - 1).astype(int)
    return frame.assign(continent=np.array(levels)[codes])


def _line(name: str, filled: pd.DataFrame, truth: pd.DataFrame, gaps: pd.DataFrame) -> str:
    errors = [(filled[c] - truth[c])[gaps[c]] / truth[c].std() for c in NUMBERS]
    error = np.sqrt(np.mean(np.concatenate(errors) ** 2))
    right = (filled["continent"] == truth["continent"])[gaps["continent"]].mean()
    spread = np.mean([filled[c][gaps[c]].std() / truth[c][gaps[c]].std() for c in NUMBERS])
    return f"{name:30}{error:9.3f}{right:12.0%}{spread:9.2f}{_relation(filled):14.2f}"


def _relation(frame: pd.DataFrame) -> float:
    return frame["lifeExp"].corr(frame["log_gdp"])


def _coverage(draws: list[pd.DataFrame], truth: pd.DataFrame, gaps: pd.DataFrame) -> float:
    """Share of the hidden numbers between the tenth and the ninetieth percentile of the draws."""
    drawn = np.stack([draw[NUMBERS].to_numpy() for draw in draws])
    low, high = np.quantile(drawn, [0.1, 0.9], axis=0)
    values, hidden = truth[NUMBERS].to_numpy(), gaps[NUMBERS].to_numpy()
    return float(((low <= values) & (values <= high))[hidden].mean())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-steps", type=int, help="of training; by default enough of them")
    return parser.parse_args()


if __name__ == "__main__":
    main()
