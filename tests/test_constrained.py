"""What a synthesizer promises of a table that keeps constraints: in every answer, in all rows."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.base import clone

from tabdiff import DiffusionImputer, DiffusionSynthesizer, membership_attack, persistence
from tabdiff.cli import BAD_INPUT, OK
from tabdiff.cli import main as run
from tabdiff.data.constraints import (
    Constraint,
    ConstraintError,
    Expression,
    FixedCombinations,
    FixedIncrements,
    Inequality,
    Negative,
    OneHotEncoding,
    Positive,
    Range,
    ScalarInequality,
    ScalarRange,
    Unique,
    constraints_from_json,
)
from tabdiff.data.errors import ConditionError, ConditionWarning, UnknownColumnError
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
from tests.tiny import tiny

equal = pd.testing.assert_frame_equal
N = 120

RULES: list[Constraint] = [
    Inequality("low", "high"),
    Range("start", "middle", "end"),
    ScalarInequality("low", ">=", 0),
    ScalarRange("share", 0, 1, strict_boundaries=False),
    Positive("fare"),
    Negative("loss"),
    Expression("total == net + vat"),
    Expression("paid >= fare + tip"),
    FixedIncrements("price", 5),
    FixedCombinations(["city", "country"]),
    OneHotEncoding(["bus", "tram", "taxi"]),
    Unique(["low", "share"]),
]


def trips() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 50, N)
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="h")
    middle = start + pd.to_timedelta(rng.integers(1, 30, N), unit="h")
    net, fare, tip = (rng.lognormal(3, 0.5, N).round(2) for _ in range(3))
    vat = (net * rng.choice([0.09, 0.21], N)).round(2)
    mode = rng.integers(0, 3, N)
    city = rng.choice(["Paris", "Lyon", "Rome", "Nowhere"], N)
    frame = pd.DataFrame(
        {
            "low": low,
            "high": (low + rng.integers(0, 30, N)).astype(float),
            "start": start,
            "middle": middle,
            "end": middle + pd.to_timedelta(rng.integers(1, 9, N), unit="h"),
            "net": net,
            "vat": vat,
            "total": (net + vat).round(2),
            "fare": fare,
            "tip": tip,
            "paid": (fare + tip + rng.integers(0, 2, N)).round(2),
            "share": rng.random(N),
            "loss": -rng.lognormal(0, 1, N).round(1),
            "price": rng.integers(1, 9, N) * 5,
            "city": city,
            "country": pd.Series(city).map({"Rome": "IT", "Paris": "FR", "Lyon": "FR"}),
            "bus": (mode == 0).astype(int),
            "tram": mode == 1,
            "taxi": (mode == 2).astype(float),
            "free": rng.choice(list("ab"), N),
        }
    )
    frame.loc[::11, "high"] = None
    return frame


@functools.cache
def model() -> DiffusionSynthesizer:
    return tiny(constraints=RULES, max_steps=3).fit(trips())


@pytest.fixture
def synth() -> DiffusionSynthesizer:
    return model()


def assert_kept(table: Any) -> None:
    assert model().constraint_set_ is not None
    broken = model().constraint_set_.violations(table)
    assert set(broken.values()) == {0}, broken


def holed(columns: list[str], seed: int = 0, rate: float = 0.35) -> pd.DataFrame:
    frame = trips().astype({"low": float, "price": float, "bus": float, "tram": "boolean"})
    frame = frame[frame["country"].notna()]
    rng = np.random.default_rng(seed)
    for name in columns:
        frame.loc[rng.random(len(frame)) < rate, name] = None
    return frame


# ---- fit ----


def test_a_planted_violation_is_found_by_the_judge_of_these_tests():
    for name, value in {"low": 90, "vat": 0.5, "price": 7, "country": "DE", "bus": 1}.items():
        with pytest.raises(AssertionError, match="[1-9]"):
            assert_kept(trips().assign(**{name: value}))


def test_the_table_and_what_is_learned_have_schemas_of_their_own(synth: DiffusionSynthesizer):
    assert synth.schema_ == Schema.infer(trips())
    assert [column.name for column in synth.encoder_.schema.columns] == [
        name for name in trips() if name not in ("total", "country", "tram", "taxi")
    ]
    assert synth.n_features_in_ == len(list(trips())) == len(synth.feature_names_in_)
    assert tiny().fit(trips()).constraint_set_ is None


def test_kinds_of_columns_are_those_of_the_table():
    kinds = {"low": "numeric", "high": "numeric"}
    frame = pd.DataFrame({"low": [0, 1] * 30, "high": [1, 2] * 30, "c": list("ab") * 30})
    synth = tiny(constraints=[Inequality("low", "high")], column_kinds=kinds).fit(frame)
    assert synth.schema_["high"].kind == "numeric"
    out = synth.sample(50)
    assert (out["low"] <= out["high"]).all()


def test_parameters_are_kept_as_given_and_cloned():
    rules = (Inequality("a", "b"),)
    synth = DiffusionSynthesizer(constraints=rules, on_violation="drop")
    assert synth.get_params()["constraints"] is rules
    assert clone(synth).get_params()["constraints"] == rules
    assert clone(synth).on_violation == "drop"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"constraints": ["low <= high"]}, TypeError, "Got 'low <= high'"),
        ({"constraints": Positive("low")}, TypeError, "write \\[Positive"),
        ({"constraints": 3}, TypeError, "must be a list. Got int"),
        ({"on_violation": "ignore"}, ValueError, "'raise' or 'drop'. Got 'ignore'"),
        ({"constraints": [Inequality("low", "hgh")]}, ConstraintError, "Did you mean 'high'"),
        (
            {"constraints": [Inequality("low", "high", True), Inequality("high", "low", True)]},
            ConstraintError,
            "contradict each other",
        ),
        ({"constraints": [ScalarInequality("low", "<", 9)]}, ConstraintError, "of 120 rows"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_training(
    changes: dict[str, Any], error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tabdiff.synthesizer.train", None)
    synth = tiny(**changes)
    with pytest.raises(error, match=said):
        synth.fit(trips())
    assert not hasattr(synth, "denoiser_")


def test_rows_that_break_a_constraint_may_be_left_out():
    synth = tiny(constraints=[ScalarInequality("low", "<", 25)], on_violation="drop")
    with pytest.warns(SchemaWarning, match="training rows break constraints and are left out"):
        synth.fit(trips())
    assert synth.n_rows_seen_ == (trips()["low"] < 25).sum()
    assert synth.sample(200)["low"].max() < 25


# ---- sample ----


def test_rows_keep_all_constraints_and_look_like_the_table(synth: DiffusionSynthesizer):
    out = synth.sample(1500, random_state=1)
    assert_kept(out)
    equal(out.head(0), trips().head(0))
    assert out["high"].isna().any()
    assert synth.sample(0).dtypes.equals(trips().dtypes)


def test_fewer_rows_are_the_head_of_more_and_pieces_are_the_whole(synth: DiffusionSynthesizer):
    more = synth.sample(1100, random_state=1)
    equal(synth.sample(5, random_state=1), more.head(5))
    pieces = list(synth.sample_iter(1100, 300, random_state=1))
    assert [len(piece) for piece in pieces] == [300, 300, 300, 200]
    equal(pd.concat(pieces, ignore_index=True), more)


def test_unique_rows_are_drawn_anew_across_chunks_or_refused():
    frame = pd.DataFrame({"a": np.arange(60) // 2, "b": list("xy") * 30})
    synth = tiny(constraints=[Unique(["a", "b"])], column_kinds={"a": "categorical"}).fit(frame)
    out = synth.sample(40, random_state=1)
    assert not out.duplicated().any()
    equal(synth.sample(9, random_state=1), out.head(9))
    with pytest.raises(ConstraintError, match="Unique.*only .* of 61 rows differ"):
        synth.sample(61, random_state=1)
    # Where no class lacks rows, none is added; rows that repeat are none to add to.
    equal(synth.augment(frame, target="b", random_state=1), frame)
    holes = frame.iloc[[4 * k + k % 2 for k in range(15)]].assign(c=["p", "p", None] * 5)
    with_holes = tiny(constraints=[Unique(["a", "b"])], column_kinds={"a": "categorical"})
    more = with_holes.fit(holes).augment(holes, target="c", counts={None: 8}, random_state=1)
    assert more["c"].isna().sum() == 8 and not more.duplicated(["a", "b"]).any()
    with pytest.raises(ConstraintError, match=r"Unique.*: 2 rows repeat .*first at row 60"):
        synth.augment(pd.concat([frame, frame.head(2)], ignore_index=True), factor=1.5)


def test_every_container_comes_back():
    frame = trips()[["low", "share", "price"]].assign(more=lambda f: f["low"] + 3.5)
    rules = [Inequality("low", "more")]
    polars = pl.from_pandas(frame)
    out = tiny(constraints=rules).fit(polars).sample(50, random_state=1)
    assert isinstance(out, pl.DataFrame)
    assert (out["low"] <= out["more"]).all()
    array = tiny(constraints=[Inequality(0, 3)]).fit(frame.to_numpy()).sample(50, random_state=1)
    assert isinstance(array, np.ndarray)
    assert (array[:, 0] <= array[:, 3]).all()
    gaps = polars.with_columns(low=pl.when(pl.int_range(N) % 3 > 0).then(pl.col("low")))
    full = tiny(constraints=rules).fit(polars).impute(gaps, random_state=1)
    assert_polars_equal(full.drop("low"), polars.drop("low"))
    assert (full["low"] <= full["more"]).all()


# ---- conditions ----

MET: dict[str, dict[str, Any]] = {
    "a column that is learned as it is": {"low": 7},
    "both ends of an inequality": {"low": 7, "high": 9},
    "a column with a missing cell": {"low": 7, "high": None},
    "a whole chain": {
        "start": "2026-01-05",
        "middle": "2026-01-05 20:00",
        "end": "2026-01-06",
    },
    "all but one term of an equation": {"total": 33.0, "net": 30.0},
    "a bound and what makes it": {"fare": 20.5, "tip": 3.25, "paid": 24.75},
    "a step": {"price": 15},
    "one column of a combination": {"country": "FR"},
    "the other one": {"city": "Rome", "free": "a"},
    "a missing cell of a combination": {"country": None},
    "one of several columns": {"bus": 1},
    "not that one": {"taxi": 0},
    "columns that no constraint is about": {"free": "b"},
}


@pytest.mark.parametrize("case", MET)
def test_values_hold_exactly(synth: DiffusionSynthesizer, case: str):
    out = synth.sample(60, conditions=MET[case], random_state=1)
    assert len(out) == 60
    assert_kept(out)
    for name, value in MET[case].items():
        wanted = pd.Timestamp(value) if name in ("start", "middle", "end") else value
        assert out[name].isna().all() if value is None else (out[name] == wanted).all()


RANGES: dict[str, dict[str, Any]] = {
    "learned as it is": {"low": (10, 20)},
    "a derived column": {"high": (20, 45)},
    "a set on a derived column": {"price": [5, 10, 15]},
    "a computed column": {"total": (20, None), "country": ["FR", "IT"]},
    "a combination": {"city": ["Paris", "Rome"], "country": ["FR"]},
}


@pytest.mark.parametrize("case", RANGES)
def test_ranges_and_sets_hold(synth: DiffusionSynthesizer, case: str):
    out = synth.sample(40, conditions=RANGES[case], random_state=1)
    assert_kept(out)
    for name, asked in RANGES[case].items():
        if isinstance(asked, list):
            assert set(out[name]) <= set(asked)
        else:
            low, high = (-np.inf if asked[0] is None else asked[0]), asked[1] or np.inf
            assert out[name].between(low, high).all()
    equal(synth.sample(7, conditions=RANGES[case], random_state=1), out.head(7))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"high": 9}, "column 'high' .* give 'low' as well"),
        ({"end": "2026-01-07"}, "give 'start', 'middle' as well"),
        ({"total": 9.5}, "give 'net', 'vat' as well"),
        ({"low": 9, "high": 7}, "break Inequality"),
        ({"low": -1}, "break ScalarInequality"),
        ({"share": 1.5}, "break ScalarRange"),
        ({"fare": -1.0}, "break Positive"),
        ({"loss": 0.1}, "break Negative"),
        ({"price": 7}, "break FixedIncrements"),
        ({"net": 5.0, "vat": 1.0, "total": 9.0}, "break Expression"),
        ({"city": "Rome", "country": "FR"}, "no training row holds"),
        ({"city": "Oslo"}, "no training row holds"),
        ({"bus": 1, "tram": True}, "no training row holds"),
        ({"low": None}, "none was there at fit"),
        ({"high": (9_000, None)}, "only 0 of 3 rows were as asked"),
        ({"high": [7, None]}, "cannot hold a missing one"),
    ],
    ids=str,
)
def test_conditions_that_no_row_can_meet_are_refused(
    synth: DiffusionSynthesizer, asked: dict[str, Any], said: str
):
    with pytest.raises(ConditionError, match=said):
        synth.sample(3, conditions=asked)


def test_a_condition_on_no_column_names_the_nearest(synth: DiffusionSynthesizer):
    with pytest.raises(UnknownColumnError, match="no column 'hig'. Did you mean 'high'"):
        synth.sample(3, conditions={"hig": 1})


def test_a_value_beyond_the_training_rows_moves_the_others(synth: DiffusionSynthesizer):
    with pytest.warns(ConditionWarning, match="outside the training rows"):
        out = synth.sample(20, conditions={"low": 500}, random_state=1)
    assert_kept(out)
    assert (out["low"] == 500).all()
    assert (out["high"].dropna() >= 500).all()


def test_a_frame_of_conditions_keeps_order_and_index(synth: DiffusionSynthesizer):
    asked = trips()[["low", "high", "country", "bus", "share", "net", "total"]].head(40)
    asked = asked.sample(frac=1, random_state=0)
    out = synth.sample(conditions=asked, random_state=1)
    equal(out[list(asked)], asked)
    assert_kept(out.reset_index(drop=True))
    with pytest.raises(ConditionError, match="give 'low' as well"):
        synth.sample(conditions=asked[["high"]])
    with pytest.raises(ConditionError, match=r"39 rows repeat an earlier one"):
        synth.sample(conditions=asked.assign(low=3, high=9.0, share=0.5))


# ---- impute ----


def test_gaps_are_filled_so_that_all_holds(synth: DiffusionSynthesizer):
    frame = holed(list(trips()))
    before = frame.copy()
    for full in synth.impute(frame, n_draws=2, random_state=1):
        assert_kept(full)
        assert full.notna().all().all()
        pd.testing.assert_series_equal(full.dtypes, frame.dtypes)
        for name in frame:
            here = frame[name].notna()
            pd.testing.assert_series_equal(full[name][here], frame[name][here])
    equal(frame, before)


@pytest.mark.parametrize(
    "gone",
    [["low"], ["start", "middle"], ["fare"], ["fare", "tip"], ["middle"], ["city"], ["tram"]],
    ids=str,
)
def test_what_a_column_is_derived_from_follows_it(synth: DiffusionSynthesizer, gone: list[str]):
    frame = holed(gone, rate=0.9)
    frame = frame[frame["high"].notna()]
    full = synth.impute(frame, random_state=1)
    assert_kept(full)
    assert full[gone].notna().all().all()
    equal(full.drop(columns=gone), frame.drop(columns=gone))


def test_an_equation_tells_its_missing_term(synth: DiffusionSynthesizer):
    for gone in ("vat", "net", "total"):
        full = synth.impute(holed([gone], rate=0.9), random_state=1)
        pd.testing.assert_series_equal(full[gone], trips()[gone][full.index])


def test_observed_cells_that_break_a_constraint_are_named(synth: DiffusionSynthesizer):
    frame = holed(["share"])
    frame.loc[frame.index[2], "low"] = 999
    with pytest.raises(ConstraintError, match=r"Inequality.*1 of .*row 2: 'low'=999"):
        synth.impute(frame)
    with pytest.raises(ConditionError, match="no training row holds"):
        synth.impute(holed(["country"]).assign(city="Oslo", country=None))


def test_an_imputer_takes_a_constrained_synthesizer():
    frame = holed(["low", "vat"])[["low", "high", "net", "vat", "total"]].reset_index(drop=True)
    rules = [Inequality("low", "high"), Expression("total == net + vat")]
    imputer = DiffusionImputer(n_draws=1, synthesizer=tiny(constraints=rules), random_state=0)
    full = imputer.fit_transform(frame)
    kept = imputer.synthesizer_.constraint_set_
    assert kept is not None
    assert set(kept.violations(full).values()) == {0}
    assert full.notna().all().all()


# ---- augment, counterfactual, files ----


def test_rows_are_added_beside_those_there_are(synth: DiffusionSynthesizer):
    for asked in ({"factor": 2.0}, {"target": "city"}, {"target": "bus", "counts": {1: 90}}):
        out = synth.augment(trips(), random_state=1, **asked)
        assert_kept(out)
        equal(out.head(N), trips())
        if "target" in asked:
            counts = out[asked["target"]].value_counts()
            assert counts[1] == 90 if "counts" in asked else counts.nunique() == 1
    with pytest.raises(ConstraintError, match="break Positive"):
        synth.augment(trips().assign(fare=-1.0), factor=2)
    with pytest.raises(ConditionError, match="give 'low' as well"):
        synth.augment(trips(), target="high")


@pytest.mark.parametrize(
    "change",
    [{"low": 3}, {"high": 60}, {"total": 60.0}, {"city": "Rome", "country": "IT"}, {"price": 40}],
    ids=str,
)
def test_changed_rows_keep_the_change_and_the_constraints(
    synth: DiffusionSynthesizer, change: dict[str, Any]
):
    out = synth.counterfactual(trips(), change, random_state=1)
    assert_kept(out)
    for name, value in change.items():
        assert (out[name] == value).all()
    pd.testing.assert_index_equal(out.index, trips().index)


def test_half_of_a_combination_cannot_be_changed(synth: DiffusionSynthesizer):
    with pytest.raises(ConditionError, match="change 'country' too"):
        synth.counterfactual(trips(), {"city": "Rome"})
    with pytest.raises(ValueError, match="one value per column"):
        synth.counterfactual(trips(), {"high": (5, 9)})


def test_a_loaded_model_answers_bit_for_bit(synth: DiffusionSynthesizer, tmp_path: Path):
    synth.save(tmp_path / "m")
    loaded = DiffusionSynthesizer.load(tmp_path / "m", device="cpu")
    assert loaded.constraints == RULES
    assert loaded.schema_ == synth.schema_
    for answer in (
        lambda s: s.sample(50, conditions={"low": 7, "city": "Paris"}, random_state=3),
        lambda s: s.impute(holed(list(trips())), random_state=3),
        lambda s: s.counterfactual(trips(), {"high": 60}, random_state=3),
    ):
        equal(answer(loaded), answer(synth))
    loaded.save(tmp_path / "again")
    assert (tmp_path / "m").read_bytes() == (tmp_path / "again").read_bytes()


def damaged(content: dict[str, Any], how: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    changed = json.loads(json.dumps(content))
    how(changed)
    return changed


@pytest.mark.parametrize(
    "how",
    [
        lambda c: c.pop("constraints"),
        lambda c: c.update(constraints=None),
        lambda c: c.update(constraints=[]),
        lambda c: c.update(constraints="x == y"),
        lambda c: c["constraints"].update(constraints=[{"constraint": "Anything"}]),
        lambda c: c["constraints"].update(axes=[]),
        lambda c: c["constraints"].update(derived=[]),
        lambda c: c["constraints"].update(combinations=[]),
        lambda c: c["constraints"]["combinations"][0]["values"][0].__setitem__(1, "Lyon"),
        lambda c: c["constraints"]["derived"][0].update(rules=[["==", [["+"]]]]),
        lambda c: c.update(schema=c["encoder"]["schema"]),
    ],
)
def test_a_file_whose_constraints_do_not_fit_is_refused(
    synth: DiffusionSynthesizer, tmp_path: Path, how: Callable[[dict[str, Any]], object]
):
    synth.save(tmp_path / "m")
    content, arrays = persistence.read(tmp_path / "m")
    persistence.write(tmp_path / "m", damaged(content, how), arrays)
    with pytest.raises(persistence.CorruptFileError, match="does not fit together"):
        DiffusionSynthesizer.load(tmp_path / "m")


# ---- looking inside ----


def test_rows_are_scored_by_the_columns_that_are_learned(synth: DiffusionSynthesizer):
    nats = synth.score_samples(trips(), explain=True)
    assert list(nats) == [column.name for column in synth.encoder_.schema.columns]
    np.testing.assert_allclose(synth.score_samples(trips()), nats.sum(axis=1))
    assert set(synth.anomalies(trips())["column"]) <= set(nats)
    assert list(synth.information_profile(trips()).entropy.index) == list(nats)
    assert list(synth.dependence(trips(), max_rows=5).information) == list(nats)
    assert np.isfinite(synth.score(trips()))
    assert 0 <= membership_attack(synth, trips().head(50), trips().tail(50), n_draws=1).auc <= 1


def test_given_columns_are_found_under_what_is_learned(synth: DiffusionSynthesizer):
    alone = synth.conditional_entropy(trips(), ["country", "high"])
    equal(alone, synth.conditional_entropy(trips(), ["city", "high"]))
    assert "city" not in alone.index
    with pytest.raises(KeyError, match="column 'total' is not learned: 'net', 'vat' tell it"):
        synth.conditional_entropy(trips(), ["total"])


@pytest.mark.parametrize("verb", ["score_samples", "anomalies", "score", "information_profile"])
def test_rows_that_cannot_be_are_refused(synth: DiffusionSynthesizer, verb: str):
    with pytest.raises(ConstraintError, match="rows break Positive"):
        getattr(synth, verb)(trips().assign(fare=-1.0))
    with pytest.raises(SchemaError, match="column 'low' is absent"):
        getattr(synth, verb)(trips().drop(columns="low"))


def test_noisy_rows_are_shown_in_the_columns_of_the_table(synth: DiffusionSynthesizer):
    equal(synth.diffuse(trips(), 0.0), trips())
    noisy = synth.diffuse(trips(), 0.5)
    assert list(noisy) == list(trips())
    for name, source in {"total": "net", "high": "low", "country": "city"}.items():
        assert noisy[name][noisy[source].isna()].isna().all()
    made = synth.trajectory(30, [0, 0.5])
    assert list(made) == list(trips())
    assert_kept(made.xs(0.0).astype(trips().dtypes.to_dict()))
    figure = synth.plot_trajectory("total", "city", times=[0, 0.5], n_samples=20)
    assert len(figure.frames) == 2


# ---- the command line ----


def test_constraints_are_read_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    frame = trips()[["low", "high", "net", "vat", "total", "free"]]
    frame.to_csv(tmp_path / "t.csv", index=False)
    stated = [
        {"constraint": "Inequality", "low_column_name": "low", "high_column_name": "high"},
        "total == net + vat",
    ]
    (tmp_path / "rules.json").write_text(json.dumps(stated))
    files = [f"{tmp_path}/t.csv", "-o", f"{tmp_path}/m.tabdiff", "--constraints"]
    options = ["--max-steps", "2", "--seed", "0", "-q", "--device", "cpu"]
    assert run(["fit", *files, f"{tmp_path}/rules.json", *options]) == OK
    assert run(["info", f"{tmp_path}/m.tabdiff"]) == OK
    assert "Inequality('low' <= 'high')\n  Expression('total == net" in capsys.readouterr().out
    where = ["--where", "low=7", "--where", "high=9..30", "--where", "free=a"]
    made = [f"{tmp_path}/m.tabdiff", "-n", "20", "-o", f"{tmp_path}/out.csv", "-q"]
    assert run(["sample", *made, *where]) == OK
    out = pd.read_csv(tmp_path / "out.csv")
    assert (out["low"] == 7).all()
    assert out["high"].between(9, 30).all()
    assert np.allclose(out["total"], out["net"] + out["vat"], atol=0.001)
    assert run(["sample", *made, "--where", "high=9"]) == BAD_INPUT
    assert "give 'low' as well" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "rules.json: Expecting"),
        ("3", "a list of objects and texts"),
        ('["a <"]', "is no expression"),
        ('[{"constraint": "Inequal"}]', "Known: Inequality"),
        ('[{"constraint": "Positive", "column": "a"}]', "it has no column"),
        ('[{"constraint": "Positive"}]', "missing 1 required"),
        ('[{"constraint": "Unique", "column_names": 3}]', "must be a list"),
    ],
)
def test_a_file_of_other_things_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
):
    trips().to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "rules.json").write_text(text)
    files = ["--constraints", f"{tmp_path}/rules.json", "-o", f"{tmp_path}/m.tabdiff"]
    assert run(["fit", f"{tmp_path}/t.csv", *files]) == BAD_INPUT
    assert said in capsys.readouterr().err


def test_what_a_set_writes_is_read_as_its_constraints(synth: DiffusionSynthesizer):
    assert synth.constraint_set_ is not None
    written = json.loads(json.dumps(synth.constraint_set_.to_dict()))
    assert constraints_from_json(written) == RULES


def test_messages_of_broken_rules_show_no_identifiers():
    frame = pd.DataFrame({"who": [f"p{i}@mail.org" for i in range(N)], "x": range(N)})
    twice = pd.concat([frame, frame.head(1)], ignore_index=True)
    with (
        pytest.warns(SchemaWarning, match="e-mail"),
        pytest.raises(ConstraintError, match=r"Unique.* 1 of 121 rows .row 120.") as caught,
    ):
        tiny(constraints=[Unique(["who"])]).fit(twice)
    assert "mail.org" not in str(caught.value)
