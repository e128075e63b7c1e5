"""What one may ask of a fitted synthesizer about itself: verbs, each of which opens a room here.

The rooms are entered when a verb is used, so that a synthesizer that only samples loads none.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tabdiff.data.frames import to_pandas
from tabdiff.inference.chunks import Seed, entropy_of
from tabdiff.inference.threads import unswayed
from tabdiff.training.settings import default_sampling_steps, require_real, require_whole

if TYPE_CHECKING:
    from tabdiff.analytics.dependence import Dependence
    from tabdiff.analytics.profile import InformationProfile
    from tabdiff.fitted import Fitted

# At which noise levels trajectories are looked at, unless told.
TIMES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class ShowsTraining:
    """The part of a synthesizer that shows how its training went.

    Attributes
    ----------
    history_ : DataFrame
    best_step_ : int
    stopped_ : str
    """

    history_: pd.DataFrame
    best_step_: int
    stopped_: str

    def plot_history(self) -> Any:
        """The loss over the steps of training, and which step's weights were kept.

        Returns
        -------
        plotly Figure
            ``.write_html("history.html")`` keeps it.

        Raises
        ------
        NotFittedError
        ImportError
            If plotly is absent.
        """
        from tabdiff.analytics.plots import plot_history

        check_is_fitted(self)
        return plot_history(self.history_, self.best_step_, self.stopped_)


class LookInside(ShowsTraining):
    """The part of a synthesizer that shows what it has learned.

    Where the table keeps constraints, what is said of columns is said of those that are learned: a
    column that others bound or determine is its distance from what they allow, which is as likely
    as the column itself; the columns of a combination are one, under the name of the first; and of
    a column that others tell entirely nothing is said. Rows that break a constraint are impossible,
    which is a ConstraintError wherever rows are taken.

    Attributes
    ----------
    sampling_steps : int or None
    """

    sampling_steps: int | None
    _fitted: Fitted

    @unswayed()
    def score_samples(
        self, X: Any, *, explain: bool = False, n_draws: int = 1, random_state: Seed = 0
    ) -> Any:
        """A lower bound on the log-likelihood of each row, in nats; higher is more likely.

        Values on a lattice (whole numbers, decimals, dates), levels and missing cells count by
        their probability, values of a continuum by their density in the column's own units. All
        rows are scored along the same path to noise, so a row's score does not depend on the rows
        beside it, and scores differ from each other more exactly than any of them is known: for the
        level take more draws, or :meth:`information_profile`. Identifiers and columns of one value
        say nothing.

        Parameters
        ----------
        X : DataFrame or array, with the fitted columns
        explain : bool
            Give the nats of every column, of which a row's score is the sum, instead of the sum.
        n_draws : int
            Paths to average; the scores' noise falls with their root.
        random_state : int, numpy Generator, RandomState or None
            Chooses the paths.

        Returns
        -------
        array, (n,), or DataFrame, (n, columns)

        Raises
        ------
        NotFittedError, SchemaError
        ValueError, TypeError
            If ``n_draws`` is below 1 or no whole number.

        Source: :mod:`tabdiff.inference.likelihood`, with the equations.
        """
        from tabdiff.analytics.scores import log_likelihoods

        check_is_fitted(self)
        draws = require_whole("n_draws", n_draws, least=1)
        steps, learned = self._steps(), self._fitted.rewriting.transform(X)
        nats = log_likelihoods(self._fitted, learned, steps, draws, entropy_of(random_state))
        return nats if explain else nats.sum(axis=1).to_numpy()

    @unswayed()
    def anomalies(
        self, df: Any, contamination: float = 0.05, *, n_draws: int = 1, random_state: Seed = 0
    ) -> pd.DataFrame:
        """How odd each row is, and which cell makes it so.

        The score is minus the log-likelihood with all columns told in comparable units: a number's
        density is smoothed over its neighbours and taken per twentieth of its column's span.

        Parameters
        ----------
        df : DataFrame or array, with the fitted columns
        contamination : float, in (0, 0.5]
            Share of the rows to flag.
        n_draws, random_state
            As in :meth:`score_samples`.

        Returns
        -------
        DataFrame, by row of ``df``
            score : nats, the higher the odder; anomaly : bool; column : the one with the oddest
            cell.

        Raises
        ------
        NotFittedError, SchemaError
        ValueError, TypeError
            If ``contamination`` or ``n_draws`` is out of range.
        """
        from tabdiff.analytics.scores import flagged, oddities

        check_is_fitted(self)
        require_real("contamination", contamination, 0.0, 0.5, "(]")
        draws = require_whole("n_draws", n_draws, least=1)
        steps, learned = self._steps(), self._fitted.rewriting.transform(df)
        oddity = oddities(self._fitted, learned, steps, draws, entropy_of(random_state))
        return flagged(oddity, contamination)

    @unswayed()
    def information_profile(self, df: Any, *, random_state: Seed = 0) -> InformationProfile:
        """When each column is decided between noise and data, and how many nats it holds.

        Raises
        ------
        NotFittedError, SchemaError

        See Also
        --------
        tabdiff.analytics.profile : with the equations.
        """
        from tabdiff.analytics.profile import information_profile

        check_is_fitted(self)
        steps, entropy = self._steps(), entropy_of(random_state)
        learned = self._fitted.rewriting.transform(df)
        return information_profile(self._fitted, learned, steps, entropy)

    @unswayed()
    def dependence(self, df: Any, *, max_rows: int = 1000, random_state: Seed = 0) -> Dependence:
        """Which columns explain which: I(X_i; X_j) and I(X_i; X_j | all others), in nats.

        The one model is shown parts of the rows of ``df`` and asked the others; nothing is trained.
        Rows that were not learned from give honest figures. Of d columns it takes about d^2 / 2
        network calls a row.

        Parameters
        ----------
        df : DataFrame or array, with the fitted columns
        max_rows : int
            The most rows to look at, drawn at random.

        Raises
        ------
        NotFittedError, SchemaError
        ValueError, TypeError
            If ``max_rows`` is below 2 or no whole number, ``df`` has fewer than 2 rows, or no
            column is modelled.

        See Also
        --------
        tabdiff.analytics.dependence : with the equations, and what is left out of numbers.
        """
        from tabdiff.analytics.dependence import dependence

        check_is_fitted(self)
        most = require_whole("max_rows", max_rows, least=2)
        learned = self._fitted.rewriting.transform(df)
        return dependence(self._fitted, learned, most, entropy_of(random_state))

    @unswayed()
    def conditional_entropy(
        self, df: Any, given: Sequence[Hashable] = (), *, random_state: Seed = 0
    ) -> pd.DataFrame:
        """H(X_j | the given columns) of every other column in nats, with its standard error.

        Raises
        ------
        NotFittedError, SchemaError
        KeyError
            If a given column is not in the table.

        See Also
        --------
        tabdiff.analytics.dependence : with the equations.
        """
        from tabdiff.analytics.dependence import conditional_entropy

        check_is_fitted(self)
        rewriting = self._fitted.rewriting
        labels, learned = rewriting.learned_labels(given), rewriting.transform(df)
        return conditional_entropy(self._fitted, learned, labels, entropy_of(random_state))

    @unswayed()
    def diffuse(self, df: Any, t: float, *, random_state: Seed = 0) -> Any:
        """The rows of ``df`` at noise level ``t``: 0 is data, 1 is noise.

        A masked cell is shown as a missing one, and columns that cannot hold one are widened as
        pandas does it (int64 to float64). The same seed gives the same noise at every ``t``, so
        rows can be followed.

        Parameters
        ----------
        df : DataFrame or array, with the fitted columns
        t : float, in [0, 1]

        Returns
        -------
        DataFrame or ndarray
            In the container of the fitted table, with ``df``'s index.

        Raises
        ------
        NotFittedError, SchemaError
        ValueError, TypeError
            If ``t`` is out of range.
        """
        from tabdiff.analytics.trajectory import diffuse

        check_is_fitted(self)
        require_real("t", t, 0.0, 1.0)
        return diffuse(self._fitted, df, float(t), entropy_of(random_state))

    @unswayed()
    def trajectory(
        self, n_samples: int, times: Sequence[float] = TIMES, *, random_state: Seed = 0
    ) -> pd.DataFrame:
        """New rows on their way from noise to data.

        Parameters
        ----------
        n_samples : int
        times : sequence of float, in [0, 1]
            When to look; the rows of time 0 are finished.

        Returns
        -------
        DataFrame
            In one long frame with index levels ``time`` and ``row``; masked cells are missing ones.

        Raises
        ------
        NotFittedError
        ValueError, TypeError
            If ``n_samples`` or a time is out of range.
        """
        from tabdiff.analytics.trajectory import backward

        check_is_fitted(self)
        n = require_whole("n_samples", n_samples, least=0)
        at = _times(times)
        steps = self._steps()
        return backward(self._fitted, n, at, steps, entropy_of(random_state))

    def plot_trajectory(
        self,
        *columns: Hashable,
        df: Any = None,
        times: Sequence[float] = TIMES,
        n_samples: int = 1000,
        random_state: Seed = 0,
    ) -> Any:
        """One column or two between data and noise, forward and backward side by side.

        Parameters
        ----------
        *columns : one or two column labels
        df : DataFrame or array, optional
            The rows of the way forward; at most ``n_samples`` are drawn of them. New ones if None.
        times : sequence of float, in [0, 1]
        n_samples : int

        Returns
        -------
        plotly Figure
            ``.write_html("film.html")`` keeps it, with its slider.

        Raises
        ------
        NotFittedError, SchemaError
        KeyError
            If a column is not in the table.
        ValueError, TypeError
            If there are no columns or more than two, or a time is out of range.
        ImportError
            If plotly is absent.
        """
        from tabdiff.analytics.film import plot_trajectory
        from tabdiff.analytics.trajectory import backward, forward

        check_is_fitted(self)
        if len(columns) not in (1, 2):
            raise ValueError(f"plot_trajectory takes one column or two. Got {len(columns)}.")
        for column in columns:
            self._fitted.schema[column]
        n, at = require_whole("n_samples", n_samples, least=2), _times(times)
        entropy, steps = entropy_of(random_state), self._steps()
        if df is None:
            df = backward(self._fitted, n, np.zeros(1), steps, entropy).droplevel("time")
        frame = to_pandas(df)
        rows = frame.sample(min(n, len(frame)), random_state=entropy % 2**32)
        there = forward(self._fitted, rows, at, entropy)
        back = backward(self._fitted, len(rows), at, steps, entropy)
        return plot_trajectory(there, back, columns)

    def plot_schedule(self) -> Any:
        """Signal, noise and keep-probability over time, and where the steps are spent.

        Raises
        ------
        NotFittedError
        ImportError
            If plotly is absent.
        """
        from tabdiff.analytics.plots import plot_schedule
        from tabdiff.analytics.trajectory import schedule_curves

        check_is_fitted(self)
        return plot_schedule(schedule_curves(self._fitted.joint), self._steps())

    def _steps(self) -> int:
        """As many steps between noise and data as sampling takes."""
        return self.sampling_steps or default_sampling_steps(self._fitted.encoder.layout)


def _times(times: Sequence[float]) -> np.ndarray:
    """Times in rising order, each once."""
    if not len(times):
        raise ValueError("times must hold at least one time.")
    for t in times:
        require_real("times", t, 0.0, 1.0)
    return np.unique(np.array(times, dtype=np.float64))
