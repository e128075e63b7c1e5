"""The measures of the long runs tell a leak from none; the runs themselves are counted apart."""

from dataclasses import replace
from itertools import islice

import pytest

from benchmarks.trials import long


def test_a_growing_process_is_told():
    now = long.Held(rss_mb=400.0, objects=1000, threads=2, files=5)
    grown = replace(now, rss_mb=500.0, objects=5000, threads=3, files=6)
    assert long.broken_memory([now], [now]) == []
    assert long.broken_memory([now], [grown]) == [
        "resident memory grew by 100 MB", "1 more threads", "1 more files", "4000 more objects",
    ]  # fmt: skip


def test_what_a_life_keeps_is_seen(monkeypatch):
    kept = []
    made = long.wide_table
    monkeypatch.setattr(
        long, "wide_table", lambda *of: kept.append([[] for _ in range(300)]) or made(*of)
    )
    looks = list(islice(long.lives(0), 4))
    assert any("objects" in told for told in long.broken_memory(looks[1:2], looks[3:]))


@pytest.mark.slow
def test_lives_leave_nothing_behind():
    failures, _ = long.cycles(24, 0)
    assert failures == []
