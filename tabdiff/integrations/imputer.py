"""A scikit-learn transformer that fills missing cells."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tabdiff.data.averages import average
from tabdiff.inference.chunks import Seed, entropy_of
from tabdiff.integrations.tables import as_frame, check_table, new_synthesizer, without_index
from tabdiff.synthesizer import DiffusionSynthesizer
from tabdiff.training.settings import require_whole


class DiffusionImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fills missing cells with what a diffusion model expects there, given the row's other cells.

    The model learns the joint distribution of a table *with* gaps; columns of any kind may have
    them, and any pattern of them is one question to the same network.

    Parameters
    ----------
    n_draws : int, at least 1
        A filled cell is the mean (of a category, the most frequent value) of so many draws. If the
        model is right, the squared error is ``1 + 1 / n_draws`` times that of the true conditional
        mean. With 1 a filled cell is a draw: as far off again, but with the spread and the
        relations of real cells, as ``IterativeImputer(sample_posterior=True)`` gives them.
    synthesizer : DiffusionSynthesizer, optional
        Cloned and fitted; with None, one with its defaults. Its parameters are reached as
        ``synthesizer__max_steps`` and so on.
    random_state : int, numpy Generator, RandomState or None
        Seeds the fills, and the training in place of the synthesizer's own seed. None leaves that
        one as it is. Drawn from at :meth:`fit`: a fitted imputer fills the same table always alike.

    Attributes
    ----------
    synthesizer_ : DiffusionSynthesizer
        The fitted one; ``synthesizer_.impute(X, n_draws=5)`` gives five filled tables, as multiple
        imputation wants them.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    A row's fill depends on its place in the table too, as its random numbers do. Columns without
    any value at fit, and identifiers, come back as they were. Constraints of the synthesizer hold
    in every draw, hence with ``n_draws=1``; a mean of draws, or a mode by column, may break them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from tabdiff import DiffusionImputer, DiffusionSynthesizer
    >>> X = load_iris().data
    >>> X[::7, 2] = np.nan
    >>> quick = DiffusionSynthesizer(max_steps=20)
    >>> filled = DiffusionImputer(synthesizer=quick, random_state=0).fit_transform(X)
    >>> bool(np.isnan(filled).any())
    False
    """

    def __init__(
        self,
        *,
        n_draws: int = 10,
        synthesizer: DiffusionSynthesizer | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_draws = n_draws
        self.synthesizer = synthesizer
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the joint distribution of the columns of ``X``.

        Parameters
        ----------
        X : pandas or polars DataFrame, or array-like, (n_rows, n_columns)
            With or without gaps: NaN, None, NA or NaT.
        y : ignored

        Raises
        ------
        SchemaError
            If columns cannot be modelled, all of them named.
        ValueError, TypeError
            If a parameter is out of its range, or ``X`` no table.
        """
        require_whole("n_draws", self.n_draws, least=1)
        entropy = entropy_of(self.random_state)
        synth = new_synthesizer(self.synthesizer, None if self.random_state is None else entropy)
        self.synthesizer_ = synth.fit(without_index(as_frame(check_table(self, X, reset=True))))
        self._entropy = entropy
        return self

    def transform(self, X: Any) -> Any:
        """``X`` with its gaps filled; observed cells as they were.

        Parameters
        ----------
        X : pandas or polars DataFrame, or array-like, (n_rows, n_columns)

        Returns
        -------
        DataFrame or ndarray
            A frame of the same kind, with the index and dtypes of ``X``, where ``X`` is one; else
            an array. ``set_output`` overrides it.

        Raises
        ------
        NotFittedError
            Before :meth:`fit`.
        SchemaError, ConditionError
            If columns are of other dtypes than at fit.
        ValueError, TypeError
            If ``X`` has other columns than at fit, or is no table.

        Warns
        -----
        SchemaWarning
            Once, if rows with gaps hold values that were not there at fit. The cells stay as they
            are and tell their rows nothing.
        """
        check_is_fitted(self)
        checked = check_table(self, X, reset=False)
        table = as_frame(checked)
        if not isinstance(table, pd.DataFrame):
            return self._fill(table)
        # The columns are those of the fit, by position: an array may follow a frame.
        labels = self.synthesizer_.schema_.labels()
        filled = self._fill(table.set_axis(labels, axis=1)).set_axis(table.columns, axis=1)
        return filled.to_numpy(checked.dtype) if isinstance(checked, np.ndarray) else filled

    def _fill(self, table: Any) -> Any:
        draws = self.synthesizer_.impute(table, self.n_draws, random_state=self._entropy)
        return average(table, draws, self.synthesizer_.schema_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
