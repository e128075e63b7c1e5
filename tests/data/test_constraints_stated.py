"""What may be stated, what contradicts itself, and how expressions are read and solved."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tabdiff.data.constraints import (
    Constraint,
    ConstraintError,
    ConstraintSet,
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
)
from tabdiff.data.constraints.amounts import (
    Amounts,
    Quantities,
    ceil_on,
    floor_on,
    integers,
    nearest_on,
)
from tabdiff.data.constraints.expressions import (
    Literal,
    Node,
    Operation,
    Reference,
    evaluate,
    interval,
    node_from_json,
    node_to_json,
)
from tabdiff.data.constraints.parsing import parse
from tabdiff.data.constraints.solving import solve
from tabdiff.data.schema import Schema

N = 40


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 9, N)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(a, unit="h")
    return pd.DataFrame(
        {
            "a": a,
            "b": a + rng.integers(0, 9, N),
            "c": a + 100,
            "start": start,
            "start_utc": start.tz_localize("UTC"),
            "stay": pd.to_timedelta(a + 1, unit="h"),
            "word": rng.choice([*"xyz"], N),
            "key": np.arange(N),
        }
    )


def fit(*stated: Constraint, frame: pd.DataFrame | None = None) -> ConstraintSet:
    frame = table() if frame is None else frame
    schema = Schema.infer(frame, {"key": "identifier"} if "key" in frame else {})
    return ConstraintSet.fit(stated, frame, schema)


@pytest.fixture(autouse=True)
def _quiet(recwarn: pytest.WarningsRecorder) -> None:
    """The identifier among the columns is meant."""


# --- what contradicts itself --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            [Inequality("a", "b", True), Inequality("b", "a", True)],
            "contradict each other: 'a' < 'b' < 'a' holds in no row",
        ),
        (
            [Inequality("a", "b"), Range("b", "c", "a", strict_boundaries=False)],
            "'a' <= 'b' <= 'c' <= 'a', which is to say that these columns are equal",
        ),
        (
            [Inequality("a", "b"), Expression("a > b")],
            "contradict each other: 'a' <= 'b' < 'a'",
        ),
        (
            [ScalarInequality("a", ">", 5), ScalarInequality("a", "<=", 5)],
            "contradict each other: no 'a' is > 5 and <= 5",
        ),
        ([Positive("a", True), Negative("a")], "no 'a' is > 0 and <= 0"),
        (
            [ScalarInequality("a", ">=", 9), Inequality("a", "b"), ScalarInequality("b", "<", 9)],
            "is >= 9 and < 9",
        ),
        (
            [Expression("c == a + b"), Expression("c == a * 2"), Expression("c == b * 3")],
            "cannot be enforced together",
        ),
        ([Expression("a == 2 * b"), Expression("b == a / 2 + 1")], "cannot be enforced together"),
        (
            [FixedCombinations(["a", "word"]), FixedCombinations(["word", "b"])],
            "both decide column 'word'",
        ),
        ([FixedIncrements("a", 1), Expression("a == b - b + a * 1")], "no column can be computed"),
    ],
    ids=str,
)
def test_contradictions_are_named_before_a_row_is_looked_at(
    stated: list[Constraint], said: str
) -> None:
    with pytest.raises(ConstraintError) as caught:
        fit(*stated)
    assert said in str(caught.value) and "rows" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (lambda: ScalarRange("a", 3, 2), "nothing lies between"),
        (lambda: ScalarRange("a", 3, 3), "nothing lies between"),
        (lambda: Range("a", "b", "a"), "a column is named twice"),
        (lambda: Inequality("a", "a"), "a column is named twice"),
        (lambda: ScalarInequality("a", "=<", 3), "relation must be"),
        (lambda: ScalarInequality("a", "<", float("nan")), "at most 18 digits. Got nan"),
        (lambda: FixedIncrements("a", -5), "must be above 0"),
        (lambda: FixedCombinations(["a"]), "name at least 2 columns"),
        (lambda: Unique([]), "name at least 1 columns"),
    ],
)
def test_what_makes_no_sense_by_itself_cannot_be_stated(
    state: Callable[[], Constraint], said: str
) -> None:
    with pytest.raises(ConstraintError, match=said):
        state()


@pytest.mark.parametrize(
    "state",
    [
        lambda: Inequality("a", "b", "yes"),  # type: ignore[arg-type]
        lambda: ScalarInequality("a", "<", "3"),  # type: ignore[arg-type]
        lambda: FixedCombinations("ab"),
        lambda: Expression(3),  # type: ignore[arg-type]
        lambda: fit("a < b"),  # type: ignore[arg-type]
        lambda: ConstraintSet.fit(Positive("a"), table(), Schema.infer(table())),  # type: ignore[arg-type]
    ],
)
def test_other_types_are_type_errors(state: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        state()


# --- what does not suit the table ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (Inequality("a", "strat"), "no column 'strat'. Did you mean 'start'?"),
        (Expression("a <= stat"), "no column 'stat'."),
        (Expression("a <= b", solve_for="c"), "solve_for='c' is none of its columns"),
        (Unique(["wrd"]), "no column 'wrd'. Did you mean 'word'?"),
        (Inequality("a", "word"), "column 'word' is categorical (string)"),
        (Inequality("a", "key"), "column 'key' is identifier"),
        (Inequality("a", "start"), "'a' is a number, 'start' a moment"),
        (Inequality("start", "start_utc"), "Give both a time zone"),
        (Expression("start + a >= start"), "joins a moment and a number"),
        (Expression("stay >= 3"), "'stay' is a span, 3 a number"),
        (Positive("start"), "'start' is a moment, 0 a zero"),
        (FixedIncrements("start", 5), "is a moment, not a number"),
        (FixedIncrements("a", 0.5), "has only 0 decimals"),
        (FixedCombinations(["word", "key"]), "column 'key' is an identifier"),
        (OneHotEncoding(["word", "a"]), "column 'word' is string. It must hold 0 and 1"),
        (Expression("a * b <= 100"), "no column can be computed from the others"),
        (Expression("a * a >= a"), "the column cannot be isolated"),
    ],
    ids=str,
)
def test_unsuitable_columns_are_named(constraint: Constraint, said: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        fit(constraint)
    assert said in str(caught.value)


def test_all_unsuitable_constraints_are_named_at_once() -> None:
    with pytest.raises(ConstraintError) as caught:
        fit(Inequality("a", "zz"), Positive("word"), Positive("a"))
    assert str(caught.value).count("\n  - ") == 2


def test_infinite_numbers_have_no_distance() -> None:
    frame = pd.DataFrame({"x": [1.0, np.inf, 2.5] * 5, "y": [2.0, 2.0, 3.5] * 5})
    schema = Schema.infer(frame.replace(np.inf, 9.0))
    with pytest.raises(ConstraintError, match="column 'x': 5 values are infinite"):
        ConstraintSet.fit([Inequality("x", "y")], frame, schema)


def test_moments_spans_and_zones_go_together() -> None:
    frame = table()[["start", "stay"]].assign(end=lambda f: f["start"] + f["stay"])
    for text in ("end == start + stay", "end - start >= stay", "stay > 0", "stay * 2 >= stay / 2"):
        fitted = fit(Expression(text), frame=frame)
        pd.testing.assert_frame_equal(fitted.reverse(fitted.transform(frame)), frame)
    assert list(fit(Expression("end == start + stay"), frame=frame).transform(frame)) == [
        "start",
        "stay",
    ]


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("total == net + vat", "'total' == 'net' + 'vat'"),
        ("`pick up` <= `drop off`", "'pick up' <= 'drop off'"),
        ("0 <= a < b", "0 <= 'a' and 'a' < 'b'"),
        ("-a >= -(2 * 3) / 4", "-1 * 'a' >= -1.5"),
        ("+a > 1e3 - 0.1", "'a' > 999.9"),
        ("a / 100 == b", "'a' / 100 == 'b'"),
    ],
)
def test_texts_are_read_as_arithmetic(text: str, said: str) -> None:
    assert " and ".join(map(str, parse(text))) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a + b",
        "a = b",
        "a != b",
        "a in b",
        "a ** 2 <= b",
        "a // 2 <= b",
        "abs(a) <= b",
        "a.b <= c",
        "a[0] <= b",
        "a <= 'x'",
        "a <= True",
        "a <= (b < c)",
        "a <= b if c else d",
        "a <= (b := c)",
        "__import__('os').system('x') <= a",
        "lambda: a <= b",
        "1 <= 2",
        "a <= 1 / 0",
        "a / (1 - 1) <= b",
        "a <= 1e400",
        "a <= " + "9" * 30,
        "(" * 400 + "a" + ")" * 400 + " <= b",
        "a <= " + "+".join("b" * 900),
        "a <= " + "-" * 900 + "b",
        "a <= b\x00",
        "a <= `b",
    ],
    ids=lambda text: text[:20],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConstraintError, match=r"^Expression: "):
        Expression(text)


# --- arithmetic against fractions ---------------------------------------------------------------

LITERALS = st.builds(Literal, st.integers(-1000, 1000), st.integers(0, 3))
TREES = st.recursive(
    st.sampled_from([Reference("x"), Reference("y")]) | LITERALS,
    lambda inner: st.builds(Operation, st.sampled_from("+-*/"), inner, inner),
    max_leaves=6,
)


def exactly(node: Node, values: dict[Any, Fraction]) -> Fraction:
    if isinstance(node, Reference):
        return values[node.label]
    if isinstance(node, Literal):
        return node.value()
    left, right = exactly(node.left, values), exactly(node.right, values)
    act = {"+": left.__add__, "-": left.__sub__, "*": left.__mul__, "/": left.__truediv__}
    return act[node.symbol](right)


def one_row(count: int, digits: int) -> Quantities:
    return Quantities(np.array([True]), Amounts(integers(count), digits))


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(-(2**62), 2**62), st.integers(-999, 999), st.integers(0, 4))
def test_values_are_those_of_fractions(node: Node, x: int, y: int, digits: int) -> None:
    rows = {"x": one_row(x, digits), "y": one_row(y, 1)}
    values = {"x": Fraction(x, 10**digits), "y": Fraction(y, 10)}
    known, amounts = evaluate(node, rows)
    assert node_from_json(node_to_json(node)) == node
    try:
        expected = exactly(node, values)
    except ZeroDivisionError:
        assert not known.all()
        return
    if not known.all():
        return  # a divisor so small that floats take it for zero
    if amounts.digits is not None:
        assert Fraction(int(amounts.counts[0]), 10**amounts.digits) == expected
    ranges = {name: (value, value) for name, value in values.items()}
    low, high = interval(node, ranges, {"x": digits, "y": 1})
    assert low <= expected <= high


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(-9, 9)), min_size=1, max_size=5),
    st.sampled_from(["==", "<=", "<", ">=", ">"]),
    st.tuples(*[st.integers(-50, 50)] * 3),
)
def test_a_solved_comparison_says_the_same(
    terms: list[tuple[str, int]], operator: str, drawn: tuple[int, ...]
) -> None:
    text = " + ".join(f"({factor}) * {name}" for name, factor in terms)
    (comparison,) = parse(f"{text} {operator} z * y / 4 - 3 * (x - 1)")
    values = dict(zip("xyz", map(Fraction, drawn), strict=True))
    solved = solve(comparison, "x")
    own = sum(factor for name, factor in terms if name == "x") + 3
    assert (solved is None) == (own == 0)
    assert solve(comparison, "y") is None
    if solved is not None:
        assert solved.left == Reference("x")
        for c in (comparison, solved):
            left, right = exactly(c.left, values), exactly(c.right, values)
            holds = {"==": left == right, "<=": left <= right, "<": left < right,
                     ">=": left >= right, ">": left > right}[c.operator]  # fmt: skip
            assert holds == _holds(comparison, values)


def _holds(comparison: Any, values: dict[Any, Fraction]) -> bool:
    difference = exactly(comparison.left, values) - exactly(comparison.right, values)
    sign = (difference > 0) - (difference < 0)
    return (
        sign in {"==": {0}, "<=": {-1, 0}, "<": {-1}, ">=": {0, 1}, ">": {1}}[comparison.operator]
    )


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-(2**64), 2**64),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(-(2**40), 2**40),
    st.integers(1, 10**6),
)
def test_grid_points_beside_an_amount_are_those_of_fractions(
    count: int, digits: int, own: int, offset: int, step: int
) -> None:
    amounts = Amounts(integers(count), digits)
    ratio = (Fraction(count, 10**digits) * 10**own - offset) / step
    assert int(floor_on(amounts, own, offset, step)[0]) == ratio.__floor__()
    assert int(ceil_on(amounts, own, offset, step)[0]) == ratio.__ceil__()
    assert abs(int(nearest_on(amounts, own, offset, step)[0]) - ratio) <= Fraction(1, 2)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e15, 1e15), st.integers(0, 4), st.integers(1, 1000))
@example(900719925475.0625, 4, 1)
def test_grid_points_beside_a_float_are_beside_it(value: float, own: int, step: int) -> None:
    amounts = Amounts(np.array([value]), None)
    low = int(floor_on(amounts, own, 0, step)[0])
    high = int(ceil_on(amounts, own, 0, step)[0])
    assert low * step / 10**own <= value <= high * step / 10**own
    assert high - low <= 1
    assert int(nearest_on(amounts, own, 0, step)[0]) in (low, high)


def test_ties_go_away_from_zero_as_in_commerce() -> None:
    counts = np.array([-25, -15, 15, 25, 24])
    assert nearest_on(Amounts(counts, 1), 0, 0, 1).tolist() == [-3, -2, 2, 3, 2]
    assert nearest_on(Amounts(counts / 10, None), 0, 0, 1).tolist() == [-3, -2, 2, 3, 2]


def test_numbers_may_be_decimals() -> None:
    frame = pd.DataFrame({"x": [Decimal("1.10"), Decimal("2.35"), None] * 5})
    stated = ScalarRange("x", Decimal("1.1"), 2.35, strict_boundaries=False)
    fitted = fit(stated, frame=frame)
    assert fitted.violations(frame) == {"ScalarRange(1.1 <= 'x' <= 2.35)": 0}
    pd.testing.assert_frame_equal(fitted.reverse(fitted.transform(frame)), frame)
