"""The tables that are open, each known by a name that nobody can guess.

A browser tab that drops a table is told its name, and only who knows the name sees the table: a
second tab begins with nothing, and so does another user of the same computer.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tabdiff.ui.jobs import Worker
from tabdiff.ui.limits import Limits
from tabdiff.ui.reading import RefusedError, check_name, read_dropped
from tabdiff.ui.workbench import Workbench

_PATIENCE = 10.0  # seconds for what runs to end, when all is closed


class UnknownTableError(LookupError):
    """A table that is not open, or no longer."""


class Workshop:
    """Workbenches, the one worker that they share, and the folder that all their files lie in.

    The folder is readable by its owner only, and goes when the workshop is closed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="tabdiff-ui-"))
        self._worker = Worker()
        self._benches: dict[str, Workbench] = {}  # the one that was looked at last stands last
        self._lock = threading.Lock()

    def new_folder(self) -> Path:
        """An empty folder for one table."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def open(self, folder: Path, name: str) -> str:
        """Take in the file that lies in a folder of :meth:`new_folder`, and tell its secret name.

        The file is removed, and so is the folder if it is no table.

        Raises
        ------
        RefusedError
            If it is beyond the limits, or no table, or all other tables are at work.
        """
        check_name(name)
        try:
            [path] = folder.iterdir()
            frame = read_dropped(path, name, self.limits)
            path.unlink()
            bench = Workbench(name, frame, folder, self._worker, self.limits)
            secret = secrets.token_urlsafe(24)
            with self._lock:
                self._make_room()
                self._benches[secret] = bench
        except BaseException:
            shutil.rmtree(folder)
            raise
        return secret

    def bench(self, secret: str) -> Workbench:
        """The table of this name.

        Raises
        ------
        UnknownTableError
        """
        with self._lock:
            bench = self._take(secret)
            self._benches[secret] = bench
        return bench

    def forget(self, secret: str) -> None:
        """Stop what is done for a table, and remove all that is left of it.

        Raises
        ------
        UnknownTableError
        """
        with self._lock:
            bench = self._take(secret)
        bench.stop()
        bench.discard()

    def _take(self, secret: str) -> Workbench:
        if secret not in self._benches:
            raise UnknownTableError(
                f"This table is no longer held: tabdiff was closed, or {self.limits.tables} others "
                "were opened since. Drop it again."
            )
        return self._benches.pop(secret)

    def _make_room(self) -> None:
        while len(self._benches) >= self.limits.tables:
            idle = next((key for key, bench in self._benches.items() if not bench.is_busy), None)
            if idle is None:
                raise RefusedError(
                    f"{self.limits.tables} tables are at work: wait for one, or stop one."
                )
            self._benches.pop(idle).discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._worker.close(_PATIENCE)
        finally:  # a second Ctrl-C, too
            shutil.rmtree(self.folder, ignore_errors=True)
