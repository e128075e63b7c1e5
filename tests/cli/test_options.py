import pytest

from tabdiff.cli import options


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("90s", 90), ("5m", 300), ("5min", 300), ("1h30m", 5400), ("1.5H", 5400)],
)
def test_durations_are_written_as_people_do(text: str, seconds: float):
    assert options.duration(text) == seconds


def test_the_name_of_a_column_may_hold_the_mark():
    assert options.column_kind("a=b=numeric") == ("a=b", "numeric")
