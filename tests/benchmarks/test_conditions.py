"""Conditions put to a method, what becomes of its answers, and the truth they are held against."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import answers, conditions_page, known_world, rare
from benchmarks.data import RealTable, read_csv
from benchmarks.methods import METHODS
from benchmarks.rivals.contract import Condition, Fitted, RefusedError, Task, meets, single_values


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("condition", [*known_world.ASKED, *rare.RARE], ids=str)
def test_a_condition_comes_back_from_json(condition: Condition):
    assert answers.from_json(answers.to_json(condition)) == condition


def test_ranges_and_sets_are_refused_by_methods_that_know_values_only():
    assert single_values({"a": "x", "b": 3}) == {"a": "x", "b": 3}
    for condition, told in (({"a": 1, "b": (1, None)}, "a range .b."), ({"c": ["x"]}, "a set .c.")):
        with pytest.raises(RefusedError, match=told):
            single_values(condition)


def test_rows_meet_values_open_ranges_and_sets():
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, np.nan], "c": ["a", "b", "c", "a"]})
    assert meets(frame, {"x": (0, None)}).tolist() == [True, True, True, False]
    assert meets(frame, {"x": (None, 0)}).tolist() == [True, False, False, False]
    assert meets(frame, {"c": ["a", "b"], "x": 0.0}).tolist() == [True, False, False, False]


@pytest.mark.parametrize("condition", [{"a": "a1", "age": (40.0, None)}, {"b": ["b1", "b3"]}])
def test_the_exact_conditional_is_that_of_the_rows_which_meet_it(condition: Condition):
    drawn = known_world.WORLD.draw(60_000, rng())
    met = drawn[meets(drawn, condition)]
    truth = known_world.exact(condition, 20_000, rng())
    assert len(met) > 3_000
    for name in drawn:
        # Both distances of two samples, of over 3,000 and 20,000 rows, are below .032 but for once
        # in a thousand (Kolmogorov-Smirnov: 1.95 sqrt(1/3000 + 1/20000) = .038).
        assert known_world.distance(met[name], truth[name]) < 0.038


def test_an_exact_value_of_a_number_tells_the_others():
    """x1 | x0 = v of one cell's Gaussian has a mean of its own, by the textbook."""
    condition = {"a": "a2", "b": "b0", "c": "c0", "pay": 35.0, "age": 45.0}
    dose = np.arcsinh(known_world.exact(condition, 20_000, rng())["dose"])
    z = [(np.log(35.0) - 3) / 0.6, (45.0 - 40) / 12]
    mean, cov = known_world.WORLD.by_a[2], known_world.WORLD.covariance
    weights = np.linalg.solve(cov[:2, :2], cov[:2, 2])
    expected = mean[2] + weights @ (z - mean[:2])
    spread = np.sqrt(cov[2, 2] - weights @ cov[:2, 2])
    assert abs(dose.mean() - expected) < 5 * spread / np.sqrt(20_000)
    assert abs(dose.std() / spread - 1) < 0.03


def toy() -> Task:
    train = known_world.WORLD.draw(300, rng())
    return Task(train, known_world.table(2, 0).roles, "c", 0)


def asker(task: Task) -> Fitted:
    """Answers with rows of the training table; breaks off where there are none."""

    def answer(condition: Condition, n_rows: int) -> pd.DataFrame:
        single_values(condition)
        found = task.train[meets(task.train, condition)]
        if "pay" in condition:
            raise RuntimeError("no such pay")
        return found.head(n_rows) if len(found) else pd.DataFrame()

    return Fitted(task.train.head, answer=answer)


def test_each_condition_has_an_answer_a_refusal_or_an_error(tmp_path: Path):
    asked: list[Condition] = [{"a": "a2"}, {"age": (1.0, 2.0)}, {"pay": 3.0}, {"a": "none"}]
    answers.write(asked, 10, tmp_path)
    cost = answers.run(asker, toy(), asked, 10, tmp_path)
    told = cost["answers"]
    assert [sorted(set(answer) - {"seconds"}) for answer in told] == [
        ["returned"], ["refused"], ["error"], ["returned"],
    ]  # fmt: skip
    assert told[2]["error"] == "RuntimeError: no such pay"
    assert [answer.get("returned") for answer in told] == [10, None, None, 0]
    assert set(read_csv(tmp_path / "0.csv")["a"]) == {"a2"}
    assert list(read_csv(tmp_path / "3.csv")) == list(toy().train)
    with pytest.raises(ValueError, match="takes no conditions"):
        answers.run(lambda task: Fitted(task.train.head), toy(), asked, 10, tmp_path)


def test_answers_of_the_truth_itself_are_as_near_as_exact_rows(monkeypatch):
    monkeypatch.setattr(known_world, "TRUTH", 20_000)
    condition = known_world.ASKED[0]
    near = known_world.exact(condition, 1_000, np.random.default_rng(1))
    far = known_world.WORLD.draw(1_000, rng())
    ratios = [known_world.judge(rows, condition, 0)["mean ratio"] for rows in (near, far)]
    # Each column's ratio has mean 1 and a spread below .5; the mean of five, below .25.
    assert ratios[0] < 1.9 < 4 < ratios[1]
    assert known_world.judge(near.head(9), condition, 0) == {}


def test_held_out_rows_are_told_from_an_answer_that_is_unlike_them():
    source = rng()
    frame = pd.DataFrame(
        {"x": source.normal(size=2_000), "c": "a", "y": source.choice(list("pq"), 2_000)}
    )
    table = RealTable("toy", frame, frame.head(60), {}, "y")
    unlike = frame.assign(x=frame["x"] + 2, y="p")
    like, other = (rare.judge(sample, {"c": "a"}, table, 0) for sample in (frame, unlike))
    assert like["p columns"] > 0.02 and like["p pairs"] > 0.02
    assert other["p columns"] == other["p pairs"] == round(1 / (rare.PARTS + 1), 3)
    assert "p pairs" not in rare.judge(frame.head(100), {"c": "a"}, table, 0)


def test_the_page_says_what_was_refused_and_how_many_rows_came():
    shared = {"question": "known", "rows": 500, "seed": 0, "threads": 1, "processor": "one"}
    shared |= {"versions": {"tabdiff": "0"}, "fit_seconds": 2.0, "unconditional": 0.5}
    rows = [
        shared | {"method": "tabdiff", "condition": "A", "seconds": 0.5, "returned": 1000}
        | {"holds": True, "mean ratio": 1.25, "distance": 0.03, "of exact rows": 0.02},
        shared | {"method": "ctgan", "condition": "A", "seconds": 3.0, "returned": 250}
        | {"holds": True, "mean ratio": 2.5, "distance": 0.1, "of exact rows": 0.02},
        shared | {"method": "ctgan", "condition": "B", "refused": "a range (x)"},
    ]  # fmt: skip
    page = conditions_page.render(rows)
    assert "| `A` | tabdiff | 1,000 | 0.50 | 1.25 | 0.030 | 0.020 |" in page
    assert "| `A` | CTGAN | 250 | 12.00 | 2.50 | 0.100 | 0.020 |" in page
    assert "| `B` | CTGAN | refused: a range (x) | – | – | – | – |" in page
    assert "| CTGAN | 1 | 1 of 2 | 1 | 25.0 | yes | 2.00 | 0.50 | 12.00 |" in page


def test_every_method_that_is_put_conditions_is_a_method():
    from benchmarks.conditions import ANSWERING

    assert set(ANSWERING) <= set(METHODS)
