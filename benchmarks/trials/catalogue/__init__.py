"""Columns of every dtype, made from whole numbers, and columns that no table may have."""

from benchmarks.trials.catalogue.arrow import ARROW
from benchmarks.trials.catalogue.dtypes import EXTENSIONS, FLOATS, INTEGERS, TIMES
from benchmarks.trials.catalogue.family import Family
from benchmarks.trials.catalogue.laws import LAWS
from benchmarks.trials.catalogue.objects import CATEGORIES, OBJECTS, TEXT_DTYPES
from benchmarks.trials.catalogue.refused import REFUSED

__all__ = ["FAMILIES", "LAWS", "REFUSED", "Family"]

FAMILIES: dict[str, Family] = {
    **INTEGERS,
    **FLOATS,
    **TIMES,
    **EXTENSIONS,
    **TEXT_DTYPES,
    **CATEGORIES,
    **OBJECTS,
    **ARROW,
}
