import datetime as dt
from decimal import Decimal
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

from tabdiff.cli import where
from tabdiff.cli.where import Condition, Text
from tabdiff.data.schema import Schema

T = Text


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("a=b", "a", [T("b")]),
        ("a=", "a", [T("")]),
        ('a=""', "a", [T("", True)]),
        ("a=b=c", "a", [T("b=c")]),
        ('"a=b"=c', "a=b", [T("c")]),
        ("a b= c ", "a b", [T(" c ")]),
        ("a=x|y|", "a", [T("x"), T("y"), T("")]),
        ('a="x|y"|z', "a", [T("x|y", True), T("z")]),
        ('a="say ""x"""', "a", [T('say "x"', True)]),
        ('a=5" pipe', "a", [T('5" pipe')]),
        ('a="v1..v2"', "a", [T("v1..v2", True)]),
        ("a=1.5", "a", [T("1.5")]),
    ],
)
def test_values_are_read_as_they_are_written(text: str, name: str, values: list[Text]):
    assert where.condition(text) == Condition(name, tuple(values))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("a=18..30", T("18"), T("30")),
        ("a=18..", T("18"), T("")),
        ("a=..30", T(""), T("30")),
        ("a=-5..-1", T("-5"), T("-1")),
        ("a=1...5", T("1"), T(".5")),
        ('a="S|M".."L"', T("S|M", True), T("L", True)),
    ],
)
def test_ranges_have_two_ends_either_of_which_may_be_open(text: str, low: Text, high: Text):
    assert where.condition(text) == Condition("a", (low, high), is_range=True)


@pytest.mark.parametrize(
    "text", ["", "a", "=b", "a=..", "a=1..2..3", "a=1..2|3", "a=1|2..3", 'a="b', 'a="b"c', '"a"b=c']
)
def test_what_is_not_written_so_is_refused(text: str):
    with pytest.raises(click.BadParameter):
        where.condition(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("yes=500", (T("yes"), 500)),
        ("a=b=5", (T("a=b"), 5)),
        ("=5", (T(""), 5)),
        ('"x"=5', (T("x", True), 5)),
    ],
)
def test_counts_are_a_value_and_a_number_of_rows(text: str, read: tuple[Text, int]):
    assert where.count(text) == read


@pytest.mark.parametrize("text", ["5", "yes=", "yes=many", "yes=1.5", '"yes=5'])
def test_other_counts_are_refused(text: str):
    with pytest.raises(click.BadParameter):
        where.count(text)


def schema() -> Schema:
    n = 60
    at = np.arange(n)
    mixed = pd.Series([1, "1", True] * 20, dtype=object)
    return Schema.infer(
        pd.DataFrame(
            {
                "whole": at % 50,
                "real": at / 7,
                "exact": [Decimal(int(i)).scaleb(-2) for i in at % 50],
                "flag": at % 3 == 0,
                "text": np.resize(["7", "007", ""], n),
                "level": pd.Categorical(at % 3),
                "rank": pd.Categorical(np.resize(list("SML"), n), list("SML"), ordered=True),
                "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(at % 30, unit="D"),
                "day": [dt.date(2024, 1, 1 + i % 28) for i in at],
                "mixed": mixed,
                3: at % 40,
            }
        )
    )


@pytest.mark.parametrize(
    ("text", "label", "meaning"),
    [
        ("whole=7", "whole", 7),
        ("whole=7.0", "whole", 7.0),
        ("whole= 7 ", "whole", 7),
        ("whole=7..", "whole", (7, None)),
        ("whole=1|2", "whole", [1, 2]),
        ("whole=9007199254740993", "whole", 9007199254740993),
        ("real=1e-3..2.5", "real", (0.001, 2.5)),
        ("real=", "real", None),
        ("exact=0.10", "exact", Decimal("0.10")),
        ("flag=True", "flag", True),
        ("flag=false", "flag", False),
        ("text=7", "text", "7"),
        ("text=007", "text", "007"),
        ('text=""', "text", ""),
        ("text=", "text", None),
        ("level=2", "level", 2),
        ("rank=M..", "rank", ("M", None)),
        ("when=2024-01-03..", "when", ("2024-01-03", None)),
        ("day=2024-01-03", "day", "2024-01-03"),
        ("mixed=1", "mixed", 1),
        ('mixed="1"', "mixed", "1"),
        ("mixed=True", "mixed", True),
        ("3=5", 3, 5),
        ("unheard=5", "unheard", "unheard"),
    ],
)
def test_a_text_means_what_its_column_holds(text: str, label: Any, meaning: Any):
    asked = where.conditions_of([where.condition(text)], schema())
    assert asked == {label: meaning}
    assert type(asked[label]) is type(meaning)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("whole=forty", "'whole': 'forty' is no number"),
        ("whole=nan", "no number"),
        ("whole=1_000", "no number"),
        ("real=inf", "no number"),
        ("exact=x", "no number"),
        ("flag=yes", "'flag': 'yes' is neither true nor false"),
        ("text=a..b", "no order.*double quotes"),
    ],
)
def test_a_text_that_means_nothing_there_is_refused(text: str, told: str):
    with pytest.raises(ValueError, match=told):
        where.conditions_of([where.condition(text)], schema())


def test_all_bad_conditions_are_told_at_once():
    written = [where.condition(text) for text in ("whole=x", "flag=y", "real=1", "real=2")]
    with pytest.raises(ValueError, match=r"(?s)'whole'.*'flag'.*'real' is named twice"):
        where.conditions_of(written, schema())


def test_counts_are_read_in_the_target():
    written = [where.count("2=50"), where.count("=9")]
    assert where.counts_of(written, "level", schema()) == {2: 50, None: 9}
    with pytest.raises(ValueError, match="named twice"):
        where.counts_of([where.count("S=5"), where.count("S=6")], "rank", schema())
    with pytest.raises(ValueError, match="'flag': 'x' is neither"):
        where.counts_of([where.count("x=5")], "flag", schema())
