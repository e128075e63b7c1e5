"""What a waiting user sees: one step of the bar per section's part."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tqdm.auto import tqdm


class Progress:
    """A bar over the sections, and the wall time that each took.

    Parameters
    ----------
    sections : sequence of str
        What will be done, in order.
    shown : bool
        Show the bar, if somebody can see it: on a terminal or in a notebook.
    """

    def __init__(self, sections: Sequence[str], shown: bool) -> None:
        seen = shown and (sys.stderr.isatty() or "ipykernel" in sys.modules)
        self.seconds: dict[str, float] = {}
        self._waiting = list(sections)
        self._last = time.perf_counter()
        self._bar = tqdm(
            total=len(self._waiting), unit="section", disable=not seen, dynamic_ncols=True
        )
        self._announce()

    def done(self, section: str) -> None:
        """Close a section."""
        now = time.perf_counter()
        self.seconds[section] = round(now - self._last, 3)
        self._last = now
        self._waiting.remove(section)
        self._bar.update()
        self._announce()

    def _announce(self) -> None:
        self._bar.set_description(self._waiting[0] if self._waiting else "evaluated", refresh=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()
