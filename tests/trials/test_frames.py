"""The contract on random tables and long frames; and faults planted in an answer are told."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.trials import frames, long_frames
from benchmarks.trials.attempts import Outcome
from benchmarks.trials.catalogue import FAMILIES, LAWS, REFUSED
from benchmarks.trials.contract import broken_by_sample
from benchmarks.trials.long_plans import LongPlan, LongTable
from benchmarks.trials.plans import INDEX, LABELS, ColumnPlan, Plan, build
from tabdiff import DiffusionSynthesizer, TimeSeriesDiffusionSynthesizer

COLUMNS = st.builds(
    ColumnPlan,
    family=st.sampled_from([*FAMILIES, *REFUSED]),
    law=st.sampled_from(list(LAWS)),
    missing=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
PLANS = st.builds(
    Plan,
    rows=st.integers(2, 40),
    columns=st.lists(COLUMNS, min_size=1, max_size=4).map(tuple),
    labels=st.sampled_from(list(LABELS)),
    index=st.sampled_from(list(INDEX)),
    container=st.just("pandas"),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(PLANS)
def test_random_tables_keep_the_contract_or_are_refused_by_name(plan: Plan) -> None:
    assert frames.attempt(plan).broken == []


def test_drawn_tables_keep_the_contract() -> None:
    """Cases of the counted run, polars frames and arrays among them."""
    assert [told for k in range(8) for told in frames.case(1, k)[1].broken] == []


def test_drawn_long_frames_keep_the_contract() -> None:
    assert [told for k in range(4) for told in long_frames.case(1, k)[1].broken] == []
    assert long_frames.attempt(LONG).broken == []


@pytest.mark.slow
def test_many_random_tables_and_long_frames_keep_the_contract() -> None:
    assert [told for k in range(400) for told in frames.case(2, k)[1].broken] == []
    assert [told for k in range(100) for told in long_frames.case(2, k)[1].broken] == []


# ---- planted faults ----


def plan_of(*families: str, law: str = "some hundreds") -> Plan:
    columns = tuple(ColumnPlan(name, law, 0.2, at) for at, name in enumerate(families))
    return Plan(30, columns, "text", "counted", "pandas", 5)


PLAIN = plan_of("int64", "float64 cents", "category of text", "objects: dates")
Wrong = Callable[..., Any]


def planted(verb: str, wrong: Wrong) -> Callable[[], DiffusionSynthesizer]:
    """Makes a synthesizer with a wrong verb, which gets the right one and what it is asked."""

    def new() -> DiffusionSynthesizer:
        synth = frames.tiny()
        right = getattr(synth, verb)
        setattr(synth, verb, lambda *asked, **named: wrong(right, *asked, **named))
        return synth

    return new


def answering(change: Callable[[pd.DataFrame], Any]) -> Wrong:
    return lambda right, *asked, **named: change(right(*asked, **named))


def _changed_in_place(right: Wrong, frame: pd.DataFrame) -> Any:
    frame.iloc[0, 0] = 7
    return right(frame)


def _warning(right: Wrong, frame: pd.DataFrame) -> Any:
    warnings.warn("divided by zero", RuntimeWarning, stacklevel=2)
    return right(frame)


def _failing(right: Wrong, frame: pd.DataFrame) -> Any:
    raise KeyError("c0")


def _of_other_rows(right: Wrong, frame: pd.DataFrame) -> Any:
    return right(pd.DataFrame({"x": np.arange(30) % 7}))


WRONG_SAMPLES: dict[str, tuple[Callable[[pd.DataFrame], Any], str]] = {
    "dtype": (lambda f: f.astype({"c0": "int32"}), "column 'c0': dtype dtype('int32')"),
    "order": (lambda f: f[["c1", "c0", "c2", "c3"]], "labels"),
    "rows": (lambda f: f.head(len(f) - 1), "shape"),
    "index": (lambda f: f.iloc[::-1], "index"),
    "bounds": (lambda f: f.assign(c0=f["c0"] + 10_000), "column 'c0': "),
    "decimals": (lambda f: f.assign(c1=f["c1"] * (1 + 1e-9)), "has more than 2 decimals"),
    "empty": (lambda f: f.assign(c0=f["c0"].where(f.index > 0)), "missing cells, where there"),
    "kind of missing cell": (lambda f: f.assign(c3=f["c3"].where(f.index > 0, pd.NaT)), "NaT"),
    "container": (lambda f: f.to_numpy(), "a ndarray for a DataFrame"),
    "another type": (lambda f: f.assign(c3=f["c3"].astype(str)), "cells of"),
}


@pytest.mark.parametrize(("change", "told"), WRONG_SAMPLES.values(), ids=WRONG_SAMPLES)
def test_a_wrong_sample_is_told(change: Callable[[pd.DataFrame], Any], told: str) -> None:
    assert told in "; ".join(frames.attempt(PLAIN, planted("sample", answering(change))).broken)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (_changed_in_place, "the input changed"),
        (_warning, "RuntimeWarning: divided by zero"),
        (_failing, "KeyError: 'c0'"),
    ],
)
def test_a_wrong_fit_is_told(wrong: Wrong, told: str) -> None:
    assert frames.attempt(PLAIN).broken == []
    assert told in frames.attempt(PLAIN, planted("fit", wrong)).broken


def test_a_table_that_is_not_refused_or_not_by_name_is_told() -> None:
    bad = plan_of("int64", "lists")
    assert frames.attempt(bad) == Outcome(verbs=["refused"])
    assert frames.attempt(bad, planted("fit", _of_other_rows)).broken == ["was not refused: 'c1'"]
    assert "KeyError: 'c0'" in frames.attempt(bad, planted("fit", _failing)).broken


def test_copied_identifiers_and_levels_that_were_not_there_are_told() -> None:
    frame = build(plan_of("objects: text", "category of ints", law="all different")).frame
    for kind, told in (("identifier", "real identifiers"), ("categorical", "of which none came")):
        assert any(told in point for point in broken_by_sample(frame, frame, 30, [kind] * 2))
    other = frame.assign(c1=frame["c1"].cat.rename_categories(lambda level: level + 1000))
    assert "levels that were not there" in "; ".join(
        broken_by_sample(frame, other, 30, ["identifier", "categorical"])
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.assign(c0=f["c0"] + 1), "column 'c0': observed cells changed"),
        (lambda f: f.assign(c1=f["c1"].where(f.index > 9)), "column 'c1': "),
        (lambda f: f.astype({"c1": "float32"}).astype({"c1": "Float64"}), "column 'c1': "),
        (lambda f: f.iloc[::-1], "another index"),
        (lambda f: f.rename(columns={"c0": "x"}), "labels"),
    ],
    ids=["observed", "holes", "dtype", "index", "labels"],
)
def test_a_wrong_filling_is_told(change: Callable[[pd.DataFrame], Any], told: str) -> None:
    frame, kinds = build(PLAIN).frame, ["numeric", "numeric", "categorical", "datetime"]
    synth = planted("impute", answering(change))().fit(frame)
    broken = frames.VERBS["impute"](frame, synth, kinds, np.random.default_rng(0))
    assert told in "; ".join(broken)


def test_a_condition_that_does_not_hold_and_a_file_of_other_rows_are_told() -> None:
    frame, kinds = build(PLAIN).frame, ["numeric"] * 4
    shuffled = answering(lambda f: f.apply(lambda own: own.sample(frac=1, random_state=0).values))
    deaf = planted("sample", lambda right, *asked, **named: shuffled(right, 30))().fit(frame)
    rng = np.random.default_rng(0)
    assert "condition: " in "; ".join(frames.VERBS["condition"](frame, deaf, kinds, rng))
    assert frames.VERBS["load"](frame, deaf, kinds, rng) == ["load: other rows"]


# ---- planted faults of long frames ----

LONG = LongPlan(
    lengths=(4, 6, 5),
    key="int16",
    moments="datetime64[ns] days",
    rhythm="regular",
    rows=(ColumnPlan("float64 cents", "some hundreds", 0.2, 1),),
    context=(ColumnPlan("category of ints", "few", 0.0, 2),),
    labels="text",
    container="pandas",
    fault="",
    seed=3,
)


def long_with(change: Callable[[pd.DataFrame, LongTable], Any]) -> Outcome:
    def new(table: LongTable) -> TimeSeriesDiffusionSynthesizer:
        synth = long_frames.tiny(table)
        right = synth.sample
        synth.sample = lambda *asked, **named: change(right(*asked, **named), table)
        return synth

    return long_frames.attempt(LONG, new)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f, table: f.assign(c3=f["c3"].to_numpy()[::-1]), "moments do not rise"),
        (lambda f, table: f.assign(c2=np.int16(40)), "a real key"),
        (lambda f, table: f.assign(c0=f["c0"] + 10**9), "column 'c0'"),
        (lambda f, table: f.assign(c3=f["c3"].dt.floor("D").astype(str)), "moments of"),
    ],
    ids=["moments", "keys", "bounds", "dtype"],
)
def test_wrong_sequences_are_told(change: Callable[..., Any], told: str) -> None:
    assert told in "; ".join(long_with(change).broken)
