"""The commands on a model of sequences, from its making to its forecasts."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff import TimeSeriesDiffusionSynthesizer, persistence
from tabdiff.cli import BAD_INPUT, OK, main
from tests.cli.frames import DAYS, some_stores
from tests.tiny import TINY

COLUMNS = ["store", "country", "day", "promo", "sales"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panel of stores, gaps in it, what comes after it, and a model of it."""
    folder = tmp_path_factory.mktemp("stores")
    panel = some_stores()
    panel.to_csv(folder / "panel.csv", index=False)
    panel.assign(sales=panel["sales"].mask(panel.index % 5 == 0)).to_csv(
        folder / "gaps.csv", index=False
    )
    days = pd.date_range("2024-01-01", periods=DAYS + 3).strftime("%Y-%m-%d")[-3:]
    future = pd.DataFrame({"store": panel["store"].unique()}).merge(
        pd.DataFrame({"day": days, "promo": ["yes", "no", "yes"]}), how="cross"
    )
    future.to_csv(folder / "future.csv", index=False)
    TimeSeriesDiffusionSynthesizer(
        sequence_key="store", sequence_index="day", known_columns=["promo"], **TINY
    ).fit(panel).save(folder / "m.tabdiff")
    return folder


def read(source: object) -> pd.DataFrame:
    return pd.read_csv(source, dtype=str, keep_default_na=False)


def test_fit_learns_sequences_where_it_is_told_of_a_key(stores: Path, tmp_path: Path, capsys):
    model = f"{tmp_path}/m.tabdiff"
    call = ["fit", f"{stores}/panel.csv", "-o", model, "--sequence-key", "store"]
    call += ["--sequence-index", "day", "--known-columns", "promo", "--window", "8"]
    assert main([*call, "--max-steps", "1", "--device", "cpu"]) == OK
    assert f"Next: tabdiff sample {model} -n 12 " in capsys.readouterr().err
    learned = TimeSeriesDiffusionSynthesizer.load(model)
    assert learned.encoder_.roles.context == ("country",)
    assert learned.encoder_.roles.ahead == ("promo",)
    assert learned.encoder_.window == 8


def test_sequences_are_written_as_they_are_made(stores: Path, tmp_path: Path, monkeypatch):
    made = TimeSeriesDiffusionSynthesizer.load(stores / "m.tabdiff").sample(5, random_state=1)
    # What holds all of them at once is not asked.
    monkeypatch.delattr(TimeSeriesDiffusionSynthesizer, "sample")
    call = ["sample", f"{stores}/m.tabdiff", "-n", "5", "--seed", "1", "-o", f"{tmp_path}/fake/"]
    assert main(call) == OK
    written = pd.concat(map(pd.read_parquet, sorted((tmp_path / "fake").iterdir())))
    assert written["store"].nunique() == 5
    assert written.reset_index(drop=True).astype(made.dtypes).equals(made)


def test_sample_counts_sequences_and_takes_their_length(stores: Path, capsys):
    outputs = []
    for _ in range(2):
        call = ["sample", f"{stores}/m.tabdiff", "-n", "3", "--length", "22", "--seed", "1"]
        assert main([*call, "--where", "country=NL"]) == OK
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    rows = read(io.StringIO(outputs[0]))
    assert rows.columns.tolist() == COLUMNS
    assert rows.groupby("store").size().tolist() == [22, 22, 22]
    assert set(rows["country"]) == {"NL"}
    assert not set(rows["store"]) & set(some_stores()["store"])


def test_sample_makes_as_many_sequences_as_were_learned_from(stores: Path, tmp_path: Path):
    out = f"{tmp_path}/fake.parquet"
    assert main(["sample", f"{stores}/m.tabdiff", "-o", out, "-q"]) == OK
    assert pd.read_parquet(out)["store"].nunique() == 12


def test_impute_fills_the_rows_of_sequences(stores: Path, capsys):
    assert main(["impute", f"{stores}/m.tabdiff", f"{stores}/gaps.csv", "--draws", "2"]) == OK
    filled, before = read(io.StringIO(capsys.readouterr().out)), read(stores / "gaps.csv")
    empty = before == ""
    for draw in ("1", "2"):
        after = filled[filled["draw"] == draw].drop(columns="draw").reset_index(drop=True)
        assert (after != "").all().all()
        # Beside a missing cell, whole numbers are read as numbers that may have none.
        pd.testing.assert_frame_equal(after.mask(empty, ""), before)


def test_info_tells_what_each_column_is_for(stores: Path, capsys):
    assert main(["info", f"{stores}/m.tabdiff"]) == OK
    shown = capsys.readouterr().out
    assert "of 12 sequences, 5 columns" in shown
    lines = {line[:12].strip(): line[14:] for line in shown.splitlines()}
    assert lines["key"] == "store"
    assert lines["index"].startswith("day, rows are 1 days apart; calendar: weekday")
    assert lines["context"] == "country"
    assert lines["known ahead"] == "promo"
    assert len(lines["SHA-256"]) == 64


def test_inspect_tells_roles_and_kinds_before_a_fit(stores: Path, tmp_path: Path, capsys):
    call = ["inspect", f"{stores}/panel.csv", "--sequence-key", "store"]
    assert main([*call, "--sequence-index", "day"]) == OK
    lines = {line[:12].strip(): line[14:] for line in capsys.readouterr().out.splitlines()}
    assert lines["sequences"] == f"12 of {DAYS - 3} to {DAYS} rows"
    assert lines["context"] == "country"
    assert lines["row columns"] == "promo, sales"
    panel = some_stores().drop_duplicates("store").assign(day=lambda f: f.index**2)
    panel.to_csv(tmp_path / "odd.csv", index=False)
    assert main(["inspect", f"{tmp_path}/odd.csv", "--sequence-index", "day"]) == OK
    shown = capsys.readouterr().out
    assert "none: one sequence" in shown
    assert "day, irregular: rows are" in shown


