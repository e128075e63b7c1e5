"""The library's answers to the three questions about a series, from one fit."""

from __future__ import annotations

import time
import warnings
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import series_forecasts, series_gaps
from benchmarks.series_data import HourlySeries, Numbers
from benchmarks.series_forecasts import HISTORY


class Tabdiff:
    """One model of what lies before the cut; fitted when it is first asked.

    Attributes
    ----------
    synth : TimeSeriesDiffusionSynthesizer
        With its defaults.
    fit_seconds : float
    fit_warnings : list of str
    """

    def __init__(self, series: HourlySeries, seconds: float | None, seed: int) -> None:
        self._series, self._seconds, self._seed = series, seconds, seed
        self.fit_seconds = 0.0
        self.fit_warnings: list[str] = []

    @cached_property
    def synth(self) -> Any:
        """Fitted when it is first asked for."""
        # Here and not above: the naive methods do without.
        from tabdiff import TimeSeriesDiffusionSynthesizer

        began = time.perf_counter()
        synth = TimeSeriesDiffusionSynthesizer(
            sequence_key=self._series.key,
            sequence_index=self._series.index,
            max_time=self._seconds,
            random_state=self._seed,
            verbose=0,
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            synth.fit(self._series.between(0, self._series.cut))
        self.fit_seconds = time.perf_counter() - began
        self.fit_warnings = sorted({str(one.message) for one in caught})
        return synth

    def forecaster(
        self, series: HourlySeries, horizon: int, seed: int
    ) -> series_forecasts.Forecast:
        """As `series_forecasts` asks for it."""
        synth = self.synth

        def forecast(origin: int) -> Numbers:
            made = synth.forecast(
                series.between(origin - HISTORY, origin),
                horizon,
                n_samples=series_forecasts.DRAWS,
                random_state=seed + origin,
            )
            draws = [series.tracks(one) for _, one in made.groupby("draw", sort=True)]
            return np.stack(draws)

        return forecast

    def fill(
        self, series: HourlySeries, first: int, hidden: series_gaps.Hidden, seed: int
    ) -> Numbers:
        """As `series_gaps` asks for it."""
        stretch = series.between(first, first + len(hidden))
        holed = np.where(hidden, np.nan, series.tracks(stretch))
        asked = series.with_tracks(stretch, holed)
        draws = self.synth.impute(asked, series_gaps.DRAWS, random_state=seed)
        return np.stack([series.tracks(draw) for draw in draws])

    def score_rows(self, series: HourlySeries, faulty: Numbers, seed: int) -> Numbers:
        """As `series_faults` asks for it."""
        rows = series.between(series.cut - HISTORY, len(series.observed))
        odd = -np.asarray(self.synth.score_samples(series.with_tracks(rows, faulty)))
        return odd.reshape(series.entities, -1).T
