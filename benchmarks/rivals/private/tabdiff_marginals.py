"""The library's private mode with ``marginal_share=1``: the network sees no row."""

from __future__ import annotations

from functools import partial

from benchmarks.rivals.private import tabdiff_private

fit = partial(tabdiff_private.fit, marginal_share=1.0)
