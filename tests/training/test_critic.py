"""Trees that tell drawn rows from real ones, and only where held-out rows agree."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from tabdiff.data.mixed import Gate, Layout, Mixed
from tabdiff.training import critic as critics
from tabdiff.training.critic import Critic, features, train_critic

# A number in four cells of which two are open, a category of three levels, a number by itself.
LAYOUT = Layout(("x", "y"), ("x.cell", "c"), (4, 3), (Gate(0, (1, 3)), None), (4, 0))
SHARES = [np.full(4, 0.25), np.array([0.2, 0.5, 0.3])]


def rows(n: int, seed: int, follows: float) -> Mixed:
    """The number by itself stands ``follows`` above the cell; all else is independent."""
    rng = np.random.default_rng(seed)
    cat = np.stack([rng.integers(4, size=n), rng.choice(3, n, p=SHARES[1])], axis=1)
    num = rng.standard_normal((n, 2))
    num[:, 1] += follows * (cat[:, 0] - 1.5)
    return Mixed(torch.as_tensor(num, dtype=torch.float32), torch.as_tensor(cat))


@cache
def trained(follows: float, n: int = 3_000) -> Critic | None:
    """Real rows in which the number follows the cell, drawn rows in which it does not."""
    return train_critic(
        rows(n, 0, follows), rows(500, 1, follows), rows(n, 2, 0.0), LAYOUT, SHARES, entropy=0
    )


def test_the_ratio_is_nearly_the_exact_one():
    found = trained(1.0)
    assert found is not None and found.candidates == 4
    x = rows(2_000, 3, 0.5)
    shift = x.cat[:, 0] - 1.5
    exact = shift * x.num[:, 1] - shift**2 / 2
    log_ratio = found.log_ratio(x)
    assert np.corrcoef(exact, log_ratio)[0, 1] > 0.9
    # Trees that stop early say a little less than they might.
    assert 0.5 < np.polyfit(exact, log_ratio, 1)[0] < 1.1


def test_there_is_no_critic_of_what_is_right():
    assert trained(0.0) is None


def test_what_held_out_rows_do_not_confirm_is_no_critic():
    # Training rows that differ from the drawn ones, held-out rows that do not.
    found = train_critic(
        rows(3_000, 0, 1.0), rows(500, 1, 0.0), rows(3_000, 2, 0.0), LAYOUT, SHARES, entropy=0
    )
    assert found is None


def test_few_held_out_rows_confirm_nothing():
    few = rows(critics.LEAST_HELD_OUT - 1, 1, 1.0)
    drawn = rows(3_000, 2, 0.0)
    assert train_critic(rows(3_000, 0, 1.0), few, drawn, LAYOUT, SHARES, entropy=0) is None


def test_the_trees_say_what_scikit_learn_says():
    # Their view is private there: this holds it to account on every release.
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3_000, 5)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] > rng.standard_normal(3_000)).astype(float)
    grown = HistGradientBoostingClassifier(max_iter=40, max_depth=critics.DEEPEST, random_state=0)
    grown.fit(x, y)
    trees = critics._exported(grown, grown.n_iter_)
    fresh = rng.standard_normal((2_000, 5)).astype(np.float32)
    said = grown.decision_function(fresh)
    np.testing.assert_allclose(trees(torch.from_numpy(fresh)).numpy(), said, atol=1e-4)
    first = critics._exported(grown, 3)(torch.from_numpy(fresh)).numpy()
    np.testing.assert_allclose(first, list(grown.staged_decision_function(fresh))[2], atol=1e-5)


def test_a_number_rises_with_its_feature():
    x = Mixed(
        torch.tensor([[5.0, 0.1], [-1.0, 0.2], [1.0, 0.3], [9.0, 0.4], [-2.0, 0.5]]),
        torch.tensor([[0, 0], [1, 1], [1, 2], [2, 0], [3, 0]]),
    )
    ranks = critics._ranks(LAYOUT, SHARES)
    position, level, alone = features(x, LAYOUT, ranks).T
    assert (position.diff() > 0).all()
    # A closed cell is its middle whatever noise stands in for its value.
    assert position[[0, 3]].tolist() == [0.5, 2.5]
    # Levels without order stand in that of their shares: 1, 2, 0.
    assert level.tolist() == [2, 0, 1, 2, 2]
    assert torch.equal(alone, x.num[:, 1])


def test_a_state_makes_the_same_critic():
    found = trained(1.0)
    again = Critic.from_state(LAYOUT, found.candidates, found.state())
    x = rows(200, 5, 0.5)
    assert torch.equal(found.log_ratio(x), again.log_ratio(x))


class Product:
    """A column that follows from others: too much for trees that see only what it is made of."""

    def __len__(self) -> int:
        return 1

    def __call__(self, x: Mixed) -> torch.Tensor:
        return torch.sin(40 * x.num[:, :1] * x.num[:, 1:])


def test_trees_see_what_follows_from_the_parts(monkeypatch):
    beside = Product()
    drawn, real = rows(3_000, 2, 0.0), rows(9_000, 0, 0.0)
    real = real[beside(real)[:, 0] > 0]
    own = (real[1_000:], real[:1_000], drawn, LAYOUT, SHARES)
    assert train_critic(*own, entropy=0) is None
    found = train_critic(*own, entropy=0, consequences=beside)
    x = rows(500, 3, 0.0)
    likely = found.log_ratio(x) > 0
    assert (likely == (beside(x)[:, 0] > 0)).float().mean() > 0.95

    again = Critic.from_state(LAYOUT, found.candidates, found.state(), beside)
    assert torch.equal(found.log_ratio(x), again.log_ratio(x))
    with pytest.raises(ValueError, match="points outside"):
        Critic.from_state(LAYOUT, found.candidates, found.state())
    # Trees that were never shown such a column do not ask for it.
    monkeypatch.setattr(Product, "__call__", None)
    blind = Critic.from_state(LAYOUT, 4, trained(1.0).state(), beside)
    assert torch.equal(blind.log_ratio(x), trained(1.0).log_ratio(x))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("left", -1, "points outside"),
        ("right", 10**6, "points outside"),
        ("roots", 10**6, "points outside"),
        ("feature", 3, "points outside"),
        ("value", np.inf, "no plain row"),
        ("threshold", np.nan, "no plain row"),
    ],
)
def test_trees_that_lie_are_refused(name, value, told):
    arrays = trained(1.0).state()
    arrays[name] = arrays[name].copy()
    arrays[name][0] = value
    with pytest.raises(ValueError, match=told):
        Critic.from_state(LAYOUT, 2, arrays)


@pytest.mark.parametrize("wrong", [1, 10**9, 2.0, "2", True, None])
def test_numbers_of_candidates_that_lie_are_refused(wrong):
    with pytest.raises(ValueError, match="candidates must be"):
        Critic.from_state(LAYOUT, wrong, {})


def test_trees_of_another_shape_are_refused():
    arrays = trained(1.0).state()
    with pytest.raises(ValueError, match="numbers of nodes"):
        Critic.from_state(LAYOUT, 2, arrays | {"left": arrays["left"][:-1]})
    with pytest.raises(ValueError, match="another table"):
        Critic.from_state(LAYOUT, 2, arrays | {"ranks": arrays["ranks"][:-1]})
    with pytest.raises(ValueError, match="no plain row"):
        Critic.from_state(LAYOUT, 2, arrays | {"left": arrays["left"].astype(np.float32)})
