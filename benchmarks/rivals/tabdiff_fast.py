"""The library with ``preset="fast"``."""

from __future__ import annotations

from functools import partial

from benchmarks.rivals import tabdiff

fit = partial(tabdiff.fit, preset="fast")
