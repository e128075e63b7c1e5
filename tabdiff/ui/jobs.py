"""Long work in one thread, one job after another, whoever asked for it."""

from __future__ import annotations

import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any, TextIO

from tabdiff.cli.talk import is_expected, told

DEFECT = "This is a defect of tabdiff: please report it. The terminal has the details."

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


class Job:
    """Something long, how far it is, and how it ended.

    Parameters
    ----------
    what : str
        Its name.
    work : callable
        Of this job, to which it tells how far it is.

    Attributes
    ----------
    state : str
        "waiting", "running", "done", "stopped" or "failed".
    problem : str
        Why it failed.
    notes : list of str
        What the library warned of.
    figures : mapping
        How far it is.
    """

    def __init__(self, what: str, work: Callable[[Job], None]) -> None:
        self.what, self._work = what, work
        self.state, self.problem = "waiting", ""
        self.notes: list[str] = []
        self.figures: Mapping[str, Any] = {}
        self._stopping = threading.Event()
        self._began = self._ended = 0.0

    @property
    def is_active(self) -> bool:
        """Whether it has yet to end."""
        return self.state in ("waiting", "running")

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end early and has not done so yet."""
        return self.is_active and self._stopping.is_set()

    @property
    def seconds(self) -> float:
        """Wall time since it began to run, or that it took."""
        end = time.monotonic() if self.state == "running" else self._ended
        return end - self._began

    def tell(self, figures: Mapping[str, Any]) -> None:
        """Show how far the work is.

        Raises
        ------
        KeyboardInterrupt
            If it was asked to stop.
        """
        self.figures = figures
        if self._stopping.is_set():
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Ask for an early end: it comes when the work next tells how far it is."""
        self._stopping.set()

    def run(self) -> None:
        """Do the work in the calling thread, and keep how it ended."""
        self._began = time.monotonic()
        self.state = "running"
        ended = "done"
        try:
            with heard() as self.notes:
                self.tell({})
                self._work(self)
        except KeyboardInterrupt:
            ended = "stopped"
        except Exception as error:
            self.problem, ended = explained(error), "failed"
        self._ended = time.monotonic()
        self.state = ended


class Worker:
    """The thread that does the jobs: what is asked for meanwhile waits its turn."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closing = threading.Event()
        # A daemon, so that what cannot be stopped does not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="tabdiff jobs", daemon=True)
        self._current: Job | None = None
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Do it when its turn has come."""
        self._queue.put(job)

    def close(self, seconds: float) -> bool:
        """Stop what runs, begin nothing more, and wait for at most so long.

        Returns
        -------
        bool
            Whether all has ended.
        """
        self._closing.set()
        self._queue.put(None)
        if (current := self._current) is not None:
            current.stop()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            self._current = job
            if self._closing.is_set():
                job.stop()
            job.run()
            self._current = None


def explained(error: Exception) -> str:
    """What the user is told of an error; one that nobody expected goes to the terminal whole."""
    if is_expected(error):
        return told(error)
    traceback.print_exception(error)
    return DEFECT


@contextmanager
def heard() -> Iterator[list[str]]:
    """The list that what is warned of in this thread, and in this block, comes to stand in."""
    notes: list[str] = []
    token = _heard.set(notes)
    try:
        # Entering forgets what was warned of before: another table may have the same faults.
        with warnings.catch_warnings():
            yield notes
    finally:
        _heard.reset(token)


@contextmanager
def listening() -> Iterator[None]:
    """Take every warning to who :func:`heard` it in its own thread, while this block lasts."""
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        notes = _heard.get()
        if notes is None or not issubclass(category, UserWarning | RuntimeWarning):
            before(message, category, filename, lineno, file, line)
        else:
            notes.append(str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
