"""Constraints on a table: what must hold in every row, and how it is made to.

They are stated under SDV's names and given to a synthesizer,

    DiffusionSynthesizer(constraints=[Inequality("sent", "paid"), Expression("total == net + vat")])

which keeps them in all that it answers. Beneath, a :class:`ConstraintSet`, fitted to the training
rows, rewrites a table so that nothing drawn from it can break them:

    fitted = ConstraintSet.fit(constraints, df, schema, on_violation="raise")
    middle = fitted.transform(df[fitted.kept])     # learn these columns, under middle_schema
    table  = fitted.reverse(drawn)                 # any rows of middle_schema -> all hold
    table  = fitted.complete(drawn, redraw)        # the same, and Unique as well
    counts = fitted.violations(table)              # rows that break each: all 0

A condition on a column becomes one on the middle by ``transform`` of rows in which all else is
missing, provided that the columns in ``fitted.partners(column)`` are given too; without them, rows
are to be drawn until they are as wanted. ``fitted.to_dict()`` is strict JSON for ``from_dict``.
"""

from tabdiff.data.constraints.catalogue import (
    FixedCombinations,
    FixedIncrements,
    OneHotEncoding,
    Unique,
    constraints_from_json,
)
from tabdiff.data.constraints.constraint_set import ConstraintSet
from tabdiff.data.constraints.declared import (
    Constraint,
    ConstraintError,
    Expression,
    Inequality,
    Negative,
    Positive,
    Range,
    ScalarInequality,
    ScalarRange,
)

__all__ = [
    "Constraint",
    "ConstraintError",
    "ConstraintSet",
    "Expression",
    "FixedCombinations",
    "FixedIncrements",
    "Inequality",
    "Negative",
    "OneHotEncoding",
    "Positive",
    "Range",
    "ScalarInequality",
    "ScalarRange",
    "Unique",
    "constraints_from_json",
]
