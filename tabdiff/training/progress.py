"""What a waiting user sees."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from tqdm.auto import tqdm

from tabdiff.training.loop import Recipe
from tabdiff.training.standing import Progress

Listener = Callable[[Progress], None]


class ProgressBar:
    """A tqdm bar with loss, rate and time left.

    Parameters
    ----------
    recipe : Recipe
    verbose : 0, 1 or 2
        Never; only on a terminal or in a notebook; always.
    report : callable, optional
        Who else wants to know of every step.
    """

    def __init__(self, recipe: Recipe, verbose: int, report: Listener | None = None) -> None:
        self._report = report
        shown = verbose == 2 or (verbose == 1 and (sys.stderr.isatty() or _in_notebook()))
        self._round = recipe.max_steps
        self._bar = tqdm(
            total=recipe.max_steps, desc="fit", unit="step", disable=not shown, dynamic_ncols=True
        )

    def __call__(self, progress: Progress) -> None:
        """Show one more step."""
        while self._bar.total and progress.step > self._bar.total:
            self._bar.total += self._round
        self._bar.update(progress.step - self._bar.n)
        if not self._bar.disable:
            shown = {"loss": f"{progress.loss:.4f}"}
            if math.isfinite(progress.validation_loss):
                shown["held-out"] = f"{progress.validation_loss:.4f}"
            self._bar.set_postfix(shown, refresh=False)
        if self._report is not None:
            self._report(progress)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.close()


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
