"""The attack on a model finds the rows that it remembers, and none where it could not."""

import numpy as np
import pandas as pd
import pytest

from tabdiff import DiffusionSynthesizer, membership_attack
from tests.tiny import table, tiny


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {f"c{i}": rng.choice(list("abcdef"), n) for i in range(8)}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def parrot() -> DiffusionSynthesizer:
    """Learns sixty rows of independent columns by heart, as nothing tells it to stop."""
    synth = tiny(max_steps=500, width=128, depth=2, validation_fraction=0.0, batch_size=60)
    return synth.fit(people(60, 0))


def test_a_model_that_knows_its_rows_by_heart_is_caught(parrot: DiffusionSynthesizer):
    found = membership_attack(parrot, people(60, 0), people(200, 1), n_draws=2)
    assert found.auc > 0.9
    assert found.interval[0] > 0.8
    assert found.hits[0.1][0] > 0.6
    assert "remembers" in str(found)
    assert (found.n_members, found.n_others) == (60, 200)
    assert found.columns.is_monotonic_decreasing
    assert set(found.columns.index) == set(people(1, 0))


def test_rows_that_it_never_saw_are_told_from_no_others(parrot: DiffusionSynthesizer):
    # An area of 150 against 150 rows has std 0.033: 5 of them.
    found = membership_attack(parrot, people(150, 2), people(150, 3), n_draws=2)
    assert abs(found.auc - 0.5) < 0.17


def test_a_model_of_the_same_rows_as_reference_explains_all_away(parrot: DiffusionSynthesizer):
    found = membership_attack(parrot, people(60, 0), people(60, 1), references=[parrot], n_draws=1)
    assert found.auc == 0.5


def test_too_few_rows_are_refused():
    synth = tiny().fit(table())
    with pytest.raises(ValueError, match="at least 20 rows of either kind. Got 5 and 60"):
        membership_attack(synth, table().head(5), table())