def test_forecast_writes_quantiles_and_the_futures_themselves(stores: Path, tmp_path: Path):
    call = ["forecast", f"{stores}/m.tabdiff", f"{stores}/panel.csv", "--horizon", "3", "-q"]
    call += ["--known-future", f"{stores}/future.csv", "--samples", "4", "--seed", "1"]
    assert main([*call, "--quantiles", "0.25,0.75", "-o", f"{tmp_path}/q.csv"]) == OK
    told = read(f"{tmp_path}/q.csv")
    expected = ["store", "country", "day", "promo", "sales_0.25", "sales_0.75"]
    assert told.columns.tolist() == expected
    assert (told["sales_0.25"].astype(float) <= told["sales_0.75"].astype(float)).all()
    keys = ["store", "day", "promo"]
    pd.testing.assert_frame_equal(told[keys], read(stores / "future.csv")[keys])
    assert main([*call, "--futures", "-o", f"{tmp_path}/f.parquet"]) == OK
    futures = pd.read_parquet(tmp_path / "f.parquet")
    assert futures.columns.tolist() == ["draw", *COLUMNS]
    assert len(futures) == 12 * 4 * 3


def test_forecast_shows_a_small_table_where_somebody_looks(stores: Path, monkeypatch, capsys):
    call = ["forecast", f"{stores}/m.tabdiff", f"{stores}/panel.csv", "--horizon", "3"]
    call += ["--known-future", f"{stores}/future.csv", "--samples", "2"]
    assert main(call) == OK
    piped = capsys.readouterr().out
    assert piped.startswith("store,country,day,promo,sales_0.1,sales_0.5,sales_0.9\n")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(call) == OK
    looked_at = capsys.readouterr().out
    assert looked_at.splitlines()[0].split() == piped.splitlines()[0].split(",")
    assert len(looked_at.splitlines()) == 2 + 12 * 3


def test_a_series_without_a_key_is_one_sequence(tmp_path: Path, capsys):
    panel = some_stores()
    series = panel[panel["store"] == "s00"].drop(columns=["store", "country"])
    model = f"{tmp_path}/m.tabdiff"
    TimeSeriesDiffusionSynthesizer(sequence_index="day", **TINY).fit(series).save(model)
    assert main(["sample", model, "--length", "5"]) == OK
    assert len(capsys.readouterr().out.splitlines()) == 1 + 5
    assert main(["sample", model, "-n", "2"]) == BAD_INPUT
    assert "one series was fitted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["augment", "{stores}/m.tabdiff", "{stores}/panel.csv", "--factor", "2"], "new sequences"),
        (["sample", "{stores}/m.tabdiff", "--conditions", "{stores}/panel.csv"], "--where"),
        (["sample", "{stores}/m.tabdiff", "--where", "sales=5"], "'sales' is no context column"),
        (["sample", "{folder}/m.tabdiff", "--length", "5"], "a model of a table"),
        (["forecast", "{folder}/m.tabdiff", "{folder}/test.csv", "--horizon", "2"], "--sequence-"),
        (["forecast", "{stores}/m.tabdiff", "{stores}/panel.csv"], "'--horizon'"),
        (["forecast", "m", "h.csv", "--horizon", "2", "--quantiles", "0.5,1"], "between 0 and 1"),
        (["forecast", "m", "h.csv", "--horizon", "2", "--quantiles", "half"], "between 0 and 1"),
        (["forecast", "m", "h", "--horizon", "2", "--futures", "--quantiles", ".5"], "either"),
        (["forecast", "{stores}/m.tabdiff", "{stores}/panel.csv", "--horizon", "3"], "'promo'"),
        (["inspect", "{stores}/panel.csv", "--sequence-key", "stor"], "mean 'store'?"),
        (
            ["fit", "{stores}/panel.csv", "-o", "{tmp}/m", "--window", "8", "--constraints", "r"],
            "not",
        ),
        (["info", "{tmp}/other.tabdiff"], "'Crystal', which is neither"),
    ],
)
def test_what_a_kind_of_model_cannot_do_is_told(
    stores: Path, folder: Path, tmp_path: Path, capsys, arguments, told
):
    persistence.write(tmp_path / "other.tabdiff", {"kind": "Crystal"}, {"a": np.zeros(1)})
    places = {"stores": stores, "folder": folder, "tmp": tmp_path}
    assert main([argument.format(**places) for argument in arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert "Traceback" not in captured.err


def test_a_column_of_the_user_s_own_is_not_taken_for_the_count_of_futures(tmp_path: Path, capsys):
    panel = some_stores().rename(columns={"promo": "draw"})
    panel.to_csv(tmp_path / "t.csv", index=False)
    model = f"{tmp_path}/m.tabdiff"
    TimeSeriesDiffusionSynthesizer(sequence_key="store", sequence_index="day", **TINY).fit(
        panel
    ).save(model)
    call = ["forecast", model, f"{tmp_path}/t.csv", "--horizon", "1", "--samples", "2"]
    assert main([*call, "--futures"]) == BAD_INPUT
    assert "'draw'" in capsys.readouterr().err
    assert main(call) == OK
