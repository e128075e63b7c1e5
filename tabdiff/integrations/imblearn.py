"""A sampler of imbalanced-learn that draws new rows of the classes that lack them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

try:
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.utils import check_target_type
except ImportError as error:
    raise ImportError(
        "DiffusionOverSampler needs imbalanced-learn. Run: pip install 'tabdiff[imblearn]'"
    ) from error

import numpy as np
import pandas as pd
from sklearn.utils import Tags

from tabdiff.data.schema import Schema
from tabdiff.inference.chunks import Seed, entropy_of
from tabdiff.integrations.tables import as_frame, check_table, new_synthesizer, without_index
from tabdiff.synthesizer import DiffusionSynthesizer


class DiffusionOverSampler(BaseOverSampler):
    """Adds rows of the classes that lack them, drawn from a diffusion model given their class.

    ``X`` and ``y`` are learned as one table, all classes in one fit: what the columns have to do
    with each other is learned from every row, and what a class is, from its own. Numbers, text,
    dates, categories and missing values are taken as they are; the new rows have the dtypes,
    levels, bounds and missing cells of the real ones.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable
        As in imbalanced-learn. "auto" gives every class as many rows as the largest one has; a
        float is the wanted ratio of the smaller class to the larger; a dict holds the number of
        rows of each class in the result.
    synthesizer : DiffusionSynthesizer, optional
        Cloned and fitted; with None, one with its defaults. Its parameters are reached as
        ``synthesizer__max_steps`` and so on. A schema of its own describes ``X`` alone.
    random_state : int, RandomState or None
        Seeds the new rows, and the training in place of the synthesizer's own seed.

    Attributes
    ----------
    sampling_strategy_ : dict
        Class to the number of rows that it gets.
    synthesizer_ : DiffusionSynthesizer
        The fitted one; its last column is the class. Absent where no class lacked rows.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from tabdiff import DiffusionOverSampler, DiffusionSynthesizer
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> quick = DiffusionSynthesizer(max_steps=5)
    >>> sampler = DiffusionOverSampler(synthesizer=quick, random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> y_more.value_counts().tolist()
    [357, 357]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,
        "synthesizer": [DiffusionSynthesizer, None],
    }

    def __init__(
        self,
        *,
        sampling_strategy: float | str | Mapping[Any, int] | Callable[[Any], Any] = "auto",
        synthesizer: DiffusionSynthesizer | None = None,
        random_state: Seed = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.synthesizer = synthesizer
        self.random_state = random_state

    def _check_X_y(self, X: Any, y: Any) -> tuple[Any, Any, bool]:  # noqa: N802 - imblearn's name
        """The table, the classes as an array, and whether those came one-hot."""
        classes, one_hot = check_target_type(y, indicate_one_vs_all=True)
        table = check_table(self, X, reset=True)
        if not isinstance(table, np.ndarray | pd.DataFrame):
            raise TypeError(
                "imbalanced-learn takes pandas frames and arrays. "
                f"Got {type(X).__module__}.{type(X).__name__}. Call .to_pandas() first."
            )
        return table, classes, one_hot

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        entropy = entropy_of(self.random_state)
        synth = new_synthesizer(self.synthesizer, None if self.random_state is None else entropy)
        added = {value: n for value, n in self.sampling_strategy_.items() if n}
        if not added:
            return X, y
        table, label = _joined(as_frame(X), y)
        synth.set_params(column_kinds=(synth.column_kinds or {}) | {label: "categorical"})
        if synth.schema is not None:
            synth.set_params(schema=_extended(synth.schema, table[[label]]))
        self.synthesizer_ = synth.fit(table)
        counts = {value: int((y == value).sum()) + n for value, n in added.items()}
        whole = synth.augment(table, target=label, counts=counts, random_state=entropy)
        features = whole.iloc[:, whole.columns.get_indexer(table.columns[:-1])]
        features = features.to_numpy(X.dtype) if isinstance(X, np.ndarray) else features
        return features, whole[label].to_numpy(y.dtype)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _joined(features: pd.DataFrame, classes: Any) -> tuple[pd.DataFrame, str]:
    """The columns with the class as the last one, and what that is called."""
    label = "class"
    while label in features.columns:
        label += "_"
    # A flat index, so that a label may stand beside the tuples of a MultiIndex.
    labels = pd.Index([*features.columns, label], dtype=object, tupleize_cols=False)
    table = without_index(features).set_axis(labels[:-1], axis=1)
    table[label] = classes
    return table, label


def _extended(schema: Schema, classes: pd.DataFrame) -> Schema:
    """A schema of the columns, and the column of the class."""
    last = Schema.infer(classes, {classes.columns[0]: "categorical"}).columns
    columns = (*schema.columns, *last)
    return replace(
        schema, columns=columns, container="pandas", label_dtype="object", label_names=(None,)
    )
