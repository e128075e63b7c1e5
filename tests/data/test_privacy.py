"""What is declared: budgets in range, columns once, and a record that a file keeps."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tabdiff import Privacy
from tabdiff.data.privacy import PrivacySpent

ENOUGH: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-6}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 0.0}, r"epsilon must be in \(0, inf\). Got 0.0."),
        ({"epsilon": float("nan")}, "epsilon must be in"),
        ({"epsilon": float("inf")}, "epsilon must be in"),
        ({"delta": 0.0}, r"delta must be in \(0, 1\). Got 0.0."),
        ({"delta": 1.0}, "delta must be in"),
        ({"preprocessing_epsilon": 1.0}, r"preprocessing_epsilon must be in \(0, 1\). Got 1.0."),
        ({"preprocessing_epsilon": -0.1}, "preprocessing_epsilon must be in"),
        ({"marginal_share": 0.0}, r"marginal_share must be in \(0, 1\). Got 0.0."),
        ({"marginal_share": 1.5}, "marginal_share must be in"),
        ({"n_rows": 1}, "n_rows must be at least 2. Got 1."),
        ({"delta": 1e-3, "n_rows": 1_000}, "delta=0.001 lets one in 1,000 be exposed whole"),
        ({"delta": 1e-15}, "delta=1e-15 is too small to account for training on rows"),
        ({"longest": 1}, "longest must be at least 2. Got 1."),
        ({"bounds": {"a": (0, 1)}, "categories": {"a": [0]}}, "declared twice: 'a'"),
        ({"bounds": {"a": (0, 1)}, "unit": "a"}, "declared twice: 'a'"),
        ({"categories": {"a": "xy"}}, "categories of 'a' must be a list. Got 'xy'."),
        ({"categories": {"a": []}}, "categories of 'a' must be a list"),
        ({"categories": {"a": ["x", None]}}, "categories of 'a' hold a missing one: declare"),
        ({"categories": {"a": [1.0, np.nan]}}, "categories of 'a' hold a missing one: declare"),
        ({"bounds": {"a": 3}}, r"bounds of 'a' must be \(low, high\). Got 3."),
        ({"bounds": {"a": (0, 1, 2)}}, "bounds of 'a' must be"),
        ({"resolution": {"a": 0.1}}, "resolution of columns without bounds: \\['a'\\]"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Privacy(**(ENOUGH | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": "1"}, "epsilon must be a number. Got '1'."),
        ({"epsilon": True}, "epsilon must be a number. Got True."),
        ({"delta": None}, "delta must be a number. Got None."),
        ({"n_rows": 10.0}, "n_rows must be a whole number. Got 10.0."),
        ({"n_rows": True}, "n_rows must be a whole number. Got True."),
        ({"longest": 2.5}, "longest must be a whole number. Got 2.5."),
        ({"bounds": [("a", 0, 1)]}, "bounds must map columns"),
        ({"missing": "a"}, "missing must be a list of columns. Got 'a'."),
        ({"identifiers": "a"}, "identifiers must be a list of columns. Got 'a'."),
    ],
)
def test_what_is_of_another_type_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(TypeError, match=message):
        Privacy(**(ENOUGH | changes))


def test_the_unit_is_filled_with_surrogates():
    own = Privacy(**ENOUGH, unit="patient", identifiers=["name"])
    assert own.surrogates == {"patient", "name"} and not own.by_row
    assert Privacy(**ENOUGH).by_row


SPENT = PrivacySpent(
    1.0, 1e-6, "PRV", "rows", "row", 0.2, 100, 0.06, 3.0, 300, 1.0, 1,
    ("bounds of 'a'",), ("number of rows",), {"torch": "2"},
)  # fmt: skip


def test_a_record_comes_back_as_it_was():
    assert PrivacySpent.from_state(SPENT.state()) == SPENT


@pytest.mark.parametrize("name", ["epsilon", "delta", "mu_counts", "sigma"])
def test_a_record_without_its_numbers_is_none(name: str):
    with pytest.raises(ValueError, match="the record of privacy lacks numbers"):
        PrivacySpent.from_state(SPENT.state() | {name: "much"})


def test_a_record_says_what_holds():
    assert "(1, 1e-06)" in str(replace(SPENT, epsilon=1.0))
