"""What a careful publisher switches on: no copies, no rare labels, no extremes, in any answer."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff import DiffusionSynthesizer, Privacy, persistence
from tabdiff.cli import BAD_INPUT, OK, main
from tabdiff.data.constraints import ConstraintError, Expression, Inequality, Unique
from tabdiff.data.errors import ConditionError, CopyError
from tabdiff.data.originals import Originals
from tabdiff.data.question import Question
from tabdiff.data.schema import Schema, SchemaError, SchemaWarning
from tests.tiny import tiny

N = 150
GUARDS: dict[str, Any] = {"min_category_count": 5, "clip_percentiles": (1, 99)}


def patterned(n: int = N) -> pd.DataFrame:
    """Rows that fill half of all combinations, so that a model of them makes many copies."""
    rng = np.random.default_rng(0)
    a, k = rng.integers(0, 4, n), rng.integers(0, 6, n)
    half = (a + k) % 2 == 0
    price = np.where(rng.random(n) < 0.2, np.nan, rng.choice([0.1, 0.25, 19.99], n))
    frame = pd.DataFrame(
        {
            "id": [f"user-{i:04}" for i in range(n)],
            "a": pd.Categorical(np.array(list("wxyz"))[a]),
            "k": k,
            "price": price.astype("float32"),
            "day": pd.Timestamp("2024-02-28") + pd.to_timedelta(rng.integers(0, 3, n), unit="D"),
            "land": "NL",
        }
    )
    return frame[half].reset_index(drop=True)


TOLD = ["a", "k", "price", "day"]


def keys(frame: Any) -> list[tuple[str, ...]]:
    """What rows hold in the columns that tell them apart, as they are printed."""
    frame = frame.to_pandas() if isinstance(frame, pl.DataFrame) else frame
    return [tuple(map(str, row)) for row in frame[TOLD].astype(object).to_numpy()]


def n_copies(frame: Any, train: Any) -> int:
    known = set(keys(train))
    return sum(key in known for key in keys(frame))


def fitted(train: Any, **changes: Any) -> DiffusionSynthesizer:
    with pytest.warns(SchemaWarning, match="identifiers"):
        return tiny(**changes).fit(train)


@pytest.fixture(scope="module")
def plain() -> DiffusionSynthesizer:
    return fitted(patterned())


@pytest.fixture(scope="module")
def guarded() -> DiffusionSynthesizer:
    return fitted(patterned(), exclude_copies=True)


def test_no_sampled_row_is_a_training_row(plain, guarded):
    before, count = plain.sample(400, random_state=1), guarded.copies_redrawn_
    after = guarded.sample(400, random_state=1)
    copies = n_copies(before, patterned())
    assert copies > 20 and n_copies(after, patterned()) == 0
    assert guarded.copies_redrawn_ - count == copies
    assert after.dtypes.equals(before.dtypes) and after["id"].is_unique


def test_rows_that_are_no_copies_stay_as_they_were(plain, guarded):
    before, after = (s.sample(400, random_state=1) for s in (plain, guarded))
    known = set(keys(patterned()))
    same = [key not in known for key in keys(before)]
    assert before[same].equals(after[same]) and before["id"].equals(after["id"])


def test_a_planted_fault_is_seen(guarded, monkeypatch):
    monkeypatch.setattr(Question, "_unlike_originals", lambda self, cells, *_: cells)
    assert n_copies(guarded.sample(400, random_state=1), patterned()) > 20


def test_fewer_rows_are_the_head_of_more_whatever_the_pieces(guarded):
    whole = guarded.sample(1_500, random_state=3)
    assert whole.head(70).equals(guarded.sample(70, random_state=3))
    pieces = pd.concat(guarded.sample_iter(1_500, 400, random_state=3), ignore_index=True)
    assert pieces.equals(whole) and n_copies(whole, patterned()) == 0
    part = guarded.sample_part(1_100, 1_200, 1_500, random_state=3)
    assert part.equals(whole.iloc[1_100:1_200].reset_index(drop=True))


def test_the_rows_that_augment_adds_are_no_copies(guarded):
    train = patterned()
    more = guarded.augment(train, factor=4, random_state=0)
    assert n_copies(more.iloc[len(train) :], train) == 0
    more = guarded.augment(train, target="a", counts={"w": 200}, random_state=0)
    assert n_copies(more.iloc[len(train) :], train) == 0


def test_polars_rows_are_no_copies():
    train = pl.from_pandas(patterned())
    made = fitted(train, exclude_copies=True).sample(300, random_state=0)
    assert isinstance(made, pl.DataFrame) and n_copies(made, train) == 0


def test_conditions_hold_and_rows_are_no_copies(guarded):
    train = patterned()
    made = guarded.sample(100, conditions={"a": "w", "k": (1, 4)}, random_state=0)
    assert (made["a"] == "w").all() and made["k"].between(1, 4).all()
    assert n_copies(made, train) == 0


def test_conditions_that_force_a_copy_are_told(guarded):
    asked = patterned()[TOLD].head(3)
    with pytest.raises(CopyError, match="3 of 3 rows still equal a training row after 20 attempts"):
        guarded.sample(conditions=asked, random_state=0)
    others = asked.assign(k=[5, 5, 5])[[key not in keys(patterned()) for key in keys(asked)]]
    assert len(guarded.sample(conditions=others.head(0), random_state=0)) == 0


def test_columns_that_can_hold_nothing_else_are_told():
    train = pd.DataFrame({"a": list("xyxy") * 10, "b": [0, 0, 1, 1] * 10})
    synth = tiny(exclude_copies=True).fit(train)
    with pytest.raises(CopyError, match="12 of 12 rows .*first at row 0.*exclude_copies=False"):
        synth.sample(12)


def test_where_no_column_tells_rows_apart_nothing_is_a_copy():
    train = pd.DataFrame({"id": [f"user-{i:04}" for i in range(30)], "land": "NL"})
    assert len(fitted(train, exclude_copies=True).sample(5)) == 5


def test_constraints_hold_and_rows_are_no_copies():
    rng = np.random.default_rng(0)
    low, more = rng.integers(0, 6, 120), rng.integers(0, 6, 120)
    train = pd.DataFrame({"low": low, "high": low + more})[(low + more) % 3 > 0]
    synth = tiny(constraints=[Inequality("low", "high")], exclude_copies=True).fit(train)
    made = synth.sample(200, random_state=0)
    known = set(map(tuple, train.to_numpy()))
    assert not known & set(map(tuple, made.to_numpy())) and (made["low"] <= made["high"]).all()
    assert synth.copies_redrawn_ > 20
    assert made.head(20).equals(synth.sample(20, random_state=0))
    synth = tiny(constraints=[Unique(["low", "high"])], exclude_copies=True).fit(
        train.drop_duplicates(ignore_index=True)
    )
    made = synth.sample(12, random_state=0)
    assert not known & set(map(tuple, made.to_numpy())) and not made.duplicated().any()


def test_constraints_that_force_a_copy_are_told():
    train = pd.DataFrame({"low": [0, 0, 1, 1] * 10, "high": [1, 2, 1, 2] * 10})
    synth = tiny(constraints=[Inequality("low", "high")], exclude_copies=True).fit(train)
    with pytest.raises(CopyError, match="still equal a training row"):
        synth.sample(conditions=train.head(2))


def test_neither_file_nor_pickle_knows_the_training_rows(plain, guarded, tmp_path):
    contents = []
    for name, synth in (("plain", plain), ("guarded", guarded)):
        synth.save(tmp_path / name)
        content, arrays = persistence.read(tmp_path / name)
        del content["parameters"]["exclude_copies"], content["fit"]["fit_seconds"]
        del content["fit"]["history"]
        contents.append((content, {key: array.tobytes() for key, array in arrays.items()}))
    assert contents[0] == contents[1]
    for again in (
        DiffusionSynthesizer.load(tmp_path / "guarded"),
        pickle.loads(pickle.dumps(guarded)),  # noqa: S301
    ):
        assert again.exclude_copies is True
        with pytest.raises(CopyError, match="does not know its training rows"):
            again.sample(1)
        with pytest.raises(CopyError, match="exclude_copies_of"):
            again.sample_iter(1)
        with pytest.raises(CopyError, match="exclude_copies_of"):
            again.augment(patterned(), factor=2)
        assert len(again.sample(0)) == 0
        again.exclude_copies_of(patterned())
        assert again.sample(90, random_state=1).equals(guarded.sample(90, random_state=1))


def test_a_fitted_model_can_be_told_or_let_off(plain, guarded):
    told = pickle.loads(pickle.dumps(plain)).exclude_copies_of(patterned())  # noqa: S301
    assert told.sample(60, random_state=1).equals(guarded.sample(60, random_state=1))
    told.exclude_copies = False
    assert told.sample(60, random_state=1).equals(plain.sample(60, random_state=1))


def test_other_tables_are_no_originals(plain):
    with pytest.raises(SchemaError, match="'day' is absent"):
        plain.exclude_copies_of(patterned().drop(columns="day"))
    assert plain.exclude_copies is False


def test_originals_tell_equal_cells_from_alike_ones():
    frame = pd.DataFrame(
        {
            "mixed": pd.Series([1, "1", True, 1.0, None, b"1"] * 5, dtype=object),
            "x": [0.0, -0.0, 1e300, 1e-300, np.nan, 7.0] * 5,
        }
    )
    schema = Schema.infer(frame)
    originals = Originals(frame, schema)
    assert originals.copies({name: frame[name] for name in frame}).all()
    turned = {"mixed": frame["mixed"], "x": frame["x"].sample(30, random_state=0).to_numpy()}
    told = originals.copies(
        {name: pd.Series(own, dtype=frame[name].dtype) for name, own in turned.items()}
    )
    held = set(zip(map(repr, frame["mixed"]), map(str, frame["x"] + 0.0), strict=True))
    expected = [
        key in held
        for key in zip(map(repr, turned["mixed"]), map(str, turned["x"] + 0.0), strict=True)
    ]
    assert told.tolist() == expected and 0 < told.sum() < 30


def staff() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "job": ["astronaut", "pope", *rng.choice(["nurse", "cook"], N - 2)],
            "pay": [123_456.78, *rng.lognormal(3, 0.5, N - 1).round(2)],
        }
    )


@pytest.fixture(scope="module")
def careful() -> DiffusionSynthesizer:
    with pytest.warns(SchemaWarning, match="column 'job': 2 rare categories"):
        return tiny(**GUARDS).fit(staff())


def test_what_is_taken_out_is_never_made(careful):
    made = careful.sample(2_000, random_state=0)
    assert set(made["job"]) == {"nurse", "cook", "other"}
    assert made["pay"].max() <= staff()["pay"].sort_values().iloc[-3]


def test_a_file_holds_nothing_that_was_taken_out(careful, tmp_path):
    path = tmp_path / "m.tabdiff"
    careful.save(path)
    whole = path.read_bytes()
    assert b"nurse" in whole and b"pope" not in whole and b"astronaut" not in whole
    _, arrays = persistence.read(path)
    assert max(float(array.max()) for array in arrays.values() if array.size) < 1e5
    again = DiffusionSynthesizer.load(path)
    assert again.get_params()["clip_percentiles"] == (1, 99)
    assert again.guards_.told() == careful.guards_.told()
    assert again.guarded(staff()).equals(careful.guarded(staff()))
    assert again.sample(40, random_state=1).equals(careful.sample(40, random_state=1))


def test_conditions_on_a_rare_category_name_the_closest(careful):
    with pytest.raises(ConditionError, match="Known: 'cook', 'nurse', 'other'"):
        careful.sample(2, conditions={"job": "pope"})
    with pytest.raises(ConditionError, match="Did you mean 'nurse'"):
        careful.sample(2, conditions={"job": "nurses"})
    assert (careful.sample(9, conditions={"job": "other"})["job"] == "other").all()


def test_verbs_take_rows_with_rare_categories(careful):
    train = staff()
    more = careful.augment(train, factor=1.5, random_state=0)
    assert more.head(N).equals(careful.guarded(train)) and set(more["job"][:2]) == {"other"}
    assert careful.score(train) == careful.score(careful.guarded(train))
    assert len(careful.score_samples(train.head(3))) == 3
    assert len(careful.counterfactual(train.head(3), {"pay": 20.0})) == 3
    holes = train.head(4).assign(pay=np.nan)
    filled = careful.impute(holes, random_state=0)
    assert filled["job"].equals(holes["job"]) and filled["pay"].notna().all()


def test_copies_are_judged_of_what_is_left():
    with pytest.warns(SchemaWarning, match="rare categories"):
        synth = tiny(**GUARDS, exclude_copies=True).fit(staff().assign(pay=[1.0, 2.0, 3.0] * 50))
    made = synth.sample(conditions={"job": "other", "pay": 3.0})
    assert made["job"].tolist() == ["other"]
    with pytest.raises(CopyError, match="still equal"):
        synth.sample(conditions={"job": "other", "pay": 2.0})


def test_constraints_are_checked_after_clipping():
    train = pd.DataFrame({"net": np.arange(80.0), "vat": np.arange(80.0) % 7})
    train["total"] = train["net"] + train["vat"]
    with (
        pytest.warns(SchemaWarning, match="nearest bound"),
        pytest.raises(ConstraintError, match="after clip_percentiles \\('net', 'total'\\)"),
    ):
        tiny(clip_percentiles=(2, 98), constraints=[Expression("total == net + vat")]).fit(train)


def test_tables_in_pieces_are_refused():
    for guard in (
        {"exclude_copies": True},
        {"min_category_count": 5},
        {"clip_percentiles": (1, 9)},
    ):
        with pytest.raises(SchemaError, match="look at whole tables"):
            tiny(**guard).fit(lambda: iter([staff(), staff()]))


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"exclude_copies": 1}, TypeError, "exclude_copies must be True or False. Got 1"),
        ({"exclude_copies": "yes"}, TypeError, "exclude_copies must be"),
        ({"min_category_count": 0}, ValueError, "min_category_count must be at least 1"),
        ({"min_category_count": 2.5}, TypeError, "min_category_count must be"),
        ({"min_category_count": True}, TypeError, "min_category_count must be"),
        ({"clip_percentiles": (99.9, 0.1)}, ValueError, "clip_percentiles must be"),
        ({"clip_percentiles": 1}, TypeError, "clip_percentiles must be"),
        ({"min_category_count": N + 1}, SchemaError, "no category could stay"),
    ],
)
def test_guards_that_make_no_sense_are_refused(changes, error, told):
    with pytest.raises(error, match=told):
        tiny(**changes).fit(staff())


@pytest.mark.parametrize(
    "guard", [{"exclude_copies": True}, {"min_category_count": 5}, {"clip_percentiles": (1, 99)}]
)
def test_guards_beside_a_promise_are_refused(guard):
    privacy = Privacy(epsilon=1.0, delta=1e-5, n_rows=100)
    with pytest.raises(ValueError, match=f"{next(iter(guard))} cannot be set in private mode"):
        tiny(privacy=privacy, **guard).fit(staff())


@pytest.mark.filterwarnings("default::tabdiff.data.schema.SchemaWarning")
def test_the_command_line_fits_tells_and_samples_with_guards(tmp_path: Path, capsys):
    train, model, made = (str(tmp_path / name) for name in ("t.csv", "m.tabdiff", "f.csv"))
    frame = staff().assign(pay=lambda f: np.where(f["pay"] > 1e5, 99.0, f["pay"].round(1)))
    frame.to_csv(train, index=False)
    guards = ["--exclude-copies", "--min-category-count", "5", "--clip-percentiles", "0,98"]
    fit = ["fit", train, "-o", model, "--max-steps", "2", "--device", "cpu", "--seed", "0"]
    assert main([*fit, *guards]) == OK
    assert f"--exclude-copies-of {train} -o" in capsys.readouterr().err
    assert main(["info", model]) == OK
    shown = capsys.readouterr().out
    assert "column 'job': 2 rare categories (2 rows)" in shown and "drawn anew" in shown
    assert main(["sample", model, "-n", "5", "-o", made]) == BAD_INPUT
    assert "--exclude-copies-of DATA" in capsys.readouterr().err
    asked = ["sample", model, "-n", "50", "-o", made, "--exclude-copies-of", train]
    assert main(asked) == OK
    known = set(map(tuple, frame.to_numpy().tolist()))
    assert not known & set(map(tuple, pd.read_csv(made).to_numpy().tolist()))
    assert "drawn anew: " in capsys.readouterr().err
    assert main([*fit, "--clip-percentiles", "3"]) == 2
    assert main([*fit, "--exclude-copies", "--sequence-key", "job"]) == 2
