"""What may be known of a private table before its encoder is fitted.

What a column is (dtype, kind, categories, bounds) is inferred from a *template*: a small frame that
is made of the declarations and of the dtypes of the table alone, so that no row has a say. Where a
declaration is absent and the budget allows, noisy counts stand in for it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from tabdiff.data.cells import Array, present
from tabdiff.data.errors import SchemaError, closest, listing
from tabdiff.data.frames import container_of, polars_types, take, to_pandas
from tabdiff.data.infer import FEW_ROWS, check_frame, infer_schema
from tabdiff.data.noise import NoisyCounts, shares
from tabdiff.data.privacy import Privacy
from tabdiff.data.reading import read_cells
from tabdiff.data.schema import Schema

# What labels become that too few rows have.
OTHER = "other"
# How many standard deviations of its noise a count must reach to be believed.
SURE = 3.0
# Powers of two between which bounds are looked for.
EXPONENTS = range(-20, 64)


@dataclass(frozen=True)
class Charter:
    """What may be known of a private table before any row is counted.

    Attributes
    ----------
    frame : DataFrame
        One row for each unit.
    n : float
        How many there are, declared or counted with noise.
    privacy : Privacy
    schema : Schema
        Of the template.
    template : DataFrame
    missing : frozenset of labels
        Columns with a level for missing cells.
    labels : dict of label to list
        Of columns whose categories were paid for.
    paid : tuple of str
        What the budget paid for instead of a declaration.
    """

    frame: pd.DataFrame
    n: float
    privacy: Privacy
    schema: Schema
    template: pd.DataFrame
    missing: frozenset[Hashable]
    labels: dict[Hashable, list[Any]]
    paid: tuple[str, ...]

    def conform(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, Array]:
        """Rows of the table as far as they can be told, and where in ``frame`` those are.

        Labels that were not found become one, and rows are left out with gaps that noise hid: they
        have no level to go to. Each row goes for its own sake alone.
        """
        for name, labels in self.labels.items():
            frame = _with(frame, name, _known_or_other(frame[name], labels))
        broken = np.zeros(len(frame), dtype=bool)
        for name in frame.columns:
            if self.privacy.pays and name not in self.missing | self.privacy.surrogates:
                broken |= present(frame[name])[1]
        kept = np.flatnonzero(~broken)
        return (take(frame, kept) if broken.any() else frame), kept


def charter(df: Any, privacy: Privacy, noise: NoisyCounts, mu: float, delta: float) -> Charter:
    """What is public of a table, and what is paid for with ``mu`` and ``delta`` where it is not.

    Raises
    ------
    SchemaError
        Naming all that must be declared, or what rows contradict a declaration: the error is for
        the eyes of who holds the table.
    """
    frame = to_pandas(df)
    check_frame(frame, {})
    check_names(frame, privacy)
    if not privacy.by_row:
        frame = _one_of_each(frame, privacy.unit, noise.rng)
    if not privacy.pays:
        if problems := require_declared(frame, privacy):
            raise SchemaError(
                "in private mode nothing is inferred from rows. Declare public knowledge, never "
                "the table's own values, or let the budget pay (preprocessing_epsilon): "
                f"{listing(problems)}"
            )
        n = float(privacy.n_rows or 0)
        return _drawn_up(df, frame, n, privacy, {}, set(privacy.missing), ())
    asked = _Asked.of(frame, privacy)
    costs = iter(shares(mu, [1.0] * asked.count)) if asked.count else iter(())
    n, paid = float(privacy.n_rows or 0), []
    if not privacy.n_rows:
        n = max(float(noise.of(np.array([float(len(frame))]), next(costs))[0]), 2.0)
        privacy.require_small_delta(n)
        paid.append("number of rows")
    found: dict[Hashable, list[Any]] = {}
    for name in asked.numbers:
        found[name] = _bounds_of(frame[name], name, noise, next(costs))
        paid.append(f"bounds of {name!r}")
    for name in asked.labels:
        each = delta / len(asked.labels)
        found[name] = _labels_of(frame[name], name, noise, next(costs), each)
        paid.append(f"categories of {name!r}")
    missing = set(privacy.missing)
    for name in asked.gaps:
        cost = next(costs)
        count = float(noise.of(np.array([float(present(frame[name])[1].sum())]), cost)[0])
        missing |= {name} if count > SURE / cost else set()
        paid.append(f"missing cells of {name!r}")
    return _drawn_up(df, frame, n, privacy, found, missing, tuple(paid))


@dataclass(frozen=True)
class _Asked:
    """What is not declared, by what is missing of it; depends on dtypes and declarations alone."""

    numbers: list[Hashable]
    labels: list[Hashable]
    gaps: list[Hashable]
    count: int

    @classmethod
    def of(cls, frame: pd.DataFrame, privacy: Privacy) -> _Asked:
        columns: list[Hashable] = list(frame.columns)
        loose = [name for name in columns if not _is_declared(frame[name], privacy)]
        kinds = {name: getattr(frame[name].dtype, "kind", "O") for name in loose}
        numbers = [name for name in loose if kinds[name] in "iufmM"]
        labels = [name for name in loose if name not in numbers]
        gaps = [
            name
            for name in columns
            if name not in privacy.surrogates
            and name not in privacy.missing
            and _can_miss(frame[name].dtype)
        ]
        count = len(numbers) + len(labels) + len(gaps) + (privacy.n_rows is None)
        return cls(numbers, labels, gaps, count)


def check_names(frame: pd.DataFrame, privacy: Privacy) -> None:
    """Refuse declarations of what the table does not have."""
    named = [*privacy.bounds, *privacy.categories, *privacy.missing, *privacy.surrogates]
    named += [privacy.target] if privacy.target is not None else []
    labels = list(frame.columns)
    if unknown := [name for name in named if name not in labels]:
        told = [f"no column {name!r}.{closest(name, labels)}" for name in unknown]
        raise SchemaError(f"privacy declares what the table does not have: {listing(told)}")
    if privacy.target in privacy.surrogates:
        raise SchemaError(f"the target {privacy.target!r} is an identifier: nothing is learned.")


def _is_declared(series: pd.Series, privacy: Privacy) -> bool:
    declared = {*privacy.bounds, *privacy.categories, *privacy.surrogates}
    return series.name in declared or _is_truth(series)


def _can_miss(dtype: Any) -> bool:
    """Whether cells of a dtype can be missing at all."""
    return not (isinstance(dtype, np.dtype) and dtype.kind in "biu")


def _is_truth(series: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(series.dtype)


def require_declared(frame: pd.DataFrame, privacy: Privacy) -> list[str]:
    """What would have to be inferred of a table, and how to declare it."""
    problems = []
    for name in frame.columns:
        series = frame[name]
        if not _is_declared(series, privacy):
            numbers = getattr(series.dtype, "kind", "O") in "iufmM"
            how = f"bounds={{{name!r}: (low, high)}}" if numbers else f"categories={{{name!r}: …}}"
            problems.append(f"column {name!r} ({series.dtype}): declare {how}.")
        elif (
            name not in privacy.missing
            and name not in privacy.surrogates
            and present(series)[1].any()
        ):
            problems.append(f"column {name!r} misses cells: declare missing=[{name!r}].")
    if privacy.n_rows is None:
        problems.append("how many rows there are, about: declare n_rows.")
    return problems


def _one_of_each(frame: pd.DataFrame, unit: Hashable, rng: np.random.Generator) -> pd.DataFrame:
    """A random row of each unit; rows without one are units of their own."""
    shuffled = take(frame, rng.permutation(len(frame)))
    keep = ~shuffled[unit].duplicated() | shuffled[unit].isna()
    return shuffled[keep].reset_index(drop=True)


def _bounds_of(series: pd.Series, name: Hashable, noise: NoisyCounts, mu: float) -> list[Any]:
    """Powers of two between which most values lie, found in noisy counts.

    Source: the approximate bounds of Wilson et al. 2020 (arXiv:1909.01917), section 4.1.
    """
    column = infer_schema(_of_dtype(series, name, [0, 1]), {}, few=0).columns[0]
    values = read_cells(series, column).values.astype(np.float64)
    powers = np.array([2.0**k for k in EXPONENTS])
    # Edges rise from the largest negative power over 0 to the largest positive one.
    edges = np.concatenate([-powers[::-1], [0.0], powers])
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    counts = noise.of(np.bincount(place, minlength=len(edges) - 1), mu)
    # Of all classes none passes by noise alone, but for one table in a thousand.
    held = np.flatnonzero(counts > ndtri(1 - 1e-3 / len(counts)) / mu)
    if not len(held):
        raise SchemaError(
            f"column {name!r}: preprocessing_epsilon is too small to find bounds. Declare them."
        )
    low, high = edges[held[0]], edges[held[-1] + 1]
    kind = getattr(series.dtype, "kind", "O")
    if kind in "iu":
        ends = np.iinfo(getattr(series.dtype, "numpy_dtype", series.dtype))
        return [int(max(low, ends.min)), int(min(high, ends.max))]
    if kind in "mM":
        spans = np.array([low, high]).clip(-(2.0**62), 2.0**62).astype(np.int64)
        return list(_of_dtype(series, name, spans)[name])[:2]
    return [float(low), float(high)]


def _labels_of(
    series: pd.Series, name: Hashable, noise: NoisyCounts, mu: float, delta: float
) -> list[Any]:
    """Labels that enough rows have, and one for all others.

    A label of a single row passes with a probability of ``delta``: a stability histogram (Korolova
    et al. 2009; Bun, Nissim & Stemmer 2016).
    """
    held = series.dropna()
    if not all(isinstance(value, str) for value in held):
        raise SchemaError(f"column {name!r} holds other than texts: declare its categories.")
    counts = held.astype(object).value_counts().sort_index()
    noisy = noise.of(counts.to_numpy(dtype=np.float64), mu)
    kept = counts.index[noisy > 1 + ndtri(1 - delta) / mu]
    return [*(label for label in kept if label != OTHER), OTHER]


def _known_or_other(series: pd.Series, labels: list[Any]) -> pd.Series:
    plain = series.astype(object)
    plain = plain.where(plain.isin(labels) | plain.isna(), OTHER)
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = pd.CategoricalDtype(labels, ordered=dtype.ordered)
    return plain.astype(dtype)


def _with(frame: pd.DataFrame, name: Hashable, column: pd.Series) -> pd.DataFrame:
    """The frame with another column in the place of one, whatever its label is."""
    labels: list[Hashable] = list(frame.columns)
    columns = [column if own == name else frame.iloc[:, at] for at, own in enumerate(labels)]
    changed = pd.concat(columns, axis=1)
    changed.columns = frame.columns
    return changed


def _drawn_up(
    df: Any,
    frame: pd.DataFrame,
    n: float,
    privacy: Privacy,
    found: dict[Hashable, list[Any]],
    missing: set[Hashable],
    paid: tuple[str, ...],
) -> Charter:
    """The charter, its schema inferred from a template of public values."""
    values = {name: _public(frame[name], privacy, found) for name in frame.columns}
    n_rows = max(FEW_ROWS, *(len(own) + 1 for own in values.values()))
    columns = []
    for name, own in values.items():
        repeated = [own[i % len(own)] for i in range(n_rows)]
        if name in missing:
            repeated[-1] = None
        columns.append(_of_dtype(frame[name], name, repeated)[name])
    template = pd.concat(columns, axis=1)
    template.columns = frame.columns
    schema = infer_schema(template, _kinds(frame, privacy, found))
    if container_of(df) == "polars":
        types = polars_types(df)
        polars = [replace(c, polars=types.get(str(c.name), "")) for c in schema.columns]
        schema = replace(schema, columns=tuple(polars))
    schema = replace(schema, container=container_of(df))
    labels = {name: own for name, own in found.items() if OTHER in own}
    drawn_up = Charter(frame, n, privacy, schema, template, frozenset(missing), labels, paid)
    return replace(drawn_up, frame=drawn_up.conform(frame)[0])


def _public(series: pd.Series, privacy: Privacy, found: dict[Hashable, list[Any]]) -> list[Any]:
    """Values of a column that anybody may know, or that were paid for."""
    name = series.name
    if name in privacy.surrogates:
        return _surrogates(series)
    if name in found:
        return found[name]
    if name in privacy.categories:
        return list(privacy.categories[name])
    if name not in privacy.bounds:
        return [False, True]
    low, high = privacy.bounds[name]
    if not low < high:
        raise SchemaError(f"bounds of {name!r} must be (low, high), low first. Got {low, high!r}.")
    return [low, high]


def _kinds(
    frame: pd.DataFrame, privacy: Privacy, found: dict[Hashable, list[Any]]
) -> dict[Hashable, str]:
    kinds: dict[Hashable, str | None] = {}
    for name in frame.columns:
        kind = getattr(frame[name].dtype, "kind", "O")
        if name in privacy.surrogates:
            kinds[name] = "identifier"
        elif name in privacy.bounds or (name in found and kind in "iufmM"):
            numbers = {"M": "datetime", "m": "timedelta", "O": None}
            kinds[name] = numbers.get(kind, "numeric")
        else:
            kinds[name] = "categorical"
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _of_dtype(series: pd.Series, name: Hashable, values: Any) -> pd.DataFrame:
    """A frame of one column with these values, in the dtype of a series."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        labels = [value for value in dict.fromkeys(values) if value is not None]
        dtype = pd.CategoricalDtype(labels, ordered=dtype.ordered)
    if getattr(dtype, "kind", "O") in "iu":
        loose = [value for value in values if value is not None and value != int(value)]
        if loose:
            raise SchemaError(
                f"column {name!r} is {dtype}, and what is declared no whole number: {loose[0]!r}."
            )
    try:
        own = pd.Series(pd.array(values, dtype=dtype), name=name)
    except (TypeError, ValueError, OverflowError) as error:
        raise SchemaError(
            f"column {name!r}: what is declared cannot be {dtype}: {error}. Convert it."
        ) from error
    return own.to_frame()


def _surrogates(series: pd.Series) -> list[Any]:
    """Made-up identifiers of the dtype: nothing is taken from the real ones."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "iu":
        return list(range(1, FEW_ROWS + 1))
    if kind == "f":
        raise SchemaError(f"the identifier {series.name!r} is {series.dtype}: make it a text.")
    return [f"id-{i:06}" for i in range(1, FEW_ROWS + 1)]
