"""Tests collected once and run many times, each time in a process forked from there.

A fork begins with all that was imported and collected, so it pays for the tests alone, and nothing
that it changes is seen by the next.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

PASSED, FAILED, TIMED_OUT = "passed", "failed", "timed out"
MEMORY = 8 * 2**30


def verdict(run: Callable[[], int], limit: float) -> str:
    """What comes of ``run`` in a process of its own: its exit code is 0, or it failed.

    Parameters
    ----------
    run : callable
    limit : float
        Seconds of processor time before it is ended; of the clock, twenty times that.
    """
    child = os.fork()
    if not child:
        quiet()
        for ended in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(ended, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, limit)
        signal.alarm(int(20 * limit) + 60)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        code = 1
        try:
            code = run()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM):
        return TIMED_OUT
    return PASSED if status == 0 else FAILED


def lines_of(write: Callable[[Any], object]) -> Iterator[str]:
    """What a process of its own writes into the file that it is given, line by line."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        quiet()
        try:
            with os.fdopen(writer, "w", buffering=1) as pipe:
                write(pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        yield from lines
    os.waitpid(child, 0)


def quiet() -> None:
    """Send what this process prints nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def collected(tests: Sequence[str], plugin: Collected) -> int:
    """Collect tests with a plugin, which says what becomes of them; pytest's exit code."""
    return int(pytest.main(["-q", "-s", "-p", "no:cacheprovider", *tests], plugins=[plugin]))


class Collected:
    """What every campaign does; broken files end it.

    A failure found by hypothesis is a failure: the smallest one is of no interest here.
    """

    def pytest_configure(self) -> None:
        """Let hypothesis repeat itself and keep nothing."""
        from hypothesis import Phase, settings

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("forked", database=None, derandomize=True, phases=phases)
        settings.load_profile("forked")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Give up where a file cannot be read."""
        if report.failed:
            os._exit(1)


class Stop:
    """Ends the process at the first test that fails."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at what became of a test."""
        if report.failed:
            os._exit(1)


def run_item(item: pytest.Item) -> None:
    """Run one test, its fixtures taken down at once."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
