"""A set of constraints, fitted to a table: a frame that cannot break them, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tabdiff.data.cells import Array
from tabdiff.data.column import Column
from tabdiff.data.constraints.adapting import adapt, told
from tabdiff.data.constraints.amounts import Quantities
from tabdiff.data.constraints.catalogue import FixedIncrements, Unique
from tabdiff.data.constraints.checks import describe, distinct_constraints, shown_columns
from tabdiff.data.constraints.combinations import OPEN
from tabdiff.data.constraints.declared import Constraint, ConstraintError
from tabdiff.data.constraints.fitting import Derived, Learned, learn
from tabdiff.data.constraints.judging import broken_rows
from tabdiff.data.constraints.middle import (
    assemble,
    by_label,
    kept_within,
    ordered,
    read_distances,
    refuse_missing,
    replace_rows,
    write_distances,
)
from tabdiff.data.constraints.planning import Ground
from tabdiff.data.constraints.stored import read_learned
from tabdiff.data.frames import from_pandas
from tabdiff.data.given import GivenColumn
from tabdiff.data.scalars import to_json
from tabdiff.data.schema import Schema


class ConstraintSet:
    """Constraints that a table keeps, whatever is drawn.

    :meth:`transform` replaces columns by others of which any values will do; :meth:`reverse` gives
    the original columns back, and every constraint but ``Unique`` holds in every row of what it
    gives, whatever the frame it is given. :meth:`complete` sees to ``Unique`` as well.

    Attributes
    ----------
    constraints : tuple of Constraint
    schema : Schema
        Of the original table.
    middle_schema : Schema
        Of the transformed one: pandas, a subset of the original labels in their order.
    kept : bool array, (n,), or None
        The training rows that break nothing, from which everything was learned; None once loaded.
    axes : dict of Axis
        Of every column that is compared.
    derived : tuple of Derived
        The columns that are derived from others, each after its inputs.
    fused : dict of Fused
        The columns that become one, by the constraint that states it.

    Examples
    --------
    >>> frame = pd.DataFrame({"low": [1, 5, 3] * 9, "high": [2, 5, 9] * 9})
    >>> fitted = ConstraintSet.fit([Inequality("low", "high")], frame, Schema.infer(frame))
    >>> fitted.transform(frame)["high"].tolist()[:3]
    [1, 0, 6]
    >>> fitted.reverse(pd.DataFrame({"low": [5, 1], "high": [0, 3]})).values.tolist()
    [[5, 5], [1, 4]]
    """

    def __init__(self, constraints: Sequence[Constraint], schema: Schema, learned: Learned) -> None:
        self.constraints = tuple(constraints)
        self.schema = schema
        self.axes = learned.axes
        self.derived = learned.derived
        self.fused = learned.fused
        self.kept = learned.kept
        self.middle_schema = Schema(
            tuple(self._middle_columns()), "pandas", schema.label_dtype, schema.label_names
        )

    @classmethod
    def fit(
        cls,
        constraints: Sequence[Constraint],
        df: Any,
        schema: Schema,
        on_violation: str = "raise",
    ) -> ConstraintSet:
        """Check constraints against a table and find how to enforce them.

        Parameters
        ----------
        constraints : sequence of Constraint
            The same one twice counts once.
        df : DataFrame or ndarray
            The training rows.
        schema : Schema
            Of ``df``.
        on_violation : {"raise", "drop"}
            What to do with training rows that break a constraint; "drop" learns from the others,
            which ``kept`` tells.

        Raises
        ------
        ConstraintError
            If the constraints name absent or unsuitable columns, contradict each other, cannot be
            enforced together, or are broken by training rows (how many, and the first of them).
        SchemaError
            If the frame does not follow the schema.
        TypeError
            If something is no constraint.

        Warns
        -----
        SchemaWarning
            If rows were left out, or an equation rounds some of them otherwise.
        """
        stated = distinct_constraints(constraints)
        frame = ordered(df, schema)
        return cls(stated, schema, learn(stated, frame, schema, on_violation))

    def _middle_columns(self) -> list[Column]:
        replaced: dict[Hashable, Column | None] = {}
        for fused in self.fused.values():
            replaced |= dict.fromkeys(column.name for column in fused.combinations.columns)
            replaced[fused.code.name] = fused.code
        replaced |= {derived.derivation.label: derived.distance for derived in self.derived}
        columns = [replaced.get(column.name, column) for column in self.schema.columns]
        return [column for column in columns if column is not None]

    def partners(self, label: Hashable) -> tuple[Hashable, ...]:
        """The other columns that must be known for the middle frame to say what this column is.

        Empty for a column that is transformed to itself. Whoever conditions on a column gives
        these as well, or draws rows until the column is as wanted.

        Raises
        ------
        KeyError
            If there is no such column; the message names the closest.
        """
        needed = {self.schema[label].name, *self.inputs(label)}
        for fused in self.fused.values():
            names = {column.name for column in fused.combinations.columns}
            if names & needed:
                needed |= names
        return tuple(c.name for c in self.schema.columns if c.name in needed - {label})

    def inputs(self, label: Hashable) -> tuple[Hashable, ...]:
        """The columns from which a column is derived, and those from which they are, and so on."""
        needed: set[Hashable] = {label}
        for derived in reversed(self.derived):
            if derived.derivation.label in needed:
                needed |= derived.derivation.inputs()
        return tuple(c.name for c in self.schema.columns if c.name in needed - {label})

    def sources(self, label: Hashable) -> tuple[Hashable, ...]:
        """The columns of the middle frame from which a column is made."""
        known = {column.name for column in self.middle_schema.columns}
        found = []
        for name in (label, *self.inputs(label)):
            for fused in self.fused.values():
                if name in (column.name for column in fused.combinations.columns):
                    name = fused.code.name
            found += [name] if name in known else []
        return tuple(dict.fromkeys(found))

    def transform(self, df: Any) -> pd.DataFrame:
        """The frame in which constrained columns are replaced.

        A column derived from others becomes its distance from what they allow, or falls away where
        they tell all about it; columns of a combination become its number.

        Parameters
        ----------
        df : DataFrame or ndarray
            With the columns of the original table; never changed.

        Returns
        -------
        pandas.DataFrame
            Follows ``middle_schema``; the index of ``df``. Integers are nullable where a cell is
            missing that never was at fit.

        Raises
        ------
        ConstraintError
            If rows break a constraint.
        SchemaError
            If the frame does not follow the schema.
        """
        frame = ordered(df, self.schema)
        self._refuse_broken(frame)
        series = by_label(frame)
        rows = {label: axis.read(series[label]) for label, axis in self.axes.items()}
        written: dict[Hashable, pd.Series] = {}
        for fused in self.fused.values():
            codes = fused.combinations.encode(series)
            written[fused.code.name] = write_distances(codes, codes == OPEN, fused.code)
        for derivation, column in self.derived:
            if column is not None:
                label = derivation.label
                distances = derivation.forward(self.axes[label], rows)
                written[label] = write_distances(distances, ~rows[label].known, column)
        return assemble(self.middle_schema, series | written, frame.index)

    def _refuse_broken(self, frame: pd.DataFrame) -> None:
        broken = self._broken(frame)
        for constraint in self.constraints:
            if isinstance(constraint, Unique):
                del broken[str(constraint)]
        if any(rows.any() for rows in broken.values()):
            columns = shown_columns(self.constraints, self.schema)
            raise ConstraintError(f"rows break {describe(broken, columns, frame)}")

    def reverse(self, middle: pd.DataFrame) -> Any:
        """The original columns, in their order, dtypes and container.

        Numbers are brought to the grid and the range that their column had at fit. Every
        constraint but ``Unique`` holds in every row, whatever the middle frame says.

        Parameters
        ----------
        middle : pandas.DataFrame
            With the columns of ``middle_schema``.

        Raises
        ------
        SchemaError
            If the frame does not follow ``middle_schema``, or a cell is missing in a column that
            had no missing cell at fit.
        """
        return self.in_container(self._reversed(ordered(middle, self.middle_schema)))

    def in_container(self, frame: pd.DataFrame) -> Any:
        """A pandas frame of the original columns in the container of the original table."""
        polars = {str(c.name): c.polars for c in self.schema.columns if c.polars}
        return from_pandas(frame, self.schema.container, polars)

    def adapted(
        self, middle: pd.DataFrame, given: Mapping[Hashable, GivenColumn]
    ) -> tuple[pd.DataFrame, Array]:
        """:meth:`reverse` around cells that are given: they hold exactly, the others follow.

        See :mod:`tabdiff.data.constraints.adapting`.

        Parameters
        ----------
        middle : DataFrame, (n, columns)
            With the columns of ``middle_schema``.
        given : mapping of GivenColumn, (n,)
            Of original columns; those that no constraint compares are left out of account.

        Returns
        -------
        DataFrame
            In pandas, whatever the container of the original table.
        bool array, (n,)
            The rows in which a cell was drawn beyond what its column held at fit.
        """
        frame = self._reversed(ordered(middle, self.middle_schema))
        own = {label: column for label, column in given.items() if label in self.axes}
        if not own:
            return frame, np.zeros(len(frame), dtype=bool)
        derivations = [one.derivation for one in self.derived]
        series, beyond = adapt(derivations, self._ground(), by_label(frame), own)
        return assemble(self.schema, series, frame.index), beyond

    def told(
        self, frame: pd.DataFrame, observed: Mapping[Hashable, Array]
    ) -> tuple[pd.DataFrame, dict[Hashable, Array]]:
        """The frame with the cells that equations tell from the observed ones, and all of these.

        Parameters
        ----------
        frame : DataFrame, (n, columns)
            The original columns in their order, missing where nothing is observed.
        observed : mapping of bool array, (n,)
        """
        derivations = [one.derivation for one in self.derived]
        series, seen = told(derivations, self._ground(), by_label(frame), observed)
        return assemble(self.schema, series, frame.index), seen

    def _ground(self) -> Ground:
        stepped = {c.column_name for c in self.constraints if isinstance(c, FixedIncrements)}
        fused = {c.name for one in self.fused.values() for c in one.combinations.columns}
        return Ground(self.axes, frozenset(fused), frozenset(stepped))

    def _reversed(self, middle: pd.DataFrame) -> pd.DataFrame:
        series, _ = self._recovered(by_label(middle), len(middle))
        return assemble(self.schema, series, middle.index)

    def _recovered(
        self, middle: Mapping[Hashable, pd.Series], n: int
    ) -> tuple[dict[Hashable, pd.Series], dict[Hashable, Quantities]]:
        """The original columns of n rows, and what those that are compared amount to."""
        series = dict(middle)
        for fused in self.fused.values():
            codes, missing = read_distances(series[fused.code.name], fused.code)
            refuse_missing(fused.code.name, missing)
            series |= fused.combinations.decode(codes)
        rows: dict[Hashable, Quantities] = {}
        derived = {one.derivation.label for one in self.derived}
        for label, axis in self.axes.items():
            if label not in derived:
                series[label], rows[label] = kept_within(series[label], axis)
        for one in self.derived:
            label = one.derivation.label
            series[label], rows[label] = self._derive(one, series.get(label), rows, n)
        return series, rows

    @property
    def dependent(self) -> tuple[Hashable, ...]:
        """The columns that are derived from others."""
        return tuple(one.derivation.label for one in self.derived if one.derivation.inputs())

    def standings(self, middle: Mapping[Hashable, pd.Series], n: int) -> Array:
        """Where the cells of the dependent columns lie in the training range of their column.

        Parameters
        ----------
        middle : mapping of Series, (n,)
            Of the columns of the middle frame at least the sources of all that are compared.

        Returns
        -------
        float64 array, (n, columns)
            From 0 to 1, or beyond where a bound leads there; -1 where a cell is missing.
        """
        _, rows = self._recovered(middle, n)
        found = np.empty((n, len(self.dependent)))
        for column, label in zip(found.T, self.dependent, strict=True):
            known, amounts = rows[label]
            # Halves, since the range of a float column may be no float itself.
            low, high = (float(end) / 2 for end in self.axes[label].observed())
            column[:] = np.where(known, (amounts.floats() / 2 - low) / ((high - low) or 1.0), -1.0)
        return found

    def _derive(
        self, one: Derived, distance: pd.Series | None, rows: dict[Hashable, Quantities], n: int
    ) -> tuple[pd.Series, Quantities]:
        """The cells of a derived column, and what they amount to."""
        axis = self.axes[one.derivation.label]
        if one.distance is None or distance is None:
            distances: Array = np.zeros(n, dtype=np.int64)
            missing = ~one.derivation.bound(axis, rows, n)[1]
            missing &= axis.has_missing
        else:
            distances, missing = read_distances(distance, one.distance)
            if not axis.has_missing:
                refuse_missing(one.derivation.label, missing)
        points = one.derivation.backward(axis, rows, distances)
        return axis.write(points, missing), Quantities(~missing, axis.place.amounts(points))

    def complete(
        self,
        middle: pd.DataFrame,
        redraw: Callable[[int], pd.DataFrame],
        attempts: int = 20,
    ) -> Any:
        """:meth:`reverse`, with rows that repeat an earlier one drawn anew.

        Parameters
        ----------
        middle : pandas.DataFrame
            With the columns of ``middle_schema``.
        redraw : callable
            Given a number of rows, a fresh middle frame of so many.
        attempts : int
            How often rows may be drawn anew.

        Raises
        ------
        ConstraintError
            If rows still repeat after all attempts: how many of how many do not.
        SchemaError
            As :meth:`reverse` does.
        """
        for attempt in range(attempts + 1):
            again = self._repeats(self._reversed(ordered(middle, self.middle_schema)))
            if not again.any():
                return self.reverse(middle)
            if attempt < attempts:
                middle = replace_rows(middle, again, redraw(int(again.sum())))
        named = ", ".join(str(c) for c in self.constraints if isinstance(c, Unique))
        raise ConstraintError(
            f"{named}: only {int((~again).sum()):,} of {len(again):,} rows differ after drawing "
            f"repeated ones anew {attempts} times. Ask for fewer rows, or leave the constraint out."
        )

    def _repeats(self, frame: pd.DataFrame) -> Array:
        broken = self._broken(frame)
        again: Array = np.zeros(len(frame), dtype=bool)
        for constraint in self.constraints:
            if isinstance(constraint, Unique):
                again |= broken[str(constraint)]
        return again

    def broken(self, df: Any) -> dict[str, Array]:
        """The rows that break each constraint, by the constraint's text.

        A constraint one of whose cells is missing holds. Decimals are compared as decimals, not as
        the floats nearest to them, an equation at the decimals of the column that stands alone.
        Of rows that repeat each other, the first breaks nothing.

        Parameters
        ----------
        df : DataFrame or ndarray
            With the columns of the original table.

        Returns
        -------
        dict of bool array, (n,)

        Raises
        ------
        SchemaError
            If the frame does not follow the schema.
        """
        return self._broken(ordered(df, self.schema))

    def _broken(self, frame: pd.DataFrame) -> dict[str, Array]:
        allowed = {constraint: fused.combinations for constraint, fused in self.fused.items()}
        series = by_label(frame)
        return broken_rows(self.constraints, self.schema, self.axes, allowed, series)

    def violations(self, df: Any) -> dict[str, int]:
        """How many rows break each constraint; see :meth:`broken`."""
        return {name: int(rows.sum()) for name, rows in self.broken(df).items()}

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON; the schema of the table is not in it."""
        return {
            "constraints": [constraint.to_dict() for constraint in self.constraints],
            "axes": [
                {"column": to_json(label), **axis.state()} for label, axis in self.axes.items()
            ],
            "derived": [
                one.derivation.state()
                | {"distance": None if one.distance is None else one.distance.to_dict()}
                for one in self.derived
            ],
            "combinations": [
                {"by": self.constraints.index(constraint), **fused.combinations.state()}
                for constraint, fused in self.fused.items()
            ],
        }

    @classmethod
    def from_dict(cls, data: Any, schema: Schema) -> ConstraintSet:
        """The set that :meth:`to_dict` wrote, for the same schema.

        Raises
        ------
        ValueError
            If it is malformed or does not belong to the schema.
        """
        stated, learned = read_learned(data, schema)
        return cls(stated, schema, learned)
