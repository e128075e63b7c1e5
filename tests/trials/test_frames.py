"""The contract on random tables and long frames; and faults planted in an answer are told."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.trials import frames, long_frames
from benchmarks.trials.catalogue import FAMILIES, LAWS, REFUSED
from benchmarks.trials.plans import INDEX, LABELS, ColumnPlan, Plan
from tabdiff import DiffusionSynthesizer

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


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(PLANS)
def test_random_tables_keep_the_contract_or_are_refused_by_name(plan: Plan) -> None:
    assert frames.attempt(plan).broken == []


def test_drawn_tables_keep_the_contract() -> None:
    """Cases of the counted run, polars frames and arrays among them."""
    assert [told for k in range(8) for told in frames.case(1, k)[1].broken] == []


def test_drawn_long_frames_keep_the_contract() -> None:
    assert [told for k in range(4) for told in long_frames.case(1, k)[1].broken] == []


@pytest.mark.slow
def test_many_random_tables_and_long_frames_keep_the_contract() -> None:
    assert [told for k in range(400) for told in frames.case(2, k)[1].broken] == []
    assert [told for k in range(100) for told in long_frames.case(2, k)[1].broken] == []


# ---- planted faults ----


def plan_of(*families: str, rows: int = 30) -> Plan:
    columns = tuple(ColumnPlan(name, "some hundreds", 0.2, at) for at, name in enumerate(families))
    return Plan(rows, columns, "text", "counted", "pandas", 5)


PLAIN = plan_of("int64", "float64 cents", "category of text", "objects: dates")


def answering(change: Callable[[Any], Any]) -> Callable[[], DiffusionSynthesizer]:
    """A synthesizer whose samples are changed on their way out."""

    class Planted(DiffusionSynthesizer):
        def sample(self, *args: Any, **kwargs: Any) -> Any:
            return change(super().sample(*args, **kwargs))

    given = frames.tiny().get_params()
    return lambda: Planted(**given)


def _shifted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(c0=frame["c0"] + 10_000)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.astype({"c0": "int32"}), "column 'c0': dtype dtype('int32')"),
        (lambda frame: frame[["c1", "c0", "c2", "c3"]], "labels"),
        (lambda frame: frame.head(len(frame) - 1), "shape"),
        (lambda frame: frame.iloc[::-1], "index"),
        (_shifted, "column 'c0': "),
        (lambda frame: frame.assign(c1=frame["c1"] * 1.00001), "decimals"),
        (lambda frame: frame.assign(c0=None), "column 'c0': dtype"),
        (lambda frame: frame.assign(c3=frame["c3"].where(frame.index > 0, np.nan)), "c3"),
        (lambda frame: frame.to_numpy(), "a ndarray for a DataFrame"),
    ],
    ids=["dtype", "order", "rows", "index", "bounds", "decimals", "empty", "token", "container"],
)
def test_a_changed_sample_is_told(change: Callable[[Any], Any], told: str) -> None:
    assert frames.attempt(PLAIN).broken == []
    assert told in "; ".join(frames.attempt(PLAIN, answering(change)).broken)
