"""Questions keep what they were given, exactly, for every family of cells."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff.data import cells
from tabdiff.data.errors import ConditionError, ConditionWarning, UnknownColumnError
from tabdiff.data.gaps import Gaps
from tabdiff.data.mixed import Belief, Known, Mixed
from tabdiff.data.question import Question
from tabdiff.data.schema import Schema, SchemaWarning
from tabdiff.data.table import TableEncoder
from tabdiff.diffusion.gaussian import GaussianDiffusion
from tabdiff.diffusion.joint import JointDiffusion
from tabdiff.diffusion.multinomial import MultinomialDiffusion
from tabdiff.inference.condition import narrow
from tests.data.frames import FAMILIES, N

UNKNOWN = ("identifier", "missing")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def fitted(frame: pd.DataFrame) -> TableEncoder:
    return TableEncoder.fit(frame, Schema.infer(frame), rng())


def noise(encoder: TableEncoder, n: int, seed: int = 5) -> Mixed:
    """Rows with any level and any number."""
    layout, source = encoder.layout, torch.Generator().manual_seed(seed)
    levels = torch.tensor(layout.levels)
    cat = (torch.rand((n, layout.n_cat), generator=source) * levels).long()
    return Mixed(torch.randn((n, layout.n_num), generator=source), cat)


def answered(question: Question, seed: int = 5) -> pd.DataFrame:
    """Rows that hold the known parts, and anything else."""
    x0, known = question.encode(rng(1))
    return question.decode(known.show(x0, noise(question.encoder, len(x0), seed)), rng(2))


def indifferent(x_t: Mixed, t: torch.Tensor, known: Known) -> Belief:
    size = indifferent.size  # type: ignore[attr-defined]
    return Belief(torch.zeros_like(x_t.num), torch.zeros(len(t), size))


def narrowed(question: Question, n: int) -> pd.DataFrame:
    """Rows within the question's ranges and sets, by a network that knows nothing."""
    layout = question.encoder.layout
    joint = JointDiffusion(layout, GaussianDiffusion(), MultinomialDiffusion(layout.levels))
    indifferent.size = joint.multinomial.packing.size  # type: ignore[attr-defined]
    asked = question.take(np.zeros(n, dtype=np.int64))
    source = torch.Generator().manual_seed(3)
    x0, known = narrow(indifferent, joint, *asked.encode(rng(1)), question.restrictions, source)
    return asked.decode(known.show(x0, noise(question.encoder, n)), rng(2))


def pair(name: str) -> pd.DataFrame:
    return pd.DataFrame({"it": FAMILIES[name], "other": np.arange(N) % 3})


def present(series: pd.Series) -> list[Any]:
    dense, _ = cells.present(series)
    return dense.tolist()


