"""The panels: what their rows and columns are, and the entities that judge.

*pbc2* (Murtaugh et al. 1994): visits of 312 patients, 1 to 16 each at irregular times. Its static
columns include how and when the patient left the study.

*baseball*: seasons of players and what is known of the player. The rows of a player who changed
teams within a season are added up, under the team of most games.

*generated*: of known laws (`benchmarks.panel_truth`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import panel_truth
from benchmarks.rivals.sequences.contract import Layout
from benchmarks.sequence_methods import Panel

PANELS = ("pbc2", "baseball", "generated")
TEST_SHARE = 0.25
GENERATED_ENTITIES = 2_000

PBC2 = Layout(
    key="id",
    index="year",
    static=("drug", "sex", "age", "status", "years"),
    categorical=(
        "drug", "sex", "status", "ascites", "hepatomegaly", "spiders", "edema", "histologic",
    ),
)  # fmt: skip
BASEBALL = Layout(
    key="player",
    index="year",
    static=("country", "birth_year", "weight", "height", "bats", "throws"),
    categorical=("country", "bats", "throws", "team", "league"),
)


def load_panel(name: str, data: Path | None, entities: int | None = None) -> Panel:
    """One of `PANELS`, a quarter of its entities kept to judge.

    Parameters
    ----------
    name : str
    data : Path or None
        Holds timeseries/<file>; *generated* needs none.
    entities : int, optional
        Keep at most so many of all, always the same ones.

    Raises
    ------
    ValueError
        If the panel lies in files and no folder is named.
    """
    if name == "generated":
        n = GENERATED_ENTITIES if entities is None else entities
        frame, layout = panel_truth.draw(n, np.random.default_rng(0)), panel_truth.LAYOUT
        return split(name, frame, layout, None)
    if data is None:
        raise ValueError(f"panel {name!r} lies in files: name their folder with --data DIR.")
    folder = data / "timeseries"
    if name == "pbc2":
        return split(name, _pbc2(folder), PBC2, entities)
    return split(name, _baseball(folder), BASEBALL, entities)


def split(name: str, frame: pd.DataFrame, layout: Layout, entities: int | None) -> Panel:
    """Entities at random into those to learn from and those that judge, rows in order of time."""
    keys = frame[layout.key].drop_duplicates().to_numpy()
    keys = np.random.default_rng(1).permutation(keys)[:entities]
    n_test = round(TEST_SHARE * len(keys))
    ordered = frame.sort_values([layout.key, layout.index], kind="stable")
    unseen = ordered[layout.key].isin(keys[:n_test])
    seen = ordered[layout.key].isin(keys[n_test:])
    train, test = (ordered[rows].reset_index(drop=True) for rows in (seen, unseen))
    return Panel(name, train, test, layout)


def _pbc2(folder: Path) -> pd.DataFrame:
    """Without the row number and the death in numbers, which `status` tells."""
    frame = pd.read_csv(folder / "pbc2.csv.gz", keep_default_na=False, na_values=["", "NA"])
    return frame.drop(columns=["sno.", "status2"])


def _baseball(folder: Path) -> pd.DataFrame:
    """One row per player and year; "NA" is the National Association, not a gap."""
    read = {"keep_default_na": False, "na_values": [""]}
    players = pd.read_csv(folder / "baseball_players.csv.gz", **read)
    batting = pd.read_csv(folder / "baseball_batting.csv.gz", **read)
    players = players.rename(columns={"id": "player"})
    players["birth_year"] = pd.to_numeric(players["birthDate"].str[:4])
    batting = batting.rename(columns={"players_id": "player"})
    counts = batting.columns.drop(["player", "year", "team", "league"])
    most = batting.sort_values("G", ascending=False, kind="stable")
    seasons = batting.groupby(["player", "year"], as_index=False)
    # A count that no team reported stays a gap, not a zero.
    added = seasons[list(counts)].sum(min_count=1)
    where = most.drop_duplicates(["player", "year"])[["player", "year", "team", "league"]]
    return added.merge(where, on=["player", "year"]).merge(
        players[["player", *BASEBALL.static]], on="player"
    )
