"""The library with ``preset="best"``."""

from __future__ import annotations

from functools import partial

from benchmarks.rivals import tabdiff

fit = partial(tabdiff.fit, preset="best")
