"""What a private fit is promised to cost, and what of its table is public.

A mechanism is (epsilon, delta)-differentially private if adding or removing all rows of one unit
changes the probability of any set of outcomes by at most a factor e^epsilon, and delta (Dwork et
al. 2006). Everything a private model holds is an outcome: bounds and categories are therefore
declared, or measured with noise that the budget pays for; nothing is inferred from the rows.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

ROW = "row"
# The accountant's floating point tells no smaller one.
LEAST_DELTA = 1e-12


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """A budget of differential privacy, and what need not be paid for because it is public.

    Parameters
    ----------
    epsilon : float, > 0
        Of everything that a fit does. Below 1 is strong, beyond 10 a matter of form.
    delta : float, in (0, 1)
        Must lie below 1 / n_rows.
    bounds : mapping
        Column to ``(low, high)``: public bounds of a number, date or duration. Values beyond count
        as the nearest bound.
    categories : mapping
        Column to its public categories. Truth values need none.
    missing : sequence of column labels
        Columns in which cells may be missing.
    identifiers : sequence of column labels
        Columns that are not learned but filled with fresh surrogates, made from nothing.
    resolution : mapping
        Column to the step on which its numbers lie: 0.01 for prices, ``pd.Timedelta("1D")`` for
        days. Integers lie on 1; any other column without one is continuous.
    n_rows : int, optional
        How many rows (units, if ``unit`` is a column or the rows are of sequences) there are,
        about: a public number.
    target : column label, optional
        The column that will be predicted; every relation is then measured together with it. Of
        tables alone.
    unit : "row" or column label
        What is protected: single rows, or all rows with the same value of a column. Of sequences
        it is always the ``sequence_key``.
    longest : int, optional
        Of sequences: how many rows (steps, of a regular index) of one are learned at the most.
        Later ones are left out.
    step : number or Timedelta, optional
        Of sequences with a regular ``sequence_index``: from one moment to the next. Without one
        the gaps between rows are learned.
    preprocessing_epsilon : float, in [0, epsilon)
        The part of ``epsilon`` that pays for what is not declared: bounds, categories, which
        columns miss cells, the number of rows. With 0 all of these must be declared.
    marginal_share : float, in (0, 1]
        Of the rest of the budget, the part that measures marginals of few columns, from which a
        coarse model is made and the network pre-trained; what is left trains it on rows (DP-SGD).
        With 1 the network sees no row at all.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range, or a column is declared twice.

    Examples
    --------
    >>> Privacy(epsilon=1.0, delta=1e-6, bounds={"age": (0, 120)}, n_rows=30_000).unit
    'row'
    """

    epsilon: float
    delta: float
    bounds: Mapping[Hashable, tuple[Any, Any]] = field(default_factory=dict)
    categories: Mapping[Hashable, Sequence[Any]] = field(default_factory=dict)
    missing: Sequence[Hashable] = ()
    identifiers: Sequence[Hashable] = ()
    resolution: Mapping[Hashable, Any] = field(default_factory=dict)
    n_rows: int | None = None
    target: Hashable | None = None
    unit: Hashable = ROW
    longest: int | None = None
    step: Any = None
    preprocessing_epsilon: float = 0.0
    marginal_share: float = 0.7

    def __post_init__(self) -> None:
        _require("epsilon", self.epsilon, 0.0, math.inf)
        _require("delta", self.delta, 0.0, 1.0)
        if self.preprocessing_epsilon != 0.0:
            _require("preprocessing_epsilon", self.preprocessing_epsilon, 0.0, self.epsilon)
        if self.marginal_share != 1.0:
            _require("marginal_share", self.marginal_share, 0.0, 1.0)
        if self.marginal_share < 1 and self.delta < LEAST_DELTA:
            raise ValueError(
                f"delta={self.delta:g} is too small to account for training on rows: take at "
                f"least {LEAST_DELTA:g}, or marginal_share=1.0."
            )
        self._check_rows()
        if self.longest is not None:
            _require_whole("longest", self.longest, 2)
        self._check_columns()

    @property
    def by_row(self) -> bool:
        """Whether single rows are protected."""
        return isinstance(self.unit, str) and self.unit == ROW

    @property
    def pays(self) -> bool:
        """Whether the budget pays for what is not declared."""
        return self.preprocessing_epsilon > 0

    @property
    def surrogates(self) -> set[Hashable]:
        """Columns that are filled with surrogates: the identifiers, and the unit."""
        return set(self.identifiers) | (set() if self.by_row else {self.unit})

    def _check_rows(self) -> None:
        n = self.n_rows
        if n is None:
            return
        _require_whole("n_rows", n, 2)
        self.require_small_delta(n)

    def require_small_delta(self, n: float) -> None:
        """Refuse a delta that exposes one of ``n`` rows.

        Raises
        ------
        ValueError
            Naming both.
        """
        if self.delta * n >= 1:
            raise ValueError(
                f"delta={self.delta:g} lets one in {1 / self.delta:,.0f} be exposed whole, and "
                f"there are {n:,.0f}. Take a delta well below 1 / n_rows = {1 / n:.2g}."
            )

    def _check_columns(self) -> None:
        for name in ("bounds", "categories", "resolution"):
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"{name} must map columns. Got {getattr(self, name)!r:.80}.")
        for name in ("missing", "identifiers"):
            held = getattr(self, name)
            if isinstance(held, str) or not isinstance(held, Iterable):
                raise TypeError(f"{name} must be a list of columns. Got {held!r:.80}.")
        sorts = (set(self.bounds), set(self.categories), self.surrogates)
        twice = [name for name in set().union(*sorts) if sum(name in sort for sort in sorts) > 1]
        if twice:
            raise ValueError(
                f"declared twice: {', '.join(map(repr, twice))}. A column has bounds, or "
                "categories, or is an identifier (the unit is one)."
            )
        if loose := [name for name in self.resolution if name not in self.bounds]:
            raise ValueError(f"resolution of columns without bounds: {loose!r}. Declare bounds.")
        for label, ends in self.bounds.items():
            if not isinstance(ends, Sequence) or isinstance(ends, str) or len(ends) != 2:
                raise ValueError(f"bounds of {label!r} must be (low, high). Got {ends!r}.")
        for label, levels in self.categories.items():
            if isinstance(levels, str) or not isinstance(levels, Iterable) or not list(levels):
                raise ValueError(f"categories of {label!r} must be a list. Got {levels!r:.80}.")
            if any(level is None or level != level for level in levels):
                raise ValueError(f"categories of {label!r} hold a missing one: declare missing=.")


@dataclass(frozen=True)
class PrivacySpent:
    """What a private fit cost, and what was public.

    Attributes
    ----------
    epsilon, delta : float
        What holds of everything that the fit gave.
    accountant : str
    adjacency : str
        What neighbouring tables are.
    unit : str
        "row", or the column whose values tell the units apart.
    mu_counts : float
        Of all noisy counts together, as one Gaussian mechanism.
    n_units : int
        Declared, or counted with noise.
    sample_rate, sigma, steps, clip, draws : float, float, int, float, int
        Of training on rows; zeros where there was none.
    public : tuple of str
        What was declared.
    paid : tuple of str
        What noisy counts stood in for.
    versions : dict
        Of the libraries that drew the noise and added it up.
    """

    epsilon: float
    delta: float
    accountant: str
    adjacency: str
    unit: str
    mu_counts: float
    n_units: int
    sample_rate: float
    sigma: float
    steps: int
    clip: float
    draws: int
    public: tuple[str, ...]
    paid: tuple[str, ...]
    versions: dict[str, str]

    def __str__(self) -> str:
        who = "a row" if self.unit == ROW else f"all rows with one value of {self.unit!r}"
        return (
            f"({self.epsilon:.3g}, {self.delta:.3g})-differential privacy of {who} "
            f"({self.adjacency}; {self.accountant})"
        )

    def state(self) -> dict[str, Any]:
        """Strict JSON."""
        return {**asdict(self), "public": list(self.public), "paid": list(self.paid)}

    @classmethod
    def from_state(cls, data: dict[str, Any]) -> PrivacySpent:
        """What :meth:`state` described.

        Raises
        ------
        TypeError, ValueError
            If it is something else.
        """
        numbers = ("epsilon", "delta", "mu_counts", "sample_rate", "sigma", "clip")
        if not all(isinstance(data.get(name), int | float) for name in numbers):
            raise ValueError("the record of privacy lacks numbers")
        told = {name: tuple(map(str, data[name])) for name in ("public", "paid")}
        return cls(**{**data, **told})


def _require(name: str, value: object, low: float, high: float) -> None:
    """Refuse what is no number between ``low`` and ``high``, both excluded."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number. Got {value!r}.")
    if not low < float(value) < high:
        raise ValueError(f"{name} must be in ({low:g}, {high:g}). Got {value!r}.")


def _require_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number from ``least`` on."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number. Got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Got {value}.")