@pytest.mark.parametrize("name", FAMILIES)
def test_given_cells_come_back_exactly(name: str):
    frame = pair(name)
    back = answered(Question.of_frame(fitted(frame), frame[["it"]]))
    pd.testing.assert_series_equal(back["it"], frame["it"].reset_index(drop=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_one_value_of_a_mapping_holds_in_every_row(name: str):
    frame = pair(name)
    value = present(frame["it"])[7]
    question = Question.of_mapping(fitted(frame), {"it": value})
    back = answered(question.take(np.zeros(5, dtype=np.int64)))
    assert present(back["it"]) == [value] * 5
    assert back["it"].dtype == frame["it"].dtype


@pytest.mark.parametrize("name", FAMILIES)
def test_a_set_draws_its_own_values_only(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    if encoder.schema.columns[0].kind in UNKNOWN:
        pytest.skip("identifiers follow no condition")
    values = present(frame["it"])
    wanted = [values[3], values[50], values[90]]
    back = narrowed(Question.of_mapping(encoder, {"it": wanted}), 300)
    assert set(map(repr, present(back["it"]))) <= set(map(repr, wanted))
    assert len(present(back["it"])) == 300
    if getattr(encoder.fields[0].encoder, "grid", None) is None:
        assert set(map(repr, present(back["it"]))) == set(map(repr, wanted))


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if Schema.infer(pair(name)).columns[0].has_numbers]
)
def test_a_range_holds_both_its_ends_and_nothing_beyond(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    if encoder.schema.columns[0].kind in UNKNOWN:
        pytest.skip("identifiers follow no condition")
    values = sorted(present(frame["it"]))
    low, high = values[N // 5], values[N // 2]
    for condition in ((low, high), (None, high), (low, None)):
        back = present(narrowed(Question.of_mapping(encoder, {"it": condition}), 400)["it"])
        assert len(back) == 400
        assert condition[0] is None or min(back) >= low
        assert condition[1] is None or max(back) <= high


@pytest.mark.parametrize("name", FAMILIES)
def test_observed_cells_of_a_table_with_gaps_stay_as_they_were(name: str):
    frame = pair(name)
    encoder = fitted(frame)
    holed = frame.copy()
    holed["other"] = holed["other"].astype(float)
    holed.loc[::4, "other"] = np.nan
    holed.index = pd.Index(range(900, 900 + N))
    gaps = Gaps(encoder, holed)
    filled = gaps.fill(answered(gaps.question))
    pd.testing.assert_index_equal(filled.index, holed.index)
    pd.testing.assert_series_equal(filled.dtypes, holed.dtypes)
    assert filled["other"].notna().all()
    observed = ~cells.present(holed["it"])[1]
    pd.testing.assert_series_equal(filled["it"][observed], holed["it"][observed])
    pd.testing.assert_series_equal(filled["other"].drop(holed.index[::4]), holed["other"].dropna())


# ------------------------------------------------------------------------------- what is refused


@functools.cache
def plain() -> TableEncoder:
    source = rng()
    frame = pd.DataFrame(
        {
            "age": source.integers(18, 90, N),
            "pay": source.lognormal(3, 1, N).round(2),
            "town": source.choice(["Delft", "Leiden"], N),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), unit="D"),
            "size": pd.Categorical(
                source.choice(["S", "M", "L"], N), ["S", "M", "L"], ordered=True
            ),
            "same": 1,
            "gone": np.nan,
        }
    )
    with pytest.warns(SchemaWarning, match="'gone'"):
        return fitted(frame)


REFUSED = {
    "text for a number": ({"age": "forty"}, "'age'.*holds numbers"),
    "a fraction for a whole number": ({"age": 40.5}, "whole numbers"),
    "a truth for a number": ({"age": True}, "holds numbers"),
    "an infinite value": ({"pay": np.inf}, "not finite"),
    "an unknown category": ({"town": "Leyden"}, "Known: 'Delft', 'Leiden'.*Did you mean 'Leiden'"),
    "an unknown category in a set": ({"town": ["Leiden", "Rome"]}, "'Rome'"),
    "a number for a text": ({"town": 3}, "holds text"),
    "a range of a category": ({"town": ("A", "B")}, "no order"),
    "an unknown end": ({"size": ("S", "XL")}, "no level 'XL'"),
    "ends the wrong way round": ({"age": (40, 30)}, "low end lies above"),
    "ordered ends the wrong way round": ({"size": ("L", "S")}, "low end lies above"),
    "three ends": ({"age": (1, 2, 3)}, "a range is"),
    "a missing end": ({"age": (np.nan, 30)}, "cannot be missing"),
    "an empty set": ({"age": []}, "empty"),
    "a set with a missing value": ({"age": [30, None]}, "cannot hold a missing"),
    "a range beyond all rows": ({"age": (200, 300)}, "range from 18 to 89"),
    "a missing cell where none was": ({"age": None}, "none was there at fit"),
    "another constant": ({"same": 2}, "every training row holds 1"),
    "another constant in a range": ({"same": (2, 3)}, "every training row holds 1"),
    "a value where none was": ({"gone": 2.0}, "every training row holds a missing value"),
    "a number for a date": ({"when": 20240101}, "Write '2024-01-31'"),
    "a zone where there is none": ({"when": pd.Timestamp("2024-02-01", tz="UTC")}, "no time zone"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_that_cannot_hold_is_refused(case: str):
    condition, told = REFUSED[case]
    with pytest.raises(ConditionError, match=told):
        Question.of_mapping(plain(), condition)


def test_all_bad_conditions_are_told_at_once():
    with pytest.raises(ConditionError, match=r"(?s)'age'.*'town'"):
        Question.of_mapping(plain(), {"age": "x", "town": 3})


def test_an_unknown_column_is_a_key_error_with_the_closest_name():
    for wrong in ({"agee": 3}, pd.DataFrame({"agee": [3]})):
        ask = Question.of_mapping if isinstance(wrong, dict) else Question.of_frame
        with pytest.raises(KeyError) as caught:
            ask(plain(), wrong)
        assert isinstance(caught.value, UnknownColumnError)
        assert str(caught.value) == "the table has no column 'agee'. Did you mean 'age'?"


def test_a_column_of_another_type_names_both():
    with pytest.raises(ConditionError, match="'age' is object, at fit it was int64"):
        Question.of_frame(plain(), pd.DataFrame({"age": ["a", "b"]}))


@pytest.mark.parametrize("condition", [{"age": 17}, {"pay": 1e9}, {"when": "2030-01-01"}])
def test_a_number_beyond_the_training_rows_is_told_and_kept(condition: dict[str, Any]):
    (name, value), encoder = next(iter(condition.items())), plain()
    with pytest.warns(ConditionWarning, match=f"'{name}': 1 given values lie outside"):
        question = Question.of_mapping(encoder, condition)
    expected = pd.Timestamp(value) if name == "when" else value
    assert answered(question)[name].tolist() == [expected]


def test_natural_ways_of_writing_a_value_are_understood():
    encoder = plain()
    for written, meant in (
        ({"age": 40.0}, 40),
        ({"age": np.int8(40)}, 40),
        ({"pay": 20}, 20.0),
        ({"when": "2024-02-01"}, pd.Timestamp("2024-02-01")),
    ):
        name = next(iter(written))
        assert answered(Question.of_mapping(encoder, written))[name].tolist() == [meant]


def test_a_range_of_ordered_levels_and_open_ends():
    encoder = plain()
    back = narrowed(Question.of_mapping(encoder, {"size": ("M", None), "age": (18.5, 30.5)}), 300)
    assert set(back["size"]) == {"M", "L"}
    assert back["age"].between(19, 30).all()
    assert {19, 30} <= set(back["age"])
