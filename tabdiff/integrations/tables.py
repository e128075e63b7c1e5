"""What scikit-learn's users hold, as the frames that a synthesizer takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_array, validate_data

from tabdiff.synthesizer import DiffusionSynthesizer


def check_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """``X`` after scikit-learn's own checks of names, shape and values.

    Parameters
    ----------
    estimator : BaseEstimator
        Remembers the names and the number of columns.
    X : pandas or polars DataFrame, or array-like, (n_rows, n_columns)
        Arrays of any dtype; one of objects may mix numbers and text, each column of its own type.
    reset : bool
        Whether the estimator is being fitted, or must know these columns.

    Returns
    -------
    DataFrame or ndarray
        A frame is returned as it is, all else as an array.

    Raises
    ------
    ValueError, TypeError
        If it is empty, sparse, not 2-D, infinite somewhere, or has other columns than at fit.
    """
    if hasattr(X, "columns"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    array = check_array(X, dtype=None, ensure_all_finite="allow-nan", estimator=estimator)
    validate_data(estimator, array, reset=reset, skip_check_array=True)
    return array


def as_frame(table: Any) -> Any:
    """An array as a pandas frame with columns 0, 1, …; a frame as it is."""
    if not isinstance(table, np.ndarray):
        return table
    return pd.DataFrame(table.astype(object) if table.dtype.kind in "US" else table)


def without_index(table: Any) -> Any:
    """A frame whose index counts from 0: to scikit-learn it holds no data, so none is missed."""
    return table.set_axis(range(len(table)), axis=0) if isinstance(table, pd.DataFrame) else table


def new_synthesizer(
    template: DiffusionSynthesizer | None, random_state: int | None
) -> DiffusionSynthesizer:
    """An unfitted synthesizer like ``template``, with this seed if there is one.

    Raises
    ------
    TypeError
        If the template is no synthesizer.
    """
    if template is not None and not isinstance(template, DiffusionSynthesizer):
        raise TypeError(
            f"synthesizer must be a DiffusionSynthesizer or None. Got {type(template).__name__}."
        )
    synth = DiffusionSynthesizer() if template is None else clone(template)
    return synth if random_state is None else synth.set_params(random_state=random_state)
